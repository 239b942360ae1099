//! The folder in a layout where a prune puts what it takes away, and remembers which refs it took.
//!
//! ```text
//! .cachelens-trash/
//!   lock                      held by the prune that is at work
//!   index.json.new            a draft of the index, for a moment
//!   document.new              a draft of a document, for a moment
//!   20261122T005918Z-1f2e3d4c/
//!     run.json                when the run was, and the refs that it took out of the index
//!     blobs/sha256/…          blobs
//!     ingest/…                unfinished uploads
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::index::sync_dir;
use super::{BLOBS, INGEST, show};
use crate::backend::{ObjectName, PlanId, PruneError};
use crate::format::digest::Digest;

/// The trash of a layout.
pub(super) const TRASH: &str = ".cachelens-trash";
/// The lock that the prune at work holds.
pub(super) const LOCK: &str = "lock";
/// A draft of the index.
pub(super) const DRAFT: &str = "index.json.new";
/// A draft of a document, for a moment.
pub(super) const DOCUMENT_DRAFT: &str = "document.new";
/// What a run says of itself.
pub(super) const RUN: &str = "run.json";
const RUN_DRAFT: &str = "run.json.new";
/// The most bytes of a `run.json` that are read: it holds no more than an index does.
const RUN_LIMIT: u64 = crate::format::manifest::DOCUMENT_LIMIT * 2;

/// What a run says of itself in its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    version: u32,
    /// The plan that it carried out.
    pub(super) plan: PlanId,
    /// When it last put something here.
    pub(super) since: Timestamp,
    /// The entries that it took out of the index, as they stood there.
    pub(super) refs: Vec<String>,
}

impl Run {
    const VERSION: u32 = 1;

    pub(super) fn new(plan: &PlanId) -> Self {
        Self { version: Self::VERSION, plan: plan.clone(), since: Timestamp::now(), refs: Vec::new() }
    }
}

/// The trash folder, which is there.
#[derive(Debug, Clone)]
pub(super) struct Trash {
    dir: PathBuf,
}

