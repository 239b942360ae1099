//! The output of `prune`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::document::{PlanItemDocument, RunDocument, SettleDocument};
use super::{FinishedRun, shown};
use crate::backend::{Disposal, Outcome, WayBack};
use crate::cli::CliSession;
use crate::cli::json::JsonDocument;
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::error::{Exit, Failure};
use crate::prune::execute::Settled;
use crate::prune::plan::{Deletion, ItemKind, ItemReason, Plan};
use crate::prune::repair::Unmended;
use crate::retention::Reason;
use crate::text::escape::visible;
use crate::text::units::{Exact, Size};

/// A plan, and the result of its execution.
pub(super) struct Pruned {
    pub(super) plan: Plan,
    /// The command that made or executed it.
    pub(super) command: &'static str,
    /// Whether it frees more than `--fail-if-frees` allows.
    pub(super) exceeds: bool,
    /// Whether it was to be executed.
    pub(super) wanted: bool,
    pub(super) done: Option<FinishedRun>,
}

impl Pruned {
    /// Returns the exit code for it.
    pub(super) fn exit(&self) -> Exit {
        // A repair deletes no blob; an unreadable ref is one of the findings that it lists.
        let short = match self.plan.unmended() {
            Some(unmended) => self.wanted && !unmended.is_empty(),
            None => self.plan.undetermined() && !self.plan.is_withheld(),
        };
        match &self.done {
            _ if self.exceeds => Exit::Found,
            Some(done) if !done.report.broken.is_empty() => Exit::Failed,
            Some(done) if done.report.count(|outcome| *outcome == Outcome::Cancelled) > 0 => {
                Exit::Interrupted
            }
            Some(done) if done.interrupted && !done.report.is_complete() => Exit::Interrupted,
            Some(done)
                if !done.report.is_complete() || short || !self.plan.unmet_budgets().is_empty() =>
            {
                Exit::Partial
            }
            None if short || (self.wanted && !self.plan.unmet_budgets().is_empty()) => {
                Exit::Partial
            }
            Some(_) | None => Exit::Done,
        }
    }
}

/// The maximum number of entries to list one by one, for a store that deletes by entry.
const MOST_ENTRIES: usize = 20;

#[derive(Serialize)]
struct One<'a> {
    plan: &'a Plan,
    /// Present if the gate stops the plan.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exceeds_fail_if_frees: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<RunDocument<'a>>,
}

/// Returns the budgets that the plan does not meet.
fn unmet(plan: &Plan) -> impl Iterator<Item = String> {
    plan.unmet_budgets()
        .iter()
        .map(|budget| format!("Limit not met, because everything left is protected: {budget}."))
}

impl<'a> One<'a> {
    fn new(pruned: &'a Pruned) -> Self {
        let plan = &pruned.plan;
        let outcome = pruned
            .done
            .as_ref()
            .map(|done| RunDocument::new(plan, &done.report, &done.journal));
        let nothing = || {
            (pruned.wanted && !pruned.exceeds).then(|| RunDocument {
                settle: (plan.disposal() == Disposal::Trash).then_some(SettleDocument {
                    waited_s: 0.0,
                    put_back: 0,
                    complete: true,
                }),
                ..RunDocument::default()
            })
        };
        Self {
            plan,
            exceeds_fail_if_frees: pruned.exceeds,
            outcome: outcome.or_else(nothing),
        }
    }
}

/// Prints the warnings of a plan before it runs. JSON documents contain them, too.
pub(super) fn announce(session: &CliSession<'_>, plan: &Plan) {
    if !session.output.json {
        plan.warnings().iter().for_each(|warning| {
            session
                .output
                .warn(&format!("{}: {warning}", plan.source()));
        });
    }
}

