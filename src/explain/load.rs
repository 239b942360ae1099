//! Explains why a build missed its cache, from the evidence of the build and the caches that it
//! imports.
//!
//! All decisions are pure code in [`crate::explain`]. This module fetches their input: the
//! configurations of refs, the layers of stages whose files are part of a key, the files that a
//! step copied earlier, and the refs that still have a result which another ref lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;

use self::context::{Contexts, Directories};
use crate::backend::SharedReader;
use crate::explain::cause::{self, Cause, CauseFacts, ComparedBuild};
use crate::explain::context::ContextFiles;
use crate::explain::context::snapshot::Snapshot;
use crate::explain::history::volatile;
use crate::explain::keys::image::ImageFacts;
use crate::explain::keys::{self, ContentKey, StepKeys, fill};
use crate::explain::names::{self, StepName};
use crate::explain::sizes;
use crate::explain::solve::{Doubt, InCache, Known, Solution, Standing, Verdict};
use crate::explain::text_diff::quoted;
use crate::format::cache_config::{LayerIndex, RecordIndex};
use crate::format::cache_debug::CacheDebug;
use crate::format::digest::Digest;
use crate::format::evidence::Document;
use crate::format::layer::Limits;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::{Inventory, RefEntry};
use crate::text::secrets::mask;

mod caches;
pub mod context;
pub mod dockerfile;
pub mod documents;
mod downloads;
mod evidence;
mod files;
pub mod gate;
pub mod git;
pub mod groups;
pub mod history;
pub mod images;
mod linked;
mod log;
mod other_refs;
mod possible;
pub mod request;
pub mod root_causes;
mod stored;
pub mod targets;
pub mod words;

use evidence::Evidence;
pub use evidence::{BuildLabel, Wanted};

/// How often keys are completed with the files of cached stages.
const MOST_ROUNDS: usize = 4;
/// How many other refs are searched for a lost result.
const MOST_REFS: usize = 40;
/// How many builds of the evidence are explained at most.
const MOST_BUILDS: usize = 16;
/// How many bytes are unpacked from the layers of a stage at most.
const MOST_UNPACKED: u64 = 4 << 30;

/// A ref that the build imports.
#[derive(Clone, Copy)]
pub struct Imported<'a> {
    /// The reader of its store.
    pub reader: &'a SharedReader,
    /// The inventory of the store.
    pub inventory: &'a Inventory,
    /// The ref.
    pub entry: &'a RefEntry,
}

/// The known evidence.
#[derive(Debug, Default)]
pub struct Given {
    /// Evidence of the build to explain.
    pub documents: Vec<Document>,
    /// Evidence of an earlier build.
    pub baseline: Vec<Document>,
    /// The build to explain, where the evidence holds several.
    pub wanted: Wanted,
    /// The contexts on the disk.
    pub directories: Directories,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// The evidence holds no graph of the build.
    #[error("nothing among the evidence tells the steps of the build")]
    NoGraph,
    /// The requested build is not in the evidence.
    #[error("no build in the evidence has this platform and target; it describes {}", found.join(", "))]
    OtherBuilds {
        /// The builds in the evidence.
        found: Vec<String>,
    },
    /// No imported ref has a cache.
    #[error("`{name}` holds no cache that can be read")]
    NoCache {
        /// The name of the ref, escaped for display.
        name: String,
        /// The faults of the ref.
        faults: Vec<String>,
    },
    /// The program is shutting down.
    #[error("the reading of the build context was interrupted")]
    Interrupted,
}

/// A build, explained.
pub struct Explanation {
    /// The build.
    pub build: Build,
    /// The names of its steps.
    pub names: Vec<StepName>,
    /// The keys of its steps.
    pub keys: Vec<StepKeys>,
    /// The state of its steps.
    pub standings: Vec<Standing>,
    /// Why steps run.
    pub causes: Vec<Option<Cause>>,
    /// The names of steps in the earlier build, where known.
    pub former: Vec<Option<String>>,
    /// How long steps ran, if a log has the times.
    pub busy: Vec<Option<SignedDuration>>,
    /// The configurations of the caches that it is explained against.
    pub configs: Vec<Digest>,
    /// How many bytes the layers have that steps write, where the evidence or a cache has them.
    pub written: Vec<Option<u64>>,
    /// What does not fit together, or is missing to say more.
    pub notes: Vec<String>,
    /// Which build of the evidence this is.
    pub label: BuildLabel,
    /// The other builds of the evidence that were explained.
    pub others: Vec<OtherBuild>,
}

