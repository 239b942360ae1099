//! Finds the steps of linked targets: `contexts = { deps = "target:deps" }` of bake,
//! `additional_contexts: service:deps` of Compose.
//!
//! The request of such a build names the other target as an input (`context:deps` =
//! `input:0-deps`), and the steps of the other target belong to another Dockerfile.

use crate::explain::solve::Linked;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, Step};

/// Returns for each step the target that it belongs to.
pub(super) fn of_steps(build: &Build) -> Vec<Linked> {
    let mut linked = vec![Linked::Own; build.steps.len()];
    let is_linked = build
        .request
        .args
        .iter()
        .any(|(name, value)| name.starts_with("context:") && value.starts_with("input:"));
    if !is_linked {
        return linked;
    }
    let Some(main) = build.main_source_index() else {
        return linked;
    };
    for (index, step) in build.ordered() {
        let is_other = !step.locations.is_empty()
            && step
                .locations
                .iter()
                .all(|location| location.source != main);
        if !is_other {
            continue;
        }
        let below = step.inputs.iter().map(|input| linked[input.step.at()]);
        let has_context = takes_context(build, step)
            || below
                .into_iter()
                .any(|below| below == Linked::OtherWithContext);
        linked[index.at()] = if has_context {
            Linked::OtherWithContext
        } else {
            Linked::Other
        };
    }
    linked
}

/// Returns whether a step uses files of a local directory.
fn takes_context(build: &Build, step: &Step) -> bool {
    step.inputs.iter().any(|input| {
        let below = build.step(input.step).map(|below| &below.op.kind);
        matches!(below, Some(OpKind::Source(source)) if source.scheme().0 == "local")
    })
}
