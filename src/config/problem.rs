//! Faults of a configuration, with their locations.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthStr;

use crate::text::escape::visible;
use crate::text::secrets::mask_line;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that the user named does not exist.
    #[error("there is no configuration file `{}`", visible(&path.to_string_lossy()))]
    NotFound { path: PathBuf },
    /// The file cannot be read.
    #[error("cannot read the configuration file `{}`", visible(&path.to_string_lossy()))]
    Read { path: PathBuf, source: io::Error },
    /// The file is invalid, in at least one place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<ConfigProblem>),
    /// An environment variable has a value that is not valid for its setting.
    #[error("in the environment variable {name}: {}", visible(message))]
    Environment {
        name: &'static str,
        /// The error, as a sentence.
        message: String,
    },
}

/// A location in a configuration file, with a message about it.
///
/// It prints like a compiler's message: file, line, column and message; the line itself; a mark
/// below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
    /// The line for display, without possible credentials.
    shown: String,
    /// How many cells precede the mark, and how many the mark has.
    mark: (usize, usize),
}

impl ConfigProblem {
    /// Points at `span`, a range of bytes in `text`, which is the content of the file `path`.
    pub(crate) fn new(
        path: &Path,
        text: &str,
        span: &Range<usize>,
        message: &str,
        hint: Option<String>,
    ) -> Self {
        let start = text.floor_char_boundary(span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line_start..start];
        let line = text[line_start..].lines().next().unwrap_or_default();
        let line_end = line_start + line.len();
        let marked = text
            .get(start..text.floor_char_boundary(span.end).min(line_end))
            .unwrap_or_default();
        let shown = visible(&mask_line(line)).into_owned();
        let offset = visible(before).width().min(shown.width());
        let width = visible(marked).width();
        Self {
            path: path.to_owned(),
            line: line_number(text, start),
            column: before.chars().count() + 1,
            message: visible(&mask_line(message)).into_owned(),
            hint: hint.map(|hint| mask_line(&hint).into_owned()),
            mark: (offset, width.min(shown.width() - offset).max(1)),
            shown,
        }
    }
}

/// Returns the number of the line that contains the byte `at` of `text`, counted from 1.
pub(super) fn line_number(text: &str, at: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(at)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        writeln!(
            f,
            "{}:{}:{}: {}",
            visible(&path),
            self.line,
            self.column,
            self.message
        )?;
        let number = self.line.to_string();
        let gutter = number.len();
        let (offset, width) = self.mark;
        writeln!(f, " {number} | {}", self.shown)?;
        write!(f, " {:gutter$} | {:offset$}{:^<width$}", "", "", "")?;
        match &self.hint {
            Some(hint) => write!(f, "\n {:gutter$} = {hint}", ""),
            None => Ok(()),
        }
    }
}
