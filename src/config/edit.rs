//! Changes rules, sources and the budget in a configuration file and keeps the rest unchanged.
//!
//! An [`Edit`] is prepared, shown as a diff, and then written:
//!
//! - comments, order and formatting of the file stay (`toml_edit`);
//! - an invalid configuration file is never edited;
//! - the result is parsed again before anything is written;
//! - the old file is kept next to the new one as `cachelens.toml.bak`;
//! - the new file replaces the old one atomically, unless the old one changed since the diff.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

use super::{ConfigError, ConfigProblem, parse};
use crate::retention::Rule;
use crate::source::Source;
use crate::text::escape::visible;

mod change;

/// How many unchanged lines surround a change in a diff.
const CONTEXT: usize = 3;

/// A change of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a rule after the existing ones.
    Rule(Rule),
    /// Adds a source after the existing ones.
    Source(Source),
    /// Removes a source, however it is written.
    RemoveSource(Source),
    /// Sets the size limit of the budget; `None` removes it.
    MaxSize(Option<u64>),
}

/// A prepared change to a configuration file, not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub path: PathBuf,
    before: Option<String>,
    after: String,
}

/// A line of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiffLine {
    Same(String),
    Removed(String),
    Added(String),
}

/// Why a configuration file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is not a valid configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file has a form that changes cannot be merged into.
    #[error("{place} cannot be changed: {why}")]
    Form { place: String, why: String },
    /// The file has changed since the diff was made.
    #[error("{0} has changed since the diff was made")]
    Changed(String),
    /// The system refused an operation.
    #[error("cannot {doing} {place}")]
    Io {
        doing: &'static str,
        place: String,
        source: io::Error,
    },
}

impl Edit {
    /// Reads the configuration file `path`, which may not exist yet, and changes its text. `path` is
    /// absolute.
    ///
    /// # Errors
    /// If the file cannot be read or is invalid, or the result would be invalid.
    pub fn prepare(path: &Path, changes: &[Change]) -> Result<Self, EditError> {
        let before = read(path)?;
        let mut after = before.clone().unwrap_or_default();
        for change in changes {
            after = apply(&after, path, change)?;
        }
        Ok(Self {
            path: path.to_owned(),
            before,
            after,
        })
    }

    /// Prepares to write `text` as the whole of the configuration file `path`, which may not exist
    /// yet and is replaced otherwise.
    ///
    /// # Errors
    /// When the file cannot be read, or `text` is not a valid configuration.
    pub fn replacement(path: &Path, text: &str) -> Result<Self, EditError> {
        parse(text, path)?;
        Ok(Self {
            path: path.to_owned(),
            before: read(path)?,
            after: text.to_owned(),
        })
    }

    /// Returns whether the file is the same after the changes.
    pub fn is_empty(&self) -> bool {
        self.before.as_deref().unwrap_or_default() == self.after
    }

    /// Returns whether the file does not exist yet.
    pub fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Returns the new content of the file.
    pub fn after(&self) -> &str {
        &self.after
    }

    /// Returns the changed lines, with unchanged ones around them.
    pub fn diff(&self) -> Vec<DiffLine> {
        let before: Vec<&str> = self.before.as_deref().unwrap_or_default().lines().collect();
        let after: Vec<&str> = self.after.lines().collect();
        let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
            pairs.take_while(|(one, other)| one == other).count()
        };
        let head = same(&mut before.iter().zip(&after));
        let most = before.len().min(after.len()) - head;
        let tail = same(&mut before.iter().rev().zip(after.iter().rev())).min(most);
        let removed = &before[head..before.len() - tail];
        let added = &after[head..after.len() - tail];
        let first = head.saturating_sub(CONTEXT);
        let last = (after.len() - tail + CONTEXT).min(after.len());
        let lines = |lines: &[&str], kind: fn(String) -> DiffLine| -> Vec<DiffLine> {
            lines.iter().map(|line| kind((*line).to_owned())).collect()
        };
        [
            lines(&after[first..head], DiffLine::Same),
            lines(removed, DiffLine::Removed),
            lines(added, DiffLine::Added),
            lines(&after[after.len() - tail..last], DiffLine::Same),
        ]
        .concat()
    }

    /// Writes the file, and returns the path of the saved old one.
    ///
    /// # Errors
    /// If the file changed since the diff, or cannot be written. The file is then unchanged.
    pub fn write(&self) -> Result<Option<PathBuf>, EditError> {
        // A link stays a link: its target is replaced.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        if read(&path)? != self.before {
            return Err(EditError::Changed(shown(&path)));
        }
        let backup = match &self.before {
            Some(before) => {
                let backup = sibling(&path, ".bak");
                replace(&backup, before, &path)?;
                Some(backup)
            }
            None => None,
        };
        replace(&path, &self.after, &path)?;
        Ok(backup)
    }
}

/// Reads a file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<String>, EditError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read {
            path: path.to_owned(),
            source,
        }
        .into()),
    }
}

/// Writes `text` to `path` atomically, with the permissions of the file `like`.
fn replace(path: &Path, text: &str, like: &Path) -> Result<(), EditError> {
    let draft = sibling(path, ".new");
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&draft)?;
        file.write_all(text.as_bytes())?;
        if let Ok(found) = fs::metadata(like) {
            file.set_permissions(found.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(|source| {
        if source.kind() != io::ErrorKind::AlreadyExists {
            // The draft is useless; a failure to remove it does not change the error.
            let _ = fs::remove_file(&draft);
        }
        EditError::Io {
            doing: "write",
            place: shown(path),
            source,
        }
    })
}

fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// Returns `text` with `change` applied.
fn apply(text: &str, path: &Path, change: &Change) -> Result<String, EditError> {
    let loaded = parse(text, path)?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let span = error.span().unwrap_or_default();
        ConfigError::Invalid(vec![ConfigProblem::new(
            path,
            text,
            &span,
            error.message(),
            None,
        )])
    })?;
    let form = |why: String| EditError::Form {
        place: shown(path),
        why,
    };
    match change {
        Change::Rule(rule) => change::add_rule(&mut document, rule, !text.trim().is_empty()),
        Change::Source(source) => change::add_source(&mut document, source, path),
        Change::RemoveSource(source) => {
            let sources = loaded.layer.sources.unwrap_or_default();
            change::remove_source(&mut document, source, &sources)
        }
        Change::MaxSize(limit) => change::set_max_size(&mut document, *limit),
    }
    .map_err(|why| form(why.to_owned()))?;
    let mut after = document.to_string();
    if text.contains("\r\n") {
        after = after.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    // The result of the merge must be a valid configuration too.
    parse(&after, path).map_err(|error| form(error.to_string()))?;
    Ok(after)
}

#[cfg(test)]
mod tests;
