//! The trash folder of a layout: deleted objects, and the refs that runs deleted.
//!
//! ```text
//! .cachelens-trash/
//!   lock                      held by the running prune
//!   index.json.new            a temporary draft of the index
//!   document.new              a temporary draft of a document
//!   20261122T005918Z-1f2e3d4c/
//!     run.json                the time of the run, and the refs that it deleted
//!     blobs/sha256/…          blobs
//!     ingest/…                unfinished uploads
//! ```

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::dir::{Dir, DirPlace};
use super::folders::{Layout, run_folder};
use super::walk::Upload;
use super::{BLOBS, INGEST, show};
use crate::backend::prune_error::is_storage_full;
use crate::backend::target::is_one_name;
use crate::backend::{PlanId, PruneError, Totals};
use crate::format::digest::Digest;

/// The trash of a layout.
pub(super) use crate::backend::target::TRASH;
/// The lock of the running prune.
pub(super) const LOCK: &str = "lock";
/// A draft of the index.
pub(super) const DRAFT: &str = "index.json.new";
/// A temporary draft of a document.
pub(super) const DOCUMENT_DRAFT: &str = "document.new";
/// The name of the description of a run.
pub(super) const RUN: &str = "run.json";
const RUN_DRAFT: &str = "run.json.new";
/// The maximum size of a `run.json` in bytes; it contains no more than an index does.
const RUN_LIMIT: u64 = crate::format::manifest::DOCUMENT_LIMIT * 2;

/// The description of a run in its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrashedRun {
    version: u32,
    /// The plan that it executed.
    pub(super) plan: PlanId,
    /// When it last moved something here.
    pub(super) since: Timestamp,
    /// The entries that it removed from the index, verbatim.
    pub(super) refs: Vec<String>,
}

impl TrashedRun {
    const VERSION: u32 = 1;

    pub(super) fn new(plan: &PlanId) -> Self {
        Self {
            version: Self::VERSION,
            plan: plan.clone(),
            since: Timestamp::now(),
            refs: Vec::new(),
        }
    }
}

/// An existing trash folder.
pub(super) struct LocalTrash<'a> {
    layout: &'a Layout,
    dir: Arc<Dir>,
    /// Its path, for messages.
    path: PathBuf,
}

impl<'a> LocalTrash<'a> {
    /// Opens the trash of the layout at `path`, if it exists.
    pub(super) fn find(path: &Path, layout: &'a Layout) -> Result<Option<Self>, PruneError> {
        let path = path.join(TRASH);
        let fail = |source| failed("read", &path, source);
        match layout.root.facts(TRASH) {
            Ok(found) if found.is_folder() => {
                let dir = layout.root.folder(TRASH).map_err(fail)?;
                Ok(Some(Self {
                    layout,
                    dir: Arc::new(dir),
                    path,
                }))
            }
            Ok(_) => Err(PruneError::TrashOccupied(show(&path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(fail(source)),
        }
    }

    /// Opens the trash of the layout at `path`, or creates it.
    pub(super) fn ensure(path: &Path, layout: &'a Layout) -> Result<Self, PruneError> {
        let trash = path.join(TRASH);
        match layout.root.make_folder(TRASH) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|source| PruneError::Io {
                doing: "create",
                place: show(&trash),
                source,
            })?,
        }
        Self::find(path, layout)?.ok_or_else(|| PruneError::TrashOccupied(show(&trash)))
    }

    /// Returns the folder itself.
    pub(super) fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// Returns the folders of runs.
    pub(super) fn runs(&self) -> Result<Vec<PlanId>, PruneError> {
        let fail = |source| failed("read", &self.path, source);
        let mut runs = Vec::new();
        for entry in self.dir.entries().map_err(fail)? {
            let name = entry.map_err(fail)?.name;
            let plan = name.to_str().and_then(|name| name.parse().ok());
            let is_folder = || self.dir.facts(&name).is_ok_and(|found| found.is_folder());
            if let Some(plan) = plan
                && is_folder()
            {
                runs.push(plan);
            }
        }
        Ok(runs)
    }

    /// Calls `see` with each blob that a run keeps, and its place. There may be a million.
    pub(super) fn each_blob(
        &self,
        plan: &PlanId,
        mut see: impl FnMut(Digest, DirPlace),
    ) -> Result<(), PruneError> {
        for algorithm in ["sha256", "sha512"] {
            let name = run_folder(plan).join(BLOBS).join(algorithm);
            let fail = |source| failed("read", &self.path_of(&name), source);
            let dir = match self.layout.folder(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                dir => dir.map_err(fail)?,
            };
            for entry in dir.entries().map_err(fail)? {
                let name = entry.map_err(fail)?.name;
                let digest = name
                    .to_str()
                    .and_then(|hex| Digest::from_parts(algorithm, hex).ok());
                if let Some(digest) = digest {
                    let dir = Arc::clone(&dir);
                    see(digest, DirPlace { dir, name });
                }
            }
        }
        Ok(())
    }

    /// Reads the description of a run, if it exists.
    pub(super) fn read_run(&self, plan: &PlanId) -> Result<Option<TrashedRun>, PruneError> {
        let path = self.path.join(plan.to_string()).join(RUN);
        let fail = |source| failed("read", &path, source);
        let invalid = |why: &str| fail(io::Error::new(io::ErrorKind::InvalidData, why.to_owned()));
        let folder = match self.layout.folder(&run_folder(plan)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            folder => folder.map_err(fail)?,
        };
        let found = match folder.facts(RUN) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(fail)?,
        };
        if !found.is_file() || found.size > RUN_LIMIT {
            return Err(invalid("not a file that cachelens wrote"));
        }
        if found.size == 0 {
            // It was written to a full disk; only the time of the file is known.
            return Ok(Some(TrashedRun {
                since: found.modified,
                ..TrashedRun::new(plan)
            }));
        }
        let mut bytes = Vec::new();
        let file = folder.file(RUN).map_err(fail)?;
        file.take(RUN_LIMIT).read_to_end(&mut bytes).map_err(fail)?;
        let run: TrashedRun = serde_json::from_slice(&bytes).map_err(|error| fail(error.into()))?;
        if run.version != TrashedRun::VERSION || run.plan != *plan {
            return Err(invalid("of another version or another plan"));
        }
        Ok(Some(run))
    }

