//! An open layout: its folders, each opened once, and the places of objects in them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::dir::{Dir, DirPlace};
use super::trash::{TRASH, upload};
use super::{BLOBS, INGEST};
use crate::backend::{ObjectName, PlanId};
use crate::format::digest::Digest;

/// The maximum number of open folders; a trash may have a folder for each of a thousand runs.
const MOST_OPEN: usize = 64;

/// The folders of a layout.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) root: Arc<Dir>,
    opened: Mutex<HashMap<PathBuf, Arc<Dir>>>,
}

impl Layout {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            root: Arc::new(Dir::named(path)?),
            opened: Mutex::default(),
        })
    }

    /// Returns a folder of the layout without following links.
    pub(super) fn folder(&self, relative: &Path) -> io::Result<Arc<Dir>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = opened.get(relative) {
            return Ok(Arc::clone(dir));
        }
        let dir = Arc::new(self.root.folder(relative)?);
        if opened.len() >= MOST_OPEN {
            opened.clear();
        }
        opened.insert(relative.to_owned(), Arc::clone(&dir));
        Ok(dir)
    }

    /// Returns the folder of the blobs of an algorithm. Only reads may follow a link there.
    pub(super) fn linked_blobs(&self, algorithm: &str) -> io::Result<Dir> {
        self.root.linked_folder(BLOBS)?.linked_folder(algorithm)
    }

    /// Returns the place of an object, if its name is one inside a layout.
    pub(super) fn place(&self, name: &ObjectName) -> io::Result<Option<DirPlace>> {
        let address = match name {
            ObjectName::Trashed(name) => {
                ObjectName::of_trash(name).and_then(|(run, inner)| in_trash(&run, &inner))
            }
            name => address(name),
        };
        self.at(address)
    }

    /// Returns the place of an object in the trash of a run.
    pub(super) fn trash_place(
        &self,
        run: &PlanId,
        name: &ObjectName,
    ) -> io::Result<Option<DirPlace>> {
        self.at(in_trash(run, name))
    }

    fn at(&self, address: Option<(PathBuf, String)>) -> io::Result<Option<DirPlace>> {
        let Some((folder, name)) = address else {
            return Ok(None);
        };
        Ok(Some(DirPlace {
            dir: self.folder(&folder)?,
            name: name.into(),
        }))
    }
}

/// Returns the folder of a blob or an upload below the layout, or below the folder of a run in the
/// trash, and its name there.
fn address(name: &ObjectName) -> Option<(PathBuf, String)> {
    match name {
        ObjectName::Blob(digest) => Some((blobs_of(digest), digest.hex())),
        ObjectName::Partial(name) => Some((PathBuf::from(INGEST), upload(name)?.to_owned())),
        ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
    }
}

fn in_trash(run: &PlanId, name: &ObjectName) -> Option<(PathBuf, String)> {
    let (folder, name) = address(name)?;
    Some((run_folder(run).join(folder), name))
}

fn blobs_of(digest: &Digest) -> PathBuf {
    Path::new(BLOBS).join(digest.algorithm())
}

/// Returns the folder of a run in the trash.
pub(super) fn run_folder(run: &PlanId) -> PathBuf {
    Path::new(TRASH).join(run.to_string())
}
