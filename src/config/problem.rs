//! What is wrong with a configuration, pointed at where it stands.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthStr;

use crate::format::text::visible;

/// Says why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that the user named is none.
    #[error("there is no configuration file `{}`", visible(&path.to_string_lossy()))]
    NotFound {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file `{}`", visible(&path.to_string_lossy()))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What stands in the file is wrong, in at least one place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Problem>),
    /// An environment variable has a value that its setting cannot have.
    #[error("in the environment variable {name}: {}", visible(message))]
    Environment {
        /// The variable.
        name: &'static str,
        /// What is wrong, as a sentence.
        message: String,
    },
}

/// Something in a configuration file, and what there is to say about it.
///
/// It prints in lines as a compiler does: file, line, column and message; the line itself; a mark below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    /// What there is to say.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line as it is shown, without what could be a credential.
    shown: String,
    /// How many cells stand before the mark, and how many the mark has.
    mark: (usize, usize),
}

impl Problem {
    /// Points at `span`, a range of bytes in `text`, which is what stands in the file `path`.
    pub(super) fn new(path: &Path, text: &str, span: &Range<usize>, message: &str, hint: Option<String>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line_start..start];
        let line = text[line_start..].lines().next().unwrap_or_default();
        let line_end = line_start + line.len();
        let marked = text.get(start..text.floor_char_boundary(span.end).min(line_end)).unwrap_or_default();
        let shown = visible(&without_credentials(line)).into_owned();
        let offset = visible(before).width().min(shown.width());
        let width = visible(marked).width();
        Self {
            path: path.to_owned(),
            line: line_number(text, start),
            column: before.chars().count() + 1,
            message: visible(message).into_owned(),
            hint,
            mark: (offset, width.min(shown.width() - offset).max(1)),
            shown,
        }
    }
}

/// Returns the number of the line, counted from 1, in which the byte `at` of `text` stands.
pub(super) fn line_number(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Cuts a line off where a credential may follow, however the attribute before it is spelled.
fn without_credentials(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let value = ["key", "token", "secret"].iter().filter_map(|word| {
        let word = lower.find(word)?;
        Some(word + lower[word..].find('=')? + 1)
    });
    let user = lower.find("://").filter(|at| lower[*at..].contains('@')).map(|at| at + 3);
    match value.chain(user).min() {
        Some(cut) if cut < line.len() => format!("{}***", &line[..cut]),
        _ => line.to_owned(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        writeln!(f, "{}:{}:{}: {}", visible(&path), self.line, self.column, self.message)?;
        let number = self.line.to_string();
        let (gutter, (offset, width)) = (number.len(), self.mark);
        writeln!(f, " {number} | {}", self.shown)?;
        write!(f, " {:gutter$} | {:offset$}{:^<width$}", "", "", "")?;
        match &self.hint {
            Some(hint) => write!(f, "\n {:gutter$} = {hint}", ""),
            None => Ok(()),
        }
    }
}
