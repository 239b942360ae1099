//! The records of a cache as steps, in an order that a person reads.
//!
//! A [`StepTree`] is a flat list of rows. Without evidence it shows what builds on what along the first input: a straight
//! chain stays on one level, and only a fork goes deeper. Where evidence names records ([`Labels`]), they stand by stage
//! and line, as in the Dockerfile, and the rest comes after them. Everything takes time and memory linear in the configuration
//! and bears with loops and with links that lead nowhere, however deep the records lie on each other.

use std::borrow::Cow;

use jiff::Timestamp;

use super::blobs::{Blob, BlobTable};
use super::cache::{RecordDetail, RecordKind, RefCache, ResultSizes};
use super::filter::{NumberField, Subject, TextField};
use crate::explain::evidence::RecordLabel;
use crate::explain::matching::Certainty;
use crate::format::cache_config::{LayerIndex, Record, RecordIndex};
use crate::format::digest::{Digest, DigestText};
use crate::format::text::visible;

mod arrange;
mod detail;
mod fold;

pub use detail::{Alternative, Listed, StepDetail, Users};

/// The names that evidence gives to the records of one configuration, by their places; empty without evidence.
pub type Labels = Vec<Option<RecordLabel>>;

/// A stage of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageRow {
    /// Its place, counted from 0.
    pub index: u32,
    /// What it is called.
    pub name: String,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKind {
    /// The header of a stage.
    Stage(StageRow),
    /// The header of the records that the evidence does not name, where it names others.
    Unnamed,
    /// A step, by its record.
    Step(RecordIndex),
    /// Another record of the step above: the same operation under a further key, or without its result.
    Twin(RecordIndex),
}

/// Where a row stands among the branches of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indent {
    /// How many levels it is indented.
    pub depth: u32,
    /// Whether it is the first of its branch; those that follow on the same level build on it in turn.
    pub begins: bool,
    /// For each level, whether another branch of the same fork comes later.
    goes_on: u64,
}

impl Indent {
    fn at(depth: u32) -> Self {
        Self { depth, ..Self::default() }
    }

    /// Tells whether a line passes this row at `level`, counted from 1, to a later branch of the same fork.
    pub fn goes_on(&self, level: u32) -> bool {
        // Nobody follows a line on level 64; those deeper are not drawn.
        level < u64::BITS && self.goes_on >> level & 1 == 1
    }

    /// Returns the place of what builds on it, with nothing beside.
    fn next(self) -> Self {
        Self { begins: false, ..self }
    }

    /// Returns the place of a branch, one level deeper.
    fn branch(self, is_last: bool) -> Self {
        let depth = self.depth.saturating_add(1);
        let line = if is_last { 0 } else { 1_u64.checked_shl(depth).unwrap_or_default() };
        Self { depth, begins: true, goes_on: self.goes_on | line }
    }
}

/// A row of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// What it shows.
    pub kind: RowKind,
    /// How far it is indented, and the lines that lead to it.
    pub indent: Indent,
    /// How many rows of twins follow directly; they are shown only when asked for.
    pub twins: u32,
    /// How many rows come after the twins that go when this one is folded.
    pub below: u32,
}

impl StepRow {
    /// Returns the record of a step or twin.
    pub fn record(&self) -> Option<RecordIndex> {
        match self.kind {
            RowKind::Step(record) | RowKind::Twin(record) => Some(record),
            RowKind::Stage(_) | RowKind::Unnamed => None,
        }
    }
}

/// The records of a configuration as rows, each record once: as a step, as a twin, or hidden.
#[derive(Debug, Clone, Default)]
pub struct StepTree {
    /// The rows, in their order.
    pub rows: Vec<StepRow>,
    /// The records that are no steps: keys for the content of files. The steps that use them name them as inputs.
    pub hidden: Vec<RecordIndex>,
    /// The names that the rows were arranged by.
    pub labels: Labels,
}

impl StepTree {
    /// Arranges the records of `cache`.
    pub fn new(cache: &RefCache, labels: Labels) -> Self {
        let folded = fold::fold(cache, &labels);
        let rows = arrange::rows(cache, &labels, &folded);
        let hidden = cache.graph.indexed_records().map(|(index, _)| index).filter(|index| folded.hidden[index.at()]);
        Self { rows, hidden: hidden.collect(), labels }
    }

    /// Returns the places of the rows that show, when the rows of `folded` hide what is below them and those of `opened`
    /// show their twins.
    pub fn visible(&self, folded: impl Fn(&RowKind) -> bool, opened: impl Fn(&RowKind) -> bool) -> Vec<usize> {
        let mut places = Vec::new();
        let mut place = 0;
        while let Some(row) = self.rows.get(place) {
            places.push(place);
            let (twins, below) = (row.twins as usize, row.below as usize);
            place += 1;
            if twins + below == 0 {
                continue;
            }
            if twins > 0 && opened(&row.kind) {
                places.extend(place..place + twins);
            }
            place += twins;
            if below > 0 && folded(&row.kind) {
                place += below;
            }
        }
        places
    }

