//! Errors of reading a store or a blob.

use super::RemoteError;
use crate::format::digest::Digest;

/// Why a store cannot be opened or listed.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Nothing exists at that place.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The place exists but is not a cache.
    #[error("{place} is not an OCI image layout: {why}")]
    NotALayout {
        place: String,
        why: String,
        /// The directory to name instead, if known.
        hint: Option<String>,
    },
    /// The directory exists, but a registry does not keep its store there.
    #[error(
        "{0} is not the store of a registry: there is no docker/registry/v2/repositories in it"
    )]
    NotAStore(String),
    /// A file that describes the store is damaged or of an unknown version.
    #[error("cannot use {file}")]
    Layout {
        file: String,
        source: crate::format::layout::LayoutError,
    },
    /// An operating system error.
    #[error("cannot read {place}")]
    Io {
        place: String,
        source: std::io::Error,
    },
    /// A document is larger than the limit.
    #[error("{place} is {size} bytes, more than the limit of {limit}")]
    TooLarge {
        place: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A service refused the request or could not be reached.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A background task ended early, which happens only at shutdown.
    #[error("interrupted")]
    Interrupted,
}

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not hold it.
    #[error("not stored")]
    Absent,
    /// The path is not a regular file.
    #[error("not a plain file")]
    NotAFile,
    /// The blob is larger than the caller's limit.
    #[error("{size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes do not match the digest.
    #[error("its bytes hash to {found}")]
    WrongBytes {
        /// The digest of the bytes.
        found: Digest,
    },
    /// The operating system or the network failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A service refused the request or could not be reached.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// A background task ended early, which happens only at shutdown.
    #[error("interrupted")]
    Interrupted,
}
