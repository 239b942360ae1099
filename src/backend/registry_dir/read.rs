//! Reads the store directory of a registry.

use std::io::Read;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{RegistryDir, list, walk};
use crate::backend::files::{self, blocking, show};
use crate::backend::{
    BackendError, CacheReader, Capabilities, KeepProvenance, ListObjects, ListedRefs,
    ListedRefsPart, ObjectSender, Obstacle, ReadAbilities, ReadError, StoreFacts, Verified,
    attestations,
};
use crate::format::digest::Digest;
use crate::source::Place;

#[async_trait]
impl KeepProvenance for RegistryDir {
    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>> {
        attestations::of_ref(self, ref_name).await
    }
}

#[async_trait]
impl CacheReader for RegistryDir {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let store = self.store()?;
        let walking = blocking(move || walk::repositories(&store.join("repositories"))).await;
        let repositories = walking.unwrap_or(Err(BackendError::Interrupted))?;
        let mut entries = Vec::new();
        for repository in repositories {
            entries.extend(self.refs_of(repository).await);
        }
        let lines: Vec<String> = entries
            .iter()
            .map(|listed_ref| format!("{}\0{}\n", listed_ref.name(), listed_ref.descriptor.digest))
            .collect();
        let listed_refs = ListedRefs {
            fingerprint: Digest::of(lines.concat().as_bytes()),
            entries,
        };
        ListedRefsPart::send_all(&parts, &listed_refs).await;
        Ok(listed_refs)
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let path = self.data(digest)?;
        let reading = blocking(move || files::read_document(&path, digest, limit)).await;
        reading.unwrap_or(Err(ReadError::Interrupted))
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let path = self.data(digest)?;
        let opened = blocking(move || files::open(&path))
            .await
            .unwrap_or(Err(ReadError::Interrupted));
        opened.map(|(file, _)| Box::new(Verified::new(file, digest)) as Box<dyn Read + Send>)
    }

    async fn facts(&self) -> StoreFacts {
        StoreFacts {
            unlisted_versions: None,
            ..StoreFacts::new(Capabilities::none(&Obstacle::RegistryDirectory))
        }
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            objects: Some(self),
            provenance: Some(self),
            ..ReadAbilities::default()
        }
    }

    async fn place(&self) -> Result<Place, BackendError> {
        let store = self.store()?;
        let found = std::fs::canonicalize(&store);
        let found = found.map_err(|source| BackendError::Io {
            place: show(&store),
            source,
        })?;
        Ok(Place::RegistryDir(found))
    }
}

#[async_trait]
impl ListObjects for RegistryDir {
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        let store = self.store()?;
        blocking(move || list::list(&store, &sender, &cancel))
            .await
            .unwrap_or(Err(BackendError::Interrupted))
    }
}
