//! The sources of the world.

use std::path::PathBuf;

use super::{SourceId, SourceState, World};
use crate::text::secrets::mask_line;
use crate::tui::evidence::EvidencePart;

impl World {
    /// Returns whether reading from a source costs nobody anything: no request to a service is
    /// counted, and no use of a cache entry.
    pub fn is_cheap(&self, id: SourceId) -> bool {
        self.source(id).info.kind.is_cheap()
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

    /// Keeps the name of a source for later, unless it holds a credential.
    pub fn remember_source(&mut self, name: &str) {
        let is_new = self.typed_sources.last().is_none_or(|last| last != name);
        if is_new && mask_line(name) == name {
            self.typed_sources.push(name.to_owned());
        }
    }

    /// Returns the names of sources that were opened, the latest first: those that were typed, and
    /// those that the user named in earlier runs.
    pub fn opened_names(&self) -> Vec<String> {
        let typed = self.typed_sources.iter().rev();
        let named = self.recent.iter().filter(|recent| recent.is_named);
        let mut names: Vec<String> = Vec::new();
        for name in typed.chain(named.map(|recent| &recent.name)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
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
