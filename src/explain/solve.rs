//! BuildKit's solver, offline: which steps of a build run, given the caches that it imports.
//!
//! A step's key is in a cache if a record there stands for it ([`super::matching`]). The step hits
//! if such a record has a result that can be loaded. Evaluation is by demand, from the final target
//! back: a step that only hits need is not evaluated. Where a key depends on missing files, or on
//! files that a step will write, everything that follows from it is reported as possible and not as
//! known.

use std::collections::BTreeSet;

use jiff::Timestamp;

use self::lookup::{KeyLookup, Lookups};
use super::keys::StepKeys;
use super::matching::Matches;
use crate::format::cache_config::RecordIndex;
use crate::format::provenance::{Build, StepIndex};
use crate::inventory::cache::{RecordState, RefCache};

mod lookup;

/// How sure a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Sure {
    #[default]
    No,
    /// It may be true.
    Maybe,
    Yes,
}

/// Whether a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheVerdict {
    /// It does not run: its result is loaded, or not needed.
    Hit,
    Miss,
    /// The evidence does not decide it.
    Unknown,
}

impl CacheVerdict {
    /// Returns the word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Unknown => "unknown",
        }
    }
}

/// The best state of a step in any cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InCache {
    /// Its key cannot be computed from the evidence.
    Unknown,
    /// The key is not in a cache.
    Absent,
    /// The key is in a cache, but leads to no result.
    KeyOnly,
    /// The key has a result, but some of its blobs are missing.
    Broken,
    /// A result can be loaded.
    Result,
}

impl InCache {
    /// Returns the state for a record.
    fn of(state: RecordState) -> Self {
        match state {
            RecordState::Result => Self::Result,
            RecordState::Broken => Self::Broken,
            RecordState::KeyOnly => Self::KeyOnly,
        }
    }

    /// Returns the word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::KeyOnly => "key-only",
            Self::Broken => "broken",
            Self::Result => "result",
        }
    }
}

/// The state of a step.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its state in the caches.
    pub in_cache: InCache,
    /// Whether the build needs it.
    pub needed: Sure,
    /// Whether it runs.
    pub verdict: CacheVerdict,
    /// Whether the verdict comes from a log.
    pub from_log: bool,
    /// Why the verdict is unknown, although a cache holds the result.
    pub doubt: Option<Doubt>,
    /// The records that certainly stand for it, with the index of their cache.
    pub records: Vec<(usize, RecordIndex)>,
}

/// Why a result in a cache may not be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Another import (its index) holds the keys of the steps below too, but leads no further.
    /// BuildKit keeps the key of the import that answers first.
    SeveralImports(usize),
    /// This step below ignores the cache and passes on no key.
    IgnoresCache(StepIndex),
    /// This step below belongs to a linked target of bake, whose keys lead no further.
    LinkedTarget(StepIndex),
    /// All results were saved after the build began: this build or a later one exported them.
    WrittenSince,
    /// Another target of the same command has the step too, and imports another cache that leads to
    /// another verdict. The builder solves the step once.
    OtherTarget,
}

impl Doubt {
    /// Returns the word in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::SeveralImports(_) => "imports share keys",
            Self::IgnoresCache(_) => "a step below ignores the cache",
            Self::LinkedTarget(_) => "linked target",
            Self::WrittenSince => "exported since",
            Self::OtherTarget => "shared with a target",
        }
    }

    /// Returns a sentence on why a step's verdict is unknown.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::SeveralImports(_) => {
                "another import also has the keys of the steps that it depends on, but not its own: it hits or misses by chance"
            }
            Self::IgnoresCache(_) => {
                "it depends on a step that ignores the cache: it hits only if that step writes the same content"
            }
            Self::LinkedTarget(_) => {
                "it depends on a step of a linked target, and this import has no key for it"
            }
            Self::WrittenSince => {
                "the result was exported by this build or a later one: it does not show whether the build found it"
            }
            Self::OtherTarget => {
                "another target of the command also has this step and imports another cache: which import is used is a matter of chance"
            }
        }
    }
}

/// Known facts of a build in addition to its graph.
#[derive(Debug, Clone, Default)]
pub struct KnownFacts {
    /// For each step, whether it ignores the cache.
    pub ignores_cache: Vec<bool>,
    /// For each step, its verdict in a log.
    pub logged: Vec<Option<CacheVerdict>>,
    /// When the build began, if the evidence says so.
    pub started: Option<Timestamp>,
    /// For each step, whether it belongs to another target of bake that this build is linked to,
    /// and whether it depends on files of a local context.
    pub linked: Vec<Linked>,
}

/// How a step belongs to the build, where targets of bake are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Linked {
    /// It is a step of the target itself.
    #[default]
    Own,
    /// It is a step of a linked target and does not depend on files of a local context.
    Other,
    /// It is a step of a linked target and depends on files of a local context.
    OtherWithContext,
}

impl KnownFacts {
    /// Returns whether a result was written by this build or a later one, if a log shows which
    /// steps ran. Without a log, the evidence describes a future build.
    fn was_written_since(&self, created: Timestamp) -> bool {
        let is_logged = self.logged.iter().any(Option::is_some);
        is_logged && self.started.is_some_and(|started| created >= started)
    }

