//! Finds why one step runs, from all facts about it.

use std::collections::{BTreeSet, HashSet};

use super::{Cause, CauseFacts, CauseKind, first_missed, is_context, pair, plain};
use crate::explain::keys::root;
use crate::explain::solve::{CacheVerdict, Doubt, InCache};
use crate::explain::text_diff::quoted;
use crate::format::digest::Digest;
use crate::format::llb::OpKind;
use crate::format::provenance::StepIndex;

mod inputs;
mod operation;
mod source;

/// All facts about a build, prepared for questions about single steps.
pub(super) struct Inquiry<'a> {
    facts: &'a CauseFacts<'a>,
    /// For each step, the matching step of the earlier build.
    pairs: Option<Vec<Option<StepIndex>>>,
    /// The digests of all records.
    cached: HashSet<Digest>,
    /// The texts of cached operations that match no step.
    left_over: BTreeSet<&'a str>,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(facts: &'a CauseFacts<'a>) -> Self {
        let records = facts.caches.iter().flat_map(|cache| &cache.graph.records);
        let before = facts.before.as_ref();
        Self {
            facts,
            pairs: before.map(|before| pair::pairs(&facts.now, before)),
            cached: records.filter_map(|record| record.digest.valid()).collect(),
            left_over: plain::left_over(facts.debug, facts.caches, &facts.now),
        }
    }

    /// Finds a cause in the step itself.
    pub(super) fn own(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        if facts
            .ignores_cache
            .get(step.at())
            .copied()
            .unwrap_or_default()
        {
            return Some(Cause::new(
                CauseKind::NoCache,
                "the build does not use the cache for it",
            ));
        }
        if let Some(what) = facts.unreadable {
            return Some(Cause::new(CauseKind::ConfigUnreadable, what));
        }
        let standing = &facts.solution.steps[step.at()];
        if let Some(detail) = facts.not_imported
            && (standing.from_log || facts.caches.is_empty())
        {
            return Some(Cause::new(CauseKind::ImportFailed, detail));
        }
        match standing.in_cache {
            // Without the later step, this step would not have been needed.
            InCache::KeyOnly if self.serves_broken(step) => {
                return Some(Cause::new(
                    CauseKind::Upstream,
                    "a later step needs it, whose result cannot be loaded",
                ));
            }
            InCache::KeyOnly if self.takes_nothing(step) => {
                return Some(Cause::new(
                    CauseKind::Upstream,
                    "a later step needs its result, and no cache keeps the result of an operation without inputs",
                ));
            }
            InCache::KeyOnly => {
                return Some(Cause::new(
                    CauseKind::ResultDropped,
                    "the cache holds its key but no longer its result",
                ));
            }
            InCache::Broken => {
                return Some(Cause::new(
                    CauseKind::BlobMissing,
                    "its result cannot be loaded: blobs of it are not stored, or lack the annotation \
                     `containerd.io/uncompressed`",
                ));
            }
            InCache::Result => return self.of_found(step),
            InCache::Absent | InCache::Unknown => {}
        }
        let known = self.facts.now.keys[step.at()]
            .digests
            .iter()
            .any(|key| (0..8).any(|output| self.cached.contains(&root(key, output))));
        if known {
            self.of_inputs(step)
        } else {
            self.of_operation(step)
        }
    }

    /// Returns whether a step above has a cached result that cannot be loaded.
    fn serves_broken(&self, step: StepIndex) -> bool {
        let steps = (0..).map(StepIndex).zip(&self.facts.now.build.steps);
        steps
            .filter(|(_, user)| user.inputs.iter().any(|input| input.step == step))
            .any(|(user, _)| self.facts.solution.steps[user.at()].in_cache == InCache::Broken)
    }

    /// Returns whether a step has no inputs. A cache never holds the result of such an operation
    /// (`solver/exporter.go`), so a key without a result is normal for it. It runs if a step above
    /// runs.
    fn takes_nothing(&self, step: StepIndex) -> bool {
        self.facts.now.build.steps[step.at()].inputs.is_empty()
    }

    /// Finds out why a step ran although a cache holds its result. Returns `None` if a step below
    /// is the cause.
    fn of_found(&self, step: StepIndex) -> Option<Cause> {
        if self.has_missing_input(step) {
            return None;
        }
        match self.facts.solution.steps[step.at()].doubt {
            Some(Doubt::IgnoresCache(_)) => None,
            Some(Doubt::SeveralImports(other)) => {
                let other = self.label(other);
                let detail = format!(
                    "{other} also has the keys of the steps that it depends on, but not its own; BuildKit uses the key of the import that answers first, so this step hits or misses by chance"
                );
                Some(Cause::new(CauseKind::SeveralImports, detail))
            }
            Some(Doubt::LinkedTarget(below)) => {
                let name = self.facts.now.names.get(below.at());
                let name = quoted(name.map_or("", |name| &name.text));
                let detail = format!(
                    "it depends on {name} of a linked target (a named context that is another target of the same bake); BuildKit solves linked steps once, with the imports of the target that loads them first, so this import has no key for it (moby/buildkit#4674)"
                );
                Some(Cause::new(CauseKind::LinkedTarget, detail))
            }
            Some(Doubt::WrittenSince) => Some(self.written_since(step)),
            // Targets are compared after the causes are known.
            Some(Doubt::OtherTarget) | None => {
                let detail = "the cache has its result, but the log shows that it ran: the build may have had other arguments, imported another version of the ref, or failed to load the result";
                Some(Cause::new(CauseKind::Unexplained, detail))
            }
        }
    }

    fn label(&self, cache: usize) -> String {
        match self.facts.labels.get(cache) {
            Some(label) => format!("another import ({label})"),
            None => "another import".to_owned(),
        }
    }

    fn has_missing_input(&self, step: StepIndex) -> bool {
        let steps = &self.facts.solution.steps;
        let inputs = &self.facts.now.build.steps[step.at()].inputs;
        inputs.iter().any(|input| {
            steps[input.step.at()].verdict == CacheVerdict::Miss && !self.is_source(input.step)
        })
    }

    fn is_source(&self, step: StepIndex) -> bool {
        let build = self.facts.now.build;
        let of = &build.steps[step.at()];
        matches!(of.op.kind, OpKind::Source(_)) || is_context(build, of)
    }

    /// Names the step above that is the cause.
    pub(super) fn above(
        &self,
        step: StepIndex,
        causes: &[Option<Cause>],
        nearest: &[StepIndex],
    ) -> Cause {
        let build = self.facts.now.build;
        let Some(first) = first_missed(&build.steps[step.at()], causes, nearest) else {
            let detail = match self.facts.solution.steps[step.at()].in_cache {
                InCache::Unknown => {
                    "the log shows that it ran; the evidence does not show whether a cache has it"
                }
                _ => "nothing of it is seen to have changed, and the caches do not hold it",
            };
            return Cause::new(CauseKind::Unexplained, detail);
        };
        let name = self.facts.now.names.get(nearest[first.at()].at());
        let name = name.map(|name| name.text.clone()).unwrap_or_default();
        Cause::new(CauseKind::Upstream, name)
    }
}
