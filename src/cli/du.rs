//! `du`: live, orphaned, missing and unknown objects.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::CliSession;
use super::json::JsonDocument;
use super::open::{self, Scanned};
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::backend::Totals;
use crate::error::{Exit, Failure};
use crate::inventory::{InventoryTotals, RefEntry};
use crate::report::documents::{BlobTotals, SourceUsageDocument};
use crate::source::{Source, SourceText};
use crate::text::escape::visible;
use crate::text::plural::one_or;
use crate::text::units::Size;

mod bucket;
mod history;
mod repositories;
mod selected;
mod shared;

#[derive(Debug, Args)]
pub(super) struct DuArguments {
    /// The caches to sum up; the default is the sources of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceText>,
    /// Show the growth of each source, from the records of earlier scans.
    #[arg(long)]
    history: bool,
}

#[derive(Serialize)]
struct Usage {
    sources: Vec<SourceUsage>,
}

#[derive(Serialize)]
struct SourceUsage {
    #[serde(flatten)]
    usage: SourceUsageDocument,
    /// Blobs that other repositories of the same registry also reference; they are stored once.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared_by_repositories: Option<BlobTotals>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    shared: Option<shared::SharedStoreFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<bucket::BucketFields>,
    /// The refs that fit the pattern of the source; the other figures are of the whole store.
    #[serde(skip_serializing_if = "Option::is_none")]
    selected: Option<selected::Selected>,
    /// What earlier scans found, with --history.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<history::HistoryFields>,
}

impl SourceUsage {
    fn new(scanned: &Scanned, totals: &InventoryTotals, shared: Option<Totals>) -> Self {
        let inventory = &scanned.inventory;
        let label = scanned.opened.label();
        let kind = scanned.opened.source.kind();
        Self {
            bucket: bucket::BucketFields::new(&label, inventory),
            usage: SourceUsageDocument::new(label, kind, inventory, totals),
            shared_by_repositories: shared.map(Into::into),
            shared: shared::SharedStoreFields::new(inventory),
            selected: selected::Selected::new(scanned),
            history: None,
        }
    }
}

pub(super) async fn run(session: &CliSession<'_>, arguments: DuArguments) -> Result<Exit, Failure> {
    let sources = open::sources_to_read(session, &arguments.sources)?;
    let sources = if arguments.sources.is_empty() {
        open::whole_stores(sources)
    } else {
        sources
    };
    let names_one = |source: &&Source| source.select.as_ref().is_some_and(|s| !s.is_pattern());
    if let Some(source) = sources.iter().find(names_one) {
        let source = visible(&source.to_string()).into_owned();
        let failure = Failure::message(
            Exit::Usage,
            format!("du sums up a whole store, and {source} names one ref"),
        );
        return Err(failure.hint("`cachelens ls SOURCE#REF` gives the sizes of one ref"));
    }
    let (scanned, mut failures) = open::scan_found(session, sources).await?;
    failures.extend(open::unread(&scanned));
    let shared = repositories::shared(&scanned);
    let sums: Vec<(&Scanned, InventoryTotals, Option<Totals>)> = scanned
        .iter()
        .zip(shared)
        .map(|(scanned, shared)| (scanned, scanned.inventory.totals(), shared))
        .collect();
    let output = session.output;
    let now = Timestamp::now();
    if output.json {
        let sources = sums
            .iter()
            .map(|(scanned, totals, shared)| SourceUsage {
                history: arguments
                    .history
                    .then(|| history::HistoryFields::new(scanned)),
                ..SourceUsage::new(scanned, totals, *shared)
            })
            .collect();
        output.document(&JsonDocument::new("du", Usage { sources }, &failures))?;
    } else if arguments.history {
        for skipped in sums.iter().flat_map(|(scanned, ..)| &scanned.past.skipped) {
            output.warn(&format!("a record is skipped: {skipped}"));
        }
        let blocks = sums.iter();
        let blocks = blocks.map(|(scanned, ..)| history::print(scanned, now, output.paper));
        output.text(&blocks.collect::<Vec<_>>().join("\n"))?;
    } else {
        let mut blocks: Vec<String> = sums
            .iter()
            .map(|(scanned, totals, shared)| block(scanned, totals, *shared, now, output.paper))
            .collect();
        let is_whole = |(scanned, ..): &(&Scanned, InventoryTotals, Option<Totals>)| {
            selected::Selected::new(scanned).is_none()
        };
        if sums.len() > 1 && sums.iter().all(is_whole) {
            let totals: Vec<&InventoryTotals> = sums.iter().map(|(_, totals, _)| totals).collect();
            blocks.push(all_sources(&totals));
        }
        output.text(&blocks.join("\n"))?;
    }
    Ok(open::conclude(session, sums.len(), &failures))
}

/// Sums several sources up. A blob that two of them store counts twice, as it takes space twice.
fn all_sources(totals: &[&InventoryTotals]) -> String {
    let sum = |of: fn(&InventoryTotals) -> u64| Size(totals.iter().map(|totals| of(totals)).sum());
    let is_known = totals.iter().all(|totals| totals.orphan.is_some());
    let orphan = sum(|totals| totals.orphan.map_or(0, |orphan| orphan.bytes));
    format!(
        "{} sources  {} stored, {} live, {}{orphan} orphan\n",
        totals.len(),
        sum(|totals| totals.stored().bytes),
        sum(|totals| totals.live.bytes),
        if is_known { "" } else { "at least " },
    )
}