    /// Returns whether lookups for `above` never succeed by the key of `below`.
    fn ends_chain(&self, below: StepIndex, above: StepIndex) -> bool {
        let of = |step: StepIndex| self.linked.get(step.at()).copied().unwrap_or_default();
        of(below) == Linked::OtherWithContext && of(above) == Linked::Own
    }
}

/// The solution of a build with its caches.
#[derive(Debug)]
pub struct Solution {
    /// The state of each step, by index.
    pub steps: Vec<Standing>,
    /// For each cache the records that stand for the steps.
    pub matches: Vec<Matches>,
}

impl Solution {
    /// Solves a build with the caches that it imports.
    pub fn new(build: &Build, keys: &[StepKeys], caches: &[&RefCache], known: &KnownFacts) -> Self {
        let matches: Vec<Matches> = caches
            .iter()
            .map(|cache| Matches::find(build, keys, &cache.graph))
            .collect();
        let used = used_outputs(build);
        let lookups = Lookups::of_build(build, keys, caches, &matches, known, &used);
        let mut demand = Demand {
            build,
            known,
            lookups: &lookups,
            needed: vec![Sure::No; build.steps.len()],
            asked: vec![false; build.steps.len()],
        };
        let mut steps: Vec<Option<Standing>> = vec![None; build.steps.len()];
        for (index, _) in build.ordered().rev() {
            let at = index.at();
            if used[at].is_empty() {
                demand.needed[at] = Sure::Yes;
                demand.asked[at] = true;
            }
            let verdict = demand.verdict(index);
            demand.pass_on(index, verdict);
            let lookup = &lookups[at];
            steps[at] = Some(Standing {
                in_cache: lookup.in_cache,
                needed: demand.needed[at],
                verdict,
                from_log: demand.logged(index).is_some(),
                doubt: lookup.doubt,
                records: lookup.records.clone(),
            });
        }
        // Every step occurs exactly once in the order.
        Self {
            steps: steps.into_iter().flatten().collect(),
            matches,
        }
    }
}

/// How each step is needed, from the final target back.
struct Demand<'a> {
    build: &'a Build,
    known: &'a KnownFacts,
    lookups: &'a [KeyLookup],
    needed: Vec<Sure>,
    /// Whether the keys of a step are requested, even if only to find the steps above it.
    asked: Vec<bool>,
}

impl Demand<'_> {
    fn logged(&self, step: StepIndex) -> Option<CacheVerdict> {
        self.known.logged.get(step.at()).copied().flatten()
    }

    /// Returns the verdict of a step. Every user of the step must have one.
    fn verdict(&self, step: StepIndex) -> CacheVerdict {
        let needed = self.needed[step.at()];
        let result = self.lookups[step.at()].result;
        match (self.logged(step), needed, result) {
            (Some(verdict), ..) => verdict,
            (None, Sure::No, _) | (None, _, Sure::Yes) => CacheVerdict::Hit,
            (None, Sure::Yes, Sure::No) => CacheVerdict::Miss,
            (None, ..) => CacheVerdict::Unknown,
        }
    }

    /// Passes on which inputs a step needs.
    fn pass_on(&mut self, step: StepIndex, verdict: CacheVerdict) {
        let at = step.at();
        let lookup = &self.lookups[at];
        let is_logged = self.logged(step).is_some();
        let is_settled = lookup.result == Sure::Yes || lookup.has_key;
        for (place, input) in self.build.steps[at].inputs.iter().enumerate() {
            let below = input.step.at();
            let asks = match verdict {
                CacheVerdict::Miss => Sure::Yes,
                CacheVerdict::Hit
                    if is_logged || lookup.result == Sure::Yes || self.needed[at] == Sure::No =>
                {
                    Sure::No
                }
                _ => self.needed[at].min(Sure::Maybe),
            };
            // Without a key, the content decides. The content must then exist: to compute the
            // step's key, or because the step runs.
            let is_keyless = self.lookups[below].in_cache != InCache::Unknown;
            let looks = is_keyless && self.asked[at] && !is_settled && !is_logged;
            let awaits = lookup.awaits.iter().find(|(awaited, _)| *awaited == place);
            let asks = match awaits {
                Some((_, sure)) if looks => asks.max(*sure),
                _ => asks,
            };
            // A key that exists only after its step ran forces that step to run.
            let is_late = !is_logged && lookup.late.contains(&place);
            let asks = if is_late { Sure::Yes } else { asks };
            self.asked[below] |= self.asked[at] && !is_settled;
            self.needed[below] = asks.max(self.needed[below]);
        }
    }
}

/// Returns the outputs of each step that other steps use.
fn used_outputs(build: &Build) -> Vec<BTreeSet<u32>> {
    let mut used = vec![BTreeSet::new(); build.steps.len()];
    for input in build.steps.iter().flat_map(|step| &step.inputs) {
        used[input.step.at()].insert(input.output);
    }
    used
}
