//! Pairs each step with its earlier version in an earlier build.
//!
//! Steps are paired within their stages, in the order of the file: first those with the same
//! operation, then, between these, those of the same kind in order.

use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};

use super::ComparedBuild;
use crate::format::digest::Digest;
use crate::format::llb::{FileChange, OpKind};
use crate::format::provenance::StepIndex;

/// The most steps of a stage that are all compared with each other.
const MOST_COMPARED: usize = 1_000;

/// A step of a stage, with the values that are compared.
struct StageStep {
    step: StepIndex,
    digests: Vec<Digest>,
    sort: (Discriminant<OpKind>, Option<Discriminant<FileChange>>),
}

/// Pairs the steps of a build with those of an earlier one. The result has an entry for each step.
pub fn pairs(now: &ComparedBuild<'_>, before: &ComparedBuild<'_>) -> Vec<Option<StepIndex>> {
    let mut pairs = vec![None; now.build.steps.len()];
    let mut stages_before = stages(before);
    for (stage, steps) in stages(now) {
        let Some(earlier) = stages_before.remove(&stage) else {
            continue;
        };
        for (step, was) in align(&steps, &earlier) {
            pairs[step.at()] = Some(was);
        }
    }
    pairs
}

/// Returns the steps of each stage in their order.
fn stages(build: &ComparedBuild<'_>) -> BTreeMap<String, Vec<StageStep>> {
    let mut stages: BTreeMap<String, Vec<(u32, StageStep)>> = BTreeMap::new();
    for (step, of) in build.build.ordered() {
        if matches!(of.op.kind, OpKind::Empty | OpKind::Source(_)) {
            continue;
        }
        let place = build
            .names
            .get(step.at())
            .and_then(|name| name.places.first());
        let stage = place
            .and_then(|place| place.stage.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default();
        let line = place.map(|place| place.first_line).unwrap_or_default();
        let change = match &of.op.kind {
            OpKind::File(op) => op
                .actions
                .0
                .first()
                .map(|action| discriminant(&action.change)),
            _ => None,
        };
        let digests = build
            .keys
            .get(step.at())
            .map(|keys| keys.digests.clone())
            .unwrap_or_default();
        let item = StageStep {
            step,
            digests,
            sort: (discriminant(&of.op.kind), change),
        };
        stages.entry(stage).or_default().push((line, item));
    }
    stages
        .into_iter()
        .map(|(stage, mut steps)| {
            steps.sort_by_key(|(line, _)| *line);
            (stage, steps.into_iter().map(|(_, item)| item).collect())
        })
        .collect()
}

fn align(now: &[StageStep], before: &[StageStep]) -> Vec<(StepIndex, StepIndex)> {
    let now = &now[..now.len().min(MOST_COMPARED)];
    let before = &before[..before.len().min(MOST_COMPARED)];
    let mut pairs = Vec::new();
    let mut next_now = 0;
    let mut next_before = 0;
    for (same_now, same_before) in common(now, before)
        .into_iter()
        .chain([(now.len(), before.len())])
    {
        between(
            &now[next_now..same_now],
            &before[next_before..same_before],
            &mut pairs,
        );
        if let (Some(one), Some(other)) = (now.get(same_now), before.get(same_before)) {
            pairs.push((one.step, other.step));
        }
        (next_now, next_before) = (same_now + 1, same_before + 1);
    }
    pairs
}

/// Finds the longest common subsequence of equal operations.
fn common(now: &[StageStep], before: &[StageStep]) -> Vec<(usize, usize)> {
    let width = before.len() + 1;
    let mut lengths = vec![0_u32; (now.len() + 1) * width];
    for one in (0..now.len()).rev() {
        for other in (0..before.len()).rev() {
            lengths[one * width + other] = if same(&now[one], &before[other]) {
                lengths[(one + 1) * width + other + 1] + 1
            } else {
                lengths[(one + 1) * width + other].max(lengths[one * width + other + 1])
            };
        }
    }
    let mut one = 0;
    let mut other = 0;
    let mut found = Vec::new();
    while one < now.len() && other < before.len() {
        if same(&now[one], &before[other]) {
            found.push((one, other));
            (one, other) = (one + 1, other + 1);
        } else if lengths[(one + 1) * width + other] >= lengths[one * width + other + 1] {
            one += 1;
        } else {
            other += 1;
        }
    }
    found
}

fn same(one: &StageStep, other: &StageStep) -> bool {
    !one.digests.is_empty() && one.digests == other.digests
}

/// Pairs the steps between two equal steps, kind by kind.
fn between(now: &[StageStep], before: &[StageStep], pairs: &mut Vec<(StepIndex, StepIndex)>) {
    let mut left: Vec<&StageStep> = before.iter().collect();
    for item in now {
        if let Some(place) = left.iter().position(|other| other.sort == item.sort) {
            pairs.push((item.step, left.remove(place).step));
        }
    }
}
