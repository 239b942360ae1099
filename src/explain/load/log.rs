//! The verdicts, times and imports of a build in its logs.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::note::{EvidenceNote, ImportNote, Note};
use crate::explain::names::{self, StepName};
use crate::explain::solve::CacheVerdict;
use crate::format::evidence::EvidenceDocument;
use crate::format::plain_log::{PlainLog, PlainOutcome, PlainVertex};
use crate::format::progress_log::{LoggedVertex, ProgressLog};
use crate::format::provenance::{Build, Step};

mod by_name;

pub(super) use by_name::{VertexName, vertex_names, words};
use by_name::{by_name, plain_names, rich_names};

/// The logs of a build.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// The log with digests.
    pub(super) rich: Option<Arc<ProgressLog>>,
    /// The log with names only.
    pub(super) plain: Option<Arc<PlainLog>>,
}

impl Log {
    /// Returns whether there is no log.
    pub(super) fn is_empty(&self) -> bool {
        self.rich.is_none() && self.plain.is_none()
    }

    /// Returns when the first vertex began.
    pub(super) fn started(&self) -> Option<Timestamp> {
        let vertices = self.rich.iter().flat_map(|rich| rich.vertices.iter());
        vertices.filter_map(|vertex| vertex.started).min()
    }
}

/// The imports of a build according to a log.
#[derive(Debug, Default)]
pub(super) struct LoggedImports {
    /// How many were imported.
    pub(super) succeeded: usize,
    /// Those that failed, by name, with the error.
    pub(super) failed: Vec<(String, String)>,
    /// The warnings of buildx about imports that it skipped.
    pub(super) skipped: Vec<String>,
}

/// The prefix of an import's vertex in BuildKit's log.
const IMPORTING: &str = "importing cache manifest from ";

/// Returns the imports of a build in logs.
pub(super) fn imports(log: &Log) -> LoggedImports {
    let mut imports = LoggedImports::default();
    for vertex in log.rich.iter().flat_map(|rich| rich.vertices.iter()) {
        let Some(name) = vertex.name.strip_prefix(IMPORTING) else {
            continue;
        };
        if vertex.error.is_empty() {
            imports.succeeded += usize::from(vertex.completed.is_some());
        } else {
            imports.failed.push((name.to_owned(), vertex.error.clone()));
        }
    }
    for vertex in log.plain.iter().flat_map(|plain| plain.vertices.iter()) {
        let Some(name) = vertex.name.strip_prefix(IMPORTING) else {
            continue;
        };
        match &vertex.outcome {
            PlainOutcome::Failed(error) => {
                imports.failed.push((name.to_owned(), error.clone()));
            }
            PlainOutcome::Done | PlainOutcome::Cached => imports.succeeded += 1,
            PlainOutcome::Unfinished | PlainOutcome::Cancelled => {}
        }
    }
    let rich = log.rich.iter().flat_map(|rich| &rich.skipped_imports);
    let plain = log.plain.iter().flat_map(|plain| &plain.skipped_imports);
    imports.skipped = rich.chain(plain).cloned().collect();
    imports
}

/// Returns the verdict of each step in the logs, by index.
pub(super) fn verdicts(
    build: &Build,
    names: &[StepName],
    log: &Log,
    notes: &mut Vec<Note>,
) -> Vec<Option<CacheVerdict>> {
    let mut verdicts = vec![None; build.steps.len()];
    if let Some(rich) = &log.rich {
        if let Some(vertices) = rich_vertices(build, names, rich) {
            for (place, step) in build.steps.iter().enumerate() {
                let takes_nothing = step.inputs.is_empty();
                let mut vertices = vertices[place].iter();
                verdicts[place] = vertices.find_map(|vertex| rich_verdict(vertex, takes_nothing));
            }
        } else if !rich.vertices.is_empty() {
            notes.push(EvidenceNote::LogOfOtherBuild.into());
        }
        for vertex in &rich.vertices {
            if vertex.name.starts_with("importing cache manifest from") && !vertex.error.is_empty()
            {
                notes.push(ImportNote::FailedImport(vertex.error.clone()).into());
            }
        }
    }
    if let Some(plain) = &log.plain {
        let matched = by_name(build, names, plain_names(plain));
        if matched.is_empty() && !plain.vertices.is_empty() {
            notes.push(EvidenceNote::PlainLogOfOtherBuild.into());
        }
        for (step, vertex) in matched {
            verdicts[step] = verdicts[step].or(plain_verdict(vertex));
        }
    }
    verdicts
}

/// Returns how long each step ran, by index.
pub(super) fn busy(build: &Build, names: &[StepName], log: &Log) -> Vec<Option<SignedDuration>> {
    let mut busy = vec![None; build.steps.len()];
    let rich = log.rich.as_ref();
    if let Some(vertices) = rich.and_then(|rich| rich_vertices(build, names, rich)) {
        for (busy, vertices) in busy.iter_mut().zip(vertices) {
            *busy = vertices.iter().map(|vertex| vertex.busy).max();
        }
    }
    if let Some(plain) = &log.plain {
        for (step, vertex) in by_name(build, names, plain_names(plain)) {
            busy[step] = busy[step].or(Some(vertex.took));
        }
    }
    busy
}

/// Returns whether a log belongs to the build: it has most of its steps. Steps without files of a
/// context do not count, because other builds have them too.
pub(super) fn is_of(build: &Build, log: &ProgressLog) -> bool {
    let steps = build.steps.iter().filter(|step| !step.vertices.is_empty());
    let mut all = 0;
    let mut known = 0;
    for step in steps {
        all += 1;
        known += usize::from(is_known(step, log));
    }
    known * 2 > all
}

