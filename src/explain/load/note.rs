//! Notes on an explanation: evidence that is missing or does not fit, and caches whose content may
//! not be found.
//!
//! A note keeps the names as evidence and stores have them, and escapes them as it prints. It keeps
//! errors as texts, because they come from all layers.

use std::fmt;

mod description;
mod evidence;
mod import;
mod solution;

pub use description::DescriptionNote;
pub use evidence::EvidenceNote;
pub use import::ImportNote;
pub use solution::{PossibleReason, SolutionNote};

/// A note on an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// On records, provenance, logs and baselines.
    Evidence(EvidenceNote),
    /// On the Dockerfile, the contexts and the command.
    Description(DescriptionNote),
    /// On the caches that the build imports.
    Import(ImportNote),
    /// On the verdicts.
    Solution(SolutionNote),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evidence(note) => note.fmt(f),
            Self::Description(note) => note.fmt(f),
            Self::Import(note) => note.fmt(f),
            Self::Solution(note) => note.fmt(f),
        }
    }
}

impl From<EvidenceNote> for Note {
    fn from(note: EvidenceNote) -> Self {
        Self::Evidence(note)
    }
}

impl From<DescriptionNote> for Note {
    fn from(note: DescriptionNote) -> Self {
        Self::Description(note)
    }
}

impl From<ImportNote> for Note {
    fn from(note: ImportNote) -> Self {
        Self::Import(note)
    }
}

impl From<SolutionNote> for Note {
    fn from(note: SolutionNote) -> Self {
        Self::Solution(note)
    }
}
