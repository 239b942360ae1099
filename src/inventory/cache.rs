//! One cache configuration in detail: the state of every record, and the sizes of its layers.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::blobs::{BlobId, BlobTable};
use super::resolve::{self, FoundCache};
use super::summary::{complete_chains, is_sound};
use super::{DocumentFault, RefEntry};
use crate::backend::CacheReader;
use crate::format::cache_config::import::{self, ImportedResult, Refusal};
use crate::format::cache_config::{CacheGraph, LayerIndex, Parent, Record, RecordIndex};
use crate::format::digest::{Digest, DigestText};

mod layer_sizes;
mod modes;

use layer_sizes::LayerSizes;
pub use modes::CacheModes;

/// The maximum number of entries that [`RefCache::layer_users`] lists in total.
const MOST_USERS: usize = 1_000_000;

/// A cache configuration of a ref, with the state of each record according to the store.
#[derive(Debug)]
pub struct RefCache {
    /// The blob of the configuration; for an inline cache, the image configuration.
    pub config: Digest,
    /// For an inline cache, the platform of its image.
    pub platform: Option<String>,
    /// The records, layers and links.
    pub graph: CacheGraph,
    /// Why BuildKit refuses it, if it does.
    pub refusal: Option<Refusal>,
    /// The details of each record, by its index in `graph`.
    pub records: Vec<RecordDetail>,
    /// The details of each layer, by its index in `graph`.
    pub layers: Vec<LayerDetail>,
}

/// The details of a record.
#[derive(Debug, Clone)]
pub struct RecordDetail {
    pub state: RecordState,
    /// The kind of its operation, as far as its links show.
    pub kind: RecordKind,
    /// The result that a build would load: the newest loadable one, else the newest.
    pub result: Option<ImportedResult>,
    /// The time at which that result was first saved.
    pub created: Option<Timestamp>,
    pub sizes: Option<ResultSizes>,
}

/// The sizes of a result, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResultSizes {
    /// Its top layer.
    pub layer_bytes: u64,
    /// Its whole chain, each blob counted once.
    pub bytes: u64,
    /// The blobs of its chain that no other record uses, in this ref or another; `None` if some
    /// refs of the store were not read.
    pub exclusive_bytes: Option<u64>,
    /// The number of layers in the chain.
    pub depth: u32,
}

/// The state of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// It has a loadable result.
    Result,
    /// It has a key, so later steps can match, and no result.
    KeyOnly,
    /// Its result needs blobs that are not stored, or BuildKit refuses the whole configuration.
    Broken,
}

impl RecordState {
    /// Returns the word that JSON, tables and filters use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::KeyOnly => "key-only",
            Self::Broken => "broken",
        }
    }
}

/// The kind of operation of a record, derived from its links alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A source, or the content of files: it has no inputs.
    Root,
    /// A `RUN`: its first input is used from `/`.
    Exec,
    /// A file operation with a second input, such as `COPY` and `ADD`.
    Copy,
    /// Another operation on files, such as `WORKDIR`.
    File,
}

impl RecordKind {
    /// Returns the word that replaces a name when the evidence gives none.
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "source",
            Self::Exec => "RUN",
            Self::Copy => "COPY",
            Self::File => "FILE",
        }
    }
}

/// The details of a layer.
#[derive(Debug, Clone)]
pub struct LayerDetail {
    /// Its blob, if the store's table contains it.
    pub blob: Option<BlobId>,
    pub media_type: String,
    /// Its uncompressed digest.
    pub diff_id: Option<DigestText>,
    /// Its creation time.
    pub created: Option<Timestamp>,
    /// Its size: the stored size, else the declared one.
    pub bytes: Option<u64>,
    /// Whether it is stored with the declared size.
    pub is_stored: bool,
}

/// Which layers of a configuration a build can load.
struct Chains {
    /// Whether a layer alone is stored as it should be.
    sound: Vec<bool>,
    /// Whether a layer and all layers below it are.
    complete: Vec<bool>,
}

