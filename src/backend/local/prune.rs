//! Deletes from a layout: removes refs from the index, and moves objects to the trash or deletes
//! them.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::dir::{Dir, DirPlace, FileFacts};
use super::lock::FileLock;
use super::trash::{LOCK, LocalTrash, TRASH};
use super::walk::Upload;
use super::{BLOBS, INDEX, INGEST, LocalCache, blocking, in_shares, show};
use crate::backend::prune_error::is_storage_full;
use crate::backend::{
    BackendError, CachePruner, Capabilities, DeleteObjects, Disposal, Footprint, Lease,
    MeasureObjects, ObjectName, ObjectTarget, Obstacle, Outcome, PlanId, PruneAbilities,
    PruneError, RefRewrite, RefTarget, RewriteRefs, SettleStore, Support, TakeLease, Undoability,
    WatchActivity,
};
use crate::format::digest::Digest;

/// Why an object that is not a plain file is kept.
pub(super) const NOT_PLAIN: &str = "it is not a plain file";
/// The hint for a layout whose trash cannot be used.
const WITHOUT_TRASH: &str = "`--no-trash --i-am-the-only-writer` deletes without the trash";

/// Holds the lock of the trash. Dropping it removes an empty trash.
struct TrashLease {
    lock: Option<FileLock>,
    root: Arc<Dir>,
}

impl Lease for TrashLease {}

impl Drop for TrashLease {
    fn drop(&mut self) {
        drop(self.lock.take());
        // The system does not remove a trash that is not empty.
        let _ = self.root.remove_folder(TRASH);
    }
}

impl LocalCache {
    /// Returns the supported deletions. Blobs behind a link may be shared with a layout whose
    /// refs are unknown.
    pub(super) fn capabilities_now(&self) -> Capabilities {
        let layout = self.layout().ok();
        let linked = |name: &str| {
            let name = Path::new(name);
            let folder = match name.parent().and_then(Path::to_str) {
                None | Some("") => Arc::clone(&layout.as_ref()?.root),
                Some(parent) => Arc::new(layout.as_ref()?.root.linked_folder(parent).ok()?),
            };
            let is_link = folder.facts(name.file_name()?).ok()?.is_link();
            is_link.then(|| name.display().to_string())
        };
        let delete_ref =
            linked(INDEX).map_or(Support::Yes, |name| Support::No(Obstacle::LinkedFile(name)));
        let folders = [BLOBS, INGEST, "blobs/sha256", "blobs/sha512"];
        let delete_object = folders
            .into_iter()
            .find_map(linked)
            .map_or(Support::Yes, |name| {
                Support::No(Obstacle::LinkedFolder(name))
            });
        Capabilities {
            delete_ref,
            delete_object,
            undoability: Undoability::Full,
            settling: SignedDuration::ZERO,
        }
    }

    fn take_lease(&self) -> Result<TrashLease, PruneError> {
        let layout = self.open_layout()?;
        let mut tries = 0;
        loop {
            let trash = LocalTrash::ensure(&self.dir, &layout)?;
            match FileLock::try_take(trash.dir(), LOCK) {
                Ok(Some(lock)) => {
                    return Ok(TrashLease {
                        lock: Some(lock),
                        root: Arc::clone(&layout.root),
                    });
                }
                Ok(None) => return Err(PruneError::Busy(show(&self.dir))),
                // Another prune has just ended and removed the empty trash.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 3 => tries += 1,
                Err(source) => {
                    return Err(PruneError::Io {
                        doing: "lock",
                        place: self.place(&format!("{TRASH}/{LOCK}")),
                        source,
                    });
                }
            }
        }
    }

    fn prepare_trash(&self, plan: &PlanId) -> Result<(), PruneError> {
        let layout = self.open_layout()?;
        let trash = LocalTrash::ensure(&self.dir, &layout)?;
        trash.remember(plan, Vec::new())?;
        trash.make_places(plan)
    }

