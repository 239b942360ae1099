//! The columns of the list of sources.

use crate::tui::rows::{Align, Column, Sortable};

/// Stands for no column: the order in which the sources were named.
pub const AS_NAMED: usize = usize::MAX;

pub(super) const COLUMNS: &[Column] = &[
    Column {
        title: "SOURCE",
        align: Align::Path,
        min: 14,
        max: 60,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "KIND",
        align: Align::Left,
        min: 8,
        max: 8,
        rank: 6,
        sort: Sortable::Ascending,
    },
    Column {
        title: "REFS",
        align: Align::Right,
        min: 6,
        max: 7,
        rank: 4,
        sort: Sortable::Descending,
    },
    Column {
        title: "LIVE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "ORPHAN",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "MISSING",
        align: Align::Right,
        min: 8,
        max: 12,
        // The state says the same in words.
        rank: 7,
        sort: Sortable::Descending,
    },
    Column {
        title: "NEWEST",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 5,
        sort: Sortable::Ascending,
    },
    Column {
        title: "STATE",
        align: Align::Left,
        min: 17,
        max: 40,
        rank: 2,
        sort: Sortable::No,
    },
];
