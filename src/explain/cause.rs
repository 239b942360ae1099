//! Why a step runs: a change in the step itself, or a change in a step above it.
//!
//! A cause is reported only where the evidence shows it. A key without a result shows that the
//! cache was thinned. A record of the same operation on other inputs shows that the inputs changed.
//! An operation that no cache holds changed itself; the provenance of an earlier build ([`pair`])
//! shows which of its parts changed ([`own`]).

use std::collections::{BTreeSet, HashSet};

use super::keys::{ContentKey, StepKeys, platform, root, selectors, source};
use super::names::StepName;
use super::solve::{Doubt, InCache, Solution, Verdict};
use super::text_diff::{Line, became, quoted};
use crate::format::cache_debug::CacheDebug;
use crate::format::digest::{Digest, DigestText};
use crate::format::llb::{FileChange, OpKind, Platform, SourceOp};
use crate::format::provenance::{Build, Step, StepIndex, StepOutput};
use crate::inventory::cache::{RecordState, RefCache};

mod from_argument;
mod kind;
pub mod own;
pub mod pair;
mod plain;

pub(super) use from_argument::variables;
pub use kind::CauseKind;

/// The platforms that are looked for in the caches, in addition to those of an earlier build.
const COMMON_PLATFORMS: [&str; 8] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/amd64/v2",
    "linux/arm/v6",
    "linux/ppc64le",
    "linux/s390x",
];
/// What to do when `SOURCE_DATE_EPOCH` differs.
const EPOCH_REMEDY: &str = "pass SOURCE_DATE_EPOCH only where the image is exported, or the same value in all builds that share a cache";

/// What to do where the context is a repository that moved.
const GIT_CONTEXT_REMEDY: &str = "copy what changes often later; the context was a git repository, which --context is not compared with";

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The kind of the cause.
    pub kind: CauseKind,
    /// The description. It holds texts of builds: escape it before it reaches a terminal.
    pub detail: String,
    /// The files, if the cause is about files.
    pub paths: Vec<PathChange>,
    /// The index of the input that changed, if an input changed.
    pub input: Option<usize>,
    /// The changes in the step's own text, if that has several lines: a heredoc, a script.
    pub text: Vec<Line>,
    /// Further parts of the step that changed, each of a different kind.
    pub also: Vec<Part>,
    /// Advice for this particular cause, where the advice for its kind does not fit.
    pub remedy: Option<String>,
}

/// A part of a step that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The kind of the part.
    pub kind: CauseKind,
    /// The old and the new value.
    pub detail: String,
}

impl Part {
    pub(crate) fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Its path in the context.
    pub path: String,
    /// The kind of change.
    pub kind: CauseKind,
    /// The old and the new value, where they are short.
    pub detail: String,
    /// The changed lines of its text, where the text is small.
    pub lines: Vec<Line>,
}

impl PathChange {
    /// Makes a change without lines of text.
    pub fn new(path: impl Into<String>, kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            kind,
            detail: detail.into(),
            lines: Vec::new(),
        }
    }
}

impl Cause {
    fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            paths: Vec::new(),
            input: None,
            text: Vec::new(),
            also: Vec::new(),
            remedy: None,
        }
    }

    /// Makes a cause of the parts of a step that changed; the first is the main one.
    fn of_parts(parts: Vec<Part>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        Some(Self {
            also: parts.collect(),
            ..Self::new(first.kind, first.detail)
        })
    }

    /// Returns the advice, where something can be done.
    pub fn advice(&self) -> Option<&str> {
        let of_kind = || self.kind.advice();
        self.remedy.as_deref().or_else(of_kind)
    }

    /// Returns all changes in one line.
    pub fn all_details(&self) -> String {
        let also = self.also.iter().map(|part| part.detail.as_str());
        let all: Vec<&str> = [self.detail.as_str()].into_iter().chain(also).collect();
        all.join("; ")
    }

    /// Returns whether the cause lies in the step itself and not above it.
    pub fn is_root(&self) -> bool {
        self.kind != CauseKind::Upstream
    }
}

/// A build that is described well enough to compare it.
pub struct Described<'a> {
    /// Its graph.
    pub build: &'a Build,
    /// The keys of its steps.
    pub keys: &'a [StepKeys],
    /// The names of its steps.
    pub names: &'a [StepName],
}