    fn measure(&self, names: &[ObjectName]) -> Footprint {
        let Ok(layout) = self.layout() else {
            return Footprint::default();
        };
        let measure = |share: &[ObjectName]| {
            let mut footprint = Footprint::default();
            for name in share {
                let Ok(Some(place)) = layout.place(name) else {
                    continue;
                };
                if let Ok(found) = FoundObject::at(&place, name) {
                    footprint.disk_bytes = footprint.disk_bytes.saturating_add(found.frees);
                    footprint.hard_linked += u64::from(found.hard_linked);
                    footprint.sparse += u64::from(found.sparse);
                }
            }
            footprint
        };
        let mut footprint = Footprint::default();
        for (_, share) in in_shares(names, measure) {
            let share = share.unwrap_or_default();
            footprint.disk_bytes = footprint.disk_bytes.saturating_add(share.disk_bytes);
            footprint.hard_linked += share.hard_linked;
            footprint.sparse += share.sparse;
        }
        footprint
    }

    /// Returns `value` of the metadata of each object; `None` if it cannot be read.
    fn look_at<T: Clone + Send>(
        &self,
        names: &[ObjectName],
        value: impl Fn(&FileFacts) -> T + Sync,
    ) -> Vec<Option<T>> {
        let layout = self.layout().ok();
        let look = |name: &ObjectName| {
            let place = layout.as_ref()?.place(name).ok()??;
            Some(value(&place.facts().ok()?))
        };
        in_shares(names, |share| share.iter().map(look).collect::<Vec<_>>())
            .into_iter()
            .flat_map(|(count, values)| values.unwrap_or_else(|| vec![None; count]))
            .collect()
    }

    fn are_in_trash(&self, plan: &PlanId, names: &[ObjectName]) -> Vec<bool> {
        let layout = self.layout().ok();
        let is_there = |name| {
            let place = layout.as_ref()?.trash_place(plan, name).ok()??;
            place.facts().ok()
        };
        names.iter().map(|name| is_there(name).is_some()).collect()
    }

    fn make_durable(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        let layout = self.open_layout()?;
        for folder in ["blobs/sha256", "blobs/sha512", INGEST] {
            match layout.folder(Path::new(folder)).and_then(|dir| dir.sync()) {
                // Blobs behind a link were not changed.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                    ) => {}
                synced => synced.map_err(|source| PruneError::Io {
                    doing: "sync",
                    place: self.place(folder),
                    source,
                })?,
            }
        }
        LocalTrash::find(&self.dir, &layout)?
            .iter()
            .try_for_each(|trash| trash.tidy(forget_before))
    }
}

/// Returns the outcome for a failure, with a hint if there is one.
pub(super) fn failed(error: &io::Error) -> Outcome {
    Outcome::Failed(match error.kind() {
        io::ErrorKind::CrossesDevices => {
            format!("it is on another file system than the trash; {WITHOUT_TRASH}")
        }
        _ if is_storage_full(error) => format!("{error}; {WITHOUT_TRASH}"),
        _ => error.to_string(),
    })
}

/// A file or a folder.
pub(super) struct FoundObject {
    pub(super) facts: FileFacts,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    frees: u64,
    hard_linked: bool,
    sparse: bool,
}

impl FoundObject {
    pub(super) fn at(place: &DirPlace, name: &ObjectName) -> io::Result<Self> {
        let facts = place.facts()?;
        let is_upload = match name {
            ObjectName::Blob(_) | ObjectName::Entry(_) => false,
            ObjectName::Partial(_) => true,
            ObjectName::Trashed(name) => {
                matches!(
                    ObjectName::of_trash(name),
                    Some((_, ObjectName::Partial(_)))
                )
            }
        };
        if facts.is_folder() && is_upload {
            let upload = Upload::at(&place.dir, &place.name)?;
            return Ok(Self {
                facts,
                size: upload.size,
                modified: upload.modified,
                frees: upload.disk_bytes,
                hard_linked: false,
                sparse: false,
            });
        }
        if !facts.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NOT_PLAIN));
        }
        let hard_linked = facts.links > 1;
        Ok(Self {
            facts,
            size: facts.size,
            modified: facts.modified,
            frees: if hard_linked { 0 } else { facts.disk_bytes },
            hard_linked,
            // The last block is rarely full, so a whole file takes a little more than its size.
            sparse: facts.disk_bytes < facts.size,
        })
    }
}

