//! Deleting from a layout: refs out of the index, objects into the trash or away, and back.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::index::{SHORT_PATIENCE, sync_dir};
use super::listing::{Upload, modified};
use super::lock::FileLock;
use super::trash::{self, Run, Trash};
use super::{BLOBS, INDEX, INGEST, LocalCache, blocking, show};
use crate::backend::{
    BackendError, CachePruner, Capabilities, Disposal, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId,
    PruneError, RefRewrite, RefTarget, Support, WayBack,
};
use crate::format::digest::Digest;
use crate::format::layout;

/// The unit of `st_blocks` (`stat(2)`).
const BLOCK: u64 = 512;
/// Why something stays that only looks like an object.
pub(super) const NOT_PLAIN: &str = "it is not a plain file";

/// Holds the lock of the trash; the trash goes with it when nothing is left there.
struct TrashLease {
    lock: Option<FileLock>,
    trash: Trash,
}

impl Lease for TrashLease {}

impl Drop for TrashLease {
    fn drop(&mut self) {
        drop(self.lock.take());
        self.trash.remove_if_empty();
    }
}

impl LocalCache {
    /// Says what can be deleted here. Blobs that lie behind a link may be shared with a layout whose refs are not known.
    pub(super) fn what_can_be_deleted(&self) -> Capabilities {
        let linked = |name: &str| {
            let found = fs::symlink_metadata(self.dir.join(name));
            found.is_ok_and(|found| found.file_type().is_symlink()).then(|| format!("`{name}` is a symbolic link"))
        };
        let delete_ref = linked(INDEX).map_or(Support::Yes, |link| Support::No(format!("{link}, not the file itself")));
        let folders = [BLOBS, INGEST, "blobs/sha256", "blobs/sha512"];
        let delete_object = folders.into_iter().find_map(linked).map_or(Support::Yes, |link| {
            Support::No(format!("{link}: other caches may use the same blobs, and which they need is not known"))
        });
        Capabilities { delete_ref, delete_object, way_back: WayBack::Trash, settling: SignedDuration::ZERO }
    }

    fn take_lease(&self) -> Result<TrashLease, PruneError> {
        let mut tries = 0;
        loop {
            let trash = Trash::ensure(&self.dir)?;
            match FileLock::try_take(&trash.lock()) {
                Ok(Some(lock)) => return Ok(TrashLease { lock: Some(lock), trash }),
                Ok(None) => return Err(PruneError::Busy(show(&self.dir))),
                // Another prune has just ended and taken the empty trash away.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 3 => tries += 1,
                Err(source) => return Err(PruneError::Io { doing: "lock", place: show(&trash.lock()), source }),
            }
        }
    }

    pub(super) fn path_of(&self, trash: Option<&Trash>, name: &ObjectName) -> Option<PathBuf> {
        match name {
            ObjectName::Entry(_) => None,
            ObjectName::Blob(digest) => Some(self.blob_path(digest)),
            ObjectName::Partial(name) => Some(self.dir.join(INGEST).join(trash::upload(name)?)),
            ObjectName::Trashed(name) => {
                let (plan, inner) = trash::trashed(name)?;
                trash?.place_of(&plan, &inner)
            }
        }
    }

    fn put_blobs_back(&self, wanted: &HashSet<Digest>) -> Result<Vec<Digest>, PruneError> {
        let Some(trash) = Trash::find(&self.dir)? else { return Ok(Vec::new()) };
        let (mut back, mut fault) = (Vec::new(), None);
        for plan in trash.runs()? {
            for (digest, place) in trash.blobs_of(&plan)? {
                if !wanted.contains(&digest) {
                    continue;
                }
                match move_back(&place, &self.blob_path(&digest)) {
                    Ok(true) => back.push(digest),
                    Ok(false) => {}
                    // The others are needed no less.
                    Err(source) => fault = Some(PruneError::Io { doing: "put back", place: show(&place), source }),
                }
            }
        }
        match fault {
            None => Ok(back),
            Some(source) => Err(PruneError::PutBackInPart { back, source: Box::new(source) }),
        }
    }

    fn restore(&self, trash: &Trash, plan: &PlanId, name: &ObjectName) -> Outcome {
        let (Some(place), Some(path)) = (trash.place_of(plan, name), self.path_of(Some(trash), name)) else {
            return Outcome::Failed("what an emptied trash held cannot be put back".to_owned());
        };
        match move_back(&place, &path) {
            Ok(true) => Outcome::Done,
            Ok(false) if fs::symlink_metadata(&path).is_ok() => Outcome::AlreadyGone,
            Ok(false) => Outcome::Failed("it is no longer in the trash".to_owned()),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    fn measure(&self, names: &[ObjectName]) -> Footprint {
        let mut footprint = Footprint::default();
        let trash = Trash::find(&self.dir).ok().flatten();
        for found in names.iter().filter_map(|name| Found::at(&self.path_of(trash.as_ref(), name)?, name).ok()) {
            footprint.disk_bytes = footprint.disk_bytes.saturating_add(found.frees);
            footprint.hard_linked += u64::from(found.hard_linked);
            footprint.sparse += u64::from(found.sparse);
        }
        footprint
    }
}

/// Moves something back from the trash; false when it is not there, or its place is taken: by a blob of the same content.
fn move_back(place: &Path, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    if fs::symlink_metadata(path).is_ok() {
        return Ok(false);
    }
    fs::rename(place, path)?;
    Ok(true)
}

/// What lies in a place.
pub(super) struct Found {
    pub(super) is_dir: bool,
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    frees: u64,
    hard_linked: bool,
    sparse: bool,
}

impl Found {
    pub(super) fn at(path: &Path, name: &ObjectName) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        let is_upload = match name {
            ObjectName::Blob(_) | ObjectName::Entry(_) => false,
            ObjectName::Partial(_) => true,
            ObjectName::Trashed(name) => matches!(trash::trashed(name), Some((_, ObjectName::Partial(_)))),
        };
        if found.is_dir() && is_upload {
            let upload = Upload::at(path)?;
            return Ok(Self {
                is_dir: true,
                size: upload.size,
                modified: upload.modified,
                frees: upload.disk_bytes,
                hard_linked: false,
                sparse: false,
            });
        }
        if !found.is_file() && !is_upload {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NOT_PLAIN));
        }
        let (taken, hard_linked) = (taken(&found), found.nlink() > 1);
        Ok(Self {
            is_dir: false,
            size: found.len(),
            modified: modified(&found),
            frees: if hard_linked { 0 } else { taken },
            hard_linked,
            // The last block is rarely full, so that a whole file takes a little more than its size.
            sparse: taken < found.len(),
        })
    }
}

