//! Why steps run, put together: causes that say the same of several steps are one, and what runs because of another belongs
//! to its cause.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::Explanation;
use crate::explain::cause::{Cause, CauseKind};
use crate::format::provenance::StepIndex;

/// Steps that run for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Where the cause lies, in the order of the file.
    pub steps: Vec<StepIndex>,
    /// How many steps run because of them.
    pub followers: usize,
    /// How long all of them took, as far as a log tells.
    pub took: SignedDuration,
}

/// All groups of a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// What somebody changed comes before what a cache has lost.
    pub all: Vec<Group>,
    /// For each step the one that it runs because of, when it is not itself to blame.
    owners: Vec<Option<StepIndex>>,
    /// For each step the place of the group that it is part of or runs because of.
    group_of: Vec<Option<usize>>,
}

impl Groups {
    /// Puts the causes of an explanation together.
    pub fn new(explanation: &Explanation) -> Self {
        let order = explanation.steps();
        let owners = owners(explanation);
        let took = |step: StepIndex| explanation.busy[step.at()].unwrap_or_default();
        let causes = order.iter().filter_map(|step| Some((*step, explanation.causes[step.at()].as_ref()?)));
        let mut roots: Vec<(StepIndex, &Cause)> = causes.filter(|(_, cause)| cause.is_root()).collect();
        roots.sort_by_key(|(_, cause)| cause.kind.is_loss());
        let mut all: Vec<Group> = Vec::new();
        let mut group_of = vec![None; explanation.build.steps.len()];
        let mut shared: HashMap<(CauseKind, &str), usize> = HashMap::new();
        for (step, cause) in roots {
            let is_shared = cause.kind.is_loss() || cause.kind.is_of_many_steps() || cause.kind.is_setting();
            let known = shared.get(&(cause.kind, cause.detail.as_str())).filter(|_| is_shared);
            let place = known.copied().unwrap_or(all.len());
            if place == all.len() {
                all.push(Group::default());
            }
            shared.insert((cause.kind, &cause.detail), place);
            all[place].steps.push(step);
            all[place].took += took(step);
            group_of[step.at()] = Some(place);
        }
        for step in order {
            let owner = owners[step.at()].and_then(|owner: StepIndex| group_of[owner.at()]);
            if let Some(place) = owner {
                all[place].followers += 1;
                all[place].took += took(step);
                group_of[step.at()] = Some(place);
            }
        }
        Self { all, owners, group_of }
    }

    /// Returns the number of the group that a step is part of or runs because of, counted from 1.
    pub fn number(&self, step: StepIndex) -> Option<usize> {
        self.group_of.get(step.at()).copied().flatten().map(|place| place + 1)
    }

    /// Returns the step that a step runs because of, when it is not itself to blame.
    pub fn owner(&self, step: StepIndex) -> Option<StepIndex> {
        self.owners.get(step.at()).copied().flatten()
    }
}

/// Finds for each step that runs because of another the one that is to blame: from the first input that runs for a reason.
fn owners(explanation: &Explanation) -> Vec<Option<StepIndex>> {
    let mut owners: Vec<Option<StepIndex>> = vec![None; explanation.build.steps.len()];
    for (step, of) in explanation.build.ordered() {
        if explanation.causes[step.at()].as_ref().is_some_and(|cause| !cause.is_root()) {
            owners[step.at()] = of.inputs.iter().find_map(|input| {
                let is_root = explanation.causes[input.step.at()].as_ref().is_some_and(Cause::is_root);
                if is_root { Some(input.step) } else { owners[input.step.at()] }
            });
        }
    }
    owners
}
