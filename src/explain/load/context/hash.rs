//! Computes the digests of files, reading each file once, on all cores.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::walk::WalkedFile;
use super::{ContextError, ContextProblem};
use crate::explain::context::{ContextEntry, ContextEntryKind};
use crate::format::digest::Digest;

/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 256 << 10;

/// How many files a core takes at a time: enough to avoid contention.
const BATCH: usize = 16;

/// The digests of files with content, by device and inode. A hard link has the digest of its
/// target.
pub(super) struct Hashes(HashMap<(u64, u64), Digest>);

/// Hashes all files with content.
pub(super) fn all<'a>(
    root: &Path,
    listed: impl Iterator<Item = &'a WalkedFile>,
) -> (Hashes, Vec<ContextProblem>) {
    let mut seen = std::collections::HashSet::new();
    let files: Vec<&WalkedFile> = listed
        .filter(|listed| listed.has_content && seen.insert(listed.file))
        .collect();
    drop(seen);
    let next = AtomicUsize::new(0);
    let found = Mutex::new((HashMap::with_capacity(files.len()), Vec::new()));
    let work = || {
        let mut buffer = vec![0; CHUNK];
        let mut digests = Vec::new();
        let mut problems = Vec::new();
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(batch) = files.get(start..files.len().min(start.saturating_add(BATCH))) else {
                break;
            };
            if batch.is_empty() {
                break;
            }
            for listed in batch {
                match one(root, &listed.entry, &mut buffer) {
                    Ok(digest) => digests.push((listed.file, digest)),
                    Err(error) => {
                        problems.push(ContextProblem {
                            path: root.join(OsStr::from_bytes(&listed.entry.path)),
                            error,
                        });
                    }
                }
            }
        }
        // A panic in another thread ends the scope anyway.
        let mut found = found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        found.0.extend(digests);
        found.1.extend(problems);
    };
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(files.len().div_ceil(BATCH));
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let (digests, mut problems) = found
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    problems.sort_by(|one: &ContextProblem, other| one.path.cmp(&other.path));
    (Hashes(digests), problems)
}

impl Hashes {
    /// Adds the digest to a listed file.
    pub fn finish(&self, listed: WalkedFile) -> ContextEntry {
        if !listed.has_content {
            return listed.entry.with_content(b"");
        }
        ContextEntry {
            digest: self.0.get(&listed.file).copied(),
            ..listed.entry
        }
    }
}

fn one(root: &Path, entry: &ContextEntry, buffer: &mut [u8]) -> Result<Digest, ContextError> {
    // A file that has become a link or a pipe since the listing must not be followed or block.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let mut file = File::options()
        .read(true)
        .custom_flags(flags)
        .open(root.join(OsStr::from_bytes(&entry.path)))?;
    let mut hasher = entry.hasher();
    let mut size = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if matches!(entry.kind, ContextEntryKind::File(expected) if size > expected) {
            break;
        }
    }
    if entry.kind == ContextEntryKind::File(size) {
        Ok(hasher.finish())
    } else {
        Err(ContextError::Changed)
    }
}
