//! Compares two refs by cache keys.
//!
//! A record is its key: an operation applied to certain inputs. `identity` finds the records of
//! both refs that have the same key, as BuildKit's importer would merge them. The rest are keys of
//! one side only. If two of them have the same operation on different inputs, they are reported as
//! one step that changed.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::format::cache_config::{CacheGraph, RecordIndex};
use crate::format::digest::{Digest, DigestText};
use crate::inventory::cache::{RecordState, RefCache};

mod identity;

use identity::{KeyId, KeyIds};

/// How many records of one operation are compared with each other; more are paired in order.
const MOST_COMPARED: usize = 64;

/// The position of a record among all configurations of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordAt {
    /// The index of the configuration: a ref has one for each platform of an image, else one.
    pub cache: usize,
    pub record: RecordIndex,
}

/// What changed from one ref to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Keys that only the second ref has.
    pub added: Vec<RecordAt>,
    /// Keys that only the first ref has.
    pub removed: Vec<RecordAt>,
    /// Steps that both have, with another result.
    pub changed: Vec<StepDifference>,
    /// Keys that both have and only the first has a result for.
    pub lost_results: Vec<StepPair>,
    /// Keys that both have and only the second has a result for.
    pub gained_results: Vec<StepPair>,
    /// How many keys both have alike.
    pub same: usize,
}

/// One key, or one step, in both refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepPair {
    /// In the first ref.
    pub before: RecordAt,
    /// In the second.
    pub after: RecordAt,
}

/// A step that both refs have, with another result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepDifference {
    pub records: StepPair,
    /// What differs.
    pub what: StepChange,
}

/// How a step differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepChange {
    /// The inputs: files, or the result of another step.
    Inputs,
    /// Only the result: the step ran again although its key was known.
    Result,
}

impl StepChange {
    /// Returns the word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Result => "result",
        }
    }
}

/// How a step differs between two refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Only the first ref has its key.
    Removed,
    /// Both have its key, only the first has a result.
    Lost,
    /// Both have the step, with different results.
    Changed(StepChange),
    /// Both have its key, only the second has a result.
    Gained,
    /// Only the second ref has its key.
    Added,
}

impl Fate {
    /// Returns the word in filters and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Lost => "lost",
            Self::Changed(_) => "changed",
            Self::Gained => "gained",
            Self::Added => "added",
        }
    }

    /// Returns the sign in front of the step.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Removed => "-",
            Self::Lost => "○",
            Self::Changed(_) => "~",
            Self::Gained => "✓",
            Self::Added => "+",
        }
    }

    /// Returns the words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Removed => "gone",
            Self::Lost => "its result is gone, the key is left",
            Self::Changed(StepChange::Inputs) => "inputs changed",
            Self::Changed(StepChange::Result) => "ran again, though nothing it depends on changed",
            Self::Gained => "has a result now",
            Self::Added => "new",
        }
    }
}

/// A step that differs between the refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedStep {
    /// How it differs.
    pub fate: Fate,
    /// Its record in the first ref.
    pub before: Option<RecordAt>,
    /// Its record in the second.
    pub after: Option<RecordAt>,
}

impl Difference {
    /// Returns every step that differs, ordered by fate.
    pub fn steps(&self) -> Vec<ChangedStep> {
        let one = |fate| {
            move |at: &RecordAt| ChangedStep {
                fate,
                before: (fate == Fate::Removed).then_some(*at),
                after: (fate == Fate::Added).then_some(*at),
            }
        };
        let pair = |fate| {
            move |pair: &StepPair| ChangedStep {
                fate,
                before: Some(pair.before),
                after: Some(pair.after),
            }
        };
        let changed = self.changed.iter();
        let changed = changed.map(|step| pair(Fate::Changed(step.what))(&step.records));
        let removed = self.removed.iter().map(one(Fate::Removed));
        removed
            .chain(self.lost_results.iter().map(pair(Fate::Lost)))
            .chain(changed)
            .chain(self.gained_results.iter().map(pair(Fate::Gained)))
            .chain(self.added.iter().map(one(Fate::Added)))
            .collect()
    }

