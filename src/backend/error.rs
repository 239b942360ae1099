//! Why a store, or a blob of it, cannot be read.

use super::RemoteError;
use crate::format::digest::Digest;

/// Says why a store cannot be opened or listed.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// There is nothing at that place.
    #[error("{0} does not exist")]
    NotFound(String),
    /// There is something, but it is not a cache.
    #[error("{place} is not an OCI image layout: {why}")]
    NotALayout {
        /// Where.
        place: String,
        /// The fault.
        why: String,
        /// The directory to name instead, where that is known.
        hint: Option<String>,
    },
    /// There is a directory, but no registry keeps its store there.
    #[error(
        "{0} is not the store of a registry: there is no docker/registry/v2/repositories in it"
    )]
    NotAStore(String),
    /// A file of the store's own is damaged or of an unknown version.
    #[error("cannot use {file}")]
    Layout {
        /// Which file.
        file: String,
        /// The fault.
        source: crate::format::layout::LayoutError,
    },
    /// The system refused an operation.
    #[error("cannot read {place}")]
    Io {
        /// The file that was read.
        place: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A document is larger than this program reads.
    #[error("{place} is {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Which document.
        place: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A service refused, or could not be asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A helper task ended early, which only a shutdown does.
    #[error("interrupted")]
    Interrupted,
}

/// Says why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not hold it.
    #[error("not stored")]
    Absent,
    /// The file of that name is no plain file.
    #[error("not a plain file")]
    NotAFile,
    /// It is larger than the reader asked for.
    #[error("{size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes are not those that the digest names.
    #[error("its bytes hash to {found}")]
    WrongBytes {
        /// The digest of the bytes.
        found: Digest,
    },
    /// The system or the network failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A service refused, or could not be asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A helper task ended early, which only a shutdown does.
    #[error("interrupted")]
    Interrupted,
}
