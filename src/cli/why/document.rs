//! The JSON document of `why`.

use serde::Serialize;

use super::Arguments;
use crate::cli::show::rows::Location;
use crate::explain::cause::{Cause, PathChange};
use crate::explain::solve::Verdict;
use crate::explain::text_diff::Line;
use crate::format::digest::Digest;
use crate::format::provenance::StepIndex;
use crate::why::Explanation;

#[derive(Serialize)]
pub(super) struct Why<'a> {
    #[serde(rename = "ref")]
    imported: &'a str,
    build: Vec<String>,
    steps: Vec<Step>,
    summary: Summary,
    root_causes: Vec<Root>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Summary {
    hit: usize,
    miss: usize,
    unknown: usize,
}

#[derive(Serialize)]
struct Step {
    id: String,
    name: String,
    location: Option<Location>,
    stage: Option<String>,
    vertex: Option<Digest>,
    keys: Vec<Digest>,
    in_cache: &'static str,
    /// None for a source, which is resolved each time.
    verdict: Option<&'static str>,
    from_log: bool,
    seconds: Option<f64>,
    cause: Option<StepCause>,
}

#[derive(Serialize)]
struct StepCause {
    kind: &'static str,
    detail: String,
    paths: Vec<String>,
    changes: Vec<Change>,
    /// What of the step's own text changed, as the lines of a change.
    diff: Vec<String>,
    root: bool,
    advice: Option<&'static str>,
}

#[derive(Serialize)]
struct Change {
    path: String,
    kind: &'static str,
    detail: String,
    /// Lines, each after `+`, `-` or a space; `…` where some are left out.
    diff: Vec<String>,
}

#[derive(Serialize)]
struct Root {
    step: String,
    kind: &'static str,
    detail: String,
    paths: Vec<String>,
}

impl<'a> Why<'a> {
    pub(super) fn new(imported: &'a str, arguments: &Arguments, explanation: &'a Explanation) -> Self {
        let steps = explanation.steps().into_iter().map(|step| Step::new(explanation, step)).collect();
        let roots = explanation.root_causes().into_iter().map(|(step, cause)| Root {
            step: explanation.build.steps[step.at()].id.clone(),
            kind: cause.kind.word(),
            detail: cause.detail.clone(),
            paths: paths(cause),
        });
        Self {
            imported,
            build: arguments.builds(),
            steps,
            summary: Summary {
                hit: explanation.count(Verdict::Hit),
                miss: explanation.count(Verdict::Miss),
                unknown: explanation.count(Verdict::Unknown),
            },
            root_causes: roots.collect(),
            notes: &explanation.notes,
        }
    }
}

impl Step {
    fn new(explanation: &Explanation, step: StepIndex) -> Self {
        let (of, standing) = (&explanation.build.steps[step.at()], &explanation.standings[step.at()]);
        let place = explanation.place(step);
        let cause = explanation.causes[step.at()].as_ref();
        Self {
            id: of.id.clone(),
            name: explanation.title(step),
            location: place.map(|place| Location { file: place.file.clone(), line: place.first_line }),
            stage: place.and_then(|place| place.stage.as_ref()).map(ToString::to_string),
            vertex: of.vertices.first().copied(),
            keys: explanation.keys[step.at()].digests.clone(),
            in_cache: standing.in_cache.word(),
            verdict: explanation.is_judged(step).then(|| standing.verdict.word()),
            from_log: standing.from_log,
            seconds: explanation.busy[step.at()].map(|busy| busy.as_secs_f64()),
            cause: cause.map(|cause| StepCause {
                kind: cause.kind.word(),
                detail: cause.detail.clone(),
                paths: paths(cause),
                changes: cause.paths.iter().map(Change::new).collect(),
                diff: cause.text.iter().map(marked).collect(),
                root: cause.is_root(),
                advice: cause.kind.advice(),
            }),
        }
    }
}

impl Change {
    fn new(change: &PathChange) -> Self {
        let diff = change.lines.iter().map(marked).collect();
        Self { path: change.path.clone(), kind: change.kind.word(), detail: change.detail.clone(), diff }
    }
}

fn marked(line: &Line) -> String {
    let (sign, text) = line.parts();
    format!("{sign}{text}")
}

fn paths(cause: &Cause) -> Vec<String> {
    cause.paths.iter().map(|change| change.path.clone()).collect()
}