impl Chains {
    fn new(found: &FoundCache<'_>, blobs: &BlobTable) -> Self {
        let layers = found.graph.layers.iter();
        let chains: Vec<(Option<Digest>, Option<u32>)> = layers
            .map(|layer| (found.loadable(&layer.blob), layer.parent.layer()))
            .collect();
        let is_stored =
            |digest: Option<Digest>| digest.is_some_and(|digest| is_sound(blobs, &digest));
        Self {
            complete: complete_chains(&chains, is_stored),
            sound: chains.iter().map(|(blob, _)| is_stored(*blob)).collect(),
        }
    }

    /// Returns whether a build can load all layers of a result.
    fn are_loadable(&self, result: &ImportedResult) -> bool {
        match result {
            ImportedResult::Top(top) => self.complete[top.at()],
            ImportedResult::Chain(chain) => chain.iter().all(|layer| self.sound[layer.at()]),
        }
    }
}

impl RefCache {
    /// Reads the cache configurations of a ref again: one, or one per platform for images.
    ///
    /// # Errors
    /// Returns the fault of the ref if none of its configurations can be read.
    pub async fn load(
        reader: &dyn CacheReader,
        blobs: &BlobTable,
        entry: &RefEntry,
    ) -> Result<Vec<Self>, Vec<DocumentFault>> {
        let mut caches = Vec::new();
        let resolved = resolve::resolve(reader, &entry.listed_ref, |found| {
            caches.push(Self::of_found(found, blobs));
        })
        .await;
        if caches.is_empty() && !resolved.faults.is_empty() {
            Err(resolved.faults)
        } else {
            Ok(caches)
        }
    }

    pub(super) fn of_found(found: FoundCache<'_>, blobs: &BlobTable) -> Self {
        let described = found.described();
        let layers = layer_details(&found, blobs);
        let chains = Chains::new(&found, blobs);
        let graph = found.graph;
        let imported = found.undescribed.map_or_else(
            || import::simulate(&graph, |digest| described.contains(digest)),
            Err,
        );
        let (refusal, kept) = match imported {
            Ok(kept) => (None, kept),
            Err(refusal) => (Some(refusal), vec![Vec::new(); graph.records.len()]),
        };
        let root_selector = DigestText::Valid(Digest::of(b"/"));
        let records = graph.records.iter().zip(kept).map(|(record, kept)| {
            let best = kept.into_iter().max_by_key(|(place, result)| {
                (chains.are_loadable(result), record.results[*place].created)
            });
            let state = match &best {
                _ if refusal.is_some() => RecordState::Broken,
                None => RecordState::KeyOnly,
                Some((_, result)) if chains.are_loadable(result) => RecordState::Result,
                Some(_) => RecordState::Broken,
            };
            let created = best
                .as_ref()
                .and_then(|(place, _)| record.results[*place].created);
            let result = best.map(|(_, result)| result);
            RecordDetail {
                state,
                kind: kind(&graph, record, &root_selector),
                result,
                created,
                sizes: None,
            }
        });
        let records = records.collect();
        let mut cache = Self {
            config: found.config,
            platform: found.platform,
            graph,
            refusal,
            records,
            layers,
        };
        cache.measure(blobs);
        cache
    }

    fn measure(&mut self, blobs: &BlobTable) {
        let results = self
            .records
            .iter()
            .filter_map(|record| record.result.as_ref());
        let is_own = |blob| blobs.get(blob).refs() <= 1;
        let is_own = blobs.knows_all_refs().then_some(is_own);
        let measured = LayerSizes::new(&self.graph, &self.layers, results, is_own);
        for record in &mut self.records {
            record.sizes = record.result.as_ref().map(|result| measured.of(result));
        }
    }

    /// Returns, for each layer, the records whose result uses it, in order; and whether the list
    /// was truncated, which happens only for configurations built to be large.
    pub fn layer_users(&self) -> (Vec<Vec<RecordIndex>>, bool) {
        let mut users = vec![Vec::new(); self.layers.len()];
        let mut listed = 0;
        for (index, record) in (0..).map(RecordIndex).zip(&self.records) {
            for layer in record.result.iter().flat_map(|result| self.chain(result)) {
                if listed == MOST_USERS {
                    return (users, true);
                }
                if users[layer.at()].last() != Some(&index) {
                    users[layer.at()].push(index);
                    listed += 1;
                }
            }
        }
        (users, false)
    }