/// A build of the evidence that is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherBuild {
    /// Its label.
    pub label: BuildLabel,
    /// How many of its judged steps hit.
    pub hit: usize,
    /// How many run.
    pub miss: usize,
    /// How many are undecided.
    pub unknown: usize,
}

impl Explanation {
    /// Returns the reported steps in the order of the file: all but contexts and the last step,
    /// which does nothing.
    pub fn steps(&self) -> Vec<StepIndex> {
        let mut steps: Vec<StepIndex> = (0..)
            .map(StepIndex)
            .zip(&self.build.steps)
            .filter(|(_, step)| match &step.op.kind {
                OpKind::Empty => false,
                _ if cause::is_context(&self.build, step) => false,
                OpKind::Source(_) => true,
                _ => !cause::is_internal(&self.build, step),
            })
            .map(|(index, _)| index)
            .collect();
        steps.sort_by_key(|step| {
            let place = self
                .names
                .get(step.at())
                .and_then(|name| name.places.first());
            (
                place.is_none(),
                place.map(|place| (place.file.clone(), place.first_line)),
                *step,
            )
        });
        steps
    }

    /// Returns whether a step is judged. Sources are not: they are resolved in each build.
    pub fn is_judged(&self, step: StepIndex) -> bool {
        !matches!(
            self.build.steps[step.at()].op.kind,
            OpKind::Source(_) | OpKind::Empty
        )
    }

    /// Returns how many judged steps have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let judged = self
            .steps()
            .into_iter()
            .filter(|step| self.is_judged(*step));
        judged
            .filter(|step| self.standings[step.at()].verdict == verdict)
            .count()
    }

    /// Returns a note on which of several builds this is, and how to show the others.
    fn about_others(&self, label: &BuildLabel, labels: &[BuildLabel]) -> String {
        let counts = |other: &OtherBuild| {
            let way = other.label.way(label);
            let way = if way.is_empty() {
                way
            } else {
                format!(", {way}")
            };
            format!(
                "{} ({} hit, {} run, {} undecided{way})",
                other.label, other.hit, other.miss, other.unknown
            )
        };
        let mut others: Vec<String> = self.others.iter().map(counts).collect();
        let explained = |found: &BuildLabel| {
            found == label || self.others.iter().any(|other| other.label == *found)
        };
        others.extend(
            labels
                .iter()
                .filter(|found| !explained(found))
                .map(|found| {
                    let way = found.way(label);
                    if way.is_empty() {
                        found.to_string()
                    } else {
                        format!("{found} ({way})")
                    }
                }),
        );
        format!(
            "the evidence describes {} builds: this is about {label}; not shown: {}",
            labels.len(),
            others.join(", ")
        )
    }

    /// Returns why the verdict of a step is unknown, although a cache holds its result.
    pub fn doubt(&self, step: StepIndex) -> Option<Doubt> {
        let standing = &self.standings[step.at()];
        standing
            .doubt
            .filter(|_| standing.verdict == Verdict::Unknown)
    }

    /// Returns the judged steps that a log calls cached although no import holds them: the builder
    /// itself had them.
    pub fn from_builder(&self) -> Vec<StepIndex> {
        let steps = self.steps().into_iter();
        steps
            .filter(|step| self.is_judged(*step))
            .filter(|step| {
                let standing = &self.standings[step.at()];
                standing.from_log
                    && standing.verdict == Verdict::Hit
                    && standing.in_cache == InCache::Absent
            })
            .collect()
    }
}

