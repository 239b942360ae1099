//! Refs that a plan writes again, as data.
//!
//! [`super::records`] chooses them for a prune and [`super::repair`] for a repair. A plan contains
//! them, with the reasons of those that are not written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::{RefRewrite, RefTarget};

mod error;
mod fix;
mod not_fixed;
mod warning;

pub use error::{RewriteRefError, SharedReadError};
pub use fix::Fix;
pub use not_fixed::{NotFixed, NotFixedReason, no_repair};
pub use warning::{RewriteWarning, UnusableEvidence};

/// A ref that loses some of its results.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rewrite {
    /// The new documents, and the precondition for the rewrite.
    pub documents: RefRewrite,
    /// The text of the filter that selected the results.
    pub filter: String,
    pub results: Vec<DroppedResult>,
    /// The bytes of blobs that only this ref reaches, and only through the dropped results. A later
    /// run deletes them.
    pub later_bytes: u64,
    /// The number of those blobs.
    pub later_blobs: u64,
    /// The fixes of a repair; empty if a filter selected the results.
    pub fixes: Vec<Fix>,
}

/// The refs that a plan writes again, and why others are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrites {
    /// The refs that lose results.
    pub refs: Vec<Rewrite>,
    /// Warnings about the other refs.
    pub warnings: Vec<RewriteWarning>,
    /// The other parts of a repair; `None` for a prune.
    pub repair: Option<Repair>,
}

/// A dropped result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DroppedResult {
    /// The record.
    pub digest: String,
    /// Its name from the evidence, if known.
    pub name: Option<String>,
    /// The bytes of its own layer.
    pub bytes: Option<u64>,
    /// The time at which it was first saved.
    pub created: Option<Timestamp>,
}

/// The other parts of a repair plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repair {
    /// Whether to delete unfinished uploads.
    pub uploads: bool,
    /// The findings that cannot be fixed.
    pub not_fixed: Vec<NotFixed>,
    /// The refs that are deleted because their manifests are gone.
    pub gone: Vec<RefTarget>,
}
