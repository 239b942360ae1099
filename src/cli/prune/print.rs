//! What `prune` prints.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{Done, shown};
use crate::backend::{Disposal, Outcome, WayBack};
use crate::cli::Session;
use crate::cli::json::Document;
use crate::cli::table::{Align, Cell, Paper, Style, Table};
use crate::error::{Exit, Failure};
use crate::format::text::visible;
use crate::prune::execute::Report;
use crate::prune::plan::{Deletion, Kind, Plan, Why};
use crate::retention::Reason;
use crate::units::{Exact, Size};

/// A plan, and what came of it when it was carried out.
pub(super) struct Pruned {
    pub(super) plan: Plan,
    /// Whether more would go than `--fail-if-frees` allows.
    pub(super) exceeds: bool,
    /// Whether it was to be carried out.
    pub(super) wanted: bool,
    pub(super) done: Option<Done>,
}

impl Pruned {
    /// Returns how the command ends because of it.
    pub(super) fn exit(&self) -> Exit {
        let short = self.plan.undetermined() && !self.plan.is_sealed();
        match &self.done {
            _ if self.exceeds => Exit::Found,
            Some(done) if !done.report.broken.is_empty() => Exit::Failed,
            Some(done) if done.report.count(|outcome| *outcome == Outcome::Cancelled) > 0 => Exit::Interrupted,
            Some(done) if !done.report.is_complete() || short || !self.plan.unmet_budgets().is_empty() => Exit::Partial,
            None if short || (self.wanted && !self.plan.unmet_budgets().is_empty()) => Exit::Partial,
            Some(_) | None => Exit::Done,
        }
    }
}

/// How many entries of a store that deletes by entry are listed one by one.
const MOST_ENTRIES: usize = 20;

#[derive(Serialize)]
struct One<'a> {
    plan: &'a Plan,
    /// Told when the gate holds the plan up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exceeds_fail_if_frees: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Counted<'a>>,
}

/// Says which budgets the plan does not keep.
fn unmet(plan: &Plan) -> impl Iterator<Item = String> {
    plan.unmet_budgets().iter().map(|budget| format!("Not met, because what is left is protected: {budget}."))
}

/// What came of a run, as JSON has it.
#[derive(Default, Serialize)]
struct Counted<'a> {
    done: usize,
    already_gone: usize,
    skipped: usize,
    failed: usize,
    cancelled: usize,
    put_back: usize,
    freed_bytes: u64,
    /// None where there was nothing to do.
    journal: Option<String>,
    broken: &'a [String],
    cured: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    manner: Option<&'a str>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    kind: Kind,
    name: String,
    outcome: &'a Outcome,
}

impl<'a> One<'a> {
    fn new(pruned: &'a Pruned) -> Self {
        let plan = &pruned.plan;
        let outcome = pruned.done.as_ref().map(|done| Counted::new(plan, &done.report, &done.journal));
        let nothing = || (pruned.wanted && !pruned.exceeds).then(Counted::default);
        Self { plan, exceeds_fail_if_frees: pruned.exceeds, outcome: outcome.or_else(nothing) }
    }
}

impl<'a> Counted<'a> {
    fn new(plan: &Plan, report: &'a Report, journal: &Path) -> Self {
        let items = plan.delete().iter().zip(&report.outcomes);
        Self {
            done: report.count(|outcome| *outcome == Outcome::Done),
            already_gone: report.count(|outcome| *outcome == Outcome::AlreadyGone),
            skipped: report.count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            failed: report.count(|outcome| matches!(outcome, Outcome::Failed(_))),
            cancelled: report.count(|outcome| *outcome == Outcome::Cancelled),
            put_back: report.put_back,
            freed_bytes: report.freed_bytes,
            journal: Some(journal.to_string_lossy().into_owned()),
            broken: &report.broken,
            cured: &report.cured,
            manner: report.manner.as_deref(),
            items: items.map(|(item, outcome)| Item::new(&item, outcome)).collect(),
        }
    }
}

impl<'a> Item<'a> {
    fn new(item: &Deletion, outcome: &'a Outcome) -> Self {
        Self { kind: item.target.kind(), name: item.target.name(), outcome }
    }
}

/// Says what a person should know of a plan before anything is done. A document holds it, too.
pub(super) fn announce(session: &Session<'_>, plan: &Plan) {
    if !session.output.json {
        plan.warnings().iter().for_each(|warning| session.output.warn(&format!("{}: {warning}", plan.source())));
    }
}

