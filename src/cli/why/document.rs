//! The JSON document of `why`.

use serde::Serialize;

use super::answer::{Answer, Answers};
use crate::explain::load::request::BuildRequest;
use crate::explain::load::root_causes::RootCause;
use crate::explain::load::{Explanation, OtherBuild};
use crate::explain::solve::CacheVerdict;
use crate::report::documents::{CausePartDocument, WhyStepDocument};

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
    also: Vec<CausePartDocument>,
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
        paths: cause.changed_paths(),
        seconds: cost.took.map(|took| took.as_secs_f64()),
        bytes: cost.bytes,
        also: cause.also.iter().map(CausePartDocument::new).collect(),
    };
    roots.map(root).collect()
}
