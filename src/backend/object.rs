//! The objects of a store, as a listing returns them.

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::StoreEntry;
use crate::format::digest::Digest;

/// An object in a store.
#[derive(Debug, Clone)]
pub enum StoredObject {
    /// A blob with its digest.
    Blob {
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// When it was last written or touched.
        modified: Option<Timestamp>,
    },
    /// An unfinished upload.
    Partial(OtherObject),
    /// An object that an earlier prune moved to the trash, with the time of the move.
    Trashed(OtherObject),
    /// An object that does not belong to the cache: counted, never touched.
    Unknown(OtherObject),
    /// An entry of a store that deletes by entry. A blob is also sent as [`StoredObject::Blob`].
    Entry(StoreEntry),
}

/// An object that has a name but no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherObject {
    /// The name inside the store, unchanged.
    pub name: String,
    pub kind: OtherKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
}

/// The kind of an object without a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherKind {
    /// A plain file or object.
    File,
    /// A folder of an unfinished upload.
    Upload,
    /// A symbolic link, which is not followed.
    Symlink,
    /// A device, a socket or a pipe, which is not opened.
    Special,
    /// A folder that cannot be listed completely, so it holds more than its size says.
    Unlisted,
}

impl OtherKind {
    /// Returns the word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Upload => "upload",
            Self::Symlink => "link",
            Self::Special => "special",
            Self::Unlisted => "folder",
        }
    }
}

/// The sender for the batches of a listing.
pub type ObjectSender = mpsc::Sender<Vec<StoredObject>>;
