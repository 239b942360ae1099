//! Explains one build of the evidence.

use super::caches::ImportedCaches;
use super::context::{self, BuildContexts, Directories};
use super::evidence::{BuildLabel, GatheredEvidence};
use super::log::Log;
use super::note::{DescriptionNote, EvidenceNote, ImportNote, Note};
use super::{
    Explanation, WhyError, downloads, files, image_keys, linked, log, notes, other_refs,
    stage_files,
};
use crate::explain::cause::{self, CauseFacts, ComparedBuild};
use crate::explain::keys::image::ImageFacts;
use crate::explain::keys::{StepKeys, fill};
use crate::explain::names::{self, StepName};
use crate::explain::sizes;
use crate::explain::solve::KnownFacts;
use crate::format::cache_debug::CacheDebug;
use crate::format::llb::OpKind;
use crate::format::provenance::{Build, StepIndex};
use crate::text::secrets::mask;

/// Explains builds against the caches that they import.
pub(super) struct BuildExplainer<'a> {
    pub(super) caches: &'a ImportedCaches<'a>,
    /// The texts behind keys of the caches.
    pub(super) debug: &'a [CacheDebug],
    /// The contexts on the disk.
    pub(super) directories: &'a Directories,
    /// Why the build imports nothing, where none of its imports exists.
    pub(super) not_imported: Option<&'a str>,
}

impl BuildExplainer<'_> {
    /// Explains a build. `baseline` is an earlier build.
    pub(super) async fn explain(
        &self,
        evidence: GatheredEvidence,
        baseline: Option<&Build>,
    ) -> Result<Explanation, WhyError> {
        let contents = self.caches.contents();
        let images = image_keys::facts(&contents);
        let log = evidence.log;
        let mut keyed = self.read(evidence.build, &log, &images).await?;
        let build = &keyed.build;
        let known = KnownFacts {
            ignores_cache: evidence.ignored,
            logged: log::verdicts(build, &keyed.names, &log, &mut keyed.notes),
            started: build.started.or_else(|| log.started()),
            linked: linked::of_steps(build),
        };
        let logged = notes::not_imported(&log::imports(&log), evidence.names_no_import);
        let solution = stage_files::solve(self.caches, build, &mut keyed.keys, &known).await;
        let before = baseline.map(|build| KeyedBaseline::new(build, &images));
        let labels = self.caches.labels();
        let facts = CauseFacts {
            now: ComparedBuild {
                build,
                keys: &keyed.keys,
                names: &keyed.names,
            },
            before: before.as_ref().map(KeyedBaseline::compared),
            caches: &contents,
            solution: &solution,
            ignores_cache: &known.ignores_cache,
            of_other_build: &keyed.others,
            unreadable: self.caches.unreadable.as_deref(),
            not_imported: self.not_imported.or(logged.as_deref()),
            labels: &labels,
            debug: self.debug,
        };
        let mut causes = cause::causes(&facts);
        files::name_paths(&self.caches.loaded, &keyed.contexts, &facts, &mut causes).await;
        other_refs::complete(self.caches.imported, &facts, known.started, &mut causes).await;
        if log.is_empty() && self.exported_by(build) {
            keyed.notes.push(ImportNote::OwnRef.into());
        }
        notes::about_solution(&facts, &causes, !log.is_empty(), &mut keyed.notes);
        let pairs = pairs(&facts);
        Ok(notes::about_builder(Explanation {
            earlier: earlier(&facts, &pairs),
            busy: log::busy(build, &keyed.names, &log),
            written: sizes::of_steps(&facts, &pairs),
            configs: contents.iter().map(|cache| cache.config).collect(),
            causes,
            names: keyed.names.into_iter().map(StepName::masked).collect(),
            keys: keyed.keys,
            notes: keyed.notes,
            build: keyed.build,
            standings: solution.steps,
            label: BuildLabel::default(),
            others: Vec::new(),
        }))
    }

    /// Returns whether an imported ref is the cache that the build exported.
    fn exported_by(&self, build: &Build) -> bool {
        let mut entries = self.caches.imported.iter().map(|imported| imported.entry);
        build
            .exported
            .is_some_and(|exported| entries.any(|entry| entry.digest().valid() == Some(exported)))
    }

    /// Reads the contexts of a build and computes its keys.
    async fn read(
        &self,
        build: Build,
        log: &Log,
        images: &ImageFacts,
    ) -> Result<KeyedBuild, WhyError> {
        // A log describes a finished build. Without a log, the current directory describes the next
        // build.
        let directories = Directories {
            ignores_anew: log.is_empty(),
            ..self.directories.clone()
        };
        let read = context::changed::read_with_build(build, directories);
        let (contexts, build, other_file) = read.await?;
        let mut notes = Vec::new();
        notes::about_unread(&build, &mut notes);
        notes::about_contexts(&contexts, &mut notes);
        if let Some(path) = other_file {
            notes.push(DescriptionNote::OtherDockerfile(path).into());
        }
        let names = names::of_steps(&build);
        let mut build = build;
        let others = log::with_another_digest(&build, &names, log);
        for step in &others {
            build.steps[*step].op.kind = OpKind::Unknown;
        }
        if !others.is_empty() {
            notes.push(EvidenceNote::LogWithOtherOptions.into());
        }
        let mut keys = image_keys::of_build(&build, images);
        let unfilled = fill::content_keys(&build, &mut keys, &contexts.files);
        notes::about_unfilled(&unfilled, &names, &mut notes);
        downloads::compare(self.caches, &build, &mut keys).await;
        image_keys::close(&build, &mut keys, &self.caches.contents());
        Ok(KeyedBuild {
            build,
            contexts,
            names,
            keys,
            notes,
            others,
        })
    }
}

/// An earlier build with its keys.
struct KeyedBaseline<'a> {
    build: &'a Build,
    keys: Vec<StepKeys>,
    names: Vec<StepName>,
}

impl<'a> KeyedBaseline<'a> {
    fn new(build: &'a Build, images: &ImageFacts) -> Self {
        Self {
            build,
            keys: image_keys::of_build(build, images),
            names: names::of_steps(build),
        }
    }

    fn compared(&self) -> ComparedBuild<'_> {
        ComparedBuild {
            build: self.build,
            keys: &self.keys,
            names: &self.names,
        }
    }
}

/// A build with all keys that do not depend on cached stages.
struct KeyedBuild {
    build: Build,
    contexts: BuildContexts,
    names: Vec<StepName>,
    keys: Vec<StepKeys>,
    notes: Vec<Note>,
    /// The steps that the build of the log had with another operation, by index.
    others: Vec<usize>,
}

/// Returns the steps of the earlier build that the steps were.
fn pairs(facts: &CauseFacts<'_>) -> Vec<Option<StepIndex>> {
    match &facts.before {
        Some(before) => cause::pair::pairs(&facts.now, before),
        None => vec![None; facts.now.build.steps.len()],
    }
}

/// Returns the names that the steps had in the earlier build.
fn earlier(facts: &CauseFacts<'_>, pairs: &[Option<StepIndex>]) -> Vec<Option<String>> {
    let name = |step: StepIndex| {
        let name = facts.before.as_ref()?.names.get(step.at())?;
        Some(mask(&name.text))
    };
    pairs.iter().map(|step| name((*step)?)).collect()
}
