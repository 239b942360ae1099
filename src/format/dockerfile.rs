//! Parses Dockerfiles exactly as BuildKit's Dockerfile frontend does.
//!
//! `lines` joins lines to instructions and finds the bodies of here-documents, `node` splits an
//! instruction into flags and arguments, and `parse` interprets both. [`lex`] expands variables
//! later, because their values depend on the build. Whatever BuildKit refuses is refused with its
//! words and at its lines; whatever it accepts is accepted. The rules are those of
//! `frontend/dockerfile` of BuildKit at commit 73ed6825c.

use crate::text::nearest::nearest;

pub mod directives;
mod flags;
pub mod here_document;
mod instruction;
pub mod lex;
pub mod lines;
pub mod mount;
mod node;
pub mod outline;
mod parse;
mod values;

pub use instruction::{
    Argument, CopyInstruction, InlineFile, Instruction, InstructionKind, KeyValue, Network,
    RunInstruction, Stage,
};
pub use parse::{Dockerfile, trigger};

/// Returns the end of an error message, with the word that was probably meant.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // A longer word cannot be a misspelt known word.
    let near = if word.len() > 40 {
        None
    } else {
        nearest(word, known)
    };
    near.map(|near| format!(" (did you mean {near}?)"))
        .unwrap_or_default()
}

/// The lines of an instruction, counted from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lines {
    /// The first line; 0 if unknown.
    pub first: u32,
    pub last: u32,
}

impl Lines {
    /// Returns a single line.
    pub fn only(line: u32) -> Self {
        Self {
            first: line,
            last: line,
        }
    }
}

/// Why a text is no Dockerfile, in BuildKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    pub message: String,
    /// The faulty lines; `None` if the error is about the whole file.
    pub lines: Option<Lines>,
}

impl ParseError {
    /// Makes an error about some lines.
    pub fn at(message: impl Into<String>, lines: Lines) -> Self {
        Self {
            message: message.into(),
            lines: Some(lines),
        }
    }

    /// Makes an error about the whole file.
    pub fn of_file(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            lines: None,
        }
    }
}
