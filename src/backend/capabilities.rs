//! Which deletes a store supports, and which of them can be undone.

use jiff::SignedDuration;

use super::Obstacle;

/// Whether a store supports an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    Yes,
    No(Obstacle),
}

/// Which deletes can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoability {
    /// All of it, from a trash in the store, until the trash is emptied.
    Full,
    /// A part of it, as this sentence explains.
    Partial(&'static str),
    None,
}

/// What a store can delete and restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether refs can be deleted.
    pub delete_ref: Support,
    /// Whether blobs and unfinished uploads can be deleted.
    pub delete_object: Support,
    /// Which deleted parts can be restored.
    pub undoability: Undoability,
    /// How long a build may rely on a blob that it found or touched but has not referenced yet.
    /// Added to any grace period.
    pub settling: SignedDuration,
}

impl Capabilities {
    /// Returns the capabilities of a store from which nothing can be deleted.
    pub fn none(why: &Obstacle) -> Self {
        let no = || Support::No(why.clone());
        Self {
            delete_ref: no(),
            delete_object: no(),
            undoability: Undoability::Full,
            settling: SignedDuration::ZERO,
        }
    }
}
