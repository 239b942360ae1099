//! The outcome of a run in text.

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

use super::{Pruned, not_fixed_text, unmet};
use crate::backend::{self, Disposal, Outcome, Undoability};
use crate::cli::CliSession;
use crate::cli::json::JsonDocument;
use crate::cli::prune::document::RunDocument;
use crate::cli::prune::{FinishedRun, shown};
use crate::cli::table::{Paper, Style};
use crate::error::{Exit, Failure};
use crate::prune::execute::{RunReport, Settled};
use crate::prune::plan::{Deletion, ItemKind, Plan};
use crate::report::documents::RunItemDocument;
use crate::report::plan::later_words;
use crate::text::escape::visible;
use crate::text::units::Size;

pub(super) fn outcome(pruned: &Pruned, run: &FinishedRun, paper: Paper) -> String {
    let plan = &pruned.plan;
    let FinishedRun {
        report, journal, ..
    } = run;
    let counted = RunDocument::new(plan, report, journal);
    let sums = sums(&counted, report);
    let later = counted.frees_later.and_then(later_words);
    let later = later.map_or_else(String::new, |words| format!("; {words}"));
    let mut parts = vec![format!("{}: {}{later}\n", plan.source(), sums.join(", "))];

    // A table would truncate the system's message.
    let items = plan.delete().iter().zip(&report.outcomes);
    let troubles = troubles(items, paper);
    if !troubles.is_empty() {
        parts.push(troubles.concat());
    }
    if let Some(not_fixed) = plan.not_fixed().filter(|not_fixed| !not_fixed.is_empty()) {
        parts.push(not_fixed_text(not_fixed, paper));
    }
    let mut notes = broken_refs(report);
    notes.extend(report.settled.and_then(waited));
    if report.trashed_bytes > 0 {
        notes.push(
            "A later prune empties the trash after the grace; until then no disk space is freed."
                .to_owned(),
        );
    }
    notes.extend(report.deletion_method.clone());
    notes.extend(unmet(plan));
    // What was deleted from the trash does not come back.
    let items = plan.delete().iter().zip(&report.outcomes);
    let restorable = items.filter(|(item, outcome)| {
        **outcome == Outcome::Done && item.target.kind() != ItemKind::Object
    });
    notes.extend(undo_notes(pruned, run, restorable.count()));
    parts.push(format!("{}\n", notes.join("\n")));
    parts.join("\n")
}

