//! All details about why a step ran, or did not.

use super::explanation::sentence;
use super::{ArrangedExplanation, verdict, words};
use crate::explain::cause::{Cause, CauseKind};
use crate::explain::keys::ContentKey;
use crate::explain::load::Explanation;
use crate::explain::load::words::seconds;
use crate::explain::solve::{CacheVerdict, InCache};
use crate::format::provenance::StepIndex;
use crate::text::plural::counted_in_groups;
use crate::text::secrets;
use crate::tui::rows::{Cell, DetailLine, changes};
use crate::tui::theme::TextRole;

/// The maximum number of steps to list that run because of one step.
const MOST_STEPS: usize = 100;
/// The maximum number of changed files in the details; the list of changes shows the rest.
const MOST_FILES: usize = 40;

/// Returns all details of `step`.
pub(super) fn of_step(explained: &ArrangedExplanation, step: StepIndex) -> Vec<DetailLine> {
    let explanation = &explained.explanation;
    let standing = &explanation.standings[step.at()];
    let mut lines = vec![DetailLine::Text(Cell::new(
        explanation.title(step),
        TextRole::Strong,
    ))];
    for place in explanation
        .names
        .get(step.at())
        .iter()
        .flat_map(|name| &name.places)
    {
        let stage = place
            .stage
            .as_ref()
            .map(|stage| format!(" · stage {stage}"))
            .unwrap_or_default();
        lines.push(DetailLine::Text(Cell::new(
            format!("{}:{}{stage}", place.file, place.first_line),
            TextRole::Dim,
        )));
    }
    lines.push(DetailLine::Blank);
    lines.extend(verdict_lines(explanation, step));
    match explained.cause(step) {
        Some(cause) => add_cause(explained, step, cause, &mut lines),
        None if standing.verdict == CacheVerdict::Unknown => {
            lines.extend([
                DetailLine::Blank,
                DetailLine::Heading("Why it is undecided".into()),
            ]);
            lines.extend(
                explanation.undecided(step).into_iter().map(|reason| {
                    DetailLine::Text(Cell::text(reason.sentence(&explanation.names)))
                }),
            );
        }
        None => {}
    }
    keys(explained, step, &mut lines);
    lines
}

fn add_cause(
    explained: &ArrangedExplanation,
    step: StepIndex,
    cause: &Cause,
    lines: &mut Vec<DetailLine>,
) {
    lines.extend([DetailLine::Blank, DetailLine::Heading("Why".into())]);
    lines.push(DetailLine::Text(Cell::text(sentence(cause))));
    if let Some(advice) = cause.advice() {
        lines.push(DetailLine::Text(
            Cell::new("→ ", TextRole::Key).and(advice.to_owned(), TextRole::Dim),
        ));
    }
    lines.extend(cause.text.iter().map(changes::text_line));
    let is = explained
        .explanation
        .names
        .get(step.at())
        .map_or("", |name| &name.text);
    if let Some(was) = explained
        .explanation
        .earlier
        .get(step.at())
        .and_then(Option::as_deref)
        && secrets::mask(was).trim() != secrets::mask(is).trim()
        && cause.is_root()
    {
        lines.extend([
            DetailLine::Blank,
            DetailLine::Heading("The instruction".into()),
        ]);
        lines.extend(words::lines(was, is).map(DetailLine::Text));
    }
    lines.extend(changed_files(cause));
    if cause.kind == CauseKind::Upstream {
        return;
    }
    lines.extend(later_steps(explained, step));
}

fn files(count: usize) -> String {
    counted_in_groups(count as u64, "file", "files")
}

fn keys(explained: &ArrangedExplanation, step: StepIndex, lines: &mut Vec<DetailLine>) {
    let of = &explained.explanation.build.steps[step.at()];
    let digests = &explained.explanation.keys[step.at()].digests;
    if digests.is_empty() && of.vertices.is_empty() {
        return;
    }
    lines.extend([DetailLine::Blank, DetailLine::Heading("Keys".into())]);
    for (place, digest) in digests.iter().enumerate() {
        let name = if place == 0 { "operation" } else { "or" };
        lines.push(DetailLine::Fact(
            name,
            Cell::new(digest.to_string(), TextRole::Dim),
        ));
    }
    for keys in &explained.explanation.keys[step.at()].inputs {
        if let ContentKey::Known(digest) = keys.content {
            lines.push(DetailLine::Fact(
                "files",
                Cell::new(digest.to_string(), TextRole::Dim),
            ));
        }
    }
    if let Some(vertex) = of.vertices.first() {
        lines.push(DetailLine::Fact(
            "vertex",
            Cell::new(vertex.to_string(), TextRole::Dim),
        ));
    }
}

/// Returns the verdict of a step, its state in the cache, and its duration.
fn verdict_lines(explanation: &Explanation, step: StepIndex) -> Vec<DetailLine> {
    let standing = &explanation.standings[step.at()];
    let mut lines = Vec::new();
    let (mark, _, role) = verdict::sign(explanation, step);
    let verdict = match standing.verdict {
        _ if !explanation.is_judged(step) => "a source, which is resolved at every build",
        CacheVerdict::Hit if standing.from_log => "it did not run, as the log says",
        CacheVerdict::Hit => "it does not run",
        CacheVerdict::Miss if standing.from_log => "it ran, as the log says",
        CacheVerdict::Miss => "it runs",
        CacheVerdict::Unknown => "not known: it may run",
    };
    lines.push(DetailLine::Fact(
        "verdict",
        Cell::new(format!("{mark} {verdict}"), role),
    ));
    let found = match standing.in_cache {
        InCache::Result => "its result, which can be loaded",
        InCache::KeyOnly => "its key alone",
        InCache::Broken => "its result, but blobs of it are missing",
        InCache::Absent => "nothing of it",
        InCache::Unknown => "not known: its key cannot be computed from this evidence",
    };
    lines.push(DetailLine::Fact("in cache", Cell::text(found)));
    if let Some(took) = explanation.busy[step.at()].filter(|took| !took.is_zero()) {
        lines.push(DetailLine::Fact("took", Cell::text(seconds(took))));
    }
    lines
}

fn changed_files(cause: &Cause) -> Vec<DetailLine> {
    if cause.paths.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    lines.extend([
        DetailLine::Blank,
        DetailLine::Heading(files(cause.paths.len()).into()),
    ]);
    lines.extend(
        cause
            .paths
            .iter()
            .take(MOST_FILES)
            .map(|change| DetailLine::Text(changes::line(change))),
    );
    if cause.paths.len() > MOST_FILES {
        let words = format!(
            "… and {} more: open the step to list them",
            cause.paths.len() - MOST_FILES
        );
        lines.push(DetailLine::Text(Cell::new(words, TextRole::Dim)));
    }

    lines
}

/// Returns the steps that run because of a step.
fn later_steps(explained: &ArrangedExplanation, step: StepIndex) -> Vec<DetailLine> {
    let mut lines = Vec::new();
    let mut below = explained.followers(step).peekable();
    if below.peek().is_some() {
        lines.extend([
            DetailLine::Blank,
            DetailLine::Heading("Runs because of it".into()),
        ]);
        lines.extend(
            below
                .by_ref()
                .take(MOST_STEPS)
                .map(|step| DetailLine::Text(explained.title(step))),
        );
        let more = below.count();
        if more > 0 {
            lines.push(DetailLine::Text(Cell::new(
                format!("… and {more} more"),
                TextRole::Dim,
            )));
        }
    }
    lines
}
