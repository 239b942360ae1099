//! The sources of the world.

use std::path::PathBuf;

use super::{SourceId, SourceState, World};
use crate::source::StoreKind;
use crate::tui::evidence::EvidencePart;

impl World {
    /// Returns whether reading from a source costs nobody anything: no request to a service is
    /// counted, and no use of a cache entry.
    pub fn is_cheap(&self, id: SourceId) -> bool {
        matches!(
            self.source(id).info.kind,
            StoreKind::Local | StoreKind::RegistryDir | StoreKind::Demo | StoreKind::Memory
        )
    }

    /// Returns the directory of the demo's project, if the demo is all that is open.
    pub fn demo_checkout(&self) -> Option<PathBuf> {
        let [source] = self.sources.as_slice() else {
            return None;
        };
        let contexts = source.info.evidence.of(EvidencePart::Context);
        contexts
            .first()
            .filter(|_| source.info.is_copy)
            .map(PathBuf::from)
    }

    /// Returns the sources with their indexes.
    pub fn indexed_sources(&self) -> impl Iterator<Item = (SourceId, &SourceState)> {
        self.sources
            .iter()
            .enumerate()
            .map(|(place, source)| (SourceId(place), source))
    }
}
