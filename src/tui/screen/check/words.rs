//! The sentences above the findings, and those that stand for an empty list.

use super::CheckScreen;
use super::CheckState;
use crate::check::{CheckProgress, Code, Severity};
use crate::text::units::Size;
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;

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
                format!("reading layers: {} of {}", Size(*read), Size(*all)),
                TextRole::Title,
            ),
            CheckState::Stopped => Cell::new("stopped before it was done", TextRole::Warning),
            CheckState::Done => self.found(),
        }
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
            None => "layers not read".to_owned(),
            Some(count) => format!("{count} layers read and sound"),
        };
        cell.and(format!(" · {read}"), TextRole::Dim)
    }

    pub(super) fn empty(&self) -> Vec<Cell> {
        match self.state {
            CheckState::Waiting => vec![Cell::new(
                "The scan is running; the check needs its result.",
                TextRole::Dim,
            )],
            CheckState::Running(..) => vec![Cell::new("Looking into the refs…", TextRole::Dim)],
            CheckState::Stopped => vec![
                Cell::text("The check was stopped."),
                Cell::new("r checks again", TextRole::Dim),
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
