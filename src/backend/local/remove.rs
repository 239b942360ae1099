//! Removing objects from a layout, each after a last look: into the trash, or away.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};

use super::prune::{Found, NOT_PLAIN};
use super::trash::{self, Trash};
use super::{BLOBS, LocalCache};
use crate::backend::{Disposal, ObjectName, ObjectTarget, Outcome, PlanId, Skip};
use crate::format::digest::Digest;

/// More threads than this only wait for each other in the kernel's directory code.
const MAX_THREADS: usize = 4;
/// Fewer objects than these are not worth another thread.
const LEAST_SHARE: usize = 64;

impl LocalCache {
    /// Removes objects, those that still are what they were, from several threads. The outcomes are in their order.
    pub(super) fn remove_all(&self, plan: &PlanId, disposal: Disposal, targets: &[ObjectTarget]) -> Vec<Outcome> {
        let trash = Trash::find(&self.dir).ok().flatten();
        // When each run put its things into the trash, read once for all of them.
        let mut times = HashMap::new();
        for target in targets {
            let ObjectName::Trashed(name) = &target.name else { continue };
            if let (Some((run, _)), Some(trash)) = (trash::trashed(name), &trash) {
                times.entry(run).or_insert_with_key(|run| trash.read_run(run).ok().flatten().map(|run| run.since));
            }
        }
        let folders = Folders::of(&self.dir);
        let removal = Removal { cache: self, trash: trash.as_ref(), plan, disposal, times, folders };
        let remove =
            |share: &[ObjectTarget]| -> Vec<Outcome> { share.iter().map(|target| removal.remove(target)).collect() };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let share = targets.len().div_ceil(threads).max(LEAST_SHARE);
        thread::scope(|scope| {
            let remove = &remove;
            let workers: Vec<_> =
                targets.chunks(share).map(|share| (share.len(), scope.spawn(move || remove(share)))).collect();
            let results = workers.into_iter().map(|(count, worker)| {
                worker.join().unwrap_or_else(|_| vec![Outcome::Failed("it was interrupted".to_owned()); count])
            });
            results.flatten().collect()
        })
    }
}

/// The folders of blobs, each opened once: what is looked at in one of them is what goes from it, and the way there need
/// not be walked for each blob.
struct Folders {
    sha256: io::Result<OwnedFd>,
    sha512: io::Result<OwnedFd>,
}

impl Folders {
    fn of(layout: &Path) -> Self {
        let open = |algorithm| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(rustix::fs::open(layout.join(BLOBS).join(algorithm), flags, Mode::empty())?)
        };
        Self { sha256: open("sha256"), sha512: open("sha512") }
    }

    fn folder_of(&self, digest: &Digest) -> Result<&OwnedFd, &io::Error> {
        match digest {
            Digest::Sha256(_) => self.sha256.as_ref(),
            Digest::Sha512(_) => self.sha512.as_ref(),
        }
    }
}

/// The removal of objects in one run.
struct Removal<'a> {
    cache: &'a LocalCache,
    trash: Option<&'a Trash>,
    plan: &'a PlanId,
    disposal: Disposal,
    /// When earlier runs put their things into the trash.
    times: HashMap<PlanId, Option<Timestamp>>,
    folders: Folders,
}

impl Removal<'_> {
    /// Checks an object once more and removes it.
    fn remove(&self, target: &ObjectTarget) -> Outcome {
        let removed = match &target.name {
            ObjectName::Blob(digest) => self.remove_blob(digest, target),
            ObjectName::Partial(_) | ObjectName::Trashed(_) => self.remove_other(target),
            ObjectName::Entry(_) => return Outcome::Skipped(Skip::Unsupported),
        };
        match removed {
            Ok(outcome) => outcome,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::AlreadyGone,
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    fn remove_blob(&self, digest: &Digest, target: &ObjectTarget) -> io::Result<Outcome> {
        let folder = self.folders.folder_of(digest).map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let name = digest.hex();
        let found = rustix::fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NOT_PLAIN));
        }
        let is_as_planned =
            u64::try_from(found.st_size) == Ok(target.size) && modified_at(&found) == Some(target.modified);
        if !is_as_planned {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        match self.disposal {
            Disposal::AtOnce => rustix::fs::unlinkat(folder, &name, AtFlags::empty())?,
            Disposal::Trash => {
                let Some(place) = self.place_of(target) else { return Ok(no_trash()) };
                rustix::fs::renameat(folder, &name, CWD, &place)
                    .map_err(|error| missing_place(error.into(), &place))?;
            }
        }
        Ok(Outcome::Done)
    }

    fn remove_other(&self, target: &ObjectTarget) -> io::Result<Outcome> {
        let Some(path) = self.cache.path_of(self.trash, &target.name) else {
            return Ok(Outcome::Failed("its name does not lead into the cache".to_owned()));
        };
        let found = Found::at(&path, &target.name)?;
        if !self.is_as_planned(target, &found) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        if matches!(target.name, ObjectName::Partial(_)) && self.disposal == Disposal::Trash {
            let Some(place) = self.place_of(target) else { return Ok(no_trash()) };
            fs::rename(&path, &place).map_err(|error| missing_place(error, &place))?;
        } else if found.is_dir {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
        Ok(Outcome::Done)
    }

    /// Returns where the trash takes an object. What should go there does not go anywhere else.
    fn place_of(&self, target: &ObjectTarget) -> Option<PathBuf> {
        self.trash.and_then(|trash| trash.place_of(self.plan, &target.name))
    }

    fn is_as_planned(&self, target: &ObjectTarget, found: &Found) -> bool {
        let modified = match &target.name {
            ObjectName::Entry(_) => None,
            ObjectName::Blob(_) | ObjectName::Partial(_) => found.modified,
            ObjectName::Trashed(name) => {
                trash::trashed(name).and_then(|(run, _)| self.times.get(&run).copied().flatten())
            }
        };
        found.size == target.size && modified == Some(target.modified)
    }
}

fn no_trash() -> Outcome {
    Outcome::Failed("there is no trash".to_owned())
}

/// Tells apart what has gone and a folder in the trash that is not there: the system says the same of both.
fn missing_place(error: io::Error, place: &Path) -> io::Error {
    let has_folder = place.parent().is_some_and(|folder| fs::symlink_metadata(folder).is_ok());
    if error.kind() == io::ErrorKind::NotFound && !has_folder {
        io::Error::other("the folder in the trash has gone")
    } else {
        error
    }
}

fn modified_at(found: &Stat) -> Option<Timestamp> {
    Timestamp::new(found.st_mtime, i32::try_from(found.st_mtime_nsec).ok()?).ok()
}
