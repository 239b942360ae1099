//! The records of a cache as steps, in a readable order.
//!
//! A [`StepTree`] is a flat list of rows. Without evidence it follows the first input of each
//! record: a straight chain stays on one level, and only a fork is indented. If evidence names
//! records ([`Labels`]), these are ordered by stage and line, as in the Dockerfile, and the other
//! records follow. Time and memory are linear in the configuration. Loops, dangling links and any
//! depth are accepted.

use std::borrow::Cow;

use jiff::Timestamp;

use super::blobs::{Blob, BlobTable};
use super::cache::{RecordDetail, RecordKind, RefCache, ResultSizes};
use super::filter::{FilterSubject, FilterTextField, NumberField};
use super::labels::{Certainty, Labels, RecordLabel};
use crate::format::cache_config::{LayerIndex, Record, RecordIndex};
use crate::format::digest::{Digest, DigestText};
use crate::text::escape::visible;

mod arrange;
mod detail;
mod fold;

pub use detail::{Alternative, ListStart, StepDetail, StepUsers};

/// A stage of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageRow {
    /// Its number, counted from 0.
    pub index: u32,
    pub name: String,
}

/// The content of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKind {
    /// The header of a stage.
    Stage(StageRow),
    /// The header of the records without a name from the evidence, if other records have one.
    Unnamed,
    Step(RecordIndex),
    /// Another record of the step above: the same operation with another key, or without its
    /// result.
    Twin(RecordIndex),
}

/// The position of a row among the branches of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indent {
    /// The indentation level.
    pub depth: u32,
    /// Whether it is the first row of its branch; each later row on the same level builds on the
    /// previous one.
    pub begins: bool,
    /// For each level, whether another branch of the same fork follows.
    goes_on: u64,
}

impl Indent {
    fn at(depth: u32) -> Self {
        Self {
            depth,
            ..Self::default()
        }
    }

    /// Returns whether a line at `level` (counted from 1) passes this row to a later branch of the
    /// same fork.
    pub fn goes_on(&self, level: u32) -> bool {
        // Lines beyond level 64 are not drawn.
        level < u64::BITS && self.goes_on >> level & 1 == 1
    }

    /// Returns the position of the next step on the same branch.
    fn next(self) -> Self {
        Self {
            begins: false,
            ..self
        }
    }

    /// Returns the position of a branch, one level deeper.
    fn branch(self, is_last: bool) -> Self {
        let depth = self.depth.saturating_add(1);
        let line = if is_last {
            0
        } else {
            1_u64.checked_shl(depth).unwrap_or_default()
        };
        Self {
            depth,
            begins: true,
            goes_on: self.goes_on | line,
        }
    }
}

/// A row of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    pub kind: RowKind,
    /// Its indentation, and the lines that lead to it.
    pub indent: Indent,
    /// The number of twin rows that follow directly; they are hidden by default.
    pub twins: u32,
    /// The number of rows after the twins that are hidden when this row is folded.
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
    /// The rows, in order.
    pub rows: Vec<StepRow>,
    /// The records that are not steps: keys for the content of files. The steps that use them list
    /// them as inputs.
    pub hidden: Vec<RecordIndex>,
    /// The names that determined the arrangement.
    pub labels: Labels,
}

impl StepTree {
    /// Arranges the records of `cache`.
    pub fn new(cache: &RefCache, labels: Labels) -> Self {
        let folded = fold::fold(cache, &labels);
        let rows = arrange::rows(cache, &labels, &folded);
        let hidden = cache
            .graph
            .indexed_records()
            .map(|(index, _)| index)
            .filter(|index| folded.hidden[index.at()]);
        Self {
            rows,
            hidden: hidden.collect(),
            labels,
        }
    }

    /// Returns the indexes of the visible rows, when the rows in `folded` hide their subtrees and
    /// the rows in `opened` show their twins.
    pub fn visible(
        &self,
        folded: impl Fn(&RowKind) -> bool,
        opened: impl Fn(&RowKind) -> bool,
    ) -> Vec<usize> {
        let mut places = Vec::new();
        let mut place = 0;
        while let Some(row) = self.rows.get(place) {
            places.push(place);
            let twins = row.twins as usize;
            let below = row.below as usize;
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

    /// Returns the step at `record`.
    pub fn step<'a>(
        &'a self,
        cache: &'a RefCache,
        blobs: &'a BlobTable,
        record: RecordIndex,
    ) -> Option<RecordStep<'a>> {
        RecordStep::new(cache, blobs, label(&self.labels, record), record)
    }
}

