//! Lists a layout's directory, with several threads for the sizes.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use rustix::fs::FileType;
use tokio_util::sync::CancellationToken;

use super::dir::{Dir, DirEntry, FileFacts};
use super::folders::{Layout, run_folder};
use super::trash::{self, LocalTrash, TRASH};
use super::walk::{Upload, unless_gone, walk};
use super::{BLOBS, INDEX, INDEX_LOCK, INGEST, LocalCache, MARKER, show, threads};
use crate::backend::{
    BackendError, ObjectName, ObjectSender, OtherKind, OtherObject, StoredObject,
};
use crate::format::digest::Digest;

/// The number of entries that a thread takes from a directory at once and sends in one batch.
const BATCH: usize = 512;

impl LocalCache {
    /// Sends everything below the layout that is not one of its own files.
    pub(super) fn list(
        &self,
        sender: &ObjectSender,
        cancel: &CancellationToken,
    ) -> Result<(), BackendError> {
        let layout = self.layout().map_err(|source| BackendError::Io {
            place: show(&self.dir),
            source,
        })?;
        let listing = LocalListing {
            dir: &self.dir,
            layout: &layout,
            sender,
            cancel,
        };
        listing.all()
    }
}

struct LocalListing<'a> {
    dir: &'a Path,
    layout: &'a Layout,
    sender: &'a ObjectSender,
    cancel: &'a CancellationToken,
}

type ListingBatch = Vec<StoredObject>;

/// A folder that is listed, and its name in the layout.
struct ListedFolder<'a> {
    dir: &'a Dir,
    name: &'a Path,
}