/// Explains a build. Of several builds in the evidence, it prefers one with steps that run.
/// [`Explanation::others`] names the rest.
///
/// # Errors
/// If the evidence holds no graph of the build, or no cache was imported.
pub async fn explain(imported: &[Imported<'_>], mut given: Given) -> Result<Explanation, WhyError> {
    let mut notes = Vec::new();
    let mut debug = evidence::take_debug(&mut given.documents);
    debug.extend(evidence::take_debug(&mut given.baseline));
    let all = evidence::gather(given.documents, &mut notes);
    let labels: Vec<BuildLabel> = all.iter().map(|evidence| evidence.label.clone()).collect();
    let main = given.directories.main.as_deref();
    let chosen =
        evidence::choose(all, &given.wanted, main).map_err(|found| WhyError::OtherBuilds {
            found: found.iter().map(ToString::to_string).collect(),
        })?;
    if chosen.is_empty() {
        return Err(WhyError::NoGraph);
    }
    if given.baseline.is_empty() {
        notes.push(
            "without --baseline, the evidence of an earlier build, a changed command cannot be told from a new one"
                .to_owned(),
        );
    }
    let baselines = evidence::gather(given.baseline, &mut Vec::new());
    let asked = stored::ask(imported, &mut notes).await;
    let imported: Vec<Imported<'_>> = imported
        .iter()
        .zip(&asked)
        .map(|(imported, asked)| Imported {
            inventory: asked.as_deref().unwrap_or(imported.inventory),
            ..*imported
        })
        .collect();
    let imported = imported.as_slice();
    let (loaded, unreadable) = caches::load(imported, &mut notes).await?;
    let against = Against {
        imported,
        loaded: &loaded,
        unreadable: unreadable.as_deref(),
        debug: &debug,
        directories: &given.directories,
    };
    let mut explained = Vec::new();
    for evidence in chosen.into_iter().take(MOST_BUILDS) {
        let baseline = closest(&baselines, &evidence.label);
        let label = evidence.label.clone();
        let explanation = explain_one(&against, evidence, baseline).await?;
        explained.push((label, explanation));
    }
    Ok(show_one(explained, &labels, notes))
}

/// Shows the first explanation in which steps run, else the first in which some may run, and names
/// the others. `labels` are those of all builds in the evidence, `notes` the notes on all builds.
fn show_one(
    mut explained: Vec<(BuildLabel, Explanation)>,
    labels: &[BuildLabel],
    notes: Vec<String>,
) -> Explanation {
    let weight = |explanation: &Explanation| {
        (
            explanation.count(Verdict::Miss) > 0,
            explanation.count(Verdict::Unknown) > 0,
        )
    };
    // `max_by_key` returns the last of equal ones.
    let shown = (0..explained.len())
        .rev()
        .max_by_key(|place| weight(&explained[*place].1))
        .unwrap_or_default();
    let (label, mut shown) = explained.swap_remove(shown);
    shown.notes.splice(0..0, notes);
    shown.others = explained
        .into_iter()
        .map(|(label, explanation)| OtherBuild {
            hit: explanation.count(Verdict::Hit),
            miss: explanation.count(Verdict::Miss),
            unknown: explanation.count(Verdict::Unknown),
            label,
        })
        .collect();
    if labels.len() > 1 {
        let note = shown.about_others(&label, labels);
        shown.notes.insert(0, note);
    }
    shown.label = label;
    shown
}

/// Returns the baseline for a build: with the same target and platform, else with the same
/// platform, else the first.
fn closest<'a>(baselines: &'a [Evidence], label: &BuildLabel) -> Option<&'a Build> {
    let likeness = |evidence: &&Evidence| {
        (
            evidence.label.platform == label.platform,
            evidence.label.target == label.target,
        )
    };
    // `max_by_key` returns the last of equal ones.
    let best = baselines.iter().rev().max_by_key(likeness);
    best.map(|evidence| &evidence.build)
}

/// The facts that builds are compared with.
struct Against<'a> {
    imported: &'a [Imported<'a>],
    loaded: &'a [(usize, RefCache)],
    unreadable: Option<&'a str>,
    debug: &'a [CacheDebug],
    directories: &'a Directories,
}

