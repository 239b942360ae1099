//! Adds rules and sources to a configuration file and keeps the rest unchanged.
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

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

use super::{ConfigError, ConfigProblem, parse};
use crate::retention::Rule;
use crate::source::{LocalLocation, Source, SourceLocation};
use crate::text::escape::visible;

/// How many unchanged lines surround a change in a diff.
const CONTEXT: usize = 3;

/// An addition to a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addition {
    /// A rule, after the existing ones.
    Rule(Rule),
    /// A source, after the existing ones.
    Source(Source),
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
    /// The file has a form that additions cannot be merged into.
    #[error("{place} cannot be extended: {why}")]
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
    /// Reads the configuration file `path`, which may not exist yet, and adds to it. `path` is
    /// absolute.
    ///
    /// # Errors
    /// If the file cannot be read or is invalid, or the result would be invalid.
    pub fn prepare(path: &Path, addition: &Addition) -> Result<Self, EditError> {
        let before = read(path)?;
        let after = add(before.as_deref().unwrap_or_default(), path, addition)?;
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

    /// Returns whether the file already has the addition.
    pub fn is_empty(&self) -> bool {
        self.before.as_ref() == Some(&self.after)
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

/// Returns `text` with `addition` in it.
fn add(text: &str, path: &Path, addition: &Addition) -> Result<String, EditError> {
    parse(text, path)?;
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
    match addition {
        Addition::Rule(rule) => add_rule(&mut document, rule, !text.trim().is_empty()),
        Addition::Source(source) => add_source(&mut document, source, path),
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

fn add_rule(document: &mut DocumentMut, rule: &Rule, spaced: bool) -> Result<(), &'static str> {
    let written: DocumentMut = rule
        .to_string()
        .parse()
        .map_err(|_| "the rule cannot be written")?;
    let mut rule: Table = written.as_table().clone();
    if spaced {
        rule.decor_mut().set_prefix("\n");
    }
    let retention = document.entry("retention").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    match retention {
        Item::Table(retention) => {
            let rules = retention
                .entry("rule")
                .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
            match rules {
                Item::ArrayOfTables(rules) => rules.push(rule),
                Item::Value(Value::Array(rules)) => append(rules, rule.into_inline_table().into()),
                _ => return Err("`retention.rule` is not a list"),
            }
        }
        Item::Value(Value::InlineTable(retention)) => {
            let rules = retention
                .entry("rule")
                .or_insert_with(|| Value::Array(Array::new()));
            match rules {
                Value::Array(rules) => append(rules, rule.into_inline_table().into()),
                _ => return Err("`retention.rule` is not a list"),
            }
        }
        _ => return Err("`retention` is not a table"),
    }
    Ok(())
}

fn add_source(
    document: &mut DocumentMut,
    source: &Source,
    path: &Path,
) -> Result<(), &'static str> {
    let text = as_written(source, path).to_string();
    let sources = document
        .entry("sources")
        .or_insert_with(|| Item::Value(Value::Array(Array::new())));
    let sources = sources.as_array_mut().ok_or("`sources` is not a list")?;
    if sources.iter().all(|known| known.as_str() != Some(&text)) {
        append(sources, text.into());
    }
    Ok(())
}

/// Returns `source` as written in the configuration file `path`: a directory below the file's own
/// is relative to it.
fn as_written(source: &Source, path: &Path) -> Source {
    let mut source = source.clone();
    if let SourceLocation::Local(local) | SourceLocation::RegistryDir(local) = &mut source.location
        && let Some(base) = path.parent()
        && let Ok(absolute) = std::path::absolute(&local.dir)
    {
        let below = absolute
            .strip_prefix(base)
            .map(|rest| Path::new(".").join(rest));
        *local = LocalLocation::new(below.unwrap_or(absolute));
    }
    source
}

/// Adds a value to an array in the style of the others: on a line of its own if they are. Comments
/// stay with the values before them.
fn append(array: &mut Array, mut value: Value) {
    let text = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(toml_edit::RawString::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let indent = array
        .iter()
        .next()
        .map(|first| text(first.decor().prefix()))
        .and_then(|prefix| Some(prefix.rsplit_once('\n')?.1.to_owned()));
    let Some(indent) = indent else {
        array.push(value);
        return;
    };
    let mut rest = String::new();
    if let Some(last) = array.iter_mut().last() {
        rest = text(last.decor().suffix());
        last.decor_mut().set_suffix("");
    }
    rest.push_str(array.trailing().as_str().unwrap_or_default());
    let decor = value.decor_mut();
    decor.set_prefix(format!("{}\n{indent}", rest.trim_end()));
    decor.set_suffix("");
    array.push_formatted(value);
    array.set_trailing("\n");
    array.set_trailing_comma(true);
}

#[cfg(test)]
mod tests;
