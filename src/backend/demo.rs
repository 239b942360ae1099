//! The demo: a copy of the cache that is built into the program, in a temporary directory.
//!
//! It is a local layout like any other, so everything works on it, pruning and undoing included.
//! There is one copy for the whole process; [`remove`] deletes it at the end.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use super::local::LocalCache;
use super::memory::DEMO;

/// The copy of this process.
static COPY: Mutex<Option<DemoCopy>> = Mutex::new(None);

struct DemoCopy {
    dir: TempDir,
    cache: LocalCache,
}

/// Opens the copy, and makes it when there is none yet.
///
/// # Errors
/// When no directory can be written.
pub fn open() -> io::Result<LocalCache> {
    let mut copy = COPY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(copy) = &*copy {
        return Ok(copy.cache.clone());
    }
    let dir = tempfile::Builder::new()
        .prefix("cachelens-demo-")
        .tempdir()?;
    let layout = dir.path().join("cache");
    fs::create_dir(&layout)?;
    let provenance = unpack(&layout)?;
    let cache = LocalCache::new(layout)
        .with_provenance(Arc::new(provenance))
        .private();
    *copy = Some(DemoCopy {
        dir,
        cache: cache.clone(),
    });
    Ok(cache)
}

/// Returns the folder for journals of runs in the copy, which ends with it.
pub fn journals() -> Option<PathBuf> {
    let copy = COPY.lock().unwrap_or_else(PoisonError::into_inner);
    copy.as_ref().map(|copy| copy.dir.path().join("journal"))
}

/// Deletes the copy.
pub fn remove() {
    let copy = COPY.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(copy) = copy {
        let place = copy.dir.path().to_owned();
        if let Err(error) = copy.dir.close() {
            tracing::warn!(%error, place = %place.display(), "the demo cannot be deleted");
        }
    }
}

/// Writes the layout into `layout`, and returns the provenance statements next to it by ref.
fn unpack(layout: &Path) -> io::Result<HashMap<String, Vec<u8>>> {
    let mut provenance = HashMap::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(DEMO));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        match path.strip_prefix("provenance") {
            Ok(file) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                let name = file.with_extension("").to_string_lossy().into_owned();
                provenance.insert(name, bytes);
            }
            Err(_) => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(layout.join(folder))?;
                }
                entry.unpack_in(layout)?;
            }
        }
    }
    Ok(provenance)
}