    /// Returns the layers of a result, from the top down.
    pub fn chain<'a>(
        &'a self,
        result: &'a ImportedResult,
    ) -> Box<dyn Iterator<Item = LayerIndex> + 'a> {
        match result {
            ImportedResult::Chain(layers) => Box::new(layers.iter().rev().copied()),
            ImportedResult::Top(top) => {
                // An imported result has no cycle below it, but this code does not rely on that.
                let below = |layer: &LayerIndex| {
                    self.graph.layers[layer.at()].parent.layer().map(LayerIndex)
                };
                Box::new(std::iter::successors(Some(*top), below).take(self.layers.len()))
            }
        }
    }

    /// Returns the top layer of a result.
    pub fn top_layer(&self, result: &ImportedResult) -> Option<LayerIndex> {
        match result {
            ImportedResult::Top(top) => Some(*top),
            ImportedResult::Chain(layers) => layers.last().copied(),
        }
    }

    /// Returns the digests of the blobs that a record's result needs and that the store lacks or
    /// holds with the wrong size.
    pub fn missing_blobs(&self, blobs: &BlobTable, record: RecordIndex) -> Vec<DigestText> {
        let detail = self.records.get(record.at());
        let chain = detail
            .and_then(|detail| detail.result.as_ref())
            .into_iter()
            .flat_map(|result| self.chain(result));
        let digests = chain.map(|layer| &self.graph.layers[layer.at()].blob);
        let mut seen = HashSet::new();
        digests
            .filter(|digest| {
                digest
                    .valid()
                    .is_none_or(|digest| !is_sound(blobs, &digest))
                    && seen.insert(*digest)
            })
            .cloned()
            .collect()
    }
}

fn layer_details(found: &FoundCache<'_>, blobs: &BlobTable) -> Vec<LayerDetail> {
    let by_digest: HashMap<&DigestText, _> = found
        .layers
        .iter()
        .map(|layer| (&layer.digest, layer))
        .collect();
    let detail = |layer: &crate::format::cache_config::CacheLayer| {
        let descriptor = by_digest.get(&layer.blob);
        let annotations = layer.annotations.as_ref();
        let blob = layer.blob.valid().and_then(|digest| blobs.find(&digest));
        LayerDetail {
            blob,
            media_type: descriptor
                .map(|descriptor| descriptor.media_type.clone())
                .or_else(|| annotations.map(|annotations| annotations.media_type.clone()))
                .unwrap_or_default(),
            diff_id: descriptor
                .and_then(|descriptor| descriptor.diff_id())
                .or_else(|| annotations.and_then(|annotations| annotations.diff_id.clone())),
            created: descriptor
                .and_then(|descriptor| descriptor.created())
                .or_else(|| annotations.and_then(|annotations| annotations.created)),
            bytes: blob
                .and_then(|blob| blobs.get(blob).size())
                .or_else(|| descriptor.and_then(|descriptor| descriptor.size()))
                .or_else(|| annotations.and_then(|annotations| annotations.size)),
            is_stored: layer
                .blob
                .valid()
                .is_some_and(|digest| is_sound(blobs, &digest)),
        }
    };
    found.graph.layers.iter().map(detail).collect()
}

fn kind(graph: &CacheGraph, record: &Record, root_selector: &DigestText) -> RecordKind {
    let from_root = |links: &[crate::format::cache_config::Link]| {
        links
            .iter()
            .any(|link| link.selector.as_ref() == Some(root_selector))
    };
    match record.input_count() {
        0 => RecordKind::Root,
        _ if graph.input(record, 0).is_some_and(from_root) => RecordKind::Exec,
        1 => RecordKind::File,
        _ => RecordKind::Copy,
    }
}

/// Returns whether a layer has no parent.
fn is_bottom(graph: &CacheGraph, layer: LayerIndex) -> bool {
    graph.layers[layer.at()].parent == Parent::Bottom
}
