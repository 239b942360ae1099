//! Remembers the latest messages, so that a crash leaves a record that can be replayed.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{Event, JobReport, Message, TimedMessage};

/// The number of remembered messages.
const KEPT: usize = 1000;

/// A recorded message: one JSON document per line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The time of arrival.
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: RecordedMessage,
}

/// The content of a recorded message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedMessage {
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
    pub fn record(&mut self, envelope: &TimedMessage, private: bool) {
        let what = match &envelope.message {
            Message::Event(Event::Tick) => return,
            Message::Event(Event::Key(key)) if private && key.character().is_some() => {
                RecordedMessage::Note("a key".to_owned())
            }
            Message::Event(Event::Paste(_)) if private => {
                RecordedMessage::Note("pasted text".to_owned())
            }
            Message::Event(event) => RecordedMessage::Event(event.clone()),
            Message::Waiting(..) => RecordedMessage::Note("waiting".to_owned()),
            Message::Copied(..) => RecordedMessage::Note("copied".to_owned()),
            Message::Report(job, report) => {
                RecordedMessage::Note(format!("job {}: {}", job.0, name(report)))
            }
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
            what: RecordedMessage::Note(why.to_owned()),
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
            what: RecordedMessage::Event(event),
            ..
        }) => Some(Ok(event)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    events.collect()
}

fn name(report: &JobReport) -> &'static str {
    match report {
        JobReport::Snapshot(..) => "a snapshot",
        JobReport::Scanned(_, Ok(_)) => "scanned",
        JobReport::Scanned(_, Err(_)) => "not scanned",
        JobReport::Arranging(_) => "arranging",
        JobReport::Arranged(..) => "arranged",
        JobReport::Steps(Ok(_)) => "steps",
        JobReport::Steps(Err(_)) => "no steps",
        JobReport::Checking(_) => "checking",
        JobReport::Checked(_) => "checked",
        JobReport::Named(Ok(_)) => "named",
        JobReport::Named(Err(_)) => "not named",
        JobReport::Recognised(Ok(_)) => "recognised",
        JobReport::Recognised(Err(_)) => "not recognised",
        JobReport::EvidenceFound(_) => "evidence found",
        JobReport::Completed(_) => "completed",
        JobReport::Explaining(_) => "explaining",
        JobReport::Explained(Ok(_)) => "explained",
        JobReport::Explained(Err(_)) => "not explained",
        JobReport::Files(_) | JobReport::BelowFound(_) | JobReport::ComparingLayer(_) => "files",
        JobReport::Declared(Ok(_)) => "declared caches",
        JobReport::Declared(Err(_)) => "no declared caches",
        JobReport::Previewed(Ok(_)) => "a preview",
        JobReport::Previewed(Err(_)) => "no preview",
        JobReport::Extracted(_, Ok(_)) => "extracted",
        JobReport::Extracted(_, Err(_)) => "not extracted",
        JobReport::FilesArranged(_) => "files arranged",
        JobReport::FilesEnd(Ok(())) => "all files",
        JobReport::FilesEnd(Err(_)) => "not all files",
        JobReport::Exported(_, Ok(_)) => "exported",
        JobReport::Exported(_, Err(_)) => "not exported",
        JobReport::Becomes(..) | JobReport::Found(_) => "found",
        JobReport::NotAll(_) => "not all found",
        JobReport::Opened(Ok(_)) => "opened",
        JobReport::Opened(Err(_)) => "not opened",
        JobReport::Planned(Ok(_)) => "planned",
        JobReport::Planned(Err(_)) => "not planned",
        JobReport::Running(_) => "running",
        JobReport::Ran(Ok(_)) => "ran",
        JobReport::Ran(Err(_)) => "not run",
        JobReport::Undone(Ok(_)) => "undone",
        JobReport::Undone(Err(_)) => "not undone",
        JobReport::Saved(_, Ok(())) => "saved",
        JobReport::Saved(_, Err(_)) => "not saved",
        JobReport::ConfigPrepared(Ok(_)) => "configuration prepared",
        JobReport::RemovalPrepared(_) => "removal prepared",
        JobReport::ConfigPrepared(Err(_)) => "configuration not prepared",
        JobReport::ConfigWritten(Ok(_)) => "configuration written",
        JobReport::ConfigWritten(Err(_)) => "configuration not written",
        JobReport::Judged(..) => "judged",
        JobReport::Compared(Ok(_)) | JobReport::LayerCompared(Ok(_)) => "compared",
        JobReport::Compared(Err(_)) | JobReport::LayerCompared(Err(_)) => "not compared",
        JobReport::RuleTried(_) => "rule tried",
        JobReport::Runs(Ok(_), _) => "runs",
        JobReport::Runs(Err(_), _) => "no runs",
        JobReport::RunOpened(Ok(_)) => "run opened",
        JobReport::RunOpened(Err(_)) => "run not opened",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::message::KeyPress;

    #[test]
    fn private_input_is_not_recorded() {
        let mut recorder = Recorder::default();
        let event = |event| TimedMessage {
            at: Timestamp::UNIX_EPOCH,
            message: Message::Event(event),
        };
        let key = |text: &str| Event::Key(KeyPress::parse(text).unwrap());
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
                &TimedMessage {
                    at: Timestamp::UNIX_EPOCH,
                    message,
                },
                false,
            );
        }
        assert_eq!(recorder.0.len(), KEPT);
        assert_eq!(
            recorder.0.back().unwrap().what,
            RecordedMessage::Event(Event::Resize(1499, 1))
        );
    }
}