pub(super) fn print(
    session: &CliSession<'_>,
    command: &'static str,
    pruned: &[Pruned],
    failures: &[(String, Failure)],
) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Several<'a> {
        sources: Vec<One<'a>>,
    }
    let output = session.output;
    if output.json {
        if let [one] = pruned {
            return output.document(&JsonDocument::new(command, One::new(one), failures));
        }
        let sources = pruned.iter().map(One::new).collect();
        return output.document(&JsonDocument::new(command, Several { sources }, failures));
    }
    let blocks: Vec<String> = pruned
        .iter()
        .map(|pruned| match &pruned.done {
            Some(done) => outcome(pruned, done, output.paper),
            None => plan(pruned, output.paper),
        })
        .collect();
    output.text(&blocks.join("\n"))
}

fn plan(pruned: &Pruned, paper: Paper) -> String {
    let plan = &pruned.plan;
    let mut parts = vec![format!("{}\n", title(plan))];
    if !plan.delete().is_empty() {
        parts.push(goes(plan).render(paper));
    }
    match plan.unmended() {
        None => parts.push(stays(plan).render(paper)),
        Some([]) => {}
        Some(unmended) => parts.push(not_mended(unmended, paper)),
    }
    let mut notes = notes(plan);
    notes.push(if pruned.exceeds {
        "The plan frees more than --fail-if-frees allows. Nothing was changed.".to_owned()
    } else if plan.is_empty() {
        "There is nothing to do.".to_owned()
    } else {
        "Nothing was changed. Add --yes to carry out this plan.".to_owned()
    });
    parts.push(format!("{}\n", notes.join("\n")));
    parts.join("\n")
}

/// Returns the findings that a repair cannot fix, as lines.
fn not_mended(unmended: &[Unmended], paper: Paper) -> String {
    let line = |item: &Unmended| {
        let about = item.ref_name.as_deref().unwrap_or("the store");
        let why = Style::Bad.paint(&visible(&item.why), paper);
        format!("Not repaired: {} of {about}: {why}\n", item.code)
    };
    unmended.iter().map(line).collect()
}

fn title(plan: &Plan) -> String {
    if plan.unmended().is_some() {
        let refs = plural(plan.delete().rewrites().count() as u64, "ref");
        let back = match plan.put_back().len() as u64 {
            0 => String::new(),
            count => format!(", {} to restore from the trash", plural(count, "blob")),
        };
        let uploads = match plan.frees_objects() {
            0 => String::new(),
            count => format!(", {} to delete", plural(count, "unfinished upload")),
        };
        return format!("{}: {refs} to rewrite{back}{uploads}", plan.source());
    }
    let refs = plural(plan.refs() as u64, "ref");
    let objects = plural(plan.frees_objects(), "object");
    let results = plan
        .delete()
        .rewrites()
        .map(|rewrite| rewrite.results.len() as u64);
    let results = match results.sum() {
        0 => String::new(),
        count => format!(", {} of kept refs", plural(count, "result")),
    };
    format!(
        "{}: {refs} and {objects} to delete{results}, {}",
        plan.source(),
        Size(plan.frees_bytes())
    )
}

