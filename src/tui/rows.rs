//! Rows of lists: the interface between a list and its content.
//!
//! A row is a number. Its cells, its details and its export are computed on demand; a list of a
//! million rows takes four bytes per row.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::theme::TextRole;
use crate::format::digest::Digest;
use crate::inventory::filter::Filter;
use crate::inventory::steps::RowKind;
use crate::text::units::{Size, grouped};

pub mod blobs;
pub mod changes;
pub mod diff;
pub mod files;
pub mod find;
pub mod findings;
pub mod plan;
pub mod refs;
pub mod run;
pub mod runs;
pub mod sources;
pub mod steps;
pub mod why;

/// The content of a list.
pub trait RowSet: Send + Sync {
    /// Returns the number of rows.
    fn count(&self) -> u32;

    /// Returns the columns; the first one names the row.
    fn columns(&self) -> &'static [Column];

    /// Returns the cells of a row, one per column.
    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell>;

    /// Returns a second line below a row.
    fn below(&self, row: u32, width: u16) -> Cell {
        let _ = (row, width);
        Cell::default()
    }

    /// Returns all details of a row.
    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine>;

    /// Returns whether a row passes a filter.
    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool;

    /// Returns the number of a row's group: the rows of a group with a smaller number come first in
    /// every order.
    fn group(&self, row: u32) -> u64 {
        let _ = row;
        0
    }

    /// Compares two rows by a column; unknown values sort first.
    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering;

    /// Returns numbers that sort a row by a column as [`RowSet::compare`] does, as far as numbers
    /// can; rows with equal numbers are compared. A sort computes the numbers once per row, and
    /// compares only the remaining ties.
    fn sort_key(&self, column: usize, row: u32) -> [u64; 2] {
        let _ = (column, row);
        [0; 2]
    }

    /// Returns the identity of a row, which is independent of its position.
    fn identity(&self, row: u32) -> Identity;

    /// Returns the row with `identity`.
    fn find(&self, identity: &Identity) -> Option<u32>;

    /// Returns the bytes that a row takes in the store.
    fn bytes(&self, row: u32) -> u64;

    /// Returns the combined size of rows, which is less than the sum if they share blobs.
    fn together(&self, rows: &[u32]) -> String {
        let bytes = rows
            .iter()
            .fold(0u64, |sum, row| sum.saturating_add(self.bytes(*row)));
        Size(bytes).to_string()
    }

    /// Counts the visible rows and all rows, in the unit that the screen counts.
    fn tally(&self, shown: &[u32]) -> RowCounts {
        RowCounts {
            shown: shown.len(),
            all: self.count() as usize,
            others: 0,
        }
    }

    /// Returns the filter help for these rows.
    fn filter_help(&self) -> FilterHelp {
        FilterHelp::default()
    }

    /// Returns the fields of a row for an export.
    fn fields(&self, row: u32) -> Vec<(&'static str, Value)>;

    /// Returns the text to copy: a name or a digest.
    fn name(&self, row: u32) -> String;
}

impl fmt::Debug for dyn RowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.count())
    }
}

/// The filter help for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterHelp {
    /// Some example terms, for an empty filter.
    pub examples: &'static str,
    /// The fields of these rows; `None` for all fields of the language.
    pub fields: Option<&'static [&'static str]>,
}

impl Default for FilterHelp {
    fn default() -> Self {
        Self {
            examples: "size>1G  age>30d  ref~^pr-  state:orphan  !shared  or any part of a name",
            fields: None,
        }
    }
}

/// The number of visible rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCounts {
    /// The visible rows that count.
    pub shown: usize,
    pub all: usize,
    /// The other visible rows.
    pub others: usize,
}

impl RowCounts {
    /// Returns the counts as a sentence about `what`.
    pub fn sentence(self, what: &str) -> String {
        let count = |number: usize| grouped(number as u64);
        let words = format!("{} of {} {what}", count(self.shown), count(self.all));
        match self.others {
            0 => words,
            1 => format!("{words}, and 1 other row"),
            others => format!("{words}, and {} other rows", count(others)),
        }
    }
}

/// The identity of a row. Marks and the cursor refer to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// A source, by its index.
    Source(usize),
    /// A ref, by its name and digest.
    Ref(String, String),
    /// Results of a ref, by its name and digest.
    Results(String, String),
    Blob(Digest),
    /// All steps of a configuration.
    Platform(Digest),
    /// A step, or a group header, by the configuration and the row kind.
    Step(Digest, RowKind),
    /// A file of a layer, by its index in the tree of files.
    File(u32),
    /// An object without a digest, by its name.
    Object(String),
    /// A step of a build, by its index.
    BuildStep(u32),
    /// An item of a plan, by its index.
    Item(usize),
    /// Items with the same reason, by that reason.
    Group(String),
}

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    /// The alignment of its cells.
    pub align: Align,
    /// Its minimum width.
    pub min: u16,
    /// Its maximum width.
    pub max: u16,
    /// Columns with a higher rank are hidden first if space is short; rank 0 always stays.
    pub rank: u8,
    /// Whether and how it can be sorted.
    pub sort: Sortable,
}

/// The alignment of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// As text.
    Left,
    /// Left, but a path that is too long loses its beginning.
    Path,
    /// As numbers.
    Right,
}

/// Whether and how a column can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sortable {
    No,
    /// From A to Z initially.
    Ascending,
    /// The largest first.
    Descending,
}

/// A piece of text and its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece(pub Cow<'static, str>, pub TextRole);

/// A sequence of pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell(pub Vec<Piece>);

impl Cell {
    /// Creates a cell of one piece.
    pub fn new(text: impl Into<Cow<'static, str>>, role: TextRole) -> Self {
        Self(vec![Piece(text.into(), role)])
    }

    /// Creates a cell of plain text.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(text, TextRole::Text)
    }

    /// Adds a piece.
    #[must_use]
    pub fn and(mut self, text: impl Into<Cow<'static, str>>, role: TextRole) -> Self {
        self.0.push(Piece(text.into(), role));
        self
    }

    /// Adds all pieces of another cell.
    #[must_use]
    pub fn and_all(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// A line in the details of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailLine {
    /// The header of a section.
    Heading(Cow<'static, str>),
    /// A named value.
    Fact(&'static str, Cell),
    /// A sentence, or an item of a list.
    Text(Cell),
    Blank,
}

/// Shown for unknown bytes, counts and other values.
pub const UNKNOWN: &str = "?";
/// Shown for an absent value.
pub const NONE: &str = "–";

/// Formats a time to the minute: `1 Dec 06:31 UTC`.
pub fn moment(time: Timestamp) -> String {
    time.strftime("%-d %b %H:%M UTC").to_string()
}
