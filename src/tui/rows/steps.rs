//! The steps of a ref, with the data for their rows and details.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Identity, UNKNOWN};
use crate::explain::diff::RecordAt;
use crate::explain::evidence::CacheEvidence;
use crate::format::cache_config::RecordIndex;
use crate::format::cache_config::import::Refusal;
use crate::format::digest::{Digest, DigestText};
use crate::inventory::below::{self, LayersBelow};
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::labels::Labels;
use crate::inventory::steps::{RecordStep, RowKind, StepRow, StepTree, StepUsers};
use crate::inventory::{Inventory, RefEntry, RefId, ScanProgress};
use crate::report::documents::{CacheRecordDocument, FirstIndexes};
use crate::text::plural::counted_in_groups;
use crate::tui::evidence::NamedEvidence;
use crate::tui::theme::TextRole;

mod detail;
mod list;

pub use list::{Folds, StepListShape, StepRows};

/// The origin of the names of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    None,
    /// Provenance in the store.
    Store,
    /// Evidence that a person gave.
    Given(NamedEvidence),
}

/// All facts about a ref's steps.
#[derive(Debug)]
pub struct RefSteps {
    /// The inventory at the time of reading.
    pub inventory: Arc<Inventory>,
    /// The index of the ref in it.
    pub id: RefId,
    /// The origin of the names.
    pub names: Names,
    /// The numbers of steps.
    pub counts: StepCounts,
    caches: Arc<Vec<RefCache>>,
    parts: Vec<ConfigSteps>,
}

/// The steps of one configuration.
#[derive(Debug)]
struct ConfigSteps {
    tree: StepTree,
    users: StepUsers,
}

/// The numbers of steps, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepCounts {
    /// All of them.
    pub steps: usize,
    /// Those with a loadable result.
    pub results: usize,
    /// Those with only a key.
    pub keys: usize,
    /// Those whose result cannot be loaded.
    pub broken: usize,
    /// Those with a name from the evidence.
    pub named: usize,
}

impl RefSteps {
    /// Arranges the steps of `caches`, the configurations of the ref at `id`, named by `evidence`.
    pub fn new(
        inventory: Arc<Inventory>,
        id: RefId,
        caches: Arc<Vec<RefCache>>,
        evidence: &CacheEvidence,
        names: Names,
    ) -> Self {
        let labels = |cache: &RefCache| {
            if evidence.is_empty() {
                Labels::new()
            } else {
                evidence.labels(&cache.graph)
            }
        };
        let parts = caches
            .iter()
            .map(|cache| ConfigSteps {
                tree: StepTree::new(cache, labels(cache)),
                users: StepUsers::new(&cache.graph),
            })
            .collect();
        let mut steps = Self {
            inventory,
            id,
            names,
            counts: StepCounts::default(),
            caches,
            parts,
        };
        steps.counts = steps.count();
        steps
    }

    /// Returns the same steps with the names from `evidence`.
    #[must_use]
    pub fn named(&self, evidence: &CacheEvidence, names: Names) -> Self {
        Self::new(
            Arc::clone(&self.inventory),
            self.id,
            Arc::clone(&self.caches),
            evidence,
            names,
        )
    }

    /// Returns the document of a step of a configuration. Indexes are those of `show --json`.
    pub fn document(&self, part: usize, step: &RecordStep<'_>) -> Option<CacheRecordDocument> {
        let before = &self.caches[..part];
        let first = FirstIndexes {
            record: before.iter().map(|cache| cache.records.len()).sum(),
            layer: before.iter().map(|cache| cache.layers.len()).sum(),
        };
        let cache = self.caches.get(part)?;
        CacheRecordDocument::new(cache, &self.inventory, step.index, step.label, first)
    }

    /// Returns the document of the record at `at`.
    pub fn document_of(&self, at: RecordAt) -> Option<CacheRecordDocument> {
        self.document(at.cache, &self.step_of(at)?)
    }

    /// Returns the ref.
    pub fn entry(&self) -> Option<&RefEntry> {
        self.inventory.get_ref(self.id)
    }

    /// Returns whether the store was listed completely, so that unlisted blobs are missing.
    pub fn is_settled(&self) -> bool {
        self.inventory.progress == ScanProgress::Complete
    }

