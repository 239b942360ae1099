//! Converts the result of a conversion to a [`Build`], as other evidence describes it.

use super::{BuildOptions, Converted, ConvertedStep, NamedContext};
use crate::format::llb::{OpKind, Platform};
use crate::format::platform;
use crate::format::provenance::{
    Build, CodeLocation, FrontendRequest, ProvenanceError, SourceFile, Step, StepIndex, StepOutput,
};

impl Converted {
    /// Returns the build. `file` is the Dockerfile, and `path` its path.
    ///
    /// # Errors
    /// If there are too many operations.
    pub fn into_build(
        self,
        file: SourceFile,
        request: FrontendRequest,
        builder: &Platform,
    ) -> Result<Build, ProvenanceError> {
        let mut is_lasting = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            is_lasting.push(has_lasting_digest(step, &is_lasting));
        }
        let order = provenance_order(&self.steps);
        let mut places = vec![0; order.len()];
        for (place, step) in order.iter().enumerate() {
            places[*step] = place;
        }
        let mut steps: Vec<Option<Step>> = vec![None; order.len()];
        for ((step, place), lasts) in self.steps.into_iter().zip(&places).zip(is_lasting) {
            steps[*place] = Some(build_step(*place, step, &places, lasts));
        }
        let build = Build::of_steps(steps.into_iter().flatten().collect())?;
        Ok(Build {
            sources: vec![file],
            request,
            builder_platform: platform::format(builder),
            ..build
        })
    }
}

impl BuildOptions {
    /// Returns the options as BuildKit's frontend gets them. `path` is the path of the Dockerfile.
    pub fn request(
        &self,
        path: String,
        contexts: &std::collections::BTreeMap<String, NamedContext>,
    ) -> FrontendRequest {
        let mut request = FrontendRequest {
            path,
            frontend: "dockerfile.v0".to_owned(),
            ..FrontendRequest::default()
        };
        let args = &mut request.args;
        for (name, value) in &self.build_args {
            args.insert(format!("build-arg:{name}"), value.clone());
        }
        for (name, value) in &self.labels {
            args.insert(format!("label:{name}"), value.clone());
        }
        for (name, context) in contexts {
            if let NamedContext::Local { name: local, .. } = context {
                args.insert(format!("context:{name}"), format!("local:{local}"));
            }
        }
        if !self.target.is_empty() {
            args.insert("target".to_owned(), self.target.clone());
        }
        request
    }
}

/// Returns the steps in the order of provenance: each after its inputs, which are visited one after
/// another (`solver/llbsolver/provenance/buildconfig.go`).
fn provenance_order(steps: &[ConvertedStep]) -> Vec<usize> {
    let mut order = Vec::with_capacity(steps.len());
    let mut is_seen = vec![false; steps.len()];
    let mut open: Vec<(usize, usize)> = Vec::new();
    if let Some(last) = steps.len().checked_sub(1) {
        is_seen[last] = true;
        open.push((last, 0));
    }
    while let Some((step, next)) = open.last_mut() {
        let Some(input) = steps[*step].inputs.get(*next).copied() else {
            order.push(*step);
            open.pop();
            continue;
        };
        *next += 1;
        if !std::mem::replace(&mut is_seen[input], true) {
            open.push((input, 0));
        }
    }
    order
}

/// Returns whether a step has the same digest in the next build. The digest of a local directory
/// holds a session number, and so do the digests of all steps above it.
fn has_lasting_digest(step: &ConvertedStep, before: &[bool]) -> bool {
    let is_local = matches!(&step.op.kind, OpKind::Source(op) if op.scheme().0 == "local");
    let below = step
        .inputs
        .iter()
        .all(|input| before.get(*input).copied().unwrap_or_default());
    !is_local && step.unknown.is_none() && below
}

fn build_step(place: usize, step: ConvertedStep, places: &[usize], lasts: bool) -> Step {
    let mut op = step.op;
    if step.unknown.is_some() {
        op.kind = OpKind::Unknown;
    }
    let input = |input: usize| StepOutput {
        step: StepIndex(u32::try_from(places[input]).unwrap_or(u32::MAX)),
        output: 0,
    };
    let location = |lines: &crate::format::dockerfile::Lines| CodeLocation {
        source: 0,
        first_line: lines.first,
        last_line: lines.last,
    };
    Step {
        id: format!("step{place}"),
        op,
        inputs: step.inputs.into_iter().map(input).collect(),
        vertices: if lasts { vec![step.digest] } else { Vec::new() },
        vertex_name: step.name,
        locations: step.locations.iter().map(location).collect(),
        layers: std::collections::BTreeMap::new(),
        ignores_cache: step.ignores_cache,
        image_layers: step.image_layers,
        unread: None,
    }
}