fn block(
    scanned: &Scanned,
    totals: &InventoryTotals,
    shared: Option<Totals>,
    now: Timestamp,
    paper: Paper,
) -> String {
    if let Some(selected) = selected::Selected::new(scanned) {
        return selected.print(scanned, paper);
    }
    let refs = match scanned.inventory.refs.len() {
        1 => "1 ref".to_owned(),
        count => format!("{count} refs"),
    };
    let of_all = shared.filter(|shared| shared.count > 0).map(|shared| {
        let blobs = one_or(shared.count, "blob", "blobs");
        let size = Size(shared.bytes);
        format!("{} {blobs}, {size}, other repositories of the registry name, too: it stores them once\n", shared.count)
    });
    let quota = shared::SharedStoreFields::new(&scanned.inventory);
    let quota = quota.map_or_else(String::new, |quota| quota.print(now, paper));
    let unlisted = scanned
        .inventory
        .unlisted
        .map(|why| format!("orphans are not known: {why}\n"));
    let unseen = scanned
        .inventory
        .unseen
        .as_ref()
        .map(|why| format!("{why}\n"));
    let notes = [of_all, unlisted, unseen]
        .into_iter()
        .flatten()
        .collect::<String>();
    let bucket = scanned.inventory.surroundings.bucket();
    let bucket = bucket.map_or_else(String::new, |bucket| {
        bucket::print(&scanned.opened.label(), bucket, paper)
    });
    format!(
        "{}  {refs}\n{}{notes}{quota}{bucket}",
        scanned.opened.shown(),
        states(scanned, totals).render(paper)
    )
}

/// Builds the table of object states.
fn states(scanned: &Scanned, totals: &InventoryTotals) -> Table {
    let mut table = StateTable::new(totals.stored().bytes);
    let withheld = scanned.inventory.refs.iter().find_map(RefEntry::withheld);
    let withheld = withheld.map(ToString::to_string);
    table.row("live", totals.live, Style::Good, "reached from a ref");
    if let Some(orphan) = totals.orphan {
        table.row("orphan", orphan, Style::Plain, "reached from no ref");
    } else if let Some(why) = &withheld {
        table.unknown_row("orphan", why);
    }
    let why = "a ref that cannot be read may reach them";
    table.row_unless_empty("undetermined", totals.undetermined, Style::Bad, why);
    if totals.orphan.is_none() {
        let why = "previous indexes, which no build imports";
        table.row_unless_empty("superseded", totals.superseded, Style::Plain, why);
    }
    let why = "unfinished uploads";
    table.row_unless_empty("partial", totals.partial, Style::Plain, why);
    let why = "taken away by a prune; a later one empties it";
    table.row_unless_empty("trash", totals.trash, Style::Plain, why);
    let not_the_caches = if scanned.inventory.surroundings.quota().is_some() {
        "not the cache's own; only a rule for `entry` deletes it"
    } else {
        "not the cache's own; never deleted"
    };
    table.row_unless_empty("unknown", totals.unknown, Style::Plain, not_the_caches);
    table.row_without_share("total", totals.stored(), Style::Strong, "");
    if totals.missing.count > 0 {
        let why = "referenced but not stored: importing builds fail";
        table.row_without_share("missing", totals.missing, Style::Bad, why);
    } else if let Some(why) = &withheld {
        table.unknown_row("missing", why);
    } else if !scanned.inventory.knows_missing() {
        table.unknown_row("missing", "one request per blob: --verify-blobs asks");
    }
    table.table
}

/// The table of the objects by state.
struct StateTable {
    table: Table,
    stored_bytes: u64,
}

impl StateTable {
    fn new(stored_bytes: u64) -> Self {
        let table = Table::new([
            ("STATE", TableAlign::Left),
            ("OBJECTS", TableAlign::Right),
            ("SIZE", TableAlign::Right),
            ("SHARE", TableAlign::Right),
            ("", TableAlign::Left),
        ]);
        Self {
            table,
            stored_bytes,
        }
    }

    fn row(&mut self, state: &str, tally: Totals, style: Style, meaning: &str) {
        let share = if self.stored_bytes > 0 {
            let percent = tally.bytes as f64 * 100.0 / self.stored_bytes as f64;
            TableCell::new(format!("{percent:.0} %"))
        } else {
            TableCell::none()
        };
        self.add(state, Some(tally), style, share, meaning);
    }

    fn row_unless_empty(&mut self, state: &str, tally: Totals, style: Style, meaning: &str) {
        if tally.count > 0 {
            self.row(state, tally, style, meaning);
        }
    }

    fn row_without_share(&mut self, state: &str, tally: Totals, style: Style, meaning: &str) {
        self.add(state, Some(tally), style, TableCell::none(), meaning);
    }

    /// Adds a state that is not known, which is not the same as zero.
    fn unknown_row(&mut self, state: &str, why: &str) {
        self.add(state, None, Style::Plain, TableCell::none(), why);
    }

    fn add(
        &mut self,
        state: &str,
        tally: Option<Totals>,
        style: Style,
        share: TableCell,
        meaning: &str,
    ) {
        let number = |number: Option<String>| number.unwrap_or_else(|| "–".to_owned());
        self.table.row([
            TableCell::new(state).style(style),
            TableCell::new(number(tally.map(|tally| tally.count.to_string()))),
            TableCell::new(number(tally.map(|tally| Size(tally.bytes).to_string()))),
            share,
            TableCell::new(meaning).style(Style::Dim),
        ]);
    }
}
