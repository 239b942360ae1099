//! A directory that `type=local` wrote: an OCI image layout with content-addressed blobs.
//!
//! Anything in such a directory may be hostile or half written. A blob is opened only by a parsed
//! digest and only if it is a plain file. Symbolic links inside a layout are not followed, with one
//! exception: the user may have made `blobs` or the folders in it links to another disk. Such a
//! cache can be read; its blobs are not deleted, because other caches may share them. The path of
//! the layout itself may be a link.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::files::{self, blocking, show};
use super::{BackendError, ListedRefs, PruneError, ReadError};
use crate::format::digest::Digest;
use crate::format::layout::{self, LayoutError};
use crate::format::manifest::DOCUMENT_LIMIT;

use dir::Dir;
use folders::Layout;

mod copy;
mod delete;
mod dir;
mod folders;
mod index;
mod list;
mod lock;
mod mistaken;
mod mount;
mod prune;
mod read;
mod referrers;
mod refs;
mod trash;
mod undo;
mod walk;
mod watch;
mod write;

pub(super) use copy::CopyInProgress;
pub use mount::has_blobs_on_a_mount;
pub use trash::{RunTrash, left_by as trash_left_by};

/// The file that lists the refs.
const INDEX: &str = "index.json";
/// The file that marks a layout.
const MARKER: &str = "oci-layout";
/// The folder of blobs, by algorithm.
const BLOBS: &str = "blobs";
/// The folder of unfinished writes (`containerd`'s content store).
const INGEST: &str = "ingest";
/// The lock that BuildKit holds while it writes the index.
const INDEX_LOCK: &str = "index.json.lock";

/// The number of reads before a file that is empty or does not parse counts as damaged. Each export
/// truncates and rewrites `oci-layout`, and overwrites `index.json` in place before it cuts it to
/// its length (`client/ociindex/ociindex.go`). Reads do not take the lock, because builds fail
/// while it is held.
const READS: u32 = 6;
/// How long to wait for a build to finish its write.
const PAUSE: Duration = Duration::from_millis(20);

/// Returns the number of threads for the system calls of many files. More than four only wait for
/// each other in the kernel's directory code.
fn threads() -> usize {
    thread::available_parallelism()
        .map_or(1, usize::from)
        .min(4)
}

/// Works on items with several threads, on a share of them in each. Returns the number of items and
/// the result of each share, in the order of the items; a thread that panicked has no result.
fn in_shares<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<(usize, Option<R>)> {
    // A further thread pays off only for more than 64 files.
    let share = items.len().div_ceil(threads()).max(64);
    thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = items
            .chunks(share)
            .map(|share| (share.len(), scope.spawn(move || work(share))))
            .collect();
        workers
            .into_iter()
            .map(|(count, worker)| (count, worker.join().ok()))
            .collect()
    })
}

/// A local cache directory.
#[derive(Debug, Clone)]
pub struct LocalCache {
    dir: PathBuf,
    /// Provenance statements by ref, if the cache has any.
    provenance: Arc<HashMap<String, Vec<Vec<u8>>>>,
    /// For the program's own copy, to which no build writes: what writes it.
    copy: Option<Arc<CopyInProgress>>,
}

