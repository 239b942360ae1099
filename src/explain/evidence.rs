//! Evidence put to use: what builds say of themselves, and the labels that follow for the records of a cache.

use super::keys::fill::{self, KnownFiles};
use super::keys::{self, StepKeys};
use super::matching::{Certainty, Matches};
use super::names::debug::{self, Told};
use super::names::records::{self, RecordName, Role};
use super::names::{self, Place, StepName};
use crate::format::cache_config::{CacheGraph, Record};
use crate::format::cache_debug::CacheDebug;
use crate::format::evidence::Document;
use crate::format::provenance::{Build, ProvenanceError};

/// What is known of the builds behind a cache.
#[derive(Debug, Default)]
pub struct Evidence {
    builds: Vec<KnownBuild>,
    debug: Vec<CacheDebug>,
}

#[derive(Debug)]
struct KnownBuild {
    build: Build,
    keys: Vec<StepKeys>,
    names: Vec<StepName>,
}

/// Says why a document is no evidence for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It is no provenance.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Provenance of `mode=min` says nothing of the steps.
    #[error("the provenance holds no steps; it was made with mode=min")]
    NoSteps,
    /// A log names vertices, and nothing by which a record could be known as one.
    #[error("a log tells no keys, by which the steps of a cache are known")]
    Log,
}

impl EvidenceError {
    /// Returns what to do about it, where that is not plain from the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Provenance(_) => None,
            Self::NoSteps => Some("build with `--attest type=provenance,mode=max`"),
            Self::Log => Some("give the build's provenance (mode=max), its build record, or its LLB definition"),
        }
    }
}

/// What a record is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLabel {
    /// The words of the Dockerfile. They come from a build's files, and are not fit for a terminal as they are.
    pub text: String,
    /// Where the instruction stands, the first place first.
    pub places: Vec<Place>,
    /// How sure the label is.
    pub certainty: Certainty,
    /// Whether the record is the key of the step itself, and not the content of files that it uses.
    pub is_step: bool,
}

impl Evidence {
    /// Adds the provenance of a build.
    ///
    /// # Errors
    /// When it is none, or says nothing of the steps.
    pub fn add(&mut self, provenance: &[u8]) -> Result<(), EvidenceError> {
        self.add_build(Build::parse(provenance)?)
    }

    /// Adds a build, whatever evidence it was read from.
    ///
    /// # Errors
    /// When it has no steps.
    pub fn add_build(&mut self, build: Build) -> Result<(), EvidenceError> {
        self.add_build_with(build, &KnownFiles::new())
    }

    /// Adds a build with the files that it took, by which steps are told apart that copy them.
    ///
    /// # Errors
    /// When it has no steps.
    pub fn add_build_with(&mut self, build: Build, files: &KnownFiles) -> Result<(), EvidenceError> {
        if build.steps.is_empty() {
            return Err(EvidenceError::NoSteps);
        }
        let (mut keys, names) = (keys::of_build(&build), names::of_steps(&build));
        // What cannot be selected keeps its unknown key.
        let _ = fill::content_keys(&build, &mut keys, files);
        self.builds.push(KnownBuild { build, keys, names });
        Ok(())
    }

    /// Adds what a document tells of builds.
    ///
    /// # Errors
    /// When it tells no steps.
    pub fn add_document(&mut self, document: Document) -> Result<(), EvidenceError> {
        match document {
            Document::Provenance(build) | Document::Definition(build) => self.add_build(*build),
            Document::Records(records) => {
                records.into_iter().flat_map(|record| record.builds).try_for_each(|build| self.add_build(build))
            }
            Document::CacheDebug(debug) => {
                self.debug.push(debug);
                Ok(())
            }
            Document::Log(_) | Document::PlainLog(_) => Err(EvidenceError::Log),
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.builds.is_empty() && self.debug.is_empty()
    }

    /// Labels the records of a cache, by their places; where builds disagree, by the surest. A record that no build knows
    /// has no label.
    pub fn labels(&self, graph: &CacheGraph) -> Vec<Option<RecordLabel>> {
        let mut labels: Vec<Option<RecordLabel>> = vec![None; graph.records.len()];
        for known in &self.builds {
            let matches = Matches::find(&known.build, &known.keys, graph);
            let named = records::of_records(&known.build, &known.keys, graph, &matches);
            for (label, names) in labels.iter_mut().zip(named) {
                let surest = label.as_ref().map(|label| label.certainty);
                if names.first().is_some_and(|name| surest.is_none_or(|surest| surest < name.certainty)) {
                    *label = known.label(&names);
                }
            }
        }
        for (label, record) in labels.iter_mut().zip(&graph.records) {
            if label.as_ref().is_none_or(|label| label.certainty < Certainty::Assumed) {
                *label = self.label_of_debug(record).or(label.take());
            }
        }
        labels
    }
}

impl Evidence {
    /// Labels a record by the text behind its key, which hashes to it.
    fn label_of_debug(&self, record: &Record) -> Option<RecordLabel> {
        let digest = record.digest.valid()?;
        let told = self.debug.iter().find_map(|debug| debug::tell(debug, &digest))?;
        let (text, is_step) = match told {
            Told::Step(text) => (text, true),
            Told::Files(text) => (text, false),
        };
        Some(RecordLabel { text, places: Vec::new(), certainty: Certainty::Proved, is_step })
    }
}

impl KnownBuild {
    fn label(&self, names: &[RecordName]) -> Option<RecordLabel> {
        let first = names.first()?;
        let mut places: Vec<Place> = names
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
            is_step: matches!(first.role, Role::Key { .. }),
        })
    }
}
