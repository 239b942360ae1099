//! The JSON document of `diff`.

use jiff::Timestamp;
use serde::Serialize;

use super::ComparedRef;
use crate::explain::diff::{Difference, LayerDifference, StepDifference, StepPair};
use crate::format::digest::DigestText;
use crate::report::documents::{CacheRecordDocument, InstructionLocation};

#[derive(Serialize)]
pub(super) struct Compared<'a> {
    before: RefName<'a>,
    after: RefName<'a>,
    added: Vec<RecordEntry<'a>>,
    removed: Vec<RecordEntry<'a>>,
    changed: Vec<ChangeEntry<'a>>,
    lost_results: Vec<PairEntry<'a>>,
    gained_results: Vec<PairEntry<'a>>,
    unchanged: usize,
    layers_added: Vec<LayerEntry>,
    layers_removed: Vec<LayerEntry>,
    bytes_before: u64,
    bytes_after: u64,
}

#[derive(Serialize)]
struct RefName<'a> {
    source: &'a str,
    name: &'a str,
    digest: String,
    created: Option<Timestamp>,
}

/// The name of a step.
#[derive(Serialize)]
struct StepNameDocument<'a> {
    digest: &'a str,
    name: Option<&'a str>,
    location: Option<&'a InstructionLocation>,
    kind: &'static str,
}

/// The data of a step in one ref; `index` and `layer` are those of `show`.
#[derive(Serialize)]
struct DiffStepDocument {
    index: usize,
    state: &'static str,
    layer: Option<usize>,
    bytes: Option<u64>,
    layer_bytes: Option<u64>,
    created: Option<Timestamp>,
}

#[derive(Serialize)]
struct RecordEntry<'a> {
    #[serde(flatten)]
    step: StepNameDocument<'a>,
    #[serde(flatten)]
    held: DiffStepDocument,
}

#[derive(Serialize)]
struct PairEntry<'a> {
    #[serde(flatten)]
    step: StepNameDocument<'a>,
    before: DiffStepDocument,
    after: DiffStepDocument,
}

#[derive(Serialize)]
struct ChangeEntry<'a> {
    #[serde(flatten)]
    pair: PairEntry<'a>,
    what: &'static str,
}

#[derive(Serialize)]
struct LayerEntry {
    digest: String,
    bytes: Option<u64>,
}

impl<'a> Compared<'a> {
    pub(super) fn new(
        old: &'a ComparedRef<'_>,
        new: &'a ComparedRef<'_>,
        difference: &Difference,
        layers: &LayerDifference,
    ) -> Self {
        let pair = |pair: &StepPair| PairEntry::new(old.row(pair.before), new.row(pair.after));
        let change = |changed: &StepDifference| ChangeEntry {
            pair: pair(&changed.records),
            what: changed.what.word(),
        };
        Self {
            before: RefName::new(old),
            after: RefName::new(new),
            added: difference
                .added
                .iter()
                .map(|at| RecordEntry::new(new.row(*at)))
                .collect(),
            removed: difference
                .removed
                .iter()
                .map(|at| RecordEntry::new(old.row(*at)))
                .collect(),
            changed: difference.changed.iter().map(change).collect(),
            lost_results: difference.lost_results.iter().map(pair).collect(),
            gained_results: difference.gained_results.iter().map(pair).collect(),
            unchanged: difference.same,
            layers_added: layers.added.iter().map(LayerEntry::new).collect(),
            layers_removed: layers.removed.iter().map(LayerEntry::new).collect(),
            bytes_before: old.entry.sizes.bytes,
            bytes_after: new.entry.sizes.bytes,
        }
    }
}

impl<'a> RefName<'a> {
    fn new(side: &'a ComparedRef<'_>) -> Self {
        let created = side.entry.created.map(|(time, _)| time);
        Self {
            source: &side.source,
            name: &side.entry.name,
            digest: side.entry.digest().to_string(),
            created,
        }
    }
}

impl<'a> StepNameDocument<'a> {
    /// Takes the name from the row that has one.
    fn new(row: &'a CacheRecordDocument, other: &'a CacheRecordDocument) -> Self {
        Self {
            digest: &row.digest,
            name: row.name.as_deref().or(other.name.as_deref()),
            location: row.location.as_ref().or(other.location.as_ref()),
            kind: row.kind,
        }
    }
}

impl DiffStepDocument {
    fn new(row: &CacheRecordDocument) -> Self {
        Self {
            index: row.index,
            state: row.state,
            layer: row.layer,
            bytes: row.bytes,
            layer_bytes: row.layer_bytes,
            created: row.created,
        }
    }
}

impl<'a> RecordEntry<'a> {
    fn new(row: &'a CacheRecordDocument) -> Self {
        Self {
            step: StepNameDocument::new(row, row),
            held: DiffStepDocument::new(row),
        }
    }
}

impl<'a> PairEntry<'a> {
    fn new(before: &'a CacheRecordDocument, after: &'a CacheRecordDocument) -> Self {
        Self {
            step: StepNameDocument::new(after, before),
            before: DiffStepDocument::new(before),
            after: DiffStepDocument::new(after),
        }
    }
}

impl LayerEntry {
    fn new((digest, bytes): &(DigestText, Option<u64>)) -> Self {
        Self {
            digest: digest.to_string(),
            bytes: *bytes,
        }
    }
}
