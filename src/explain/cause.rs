//! Why a step runs: a change in the step itself, or a change in a step above it.
//!
//! A cause is reported only where the evidence shows it. A key without a result shows that the
//! cache was thinned. A record of the same operation on other inputs shows that the inputs changed.
//! An operation that no cache holds changed itself; the provenance of an earlier build ([`pair`])
//! shows which of its parts changed ([`own`]).

use std::borrow::Cow;

use super::keys::StepKeys;
use super::names::StepName;
use super::solve::{CacheVerdict, Solution};
use super::text_diff::TextDiffLine;
use crate::format::cache_debug::CacheDebug;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, Step, StepIndex};
use crate::inventory::cache::RefCache;

mod from_argument;
mod inquiry;
mod kind;
pub mod own;
pub mod pair;
mod plain;
mod support_steps;

pub(super) use from_argument::variables;
use inquiry::Inquiry;
pub use kind::CauseKind;
pub use support_steps::{is_context, is_context_source, is_internal};

/// The files in which package managers record the versions that they install.
const LOCK_FILES: [&str; 22] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Package.resolved",
    "Pipfile.lock",
    "Podfile.lock",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "conan.lock",
    "deno.lock",
    "flake.lock",
    "go.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "packages.lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pubspec.lock",
    "uv.lock",
    "yarn.lock",
];

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How a command shows which files of a context changed.
const ADD_CONTEXT: &str = "add --context DIR to see which";

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseKind,
    /// The description. It holds texts of builds: escape it before it reaches a terminal.
    pub detail: String,
    /// The files, if the cause is about files.
    pub paths: Vec<PathChange>,
    /// The index of the input that changed, if an input changed.
    pub input: Option<usize>,
    /// The changes in the step's own text, if that has several lines: a heredoc, a script.
    pub text: Vec<TextDiffLine>,
    /// Further parts of the step that changed, each of a different kind.
    pub also: Vec<CausePart>,
    /// Advice for this particular cause, where the advice for its kind does not fit.
    pub remedy: Option<String>,
    /// Whether the files of the build context would show more.
    pub needs_context: bool,
}

/// A part of a step that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CausePart {
    pub kind: CauseKind,
    /// The old and the new value.
    pub detail: String,
}

impl CausePart {
    pub(crate) fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Its path in the context.
    pub path: String,
    pub kind: CauseKind,
    /// The old and the new value, where they are short.
    pub detail: String,
    /// The changed lines of its text, where the text is small.
    pub lines: Vec<TextDiffLine>,
}

impl PathChange {
    /// Makes a change without lines of text.
    pub fn new(path: impl Into<String>, kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            kind,
            detail: detail.into(),
            lines: Vec::new(),
        }
    }
}

impl Cause {
    /// Returns the paths of the changed files.
    pub fn changed_paths(&self) -> Vec<String> {
        self.paths
            .iter()
            .map(|change| change.path.clone())
            .collect()
    }

    pub(crate) fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            paths: Vec::new(),
            input: None,
            text: Vec::new(),
            also: Vec::new(),
            remedy: None,
            needs_context: false,
        }
    }

    /// Makes a cause of the parts of a step that changed; the first is the main one.
    fn of_parts(parts: Vec<CausePart>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        Some(Self {
            also: parts.collect(),
            ..Self::new(first.kind, first.detail)
        })
    }

    /// Marks a cause of which the files of the build context would show more.
    #[must_use]
    pub(crate) fn needing_context(self) -> Self {
        Self {
            needs_context: true,
            ..self
        }
    }

    /// Returns the detail, with the flag that shows more.
    pub fn detail_with_flag(&self) -> Cow<'_, str> {
        if self.needs_context {
            Cow::Owned(format!("{}; {ADD_CONTEXT}", self.detail))
        } else {
            Cow::Borrowed(&self.detail)
        }
    }

    /// Returns the advice, where something can be done.
    pub fn advice(&self) -> Option<&str> {
        let is_lock_file = |change: &PathChange| LOCK_FILES.contains(&file_name(&change.path));
        let of_kind = || {
            // A changed lock file has to run the step that installs from it.
            let is_due = !self.paths.is_empty() && self.paths.iter().all(is_lock_file);
            if is_due { None } else { self.kind.advice() }
        };
        self.remedy.as_deref().or_else(of_kind)
    }

    /// Returns all changes in one line.
    pub fn all_details(&self) -> String {
        let also = self.also.iter().map(|part| part.detail.as_str());
        let detail = self.detail_with_flag();
        let all: Vec<&str> = std::iter::once(&*detail).chain(also).collect();
        all.join("; ")
    }

    /// Returns whether the cause lies in the step itself and not above it.
    pub fn is_root(&self) -> bool {
        self.kind != CauseKind::Upstream
    }
}

