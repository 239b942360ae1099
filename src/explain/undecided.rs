//! Why the verdict of a step is unknown.

use super::cause::is_context;
use super::keys::{ContentKey, StepKeys};
use super::names::StepName;
use super::solve::{CacheVerdict, Doubt, InCache, Standing};
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex};
use crate::text::secrets::mask;

/// How many characters of another step's name a reason has at most.
const LONGEST_NAME: usize = 60;

/// Why the verdict of a step is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndecidedReason {
    /// A cache holds the result, which may not be found.
    Doubt(Doubt),
    /// Its operation is not known, so neither is its key.
    Operation,
    /// It takes files of a context that is not known.
    Context,
    /// It stands on this source, which a cache may hold in another version.
    Source(StepIndex),
    /// It takes files that this step writes, which runs.
    WrittenBy(StepIndex),
    /// It takes files of this step, which is undecided.
    StandsOn(StepIndex),
    /// Whether a later step needs it is undecided.
    Needed,
    /// The evidence does not decide it.
    Evidence,
}

impl UndecidedReason {
    /// Finds the reasons for a step, the first one for a table. There are none if its verdict is
    /// known.
    pub fn of(
        build: &Build,
        keys: &[StepKeys],
        standings: &[Standing],
        step: StepIndex,
    ) -> Vec<Self> {
        let standing = &standings[step.at()];
        if standing.verdict != CacheVerdict::Unknown {
            return Vec::new();
        }
        if let Some(doubt) = standing.doubt {
            return vec![Self::Doubt(doubt)];
        }
        if standing.in_cache != InCache::Unknown {
            return vec![Self::Needed];
        }
        let of = &build.steps[step.at()];
        if matches!(of.op.kind, OpKind::Unknown) {
            return vec![Self::Operation];
        }
        let mut reasons = Vec::new();
        for (input, used) in of.inputs.iter().zip(&keys[step.at()].inputs) {
            let input = input.step;
            let below = &build.steps[input.at()];
            let reason = if is_context(build, below) {
                (used.content == ContentKey::Unknown).then_some(Self::Context)
            } else if matches!(below.op.kind, OpKind::Source(_)) {
                (!keys[input.at()].complete).then_some(Self::Source(input))
            } else {
                match standings[input.at()].verdict {
                    CacheVerdict::Miss => Some(Self::WrittenBy(input)),
                    CacheVerdict::Unknown => Some(Self::StandsOn(input)),
                    CacheVerdict::Hit => None,
                }
            };
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        if reasons.is_empty() {
            reasons.push(Self::Evidence);
        }
        // A reason of its own before one of a step below.
        reasons.sort_by_key(|reason| matches!(reason, Self::StandsOn(_)));
        reasons
    }

    /// Returns the words in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Doubt(doubt) => doubt.word(),
            Self::Operation => "operation not known",
            Self::Context => "context not known",
            Self::Source(_) => "source not known",
            Self::WrittenBy(_) => "files of a step that runs",
            Self::StandsOn(_) => "depends on an undecided step",
            Self::Needed => "needed by an undecided step",
            Self::Evidence => "needs a log",
        }
    }

    /// Returns a sentence. `names` are those of all steps.
    pub fn sentence(self, names: &[StepName]) -> String {
        let name = |step: StepIndex| {
            let name = names.get(step.at()).map(|name| mask(&name.text));
            let name = name.unwrap_or_default();
            let first = name.lines().next().unwrap_or_default();
            let mut shown: String = first.chars().take(LONGEST_NAME).collect();
            if shown.len() < first.len() {
                shown.push('…');
            }
            shown
        };
        match self {
            Self::Doubt(doubt) => doubt.sentence().to_owned(),
            Self::Operation => {
                "its operation is not known from this evidence, so neither is its key".to_owned()
            }
            Self::Context => {
                "the files that it uses are not given: add the build context".to_owned()
            }
            Self::Source(step) => format!(
                "`{}` may differ from the one in the cache: add a log of the build",
                name(step)
            ),
            Self::WrittenBy(step) => format!(
                "it uses files that `{}` writes, and that step runs: add a log of the build",
                name(step)
            ),
            Self::StandsOn(step) => {
                format!("it depends on `{}`, which is undecided", name(step))
            }
            Self::Needed => "a later undecided step may need it: add a log of the build".to_owned(),
            Self::Evidence => "the evidence is not enough: add a log of the build".to_owned(),
        }
    }
}
