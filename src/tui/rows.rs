//! Rows of lists: what a list needs to know of the things it shows.
//!
//! A row is a number. Its cells, its details and its export are made when somebody looks; a list of a million rows takes
//! four bytes for each.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::theme::Role;
use crate::format::digest::Digest;
use crate::inventory::filter::Filter;
use crate::inventory::steps::RowKind;
use crate::units::Size;

pub mod blobs;
pub mod changes;
pub mod files;
pub mod findings;
pub mod plan;
pub mod refs;
pub mod run;
pub mod sources;
pub mod steps;
pub mod why;

/// Something that a list shows.
pub trait RowSet: Send + Sync {
    /// Returns how many rows there are.
    fn count(&self) -> u32;

    /// Returns the columns, of which the first names the row.
    fn columns(&self) -> &'static [Column];

    /// Returns the cells of a row, one for each column.
    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell>;

    /// Returns a line to stand below a row.
    fn below(&self, row: u32, width: u16) -> Cell {
        let _ = (row, width);
        Cell::default()
    }

    /// Returns everything that is known of a row.
    fn details(&self, row: u32, now: Timestamp) -> Vec<Detail>;

    /// Tells whether a row passes a filter.
    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool;

    /// Compares two rows by a column; what is not known is least.
    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering;

    /// Returns numbers that order a row by a column as [`RowSet::compare`] does, as far as numbers go: rows with the same
    /// are compared. A sort asks each row once, and looks at rows again only for what is left.
    fn sort_key(&self, column: usize, row: u32) -> [u64; 2] {
        let _ = (column, row);
        [0; 2]
    }

    /// Returns what a row stands for, however it moves.
    fn identity(&self, row: u32) -> Identity;

    /// Returns the row that stands for `identity`.
    fn find(&self, identity: &Identity) -> Option<u32>;

    /// Returns the bytes that a row takes in the store.
    fn bytes(&self, row: u32) -> u64;

    /// Says what some rows take together, which is less than the sum where they share something.
    fn together(&self, rows: &[u32]) -> String {
        let bytes = rows.iter().fold(0u64, |sum, row| sum.saturating_add(self.bytes(*row)));
        Size(bytes).to_string()
    }

    /// Counts the rows that are shown, and all of them, by what the screen says it counts.
    fn tally(&self, shown: &[u32]) -> Tally {
        Tally { shown: shown.len(), all: self.count() as usize, others: 0 }
    }

    /// Returns a row's fields for a file.
    fn fields(&self, row: u32) -> Vec<(&'static str, Value)>;

    /// Returns the text that stands for the row elsewhere: a name or a digest.
    fn name(&self, row: u32) -> String;
}

impl fmt::Debug for dyn RowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.count())
    }
}

/// How many rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Rows that are shown and count.
    pub shown: usize,
    /// All that count.
    pub all: usize,
    /// Rows that are shown and are something else.
    pub others: usize,
}

impl Tally {
    /// Says that so many of all are `what`.
    pub fn sentence(self, what: &str) -> String {
        let count = |number: usize| sources::grouped(number as u64);
        let words = format!("{} of {} {what}", count(self.shown), count(self.all));
        match self.others {
            0 => words,
            1 => format!("{words}, and 1 other row"),
            others => format!("{words}, and {} other rows", count(others)),
        }
    }
}

/// What a row stands for. Marks and the cursor hold on to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// A source, by its place.
    Source(usize),
    /// A ref, by its name and what it points to.
    Ref(String, String),
    /// Results of a ref, by its name and what it points to.
    Results(String, String),
    /// A blob.
    Blob(Digest),
    /// All steps of a configuration.
    Platform(Digest),
    /// A step, or the head of some, by the configuration and what it is there.
    Step(Digest, RowKind),
    /// A file of a layer, by its place in the archive.
    File(u32),
    /// An object without a digest, by its name.
    Object(String),
    /// A step of a build, by its place.
    BuildStep(u32),
    /// An item of a plan, by its place.
    Item(usize),
}

/// A column of a list.
#[derive(Debug)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// To which side its cells lean.
    pub align: Align,
    /// The least number of cells that it makes sense with.
    pub min: u16,
    /// The most that it takes.
    pub max: u16,
    /// Columns with a higher number go first where room is short; 0 stays.
    pub rank: u8,
    /// How one sorts by it, if at all.
    pub sort: Sortable,
}

/// To which side text leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// As text.
    Left,
    /// As a path, of which the end shows when it is too long.
    Path,
    /// As numbers.
    Right,
}

/// How one sorts by a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sortable {
    /// Not at all.
    No,
    /// From A to Z at first.
    Ascending,
    /// The largest first.
    Descending,
}

/// A piece of text and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece(pub Cow<'static, str>, pub Role);

/// Some pieces in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell(pub Vec<Piece>);

impl Cell {
    /// Makes a cell of one piece.
    pub fn new(text: impl Into<Cow<'static, str>>, role: Role) -> Self {
        Self(vec![Piece(text.into(), role)])
    }

    /// Makes a cell of plain text.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(text, Role::Text)
    }

    /// Adds a piece.
    #[must_use]
    pub fn and(mut self, text: impl Into<Cow<'static, str>>, role: Role) -> Self {
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

/// A line of the details of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// The head of a section.
    Heading(Cow<'static, str>),
    /// Something with its name.
    Fact(&'static str, Cell),
    /// A sentence, or an item of a list.
    Text(Cell),
    /// Room.
    Blank,
}

/// Names what `bytes`, `count` or anything else is not known of.
pub const UNKNOWN: &str = "?";
/// Stands for nothing.
pub const NONE: &str = "–";
