//! Messages to the UI: events from the terminal, and reports of background jobs.

use crate::format::layer::tree::FileTree;
use crate::inventory::below::LayersBelow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crokey::KeyCombination;
use crossterm::event::{self, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::background::Background;
use super::effect::JobId;
use super::evidence::EvidenceOffer;
use super::found::ScannedInventory;
use super::preview::FilePreview;
use super::pruning::{Planned, Trial};
use super::rows::RowSet;
use super::rows::diff::DiffRows;
use super::rows::files::{FileOrder, TreeChanges};
use super::rows::steps::RefSteps;
use super::rows::why::ArrangedExplanation;
use super::world::{Admitted, SourceFacts, SourceId};
use crate::backend::{Outcome, Undoability};
use crate::check::{self, CheckResult};
use crate::config::edit::Edit;
use crate::error::Failure;
use crate::find;
use crate::prune::execute;
use crate::prune::plan::Plan;
use crate::prune::runs::{PastRun, RunState};
use crate::retention::Policy;

/// A message and its time of arrival; the UI has no other clock.
#[derive(Debug)]
pub struct TimedMessage {
    /// The time of arrival.
    pub at: Timestamp,
    pub message: Message,
}

/// A message to the UI.
#[derive(Debug)]
pub enum Message {
    /// From the terminal.
    Event(Event),
    Report(JobId, JobReport),
    /// Text was copied to the terminal's clipboard, or the error.
    Copied(String, Result<(), String>),
    /// A service asks to wait, as text; `None` if none does any more.
    Waiting(Option<String>),
}

/// An action of a person or the terminal. It can be recorded and replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Key(KeyPress),
    /// Pasted text.
    Paste(String),
    /// A left click on a cell.
    Click(u16, u16),
    /// A turn of the wheel over a cell.
    Scroll(u16, u16, Wheel),
    /// A new size of the terminal, in columns and rows.
    Resize(u16, u16),
    /// Time has passed.
    Tick,
    /// The terminal reported its background.
    Background(Background),
    /// A signal asks the program to suspend.
    Suspend,
    /// The program continues after it was suspended.
    Continue,
}

/// The direction of the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wheel {
    /// Towards the beginning.
    Up,
    /// Towards the end.
    Down,
}

/// A key that can be recorded: as the character it types, else by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPress(pub KeyCombination);

impl KeyPress {
    /// Parses the character or the name of a key: `G`, `é`, `ctrl-d`, `pagedown`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => {
                let modifiers = if one.is_uppercase() {
                    KeyModifiers::SHIFT
                } else {
                    KeyModifiers::NONE
                };
                Some(Self(KeyCombination::one_key(KeyCode::Char(one), modifiers)))
            }
            _ => crokey::parse(text).ok().map(|key| Self(key.normalized())),
        }
    }

    /// Returns whether it is the key that deletes the character before the cursor.
    pub fn is_backspace(self) -> bool {
        self.0.codes.first() == &KeyCode::Backspace
    }

    /// Returns the character that the key types, if any.
    pub fn character(self) -> Option<char> {
        let typing = !self
            .0
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER);
        match self.0.codes.first() {
            KeyCode::Char(character) if typing => Some(*character),
            _ => None,
        }
    }
}

impl Serialize for KeyPress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.character() {
            Some(character) => serializer.serialize_char(character),
            None => serializer.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for KeyPress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no key")))
    }
}

