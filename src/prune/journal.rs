//! What a run is about to do and what it did, as lines of JSON that outlive the program.
//!
//! The first line holds the plan, so that a journal alone is enough to go on or to go back. Before a batch of items a line
//! says which they are, and is made durable; after it each item has a line. After a crash the items of at most one batch
//! may therefore be done without saying so; going on finds them done. A last line that is cut short is no line.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::plan::Plan;
use super::plan::file::{self, FileError};
use crate::backend::Outcome;
use crate::format::digest::Digest;
use crate::format::text::visible;

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    cachelens_journal: u32,
    started: Timestamp,
    #[serde(borrow)]
    plan: &'a RawValue,
}

/// A line after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// Items of the plan are about to be deleted.
    Begin { from: usize, to: usize },
    /// What became of an item; the last such line counts.
    Item { item: usize, name: String, outcome: Outcome },
    /// A blob came back from the trash, because a ref names it.
    PutBack(Digest),
    /// A ref was removed, because it named what the run had deleted.
    Cured(String),
    /// The run went on after it was interrupted.
    Resumed(Timestamp),
    /// What became of an item when it was put back.
    Undo { item: usize, name: String, outcome: Outcome },
    /// The run came to its end.
    Finished(Timestamp),
}

/// Says what is wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused an operation.
    #[error("cannot {doing} the journal {place}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where it lies.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// A run writes it just now.
    #[error("the run of the journal {0} is still at work")]
    Busy(String),
    /// A line that no run wrote.
    #[error("{place}: line {line} is not one of a journal")]
    Line {
        /// Where it lies.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It ends within its first line: nothing was done yet.
    #[error("{0} ends before the plan does: nothing was deleted by that run")]
    Cut(String),
    /// A version that this program does not know.
    #[error("{place} is a journal of version {found}; only version {VERSION} is known")]
    Version {
        /// Where it lies.
        place: String,
        /// The version.
        found: u32,
    },
    /// Its plan cannot be used.
    #[error("cannot use the plan in {place}")]
    Plan {
        /// Where it lies.
        place: String,
        /// What is wrong with it.
        source: FileError,
    },
    /// An item that the plan does not have.
    #[error("{place}: line {line} speaks of item {item}, which the plan does not have")]
    NoSuchItem {
        /// Where it lies.
        place: String,
        /// The line, counted from 1.
        line: usize,
        /// The item.
        item: usize,
    },
}

/// A journal that is being written. Nobody else goes on with it meanwhile.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Journal {
    /// Begins the journal of a run of `plan`; there must be no file at `path` yet. It is durable when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, plan: &Plan) -> Result<Self, JournalError> {
        let fail = |source| JournalError::Io { doing: "create", place: shown(path), source };
        let plan = file::save(plan).map_err(|error| fail(error.into()))?;
        let header = Header { cachelens_journal: VERSION, started: Timestamp::now(), plan: &plan };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
        hold(&file, path)?;
        let mut journal = Self { path: path.to_owned(), file: BufWriter::new(file) };
        journal.write(&header)?;
        journal.sync()?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(fail)?;
        }
        Ok(journal)
    }

    /// Begins the journal of a run of `plan` in `folder`, under the plan's name; the same plan may be carried out again.
    ///
    /// # Errors
    /// When it cannot be written.
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
        Self::create(&path, plan)
    }

    /// Goes on with the journal at `path` after its last whole line; returns what it tells, too.
    ///
    /// # Errors
    /// When it is none, or damaged elsewhere than at its very end; when its run is still at work; when it cannot be written.
    pub fn reopen(path: &Path) -> Result<(Self, History), JournalError> {
        let fail = |doing| move |source| JournalError::Io { doing, place: shown(path), source };
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(fail("open"))?;
        // What a run that is at work has done is not known before it has ended.
        hold(&file, path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fail("read"))?;
        // Only whole lines count: a crash may cut the last one.
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        let history = History::read(&bytes, shown(path))?;
        file.set_len(bytes.len() as u64).map_err(fail("write"))?;
        file.seek(SeekFrom::End(0)).map_err(fail("write"))?;
        Ok((Self { path: path.to_owned(), file: BufWriter::new(file) }, history))
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that items are about to be deleted; durable when this returns, with everything before it.
    pub(super) fn begin(&mut self, items: Range<usize>) -> Result<(), JournalError> {
        self.write(&Line::Begin { from: items.start, to: items.end })?;
        self.sync()
    }

    /// Says what became of an item.
    pub(super) fn item(&mut self, item: usize, name: String, outcome: Outcome) -> Result<(), JournalError> {
        self.write(&Line::Item { item, name, outcome })
    }

    /// Says that a blob came back from the trash.
    pub(super) fn put_back(&mut self, blob: Digest) -> Result<(), JournalError> {
        self.write(&Line::PutBack(blob))
    }

    /// Says that a ref was removed that named what the run had deleted.
    pub(super) fn cured(&mut self, name: String) -> Result<(), JournalError> {
        self.write(&Line::Cured(name))
    }

    /// Says that the run goes on.
    pub(super) fn resumed(&mut self) -> Result<(), JournalError> {
        self.write(&Line::Resumed(Timestamp::now()))?;
        self.sync()
    }

    /// Says what became of an item when it was put back.
    pub(super) fn undo(&mut self, item: usize, name: String, outcome: Outcome) -> Result<(), JournalError> {
        self.write(&Line::Undo { item, name, outcome })
    }

    /// Says that the run came to its end.
    pub(super) fn finished(&mut self) -> Result<(), JournalError> {
        self.write(&Line::Finished(Timestamp::now()))?;
        self.sync()
    }

    /// Makes durable what was said.
    pub(super) fn sync(&mut self) -> Result<(), JournalError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(|source| JournalError::Io { doing: "write", place: shown(&self.path), source })
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), JournalError> {
        let written = serde_json::to_writer(&mut self.file, line).map_err(io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|source| JournalError::Io { doing: "write", place: shown(&self.path), source })
    }
}

