//! Blobs and other stored objects in JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::inventory::subject::{BlobRow, OtherRow};

/// A blob.
#[derive(Debug, Serialize)]
pub struct BlobDocument {
    digest: String,
    bytes: Option<u64>,
    state: &'static str,
    modified: Option<Timestamp>,
    /// `None` if not all refs were read.
    refs: Option<u32>,
    media_type: Option<String>,
    role: &'static str,
}

/// A stored object that is no blob: an unfinished upload, or one outside of the cache.
#[derive(Debug, Serialize)]
pub struct ObjectDocument<'a> {
    name: &'a str,
    kind: &'static str,
    bytes: u64,
    state: &'static str,
    modified: Option<Timestamp>,
}

/// The fields of both, in the order of a table.
pub const STORED_FIELDS: [&str; 9] = [
    "digest",
    "name",
    "role",
    "kind",
    "state",
    "bytes",
    "modified",
    "refs",
    "media_type",
];

impl BlobDocument {
    /// Returns the document of a blob. `knows_all_refs` is whether all refs were read.
    pub fn new(row: &BlobRow<'_>, knows_all_refs: bool) -> Self {
        let blob = &row.blob;
        Self {
            digest: blob.digest().to_string(),
            bytes: blob.size(),
            state: row.state.word(),
            modified: blob.modified(),
            refs: knows_all_refs.then(|| blob.refs()),
            media_type: blob.media_type().map(str::to_owned),
            role: blob.role().word(),
        }
    }
}

impl<'a> ObjectDocument<'a> {
    /// Returns the document of an object.
    pub fn new(row: &OtherRow<'a>) -> Self {
        Self {
            name: row.name,
            kind: row.kind,
            bytes: row.size,
            state: row.state,
            modified: row.modified,
        }
    }
}
