//! Faults of the documents that a ref leads to.

use std::io;

use crate::backend::ReadError;
use crate::backend::WithheldReason;
use crate::format::cache_config::import::Refusal;

/// A fault of a document that a ref leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFault {
    /// The document: a digest, escaped for display.
    pub subject: String,
    pub kind: FaultKind,
    /// How the system or a service failed to read the document, if it did.
    pub read_failure: Option<ReadFailure>,
}

/// How the system or a service failed to read a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFailure {
    /// This user may not read the file.
    PermissionDenied,
    /// Another failure.
    Other,
}

impl ReadFailure {
    /// Returns the failure in an error; `None` if the document itself is at fault.
    pub(super) fn of(error: &ReadError) -> Option<Self> {
        match error {
            ReadError::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Some(Self::PermissionDenied)
            }
            ReadError::Io(_) | ReadError::Remote(_) => Some(Self::Other),
            _ => None,
        }
    }
}

/// The size of a document that exceeds a limit, both in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversize {
    pub bytes: u64,
    pub limit: u64,
}

/// The kind of fault of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The name of a layer is not a digest, so no blob can be stored under it.
    #[error("is no digest: nothing can be stored by that name")]
    NotADigest,
    /// A manifest that is not stored.
    #[error("the manifest is not stored: a build cannot import this ref")]
    ManifestAbsent,
    /// A manifest that could not be read: its references are unknown.
    #[error("the manifest cannot be read: {0}")]
    ManifestUnreadable(String),
    /// A cache or image configuration that is not stored.
    #[error("the config is not stored: a build cannot import this ref")]
    ConfigAbsent,
    /// A cache or image configuration that could not be read.
    #[error("the config cannot be read: {0}")]
    ConfigUnreadable(String),
    /// A cache that the store withholds from this program.
    #[error("{0}")]
    Withheld(WithheldReason),
    /// A configuration that BuildKit refuses as a whole.
    #[error("BuildKit refuses the cache config, and builds as if it were empty: {0}")]
    Refused(Refusal),
    /// A document above BuildKit's import limit.
    #[error(
        "is {} bytes: BuildKit imports no more than {}, so that this cache is never used",
        .0.bytes,
        .0.limit
    )]
    TooLargeToImport(Oversize),
    /// Layers of a cache with an incomplete description; no result that needs them loads
    /// (`diffIDFromDescriptor` in `cache/manager.go`).
    #[error("{0} of its layers lack the {1}: a build cannot load a result that needs them")]
    Undescribed(
        /// The number of layers.
        usize,
        /// The missing part of the description.
        &'static str,
    ),
    /// Extra configurations in an index of layers. BuildKit reads only the last. Such an index is
    /// the result of merging the caches of several jobs with `docker buildx imagetools create`.
    #[error("{0} of its configs are passed over: BuildKit reads the last one alone")]
    ConfigsPassedOver(
        /// The number of extra configurations.
        usize,
    ),
    /// An inline cache that BuildKit skips.
    #[error("the inline cache is passed over: {0}")]
    InlineSkipped(String),
}

impl DocumentFault {
    /// Returns whether the document may reference blobs that are unknown because of the fault.
    ///
    /// This includes a manifest that is not stored: a copy of the store may still be running, or
    /// the manifest may come back, and its blobs must still be there then. It also includes a layer
    /// with a damaged name.
    pub fn hides_references(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::ManifestAbsent
                | FaultKind::ManifestUnreadable(_)
                | FaultKind::Withheld(_)
                | FaultKind::NotADigest
        )
    }

    /// Returns whether the document is not stored.
    pub(in crate::inventory) fn is_absence(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::ManifestAbsent | FaultKind::ConfigAbsent
        )
    }

    /// Records that the listing found a document that was absent when it was read.
    pub(in crate::inventory) fn came_late(&mut self) {
        let why = "it was written while the store was scanned".to_owned();
        self.kind = match self.kind {
            FaultKind::ManifestAbsent => FaultKind::ManifestUnreadable(why),
            _ => FaultKind::ConfigUnreadable(why),
        };
    }

    /// Returns whether the document may hold records that are unknown because of the fault.
    pub fn hides_records(&self) -> bool {
        match self.kind {
            FaultKind::ManifestAbsent
            | FaultKind::ManifestUnreadable(_)
            | FaultKind::Withheld(_)
            | FaultKind::ConfigAbsent
            | FaultKind::ConfigUnreadable(_) => true,
            FaultKind::NotADigest
            | FaultKind::Refused(_)
            | FaultKind::TooLargeToImport(_)
            | FaultKind::Undescribed(..)
            | FaultKind::ConfigsPassedOver(_)
            | FaultKind::InlineSkipped(_) => false,
        }
    }
}

impl std::fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.kind)
    }
}