impl LocalListing<'_> {
    fn all(&self) -> Result<(), BackendError> {
        let root = ListedFolder {
            dir: &self.layout.root,
            name: Path::new(""),
        };
        let mut blobs = None;
        let mut has_ingest = false;
        let mut has_trash = false;
        self.serially(&root, |entry, batch| {
            match entry.name.to_str() {
                Some(MARKER | INDEX | INDEX_LOCK) if entry.kind == FileType::RegularFile => {}
                Some(BLOBS) => blobs = Some(entry.clone()),
                Some(INGEST) if entry.kind == FileType::Directory => has_ingest = true,
                Some(TRASH) if entry.kind == FileType::Directory => has_trash = true,
                _ => self.foreign(&root, entry, batch)?,
            }
            Ok(())
        })?;
        if has_ingest {
            self.ingest()?;
        }
        if has_trash {
            self.trash()?;
        }
        match blobs {
            Some(blobs) => self.linked(&root, &blobs, |dir| self.blobs(dir)),
            None => Ok(()),
        }
    }

    /// Opens a folder of blobs and passes it to `list`. It may be a link that the user made to
    /// another disk. A file in place of the folder is unknown.
    fn linked(
        &self,
        parent: &ListedFolder<'_>,
        entry: &DirEntry,
        list: impl FnOnce(&Dir) -> Result<(), BackendError>,
    ) -> Result<(), BackendError> {
        let fail = |source| self.failed(&parent.name.join(&entry.name), source);
        match parent.dir.linked_folder(&entry.name) {
            Ok(dir) => list(&dir),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(fail(error)),
            Err(_) => {
                let mut batch = ListingBatch::new();
                unless_gone(self.foreign(parent, entry, &mut batch)).map_err(fail)?;
                self.flush(&mut batch);
                Ok(())
            }
        }
    }

    fn blobs(&self, blobs: &Dir) -> Result<(), BackendError> {
        let blobs = ListedFolder {
            dir: blobs,
            name: Path::new(BLOBS),
        };
        let mut folders = Vec::new();
        self.serially(&blobs, |entry, batch| {
            match entry.name.to_str() {
                Some("sha256") => folders.push(("sha256", entry.clone())),
                Some("sha512") => folders.push(("sha512", entry.clone())),
                _ => self.foreign(&blobs, entry, batch)?,
            }
            Ok(())
        })?;
        folders.into_iter().try_for_each(|(algorithm, entry)| {
            self.linked(&blobs, &entry, |dir| {
                let folder = ListedFolder {
                    dir,
                    name: &Path::new(BLOBS).join(algorithm),
                };
                self.in_parallel(&folder, |entry, batch| {
                    self.blob(algorithm, &folder, entry, batch)
                })
            })
        })
    }

    fn blob(
        &self,
        algorithm: &str,
        folder: &ListedFolder<'_>,
        entry: &DirEntry,
        batch: &mut ListingBatch,
    ) -> io::Result<()> {
        let digest = entry
            .name
            .to_str()
            .and_then(|hex| Digest::from_parts(algorithm, hex).ok());
        let found = folder.dir.facts(&entry.name)?;
        match digest {
            Some(digest) if found.is_file() => {
                batch.push(StoredObject::Blob {
                    digest,
                    size: found.size,
                    modified: Some(found.modified),
                });
                Ok(())
            }
            _ => self.foreign(folder, entry, batch),
        }
    }

    fn ingest(&self) -> Result<(), BackendError> {
        self.in_folder(Path::new(INGEST), |folder, entry, batch| {
            batch.push(StoredObject::Partial(upload(folder, entry)?));
            Ok(())
        })
    }

    /// Lists the trash of earlier prunes. Anything else in its folder is unknown.
    fn trash(&self) -> Result<(), BackendError> {
        let Ok(Some(trash)) = LocalTrash::find(self.dir, self.layout) else {
            return Ok(());
        };
        self.in_folder(Path::new(TRASH), |folder, entry, batch| {
            let plan = entry.name.to_str().and_then(|name| name.parse().ok());
            let run = plan.and_then(|plan| Some((trash.read_run(&plan).ok()??.since, plan)));
            match (entry.name.to_str(), run) {
                (Some(trash::LOCK | trash::DRAFT | trash::DOCUMENT_DRAFT), _)
                    if entry.kind == FileType::RegularFile =>
                {
                    Ok(())
                }
                (_, Some((since, plan))) if entry.kind == FileType::Directory => {
                    self.run(run_folder(&plan), since, batch)
                }
                _ => self.foreign(folder, entry, batch),
            }
        })
    }

    fn run(&self, folder: PathBuf, since: Timestamp, batch: &mut ListingBatch) -> io::Result<()> {
        let mut folders = vec![folder];
        while let Some(name) = folders.pop() {
            let Some(dir) = unless_gone(self.layout.root.folder(&name))? else {
                continue;
            };
            let folder = ListedFolder {
                dir: &dir,
                name: &name,
            };
            for entry in dir.entries()? {
                let entry = entry?;
                let Some(facts) = unless_gone(dir.facts(&entry.name))? else {
                    continue;
                };
                let found = other(&folder, &entry.name, &facts);
                if ObjectName::of_trash(&found.name).is_some() {
                    let object = if facts.is_folder() {
                        upload(&folder, &entry)?
                    } else {
                        found
                    };
                    batch.push(StoredObject::Trashed(OtherObject {
                        modified: Some(since),
                        ..object
                    }));
                } else if facts.is_folder() {
                    folders.push(name.join(&entry.name));
                } else if !trash::is_own(&found.name) {
                    batch.push(StoredObject::Unknown(found));
                }
                if batch.len() >= BATCH {
                    self.flush(batch);
                }
            }
        }
        Ok(())
    }

    /// Sends a file that does not belong to the cache, or all files of such a folder.
    fn foreign(
        &self,
        folder: &ListedFolder<'_>,
        entry: &DirEntry,
        batch: &mut ListingBatch,
    ) -> io::Result<()> {
        let facts = folder.dir.facts(&entry.name)?;
        if !facts.is_folder() {
            batch.push(StoredObject::Unknown(other(folder, &entry.name, &facts)));
            return Ok(());
        }
        let denied = walk(folder.dir, &entry.name, &mut |inside, name, facts| {
            let file = Path::new(inside).join(name);
            let found = other(folder, file.as_os_str(), facts);
            batch.push(StoredObject::Unknown(found));
            if batch.len() >= BATCH {
                self.flush(batch);
            }
            !self.cancel.is_cancelled()
        })?;
        batch.extend(denied.into_iter().map(|inside| {
            StoredObject::Unknown(OtherObject {
                name: name_of(folder, inside.as_os_str()),
                kind: OtherKind::Unlisted,
                size: 0,
                modified: None,
            })
        }));
        Ok(())
    }

    /// Calls `each` for each entry of a folder of the layout, if the folder exists.
    fn in_folder(
        &self,
        name: &Path,
        mut each: impl FnMut(&ListedFolder<'_>, &DirEntry, &mut ListingBatch) -> io::Result<()>,
    ) -> Result<(), BackendError> {
        let opened = unless_gone(self.layout.root.folder(name));
        let Some(dir) = opened.map_err(|source| self.failed(name, source))? else {
            return Ok(());
        };
        let folder = ListedFolder { dir: &dir, name };
        self.serially(&folder, |entry, batch| each(&folder, entry, batch))
    }

    /// Calls `each` for each entry of a folder, except entries that vanished.
    fn serially(
        &self,
        folder: &ListedFolder<'_>,
        mut each: impl FnMut(&DirEntry, &mut ListingBatch) -> io::Result<()>,
    ) -> Result<(), BackendError> {
        let fail = |source| self.failed(folder.name, source);
        let entries = folder.dir.entries().map_err(fail)?;
        self.work(&Mutex::new(entries), &mut each).map_err(fail)
    }

    /// Like [`Self::serially`], with several threads: a folder of blobs may have a million entries,
    /// and the size of each takes a system call.
    fn in_parallel(
        &self,
        folder: &ListedFolder<'_>,
        each: impl Fn(&DirEntry, &mut ListingBatch) -> io::Result<()> + Sync,
    ) -> Result<(), BackendError> {
        let fail = |source| self.failed(folder.name, source);
        let entries = Mutex::new(folder.dir.entries().map_err(fail)?);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads())
                .map(|_| scope.spawn(|| self.work(&entries, &mut &each)))
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| match worker.join() {
                    Ok(result) => result.map_err(fail),
                    Err(_) => Err(BackendError::Interrupted),
                })
        })
    }

    fn work(
        &self,
        entries: &Mutex<impl Iterator<Item = io::Result<DirEntry>>>,
        each: &mut impl FnMut(&DirEntry, &mut ListingBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        while !self.cancel.is_cancelled() {
            let taken: Vec<DirEntry> = match entries.lock() {
                Ok(mut entries) => entries.by_ref().take(BATCH).collect::<io::Result<_>>()?,
                Err(_) => return Ok(()),
            };
            if taken.is_empty() {
                break;
            }
            let mut batch = Vec::with_capacity(taken.len());
            for entry in &taken {
                unless_gone(each(entry, &mut batch))?;
            }
            self.flush(&mut batch);
        }
        Ok(())
    }

    fn flush(&self, batch: &mut ListingBatch) {
        if !batch.is_empty() && self.sender.blocking_send(std::mem::take(batch)).is_err() {
            // The receiver is gone; stop quietly.
            self.cancel.cancel();
        }
    }

    fn failed(&self, folder: &Path, source: io::Error) -> BackendError {
        let place = if folder.as_os_str().is_empty() {
            show(self.dir)
        } else {
            show(&self.dir.join(folder))
        };
        BackendError::Io { place, source }
    }
}

