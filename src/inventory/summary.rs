//! The part of a cache configuration that a scan keeps: enough to compute which results can be
//! loaded once everything is listed. The configuration itself is read again when a ref is opened,
//! because hundreds of them would not fit in memory.

use std::collections::HashSet;

use jiff::Timestamp;

use super::blobs::BlobTable;
use super::resolve::FoundCache;
use crate::format::cache_config::import::{self, ImportedResult, Refusal};
use crate::format::cache_config::{CacheGraph, Record, fix};
use crate::format::digest::{Digest, DigestText};

/// The number of records of a cache, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts {
    /// All of them.
    pub records: u64,
    /// Those with a loadable result.
    pub results: u64,
    /// Those with only a key.
    pub key_only: u64,
    /// Those of `key_only` that are not steps: sources, and the content of files. They take no
    /// space and never have a result.
    pub roots: u64,
    /// Those whose results name blobs that are not stored, or that BuildKit refuses.
    pub broken: u64,
}

impl RecordCounts {
    /// Returns the number of steps with a key and no result.
    pub fn key_only_steps(&self) -> u64 {
        self.key_only.saturating_sub(self.roots)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            results: self.results + other.results,
            key_only: self.key_only + other.key_only,
            roots: self.roots + other.roots,
            broken: self.broken + other.broken,
        }
    }
}

/// The steps of configurations, by state, and their layers. Records without inputs are no steps:
/// they are sources, and the content of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfigFigures {
    pub records: u64,
    /// Steps with a loadable result.
    pub results: u64,
    /// Steps whose results need blobs that are missing or have the wrong size.
    pub broken: u64,
    /// Steps without a result, neither ghosts nor dropped.
    pub key_only: u64,
    /// Steps without a result whose key another record has with a result: previous inputs of the
    /// same step, which each export after an import adds (`solver/exporter.go`).
    pub ghosts: u64,
    /// Steps that lose every result on import, because the manifest does not describe a layer.
    pub dropped: u64,
    /// Layers in the list.
    pub layers: u64,
    /// Layers whose blob is listed before.
    pub repeated: u64,
}

impl ConfigFigures {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            results: self.results + other.results,
            broken: self.broken + other.broken,
            key_only: self.key_only + other.key_only,
            ghosts: self.ghosts + other.ghosts,
            dropped: self.dropped + other.dropped,
            layers: self.layers + other.layers,
            repeated: self.repeated + other.repeated,
        }
    }

    /// Counts the parts that do not depend on stored blobs. `kept` has the results of each record
    /// that survive an import.
    fn of<R>(graph: &CacheGraph, kept: &[Vec<R>]) -> Self {
        let records = || graph.records.iter().zip(kept);
        let with_result: HashSet<&DigestText> = records()
            .filter(|(_, results)| !results.is_empty())
            .map(|(record, _)| &record.digest)
            .collect();
        let mut figures = Self {
            records: graph.records.len() as u64,
            layers: graph.layers.len() as u64,
            ..Self::default()
        };
        for (record, _) in
            records().filter(|(record, results)| is_step(record) && results.is_empty())
        {
            if !record.results.is_empty() {
                figures.dropped += 1;
            } else if with_result.contains(&record.digest) {
                figures.ghosts += 1;
            } else {
                figures.key_only += 1;
            }
        }
        let mut seen = HashSet::new();
        let repeated = graph
            .layers
            .iter()
            .filter(|layer| !seen.insert(&layer.blob));
        figures.repeated = repeated.count() as u64;
        figures
    }
}

fn is_step(record: &Record) -> bool {
    record.input_count() > 0
}

/// The skeleton of a configuration.
#[derive(Debug, Clone)]
pub(super) struct CacheSummary {
    pub is_inline: bool,
    pub newest: Option<Timestamp>,
    pub refusal: Option<Refusal>,
    records: u64,
    roots: u64,
    /// The blob and the parent of each layer that a result needs; no blob for a layer that no build
    /// can load.
    layers: Vec<(Option<Digest>, Option<u32>)>,
    /// The results of each record that has any; those of steps come first.
    results: Vec<Vec<ImportedResult>>,
    /// How many of `results` are those of steps.
    steps: usize,
    /// The figures that do not depend on stored blobs.
    figures: ConfigFigures,
    /// Whether compaction could make the configuration smaller.
    pub may_shrink: bool,
}