async fn explain_one(
    against: &Against<'_>,
    evidence: Evidence,
    baseline: Option<&Build>,
) -> Result<Explanation, WhyError> {
    let Against {
        imported, loaded, ..
    } = *against;
    let caches: Vec<&RefCache> = loaded.iter().map(|(_, cache)| cache).collect();
    let mut notes = Vec::new();
    let Evidence {
        build,
        log,
        ignored,
        names_no_import,
        ..
    } = evidence;

    // A log describes a finished build. Without a log, the current directory describes the next
    // build.
    let directories = Directories {
        ignores_anew: log.is_empty(),
        ..against.directories.clone()
    };
    let (contexts, build, other_file) = read_contexts(build, directories).await?;
    about_unread(&build, &mut notes);
    about_contexts(&contexts, &mut notes);
    let is_logged = !log.is_empty();
    if let Some(path) = other_file {
        notes.push(format!(
            "{path} is not the one that was built: this tells of the steps as they were then"
        ));
    }
    let images = image_facts(&caches);
    let names = names::of_steps(&build);
    let mut keys = keys_of(&build, &images);
    let unfilled = fill::content_keys(&build, &mut keys, &contexts.files);
    about_unfilled(&unfilled, &names, &mut notes);

    downloads::compare(imported, loaded, &build, &mut keys).await;
    close_images(&build, &mut keys, &caches);

    let known = Known {
        ignores_cache: ignored,
        logged: log::verdicts(&build, &names, &log, &mut notes),
        started: build.started.or_else(|| log.started()),
        linked: linked::of_steps(&build),
    };
    let imports = log::imports(&log);
    let not_imported = not_imported(&imports, names_no_import);
    let solution = solved(against, &build, &mut keys, &caches, &known).await;
    let before = baseline.map(|build| (build, keys_of(build, &images), names::of_steps(build)));
    let labels = labels(imported, loaded);
    let facts = CauseFacts {
        now: ComparedBuild {
            build: &build,
            keys: &keys,
            names: &names,
        },
        before: before
            .as_ref()
            .map(|(build, keys, names)| ComparedBuild { build, keys, names }),
        caches: &caches,
        solution: &solution,
        ignores_cache: &known.ignores_cache,
        unreadable: against.unreadable,
        not_imported: not_imported.as_deref(),
        labels: &labels,
        debug: against.debug,
    };
    let mut causes = cause::causes(&facts);
    files::name_paths(
        imported,
        loaded,
        &build,
        &contexts,
        &keys,
        &solution,
        &mut causes,
    )
    .await;
    other_refs::complete(imported, &build, &keys, &caches, &solution, &mut causes).await;
    about_doubts(&solution, &labels, &mut notes);
    about_caches(&build, &solution, &caches, is_logged, &mut notes);
    about_volatile(&build, &causes, &mut notes);
    let busy = log::busy(&build, &names, &log);
    let pairs = pairs(&facts);
    let former = former(&facts, &pairs);
    let written = sizes::of_steps(&facts, &pairs);
    let explanation = Explanation {
        standings: solution.steps,
        names: names.into_iter().map(StepName::masked).collect(),
        keys,
        causes,
        former,
        busy,
        configs: caches.iter().map(|cache| cache.config).collect(),
        written,
        notes,
        build,
        label: BuildLabel::default(),
        others: Vec::new(),
    };
    Ok(about_builder(explanation))
}

/// Computes the keys of a build, with those of images whose layers are known.
fn keys_of(build: &Build, images: &ImageFacts) -> Vec<StepKeys> {
    let mut keys = keys::of_build(build);
    keys::image::fill(build, &mut keys, images);
    keys
}

/// Returns the names of the refs that caches come from.
fn labels(imported: &[Imported<'_>], loaded: &[(usize, RefCache)]) -> Vec<String> {
    let refs = loaded.iter().map(|(place, _)| imported[*place].entry);
    refs.map(|entry| quoted(&entry.name)).collect()
}

/// Solves a build, again and again while stages turn out to be in the cache whose files tell keys.
async fn solved(
    against: &Against<'_>,
    build: &Build,
    keys: &mut [StepKeys],
    caches: &[&RefCache],
    known: &Known,
) -> Solution {
    let Against {
        imported, loaded, ..
    } = *against;
    let mut solution = Solution::new(build, keys, caches, known);
    let mut tried = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        let files = stages(imported, loaded, build, keys, &solution, &mut tried).await;
        if files.is_empty() {
            break;
        }
        // A stage that can be unpacked in several ways, or that the selector does not fit, stays
        // unknown.
        let _ = fill::content_keys(build, keys, &files);
        solution = Solution::new(build, keys, caches, known);
    }
    solution
}

