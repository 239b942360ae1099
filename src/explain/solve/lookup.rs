//! Finds the results of BuildKit's cache lookups for each step, over all imports, and how sure they
//! are.
//!
//! [`Matches`] finds the records that stand for a step in each cache alone. A build queries all
//! caches at once, and four things can come between a record and a hit:
//!
//! - **Several imports.** `combinedCacheManager.Query` (`solver/combinedcache.go`) keeps one key
//!   per id, from the import that answers first. If a record is in one import only, and its path
//!   uses a key that another import holds too, it is found by chance. Keys without inputs (sources,
//!   content of files) are the same in every import and do not count.
//! - **Steps that ignore the cache.** They look up nothing and pass no key to the steps above
//!   (`solver/edge.go`, `IgnoreCache`). A step above can match by content only; a `RUN` cannot
//!   match at all. After the step ran it has its own key again, computed from its inputs
//!   (`commitOptions`), and the steps above can match. That key leads to a record only if all keys
//!   of each input after the first do (`getIDFromDeps`, `solver/cachemanager.go`): a `COPY` from
//!   the context never has it, because the key of a local source is random.
//! - **Linked targets of bake.** The steps of a linked target are solved once, with the imports of
//!   the target that loads them first. In another import, their ids follow from the keys below
//!   (`getIDFromDeps`, `solver/cachemanager.go`). The random key of a local source is in no import,
//!   so no step above a `COPY` from the context is found there.
//! - **Results written since.** A result that was saved after the build began does not show what
//!   the build found.

use std::collections::BTreeSet;

use super::{Doubt, InCache, KnownFacts, Sure};
use crate::explain::keys::{ContentKey, InputKeys, StepKeys, root};
use crate::explain::matching::Matches;
use crate::format::cache_config::{Record, RecordIndex};
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::labels::Certainty;

/// The state of a step in the caches, and the result of its lookup.
#[derive(Debug, Clone)]
pub(super) struct KeyLookup {
    /// Its state in the caches.
    pub(super) in_cache: InCache,
    /// Whether a lookup returns a result that can be loaded.
    pub(super) result: Sure,
    /// Why the result is uncertain, although a cache holds it.
    pub(super) doubt: Option<Doubt>,
    /// The records that certainly stand for the step, with the index of their cache.
    pub(super) records: Vec<(usize, RecordIndex)>,
    /// Whether a lookup certainly returns a key.
    pub(super) has_key: bool,
    /// The inputs whose unknown content decides, and how sure it is that it decides.
    pub(super) awaits: Vec<(usize, Sure)>,
    /// The inputs whose key exists only after their step ran.
    pub(super) late: Vec<usize>,
}

/// The key of a step, as seen by the steps above it.
#[derive(Debug, Clone, Default)]
struct LookupKey {
    /// The caches that it may come from.
    from: BTreeSet<usize>,
    /// Whether it is found.
    sure: Sure,
    doubt: Option<Doubt>,
    /// Whether the step has no inputs, so that every cache finds its key.
    is_root: bool,
    /// Whether the step ignores the cache and passes on no key.
    is_hidden: bool,
    /// Whether the key exists only after the step ran.
    is_late: bool,
}

/// How a record of a step is reached in its cache.
struct RecordPath {
    cache: usize,
    has_result: bool,
    sure: Sure,
    doubt: Option<Doubt>,
    /// The steps below whose keys lead to it.
    through: Vec<StepIndex>,
    late: Vec<usize>,
    /// Whether the key that the step has after it ran leads here.
    after_run: Sure,
}

/// A build with all inputs of its lookups.
pub(super) struct Lookups<'a> {
    build: &'a Build,
    keys: &'a [StepKeys],
    caches: &'a [&'a RefCache],
    matches: &'a [Matches],
    known: &'a KnownFacts,
    /// The keys of the steps computed so far, by index.
    found: Vec<LookupKey>,
}