/// All facts that causes are derived from.
pub struct Facts<'a> {
    /// The build that is explained.
    pub now: Described<'a>,
    /// An earlier build.
    pub before: Option<Described<'a>>,
    /// The caches that were imported.
    pub caches: &'a [&'a RefCache],
    /// The state of each step.
    pub solution: &'a Solution,
    /// For each step, whether it ignores the cache.
    pub ignores_cache: &'a [bool],
    /// The fault of the caches, where a build can use none of them.
    pub unreadable: Option<&'a str>,
    /// Why the build imported nothing, where the evidence says so.
    pub not_imported: Option<&'a str>,
    /// The names of the refs that the caches come from, by index of the cache.
    pub labels: &'a [String],
    /// The texts behind keys of the caches, as far as a daemon kept them.
    pub debug: &'a [CacheDebug],
}

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

/// Finds the cause of each step that runs, by index of the step.
pub fn causes(facts: &Facts<'_>) -> Vec<Option<Cause>> {
    let pairs = facts
        .before
        .as_ref()
        .map(|before| pair::pairs(&facts.now, before));
    let cached: HashSet<Digest> = facts
        .caches
        .iter()
        .flat_map(|cache| &cache.graph.records)
        .filter_map(|record| record.digest.valid())
        .collect();
    let left_over = plain::left_over(facts.debug, facts.caches, &facts.now);
    let inquiry = Inquiry {
        facts,
        pairs,
        cached,
        left_over,
    };
    let steps = facts.now.build.steps.len();
    let mut causes: Vec<Option<Cause>> = vec![None; steps];
    // For each step that runs, the one whose cause it is.
    let mut nearest: Vec<StepIndex> = (0..).map(StepIndex).take(steps).collect();
    for (step, of) in facts.now.build.ordered() {
        let runs = facts.solution.steps[step.at()].verdict == Verdict::Miss;
        let is_source = matches!(of.op.kind, OpKind::Empty | OpKind::Source(_));
        if !runs || is_source || is_context(facts.now.build, of) {
            continue;
        }
        // The content of a heredoc is a step of its own, without a line in any file.
        let inside = of.inputs.iter().map(|input| input.step).filter(|input| {
            facts
                .now
                .build
                .step(*input)
                .is_some_and(|step| is_internal(facts.now.build, step))
        });
        let inside = inside.filter_map(|input| causes[input.at()].clone());
        let of_heredoc = inside
            .into_iter()
            .find(|cause| cause.kind == CauseKind::Heredoc);
        let cause = inquiry
            .own(step)
            .or(of_heredoc)
            .unwrap_or_else(|| inquiry.above(step, &causes, &nearest));
        if let Some(input) = first_missed(of, &causes).filter(|_| !cause.is_root()) {
            nearest[step.at()] = nearest[input.at()];
        }
        causes[step.at()] = Some(cause);
    }
    causes
}

struct Inquiry<'a> {
    facts: &'a Facts<'a>,
    /// For each step, the matching step of the earlier build.
    pairs: Option<Vec<Option<StepIndex>>>,
    /// The digests of all records.
    cached: HashSet<Digest>,
    /// The texts of cached operations that match no step.
    left_over: BTreeSet<&'a str>,
}

