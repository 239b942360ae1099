//! Why a step runs: what of it is not as it was, or what above it is not.
//!
//! A cause is told only where the evidence shows it. A key that is there without a result tells of a thinned cache; a
//! record of the same operation on other inputs tells that these changed; an operation that no cache knows changed itself,
//! and the provenance of an earlier build ([`pair`]) tells in which of its parts ([`own`]).

use std::collections::{BTreeSet, HashSet};

use super::keys::{ContentKey, StepKeys, root, selectors, source};
use super::names::StepName;
use super::solve::{InCache, Solution, Verdict};
use super::text_diff::{Line, became};
use crate::format::cache_debug::CacheDebug;
use crate::format::digest::{Digest, DigestText};
use crate::format::llb::{FileChange, OpKind, SourceOp};
use crate::format::provenance::{Build, Step, StepIndex, StepOutput};
use crate::inventory::cache::RefCache;

mod kind;
pub mod own;
pub mod pair;
mod plain;

pub use kind::CauseKind;

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What sort of cause it is.
    pub kind: CauseKind,
    /// In words. They hold texts of builds, and are not fit for a terminal as they are.
    pub detail: String,
    /// The files, where it is about files.
    pub paths: Vec<PathChange>,
    /// Which input is another, where it is an input.
    pub input: Option<usize>,
    /// What of the step's own text changed, where that has several lines: a heredoc, a script.
    pub text: Vec<Line>,
}

/// A file that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Where it is in its context.
    pub path: String,
    /// What of it changed.
    pub kind: CauseKind,
    /// From what to what, where it is short.
    pub detail: String,
    /// What of its text changed, where it is small.
    pub lines: Vec<Line>,
}

impl PathChange {
    /// Makes a change whose text is not told.
    pub fn new(path: impl Into<String>, kind: CauseKind, detail: impl Into<String>) -> Self {
        Self { path: path.into(), kind, detail: detail.into(), lines: Vec::new() }
    }
}

impl Cause {
    fn new(kind: CauseKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), paths: Vec::new(), input: None, text: Vec::new() }
    }

    /// Tells whether it lies in the step itself and not above it.
    pub fn is_root(&self) -> bool {
        self.kind != CauseKind::Upstream
    }
}

/// A build that was described well enough to be compared.
pub struct Described<'a> {
    /// Its graph.
    pub build: &'a Build,
    /// The keys of its steps.
    pub keys: &'a [StepKeys],
    /// The names of its steps.
    pub names: &'a [StepName],
}

/// Everything that causes follow from.
pub struct Facts<'a> {
    /// The build that is explained.
    pub now: Described<'a>,
    /// An earlier build.
    pub before: Option<Described<'a>>,
    /// The caches that were imported.
    pub caches: &'a [&'a RefCache],
    /// How the steps stand.
    pub solution: &'a Solution,
    /// For each step, whether it does not look into any cache.
    pub ignores_cache: &'a [bool],
    /// What is wrong with the caches, where a build can use none of them.
    pub unreadable: Option<&'a str>,
    /// The texts behind keys of the caches, as far as a daemon kept them.
    pub debug: &'a [CacheDebug],
}

/// Tells whether a step is the frontend's own, as the files of a heredoc are: it stands nowhere in the file, where others
/// do.
pub fn is_internal(build: &Build, step: &Step) -> bool {
    let is_made = matches!(&step.op.kind, OpKind::File(op) if op.actions.0.iter().all(|action| {
        action.input < 0 && matches!(action.change, FileChange::MakeFile(_) | FileChange::MakeDir(_))
    }));
    is_made && step.locations.is_empty() && build.steps.iter().any(|step| !step.locations.is_empty())
}

