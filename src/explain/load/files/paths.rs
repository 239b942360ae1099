//! Paths of files in contexts and layers: clean, and relative to a root.

use crate::format::go_path;

pub(super) fn trimmed(path: &str) -> Vec<u8> {
    let clean = go_path::clean(path.as_bytes());
    let path: &[u8] = clean.as_ref();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    if path == b"." {
        Vec::new()
    } else {
        path.to_vec()
    }
}

pub(super) fn is_within(path: &[u8], folder: &[u8]) -> bool {
    below(path, folder).is_some()
}

/// Returns the rest of a path below a folder; empty for the folder itself.
pub(super) fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    match path.strip_prefix(folder)? {
        [] => Some(&[]),
        rest if folder.is_empty() => Some(rest),
        [b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

pub(super) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() || name.is_empty() {
        [folder, name].concat()
    } else {
        [folder, b"/", name].concat()
    }
}

pub(super) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

pub(super) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