    /// Compares the configurations of two refs.
    pub fn between(before: &[RefCache], after: &[RefCache]) -> Self {
        let mut keys = KeyIds::default();
        let mut of_each = |caches: &[RefCache]| {
            caches
                .iter()
                .map(|cache| keys.of_graph(&cache.graph))
                .collect()
        };
        let old: Vec<Vec<KeyId>> = of_each(before);
        let new: Vec<Vec<KeyId>> = of_each(after);
        // Which keys are equal is known only now, after all records were read.
        let old = DiffSide::new(before, &keys, old);
        let new = DiffSide::new(after, &keys, new);
        DiffSearch {
            old: &old,
            new: &new,
            difference: Self::default(),
        }
        .whole()
    }

    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        let Self {
            added,
            removed,
            changed,
            lost_results,
            gained_results,
            same: _,
        } = self;
        added.is_empty()
            && removed.is_empty()
            && changed.is_empty()
            && lost_results.is_empty()
            && gained_results.is_empty()
    }
}

/// The blobs that only one of two refs has as layers, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerDifference {
    /// Only in the second ref, with their sizes where known.
    pub added: Vec<(DigestText, Option<u64>)>,
    /// Only in the first ref.
    pub removed: Vec<(DigestText, Option<u64>)>,
}

impl LayerDifference {
    /// Compares the layers of two refs, by blob.
    pub fn between(before: &[RefCache], after: &[RefCache]) -> Self {
        let before = layers(before);
        let after = layers(after);
        let only = |these: &BTreeMap<DigestText, Option<u64>>,
                    others: &BTreeMap<DigestText, Option<u64>>| {
            let only = these
                .iter()
                .filter(|(digest, _)| !others.contains_key(*digest));
            only.map(|(digest, bytes)| (digest.clone(), *bytes))
                .collect()
        };
        Self {
            added: only(&after, &before),
            removed: only(&before, &after),
        }
    }
}

fn layers(caches: &[RefCache]) -> BTreeMap<DigestText, Option<u64>> {
    let all = caches
        .iter()
        .flat_map(|cache| cache.graph.layers.iter().zip(&cache.layers));
    all.map(|(layer, detail)| (layer.blob.clone(), detail.bytes))
        .collect()
}

/// One ref, its records by key.
struct DiffSide<'a> {
    caches: &'a [RefCache],
    /// The key of each record, by configuration and index.
    keys: Vec<Vec<KeyId>>,
    /// The record that represents each key: one with a result is preferred.
    records: BTreeMap<KeyId, RecordAt>,
}

impl<'a> DiffSide<'a> {
    fn new(caches: &'a [RefCache], all: &KeyIds, mut keys: Vec<Vec<KeyId>>) -> Self {
        let mut records: BTreeMap<KeyId, RecordAt> = BTreeMap::new();
        for (cache, keys) in keys.iter_mut().enumerate() {
            for (record, key) in (0..).map(RecordIndex).zip(keys) {
                *key = all.settled(*key);
                let at = RecordAt { cache, record };
                let stands = records.entry(*key).or_insert(at);
                if has_result(caches, at) && !has_result(caches, *stands) {
                    *stands = at;
                }
            }
        }
        Self {
            caches,
            keys,
            records,
        }
    }

    /// Returns the keys at the inputs of a record.
    fn inputs(&self, at: RecordAt) -> HashSet<KeyId> {
        let graph = self.graph(at);
        let links = graph
            .inputs(&graph.records[at.record.at()])
            .flatten()
            .take(MOST_COMPARED);
        links
            .filter_map(|link| Some(self.keys[at.cache][graph.target(link)?.at()]))
            .collect()
    }

    fn graph(&self, at: RecordAt) -> &'a CacheGraph {
        &self.caches[at.cache].graph
    }

    fn digest(&self, at: RecordAt) -> &'a DigestText {
        &self.graph(at).records[at.record.at()].digest
    }

    /// Returns the blobs of a record's result, from the top down; `None` without a result.
    fn result(&self, at: RecordAt) -> Option<Vec<&'a DigestText>> {
        let cache = &self.caches[at.cache];
        let result = cache.records[at.record.at()].result.as_ref()?;
        Some(
            cache
                .chain(result)
                .map(|layer| &cache.graph.layers[layer.at()].blob)
                .collect(),
        )
    }
}

