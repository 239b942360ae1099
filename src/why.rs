//! Why a build missed its cache: the evidence of a build held against the caches that it imports.
//!
//! Everything that decides is pure and lies in [`crate::explain`]. Here is what has to be fetched for it: the configurations
//! of refs, the layers of stages whose files tell a key, the files that a step copied once, and the refs that still have a
//! result which another one lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::backend::SharedReader;
use crate::context::{self, Contexts, Directories};
use crate::explain::cause::{self, Cause, Described, Facts};
use crate::explain::context::ContextFiles;
use crate::explain::context::snapshot::Snapshot;
use crate::explain::keys::image::ImageFacts;
use crate::explain::keys::{self, ContentKey, StepKeys, fill};
use crate::explain::names::{self, StepName};
use crate::explain::solve::{InCache, Known, Solution, Standing, Verdict};
use crate::format::cache_config::{LayerIndex, RecordIndex};
use crate::format::evidence::Document;
use crate::format::layer::Limits;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::{Inventory, RefEntry};

mod caches;
mod downloads;
mod dropped;
mod evidence;
mod files;
pub mod groups;
mod log;
mod stored;
pub mod words;

use evidence::Evidence;

/// How often keys are filled in from stages that turned out to be in the cache.
const MOST_ROUNDS: usize = 4;
/// How many other refs are asked for a result that one lost.
const MOST_REFS: usize = 40;
/// How many bytes come out of the layers of a stage at most.
const MOST_UNPACKED: u64 = 4 << 30;

/// A ref that the build imports.
#[derive(Clone, Copy)]
pub struct Imported<'a> {
    /// Reads its store.
    pub reader: &'a SharedReader,
    /// What the store holds.
    pub inventory: &'a Inventory,
    /// The ref.
    pub entry: &'a RefEntry,
}

/// What is known of the builds.
#[derive(Debug, Default)]
pub struct Given {
    /// Evidence of the build that is explained.
    pub documents: Vec<Document>,
    /// Evidence of an earlier build.
    pub baseline: Vec<Document>,
    /// The contexts as they are on the disk.
    pub directories: Directories,
}

/// Says why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// There is no graph of the build among the evidence.
    #[error("nothing among the evidence tells the steps of the build")]
    NoGraph,
    /// No imported ref has a cache.
    #[error("`{name}` holds no cache that can be read")]
    NoCache {
        /// The ref, fit to be shown.
        name: String,
        /// What is wrong with it.
        faults: Vec<String>,
    },
    /// The program is about to end.
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
    /// How its steps stand.
    pub standings: Vec<Standing>,
    /// Why steps run.
    pub causes: Vec<Option<Cause>>,
    /// What steps were called in the earlier build, as far as it had them and is known.
    pub former: Vec<Option<String>>,
    /// How long steps ran, where a log tells.
    pub busy: Vec<Option<SignedDuration>>,
    /// What does not fit together, or is missing to say more.
    pub notes: Vec<String>,
}

impl Explanation {
    /// Returns the steps that are told of, in the order of the file: all but contexts and the last one, which does nothing.
    pub fn steps(&self) -> Vec<StepIndex> {
        let mut steps: Vec<StepIndex> = (0..)
            .map(StepIndex)
            .zip(&self.build.steps)
            .filter(|(_, step)| match &step.op.kind {
                OpKind::Empty => false,
                OpKind::Source(source) => source.scheme().0 != "local",
                _ => !cause::is_internal(&self.build, step),
            })
            .map(|(index, _)| index)
            .collect();
        steps.sort_by_key(|step| {
            let place = self.names.get(step.at()).and_then(|name| name.places.first());
            (place.is_none(), place.map(|place| (place.file.clone(), place.first_line)), *step)
        });
        steps
    }

    /// Tells whether a step is judged: sources are resolved each time.
    pub fn is_judged(&self, step: StepIndex) -> bool {
        !matches!(self.build.steps[step.at()].op.kind, OpKind::Source(_) | OpKind::Empty)
    }

    /// Returns how many judged steps have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let judged = self.steps().into_iter().filter(|step| self.is_judged(*step));
        judged.filter(|step| self.standings[step.at()].verdict == verdict).count()
    }

    /// Returns the causes that lie in their own steps, each told once however many steps have it.
    pub fn root_causes(&self) -> Vec<(StepIndex, &Cause)> {
        let mut seen = BTreeSet::new();
        let mut steps = self.steps();
        // What somebody changed comes before what a cache has lost.
        steps.sort_by_key(|step| self.causes[step.at()].as_ref().is_some_and(|cause| cause.kind.is_loss()));
        let roots = steps.into_iter().filter_map(|step| Some((step, self.causes[step.at()].as_ref()?)));
        roots
            .filter(|(_, cause)| cause.is_root())
            .filter(|(step, cause)| {
                let is_shared = cause.kind.is_of_many_steps();
                let of = if is_shared { None } else { Some(*step) };
                seen.insert((cause.kind, if is_shared { cause.detail.clone() } else { String::new() }, of))
            })
            .collect()
    }
}

