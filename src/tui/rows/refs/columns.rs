//! The columns of a list of refs.

use super::{AGE, BAR, BAR_WIDTH, POLICY};
use crate::tui::rows::{Align, Column, Sortable};

const COLUMNS: &[Column] = &[
    Column {
        title: "REF",
        align: Align::Path,
        min: 11,
        max: 60,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "KIND",
        align: Align::Left,
        min: 7,
        max: 7,
        rank: 7,
        sort: Sortable::Ascending,
    },
    Column {
        title: "AGE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 3,
        sort: Sortable::Ascending,
    },
    Column {
        title: "SIZE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 2,
        sort: Sortable::Descending,
    },
    Column {
        title: "ONLY HERE",
        align: Align::Right,
        min: 9,
        max: 9,
        rank: 4,
        sort: Sortable::Descending,
    },
    Column {
        title: "LAYERS",
        align: Align::Right,
        min: 6,
        max: 6,
        rank: 6,
        sort: Sortable::Descending,
    },
    Column {
        title: "STEPS",
        align: Align::Left,
        min: 13,
        max: 70,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "POLICY",
        align: Align::Left,
        min: 16,
        max: 70,
        rank: 5,
        sort: Sortable::Ascending,
    },
    Column {
        title: "",
        align: Align::Left,
        min: BAR_WIDTH,
        max: BAR_WIDTH,
        rank: 6,
        sort: Sortable::No,
    },
];

/// The columns of a list of refs; the bar follows the size.
pub(super) const ALL: &[Column] = &[
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[AGE],
    COLUMNS[3],
    COLUMNS[BAR],
    COLUMNS[4],
    COLUMNS[5],
    COLUMNS[6],
    COLUMNS[POLICY],
];

/// The columns that show the effect of a policy: the verdict comes first, and is hidden last.
pub(super) const BY_POLICY: &[Column] = &[
    Column {
        max: 60,
        ..COLUMNS[0]
    },
    Column {
        min: 22,
        rank: 0,
        ..COLUMNS[POLICY]
    },
    COLUMNS[AGE],
    COLUMNS[3],
    COLUMNS[BAR],
    COLUMNS[4],
];

/// The indexes of these columns among all columns.
pub(super) const BY_POLICY_PLACES: &[usize] = &[0, POLICY, AGE, 3, BAR, 4];
