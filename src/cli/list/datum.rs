//! The values of lists.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::table::TableCell;
use crate::text::units::{Age, Size};

/// The value of a row in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Datum {
    Text(String),
    /// A digest or a path; it is truncated only if a terminal has no room.
    Name(String),
    Count(u64),
    Bytes(u64),
    /// Bytes that a table leaves out, such as those of a directory.
    Unshown(u64),
    /// The mode of a file: its letters in a table, else its digits, as in JSON.
    Mode {
        shown: String,
        octal: String,
    },
    Time(Timestamp),
    /// Unknown or absent.
    None,
}

impl Datum {
    /// Converts an optional value.
    pub(in crate::cli) fn maybe<T>(value: Option<T>, of: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::None, of)
    }

    pub(in crate::cli) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(in crate::cli) fn name(text: impl Into<String>) -> Self {
        Self::Name(text.into())
    }

    pub(super) fn cell(&self, now: Timestamp) -> TableCell {
        match self {
            Self::Text(text) => TableCell::new(text),
            Self::Name(text) => TableCell::long(text),
            Self::Count(count) => TableCell::new(count.to_string()),
            Self::Bytes(bytes) => TableCell::new(Size(*bytes).to_string()),
            Self::Time(time) => TableCell::new(Age::between(*time, now).to_string()),
            Self::Mode { shown, .. } => TableCell::new(shown),
            Self::Unshown(_) | Self::None => TableCell::none(),
        }
    }

    /// Returns the value for CSV and TSV, which equals that in JSON.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Text(text) | Self::Name(text) => json!(text),
            Self::Count(number) | Self::Bytes(number) | Self::Unshown(number) => json!(number),
            Self::Mode { octal, .. } => json!(octal),
            Self::Time(time) => json!(time),
            Self::None => Value::Null,
        }
    }

    /// Compares two values of a column; unknown values sort first, and an older time is a larger
    /// age.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (
                Self::Text(a) | Self::Name(a) | Self::Mode { shown: a, .. },
                Self::Text(b) | Self::Name(b) | Self::Mode { shown: b, .. },
            ) => a.cmp(b),
            (
                Self::Count(a) | Self::Bytes(a) | Self::Unshown(a),
                Self::Count(b) | Self::Bytes(b) | Self::Unshown(b),
            ) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => b.cmp(a),
            (Self::None, Self::None) => Ordering::Equal,
            (Self::None, _) => Ordering::Less,
            (_, Self::None) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}