    /// Notes that the run of `plan` moves something here now, and adds the entries that it removes
    /// from the index.
    pub(super) fn remember(&self, plan: &PlanId, entries: Vec<String>) -> Result<(), PruneError> {
        let known = self.read_run(plan)?;
        let mut run = known.unwrap_or_else(|| TrashedRun::new(plan));
        run.since = Timestamp::now();
        let new: Vec<String> = entries
            .into_iter()
            .filter(|entry| !run.refs.contains(entry))
            .collect();
        run.refs.extend(new);
        self.write_run(&run)
    }

    /// Writes the description of a run durably and atomically, and creates its folder. On a full
    /// disk, an empty file records only the time, which needs no space.
    fn write_run(&self, run: &TrashedRun) -> Result<(), PruneError> {
        let path = self.path.join(run.plan.to_string()).join(RUN);
        let fail = |source: io::Error| failed("write", &path, source);
        let bytes = serde_json::to_vec(run).map_err(|error| fail(error.into()))?;
        self.dir.make_folder(run.plan.to_string()).map_err(fail)?;
        let folder = self.layout.folder(&run_folder(&run.plan)).map_err(fail)?;
        let written = match replace(&folder, &bytes) {
            Err(error) if is_storage_full(&error) && run.refs.is_empty() => replace(&folder, b""),
            written => written,
        };
        written
            .and_then(|()| folder.sync())
            .and_then(|()| self.dir.sync())
            .map_err(fail)
    }

    /// Creates the folders for the objects of a run.
    pub(super) fn make_places(&self, plan: &PlanId) -> Result<(), PruneError> {
        let folder = run_folder(plan);
        for (parent, name) in [
            (folder.clone(), INGEST),
            (folder.clone(), BLOBS),
            (folder.join(BLOBS), "sha256"),
            (folder.join(BLOBS), "sha512"),
        ] {
            let made = self
                .layout
                .folder(&parent)
                .and_then(|parent| parent.make_folder(name));
            made.map_err(|source| failed("create", &self.path_of(&parent.join(name)), source))?;
        }
        Ok(())
    }

    /// Removes the folders of runs whose trash is empty. The description of deleted refs is kept
    /// until the run is older than `forget_before`.
    pub(super) fn tidy(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        for plan in self.runs()? {
            let is_over = match self.read_run(&plan)? {
                Some(run) => run.refs.is_empty() || run.since < forget_before,
                None => true,
            };
            let Ok(folder) = self.layout.folder(&run_folder(&plan)) else {
                continue;
            };
            if is_emptied(&folder) && is_over {
                let _ = folder.remove_file(RUN_DRAFT);
                let _ = folder.remove_file(RUN);
                let _ = self.dir.remove_folder(plan.to_string());
            }
        }
        Ok(())
    }

    /// Returns a path below the layout, for messages.
    fn path_of(&self, relative: &Path) -> PathBuf {
        self.path.parent().unwrap_or(&self.path).join(relative)
    }
}

