//! Earlier runs: the content of their journals, and the blobs they left in the trash.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::journal::{JournalContent, inspect};
use super::plan::ItemKind;
use crate::backend::local::{RunTrash, trash_left_by};
use crate::backend::{Outcome, PlanId, Totals};
use crate::source::Place;
use crate::text::causes::in_one_line;
use crate::text::shell;

/// The extension of journal files.
const ENDING: &str = "jsonl";

/// A run with a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    pub journal: PathBuf,
    /// The size of the journal in bytes.
    pub journal_bytes: u64,
    /// Its state; the other fields are known unless the journal cannot be read.
    pub state: RunState,
    /// Its start time.
    pub started: Option<Timestamp>,
    /// The source, as named by the user.
    pub source: String,
    /// The location of the store; `None` if the journal cannot be read.
    pub place: Option<Place>,
    /// The number of items in its plan.
    pub items: usize,
    /// The number of refs that it deleted.
    pub refs: u64,
    /// The objects that it deleted or moved to the trash.
    pub objects: Totals,
    /// The blobs that it left in the trash of a local cache.
    pub trash: Option<RunTrash>,
}

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It is still active.
    AtWork,
    /// Every item of its plan was processed.
    Done,
    /// It was stopped or killed, or items failed.
    Stopped {
        /// The number of items that a resumed run would try.
        left: usize,
    },
    /// It was undone, at least in part.
    Undone,
    /// Its journal cannot be read, with the reason.
    Unreadable(String),
}

impl RunState {
    /// Returns the word in filters and in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::AtWork => "running",
            Self::Done => "done",
            Self::Stopped { .. } => "stopped",
            Self::Undone => "undone",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Returns the state of the run of `history`.
    pub fn of(history: &JournalContent, at_work: bool) -> Self {
        if at_work {
            return Self::AtWork;
        }
        if history.undone {
            return Self::Undone;
        }
        let settled = history.settled_outcomes();
        match settled.iter().filter(|outcome| outcome.is_none()).count() {
            0 if history.finished => Self::Done,
            left => Self::Stopped { left },
        }
    }
}

impl PastRun {
    /// Reads the journal at `path`. If it cannot be read, the result has no data about the run.
    pub fn read(path: &Path) -> Self {
        let journal_bytes = fs::metadata(path).map_or(0, |found| found.len());
        let mut run = Self {
            journal: path.to_owned(),
            journal_bytes,
            state: RunState::Done,
            started: None,
            source: String::new(),
            place: None,
            items: 0,
            refs: 0,
            objects: Totals::default(),
            trash: None,
        };
        match inspect(path) {
            Ok((history, at_work)) => run.fill(&history, at_work),
            Err(error) => {
                run.state = RunState::Unreadable(in_one_line(&error));
            }
        }
        run
    }

    fn fill(&mut self, history: &JournalContent, at_work: bool) {
        let plan = &history.plan;
        self.state = RunState::of(history, at_work);
        self.started = Some(history.started);
        plan.source().clone_into(&mut self.source);
        self.place = Some(plan.place().clone());
        self.items = plan.delete().len();
        for (item, outcome) in plan.delete().iter().zip(&history.outcomes) {
            if *outcome != Some(Outcome::Done) {
                continue;
            }
            match item.target.kind() {
                ItemKind::Ref => self.refs += 1,
                ItemKind::Results => {}
                ItemKind::Blob | ItemKind::Partial | ItemKind::Object | ItemKind::Entry => {
                    self.objects.count += 1;
                    self.objects.bytes = self.objects.bytes.saturating_add(item.target.bytes());
                }
            }
        }
        self.trash = self.left(plan.id());
    }

    fn left(&self, plan: &PlanId) -> Option<RunTrash> {
        // Only a local cache has its trash in a directory. An unreadable trash is not reported.
        let Some(Place::Local(layout)) = &self.place else {
            return None;
        };
        trash_left_by(layout, plan).ok().flatten()
    }

    /// Returns the command that undoes the run, or resumes it if it was stopped.
    pub fn command(&self) -> String {
        match self.state {
            RunState::Stopped { .. } => command("--resume", &self.journal),
            _ => command("--undo", &self.journal),
        }
    }
}

/// Returns the shell command for an action on a journal.
pub fn command(flag: &str, journal: &Path) -> String {
    format!(
        "cachelens prune {flag} {}",
        shell::word(&journal.to_string_lossy())
    )
}

/// Returns the journals in `folder`, the newest first.
///
/// # Errors
/// Fails if the folder cannot be read. A missing folder is not an error.
pub fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut journals = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            journals.push(path);
        }
    }
    // Names begin with the time.
    journals.sort_unstable_by(|one, other| other.cmp(one));
    Ok(journals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        let line = |path: &str| command("--undo", Path::new(path));
        assert_eq!(line("/a/b-1.jsonl"), "cachelens prune --undo /a/b-1.jsonl");
        assert_eq!(line("/a b/c'd"), r"cachelens prune --undo '/a b/c'\''d'");
    }
}
