//! Lock files, as BuildKit takes the one of the index: `flock` without waiting, and the file goes afterwards.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// How often a file is opened anew that somebody took away between opening and locking.
const MOST_TRIES: usize = 8;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the lock, or returns nothing when somebody else holds it.
    pub(super) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..MOST_TRIES {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .mode(0o644)
                .custom_flags(super::flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
                .open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let lock = Self { file, path: path.to_owned() };
            if lock.is_held()? {
                return Ok(Some(lock));
            }
            // The one who held it before has removed this file: a lock on it keeps nobody out.
        }
        Ok(None)
    }

    /// Tells whether the file at the path is still the one that is locked: another program may have removed it.
    pub(super) fn is_held(&self) -> io::Result<bool> {
        let mine = self.file.metadata()?;
        match fs::symlink_metadata(&self.path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (mine.dev(), mine.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for FileLock {
    /// Removes the file while it is still locked, so that nobody locks it between the two.
    fn drop(&mut self) {
        if matches!(self.is_held(), Ok(true)) {
            // A file that stays is no harm: it is locked by nobody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time_and_the_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = FileLock::try_take(&path).unwrap().unwrap();
        assert!(FileLock::try_take(&path).unwrap().is_none());
        assert!(held.is_held().unwrap());
        drop(held);
        assert!(!path.exists());
        drop(FileLock::try_take(&path).unwrap().unwrap());
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_not_held_and_removes_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = FileLock::try_take(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        let second = FileLock::try_take(&path).unwrap().unwrap();
        assert!(!first.is_held().unwrap());
        drop(first);
        assert!(path.exists());
        assert!(second.is_held().unwrap());
    }
}