/// Returns whether a log belongs to a build, by the digests of its steps, or by their names.
pub(super) fn knows(build: &Build, log: &ProgressLog) -> bool {
    is_of(build, log) || rich_by_name(build, &names::of_steps(build), log).is_some()
}

/// Returns how many steps of a build are in a log, by their digests and by their names.
pub(super) fn known_steps(
    build: &Build,
    names: &[StepName],
    document: &EvidenceDocument,
) -> (usize, usize) {
    match document {
        EvidenceDocument::Log(log) => {
            let steps = build.steps.iter();
            let known = steps.filter(|step| is_known(step, log)).count();
            (known, by_name(build, names, rich_names(log)).len())
        }
        EvidenceDocument::PlainLog(log) => (0, by_name(build, names, plain_names(log)).len()),
        _ => (0, 0),
    }
}

/// Returns whether a log has a step, by its digest.
fn is_known(step: &Step, log: &ProgressLog) -> bool {
    let mut vertices = step.vertices.iter();
    vertices.any(|vertex| log.vertex(vertex).is_some())
}

/// Finds the vertices of each step, by index: by their digests, and by their names where the digest
/// holds a session number, as that of a step with files of a context does. Returns `None` if the
/// log is of another build.
fn rich_vertices<'a>(
    build: &Build,
    names: &[StepName],
    log: &'a ProgressLog,
) -> Option<Vec<Vec<&'a LoggedVertex>>> {
    let named = rich_by_name(build, names, log);
    let mut found = vec![Vec::new(); build.steps.len()];
    if is_of(build, log) {
        for (found, step) in found.iter_mut().zip(&build.steps) {
            let vertices = step.vertices.iter();
            found.extend(vertices.filter_map(|vertex| log.vertex(vertex)));
        }
    } else if named.is_none() {
        return None;
    }
    for (step, vertex) in named.unwrap_or_default() {
        if found[step].is_empty() {
            found[step].push(vertex);
        }
    }
    Some(found)
}

/// Finds the vertices of steps by their names, for steps whose digests do not follow from the
/// Dockerfile alone. Returns `None` if the log does not name most of the steps, or is of another
/// build: it lacks the digest of a step, and has instructions that the build lacks.
fn rich_by_name<'a>(
    build: &Build,
    names: &[StepName],
    log: &'a ProgressLog,
) -> Option<Vec<(usize, &'a LoggedVertex)>> {
    let found = by_name(build, names, rich_names(log));
    let mut digests = build.steps.iter().filter(|step| !step.vertices.is_empty());
    if !digests.all(|step| is_known(step, log)) {
        let matched = |vertex: &&LoggedVertex| {
            let mut found = found.iter();
            found.any(|(_, found)| std::ptr::eq(*found, *vertex))
        };
        let mut logged = log.vertices.iter().filter(|vertex| is_instruction(vertex));
        if !logged.all(|vertex| matched(&vertex)) {
            return None;
        }
    }
    let is_named = |name: &&StepName| name.places.iter().any(|place| place.stage.is_some());
    let all = names.iter().filter(is_named).count();
    // A failed build has not reached all of its steps.
    (!found.is_empty() && found.len() * 2 >= all).then_some(found)
}

/// Returns whether a vertex is an instruction of the Dockerfile other than `FROM`, which has
/// another name for each version of its image.
fn is_instruction(vertex: &LoggedVertex) -> bool {
    let name = VertexName::parse(&vertex.name);
    name.is_some_and(|name| !name.text.starts_with("FROM "))
}

/// Returns the steps that the build of a log had with another digest, by index: another argument,
/// option or base image is part of it.
pub(super) fn with_another_digest(build: &Build, names: &[StepName], log: &Log) -> Vec<usize> {
    let Some(rich) = &log.rich else {
        return Vec::new();
    };
    let named = rich_by_name(build, names, rich).unwrap_or_default();
    let steps = named.into_iter().map(|(step, _)| step);
    steps
        .filter(|step| {
            let step = &build.steps[*step];
            !step.vertices.is_empty() && !is_known(step, rich)
        })
        .collect()
}

fn rich_verdict(vertex: &LoggedVertex, takes_nothing: bool) -> Option<CacheVerdict> {
    match vertex {
        // The result was found but could not be loaded, so the step ran.
        _ if vertex.load_failed => Some(CacheVerdict::Miss),
        // A later event may revoke an earlier one: then layers of a result had to be fetched.
        _ if vertex.ever_cached => Some(CacheVerdict::Hit),
        // Another failure ended the build before this step began: the verdict is undecided. An
        // operation with inputs starts only if no cache has its result (`solver/jobs.go`).
        _ if vertex.was_cancelled() && (takes_nothing || vertex.started.is_none()) => None,
        // An operation without inputs starts once to compute its key, and again when it runs
        // (`solver/jobs.go`).
        _ if takes_nothing && vertex.starts == 1 => Some(CacheVerdict::Hit),
        _ if vertex.started.is_some() && vertex.completed.is_some() => Some(CacheVerdict::Miss),
        // A log that ends early does not decide about unfinished steps.
        _ => None,
    }
}

fn plain_verdict(vertex: &PlainVertex) -> Option<CacheVerdict> {
    match vertex.outcome {
        PlainOutcome::Cached => Some(CacheVerdict::Hit),
        _ if vertex.fetched && !vertex.wrote => Some(CacheVerdict::Hit),
        PlainOutcome::Unfinished | PlainOutcome::Cancelled => None,
        _ => Some(CacheVerdict::Miss),
    }
}
