//! The next and the previous row that the last filter matches, also after it was cleared.

use super::RowList;
use crate::tui::keymap::{Action, KeyContext};
use crate::tui::navigation::UiContext;
use crate::tui::world::StatusKind;

/// Up to this many rows are searched for a match, so that a key is answered within a frame.
const MOST_SEARCHED: usize = 50_000;

impl RowList {
    /// Moves the cursor to the next or the previous match; from the last one to the first.
    pub(super) fn go_to_match(&mut self, action: Action, height: usize, cx: &mut UiContext<'_>) {
        if self.searched.is_empty() {
            let key = |action| cx.world.keymap.key_for(&[KeyContext::List], action);
            let words = format!(
                "nothing was searched for yet: {} filters, then {} and {} go along the matches",
                key(Action::Filter),
                key(Action::NextMatch),
                key(Action::PreviousMatch)
            );
            cx.world.note(StatusKind::Failed, words);
            return;
        }
        let count = self.shown.len();
        let now = cx.world.now;
        let places = (1..=count).take(MOST_SEARCHED).map(|step| match action {
            Action::PreviousMatch => (self.cursor + count - step) % count,
            _ => (self.cursor + step) % count,
        });
        let is_match = |place: &usize| {
            let row = self.shown.get(*place);
            row.is_some_and(|row| self.rows.matches(*row, &self.searched, now))
        };
        match places.into_iter().find(is_match) {
            Some(place) => self.go(place, height),
            None => {
                let words = format!("no row here matches {}", self.searched);
                cx.world.note(StatusKind::Failed, words);
            }
        }
    }
}