impl Event {
    /// Converts an event of the terminal; most mouse events are ignored.
    pub fn from_terminal(event: event::Event) -> Option<Self> {
        match event {
            event::Event::Key(key) if key.kind != KeyEventKind::Release => {
                Some(Self::Key(KeyPress(key.into())))
            }
            event::Event::Paste(text) => Some(Self::Paste(text)),
            event::Event::Resize(columns, rows) => Some(Self::Resize(columns, rows)),
            event::Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => {
                    Some(Self::Click(mouse.column, mouse.row))
                }
                MouseEventKind::ScrollUp => Some(Self::Scroll(mouse.column, mouse.row, Wheel::Up)),
                MouseEventKind::ScrollDown => {
                    Some(Self::Scroll(mouse.column, mouse.row, Wheel::Down))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// A report of a job, during its run or at its end.
#[derive(Debug)]
pub enum JobReport {
    /// A scan has made progress.
    Snapshot(SourceId, ScannedInventory),
    Scanned(SourceId, Result<ScannedInventory, ScanEnd>),
    /// An arrangement has processed this many rows.
    Arranging(u32),
    /// Rows in the requested filter and order.
    Arranged(Arc<dyn RowSet>, Vec<u32>),
    /// The steps of a ref, or its faults.
    Steps(Result<Arc<RefSteps>, Vec<String>>),
    /// A check has made progress.
    Checking(check::CheckProgress),
    /// A check has ended.
    Checked(Arc<CheckResult>),
    /// Steps with the names from the evidence, or an error.
    Named(Result<Arc<RefSteps>, String>),
    /// The type of a piece of evidence, or why it is not evidence.
    Recognised(Result<String, String>),
    /// Files near the caches that look like evidence of a build.
    EvidenceFound(Vec<EvidenceOffer>),
    /// The completions of a name.
    Completed(Completion),
    /// The current step of an explanation.
    Explaining(String),
    /// A build is explained, or the problems that prevent it.
    Explained(Result<Arc<ArrangedExplanation>, Vec<String>>),
    /// The files of a layer that were read so far.
    Files(Arc<FileTree>),
    /// The files of a layer in the requested filter and order.
    FilesArranged(Arc<FileOrder>),
    /// All files of a layer are listed, or an error.
    FilesEnd(Result<(), String>),
    /// The layers below a layer, or why they are unknown.
    BelowFound(Result<LayersBelow, String>),
    /// The stored bytes of the layers below that were read so far.
    ComparingLayer(u64),
    /// The changes of a layer to the layers below it, or an error.
    LayerCompared(Result<Arc<TreeChanges>, String>),
    /// The beginning of a file, or an error.
    Previewed(Result<Arc<FilePreview>, String>),
    /// A file of a layer was written, with its size in bytes, or an error.
    Extracted(PathBuf, Result<u64, ExportError>),
    /// A file was written, or an error.
    Exported(PathBuf, Result<usize, ExportError>),
    /// A source turned out to stand for this store, and perhaps for others.
    Becomes(SourceId, SourceFacts),
    /// A store was found that another source also stands for.
    Found(SourceFacts),
    /// Some of the stores that a source may stand for were not searched.
    NotAll(&'static str),
    /// The declared caches of the directory, or why it cannot be searched.
    Declared(Result<Arc<find::RepositoryFindings>, String>),
    /// A source was opened, or an error.
    Opened(Result<Admitted, String>),
    /// A plan was made, or an error.
    Planned(Result<Arc<Planned>, String>),
    /// A run has made progress.
    Running(RunNews),
    /// A run has ended, perhaps early.
    Ran(Result<Ran, RunFault>),
    /// A run was undone, with the outcomes of its items, or an error.
    Undone(Result<Vec<(usize, Outcome)>, String>),
    /// A plan was written to a file, or an error.
    Saved(PathBuf, Result<(), ExportError>),
    /// A changed configuration file, not yet written, or why it cannot be changed.
    ConfigPrepared(Result<Arc<Edit>, String>),
    /// The configuration file in use without a source that was closed, not yet written.
    RemovalPrepared(Arc<Edit>),
    /// A configuration file was written, or an error.
    ConfigWritten(Result<ConfigWritten, String>),
    /// The verdicts of the current policy on the refs of a scan.
    Judged(SourceId, ScannedInventory),
    /// Two refs were compared, or the faults of one of them.
    Compared(Result<Arc<DiffRows>, Vec<String>>),
    /// The verdicts of the policy with a rule on the refs of a source.
    RuleTried(Trial),
    /// Earlier runs, or an error; and whether the list is complete.
    Runs(Result<Arc<Vec<PastRun>>, String>, bool),
    /// The journal of an earlier run was read, or an error.
    RunOpened(Result<Arc<OpenedRun>, String>),
}

/// An earlier run, according to its journal.
#[derive(Debug)]
pub struct OpenedRun {
    pub journal: PathBuf,
    /// The source of the run, if it is open, and how much can be restored there.
    pub source: Option<(SourceId, Undoability)>,
    pub state: RunState,
    pub plan: Arc<Plan>,
    /// The outcome of each item; `None` if there is no record.
    pub outcomes: Vec<Option<Outcome>>,
    /// The outcome of restoring each item that an undo tried, by the number of the item.
    pub restored: BTreeMap<usize, Outcome>,
}

impl OpenedRun {
    /// Returns the number of items that it deleted and that are not restored.
    pub fn deleted(&self) -> usize {
        let is_left = |(item, outcome): &(usize, &Option<Outcome>)| {
            **outcome == Some(Outcome::Done) && !self.is_restored(*item)
        };
        self.outcomes.iter().enumerate().filter(is_left).count()
    }

    /// Returns whether an undo restored an item, or found it stored.
    pub fn is_restored(&self, item: usize) -> bool {
        let outcome = self.restored.get(&item);
        matches!(outcome, Some(Outcome::Done | Outcome::AlreadyGone))
    }
}

/// A configuration file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigWritten {
    pub path: PathBuf,
    /// The path of the old file's backup, if there was a file.
    pub backup: Option<PathBuf>,
    /// The policy in it, if it is the file in use.
    pub policy: Option<Policy>,
}

/// The completion of a name that a person types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The typed text, extended as far as it is unambiguous.
    pub text: String,
    /// The possible names, if there are several.
    pub names: Vec<String>,
}

/// The progress of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunNews {
    pub phase: Phase,
    /// The number of items with a known outcome.
    pub concluded: usize,
    /// The number of deleted items.
    pub deleted: usize,
    /// The bytes of the deleted items.
    pub freed_bytes: u64,
    /// The outcomes since the last report, by index in the plan.
    pub outcomes: Vec<(usize, Outcome)>,
}

/// The phase of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// It reads which blobs are needed.
    #[default]
    Marking,
    /// It waits for a build that writes to the store.
    Waiting,
    Deleting,
    /// It watches the refs, for this many seconds more if no build writes to the store.
    Watching(u64),
    /// It reads the refs again, and checks that each kept ref is complete.
    Checking,
    /// It restores the deletions of an earlier run.
    Restoring,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The outcomes.
    pub report: execute::RunReport,
    pub journal: PathBuf,
}

/// Why a run ended early, or did not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFault {
    /// The error text.
    pub why: String,
    /// The path of the journal, if there is one.
    pub journal: Option<PathBuf>,
}

/// Why a scan ended without an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanEnd {
    Stopped,
    Failed(Failure),
}

/// Why a file was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The file exists already.
    #[error("there is a file of that name")]
    Exists,
    /// The system returned an error.
    #[error("{0}")]
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_can_be_written_down_and_read_again() {
        let keys = [
            "a",
            "G",
            "é",
            "-",
            " ",
            "?",
            "\"",
            "ctrl-d",
            "pagedown",
            "enter",
            "esc",
            "backspace",
            "f5",
            "alt-x",
        ];
        let events = keys
            .map(|key| Event::Key(KeyPress::parse(key).unwrap()))
            .into_iter()
            .chain([
                Event::Paste("a\n\"b\"".into()),
                Event::Click(3, 4),
                Event::Scroll(0, 9, Wheel::Down),
                Event::Resize(80, 24),
                Event::Tick,
                Event::Suspend,
                Event::Continue,
            ]);
        for event in events {
            let written = serde_json::to_string(&event).unwrap();
            assert_eq!(
                serde_json::from_str::<Event>(&written).unwrap(),
                event,
                "{written}"
            );
        }
    }
}
