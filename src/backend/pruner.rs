//! The trait for deletions, and its optional abilities.
//!
//! Only runs use a [`CachePruner`] to delete. Each target contains its precondition: the state of
//! the store that the plan relies on.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CacheReader, ObjectName, ObjectTarget, Outcome, PlanId, PruneError, RefRewrite, RefTarget,
};
use crate::format::digest::Digest;

/// Where deleted objects go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposal {
    /// Into the trash of the store, from which they can be restored.
    Trash,
    /// Nowhere: they are deleted at once.
    AtOnce,
}

/// Signs that builds write to a store, at one moment. The numbers have no meaning; a different
/// number is a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreActivity {
    pub refs_locked: bool,
    /// A number that changes with the refs.
    pub refs: u64,
    /// A number that changes with blobs and unfinished uploads.
    pub contents: u64,
}

/// A store that can detect when builds write to it.
#[async_trait]
pub trait WatchActivity: Send + Sync {
    /// Looks for signs of builds without disturbing them.
    ///
    /// # Errors
    /// Fails if the operating system refuses.
    async fn look(&self) -> Result<StoreActivity, PruneError>;
}

/// Keeps other prunes out of a store until it is dropped.
pub trait Lease: Send + Sync {}

/// Deletes refs from one cache store. Every method may be called again after a crash.
#[async_trait]
pub trait CachePruner: CacheReader {
    /// Deletes refs that still match the plan, and remembers them in the trash of `run`.
    ///
    /// # Errors
    /// Fails if none of them was deleted.
    async fn delete_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError>;

    /// Returns the optional abilities of the store.
    fn prune_abilities(&self) -> PruneAbilities<'_>;
}

/// Optional abilities of a pruner.
#[derive(Clone, Copy, Default)]
pub struct PruneAbilities<'a> {
    /// Keeps other prunes out. A store in which deleting something twice does no harm needs none.
    pub lease: Option<&'a dyn TakeLease>,
    pub objects: Option<&'a dyn DeleteObjects>,
    /// Finishes a run.
    pub settle: Option<&'a dyn SettleStore>,
    pub trash: Option<&'a dyn Trash>,
    pub restore_refs: Option<&'a dyn RestoreRefs>,
    /// Restores deleted objects from the trash, otherwise from old versions.
    pub restore_objects: Option<&'a dyn RestoreObjects>,
    /// Changes the target of a ref.
    pub rewrite: Option<&'a dyn RewriteRefs>,
    /// Detects whether builds write to the store.
    pub watch: Option<&'a dyn WatchActivity>,
}

impl PruneAbilities<'_> {
    /// Takes the lease, if the store has one.
    ///
    /// # Errors
    /// Fails if another prune holds it, or if the store cannot be written.
    pub async fn take_lease(&self) -> Result<Option<Box<dyn Lease>>, PruneError> {
        match self.lease {
            Some(lease) => Ok(Some(lease.take().await?)),
            None => Ok(None),
        }
    }

    /// Gives a lease back.
    pub async fn release(&self, lease: Option<Box<dyn Lease>>) {
        if let Some(taken) = self.lease {
            taken.release().await;
        }
        drop(lease);
    }

    /// Finishes a run, if the store needs that.
    ///
    /// # Errors
    /// Fails if the store refuses.
    pub async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        match self.settle {
            Some(settle) => settle.settle(forget_before).await,
            None => Ok(()),
        }
    }
}

/// A store in which only one prune may run at a time.
#[async_trait]
pub trait TakeLease: Send + Sync {
    /// Takes the lease, which keeps other prunes out.
    ///
    /// # Errors
    /// Fails if another prune holds it, or if the store cannot be written.
    async fn take(&self) -> Result<Box<dyn Lease>, PruneError>;

    /// Releases the lease, if the store needs more than dropping it.
    async fn release(&self) {}
}

/// A store that deletes blobs and other objects one by one.
#[async_trait]
pub trait DeleteObjects: Send + Sync {
    /// Deletes objects that still match the plan.
    async fn delete_objects(
        &self,
        run: &PlanId,
        disposal: Disposal,
        objects: Vec<ObjectTarget>,
    ) -> Vec<Outcome>;
}

/// A store that keeps something of deleted refs, or that writes with a delay.
#[async_trait]
pub trait SettleStore: Send + Sync {
    /// Makes the changes durable, removes empty folders of the trash, and forgets the refs that
    /// were deleted before `forget_before`.
    ///
    /// # Errors
    /// Fails if the store refuses.
    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError>;
}

/// A store with a trash.
#[async_trait]
pub trait Trash: Send + Sync {
    /// Prepares the trash of `run`. Required before anything is moved there.
    ///
    /// # Errors
    /// Fails if it cannot be created.
    async fn prepare(&self, run: &PlanId) -> Result<(), PruneError>;

    /// Returns which of `objects` are in the trash of `run`.
    async fn in_trash(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool>;

    /// Returns the sizes of stored objects in bytes.
    async fn stored_sizes(&self, objects: Vec<ObjectName>) -> Vec<Option<u64>>;

    /// Returns whether the refs still match `fingerprint`, at a moment when no build can write
    /// them.
    ///
    /// # Errors
    /// Fails if the refs cannot be read or locked.
    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError>;

    /// Restores those of `blobs` that are in the trash of any run; returns the restored ones.
    ///
    /// # Errors
    /// Fails if the trash cannot be listed, or with [`PruneError::PartlyRestored`] if one of the
    /// blobs cannot be restored.
    async fn restore_blobs(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError>;
}

/// A store that can restore deleted refs.
#[async_trait]
pub trait RestoreRefs: Send + Sync {
    /// Restores refs that `run` deleted, unless another ref with that name exists now.
    ///
    /// # Errors
    /// Fails if none of them was restored.
    async fn restore_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError>;
}

/// A store that can restore deleted objects.
#[async_trait]
pub trait RestoreObjects: Send + Sync {
    /// Restores objects that `run` deleted.
    async fn restore_objects(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome>;
}

/// A store in which a ref can be changed to point to other documents.
#[async_trait]
pub trait RewriteRefs: Send + Sync {
    /// Stores the documents, and points each ref that still matches the plan to them. Remembers the
    /// old target in the trash of `run`.
    ///
    /// # Errors
    /// Fails if none of them was changed.
    async fn rewrite_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError>;

    /// Points refs that [`Self::rewrite_refs`] changed in `run` to their old targets again.
    ///
    /// # Errors
    /// Fails if none of them was changed.
    async fn restore_rewritten(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError>;
}

/// A pruner that several tasks share.
pub type SharedPruner = Arc<dyn CachePruner>;
