//! Reads the cache of a repository.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::entry::ListedEntry;
use super::list::{ListedSoFar, sort_out, unlisted};
use super::{GhaCache, repository, rest};
use crate::backend::entries::{BLOB_KEY, DeletionCost};
use crate::backend::{
    BackendError, CacheReader, Capabilities, ListObjects, ListedRefs, ListedRefsPart, ObjectSender,
    PriceDeletions, ReadAbilities, ReadError, StoreFacts, Support, Surroundings, Undoability,
    Unseen, Verified,
};
use crate::format::digest::Digest;
use crate::source::Place;

#[async_trait]
impl CacheReader for GhaCache {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let (listed, broken) = self.list_indexes().await?;
        let indexes = sort_out(listed);
        let lines: Vec<String> = indexes
            .iter()
            .map(|index| format!("{}\n", index.listed.name()))
            .collect();
        let fingerprint = Digest::of(lines.concat().as_bytes());
        let current: Vec<_> = indexes
            .into_iter()
            .filter(|index| index.steps_back == 0)
            .map(|index| self.listed_ref(index))
            .collect();
        let mut reading = stream::iter(current).buffered(self.access.concurrency.max(1));
        let mut entries = Vec::new();
        while let Some(listed_ref) = reading.next().await {
            entries.push(listed_ref?);
        }
        // Indexes that are missing from the list are treated like withheld ones: the blobs they
        // reference are not known, so no layer may be deleted.
        entries.extend(broken.map(unlisted));
        let listed_refs = ListedRefs {
            entries,
            fingerprint,
        };
        ListedRefsPart::send_all(&parts, &listed_refs).await;
        Ok(listed_refs)
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let known = self
            .indexes
            .lock()
            .ok()
            .and_then(|indexes| indexes.get(&digest).cloned());
        let bytes = match known {
            Some(bytes) => bytes.to_vec(),
            None => self.blob(digest).await?,
        };
        let size = bytes.len() as u64;
        if size > limit {
            Err(ReadError::TooLarge { size, limit })
        } else {
            Ok(bytes)
        }
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let runtime = self.in_job().await?;
        let content = runtime
            .open(&format!("{BLOB_KEY}{digest}"))
            .await?
            .ok_or(ReadError::Absent)?;
        Ok(Box::new(Verified::new(
            SyncIoBridge::new(Box::pin(content)),
            digest,
        )))
    }

    async fn place(&self) -> Result<Place, BackendError> {
        let api = self.api()?;
        let repository = repository(&self.location)?.to_string();
        Ok(Place::Gha { repository, api })
    }

    async fn facts(&self) -> StoreFacts {
        let unseen = self.unseen.lock().ok().and_then(|unseen| unseen.clone());
        let around = self.around.lock().ok().and_then(|around| around.clone());
        let capabilities = Capabilities {
            delete_ref: Support::Yes,
            delete_object: Support::Yes,
            undoability: Undoability::None,
            settling: SignedDuration::ZERO,
        };
        StoreFacts {
            rewrite_ref: self.may_write().await,
            unlisted_versions: None,
            unseen: unseen.map(Unseen::Part),
            surroundings: around.map_or(Surroundings::Unknown, Surroundings::Quota),
            ..StoreFacts::new(capabilities)
        }
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            objects: Some(self),
            cost: Some(self),
            versions: Some(self),
            ..ReadAbilities::default()
        }
    }
}

#[async_trait]
impl ListObjects for GhaCache {
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        let (pages, mut received) = mpsc::channel::<Vec<ListedEntry>>(1);
        let forwarding = async {
            let mut so_far = ListedSoFar::default();
            while let Some(page) = received.recv().await {
                let batch = page
                    .into_iter()
                    .flat_map(|listed| so_far.objects_of(listed))
                    .collect();
                if cancel.is_cancelled() || sender.send(batch).await.is_err() {
                    return so_far;
                }
            }
            // A send error means the receiver is gone.
            let _ = sender.send(so_far.indexes()).await;
            so_far
        };
        let rest = self.rest().await?;
        let (broken, so_far) = tokio::join!(rest.list(None, pages), forwarding);
        if let (Ok(broken), Ok(mut unseen)) = (&broken, self.unseen.lock()) {
            *unseen = broken.map(|broken| {
                format!("GitHub does not list all entries ({broken}): the figures are too small")
            });
        }
        if let Ok(mut branches) = self.branches.lock() {
            branches.extend(so_far.branches);
        }
        broken?;
        let around = cancel
            .run_until_cancelled(Box::pin(self.surroundings()))
            .await;
        if let (Some(around), Ok(mut known)) = (around, self.around.lock()) {
            *known = around.map(Arc::new);
        }
        Ok(())
    }
}

#[async_trait]
impl PriceDeletions for GhaCache {
    async fn deletion_cost(&self) -> Option<DeletionCost> {
        let rest = self.rest().await.ok()?;
        Some(DeletionCost {
            repository: rest.repository().to_string(),
            account: rest.account().await,
            token: rest.token(),
            a_minute: rest::DELETIONS_A_MINUTE,
            left: rest.budget(),
        })
    }
}
