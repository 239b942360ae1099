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
        let mut sources = self.open_sources();
        let source = sources.next().filter(|_| sources.next().is_none())?;
        let contexts = source.info.evidence.of(EvidencePart::Context);
        contexts
            .first()
            .filter(|_| source.info.is_copy)
            .map(PathBuf::from)
    }

    /// Returns the sources that are not closed, with their indexes.
    pub fn indexed_sources(&self) -> impl Iterator<Item = (SourceId, &SourceState)> {
        let sources = self.sources.iter().enumerate();
        sources
            .filter(|(_, source)| !source.is_closed)
            .map(|(place, source)| (SourceId(place), source))
    }

    /// Returns the sources that are not closed.
    pub fn open_sources(&self) -> impl Iterator<Item = &SourceState> {
        self.sources.iter().filter(|source| !source.is_closed)
    }
}