/// Returns the number of items with each outcome, and their bytes.
fn sums(counted: &RunDocument<'_>, report: &RunReport) -> Vec<String> {
    let mut sums = vec![format!("{} done", counted.done)];
    if report.trashed_bytes > 0 {
        sums.push(format!("{} in the trash", Size(report.trashed_bytes)));
    }
    if report.freed_bytes > 0 || report.trashed_bytes == 0 {
        sums.push(format!("{} freed", Size(report.freed_bytes)));
    }
    let others = [
        (counted.already_gone, "already gone"),
        (counted.skipped, "skipped"),
        (counted.failed, "failed"),
        (counted.cancelled, "cancelled"),
        (counted.restored, "restored"),
    ];
    sums.extend(
        others
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    sums
}

/// Names the refs that a build wrote during the run and that reference deleted blobs.
fn broken_refs(report: &RunReport) -> Vec<String> {
    let mut notes: Vec<String> = report
        .broken
        .iter()
        .map(|name| format!("`{name}` is now missing blobs (it was complete before this run)."))
        .collect();
    if !notes.is_empty() {
        notes.push(
            "A build wrote it while this run deleted blobs that it references. --delete-broken-refs deletes such a ref."
                .to_owned(),
        );
    }
    notes.extend(
        report
            .deleted_broken
            .iter()
            .map(|name| format!("`{name}` was deleted: a build wrote it during this run, and it references deleted blobs.")),
    );
    notes
}

/// Says how to undo the run.
fn undo_notes(pruned: &Pruned, run: &FinishedRun, done: usize) -> Vec<String> {
    let Pruned { plan, command, .. } = pruned;
    let FinishedRun {
        journal,
        undoability,
        ..
    } = run;
    let mut notes = Vec::new();
    if backend::demo::journals().is_some_and(|folder| journal.starts_with(folder)) {
        // The copy is deleted when the command ends, and the journal with it.
        return notes;
    }
    if plan.not_fixed().is_some() && done > 0 {
        notes.push(format!(
            "`cachelens {command} --undo {}` restores the previous versions of the refs.",
            shown(journal)
        ));
    } else if *undoability == Undoability::Full && plan.disposal() == Disposal::Trash && done > 0 {
        notes.push(format!(
            "`cachelens {command} --undo {}` restores everything that is still in the trash.",
            shown(journal)
        ));
    } else {
        notes.push(format!("The journal is {}", shown(journal)));
    }
    if let Undoability::Partial(limit) = undoability
        && done > 0
        && plan.not_fixed().is_none()
    {
        notes.push(format!(
            "{limit} `cachelens {command} --undo` does so by the journal."
        ));
    }
    notes
}

/// Returns how long a run waited for builds, if that is worth a line.
fn waited(settled: Settled) -> Option<String> {
    let seconds = settled.waited.as_secs();
    let restored = match settled.restored {
        0 => String::new(),
        1 => ": 1 blob was restored".to_owned(),
        count => format!(": {count} blobs were restored"),
    };
    if !settled.complete {
        return Some(format!(
            "The watch for builds ended after {seconds} s, before the cache was quiet for long enough{restored}. A running export may be missing blobs: prune again to restore them."
        ));
    }
    (seconds > 0 || settled.restored > 0)
        .then(|| format!("Watched the cache for {seconds} s for builds{restored}."))
}

/// If more items than these have the same reason, only the first ones are shown.
const MOST_ALIKE: usize = 3;

/// Returns the reasons why items were not deleted, as lines.
fn troubles<'a>(
    items: impl Iterator<Item = (Cow<'a, Deletion>, &'a Outcome)>,
    paper: Paper,
) -> Vec<String> {
    let troubles: Vec<(String, String)> = items
        .filter_map(|(item, outcome)| {
            let why = trouble(outcome)?;
            let kind = item.target.kind().word();
            let name = item.target.name();
            Some((format!("{kind} {}", visible(&name)), why))
        })
        .collect();
    let line =
        |what: &str, why: &str| format!("{what}: {}\n", Style::Bad.paint(&visible(why), paper));
    let mut alike: Vec<(&str, Vec<&str>)> = Vec::new();
    for (what, why) in &troubles {
        match alike.iter_mut().find(|(known, _)| known == why) {
            Some((_, items)) => items.push(what),
            None => alike.push((why, vec![what])),
        }
    }
    let mut lines = Vec::new();
    for (why, items) in alike {
        match items.as_slice() {
            [first, rest @ ..] if items.len() > MOST_ALIKE => {
                lines.push(line(&format!("{first} and {} more", rest.len()), why));
            }
            _ => lines.extend(items.iter().map(|what| line(what, why))),
        }
    }
    lines
}

fn trouble(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done | Outcome::AlreadyGone => None,
        Outcome::Skipped(why) => Some(format!("skipped: {why}")),
        Outcome::Failed(why) => Some(format!("failed: {why}")),
        Outcome::Cancelled => Some("cancelled".to_owned()),
    }
}

/// Prints the outcome of each item that was restored.
pub(in crate::cli::prune) fn undone(
    session: &CliSession<'_>,
    command: &'static str,
    plan: &Plan,
    results: &[(usize, Outcome)],
    journal: &Path,
) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Undone<'a> {
        undo: Counts<'a>,
        outcome: RunDocument<'a>,
    }
    #[derive(Serialize)]
    struct Counts<'a> {
        source: &'a str,
        done: usize,
        journal: String,
        items: Vec<RunItemDocument<'a>>,
    }
    let items = || {
        results
            .iter()
            .filter_map(|(place, outcome)| Some((plan.delete().get(*place)?, outcome)))
    };
    let done = results
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Done)
        .count();
    if session.output.json {
        let items = items()
            .map(|(item, outcome)| RunItemDocument::new(&item, outcome))
            .collect();
        let outcome = RunDocument::of_undo(plan, results, journal);
        let journal = journal.to_string_lossy().into_owned();
        let undo = Counts {
            source: plan.source(),
            done,
            journal,
            items,
        };
        return session
            .output
            .document(&JsonDocument::new(command, Undone { undo, outcome }, &[]));
    }
    let there = match results
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::AlreadyGone)
        .count()
    {
        0 => String::new(),
        there => format!(", {there} already there"),
    };
    let mut text = format!(
        "{}: {done} of {} restored{there}\n",
        plan.source(),
        results.len()
    );
    text.extend(troubles(items(), session.output.paper));
    session.output.text(&text)
}
