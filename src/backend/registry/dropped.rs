//! Copies of the manifests that runs deleted, kept on this machine so they can be pushed again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::kept::{Durability, write};
use super::prune::RegistryPruner;
use crate::backend::PlanId;
use crate::format::digest::Digest;

/// The directory with a folder for each run.
pub(super) struct DroppedManifests(PathBuf);

impl RegistryPruner {
    /// Returns the folder for copies of manifests; `None` if no copies are kept.
    pub(super) fn dropped(&self) -> Option<DroppedManifests> {
        self.access()
            .registry
            .dropped
            .as_deref()
            .map(|folder| DroppedManifests(folder.join("dropped-manifests")))
    }
}

impl DroppedManifests {
    fn file(&self, run: &PlanId, digest: Digest) -> PathBuf {
        self.0
            .join(run.to_string())
            .join(format!("{}-{}.json", digest.algorithm(), digest.hex()))
    }

    /// Saves a manifest so the copy survives a crash of the machine: its original is about to be
    /// deleted.
    pub(super) fn remember(&self, run: &PlanId, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        write(&self.file(run, digest), bytes, Durability::Yes)
    }

    /// Returns a saved manifest if it is intact.
    pub(super) fn recall(&self, run: &PlanId, digest: Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.file(run, digest)).ok()?;
        digest.check(&bytes).is_ok().then_some(bytes)
    }

    /// Deletes the manifests of runs before `before`.
    pub(super) fn forget(&self, before: Timestamp) {
        let runs = fs::read_dir(&self.0).into_iter().flatten().flatten();
        for run in runs.map(|entry| entry.path()).filter(|path| is_run(path)) {
            let modified = fs::metadata(&run).and_then(|data| data.modified()).ok();
            let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
            if modified.is_some_and(|modified| modified < before)
                && let Err(error) = fs::remove_dir_all(&run)
            {
                tracing::debug!(%error, "an old run is not forgotten");
            }
        }
    }
}

fn is_run(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.parse::<PlanId>().is_ok())
}
