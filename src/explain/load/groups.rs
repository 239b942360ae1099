//! Groups the causes of steps: equal causes of several steps are one group, and steps that run
//! because of others belong to the group of their cause.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::SignedDuration;

use super::Explanation;
use crate::explain::cause::{Cause, CauseKind};
use crate::format::provenance::StepIndex;

/// Steps that run for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CauseGroup {
    /// The steps where the cause lies, in the order of the file.
    pub steps: Vec<StepIndex>,
    /// How many steps run because of them.
    pub followers: usize,
    /// What all of them cost.
    pub cost: Cost,
}

/// What it costs that steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// How long they took; `None` where no log has it.
    pub took: Option<SignedDuration>,
    /// How many bytes they write, as far as that is known; `None` where it is not known of any.
    pub bytes: Option<u64>,
    /// Whether `bytes` leaves out steps of which it is not known.
    pub is_partial: bool,
}

impl Cost {
    /// Returns the cost of one step.
    pub fn of(explanation: &Explanation, step: StepIndex) -> Self {
        let bytes = explanation.written.get(step.at()).copied().flatten();
        Self {
            took: explanation.busy.get(step.at()).copied().flatten(),
            bytes,
            is_partial: bytes.is_none(),
        }
    }

    /// Adds the cost of another step.
    fn add(&mut self, other: Self) {
        if let Some(took) = other.took {
            *self.took.get_or_insert_default() += took;
        }
        if let Some(bytes) = other.bytes {
            *self.bytes.get_or_insert_default() += bytes;
        }
        self.is_partial |= other.is_partial;
    }
}

impl FromIterator<Self> for Cost {
    fn from_iter<T: IntoIterator<Item = Self>>(costs: T) -> Self {
        let mut sum = Self::default();
        for cost in costs {
            sum.add(cost);
        }
        sum
    }
}

/// All groups of a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CauseGroups {
    /// A change comes before a loss of the cache; of each, the one that costs most is first.
    pub all: Vec<CauseGroup>,
    /// For each step, the step that is the cause of its run, if it is another one.
    owners: Vec<Option<StepIndex>>,
    /// For each step, the index of its group.
    group_of: Vec<Option<usize>>,
}

impl CauseGroups {
    /// Groups the causes of an explanation.
    pub fn new(explanation: &Explanation) -> Self {
        let order = explanation.steps();
        let owners = owners(explanation);
        let causes = order
            .iter()
            .filter_map(|step| Some((*step, explanation.causes[step.at()].as_ref()?)));
        let mut roots: Vec<(StepIndex, &Cause)> =
            causes.filter(|(_, cause)| cause.is_root()).collect();
        roots.sort_by_key(|(_, cause)| cause.kind.is_loss());
        let mut all: Vec<CauseGroup> = Vec::new();
        let mut group_of = vec![None; explanation.build.steps.len()];
        let mut shared: HashMap<(CauseKind, &str), usize> = HashMap::new();
        for (step, cause) in roots {
            let is_shared =
                cause.kind.is_loss() || cause.kind.is_of_many_steps() || cause.kind.is_setting();
            let place = match shared.get(&(cause.kind, cause.detail.as_str())) {
                Some(known) if is_shared => *known,
                _ => all.len(),
            };
            if place == all.len() {
                all.push(CauseGroup::default());
            }
            shared.insert((cause.kind, &cause.detail), place);
            all[place].steps.push(step);
            all[place].cost.add(Cost::of(explanation, step));
            group_of[step.at()] = Some(place);
        }
        for step in order {
            let owner = owners[step.at()].and_then(|owner: StepIndex| group_of[owner.at()]);
            if let Some(place) = owner {
                all[place].followers += 1;
                all[place].cost.add(Cost::of(explanation, step));
                group_of[step.at()] = Some(place);
            }
        }
        let mut groups = Self {
            all,
            owners,
            group_of,
        };
        groups.sort(explanation);
        groups
    }

    /// Puts the groups that cost most first, changes before results that a cache has lost.
    fn sort(&mut self, explanation: &Explanation) {
        let is_loss = |group: &CauseGroup| {
            let first = group.steps.first();
            let cause = first.and_then(|step| explanation.causes[step.at()].as_ref());
            cause.is_some_and(|cause| cause.kind.is_loss())
        };
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        order.sort_by_key(|place| {
            let group = &self.all[*place];
            (is_loss(group), Reverse((group.cost.took, group.cost.bytes)))
        });
        let mut place_of = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place_of[*old] = new;
        }
        self.all = order.iter().map(|place| self.all[*place].clone()).collect();
        for place in self.group_of.iter_mut().flatten() {
            *place = place_of[*place];
        }
    }

    /// Returns the number of a step's group, counted from 1.
    pub fn number(&self, step: StepIndex) -> Option<usize> {
        self.group_of
            .get(step.at())
            .copied()
            .flatten()
            .map(|place| place + 1)
    }

    /// Returns the step that is the cause of a step's run, if it is another one.
    pub fn owner(&self, step: StepIndex) -> Option<StepIndex> {
        self.owners.get(step.at()).copied().flatten()
    }
}

/// Finds for each step the step that causes its run: through the first input that runs for a
/// reason.
pub(super) fn owners(explanation: &Explanation) -> Vec<Option<StepIndex>> {
    let mut owners: Vec<Option<StepIndex>> = vec![None; explanation.build.steps.len()];
    for (step, of) in explanation.build.ordered() {
        if explanation.causes[step.at()]
            .as_ref()
            .is_some_and(|cause| !cause.is_root())
        {
            owners[step.at()] = of.inputs.iter().find_map(|input| {
                let is_root = explanation.causes[input.step.at()]
                    .as_ref()
                    .is_some_and(Cause::is_root);
                if is_root {
                    Some(input.step)
                } else {
                    owners[input.step.at()]
                }
            });
        }
    }
    owners
}