    fn count(&self) -> StepCounts {
        let mut counts = StepCounts::default();
        for (part, place) in self.places() {
            let Some(step) = self.step(part, place).filter(|_| self.is_step(part, place)) else {
                continue;
            };
            counts.steps += 1;
            counts.named += usize::from(step.label.is_some());
            match step.detail.state {
                RecordState::Result => counts.results += 1,
                RecordState::KeyOnly => counts.keys += 1,
                RecordState::Broken => counts.broken += 1,
            }
        }
        counts
    }

    /// Returns why BuildKit refuses a configuration, if it does.
    pub fn refusal(&self) -> Option<Refusal> {
        self.caches.iter().find_map(|cache| cache.refusal)
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.parts
            .iter()
            .enumerate()
            .flat_map(|(part, steps)| (0..steps.tree.rows.len()).map(move |place| (part, place)))
    }

    fn row(&self, part: usize, place: usize) -> &StepRow {
        &self.parts[part].tree.rows[place]
    }

    /// Returns whether a row is a step that a build runs: not a header, a twin, or a source.
    fn is_step(&self, part: usize, place: usize) -> bool {
        matches!(self.row(part, place).kind, RowKind::Step(_))
            && self.step(part, place).is_some_and(|step| !step.is_source())
    }

    fn step(&self, part: usize, place: usize) -> Option<RecordStep<'_>> {
        self.step_at(part, self.row(part, place).record()?)
    }

    /// Returns the configurations of the ref.
    pub fn caches(&self) -> &[RefCache] {
        &self.caches
    }

    /// Returns the step of a record.
    pub fn step_of(&self, at: RecordAt) -> Option<RecordStep<'_>> {
        (at.cache < self.parts.len()).then(|| self.step_at(at.cache, at.record))?
    }

    fn blob_of(&self, part: usize, step: &RecordStep<'_>) -> Option<Digest> {
        let layers = &self.caches[part].graph.layers;
        layers.get(step.layer()?.at())?.blob.valid()
    }

    /// Returns the layers below the layer of a step, with the names of their steps.
    fn below(&self, part: usize, step: &RecordStep<'_>) -> Option<LayersBelow> {
        let cache = self.caches.get(part)?;
        let layers = below::of_result(cache, step.detail.result.as_ref()?);
        let wanted: HashSet<Digest> = layers.iter().filter_map(DigestText::valid).collect();
        let mut names = HashMap::new();
        let records = (0..).map(RecordIndex).zip(&cache.records);
        for (record, detail) in records {
            let top = detail
                .result
                .as_ref()
                .and_then(|result| cache.top_layer(result));
            let layer = top.and_then(|top| cache.graph.layers[top.at()].blob.valid());
            let Some(layer) = layer.filter(|layer| wanted.contains(layer)) else {
                continue;
            };
            let step = self.step_at(part, record);
            names
                .entry(layer)
                .or_insert_with(|| step.map(|step| step.title().into_owned()));
        }
        let from = self.entry()?.name.clone();
        let below = LayersBelow::new(from, layers);
        Some(below.named(|layer| names.get(layer).cloned().flatten()))
    }

    fn step_at(&self, part: usize, record: RecordIndex) -> Option<RecordStep<'_>> {
        self.parts[part]
            .tree
            .step(&self.caches[part], &self.inventory.blobs, record)
    }

    /// Finds the record with `identity`.
    fn locate(&self, identity: &Identity) -> Option<(usize, RecordIndex)> {
        let Identity::Step(config, RowKind::Step(record) | RowKind::Twin(record)) = identity else {
            return None;
        };
        let part = self
            .caches
            .iter()
            .position(|cache| cache.config == *config)?;
        Some((part, *record))
    }
}

/// Formats a number of refs.
fn refs(count: u32) -> String {
    counted_in_groups(count.into(), "ref", "refs")
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Returns the sign of a step's state.
fn sign(step: &RecordStep<'_>, steps: &RefSteps) -> (&'static str, TextRole) {
    match step.detail.state {
        RecordState::Result => ("✓", TextRole::Good),
        // A source never has a result, only a key.
        RecordState::KeyOnly if step.is_source() => (" ", TextRole::Dim),
        RecordState::KeyOnly => ("○", TextRole::Dim),
        RecordState::Broken if !steps.is_settled() => (UNKNOWN, TextRole::Unsure),
        RecordState::Broken => ("!", TextRole::Missing),
    }
}
