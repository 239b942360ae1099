//! Deleting from a bucket: manifests first, then what nobody needs any more.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::S3Cache;
use super::dropped::Dropped;
use super::lease::Held;
use super::objects::told;
use crate::backend::{
    BackendError, CachePruner, CacheReader as _, Disposal, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId,
    PruneError, RefRewrite, RefTarget,
};
use crate::format::digest::Digest;

impl S3Cache {
    /// Learns how the service deletes, and whether that is enough for what is asked for.
    async fn ready(&self) -> Result<(), PruneError> {
        let manner = self.learn_manner().await.map_err(BackendError::from)?;
        if self.access.s3.no_recheck && !manner.heeds_time {
            return Err(PruneError::Refused(
                "--no-recheck is refused: this service deletes a blob even when a build has touched it since"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// What can be put back.
pub(super) const WAY_BACK: &str = "Refs can be put back, and blobs where the bucket keeps versions.";

#[async_trait]
impl CachePruner for S3Cache {
    async fn lease(&self) -> Result<Box<dyn Lease>, PruneError> {
        let held = Held::take(self).await?;
        if let Err(error) = self.ready().await {
            self.give_lease_back().await;
            return Err(error);
        }
        Ok(Box::new(held))
    }

    async fn release(&self) {
        self.give_lease_back().await;
    }

    async fn remove_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        self.check_lease().await.map_err(BackendError::from)?;
        let removing: Vec<_> = refs.iter().map(|target| self.remove_ref(run, target)).collect();
        let removing = stream::iter(removing).buffered(self.access.s3.at_once.max(1));
        Ok(removing.map(told).collect().await)
    }

    async fn rewrite_refs(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        self.check_lease().await.map_err(BackendError::from)?;
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(told(self.rewrite_ref(run, rewrite).await));
        }
        Ok(outcomes)
    }

    async fn restore_rewritten(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(told(self.give_back(run, &rewrite.from, Some(rewrite.to().0)).await));
        }
        Ok(outcomes)
    }

    async fn prepare(&self, _run: &PlanId) -> Result<(), PruneError> {
        Ok(())
    }

    async fn remove_objects(&self, _run: &PlanId, _disposal: Disposal, objects: Vec<ObjectTarget>) -> Vec<Outcome> {
        self.delete_all(&objects).await
    }

    async fn in_trash(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool> {
        vec![false; objects.len()]
    }

    fn keeps_what_it_deletes(&self) -> bool {
        true
    }

    fn manner(&self) -> Option<String> {
        self.manner.get().map(|manner| manner.sentence())
    }

    /// Where versions are kept, what this run deleted and a manifest names that came meanwhile is taken back.
    async fn put_back(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError> {
        let deleted = self.deleted.lock().map(|deleted| deleted.clone()).unwrap_or_default();
        let mut back = Vec::new();
        for digest in deleted.into_iter().filter(|digest| blobs.contains(digest)) {
            let restored = self.unhide(&format!("{}{digest}", self.blobs_at())).await.map_err(BackendError::from)?;
            if matches!(restored, Outcome::Done | Outcome::AlreadyGone) {
                if let Ok(mut deleted) = self.deleted.lock() {
                    deleted.remove(&digest);
                }
                back.push(digest);
            }
        }
        Ok(back)
    }

    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError> {
        Ok(self.still(fingerprint).await?)
    }

    async fn restore_objects(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome> {
        let restore = async |name: &ObjectName| match self.blob_key(name) {
            Some(key) => told(self.unhide(&key).await),
            None => Outcome::Failed("an upload that was ended cannot be taken up again".to_owned()),
        };
        let restoring: Vec<_> = objects.iter().map(restore).collect();
        stream::iter(restoring).buffered(self.access.s3.at_once.max(1)).collect().await
    }

    async fn restore_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for target in &refs {
            outcomes.push(told(self.give_back(run, target, None).await));
        }
        Ok(outcomes)
    }

    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        for Dropped { key, since, .. } in self.all_dropped().await? {
            if since < forget_before {
                self.delete_if(&key, None).await.map_err(BackendError::from)?;
            }
        }
        Ok(())
    }

    async fn footprint(&self, _objects: Vec<ObjectName>) -> Footprint {
        Footprint::default()
    }
}
