//! The columns of a layer's files. The path column shrinks last.

use crate::tui::rows::{Align, Column, Sortable};

/// The width of a row's bar.
pub(super) const BAR: u16 = 6;

pub(super) const COLUMNS: &[Column] = &[
    Column {
        title: "PATH",
        align: Align::Path,
        min: 39,
        max: 200,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "SIZE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "SHARE",
        align: Align::Left,
        min: BAR,
        max: BAR,
        rank: 2,
        sort: Sortable::No,
    },
    Column {
        title: "FILES",
        align: Align::Right,
        min: 7,
        max: 9,
        rank: 3,
        sort: Sortable::Descending,
    },
    Column {
        title: "MODE",
        align: Align::Left,
        min: 10,
        max: 10,
        rank: 5,
        sort: Sortable::No,
    },
    Column {
        title: "MODIFIED",
        align: Align::Left,
        min: 16,
        max: 16,
        rank: 4,
        sort: Sortable::Descending,
    },
    Column {
        title: "OWNER",
        align: Align::Right,
        min: 9,
        max: 11,
        rank: 6,
        sort: Sortable::No,
    },
];

/// The columns if the changes are known.
pub(super) const COLUMNS_WITH_CHANGE: &[Column] = &[
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    COLUMNS[5],
    COLUMNS[6],
    Column {
        title: "CHANGE",
        align: Align::Left,
        min: 9,
        max: 22,
        rank: 2,
        sort: Sortable::Descending,
    },
];

/// The columns of the files of several layers.
pub(super) const COLUMNS_WITH_STEP: &[Column] = &[
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    COLUMNS[5],
    COLUMNS[6],
    Column {
        title: "STEP",
        align: Align::Left,
        min: 14,
        max: 70,
        rank: 2,
        sort: Sortable::No,
    },
];
