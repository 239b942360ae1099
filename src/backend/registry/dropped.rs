//! The manifests of refs that runs deleted, kept on this machine so that they can be pushed again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::kept::{Lasting, write};
use super::prune::RegistryPruner;
use crate::backend::PlanId;
use crate::format::digest::Digest;

/// Where they lie: a folder for each run.
pub(super) struct DroppedManifests(PathBuf);

impl RegistryPruner {
    /// Returns the folder of dropped manifests; none where nothing is remembered.
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

    /// Keeps a manifest, so that it outlasts whatever happens to this machine: what it is a copy of
    /// is about to go.
    pub(super) fn remember(&self, run: &PlanId, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        write(&self.file(run, digest), bytes, Lasting::Yes)
    }

    /// Returns a manifest that is kept, if it is unchanged.
    pub(super) fn recall(&self, run: &PlanId, digest: Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.file(run, digest)).ok()?;
        digest.check(&bytes).is_ok().then_some(bytes)
    }

    /// Removes the manifests of runs before `before`.
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
