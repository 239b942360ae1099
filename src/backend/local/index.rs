//! Replaces `index.json`, under the lock that BuildKit takes and in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use super::lock::FileLock;
use super::trash::Trash;
use super::{INDEX, INDEX_LOCK, LocalCache, show};
use crate::backend::PruneError;
use crate::format::layout::LayoutError;

/// How long a build gets to write the refs before a prune gives up. It holds the lock for a moment only.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The index, which nobody else who respects the lock writes meanwhile.
pub(super) struct HeldIndex<'a> {
    cache: &'a LocalCache,
    lock: FileLock,
}

impl LocalCache {
    /// Takes the lock of the index. BuildKit fails an export that finds it held: it must be given back at once.
    pub(super) fn hold_index(&self) -> Result<HeldIndex<'_>, PruneError> {
        let path = self.dir.join(INDEX_LOCK);
        let fail = |source| PruneError::Io { doing: "lock", place: show(&path), source };
        let mut waited = Duration::ZERO;
        loop {
            if let Some(lock) = FileLock::try_take(&path).map_err(fail)? {
                return Ok(HeldIndex { cache: self, lock });
            }
            if waited >= PATIENCE {
                return Err(PruneError::IndexHeld(show(&path)));
            }
            thread::sleep(BETWEEN_TRIES);
            waited += BETWEEN_TRIES;
        }
    }

    pub(super) fn index_error(&self, source: LayoutError) -> PruneError {
        PruneError::Layout { file: self.place(INDEX), source }
    }
}

impl HeldIndex<'_> {
    /// Reads the index.
    pub(super) fn read(&self) -> Result<Vec<u8>, PruneError> {
        let index = self.cache.read_own_file(INDEX)?;
        let missing = || self.cache.not_a_layout("its index.json has gone");
        Ok(index.ok_or_else(missing)?)
    }

    /// Replaces the index, which held `old` until now. A reader sees the one or the other, also after a crash.
    pub(super) fn replace(&self, old: &[u8], new: &str) -> Result<(), PruneError> {
        let (cache, path) = (self.cache, self.cache.dir.join(INDEX));
        let fail = |source| PruneError::Io { doing: "write", place: show(&path), source };
        let irreplaceable = |why: &str| PruneError::Irreplaceable { place: show(&path), why: why.to_owned() };
        let found = fs::symlink_metadata(&path).map_err(fail)?;
        if !found.is_file() {
            return Err(irreplaceable("it is not a plain file"));
        }
        let trash = Trash::ensure(&cache.dir)?;
        let draft = trash.index_draft();
        let _ = fs::remove_file(&draft);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(super::flags(OFlags::NOFOLLOW))
            .open(&draft)
            .map_err(fail)?;
        let written = (|| {
            file.write_all(new.as_bytes())?;
            let mine = file.metadata()?;
            if (mine.uid(), mine.gid()) != (found.uid(), found.gid()) {
                fchown(&file, Some(found.uid()), Some(found.gid()))?;
            }
            file.set_permissions(fs::Permissions::from_mode(found.mode() & 0o7777))?;
            file.sync_all()
        })();
        let result = match written {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(irreplaceable("it belongs to another user, to whom the new one could not be given"))
            }
            Err(error) => Err(fail(error)),
            Ok(()) if !self.lock.is_held().map_err(fail)? || self.read()? != old => {
                // Somebody who does not respect the lock, or removed its file, was here.
                Err(PruneError::IndexHeld(cache.place(INDEX_LOCK)))
            }
            Ok(()) => fs::rename(&draft, &path).map_err(fail),
        };
        if result.is_err() {
            let _ = fs::remove_file(&draft);
        }
        result?;
        sync_dir(&cache.dir).map_err(fail)
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