fn goes(plan: &Plan) -> Table {
    let mut table = Table::new([
        ("DELETE", TableAlign::Left),
        ("NAME", TableAlign::Left),
        ("SIZE", TableAlign::Right),
        ("WHY", TableAlign::Left),
    ]);
    let mut listed = 0;
    let mut more = (0, 0);
    for item in plan.delete().iter() {
        match item.target.kind() {
            ItemKind::Ref | ItemKind::Results | ItemKind::Partial => {}
            ItemKind::Entry if listed < MOST_ENTRIES => listed += 1,
            ItemKind::Entry => {
                more = (more.0 + 1, more.1 + item.target.bytes());
                continue;
            }
            ItemKind::Blob | ItemKind::Object => continue,
        }
        let kind = item.target.kind();
        let size = if matches!(kind, ItemKind::Ref | ItemKind::Results) {
            TableCell::none()
        } else {
            TableCell::new(Size(item.target.bytes()).to_string())
        };
        table.row([
            TableCell::new(kind.word()),
            TableCell::new(item.target.name()).style(Style::Strong),
            size,
            TableCell::whole(reasons(&item.reasons)).style(Style::Dim),
        ]);
    }
    if more.0 > 0 {
        table.row([
            TableCell::new(ItemKind::Entry.word()),
            TableCell::new(format!("{} more", more.0)).style(Style::Strong),
            TableCell::new(Size(more.1).to_string()),
            TableCell::new("listed in the JSON document").style(Style::Dim),
        ]);
    }
    // There may be a million blobs; the JSON document and the saved plan list each of them.
    for (kind, what, why) in [
        (ItemKind::Blob, "blob", "no kept ref reaches them"),
        (
            ItemKind::Object,
            "object",
            "in the trash for longer than the grace",
        ),
    ] {
        let items = plan
            .delete()
            .iter()
            .filter(|item| item.target.kind() == kind);
        let (count, bytes) = items.fold((0, 0), |(count, bytes), item| {
            (count + 1, bytes + item.target.bytes())
        });
        if count > 0 {
            table.row([
                TableCell::new(kind.word()),
                TableCell::new(plural(count, what)).style(Style::Strong),
                TableCell::new(Size(bytes).to_string()),
                TableCell::whole(why).style(Style::Dim),
            ]);
        }
    }
    table
}

fn stays(plan: &Plan) -> Table {
    let mut table = Table::new([
        ("KEEP", TableAlign::Left),
        ("NAME", TableAlign::Left),
        ("SIZE", TableAlign::Right),
        ("WHY", TableAlign::Left),
    ]);
    // The trash may hold as many objects as there are blobs, and so may the entries.
    let mut many: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    for kept in plan.keep() {
        if matches!(kept.kind, ItemKind::Object | ItemKind::Entry) {
            let why = match kept.reasons.as_slice() {
                [ItemReason::Policy(Reason::WithinGrace { grace, .. })] => {
                    let what = if kept.kind == ItemKind::Object {
                        "in the trash for less than"
                    } else {
                        "used within"
                    };
                    format!("{what} the grace of {}", Exact(*grace))
                }
                reasons => self::reasons(reasons),
            };
            let what = if kept.kind == ItemKind::Object {
                ("object", "objects")
            } else {
                ("entry", "entries")
            };
            *many.entry((what.0, what.1, why)).or_default() += 1;
            continue;
        }
        table.row([
            TableCell::new(kept.kind.word()),
            TableCell::new(&kept.name).style(Style::Strong),
            TableCell::none(),
            TableCell::whole(reasons(&kept.reasons)).style(Style::Dim),
        ]);
    }
    for ((kind, kinds, why), count) in many {
        table.row([
            TableCell::new(kind),
            TableCell::new(format!("{count} {}", if count == 1 { kind } else { kinds }))
                .style(Style::Strong),
            TableCell::none(),
            TableCell::whole(why).style(Style::Dim),
        ]);
    }
    let mut blobs = |count: u64, bytes: u64, why: &str| {
        table.row([
            TableCell::new("blob"),
            TableCell::new(plural(count, "blob")).style(Style::Strong),
            TableCell::new(Size(bytes).to_string()),
            TableCell::whole(why).style(Style::Dim),
        ]);
    };
    blobs(
        plan.live().blobs,
        plan.live().bytes,
        "reached from a kept ref",
    );
    for held in plan.held() {
        blobs(held.count.blobs, held.count.bytes, held.fate.sentence());
    }
    table
}

