//! Detects builds that write to a layout, and reads its index without blocking an export.
//!
//! BuildKit locks the index while it writes it, and an export fails if the lock is held. So this
//! module only checks for the lock file, and takes the lock only if the file is so old that its
//! holder must have died.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::folders::Layout;
use super::lock::FileLock;
use super::prune::working;
use super::walk::Upload;
use super::{BLOBS, INDEX, INDEX_LOCK, INGEST, LocalCache, show};
use crate::backend::{PruneError, StoreActivity, WatchActivity};
use crate::format::digest::Digest;
use crate::format::layout;

/// A lock file younger than this counts as held: BuildKit holds it for milliseconds.
const FRESH_LOCK: SignedDuration = SignedDuration::from_secs(2);
/// A file that changed this recently may change again without a new time.
const FRESH_CHANGE: SignedDuration = SignedDuration::from_millis(50);
/// The number of unfinished uploads that are examined; a cache with more is in use.
const MOST_UPLOADS: usize = 1000;
/// How long to wait for a build that writes the index.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

impl LocalCache {
    /// Returns whether the index has this `fingerprint` while no build writes it.
    pub(super) fn index_is(&self, fingerprint: Digest) -> Result<bool, PruneError> {
        let layout = self.open_layout()?;
        let mut waited = Duration::ZERO;
        loop {
            let before = index_stamp(&layout);
            if !is_locked(&layout).map_err(|error| self.lock_error(error))? {
                let index = self.read_own_file(super::INDEX)?;
                let index = index.ok_or_else(|| self.not_a_layout("its index.json was deleted"))?;
                let is_locked = is_locked(&layout).map_err(|error| self.lock_error(error))?;
                if !is_locked && index_stamp(&layout) == before {
                    return Ok(layout::fingerprint(&index) == fingerprint);
                }
            }
            if waited >= PATIENCE {
                return Err(PruneError::IndexHeld(show(&self.dir.join(INDEX_LOCK))));
            }
            thread::sleep(BETWEEN_TRIES);
            waited += BETWEEN_TRIES;
        }
    }

    fn look_for_writers(&self) -> Result<StoreActivity, PruneError> {
        let layout = self.open_layout()?;
        let refs_locked = is_locked(&layout).map_err(|error| self.lock_error(error))?;
        let failed = |source| PruneError::Io {
            doing: "look at",
            place: show(&self.dir),
            source,
        };
        let contents = contents(&layout).map_err(failed)?;
        Ok(StoreActivity {
            refs_locked,
            refs: index_stamp(&layout),
            contents,
        })
    }

    fn lock_error(&self, source: io::Error) -> PruneError {
        PruneError::Io {
            doing: "look at",
            place: show(&self.dir.join(INDEX_LOCK)),
            source,
        }
    }
}

/// Returns whether a build holds the lock of the index.
fn is_locked(layout: &Layout) -> io::Result<bool> {
    let found = match layout.root.facts(INDEX_LOCK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    if Timestamp::now().duration_since(found.modified).abs() < FRESH_LOCK {
        return Ok(true);
    }
    // A client that died may have left it. Taking it removes the file.
    Ok(FileLock::try_take(&layout.root, INDEX_LOCK)?.is_none())
}

/// Returns a number that changes when the index is written.
fn index_stamp(layout: &Layout) -> u64 {
    let mut hasher = DefaultHasher::new();
    if let Ok(found) = layout.root.facts(INDEX) {
        (found.identity, found.size, found.modified, found.changed).hash(&mut hasher);
        let now = Timestamp::now();
        if now.duration_since(found.modified).abs() < FRESH_CHANGE {
            now.hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Returns a number that changes when a blob is added or removed, or an upload grows.
fn contents(layout: &Layout) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for algorithm in ["sha256", "sha512"] {
        // An entry that cannot be opened, as a link, holds nothing that is moved.
        if let Ok(folder) = layout.folder(&Path::new(BLOBS).join(algorithm)) {
            let facts = folder.own_facts()?;
            (facts.modified, facts.changed).hash(&mut hasher);
        }
    }
    let Ok(ingest) = layout.folder(Path::new(INGEST)) else {
        return Ok(hasher.finish());
    };
    let mut uploads = Vec::new();
    for entry in ingest.entries()?.take(MOST_UPLOADS) {
        let entry = entry?;
        if let Ok(upload) = Upload::at(&ingest, &entry.name) {
            uploads.push((entry.name, upload.size, upload.modified));
        }
    }
    uploads.sort();
    uploads.hash(&mut hasher);
    Ok(hasher.finish())
}

#[async_trait]
impl WatchActivity for LocalCache {
    async fn look(&self) -> Result<StoreActivity, PruneError> {
        let cache = self.clone();
        working(move || cache.look_for_writers()).await
    }
}