impl<'a> Lookups<'a> {
    /// Computes the lookups of all steps, by index. `used` holds the outputs of each step that
    /// other steps use.
    pub(super) fn of_build(
        build: &'a Build,
        keys: &'a [StepKeys],
        caches: &'a [&'a RefCache],
        matches: &'a [Matches],
        known: &'a KnownFacts,
        used: &[BTreeSet<u32>],
    ) -> Vec<KeyLookup> {
        let mut lookups = Self {
            build,
            keys,
            caches,
            matches,
            known,
            found: vec![LookupKey::default(); build.steps.len()],
        };
        let mut all: Vec<Option<KeyLookup>> = vec![None; build.steps.len()];
        for (step, _) in build.ordered() {
            all[step.at()] = Some(lookups.of_step(step, &used[step.at()]));
        }
        // Every step occurs exactly once in the order.
        all.into_iter().flatten().collect()
    }

    fn of_step(&mut self, step: StepIndex, outputs: &BTreeSet<u32>) -> KeyLookup {
        let of = &self.build.steps[step.at()];
        let mut lookup = KeyLookup {
            in_cache: InCache::Result,
            result: Sure::Yes,
            doubt: None,
            records: Vec::new(),
            has_key: true,
            awaits: Vec::new(),
            late: Vec::new(),
        };
        if matches!(of.op.kind, OpKind::Empty) {
            lookup.in_cache = InCache::Absent;
            lookup.result = Sure::No;
            lookup.has_key = false;
            return lookup;
        }
        let first = BTreeSet::from([0]);
        let outputs = if outputs.is_empty() { &first } else { outputs };
        // A step hits if each of its used outputs hits, possibly in different caches.
        for &output in outputs {
            self.add_output(StepOutput { step, output }, &mut lookup);
        }
        if self.ignores_cache(step) {
            lookup.result = Sure::No;
            lookup.doubt = None;
            self.found[step.at()].is_hidden = true;
        }
        lookup.awaits = self.awaits(step);
        lookup
    }

    fn ignores_cache(&self, step: StepIndex) -> bool {
        self.known
            .ignores_cache
            .get(step.at())
            .copied()
            .unwrap_or_default()
    }

    /// Adds the state of one output in the caches.
    fn add_output(&mut self, output: StepOutput, lookup: &mut KeyLookup) {
        let step = output.step;
        let mut in_cache = InCache::Absent;
        let mut assumed = Sure::No;
        let mut paths: Vec<RecordPath> = Vec::new();
        for (place, (cache, matches)) in self.caches.iter().zip(self.matches).enumerate() {
            for &(record, certainty) in matches.of(output) {
                let state = cache.records[record.at()].state;
                match certainty {
                    Certainty::Proved => {
                        in_cache = in_cache.max(InCache::of(state));
                        lookup.records.push((place, record));
                        paths.push(self.path(step, place, record));
                    }
                    Certainty::Assumed => {
                        if state == RecordState::Result {
                            assumed = Sure::Maybe;
                        }
                        if in_cache == InCache::Absent {
                            in_cache = InCache::Unknown;
                        }
                    }
                    Certainty::SameSteps | Certainty::SameOperation => {}
                }
            }
        }
        if !self.keys[step.at()].complete && in_cache == InCache::Absent && !self.caches.is_empty()
        {
            in_cache = InCache::Unknown;
            assumed = Sure::Maybe;
        }
        if self.ignores_cache(step) {
            // It looks up nothing, so only running it gives it a key.
            for path in &mut paths {
                path.sure = Sure::No;
            }
        }
        let is_root = self.build.steps[step.at()].inputs.is_empty();
        let (key, result, doubt) = self.combine(is_root, &paths);
        let result = result.max(assumed);
        lookup.has_key &= key.sure == Sure::Yes && !key.is_late;
        if result < lookup.result || lookup.result == Sure::Yes {
            lookup.doubt = doubt.or(lookup.doubt);
        }
        lookup.in_cache = lookup.in_cache.min(in_cache);
        lookup.result = lookup.result.min(result);
        if result != Sure::No {
            let late = paths.iter().filter(|path| path.sure == Sure::Yes);
            lookup.late.extend(late.flat_map(|path| &path.late));
        }
        self.found[step.at()] = key;
    }

    /// Finds the path to a record in its cache.
    fn path(&self, step: StepIndex, cache: usize, index: RecordIndex) -> RecordPath {
        let detail = &self.caches[cache].records[index.at()];
        let is_written_since = detail
            .created
            .is_some_and(|created| self.known.was_written_since(created));
        let mut path = RecordPath {
            cache,
            has_result: detail.state == RecordState::Result,
            sure: Sure::Yes,
            doubt: None,
            through: Vec::new(),
            late: Vec::new(),
            after_run: Sure::Yes,
        };
        if path.has_result && is_written_since {
            path.doubt = Some(Doubt::WrittenSince);
        }
        let graph = &self.caches[cache].graph;
        let record = &graph.records[index.at()];
        let inputs = self.build.steps[step.at()].inputs.iter().enumerate();
        for ((place, &input), keys) in inputs.zip(&self.keys[step.at()].inputs) {
            self.add_input(&mut path, step, record, (place, input), keys);
        }
        path
    }

    /// Adds one input of a record to its path.
    fn add_input(
        &self,
        path: &mut RecordPath,
        step: StepIndex,
        record: &Record,
        (place, input): (usize, StepOutput),
        keys: &InputKeys,
    ) {
        let matches = &self.matches[path.cache];
        let graph = &self.caches[path.cache].graph;
        let links = graph.input(record, place).unwrap_or_default();
        let below = &self.found[input.step.at()];
        if matches.is_by_content(graph, links, input, keys) {
            if place > 0 {
                let has_key = match matches.is_by_key(graph, links, input, keys) {
                    false => Sure::No,
                    true if below.is_root => Sure::Yes,
                    true => below.sure,
                };
                path.after_run = path.after_run.min(has_key);
            }
            return;
        }
        // For an input other than the first, the key must match together with the content key
        // (`getIDFromDeps`, `solver/cachemanager.go`).
        if place > 0 && keys.content == ContentKey::Unknown && (below.is_hidden || below.is_late) {
            path.after_run = path.after_run.min(Sure::Maybe);
        }
        if self.known.ends_chain(input.step, step) {
            path.sure = Sure::No;
            path.after_run = Sure::No;
            path.doubt = Some(Doubt::LinkedTarget(input.step));
        } else if below.is_hidden {
            path.sure = path.sure.min(match keys.content {
                ContentKey::Never => Sure::No,
                ContentKey::Unknown | ContentKey::Known(_) => Sure::Maybe,
            });
            path.after_run = path.after_run.min(below.sure);
            path.doubt = Some(Doubt::IgnoresCache(input.step));
        } else if !below.is_root {
            path.sure = path.sure.min(below.sure);
            path.after_run = path.after_run.min(below.sure);
            path.doubt = path.doubt.or(below.doubt);
            path.through.push(input.step);
            if below.is_late {
                path.late.push(place);
            }
        }
    }

    /// Combines the paths to the records of an output into the result of a lookup over all caches.
    fn combine(&self, is_root: bool, paths: &[RecordPath]) -> (LookupKey, Sure, Option<Doubt>) {
        let mut key = LookupKey {
            is_root,
            ..LookupKey::default()
        };
        let reached = || paths.iter().filter(|path| path.sure != Sure::No);
        key.from = reached().map(|path| path.cache).collect();
        let best = reached().max_by_key(|path| (path.sure, path.has_result));
        let Some(best) = best else {
            // Only running the step gives it a key.
            let after = paths.iter().max_by_key(|path| path.after_run);
            if let Some(after) = after {
                key.from = paths.iter().map(|path| path.cache).collect();
                key.sure = after.after_run;
                key.doubt = after.doubt;
                key.is_late = true;
            }
            return (key, Sure::No, after.and_then(|after| after.doubt));
        };
        key.sure = best.sure;
        key.doubt = best.doubt.filter(|doubt| *doubt != Doubt::WrittenSince);
        if let Some(other) = self.other_import(&key.from, reached()) {
            key.sure = Sure::Maybe;
            key.doubt = Some(Doubt::SeveralImports(other));
        }
        let loadable = || reached().filter(|path| path.has_result);
        if loadable().next().is_none() {
            return (key, Sure::No, None);
        }
        let is_new = |path: &RecordPath| path.doubt == Some(Doubt::WrittenSince);
        if loadable().all(is_new) {
            return (key, Sure::Maybe, Some(Doubt::WrittenSince));
        }
        // The import that answers first may hold the key without the result.
        let without = |cache: &usize| !loadable().any(|path| path.cache == *cache);
        if let Some(&other) = key.from.iter().find(|cache| !is_root && without(cache)) {
            return (key, Sure::Maybe, Some(Doubt::SeveralImports(other)));
        }
        let sure = loadable().map(|path| path.sure).max().unwrap_or_default();
        let result = sure.min(key.sure);
        let doubt = match result {
            Sure::Yes => None,
            _ => key.doubt,
        };
        (key, result, doubt)
    }

    /// Returns an import that may answer first for a step below and leads no further. Returns
    /// `None` if some path does not depend on that.
    fn other_import<'b>(
        &self,
        leads_on: &BTreeSet<usize>,
        mut paths: impl Iterator<Item = &'b RecordPath>,
    ) -> Option<usize> {
        let first_other = |path: &RecordPath| {
            let from = path
                .through
                .iter()
                .flat_map(|step| &self.found[step.at()].from);
            from.copied().find(|cache| !leads_on.contains(cache))
        };
        let mut other = None;
        paths.try_for_each(|path| {
            other = Some(first_other(path)?);
            Some(())
        })?;
        other
    }

    /// Returns the inputs of a step whose unknown content decides, because no key is certain there.
    fn awaits(&self, step: StepIndex) -> Vec<(usize, Sure)> {
        let of = &self.build.steps[step.at()];
        let inputs = self.keys[step.at()].inputs.iter().zip(&of.inputs);
        inputs
            .enumerate()
            .filter(|(_, (keys, _))| keys.content == ContentKey::Unknown)
            .filter(|(_, (_, from))| !self.is_source(from.step))
            .filter_map(
                |(place, (_, from))| match self.has_key_at(step, place, *from) {
                    Sure::Yes => None,
                    Sure::Maybe => Some((place, Sure::Maybe)),
                    Sure::No => Some((place, Sure::Yes)),
                },
            )
            .collect()
    }

    fn is_source(&self, step: StepIndex) -> bool {
        matches!(self.build.steps[step.at()].op.kind, OpKind::Source(_))
    }

    /// Returns whether some record of the step's operation has a key of this input.
    fn has_key_at(&self, step: StepIndex, place: usize, from: StepOutput) -> Sure {
        let below = &self.found[from.step.at()];
        let keys = &self.keys[step.at()];
        if below.is_hidden {
            return Sure::No;
        }
        let Some(input) = keys.inputs.get(place) else {
            return Sure::No;
        };
        let roots = keys.digests.iter();
        let digests: Vec<_> = roots.flat_map(|key| [root(key, 0), root(key, 1)]).collect();
        let has_key = self
            .caches
            .iter()
            .zip(self.matches)
            .any(|(cache, matches)| {
                let graph = &cache.graph;
                let of_step = graph.records.iter().filter(|record| {
                    let found = record.digest.valid();
                    found.is_some_and(|found| digests.contains(&found))
                });
                let mut links = of_step
                    .filter_map(|record| graph.input(record, place))
                    .flatten();
                links.any(|link| matches.link(graph, link, from, input) == Some(Certainty::Proved))
            });
        match has_key {
            false => Sure::No,
            true if below.sure == Sure::Maybe && !below.is_root => Sure::Maybe,
            true => Sure::Yes,
        }
    }
}