impl Inquiry<'_> {
    /// Finds a cause in the step itself.
    fn own(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        if facts
            .ignores_cache
            .get(step.at())
            .copied()
            .unwrap_or_default()
        {
            return Some(Cause::new(
                CauseKind::NoCache,
                "the build was told not to look into caches for it",
            ));
        }
        if let Some(what) = facts.unreadable {
            return Some(Cause::new(CauseKind::ConfigUnreadable, what));
        }
        let standing = &facts.solution.steps[step.at()];
        if let Some(detail) = facts.not_imported.filter(|_| standing.from_log) {
            return Some(Cause::new(CauseKind::ImportFailed, detail));
        }
        match standing.in_cache {
            // Without the later step, this step would not have been needed.
            InCache::KeyOnly if self.serves_broken(step) => {
                return Some(Cause::new(
                    CauseKind::Upstream,
                    "a later step needs it, whose result cannot be loaded",
                ));
            }
            InCache::KeyOnly if !self.takes_nothing(step) => {
                return Some(Cause::new(
                    CauseKind::ResultDropped,
                    "the cache holds its key but no longer its result",
                ));
            }
            InCache::Broken => {
                return Some(Cause::new(
                    CauseKind::BlobMissing,
                    "its result cannot be loaded: blobs of it are not stored, or lack the annotation \
                     `containerd.io/uncompressed`",
                ));
            }
            InCache::Result => return self.of_found(step),
            InCache::KeyOnly | InCache::Absent | InCache::Unknown => {}
        }
        let known = self.facts.now.keys[step.at()]
            .digests
            .iter()
            .any(|key| (0..8).any(|output| self.cached.contains(&root(key, output))));
        if known {
            self.of_inputs(step)
        } else {
            self.of_operation(step)
        }
    }

    /// Returns whether a step above has a cached result that cannot be loaded.
    fn serves_broken(&self, step: StepIndex) -> bool {
        let steps = (0..).map(StepIndex).zip(&self.facts.now.build.steps);
        steps
            .filter(|(_, user)| user.inputs.iter().any(|input| input.step == step))
            .any(|(user, _)| self.facts.solution.steps[user.at()].in_cache == InCache::Broken)
    }

    /// Returns whether a step has no inputs. A cache never holds the result of such an operation
    /// (`solver/exporter.go`), so a key without a result is normal for it.
    fn takes_nothing(&self, step: StepIndex) -> bool {
        self.facts.now.build.steps[step.at()].inputs.is_empty()
    }

    /// Finds out why a step ran although a cache holds its result. Returns `None` if a step below
    /// is the cause.
    fn of_found(&self, step: StepIndex) -> Option<Cause> {
        if self.has_missing_input(step) {
            return None;
        }
        match self.facts.solution.steps[step.at()].doubt {
            Some(Doubt::IgnoresCache(_)) => None,
            Some(Doubt::SeveralImports(other)) => {
                let other = self.label(other);
                let detail = format!(
                    "{other} holds the keys of the steps below as well and leads no further; BuildKit keeps the key of whichever import answers first, so this result was found or not by chance"
                );
                Some(Cause::new(CauseKind::SeveralImports, detail))
            }
            Some(Doubt::LinkedTarget(below)) => {
                let name = self.facts.now.names.get(below.at());
                let name = quoted(name.map_or("", |name| &name.text));
                let detail = format!(
                    "it stands on {name} of a linked target (a named context that is another target of the same bake); linked steps are solved once, with the imports of the target that loads them first, so their keys lead no further here (moby/buildkit#4674)"
                );
                Some(Cause::new(CauseKind::LinkedTarget, detail))
            }
            Some(Doubt::WrittenSince) => Some(self.written_since(step)),
            // Targets are compared after the causes are known.
            Some(Doubt::OtherTarget) | None => {
                let detail = "the cache holds its result, and the log says that it ran: the build may have imported another version of the ref, or could not load the result";
                Some(Cause::new(CauseKind::Unexplained, detail))
            }
        }
    }

    /// Explains a step whose result was exported after the build began. Uses the earlier build, if
    /// that shows a change.
    fn written_since(&self, step: StepIndex) -> Cause {
        let changed = self.of_operation(step).filter(|cause| {
            !matches!(
                cause.kind,
                CauseKind::Unexplained | CauseKind::NotExported | CauseKind::ResultDropped
            )
        });
        let detail = "the ref now holds what this build, or a later one, exported, so it cannot say what the build found";
        let remedy = "explain against the ref as it was before this build: its previous version (such as main~1), another tag, or a tag per commit";
        let mut cause = changed.unwrap_or_else(|| Cause::new(CauseKind::ExportedSince, detail));
        if cause.kind != CauseKind::ExportedSince {
            cause.also.push(Part::new(CauseKind::ExportedSince, detail));
        }
        cause.remedy = Some(remedy.to_owned());
        cause
    }

    fn label(&self, cache: usize) -> String {
        match self.facts.labels.get(cache) {
            Some(label) => format!("another import ({label})"),
            None => "another import".to_owned(),
        }
    }

    /// Finds which part of an operation changed, when no cache holds the operation.
    fn of_operation(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        let runs_above = self.has_missing_input(step);
        let (Some(before), Some(pairs)) = (&facts.before, &self.pairs) else {
            let parts = plain::change(&facts.now, step, &self.left_over);
            if let Some(cause) = Cause::of_parts(parts) {
                return Some(cause);
            }
            let detail = "the imported refs do not hold this operation; without an earlier build, nothing shows whether it changed or was never exported here";
            return (!runs_above).then(|| Cause::new(CauseKind::Unexplained, detail));
        };
        let Some(former) = pairs[step.at()] else {
            return Some(Cause::new(
                CauseKind::NewStep,
                "the earlier build had no such step",
            ));
        };
        if before.keys[former.at()].digests == facts.now.keys[step.at()].digests {
            let detail =
                "the earlier build had the same step, and the imported refs do not hold it";
            return (!runs_above).then(|| Cause::new(CauseKind::NotExported, detail));
        }
        let base = self.base_image_changed(step, before, former);
        let parts = own::change(&facts.now, step, before, former, base);
        let Some(mut cause) = Cause::of_parts(parts) else {
            // The rest comes from the image.
            return match runs_above {
                true => None,
                false if base => Some(self.base_image_of(step)),
                false => Some(Cause::new(
                    CauseKind::Unexplained,
                    "its key differs from the earlier build's, and the evidence does not show in what",
                )),
            };
        };
        if matches!(cause.kind, CauseKind::Command | CauseKind::Heredoc) {
            let text = own::text_change(facts.now.build, step, before.build, former);
            if let Some(text) = text {
                cause.detail = own::counted(&text);
                cause.text = text;
            }
        }
        if cause.detail.starts_with("SOURCE_DATE_EPOCH ") {
            cause.remedy = Some(EPOCH_REMEDY.to_owned());
        }
        Some(cause)
    }

    /// Blames the base image of a step.
    fn base_image_of(&self, step: StepIndex) -> Cause {
        let build = self.facts.now.build;
        let mut at = step;
        for _ in 0..build.steps.len() {
            let Some(of) = build.step(at) else { break };
            if let OpKind::Source(source) = &of.op.kind {
                return self.base_image(at, source.scheme().1);
            }
            let Some(first) = of.inputs.first() else {
                break;
            };
            at = first.step;
        }
        Cause::new(CauseKind::BaseImage, "the image below changed")
    }

    /// Finds the input that changed, for an operation that a cache holds.
    fn of_inputs(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        let build = facts.now.build;
        let keys = &facts.now.keys[step.at()];
        if let Some(cause) = self.taken_paths(step) {
            return Some(cause);
        }
        let mut unknown = Vec::new();
        let mut found: Option<Cause> = None;
        for (place, input) in build.steps[step.at()].inputs.iter().enumerate() {
            if self.input_is_cached(step, place, *input) {
                continue;
            }
            let below = &build.steps[input.step.at()];
            if !matches!(below.op.kind, OpKind::Source(_)) && is_context(build, below) {
                let detail = "files of the build context changed: it came through standard input, and --context is not compared with it";
                found = found.or(Some(Cause {
                    input: Some(place),
                    ..Cause::new(CauseKind::Content, detail)
                }));
                continue;
            }
            let OpKind::Source(source) = &below.op.kind else {
                continue;
            };
            let cause = match source.scheme().0 {
                "local"
                    if keys
                        .inputs
                        .get(place)
                        .is_some_and(|input| input.content == ContentKey::Unknown) =>
                {
                    unknown.push(place);
                    continue;
                }
                "local" => Cause::new(CauseKind::Content, "files of the build context changed"),
                scheme => {
                    match self.source_changed(input.step) {
                        Some(true) => {}
                        Some(false) => continue,
                        // An unknown input is reported only if nothing else is left.
                        None => {
                            unknown.push(place);
                            continue;
                        }
                    }
                    if matches!(scheme, "docker-image" | "oci-layout") {
                        self.base_image(input.step, source.scheme().1)
                    } else {
                        self.remote(source)
                    }
                }
            };
            let cause = Cause {
                input: Some(place),
                ..cause
            };
            // Changed files are the most useful explanation.
            if found.is_none() || cause.kind == CauseKind::Content {
                found = Some(cause);
            }
        }
        if found.is_none() && unknown.len() == 1 && !self.has_missing_input(step) {
            let input = unknown.first().copied();
            let from = input.and_then(|place| build.steps[step.at()].inputs.get(place));
            let source = from.and_then(|from| match &build.steps[from.step.at()].op.kind {
                OpKind::Source(source) => Some(source),
                _ => None,
            })?;
            let cause = match source.scheme().0 {
                "local" if !self.has_all_results(step) => {
                    let detail = "the cache holds the operation without its result, or over other files; add --context DIR to see which";
                    Cause::new(CauseKind::Unexplained, detail)
                }
                "local" => {
                    let detail =
                        "files of the build context changed; add --context DIR to see which";
                    Cause::new(CauseKind::Content, detail)
                }
                "docker-image" | "oci-layout" => self.base_image(from?.step, source.scheme().1),
                _ => self.remote(source),
            };
            return Some(Cause { input, ..cause });
        }
        found.or_else(|| {
            let is_own = !self.has_missing_input(step);
            is_own.then(|| self.other_chain(step)).flatten()
        })
    }

    /// Returns whether every record of the step's operation has a result that can be loaded. Only
    /// then does a run prove that the inputs changed.
    fn has_all_results(&self, step: StepIndex) -> bool {
        let keys = &self.facts.now.keys[step.at()];
        let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
        self.facts.caches.iter().all(|cache| {
            cache.graph.indexed_records().all(|(index, record)| {
                let found = record.digest.valid();
                let is_it = found.is_some_and(|found| digests.contains(&found));
                !is_it || cache.records[index.at()].state == RecordState::Result
            })
        })
    }

    /// Returns a cause if a step copies other paths of an input than before. Only the last name of
    /// each path is part of the operation's key.
    fn taken_paths(&self, step: StepIndex) -> Option<Cause> {
        let now = &self.facts.now;
        let before = self.facts.before.as_ref()?;
        let former = self.pairs.as_ref()?[step.at()]?;
        let of = now.build.step(step)?;
        let was = before.build.step(former)?;
        if of.inputs.len() != was.inputs.len() {
            return None;
        }
        let kind = if matches!(of.op.kind, OpKind::Exec(_)) {
            CauseKind::Mount
        } else {
            CauseKind::Command
        };
        of.inputs.iter().enumerate().find_map(|(place, input)| {
            let paths = |step: &Step| {
                let taken = selectors::of_input(&step.op.kind, place, step.inputs.len());
                taken
                    .into_iter()
                    .map(|selector| selector.path)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let is = paths(of);
            let was = paths(was);
            (is != was && !self.input_is_cached(step, place, *input)).then(|| Cause {
                input: Some(place),
                ..Cause::new(kind, became(&was, &is))
            })
        })
    }

    /// Returns whether the content of a source changed; `None` if that is unknown.
    fn source_changed(&self, source: StepIndex) -> Option<bool> {
        let now = self.facts.now.build;
        let OpKind::Source(op) = &now.steps[source.at()].op.kind else {
            return None;
        };
        let is_complete = self.facts.now.keys[source.at()].complete;
        let Some(before) = self.facts.before.as_ref().map(|before| before.build) else {
            return is_complete.then_some(true);
        };
        let (name, _) = op
            .identifier
            .split_once('@')
            .unwrap_or((&op.identifier, ""));
        let former = before.steps.iter().find_map(|step| match &step.op.kind {
            OpKind::Source(found) if found.identifier.split('@').next() == Some(name) => {
                Some(found)
            }
            _ => None,
        });
        let Some(former) = former else {
            return is_complete.then_some(true);
        };
        if matches!(op.scheme().0, "http" | "https") {
            let now = source::downloaded(now, op)?;
            let was = source::downloaded(before, former)?;
            return Some(now != was);
        }
        if let (Some(is), Some(was)) = (source::commit(now, op), source::commit(before, former)) {
            return Some(is != was);
        }
        Some(op.identifier != former.identifier || is_complete)
    }

    /// Returns whether some record of the step's operation has the step's input at this index.
    fn input_is_cached(&self, step: StepIndex, place: usize, input: StepOutput) -> bool {
        let facts = self.facts;
        let keys = &facts.now.keys[step.at()];
        let Some(input_keys) = keys.inputs.get(place) else {
            return false;
        };
        let digests: BTreeSet<Digest> = keys
            .digests
            .iter()
            .flat_map(|key| (0..8).map(move |output| root(key, output)))
            .collect();
        facts
            .caches
            .iter()
            .zip(&facts.solution.matches)
            .any(|(cache, matches)| {
                let graph = &cache.graph;
                let of_step = graph.records.iter().filter(|record| match record.digest {
                    DigestText::Valid(digest) => digests.contains(&digest),
                    DigestText::Invalid(_) => false,
                });
                let mut links = of_step
                    .filter_map(|record| graph.input(record, place))
                    .flatten();
                links.any(|link| {
                    matches.link(graph, link, input, input_keys)
                        == Some(super::matching::Certainty::Proved)
                })
            })
    }

    fn base_image(&self, source: StepIndex, reference: &str) -> Cause {
        let (name, now) = reference.split_once('@').unwrap_or((reference, ""));
        let short = name.rsplit('/').next().unwrap_or(name);
        if let Some(detail) = self.other_platform(source) {
            return Cause::new(CauseKind::Platform, detail);
        }
        if let Some(part) = self.argument_of_from(source) {
            return Cause::new(CauseKind::BuildArg, part);
        }
        let before = self
            .facts
            .before
            .as_ref()
            .and_then(|before| image_digest(before.build, name));
        let detail = match before {
            Some(before) if before != now => {
                format!("{short} moved from {} to {}", brief(&before), brief(now))
            }
            _ => format!("{short} is another image than the one in the cache"),
        };
        Cause::new(CauseKind::BaseImage, detail)
    }

    /// Returns the platform that the caches hold of an image, if it is the same image for another
    /// platform. The key of an image is its digest with the platform
    /// (`source/containerimage/pull.go`).
    fn other_platform(&self, source: StepIndex) -> Option<String> {
        let now = &self.facts.now;
        let step = now.build.step(source)?;
        let is = platform::of_step(now.build, step)?;
        let before = self.facts.before.iter().flat_map(|before| {
            let steps = before.build.steps.iter();
            steps.filter_map(|step| platform::of_step(before.build, step))
        });
        let mut tried: Vec<Platform> = before.collect();
        tried.extend(
            COMMON_PLATFORMS
                .iter()
                .filter_map(|name| platform::parse(name)),
        );
        let OpKind::Source(op) = &step.op.kind else {
            return None;
        };
        let found = tried.into_iter().find(|other| {
            let key = source::image_on(op, other);
            !own::same(other, &is) && key.is_some_and(|key| self.cached.contains(&root(&key, 0)))
        })?;
        Some(became(&platform::name(&found), &platform::name(&is)))
    }

    /// Returns the build argument that chose another image in an instruction `FROM …${ARG}`.
    fn argument_of_from(&self, source: StepIndex) -> Option<String> {
        let before = self.facts.before.as_ref()?;
        from_argument::changed(self.facts.now.build, source, before.build)
    }

    /// Blames the content of an address or a repository.
    fn remote(&self, source: &SourceOp) -> Cause {
        let name = &source.identifier;
        let is = source::commit(self.facts.now.build, source);
        let before = self.facts.before.as_ref().map(|before| before.build);
        let was = before.and_then(|before| {
            let mut sources = before.steps.iter().filter_map(|step| match &step.op.kind {
                OpKind::Source(found) => Some(found),
                _ => None,
            });
            let former = sources.find(|found| found.identifier == *name)?;
            source::commit(before, former)
        });
        let detail = match (was, is) {
            (Some(was), Some(is)) if was != is => {
                format!("{name} moved from {} to {}", brief(was), brief(is))
            }
            (None, Some(is)) => format!("{name} is at another commit: {}", brief(is)),
            _ => format!("{name} holds something else"),
        };
        let is_context = is_context_source(self.facts.now.build, source);
        Cause {
            remedy: is_context.then(|| GIT_CONTEXT_REMEDY.to_owned()),
            ..Cause::new(CauseKind::RemoteContent, detail)
        }
    }

    /// Explains a step with an unchanged operation by the steps below it: one was removed, inserted
    /// or moved.
    fn other_chain(&self, step: StepIndex) -> Option<Cause> {
        let now = &self.facts.now;
        let before = self.facts.before.as_ref()?;
        let pairs = self.pairs.as_ref()?;
        let former = pairs[step.at()]?;
        if before.keys[former.at()].digests != now.keys[step.at()].digests {
            return None;
        }
        let inputs = now.build.step(step)?.inputs.iter();
        let mut both = inputs.zip(&before.build.step(former)?.inputs);
        let (input, was) = both.find(|(input, was)| {
            !self.is_source(input.step) && pairs[input.step.at()] != Some(was.step)
        })?;
        let name_of = |names: &[StepName], step: StepIndex| {
            let name = names.get(step.at()).map(|name| name.text.as_str());
            quoted(name.unwrap_or_default())
        };
        let is_left = pairs.contains(&Some(was.step));
        let removed = name_of(before.names, was.step);
        let inserted = name_of(now.names, input.step);
        let (kind, detail) = match (is_left, pairs[input.step.at()]) {
            (false, _) => (
                CauseKind::StepRemoved,
                format!("it stood on {removed}, which was removed"),
            ),
            (true, None) => (
                CauseKind::NewStep,
                format!("{inserted} was inserted below it"),
            ),
            (true, Some(_)) => (
                CauseKind::StepMoved,
                format!("it stood on {removed}, and stands on {inserted}"),
            ),
        };
        Some(Cause::new(kind, detail))
    }

    /// Returns whether a step has another base image than in the earlier build.
    fn base_image_changed(
        &self,
        step: StepIndex,
        before: &Described<'_>,
        former: StepIndex,
    ) -> bool {
        images_below(self.facts.now.build, step) != images_below(before.build, former)
    }

    fn has_missing_input(&self, step: StepIndex) -> bool {
        let steps = &self.facts.solution.steps;
        let inputs = &self.facts.now.build.steps[step.at()].inputs;
        inputs.iter().any(|input| {
            steps[input.step.at()].verdict == Verdict::Miss && !self.is_source(input.step)
        })
    }

    fn is_source(&self, step: StepIndex) -> bool {
        let build = self.facts.now.build;
        let of = &build.steps[step.at()];
        matches!(of.op.kind, OpKind::Source(_)) || is_context(build, of)
    }

    /// Names the step above that is the cause.
    fn above(&self, step: StepIndex, causes: &[Option<Cause>], nearest: &[StepIndex]) -> Cause {
        let build = self.facts.now.build;
        let Some(first) = first_missed(&build.steps[step.at()], causes) else {
            return Cause::new(
                CauseKind::Unexplained,
                "nothing of it is seen to have changed, and the caches do not hold it",
            );
        };
        let name = self.facts.now.names.get(nearest[first.at()].at());
        let name = name.map(|name| name.text.clone()).unwrap_or_default();
        Cause::new(CauseKind::Upstream, name)
    }
}

