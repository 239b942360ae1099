//! A build with the verdict and the cause of each step.

use jiff::SignedDuration;

use super::evidence::BuildLabel;
use super::note::{EvidenceNote, Note};
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
    /// Evidence that does not fit or is missing, and caches that may not be found.
    pub notes: Vec<Note>,
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
    pub(super) fn about_others(&self, label: &BuildLabel, labels: &[BuildLabel]) -> EvidenceNote {
        let is_explained = |found: &BuildLabel| {
            found == label || self.others.iter().any(|other| other.label == *found)
        };
        let unexplained = labels.iter().filter(|found| !is_explained(found));
        EvidenceNote::SeveralBuilds {
            count: labels.len(),
            shown: label.clone(),
            others: self.others.clone(),
            unexplained: unexplained.cloned().collect(),
        }
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
