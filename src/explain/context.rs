//! Files that are part of a cache key: a build context as a builder receives it, or the root of a
//! stage.
//!
//! The value is pure: a sorted list of entries with their digests. [`select`] computes from it the
//! digests that BuildKit's `cache/contenthash` computes for the same files. Other modules read
//! directories and layers into it.

use std::cmp::Ordering;

use super::keys::content::{self, ContentHeader, ContentKind};
use crate::format::digest::{Digest, Hasher};

pub mod rules;
pub mod scratch;
pub mod select;
pub mod snapshot;

/// The most links that are followed to reach a file, as in BuildKit.
const MAX_LINKS: usize = 255;

/// A file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// The path below the root, without a slash at either end; empty for the root. Any bytes but
    /// NUL.
    pub path: Box<[u8]>,
    pub kind: ContextEntryKind,
    /// The permission bits with set-user, set-group and sticky, without the file type.
    pub mode: u32,
    /// The owner; 0 in a build context.
    pub uid: u32,
    /// The group; 0 in a build context.
    pub gid: u32,
    /// Extended attributes by name.
    pub xattrs: Xattrs,
    /// The digest of its header and content; for a directory, of its header alone. `None` if the
    /// entry could not be read. A digest that includes it is then unknown too.
    pub digest: Option<Digest>,
}

/// Extended attributes: names and values.
pub type Xattrs = Vec<(Box<[u8]>, Box<[u8]>)>;

/// The kind of an entry. A hard link has the kind of the file that it links to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextEntryKind {
    /// A regular file with its size in bytes.
    File(u64),
    Directory,
    /// A symbolic link and its target.
    Symlink(Box<[u8]>),
    /// A character device: major and minor number.
    CharDevice(u64, u64),
    /// A block device: major and minor number.
    BlockDevice(u64, u64),
    /// A named pipe.
    Fifo,
}

impl ContextEntry {
    /// Returns an entry of this kind without attributes, with owner 0 and without a digest.
    pub fn new(path: &[u8], kind: ContextEntryKind, mode: u32) -> Self {
        Self {
            path: path.into(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            xattrs: Vec::new(),
            digest: None,
        }
    }

    /// Starts the entry's digest; a regular file's content follows.
    pub fn hasher(&self) -> Hasher {
        let kind = match &self.kind {
            ContextEntryKind::File(size) => ContentKind::File(*size),
            ContextEntryKind::Directory => ContentKind::Directory,
            ContextEntryKind::Symlink(target) => ContentKind::Symlink(target),
            ContextEntryKind::CharDevice(major, minor) => ContentKind::CharDevice(*major, *minor),
            ContextEntryKind::BlockDevice(major, minor) => ContentKind::BlockDevice(*major, *minor),
            ContextEntryKind::Fifo => ContentKind::Fifo,
        };
        let xattrs = self
            .xattrs
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        ContentHeader {
            kind,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            xattrs,
        }
        .hasher()
    }

    /// Sets the digest to that of the header and this content.
    #[must_use]
    pub fn with_content(mut self, content: &[u8]) -> Self {
        let mut hasher = self.hasher();
        hasher.update(content);
        self.digest = Some(hasher.finish());
        self
    }

    /// Returns whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == ContextEntryKind::Directory
    }
}

/// Files in BuildKit's order, with the digests of directories.
#[derive(Debug, Clone)]
pub struct ContextFiles {
    /// The root first, each directory before its content.
    entries: Vec<ContextEntry>,
    /// For each entry, the index after the last entry below it.
    ends: Vec<usize>,
    /// The digest of each entry; for a directory, including its content.
    digests: Vec<Option<Digest>>,
}

impl ContextFiles {
    /// Sorts a build context. Its root has an empty header, because no client sends one.
    pub fn of_context(entries: Vec<ContextEntry>) -> Self {
        Self::new(Some(content::empty()), entries)
    }

