//! Lists what a layout's directory holds, with several threads asking for the sizes.

use std::fs::{self, DirEntry, FileType, Metadata, ReadDir};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::prune::taken;
use super::trash::{self, TRASH, Trash};
use super::{BLOBS, INDEX, INDEX_LOCK, INGEST, MARKER, show};
use crate::backend::{BackendError, ObjectSender, OtherKind, OtherObject, StoredObject};
use crate::format::digest::Digest;

/// How many entries a thread takes from a directory at once, and sends in one batch.
const BATCH: usize = 512;
/// More threads than this only wait for each other in the kernel's directory code.
const MAX_THREADS: usize = 4;

/// Sends everything below `dir` that is not one of the layout's own files.
pub(super) fn list(dir: &Path, sender: &ObjectSender, cancel: &CancellationToken) -> Result<(), BackendError> {
    let listing = Listing { dir, sender, cancel };
    let (mut has_blobs, mut has_ingest, mut has_trash) = (false, false, false);
    listing.serially(dir, |entry, batch| {
        let name = entry.file_name();
        match name.to_str() {
            Some(MARKER | INDEX | INDEX_LOCK) if entry.file_type()?.is_file() => {}
            // The folders of blobs may be links: somebody's other disk.
            Some(BLOBS) if entry.path().is_dir() => has_blobs = true,
            Some(INGEST) if entry.file_type()?.is_dir() => has_ingest = true,
            Some(TRASH) if entry.file_type()?.is_dir() => has_trash = true,
            _ => listing.foreign(entry, batch)?,
        }
        Ok(())
    })?;
    if has_ingest {
        listing.ingest()?;
    }
    if has_trash {
        listing.trash()?;
    }
    if has_blobs { listing.blobs() } else { Ok(()) }
}

struct Listing<'a> {
    dir: &'a Path,
    sender: &'a ObjectSender,
    cancel: &'a CancellationToken,
}

type Batch = Vec<StoredObject>;

impl Listing<'_> {
    fn blobs(&self) -> Result<(), BackendError> {
        let mut folders = Vec::new();
        self.serially(&self.dir.join(BLOBS), |entry, batch| {
            let name = entry.file_name();
            let algorithm = match name.to_str() {
                Some("sha256") => "sha256",
                Some("sha512") => "sha512",
                _ => return self.foreign(entry, batch),
            };
            if !entry.path().is_dir() {
                return self.foreign(entry, batch);
            }
            folders.push((algorithm, entry.path()));
            Ok(())
        })?;
        folders
            .into_iter()
            .try_for_each(|(algorithm, dir)| self.in_parallel(&dir, |entry, batch| self.blob(algorithm, entry, batch)))
    }

    fn blob(&self, algorithm: &str, entry: &DirEntry, batch: &mut Batch) -> io::Result<()> {
        let digest = entry.file_name().to_str().and_then(|hex| Digest::from_parts(algorithm, hex).ok());
        match digest {
            Some(digest) if entry.file_type()?.is_file() => {
                let found = entry.metadata()?;
                batch.push(StoredObject::Blob { digest, size: found.len(), modified: modified(&found) });
                Ok(())
            }
            _ => self.foreign(entry, batch),
        }
    }

    fn ingest(&self) -> Result<(), BackendError> {
        self.serially(&self.dir.join(INGEST), |entry, batch| {
            batch.push(StoredObject::Partial(self.upload(entry)?));
            Ok(())
        })
    }

    /// Tells an unfinished upload, which is as young as the youngest of its files.
    fn upload(&self, entry: &DirEntry) -> io::Result<OtherObject> {
        let mut told = self.other(entry, &entry.metadata()?);
        if entry.file_type()?.is_dir() {
            let upload = Upload::at(&entry.path())?;
            let kind = if upload.is_unlisted { OtherKind::Unlisted } else { OtherKind::Upload };
            (told.kind, told.size, told.modified) = (kind, upload.size, upload.modified);
        }
        Ok(told)
    }

    /// Tells what earlier prunes took away, and when they did. Whatever else is there is none of the cache's own.
    fn trash(&self) -> Result<(), BackendError> {
        let Ok(Some(trash)) = Trash::find(self.dir) else { return Ok(()) };
        self.serially(&self.dir.join(TRASH), |entry, batch| {
            let name = entry.file_name();
            let plan = name.to_str().and_then(|name| name.parse().ok());
            let since = plan.and_then(|plan| trash.read_run(&plan).ok().flatten()).map(|run| run.since);
            match (name.to_str(), since) {
                (Some(trash::LOCK | trash::DRAFT | trash::DOCUMENT_DRAFT), _) if entry.file_type()?.is_file() => Ok(()),
                (_, Some(since)) if entry.file_type()?.is_dir() => self.run(&entry.path(), since, batch),
                _ => self.foreign(entry, batch),
            }
        })
    }

    fn run(&self, folder: &Path, since: Timestamp, batch: &mut Batch) -> io::Result<()> {
        let mut folders = vec![folder.to_owned()];
        while let Some(dir) = folders.pop() {
            for entry in read_dir(&dir)?.into_iter().flatten() {
                let entry = entry?;
                let is_dir = entry.file_type()?.is_dir();
                let found = self.other(&entry, &entry.metadata()?);
                if trash::trashed(&found.name).is_some() {
                    let told = if is_dir { self.upload(&entry)? } else { found };
                    batch.push(StoredObject::Trashed(OtherObject { modified: Some(since), ..told }));
                } else if is_dir {
                    folders.push(entry.path());
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

    /// Tells a file that is none of the cache's own, or all the files of such a folder.
    fn foreign(&self, entry: &DirEntry, batch: &mut Batch) -> io::Result<()> {
        if entry.file_type()?.is_dir() {
            let denied = self.walk(entry.path(), |entry, found| {
                batch.push(StoredObject::Unknown(self.other(entry, found)));
                if batch.len() >= BATCH {
                    self.flush(batch);
                }
            })?;
            batch.extend(denied.into_iter().map(|folder| {
                let (name, kind) = (self.name(&folder), OtherKind::Unlisted);
                StoredObject::Unknown(OtherObject { name, kind, size: 0, modified: None })
            }));
            return Ok(());
        }
        batch.push(StoredObject::Unknown(self.other(entry, &entry.metadata()?)));
        Ok(())
    }

    fn other(&self, entry: &DirEntry, found: &Metadata) -> OtherObject {
        let (name, kind) = (self.name(&entry.path()), kind(found.file_type()));
        OtherObject { name, kind, size: found.len(), modified: modified(found) }
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.dir).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Visits everything below `dir` but the folders themselves, without following links. Returns the folders that may not
    /// be listed, as `lost+found` on a disk of its own.
    fn walk(&self, dir: PathBuf, mut visit: impl FnMut(&DirEntry, &Metadata)) -> io::Result<Vec<PathBuf>> {
        walk(dir, &mut |entry, found| {
            visit(entry, found);
            !self.cancel.is_cancelled()
        })
    }

    /// Calls `tell` for each entry of a folder. A folder or an entry that has gone is passed over.
    fn serially(
        &self,
        dir: &Path,
        mut tell: impl FnMut(&DirEntry, &mut Batch) -> io::Result<()>,
    ) -> Result<(), BackendError> {
        let fail = |source| BackendError::Io { place: show(dir), source };
        let Some(entries) = read_dir(dir).map_err(fail)? else { return Ok(()) };
        self.work(&Mutex::new(entries), &mut tell).map_err(fail)
    }

    /// Does the same from several threads: a folder of blobs may have a million entries, each of which has to be asked
    /// for its size.
    fn in_parallel(
        &self,
        dir: &Path,
        tell: impl Fn(&DirEntry, &mut Batch) -> io::Result<()> + Sync,
    ) -> Result<(), BackendError> {
        let fail = |source| BackendError::Io { place: show(dir), source };
        let Some(entries) = read_dir(dir).map_err(fail)? else { return Ok(()) };
        let entries = Mutex::new(entries);
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.work(&entries, &mut &tell))).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result.map_err(fail),
                Err(_) => Err(BackendError::Interrupted),
            })
        })
    }

    fn work(
        &self,
        entries: &Mutex<ReadDir>,
        tell: &mut impl FnMut(&DirEntry, &mut Batch) -> io::Result<()>,
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
                unless_gone(tell(entry, &mut batch))?;
            }
            self.flush(&mut batch);
        }
        Ok(())
    }

    fn flush(&self, batch: &mut Batch) {
        if !batch.is_empty() && self.sender.blocking_send(std::mem::take(batch)).is_err() {
            // Nobody listens any more.
            self.cancel.cancel();
        }
    }
}

