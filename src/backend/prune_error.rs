//! Why nothing could be deleted.

use super::BackendError;
use crate::format::digest::Digest;
use crate::format::layout::LayoutError;

/// Says why nothing could be deleted.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// Another prune holds the store.
    #[error("another prune is at work in {0}")]
    Busy(String),
    /// A lease object keeps other prunes out.
    #[error("another prune is at work in {place}: {holder}")]
    Leased {
        /// The store and its lease.
        place: String,
        /// Whose the lease is.
        holder: String,
        /// When it ends, and how to remove it.
        remedy: String,
    },
    /// A build is writing the refs.
    #[error("{0} is held: a build is writing the refs at this moment")]
    IndexHeld(String),
    /// The store does not support the request.
    #[error("{0}")]
    Refused(String),
    /// Something that is not cachelens's own lies where the trash should be.
    #[error("{0} is not a folder of cachelens")]
    TrashOccupied(String),
    /// The index is a link, or belongs to a user as whom this program cannot write.
    #[error("{place} cannot be replaced: {why}")]
    Irreplaceable {
        /// The file.
        place: String,
        /// Why not.
        why: String,
    },
    /// The refs cannot be changed safely.
    #[error("cannot change {file}")]
    Layout {
        /// Which file.
        file: String,
        /// The fault.
        source: LayoutError,
    },
    /// The system refused an operation.
    #[error("cannot {doing} {place}")]
    Io {
        /// The failed action: `write`, `move`.
        doing: &'static str,
        /// The file.
        place: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// Some blobs were restored, and some could not be.
    #[error("not everything could be restored")]
    PutBackInPart {
        /// The restored blobs.
        back: Vec<Digest>,
        /// Why the rest is not.
        source: Box<PruneError>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
}