/// Explains a build.
///
/// # Errors
/// When there is no graph of it, or no cache.
pub async fn explain(imported: &[Imported<'_>], mut given: Given) -> Result<Explanation, WhyError> {
    let mut notes = Vec::new();
    let mut debug = evidence::take_debug(&mut given.documents);
    debug.extend(evidence::take_debug(&mut given.baseline));
    let Evidence { build, log, ignored } = evidence::gather(given.documents, &mut notes).ok_or(WhyError::NoGraph)?;
    let baseline = if given.baseline.is_empty() {
        notes.push(
            "without --baseline, the evidence of an earlier build, a changed command cannot be told from a new one"
                .to_owned(),
        );
        None
    } else {
        evidence::gather(given.baseline, &mut notes).map(|evidence| evidence.build)
    };
    let asked = stored::ask(imported, &mut notes).await;
    let imported: Vec<Imported<'_>> = imported
        .iter()
        .zip(&asked)
        .map(|(told, asked)| Imported { inventory: asked.as_deref().unwrap_or(told.inventory), ..*told })
        .collect();
    let imported = imported.as_slice();
    let (loaded, unreadable) = caches::load(imported, &mut notes).await?;
    let caches: Vec<&RefCache> = loaded.iter().map(|(_, cache)| cache).collect();

    // A log tells of a build that has been; without one, what is there now tells of the next.
    let directories = Directories { ignores_anew: log.is_empty(), ..given.directories };
    let (contexts, build, other_file) = read_contexts(build, directories).await?;
    about_unread(&build, &mut notes);
    about_contexts(&contexts, log.is_empty(), &mut notes);
    let is_logged = !log.is_empty();
    if let Some(path) = other_file {
        notes.push(format!("{path} is not the one that was built: this tells of the steps as they were then"));
    }
    let images = image_facts(&caches);
    let (names, mut keys) = (names::of_steps(&build), keys::of_build(&build));
    keys::image::fill(&build, &mut keys, &images);
    let unfilled = fill::content_keys(&build, &mut keys, &contexts.files);
    notes.extend(unfilled.iter().map(|unfilled| {
        let name = names.get(unfilled.step.at()).map(|name| name.text.clone()).unwrap_or_default();
        format!("the context does not hold what `{name}` takes: {}", unfilled.error)
    }));

    downloads::compare(imported, &loaded, &build, &mut keys).await;
    close_images(&build, &mut keys, &caches);

    let known = Known { ignores_cache: ignored, logged: log::verdicts(&build, &names, &log, &mut notes) };
    let mut solution = Solution::new(&build, &keys, &caches, &known);
    let mut tried = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        let files = stages(imported, &loaded, &build, &keys, &solution, &mut tried).await;
        if files.is_empty() {
            break;
        }
        // What a stage holds that is unpacked in more than one way, or cannot be selected from, stays unknown.
        let _ = fill::content_keys(&build, &mut keys, &files);
        solution = Solution::new(&build, &keys, &caches, &known);
    }
    let before = baseline.as_ref().map(|build| {
        let mut keys = keys::of_build(build);
        keys::image::fill(build, &mut keys, &images);
        (build, keys, names::of_steps(build))
    });
    let facts = Facts {
        now: Described { build: &build, keys: &keys, names: &names },
        before: before.as_ref().map(|(build, keys, names)| Described { build, keys, names }),
        caches: &caches,
        solution: &solution,
        ignores_cache: &known.ignores_cache,
        unreadable: unreadable.as_deref(),
        debug: &debug,
    };
    let mut causes = cause::causes(&facts);
    files::tell(imported, &loaded, &build, &contexts, &keys, &solution, &mut causes).await;
    dropped::tell(imported, &build, &keys, &caches, &mut causes).await;
    if !is_logged && solution.steps.iter().any(|standing| standing.verdict == Verdict::Unknown) {
        notes.push("a log of the build (--progress=rawjson) settles what depends on what steps write".to_owned());
    }
    let busy = log::busy(&build, &names, &log);
    let former = former(&facts);
    Ok(Explanation { standings: solution.steps, names, keys, causes, former, busy, notes, build })
}

/// Returns what the steps were called in the earlier build.
fn former(facts: &Facts<'_>) -> Vec<Option<String>> {
    let Some(before) = &facts.before else { return vec![None; facts.now.build.steps.len()] };
    let name = |step: StepIndex| before.names.get(step.at()).map(|name| name.text.clone());
    cause::pair::pairs(&facts.now, before).into_iter().map(|step| name(step?)).collect()
}

/// Reads the contexts of a build, and returns the file that says how to build it, where that is another than it was.
///
/// # Errors
/// When the reading was interrupted.
async fn read_contexts(build: Build, directories: Directories) -> Result<(Contexts, Build, Option<String>), WhyError> {
    let read = move || {
        let other = directories.main.as_ref().map(|main| context::dockerfile(&build, main)).filter(|path| {
            let text = build.sources.first().and_then(|source| source.text.as_deref());
            text.is_some_and(|text| is_other(path, text))
        });
        (context::load(&build, &directories), build, other.map(|path| path.display().to_string()))
    };
    tokio::task::spawn_blocking(read).await.map_err(|_| WhyError::Interrupted)
}

