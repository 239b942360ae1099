//! Reads a layout.

use std::fs;
use std::io::Read;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::LocalCache;
use crate::backend::ListedRef;
use crate::backend::files::{self, blocking, show};
use crate::backend::{
    BackendError, CacheReader, Capabilities, DroppedRef, FindReferrers, KeepProvenance,
    ListObjects, ListedRefs, ListedRefsPart, ObjectSender, Obstacle, PruneError, ReadAbilities,
    ReadError, RememberRefs, StoreFacts, Verified, attestations,
};
use crate::format::digest::Digest;
use crate::source::Place;

#[async_trait]
impl CacheReader for LocalCache {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let cache = self.clone();
        let listed_refs = blocking(move || cache.read_refs())
            .await
            .unwrap_or(Err(BackendError::Interrupted))?;
        ListedRefsPart::send_all(&parts, &listed_refs).await;
        Ok(listed_refs)
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let cache = self.clone();
        blocking(move || files::read_verified(cache.open_blob_file(&digest)?, digest, limit))
            .await
            .unwrap_or(Err(ReadError::Interrupted))
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let cache = self.clone();
        let opened = blocking(move || cache.open_blob_file(&digest))
            .await
            .unwrap_or(Err(ReadError::Interrupted));
        opened.map(|(file, _)| Box::new(Verified::new(file, digest)) as Box<dyn Read + Send>)
    }

    async fn place(&self) -> Result<Place, BackendError> {
        let dir = fs::canonicalize(&self.dir);
        let dir = dir.map_err(|source| BackendError::Io {
            place: show(&self.dir),
            source,
        })?;
        Ok(Place::Local(dir))
    }

    async fn facts(&self) -> StoreFacts {
        let cache = self.clone();
        let found = blocking(move || cache.capabilities_now()).await;
        let free = rustix::fs::statvfs(&self.dir).ok();
        StoreFacts {
            free_bytes: free.and_then(|found| found.f_bavail.checked_mul(found.f_frsize)),
            ..StoreFacts::new(found.unwrap_or_else(|| Capabilities::none(&Obstacle::Interrupted)))
        }
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            objects: Some(self),
            referrers: Some(self),
            dropped: Some(self),
            provenance: Some(self),
            measure: Some(self),
            ..ReadAbilities::default()
        }
    }
}

#[async_trait]
impl ListObjects for LocalCache {
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        let cache = self.clone();
        blocking(move || cache.list(&sender, &cancel))
            .await
            .unwrap_or(Err(BackendError::Interrupted))
    }
}

#[async_trait]
impl KeepProvenance for LocalCache {
    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>> {
        match self.provenance.get(ref_name) {
            Some(statements) => statements.clone(),
            None => attestations::of_ref(self, ref_name).await,
        }
    }
}

#[async_trait]
impl FindReferrers for LocalCache {
    async fn referrers(
        &self,
        unnamed: Vec<Digest>,
    ) -> Result<Vec<(Digest, ListedRef)>, BackendError> {
        let cache = self.clone();
        blocking(move || cache.find_referrers(&unnamed))
            .await
            .unwrap_or(Err(BackendError::Interrupted))
    }
}

#[async_trait]
impl RememberRefs for LocalCache {
    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        let cache = self.clone();
        blocking(move || cache.read_dropped())
            .await
            .unwrap_or(Err(BackendError::Interrupted.into()))
    }
}
