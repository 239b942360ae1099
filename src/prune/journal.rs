//! The journal of a run: lines of JSON that outlive the process.
//!
//! The first line holds the plan, so a journal alone is enough to resume or undo a run; a large
//! plan is compressed. Before a batch, a line lists its items and is made durable. After the batch,
//! a line records each outcome; neighbours with the same outcome share a line. After a crash, at
//! most one batch may be done but not recorded; a resumed run detects this. A truncated last line
//! is ignored.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::plan::file::FileError;
use crate::backend::Outcome;
use crate::format::digest::Digest;
use crate::text::escape::visible;

mod content;
mod header;
mod trim;

pub use content::{JournalContent, inspect};
use trim::trim;

/// The version of the format. Version 1 has no compressed plans and no lines for several items.
const VERSION: u32 = 2;

/// A line after the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum JournalLine {
    /// Items of the plan are about to be deleted.
    Begin { from: usize, to: usize },
    /// The outcome of an item; the last such line counts.
    Item {
        item: usize,
        name: String,
        outcome: Outcome,
    },
    /// The common outcome of neighbouring items.
    Items {
        from: usize,
        to: usize,
        outcome: Outcome,
    },
    /// A blob was restored from the trash because a ref references it.
    #[serde(rename = "put_back")]
    Restored(Digest),
    /// A ref was deleted because it referenced blobs that the run deleted.
    #[serde(rename = "cured")]
    DeletedBroken(String),
    /// The run was resumed.
    Resumed(Timestamp),
    /// The outcome of restoring an item.
    Undo {
        item: usize,
        name: String,
        outcome: Outcome,
    },
    /// The run finished.
    Finished(Timestamp),
}

/// An error of a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A system call failed.
    #[error("cannot {doing} the journal {place}")]
    Io {
        /// The failed operation.
        doing: &'static str,
        place: String,
        /// The system's error.
        source: io::Error,
    },
    /// A run is writing it now.
    #[error("the run of the journal {0} is still at work")]
    Busy(String),
    /// A malformed line.
    #[error("{place}: line {line} is not one of a journal")]
    Line {
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The parse error.
        source: serde_json::Error,
    },
    /// The file ends within the first line: nothing was done yet.
    #[error("{0} ends before the plan does: nothing was deleted by that run")]
    Cut(String),
    /// A version that this program does not support.
    #[error("{place} is a journal of version {found}; only versions 1 to {VERSION} are known")]
    Version {
        place: String,
        /// The version.
        found: u32,
    },
    /// The plan cannot be used.
    #[error("cannot use the plan in {place}")]
    Plan {
        place: String,
        /// The error of the plan.
        source: FileError,
    },
    /// A line names an item that the plan does not have.
    #[error("{place}: line {line} speaks of item {item}, which the plan does not have")]
    NoSuchItem {
        place: String,
        /// The line, counted from 1.
        line: usize,
        item: usize,
    },
}

/// A journal that is open for writing. No other process can resume it at the same time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
    /// Neighbouring items with the same outcome that are not written yet, with the name of the
    /// first.
    pending: Option<(Range<usize>, String, Outcome)>,
}