impl Trash {
    /// Finds the trash of the layout in `layout`; none when there is none.
    pub(super) fn find(layout: &Path) -> Result<Option<Self>, PruneError> {
        let dir = layout.join(TRASH);
        match fs::symlink_metadata(&dir) {
            Ok(found) if found.is_dir() => Ok(Some(Self { dir })),
            Ok(_) => Err(PruneError::TrashOccupied(show(&dir))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(PruneError::Io { doing: "read", place: show(&dir), source }),
        }
    }

    /// Finds the trash of the layout in `layout`, or makes it.
    pub(super) fn ensure(layout: &Path) -> Result<Self, PruneError> {
        let dir = layout.join(TRASH);
        match fs::create_dir(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PruneError::Io { doing: "create", place: show(&dir), source: error });
            }
            _ => {}
        }
        Self::find(layout)?.ok_or_else(|| PruneError::TrashOccupied(show(&dir)))
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join(LOCK)
    }

    pub(super) fn index_draft(&self) -> PathBuf {
        self.dir.join(DRAFT)
    }

    pub(super) fn document_draft(&self) -> PathBuf {
        self.dir.join(DOCUMENT_DRAFT)
    }

    /// Returns where the run of `plan` keeps an object.
    pub(super) fn place_of(&self, plan: &PlanId, name: &ObjectName) -> Option<PathBuf> {
        let folder = self.dir.join(plan.to_string());
        match name {
            ObjectName::Blob(digest) => Some(blob_in(&folder, digest)),
            ObjectName::Partial(name) => Some(folder.join(INGEST).join(upload(name)?)),
            ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
        }
    }

    /// Returns the folders of runs.
    pub(super) fn runs(&self) -> Result<Vec<PlanId>, PruneError> {
        let fail = |source| PruneError::Io { doing: "read", place: show(&self.dir), source };
        let mut runs = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let plan = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(plan) = plan.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                runs.push(plan);
            }
        }
        Ok(runs)
    }

    /// Returns the blobs that a run keeps, and where.
    pub(super) fn blobs_of(&self, plan: &PlanId) -> Result<Vec<(Digest, PathBuf)>, PruneError> {
        let mut blobs = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            let dir = self.dir.join(plan.to_string()).join(BLOBS).join(algorithm);
            let fail = |source| PruneError::Io { doing: "read", place: show(&dir), source };
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(fail(error)),
            };
            for entry in entries {
                let entry = entry.map_err(fail)?;
                let name = entry.file_name();
                let digest = name.to_str().and_then(|hex| Digest::from_parts(algorithm, hex).ok());
                blobs.extend(digest.map(|digest| (digest, entry.path())));
            }
        }
        Ok(blobs)
    }

    /// Reads what a run says of itself; nothing when it left nothing.
    pub(super) fn read_run(&self, plan: &PlanId) -> Result<Option<Run>, PruneError> {
        let path = self.dir.join(plan.to_string()).join(RUN);
        let fail = |source| PruneError::Io { doing: "read", place: show(&path), source };
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error)),
            Ok(found) if !found.is_file() || found.len() > RUN_LIMIT => {
                return Err(fail(io::Error::new(io::ErrorKind::InvalidData, "not a file that cachelens wrote")));
            }
            Ok(_) => {}
        }
        let run: Run = serde_json::from_slice(&fs::read(&path).map_err(fail)?)
            .map_err(|error| fail(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        if run.version != Run::VERSION || run.plan != *plan {
            return Err(fail(io::Error::new(io::ErrorKind::InvalidData, "of another version or another plan")));
        }
        Ok(Some(run))
    }

    /// Writes what a run says of itself, durably and in one step, and makes its folders.
    pub(super) fn write_run(&self, run: &Run) -> Result<(), PruneError> {
        let folder = self.dir.join(run.plan.to_string());
        let (path, draft) = (folder.join(RUN), folder.join(RUN_DRAFT));
        let fail = |source| PruneError::Io { doing: "write", place: show(&path), source };
        let bytes = serde_json::to_vec(run).map_err(|error| fail(error.into()))?;
        (|| {
            make_dir(&folder)?;
            match fs::remove_file(&draft) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let nofollow = super::flags(OFlags::NOFOLLOW);
            let mut file = OpenOptions::new().write(true).create_new(true).custom_flags(nofollow).open(&draft)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            sync_dir(&folder)?;
            sync_dir(&self.dir)
        })()
        .map_err(fail)
    }

    /// Makes the folders in which a run keeps objects.
    pub(super) fn make_places(&self, plan: &PlanId) -> Result<(), PruneError> {
        let folder = self.dir.join(plan.to_string());
        let blobs = folder.join(BLOBS);
        for dir in [folder.join(INGEST), blobs.clone(), blobs.join("sha256"), blobs.join("sha512")] {
            make_dir(&dir).map_err(|source| PruneError::Io { doing: "create", place: show(&dir), source })?;
        }
        Ok(())
    }

    /// Removes folders of runs in which nothing is kept any more. What a run remembers of the refs that it took is kept
    /// until `forget_before` has come.
    pub(super) fn tidy(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        for plan in self.runs()? {
            let folder = self.dir.join(plan.to_string());
            let blobs = folder.join(BLOBS);
            let places = [blobs.join("sha256"), blobs.join("sha512"), blobs, folder.join(INGEST)];
            // A folder that is not empty stays: the system sees to that.
            for dir in &places {
                let _ = fs::remove_dir(dir);
            }
            let is_empty = places.iter().all(|dir| fs::symlink_metadata(dir).is_err());
            let is_over = match self.read_run(&plan)? {
                Some(run) => run.refs.is_empty() || run.since < forget_before,
                None => true,
            };
            if is_empty && is_over {
                let _ = fs::remove_file(folder.join(RUN_DRAFT));
                let _ = fs::remove_file(folder.join(RUN));
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(())
    }

    /// Removes the trash when it is empty; called when the lock has gone.
    pub(super) fn remove_if_empty(&self) {
        let _ = fs::remove_dir(&self.dir);
    }
}

/// Returns where a layout, or a run's folder in the trash, has a blob.
pub(super) fn blob_in(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(BLOBS).join(digest.algorithm()).join(digest.hex())
}

/// Returns the file name of an unfinished upload that is named `ingest/…`, when it is one name.
pub(super) fn upload(name: &str) -> Option<&str> {
    let name = name.strip_prefix(INGEST)?.strip_prefix('/')?;
    is_one_name(name).then_some(name)
}

/// Takes the name of something in the trash apart: the run, and what it is there.
pub(super) fn trashed(name: &str) -> Option<(PlanId, ObjectName)> {
    let mut parts = name.strip_prefix(TRASH)?.strip_prefix('/')?.splitn(2, '/');
    let plan = parts.next()?.parse().ok()?;
    let rest = parts.next()?;
    if upload(rest).is_some() {
        return Some((plan, ObjectName::Partial(rest.to_owned())));
    }
    let (algorithm, hex) = rest.strip_prefix(BLOBS)?.strip_prefix('/')?.split_once('/')?;
    Some((plan, ObjectName::Blob(Digest::from_parts(algorithm, hex).ok()?)))
}

/// Tells whether `name` is what a run says of itself.
pub(super) fn is_own(name: &str) -> bool {
    let run = name.strip_prefix(TRASH).and_then(|rest| rest.strip_prefix('/')?.split_once('/'));
    run.is_some_and(|(plan, file)| plan.parse::<PlanId>().is_ok() && (file == RUN || file == RUN_DRAFT))
}

fn is_one_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && fs::symlink_metadata(dir)?.is_dir() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        let hex = "ab".repeat(32);
        let plan = "20261122T005918Z-1f2e3d4c";
        let name = format!("{TRASH}/{plan}/blobs/sha256/{hex}");
        assert!(matches!(trashed(&name), Some((_, ObjectName::Blob(_)))));
        assert!(matches!(trashed(&format!("{TRASH}/{plan}/ingest/x")), Some((_, ObjectName::Partial(_)))));
        for wrong in [
            "blobs/sha256/x".to_owned(),
            format!("{TRASH}/{plan}/ingest/.."),
            format!("{TRASH}/{plan}/ingest/a/b"),
            format!("{TRASH}/{plan}/run.json"),
            format!("{TRASH}/../blobs/sha256/{hex}"),
            format!("{TRASH}/{plan}/blobs/../{hex}"),
            format!("{TRASH}/{plan}/../../blobs/sha256/{hex}"),
        ] {
            assert!(trashed(&wrong).is_none(), "{wrong}");
        }
        assert_eq!(upload("ingest/x"), Some("x"));
        for wrong in ["ingest", "ingest/", "ingest/..", "ingest/a/../b", "x/y"] {
            assert_eq!(upload(wrong), None, "{wrong}");
        }
    }
}
