//! Errors of deletions.

use std::io;

use super::BackendError;
use crate::format::digest::Digest;
use crate::format::layout::LayoutError;
use crate::text::causes::causes_of;

/// Why nothing could be deleted.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// Another prune holds the lock of the store.
    #[error("another prune is running in {0}")]
    Busy(String),
    /// Another prune holds the lease of the store.
    #[error("another prune is running in {place}: {holder}")]
    Leased {
        /// The store and its lease.
        place: String,
        /// The holder of the lease.
        holder: String,
        /// When the lease ends, and how to remove it.
        remedy: String,
    },
    /// A build is writing the refs.
    #[error("{0} is held: a build is writing the refs at this moment")]
    IndexHeld(String),
    /// The store does not support the request.
    #[error("{0}")]
    Refused(String),
    /// Something that cachelens did not create is where the trash should be.
    #[error("{0} is not a folder of cachelens")]
    TrashOccupied(String),
    /// The index is a link, or belongs to another user.
    #[error("{place} cannot be replaced: {why}")]
    Irreplaceable {
        place: String,
        /// Why it cannot be replaced.
        why: String,
    },
    /// The refs cannot be changed safely.
    #[error("cannot change {file}")]
    Layout { file: String, source: LayoutError },
    /// An operating system error.
    #[error("cannot {doing} {place}")]
    Io {
        /// The failed action: `write`, `move`.
        doing: &'static str,
        place: String,
        /// The error of the system.
        source: io::Error,
    },
    /// Some blobs were restored, and some could not be.
    #[error("not everything could be restored")]
    PartlyRestored {
        /// The restored blobs.
        back: Vec<Digest>,
        /// Why the others were not restored.
        source: Box<PruneError>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl PruneError {
    /// Returns whether the disk or the user's quota is full.
    pub fn is_storage_full(&self) -> bool {
        causes_of(self).any(|cause| cause.downcast_ref().is_some_and(is_storage_full))
    }
}

/// Returns whether an error of the system means that the disk or the user's quota is full.
pub(super) fn is_storage_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn of_system(error: Errno) -> PruneError {
        PruneError::Io {
            doing: "write",
            place: "run.json".to_owned(),
            source: error.into(),
        }
    }

    #[test]
    fn a_full_disk_and_a_full_quota_are_full_storage() {
        for full in [Errno::NOSPC, Errno::DQUOT] {
            assert!(of_system(full).is_storage_full(), "{full}");
            let in_part = PruneError::PartlyRestored {
                back: Vec::new(),
                source: Box::new(of_system(full)),
            };
            assert!(in_part.is_storage_full(), "{full}");
        }
        for other in [Errno::ACCESS, Errno::ROFS, Errno::FBIG] {
            assert!(!of_system(other).is_storage_full(), "{other}");
        }
        let words = PruneError::Refused("No space left on device".to_owned());
        assert!(!words.is_storage_full());
    }
}
