//! Resolves the inputs of steps from names to indexes.

use std::collections::{BTreeMap, HashMap};

use super::raw::{BuildConfig, RawStep, WholeOp};
use super::{CodeLocation, ProvenanceError, Step, StepIndex, StepOutput};
use crate::format::digest::Digest;
use crate::format::lenient::LenientList;
use crate::format::llb::OpKind;
use crate::format::manifest::Descriptor;
use crate::text::escape::visible;

/// Resolves the inputs of steps and finds an order in which each step comes after its inputs.
pub(super) fn assemble(
    config: BuildConfig,
    mut locations: HashMap<String, Vec<CodeLocation>>,
    layers: BTreeMap<String, Option<LenientList<LenientList<Descriptor>>>>,
) -> Result<(Vec<Step>, Vec<StepIndex>), ProvenanceError> {
    let raw = config.steps.0;
    let mut places = HashMap::with_capacity(raw.len());
    for (place, step) in (0..).map(StepIndex).zip(&raw) {
        if places.insert(step.id.clone(), place).is_some() {
            return Err(ProvenanceError::DuplicateStep(
                visible(&step.id).into_owned(),
            ));
        }
    }
    u32::try_from(raw.len()).map_err(|_| ProvenanceError::TooManySteps)?;

    let mut steps = raw
        .into_iter()
        .map(|step| {
            let inputs = inputs(&step, &places)?;
            let locations = locations.remove(&step.id).unwrap_or_default();
            let WholeOp { op, unread } = step.op;
            Ok(Step {
                id: step.id,
                op,
                inputs,
                vertices: Vec::new(),
                vertex_name: None,
                locations,
                layers: BTreeMap::new(),
                ignores_cache: false,
                image_layers: None,
                unread,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;

    for (vertex, id) in config.vertices {
        if let (Ok(vertex), Some(place)) =
            (vertex.parse::<Digest>(), id.and_then(|id| places.get(&id)))
        {
            steps[place.at()].vertices.push(vertex);
        }
    }
    for (output, chains) in layers {
        if let Some(at) = output_of(&output, &places) {
            let chains = chains
                .unwrap_or_default()
                .0
                .into_iter()
                .map(|chain| chain.0)
                .collect();
            steps[at.step.at()].layers.insert(at.output, chains);
        }
    }
    unknown_where_empty(&mut steps);
    let order = order(&steps)?;
    Ok((steps, order))
}

/// Only the last step of a definition is empty. An empty step with users is an operation that was
/// not understood.
pub(super) fn unknown_where_empty(steps: &mut [Step]) {
    let used: Vec<StepOutput> = steps
        .iter()
        .flat_map(|step| step.inputs.iter().copied())
        .collect();
    for output in used {
        if let Some(step) = steps
            .get_mut(output.step.at())
            .filter(|step| matches!(step.op.kind, OpKind::Empty))
        {
            step.op.kind = OpKind::Unknown;
        }
    }
}

fn inputs(
    step: &RawStep,
    places: &HashMap<String, StepIndex>,
) -> Result<Vec<StepOutput>, ProvenanceError> {
    let tie = |input: &String| {
        output_of(input, places).ok_or_else(|| ProvenanceError::DanglingInput {
            step: visible(&step.id).into_owned(),
            input: visible(input).into_owned(),
        })
    };
    step.inputs.0.iter().map(tie).collect()
}

/// Parses `step4:0`.
fn output_of(text: &str, places: &HashMap<String, StepIndex>) -> Option<StepOutput> {
    let (id, output) = text.rsplit_once(':')?;
    Some(StepOutput {
        step: *places.get(id)?,
        output: output.parse().ok()?,
    })
}

/// Orders the steps, each after its inputs, by repeatedly removing steps whose inputs are all
/// removed.
pub(super) fn order(steps: &[Step]) -> Result<Vec<StepIndex>, ProvenanceError> {
    let mut missing: Vec<usize> = steps.iter().map(|step| step.inputs.len()).collect();
    let mut users = vec![Vec::new(); steps.len()];
    for (place, step) in (0..).map(StepIndex).zip(steps) {
        for input in &step.inputs {
            users[input.step.at()].push(place);
        }
    }
    let mut order: Vec<StepIndex> = (0..)
        .map(StepIndex)
        .zip(&missing)
        .filter(|(_, missing)| **missing == 0)
        .map(|(place, _)| place)
        .collect();
    let mut next = 0;
    while let Some(&ready) = order.get(next) {
        next += 1;
        for &user in &users[ready.at()] {
            missing[user.at()] -= 1;
            if missing[user.at()] == 0 {
                order.push(user);
            }
        }
    }
    match missing.iter().position(|missing| *missing > 0) {
        Some(looping) => Err(ProvenanceError::Loop(
            visible(&steps[looping].id).into_owned(),
        )),
        None => Ok(order),
    }
}