fn label(labels: &[Option<RecordLabel>], record: RecordIndex) -> Option<&RecordLabel> {
    labels.get(record.at()).and_then(Option::as_ref)
}

/// Returns the label of a record that is a step of the builds that the evidence describes.
fn step_label(labels: &[Option<RecordLabel>], record: RecordIndex) -> Option<&RecordLabel> {
    label(labels, record).filter(|label| label.is_step)
}

/// A record with the data of its row.
#[derive(Clone, Copy)]
pub struct RecordStep<'a> {
    cache: &'a RefCache,
    blobs: &'a BlobTable,
    /// The label from the evidence.
    pub label: Option<&'a RecordLabel>,
    pub index: RecordIndex,
    /// The record itself.
    pub record: &'a Record,
    /// Its state, kind, result and sizes.
    pub detail: &'a RecordDetail,
}

impl<'a> RecordStep<'a> {
    fn new(
        cache: &'a RefCache,
        blobs: &'a BlobTable,
        label: Option<&'a RecordLabel>,
        index: RecordIndex,
    ) -> Option<Self> {
        let (record, detail) = cache
            .graph
            .record(index)
            .zip(cache.records.get(index.at()))?;
        Some(Self {
            cache,
            blobs,
            label,
            index,
            record,
            detail,
        })
    }

    /// Returns its display name: the text from the Dockerfile, else its kind and the beginning of
    /// its key. The text is escaped for display.
    pub fn name(&self) -> Cow<'a, str> {
        match self.label {
            Some(label) => visible(&label.text),
            None => format!(
                "{} · {}",
                self.detail.kind.word(),
                short(&self.record.digest)
            )
            .into(),
        }
    }

    /// Returns its platform: that of its configuration, else of the evidence, where that describes
    /// builds for several.
    pub fn platform(&self) -> Option<&'a str> {
        let of_label = self.label.and_then(|label| label.platform.as_deref());
        self.cache.platform.as_deref().or(of_label)
    }

    /// Returns its display name, with the platform if steps of others have the same configuration.
    pub fn title(&self) -> Cow<'a, str> {
        match self.platform() {
            Some(platform) if self.cache.platform.is_none() => {
                format!("{} ({})", self.name(), visible(platform)).into()
            }
            _ => self.name(),
        }
    }

    /// Returns the sizes of its result.
    pub fn sizes(&self) -> Option<ResultSizes> {
        self.detail.sizes
    }

    /// Returns the top layer of its result.
    pub fn layer(&self) -> Option<LayerIndex> {
        self.detail
            .result
            .as_ref()
            .and_then(|result| self.cache.top_layer(result))
    }

    /// Returns the blob of its top layer.
    pub fn blob(&self) -> Option<Blob<'a>> {
        self.cache
            .layers
            .get(self.layer()?.at())?
            .blob
            .map(|blob| self.blobs.get(blob))
    }

    /// Returns the number of other refs that reach its top layer; `None` if some refs of the store
    /// were not read.
    pub fn other_refs(&self) -> Option<u32> {
        self.blob()?.other_refs()
    }

    /// Returns whether it is a source, such as a base image: it has a key and never a result.
    pub fn is_source(&self) -> bool {
        self.detail.kind == RecordKind::Root
    }

    /// Returns whether its name belongs to a similar step: the same operation on a different input.
    pub fn is_guessed(&self) -> bool {
        self.label
            .is_some_and(|label| label.certainty < Certainty::Assumed)
    }
}

impl FilterSubject for RecordStep<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.name())),
            FilterTextField::Step => self.label.map(|label| test(&label.text)),
            FilterTextField::Kind => Some(test(self.detail.kind.word())),
            FilterTextField::State => Some(test(self.detail.state.word())),
            FilterTextField::Platform => self.platform().map(test),
            FilterTextField::Ref | FilterTextField::Path | FilterTextField::Change => None,
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

/// Returns the part of a digest that people compare, escaped for display.
pub fn short(digest: &DigestText) -> String {
    /// Digits of a digest, or characters of a text that is not a digest.
    const DIGITS: usize = 8;
    match digest {
        DigestText::Valid(digest) => digest.short(DIGITS),
        DigestText::Invalid(text) if text.is_empty() => "no digest".to_owned(),
        DigestText::Invalid(text) => format!(
            "`{}`",
            visible(text).chars().take(DIGITS).collect::<String>()
        ),
    }
}

#[cfg(test)]
mod tests;
