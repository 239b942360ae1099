//! A second look into the configurations of refs, for what a scan does not keep of them.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::{CheckOptions, Progress};
use crate::backend::CacheReader;
use crate::explain::evidence::Evidence;
use crate::format::digest::DigestText;
use crate::inventory::cache::{RecordKind, RecordState, RefCache};
use crate::inventory::{Inventory, RefEntry, RefId};

/// So many steps are named that cannot be loaded.
const MOST_NAMES: usize = 3;

/// What the configurations of a ref hold, as far as findings go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// All records.
    pub records: u64,
    /// Steps that carry a key and no result; neither sources nor ghosts are among them.
    pub key_only: u64,
    /// Steps whose result can be loaded.
    pub results: u64,
    /// Records without a result whose key another record has, with one: former inputs of the same step, which each export
    /// that follows an import adds (`solver/exporter.go`).
    pub ghosts: u64,
    /// Records of which an import drops every result, for the manifest does not describe a layer.
    pub dropped: u64,
    /// Layers as they are listed.
    pub layers: u64,
    /// Those whose blob was listed before.
    pub repeated: u64,
    /// Steps whose result names blobs that are not stored soundly.
    pub broken: u64,
    /// What the first of those are called. The words may come from a build's files.
    pub broken_names: Vec<String>,
}

/// Looks into refs, several at once, in their order; none when somebody cancelled it. A ref that cannot be read tells
/// nothing here: the scan has told why.
pub(super) async fn into(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    refs: &[RefId],
    options: &CheckOptions,
    observe: &mut (impl FnMut(Progress) + Send),
) -> Option<Vec<(RefId, Look)>> {
    let entries: Vec<(RefId, &RefEntry)> = refs
        .iter()
        .filter_map(|id| Some((*id, inventory.get_ref(*id)?)))
        .filter(|(_, entry)| has_cache(entry))
        .collect();
    let all = entries.len();
    let looks: Vec<_> =
        entries.into_iter().map(|(id, entry)| async move { (id, one(reader, inventory, entry).await) }).collect();
    let mut looking = stream::iter(looks).buffered(options.concurrency.max(1));
    let mut found = Vec::new();
    loop {
        let next = options.cancel.run_until_cancelled(looking.next()).await?;
        let Some((id, look)) = next else { return Some(found) };
        found.push((id, look));
        observe(Progress::Refs { done: found.len(), all });
    }
}

/// Tells whether there is a configuration to look into.
fn has_cache(entry: &RefEntry) -> bool {
    entry.sealed().is_none() && entry.counts().is_some_and(|counts| counts.records > 0)
}

async fn one(reader: &dyn CacheReader, inventory: &Inventory, entry: &RefEntry) -> Look {
    let caches = RefCache::load(reader, &inventory.blobs, entry).await.unwrap_or_default();
    let mut look = Look::default();
    for cache in &caches {
        look.add(cache);
    }
    if look.broken > 0 {
        let mut evidence = Evidence::default();
        for statement in reader.provenance(&entry.name).await {
            // What does not name steps is nobody's fault here; a build may have been told to say little.
            let _ = evidence.add(&statement);
        }
        look.broken_names = caches.iter().flat_map(|cache| broken_names(cache, &evidence)).take(MOST_NAMES).collect();
    }
    look
}

impl Look {
    /// Counts what is in a configuration. One that BuildKit refuses counts for nothing.
    fn add(&mut self, cache: &RefCache) {
        if cache.refusal.is_some() {
            return;
        }
        let records = || cache.graph.records.iter().zip(&cache.records);
        let with_result: HashSet<&DigestText> = records()
            .filter(|(_, detail)| detail.state != RecordState::KeyOnly)
            .map(|(record, _)| &record.digest)
            .collect();
        self.records += cache.records.len() as u64;
        for (record, detail) in records().filter(|(_, detail)| detail.kind != RecordKind::Root) {
            match detail.state {
                RecordState::Result => self.results += 1,
                RecordState::Broken => self.broken += 1,
                RecordState::KeyOnly if !record.results.is_empty() => self.dropped += 1,
                RecordState::KeyOnly if with_result.contains(&record.digest) => self.ghosts += 1,
                RecordState::KeyOnly => self.key_only += 1,
            }
        }
        let mut seen = HashSet::new();
        self.layers += cache.graph.layers.len() as u64;
        self.repeated += cache.graph.layers.iter().filter(|layer| !seen.insert(&layer.blob)).count() as u64;
    }
}

fn broken_names(cache: &RefCache, evidence: &Evidence) -> Vec<String> {
    let labels = evidence.labels(&cache.graph);
    let records = cache.graph.records.iter().zip(&cache.records).zip(labels);
    let broken = records.filter(|((_, detail), _)| cache.refusal.is_none() && detail.state == RecordState::Broken);
    let name = |((record, detail), label): ((&crate::format::cache_config::Record, _), Option<_>)| {
        let detail: &crate::inventory::cache::RecordDetail = detail;
        let label: Option<crate::explain::evidence::RecordLabel> = label;
        label.map_or_else(|| format!("{} {}", detail.kind.word(), short(&record.digest)), |label| label.text)
    };
    broken.map(name).take(MOST_NAMES).collect()
}

fn short(digest: &DigestText) -> String {
    digest.valid().map_or_else(|| digest.to_string().chars().take(12).collect(), |digest| digest.short(12))
}
