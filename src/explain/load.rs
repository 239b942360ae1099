//! Explains why a build missed its cache, from the evidence of the build and the caches that it
//! imports.
//!
//! All decisions are pure code in [`crate::explain`]. This module fetches their input: the
//! configurations of refs, the layers of stages whose files are part of a key, the files that a
//! step copied earlier, and the refs that still have a result which another ref lost.

use self::caches::ImportedCaches;
use self::context::Directories;
use self::one_build::BuildExplainer;
use crate::backend::SharedReader;
use crate::explain::keys;
use crate::explain::solve::CacheVerdict;
use crate::format::evidence::EvidenceDocument;
use crate::format::provenance::Build;
use crate::inventory::{Inventory, RefEntry};

mod before;
mod caches;
pub mod context;
pub mod dockerfile;
pub mod documents;
mod downloads;
mod evidence;
mod explanation;
mod files;
pub mod gate;
pub mod git;
pub mod groups;
pub mod history;
mod image_keys;
pub mod images;
pub mod imports;
mod linked;
mod log;
pub mod note;
mod notes;
mod one_build;
mod other_refs;
mod possible;
pub mod request;
pub mod root_causes;
mod stage_files;
pub mod stages;
pub mod step_names;
mod stored;
pub mod targets;
pub mod words;

use evidence::GatheredEvidence;
pub use evidence::{BuildLabel, Wanted};
pub use explanation::{Explanation, OtherBuild};
use note::Note;

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
    pub entry: &'a RefEntry,
}

/// The known evidence.
#[derive(Debug, Default)]
pub struct GivenEvidence {
    /// Evidence of the build to explain.
    pub documents: Vec<EvidenceDocument>,
    /// Evidence of an earlier build.
    pub baseline: Vec<EvidenceDocument>,
    /// The build to explain, where the evidence holds several.
    pub wanted: Wanted,
    /// The contexts on the disk.
    pub directories: Directories,
    /// Why the build imports nothing, where none of its imports exists.
    pub not_imported: Option<String>,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// The evidence holds no graph of the build.
    #[error("the evidence does not describe the build's steps")]
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

/// Explains a build. Of several builds in the evidence, it prefers one with steps that run.
/// [`Explanation::others`] names the rest.
///
/// # Errors
/// If the evidence holds no graph of the build, or no cache was imported.
pub async fn explain(
    imported: &[Imported<'_>],
    mut given: GivenEvidence,
) -> Result<Explanation, WhyError> {
    let mut notes: Vec<Note> = Vec::new();
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
    let is_baseline_given = !given.baseline.is_empty();
    let baselines = evidence::gather(given.baseline, &mut Vec::new());
    if baselines.is_empty() {
        notes.push(notes::without_baseline(is_baseline_given).into());
    }
    let started = before::started(&chosen);
    let earlier = before::contents(imported, started, &mut notes).await;
    let imported = before::replaced(imported, &earlier);
    let asked = stored::ask(&imported, &mut notes).await;
    let imported: Vec<Imported<'_>> = imported
        .iter()
        .zip(&asked)
        .map(|(imported, asked)| Imported {
            inventory: asked.as_deref().unwrap_or(imported.inventory),
            ..*imported
        })
        .collect();
    let caches = ImportedCaches::load(&imported, &mut notes).await?;
    let explainer = BuildExplainer {
        caches: &caches,
        debug: &debug,
        directories: &given.directories,
        not_imported: given.not_imported.as_deref(),
    };
    let mut explained = Vec::new();
    for evidence in chosen.into_iter().take(MOST_BUILDS) {
        let baseline = closest(&baselines, &evidence.label);
        let label = evidence.label.clone();
        explained.push((label, explainer.explain(evidence, baseline).await?));
    }
    Ok(show_one(explained, &labels, notes))
}

/// Shows the first explanation in which steps run, else the first in which some may run, and names
/// the others. `labels` are those of all builds in the evidence, `notes` the notes on all builds.
fn show_one(
    mut explained: Vec<(BuildLabel, Explanation)>,
    labels: &[BuildLabel],
    notes: Vec<Note>,
) -> Explanation {
    let weight = |explanation: &Explanation| {
        (
            explanation.count(CacheVerdict::Miss) > 0,
            explanation.count(CacheVerdict::Unknown) > 0,
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
            hit: explanation.count(CacheVerdict::Hit),
            miss: explanation.count(CacheVerdict::Miss),
            unknown: explanation.count(CacheVerdict::Unknown),
            label,
        })
        .collect();
    if labels.len() > 1 {
        let note = shown.about_others(&label, labels);
        shown.notes.insert(0, note.into());
    }
    shown.label = label;
    shown
}

/// Returns the baseline for a build: with the same target and platform, else with the same
/// platform, else the first.
fn closest<'a>(baselines: &'a [GatheredEvidence], label: &BuildLabel) -> Option<&'a Build> {
    let likeness = |evidence: &&GatheredEvidence| {
        (
            evidence.label.platform == label.platform,
            evidence.label.target == label.target,
        )
    };
    // `max_by_key` returns the last of equal ones.
    let best = baselines.iter().rev().max_by_key(likeness);
    best.map(|evidence| &evidence.build)
}

/// Returns the platform of a build's steps.
fn platform_of(build: &Build) -> Option<String> {
    let mut steps = build.steps.iter();
    let platform = steps.find_map(|step| step.op.platform.as_ref())?;
    Some(keys::platform::name(platform))
}