/// The trash that a run left in a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTrash {
    /// When the run last moved something there.
    pub since: Timestamp,
    /// The objects that are still there.
    pub stored: Totals,
}

/// Returns the trash of the run of `plan` in the layout at `path`, unless it is empty.
///
/// # Errors
/// Fails if the trash cannot be read.
pub fn left_by(path: &Path, plan: &PlanId) -> Result<Option<RunTrash>, PruneError> {
    let layout = Layout::open(path).map_err(|source| failed("open", path, source))?;
    let Some(trash) = LocalTrash::find(path, &layout)? else {
        return Ok(None);
    };
    let Some(run) = trash.read_run(plan)? else {
        return Ok(None);
    };
    let size = |place: &DirPlace| place.facts().map_or(0, |found| found.size);
    let mut stored = Totals::default();
    trash.each_blob(plan, |_, place| stored.add(size(&place)))?;
    if let Ok(uploads) = layout.folder(&run_folder(plan).join(INGEST)) {
        for entry in uploads.entries().into_iter().flatten().flatten() {
            let bytes = Upload::at(&uploads, &entry.name).map_or(0, |upload| upload.size);
            stored.count += 1;
            stored.bytes = stored.bytes.saturating_add(bytes);
        }
    }
    Ok((stored.count > 0).then_some(RunTrash {
        since: run.since,
        stored,
    }))
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> PruneError {
    PruneError::Io {
        doing,
        place: show(path),
        source,
    }
}

/// Removes the empty folders of a run; returns whether only its description is left.
fn is_emptied(folder: &Dir) -> bool {
    // The system refuses to remove a folder that is not empty.
    if let Ok(blobs) = folder.folder(BLOBS) {
        let _ = blobs.remove_folder("sha256");
        let _ = blobs.remove_folder("sha512");
    }
    let _ = folder.remove_folder(BLOBS);
    let _ = folder.remove_folder(INGEST);
    folder.facts(BLOBS).is_err() && folder.facts(INGEST).is_err()
}

/// Replaces the description of a run in its folder.
fn replace(folder: &Arc<Dir>, bytes: &[u8]) -> io::Result<()> {
    let draft = DirPlace {
        dir: Arc::clone(folder),
        name: OsString::from(RUN_DRAFT),
    };
    match folder.remove_file(RUN_DRAFT) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = folder.create(RUN_DRAFT)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    draft.move_to(&DirPlace {
        dir: Arc::clone(folder),
        name: OsString::from(RUN),
    })
}

/// Returns the file name of the unfinished upload `ingest/…`, if it is a single name.
pub(super) fn upload(name: &str) -> Option<&str> {
    let name = name.strip_prefix(INGEST)?.strip_prefix('/')?;
    is_one_name(name).then_some(name)
}

/// Returns whether `name` is the description of a run.
pub(super) fn is_own(name: &str) -> bool {
    let run = name
        .strip_prefix(TRASH)
        .and_then(|rest| rest.strip_prefix('/')?.split_once('/'));
    run.is_some_and(|(plan, file)| {
        plan.parse::<PlanId>().is_ok() && (file == RUN || file == RUN_DRAFT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ObjectName;

    #[test]
    fn only_names_of_trashed_objects_are_accepted() {
        let hex = "ab".repeat(32);
        let plan = "20261122T005918Z-1f2e3d4c";
        let name = format!("{TRASH}/{plan}/blobs/sha256/{hex}");
        assert!(matches!(
            ObjectName::of_trash(&name),
            Some((_, ObjectName::Blob(_)))
        ));
        assert!(matches!(
            ObjectName::of_trash(&format!("{TRASH}/{plan}/ingest/x")),
            Some((_, ObjectName::Partial(_)))
        ));
        for wrong in [
            "blobs/sha256/x".to_owned(),
            format!("{TRASH}/{plan}/ingest/.."),
            format!("{TRASH}/{plan}/ingest/a/b"),
            format!("{TRASH}/{plan}/run.json"),
            format!("{TRASH}/../blobs/sha256/{hex}"),
            format!("{TRASH}/{plan}/blobs/../{hex}"),
            format!("{TRASH}/{plan}/../../blobs/sha256/{hex}"),
        ] {
            assert!(ObjectName::of_trash(&wrong).is_none(), "{wrong}");
        }
        assert_eq!(upload("ingest/x"), Some("x"));
        for wrong in ["ingest", "ingest/", "ingest/..", "ingest/a/../b", "x/y"] {
            assert_eq!(upload(wrong), None, "{wrong}");
        }
    }
}
