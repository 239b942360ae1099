//! The place of a list that is left, for the list that shows the same rows later.

use super::{RowList, View};
use crate::tui::navigation::UiContext;
use crate::tui::rows::Identity;

/// The order and filter of a list, and the row under its cursor.
#[derive(Debug, Clone, Default)]
pub struct ListPlace {
    view: View,
    cursor: Option<Identity>,
}

impl RowList {
    /// Returns the place of the list.
    pub fn place(&self) -> ListPlace {
        ListPlace {
            view: self.wanted.clone(),
            cursor: self.current().map(|row| self.rows.identity(row)),
        }
    }

    /// Goes to the place of an earlier list of the same rows.
    pub fn go_to_place(&mut self, place: ListPlace, cx: &mut UiContext<'_>) {
        self.set_filter(place.view.filter, cx);
        self.set_sort(place.view.sort, cx);
        if let Some(row) = place.cursor {
            self.select(&row);
        }
    }
}
