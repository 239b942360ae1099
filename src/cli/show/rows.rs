//! The rows of `show`, for JSON and for tables.

use jiff::Timestamp;
use serde::Serialize;

use crate::format::cache_config::RecordIndex;
use crate::inventory::Inventory;
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::image::ImageLayer;
use crate::inventory::labels::RecordLabel;
use crate::report::documents::{CacheRecordDocument, FirstIndexes};

/// Builds the documents of a configuration's records.
pub(in crate::cli) fn records(
    cache: &RefCache,
    inventory: &Inventory,
    labels: &[Option<RecordLabel>],
    first: FirstIndexes,
) -> Vec<CacheRecordDocument> {
    let labels = (0..).map(RecordIndex).zip(labels);
    labels
        .filter_map(|(at, label)| {
            CacheRecordDocument::new(cache, inventory, at, label.as_ref(), first)
        })
        .collect()
}

/// Sorts records for display: named ones by file and line, the others in the order of the
/// configuration.
pub(in crate::cli) fn reading_order(records: &[CacheRecordDocument]) -> Vec<&CacheRecordDocument> {
    let mut rows: Vec<&CacheRecordDocument> = records.iter().collect();
    rows.sort_by_key(|row| {
        let place = row
            .location
            .as_ref()
            .map(|location| (location.file.as_str(), location.line));
        (
            place.is_none(),
            place,
            row.record_state != RecordState::Result,
            row.index,
        )
    });
    rows
}

/// A layer.
#[derive(Serialize)]
pub(in crate::cli) struct LayerRow {
    pub index: usize,
    pub digest: String,
    pub parent: Option<usize>,
    pub media_type: Option<String>,
    pub diff_id: Option<String>,
    pub bytes: Option<u64>,
    /// `None` if the store does not list its blobs, and was not asked for each.
    pub stored: Option<bool>,
    pub created: Option<Timestamp>,
    pub used_by: Vec<usize>,
}

impl LayerRow {
    /// Returns the end of the media type, which shows the compression.
    pub(in crate::cli) fn short_type(&self) -> &str {
        let media_type = self.media_type.as_deref().unwrap_or("unknown");
        media_type.rsplit("layer.v1.").next().unwrap_or(media_type)
    }
}

/// Builds the rows of a configuration's layers; `users` comes from [`RefCache::layer_users`].
pub(in crate::cli) fn layers(
    cache: &RefCache,
    inventory: &Inventory,
    users: &[Vec<RecordIndex>],
    first: FirstIndexes,
) -> Vec<LayerRow> {
    let details = cache.graph.layers.iter().zip(&cache.layers).zip(users);
    details
        .enumerate()
        .map(|(index, ((layer, detail), users))| LayerRow {
            index: first.layer + index,
            digest: layer.blob.to_string(),
            parent: layer
                .parent
                .layer()
                .map(|parent| first.layer + parent as usize),
            media_type: (!detail.media_type.is_empty()).then(|| detail.media_type.clone()),
            diff_id: detail.diff_id.as_ref().map(ToString::to_string),
            bytes: detail.bytes,
            stored: known_stored(inventory, detail.is_stored),
            created: detail.created,
            used_by: users.iter().map(|user| first.record + user.at()).collect(),
        })
        .collect()
}

/// A store that does not list its blobs counts each as stored until it was asked for it.
fn known_stored(inventory: &Inventory, is_stored: bool) -> Option<bool> {
    (!is_stored || inventory.knows_missing()).then_some(is_stored)
}

/// Builds the rows of the layers of images, each from the bottom up; indexes continue across the
/// images of several platforms.
pub(in crate::cli) fn image_layers(
    inventory: &Inventory,
    images: &[Vec<ImageLayer>],
) -> Vec<LayerRow> {
    let mut rows = Vec::new();
    for layers in images {
        let first = rows.len();
        for ImageLayer {
            descriptor,
            diff_id,
        } in layers
        {
            let index = rows.len();
            let digest = descriptor.digest.valid();
            let blob = digest
                .and_then(|digest| inventory.blobs.find(&digest))
                .map(|id| inventory.blobs.get(id));
            rows.push(LayerRow {
                index,
                digest: descriptor.digest.to_string(),
                parent: (index > first).then(|| index - 1),
                media_type: (!descriptor.media_type.is_empty())
                    .then(|| descriptor.media_type.clone()),
                diff_id: diff_id.as_ref().map(ToString::to_string),
                bytes: blob.and_then(|blob| blob.size()).or(descriptor.size()),
                stored: known_stored(inventory, blob.is_some_and(|blob| blob.is_stored())),
                created: descriptor.created(),
                used_by: Vec::new(),
            });
        }
    }
    rows
}