/// Finds why steps run: for each step that does, by place.
pub fn causes(facts: &Facts<'_>) -> Vec<Option<Cause>> {
    let pairs = facts.before.as_ref().map(|before| pair::pairs(&facts.now, before));
    let cached: HashSet<Digest> =
        facts.caches.iter().flat_map(|cache| &cache.graph.records).filter_map(|record| record.digest.valid()).collect();
    let left_over = plain::left_over(facts.debug, facts.caches, &facts.now);
    let inquiry = Inquiry { facts, pairs, cached, left_over };
    let mut causes: Vec<Option<Cause>> = vec![None; facts.now.build.steps.len()];
    for (step, of) in facts.now.build.ordered() {
        let runs = facts.solution.steps[step.at()].verdict == Verdict::Miss;
        if !runs || matches!(of.op.kind, OpKind::Empty | OpKind::Source(_)) {
            continue;
        }
        // What a heredoc says is a step of its own, which stands in no file.
        let inside = of
            .inputs
            .iter()
            .map(|input| input.step)
            .filter(|input| facts.now.build.step(*input).is_some_and(|step| is_internal(facts.now.build, step)));
        let inside = inside.filter_map(|input| causes[input.at()].clone());
        let of_heredoc = inside.into_iter().find(|cause| cause.kind == CauseKind::Heredoc);
        let cause = inquiry.own(step).or(of_heredoc).unwrap_or_else(|| inquiry.above(step, &causes));
        causes[step.at()] = Some(cause);
    }
    causes
}

struct Inquiry<'a> {
    facts: &'a Facts<'a>,
    /// For each step the one of the earlier build that it was.
    pairs: Option<Vec<Option<StepIndex>>>,
    /// The digests of all records.
    cached: HashSet<Digest>,
    /// The texts of cached operations that no step has.
    left_over: BTreeSet<&'a str>,
}

