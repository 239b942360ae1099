//! A step of an explained build in JSON.

use serde::Serialize;

use super::InstructionLocation;
use crate::explain::cause::{CausePart, PathChange};
use crate::explain::keys::platform;
use crate::explain::load::Explanation;
use crate::explain::text_diff::TextDiffLine;
use crate::format::digest::Digest;
use crate::format::provenance::StepIndex;

/// A step with its verdict and its cause.
#[derive(Debug, Serialize)]
pub struct WhyStepDocument<'a> {
    /// The target, if a command builds several.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    id: String,
    name: String,
    location: Option<InstructionLocation>,
    stage: Option<String>,
    platform: Option<String>,
    vertex: Option<Digest>,
    keys: Vec<Digest>,
    in_cache: &'static str,
    /// `None` for a source, because sources are always resolved.
    verdict: Option<&'static str>,
    from_log: bool,
    /// Why the verdict is unknown.
    reason: Option<String>,
    seconds: Option<f64>,
    /// The size of the layer that it writes.
    bytes: Option<u64>,
    cause: Option<StepCause<'a>>,
}

#[derive(Debug, Serialize)]
struct StepCause<'a> {
    kind: &'static str,
    detail: String,
    paths: Vec<String>,
    changes: Vec<FileChangeDocument>,
    /// Further parts of the step that changed.
    also: Vec<CausePartDocument>,
    /// The changes in the step's own text, as diff lines.
    diff: Vec<String>,
    root: bool,
    advice: Option<&'a str>,
}

/// A file that changed since a step was cached.
#[derive(Debug, Serialize)]
pub struct FileChangeDocument {
    path: String,
    kind: &'static str,
    detail: String,
    /// Lines, each after `+`, `-` or a space; `…` marks omitted lines.
    diff: Vec<String>,
}

/// A further part of a step that changed.
#[derive(Debug, Serialize)]
pub struct CausePartDocument {
    kind: &'static str,
    detail: String,
}

impl CausePartDocument {
    /// Returns the document of a part.
    pub fn new(part: &CausePart) -> Self {
        Self {
            kind: part.kind.word(),
            detail: part.detail.clone(),
        }
    }
}

impl<'a> WhyStepDocument<'a> {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 15] = [
        "target", "id", "name", "location", "stage", "platform", "vertex", "keys", "in_cache",
        "verdict", "from_log", "reason", "seconds", "bytes", "cause",
    ];

    /// Returns the document of a step. `target` is the target of a command that builds several.
    pub fn new(explanation: &'a Explanation, step: StepIndex, target: Option<&'a str>) -> Self {
        let of = &explanation.build.steps[step.at()];
        let standing = &explanation.standings[step.at()];
        let place = explanation.place(step);
        let cause = explanation.causes[step.at()].as_ref();
        Self {
            target,
            id: of.id.clone(),
            name: explanation.title(step),
            location: place.map(|place| InstructionLocation {
                file: place.file.clone(),
                line: place.first_line,
            }),
            stage: place
                .and_then(|place| place.stage.as_ref())
                .map(ToString::to_string),
            platform: of.op.platform.as_ref().map(platform::name),
            vertex: of.vertices.first().copied(),
            keys: explanation.keys[step.at()].digests.clone(),
            in_cache: standing.in_cache.word(),
            verdict: explanation.is_judged(step).then(|| standing.verdict.word()),
            from_log: standing.from_log,
            reason: explanation
                .undecided(step)
                .first()
                .map(|reason| reason.sentence(&explanation.names)),
            seconds: explanation.busy[step.at()].map(|busy| busy.as_secs_f64()),
            bytes: explanation.written[step.at()],
            cause: cause.map(|cause| StepCause {
                kind: cause.kind.word(),
                detail: cause.all_details(),
                paths: cause.changed_paths(),
                changes: cause.paths.iter().map(FileChangeDocument::new).collect(),
                also: cause.also.iter().map(CausePartDocument::new).collect(),
                diff: cause.text.iter().map(TextDiffLine::marked).collect(),
                root: cause.is_root(),
                advice: cause.advice(),
            }),
        }
    }
}

impl FileChangeDocument {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 4] = ["path", "kind", "detail", "diff"];

    /// Returns the document of a change.
    pub fn new(change: &PathChange) -> Self {
        let diff = change.lines.iter().map(TextDiffLine::marked).collect();
        Self {
            path: change.path.clone(),
            kind: change.kind.word(),
            detail: change.detail.clone(),
            diff,
        }
    }
}