/// A build that is described well enough to compare it.
pub struct ComparedBuild<'a> {
    /// Its graph.
    pub build: &'a Build,
    pub keys: &'a [StepKeys],
    pub names: &'a [StepName],
}

/// All facts that causes are derived from.
pub struct CauseFacts<'a> {
    /// The build that is explained.
    pub now: ComparedBuild<'a>,
    /// An earlier build.
    pub before: Option<ComparedBuild<'a>>,
    /// The caches that were imported.
    pub caches: &'a [&'a RefCache],
    /// The state of each step.
    pub solution: &'a Solution,
    /// For each step, whether it ignores the cache.
    pub ignores_cache: &'a [bool],
    /// The steps that the build of the log had with another operation, by index.
    pub of_other_build: &'a [usize],
    /// The fault of the caches, where a build can use none of them.
    pub unreadable: Option<&'a str>,
    /// Why the build imported nothing, where the evidence says so.
    pub not_imported: Option<&'a str>,
    /// The names of the refs that the caches come from, by index of the cache.
    pub labels: &'a [String],
    /// The texts behind keys of the caches, as far as a daemon kept them.
    pub debug: &'a [CacheDebug],
}

/// Finds the cause of each step that runs, by index of the step.
pub fn causes(facts: &CauseFacts<'_>) -> Vec<Option<Cause>> {
    let inquiry = Inquiry::new(facts);
    let build = facts.now.build;
    let mut causes: Vec<Option<Cause>> = vec![None; build.steps.len()];
    // For each step that runs, the one whose cause it is.
    let mut nearest: Vec<StepIndex> = (0..).map(StepIndex).take(build.steps.len()).collect();
    for (index, step) in build.ordered() {
        let runs = facts.solution.steps[index.at()].verdict == CacheVerdict::Miss;
        let is_source = matches!(step.op.kind, OpKind::Empty | OpKind::Source(_));
        if !runs || is_source || is_context(build, step) {
            continue;
        }
        let cause = inquiry
            .own(index)
            .or_else(|| heredoc_cause(build, step, &causes))
            .unwrap_or_else(|| inquiry.above(index, &causes, &nearest));
        if !cause.is_root()
            && let Some(input) = first_missed(step, &causes, &nearest)
        {
            nearest[index.at()] = nearest[input.at()];
        }
        causes[index.at()] = Some(cause);
    }
    causes
}

/// Returns the cause of the heredoc of a step. The content of a heredoc is a step of its own,
/// without a line in any file.
fn heredoc_cause(build: &Build, step: &Step, causes: &[Option<Cause>]) -> Option<Cause> {
    let inputs = step.inputs.iter().map(|input| input.step);
    let generated = inputs.filter(|input| {
        let below = build.step(*input);
        below.is_some_and(|below| is_internal(build, below))
    });
    let mut changed = generated.filter_map(|input| causes[input.at()].as_ref());
    changed
        .find(|cause| cause.kind == CauseKind::Heredoc)
        .cloned()
}

/// Returns the first input of a step that runs: one with a root cause at or below it, if there is
/// one.
fn first_missed(step: &Step, causes: &[Option<Cause>], nearest: &[StepIndex]) -> Option<StepIndex> {
    let inputs = || step.inputs.iter().map(|input| input.step);
    let has_root = |input: &StepIndex| {
        let cause = causes[nearest[input.at()].at()].as_ref();
        cause.is_some_and(Cause::is_root)
    };
    let runs = |input: &StepIndex| causes[input.at()].is_some();
    inputs().find(has_root).or_else(|| inputs().find(runs))
}
