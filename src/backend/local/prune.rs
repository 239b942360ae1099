//! Deleting from a layout: refs out of the index, objects into the trash or away, and back.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::index::sync_dir;
use super::listing::{Upload, modified};
use super::lock::FileLock;
use super::trash::{self, Run, Trash};
use super::{BLOBS, INDEX, INGEST, LocalCache, blocking, show};
use crate::backend::{
    BackendError, CachePruner, Capabilities, Disposal, DroppedRef, Footprint, Lease, ObjectName, ObjectTarget, Outcome,
    PlanId, PruneError, RefTarget, Skip, Support,
};
use crate::format::digest::Digest;
use crate::format::layout::edit::{IndexText, parse_entry};
use crate::format::layout::{self, Root};

/// The unit of `st_blocks` (`stat(2)`).
const BLOCK: u64 = 512;

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
        Capabilities { delete_ref, delete_object }
    }

    pub(super) fn read_dropped(&self) -> Result<Vec<DroppedRef>, PruneError> {
        let Some(trash) = Trash::find(&self.dir)? else { return Ok(Vec::new()) };
        let mut dropped = Vec::new();
        for plan in trash.runs()? {
            let Some(run) = trash.read_run(&plan)? else { continue };
            for text in &run.refs {
                let root = parse_entry(text).map_err(|source| self.index_error(source))?;
                dropped.push(DroppedRef { root, since: run.since });
            }
        }
        Ok(dropped)
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

    fn take_refs(&self, plan: &PlanId, refs: &[RefTarget]) -> Result<Vec<Outcome>, PruneError> {
        let wanted: HashSet<RefTarget> = refs.iter().cloned().collect();
        let index = self.hold_index()?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let found: HashSet<RefTarget> = text.roots().filter_map(target_of).collect();
        let names: HashSet<&[String]> = refs.iter().map(|target| target.names.as_slice()).collect();
        let renamed: HashSet<Vec<String>> =
            text.roots().map(|root| root.names.clone()).filter(|found| names.contains(found.as_slice())).collect();
        let taken = text.take(|root| target_of(root).is_some_and(|target| wanted.contains(&target)));
        if !taken.is_empty() {
            let trash = Trash::ensure(&self.dir)?;
            let mut run = trash.read_run(plan)?.unwrap_or_else(|| Run::new(plan));
            run.since = Timestamp::now();
            let new = taken.into_iter().filter(|entry| !run.refs.contains(entry)).collect::<Vec<_>>();
            run.refs.extend(new);
            // First the memory, then the deed: who finds it there and in the index knows more than it needs.
            trash.write_run(&run)?;
            let new = text.to_text().map_err(|source| self.index_error(source))?;
            index.replace(&old, &new)?;
        }
        let outcome = |target: &RefTarget| {
            if found.contains(target) {
                Outcome::Done
            } else if !target.names.is_empty() && renamed.contains(&target.names) {
                Outcome::Skipped(Skip::Changed)
            } else {
                Outcome::AlreadyGone
            }
        };
        Ok(refs.iter().map(outcome).collect())
    }

    fn give_refs_back(&self, plan: &PlanId, refs: &[RefTarget]) -> Result<Vec<Outcome>, PruneError> {
        let remembered = match Trash::find(&self.dir)? {
            Some(trash) => trash.read_run(plan)?.map(|run| run.refs).unwrap_or_default(),
            None => Vec::new(),
        };
        let mut entries = Vec::new();
        for text in &remembered {
            let root = parse_entry(text).map_err(|source| self.index_error(source))?;
            entries.push((target_of(&root), text));
        }
        let index = self.hold_index()?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let mut outcomes = Vec::with_capacity(refs.len());
        let mut changed = false;
        for target in refs {
            let remembered = entries.iter().find(|(found, _)| found.as_ref() == Some(target));
            let taken = |root: &Root| root.names.iter().any(|name| target.names.contains(name));
            outcomes.push(if text.roots().any(|root| target_of(root).as_ref() == Some(target)) {
                Outcome::AlreadyGone
            } else if text.roots().any(taken) {
                Outcome::Skipped(Skip::Changed)
            } else if let Some((_, entry)) = remembered {
                text.add(entry).map_err(|source| self.index_error(source))?;
                changed = true;
                Outcome::Done
            } else {
                Outcome::Failed("it is no longer in the trash".to_owned())
            });
        }
        if changed {
            index.replace(&old, &text.to_text().map_err(|source| self.index_error(source))?)?;
        }
        Ok(outcomes)
    }

    fn remove(&self, trash: Option<&Trash>, plan: &PlanId, disposal: Disposal, target: &ObjectTarget) -> Outcome {
        let Some(path) = self.path_of(&target.name) else {
            return Outcome::Failed("its name does not lead into the cache".to_owned());
        };
        let found = match Found::at(&path, &target.name) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Outcome::AlreadyGone,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let is_same = match &target.name {
            ObjectName::Blob(_) => found.is(target.size, Some(target.modified)) && !found.is_dir,
            ObjectName::Partial(_) => found.is(target.size, Some(target.modified)),
            ObjectName::Trashed(name) => {
                let run = trash::trashed(name).zip(trash).and_then(|((plan, _), trash)| trash.read_run(&plan).ok()?);
                found.is(target.size, None) && run.is_some_and(|run| run.since == target.modified)
            }
        };
        if !is_same {
            return Outcome::Skipped(Skip::Changed);
        }
        let place = trash.filter(|_| disposal == Disposal::Trash).and_then(|trash| trash.place_of(plan, &target.name));
        let removed = match (place, &target.name) {
            (Some(place), _) => fs::rename(&path, place),
            // What should go to the trash does not go anywhere else.
            (None, ObjectName::Blob(_) | ObjectName::Partial(_)) if disposal == Disposal::Trash => {
                return Outcome::Failed("there is no trash".to_owned());
            }
            (None, _) if found.is_dir => fs::remove_dir_all(&path),
            (None, _) => fs::remove_file(&path),
        };
        match removed {
            Ok(()) => Outcome::Done,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::AlreadyGone,
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    fn path_of(&self, name: &ObjectName) -> Option<PathBuf> {
        match name {
            ObjectName::Blob(digest) => Some(self.blob_path(digest)),
            ObjectName::Partial(name) => Some(self.dir.join(INGEST).join(trash::upload(name)?)),
            ObjectName::Trashed(name) => {
                let (plan, inner) = trash::trashed(name)?;
                Trash::find(&self.dir).ok()??.place_of(&plan, &inner)
            }
        }
    }

    fn put_blobs_back(&self, wanted: &HashSet<Digest>) -> Result<Vec<Digest>, PruneError> {
        let Some(trash) = Trash::find(&self.dir)? else { return Ok(Vec::new()) };
        let mut back = Vec::new();
        for plan in trash.runs()? {
            for (digest, place) in trash.blobs_of(&plan)? {
                if wanted.contains(&digest)
                    && move_back(&place, &self.blob_path(&digest)).map_err(|source| PruneError::Io {
                        doing: "put back",
                        place: show(&place),
                        source,
                    })?
                {
                    back.push(digest);
                }
            }
        }
        Ok(back)
    }

    fn restore(&self, trash: &Trash, plan: &PlanId, name: &ObjectName) -> Outcome {
        let (Some(place), Some(path)) = (trash.place_of(plan, name), self.path_of(name)) else {
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
        for found in names.iter().filter_map(|name| Found::at(&self.path_of(name)?, name).ok()) {
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

/// Returns a root as a target; none when what it points to is no digest.
fn target_of(root: &Root) -> Option<RefTarget> {
    Some(RefTarget { names: root.names.clone(), digest: root.descriptor.digest.valid()? })
}

/// What lies in a place.
struct Found {
    is_dir: bool,
    size: u64,
    modified: Option<Timestamp>,
    frees: u64,
    hard_linked: bool,
    sparse: bool,
}

impl Found {
    fn at(path: &Path, name: &ObjectName) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        let is_upload = match name {
            ObjectName::Blob(_) => false,
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
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a plain file"));
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

    fn is(&self, size: u64, at: Option<Timestamp>) -> bool {
        self.size == size && at.is_none_or(|at| self.modified == Some(at))
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

    async fn remove_objects(&self, run: &PlanId, disposal: Disposal, objects: Vec<ObjectTarget>) -> Vec<Outcome> {
        let (cache, plan, count) = (self.clone(), run.clone(), objects.len());
        blocking(move || {
            let trash = Trash::find(&cache.dir).ok().flatten();
            objects.iter().map(|object| cache.remove(trash.as_ref(), &plan, disposal, object)).collect()
        })
        .await
        .unwrap_or_else(|| vec![Outcome::Cancelled; count])
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
        working(move || Ok(layout::fingerprint(&cache.hold_index()?.read()?) == fingerprint)).await
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
