//! Reads a journal.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;

use super::header::JournalHeader;
use super::{JournalError, JournalLine, VERSION, shown};
use crate::backend::Outcome;
use crate::prune::plan::Plan;
use crate::prune::plan::file;

/// The content of a journal.
#[derive(Debug)]
pub struct JournalContent {
    /// The plan that was executed.
    pub plan: Plan,
    /// The outcome of each item of the plan; `None` if there is no record.
    pub outcomes: Vec<Option<Outcome>>,
    /// For each item, whether its deletion was about to start.
    pub begun: Vec<bool>,
    /// Whether the run finished.
    pub finished: bool,
    /// Whether the run was undone, at least in part: an undo restored one of its items.
    pub undone: bool,
    /// The last outcome of restoring each item that an undo tried, by the number of the item.
    pub restored: BTreeMap<usize, Outcome>,
    /// The start time of the run.
    pub started: Timestamp,
}

/// Reads the journal at `path` without changing it; also returns whether its run is still active.
///
/// # Errors
/// The same as [`super::Journal::reopen`].
pub fn inspect(path: &Path) -> Result<(JournalContent, bool), JournalError> {
    let fail = |source| JournalError::Io {
        doing: "read",
        place: shown(path),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    // The lock is released at once; it only shows whether another process holds it.
    let at_work = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    let _ = file.unlock();
    let mut bytes = Vec::new();
    (&file).read_to_end(&mut bytes).map_err(fail)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    bytes.truncate(whole);
    Ok((JournalContent::read(&bytes, shown(path))?, at_work))
}

impl JournalContent {
    /// Parses the whole lines of the journal named `place`.
    pub(super) fn read(bytes: &[u8], place: String) -> Result<Self, JournalError> {
        // Text that is not UTF-8 is not JSON either, so the parser reports the line.
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().zip(1..);
        let Some((first, _)) = lines.next() else {
            return Err(JournalError::Cut(place));
        };
        let header: JournalHeader<'_> =
            serde_json::from_str(first).map_err(|source| JournalError::Line {
                place: place.clone(),
                line: 1,
                source,
            })?;
        if !(1..=VERSION).contains(&header.cachelens_journal) {
            return Err(JournalError::Version {
                place,
                found: header.cachelens_journal,
            });
        }
        let plan = header.plan().and_then(|text| file::load(&text));
        let plan = plan.map_err(|source| JournalError::Plan {
            place: place.clone(),
            source,
        })?;
        let count = plan.delete().len();
        let mut history = Self {
            outcomes: vec![None; count],
            begun: vec![false; count],
            finished: false,
            undone: false,
            restored: BTreeMap::new(),
            started: header.started,
            plan,
        };
        for (text, line) in lines {
            let read: JournalLine =
                serde_json::from_str(text).map_err(|source| JournalError::Line {
                    place: place.clone(),
                    line,
                    source,
                })?;
            history.add(read).map_err(|item| JournalError::NoSuchItem {
                place: place.clone(),
                line,
                item,
            })?;
        }
        Ok(history)
    }

    /// Returns the outcomes that a resumed run takes over; it tries the items without one.
    pub fn settled_outcomes(&self) -> Vec<Option<Outcome>> {
        let settled = |outcome: &Option<Outcome>| outcome.clone().filter(|it| !it.is_retried());
        self.outcomes.iter().map(settled).collect()
    }

    fn add(&mut self, line: JournalLine) -> Result<(), usize> {
        match line {
            JournalLine::Begin { from, to } => self.begun.get_mut(from..to).ok_or(to)?.fill(true),
            JournalLine::Item { item, outcome, .. } => {
                *self.outcomes.get_mut(item).ok_or(item)? = Some(outcome);
            }
            JournalLine::Items { from, to, outcome } => self
                .outcomes
                .get_mut(from..to)
                .ok_or(to)?
                .fill(Some(outcome)),
            JournalLine::Undo { item, .. } if item >= self.outcomes.len() => return Err(item),
            JournalLine::Undo { item, outcome, .. } => {
                self.undone |= outcome == Outcome::Done;
                self.restored.insert(item, outcome);
            }
            JournalLine::Finished(_) => self.finished = true,
            JournalLine::Resumed(_) => self.finished = false,
            JournalLine::Restored(_) | JournalLine::DeletedBroken(_) => {}
        }
        Ok(())
    }
}
