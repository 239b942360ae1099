//! Finds which input of a step changed, when a cache holds the step's operation.

use std::collections::BTreeSet;

use super::Inquiry;
use crate::explain::cause::{Cause, CauseKind, is_context};
use crate::explain::keys::{ContentKey, root, selectors, source};
use crate::explain::names::StepName;
use crate::explain::solve::InCache;
use crate::explain::text_diff::{became, quoted};
use crate::format::digest::{Digest, DigestText};
use crate::format::llb::OpKind;
use crate::format::provenance::{Step, StepIndex, StepOutput};
use crate::inventory::cache::RecordState;
use crate::inventory::labels::Certainty;

/// How an input that no cache holds compares with the one in the caches.
enum InputChange {
    /// The input is the same, or the step below explains itself.
    None,
    Changed(Cause),
    /// The evidence does not show whether the input changed.
    Undecided,
}

impl Inquiry<'_> {
    /// Finds the input that changed, for an operation that a cache holds.
    pub(super) fn of_inputs(&self, step: StepIndex) -> Option<Cause> {
        if let Some(cause) = self.taken_paths(step) {
            return Some(cause);
        }
        let build = self.facts.now.build;
        let mut undecided = Vec::new();
        let mut found: Option<Cause> = None;
        for (place, input) in build.steps[step.at()].inputs.iter().enumerate() {
            if self.input_is_cached(step, place, *input) {
                continue;
            }
            match self.input_change(step, place, input.step) {
                InputChange::None => {}
                InputChange::Undecided => undecided.push((place, input.step)),
                InputChange::Changed(cause) => {
                    // Changed files of a directory are the most useful explanation.
                    let is_source =
                        matches!(build.steps[input.step.at()].op.kind, OpKind::Source(_));
                    let is_better = is_source && cause.kind == CauseKind::Content;
                    if found.is_none() || is_better {
                        found = Some(Cause {
                            input: Some(place),
                            ..cause
                        });
                    }
                }
            }
        }
        if found.is_some() {
            return found;
        }
        // The changes above explain the step.
        if self.has_missing_input(step) {
            return None;
        }
        // An undecided input is reported only if nothing else is left.
        if let [(place, source)] = undecided[..] {
            return Some(Cause {
                input: Some(place),
                ..self.only_undecided(step, source)?
            });
        }
        self.other_chain(step)
    }

    /// Compares the input of a step with the caches that do not hold it.
    fn input_change(&self, step: StepIndex, place: usize, input: StepIndex) -> InputChange {
        let build = self.facts.now.build;
        let below = &build.steps[input.at()];
        let OpKind::Source(source) = &below.op.kind else {
            if !is_context(build, below) {
                return InputChange::None;
            }
            let detail = "files of the build context changed: it came through standard input, and --context is not compared with it";
            return InputChange::Changed(Cause::new(CauseKind::Content, detail));
        };
        if source.scheme().0 == "local" {
            let keys = self.facts.now.keys[step.at()].inputs.get(place);
            return match keys.map(|keys| &keys.content) {
                Some(ContentKey::Unknown) => InputChange::Undecided,
                _ => InputChange::Changed(Cause::new(
                    CauseKind::Content,
                    "files of the build context changed",
                )),
            };
        }
        match self.source_changed(input) {
            Some(true) => InputChange::Changed(self.other_source(step, input, source)),
            Some(false) => InputChange::None,
            None => InputChange::Undecided,
        }
    }

    /// Blames the only input of a step that may have changed.
    fn only_undecided(&self, step: StepIndex, input: StepIndex) -> Option<Cause> {
        let OpKind::Source(source) = &self.facts.now.build.steps[input.at()].op.kind else {
            return None;
        };
        if self.is_cached_source(input) {
            let detail = "the caches hold the operation, but not directly after this source: the source changed here, or a step below was added, removed or moved; --baseline shows which";
            return Some(Cause::new(CauseKind::Unexplained, detail));
        }
        if source.scheme().0 != "local" {
            return Some(self.other_source(step, input, source));
        }
        Some(if self.has_all_results(step) {
            let detail = "files of the build context changed";
            Cause::new(CauseKind::Content, detail).needing_context()
        } else {
            let detail = "the cache holds the operation without its result, or over other files";
            Cause::new(CauseKind::Unexplained, detail).needing_context()
        })
    }

    /// Returns whether every record of the step's operation has a result that can be loaded. Only
    /// then does a run prove that the inputs changed.
    fn has_all_results(&self, step: StepIndex) -> bool {
        let keys = &self.facts.now.keys[step.at()];
        let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
        self.facts.caches.iter().all(|cache| {
            cache.graph.indexed_records().all(|(index, record)| {
                let found = record.digest.valid();
                let is_it = found.is_some_and(|found| digests.contains(&found));
                !is_it || cache.records[index.at()].state == RecordState::Result
            })
        })
    }

    /// Returns a cause if a step copies other paths of an input than before. Only the last name of
    /// each path is part of the operation's key.
    fn taken_paths(&self, step: StepIndex) -> Option<Cause> {
        let now = &self.facts.now;
        let before = self.facts.before.as_ref()?;
        let earlier = self.pairs.as_ref()?[step.at()]?;
        let of = now.build.step(step)?;
        let was = before.build.step(earlier)?;
        if of.inputs.len() != was.inputs.len() {
            return None;
        }
        let kind = if matches!(of.op.kind, OpKind::Exec(_)) {
            CauseKind::Mount
        } else {
            CauseKind::Command
        };
        of.inputs.iter().enumerate().find_map(|(place, input)| {
            let paths = |step: &Step| {
                let taken = selectors::of_input(&step.op.kind, place, step.inputs.len());
                taken
                    .into_iter()
                    .map(|selector| selector.path)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let is = paths(of);
            let was = paths(was);
            (is != was && !self.input_is_cached(step, place, *input)).then(|| Cause {
                input: Some(place),
                ..Cause::new(kind, became(&was, &is))
            })
        })
    }

    /// Returns whether the content of a source changed; `None` if that is unknown.
    fn source_changed(&self, source: StepIndex) -> Option<bool> {
        let now = self.facts.now.build;
        let OpKind::Source(op) = &now.steps[source.at()].op.kind else {
            return None;
        };
        let keys = &self.facts.now.keys[source.at()];
        // A source with a cached key may be the one of another stage.
        let is_new = keys.complete && !self.is_cached_source(source);
        let Some(earlier_build) = self.facts.before.as_ref() else {
            return is_new.then_some(true);
        };
        let before = earlier_build.build;
        let (name, _) = op
            .identifier
            .split_once('@')
            .unwrap_or((&op.identifier, ""));
        let mut all = before.steps.iter().zip(earlier_build.keys);
        let earlier = all.find_map(|(step, keys)| match &step.op.kind {
            OpKind::Source(found) if found.identifier.split('@').next() == Some(name) => {
                Some((found, keys))
            }
            _ => None,
        });
        let Some((earlier, earlier_keys)) = earlier else {
            return is_new.then_some(true);
        };
        if matches!(op.scheme().0, "http" | "https") {
            let now = source::downloaded(now, op)?;
            let was = source::downloaded(before, earlier)?;
            return Some(now != was);
        }
        if let (Some(is), Some(was)) = (source::commit(now, op), source::commit(before, earlier)) {
            return Some(is != was);
        }
        if keys.complete && earlier_keys.complete {
            return Some(keys.digests != earlier_keys.digests);
        }
        Some(op.identifier != earlier.identifier || is_new)
    }

    /// Returns whether a cache has the key of a source.
    fn is_cached_source(&self, source: StepIndex) -> bool {
        matches!(
            self.facts.solution.steps[source.at()].in_cache,
            InCache::KeyOnly | InCache::Broken | InCache::Result
        )
    }

    /// Returns whether some record of the step's operation has the step's input at this index.
    fn input_is_cached(&self, step: StepIndex, place: usize, input: StepOutput) -> bool {
        let facts = self.facts;
        let keys = &facts.now.keys[step.at()];
        let Some(input_keys) = keys.inputs.get(place) else {
            return false;
        };
        let digests: BTreeSet<Digest> = keys
            .digests
            .iter()
            .flat_map(|key| (0..8).map(move |output| root(key, output)))
            .collect();
        facts
            .caches
            .iter()
            .zip(&facts.solution.matches)
            .any(|(cache, matches)| {
                let graph = &cache.graph;
                let of_step = graph.records.iter().filter(|record| match record.digest {
                    DigestText::Valid(digest) => digests.contains(&digest),
                    DigestText::Invalid(_) => false,
                });
                let mut links = of_step
                    .filter_map(|record| graph.input(record, place))
                    .flatten();
                links.any(|link| {
                    matches.link(graph, link, input, input_keys) == Some(Certainty::Proved)
                })
            })
    }

    /// Explains a step with an unchanged operation by the steps below it: one was removed, inserted
    /// or moved.
    fn other_chain(&self, step: StepIndex) -> Option<Cause> {
        let now = &self.facts.now;
        let before = self.facts.before.as_ref()?;
        let pairs = self.pairs.as_ref()?;
        let digests = &now.keys[step.at()].digests;
        if digests.is_empty() {
            return None;
        }
        // A step that moved may have no pair in the order of the file.
        let is_same = |earlier: &StepIndex| before.keys[earlier.at()].digests == *digests;
        let earlier = match pairs[step.at()] {
            Some(pair) => Some(pair).filter(is_same),
            None => (0..).map(StepIndex).take(before.keys.len()).find(is_same),
        }?;
        let is_source_before = |step: StepIndex| {
            let of = &before.build.steps[step.at()];
            matches!(of.op.kind, OpKind::Source(_)) || is_context(before.build, of)
        };
        let inputs = now.build.step(step)?.inputs.iter();
        let mut both = inputs.zip(&before.build.step(earlier)?.inputs);
        let (input, was) = both.find(|(input, was)| {
            match (self.is_source(input.step), is_source_before(was.step)) {
                (true, true) => false,
                (false, false) => pairs[input.step.at()] != Some(was.step),
                _ => true,
            }
        })?;
        let name_of = |names: &[StepName], step: StepIndex| {
            let name = names.get(step.at()).map(|name| name.text.as_str());
            quoted(name.unwrap_or_default())
        };
        let now_has = |earlier: StepIndex| {
            let digests = &before.keys[earlier.at()].digests;
            let mut all = now.keys.iter();
            let is_same = !digests.is_empty() && all.any(|keys| keys.digests == *digests);
            is_same || pairs.contains(&Some(earlier))
        };
        let is_left = is_source_before(was.step) || now_has(was.step);
        let is_new = pairs[input.step.at()].is_none() && !self.is_source(input.step);
        let removed = name_of(before.names, was.step);
        let inserted = name_of(now.names, input.step);
        let (kind, detail) = match (is_left, is_new) {
            (false, _) => (
                CauseKind::StepRemoved,
                format!("it followed {removed}, which was removed"),
            ),
            (true, true) => (
                CauseKind::NewStep,
                format!("{inserted} was inserted before it"),
            ),
            (true, false) => (
                CauseKind::StepMoved,
                format!("it followed {removed}, and now follows {inserted}"),
            ),
        };
        Some(Cause::new(kind, detail))
    }
}
