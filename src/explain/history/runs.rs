//! The steps that run when an input changes.

use std::collections::BTreeSet;

use super::HistoryBuild;
use super::advice;
use super::inputs::{self, InputKind};
use crate::explain::keys::ContentKey;
use crate::format::llb::OpKind;
use crate::format::provenance::StepIndex;

/// The steps that an input affects, in the order of the build.
#[derive(Debug, Default)]
pub(super) struct Affected {
    /// Those that take it.
    pub(super) enters: Vec<StepIndex>,
    /// Those, and all that stand on them.
    pub(super) runs: Vec<StepIndex>,
    /// Those that take files of a step that runs: the same files are found under their content.
    pub(super) may_run: Vec<StepIndex>,
}

/// Finds the steps of a build that an input affects.
pub(super) fn of(history: &HistoryBuild, kind: InputKind, name: &str) -> Affected {
    let steps = (0..).map(StepIndex).take(history.build.steps.len());
    let enters: BTreeSet<StepIndex> = steps
        .filter(|step| takes(history, *step, kind, name))
        .collect();
    let mut runs = enters.clone();
    let mut may_run = BTreeSet::new();
    for (step, of) in history.build.ordered() {
        if runs.contains(&step) {
            continue;
        }
        let keys = history.keys.get(step.at());
        let by_content = |input: usize| {
            let keys = keys.and_then(|keys| keys.inputs.get(input));
            keys.is_some_and(|keys| keys.content != ContentKey::Never)
        };
        let mut certainly = false;
        let mut maybe = false;
        for (input, output) in of.inputs.iter().enumerate() {
            let runs_below = runs.contains(&output.step);
            certainly |= runs_below && !by_content(input);
            maybe |= runs_below || may_run.contains(&output.step);
        }
        if certainly {
            runs.insert(step);
        } else if maybe {
            may_run.insert(step);
        }
    }
    let judged = |steps: BTreeSet<StepIndex>| -> Vec<StepIndex> {
        let is_judged = |step: &StepIndex| {
            let step = history.build.step(*step);
            step.is_some_and(|step| !matches!(step.op.kind, OpKind::Source(_) | OpKind::Empty))
        };
        let mut steps: Vec<StepIndex> = steps.into_iter().filter(is_judged).collect();
        steps.sort_by_key(|step| {
            let place = history
                .names
                .get(step.at())
                .and_then(|name| name.places.first());
            (place.map(|place| place.first_line), *step)
        });
        steps
    };
    Affected {
        enters: enters.into_iter().collect(),
        runs: judged(runs),
        may_run: judged(may_run),
    }
}

/// Returns whether a step takes an input itself.
fn takes(history: &HistoryBuild, step: StepIndex, kind: InputKind, name: &str) -> bool {
    match kind {
        InputKind::BuildArg | InputKind::Environment => takes_variable(history, step, name),
        // A label is in the image alone.
        InputKind::Label => false,
        InputKind::BaseImage | InputKind::RemoteContent => {
            let source = inputs::source(&history.build, step);
            source.is_some_and(|source| source == (kind, name.to_owned()))
        }
        InputKind::Content => match &history.files {
            Some(files) => files
                .get(&step)
                .is_some_and(|files| files.contains_key(name)),
            None => {
                let text = history
                    .names
                    .get(step.at())
                    .map(|found| found.text.as_str());
                text == Some(name) && inputs::takes_context(&history.build, step)
            }
        },
    }
}

/// Returns whether a variable is in the environment of a command, or in the text of another
/// instruction.
fn takes_variable(history: &HistoryBuild, step: StepIndex, name: &str) -> bool {
    let Some(of) = history.build.step(step) else {
        return false;
    };
    if let OpKind::Exec(op) = &of.op.kind {
        let is_it = |entry: &String| entry.split('=').next() == Some(name);
        return op.meta.env.0.iter().any(is_it);
    }
    let places = history
        .names
        .get(step.at())
        .into_iter()
        .flat_map(|found| &found.places);
    places
        .map(|place| place.text.as_str())
        .any(|text| advice::mentions(text, &[name.to_owned()]))
}
