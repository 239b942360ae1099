//! Hashes files of a context again, with other attributes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::explain::context::ContextEntry;
use crate::format::digest::Digest;

/// The largest file whose content is read again to check whether only its mode changed, in bytes.
const LARGEST: u64 = 64 << 20;

/// Hashes a file of the context with the header of `entry`.
pub(super) fn hashed(entry: &ContextEntry, root: &Path, size: u64) -> Option<Digest> {
    if size > LARGEST {
        return None;
    }
    let path = root.join(OsStr::from_bytes(&entry.path));
    let content = std::fs::read(path).ok()?;
    entry.clone().with_content(&content).digest
}
