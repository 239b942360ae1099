//! Recognizes the steps that only serve others: the build context, and the files of heredocs.

use crate::format::llb::{FileChange, OpKind, SourceOp};
use crate::format::provenance::{Build, Step};

/// Returns whether the frontend generated a step, as it does for the files of a heredoc. Such a
/// step has no line in the Dockerfile, although other steps have.
pub fn is_internal(build: &Build, step: &Step) -> bool {
    let is_made = matches!(&step.op.kind, OpKind::File(op) if op.actions.0.iter().all(|action| {
        action.input < 0 && matches!(action.change, FileChange::MakeFile(_) | FileChange::MakeDir(_))
    }));
    is_made
        && step.locations.is_empty()
        && build.steps.iter().any(|step| !step.locations.is_empty())
}

/// The name that BuildKit gives to a context from standard input (`session/upload/upload.go`).
const UPLOADED: &str = "http://buildkit-session/";

/// Returns whether a source is the main context of the build: a directory, standard input, or a
/// repository.
pub fn is_context_source(build: &Build, source: &SourceOp) -> bool {
    let (scheme, reference) = source.scheme();
    let named = build.request.args.get("context");
    match scheme {
        "local" => true,
        "http" | "https" => source.identifier.starts_with(UPLOADED),
        // Newer provenance names the repository as the origin of the Dockerfile alone.
        "git" => {
            let origin = Some(&build.request.origin).filter(|origin| !origin.is_empty());
            let mut names = named.into_iter().chain(origin);
            names.any(|name| same_repository(name, reference))
        }
        _ => false,
    }
}

/// Returns whether a step only prepares the context: it unpacks standard input and has no line in
/// the Dockerfile.
pub fn is_context(build: &Build, step: &Step) -> bool {
    let takes_context = || {
        step.inputs.iter().any(|input| {
            let below = build.step(input.step);
            matches!(below.map(|below| &below.op.kind), Some(OpKind::Source(source))
                if source.identifier.starts_with(UPLOADED))
        })
    };
    match &step.op.kind {
        OpKind::Source(source) => is_context_source(build, source),
        OpKind::File(_) => step.locations.is_empty() && takes_context(),
        _ => false,
    }
}

/// Returns whether two names mean the same repository, whatever the scheme.
fn same_repository(named: &str, reference: &str) -> bool {
    let plain = |text: &str| {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (repository, fragment) = text.split_once('#').unwrap_or((text, ""));
        let repository = repository.rsplit('@').next().unwrap_or(repository);
        let repository = repository.trim_end_matches(".git");
        (repository.to_owned(), fragment.to_owned())
    };
    plain(named) == plain(reference)
}
