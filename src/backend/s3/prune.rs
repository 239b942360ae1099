//! Deletes from a bucket: manifests first, then blobs that no manifest references.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::client::S3Client;
use super::lease::{HeldLease, StandingLease};
use super::read::S3Reader;
use super::undo::RememberedManifest;
use crate::backend::{
    Access, BackendError, CachePruner, CacheReader, DeleteObjects, Disposal, Lease, ObjectName,
    ObjectTarget, Outcome, PlanId, PruneAbilities, PruneError, ReadThrough, RefRewrite, RefTarget,
    RestoreObjects, RestoreRefs, RewriteRefs, SettleStore, TakeLease,
};
use crate::source::S3Location;

/// Deletes from the cache in a bucket.
#[derive(Debug)]
pub struct S3Pruner {
    reader: Arc<S3Reader>,
    /// The run that uses this pruner.
    run: Mutex<Option<PlanId>>,
    /// The lease, while it is held.
    pub(super) lease: Mutex<Option<Arc<StandingLease>>>,
}

impl ReadThrough for S3Pruner {
    fn reader(&self) -> &dyn CacheReader {
        &*self.reader
    }
}

impl S3Pruner {
    /// Creates the pruner; no request is sent yet.
    pub fn new(location: &S3Location, access: &Access) -> Self {
        Self {
            reader: Arc::new(S3Reader::new(location, access)),
            run: Mutex::default(),
            lease: Mutex::default(),
        }
    }

    pub(super) fn client(&self) -> &S3Client {
        &self.reader.client
    }

    /// Detects how the service handles deletes, and whether that satisfies the flags.
    async fn ready(&self) -> Result<(), PruneError> {
        let behaviour = self
            .client()
            .delete_behaviour()
            .await
            .map_err(BackendError::from)?;
        if self.client().access.s3.no_recheck && !behaviour.checks_time {
            return Err(PruneError::Refused(
                "--no-recheck is refused: this service deletes a blob even when a build has touched it since"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Notes which run uses this pruner.
    fn begin(&self, run: &PlanId) {
        if let Ok(mut current) = self.run.lock() {
            *current = Some(run.clone());
        }
    }
}

#[async_trait]
impl TakeLease for S3Pruner {
    async fn take(&self) -> Result<Box<dyn Lease>, PruneError> {
        let held = HeldLease::take(self).await?;
        if let Err(error) = self.ready().await {
            self.release_lease().await;
            return Err(error);
        }
        Ok(Box::new(held))
    }

    async fn release(&self) {
        self.release_lease().await;
    }
}

#[async_trait]
impl DeleteObjects for S3Pruner {
    async fn delete_objects(
        &self,
        run: &PlanId,
        _disposal: Disposal,
        objects: Vec<ObjectTarget>,
    ) -> Vec<Outcome> {
        self.begin(run);
        self.delete_all(&objects).await
    }
}

#[async_trait]
impl SettleStore for S3Pruner {
    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        // Another prune may rely on a copy that this one would remove. A later run removes it.
        if let Err(error) = self.check_lease().await {
            tracing::warn!(%error, "no copy of a deleted manifest is removed");
            return Ok(());
        }
        let current = self.run.lock().ok().and_then(|run| run.clone());
        for RememberedManifest {
            key, run, since, ..
        } in self.client().all_dropped().await?
        {
            // The manifests of this run can be restored, even without a grace.
            if since < forget_before && Some(run) != current {
                self.client()
                    .delete_if(&key, None)
                    .await
                    .map_err(BackendError::from)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl CachePruner for S3Pruner {
    async fn delete_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        self.check_lease().await.map_err(BackendError::from)?;
        self.begin(run);
        let removing: Vec<_> = refs
            .iter()
            .map(|target| self.remove_ref(run, target))
            .collect();
        let removing = stream::iter(removing).buffered(self.client().at_once());
        Ok(removing.map(Outcome::of).collect().await)
    }

    fn prune_abilities(&self) -> PruneAbilities<'_> {
        PruneAbilities {
            lease: Some(self),
            objects: Some(self),
            settle: Some(self),
            restore_refs: Some(self),
            restore_objects: Some(self),
            rewrite: Some(self),
            ..PruneAbilities::default()
        }
    }
}

#[async_trait]
impl RestoreRefs for S3Pruner {
    async fn restore_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for target in &refs {
            outcomes.push(Outcome::of(self.restore_manifest(run, target, None).await));
        }
        Ok(outcomes)
    }
}

/// Restores objects where the bucket keeps versions.
#[async_trait]
impl RestoreObjects for S3Pruner {
    async fn restore_objects(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome> {
        let restore = async |name: &ObjectName| match self.client().blob_key(name) {
            Some(key) => Outcome::of(self.client().unhide(&key).await),
            None => Outcome::Failed("an upload that was ended cannot be taken up again".to_owned()),
        };
        let restoring: Vec<_> = objects.iter().map(restore).collect();
        stream::iter(restoring)
            .buffered(self.client().at_once())
            .collect()
            .await
    }
}

#[async_trait]
impl RewriteRefs for S3Pruner {
    async fn rewrite_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        self.check_lease().await.map_err(BackendError::from)?;
        self.begin(run);
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(Outcome::of(self.rewrite_ref(run, rewrite).await));
        }
        Ok(outcomes)
    }

    async fn restore_rewritten(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(Outcome::of(
                self.restore_manifest(run, &rewrite.from, Some(rewrite.to().0))
                    .await,
            ));
        }
        Ok(outcomes)
    }
}
