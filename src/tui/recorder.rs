//! Remembers the latest messages, so that a crash leaves something that can be played again.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{Envelope, Event, Message, Report};

/// How many messages are remembered.
const KEPT: usize = 1000;

/// A message as it is written down: one JSON document a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it came.
    pub at: Timestamp,
    /// What came.
    #[serde(flatten)]
    pub what: What,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An event, which can be played again.
    Event(Event),
    /// Something else, in a few words: the work that told it is done again when the record is played.
    Note(String),
}

/// The latest messages.
#[derive(Debug, Default)]
pub struct Recorder(VecDeque<Recorded>);

impl Recorder {
    /// Remembers a message. What a person types into a line that may hold a secret is not written down.
    pub fn record(&mut self, envelope: &Envelope, private: bool) {
        let what = match &envelope.message {
            Message::Event(Event::Tick) => return,
            Message::Event(Event::Key(key)) if private && key.character().is_some() => What::Note("a key".to_owned()),
            Message::Event(Event::Paste(_)) if private => What::Note("pasted text".to_owned()),
            Message::Event(event) => What::Event(event.clone()),
            Message::Copied(..) => What::Note("copied".to_owned()),
            Message::Report(job, report) => What::Note(format!("job {}: {}", job.0, name(report))),
        };
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Recorded { at: envelope.at, what });
    }

    /// Writes everything to a new file in `folder` that only its owner can read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn dump(&self, folder: &Path, why: &str, now: Timestamp) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("crash-{}.jsonl", now.as_millisecond()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let panic = Recorded { at: now, what: What::Note(why.to_owned()) };
        for line in self.0.iter().chain([&panic]) {
            serde_json::to_writer(&mut file, line)?;
            writeln!(file)?;
        }
        Ok(path)
    }
}

/// Reads the events of a record, to play them again.
///
/// # Errors
/// When a line is none of a record.
pub fn events(record: &str) -> Result<Vec<Event>, serde_json::Error> {
    let lines = record.lines().map(serde_json::from_str::<Recorded>);
    let events = lines.filter_map(|line| match line {
        Ok(Recorded { what: What::Event(event), .. }) => Some(Ok(event)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    events.collect()
}

fn name(report: &Report) -> &'static str {
    match report {
        Report::Snapshot(..) => "a snapshot",
        Report::Scanned(_, Ok(_)) => "scanned",
        Report::Scanned(_, Err(_)) => "not scanned",
        Report::Arranging(_) => "arranging",
        Report::Arranged(..) => "arranged",
        Report::Steps(Ok(_)) => "steps",
        Report::Steps(Err(_)) => "no steps",
        Report::Named(Ok(_)) => "named",
        Report::Named(Err(_)) => "not named",
        Report::Recognised(Ok(_)) => "recognised",
        Report::Recognised(Err(_)) => "not recognised",
        Report::Completed(_) => "completed",
        Report::Explaining(_) => "explaining",
        Report::Explained(Ok(_)) => "explained",
        Report::Explained(Err(_)) => "not explained",
        Report::Files(_) => "files",
        Report::FilesEnd(Ok(())) => "all files",
        Report::FilesEnd(Err(_)) => "not all files",
        Report::Exported(_, Ok(_)) => "exported",
        Report::Exported(_, Err(_)) => "not exported",
        Report::Opened(Ok(_)) => "opened",
        Report::Opened(Err(_)) => "not opened",
        Report::Planned(Ok(_)) => "planned",
        Report::Planned(Err(_)) => "not planned",
        Report::Running(_) => "running",
        Report::Ran(Ok(_)) => "ran",
        Report::Ran(Err(_)) => "not run",
        Report::Undone(Ok(_)) => "undone",
        Report::Undone(Err(_)) => "not undone",
        Report::Saved(_, Ok(())) => "saved",
        Report::Saved(_, Err(_)) => "not saved",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::message::Key;

    #[test]
    fn what_is_private_is_not_written_down() {
        let mut recorder = Recorder::default();
        let event = |event| Envelope { at: Timestamp::UNIX_EPOCH, message: Message::Event(event) };
        let key = |text: &str| Event::Key(Key::parse(text).unwrap());
        recorder.record(&event(key("a")), false);
        for character in ["s", "3", "ctrl-u"] {
            recorder.record(&event(key(character)), true);
        }
        recorder.record(&event(Event::Paste("password".into())), true);
        let folder = tempfile::tempdir().unwrap();
        let path = recorder.dump(folder.path(), "a panic", Timestamp::UNIX_EPOCH).unwrap();
        let record = fs::read_to_string(path).unwrap();
        assert!(!record.contains("password") && !record.contains("\"s\"") && !record.contains("\"3\""), "{record}");
        assert_eq!(events(&record).unwrap(), [key("a"), key("ctrl-u")]);
    }

    #[test]
    fn remembers_the_latest_only() {
        let mut recorder = Recorder::default();
        for column in 0..1500 {
            let message = Message::Event(Event::Resize(column, 1));
            recorder.record(&Envelope { at: Timestamp::UNIX_EPOCH, message }, false);
        }
        assert_eq!(recorder.0.len(), KEPT);
        assert_eq!(recorder.0.back().unwrap().what, What::Event(Event::Resize(1499, 1)));
    }
}