/// Adds a note on the steps that the builder had in its own cache and no import holds.
fn about_builder(mut explanation: Explanation) -> Explanation {
    let count = explanation.from_builder().len();
    if count > 0 {
        let steps = if count == 1 {
            "1 step"
        } else {
            &format!("{count} steps")
        };
        explanation.notes.push(format!(
            "{steps} came from the builder's own cache and are in no import: an empty builder, such as the next CI runner, runs them"
        ));
    }
    explanation
}

/// Returns why a build imported nothing. Returns `None` if it imported something, or if the
/// evidence does not say.
fn not_imported(imports: &log::Imports, names_no_import: bool) -> Option<String> {
    if !imports.skipped.is_empty() {
        let skipped = imports.skipped.join("; ");
        return Some(format!("buildx skipped the import: {skipped}"));
    }
    if names_no_import {
        return Some("the build record names no import, so the build imported nothing".to_owned());
    }
    if imports.succeeded > 0 || imports.failed.is_empty() {
        return None;
    }
    let failed: Vec<String> = imports
        .failed
        .iter()
        .map(|(name, error)| format!("{name}: {error}"))
        .collect();
    Some(format!("the build could not import {}", failed.join("; ")))
}

/// Adds notes on why results in a cache may not be found.
fn about_doubts(solution: &Solution, labels: &[String], notes: &mut Vec<String>) {
    let unknown = || {
        solution
            .steps
            .iter()
            .filter(|standing| standing.verdict == Verdict::Unknown)
    };
    let other = unknown().find_map(|standing| match standing.doubt {
        Some(Doubt::SeveralImports(other)) => Some(other),
        _ => None,
    });
    if let Some(other) = other {
        let label = labels.get(other).map_or("another import", String::as_str);
        notes.push(format!(
            "two imports share steps: {label} holds the keys of the steps below as well and leads no further. BuildKit keeps the key of whichever import answers first, so what stands above is found or not by chance; import one ref alone"
        ));
    }
    let ignores = |standing: &&Standing| matches!(standing.doubt, Some(Doubt::IgnoresCache(_)));
    if unknown().any(|standing| ignores(&standing)) {
        notes.push(
            "a step that ignores the cache hands on no key: what takes from it is found only if the content that it writes is the same"
                .to_owned(),
        );
    }
}

/// The note for a ref that holds results of the explained build.
const OWN_RESULTS: &str = "the ref holds results that were exported by this build itself, so this says what the next build would find, and not what this one found; for that, explain against the ref as it was before (such as main~1, or a tag per commit)";

/// Returns whether a ref holds results that were saved while the build ran.
fn holds_own_results(build: &Build, solution: &Solution, caches: &[&RefCache]) -> bool {
    let (Some(started), Some(finished)) = (build.started, build.finished) else {
        return false;
    };
    let records = solution.steps.iter().flat_map(|standing| &standing.records);
    records
        .filter_map(|(cache, record)| caches[*cache].records[record.at()].created)
        .any(|created| started <= created && created <= finished)
}

/// Returns the platform of a build's steps.
fn platform_of(build: &Build) -> Option<String> {
    let mut steps = build.steps.iter();
    let platform = steps.find_map(|step| step.op.platform.as_ref())?;
    Some(keys::platform::name(platform))
}

/// Returns the steps of the earlier build that the steps were.
fn pairs(facts: &CauseFacts<'_>) -> Vec<Option<StepIndex>> {
    match &facts.before {
        Some(before) => cause::pair::pairs(&facts.now, before),
        None => vec![None; facts.now.build.steps.len()],
    }
}

/// Returns the names that the steps had in the earlier build.
fn former(facts: &CauseFacts<'_>, pairs: &[Option<StepIndex>]) -> Vec<Option<String>> {
    let name = |step: StepIndex| {
        let name = facts.before.as_ref()?.names.get(step.at())?;
        Some(mask(&name.text))
    };
    pairs.iter().map(|step| name((*step)?)).collect()
}

/// Reads the contexts of a build. Returns the Dockerfile if its text has changed.
///
/// # Errors
/// If the reading was interrupted.
async fn read_contexts(
    build: Build,
    directories: Directories,
) -> Result<(Contexts, Build, Option<String>), WhyError> {
    let read = move || {
        let other = directories
            .main
            .as_ref()
            .and_then(|main| context::place::dockerfile(&build, main, &directories))
            .filter(|path| {
                let text = build
                    .main_source()
                    .and_then(|source| source.text.as_deref());
                text.is_some_and(|text| is_other(path, text))
            });
        (
            context::load(&build, &directories),
            build,
            other.map(|path| path.display().to_string()),
        )
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| WhyError::Interrupted)
}

