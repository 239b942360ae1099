//! Finds mistakes in the declared caches.

mod attributes;
mod baked;
mod corrected;
mod github;
mod kinds;
mod pairs;
mod place;
mod registry;
mod single;

use std::collections::BTreeSet;

pub(super) use corrected::in_source;
use kinds::severity;
pub use kinds::{codes, meaning};
use place::normal_path;
use serde::Serialize;

use super::declaration::Declaration;
use super::repository::Repository;
use super::session::Collected;

/// The severity of a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MistakeSeverity {
    /// Builds fail.
    Error,
    /// The cache is never hit, or is lost.
    Warning,
    /// A hint.
    Info,
}

/// A mistake in a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    pub severity: MistakeSeverity,
    /// Its code, such as `never-imported`.
    pub code: &'static str,
    pub file: String,
    pub line: u32,
    /// The message: the mistake and its cost.
    pub message: String,
    /// The corrected line, or other advice.
    pub hint: Option<String>,
}

/// Collects mistakes.
struct MistakeSearch<'l> {
    repository: &'l Repository,
    declared: &'l [Declaration],
    /// The directories that commands move, with their new names.
    moved: BTreeSet<(String, String)>,
    found: Vec<Mistake>,
}

/// Finds mistakes in the declarations, and adds those that were found while files were read.
pub(super) fn look(repository: &Repository, found: &Collected) -> Vec<Mistake> {
    let declared = &found.declared;
    let normal = |(from, to): &(String, String)| (normal_path(from), normal_path(to));
    let mut look = MistakeSearch {
        repository,
        declared,
        moved: found.moved.iter().map(normal).collect(),
        found: Vec::new(),
    };
    for remark in &found.remarks {
        look.found.push(Mistake {
            severity: severity(remark.code),
            code: remark.code,
            file: repository.name(remark.place.file),
            line: remark.place.line,
            message: remark.message.clone(),
            hint: remark.hint.clone(),
        });
    }
    for (file, bytes) in repository.too_large.borrow().iter() {
        look.found.push(Mistake {
            severity: MistakeSeverity::Warning,
            code: "skipped",
            file: file.clone(),
            line: 1,
            message: format!(
                "The file was skipped: it is larger than can be read ({bytes} bytes)."
            ),
            hint: None,
        });
    }
    look.single();
    look.attributes();
    look.github();
    look.pairs();
    let mut found = look.found;
    found.sort_by(|a, b| {
        (a.severity, &a.file, a.line, a.code).cmp(&(b.severity, &b.file, b.line, b.code))
    });
    found.dedup_by(|a, b| a.code == b.code && a.file == b.file && a.line == b.line);
    found
}

impl MistakeSearch<'_> {
    fn add(&mut self, code: &'static str, at: &Declaration, message: String, hint: Option<String>) {
        self.add_with(severity(code), code, at, message, hint);
    }

    fn add_with(
        &mut self,
        severity: MistakeSeverity,
        code: &'static str,
        at: &Declaration,
        message: String,
        hint: Option<String>,
    ) {
        self.found.push(Mistake {
            severity,
            code,
            file: at.file.clone(),
            line: at.line,
            message,
            hint,
        });
    }
}

impl MistakeSeverity {
    /// Returns its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}
