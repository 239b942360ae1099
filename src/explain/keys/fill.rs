//! Computes content keys from available files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ContentKey, StepKeys, content, selectors};
use crate::explain::context::select::SelectError;
use crate::explain::context::{ContextFiles, scratch};
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex, StepOutput};

/// The files of outputs: of local sources, and of stages whose layers are available.
pub type KnownFiles = BTreeMap<StepOutput, Arc<ContextFiles>>;

/// An input with available files whose content key is still unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfilled {
    pub step: StepIndex,
    /// The index of the input.
    pub input: usize,
    pub error: SelectError,
}

/// Returns the files of an input that is created without inputs of its own.
fn made(build: &Build, output: StepOutput) -> Option<Arc<ContextFiles>> {
    let step = build
        .step(output.step)
        .filter(|step| step.inputs.is_empty() && output.output == 0)?;
    match &step.op.kind {
        OpKind::File(op) => scratch::files(op).map(Arc::new),
        _ => None,
    }
}

/// Sets the content keys of the inputs whose files are available. Known keys stay.
///
/// Returns the inputs for which that was not possible.
pub fn content_keys(build: &Build, keys: &mut [StepKeys], files: &KnownFiles) -> Vec<Unfilled> {
    let mut unfilled = Vec::new();
    for ((step, of), keys) in (0..).map(StepIndex).zip(&build.steps).zip(keys) {
        for (input, (output, keys)) in of.inputs.iter().zip(&mut keys.inputs).enumerate() {
            if keys.content != ContentKey::Unknown {
                continue;
            }
            let Some(files) = files.get(output).cloned().or_else(|| made(build, *output)) else {
                continue;
            };
            let selectors = selectors::of_input(&of.op.kind, input, of.inputs.len());
            let digests: Result<Vec<_>, _> = selectors
                .iter()
                .map(|selector| files.checksum(selector))
                .collect();
            match digests {
                Ok(digests) => keys.content = ContentKey::Known(content::content_key(&digests)),
                Err(error) => unfilled.push(Unfilled { step, input, error }),
            }
        }
    }
    unfilled
}
