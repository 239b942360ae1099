//! The sentences above the findings, and those that stand for an empty list.

use super::{CONTEXTS, CheckScreen, CheckState};
use crate::check::Code;
use crate::text::units::grouped;
use crate::tui::keymap::Action;
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

impl CheckScreen {
    pub(super) fn empty(&self, world: &World) -> Vec<Cell> {
        match self.work.state {
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
                        self.work.checked.refs, self.work.checked.blobs
                    ),
                    TextRole::Text,
                ),
                match self.work.checked.read {
                    None => Cell::new(
                        format!(
                            "{} reads every layer, too, and compares it with its digest",
                            world.keymap.key_for(CONTEXTS, Action::Verify)
                        ),
                        TextRole::Dim,
                    ),
                    Some(count) => Cell::new(
                        format!("{} layers were read and are sound", grouped(count)),
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
