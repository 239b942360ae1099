//! Objects that are not blobs: unfinished uploads, entries of a store that deletes by entry, and
//! unknown objects.

use jiff::Timestamp;

use super::{BlobRows, time_fact};
use crate::backend::{StoreEntry, short_branch};
use crate::inventory::subject::OtherRow;
use crate::text::units::{Age, Size};
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::theme::TextRole;

/// Returns the display name of an entry: its key, then its branch.
pub(super) fn called(entry: &StoreEntry) -> String {
    let key = entry.name.splitn(3, ':').nth(2).unwrap_or(&entry.name);
    format!("{key} on {}", short_branch(&entry.branch))
}

pub(super) fn other_state(state: &'static str) -> Cell {
    let (sign, role) = match state {
        "partial" => ("~ ", TextRole::Dim),
        "superseded" => ("○ ", TextRole::Orphan),
        _ => ("· ", TextRole::Dim),
    };
    Cell::new(sign, role).and(state, role)
}

impl BlobRows {
    pub(super) fn other_details(&self, row: &OtherRow<'_>, now: Timestamp) -> Vec<DetailLine> {
        let meaning = match (row.state, row.entry) {
            ("partial", _) => "an upload that was not finished",
            ("superseded", _) => "an index that a newer one has superseded: no build imports it",
            ("copy", _) => "the same layer again, which another branch wrote",
            (_, Some(_)) => {
                "of another tool, in the same quota: only a rule that names the kind `entry` deletes it"
            }
            (_, None) => "none of the cache's own: it is counted, and never touched",
        };
        let mut details = vec![
            DetailLine::Heading(row.entry.map_or_else(|| row.name.to_owned(), called).into()),
            DetailLine::Fact("state", other_state(row.state)),
            DetailLine::Text(Cell::new(meaning, TextRole::Dim)),
            DetailLine::Blank,
            DetailLine::Fact("kind", Cell::text(row.kind)),
            DetailLine::Fact("size", Cell::text(Size(row.size).to_string())),
        ];
        let Some(entry) = row.entry else {
            details.push(time_fact(row.modified, now));
            return details;
        };
        let is_gone = self
            .inventory()
            .surroundings
            .quota()
            .is_some_and(|around| around.is_gone(&entry.branch));
        let gone = if is_gone {
            Cell::new(", which is gone", TextRole::Warning)
        } else {
            Cell::default()
        };
        details.push(DetailLine::Fact(
            "branch",
            Cell::text(short_branch(&entry.branch).to_owned()).and_all(gone),
        ));
        details.push(time_fact(Some(entry.created), now));
        if let Some(used) = entry.used {
            details.push(DetailLine::Fact(
                "last used",
                Cell::text(Age::between(used, now).ago().to_string()),
            ));
        }
        details
    }
}
