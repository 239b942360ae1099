//! A second look into the configurations of refs, for facts that a scan does not keep.

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{CheckOptions, CheckProgress};
use crate::backend::CacheReader;
use crate::explain::evidence::CacheEvidence;
use crate::format::cache_config::fix;
use crate::format::digest::DigestText;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::{ConfigFigures, Inventory, RefEntry, RefId};

/// The maximum number of broken steps to name.
const MOST_NAMES: usize = 3;
/// Configurations with fewer records need no shrinking.
const FEW_RECORDS: u64 = 16;

/// The facts about the configurations of a ref that findings need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefConfigFacts {
    /// The numbers of its steps and layers.
    pub figures: ConfigFigures,
    /// The names of the first broken steps. The text may come from files of a build.
    pub broken_names: Vec<String>,
    /// The result of compaction, if it makes the configuration smaller.
    pub compacted: Option<Compacted>,
}

/// The possible reduction of a configuration without losing a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Its current size in bytes.
    pub bytes_before: u64,
    /// Its size in bytes after compaction.
    pub bytes: u64,
    /// Its current number of records.
    pub records_before: u64,
    /// Its number of records after compaction.
    pub records: u64,
}

/// Looks into refs, several at once, in order; returns `None` if cancelled. An unreadable ref adds
/// nothing here, because the scan has reported it.
pub(super) async fn into(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    refs: &[RefId],
    options: &CheckOptions,
    observe: &mut (impl FnMut(CheckProgress) + Send),
) -> Option<Vec<(RefId, RefConfigFacts)>> {
    let entries: Vec<(RefId, &RefEntry)> = refs
        .iter()
        .filter_map(|id| Some((*id, inventory.get_ref(*id)?)))
        .filter(|(_, entry)| has_cache(entry))
        .collect();
    let all = entries.len();
    let looks: Vec<_> = entries
        .into_iter()
        .map(|(id, entry)| async move { (id, one(reader, inventory, entry).await) })
        .collect();
    let mut looking = stream::iter(looks).buffered(options.concurrency.max(1));
    let mut found = Vec::new();
    loop {
        let next = options.cancel.run_until_cancelled(looking.next()).await?;
        let Some((id, look)) = next else {
            return Some(found);
        };
        found.push((id, look));
        observe(CheckProgress::Refs {
            done: found.len(),
            all,
        });
    }
}

/// Returns whether the ref has a configuration to look into.
fn has_cache(entry: &RefEntry) -> bool {
    entry.withheld().is_none() && entry.counts().is_some_and(|counts| counts.records > 0)
}

async fn one(reader: &dyn CacheReader, inventory: &Inventory, entry: &RefEntry) -> RefConfigFacts {
    let mut look = RefConfigFacts {
        figures: entry.config_figures(&inventory.blobs),
        ..RefConfigFacts::default()
    };
    let shrinks = entry.may_shrink() && look.figures.records >= FEW_RECORDS;
    if !shrinks && look.figures.broken == 0 {
        return look;
    }
    // A scan keeps only figures, so the configuration is read again.
    let caches = RefCache::load(reader, &inventory.blobs, entry)
        .await
        .unwrap_or_default();
    if let [cache] = caches.as_slice()
        && shrinks
    {
        look.compacted = compacted(reader, cache).await;
    }
    if look.figures.broken > 0 {
        let mut evidence = CacheEvidence::default();
        for statement in reader.abilities().provenance(&entry.name).await {
            // Evidence that does not name steps is not a fault here; a build may have been
            // configured to record little.
            let _ = evidence.add(&statement);
        }
        look.broken_names = caches
            .iter()
            .flat_map(|cache| broken_names(cache, &evidence))
            .take(MOST_NAMES)
            .collect();
    }
    look
}

/// Returns the result of compaction; `None` if it makes the configuration no smaller.
async fn compacted(reader: &dyn CacheReader, cache: &RefCache) -> Option<Compacted> {
    let text = reader
        .read_document(cache.config, DOCUMENT_LIMIT)
        .await
        .ok()?;
    let text = String::from_utf8(text).ok()?;
    let bytes_before = text.len() as u64;
    let fixing = tokio::task::spawn_blocking(move || fix::fix(&text, |_| false, true));
    let fixed = fixing.await.ok()?.ok()?;
    let bytes = fixed.text.len() as u64;
    (bytes < bytes_before).then_some(Compacted {
        bytes_before,
        bytes,
        records_before: fixed.records.0 as u64,
        records: fixed.records.1 as u64,
    })
}

fn broken_names(cache: &RefCache, evidence: &CacheEvidence) -> Vec<String> {
    let labels = evidence.labels(&cache.graph);
    let records = cache.graph.records.iter().zip(&cache.records).zip(labels);
    let broken = records
        .filter(|((_, detail), _)| cache.refusal.is_none() && detail.state == RecordState::Broken);
    let name =
        |((record, detail), label): ((&crate::format::cache_config::Record, _), Option<_>)| {
            let detail: &crate::inventory::cache::RecordDetail = detail;
            let label: Option<crate::inventory::labels::RecordLabel> = label;
            label.map_or_else(
                || format!("{} {}", detail.kind.word(), short(&record.digest)),
                |label| label.text,
            )
        };
    broken.map(name).take(MOST_NAMES).collect()
}

fn short(digest: &DigestText) -> String {
    digest.valid().map_or_else(
        || digest.to_string().chars().take(12).collect(),
        |digest| digest.short(12),
    )
}