/// Returns the bytes that a file takes on the disk.
pub(super) fn taken(found: &Metadata) -> u64 {
    found.blocks().saturating_mul(BLOCK)
}

#[async_trait]
impl CachePruner for LocalCache {
    async fn lease(&self) -> Result<Box<dyn Lease>, PruneError> {
        let cache = self.clone();
        let lease = working(move || cache.take_lease()).await?;
        Ok(Box::new(lease))
    }

    async fn prepare(&self, run: &PlanId) -> Result<(), PruneError> {
        let (cache, plan) = (self.clone(), run.clone());
        working(move || {
            let trash = Trash::ensure(&cache.dir)?;
            let mut run = trash.read_run(&plan)?.unwrap_or_else(|| Run::new(&plan));
            run.since = Timestamp::now();
            trash.write_run(&run)?;
            trash.make_places(&plan)
        })
        .await
    }

    async fn remove_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let (cache, plan) = (self.clone(), run.clone());
        working(move || cache.take_refs(&plan, &refs)).await
    }

    async fn rewrite_refs(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let (cache, plan) = (self.clone(), run.clone());
        working(move || cache.rewrite(&plan, &refs)).await
    }

    async fn restore_rewritten(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let (cache, plan) = (self.clone(), run.clone());
        working(move || cache.restore_rewritten(&plan, &refs)).await
    }

    async fn remove_objects(&self, run: &PlanId, disposal: Disposal, objects: Vec<ObjectTarget>) -> Vec<Outcome> {
        let (cache, plan, count) = (self.clone(), run.clone(), objects.len());
        let removed = blocking(move || cache.remove_all(&plan, disposal, &objects)).await;
        removed.unwrap_or_else(|| vec![Outcome::Cancelled; count])
    }

    async fn in_trash(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool> {
        let (cache, plan, count) = (self.clone(), run.clone(), objects.len());
        blocking(move || {
            let trash = Trash::find(&cache.dir).ok().flatten();
            let is_there = |name| {
                let place = trash.as_ref().and_then(|trash| trash.place_of(&plan, name));
                place.is_some_and(|place| fs::symlink_metadata(place).is_ok())
            };
            objects.iter().map(is_there).collect()
        })
        .await
        .unwrap_or_else(|| vec![false; count])
    }

    async fn put_back(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError> {
        let cache = self.clone();
        working(move || cache.put_blobs_back(&blobs)).await
    }

    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError> {
        let cache = self.clone();
        working(move || Ok(layout::fingerprint(&cache.hold_index(SHORT_PATIENCE)?.read()?) == fingerprint)).await
    }

    async fn restore_objects(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome> {
        let (cache, plan, count) = (self.clone(), run.clone(), objects.len());
        blocking(move || {
            let gone = || Outcome::Failed("it is no longer in the trash".to_owned());
            let Ok(Some(trash)) = Trash::find(&cache.dir) else { return objects.iter().map(|_| gone()).collect() };
            objects.iter().map(|name| cache.restore(&trash, &plan, name)).collect()
        })
        .await
        .unwrap_or_else(|| vec![Outcome::Cancelled; count])
    }

    async fn restore_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let (cache, plan) = (self.clone(), run.clone());
        working(move || cache.give_refs_back(&plan, &refs)).await
    }

    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        let cache = self.clone();
        working(move || {
            for folder in ["blobs/sha256", "blobs/sha512", INGEST] {
                match sync_dir(&cache.dir.join(folder)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    other => {
                        other.map_err(|source| PruneError::Io { doing: "sync", place: cache.place(folder), source })?;
                    }
                }
            }
            Trash::find(&cache.dir)?.iter().try_for_each(|trash| trash.tidy(forget_before))
        })
        .await
    }

    async fn footprint(&self, objects: Vec<ObjectName>) -> Footprint {
        let cache = self.clone();
        blocking(move || cache.measure(&objects)).await.unwrap_or_default()
    }
}

async fn working<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PruneError> + Send + 'static,
) -> Result<T, PruneError> {
    blocking(work).await.unwrap_or(Err(PruneError::Backend(BackendError::Interrupted)))
}
