//! Which deletes a store supports, and which of them can be undone.

use std::fmt;

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
    Partial(UndoLimit),
    None,
}

/// Which deletes of a store can be undone, where not all can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoLimit {
    /// Refs, until the registry collects their blobs.
    UntilCollection,
    /// Refs and blobs, because the bucket keeps versions.
    Versions,
    /// Refs, until their blobs are deleted, because the bucket keeps no versions.
    NoVersions,
    /// Whether the bucket keeps versions is not known for each object.
    SomeVersions,
}

impl fmt::Display for UndoLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UntilCollection => {
                "Manifests are kept here, and can be pushed again until the registry collects the blobs that they \
                 reference."
            }
            Self::Versions => "Refs and blobs can be restored: the bucket keeps versions.",
            Self::NoVersions => {
                "Refs can be restored until their blobs are deleted: the bucket keeps no versions."
            }
            Self::SomeVersions => {
                "Refs can be restored until their blobs are deleted, and blobs where the bucket keeps versions."
            }
        })
    }
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