/// Returns notes on what the plan frees, and when.
fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(disk) = plan.disk() {
        if disk.hard_linked > 0 {
            let files = plural(disk.hard_linked, "file");
            notes.push(format!(
                "No disk space is freed for {files} with other hard links."
            ));
        }
        if disk.sparse > 0 {
            notes.push(format!(
                "Less disk space than the size is freed for {} with holes.",
                plural(disk.sparse, "file")
            ));
        }
        if disk.hard_linked > 0 || disk.sparse > 0 {
            notes.push(format!(
                "In total, {} of disk space is freed.",
                Size(disk.disk_bytes)
            ));
        }
    }
    if plan.disposal() == Disposal::Trash && plan.delete().iter().any(|item| is_moved(&item)) {
        notes.push(
            "Objects move to the trash in the cache; a later prune empties it after the grace."
                .to_owned(),
        );
    }
    if plan.later_bytes() > 0 {
        let later = Size(plan.later_bytes());
        notes.push(format!(
            "A later run deletes the blobs that these results free, {later}, after the grace."
        ));
    }
    if plan.drops_every_ref() {
        notes.push("The plan deletes every ref, which must be confirmed.".to_owned());
    }
    notes.extend(unmet(plan));
    notes
}

fn is_moved(item: &Deletion) -> bool {
    matches!(item.target.kind(), ItemKind::Blob | ItemKind::Partial)
}

fn outcome(
    Pruned { plan, command, .. }: &Pruned,
    FinishedRun {
        report,
        journal,
        way_back,
        ..
    }: &FinishedRun,
    paper: Paper,
) -> String {
    let counted = RunDocument::new(plan, report, journal);
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
        (counted.put_back, "restored"),
    ];
    sums.extend(
        others
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    let mut parts = vec![format!("{}: {}\n", plan.source(), sums.join(", "))];

    // A table would truncate the system's message.
    let items = plan.delete().iter().zip(&report.outcomes);
    let troubles = troubles(items, paper);
    if !troubles.is_empty() {
        parts.push(troubles.concat());
    }
    if let Some(unmended) = plan.unmended().filter(|unmended| !unmended.is_empty()) {
        parts.push(not_mended(unmended, paper));
    }
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
    notes.extend(report.settled.and_then(waited));
    if report.trashed_bytes > 0 {
        notes.push(
            "A later prune empties the trash after the grace; until then no disk space is freed."
                .to_owned(),
        );
    }
    notes.extend(report.deletion_method.clone());
    notes.extend(unmet(plan));
    if plan.unmended().is_some() && counted.done > 0 {
        notes.push(format!(
            "`cachelens {command} --undo {}` restores the previous versions of the refs.",
            shown(journal)
        ));
    } else if *way_back == WayBack::Trash && plan.disposal() == Disposal::Trash && counted.done > 0
    {
        notes.push(format!(
            "`cachelens {command} --undo {}` restores everything that is still in the trash.",
            shown(journal)
        ));
    } else {
        notes.push(format!("The journal is {}", shown(journal)));
    }
    if let WayBack::Part(words) = way_back
        && counted.done > 0
        && plan.unmended().is_none()
    {
        notes.push(format!(
            "{words} `cachelens {command} --undo` does so by the journal."
        ));
    }
    parts.push(format!("{}\n", notes.join("\n")));
    parts.join("\n")
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
            let kind = item.target.kind().word();
            let name = item.target.name();
            Some((format!("{kind} {}", visible(&name)), trouble(outcome)?))
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
pub(super) fn undone(
    session: &CliSession<'_>,
    command: &'static str,
    plan: &Plan,
    results: &[(usize, Outcome)],
    journal: &Path,
) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Undone<'a> {
        undo: Counts<'a>,
    }
    #[derive(Serialize)]
    struct Counts<'a> {
        source: &'a str,
        done: usize,
        journal: String,
        items: Vec<PlanItemDocument<'a>>,
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
            .map(|(item, outcome)| PlanItemDocument::new(&item, outcome))
            .collect();
        let journal = journal.to_string_lossy().into_owned();
        let undo = Counts {
            source: plan.source(),
            done,
            journal,
            items,
        };
        return session
            .output
            .document(&JsonDocument::new(command, Undone { undo }, &[]));
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

fn reasons(reasons: &[ItemReason]) -> String {
    reasons
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