/// Returns an unfinished upload; the newest of its files determines its age.
fn upload(folder: &ListedFolder<'_>, entry: &DirEntry) -> io::Result<OtherObject> {
    let facts = folder.dir.facts(&entry.name)?;
    let found = other(folder, &entry.name, &facts);
    if !facts.is_folder() {
        return Ok(found);
    }
    let upload = Upload::at(folder.dir, &entry.name)?;
    let kind = if upload.is_unlisted {
        OtherKind::Unlisted
    } else {
        OtherKind::Upload
    };
    Ok(OtherObject {
        kind,
        size: upload.size,
        modified: Some(upload.modified),
        ..found
    })
}

fn other(folder: &ListedFolder<'_>, name: &OsStr, facts: &FileFacts) -> OtherObject {
    OtherObject {
        name: name_of(folder, name),
        kind: kind(facts.kind),
        size: facts.size,
        modified: Some(facts.modified),
    }
}

fn name_of(folder: &ListedFolder<'_>, name: &OsStr) -> String {
    folder.name.join(name).to_string_lossy().into_owned()
}

fn kind(file_type: FileType) -> OtherKind {
    match file_type {
        FileType::Symlink => OtherKind::Symlink,
        FileType::Fifo | FileType::Socket | FileType::BlockDevice | FileType::CharacterDevice => {
            OtherKind::Special
        }
        _ => OtherKind::File,
    }
}
