//! Finds mistakes in the declared caches.

mod attributes;
mod baked;
mod corrected;
mod github;
mod pairs;
mod place;
mod registry;
mod single;

use std::collections::BTreeSet;

pub(super) use corrected::in_source;
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

/// The codes of all mistakes, with their severities. A mistake may have another severity.
const CODES: [(&str, MistakeSeverity); 34] = [
    ("bare-type", MistakeSeverity::Error),
    ("comment-in-list", MistakeSeverity::Error),
    ("docker-driver", MistakeSeverity::Error),
    ("ecr-manifest", MistakeSeverity::Error),
    ("fork-pr", MistakeSeverity::Error),
    ("gha-legacy", MistakeSeverity::Error),
    ("literal-secret", MistakeSeverity::Error),
    ("missing-type", MistakeSeverity::Error),
    ("quoted-override", MistakeSeverity::Error),
    ("same-ref-as-image", MistakeSeverity::Error),
    ("server-twice", MistakeSeverity::Error),
    ("slash-in-tag", MistakeSeverity::Error),
    ("uppercase", MistakeSeverity::Error),
    ("blank-after-comma", MistakeSeverity::Warning),
    ("default-scope", MistakeSeverity::Warning),
    ("flag-twice", MistakeSeverity::Warning),
    ("image-without-cache", MistakeSeverity::Warning),
    ("inline-max", MistakeSeverity::Warning),
    ("mode-min", MistakeSeverity::Warning),
    ("never-exported", MistakeSeverity::Warning),
    ("never-imported", MistakeSeverity::Warning),
    ("no-runtime-token", MistakeSeverity::Warning),
    ("not-ignored", MistakeSeverity::Warning),
    ("only-first-name", MistakeSeverity::Warning),
    ("overwritten", MistakeSeverity::Warning),
    ("per-commit", MistakeSeverity::Warning),
    ("skipped", MistakeSeverity::Warning),
    ("unknown-attribute", MistakeSeverity::Warning),
    ("cache-beside-images", MistakeSeverity::Info),
    ("depot-unneeded", MistakeSeverity::Info),
    ("import-mode", MistakeSeverity::Info),
    ("prefix-slash", MistakeSeverity::Info),
    ("same-place", MistakeSeverity::Info),
    ("tmpfs", MistakeSeverity::Info),
];

/// Returns the codes of all mistakes.
pub fn codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(code, _)| *code)
}

fn severity(code: &str) -> MistakeSeverity {
    let known = CODES.iter().find(|(known, _)| *known == code);
    debug_assert!(known.is_some(), "`{code}` is missing from `CODES`");
    known.map_or(MistakeSeverity::Warning, |(_, severity)| *severity)
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
