//! Labels the records of a cache with the instructions of the builds that wrote them.

use super::keys::fill::{self, KnownFiles};
use super::keys::{self, StepKeys};
use super::matching::Matches;
use super::names::debug::{self, DebugName};
use super::names::records::{self, RecordName, RecordRole};
use super::names::{self, StepName};
use crate::format::cache_config::{CacheGraph, Record};
use crate::format::cache_debug::CacheDebug;
use crate::format::provenance::{Build, ProvenanceError};
use crate::inventory::labels::{Certainty, RecordLabel, StepPlace};
use crate::text::secrets::mask;

/// The known builds behind a cache.
#[derive(Debug, Default)]
pub struct CacheEvidence {
    builds: Vec<KnownBuild>,
    debug: Vec<CacheDebug>,
}

#[derive(Debug)]
struct KnownBuild {
    build: Build,
    keys: Vec<StepKeys>,
    names: Vec<StepName>,
    platform: Option<String>,
}

/// Why a document is no evidence for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Provenance of `mode=min` does not describe the steps.
    #[error("the provenance holds no steps; it was made with mode=min")]
    NoSteps,
    /// A log names vertices, but nothing that identifies a record.
    #[error("a log has no cache keys, which identify the steps of a cache")]
    Log,
}

impl EvidenceError {
    /// Returns a hint, where the message alone does not say what to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Provenance(_) => None,
            Self::NoSteps => Some("build with `--attest type=provenance,mode=max`"),
            Self::Log => Some(
                "give the build's provenance (mode=max), its build record, or its LLB definition",
            ),
        }
    }
}

impl CacheEvidence {
    /// Adds the provenance of a build.
    ///
    /// # Errors
    /// If it is no provenance, or does not describe the steps.
    pub fn add(&mut self, provenance: &[u8]) -> Result<(), EvidenceError> {
        self.add_build(Build::parse(provenance)?, &KnownFiles::new())
    }

    /// Adds a build with the files of its context. The files distinguish steps that copy them.
    ///
    /// # Errors
    /// If it has no steps.
    pub fn add_build(&mut self, build: Build, files: &KnownFiles) -> Result<(), EvidenceError> {
        if build.steps.is_empty() {
            return Err(EvidenceError::NoSteps);
        }
        let mut keys = keys::of_build(&build);
        let names = names::of_steps(&build);
        // A key whose files cannot be selected stays unknown.
        let _ = fill::content_keys(&build, &mut keys, files);
        let platform = build
            .steps
            .iter()
            .find_map(|step| step.op.platform.as_ref())
            .map(keys::platform::name);
        self.builds.push(KnownBuild {
            build,
            keys,
            names,
            platform,
        });
        Ok(())
    }

    /// Adds the keys that BuildKit printed for debugging.
    pub fn add_debug(&mut self, debug: CacheDebug) {
        self.debug.push(debug);
    }

    /// Returns whether no build is known.
    pub fn is_empty(&self) -> bool {
        self.builds.is_empty() && self.debug.is_empty()
    }

    /// Returns the label of each record of a cache. If builds disagree, the surest label wins. A
    /// record that no build knows has no label.
    pub fn labels(&self, graph: &CacheGraph) -> Vec<Option<RecordLabel>> {
        let mut labels: Vec<Option<RecordLabel>> = vec![None; graph.records.len()];
        let mut platforms: Vec<&Option<String>> = Vec::new();
        for known in &self.builds {
            if !platforms.contains(&&known.platform) {
                platforms.push(&known.platform);
            }
        }
        let are_several = platforms.len() > 1;
        for known in &self.builds {
            let matches = Matches::find(&known.build, &known.keys, graph);
            let named = records::of_records(&known.build, &known.keys, graph, &matches);
            for (label, names) in labels.iter_mut().zip(named) {
                let surest = label.as_ref().map(|label| label.certainty);
                if names
                    .first()
                    .is_some_and(|name| surest.is_none_or(|surest| surest < name.certainty))
                {
                    *label = known.label(&names);
                    if are_several && let Some(label) = label.as_mut() {
                        label.platform.clone_from(&known.platform);
                    }
                } else if let Some(label) = label
                    && names
                        .first()
                        .is_some_and(|name| name.certainty == label.certainty)
                    && label.platform != known.platform
                {
                    // Equally sure, but for another platform.
                    label.platform = None;
                }
            }
        }
        for (label, record) in labels.iter_mut().zip(&graph.records) {
            if label
                .as_ref()
                .is_none_or(|label| label.certainty < Certainty::Assumed)
            {
                *label = self.label_of_debug(record).or(label.take());
            }
        }
        for label in labels.iter_mut().flatten() {
            label.text = mask(&label.text);
            for place in &mut label.places {
                place.text = mask(&place.text);
            }
        }
        labels
    }
}

impl CacheEvidence {
    /// Labels a record by the text behind its key, which hashes to it.
    fn label_of_debug(&self, record: &Record) -> Option<RecordLabel> {
        let digest = record.digest.valid()?;
        let known = self
            .debug
            .iter()
            .find_map(|debug| debug::name(debug, &digest))?;
        let (text, is_step) = match known {
            DebugName::Step(text) => (text, true),
            DebugName::Files(text) => (text, false),
        };
        Some(RecordLabel {
            text,
            places: Vec::new(),
            certainty: Certainty::Proved,
            is_step,
            platform: None,
        })
    }
}

impl KnownBuild {
    fn label(&self, names: &[RecordName]) -> Option<RecordLabel> {
        let first = names.first()?;
        let mut places: Vec<StepPlace> = names
            .iter()
            .filter_map(|name| self.names.get(name.step.at()))
            .flat_map(|name| name.places.clone())
            .collect();
        places.sort_by(|a, b| (&a.file, a.first_line).cmp(&(&b.file, b.first_line)));
        places.dedup();
        Some(RecordLabel {
            text: first.text(&self.names),
            places,
            certainty: first.certainty,
            is_step: matches!(first.role, RecordRole::Key { .. }),
            platform: None,
        })
    }
}
