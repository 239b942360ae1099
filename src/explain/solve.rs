//! Which steps of a build run and which do not, given the caches that it imports: BuildKit's solver, offline.
//!
//! A step's key is in a cache when a record there stands for it ([`super::matching`]); it hits when such a record has a
//! result that can be loaded. Evaluation is by demand, from the final target back: what only steps need that hit is not
//! looked at. Where a key depends on files that are not at hand, or on what a step will write, everything that follows is
//! told as possible and not as known.

use std::collections::BTreeSet;

use super::keys::{ContentKey, StepKeys, root};
use super::matching::{Certainty, Matches};
use crate::format::cache_config::RecordIndex;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::cache::{RecordState, RefCache};

/// How sure something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Sure {
    /// It is not so.
    #[default]
    No,
    /// It may be so.
    Maybe,
    /// It is so.
    Yes,
}

/// Whether a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It does not run: its result is used, or not needed.
    Hit,
    /// It runs.
    Miss,
    /// That depends on what is not known.
    Unknown,
}

impl Verdict {
    /// Returns the word for it, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Unknown => "unknown",
        }
    }
}

/// What the caches hold for a step; of several the best counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InCache {
    /// Its key cannot be computed from the evidence.
    Unknown,
    /// There is no such key.
    Absent,
    /// The key is there, and leads to no result.
    KeyOnly,
    /// The key is there with a result whose blobs are not all stored.
    Broken,
    /// A result can be loaded.
    Result,
}

impl InCache {
    /// Returns the word for it, as JSON has it.
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

/// How a step stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What the caches hold for it.
    pub in_cache: InCache,
    /// Whether anything needs it.
    pub needed: Sure,
    /// Whether it runs.
    pub verdict: Verdict,
    /// Whether a log says so.
    pub from_log: bool,
    /// The records that surely stand for it, by cache.
    pub records: Vec<(usize, RecordIndex)>,
}

/// What is known of a build beside its graph.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// For each step, whether it does not look into any cache.
    pub ignores_cache: Vec<bool>,
    /// For each step, what a log says of it.
    pub logged: Vec<Option<Verdict>>,
}

/// A build held against caches.
#[derive(Debug)]
pub struct Solution {
    /// How each step stands, by place.
    pub steps: Vec<Standing>,
    /// For each cache the records that stand for the steps.
    pub matches: Vec<Matches>,
}

impl Solution {
    /// Holds a build against the caches that it imports.
    pub fn new(build: &Build, keys: &[StepKeys], caches: &[&RefCache], known: &Known) -> Self {
        let matches: Vec<Matches> = caches.iter().map(|cache| Matches::find(build, keys, &cache.graph)).collect();
        let users = users(build);
        let all_held: Vec<Held> = (0..)
            .map(StepIndex)
            .take(build.steps.len())
            .map(|step| held(build, keys, caches, &matches, &users[step.at()], step))
            .collect();
        let mut needed = vec![Sure::No; build.steps.len()];
        // Whether it is asked for the keys of a step, be it only to find what stands on it.
        let mut asked = vec![false; build.steps.len()];
        let mut steps: Vec<Option<Standing>> = vec![None; build.steps.len()];
        for (index, step) in build.ordered().rev() {
            let at = index.at();
            let held = &all_held[at];
            if users[at].is_empty() {
                (needed[at], asked[at]) = (Sure::Yes, true);
            }
            let ignores = known.ignores_cache.get(at).copied().unwrap_or_default();
            let logged = known.logged.get(at).copied().flatten();
            let has_result = if ignores { Sure::No } else { held.result };
            let verdict = match (logged, needed[at], has_result) {
                (Some(verdict), ..) => verdict,
                (None, Sure::No, _) | (None, _, Sure::Yes) => Verdict::Hit,
                (None, Sure::Yes, Sure::No) => Verdict::Miss,
                (None, ..) => Verdict::Unknown,
            };
            let is_settled = has_result == Sure::Yes || !held.records.is_empty();
            for (place, input) in step.inputs.iter().enumerate() {
                let asks = match (verdict, has_result) {
                    (Verdict::Miss, _) => Sure::Yes,
                    (Verdict::Hit, _) if logged.is_some() || has_result == Sure::Yes || needed[at] == Sure::No => {
                        Sure::No
                    }
                    _ => needed[at].min(Sure::Maybe),
                };
                // Where no key leads on, the content decides, and so it has to be there: either to find the step's key,
                // or because the step runs.
                let is_keyless = all_held[input.step.at()].in_cache != InCache::Unknown;
                let looks = is_keyless && asked[at] && !is_settled && logged.is_none() && held.awaits_content(place);
                let asks = if looks { Sure::Yes } else { asks };
                asked[input.step.at()] |= asked[at] && !is_settled;
                let needs = &mut needed[input.step.at()];
                *needs = asks.max(*needs);
            }
            steps[at] = Some(Standing {
                in_cache: held.in_cache,
                needed: needed[at],
                verdict,
                from_log: logged.is_some(),
                records: held.records.clone(),
            });
        }
        // Every step is in the order exactly once.
        Self { steps: steps.into_iter().flatten().collect(), matches }
    }
}