/// Returns the first input of a step that runs.
fn first_missed(step: &Step, causes: &[Option<Cause>]) -> Option<StepIndex> {
    let mut inputs = step.inputs.iter().map(|input| input.step);
    inputs.find(|input| causes[input.at()].is_some())
}

/// Returns the digest that a build used for an image of that name.
fn image_digest(build: &Build, name: &str) -> Option<String> {
    build.steps.iter().find_map(|step| {
        let OpKind::Source(source) = &step.op.kind else {
            return None;
        };
        let (found, digest) = source.scheme().1.split_once('@')?;
        (found == name).then(|| digest.to_owned())
    })
}

/// Returns the base images of a step, found through its first inputs.
fn images_below(build: &Build, step: StepIndex) -> BTreeSet<String> {
    let mut images = BTreeSet::new();
    let mut open = vec![step];
    let mut seen = HashSet::new();
    while let Some(step) = open.pop().filter(|_| seen.len() <= build.steps.len()) {
        if !seen.insert(step) {
            continue;
        }
        let Some(of) = build.step(step) else { continue };
        if let OpKind::Source(source) = &of.op.kind {
            images.insert(source.identifier.clone());
        }
        open.extend(of.inputs.first().map(|input| input.step));
    }
    images
}

fn brief(digest: &str) -> String {
    digest.chars().take(19).collect()
}
