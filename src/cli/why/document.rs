//! The JSON document of `why`.

use serde::Serialize;

use super::answer::{Answer, Answers};
use crate::cli::show::rows::InstructionLocation;
use crate::explain::cause::{Cause, CausePart, PathChange};
use crate::explain::keys::platform;
use crate::explain::load::request::BuildRequest;
use crate::explain::load::root_causes::RootCause;
use crate::explain::load::{Explanation, OtherBuild};
use crate::explain::solve::CacheVerdict;
use crate::explain::text_diff::TextDiffLine;
use crate::format::digest::Digest;
use crate::format::provenance::StepIndex;

#[derive(Serialize)]
pub(super) struct WhyDocument<'a> {
    #[serde(rename = "ref")]
    imported: String,
    /// The requests of the build command.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    requests: Vec<BuildRequest>,
    build: Vec<&'a str>,
    steps: Vec<WhyStepDocument<'a>>,
    summary: WhySummary,
    root_causes: Vec<RootCauseDocument<'a>>,
    notes: Vec<String>,
    /// The other builds of the evidence.
    others: Vec<Other>,
    /// Each target, if a command builds several; then `steps` and the rest cover all targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<WhyTargetDocument<'a>>,
}

#[derive(Serialize)]
struct WhyTargetDocument<'a> {
    name: Option<&'a str>,
    #[serde(rename = "ref")]
    imported: &'a str,
    build: &'a [String],
    summary: WhySummary,
    root_causes: Vec<RootCauseDocument<'a>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Other {
    target: Option<String>,
    platform: String,
    summary: WhySummary,
}

impl Other {
    fn new(other: &OtherBuild) -> Self {
        Self {
            target: other.label.target.clone(),
            platform: other.label.platform.clone(),
            summary: WhySummary {
                hit: other.hit,
                miss: other.miss,
                unknown: other.unknown,
                ..WhySummary::default()
            },
        }
    }
}

#[derive(Serialize, Default)]
struct WhySummary {
    hit: usize,
    miss: usize,
    unknown: usize,
    /// None where no log has it.
    seconds_lost: Option<f64>,
    /// As far as the sizes of layers are known; none where none is.
    bytes_lost: Option<u64>,
}

#[derive(Serialize)]
struct WhyStepDocument<'a> {
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

#[derive(Serialize)]
struct StepCause<'a> {
    kind: &'static str,
    detail: String,
    paths: Vec<String>,
    changes: Vec<FileChangeDocument>,
    /// Further parts of the step that changed.
    also: Vec<Also>,
    /// The changes in the step's own text, as diff lines.
    diff: Vec<String>,
    root: bool,
    advice: Option<&'a str>,
}

#[derive(Serialize)]
struct FileChangeDocument {
    path: String,
    kind: &'static str,
    detail: String,
    /// Lines, each after `+`, `-` or a space; `…` marks omitted lines.
    diff: Vec<String>,
}

#[derive(Serialize)]
struct RootCauseDocument<'a> {
    /// The target, if a command builds several.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    step: String,
    kind: &'static str,
    detail: String,
    paths: Vec<String>,
    /// How long all that runs because of it took.
    seconds: Option<f64>,
    /// How many bytes all that runs because of it writes, as far as that is known.
    bytes: Option<u64>,
    /// Further parts of the step that changed.
    also: Vec<Also>,
}

#[derive(Serialize)]
struct Also {
    kind: &'static str,
    detail: String,
}

impl Also {
    fn new(part: &CausePart) -> Self {
        Self {
            kind: part.kind.word(),
            detail: part.detail.clone(),
        }
    }
}

impl<'a> WhyDocument<'a> {
    pub(super) fn new(answers: &Answers<'a>) -> Self {
        let mut why = Self {
            imported: String::new(),
            requests: answers.requests.iter().map(BuildRequest::masked).collect(),
            build: Vec::new(),
            steps: Vec::new(),
            summary: WhySummary::default(),
            root_causes: Vec::new(),
            notes: Vec::new(),
            others: Vec::new(),
            targets: Vec::new(),
        };
        let are_several = answers.all.len() > 1;
        let mut labels: Vec<&str> = Vec::new();
        for answer in answers.all {
            let explanation = &answer.explanation;
            let target = answer.target.as_deref().filter(|_| are_several);
            if !labels.contains(&answer.label.as_str()) {
                labels.push(&answer.label);
            }
            for build in &answer.builds {
                if !why.build.contains(&build.as_str()) {
                    why.build.push(build);
                }
            }
            let steps = explanation.steps().into_iter();
            why.steps
                .extend(steps.map(|step| WhyStepDocument::new(explanation, step, target)));
            why.summary.add(explanation);
            why.root_causes.extend(roots(explanation, target));
            let notes = explanation.notes.iter().map(|note| match target {
                Some(target) => format!("{target}: {note}"),
                None => note.to_string(),
            });
            why.notes.extend(notes);
            why.others.extend(explanation.others.iter().map(Other::new));
            if are_several {
                why.targets.push(WhyTargetDocument::new(answer));
            }
        }
        why.imported = labels.join(" ");
        why
    }
}

impl<'a> WhyTargetDocument<'a> {
    fn new(answer: &'a Answer) -> Self {
        let mut summary = WhySummary::default();
        summary.add(&answer.explanation);
        Self {
            name: answer.target.as_deref(),
            imported: &answer.label,
            build: &answer.builds,
            summary,
            root_causes: roots(&answer.explanation, None),
            notes: answer
                .explanation
                .notes
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl WhySummary {
    fn add(&mut self, explanation: &Explanation) {
        self.hit += explanation.count(CacheVerdict::Hit);
        self.miss += explanation.count(CacheVerdict::Miss);
        self.unknown += explanation.count(CacheVerdict::Unknown);
        let lost = explanation.lost();
        if let Some(took) = lost.took {
            *self.seconds_lost.get_or_insert_default() += took.as_secs_f64();
        }
        if let Some(bytes) = lost.bytes {
            *self.bytes_lost.get_or_insert_default() += bytes;
        }
    }
}

fn roots<'a>(explanation: &Explanation, target: Option<&'a str>) -> Vec<RootCauseDocument<'a>> {
    let roots = explanation.root_costs().into_iter();
    let root = |RootCause { step, cause, cost }| RootCauseDocument {
        target,
        step: explanation.build.steps[step.at()].id.clone(),
        kind: cause.kind.word(),
        detail: cause.all_details(),
        paths: paths(cause),
        seconds: cost.took.map(|took| took.as_secs_f64()),
        bytes: cost.bytes,
        also: cause.also.iter().map(Also::new).collect(),
    };
    roots.map(root).collect()
}

impl<'a> WhyStepDocument<'a> {
    fn new(explanation: &'a Explanation, step: StepIndex, target: Option<&'a str>) -> Self {
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
                paths: paths(cause),
                changes: cause.paths.iter().map(FileChangeDocument::new).collect(),
                also: cause.also.iter().map(Also::new).collect(),
                diff: cause.text.iter().map(TextDiffLine::marked).collect(),
                root: cause.is_root(),
                advice: cause.advice(),
            }),
        }
    }
}

impl FileChangeDocument {
    fn new(change: &PathChange) -> Self {
        let diff = change.lines.iter().map(TextDiffLine::marked).collect();
        Self {
            path: change.path.clone(),
            kind: change.kind.word(),
            detail: change.detail.clone(),
            diff,
        }
    }
}

fn paths(cause: &Cause) -> Vec<String> {
    cause
        .paths
        .iter()
        .map(|change| change.path.clone())
        .collect()
}
