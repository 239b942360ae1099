//! A build with the verdict and the cause of each step.

use jiff::SignedDuration;

use super::evidence::BuildLabel;
use super::notes;
use crate::explain::cause::{self, Cause};
use crate::explain::keys::StepKeys;
use crate::explain::names::StepName;
use crate::explain::solve::{CacheVerdict, InCache, Standing};
use crate::explain::undecided::UndecidedReason;
use crate::format::digest::Digest;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex};

/// A build, explained.
pub struct Explanation {
    pub build: Build,
    pub names: Vec<StepName>,
    pub keys: Vec<StepKeys>,
    /// The state of its steps.
    pub standings: Vec<Standing>,
    /// Why steps run.
    pub causes: Vec<Option<Cause>>,
    /// The names of steps in the earlier build, where known.
    pub earlier: Vec<Option<String>>,
    /// How long steps ran, if a log has the times.
    pub busy: Vec<Option<SignedDuration>>,
    /// The configurations of the caches that it is explained against.
    pub configs: Vec<Digest>,
    /// How many bytes the layers have that steps write, where the evidence or a cache has them.
    pub written: Vec<Option<u64>>,
    /// What does not fit together, or is missing to say more.
    pub notes: Vec<String>,
    /// The names of the contexts whose files are not given.
    pub missing_contexts: Vec<String>,
    /// Which build of the evidence this is.
    pub label: BuildLabel,
    /// The other builds of the evidence that were explained.
    pub others: Vec<OtherBuild>,
}

/// A build of the evidence that is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherBuild {
    pub label: BuildLabel,
    /// How many of its judged steps hit.
    pub hit: usize,
    /// How many run.
    pub miss: usize,
    /// How many are undecided.
    pub unknown: usize,
}

impl Explanation {
    /// Returns the context that a note is about, if the note says that its files are not given.
    pub fn missing_context(&self, note: &str) -> Option<&str> {
        let mut missing = self.missing_contexts.iter();
        let name = missing.find(|name| notes::context_is_missing(name) == note)?;
        Some(name)
    }

    /// Returns the reported steps in the order of the file: all but contexts and the last step,
    /// which does nothing.
    pub fn steps(&self) -> Vec<StepIndex> {
        let mut steps: Vec<StepIndex> = (0..)
            .map(StepIndex)
            .zip(&self.build.steps)
            .filter(|(_, step)| match &step.op.kind {
                OpKind::Empty => false,
                _ if cause::is_context(&self.build, step) => false,
                OpKind::Source(_) => true,
                _ => !cause::is_internal(&self.build, step),
            })
            .map(|(index, _)| index)
            .collect();
        steps.sort_by_key(|step| {
            let place = self
                .names
                .get(step.at())
                .and_then(|name| name.places.first());
            (
                place.is_none(),
                place.map(|place| (place.file.clone(), place.first_line)),
                *step,
            )
        });
        steps
    }

    /// Returns whether a step is judged. Sources are not: they are resolved in each build.
    pub fn is_judged(&self, step: StepIndex) -> bool {
        !matches!(
            self.build.steps[step.at()].op.kind,
            OpKind::Source(_) | OpKind::Empty
        )
    }

    /// Returns how many judged steps have a verdict.
    pub fn count(&self, verdict: CacheVerdict) -> usize {
        let judged = self
            .steps()
            .into_iter()
            .filter(|step| self.is_judged(*step));
        judged
            .filter(|step| self.standings[step.at()].verdict == verdict)
            .count()
    }

    /// Returns a note on which of several builds this is, and how to show the others.
    pub(super) fn about_others(&self, label: &BuildLabel, labels: &[BuildLabel]) -> String {
        let counts = |other: &OtherBuild| {
            let way = other.label.way(label);
            let way = if way.is_empty() {
                way
            } else {
                format!(", {way}")
            };
            format!(
                "{} ({} hit, {} run, {} undecided{way})",
                other.label, other.hit, other.miss, other.unknown
            )
        };
        let mut others: Vec<String> = self.others.iter().map(counts).collect();
        let explained = |found: &BuildLabel| {
            found == label || self.others.iter().any(|other| other.label == *found)
        };
        others.extend(
            labels
                .iter()
                .filter(|found| !explained(found))
                .map(|found| {
                    let way = found.way(label);
                    if way.is_empty() {
                        found.to_string()
                    } else {
                        format!("{found} ({way})")
                    }
                }),
        );
        format!(
            "the evidence describes {} builds: this is about {label}; not shown: {}",
            labels.len(),
            others.join(", ")
        )
    }

    /// Returns why the verdict of a judged step is unknown.
    pub fn undecided(&self, step: StepIndex) -> Vec<UndecidedReason> {
        if !self.is_judged(step) {
            return Vec::new();
        }
        UndecidedReason::of(&self.build, &self.keys, &self.standings, step)
    }

    /// Returns the judged steps that a log calls cached although no import holds them: the builder
    /// itself had them.
    pub fn from_builder(&self) -> Vec<StepIndex> {
        let steps = self.steps().into_iter();
        steps
            .filter(|step| self.is_judged(*step))
            .filter(|step| {
                let standing = &self.standings[step.at()];
                standing.from_log
                    && standing.verdict == CacheVerdict::Hit
                    && standing.in_cache == InCache::Absent
            })
            .collect()
    }
}