/// What the caches hold for a step.
struct Held {
    in_cache: InCache,
    result: Sure,
    records: Vec<(usize, RecordIndex)>,
    /// The inputs whose content decides and is not known.
    awaits: Vec<usize>,
}

impl Held {
    fn awaits_content(&self, input: usize) -> bool {
        self.awaits.contains(&input)
    }
}

/// Returns which outputs of each step others use.
fn users(build: &Build) -> Vec<BTreeSet<u32>> {
    let mut users = vec![BTreeSet::new(); build.steps.len()];
    for input in build.steps.iter().flat_map(|step| &step.inputs) {
        users[input.step.at()].insert(input.output);
    }
    users
}

fn held(
    build: &Build,
    keys: &[StepKeys],
    caches: &[&RefCache],
    matches: &[Matches],
    outputs: &BTreeSet<u32>,
    step: StepIndex,
) -> Held {
    let of = &build.steps[step.at()];
    let mut all = Held { in_cache: InCache::Result, result: Sure::Yes, records: Vec::new(), awaits: Vec::new() };
    if matches!(of.op.kind, OpKind::Empty) {
        (all.in_cache, all.result) = (InCache::Absent, Sure::No);
        return all;
    }
    let unused = BTreeSet::from([0]);
    // A step hits when each of its outputs that is used does, all in caches of their own if need be.
    for &output in if outputs.is_empty() { &unused } else { outputs } {
        let (mut in_cache, mut result) = (InCache::Absent, Sure::No);
        for (place, (cache, matches)) in caches.iter().zip(matches).enumerate() {
            for &(record, certainty) in matches.of(StepOutput { step, output }) {
                let state = cache.records[record.at()].state;
                if certainty == Certainty::Proved {
                    in_cache = in_cache.max(match state {
                        RecordState::Result => InCache::Result,
                        RecordState::Broken => InCache::Broken,
                        RecordState::KeyOnly => InCache::KeyOnly,
                    });
                    all.records.push((place, record));
                }
                if state == RecordState::Result {
                    result = result.max(match certainty {
                        Certainty::Proved => Sure::Yes,
                        Certainty::Assumed => Sure::Maybe,
                        Certainty::SameSteps | Certainty::SameOperation => Sure::No,
                    });
                }
                if certainty == Certainty::Assumed && in_cache == InCache::Absent {
                    in_cache = InCache::Unknown;
                }
            }
        }
        if !keys[step.at()].complete && in_cache == InCache::Absent && !caches.is_empty() {
            (in_cache, result) = (InCache::Unknown, result.max(Sure::Maybe));
        }
        all.in_cache = all.in_cache.min(in_cache);
        all.result = all.result.min(result);
    }
    let inputs = keys[step.at()].inputs.iter().zip(&of.inputs).enumerate();
    let is_source = |step: StepIndex| matches!(build.steps[step.at()].op.kind, OpKind::Source(_));
    let awaits = inputs.filter(|(_, (input, from))| input.content == ContentKey::Unknown && !is_source(from.step));
    // What is known to stand there by its key needs no content.
    let leads_on = |from: &StepOutput, place: usize| by_key(caches, matches, *from, &keys[step.at()], place);
    all.awaits = awaits.filter(|(place, (_, from))| !leads_on(from, *place)).map(|(place, _)| place).collect();
    all
}

/// Tells whether some record of the step's operation has at this input a key that surely stands there.
fn by_key(caches: &[&RefCache], matches: &[Matches], from: StepOutput, keys: &StepKeys, place: usize) -> bool {
    let digests: Vec<_> = keys.digests.iter().flat_map(|key| [root(key, 0), root(key, 1)]).collect();
    caches.iter().zip(matches).any(|(cache, matches)| {
        let graph = &cache.graph;
        let records =
            graph.records.iter().filter(|record| record.digest.valid().is_some_and(|found| digests.contains(&found)));
        let mut links = records.filter_map(|record| graph.input(record, place)).flatten();
        keys.inputs
            .get(place)
            .is_some_and(|input| links.any(|link| matches.link(graph, link, from, input) == Some(Certainty::Proved)))
    })
}