/// Returns whether a file exists and holds a different text.
fn is_other(path: &Path, text: &str) -> bool {
    match std::fs::metadata(path) {
        // A special file may never end.
        Ok(found) if found.is_file() && found.len() == text.len() as u64 => {
            std::fs::read(path).is_ok_and(|found| found != text.as_bytes())
        }
        Ok(found) => found.is_file(),
        Err(_) => false,
    }
}

/// Adds a note on operations with fields that this program does not know.
fn about_unread(build: &Build, notes: &mut Vec<String>) {
    let names = names::of_steps(build);
    for (step, name) in build.steps.iter().zip(names) {
        if let Some(part) = &step.unread {
            let name = name.text.lines().next().unwrap_or_default();
            notes.push(format!(
                "the key of `{name}` is not known: its operation holds {part}, which is new"
            ));
        }
    }
}

/// Notes which variables change with every build by their names, and stand above steps that do not
/// name them. A variable that is a cause already needs no note.
fn about_volatile(build: &Build, causes: &[Option<Cause>], notes: &mut Vec<String>) {
    let Some(source) = build.main_source() else {
        return;
    };
    let named = |name: &str| {
        let mut causes = causes.iter().flatten();
        causes.any(|cause| cause.all_details().contains(name))
    };
    let found = volatile::of_file(source.text.as_deref().unwrap_or_default());
    let new = found.into_iter().filter(|variable| !named(&variable.name));
    notes.extend(new.map(|variable| variable.sentence(&source.name)));
}

/// Adds a note on files that steps use and the context does not hold.
fn about_unfilled(unfilled: &[fill::Unfilled], names: &[StepName], notes: &mut Vec<String>) {
    notes.extend(unfilled.iter().map(|unfilled| {
        let name = names
            .get(unfilled.step.at())
            .map(|name| name.text.clone())
            .unwrap_or_default();
        format!(
            "the context does not hold what `{name}` takes: {}",
            unfilled.error
        )
    }));
}

/// Notes what the caches leave uncertain.
fn about_caches(
    build: &Build,
    solution: &Solution,
    caches: &[&RefCache],
    is_logged: bool,
    notes: &mut Vec<String>,
) {
    possible::about_no_key(build, solution, caches, notes);
    if !is_logged {
        about_absent_log(build, solution, caches, notes);
    }
}

/// Adds a note on the uncertainty that comes from a missing log.
fn about_absent_log(
    build: &Build,
    solution: &Solution,
    caches: &[&RefCache],
    notes: &mut Vec<String>,
) {
    if holds_own_results(build, solution, caches) {
        notes.push(OWN_RESULTS.to_owned());
    }
    if solution
        .steps
        .iter()
        .any(|standing| standing.verdict == Verdict::Unknown)
    {
        notes.push(
            "a log of the build (--progress=rawjson) settles what depends on what steps write"
                .to_owned(),
        );
    }
}

/// Adds notes on parts of the contexts that are missing, unreadable, or different from the build.
fn about_contexts(contexts: &Contexts, notes: &mut Vec<String>) {
    for name in &contexts.missing {
        notes.push(format!(
            "the files of the context `{name}` are not given: --context DIR, or --context NAME=DIR, does"
        ));
    }
    for problem in &contexts.problems {
        notes.push(format!("{}: {}", problem.path.display(), problem.error));
    }
    if contexts.ignores_others {
        let counts = if contexts.ignores_anew {
            "what it leaves out now counts, as for the next build"
        } else {
            "what the build left out counts"
        };
        notes.push(format!(
            "the ignore file of the context is not the one that was built with: {counts}"
        ));
    }
}

fn image_facts(caches: &[&RefCache]) -> ImageFacts {
    let mut facts = ImageFacts::default();
    for cache in caches {
        for (layer, detail) in cache.graph.layers.iter().zip(&cache.layers) {
            let diff_id = detail
                .diff_id
                .as_ref()
                .and_then(crate::format::digest::DigestText::valid);
            if let (Some(blob), Some(diff_id)) = (layer.blob.valid(), diff_id) {
                facts.diff_ids.insert(blob, diff_id);
            }
        }
    }
    facts
}

