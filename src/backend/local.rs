//! A directory that `type=local` wrote: an OCI image layout with content-addressed blobs.
//!
//! Everything in such a directory may be hostile or half written. A blob is opened only by a parsed digest, only when it is
//! a plain file, and never through a symbolic link; what has no business there is told as unknown.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::OFlags;
use tokio_util::sync::CancellationToken;

use super::files::{self, blocking, flags, show};
use super::{
    BackendError, CacheReader, Capabilities, DroppedRef, ObjectSender, PruneError, ReadError, Roots, Verified,
};
use crate::format::digest::Digest;
use crate::format::layout::{self, LayoutError, Root};
use crate::format::manifest::DOCUMENT_LIMIT;

mod index;
mod listing;
mod lock;
mod prune;
mod referrers;
mod refs;
mod remove;
mod rewrite;
mod trash;

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

/// How often an index that changes from one reading to the next is read before it is called damaged: BuildKit writes it in
/// place, and cuts it to its length afterwards (`client/ociindex/ociindex.go`). Its lock is not taken, for a build that finds
/// it held fails.
const INDEX_READS: u32 = 4;
/// How long a build is given to finish its write.
const INDEX_PAUSE: Duration = Duration::from_millis(20);

/// A local cache directory.
#[derive(Debug, Clone)]
pub struct LocalCache {
    dir: PathBuf,
}

impl LocalCache {
    /// Names a directory; nothing is read yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        trash::blob_in(&self.dir, digest)
    }

    fn place(&self, name: &str) -> String {
        show(&self.dir.join(name))
    }

    fn read_roots(&self) -> Result<Roots, BackendError> {
        match fs::metadata(&self.dir) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(self.not_a_layout("it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackendError::NotFound(show(&self.dir)));
            }
            Err(source) => return Err(BackendError::Io { place: show(&self.dir), source }),
        }
        let marker = self.read_own_file(MARKER)?;
        if let Some(marker) = &marker {
            layout::check_marker(marker).map_err(|source| self.layout_error(MARKER, source))?;
        }
        let why = match marker {
            Some(_) => "it has no index.json; did its first export end early?",
            None => "it has no index.json",
        };
        self.read_index()?.ok_or_else(|| self.not_a_layout(why))
    }

    /// Reads the index, again when it may have been caught between two writes; nothing when it is not there.
    fn read_index(&self) -> Result<Option<Roots>, BackendError> {
        let mut before = None;
        for _ in 0..INDEX_READS {
            let Some(index) = self.read_own_file(INDEX)? else { return Ok(None) };
            match layout::parse_index(&index) {
                Ok(entries) => return Ok(Some(Roots { entries, fingerprint: layout::fingerprint(&index) })),
                Err(LayoutError::Empty | LayoutError::Json(_)) if before.as_ref() != Some(&index) => {}
                Err(source) => return Err(self.layout_error(INDEX, source)),
            }
            before = Some(index);
            thread::sleep(INDEX_PAUSE);
        }
        Err(self.layout_error(INDEX, LayoutError::Json("it is written all the time".to_owned())))
    }

    /// Reads one of the layout's own small files; nothing when it is not there.
    fn read_own_file(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
        let fail = |source| BackendError::Io { place: self.place(name), source };
        // Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
        let file = match OpenOptions::new().read(true).custom_flags(flags(OFlags::NONBLOCK)).open(self.dir.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
        };
        let found = file.metadata().map_err(fail)?;
        if !found.is_file() {
            return Err(self.not_a_layout(&format!("its {name} is not a plain file")));
        }
        if found.len() > DOCUMENT_LIMIT {
            return Err(BackendError::TooLarge { place: self.place(name), size: found.len(), limit: DOCUMENT_LIMIT });
        }
        let mut bytes = Vec::new();
        file.take(DOCUMENT_LIMIT).read_to_end(&mut bytes).map_err(fail)?;
        Ok(Some(bytes))
    }

    fn not_a_layout(&self, why: &str) -> BackendError {
        BackendError::NotALayout { place: show(&self.dir), why: why.to_owned() }
    }

    fn layout_error(&self, name: &str, source: LayoutError) -> BackendError {
        BackendError::Layout { file: self.place(name), source }
    }
}

#[async_trait]
impl CacheReader for LocalCache {
    async fn roots(&self) -> Result<Roots, BackendError> {
        let cache = self.clone();
        blocking(move || cache.read_roots()).await.unwrap_or(Err(BackendError::Interrupted))
    }

    async fn list_objects(&self, sender: ObjectSender, cancel: CancellationToken) -> Result<(), BackendError> {
        let dir = self.dir.clone();
        blocking(move || listing::list(&dir, &sender, &cancel)).await.unwrap_or(Err(BackendError::Interrupted))
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let cache = self.clone();
        blocking(move || files::read_document(&cache.blob_path(&digest), digest, limit))
            .await
            .unwrap_or(Err(ReadError::Interrupted))
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let cache = self.clone();
        let opened =
            blocking(move || files::open(&cache.blob_path(&digest))).await.unwrap_or(Err(ReadError::Interrupted));
        opened.map(|(file, _)| Box::new(Verified::new(file, digest)) as Box<dyn Read + Send>)
    }

    async fn capabilities(&self) -> Capabilities {
        let cache = self.clone();
        let found = blocking(move || cache.what_can_be_deleted()).await;
        found.unwrap_or_else(|| Capabilities::none("interrupted"))
    }

    async fn place(&self) -> Result<String, BackendError> {
        let dir = fs::canonicalize(&self.dir);
        let dir = dir.map_err(|source| BackendError::Io { place: show(&self.dir), source })?;
        dir.into_os_string().into_string().map_err(|_| self.not_a_layout("its path is not UTF-8"))
    }

    fn has_referrers(&self) -> bool {
        true
    }

    async fn referrers(&self, unnamed: Vec<Digest>) -> Result<Vec<(Digest, Root)>, BackendError> {
        let cache = self.clone();
        blocking(move || cache.find_referrers(&unnamed)).await.unwrap_or(Err(BackendError::Interrupted))
    }

    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        let cache = self.clone();
        blocking(move || cache.read_dropped()).await.unwrap_or(Err(BackendError::Interrupted.into()))
    }

    async fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.dir).ok()?;
        found.f_bavail.checked_mul(found.f_frsize)
    }
}