impl Journal {
    /// Creates the journal for a run of `plan`; no file may exist at `path`. It is durable on
    /// return.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn create(path: &Path, plan: &Plan) -> Result<Self, JournalError> {
        let fail = |source| JournalError::Io {
            doing: "create",
            place: shown(path),
            source,
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(fail)?;
        hold(&file, path)?;
        let mut journal = Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            pending: None,
        };
        header::write(plan, &mut journal.file).map_err(fail)?;
        journal.sync()?;
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(fail)?;
        }
        Ok(journal)
    }

    /// Creates the journal for a run of `plan` in `folder`, named after the plan. The same plan may
    /// run more than once.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn create_in(folder: &Path, plan: &Plan) -> Result<Self, JournalError> {
        fs::create_dir_all(folder).map_err(|source| JournalError::Io {
            doing: "create a folder for",
            place: shown(folder),
            source,
        })?;
        let mut path = folder.join(format!("{}.jsonl", plan.id()));
        let mut number = 1;
        while fs::symlink_metadata(&path).is_ok() {
            number += 1;
            path = folder.join(format!("{}-{number}.jsonl", plan.id()));
        }
        let journal = Self::create(&path, plan)?;
        trim(folder, Timestamp::now());
        Ok(journal)
    }

    /// Reopens the journal at `path` after its last whole line, and returns its content, too.
    ///
    /// # Errors
    /// Fails if the file is not a journal or is damaged before its end, if its run is still active,
    /// or if it cannot be written.
    pub fn reopen(path: &Path) -> Result<(Self, JournalContent), JournalError> {
        let fail = |doing| {
            move |source| JournalError::Io {
                doing,
                place: shown(path),
                source,
            }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(fail("open"))?;
        // The outcomes of an active run are unknown until it ends.
        hold(&file, path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail("read"))?;
        // Only whole lines count, because a crash may truncate the last one.
        bytes.truncate(
            bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1),
        );
        let history = JournalContent::read(&bytes, shown(path))?;
        file.set_len(bytes.len() as u64).map_err(fail("write"))?;
        file.seek(SeekFrom::End(0)).map_err(fail("write"))?;
        Ok((
            Self {
                path: path.to_owned(),
                file: BufWriter::new(file),
                pending: None,
            },
            history,
        ))
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records that items are about to be deleted. This line and all earlier ones are durable on
    /// return.
    pub(super) fn begin(&mut self, items: Range<usize>) -> Result<(), JournalError> {
        self.write(&JournalLine::Begin {
            from: items.start,
            to: items.end,
        })?;
        self.sync()
    }

    /// Records the outcome of an item.
    pub(super) fn item(
        &mut self,
        item: usize,
        name: String,
        outcome: Outcome,
    ) -> Result<(), JournalError> {
        if let Some((items, _, before)) = &mut self.pending
            && items.end == item
            && *before == outcome
        {
            items.end += 1;
            return Ok(());
        }
        self.write_pending()?;
        self.pending = Some((item..item + 1, name, outcome));
        Ok(())
    }

    fn write_pending(&mut self) -> Result<(), JournalError> {
        let Some((items, name, outcome)) = self.pending.take() else {
            return Ok(());
        };
        self.write_line(&if items.len() == 1 {
            JournalLine::Item {
                item: items.start,
                name,
                outcome,
            }
        } else {
            JournalLine::Items {
                from: items.start,
                to: items.end,
                outcome,
            }
        })
    }

    /// Records that a blob was restored from the trash.
    pub(super) fn note_restored(&mut self, blob: Digest) -> Result<(), JournalError> {
        self.write(&JournalLine::Restored(blob))
    }

    /// Records that a ref was deleted because it referenced blobs that the run deleted.
    pub(super) fn deleted_broken(&mut self, name: String) -> Result<(), JournalError> {
        self.write(&JournalLine::DeletedBroken(name))
    }

    /// Records that the run resumes.
    pub(super) fn resumed(&mut self) -> Result<(), JournalError> {
        self.write(&JournalLine::Resumed(Timestamp::now()))?;
        self.sync()
    }

    /// Records the outcome of restoring an item.
    pub(super) fn undo(
        &mut self,
        item: usize,
        name: String,
        outcome: Outcome,
    ) -> Result<(), JournalError> {
        self.write(&JournalLine::Undo {
            item,
            name,
            outcome,
        })
    }

    /// Records that the run finished.
    pub(super) fn finished(&mut self) -> Result<(), JournalError> {
        self.write(&JournalLine::Finished(Timestamp::now()))?;
        self.sync()
    }

    /// Makes all records durable.
    pub(super) fn sync(&mut self) -> Result<(), JournalError> {
        self.write_pending()?;
        let synced = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(|source| JournalError::Io {
            doing: "write",
            place: shown(&self.path),
            source,
        })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), JournalError> {
        self.write_pending()?;
        self.write_line(line)
    }

    fn write_line(&mut self, line: &impl Serialize) -> Result<(), JournalError> {
        let written = serde_json::to_writer(&mut self.file, line).map_err(io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|source| JournalError::Io {
            doing: "write",
            place: shown(&self.path),
            source,
        })
    }
}

/// Locks a journal for as long as its file is open.
fn hold(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::Busy(shown(path))),
        // If files cannot be locked, the lock of the store still prevents concurrent runs.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(source)) => Err(JournalError::Io {
            doing: "lock",
            place: shown(path),
            source,
        }),
    }
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests;
