//! Combines the evidence of a build.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::context::place;
use super::log::{self, Log};
use super::note::{EvidenceNote, Note};
use crate::explain::names;
use crate::format::build_record::BuildRecord;
use crate::format::cache_debug::CacheDebug;
use crate::format::evidence::{EvidenceDocument, NamedBuild};
use crate::format::llb::{FileChange, OpKind};
use crate::format::plain_log::PlainLog;
use crate::format::progress_log::ProgressLog;
use crate::format::provenance::Build;
use crate::text::secrets::mask;

/// A build with all other facts about it in the evidence.
pub(super) struct GatheredEvidence {
    pub(super) build: Build,
    /// The logs of the build.
    pub(super) log: Log,
    /// For each step, whether it ignores the cache.
    pub(super) ignored: Vec<bool>,
    /// The label that distinguishes it from other builds.
    pub(super) label: BuildLabel,
    /// Whether a build record states that the build had no imports.
    pub(super) names_no_import: bool,
    /// Whether it comes from a build record, which lists the imports of the build.
    pub(super) is_recorded: bool,
}

/// Removes the texts behind keys from documents: they describe caches, and not a build.
pub(super) fn take_debug(documents: &mut Vec<EvidenceDocument>) -> Vec<CacheDebug> {
    let taken = documents.extract_if(.., |document| {
        matches!(document, EvidenceDocument::CacheDebug(_))
    });
    let debug = taken.filter_map(|document| match document {
        EvidenceDocument::CacheDebug(debug) => Some(debug),
        _ => None,
    });
    debug.collect()
}

/// The build to explain, of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its platform, as `linux/arm64`.
    pub platform: Option<String>,
    /// Its target: of bake, or the stage.
    pub target: Option<String>,
}

/// Distinguishes one of several builds from the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildLabel {
    /// The target of bake, or the requested stage.
    pub target: Option<String>,
    pub platform: String,
    /// BuildKit's name for the build, if a build record has it.
    pub reference: Option<String>,
}

impl BuildLabel {
    fn of(build: &Build, target: Option<String>) -> Self {
        let asked = build.request.args.get("target").cloned();
        Self {
            target: target.or(asked).filter(|target| !target.is_empty()),
            platform: super::platform_of(build).unwrap_or_else(|| build.builder_platform.clone()),
            reference: None,
        }
    }

    /// Returns how to show this build instead of `other`.
    pub(super) fn way(&self, other: &Self) -> String {
        let flags = self.flags(other);
        match &self.reference {
            _ if !flags.is_empty() => format!("{flags} shows it"),
            Some(reference) if self.reference != other.reference => {
                format!("`docker buildx history export {reference}` writes it alone")
            }
            _ => String::new(),
        }
    }

    /// Returns the flags that select this build and not `other`.
    pub(super) fn flags(&self, other: &Self) -> String {
        let mut flags = Vec::new();
        if self.target != other.target
            && let Some(target) = &self.target
        {
            flags.push(format!("--target {target}"));
        }
        if self.platform != other.platform {
            flags.push(format!("--platform {}", self.platform));
        }
        flags.join(" ")
    }

    pub(super) fn fits(&self, wanted: &Wanted) -> bool {
        let platform = wanted.platform.as_ref();
        let target = wanted.target.as_ref();
        platform.is_none_or(|platform| *platform == self.platform)
            && target.is_none_or(|target| Some(target) == self.target.as_ref())
    }
}

impl fmt::Display for BuildLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reference) = &self.reference {
            write!(f, "{reference}, ")?;
        }
        match &self.target {
            Some(target) => write!(f, "target {target} for {}", self.platform),
            None => write!(f, "{}", self.platform),
        }
    }
}

/// Combines documents into one piece of evidence for each build that they describe.
pub(super) fn gather(
    documents: Vec<EvidenceDocument>,
    notes: &mut Vec<Note>,
) -> Vec<GatheredEvidence> {
    let mut rich: Vec<Arc<ProgressLog>> = Vec::new();
    let mut plain: Option<Arc<PlainLog>> = None;
    let mut found: Vec<GatheredEvidence> = Vec::new();
    let mut options: Vec<NamedBuild> = Vec::new();
    for document in documents {
        match document {
            EvidenceDocument::Provenance(build) | EvidenceDocument::Definition(build) => {
                found.push(GatheredEvidence::of(*build, None));
            }
            EvidenceDocument::Builds(builds) => {
                let builds = builds.into_iter();
                found.extend(builds.map(|named| GatheredEvidence::of(named.build, named.target)));
            }
            EvidenceDocument::Records(records) => {
                let are_several = records.len() > 1;
                for record in records {
                    notes.extend(about_record(&record));
                    let log = Arc::new(record.log);
                    for build in record.builds {
                        let mut evidence = GatheredEvidence::of(build, None);
                        evidence.log.rich = Some(Arc::clone(&log));
                        evidence.names_no_import = record.imports.is_empty();
                        evidence.is_recorded = true;
                        if are_several {
                            let reference = Some(&record.reference);
                            evidence.label.reference =
                                reference.filter(|text| !text.is_empty()).cloned();
                        }
                        found.push(evidence);
                    }
                    rich.push(log);
                }
            }
            EvidenceDocument::Options(builds) => options.extend(builds),
            EvidenceDocument::Log(log) => rich.push(Arc::new(log)),
            EvidenceDocument::PlainLog(log) => plain = Some(Arc::new(log)),
            EvidenceDocument::CacheDebug(_) => {}
        }
    }
    add_options(&options, &mut found, notes);
    for evidence in &mut found {
        let best = rich
            .iter()
            .max_by_key(|log| known_steps(&evidence.build, log));
        let own = evidence.log.rich.take();
        evidence.log.rich = own.or_else(|| best.cloned());
        evidence.log.plain.clone_from(&plain);
    }
    found
}

