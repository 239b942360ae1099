//! Notes on steps that the evidence and the caches leave undecided.

use super::context::BuildContexts;
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
    notes: &mut Vec<String>,
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
        let (steps, them) = match count {
            1 => ("1 step".to_owned(), "it"),
            count => (format!("{count} steps"), "them"),
        };
        explanation.notes.push(format!(
            "{steps} came from the builder's own cache, and no import holds {them}: an empty builder, such as the next CI runner, runs {them}"
        ));
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
fn about_doubts(solution: &Solution, labels: &[String], notes: &mut Vec<String>) {
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
        let label = labels.get(other).map_or("another import", String::as_str);
        notes.push(format!(
            "two imports share steps: {label} also has the keys of these steps, but not those of the steps that depend on them. BuildKit uses the key of the import that answers first, so the dependent steps hit or miss by chance; import only one ref"
        ));
    }
    let ignores = |standing: &&Standing| matches!(standing.doubt, Some(Doubt::IgnoresCache(_)));
    if unknown().any(|standing| ignores(&standing)) {
        notes.push(
            "a step that ignores the cache passes on no key: the steps that depend on it hit only if it writes the same content"
                .to_owned(),
        );
    }
}

/// Returns a note for a build that is compared with no earlier one. `is_given` says whether other
/// evidence of one is there.
pub(super) fn without_baseline(is_given: bool) -> &'static str {
    if is_given {
        "the evidence in --baseline holds no steps, so a changed command cannot be distinguished from a new one"
    } else {
        "without --baseline, the evidence of an earlier build, a changed command cannot be distinguished from a new one"
    }
}

/// The note for a log whose build had other options than the Dockerfile that is given with it.
pub(super) const OTHER_OPTIONS: &str = "the log is of a build with another argument, option or base image: it says which steps ran, and their keys are not known; give the whole build command after `--`, or --build-arg and --image";

/// The note for a ref that holds results of the explained build.
const OWN_RESULTS: &str = "this build itself exported results to the ref, so the verdicts are those of the next build; to explain this build, use the ref as it was before (such as main~1, or a tag per commit)";

/// The note for a ref that the explained build exported, if nothing says when.
pub(super) const OWN_REF: &str = "this build itself exported the current version of the ref, so the verdicts are those of the next build; to explain this build, add its log, or use the ref as it was before (such as main~1, or a tag per commit)";

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
pub(super) fn about_unread(build: &Build, notes: &mut Vec<String>) {
    let names = names::of_steps(build);
    for (step, name) in build.steps.iter().zip(names) {
        if let Some(part) = &step.unread {
            let name = name.text.lines().next().unwrap_or_default();
            notes.push(format!(
                "the key of `{name}` is not known: its operation holds {part}, which is new"
            ));
        }
    }
}

/// Notes which variables change with every build by their names, and stand above steps that do not
/// name them. A variable that is a cause already needs no note.
fn about_volatile(build: &Build, causes: &[Option<Cause>], notes: &mut Vec<String>) {
    let Some(source) = build.main_source() else {
        return;
    };
    let named = |name: &str| {
        let mut causes = causes.iter().flatten();
        causes.any(|cause| cause.all_details().contains(name))
    };
    let found = volatile::of_file(source.text.as_deref().unwrap_or_default());
    let new = found.into_iter().filter(|variable| !named(&variable.name));
    notes.extend(new.map(|variable| variable.sentence(&source.name)));
}

/// Adds a note on files that steps use and the context does not hold.
pub(super) fn about_unfilled(
    unfilled: &[fill::Unfilled],
    names: &[StepName],
    notes: &mut Vec<String>,
) {
    notes.extend(unfilled.iter().map(|unfilled| {
        let name = names
            .get(unfilled.step.at())
            .map(|name| name.text.clone())
            .unwrap_or_default();
        format!(
            "the context does not contain the files of `{name}`: {}",
            unfilled.error
        )
    }));
}

/// Adds a note on the uncertainty that comes from a missing log.
fn about_absent_log(
    build: &Build,
    solution: &Solution,
    caches: &[&RefCache],
    notes: &mut Vec<String>,
) {
    if holds_own_results(build, solution, caches) {
        notes.push(OWN_RESULTS.to_owned());
    }
    if solution
        .steps
        .iter()
        .any(|standing| standing.verdict == CacheVerdict::Unknown)
    {
        notes.push(
            "a log of the build (--progress=rawjson) decides the steps that use the output of other steps"
                .to_owned(),
        );
    }
}

/// Returns the note on a context whose files are not given.
pub(super) fn context_is_missing(name: &str) -> String {
    format!(
        "the files of the context `{name}` are not given: --context DIR, or --context NAME=DIR, does"
    )
}

/// Adds notes on parts of the contexts that are missing, unreadable, or different from the build.
pub(super) fn about_contexts(contexts: &BuildContexts, notes: &mut Vec<String>) {
    let missing = contexts.missing.iter();
    notes.extend(missing.map(|name| context_is_missing(name)));
    for problem in &contexts.problems {
        notes.push(format!("{}: {}", problem.path.display(), problem.error));
    }
    if contexts.ignores_others {
        let counts = if contexts.ignores_anew {
            "its current patterns apply, as in the next build"
        } else {
            "the patterns of the build apply"
        };
        notes.push(format!(
            "the ignore file of the context has changed since the build: {counts}"
        ));
    }
}
