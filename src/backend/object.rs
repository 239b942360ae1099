//! The objects of a store, as a listing returns them.

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::StoreEntry;
use crate::format::digest::Digest;

/// Something that a store holds.
#[derive(Debug, Clone)]
pub enum StoredObject {
    /// A blob under its digest.
    Blob {
        /// Its name.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// When the store last saw it written or touched.
        modified: Option<Timestamp>,
    },
    /// An upload that has not been finished.
    Partial(OtherObject),
    /// Something that an earlier prune put into the trash, with the time when it came there.
    Trashed(OtherObject),
    /// Anything that is none of the cache's own: it is counted, and never touched.
    Unknown(OtherObject),
    /// An entry of a store that deletes by entry; a blob is also sent as a blob.
    Entry(StoreEntry),
}

/// An object that has a name but no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherObject {
    /// The name inside the store, as it is there.
    pub name: String,
    /// Its kind.
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
    /// A folder that may not be listed, or not all of it: there is more than its size says.
    Unlisted,
}

impl OtherKind {
    /// Returns the word for it.
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

/// The batches in which a listing comes.
pub type ObjectSender = mpsc::Sender<Vec<StoredObject>>;