impl LocalCache {
    /// Creates the value for a directory without reading it.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            provenance: Arc::default(),
            copy: None,
        }
    }

    /// Marks it as a copy to which no build writes, and which may not be complete yet.
    pub(super) fn copied_by(self, copy: Arc<CopyInProgress>) -> Self {
        Self {
            copy: Some(copy),
            ..self
        }
    }

    /// Adds provenance statements by ref.
    pub(super) fn with_provenance(self, provenance: Arc<HashMap<String, Vec<Vec<u8>>>>) -> Self {
        Self { provenance, ..self }
    }

    /// Blocks until a copy is complete.
    ///
    /// # Errors
    /// Returns the error of the thread that writes it.
    pub(super) fn wait_for_copy(&self) -> io::Result<()> {
        self.copy.as_deref().map_or(Ok(()), CopyInProgress::wait)
    }

    fn layout(&self) -> io::Result<Layout> {
        self.wait_for_copy()?;
        Layout::open(&self.dir)
    }

    /// Opens the layout for changes.
    fn open_layout(&self) -> Result<Layout, PruneError> {
        self.layout().map_err(|source| PruneError::Io {
            doing: "open",
            place: show(&self.dir),
            source,
        })
    }

    /// Opens a blob for reading; returns its size in bytes, too.
    fn open_blob_file(&self, digest: &Digest) -> Result<(File, u64), ReadError> {
        let file = self
            .layout()
            .and_then(|layout| layout.linked_blobs(digest.algorithm()))
            .and_then(|blobs| blobs.file(digest.hex()));
        files::opened(file)
    }

    fn place(&self, name: &str) -> String {
        show(&self.dir.join(name))
    }

    fn read_refs(&self) -> Result<ListedRefs, BackendError> {
        match fs::metadata(&self.dir) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(self.not_a_layout("it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackendError::NotFound(show(&self.dir)));
            }
            Err(source) => {
                return Err(BackendError::Io {
                    place: show(&self.dir),
                    source,
                });
            }
        }
        let marker = self.read_settled(MARKER, layout::check_marker)?;
        let why = match marker {
            Some(()) => "it has no index.json; did its first export end early?",
            None => "it has no index.json",
        };
        self.read_index()?.ok_or_else(|| self.not_a_layout(why))
    }

    /// Reads the index, if it exists.
    fn read_index(&self) -> Result<Option<ListedRefs>, BackendError> {
        self.read_settled(INDEX, |index| {
            Ok(ListedRefs {
                entries: layout::parse_index(index)?
                    .into_iter()
                    .map(Into::into)
                    .collect(),
                fingerprint: layout::fingerprint(index),
            })
        })
    }

    /// Reads and parses one of the layout's own files, if it exists. Retries if a build may be
    /// writing it.
    fn read_settled<T>(
        &self,
        name: &str,
        parse: impl Fn(&[u8]) -> Result<T, LayoutError>,
    ) -> Result<Option<T>, BackendError> {
        let mut fault = LayoutError::Empty;
        for reading in 0..READS {
            if reading > 0 {
                thread::sleep(PAUSE);
            }
            let Some(bytes) = self.read_own_file(name)? else {
                return Ok(None);
            };
            match parse(&bytes) {
                Ok(parsed) => return Ok(Some(parsed)),
                Err(error @ (LayoutError::Empty | LayoutError::Json(_))) => fault = error,
                Err(error) => return Err(self.layout_error(name, error)),
            }
        }
        Err(self.layout_error(name, fault))
    }

    /// Reads one of the layout's own small files, if it exists.
    fn read_own_file(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
        let fail = |source| BackendError::Io {
            place: self.place(name),
            source,
        };
        self.wait_for_copy().map_err(fail)?;
        let opened = Dir::named(&self.dir).and_then(|dir| dir.file(name));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let found = file.metadata().map_err(fail)?;
        if !found.is_file() {
            return Err(self.not_a_layout(&format!("its {name} is not a plain file")));
        }
        if found.len() > DOCUMENT_LIMIT {
            return Err(BackendError::TooLarge {
                place: self.place(name),
                size: found.len(),
                limit: DOCUMENT_LIMIT,
            });
        }
        let mut bytes = Vec::new();
        file.take(DOCUMENT_LIMIT)
            .read_to_end(&mut bytes)
            .map_err(fail)?;
        Ok(Some(bytes))
    }

    fn not_a_layout(&self, why: &str) -> BackendError {
        BackendError::NotALayout {
            place: show(&self.dir),
            why: why.to_owned(),
            hint: mistaken::hint(&self.dir),
        }
    }

    fn layout_error(&self, name: &str, source: LayoutError) -> BackendError {
        BackendError::Layout {
            file: self.place(name),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_in_order_and_a_panic_loses_one_share_only() {
        let items: Vec<usize> = (0..1_000).collect();
        let shares = in_shares(&items, <[usize]>::to_vec);
        let all: Vec<usize> = shares
            .iter()
            .flat_map(|(count, share)| {
                let share = share.clone().unwrap();
                assert_eq!(share.len(), *count);
                share
            })
            .collect();
        assert_eq!(all, items);
        let shares = in_shares(&items, |share| assert!(!share.contains(&0)));
        let lost: Vec<bool> = shares.iter().map(|(_, done)| done.is_none()).collect();
        assert_eq!(lost.iter().filter(|lost| **lost).count(), 1);
        assert!(lost[0]);
        assert!(in_shares(&[] as &[usize], |_| ()).is_empty());
    }
}
