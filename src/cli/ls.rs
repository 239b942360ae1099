//! `ls`: the refs of sources.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::CliSession;
use super::json::JsonDocument;
use super::list::{self, Datum, ListColumn, ListFlags, ListFormat, Rows};
use super::open;
use super::table::Style;
use crate::error::{Exit, Failure};
use crate::inventory::RefEntry;
use crate::inventory::filter::Filter;
use crate::report::documents::RefDocument;
use crate::source::SourceText;
use crate::text::plural::none_matches;

#[derive(Debug, Args)]
pub(super) struct LsArguments {
    /// The caches to list; SOURCE#REF selects one ref.
    ///
    /// The default is the sources of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceText>,
    #[command(flatten)]
    list: ListFlags,
}

#[derive(Serialize)]
struct RefsDocument<'a> {
    sources: Vec<SourceRefs<'a>>,
}

#[derive(Serialize)]
struct SourceRefs<'a> {
    source: String,
    kind: &'static str,
    refs: Vec<RefDocument<'a>>,
}

/// Refs as a list.
struct RefList<'a> {
    refs: Vec<&'a RefEntry>,
    /// Whether deleting a ref frees what only it reaches.
    may_delete_blobs: bool,
}

impl RefList<'_> {
    fn at(&self, row: u32) -> &RefEntry {
        self.refs[row as usize]
    }
}

impl Rows for RefList<'_> {
    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::words("ref", "REF"),
        ListColumn::words("kind", "KIND"),
        ListColumn::numbers("age", "AGE"),
        ListColumn::numbers("size", "SIZE"),
        ListColumn::numbers("exclusive", "ONLY HERE"),
        ListColumn::numbers("layers", "LAYERS"),
        ListColumn::numbers("results", "RESULTS"),
        ListColumn::numbers("keys-only", "KEYS ONLY"),
        ListColumn::numbers("records", "RECORDS").on_request(),
        ListColumn::numbers("modified", "WRITTEN").on_request(),
        ListColumn::numbers("used", "LAST USED").on_request(),
        ListColumn::words("platform", "PLATFORM").on_request(),
        ListColumn::words("digest", "DIGEST").on_request(),
        ListColumn::words("state", "STATE").on_request(),
        ListColumn::words("trouble", ""),
    ];

    fn count(&self) -> u32 {
        u32::try_from(self.refs.len()).unwrap_or(u32::MAX)
    }

    fn datum(&self, row: u32, column: &'static str) -> Datum {
        let entry = self.at(row);
        let counts = entry.counts();
        // The sums of an unreadable ref are unknown.
        let known = (!entry.is_unreadable()).then_some(&entry.sizes);
        match column {
            "ref" => Datum::text(&entry.name),
            "kind" => Datum::text(entry.kind.word()),
            "age" => Datum::maybe(entry.age(), |(time, _)| Datum::Time(time)),
            "size" => Datum::maybe(known, |sizes| Datum::Bytes(sizes.bytes)),
            "exclusive" if !self.may_delete_blobs => Datum::None,
            "exclusive" => {
                Datum::maybe(known.and_then(|sizes| sizes.exclusive_bytes), Datum::Bytes)
            }
            "layers" => Datum::maybe(known, |_| Datum::Count(entry.layers.into())),
            "results" => Datum::maybe(counts, |counts| Datum::Count(counts.results)),
            "keys-only" => Datum::maybe(counts, |counts| Datum::Count(counts.key_only)),
            "records" => Datum::maybe(counts, |counts| Datum::Count(counts.records)),
            "modified" => Datum::maybe(entry.modified, Datum::Time),
            "used" => Datum::maybe(entry.facts().used, Datum::Time),
            "platform" => Datum::text(entry.platforms.join(", ")),
            "digest" if entry.withheld().is_none() => Datum::name(entry.digest().to_string()),
            "state" => Datum::text(entry.state()),
            "trouble" => Datum::text(trouble(entry)),
            _ => Datum::None,
        }
    }

    fn style(&self, _row: u32, column: &'static str) -> Style {
        match column {
            "ref" => Style::Strong,
            "trouble" => Style::Bad,
            _ => Style::Plain,
        }
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }
}

/// Returns the names of the columns.
pub(super) fn columns() -> Vec<&'static str> {
    list::names::<RefList<'_>>()
}

pub(super) async fn run(session: &CliSession<'_>, arguments: LsArguments) -> Result<Exit, Failure> {
    let listing = arguments.list.listing::<RefList<'_>>(Timestamp::now())?;
    let sources = open::sources_to_read(session, &arguments.sources)?;
    let (scanned, mut failures) = open::scan_found(session, sources).await?;
    failures.extend(open::unread(&scanned));
    let lists = listing.lists(&scanned, |scanned| {
        let refs = scanned.selected().into_iter().map(|(_, entry)| entry);
        RefList {
            refs: refs.collect(),
            may_delete_blobs: scanned.inventory.may_delete_blobs(),
        }
    });
    let output = session.output;
    match arguments.list.format(output.json) {
        ListFormat::Json => {
            let sources = lists.iter().map(|list| SourceRefs {
                source: list.scanned.opened.label(),
                kind: list.scanned.opened.source.kind().word(),
                refs: list
                    .shown
                    .iter()
                    .map(|row| RefDocument::new(list.rows.at(*row), &list.scanned.inventory))
                    .collect(),
            });
            let listing = RefsDocument {
                sources: sources.collect(),
            };
            output.document(&JsonDocument::new("ls", listing, &failures))?;
        }
        format => {
            listing.print(
                output,
                format,
                lists.len() + failures.len(),
                &lists,
                |list| match list.scanned.inventory.refs.len() {
                    0 => "no refs: nothing has been exported here yet\n".to_owned(),
                    count => none_matches(count, "ref"),
                },
            )?;
        }
    }
    Ok(open::conclude(session, lists.len(), &failures))
}

/// Returns a short description of the ref's faults.
pub(super) fn trouble(entry: &RefEntry) -> String {
    let blobs = |count: u64, what: &str| match count {
        0 => String::new(),
        1 => format!("! 1 blob {what}"),
        count => format!("! {count} blobs {what}"),
    };
    let missing = blobs(entry.sizes.missing_blobs, "missing");
    let resized = blobs(entry.sizes.resized_blobs, "of the wrong size");
    let sign = if entry.withheld().is_some() { "?" } else { "!" };
    let fault = entry
        .faults
        .first()
        .map(|fault| format!("{sign} {}", fault.kind))
        .unwrap_or_default();
    [missing, resized, fault]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("  ")
}
