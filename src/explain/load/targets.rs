//! Compares the explanations of several targets of one command for the steps that they share.

use std::collections::BTreeMap;

use super::Explanation;
use crate::explain::solve::{CacheVerdict, Doubt};
use crate::format::digest::Digest;
use crate::format::llb::OpKind;
use crate::format::provenance::Build;

/// An explained target with the main context of its build.
pub type Target<'a> = (Option<&'a str>, &'a mut Explanation);

/// Makes the verdicts of shared steps undecided where targets disagree.
///
/// The builder solves a shared step once, with the imports of the target that comes first. Each
/// explanation knows only the imports of its own target. Steps that use files are shared only by
/// targets with the same context.
pub fn reconcile(targets: &mut [Target<'_>]) {
    let mut found: BTreeMap<(Digest, Option<&str>), Vec<CacheVerdict>> = BTreeMap::new();
    for (context, explanation) in targets.iter() {
        let takes_files = on_local_files(&explanation.build);
        for step in explanation.steps() {
            if !explanation.is_judged(step) {
                continue;
            }
            let verdict = explanation.standings[step.at()].verdict;
            let context = if takes_files[step.at()] {
                *context
            } else {
                None
            };
            for vertex in &explanation.build.steps[step.at()].vertices {
                found.entry((*vertex, context)).or_default().push(verdict);
            }
        }
    }
    for (context, explanation) in targets.iter_mut() {
        let takes_files = on_local_files(&explanation.build);
        for step in explanation.steps() {
            let context = if takes_files[step.at()] {
                *context
            } else {
                None
            };
            let vertices = &explanation.build.steps[step.at()].vertices;
            let differs = vertices.iter().any(|vertex| {
                let verdicts = found.get(&(*vertex, context)).map(Vec::as_slice);
                let mut verdicts = verdicts.unwrap_or_default().iter();
                let first = verdicts.next();
                verdicts.any(|verdict| Some(verdict) != first)
            });
            if !differs || !explanation.is_judged(step) {
                continue;
            }
            let standing = &mut explanation.standings[step.at()];
            // A step that is undecided for another reason keeps that reason.
            if standing.verdict != CacheVerdict::Unknown {
                standing.verdict = CacheVerdict::Unknown;
                standing.doubt = Some(Doubt::OtherTarget);
                explanation.causes[step.at()] = None;
            }
        }
    }
}

/// Returns for each step whether it depends on files of a local context.
fn on_local_files(build: &Build) -> Vec<bool> {
    let mut takes = vec![false; build.steps.len()];
    for (at, step) in build.steps.iter().enumerate() {
        let is_local =
            matches!(&step.op.kind, OpKind::Source(source) if source.scheme().0 == "local");
        // A later step among the inputs would be a cycle: assume that it uses files.
        let below = |input: usize| input >= at || takes[input];
        takes[at] = is_local || step.inputs.iter().any(|input| below(input.step.at()));
    }
    takes
}
