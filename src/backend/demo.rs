//! The demo: a copy of the cache that is built into the program, in a temporary directory.
//!
//! It is a local layout like any other, so everything works on it, pruning and undoing included.
//! The evidence of its last build lies next to it. There is one copy for the whole process;
//! [`remove`] deletes it at the end.
//!
//! Creating the files of the layout takes longer than everything else at the start of the program,
//! so a thread does it, and the layout's readers wait for it.

mod archive;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;
use tempfile::TempDir;

use super::local::{CopyInProgress, LocalCache};

pub(super) use archive::{DemoFile, files};

/// The copy of this process.
static STATE: Mutex<DemoState> = Mutex::new(DemoState::NotMade);

enum DemoState {
    NotMade,
    Made(DemoCopy),
    /// The program ends, so a thread that is late makes no copy that nothing would delete.
    Removed,
}

struct DemoCopy {
    dir: TempDir,
    cache: LocalCache,
}

fn state() -> MutexGuard<'static, DemoState> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DemoState {
    fn copy(&self) -> Option<&DemoCopy> {
        match self {
            Self::Made(copy) => Some(copy),
            Self::NotMade | Self::Removed => None,
        }
    }
}

/// The folder of the layout.
const CACHE: &str = "cache";

/// The ref that a build with a Dockerfile of its own imports.
const OTHER_BUILD: &str = "web-amd64-386";

/// The evidence of a build: of the last one, which imported `main` of the demo, or of another one
/// that imports the ref in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoEvidence {
    /// The log and the provenance.
    pub build: Vec<PathBuf>,
    /// The provenance of the build that exported the ref.
    pub baseline: PathBuf,
    pub context: PathBuf,
}

/// Opens the copy, and makes it if there is none yet.
///
/// # Errors
/// Returns an error if no directory can be written, or the copy was removed.
pub fn open() -> io::Result<LocalCache> {
    let mut state = state();
    match &*state {
        DemoState::Made(copy) => return Ok(copy.cache.clone()),
        DemoState::Removed => return Err(io::Error::other("the demo was removed")),
        DemoState::NotMade => {}
    }
    let dir = tempfile::Builder::new()
        .prefix("cachelens-demo-")
        .tempdir()?;
    let place = dir.path().join(CACHE);
    fs::create_dir(&place)?;
    let files = files(Timestamp::now())?.into_iter();
    let (layout, others): (Vec<DemoFile>, Vec<DemoFile>) =
        files.partition(|file| Path::new(&file.path).starts_with(CACHE));
    let provenance = unpack(dir.path(), others)?;
    let target = dir.path().to_owned();
    let copy = CopyInProgress::start(move || unpack(&target, layout).map(drop))?;
    let cache = LocalCache::new(place)
        .with_provenance(Arc::new(provenance))
        .copied_by(Arc::new(copy));
    *state = DemoState::Made(DemoCopy {
        dir,
        cache: cache.clone(),
    });
    Ok(cache)
}

/// Returns the evidence of the last build; `None` if there is no copy.
pub fn evidence() -> Option<DemoEvidence> {
    evidence_for("")
}

/// Returns the refs that builds of their own import, each with the evidence of the next build.
pub fn other_builds() -> Vec<(&'static str, DemoEvidence)> {
    let evidence = evidence_for(OTHER_BUILD);
    evidence
        .into_iter()
        .map(|evidence| (OTHER_BUILD, evidence))
        .collect()
}

/// Returns the evidence of the next build that imports a ref; `None` if there is no copy.
pub fn evidence_for(ref_name: &str) -> Option<DemoEvidence> {
    let state = state();
    let dir = state.copy()?.dir.path();
    let build = dir.join("build");
    if ref_name == OTHER_BUILD {
        return Some(DemoEvidence {
            build: vec![build.join("web.json")],
            baseline: build.join("web.json"),
            context: dir.join("checkout-web"),
        });
    }
    Some(DemoEvidence {
        build: vec![build.join("log.rawjson"), build.join("provenance.json")],
        baseline: build.join("before.json"),
        context: dir.join("checkout"),
    })
}

/// Returns the directory for the journals of runs in the copy. It is deleted with the copy.
pub fn journals() -> Option<PathBuf> {
    let state = state();
    state.copy().map(|copy| copy.dir.path().join("journal"))
}

/// Deletes the copy. No other is made after it.
pub fn remove() {
    let removed = std::mem::replace(&mut *state(), DemoState::Removed);
    if let DemoState::Made(copy) = removed {
        let place = copy.dir.path().to_owned();
        // What is created during the deletion would be left behind. Readers report the error.
        let _ = copy.cache.wait_for_copy();
        if let Err(error) = copy.dir.close() {
            tracing::warn!(%error, place = %place.display(), "the demo cannot be deleted");
        }
    }
}

/// Writes the files below `dir`. Returns the provenance statements by ref.
fn unpack(dir: &Path, files: Vec<DemoFile>) -> io::Result<HashMap<String, Vec<Vec<u8>>>> {
    let mut provenance: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    let mut folders = BTreeMap::new();
    for file in files {
        if let Some(name) = ref_of_provenance(&file.path) {
            provenance
                .entry(name.to_owned())
                .or_default()
                .push(file.bytes);
            continue;
        }
        let path = dir.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
            folders.insert(folder.to_owned(), file.modified);
        }
        let mut written = File::create_new(&path)?;
        written.write_all(&file.bytes)?;
        written.set_modified(SystemTime::from(file.modified))?;
        set_mode(&written, file.mode)?;
    }
    // The age of an unfinished upload is that of its directory.
    for (folder, modified) in folders {
        File::open(folder)?.set_modified(SystemTime::from(modified))?;
    }
    Ok(provenance)
}

/// Returns the ref whose provenance a file is: `provenance/REF.json`, or of several platforms
/// `provenance/REF/PLATFORM.json`.
pub(super) fn ref_of_provenance(path: &str) -> Option<&str> {
    let name = path.strip_prefix("provenance/")?.strip_suffix(".json")?;
    name.split('/').next()
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}
