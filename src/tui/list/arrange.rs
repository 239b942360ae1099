//! Filters and sorts rows.

use std::sync::Arc;

use jiff::Timestamp;

use super::View;
use crate::tui::rows::RowSet;

/// After this many rows the caller may cancel.
const STEP: u32 = 16_384;

/// Rows to filter and sort.
#[derive(Debug, Clone)]
pub struct Arrangement {
    /// The source of the rows.
    pub rows: Arc<dyn RowSet>,
    /// The filter and the order.
    pub view: View,
    /// The time from which ages are measured.
    pub now: Timestamp,
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    pub column: usize,
    pub order: SortDirection,
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortDirection {
    /// The smallest first.
    #[default]
    Ascending,
    /// The largest first.
    Descending,
}

impl Sort {
    /// Returns the opposite direction.
    #[must_use]
    pub fn reversed(self) -> Self {
        let order = match self.order {
            SortDirection::Ascending => SortDirection::Descending,
            SortDirection::Descending => SortDirection::Ascending,
        };
        Self { order, ..self }
    }
}

/// Returns the rows that pass the filter, in order. `go_on` receives the number of processed rows;
/// returns `None` if it cancels.
pub fn arrange(arrangement: &Arrangement, mut go_on: impl FnMut(u32) -> bool) -> Option<Vec<u32>> {
    let Arrangement { rows, view, now } = arrangement;
    let count = rows.count();
    let mut shown = Vec::new();
    for start in (0..count).step_by(STEP as usize) {
        let step = start..count.min(start.saturating_add(STEP));
        if view.filter.is_empty() {
            shown.extend(step);
        } else {
            shown.extend(step.filter(|row| rows.matches(*row, &view.filter, *now)));
        }
        if !go_on(start) {
            return None;
        }
    }
    let Sort { column, order } = view.sort;
    let mut keyed: Vec<(u64, [u64; 2], u32)> = shown
        .into_iter()
        .map(|row| (rows.group(row), rows.sort_key(column, row), row))
        .collect();
    keyed.sort_unstable_by(|(a_group, a_key, a), (b_group, b_key, b)| {
        let ordering = a_key.cmp(b_key).then_with(|| rows.compare(column, *a, *b));
        let ordering = match order {
            SortDirection::Ascending => ordering,
            SortDirection::Descending => ordering.reverse(),
        };
        // Equal rows keep the order of the store.
        a_group.cmp(b_group).then(ordering).then(a.cmp(b))
    });
    go_on(count).then(|| keyed.into_iter().map(|(.., row)| row).collect())
}
