//! The sentences above the findings, and those that stand for an empty list.

use jiff::SignedDuration;

use super::{CONTEXTS, CheckScreen, CheckState};
use crate::check::{CheckProgress, Code, Severity};
use crate::text::units::{Age, Size};
use crate::tui::keymap::Action;
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

impl CheckScreen {
    /// Returns the progress and the findings.
    pub(super) fn sums(&self) -> Cell {
        match &self.state {
            CheckState::Waiting => Cell::new("waiting for the scan to end…", TextRole::Title),
            CheckState::Running(_, None) => Cell::new("checking…", TextRole::Title),
            CheckState::Running(_, Some(CheckProgress::Refs { done, all })) => {
                Cell::new(format!("checking: {done} of {all} refs"), TextRole::Title)
            }
            CheckState::Running(_, Some(CheckProgress::Blobs { read, all })) => Cell::new(
                format!("verifying contents: {} of {}", Size(*read), Size(*all)),
                TextRole::Title,
            ),
            CheckState::Stopped => Cell::new("stopped before it was done", TextRole::Warning),
            CheckState::Done => self.found(),
        }
    }

    /// Returns how long the check has been running, and the time left if it is known.
    pub(super) fn time(&self, world: &World) -> Cell {
        let CheckState::Running(_, progress) = &self.state else {
            return Cell::default();
        };
        let (done, all) = match progress {
            None => (0, 0),
            Some(CheckProgress::Refs { done, all }) => (*done as u64, *all as u64),
            Some(CheckProgress::Blobs { read, all }) => (*read, *all),
        };
        let elapsed = world.now.duration_since(self.began);
        let cell = Cell::new(format!(" · {}", Age(elapsed)), TextRole::Dim);
        if done == 0 || elapsed.is_zero() {
            return cell;
        }
        let elapsed = elapsed.as_millis().unsigned_abs();
        let left = u128::from(all.saturating_sub(done)) * elapsed / u128::from(done);
        let left = SignedDuration::from_millis(i64::try_from(left).unwrap_or(i64::MAX));
        cell.and(format!(" · about {} left", Age(left)), TextRole::Strong)
    }

    pub(super) fn found(&self) -> Cell {
        let part = |cell: Cell, severity: Severity, role: TextRole| {
            let count = self
                .checked
                .findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count();
            let gap = if cell.0.is_empty() { "" } else { " · " };
            match count {
                0 => cell,
                1 => cell.and(format!("{gap}1 {severity}"), role),
                // There is no plural of the word.
                count if severity == Severity::Info => {
                    cell.and(format!("{gap}{count} {severity}"), role)
                }
                count => cell.and(format!("{gap}{count} {severity}s"), role),
            }
        };
        let cell = part(Cell::default(), Severity::Error, TextRole::Error);
        let cell = part(cell, Severity::Warning, TextRole::Warning);
        let cell = part(cell, Severity::Info, TextRole::Text);
        let cell = if cell.0.is_empty() {
            Cell::new("nothing found", TextRole::Good)
        } else {
            cell
        };
        let read = match self.checked.read {
            None => "contents not verified".to_owned(),
            Some(count) => format!("{count} layers verified"),
        };
        cell.and(format!(" · {read}"), TextRole::Dim)
    }

    pub(super) fn empty(&self, world: &World) -> Vec<Cell> {
        match self.state {
            CheckState::Waiting => vec![Cell::new(
                "The scan is running; the check needs its result.",
                TextRole::Dim,
            )],
            CheckState::Running(..) => vec![Cell::new("Looking into the refs…", TextRole::Dim)],
            CheckState::Stopped => vec![
                Cell::text("The check was stopped."),
                Cell::new(
                    world.keymap.key_for(CONTEXTS, Action::Rescan),
                    TextRole::Key,
                )
                .and(" checks again", TextRole::Dim),
            ],
            CheckState::Done => vec![
                Cell::new("Nothing found.", TextRole::Good).and(
                    format!(
                        " {} refs and {} blobs were looked at.",
                        self.checked.refs, self.checked.blobs
                    ),
                    TextRole::Text,
                ),
                match self.checked.read {
                    None => Cell::new(
                        "V reads every layer, too, and compares it with its digest",
                        TextRole::Dim,
                    ),
                    Some(count) => Cell::new(
                        format!("{count} layers were read and are sound"),
                        TextRole::Dim,
                    ),
                },
            ],
        }
    }
}

/// Returns the filter state of the blobs screen for a finding.
pub(super) fn state_of(code: Code) -> Option<&'static str> {
    match code {
        Code::Orphans => Some("orphan"),
        Code::UnfinishedUploads => Some("partial"),
        Code::SupersededIndexes => Some("superseded"),
        _ => None,
    }
}
