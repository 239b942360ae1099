//! The changes between two refs in JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::{CacheRecordDocument, InstructionLocation};
use crate::explain::diff::{
    ChangedStep, Difference, Fate, LayerDifference, RecordAt, StepDifference, StepPair,
};
use crate::format::digest::DigestText;
use crate::inventory::RefEntry;

/// One of two refs.
#[derive(Debug, Clone, Copy)]
pub struct ComparedRefRecords<'a> {
    /// The name of its source.
    pub source: &'a str,
    pub entry: &'a RefEntry,
    /// The records of all its configurations.
    pub records: &'a [CacheRecordDocument],
    /// The index of the first record of each configuration.
    pub begins: &'a [usize],
}

impl<'a> ComparedRefRecords<'a> {
    fn record(&self, at: RecordAt) -> &'a CacheRecordDocument {
        &self.records[self.begins[at.cache] + at.record.at()]
    }
}

/// The changes between two refs.
#[derive(Debug, Serialize)]
pub struct DiffDocument<'a> {
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

#[derive(Debug, Serialize)]
struct RefName<'a> {
    source: &'a str,
    name: &'a str,
    digest: String,
    created: Option<Timestamp>,
}

/// The name of a step.
#[derive(Debug, Serialize)]
struct StepNameDocument<'a> {
    digest: &'a str,
    name: Option<&'a str>,
    location: Option<&'a InstructionLocation>,
    kind: &'static str,
}

/// The data of a step in one ref; `index` and `layer` are those of `show`.
#[derive(Debug, Serialize)]
struct DiffStepDocument {
    index: usize,
    state: &'static str,
    layer: Option<usize>,
    bytes: Option<u64>,
    layer_bytes: Option<u64>,
    created: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct RecordEntry<'a> {
    #[serde(flatten)]
    step: StepNameDocument<'a>,
    #[serde(flatten)]
    held: DiffStepDocument,
}

#[derive(Debug, Serialize)]
struct PairEntry<'a> {
    #[serde(flatten)]
    step: StepNameDocument<'a>,
    before: DiffStepDocument,
    after: DiffStepDocument,
}

#[derive(Debug, Serialize)]
struct ChangeEntry<'a> {
    #[serde(flatten)]
    pair: PairEntry<'a>,
    what: &'static str,
}

#[derive(Debug, Serialize)]
struct LayerEntry {
    digest: String,
    bytes: Option<u64>,
}

/// A step that differs between two refs, as a row of a table.
#[derive(Debug, Serialize)]
pub struct ChangedStepDocument<'a> {
    change: &'static str,
    #[serde(flatten)]
    step: StepNameDocument<'a>,
    /// What differs in a changed step.
    what: Option<&'static str>,
    before: Option<DiffStepDocument>,
    after: Option<DiffStepDocument>,
}

impl<'a> ChangedStepDocument<'a> {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 8] = [
        "change", "digest", "name", "location", "kind", "what", "before", "after",
    ];

    /// Returns the document of a step, with its record in each ref; `None` if neither has one.
    pub fn new(
        step: ChangedStep,
        before: Option<&'a CacheRecordDocument>,
        after: Option<&'a CacheRecordDocument>,
    ) -> Option<Self> {
        let newest = after.or(before)?;
        Some(Self {
            change: step.fate.word(),
            step: StepNameDocument::new(newest, before.unwrap_or(newest)),
            what: match step.fate {
                Fate::Changed(what) => Some(what.word()),
                Fate::Removed | Fate::Lost | Fate::Gained | Fate::Added => None,
            },
            before: before.map(DiffStepDocument::new),
            after: after.map(DiffStepDocument::new),
        })
    }
}

impl<'a> DiffDocument<'a> {
    /// Returns the document of two refs.
    pub fn new(
        old: &ComparedRefRecords<'a>,
        new: &ComparedRefRecords<'a>,
        difference: &Difference,
        layers: &LayerDifference,
    ) -> Self {
        let pair =
            |pair: &StepPair| PairEntry::new(old.record(pair.before), new.record(pair.after));
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
                .map(|at| RecordEntry::new(new.record(*at)))
                .collect(),
            removed: difference
                .removed
                .iter()
                .map(|at| RecordEntry::new(old.record(*at)))
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
    fn new(side: &ComparedRefRecords<'a>) -> Self {
        let created = side.entry.created.map(|(time, _)| time);
        Self {
            source: side.source,
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
