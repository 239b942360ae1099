//! What reaches the UI: events from the terminal, and reports from what runs beside it.

use std::path::PathBuf;
use std::sync::Arc;

use crokey::KeyCombination;
use crossterm::event::{self, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::effect::JobId;
use super::found::Found;
use super::pruning::Planned;
use super::rows::RowSet;
use super::rows::steps::RefSteps;
use super::rows::why::Explained;
use super::world::{Admitted, SourceId, SourceInfo};
use crate::backend::Outcome;
use crate::check::{self, Checked};
use crate::format::layer::Entry;
use crate::prune::execute;

/// A message and the time at which it came; the UI knows no other clock.
#[derive(Debug)]
pub struct Envelope {
    /// When it came.
    pub at: Timestamp,
    /// What came.
    pub message: Message,
}

/// Something that reaches the UI.
#[derive(Debug)]
pub enum Message {
    /// From the terminal.
    Event(Event),
    /// From an effect.
    Report(JobId, Report),
    /// Text was handed to the terminal's clipboard, or why not.
    Copied(String, Result<(), String>),
}

/// What a person or the terminal did. It can be written down and played again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// A press of the left button on a cell.
    Click(u16, u16),
    /// A turn of the wheel over a cell.
    Scroll(u16, u16, Wheel),
    /// A new size of the terminal, in columns and rows.
    Resize(u16, u16),
    /// Time has passed.
    Tick,
}

/// The direction of the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wheel {
    /// To the beginning.
    Up,
    /// To the end.
    Down,
}

/// A key that can be written down: as the character that it types, else by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(pub KeyCombination);

impl Key {
    /// Reads a key by the character that it types or by its name: `G`, `é`, `ctrl-d`, `pagedown`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => {
                let modifiers = if one.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
                Some(Self(KeyCombination::one_key(KeyCode::Char(one), modifiers)))
            }
            _ => crokey::parse(text).ok().map(|key| Self(key.normalized())),
        }
    }

    /// Returns the character that the key types, when it types one.
    pub fn character(self) -> Option<char> {
        let typing = !self.0.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER);
        match self.0.codes.first() {
            KeyCode::Char(character) if typing => Some(*character),
            _ => None,
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.character() {
            Some(character) => serializer.serialize_char(character),
            None => serializer.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no key")))
    }
}

impl Event {
    /// Translates what the terminal tells; most of what a mouse does is of no interest.
    pub fn from_terminal(event: event::Event) -> Option<Self> {
        match event {
            event::Event::Key(key) if key.kind != KeyEventKind::Release => Some(Self::Key(Key(key.into()))),
            event::Event::Paste(text) => Some(Self::Paste(text)),
            event::Event::Resize(columns, rows) => Some(Self::Resize(columns, rows)),
            event::Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Some(Self::Click(mouse.column, mouse.row)),
                MouseEventKind::ScrollUp => Some(Self::Scroll(mouse.column, mouse.row, Wheel::Up)),
                MouseEventKind::ScrollDown => Some(Self::Scroll(mouse.column, mouse.row, Wheel::Down)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What an effect tells while it runs, and when it ends.
#[derive(Debug)]
pub enum Report {
    /// A scan has come further.
    Snapshot(SourceId, Found),
    /// A scan has ended.
    Scanned(SourceId, Result<Found, ScanEnd>),
    /// An arrangement has looked at so many rows.
    Arranging(u32),
    /// Rows in the order and filter that were asked for.
    Arranged(Arc<dyn RowSet>, Vec<u32>),
    /// The steps of a ref, or what is wrong with it.
    Steps(Result<Arc<RefSteps>, Vec<String>>),
    /// A check has come further.
    Checking(check::Progress),
    /// A check has ended.
    Checked(Arc<Checked>),
    /// Steps with the names that evidence gives, or why not.
    Named(Result<Arc<RefSteps>, String>),
    /// What a piece of evidence is, or why it is none.
    Recognised(Result<String, String>),
    /// What a name could go on with.
    Completed(Completion),
    /// What is done to explain a build.
    Explaining(String),
    /// A build is explained, or what is in the way.
    Explained(Result<Arc<Explained>, Vec<String>>),
    /// Some files of a layer.
    Files(Arc<Vec<Entry>>),
    /// The files of a layer are all listed, or why not.
    FilesEnd(Result<(), String>),
    /// A file was written, or why not.
    Exported(PathBuf, Result<usize, ExportError>),
    /// A source turned out to stand for this store, and perhaps for others.
    Becomes(SourceId, SourceInfo),
    /// A store was found that another source stands for, too.
    Found(SourceInfo),
    /// Not all that a source may stand for was looked at.
    NotAll(&'static str),
    /// A source was opened, or why not.
    Opened(Result<Admitted, String>),
    /// A plan was made, or why not.
    Planned(Result<Arc<Planned>, String>),
    /// A run has come further.
    Running(RunNews),
    /// A run has ended, early perhaps.
    Ran(Result<Ran, RunFault>),
    /// A run was taken back: what became of its items, or why it was not.
    Undone(Result<Vec<(usize, Outcome)>, String>),
    /// A text was written to a file, or why not.
    Saved(PathBuf, Result<(), ExportError>),
}

/// What a name that somebody types could go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What was typed, as far as it goes on in one way.
    pub text: String,
    /// The names that it could become, when there are several.
    pub names: Vec<String>,
}

/// How far a run has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunNews {
    /// What it does.
    pub phase: Phase,
    /// Of how many items it is known what became of them.
    pub concluded: usize,
    /// How many of them were deleted.
    pub deleted: usize,
    /// The bytes of what was deleted.
    pub freed_bytes: u64,
    /// What became of items since the last news, by their places in the plan.
    pub outcomes: Vec<(usize, Outcome)>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// It reads what is needed.
    #[default]
    Marking,
    /// It deletes.
    Deleting,
    /// It reads the refs again, and whether each that stays is whole.
    Checking,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What became of everything.
    pub report: execute::Report,
    /// Where the journal is.
    pub journal: PathBuf,
}

/// Why a run ended early, or did not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFault {
    /// The words for it.
    pub why: String,
    /// Where the journal is, when there is one.
    pub journal: Option<PathBuf>,
}

/// Why a scan ended without an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEnd {
    /// Somebody stopped it.
    Stopped,
    /// It failed.
    Failed(String),
}

/// Why a file was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// There is a file of that name.
    #[error("there is a file of that name")]
    Exists,
    /// The system refused.
    #[error("{0}")]
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_can_be_written_down_and_read_again() {
        let keys =
            ["a", "G", "é", "-", " ", "?", "\"", "ctrl-d", "pagedown", "enter", "esc", "backspace", "f5", "alt-x"];
        let events = keys.map(|key| Event::Key(Key::parse(key).unwrap())).into_iter().chain([
            Event::Paste("a\n\"b\"".into()),
            Event::Click(3, 4),
            Event::Scroll(0, 9, Wheel::Down),
            Event::Resize(80, 24),
            Event::Tick,
        ]);
        for event in events {
            let written = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event, "{written}");
        }
    }
}