/// Visits everything below `dir` but the folders themselves, without following links, for as long as `visit` wants more.
fn walk(dir: PathBuf, visit: &mut impl FnMut(&DirEntry, &Metadata) -> bool) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut denied) = (vec![dir], Vec::new());
    while let Some(folder) = folders.pop() {
        match self::visit(&folder, &mut folders, visit) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied.push(folder),
            visited => {
                if !visited? {
                    break;
                }
            }
        }
    }
    Ok(denied)
}

/// Visits the files of a folder and remembers the folders in it; tells whether to go on.
fn visit(
    folder: &Path,
    folders: &mut Vec<PathBuf>,
    visit: &mut impl FnMut(&DirEntry, &Metadata) -> bool,
) -> io::Result<bool> {
    for entry in read_dir(folder)?.into_iter().flatten() {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        } else if let Some(found) = unless_gone(entry.metadata())?
            && !visit(&entry, &found)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The folder of an unfinished upload, as a whole.
pub(super) struct Upload {
    pub size: u64,
    pub disk_bytes: u64,
    /// Whether a folder in it may not be listed.
    pub is_unlisted: bool,
    /// The newest time of the folder and its files.
    pub modified: Option<Timestamp>,
}

impl Upload {
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        let mut upload =
            Self { size: 0, disk_bytes: 0, is_unlisted: false, modified: modified(&fs::symlink_metadata(folder)?) };
        let denied = walk(folder.to_owned(), &mut |_, found| {
            upload.size = upload.size.saturating_add(found.len());
            upload.disk_bytes = upload.disk_bytes.saturating_add(taken(found));
            // A file without a time is as young as can be: nobody knows how old it is.
            upload.modified = upload.modified.zip(modified(found)).map(|(folder, file)| folder.max(file));
            true
        })?;
        upload.is_unlisted = !denied.is_empty();
        Ok(upload)
    }
}

/// Opens a folder; none when it is not there.
fn read_dir(dir: &Path) -> io::Result<Option<ReadDir>> {
    unless_gone(fs::read_dir(dir))
}

/// Takes what has vanished since it was listed for absent, not for an error.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn kind(file_type: FileType) -> OtherKind {
    if file_type.is_symlink() {
        OtherKind::Symlink
    } else if file_type.is_fifo() || file_type.is_socket() || file_type.is_block_device() || file_type.is_char_device()
    {
        OtherKind::Special
    } else {
        OtherKind::File
    }
}

pub(super) fn modified(found: &Metadata) -> Option<Timestamp> {
    Timestamp::try_from(found.modified().ok()?).ok()
}
