//! The evidence that names the steps of a cache.

use super::context::{self, Directories};
use crate::explain::evidence::{CacheEvidence, EvidenceError};
use crate::format::evidence::EvidenceDocument;
use crate::format::provenance::Build;

/// The names of steps in evidence.
#[derive(Debug, Default)]
pub struct StepNames {
    pub evidence: CacheEvidence,
    /// Why documents name no steps. A caller may refuse such a document, or use the
    /// others, which may be of the same build.
    pub unused: Vec<EvidenceError>,
}

impl StepNames {
    /// Adds the builds that documents describe, with the files of their contexts in `directories`,
    /// which distinguish steps that copy files. Blocks while it reads these files.
    pub fn add(&mut self, documents: Vec<EvidenceDocument>, directories: &Directories) {
        for document in documents {
            match document {
                EvidenceDocument::Provenance(build) | EvidenceDocument::Definition(build) => {
                    self.add_build(*build, directories);
                }
                EvidenceDocument::Builds(builds) => {
                    let builds = builds.into_iter().map(|named| named.build);
                    builds.for_each(|build| self.add_build(build, directories));
                }
                EvidenceDocument::Records(records) => {
                    let builds = records.into_iter().flat_map(|record| record.builds);
                    builds.for_each(|build| self.add_build(build, directories));
                }
                EvidenceDocument::CacheDebug(debug) => self.evidence.add_debug(debug),
                EvidenceDocument::Options(_) => self.unused.push(EvidenceError::NoSteps),
                EvidenceDocument::Log(_) | EvidenceDocument::PlainLog(_) => {
                    self.unused.push(EvidenceError::Log);
                }
            }
        }
    }

    fn add_build(&mut self, build: Build, directories: &Directories) {
        let files = context::load(&build, directories).files;
        if let Err(error) = self.evidence.add_build(build, &files) {
            self.unused.push(error);
        }
    }
}

/// Returns builds as documents.
pub fn definitions(builds: Vec<Build>) -> Vec<EvidenceDocument> {
    let builds = builds.into_iter();
    builds
        .map(|build| EvidenceDocument::Definition(Box::new(build)))
        .collect()
}
