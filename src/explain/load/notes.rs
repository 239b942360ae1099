//! Notes on steps that the evidence and the caches leave undecided.

use super::context::BuildContexts;
use super::note::{DescriptionNote, EvidenceNote, ImportNote, Note, SolutionNote};
use super::{Explanation, log, possible};
use crate::explain::cause::{Cause, CauseFacts};
use crate::explain::history::volatile;
use crate::explain::keys::fill;
use crate::explain::names::{self, StepName};
use crate::explain::solve::{CacheVerdict, Doubt, Solution, Standing};
use crate::format::provenance::Build;
use crate::inventory::cache::RefCache;

/// Adds notes on the uncertain parts of a solution.
pub(super) fn about_solution(
    facts: &CauseFacts<'_>,
    causes: &[Option<Cause>],
    is_logged: bool,
    notes: &mut Vec<Note>,
) {
    let build = facts.now.build;
    about_doubts(facts.solution, facts.labels, notes);
    possible::about_no_key(build, facts.solution, facts.caches, notes);
    if !is_logged {
        about_absent_log(build, facts.solution, facts.caches, notes);
    }
    about_volatile(build, causes, notes);
}

/// Adds a note on the steps that the builder had in its own cache and no import holds.
pub(super) fn about_builder(mut explanation: Explanation) -> Explanation {
    let count = explanation.from_builder().len();
    if count > 0 {
        let note = SolutionNote::FromBuilder(count);
        explanation.notes.push(note.into());
    }
    explanation
}

/// Returns why a build imported nothing. Returns `None` if it imported something, or if the
/// evidence does not say.
pub(super) fn not_imported(imports: &log::LoggedImports, names_no_import: bool) -> Option<String> {
    if !imports.skipped.is_empty() {
        let skipped = imports.skipped.join("; ");
        return Some(format!("buildx skipped the import: {skipped}"));
    }
    if names_no_import {
        return Some("the build record names no import, so the build imported nothing".to_owned());
    }
    if imports.succeeded > 0 || imports.failed.is_empty() {
        return None;
    }
    let failed: Vec<String> = imports
        .failed
        .iter()
        .map(|(name, error)| format!("{name}: {error}"))
        .collect();
    Some(format!("the build could not import {}", failed.join("; ")))
}

/// Adds notes on why results in a cache may not be found.
fn about_doubts(solution: &Solution, labels: &[String], notes: &mut Vec<Note>) {
    let unknown = || {
        solution
            .steps
            .iter()
            .filter(|standing| standing.verdict == CacheVerdict::Unknown)
    };
    let other = unknown().find_map(|standing| match standing.doubt {
        Some(Doubt::SeveralImports(other)) => Some(other),
        _ => None,
    });
    if let Some(other) = other {
        let label = labels.get(other).cloned();
        notes.push(SolutionNote::SharedSteps(label).into());
    }
    let ignores = |standing: &&Standing| matches!(standing.doubt, Some(Doubt::IgnoresCache(_)));
    if unknown().any(|standing| ignores(&standing)) {
        notes.push(SolutionNote::IgnoresCache.into());
    }
}

/// Returns a note for a build that is compared with no earlier one. `is_given` says whether other
/// evidence of one is there.
pub(super) fn without_baseline(is_given: bool) -> EvidenceNote {
    if is_given {
        EvidenceNote::BaselineWithoutSteps
    } else {
        EvidenceNote::NoBaseline
    }
}

/// Returns whether a ref holds results that were saved while the build ran.
fn holds_own_results(build: &Build, solution: &Solution, caches: &[&RefCache]) -> bool {
    let (Some(started), Some(finished)) = (build.started, build.finished) else {
        return false;
    };
    let records = solution.steps.iter().flat_map(|standing| &standing.records);
    records
        .filter_map(|(cache, record)| caches[*cache].records[record.at()].created)
        .any(|created| started <= created && created <= finished)
}

/// Adds a note on operations with fields that this program does not know.
pub(super) fn about_unread(build: &Build, notes: &mut Vec<Note>) {
    let names = names::of_steps(build);
    for (step, name) in build.steps.iter().zip(names) {
        if let Some(part) = &step.unread {
            let name = name.text.lines().next().unwrap_or_default();
            let note = DescriptionNote::UnknownOperation {
                step: name.to_owned(),
                part: part.clone(),
            };
            notes.push(note.into());
        }
    }
}

/// Notes which variables change with every build by their names, and stand above steps that do not
/// name them. A variable that is a cause already needs no note.
fn about_volatile(build: &Build, causes: &[Option<Cause>], notes: &mut Vec<Note>) {
    let Some(source) = build.main_source() else {
        return;
    };
    let named = |name: &str| {
        let mut causes = causes.iter().flatten();
        causes.any(|cause| cause.all_details().contains(name))
    };
    let found = volatile::of_file(source.text.as_deref().unwrap_or_default());
    let new = found.into_iter().filter(|variable| !named(&variable.name));
    let note = |variable| DescriptionNote::Volatile {
        variable,
        file: source.name.clone(),
    };
    notes.extend(new.map(note).map(Note::from));
}

/// Adds a note on files that steps use and the context does not hold.
pub(super) fn about_unfilled(
    unfilled: &[fill::Unfilled],
    names: &[StepName],
    notes: &mut Vec<Note>,
) {
    notes.extend(unfilled.iter().map(|unfilled| {
        let name = names.get(unfilled.step.at());
        let note = DescriptionNote::AbsentFiles {
            step: name.map(|name| name.text.clone()).unwrap_or_default(),
            error: unfilled.error.to_string(),
        };
        note.into()
    }));
}

/// Adds a note on the uncertainty that comes from a missing log.
fn about_absent_log(
    build: &Build,
    solution: &Solution,
    caches: &[&RefCache],
    notes: &mut Vec<Note>,
) {
    if holds_own_results(build, solution, caches) {
        notes.push(ImportNote::OwnResults.into());
    }
    if solution
        .steps
        .iter()
        .any(|standing| standing.verdict == CacheVerdict::Unknown)
    {
        notes.push(EvidenceNote::NoLog.into());
    }
}

/// Adds notes on parts of the contexts that are missing, unreadable, or different from the build.
pub(super) fn about_contexts(contexts: &BuildContexts, notes: &mut Vec<Note>) {
    let missing = contexts.missing.iter().cloned();
    notes.extend(missing.map(|name| DescriptionNote::MissingContext(name).into()));
    for problem in &contexts.problems {
        let note = DescriptionNote::ContextPart {
            path: problem.path.to_string_lossy().into_owned(),
            error: problem.error.to_string(),
        };
        notes.push(note.into());
    }
    if contexts.ignores_others {
        let note = DescriptionNote::ChangedIgnoreFile {
            applies_current: contexts.ignores_anew,
        };
        notes.push(note.into());
    }
}
