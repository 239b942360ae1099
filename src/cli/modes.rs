//! What an export with `mode=min` would keep of a cache that was exported with `mode=max`.

use serde::Serialize;

use super::open::Scanned;
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::explain::evidence::CacheEvidence;
use crate::format::cache_config::RecordIndex;
use crate::inventory::cache::RefCache;
use crate::inventory::labels::RecordLabel;
use crate::inventory::{RefEntry, RefKind};
use crate::text::escape::visible;
use crate::text::units::Size;

/// No more lost steps of a ref are named in text than these.
const NAMED: usize = 5;

/// The modes of a cache: its content, and the part that `min` would keep.
#[derive(Debug, Serialize)]
pub(super) struct ModeRow {
    /// The source, as commands take it; none where the document is about one ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    ref_name: Option<String>,
    platform: Option<String>,
    /// `max` or `min`; none without a result.
    mode: Option<&'static str>,
    /// The steps with a result that can be loaded.
    steps: u64,
    /// The bytes that they need, each blob once.
    bytes: u64,
    min: KeptByMode,
    /// The steps that would have no result, the largest first.
    lost_steps: Vec<LostStep>,
}

#[derive(Debug, Serialize)]
struct KeptByMode {
    steps: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct LostStep {
    /// The place of the record.
    index: u32,
    digest: String,
    name: Option<String>,
    bytes: Option<u64>,
    #[serde(skip)]
    shown: String,
}

/// Returns the modes of the selected caches of a source. A ref that cannot be read has findings of
/// its own.
pub(super) async fn of_source(scanned: &Scanned) -> Vec<ModeRow> {
    let mut rows = Vec::new();
    for (_, entry) in scanned.selected() {
        let mut evidence = CacheEvidence::default();
        for statement in scanned
            .opened
            .reader
            .abilities()
            .provenance(&entry.name)
            .await
        {
            // Provenance with `mode=min` has no steps.
            let _ = evidence.add(&statement);
        }
        let caches = RefCache::load(&*scanned.opened.reader, &scanned.inventory.blobs, entry).await;
        for row in of_caches(entry, &caches.unwrap_or_default(), &evidence) {
            rows.push(ModeRow {
                source: Some(scanned.opened.label()),
                ref_name: Some(entry.name.clone()),
                ..row
            });
        }
    }
    rows
}

/// Returns the modes of the caches of a ref; nothing for an image, whose inline cache has one mode.
pub(super) fn of_caches(
    entry: &RefEntry,
    caches: &[RefCache],
    evidence: &CacheEvidence,
) -> Vec<ModeRow> {
    if entry.kind != RefKind::Cache {
        return Vec::new();
    }
    let row = |cache| of_cache(cache, &evidence.labels(&cache.graph));
    caches.iter().map(row).collect()
}

fn of_cache(cache: &RefCache, labels: &[Option<RecordLabel>]) -> ModeRow {
    let modes = cache.modes();
    let is_step = |record: &RecordIndex| cache.is_step(*record);
    let count = |records: &[RecordIndex]| records.iter().filter(|record| is_step(record)).count();
    let lost = modes.lost().filter(is_step).map(|record| {
        let detail = &cache.records[record.at()];
        let digest = cache.graph.records[record.at()].digest.to_string();
        let name = labels.get(record.at()).and_then(Option::as_ref);
        let name = name.map(|label| label.text.clone());
        LostStep {
            index: record.0,
            shown: name
                .clone()
                .unwrap_or_else(|| format!("{} {}", detail.kind.word(), short(&digest))),
            digest,
            name,
            bytes: detail.sizes.map(|sizes| sizes.layer_bytes),
        }
    });
    let mut lost: Vec<LostStep> = lost.collect();
    lost.sort_by_key(|step| (std::cmp::Reverse(step.bytes), step.index));
    ModeRow {
        source: None,
        ref_name: None,
        platform: cache.platform.clone(),
        mode: modes.mode(),
        steps: count(&modes.results) as u64,
        bytes: modes.bytes,
        min: KeptByMode {
            steps: count(&modes.kept) as u64,
            bytes: modes.kept_bytes,
        },
        lost_steps: lost,
    }
}

fn short(digest: &str) -> String {
    let hex = digest.rsplit(':').next().unwrap_or_default();
    hex.chars().take(12).collect()
}

impl ModeRow {
    /// Says in a line which part `min` would keep; nothing where it would keep everything.
    pub(super) fn sentence(&self) -> Option<String> {
        let mode = self.mode.filter(|mode| *mode == "max")?;
        Some(format!(
            "mode {mode}: {} with a result, {}; an export with mode=min would keep {} of them, {}",
            steps(self.steps),
            Size(self.bytes),
            self.min.steps,
            Size(self.min.bytes)
        ))
    }
}

fn steps(count: u64) -> String {
    match count {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    }
}

/// Prints a line for each cache, and below it the steps that `min` would lose.
pub(super) fn print(rows: &[ModeRow], paper: Paper) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        ("REF", TableAlign::Left),
        ("MODE", TableAlign::Left),
        ("STEPS", TableAlign::Right),
        ("SIZE", TableAlign::Right),
        ("MIN STEPS", TableAlign::Right),
        ("MIN SIZE", TableAlign::Right),
    ]);
    for row in rows {
        table.row([
            TableCell::maybe(row.ref_name.clone()).style(Style::Strong),
            TableCell::new(row.mode.unwrap_or("no results")),
            TableCell::maybe(Some(row.steps)),
            TableCell::maybe(Some(Size(row.bytes))),
            TableCell::maybe(Some(row.min.steps)),
            TableCell::maybe(Some(Size(row.min.bytes))),
        ]);
    }
    let rendered = table.render(paper);
    let mut lines = rendered.lines();
    let mut text = format!("\n{}\n", lines.next().unwrap_or_default());
    for (line, row) in lines.zip(rows) {
        text.extend([line, "\n"]);
        for step in row.lost_steps.iter().take(NAMED) {
            let bytes = step.bytes.map(Size);
            let bytes = bytes.map_or_else(String::new, |bytes| format!(", {bytes}"));
            text += &format!("  min loses {}{bytes}\n", visible(&step.shown));
        }
        if let Some(more) = row.lost_steps.len().checked_sub(NAMED + 1) {
            text += &format!("  and {} more\n", more + 1);
        }
    }
    text
}