/// What a journal tells.
#[derive(Debug)]
pub struct History {
    /// The plan that was carried out.
    pub plan: Plan,
    /// For each item of the plan, what became of it; none when nothing is said.
    pub outcomes: Vec<Option<Outcome>>,
    /// For each item, whether it was about to be deleted.
    pub begun: Vec<bool>,
    /// Whether the run came to its end.
    pub finished: bool,
    /// Whether it was taken back, in part at least.
    pub undone: bool,
}

impl History {
    /// Reads the whole lines of the journal that is called `place`.
    fn read(bytes: &[u8], place: String) -> Result<Self, JournalError> {
        // What is no text is no JSON either: the line says so.
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().zip(1..);
        let Some((first, _)) = lines.next() else { return Err(JournalError::Cut(place)) };
        let header: Header<'_> = serde_json::from_str(first).map_err(|source| JournalError::Line {
            place: place.clone(),
            line: 1,
            source,
        })?;
        if header.cachelens_journal != VERSION {
            return Err(JournalError::Version { place, found: header.cachelens_journal });
        }
        let plan =
            file::load(header.plan.get()).map_err(|source| JournalError::Plan { place: place.clone(), source })?;
        let count = plan.delete().len();
        let mut history =
            Self { outcomes: vec![None; count], begun: vec![false; count], finished: false, undone: false, plan };
        for (text, line) in lines {
            let read: Line = serde_json::from_str(text).map_err(|source| JournalError::Line {
                place: place.clone(),
                line,
                source,
            })?;
            history.add(read).map_err(|item| JournalError::NoSuchItem { place: place.clone(), line, item })?;
        }
        Ok(history)
    }

    fn add(&mut self, line: Line) -> Result<(), usize> {
        match line {
            Line::Begin { from, to } => self.begun.get_mut(from..to).ok_or(to)?.fill(true),
            Line::Item { item, outcome, .. } => *self.outcomes.get_mut(item).ok_or(item)? = Some(outcome),
            Line::Undo { item, .. } if item >= self.outcomes.len() => return Err(item),
            Line::Undo { .. } => self.undone = true,
            Line::Finished(_) => self.finished = true,
            Line::Resumed(_) => self.finished = false,
            Line::PutBack(_) | Line::Cured(_) => {}
        }
        Ok(())
    }
}

/// Keeps others out of a journal for as long as its file is open.
fn hold(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::Busy(shown(path))),
        // Where files cannot be locked, the lock of the store still lets one run at it at a time.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(source)) => Err(JournalError::Io { doing: "lock", place: shown(path), source }),
    }
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}