impl CacheSummary {
    pub(super) fn new(cache: &FoundCache<'_>, is_inline: bool) -> Self {
        let graph = &cache.graph;
        let described = cache.described();
        let imported = cache.undescribed.map_or_else(
            || import::simulate(graph, |digest| described.contains(digest)),
            Err,
        );
        let (refusal, kept) = match imported {
            Ok(kept) => (None, kept),
            Err(refusal) => (Some(refusal), Vec::new()),
        };
        let figures = match refusal {
            Some(_) => ConfigFigures::default(),
            None => ConfigFigures::of(graph, &kept),
        };
        let (mut results, mut others) = (Vec::new(), Vec::new());
        for (record, kept) in graph.records.iter().zip(kept) {
            let kept: Vec<_> = kept.into_iter().map(|(_, result)| result).collect();
            match kept.is_empty() {
                true => {}
                false if is_step(record) => results.push(kept),
                false => others.push(kept),
            }
        }
        let steps = results.len();
        results.append(&mut others);
        Self {
            is_inline,
            newest: graph.newest_result(),
            may_shrink: refusal.is_none() && fix::may_shrink(graph),
            refusal,
            records: graph.records.len() as u64,
            roots: graph
                .records
                .iter()
                .filter(|record| record.input_count() == 0 && record.results.is_empty())
                .count() as u64,
            layers: graph
                .layers
                .iter()
                .map(|layer| (cache.loadable(&layer.blob), layer.parent.layer()))
                .collect(),
            results,
            steps,
            figures,
        }
    }

    /// Counts the records by state, using `blobs` as the list of stored blobs.
    pub(super) fn counts(&self, blobs: &BlobTable) -> RecordCounts {
        if self.refusal.is_some() {
            return RecordCounts {
                records: self.records,
                broken: self.records,
                ..RecordCounts::default()
            };
        }
        let with_results = self.results.len() as u64;
        let results = self.loadable(&self.results, blobs);
        RecordCounts {
            records: self.records,
            results,
            key_only: self.records - with_results,
            roots: self.roots,
            broken: with_results - results,
        }
    }

    /// Counts the steps by state, using `blobs` as the list of stored blobs.
    pub(super) fn figures(&self, blobs: &BlobTable) -> ConfigFigures {
        let steps = &self.results[..self.steps];
        let results = self.loadable(steps, blobs);
        ConfigFigures {
            results,
            broken: steps.len() as u64 - results,
            ..self.figures
        }
    }

    /// Counts the records of which a result can be loaded.
    fn loadable(&self, records: &[Vec<ImportedResult>], blobs: &BlobTable) -> u64 {
        let stored = |digest: Option<Digest>| digest.is_some_and(|digest| is_sound(blobs, &digest));
        let complete = complete_chains(&self.layers, stored);
        let is_loadable = |result: &ImportedResult| match result {
            ImportedResult::Top(top) => complete[top.at()],
            ImportedResult::Chain(chain) => {
                chain.iter().all(|layer| stored(self.layers[layer.at()].0))
            }
        };
        let loadable = records
            .iter()
            .filter(|results| results.iter().any(is_loadable));
        loadable.count() as u64
    }
}

/// Returns whether a blob can be loaded: it is stored with the declared size, or fetched from
/// elsewhere.
pub(super) fn is_sound(blobs: &BlobTable, digest: &Digest) -> bool {
    blobs
        .find(digest)
        .map(|id| blobs.get(id))
        .is_some_and(|blob| blob.is_foreign() || (blob.is_stored() && !blob.is_resized()))
}

/// Returns, for each layer, whether it and all layers below it are present. A layer in a cycle is
/// not.
pub(super) fn complete_chains<B: Copy>(
    layers: &[(B, Option<u32>)],
    there: impl Fn(B) -> bool,
) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; layers.len()];
    let mut path = Vec::new();
    for first in 0..layers.len() {
        let mut place = first;
        let complete = loop {
            if let Some(complete) = known[place] {
                break complete;
            }
            // Stays set while the layer is on the path, which stops at a cycle.
            known[place] = Some(false);
            path.push(place);
            let (blob, parent) = layers[place];
            if !there(blob) {
                break false;
            }
            match parent {
                None => break true,
                Some(parent) => place = parent as usize,
            }
        };
        path.drain(..)
            .for_each(|place| known[place] = Some(complete));
    }
    known.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_complete_if_all_its_layers_are_stored() {
        let layers = [
            (1, None),
            (2, Some(0)),
            (3, Some(1)),
            (4, None),
            (5, Some(5)),
            (6, Some(4)),
        ];
        assert_eq!(
            complete_chains(&layers, |_| true),
            [true, true, true, true, false, false]
        );
        assert_eq!(
            complete_chains(&layers, |blob| blob != 2),
            [true, false, false, true, false, false]
        );
    }
}
