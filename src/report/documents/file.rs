//! A file of a layer in JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::format::layer::TarEntry;

/// A file of a layer.
#[derive(Debug, Serialize)]
pub struct FileDocument<'a> {
    path: &'a str,
    kind: &'static str,
    bytes: u64,
    mode: String,
    uid: u64,
    gid: u64,
    modified: Option<Timestamp>,
    link: Option<&'a str>,
}

impl<'a> FileDocument<'a> {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 8] = [
        "path", "kind", "bytes", "mode", "uid", "gid", "modified", "link",
    ];

    /// Returns the document of an entry.
    pub fn new(entry: &'a TarEntry) -> Self {
        Self {
            path: &entry.path,
            kind: entry.kind.word(),
            bytes: entry.size,
            mode: entry.octal_mode(),
            uid: entry.uid,
            gid: entry.gid,
            modified: entry.modified,
            link: entry.kind.link(),
        }
    }
}
