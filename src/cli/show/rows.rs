//! The rows of `show`, for JSON and for tables.

use jiff::Timestamp;
use serde::Serialize;

use crate::format::cache_config::RecordIndex;
use crate::format::digest::Digest;
use crate::inventory::Inventory;
use crate::inventory::cache::{RecordKind, RecordState, RefCache};
use crate::inventory::filter::{FilterSubject, FilterTextField, NumberField};
use crate::inventory::image::ImageLayer;
use crate::inventory::labels::Certainty;
use crate::inventory::labels::RecordLabel;

/// A record.
#[derive(Serialize)]
pub(in crate::cli) struct RecordRow {
    pub index: usize,
    pub digest: String,
    pub name: Option<String>,
    pub location: Option<InstructionLocation>,
    pub stage: Option<String>,
    pub certainty: Option<&'static str>,
    pub kind: &'static str,
    pub inputs: Vec<Vec<LinkRow>>,
    pub state: &'static str,
    pub layer: Option<usize>,
    pub bytes: Option<u64>,
    pub layer_bytes: Option<u64>,
    pub exclusive_bytes: Option<u64>,
    pub created: Option<Timestamp>,
    pub platform: Option<String>,
    #[serde(skip)]
    pub record_state: RecordState,
    #[serde(skip)]
    pub is_root: bool,
    #[serde(skip)]
    pub also_in: Option<u32>,
    #[serde(skip)]
    key: Option<Digest>,
}

/// The location of the instruction behind a record.
#[derive(Serialize)]
pub(in crate::cli) struct InstructionLocation {
    pub file: String,
    pub line: u32,
}

/// A record that is an alternative for an input.
#[derive(Serialize)]
pub(in crate::cli) struct LinkRow {
    link: i64,
    selector: Option<String>,
}

impl RecordRow {
    /// Returns the step's name, or a replacement.
    pub(in crate::cli) fn title(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("{} · {}", self.kind, self.short_key()))
    }

    /// Returns a part of the key that distinguishes it from others.
    pub(in crate::cli) fn short_key(&self) -> String {
        self.key.map_or_else(
            || self.digest.chars().take(12).collect(),
            |key| key.short(12),
        )
    }
}

impl FilterSubject for RecordRow {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.title())),
            FilterTextField::Step => self.name.as_deref().map(test),
            FilterTextField::Kind => Some(test(self.kind)),
            FilterTextField::State => Some(test(self.state)),
            FilterTextField::Platform => self.platform.as_deref().map(test),
            FilterTextField::Ref | FilterTextField::Path => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Size => self.layer_bytes,
            NumberField::Exclusive => self.exclusive_bytes,
            NumberField::Refs => self.also_in.map(|others| u64::from(others) + 1),
            NumberField::Layers | NumberField::Records => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.created
    }

    fn digest(&self) -> Option<Digest> {
        self.key
    }
}

/// Builds the rows of a configuration's records; indexes start at `first_record` and `first_layer`.
pub(in crate::cli) fn records(
    cache: &RefCache,
    inventory: &Inventory,
    labels: &[Option<RecordLabel>],
    first_record: usize,
    first_layer: usize,
) -> Vec<RecordRow> {
    let link_row = |link: &crate::format::cache_config::Link| LinkRow {
        link: link
            .target
            .saturating_add(i64::try_from(first_record).unwrap_or_default()),
        selector: link.selector.as_ref().map(ToString::to_string),
    };
    let details = cache.graph.records.iter().zip(&cache.records).zip(labels);
    details
        .enumerate()
        .map(|(index, ((record, detail), label))| {
            let top = detail
                .result
                .as_ref()
                .and_then(|result| cache.top_layer(result));
            let place = label.as_ref().and_then(|label| label.places.first());
            RecordRow {
                index: first_record + index,
                digest: record.digest.to_string(),
                name: label.as_ref().map(|label| label.text.clone()),
                location: place.map(|place| InstructionLocation {
                    file: place.file.clone(),
                    line: place.first_line,
                }),
                stage: place
                    .and_then(|place| place.stage.as_ref())
                    .map(ToString::to_string),
                certainty: label.as_ref().map(|label| word(label.certainty)),
                kind: detail.kind.word(),
                inputs: cache
                    .graph
                    .inputs(record)
                    .map(|links| links.iter().map(link_row).collect())
                    .collect(),
                state: detail.state.word(),
                layer: top.map(|top| first_layer + top.at()),
                bytes: detail.sizes.map(|sizes| sizes.bytes),
                layer_bytes: detail.sizes.map(|sizes| sizes.layer_bytes),
                exclusive_bytes: detail.sizes.and_then(|sizes| sizes.exclusive_bytes),
                created: detail.created,
                platform: cache
                    .platform
                    .clone()
                    .or_else(|| label.as_ref()?.platform.clone()),
                record_state: detail.state,
                is_root: detail.kind == RecordKind::Root,
                also_in: top
                    .and_then(|top| cache.layers[top.at()].blob)
                    .and_then(|blob| inventory.blobs.get(blob).other_refs()),
                key: record.digest.valid(),
            }
        })
        .collect()
}

/// Sorts records for display: named ones by file and line, the others in the order of the
/// configuration.
pub(in crate::cli) fn reading_order(records: &[RecordRow]) -> Vec<&RecordRow> {
    let mut rows: Vec<&RecordRow> = records.iter().collect();
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

fn word(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::SameOperation => "same-operation",
        Certainty::SameSteps => "same-steps",
        Certainty::Assumed => "assumed",
        Certainty::Proved => "proved",
    }
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
    (first_record, first_layer): (usize, usize),
) -> Vec<LayerRow> {
    let details = cache.graph.layers.iter().zip(&cache.layers).zip(users);
    details
        .enumerate()
        .map(|(index, ((layer, detail), users))| LayerRow {
            index: first_layer + index,
            digest: layer.blob.to_string(),
            parent: layer
                .parent
                .layer()
                .map(|parent| first_layer + parent as usize),
            media_type: (!detail.media_type.is_empty()).then(|| detail.media_type.clone()),
            diff_id: detail.diff_id.as_ref().map(ToString::to_string),
            bytes: detail.bytes,
            stored: known_stored(inventory, detail.is_stored),
            created: detail.created,
            used_by: users.iter().map(|user| first_record + user.at()).collect(),
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