/// Tells whether a file is there, and holds another text.
fn is_other(path: &Path, text: &str) -> bool {
    match std::fs::metadata(path) {
        // What is no plain file may never end.
        Ok(found) if found.is_file() && found.len() == text.len() as u64 => {
            std::fs::read(path).is_ok_and(|found| found != text.as_bytes())
        }
        Ok(found) => found.is_file(),
        Err(_) => false,
    }
}

/// Notes which operations hold something that this program does not know.
fn about_unread(build: &Build, notes: &mut Vec<String>) {
    let names = names::of_steps(build);
    for (step, name) in build.steps.iter().zip(names) {
        if let Some(part) = &step.unread {
            let name = name.text.lines().next().unwrap_or_default();
            notes.push(format!("the key of `{name}` is not known: its operation holds {part}, which is new"));
        }
    }
}

/// Notes what of the contexts is missing, cannot be read, or is not what was built.
fn about_contexts(contexts: &Contexts, is_ahead: bool, notes: &mut Vec<String>) {
    for name in &contexts.missing {
        notes.push(format!(
            "the files of the context `{name}` are not given: --context DIR, or --context NAME=DIR, does"
        ));
    }
    for problem in &contexts.problems {
        notes.push(format!("{}: {}", problem.path.display(), problem.error));
    }
    if contexts.ignores_others {
        let counts = if is_ahead {
            "what it leaves out now counts, as for the next build"
        } else {
            "what the build left out counts"
        };
        notes.push(format!("the ignore file of the context is not the one that was built with: {counts}"));
    }
}

fn image_facts(caches: &[&RefCache]) -> ImageFacts {
    let mut facts = ImageFacts::default();
    for cache in caches {
        for (layer, detail) in cache.graph.layers.iter().zip(&cache.layers) {
            let diff_id = detail.diff_id.as_ref().and_then(crate::format::digest::DigestText::valid);
            if let (Some(blob), Some(diff_id)) = (layer.blob.valid(), diff_id) {
                facts.diff_ids.insert(blob, diff_id);
            }
        }
    }
    facts
}

/// Settles that an image has no further key in the caches, where the layers that it has are in none of them: every result
/// on an image holds the image's own layers.
fn close_images(build: &Build, keys: &mut [StepKeys], caches: &[&RefCache]) {
    let blobs: BTreeSet<_> =
        caches.iter().flat_map(|cache| &cache.graph.layers).filter_map(|layer| layer.blob.valid()).collect();
    for (place, step) in build.steps.iter().enumerate() {
        let is_image =
            matches!(&step.op.kind, OpKind::Source(op) if matches!(op.scheme().0, "docker-image" | "oci-layout"));
        if !is_image || keys[place].complete || keys[place].digests.is_empty() {
            continue;
        }
        let base = StepOutput { step: StepIndex(u32::try_from(place).unwrap_or(u32::MAX)), output: 0 };
        let above = build.steps.iter().filter(|step| step.inputs.first() == Some(&base));
        // Every operation puts one layer on what it stands on.
        let below = above.flat_map(|step| step.layers.values()).flatten().filter_map(|chain| chain.split_last());
        let own = step.layers.values().flatten().map(Vec::as_slice);
        let mut layers = own.chain(below.map(|(_, below)| below)).flatten();
        if layers.any(|layer| layer.digest.valid().is_none_or(|digest| !blobs.contains(&digest))) {
            keys[place].complete = true;
        }
    }
}

/// Reads the files of those stages whose content decides about a step that is not known, and whose result is in a cache.
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
                wanted.extend(below.records.iter().find(has_result).map(|record| (*input, *record)));
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
        let Some(result) = &detail.result else { continue };
        let mut chain: Vec<LayerIndex> = cache.chain(result).collect();
        chain.reverse();
        if let Some(found) = unpack(imported[*place].reader, cache, &chain).await {
            files.insert(output, Arc::new(found));
        }
    }
    files
}

/// Unpacks layers onto each other. None when one cannot be read, or may be unpacked in several ways.
async fn unpack(reader: &SharedReader, cache: &RefCache, layers: &[LayerIndex]) -> Option<ContextFiles> {
    let mut snapshot = Snapshot::default();
    for layer in layers {
        let digest = cache.graph.layers[layer.at()].blob.valid()?;
        let blob: Box<dyn Read + Send> = reader.open_blob(digest).await.ok()?;
        let apply = move || {
            let limits = Limits { bytes: MOST_UNPACKED, ..Limits::default() };
            snapshot.apply(blob, &limits).ok().map(|()| snapshot)
        };
        snapshot = tokio::task::spawn_blocking(apply).await.ok()??;
    }
    snapshot.finish().ok()
}
