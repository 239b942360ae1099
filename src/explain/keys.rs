//! Cache keys: the digests by which a cache may know each step.
//!
//! An operation has a *key digest* (`CacheMap.Digest`) and, for each input, a *selector* for the
//! part that it uses. A record of a cache carries [`root`] of the key digest and the output's
//! number. Files also have a *content key*, which can replace the input that holds them; it can
//! only be computed from the files.

use crate::format::digest::Digest;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, Step};

pub mod content;
mod exec;
mod file;
pub mod fill;
pub mod image;
mod op;
pub mod platform;
pub mod selectors;
pub mod source;

/// The known keys of a step.
#[derive(Debug, Clone, Default)]
pub struct StepKeys {
    /// The key digests, in BuildKit's order: an image has two, other operations one, a local
    /// directory none.
    pub digests: Vec<Digest>,
    /// Whether the step has no other keys than these.
    pub complete: bool,
    /// One for each input of the step.
    pub inputs: Vec<InputKeys>,
}

/// How a step uses one of its inputs.
#[derive(Debug, Clone, Default)]
pub struct InputKeys {
    /// The digest of the paths that it uses; `None` if it uses all of the input.
    pub selector: Option<Digest>,
    /// Whether the content of those paths is a key too.
    pub content: ContentKey,
    /// Digests of further records that stand for the input, according to other evidence.
    pub also: Vec<Digest>,
}

impl InputKeys {
    /// Returns the key of the step below alone.
    pub(super) fn without_content(&self) -> Self {
        Self {
            selector: self.selector,
            ..Self::default()
        }
    }
}

/// The content key of an input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContentKey {
    /// The operation does not use content as a key.
    #[default]
    Never,
    /// There is one, but the files to compute it are missing.
    Unknown,
    /// The content key, from [`content::content_key`].
    Known(Digest),
}

/// Returns the digest of the record that stands for an output of an operation
/// (`solver/cachemanager.go`).
pub fn root(key: &Digest, output: u32) -> Digest {
    Digest::of(format!("{key}@{output}").as_bytes())
}

/// Returns the digest of the record that stands for content (`solver/edge.go`).
pub fn content_root(content: &Digest) -> Digest {
    Digest::of(format!("{content}@-1").as_bytes())
}

/// Hashes the paths of an input that an operation uses, in the operation's order.
pub fn selector<P: AsRef<str>>(paths: &[P]) -> Digest {
    let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
    Digest::of(paths.join("\0").as_bytes())
}

/// Returns the text behind the key of a step that runs a command or changes files. Returns `None`
/// for other steps and where the text is unknown.
pub fn preimage(build: &Build, step: &Step) -> Option<String> {
    match &step.op.kind {
        OpKind::Exec(op) => Some(exec::preimage(op, &platform::of_step(build, step)?)),
        OpKind::File(op) => file::preimage(op, step.inputs.len()),
        _ => None,
    }
}

/// Computes the keys of every step of a build.
pub fn of_build(build: &Build) -> Vec<StepKeys> {
    build
        .steps
        .iter()
        .map(|step| of_step(build, step))
        .collect()
}

fn of_step(build: &Build, step: &Step) -> StepKeys {
    let inputs = step.inputs.len();
    let plain = || vec![InputKeys::default(); inputs];
    let of = |digest: Option<Digest>, inputs| StepKeys {
        digests: digest.into_iter().collect(),
        complete: digest.is_some(),
        inputs,
    };
    match &step.op.kind {
        OpKind::Empty => StepKeys {
            complete: true,
            inputs: plain(),
            ..StepKeys::default()
        },
        OpKind::Unknown => StepKeys {
            inputs: plain(),
            ..StepKeys::default()
        },
        OpKind::Exec(op) => {
            let platform = platform::of_step(build, step);
            of(
                platform.map(|platform| exec::digest(op, &platform)),
                exec::inputs(op, inputs),
            )
        }
        OpKind::File(op) => of(file::digest(op, inputs), file::inputs(op, inputs)),
        OpKind::Source(op) => source::keys(build, op, platform::of_step(build, step).as_ref()),
        OpKind::Merge(op) => of(Some(op::merge(op)), plain()),
        OpKind::Diff(op) => of(Some(op::diff(op)), plain()),
        OpKind::Build(op) => of(op::build(op), plain()),
        OpKind::Passthrough(op) => of(Some(op::passthrough(op)), plain()),
    }
}
