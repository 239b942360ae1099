//! Remembers the latest messages, so that a crash leaves a record that can be replayed.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{Envelope, Event, Message, Report};

/// The number of remembered messages.
const KEPT: usize = 1000;

/// A recorded message: one JSON document per line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The time of arrival.
    pub at: Timestamp,
    /// The message.
    #[serde(flatten)]
    pub what: What,
}

/// The content of a recorded message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An event, which can be replayed.
    Event(Event),
    /// Another message, as a short text: a replay repeats the work that sent it.
    Note(String),
}

/// The latest messages.
#[derive(Debug, Default)]
pub struct Recorder(VecDeque<Recorded>);

impl Recorder {
    /// Records a message. Text typed into a line that may hold a secret is not recorded.
    pub fn record(&mut self, envelope: &Envelope, private: bool) {
        let what = match &envelope.message {
            Message::Event(Event::Tick) => return,
            Message::Event(Event::Key(key)) if private && key.character().is_some() => {
                What::Note("a key".to_owned())
            }
            Message::Event(Event::Paste(_)) if private => What::Note("pasted text".to_owned()),
            Message::Event(event) => What::Event(event.clone()),
            Message::Waiting(..) => What::Note("waiting".to_owned()),
            Message::Copied(..) => What::Note("copied".to_owned()),
            Message::Report(job, report) => What::Note(format!("job {}: {}", job.0, name(report))),
        };
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Recorded {
            at: envelope.at,
            what,
        });
    }

    /// Writes the record to a new file in `folder` that only its owner can read.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn dump(&self, folder: &Path, why: &str, now: Timestamp) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("crash-{}.jsonl", now.as_millisecond()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let panic = Recorded {
            at: now,
            what: What::Note(why.to_owned()),
        };
        for line in self.0.iter().chain([&panic]) {
            serde_json::to_writer(&mut file, line)?;
            writeln!(file)?;
        }
        Ok(path)
    }
}

/// Parses the events of a record for a replay.
///
/// # Errors
/// Fails if a line is malformed.
pub fn events(record: &str) -> Result<Vec<Event>, serde_json::Error> {
    let lines = record.lines().map(serde_json::from_str::<Recorded>);
    let events = lines.filter_map(|line| match line {
        Ok(Recorded {
            what: What::Event(event),
            ..
        }) => Some(Ok(event)),
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
        Report::Checking(_) => "checking",
        Report::Checked(_) => "checked",
        Report::Named(Ok(_)) => "named",
        Report::Named(Err(_)) => "not named",
        Report::Recognised(Ok(_)) => "recognised",
        Report::Recognised(Err(_)) => "not recognised",
        Report::Completed(_) => "completed",
        Report::Explaining(_) => "explaining",
        Report::Explained(Ok(_)) => "explained",
        Report::Explained(Err(_)) => "not explained",
        Report::Files(_) => "files",
        Report::Declared(Ok(_)) => "declared caches",
        Report::Declared(Err(_)) => "no declared caches",
        Report::Previewed(Ok(_)) => "a preview",
        Report::Previewed(Err(_)) => "no preview",
        Report::Extracted(_, Ok(_)) => "extracted",
        Report::Extracted(_, Err(_)) => "not extracted",
        Report::FilesArranged(_) => "files arranged",
        Report::FilesEnd(Ok(())) => "all files",
        Report::FilesEnd(Err(_)) => "not all files",
        Report::Exported(_, Ok(_)) => "exported",
        Report::Exported(_, Err(_)) => "not exported",
        Report::Becomes(..) => "becomes another",
        Report::Found(_) => "found",
        Report::NotAll(_) => "not all found",
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
        Report::ConfigPrepared(Ok(_)) => "configuration prepared",
        Report::ConfigPrepared(Err(_)) => "configuration not prepared",
        Report::ConfigWritten(Ok(_)) => "configuration written",
        Report::ConfigWritten(Err(_)) => "configuration not written",
        Report::Judged(..) => "judged",
        Report::Compared(Ok(_)) => "compared",
        Report::Compared(Err(_)) => "not compared",
        Report::RuleTried(_) => "rule tried",
        Report::Runs(Ok(_), _) => "runs",
        Report::Runs(Err(_), _) => "no runs",
        Report::RunOpened(Ok(_)) => "run opened",
        Report::RunOpened(Err(_)) => "run not opened",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::message::Key;

    #[test]
    fn what_is_private_is_not_written_down() {
        let mut recorder = Recorder::default();
        let event = |event| Envelope {
            at: Timestamp::UNIX_EPOCH,
            message: Message::Event(event),
        };
        let key = |text: &str| Event::Key(Key::parse(text).unwrap());
        recorder.record(&event(key("a")), false);
        for character in ["s", "3", "ctrl-u"] {
            recorder.record(&event(key(character)), true);
        }
        recorder.record(&event(Event::Paste("password".into())), true);
        let folder = tempfile::tempdir().unwrap();
        let path = recorder
            .dump(folder.path(), "a panic", Timestamp::UNIX_EPOCH)
            .unwrap();
        let record = fs::read_to_string(path).unwrap();
        assert!(
            !record.contains("password") && !record.contains("\"s\"") && !record.contains("\"3\""),
            "{record}"
        );
        assert_eq!(events(&record).unwrap(), [key("a"), key("ctrl-u")]);
    }

    #[test]
    fn remembers_the_latest_only() {
        let mut recorder = Recorder::default();
        for column in 0..1500 {
            let message = Message::Event(Event::Resize(column, 1));
            recorder.record(
                &Envelope {
                    at: Timestamp::UNIX_EPOCH,
                    message,
                },
                false,
            );
        }
        assert_eq!(recorder.0.len(), KEPT);
        assert_eq!(
            recorder.0.back().unwrap().what,
            What::Event(Event::Resize(1499, 1))
        );
    }
}
