//! What the export modes of BuildKit keep of a cache.
//!
//! With `mode=min`, an export writes the results of the exported refs only: those on which no other
//! result rests (`solver/exporter.go`). Every other record keeps its key and loses its result. A
//! builder that imported the cache before also keeps what it loaded from it, which a configuration
//! does not say.

use std::collections::HashSet;

use super::{RecordKind, RecordState, RefCache};
use crate::format::cache_config::RecordIndex;
use crate::format::digest::Digest;

/// The results of a cache, and those that a `min` export would keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheModes {
    /// The records with a result that can be loaded, sources included, in their order.
    pub results: Vec<RecordIndex>,
    /// Those of them that a `min` export would keep.
    pub kept: Vec<RecordIndex>,
    /// The bytes of the blobs that the results need, each once.
    pub bytes: u64,
    /// The bytes of those that the kept results need.
    pub kept_bytes: u64,
}

impl CacheModes {
    /// Returns the mode that a cache with these results was written with: only `max` leaves a
    /// result below another. None without a result.
    pub fn mode(&self) -> Option<&'static str> {
        match (self.results.len(), self.kept.len()) {
            (0, _) => None,
            (all, kept) if all > kept => Some("max"),
            _ => Some("min"),
        }
    }

    /// Returns the records that a `min` export would leave without a result.
    pub fn lost(&self) -> impl Iterator<Item = RecordIndex> + '_ {
        let kept: HashSet<RecordIndex> = self.kept.iter().copied().collect();
        let results = self.results.iter().copied();
        results.filter(move |record| !kept.contains(record))
    }
}

impl RefCache {
    /// Returns what a `min` export would keep of the cache. One that BuildKit refuses has nothing.
    pub fn modes(&self) -> CacheModes {
        if self.refusal.is_some() {
            return CacheModes::default();
        }
        let records = (0..).map(RecordIndex).zip(&self.records);
        let results: Vec<RecordIndex> = records
            .filter(|(_, detail)| detail.state == RecordState::Result)
            .map(|(index, _)| index)
            .collect();
        let below = self.below(&results);
        let kept: Vec<RecordIndex> = results
            .iter()
            .copied()
            .filter(|record| !below[record.at()])
            .collect();
        CacheModes {
            bytes: self.bytes_of(&results),
            kept_bytes: self.bytes_of(&kept),
            results,
            kept,
        }
    }

    /// Returns for each record whether a result rests on it.
    fn below(&self, results: &[RecordIndex]) -> Vec<bool> {
        let mut below = vec![false; self.graph.records.len()];
        let mut open: Vec<RecordIndex> = results.to_vec();
        while let Some(record) = open.pop() {
            let Some(found) = self.graph.record(record) else {
                continue;
            };
            for link in self.graph.inputs(found).flatten() {
                let Some(target) = self.graph.target(link) else {
                    continue;
                };
                if !std::mem::replace(&mut below[target.at()], true) {
                    open.push(target);
                }
            }
        }
        below
    }

    /// Returns the bytes of the blobs that results need, each once.
    fn bytes_of(&self, records: &[RecordIndex]) -> u64 {
        let mut seen: HashSet<Digest> = HashSet::new();
        let results = records
            .iter()
            .filter_map(|record| self.records[record.at()].result.as_ref());
        let layers = results.flat_map(|result| self.chain(result));
        let sizes = layers.filter_map(|layer| {
            let digest = self.graph.layers[layer.at()].blob.valid()?;
            let bytes = self.layers[layer.at()].bytes?;
            seen.insert(digest).then_some(bytes)
        });
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns whether a record is a step, and no source.
    pub fn is_step(&self, record: RecordIndex) -> bool {
        let detail = self.records.get(record.at());
        detail.is_some_and(|detail| detail.kind != RecordKind::Root)
    }
}
