//! The documents of a ref, and the layers that no build can load.

use std::collections::{HashMap, HashSet};

use super::RepairInput;
use crate::backend::OtherKind;
use crate::format::cache_config::LayerIndex;
use crate::format::cache_config::fix::FixedConfig;
use crate::format::cache_config::import::Refusal;
use crate::format::digest::Digest;
use crate::format::manifest::{Descriptor, ManifestDocument};
use crate::inventory::cache::RefCache;
use crate::inventory::{RefEntry, RefKind};
use crate::prune::records;
use crate::prune::rewrite::{DroppedResult, RewriteRefError};
use crate::source::StoreKind;

/// The documents of a ref.
pub(super) struct RefContent {
    pub cache: RefCache,
    pub config: String,
    /// None where the ref is its own configuration.
    pub manifest: Option<String>,
    /// The layers that the manifest lists.
    pub listed: Option<Vec<Descriptor>>,
}

impl RefContent {
    /// Reads a ref; none where it is not one cache.
    pub async fn read(
        checked: &RepairInput<'_>,
        entry: &RefEntry,
    ) -> Result<Option<Self>, RewriteRefError> {
        let (reader, inventory) = (checked.reader, checked.inventory);
        let digest = entry.digest().valid();
        let digest = match digest {
            Some(digest) if entry.kind == RefKind::Cache => digest,
            _ => return Err(RewriteRefError::NotACache),
        };
        let caches = RefCache::load(reader, &inventory.blobs, entry)
            .await
            .map_err(RewriteRefError::Unread)?;
        // An index of caches has a finding of its own.
        let Ok([cache]) = <[RefCache; 1]>::try_from(caches) else {
            return Ok(None);
        };
        if cache.refusal == Some(Refusal::OneOfSeveral) {
            return Ok(None);
        }
        let config = records::text(reader, cache.config).await?;
        let manifest = if cache.config == digest {
            None
        } else {
            Some(records::text(reader, digest).await?)
        };
        let listed = manifest.as_deref().map(listed_layers).transpose()?;
        Ok(Some(Self {
            cache,
            config,
            manifest,
            listed,
        }))
    }
}

/// Returns the layers in a manifest of either form.
fn listed_layers(manifest: &str) -> Result<Vec<Descriptor>, RewriteRefError> {
    match ManifestDocument::parse(manifest.as_bytes()) {
        Ok(ManifestDocument::Manifest { layers, .. }) => Ok(layers),
        Ok(ManifestDocument::Index { entries, .. }) => Ok(entries),
        Ok(ManifestDocument::Schema1 { .. } | ManifestDocument::Artifact { .. }) | Err(_) => {
            Err(RewriteRefError::NotACache)
        }
    }
}

/// Returns, for each layer of a configuration, whether no build can load it.
pub(super) fn lost_layers(
    checked: &RepairInput<'_>,
    cache: &RefCache,
    listed: Option<&[Descriptor]>,
    back: &HashSet<Digest>,
) -> Vec<bool> {
    let has_diff_id = |layer: &Descriptor| layer.diff_id().is_some_and(|id| id.valid().is_some());
    let described: Option<HashMap<Digest, bool>> = listed.map(|listed| {
        let layers = listed.iter();
        layers
            .filter_map(|layer| Some((layer.digest.valid()?, has_diff_id(layer))))
            .collect()
    });
    let links: HashSet<&str> = checked
        .inventory
        .unknown
        .iter()
        .filter(|object| object.kind == OtherKind::Symlink)
        .map(|object| object.name.as_str())
        .collect();
    let is_link = |digest: &Digest| {
        let name = format!("blobs/{}/{}", digest.algorithm(), digest.hex());
        checked.kind == StoreKind::Local && links.contains(name.as_str())
    };
    let lost = cache.graph.layers.iter().zip(&cache.layers);
    let lost = lost.map(|(layer, detail)| {
        let Some(digest) = layer.blob.valid() else {
            return true;
        };
        let is_described = match &described {
            Some(described) => described.get(&digest).copied().unwrap_or(false),
            None => Descriptor::of_layer(layer).is_some_and(|layer| !layer.media_type.is_empty()),
        };
        let is_there = detail.is_stored || back.contains(&digest) || is_link(&digest);
        !is_described || !is_there || checked.damaged.contains(&digest)
    });
    lost.collect()
}

pub(super) fn dropped_results(cache: &RefCache, fixed: &FixedConfig) -> Vec<DroppedResult> {
    let losers = fixed.losers.iter();
    losers
        .map(|index| DroppedResult::of(cache, *index, None))
        .collect()
}

/// Returns the number of distinct blobs of the lost layers.
pub(super) fn lost_blobs(lost: &[bool], cache: &RefCache) -> u64 {
    let blobs: HashSet<String> = (0..)
        .map(LayerIndex)
        .take(lost.len())
        .filter(|layer| lost[layer.at()])
        .map(|layer| cache.graph.layers[layer.at()].blob.to_string())
        .collect();
    blobs.len() as u64
}