    /// Returns what is known of the step at `record`.
    pub fn step<'a>(&'a self, cache: &'a RefCache, blobs: &'a BlobTable, record: RecordIndex) -> Option<Step<'a>> {
        Step::new(cache, blobs, label(&self.labels, record), record)
    }
}

fn label(labels: &[Option<RecordLabel>], record: RecordIndex) -> Option<&RecordLabel> {
    labels.get(record.at()).and_then(Option::as_ref)
}

/// Returns the label of a record that is a step of the builds behind it.
fn step_label(labels: &[Option<RecordLabel>], record: RecordIndex) -> Option<&RecordLabel> {
    label(labels, record).filter(|label| label.is_step)
}

/// A record with all that a row of it shows.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    cache: &'a RefCache,
    blobs: &'a BlobTable,
    /// What evidence calls it.
    pub label: Option<&'a RecordLabel>,
    /// Its place.
    pub index: RecordIndex,
    /// The record itself.
    pub record: &'a Record,
    /// Its state, kind, result and sizes.
    pub detail: &'a RecordDetail,
}

impl<'a> Step<'a> {
    fn new(
        cache: &'a RefCache,
        blobs: &'a BlobTable,
        label: Option<&'a RecordLabel>,
        index: RecordIndex,
    ) -> Option<Self> {
        let (record, detail) = cache.graph.record(index).zip(cache.records.get(index.at()))?;
        Some(Self { cache, blobs, label, index, record, detail })
    }

    /// Returns what it is called: the words of the Dockerfile, else its kind and how its key begins. It is fit to be shown.
    pub fn name(&self) -> Cow<'a, str> {
        match self.label {
            Some(label) => visible(&label.text),
            None => format!("{} · {}", self.detail.kind.word(), short(&self.record.digest)).into(),
        }
    }

    /// Returns the sizes of its result.
    pub fn sizes(&self) -> Option<ResultSizes> {
        self.detail.sizes
    }

    /// Returns the top layer of its result.
    pub fn layer(&self) -> Option<LayerIndex> {
        self.detail.result.as_ref().and_then(|result| self.cache.top_layer(result))
    }

    /// Returns the blob of its top layer.
    pub fn blob(&self) -> Option<Blob<'a>> {
        self.cache.layers.get(self.layer()?.at())?.blob.map(|blob| self.blobs.get(blob))
    }

    /// Returns how many other refs reach its top layer, where all refs of the store were read.
    pub fn other_refs(&self) -> Option<u32> {
        self.blob()?.other_refs()
    }

    /// Tells whether it is a source, such as a base image: it has a key and never a result.
    pub fn is_source(&self) -> bool {
        self.detail.kind == RecordKind::Root
    }

    /// Tells whether its name is that of a step which is only like it: the same operation on something else.
    pub fn is_guessed(&self) -> bool {
        self.label.is_some_and(|label| label.certainty < Certainty::Assumed)
    }
}

impl Subject for Step<'_> {
    fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            TextField::Name => Some(test(&self.name())),
            TextField::Step => self.label.map(|label| test(&label.text)),
            TextField::Kind => Some(test(self.detail.kind.word())),
            TextField::State => Some(test(self.detail.state.word())),
            TextField::Platform => self.cache.platform.as_deref().map(test),
            TextField::Ref => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let sizes = self.detail.sizes;
        match field {
            NumberField::Size => sizes.map(|sizes| sizes.layer_bytes),
            NumberField::Exclusive => sizes.and_then(|sizes| sizes.exclusive_bytes),
            NumberField::Layers => sizes.map(|sizes| u64::from(sizes.depth)),
            NumberField::Refs => self.other_refs().map(|others| u64::from(others) + 1),
            NumberField::Records => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.detail.created
    }

    fn digest(&self) -> Option<Digest> {
        self.record.digest.valid()
    }
}

/// Returns as much of a digest as people compare, fit to be shown.
pub fn short(digest: &DigestText) -> String {
    /// Digits of a digest; characters of a text that is none.
    const DIGITS: usize = 8;
    match digest {
        DigestText::Valid(digest) => digest.short(DIGITS),
        DigestText::Invalid(text) if text.is_empty() => "no digest".to_owned(),
        DigestText::Invalid(text) => format!("`{}`", visible(text).chars().take(DIGITS).collect::<String>()),
    }
}

#[cfg(test)]
mod tests;
