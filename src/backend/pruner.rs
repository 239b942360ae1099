//! The trait that deletes, and optional abilities of stores.
//!
//! Only the executor of a plan takes a [`CachePruner`]. Each target carries its precondition: the
//! state of the store that the plan relies on.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CacheReader, ObjectName, ObjectTarget, Outcome, PlanId, PruneError, RefRewrite, RefTarget,
};
use crate::format::digest::Digest;

/// Where objects go that are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposal {
    /// Into the trash of the store, from where they can be put back.
    Trash,
    /// Away, at once.
    AtOnce,
}

/// Signs that builds write to a store, at one moment. The numbers mean nothing by themselves:
/// another number is a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreActivity {
    /// Whether a build holds the lock of the refs.
    pub refs_locked: bool,
    /// Of the refs.
    pub refs: u64,
    /// Of blobs and unfinished uploads.
    pub contents: u64,
}

/// A store that shows when builds write to it.
#[async_trait]
pub trait WatchActivity: Send + Sync {
    /// Looks for signs of builds, in a way that disturbs none.
    ///
    /// # Errors
    /// When the system refuses.
    async fn look(&self) -> Result<StoreActivity, PruneError>;
}

/// Keeps other prunes out of a store for as long as it lives.
pub trait Lease: Send + Sync {}

/// The lease of a store in which deleting something twice does no harm.
pub(super) struct NoLease;

impl Lease for NoLease {}

/// Deletes from one cache store. Every method may be called again after a crash.
#[async_trait]
pub trait CachePruner: CacheReader {
    /// Keeps other prunes out.
    ///
    /// # Errors
    /// When another one is at work, or the store cannot be written.
    async fn lease(&self) -> Result<Box<dyn Lease>, PruneError>;

    /// Lets other prunes in again, where that takes more than to drop the lease.
    async fn release(&self) {}

    /// Deletes refs that are still as the plan saw them, and remembers them in the trash of `run`.
    ///
    /// # Errors
    /// When none of them was deleted.
    async fn delete_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefTarget>,
    ) -> Result<Vec<Outcome>, PruneError>;

    /// Deletes objects that are still as the plan saw them.
    async fn delete_objects(
        &self,
        run: &PlanId,
        disposal: Disposal,
        objects: Vec<ObjectTarget>,
    ) -> Vec<Outcome>;

    /// Makes the changes durable, removes empty folders of the trash, and forgets the refs that
    /// were deleted before `forget_before`.
    ///
    /// # Errors
    /// When the store refuses.
    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError>;

    /// Returns the optional abilities of the store.
    fn prune_abilities(&self) -> PruneAbilities<'_>;
}

/// Optional abilities of a pruner.
#[derive(Clone, Copy, Default)]
pub struct PruneAbilities<'a> {
    /// Moving objects into a trash.
    pub trash: Option<&'a dyn Trash>,
    /// Restoring deleted refs.
    pub restore_refs: Option<&'a dyn RestoreRefs>,
    /// Restoring deleted objects: from the trash, else from old versions.
    pub restore_objects: Option<&'a dyn RestoreObjects>,
    /// Changing the target of a ref.
    pub rewrite: Option<&'a dyn RewriteRefs>,
    /// Showing that builds write to the store.
    pub watch: Option<&'a dyn WatchActivity>,
}

/// A store with a trash.
#[async_trait]
pub trait Trash: Send + Sync {
    /// Prepares the trash of `run`; nothing can be moved there before.
    ///
    /// # Errors
    /// When it cannot be made.
    async fn prepare(&self, run: &PlanId) -> Result<(), PruneError>;

    /// Returns which of `objects` are in the trash of `run`.
    async fn in_trash(&self, run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool>;

    /// Returns the sizes of objects that are stored, in bytes.
    async fn stored_sizes(&self, objects: Vec<ObjectName>) -> Vec<Option<u64>>;

    /// Returns whether the refs are still those of `fingerprint`, at a moment when no build can
    /// write them.
    ///
    /// # Errors
    /// When the refs cannot be read or locked.
    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError>;

    /// Restores those of `blobs` that are in the trash of any run; returns the restored ones.
    ///
    /// # Errors
    /// Fails if the trash cannot be listed, or with [`PruneError::PutBackInPart`] if one of the
    /// blobs cannot be restored.
    async fn restore_blobs(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError>;
}

/// A store that can restore deleted refs.
#[async_trait]
pub trait RestoreRefs: Send + Sync {
    /// Restores refs that `run` deleted, unless there is another ref of that name by now.
    ///
    /// # Errors
    /// When none of them was restored.
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

/// A store in which a ref can be made to point to other documents.
#[async_trait]
pub trait RewriteRefs: Send + Sync {
    /// Stores the documents of refs and changes each ref that is still as the plan saw it to point
    /// to them; remembers the old target in the trash of `run`.
    ///
    /// # Errors
    /// When none of them was changed.
    async fn rewrite_refs(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError>;

    /// Gives refs that [`Self::rewrite_refs`] changed in `run` their old targets.
    ///
    /// # Errors
    /// When none of them was changed.
    async fn restore_rewritten(
        &self,
        run: &PlanId,
        refs: Vec<RefRewrite>,
    ) -> Result<Vec<Outcome>, PruneError>;
}

/// A pruner that several tasks share.
pub type SharedPruner = Arc<dyn CachePruner>;
