//! Deletes tags, or manifests by digest if a registry cannot delete tags, and writes manifests.
//!
//! The registry's own garbage collection removes the blobs of a deleted ref. Until then the
//! manifest can be pushed again from a copy that is kept on this machine.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use super::groups::{GroupFate, TagGroup};
use super::read::RegistryReader;
use super::undo::DeletedVersions;
use crate::backend::{
    Access, CachePruner, CacheReader, Outcome, PlanId, PruneAbilities, PruneError, ReadThrough,
    RefRewrite, RefTarget, RestoreRefs, RewriteRefs, SettleStore,
};
use crate::source::RegistryLocation;

/// Deletes from a repository in a registry.
#[derive(Debug)]
pub struct RegistryPruner {
    pub(super) reader: Arc<RegistryReader>,
    /// Locked while the registry is probed.
    pub(super) probing: AsyncMutex<()>,
}

impl ReadThrough for RegistryPruner {
    fn reader(&self) -> &dyn CacheReader {
        &*self.reader
    }
}

impl RegistryPruner {
    /// Creates the pruner; no request is sent yet.
    pub fn new(location: &RegistryLocation, access: &Access) -> Self {
        Self {
            reader: Arc::new(RegistryReader::new(location, None, access)),
            probing: AsyncMutex::default(),
        }
    }

    pub(super) fn access(&self) -> &Access {
        &self.reader.access
    }
}

pub(super) fn set(outcomes: &mut [Option<Outcome>], place: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}

#[async_trait]
impl SettleStore for RegistryPruner {
    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        if let Some(dropped) = self.dropped() {
            dropped.forget(forget_before);
        }
        Ok(())
    }
}

#[async_trait]
impl CachePruner for RegistryPruner {
    async fn delete_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; refs.len()];
        let versions = match self.versions().await {
            Ok(versions) => versions,
            Err(error) => {
                return Ok(vec![
                    Outcome::Failed(error.in_one_line_with_hint());
                    refs.len()
                ]);
            }
        };
        let mut groups = self.groups(&refs, &mut outcomes).await?.into_iter();
        let conclude = |outcomes: &mut [Option<Outcome>], group: &TagGroup, fate: GroupFate| {
            group
                .places
                .iter()
                .zip(fate.tags)
                .for_each(|(place, outcome)| set(outcomes, *place, outcome));
            group
                .untagged
                .iter()
                .for_each(|place| set(outcomes, *place, fate.rest.clone()));
        };
        // The first group runs alone: it shows how the registry behaves, so the others need no
        // attempts.
        if let Some(group) = groups.next() {
            let fate = self.delete(run, &group, versions.as_ref()).await;
            conclude(&mut outcomes, &group, fate);
        }
        let groups: Vec<_> = groups.collect();
        let deleting: Vec<_> = groups
            .iter()
            .map(|group| self.delete(run, group, versions.as_ref()))
            .collect();
        let mut deleting = stream::iter(deleting).buffered(self.access().concurrency.max(1));
        let mut done = Vec::with_capacity(groups.len());
        while let Some(fate) = deleting.next().await {
            done.push(fate);
        }
        for (group, fate) in groups.iter().zip(done) {
            conclude(&mut outcomes, group, fate);
        }
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or(Outcome::Cancelled))
            .collect())
    }

    fn prune_abilities(&self) -> PruneAbilities<'_> {
        PruneAbilities {
            settle: Some(self),
            restore_refs: Some(self),
            rewrite: Some(self),
            ..PruneAbilities::default()
        }
    }
}

#[async_trait]
impl RestoreRefs for RegistryPruner {
    async fn restore_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let deleted = match self.deleted_versions().await {
            Ok(deleted) => deleted,
            Err(error) => {
                return Ok(vec![
                    Outcome::Failed(error.in_one_line_with_hint());
                    refs.len()
                ]);
            }
        };
        let mut outcomes = Vec::with_capacity(refs.len());
        for target in &refs {
            outcomes.push(Outcome::of(
                self.restore_manifest(run, target, None, &deleted).await,
            ));
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl RewriteRefs for RegistryPruner {
    async fn rewrite_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(Outcome::of(self.rewrite(run, rewrite).await));
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
            let nothing = DeletedVersions::default();
            outcomes.push(Outcome::of(
                self.restore_manifest(run, &rewrite.from, Some(rewrite.to().0), &nothing)
                    .await,
            ));
        }
        Ok(outcomes)
    }
}