impl Inquiry<'_> {
    /// Finds a cause in the step itself.
    fn own(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        if facts.ignores_cache.get(step.at()).copied().unwrap_or_default() {
            return Some(Cause::new(CauseKind::NoCache, "the build was told not to look into caches for it"));
        }
        if let Some(what) = facts.unreadable {
            return Some(Cause::new(CauseKind::ConfigUnreadable, what));
        }
        match facts.solution.steps[step.at()].in_cache {
            InCache::KeyOnly => {
                return Some(Cause::new(CauseKind::ResultDropped, "the cache holds its key, and its result no longer"));
            }
            InCache::Broken => {
                return Some(Cause::new(CauseKind::BlobMissing, "blobs of its result are not stored any more"));
            }
            InCache::Result => {
                let detail =
                    "the cache holds its result, and it ran all the same: it was not imported, or could not be loaded";
                return Some(Cause::new(CauseKind::Unexplained, detail));
            }
            InCache::Absent | InCache::Unknown => {}
        }
        let known = self.facts.now.keys[step.at()]
            .digests
            .iter()
            .any(|key| (0..8).any(|output| self.cached.contains(&root(key, output))));
        if known { self.of_inputs(step) } else { self.of_operation(step) }
    }

    /// Finds out what of an operation is another, that no cache knows.
    fn of_operation(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        let runs_above = self.has_missing_input(step);
        let (Some(before), Some(pairs)) = (&facts.before, &self.pairs) else {
            if let Some((kind, detail)) = plain::change(&facts.now, step, &self.left_over) {
                return Some(Cause::new(kind, detail));
            }
            let detail =
                "no cache knows the operation: its command, its environment or an option changed, or it is new";
            return (!runs_above).then(|| Cause::new(CauseKind::Unexplained, detail));
        };
        let Some(former) = pairs[step.at()] else {
            return Some(Cause::new(CauseKind::NewStep, "the earlier build had no such step"));
        };
        if before.keys[former.at()].digests == facts.now.keys[step.at()].digests {
            let detail = "the earlier build had the same step, and the cache does not: it was not exported";
            return (!runs_above).then(|| Cause::new(CauseKind::NotExported, detail));
        }
        let base = self.base_image_changed(step, before, former);
        let change = own::change(&facts.now, step, before, former, base);
        match change {
            Some((kind, detail)) => {
                let is_text = matches!(kind, CauseKind::Command | CauseKind::Heredoc);
                let text = own::text_change(facts.now.build, step, before.build, former).filter(|_| is_text);
                let detail = text.as_deref().map_or(detail, own::counted);
                Some(Cause { text: text.unwrap_or_default(), ..Cause::new(kind, detail) })
            }
            // What is left is what the image brought along.
            None if runs_above || base => None,
            None => Some(Cause::new(CauseKind::Unexplained, "its key is another, and nothing tells in what")),
        }
    }

    /// Finds the input that is another, of an operation that a cache knows.
    fn of_inputs(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        let (build, keys) = (facts.now.build, &facts.now.keys[step.at()]);
        if let Some(cause) = self.taken_paths(step) {
            return Some(cause);
        }
        let mut unknown = Vec::new();
        let mut found: Option<Cause> = None;
        for (place, input) in build.steps[step.at()].inputs.iter().enumerate() {
            if self.input_is_cached(step, place, *input) {
                continue;
            }
            let OpKind::Source(source) = &build.steps[input.step.at()].op.kind else { continue };
            let cause = match source.scheme().0 {
                "local" if keys.inputs.get(place).is_some_and(|input| input.content == ContentKey::Unknown) => {
                    unknown.push(place);
                    continue;
                }
                "local" => Cause::new(CauseKind::Content, "files of the build context changed"),
                scheme => {
                    match self.source_changed(input.step) {
                        Some(true) => {}
                        Some(false) => continue,
                        // What is not known is told only where nothing else is left.
                        None => {
                            unknown.push(place);
                            continue;
                        }
                    }
                    if matches!(scheme, "docker-image" | "oci-layout") {
                        self.base_image(source.scheme().1)
                    } else {
                        remote(source)
                    }
                }
            };
            let cause = Cause { input: Some(place), ..cause };
            // Files are the most telling.
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
                "local" => {
                    let detail = "files of the build context changed: give it with --context to learn which";
                    Cause::new(CauseKind::Content, detail)
                }
                "docker-image" | "oci-layout" => self.base_image(source.scheme().1),
                _ => remote(source),
            };
            return Some(Cause { input, ..cause });
        }
        found
    }

    /// Tells whether a step takes other paths of an input than it did: they are no part of its operation's key, but for the
    /// last name of each.
    fn taken_paths(&self, step: StepIndex) -> Option<Cause> {
        let (now, before) = (&self.facts.now, self.facts.before.as_ref()?);
        let former = self.pairs.as_ref()?[step.at()]?;
        let (of, was) = (now.build.step(step)?, before.build.step(former)?);
        if of.inputs.len() != was.inputs.len() {
            return None;
        }
        let kind = if matches!(of.op.kind, OpKind::Exec(_)) { CauseKind::Mount } else { CauseKind::Command };
        of.inputs.iter().enumerate().find_map(|(place, input)| {
            let paths = |step: &Step| {
                let taken = selectors::of_input(&step.op.kind, place, step.inputs.len());
                taken.into_iter().map(|selector| selector.path).collect::<Vec<_>>().join(" ")
            };
            let (is, was) = (paths(of), paths(was));
            (is != was && !self.input_is_cached(step, place, *input))
                .then(|| Cause { input: Some(place), ..Cause::new(kind, became(&was, &is)) })
        })
    }

    /// Tells whether a source holds something else than it did; none when that is not known.
    fn source_changed(&self, source: StepIndex) -> Option<bool> {
        let now = self.facts.now.build;
        let OpKind::Source(op) = &now.steps[source.at()].op.kind else { return None };
        let is_complete = self.facts.now.keys[source.at()].complete;
        let Some(before) = self.facts.before.as_ref().map(|before| before.build) else {
            return is_complete.then_some(true);
        };
        let (name, _) = op.identifier.split_once('@').unwrap_or((&op.identifier, ""));
        let former = before.steps.iter().find_map(|step| match &step.op.kind {
            OpKind::Source(found) if found.identifier.split('@').next() == Some(name) => Some(found),
            _ => None,
        });
        let Some(former) = former else { return is_complete.then_some(true) };
        if matches!(op.scheme().0, "http" | "https") {
            let (now, was) = (source::downloaded(now, op)?, source::downloaded(before, former)?);
            return Some(now != was);
        }
        Some(op.identifier != former.identifier || is_complete)
    }

    /// Tells whether some record of the step's operation has at this input what the step has there.
    fn input_is_cached(&self, step: StepIndex, place: usize, input: StepOutput) -> bool {
        let facts = self.facts;
        let keys = &facts.now.keys[step.at()];
        let Some(input_keys) = keys.inputs.get(place) else { return false };
        let digests: BTreeSet<Digest> =
            keys.digests.iter().flat_map(|key| (0..8).map(move |output| root(key, output))).collect();
        facts.caches.iter().zip(&facts.solution.matches).any(|(cache, matches)| {
            let graph = &cache.graph;
            let of_step = graph.records.iter().filter(|record| match record.digest {
                DigestText::Valid(digest) => digests.contains(&digest),
                DigestText::Invalid(_) => false,
            });
            let mut links = of_step.filter_map(|record| graph.input(record, place)).flatten();
            links.any(|link| matches.link(graph, link, input, input_keys) == Some(super::matching::Certainty::Proved))
        })
    }

    fn base_image(&self, reference: &str) -> Cause {
        let (name, now) = reference.split_once('@').unwrap_or((reference, ""));
        let short = name.rsplit('/').next().unwrap_or(name);
        let before = self.facts.before.as_ref().and_then(|before| image_digest(before.build, name));
        let detail = match before {
            Some(before) if before != now => format!("{short} moved from {} to {}", brief(&before), brief(now)),
            _ => format!("{short} is another image than the one in the cache"),
        };
        Cause::new(CauseKind::BaseImage, detail)
    }

    /// Tells whether a step stands on another image than it did in the earlier build.
    fn base_image_changed(&self, step: StepIndex, before: &Described<'_>, former: StepIndex) -> bool {
        images_below(self.facts.now.build, step) != images_below(before.build, former)
    }

    fn has_missing_input(&self, step: StepIndex) -> bool {
        let steps = &self.facts.solution.steps;
        let inputs = &self.facts.now.build.steps[step.at()].inputs;
        inputs.iter().any(|input| steps[input.step.at()].verdict == Verdict::Miss && !self.is_source(input.step))
    }

    fn is_source(&self, step: StepIndex) -> bool {
        matches!(self.facts.now.build.steps[step.at()].op.kind, OpKind::Source(_))
    }

    /// Names the step above whose cause it is.
    fn above(&self, step: StepIndex, causes: &[Option<Cause>]) -> Cause {
        let build = self.facts.now.build;
        let inputs = &build.steps[step.at()].inputs;
        let missed: Vec<StepIndex> =
            inputs.iter().map(|input| input.step).filter(|input| causes[input.at()].is_some()).collect();
        let Some(&first) = missed.first() else {
            return Cause::new(
                CauseKind::Unexplained,
                "nothing of it is seen to have changed, and the caches do not hold it",
            );
        };
        let mut nearest = first;
        let mut seen = HashSet::new();
        while causes[nearest.at()].as_ref().is_some_and(|cause| !cause.is_root()) && seen.insert(nearest) {
            let above = build.steps[nearest.at()].inputs.iter().map(|input| input.step);
            match above.clone().find(|above| causes[above.at()].is_some()) {
                Some(above) => nearest = above,
                None => break,
            }
        }
        let name = self.facts.now.names.get(nearest.at()).map(|name| name.text.clone()).unwrap_or_default();
        Cause::new(CauseKind::Upstream, name)
    }
}

fn remote(source: &SourceOp) -> Cause {
    Cause::new(CauseKind::RemoteContent, format!("{} holds something else", source.identifier))
}

/// Returns the digest by which a build had an image of that name.
fn image_digest(build: &Build, name: &str) -> Option<String> {
    build.steps.iter().find_map(|step| {
        let OpKind::Source(source) = &step.op.kind else { return None };
        let (found, digest) = source.scheme().1.split_once('@')?;
        (found == name).then(|| digest.to_owned())
    })
}

/// Returns the images that a step stands on, by its first inputs.
fn images_below(build: &Build, step: StepIndex) -> BTreeSet<String> {
    let (mut images, mut open, mut seen) = (BTreeSet::new(), vec![step], HashSet::new());
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
