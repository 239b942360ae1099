//! The layers below a layer, as the refs that have it stack them.

use std::collections::HashSet;

use super::blobs::BlobTable;
use super::cache::RefCache;
use super::image::{self, ImageLayer};
use super::{Inventory, RefEntry};
use crate::backend::CacheReader;
use crate::format::cache_config::LayerIndex;
use crate::format::cache_config::import::ImportedResult;
use crate::format::digest::{Digest, DigestText};
use crate::source::StoreKind;

/// The most refs that are read to find the layers below a layer.
const MOST_REFS: usize = 16;
/// The most different stacks that are counted.
const MOST_STACKS: usize = 64;
/// The most stored bytes of the layers below that are read without a request, where reading is
/// cheap.
pub const MOST_AT_ONCE: u64 = 64 << 20;

/// The layers below a layer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayersBelow {
    /// The name of the ref that stacks them so.
    pub from: String,
    /// The layers from the nearest one down.
    pub layers: Vec<LayerBelow>,
    /// The number of other stacks below the layer, in this ref and the others that were read.
    pub others: usize,
    /// The number of refs that have the layer and were not read.
    pub unread: usize,
}

/// A layer below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerBelow {
    pub digest: DigestText,
    /// The step that created it, if its name is known.
    pub step: Option<String>,
}

/// Why the layers below a layer are unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoLayersBelow {
    /// No ref references the layer.
    #[error("changes unknown: no ref has it")]
    Orphan,
    /// The documents of the refs do not show it, or cannot be read.
    #[error("changes unknown: no ref that can be read shows the layers below")]
    NotShown,
}

impl LayersBelow {
    /// Stacks layers, which are given from the nearest one down.
    pub fn new(from: String, layers: impl IntoIterator<Item = DigestText>) -> Self {
        let layer = |digest| LayerBelow { digest, step: None };
        Self {
            from,
            layers: layers.into_iter().map(layer).collect(),
            others: 0,
            unread: 0,
        }
    }

    /// Adds the names of the steps.
    #[must_use]
    pub fn named(mut self, name: impl Fn(&Digest) -> Option<String>) -> Self {
        for layer in &mut self.layers {
            layer.step = layer.digest.valid().and_then(|digest| name(&digest));
        }
        self
    }

    /// Returns the digests of the layers.
    pub fn digests(&self) -> Vec<DigestText> {
        let layers = self.layers.iter();
        layers.map(|layer| layer.digest.clone()).collect()
    }

    /// Returns the stored bytes of the layers, which a comparison reads at most.
    pub fn stored_bytes(&self, blobs: &BlobTable) -> u64 {
        let sizes = self.layers.iter().filter_map(|layer| {
            let blob = blobs.find(&layer.digest.valid()?)?;
            Some(blobs.get(blob).stored_size())
        });
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns whether the layers are read without a request: reading is cheap, and they are few
    /// bytes.
    pub fn is_read_at_once(&self, store: StoreKind, blobs: &BlobTable) -> bool {
        store.is_cheap() && self.stored_bytes(blobs) <= MOST_AT_ONCE
    }
}

/// Finds the layers below `layer` in the ref `from`; without one, in the refs that have the layer.
/// The first ref that has it decides, and the others are compared.
///
/// # Errors
/// If no ref shows what is below.
pub async fn find(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    layer: Digest,
    from: Option<&RefEntry>,
) -> Result<LayersBelow, NoLayersBelow> {
    let blob = inventory.blobs.find(&layer);
    let having: Vec<&RefEntry> = match from {
        Some(from) => vec![from],
        None => {
            let refs = inventory.indexed_refs().map(|(_, entry)| entry);
            refs.filter(|entry| blob.is_some_and(|blob| entry.reaches(blob)))
                .collect()
        }
    };
    if having.is_empty() {
        return Err(NoLayersBelow::Orphan);
    }
    let mut first: Option<LayersBelow> = None;
    let mut seen = HashSet::new();
    for entry in having.iter().take(MOST_REFS) {
        let caches = RefCache::load(reader, &inventory.blobs, entry)
            .await
            .unwrap_or_default();
        let mut stacks = Vec::new();
        for cache in &caches {
            stacks.extend(in_cache(cache, &layer));
        }
        for image in image::layers(reader, entry).await {
            stacks.extend(in_image(&image, &layer));
        }
        for stack in stacks {
            if seen.len() < MOST_STACKS && seen.insert(stack.clone()) {
                first.get_or_insert_with(|| LayersBelow::new(entry.name.clone(), stack));
            }
        }
    }
    let mut found = first.ok_or(NoLayersBelow::NotShown)?;
    found.others = seen.len() - 1;
    found.unread = having.len().saturating_sub(MOST_REFS);
    Ok(found)
}

/// Returns the layers below the top layer of a result, from the nearest one down.
pub fn of_result(cache: &RefCache, result: &ImportedResult) -> Vec<DigestText> {
    let layers = cache.chain(result).skip(1);
    layers.map(|layer| digest(cache, layer)).collect()
}

/// Returns the stacks below a layer in the results of a configuration.
fn in_cache(cache: &RefCache, layer: &Digest) -> Vec<Vec<DigestText>> {
    let mut stacks: Vec<Vec<DigestText>> = Vec::new();
    let results = cache.records.iter();
    for result in results.filter_map(|record| record.result.as_ref()) {
        let chain: Vec<LayerIndex> = cache.chain(result).collect();
        let is_layer = |at: &LayerIndex| digest(cache, *at).valid().as_ref() == Some(layer);
        let Some(place) = chain.iter().position(is_layer) else {
            continue;
        };
        let below: Vec<DigestText> = chain[place + 1..]
            .iter()
            .map(|layer| digest(cache, *layer))
            .collect();
        if stacks.len() < MOST_STACKS && !stacks.contains(&below) {
            stacks.push(below);
        }
    }
    stacks
}

fn digest(cache: &RefCache, layer: LayerIndex) -> DigestText {
    cache.graph.layers[layer.at()].blob.clone()
}

/// Returns the layers below a layer of an image, from the nearest one down.
fn in_image(layers: &[ImageLayer], layer: &Digest) -> Option<Vec<DigestText>> {
    let digest = |layer: &ImageLayer| layer.descriptor.digest.clone();
    let is_layer = |of: &ImageLayer| digest(of).valid().as_ref() == Some(layer);
    let place = layers.iter().position(is_layer)?;
    Some(layers[..place].iter().rev().map(digest).collect())
}
