//! The marks of a list. They belong to the identities of rows.

use std::collections::HashSet;

use super::RowList;
use crate::tui::rows::Identity;

/// Rows that are being marked from one to the cursor.
#[derive(Debug)]
pub(super) struct Range {
    /// The place of the first.
    pub(super) from: usize,
    /// What was marked before.
    pub(super) before: HashSet<Identity>,
}

impl RowList {
    /// Marks all rows from where the range began to the cursor.
    pub(super) fn mark_range(&mut self) {
        let Some(range) = &self.range else { return };
        let first = range.from.min(self.cursor);
        let last = range.from.max(self.cursor);
        let rows = self.shown.iter().skip(first).take(last - first + 1);
        let inside = rows.map(|row| self.rows.identity(*row));
        self.marks = range.before.iter().cloned().chain(inside).collect();
    }

    pub(super) fn toggle_mark(&mut self) {
        if let Some(row) = self.current() {
            let identity = self.rows.identity(row);
            if !self.marks.remove(&identity) {
                self.marks.insert(identity);
            }
        }
    }

    pub(super) fn toggle_all(&mut self) {
        let shown = || self.shown.iter().map(|row| self.rows.identity(*row));
        let mut marks = self.marks.clone();
        if shown().all(|identity| marks.contains(&identity)) {
            shown().for_each(|identity| {
                marks.remove(&identity);
            });
        } else {
            marks.extend(shown());
        }
        self.marks = marks;
    }
}