/// Returns notes on the failure of a recorded build, and on the unusable parts of its record.
fn about_record(record: &BuildRecord) -> impl Iterator<Item = Note> {
    let parts = record.problems.iter().map(ToString::to_string);
    let failure = record.failure();
    let failure = failure.map(|failure| EvidenceNote::FailedBuild(mask(&failure)));
    parts
        .map(EvidenceNote::RecordPart)
        .chain(failure)
        .map(Note::from)
}

/// Adds the times in provenance without steps to the builds that a Dockerfile describes.
fn add_options(options: &[NamedBuild], found: &mut [GatheredEvidence], notes: &mut Vec<Note>) {
    if !options.is_empty() {
        notes.push(EvidenceNote::OptionsOnly.into());
    }
    let [only] = options else { return };
    for build in found.iter_mut().map(|evidence| &mut evidence.build) {
        build.started = build.started.or(only.build.started);
        build.finished = build.finished.or(only.build.finished);
        build.exported = build.exported.or(only.build.exported);
    }
}

/// Selects the builds to explain: those that are wanted. Of these, builds are preferred that a log
/// knows, that imported a cache, and whose Dockerfile is that of the context.
pub(super) fn choose(
    mut found: Vec<GatheredEvidence>,
    wanted: &Wanted,
    main: Option<&Path>,
) -> Result<Vec<GatheredEvidence>, Vec<BuildLabel>> {
    let labels: Vec<BuildLabel> = found
        .iter()
        .map(|evidence| evidence.label.clone())
        .collect();
    // A single build needs no selection.
    if found.len() > 1 {
        found.retain(|evidence| evidence.label.fits(wanted));
    }
    if found.is_empty() && !labels.is_empty() {
        return Err(labels);
    }
    let is_logged = |evidence: &GatheredEvidence| {
        let rich = evidence.log.rich.as_ref();
        rich.is_some_and(|rich| log::knows(&evidence.build, rich))
    };
    narrow(&mut found, is_logged);
    // Builds of several records belong to several projects, and a cache belongs to one.
    let are_other_records = found
        .windows(2)
        .any(|pair| pair[0].label.reference != pair[1].label.reference);
    if are_other_records {
        narrow(&mut found, |evidence| {
            evidence.is_recorded && !evidence.names_no_import
        });
        if let Some(main) = main {
            narrow(&mut found, |evidence| {
                let source = evidence.build.main_source();
                let text = source.and_then(|source| source.text.as_deref());
                text.is_some_and(|text| place::has_dockerfile(&evidence.build, main, text))
            });
        }
    }
    Ok(found)
}

/// Keeps the matching builds, if there are any.
fn narrow(found: &mut Vec<GatheredEvidence>, fits: impl Fn(&GatheredEvidence) -> bool) {
    if found.iter().any(&fits) {
        found.retain(fits);
    }
}

/// Returns how many steps of a build are in a log.
fn known_steps(build: &Build, log: &ProgressLog) -> usize {
    let vertices = build.steps.iter().flat_map(|step| &step.vertices);
    vertices
        .filter(|vertex| log.vertex(vertex).is_some())
        .count()
}

impl GatheredEvidence {
    fn of(build: Build, target: Option<String>) -> Self {
        Self {
            label: BuildLabel::of(&build, target),
            ignored: ignores_cache(&build),
            log: Log::default(),
            names_no_import: false,
            is_recorded: false,
            build,
        }
    }
}

/// Returns for each step whether the build ignores caches for it. `--no-cache` and
/// `--no-cache-filter` apply to commands and copies, but not to `WORKDIR`
/// (`frontend/dockerfile/dockerfile2llb/convert.go`).
fn ignores_cache(build: &Build) -> Vec<bool> {
    let names = names::of_steps(build);
    let stages = build.request.args.get("no-cache").map(|stages| {
        stages
            .split(',')
            .map(str::trim)
            .filter(|stage| !stage.is_empty())
            .map(str::to_lowercase)
            .collect::<Vec<_>>()
    });
    let is_stated = |step: usize| -> bool {
        let Some(stages) = &stages else { return false };
        let touches = match &build.steps[step].op.kind {
            // Only `COPY --link` and `ADD --link` merge.
            OpKind::Exec(_) | OpKind::Merge(_) => true,
            OpKind::File(op) => !op
                .actions
                .0
                .iter()
                .all(|action| matches!(action.change, FileChange::MakeDir(_))),
            _ => false,
        };
        let of_stage = |stage: &String| {
            let places = names.get(step).into_iter().flat_map(|name| &name.places);
            places
                .filter_map(|place| place.stage.as_ref())
                .any(|found| found.to_string().to_lowercase() == *stage)
        };
        touches && (stages.is_empty() || stages.iter().any(of_stage))
    };
    (0..build.steps.len())
        .map(|step| build.steps[step].ignores_cache || is_stated(step))
        .collect()
}
