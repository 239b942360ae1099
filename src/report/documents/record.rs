//! A record of a cache in JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::format::cache_config::{Link, RecordIndex};
use crate::format::digest::Digest;
use crate::inventory::Inventory;
use crate::inventory::cache::{RecordKind, RecordState, RefCache};
use crate::inventory::filter::{FilterSubject, FilterTextField, NumberField};
use crate::inventory::labels::{Certainty, RecordLabel};

/// A record.
#[derive(Debug, Serialize)]
pub struct CacheRecordDocument {
    pub index: usize,
    pub digest: String,
    pub name: Option<String>,
    pub location: Option<InstructionLocation>,
    pub stage: Option<String>,
    pub certainty: Option<&'static str>,
    pub kind: &'static str,
    pub inputs: Vec<Vec<CacheLinkDocument>>,
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
#[derive(Debug, Serialize)]
pub struct InstructionLocation {
    pub file: String,
    pub line: u32,
}

/// The indexes of a configuration's first record and layer, which continue across the
/// configurations of a ref.
#[derive(Debug, Clone, Copy, Default)]
pub struct FirstIndexes {
    pub record: usize,
    pub layer: usize,
}

/// A record that is an alternative for an input.
#[derive(Debug, Serialize)]
pub struct CacheLinkDocument {
    link: i64,
    selector: Option<String>,
}

impl CacheRecordDocument {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 15] = [
        "index",
        "digest",
        "name",
        "location",
        "stage",
        "certainty",
        "kind",
        "state",
        "platform",
        "layer",
        "layer_bytes",
        "bytes",
        "exclusive_bytes",
        "created",
        "inputs",
    ];

    /// Returns the document of a record; `None` if the configuration has no such record.
    pub fn new(
        cache: &RefCache,
        inventory: &Inventory,
        at: RecordIndex,
        label: Option<&RecordLabel>,
        first: FirstIndexes,
    ) -> Option<Self> {
        let record = cache.graph.record(at)?;
        let detail = cache.records.get(at.at())?;
        let result = detail.result.as_ref();
        let top = result.and_then(|result| cache.top_layer(result));
        let place = label.and_then(|label| label.places.first());
        let link = |link: &Link| CacheLinkDocument::new(link, first.record);
        let inputs = cache.graph.inputs(record);
        Some(Self {
            index: first.record + at.at(),
            digest: record.digest.to_string(),
            name: label.map(|label| label.text.clone()),
            location: place.map(|place| InstructionLocation {
                file: place.file.clone(),
                line: place.first_line,
            }),
            stage: place
                .and_then(|place| place.stage.as_ref())
                .map(ToString::to_string),
            certainty: label.map(|label| word(label.certainty)),
            kind: detail.kind.word(),
            inputs: inputs
                .map(|links| links.iter().map(link).collect())
                .collect(),
            state: detail.state.word(),
            layer: top.map(|top| first.layer + top.at()),
            bytes: detail.sizes.map(|sizes| sizes.bytes),
            layer_bytes: detail.sizes.map(|sizes| sizes.layer_bytes),
            exclusive_bytes: detail.sizes.and_then(|sizes| sizes.exclusive_bytes),
            created: detail.created,
            platform: cache.platform.clone().or_else(|| label?.platform.clone()),
            record_state: detail.state,
            is_root: detail.kind == RecordKind::Root,
            also_in: top
                .and_then(|top| cache.layers[top.at()].blob)
                .and_then(|blob| inventory.blobs.get(blob).other_refs()),
            key: record.digest.valid(),
        })
    }

    /// Returns the step's name, or a replacement.
    pub fn title(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("{} · {}", self.kind, self.short_key()))
    }

    /// Returns a part of the key that distinguishes it from others.
    pub fn short_key(&self) -> String {
        self.key.map_or_else(
            || self.digest.chars().take(12).collect(),
            |key| key.short(12),
        )
    }
}

impl CacheLinkDocument {
    fn new(link: &Link, first_record: usize) -> Self {
        let first = i64::try_from(first_record).unwrap_or_default();
        Self {
            link: link.target.saturating_add(first),
            selector: link.selector.as_ref().map(ToString::to_string),
        }
    }
}

impl FilterSubject for CacheRecordDocument {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.title())),
            FilterTextField::Step => self.name.as_deref().map(test),
            FilterTextField::Kind => Some(test(self.kind)),
            FilterTextField::State => Some(test(self.state)),
            FilterTextField::Platform => self.platform.as_deref().map(test),
            FilterTextField::Ref | FilterTextField::Path | FilterTextField::Change => None,
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

fn word(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::SameOperation => "same-operation",
        Certainty::SameSteps => "same-steps",
        Certainty::Assumed => "assumed",
        Certainty::Proved => "proved",
    }
}
