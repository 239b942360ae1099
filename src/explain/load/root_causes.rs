//! The root causes of an explanation, each once, with what it costs.

use std::collections::HashMap;

use super::Explanation;
use super::groups::{Cost, owners};
use crate::explain::cause::{Cause, CauseKind};
use crate::format::provenance::StepIndex;

/// A cause that lies in its own step.
#[derive(Debug, Clone, Copy)]
pub struct RootCause<'a> {
    /// The first step that has it.
    pub step: StepIndex,
    pub cause: &'a Cause,
    /// What all steps with this cause cost, with those that run because of them.
    pub cost: Cost,
}

impl Explanation {
    /// Returns the causes that lie in their own steps, each once however many steps have it.
    pub fn root_causes(&self) -> Vec<(StepIndex, &Cause)> {
        let causes = self.root_costs().into_iter();
        causes.map(|root| (root.step, root.cause)).collect()
    }

    /// Returns the causes that lie in their own steps, with their costs. Each step that runs counts
    /// for one of them.
    pub fn root_costs(&self) -> Vec<RootCause<'_>> {
        let mut steps = self.steps();
        // A change comes before a loss of the cache.
        steps.sort_by_key(|step| {
            let cause = self.causes[step.at()].as_ref();
            cause.is_some_and(|cause| cause.kind.is_loss())
        });
        let mut roots: Vec<RootCause<'_>> = Vec::new();
        let mut places: HashMap<(CauseKind, &str, Option<StepIndex>), usize> = HashMap::new();
        let mut place_of: Vec<Option<usize>> = vec![None; self.build.steps.len()];
        let mut costs: Vec<Vec<Cost>> = Vec::new();
        for step in &steps {
            let cause = self.causes[step.at()].as_ref();
            let Some(cause) = cause.filter(|cause| cause.is_root()) else {
                continue;
            };
            let key = if cause.kind.is_of_many_steps() || cause.kind.is_setting() {
                (cause.kind, cause.detail.as_str(), None)
            } else {
                (cause.kind, "", Some(*step))
            };
            let place = *places.entry(key).or_insert(roots.len());
            if place == roots.len() {
                roots.push(RootCause {
                    step: *step,
                    cause,
                    cost: Cost::default(),
                });
                costs.push(Vec::new());
            }
            place_of[step.at()] = Some(place);
            costs[place].push(Cost::of(self, *step));
        }
        let owners = owners(self);
        for step in steps {
            let owner = owners[step.at()].and_then(|owner| place_of[owner.at()]);
            if let Some(place) = owner {
                costs[place].push(Cost::of(self, step));
            }
        }
        for (root, costs) in roots.iter_mut().zip(costs) {
            root.cost = costs.into_iter().collect();
        }
        roots
    }
}
