//! `ls`: the refs of sources.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::CliSession;
use super::json::JsonDocument;
use super::list::{Datum, ListColumn, ListFlags, ListFormat, Rows};
use super::open;
use super::table::Style;
use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::inventory::{RecordCounts, RefEntry};
use crate::source::SourceText;

#[derive(Debug, Args)]
pub(super) struct Arguments {
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
    refs: Vec<Ref<'a>>,
}

/// A ref as `ls` and `show` print it.
#[derive(Serialize)]
pub(super) struct Ref<'a> {
    name: &'a str,
    aliases: &'a [String],
    tagged: bool,
    /// 0 for the current content of the name; previous contents count from 1, the newest first.
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_of: Option<&'a str>,
    digest: Option<String>,
    kind: &'static str,
    bytes: Option<u64>,
    exclusive_bytes: Option<u64>,
    layers: Option<u32>,
    records: Option<u64>,
    results: Option<u64>,
    key_only: Option<u64>,
    broken: Option<u64>,
    missing_blobs: Option<u64>,
    missing_bytes: Option<u64>,
    resized_blobs: Option<u64>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
    last_used: Option<Timestamp>,
    age_from: Option<&'static str>,
    platforms: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    faults: Vec<String>,
}

impl<'a> Ref<'a> {
    pub(super) fn new(entry: &'a RefEntry) -> Self {
        // An image without an inline cache is known to have no records; for an unreadable config,
        // the number is unknown.
        let counts = entry.counts();
        let count = |of: fn(RecordCounts) -> u64| counts.map(of);
        let known = (!entry.is_unreadable()).then_some(&entry.sizes);
        let is_named = entry.withheld().is_none() && entry.facts().unread.is_none();
        let lacks = is_named.then_some(&entry.sizes);
        Self {
            name: &entry.name,
            aliases: &entry.aliases,
            tagged: entry.tagged,
            generation: entry.facts().generation,
            previous_of: entry.facts().previous_of.as_deref(),
            digest: is_named.then(|| entry.digest().to_string()),
            kind: entry.kind.word(),
            bytes: known.map(|sizes| sizes.bytes),
            exclusive_bytes: known.and_then(|sizes| sizes.exclusive_bytes),
            layers: known.map(|_| entry.layers),
            records: count(|counts| counts.records),
            results: count(|counts| counts.results),
            key_only: count(|counts| counts.key_only),
            broken: count(|counts| counts.broken),
            missing_blobs: lacks.map(|sizes| sizes.missing_blobs),
            missing_bytes: lacks.map(|sizes| sizes.missing_bytes),
            resized_blobs: lacks.map(|sizes| sizes.resized_blobs),
            created: entry.created.map(|(time, _)| time),
            modified: entry.modified,
            last_used: entry.facts().used,
            age_from: entry.age().map(|(_, from)| from.word()),
            platforms: &entry.platforms,
            branch: entry.facts().branch.as_deref(),
            faults: entry.faults.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Refs as a list.
struct RefList<'a> {
    refs: Vec<&'a RefEntry>,
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

pub(super) async fn run(session: &CliSession<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    let listing = arguments.list.listing::<RefList<'_>>(Timestamp::now())?;
    let sources = open::sources_to_read(session, &arguments.sources)?;
    let (scanned, failures) = open::scan_found(session, sources).await?;
    let lists = listing.lists(&scanned, |scanned| {
        let refs = scanned.selected().into_iter().map(|(_, entry)| entry);
        RefList {
            refs: refs.collect(),
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
                    .map(|row| Ref::new(list.rows.at(*row)))
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
                    count => format!("none of the {count} refs matches\n"),
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
