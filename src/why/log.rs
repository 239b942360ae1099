//! What logs say of the steps of a build.

use std::collections::HashMap;

use jiff::SignedDuration;

use crate::explain::names::StepName;
use crate::explain::solve::Verdict;
use crate::format::plain_log::{PlainLog, PlainOutcome, PlainVertex};
use crate::format::progress_log::{ProgressLog, Vertex};
use crate::format::provenance::Build;

/// The logs of a build.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// With digests.
    pub(super) rich: Option<ProgressLog>,
    /// With names alone.
    pub(super) plain: Option<PlainLog>,
}

impl Log {
    /// Tells whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.rich.is_none() && self.plain.is_none()
    }
}

/// Returns what the logs say of each step, by place.
pub(super) fn verdicts(build: &Build, names: &[StepName], log: &Log, notes: &mut Vec<String>) -> Vec<Option<Verdict>> {
    let mut verdicts = vec![None; build.steps.len()];
    if let Some(rich) = &log.rich {
        if is_of(build, rich) {
            verdicts = rich_verdicts(build, rich);
        } else if !rich.vertices.is_empty() {
            let what =
                "the log is of another build, or ends early: it does not know most of the steps, and is left aside";
            notes.push(what.to_owned());
        }
        for vertex in &rich.vertices {
            if vertex.name.starts_with("importing cache manifest from") && !vertex.error.is_empty() {
                notes.push(format!("the build could not import the cache: {}", vertex.error));
            }
        }
    }
    if let Some(plain) = &log.plain {
        let matched = by_name(build, names, plain);
        if matched.is_empty() && !plain.vertices.is_empty() {
            notes.push("the plain log is of another build: it knows none of the steps, and is left aside".to_owned());
        }
        for (step, vertex) in matched {
            verdicts[step] = verdicts[step].or(plain_verdict(vertex));
        }
    }
    verdicts
}

/// Returns how long each step ran, by place.
pub(super) fn busy(build: &Build, names: &[StepName], log: &Log) -> Vec<Option<SignedDuration>> {
    let mut busy = vec![None; build.steps.len()];
    if let Some(rich) = log.rich.as_ref().filter(|rich| is_of(build, rich)) {
        for (busy, step) in busy.iter_mut().zip(&build.steps) {
            let vertices = step.vertices.iter().filter_map(|vertex| rich.vertex(vertex));
            *busy = vertices.map(|vertex| vertex.busy).max();
        }
    }
    if let Some(plain) = &log.plain {
        for (step, vertex) in by_name(build, names, plain) {
            busy[step] = busy[step].or(Some(vertex.took));
        }
    }
    busy
}

/// Tells whether a log is of the build: it knows most of its steps. Those that take no files of a context are the same in
/// other builds, too.
fn is_of(build: &Build, log: &ProgressLog) -> bool {
    let steps = build.steps.iter().filter(|step| !step.vertices.is_empty());
    let (mut all, mut known) = (0, 0);
    for step in steps {
        all += 1;
        known += usize::from(step.vertices.iter().any(|vertex| log.vertex(vertex).is_some()));
    }
    known * 2 > all
}

fn rich_verdicts(build: &Build, log: &ProgressLog) -> Vec<Option<Verdict>> {
    let of = |vertex: &Vertex| match vertex {
        // What was found could not be loaded, and it ran.
        _ if vertex.load_failed => Some(Verdict::Miss),
        // A later event may take back what an earlier one said: then layers of a result had to be fetched.
        _ if vertex.ever_cached => Some(Verdict::Hit),
        // Something else ended the build: this would have run, or not.
        _ if vertex.was_cancelled() => None,
        _ if vertex.started.is_some() && vertex.completed.is_some() => Some(Verdict::Miss),
        // A log that ends early says nothing of what had not ended.
        _ => None,
    };
    let steps = build.steps.iter().map(|step| step.vertices.iter().filter_map(|vertex| log.vertex(vertex)));
    steps.map(|mut vertices| vertices.find_map(of)).collect()
}

fn plain_verdict(vertex: &PlainVertex) -> Option<Verdict> {
    match vertex.outcome {
        PlainOutcome::Cached => Some(Verdict::Hit),
        _ if vertex.fetched && !vertex.wrote => Some(Verdict::Hit),
        PlainOutcome::Unfinished | PlainOutcome::Cancelled => None,
        _ => Some(Verdict::Miss),
    }
}

/// Finds the steps that a plain log names: `[web 2/3] RUN npm ci`. A name that stands for several says nothing.
fn by_name<'a>(build: &Build, names: &[StepName], log: &'a PlainLog) -> Vec<(usize, &'a PlainVertex)> {
    let mut steps: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for (step, name) in names.iter().enumerate().filter(|(step, _)| *step < build.steps.len()) {
        for place in &name.places {
            let stage = place.stage.as_ref().map(ToString::to_string).unwrap_or_default();
            steps.entry((stage, words(&name.text))).or_default().push(step);
        }
    }
    let mut found = Vec::new();
    for vertex in &log.vertices {
        let Some((head, text)) = vertex.name.strip_prefix('[').and_then(|name| name.split_once("] ")) else { continue };
        // `[2/3]` stands in a build of one stage, whose name is `stage-0`.
        let stage = head.rsplit_once(' ').map_or("stage-0", |(stage, _)| stage);
        if let Some([step]) = steps.get(&(stage.to_owned(), words(text))).map(Vec::as_slice) {
            found.push((*step, vertex));
        }
    }
    found
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