pub(super) fn print(session: &Session<'_>, pruned: &[Pruned], failures: &[(String, Failure)]) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Several<'a> {
        sources: Vec<One<'a>>,
    }
    let output = session.output;
    if output.json {
        if let [one] = pruned {
            return output.document(&Document::new("prune", One::new(one), failures));
        }
        let sources = pruned.iter().map(One::new).collect();
        return output.document(&Document::new("prune", Several { sources }, failures));
    }
    let blocks: Vec<String> = pruned
        .iter()
        .map(|pruned| match &pruned.done {
            Some(done) => outcome(&pruned.plan, done, output.paper),
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
    parts.push(stays(plan).render(paper));
    let mut notes = notes(plan);
    notes.push(if pruned.exceeds {
        "That is more than --fail-if-frees allows: nothing was changed.".to_owned()
    } else if plan.is_empty() {
        "There is nothing to do.".to_owned()
    } else {
        "Nothing was changed. With --yes this plan is carried out.".to_owned()
    });
    parts.push(format!("{}\n", notes.join("\n")));
    parts.join("\n")
}

fn title(plan: &Plan) -> String {
    let refs = plural(plan.refs() as u64, "ref");
    let objects = plural(plan.frees_objects(), "object");
    let results = plan.delete().rewrites().map(|rewrite| rewrite.results.len() as u64);
    let results = match results.sum() {
        0 => String::new(),
        count => format!(", {} of refs that stay", plural(count, "result")),
    };
    format!("{}: {refs} and {objects} go{results}, {}", plan.source(), Size(plan.frees_bytes()))
}

fn goes(plan: &Plan) -> Table {
    let mut table =
        Table::new([("GOES", Align::Left), ("NAME", Align::Left), ("SIZE", Align::Right), ("WHY", Align::Left)]);
    let (mut listed, mut more) = (0, (0, 0));
    for item in plan.delete().iter() {
        match item.target.kind() {
            Kind::Ref | Kind::Results | Kind::Partial => {}
            Kind::Entry if listed < MOST_ENTRIES => listed += 1,
            Kind::Entry => {
                more = (more.0 + 1, more.1 + item.target.bytes());
                continue;
            }
            Kind::Blob | Kind::Object => continue,
        }
        let kind = item.target.kind();
        let size = if matches!(kind, Kind::Ref | Kind::Results) {
            Cell::none()
        } else {
            Cell::new(Size(item.target.bytes()).to_string())
        };
        table.row([
            Cell::new(kind.word()),
            Cell::new(item.target.name()).style(Style::Strong),
            size,
            Cell::whole(reasons(&item.reasons)).style(Style::Dim),
        ]);
    }
    if more.0 > 0 {
        table.row([
            Cell::new(Kind::Entry.word()),
            Cell::new(format!("{} more", more.0)).style(Style::Strong),
            Cell::new(Size(more.1).to_string()),
            Cell::new("each stands in the JSON document").style(Style::Dim),
        ]);
    }
    // Of blobs there may be a million: each stands in the JSON document and in the saved plan.
    for (kind, what, why) in [
        (Kind::Blob, "blob", "no ref that stays reaches them"),
        (Kind::Object, "object", "in the trash for longer than the grace"),
    ] {
        let items = plan.delete().iter().filter(|item| item.target.kind() == kind);
        let (count, bytes) = items.fold((0, 0), |(count, bytes), item| (count + 1, bytes + item.target.bytes()));
        if count > 0 {
            table.row([
                Cell::new(kind.word()),
                Cell::new(plural(count, what)).style(Style::Strong),
                Cell::new(Size(bytes).to_string()),
                Cell::whole(why).style(Style::Dim),
            ]);
        }
    }
    table
}

fn stays(plan: &Plan) -> Table {
    let mut table =
        Table::new([("STAYS", Align::Left), ("NAME", Align::Left), ("SIZE", Align::Right), ("WHY", Align::Left)]);
    // Of what is in the trash there may be as much as of blobs, and of entries.
    let mut many: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    for kept in plan.keep() {
        if matches!(kept.kind, Kind::Object | Kind::Entry) {
            let why = match kept.reasons.as_slice() {
                [Why::Policy(Reason::WithinGrace { grace, .. })] => {
                    let what = if kept.kind == Kind::Object { "in the trash for less than" } else { "used within" };
                    format!("{what} the grace of {}", Exact(*grace))
                }
                reasons => self::reasons(reasons),
            };
            let what = if kept.kind == Kind::Object { ("object", "objects") } else { ("entry", "entries") };
            *many.entry((what.0, what.1, why)).or_default() += 1;
            continue;
        }
        table.row([
            Cell::new(kept.kind.word()),
            Cell::new(&kept.name).style(Style::Strong),
            Cell::none(),
            Cell::whole(reasons(&kept.reasons)).style(Style::Dim),
        ]);
    }
    for ((kind, kinds, why), count) in many {
        table.row([
            Cell::new(kind),
            Cell::new(format!("{count} {}", if count == 1 { kind } else { kinds })).style(Style::Strong),
            Cell::none(),
            Cell::whole(why).style(Style::Dim),
        ]);
    }
    let mut blobs = |count: u64, bytes: u64, why: &str| {
        table.row([
            Cell::new("blob"),
            Cell::new(plural(count, "blob")).style(Style::Strong),
            Cell::new(Size(bytes).to_string()),
            Cell::whole(why).style(Style::Dim),
        ]);
    };
    blobs(plan.live().blobs, plan.live().bytes, "reached from a ref that stays");
    for held in plan.held() {
        blobs(held.count.blobs, held.count.bytes, held.fate.sentence());
    }
    table
}

/// Says what a person should know of what the plan frees, and when.
fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(disk) = plan.disk() {
        if disk.hard_linked > 0 {
            let files = plural(disk.hard_linked, "file");
            notes.push(format!("The disk gets nothing back for {files} with another name elsewhere."));
        }
        if disk.sparse > 0 {
            notes.push(format!("It gets less than the size back for {} with holes.", plural(disk.sparse, "file")));
        }
        if disk.hard_linked > 0 || disk.sparse > 0 {
            notes.push(format!("It gets {} back in all.", Size(disk.disk_bytes)));
        }
    }
    if plan.disposal() == Disposal::Trash && plan.delete().iter().any(|item| is_moved(&item)) {
        notes.push("Objects go to the trash in the cache; a later prune empties it after the grace.".to_owned());
    }
    if plan.later_bytes() > 0 {
        let later = Size(plan.later_bytes());
        notes.push(format!("What the results leave behind, {later}, goes in a later run, when the grace has passed."));
    }
    if plan.drops_every_ref() {
        notes.push("No ref would stay: this has to be confirmed.".to_owned());
    }
    notes.extend(unmet(plan));
    notes
}

fn is_moved(item: &Deletion) -> bool {
    matches!(item.target.kind(), Kind::Blob | Kind::Partial)
}

fn outcome(plan: &Plan, Done { report, journal, way_back }: &Done, paper: Paper) -> String {
    let counted = Counted::new(plan, report, journal);
    let mut sums = vec![format!("{} done, {} freed", counted.done, Size(report.freed_bytes))];
    let others = [
        (counted.already_gone, "already gone"),
        (counted.skipped, "skipped"),
        (counted.failed, "failed"),
        (counted.cancelled, "cancelled"),
        (counted.put_back, "put back"),
    ];
    sums.extend(others.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let mut parts = vec![format!("{}: {}\n", plan.source(), sums.join(", "))];

    // A table would cut what the system said.
    let items = plan.delete().iter().zip(&report.outcomes);
    let troubles = troubles(items, paper);
    if !troubles.is_empty() {
        parts.push(troubles.concat());
    }
    let mut notes: Vec<String> =
        report.broken.iter().map(|name| format!("`{name}` lacks blobs that it did not lack before.")).collect();
    if !notes.is_empty() {
        notes.push("A build wrote it while blobs went that it names: --cure removes such a ref.".to_owned());
    }
    notes.extend(
        report.cured.iter().map(|name| format!("`{name}` came meanwhile and named what had just gone: removed.")),
    );
    notes.extend(report.manner.clone());
    notes.extend(unmet(plan));
    if *way_back == WayBack::Trash && plan.disposal() == Disposal::Trash && counted.done > 0 {
        notes.push(format!("`cachelens prune --undo {}` puts back what is still in the trash.", shown(journal)));
    } else {
        notes.push(format!("The journal is {}", shown(journal)));
    }
    if let WayBack::Part(words) = way_back
        && counted.done > 0
    {
        notes.push(format!("{words} `cachelens prune --undo` does so by the journal."));
    }
    parts.push(format!("{}\n", notes.join("\n")));
    parts.join("\n")
}

/// More items than these in a row, which the same kept from going, are told by the first of them.
const MOST_ALIKE: usize = 3;

/// Says in lines what kept items from going.
fn troubles<'a>(items: impl Iterator<Item = (Cow<'a, Deletion>, &'a Outcome)>, paper: Paper) -> Vec<String> {
    let troubles: Vec<(String, String)> = items
        .filter_map(|(item, outcome)| {
            let (kind, name) = (item.target.kind().word(), item.target.name());
            Some((format!("{kind} {}", visible(&name)), trouble(outcome)?))
        })
        .collect();
    let line = |what: &str, why: &str| format!("{what}: {}\n", Style::Bad.paint(&visible(why), paper));
    let mut lines = Vec::new();
    for alike in troubles.chunk_by(|(_, one), (_, next)| one == next) {
        match alike {
            [(first, why), rest @ ..] if alike.len() > MOST_ALIKE => {
                lines.push(line(&format!("{first} and {} more", rest.len()), why));
            }
            _ => lines.extend(alike.iter().map(|(what, why)| line(what, why))),
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

/// Prints what became of each item that was put back.
pub(super) fn undone(
    session: &Session<'_>,
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
        items: Vec<Item<'a>>,
    }
    let items = || results.iter().filter_map(|(place, outcome)| Some((plan.delete().get(*place)?, outcome)));
    let done = results.iter().filter(|(_, outcome)| *outcome == Outcome::Done).count();
    if session.output.json {
        let items = items().map(|(item, outcome)| Item::new(&item, outcome)).collect();
        let journal = journal.to_string_lossy().into_owned();
        let undo = Counts { source: plan.source(), done, journal, items };
        return session.output.document(&Document::new("prune", Undone { undo }, &[]));
    }
    let there = match results.iter().filter(|(_, outcome)| *outcome == Outcome::AlreadyGone).count() {
        0 => String::new(),
        there => format!(", {there} there already"),
    };
    let mut text = format!("{}: {done} of {} put back{there}\n", plan.source(), results.len());
    text.extend(troubles(items(), session.output.paper));
    session.output.text(&text)
}

fn reasons(reasons: &[Why]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
