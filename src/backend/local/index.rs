//! Replaces `index.json` atomically, under BuildKit's lock.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::dir::{DirPlace, resemble};
use super::folders::Layout;
use super::lock::FileLock;
use super::trash::{self, LocalTrash};
use super::{INDEX, INDEX_LOCK, LocalCache, show};
use crate::backend::PruneError;
use crate::format::layout::LayoutError;

/// How long a prune waits for a build that writes the refs. Builds hold the lock for a moment
/// only.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The locked index.
pub(super) struct HeldIndex<'a> {
    cache: &'a LocalCache,
    layout: &'a Layout,
    lock: FileLock,
}

impl LocalCache {
    /// Takes the lock of the index. A BuildKit export fails while it is held, so it must be
    /// released at once.
    pub(super) fn hold_index<'a>(
        &'a self,
        layout: &'a Layout,
    ) -> Result<HeldIndex<'a>, PruneError> {
        let path = self.dir.join(INDEX_LOCK);
        let fail = |source| PruneError::Io {
            doing: "lock",
            place: show(&path),
            source,
        };
        let mut waited = Duration::ZERO;
        loop {
            if let Some(lock) = FileLock::try_take(&layout.root, INDEX_LOCK).map_err(fail)? {
                return Ok(HeldIndex {
                    cache: self,
                    layout,
                    lock,
                });
            }
            if waited >= PATIENCE {
                return Err(PruneError::IndexHeld(show(&path)));
            }
            thread::sleep(BETWEEN_TRIES);
            waited += BETWEEN_TRIES;
        }
    }

    pub(super) fn index_error(&self, source: LayoutError) -> PruneError {
        PruneError::Layout {
            file: self.place(INDEX),
            source,
        }
    }
}

impl HeldIndex<'_> {
    /// Reads the index.
    pub(super) fn read(&self) -> Result<Vec<u8>, PruneError> {
        let index = self.cache.read_own_file(INDEX)?;
        let missing = || self.cache.not_a_layout("its index.json was deleted");
        Ok(index.ok_or_else(missing)?)
    }

    /// Replaces the index, whose content was `old`. Readers see the old or the new index, even
    /// after a crash.
    pub(super) fn replace(&self, old: &[u8], new: &str) -> Result<(), PruneError> {
        let cache = self.cache;
        let root = &self.layout.root;
        let path = cache.dir.join(INDEX);
        let fail = |source| PruneError::Io {
            doing: "write",
            place: show(&path),
            source,
        };
        let irreplaceable = |why: &str| PruneError::Irreplaceable {
            place: show(&path),
            why: why.to_owned(),
        };
        let found = root.facts(INDEX).map_err(fail)?;
        if !found.is_file() {
            return Err(irreplaceable("it is not a plain file"));
        }
        let trash = LocalTrash::ensure(&cache.dir, self.layout)?;
        let draft = DirPlace {
            dir: Arc::clone(trash.dir()),
            name: OsString::from(trash::DRAFT),
        };
        let _ = draft.dir.remove_file(&draft.name);
        let mut file = draft.dir.create(&draft.name).map_err(fail)?;
        let written = file
            .write_all(new.as_bytes())
            .and_then(|()| resemble(&file, &found))
            .and_then(|()| file.sync_all());
        let result = match written {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(irreplaceable(
                "it belongs to another user, to whom the new one could not be given",
            )),
            Err(error) => Err(fail(error)),
            Ok(()) if !self.lock.is_held().map_err(fail)? || self.read()? != old => {
                // Another program ignores the lock, or removed its file.
                Err(PruneError::IndexHeld(cache.place(INDEX_LOCK)))
            }
            Ok(()) => draft
                .move_to(&DirPlace {
                    dir: Arc::clone(root),
                    name: OsString::from(INDEX),
                })
                .map_err(fail),
        };
        if result.is_err() {
            let _ = draft.dir.remove_file(&draft.name);
        }
        result?;
        root.sync().map_err(fail)
    }
}