    /// Sorts the files of a stage. The header of its root is unknown, and so is the digest of the
    /// whole.
    pub fn of_snapshot(entries: Vec<ContextEntry>) -> Self {
        Self::new(None, entries)
    }

    /// Of several entries with one path, the last one counts. A directory that is missing above an
    /// entry has no known digest.
    fn new(root: Option<Digest>, mut entries: Vec<ContextEntry>) -> Self {
        entries.retain(|entry| !entry.path.is_empty());
        // The sort is stable: the last of several equal entries stays last.
        entries.sort_by(|one, other| in_order(&one.path, &other.path));
        entries.reverse();
        entries.dedup_by(|one, other| one.path == other.path);
        entries.reverse();
        let mut whole = vec![ContextEntry {
            digest: root,
            ..ContextEntry::new(b"", ContextEntryKind::Directory, 0o755)
        }];
        // The index of each directory above the current entry.
        let mut above: Vec<usize> = vec![0];
        for entry in entries {
            loop {
                let top = above.last().map(|&at| &whole[at]);
                match top {
                    Some(folder) if !is_below(&entry.path, &folder.path) => above.pop(),
                    _ => break,
                };
            }
            let known = above.last().map_or(0, |&at| whole[at].path.len());
            for end in missing_folders(&entry.path, known) {
                above.push(whole.len());
                whole.push(ContextEntry::new(
                    &entry.path[..end],
                    ContextEntryKind::Directory,
                    0o755,
                ));
            }
            if entry.is_directory() {
                above.push(whole.len());
            }
            whole.push(entry);
        }
        let ends = ends(&whole);
        let mut files = Self {
            digests: vec![None; whole.len()],
            entries: whole,
            ends,
        };
        for at in (0..files.entries.len()).rev() {
            files.digests[at] = if files.entries[at].is_directory() {
                files.directory(at)
            } else {
                files.entries[at].digest
            };
        }
        files
    }

    /// Returns all entries, the root first, each directory before its content.
    pub fn entries(&self) -> &[ContextEntry] {
        &self.entries
    }

    /// Returns the entry at a path below the root; no link is followed.
    pub fn entry(&self, path: &[u8]) -> Option<&ContextEntry> {
        self.place(path).map(|at| &self.entries[at])
    }

    /// Returns the digest of a file, or of a directory with its content. Returns `None` if some
    /// part of the content is unknown.
    pub fn digest(&self, path: &[u8]) -> Option<Digest> {
        self.place(path).and_then(|at| self.digests[at])
    }

    fn place(&self, path: &[u8]) -> Option<usize> {
        self.entries
            .binary_search_by(|entry| in_order(&entry.path, path))
            .ok()
    }

    /// Returns the indexes of the direct children of a directory.
    fn children(&self, folder: usize) -> impl Iterator<Item = usize> {
        let mut next = folder + 1;
        std::iter::from_fn(move || {
            let child = (next < self.ends[folder]).then_some(next)?;
            next = self.ends[child];
            Some(child)
        })
    }

    /// Hashes a directory after all of its content has been hashed.
    fn directory(&self, folder: usize) -> Option<Digest> {
        let mut hasher = Hasher::Sha256(Box::default());
        hasher.update(format!("\0{}", self.entries[folder].digest?).as_bytes());
        let mut rest: Vec<usize> = self.children(folder).collect();
        rest.reverse();
        let start = self.entries[folder].path.len();
        while let Some(child) = rest.pop() {
            let name = &self.entries[child].path[start..];
            if folder == 0 {
                hasher.update(b"\0");
            }
            hasher.update(&key(name));
            hasher.update(self.digests[child]?.to_string().as_bytes());
            // After a directory, BuildKit continues with the next path that begins with the byte
            // 0xff. That path may be inside the directory.
            let name_start = self.entries[child].path.len() + 1;
            let again = |at: &usize| self.entries[*at].path.get(name_start) == Some(&0xff);
            if self.entries[child].is_directory() {
                let again: Vec<usize> = self.children(child).filter(again).collect();
                rest.extend(again.into_iter().rev());
            }
        }
        Some(hasher.finish())
    }
}

