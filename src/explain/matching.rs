//! Which records of a cache stand for each step of a build, as BuildKit's solver would find them.
//!
//! From the sources up: a record stands for a step when its digest is the step's, and at each of its inputs stands a
//! record of the step's input or the content key of what the step uses of it (`solver/edge.go`, `solver/cachemanager.go`).
//! Equal operations over different inputs have equal digests, so that only this tells them apart. Where evidence is
//! missing, and for what former builds left behind, the match says how sure it is.

use std::collections::{BTreeSet, HashMap};

use super::keys::{ContentKey, InputKeys, StepKeys, content_root, root};
use crate::format::cache_config::{CacheGraph, Link, Record, RecordIndex};
use crate::format::digest::{Digest, DigestText};
use crate::format::provenance::{Build, StepIndex, StepOutput};

/// How sure it is that a record stands for a step; later is surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Only the operation is the same: what it was applied to is something else.
    SameOperation,
    /// The operation is the same, applied to records of the same steps, but somewhere below only the operation is: what a
    /// former build left.
    SameSteps,
    /// All keys agree, but some key of a source or of files could not be computed: any was taken for it.
    Assumed,
    /// All keys agree.
    Proved,
}

/// The records that stand for the outputs of a build's steps.
#[derive(Debug, Clone, Default)]
pub struct Matches(HashMap<StepOutput, Candidates>);

/// The records that may stand for an output, by place.
#[derive(Debug, Clone, Default)]
struct Candidates {
    records: Vec<(RecordIndex, Certainty)>,
    /// Whether the step may have keys that are not known, and none of those that are is in the cache.
    open: bool,
}

impl Candidates {
    fn certainty(&self, record: RecordIndex) -> Option<Certainty> {
        let place = self.records.binary_search_by_key(&record, |(record, _)| *record).ok()?;
        Some(self.records[place].1)
    }
}

impl Matches {
    /// Matches a build with a cache; `keys` are those of [`super::keys::of_build`], perhaps with more filled in.
    pub fn find(build: &Build, keys: &[StepKeys], graph: &CacheGraph) -> Self {
        let mut by_digest: HashMap<Digest, Vec<RecordIndex>> = HashMap::with_capacity(graph.records.len());
        for (index, record) in graph.indexed_records() {
            if let DigestText::Valid(digest) = record.digest {
                by_digest.entry(digest).or_default().push(index);
            }
        }
        let mut matches = Self::default();
        let outputs = outputs(build);
        for (index, step) in build.ordered() {
            let Some(keys) = keys.get(index.at()) else { continue };
            for &at in
                outputs.range(StepOutput { step: index, output: 0 }..=StepOutput { step: index, output: u32::MAX })
            {
                let roots = keys.digests.iter().map(|key| root(key, at.output));
                let mut records: Vec<_> = roots
                    .filter_map(|root| by_digest.get(&root))
                    .flatten()
                    .map(|&index| (index, matches.certainty_of(graph, &graph.records[index.at()], &step.inputs, keys)))
                    .collect();
                records.sort_unstable();
                records.dedup_by_key(|(record, _)| *record);
                let open = !keys.complete && records.iter().all(|(_, certainty)| *certainty < Certainty::Proved);
                matches.0.insert(at, Candidates { records, open });
            }
        }
        matches
    }

    /// Returns the records that may stand for an output, in their order.
    pub fn of(&self, output: StepOutput) -> &[(RecordIndex, Certainty)] {
        self.0.get(&output).map(|candidates| candidates.records.as_slice()).unwrap_or_default()
    }

    /// Returns all outputs that records were looked for, with what was found.
    pub fn iter(&self) -> impl Iterator<Item = (StepOutput, &[(RecordIndex, Certainty)])> {
        self.0.iter().map(|(output, candidates)| (*output, candidates.records.as_slice()))
    }

    /// Returns how surely a link leads to what a step uses of its input. None when it does not.
    pub fn link(&self, graph: &CacheGraph, link: &Link, input: StepOutput, keys: &InputKeys) -> Option<Certainty> {
        let target = graph.target(link)?;
        let record = graph.record(target)?;
        let is_root = record.input_count() == 0;
        let selected = link.selector.as_ref().map(DigestText::valid) == keys.selector.map(Some);
        let by_key = self.0.get(&input).filter(|_| selected).and_then(|candidates| {
            let assumed = (candidates.open && is_root).then_some(Certainty::Assumed);
            // What is only the same operation is the same step for whatever stands on it.
            candidates.certainty(target).map(|certainty| certainty.max(Certainty::SameSteps)).max(assumed)
        });
        let by_content = match keys.content {
            _ if link.selector.is_some() || !is_root => None,
            ContentKey::Never => None,
            ContentKey::Unknown => Some(Certainty::Assumed),
            ContentKey::Known(content) => {
                (record.digest == DigestText::Valid(content_root(&content))).then_some(Certainty::Proved)
            }
        };
        by_key.max(by_content)
    }

    fn certainty_of(&self, graph: &CacheGraph, record: &Record, inputs: &[StepOutput], keys: &StepKeys) -> Certainty {
        if record.input_count() != inputs.len() || keys.inputs.len() != inputs.len() {
            return Certainty::SameOperation;
        }
        let mut weakest = Certainty::Proved;
        for ((links, &input), keys) in graph.inputs(record).zip(inputs).zip(&keys.inputs) {
            match links.iter().filter_map(|link| self.link(graph, link, input, keys)).max() {
                Some(certainty) => weakest = weakest.min(certainty),
                None => return Certainty::SameOperation,
            }
        }
        weakest
    }
}

/// Collects the outputs that anything uses; a step's first output always counts.
fn outputs(build: &Build) -> BTreeSet<StepOutput> {
    let mut outputs: BTreeSet<StepOutput> = build.order.iter().map(|&step| StepOutput { step, output: 0 }).collect();
    for (step, of) in (0..).map(StepIndex).zip(&build.steps) {
        outputs.extend(&of.inputs);
        outputs.extend(of.layers.keys().map(|&output| StepOutput { step, output }));
    }
    outputs
}
