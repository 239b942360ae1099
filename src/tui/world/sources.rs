//! The sources of the world.

use super::{SourceId, SourceState, World};
use crate::source::StoreKind;

impl World {
    /// Returns whether reading from a source costs nobody anything: no request to a service is
    /// counted, and no use of a cache entry.
    pub fn is_cheap(&self, id: SourceId) -> bool {
        matches!(
            self.source(id).info.kind,
            StoreKind::Local | StoreKind::RegistryDir | StoreKind::Demo | StoreKind::Memory
        )
    }

    /// Returns the sources with their indexes.
    pub fn indexed_sources(&self) -> impl Iterator<Item = (SourceId, &SourceState)> {
        self.sources
            .iter()
            .enumerate()
            .map(|(place, source)| (SourceId(place), source))
    }
}