/// Returns a path as in BuildKit's tree: with NUL for each slash.
fn key(path: &[u8]) -> Vec<u8> {
    path.iter()
        .map(|byte| if *byte == b'/' { 0 } else { *byte })
        .collect()
}

/// Compares paths as BuildKit's tree does, where a slash comes before every other byte.
fn in_order(one: &[u8], other: &[u8]) -> Ordering {
    let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    one.iter().map(key).cmp(other.iter().map(key))
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// Returns the lengths of the folders above `path` that are longer than `known`.
fn missing_folders(path: &[u8], known: usize) -> Vec<usize> {
    let slashes = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at);
    slashes.filter(|end| *end > known).collect()
}

fn ends(entries: &[ContextEntry]) -> Vec<usize> {
    let mut ends = vec![entries.len(); entries.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        while let Some(&folder) = open.last() {
            if at > folder && is_below(&entry.path, &entries[folder].path) {
                break;
            }
            ends[folder] = at;
            open.pop();
        }
        open.push(at);
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(path: &str, content: &str) -> ContextEntry {
        let size = content.len() as u64;
        ContextEntry::new(path.as_bytes(), ContextEntryKind::File(size), 0o644)
            .with_content(content.as_bytes())
    }

    pub(super) fn folder(path: &str) -> ContextEntry {
        ContextEntry::new(path.as_bytes(), ContextEntryKind::Directory, 0o755).with_content(b"")
    }

    pub(super) fn link(path: &str, target: &str) -> ContextEntry {
        ContextEntry::new(
            path.as_bytes(),
            ContextEntryKind::Symlink(target.as_bytes().into()),
            0o777,
        )
        .with_content(b"")
    }

    #[test]
    fn agrees_with_buildkit() {
        let files = ContextFiles::of_context(vec![file("a.txt", "hello\n")]);
        assert_eq!(
            files.digest(b"").unwrap().hex(),
            "e9693972246f4aa400fbccffd721a251be0ec97b4764b1dc547f15ba90f3508f"
        );
        let files = ContextFiles::of_context(vec![
            link("d/lnk", "a.txt"),
            file("d/a.txt", "hello\n"),
            folder("d"),
            folder("e"),
        ]);
        assert_eq!(
            files.digest(b"d").unwrap().hex(),
            "dfa46d7ab16bd4b7b89299808fe4cb74cc7c6598718ca2919c781fbcd2e249de"
        );
        assert_eq!(files.entry(b"d/lnk").unwrap().mode, 0o777);
        assert!(files.entry(b"x").is_none());
    }

    #[test]
    fn digests_of_folders_with_unknown_files_are_unknown() {
        let unread = ContextEntry {
            digest: None,
            ..file("a/b", "")
        };
        let files = ContextFiles::of_context(vec![
            folder("a"),
            unread,
            file("c", "c"),
            file("orphan/x", ""),
        ]);
        assert!(
            files.digest(b"").is_none()
                && files.digest(b"a").is_none()
                && files.digest(b"orphan").is_none()
        );
        assert!(files.digest(b"c").is_some() && files.digest(b"orphan/x").is_some());
        assert!(
            ContextFiles::of_snapshot(vec![file("c", "c")])
                .digest(b"")
                .is_none()
        );
    }

    #[test]
    fn the_last_of_equal_paths_counts_and_slashes_sort_first() {
        let files = ContextFiles::of_context(vec![
            file("a", "1"),
            folder("a"),
            file("a-b", ""),
            file("a/z", ""),
            file("a.b", ""),
        ]);
        let paths: Vec<_> = files
            .entries()
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.path))
            .collect();
        assert_eq!(paths, ["", "a", "a/z", "a-b", "a.b"]);
        assert!(files.entry(b"a").unwrap().is_directory());
    }
}