/// Returns whether a record has a result, even one whose blobs are missing.
fn has_result(caches: &[RefCache], at: RecordAt) -> bool {
    caches[at.cache].records[at.record.at()].state != RecordState::KeyOnly
}

struct DiffSearch<'a> {
    old: &'a DiffSide<'a>,
    new: &'a DiffSide<'a>,
    difference: Difference,
}

impl DiffSearch<'_> {
    fn whole(mut self) -> Difference {
        let old = &self.old.records;
        let new = &self.new.records;
        let mut lost = Vec::new();
        let mut gone = Vec::new();
        for (key, &before) in old {
            match new.get(key) {
                Some(&after) => self.both(StepPair { before, after }, &mut lost),
                None => gone.push(before),
            }
        }
        let come: Vec<RecordAt> = new
            .iter()
            .filter(|(key, _)| !old.contains_key(key))
            .map(|(_, at)| *at)
            .collect();
        self.pair_by_operation(lost, gone, come);
        let Difference {
            added,
            removed,
            changed,
            lost_results,
            gained_results,
            same: _,
        } = &mut self.difference;
        added.sort_unstable();
        removed.sort_unstable();
        changed.sort_unstable_by_key(|changed| changed.records.after);
        lost_results.sort_unstable_by_key(|pair| pair.before);
        gained_results.sort_unstable_by_key(|pair| pair.after);
        self.difference
    }

    fn both(&mut self, pair: StepPair, lost: &mut Vec<StepPair>) {
        match (self.old.result(pair.before), self.new.result(pair.after)) {
            (Some(before), Some(after)) if before != after => {
                self.difference.changed.push(StepDifference {
                    records: pair,
                    what: StepChange::Result,
                });
            }
            (Some(_), None) => lost.push(pair),
            (None, Some(_)) => self.difference.gained_results.push(pair),
            (Some(_), Some(_)) | (None, None) => self.difference.same += 1,
        }
    }

    /// Pairs records of the same operation on different inputs as one changed step. Records with a
    /// result are paired first.
    fn pair_by_operation(&mut self, lost: Vec<StepPair>, gone: Vec<RecordAt>, come: Vec<RecordAt>) {
        let mut open: HashMap<Digest, Vec<RecordAt>> = HashMap::new();
        for at in come {
            let has_inputs = self.new.graph(at).records[at.record.at()].input_count() > 0;
            match self.new.digest(at).valid() {
                Some(digest) if has_inputs => open.entry(digest).or_default().push(at),
                _ => self.difference.added.push(at),
            }
        }
        // If the step has a different result now, the lost result was replaced and is not reported.
        let mut superseded = HashSet::new();
        for pair in &lost {
            if let Some(after) = self.take_nearest(&mut open, pair.before, true) {
                superseded.insert(pair.before);
                let records = StepPair {
                    before: pair.before,
                    after,
                };
                self.difference.changed.push(StepDifference {
                    records,
                    what: StepChange::Inputs,
                });
            }
        }
        self.difference.lost_results.extend(
            lost.into_iter()
                .filter(|pair| !superseded.contains(&pair.before)),
        );
        for before in gone {
            let wants_result = has_result(self.old.caches, before);
            match self.take_nearest(&mut open, before, wants_result) {
                Some(after) => {
                    let records = StepPair { before, after };
                    self.difference.changed.push(StepDifference {
                        records,
                        what: StepChange::Inputs,
                    });
                }
                None => self.difference.removed.push(before),
            }
        }
        self.difference.added.extend(open.into_values().flatten());
    }

    /// Removes from `open` the record of the same operation that shares most inputs with `before`,
    /// and that has a result or none as requested.
    fn take_nearest(
        &self,
        open: &mut HashMap<Digest, Vec<RecordAt>>,
        before: RecordAt,
        with_result: bool,
    ) -> Option<RecordAt> {
        let candidates = open.get_mut(&self.old.digest(before).valid()?)?;
        let inputs = self.old.inputs(before);
        let fitting = candidates.iter().enumerate().take(MOST_COMPARED);
        let fitting = fitting.filter(|(_, at)| has_result(self.new.caches, **at) == with_result);
        let (place, _) = fitting.max_by_key(|(place, at)| {
            (
                self.new.inputs(**at).intersection(&inputs).count(),
                std::cmp::Reverse(*place),
            )
        })?;
        Some(candidates.remove(place))
    }
}
