//! `ls`: the refs of sources.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::json::Document;
use super::open::{self, Scanned};
use super::table::{Align, Cell, Paper, Style, Table};
use super::{Session, filter_argument};
use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::inventory::{RecordCounts, RefEntry};
use crate::units::{Age, Size};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The caches to list; SOURCE#REF lists one ref. Without any, those of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// List only refs that match, as in 'size>1G age>30d ref~^pr- !tagged'.
    #[arg(long, value_name = "FILTER", value_parser = filter_argument)]
    filter: Option<Filter>,
}

#[derive(Serialize)]
struct Listing<'a> {
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
    /// 0 for what the name stands for now; former contents count from 1 on, the newest first.
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    former_of: Option<&'a str>,
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
        // An image without an inline cache has no records, which is known; a config that cannot be read is not.
        let counts = entry.counts();
        let count = |of: fn(RecordCounts) -> u64| counts.map(of);
        let known = (!entry.is_unreadable()).then_some(&entry.sizes);
        let is_named = entry.sealed().is_none() && entry.facts().unread.is_none();
        let lacks = is_named.then_some(&entry.sizes);
        Self {
            name: &entry.name,
            aliases: &entry.aliases,
            tagged: entry.tagged,
            generation: entry.facts().generation,
            former_of: entry.facts().former_of.as_deref(),
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

pub(super) async fn run(session: &Session<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    let sources = open::sources(session, &arguments.sources)?;
    let (scanned, failures) = open::scan_found(session, sources).await?;
    let now = Timestamp::now();
    let shown = |entry: &RefEntry| arguments.filter.as_ref().is_none_or(|filter| filter.matches(entry, now));
    let listed: Vec<(&Scanned, Vec<&RefEntry>)> = scanned
        .iter()
        .map(|scanned| {
            (scanned, scanned.selected().into_iter().map(|(_, entry)| entry).filter(|entry| shown(entry)).collect())
        })
        .collect();
    let output = session.output;
    if output.json {
        let sources = listed.iter().map(|(scanned, refs)| SourceRefs {
            source: scanned.opened.label(),
            kind: scanned.opened.source.kind(),
            refs: refs.iter().map(|entry| Ref::new(entry)).collect(),
        });
        output.document(&Document::new("ls", Listing { sources: sources.collect() }, &failures))?;
    } else {
        let several = listed.len() > 1;
        let blocks: Vec<String> = listed
            .iter()
            .map(|(scanned, refs)| {
                let title = if several { format!("{}\n", scanned.opened.shown()) } else { String::new() };
                title + &block(scanned, refs, now, output.paper)
            })
            .collect();
        output.text(&blocks.join("\n"))?;
    }
    Ok(open::conclude(session, listed.len(), failures))
}

fn block(scanned: &Scanned, refs: &[&RefEntry], now: Timestamp, paper: Paper) -> String {
    if refs.is_empty() {
        return match scanned.inventory.refs.len() {
            0 => "no refs: nothing has been exported here yet\n".to_owned(),
            count => format!("none of the {count} refs matches\n"),
        };
    }
    let mut table = Table::new([
        ("REF", Align::Left),
        ("KIND", Align::Left),
        ("AGE", Align::Right),
        ("SIZE", Align::Right),
        ("ONLY HERE", Align::Right),
        ("LAYERS", Align::Right),
        ("RESULTS", Align::Right),
        ("KEYS ONLY", Align::Right),
        ("", Align::Left),
    ]);
    for entry in refs {
        let counts = entry.counts();
        // Of a ref that cannot be read, what is known is no sum of anything.
        let known = (!entry.is_unreadable()).then_some(&entry.sizes);
        table.row([
            Cell::new(&entry.name).style(Style::Strong),
            Cell::new(entry.kind.word()),
            Cell::maybe(entry.age().map(|(time, _)| Age::between(time, now))),
            Cell::maybe(known.map(|sizes| Size(sizes.bytes))),
            Cell::maybe(known.and_then(|sizes| sizes.exclusive_bytes).map(Size)),
            Cell::maybe(known.map(|_| entry.layers)),
            Cell::maybe(counts.map(|counts| counts.results)),
            Cell::maybe(counts.map(|counts| counts.key_only)),
            Cell::new(trouble(entry)).style(Style::Bad),
        ]);
    }
    table.render(paper)
}

/// Says in a few words what is wrong with a ref.
pub(super) fn trouble(entry: &RefEntry) -> String {
    let blobs = |count: u64, what: &str| match count {
        0 => String::new(),
        1 => format!("! 1 blob {what}"),
        count => format!("! {count} blobs {what}"),
    };
    let missing = blobs(entry.sizes.missing_blobs, "missing");
    let resized = blobs(entry.sizes.resized_blobs, "of the wrong size");
    let sign = if entry.sealed().is_some() { "?" } else { "!" };
    let fault = entry.faults.first().map(|fault| format!("{sign} {}", fault.kind)).unwrap_or_default();
    [missing, resized, fault].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}
