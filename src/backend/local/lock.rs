//! Lock files that work like BuildKit's index lock: `flock` without waiting, and the file is
//! removed afterwards.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;

use super::dir::{Dir, facts_of};

/// The number of attempts if another program removes the file between opening and locking.
const MOST_TRIES: usize = 8;

/// A lock, released on drop.
#[derive(Debug)]
pub(super) struct FileLock {
    file: File,
    dir: Arc<Dir>,
    name: &'static str,
}

impl FileLock {
    /// Takes the lock, unless another program holds it.
    pub(super) fn try_take(dir: &Arc<Dir>, name: &'static str) -> io::Result<Option<Self>> {
        for _ in 0..MOST_TRIES {
            let file = dir.lock_file(name)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let lock = Self {
                file,
                dir: Arc::clone(dir),
                name,
            };
            if lock.is_held()? {
                return Ok(Some(lock));
            }
            // The previous holder removed this file, so a lock on it has no effect.
        }
        Ok(None)
    }

    /// Returns whether the name still refers to the locked file; another program may have removed
    /// it.
    pub(super) fn is_held(&self) -> io::Result<bool> {
        let mine = facts_of(&self.file)?;
        match self.dir.facts(self.name) {
            Ok(found) => Ok(found.identity == mine.identity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for FileLock {
    /// Removes the file before it is unlocked, so no other program can lock it in between.
    fn drop(&mut self) {
        if matches!(self.is_held(), Ok(true)) {
            // A file that stays does no harm: no program holds it.
            let _ = self.dir.remove_file(self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_has_one_holder_and_its_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Arc::new(Dir::named(folder.path()).unwrap());
        let held = FileLock::try_take(&dir, "lock").unwrap().unwrap();
        assert!(FileLock::try_take(&dir, "lock").unwrap().is_none());
        assert!(held.is_held().unwrap());
        drop(held);
        assert!(!folder.path().join("lock").exists());
        drop(FileLock::try_take(&dir, "lock").unwrap().unwrap());
    }

    #[test]
    fn a_lock_without_its_file_is_not_held_and_removes_no_other_lock() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Arc::new(Dir::named(folder.path()).unwrap());
        let first = FileLock::try_take(&dir, "lock").unwrap().unwrap();
        fs::remove_file(folder.path().join("lock")).unwrap();
        let second = FileLock::try_take(&dir, "lock").unwrap().unwrap();
        assert!(!first.is_held().unwrap());
        drop(first);
        assert!(folder.path().join("lock").exists());
        assert!(second.is_held().unwrap());
    }
}