/// Marks the keys of an image as complete if no cache holds its layers. Every result on top of an
/// image holds the image's own layers.
fn close_images(build: &Build, keys: &mut [StepKeys], caches: &[&RefCache]) {
    let blobs: BTreeSet<_> = caches
        .iter()
        .flat_map(|cache| &cache.graph.layers)
        .filter_map(|layer| layer.blob.valid())
        .collect();
    for (place, step) in build.steps.iter().enumerate() {
        let is_image = matches!(&step.op.kind, OpKind::Source(op) if matches!(op.scheme().0, "docker-image" | "oci-layout"));
        if !is_image || keys[place].complete || keys[place].digests.is_empty() {
            continue;
        }
        let base = StepOutput {
            step: StepIndex(u32::try_from(place).unwrap_or(u32::MAX)),
            output: 0,
        };
        let above = build
            .steps
            .iter()
            .filter(|step| step.inputs.first() == Some(&base));
        // Every operation adds one layer to its base.
        let below = above
            .flat_map(|step| step.layers.values())
            .flatten()
            .filter_map(|chain| chain.split_last());
        let own = step.layers.values().flatten().map(Vec::as_slice);
        let mut layers = own.chain(below.map(|(_, below)| below)).flatten();
        if layers.any(|layer| {
            layer
                .digest
                .valid()
                .is_none_or(|digest| !blobs.contains(&digest))
        }) {
            keys[place].complete = true;
        }
    }
}

/// Reads the files of cached stages whose content decides about a step that is still unknown.
async fn stages(
    imported: &[Imported<'_>],
    loaded: &[(usize, RefCache)],
    build: &Build,
    keys: &[StepKeys],
    solution: &Solution,
    tried: &mut BTreeSet<StepOutput>,
) -> fill::KnownFiles {
    let mut wanted: BTreeMap<StepOutput, (usize, RecordIndex)> = BTreeMap::new();
    for (step, (of, keys)) in build.steps.iter().zip(keys).enumerate() {
        if solution.steps[step].verdict != Verdict::Unknown {
            continue;
        }
        for (input, keys) in of.inputs.iter().zip(&keys.inputs) {
            let below = &solution.steps[input.step.at()];
            let is_there = below.in_cache == InCache::Result && below.verdict == Verdict::Hit;
            if keys.content == ContentKey::Unknown && is_there {
                let has_result = |(cache, record): &&(usize, RecordIndex)| {
                    loaded[*cache].1.records[record.at()].state == RecordState::Result
                };
                wanted.extend(
                    below
                        .records
                        .iter()
                        .find(has_result)
                        .map(|record| (*input, *record)),
                );
            }
        }
    }
    let mut files = fill::KnownFiles::new();
    for (output, (cache, record)) in wanted {
        if !tried.insert(output) {
            continue;
        }
        let (place, cache) = &loaded[cache];
        let detail = &cache.records[record.at()];
        let Some(result) = &detail.result else {
            continue;
        };
        let mut chain: Vec<LayerIndex> = cache.chain(result).collect();
        chain.reverse();
        if let Some(found) = unpack(imported[*place].reader, cache, &chain).await {
            files.insert(output, Arc::new(found));
        }
    }
    files
}

/// Unpacks layers on top of each other. Returns `None` if one cannot be read, or could be unpacked
/// in several ways.
async fn unpack(
    reader: &SharedReader,
    cache: &RefCache,
    layers: &[LayerIndex],
) -> Option<ContextFiles> {
    let mut snapshot = Snapshot::default();
    for layer in layers {
        let digest = cache.graph.layers[layer.at()].blob.valid()?;
        let blob: Box<dyn Read + Send> = reader.open_blob(digest).await.ok()?;
        let apply = move || {
            let limits = Limits {
                bytes: MOST_UNPACKED,
                ..Limits::default()
            };
            snapshot.apply(blob, &limits).ok().map(|()| snapshot)
        };
        snapshot = tokio::task::spawn_blocking(apply).await.ok()??;
    }
    snapshot.finish().ok()
}