#[async_trait]
impl TakeLease for LocalCache {
    async fn take(&self) -> Result<Box<dyn Lease>, PruneError> {
        let cache = self.clone();
        let lease = working(move || cache.take_lease()).await?;
        Ok(Box::new(lease))
    }
}

#[async_trait]
impl DeleteObjects for LocalCache {
    async fn delete_objects(
        &self,
        run: &PlanId,
        disposal: Disposal,
        objects: Vec<ObjectTarget>,
    ) -> Vec<Outcome> {
        let cache = self.clone();
        let plan = run.clone();
        let count = objects.len();
        let removed = blocking(move || cache.remove_all(&plan, disposal, &objects)).await;
        removed.unwrap_or_else(|| vec![Outcome::Cancelled; count])
    }
}

#[async_trait]
impl SettleStore for LocalCache {
    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        let cache = self.clone();
        working(move || cache.make_durable(forget_before)).await
    }
}

#[async_trait]
impl CachePruner for LocalCache {
    async fn delete_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let cache = self.clone();
        let plan = run.clone();
        working(move || cache.take_refs(&plan, &refs)).await
    }

    fn prune_abilities(&self) -> PruneAbilities<'_> {
        let watch: Option<&dyn WatchActivity> = if self.copy.is_some() {
            None
        } else {
            Some(self)
        };
        PruneAbilities {
            lease: Some(self),
            objects: Some(self),
            settle: Some(self),
            trash: Some(self),
            restore_refs: Some(self),
            restore_objects: Some(self),
            rewrite: Some(self),
            watch,
        }
    }
}

#[async_trait]
impl crate::backend::Trash for LocalCache {
    async fn prepare(&self, run: &PlanId) -> Result<(), PruneError> {
        let cache = self.clone();
        let plan = run.clone();
        working(move || cache.prepare_trash(&plan)).await
    }

    async fn in_trash(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool> {
        let cache = self.clone();
        let plan = run.clone();
        let count = objects.len();
        blocking(move || cache.are_in_trash(&plan, &objects))
            .await
            .unwrap_or_else(|| vec![false; count])
    }

    async fn stored_sizes(&self, objects: Vec<ObjectName>) -> Vec<Option<u64>> {
        let cache = self.clone();
        let count = objects.len();
        blocking(move || cache.look_at(&objects, |facts| facts.size))
            .await
            .unwrap_or_else(|| vec![None; count])
    }

    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError> {
        let cache = self.clone();
        working(move || cache.index_is(fingerprint)).await
    }

    async fn restore_blobs(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError> {
        let cache = self.clone();
        working(move || cache.put_blobs_back(&blobs)).await
    }
}

#[async_trait]
impl RewriteRefs for LocalCache {
    async fn rewrite_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let cache = self.clone();
        let plan = run.clone();
        working(move || cache.rewrite(&plan, &refs)).await
    }

    async fn restore_rewritten(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let cache = self.clone();
        let plan = run.clone();
        working(move || cache.restore_rewritten(&plan, &refs)).await
    }
}

#[async_trait]
impl MeasureObjects for LocalCache {
    async fn footprint(&self, objects: Vec<ObjectName>) -> Footprint {
        let cache = self.clone();
        blocking(move || cache.measure(&objects))
            .await
            .unwrap_or_default()
    }

    async fn free_nothing(&self, objects: Vec<ObjectName>) -> Vec<bool> {
        let cache = self.clone();
        let count = objects.len();
        let is_linked = |facts: &FileFacts| facts.is_file() && facts.links > 1;
        blocking(move || cache.look_at(&objects, is_linked))
            .await
            .map_or_else(
                || vec![false; count],
                |linked| linked.into_iter().map(Option::unwrap_or_default).collect(),
            )
    }
}

pub(super) async fn working<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PruneError> + Send + 'static,
) -> Result<T, PruneError> {
    blocking(work)
        .await
        .unwrap_or(Err(PruneError::Backend(BackendError::Interrupted)))
}
