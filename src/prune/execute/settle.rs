//! Restores blobs that refs reference by now, and the checks at the end of a run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::run::PlanRun;
use super::watch::Watched;
use super::{ExecuteError, RunStep};
use crate::backend::{
    ObjectName, Outcome, PruneError, RefTarget, RestoreObjects, SharedReader, Skip, Trash,
};
use crate::format::digest::Digest;
use crate::inventory::blobs::Blob;
use crate::inventory::{RefEntry, scan};
use crate::prune::journal::Journal;
use crate::prune::live::Live;
use crate::prune::plan::ItemKind;
use crate::text::escape::visible;

/// A ref that lacks blobs it had before.
pub(super) struct Broken {
    names: Vec<String>,
    digest: Option<Digest>,
    /// Whether it lacks a blob that this run deleted.
    by_this_run: bool,
}

/// The maximum number of changes to the refs during the last check before everything is restored.
const MOST_ROUNDS: usize = 5;

impl PlanRun<'_> {
    /// Restores the blobs in the trash that a ref references, until none are left: a restored
    /// manifest may reference further blobs.
    pub(super) async fn restore_referenced(&mut self) -> Result<Live, ExecuteError> {
        loop {
            let live = self.mark().await?;
            self.reached(RunStep::Marked);
            if !self.restore_needed(&live).await? {
                return Ok(live);
            }
        }
    }

    /// Restores needed blobs; returns whether there were any.
    async fn restore_needed(&mut self, live: &Live) -> Result<bool, ExecuteError> {
        let store = self.pruner.prune_abilities();
        match (store.trash, store.restore_objects) {
            (Some(trash), _) => self.restore_from_trash(trash, live).await,
            (None, Some(store)) => Ok(self.restore_deleted(store, live).await),
            (None, None) => Ok(false),
        }
    }

    /// Restores needed blobs that this run, or the run it resumes, may have deleted from a store
    /// that keeps old versions; returns whether there were any. The final listing shows the refs
    /// that lack the others.
    async fn restore_deleted(&mut self, store: &dyn RestoreObjects, live: &Live) -> bool {
        let (items, names): (Vec<usize>, Vec<ObjectName>) = self
            .may_be_deleted()
            .filter(|(_, digest)| live.blobs.contains(digest))
            .map(|(item, digest)| (item, ObjectName::Blob(digest)))
            .unzip();
        if items.is_empty() {
            return false;
        }
        let outcomes = store.restore_objects(self.plan.id(), names.clone()).await;
        let before = self.restored;
        for ((item, name), outcome) in items.into_iter().zip(names).zip(outcomes) {
            match (outcome, name) {
                (Outcome::Done, ObjectName::Blob(digest)) => {
                    self.note(|journal| journal.note_restored(digest));
                    self.conclude(item, Outcome::Skipped(Skip::Named));
                    self.restored += 1;
                }
                // It was never deleted, or a build has exported it again.
                (Outcome::AlreadyGone, _) => {}
                (outcome, name) => {
                    tracing::warn!(
                        ?name,
                        ?outcome,
                        "a blob that is needed again is not restored"
                    );
                }
            }
        }
        self.restored > before
    }

    /// Restores needed blobs from the trash; returns whether there were any.
    async fn restore_from_trash(
        &mut self,
        trash: &dyn Trash,
        live: &Live,
    ) -> Result<bool, ExecuteError> {
        let (back, fault) = match trash.restore_blobs(live.blobs.clone()).await {
            Ok(back) => (back, None),
            Err(PruneError::PartlyRestored { back, source }) => (back, Some(*source)),
            Err(error) => return Err(error.into()),
        };
        let plan = self.plan;
        let of_back: HashSet<&Digest> = back.iter().collect();
        let is_back = |name: &ObjectName| matches!(name, ObjectName::Blob(digest) if of_back.contains(digest));
        let items: HashMap<ObjectName, usize> = plan
            .objects()
            .zip(plan.before_objects()..)
            .filter(|(name, _)| is_back(name))
            .collect();
        for digest in &back {
            self.note(|journal| journal.note_restored(*digest));
            if let Some(item) = items.get(&ObjectName::Blob(*digest))
                && (self.outcomes[*item] == Some(Outcome::Done) || self.begun[*item])
            {
                self.conclude(*item, Outcome::Skipped(Skip::Named));
            }
        }
        self.restored += back.len();
        fault.map_or(Ok(!back.is_empty()), |fault| Err(fault.into()))
    }

    /// Restores the blobs referenced by refs that were written during the deletions. If these are
    /// unknown, restores everything that this run moved to the trash.
    pub(super) async fn settle(&mut self, live: Live) {
        let moved: Vec<usize> = (0..self.outcomes.len())
            .filter(|item| self.is_in_trash(*item))
            .collect();
        if moved.is_empty() {
            let store = self.pruner.prune_abilities();
            // Without a trash, only deleted objects can be restored.
            let may_restore = store.trash.is_none() && store.restore_objects.is_some();
            if may_restore && self.may_be_deleted().next().is_some() {
                self.restore_without_trash(live).await;
            }
            return;
        }
        let has_blobs = moved.iter().any(|item| self.is_moved(*item));
        match self.pruner.prune_abilities().watch {
            Some(store) if has_blobs && !self.options.settle.quiet.is_zero() => {
                if matches!(self.watch(store).await, Watched::Undetermined) {
                    self.restore_all().await;
                }
            }
            _ => self.check_refs_again(live).await,
        }
    }

    /// Reads the refs again while no build writes them, and restores the blobs that they reference
    /// by now. If the refs keep changing or cannot be read, restores everything that went to the
    /// trash.
    async fn check_refs_again(&mut self, mut live: Live) {
        let pruner = Arc::clone(self.pruner);
        let trash = pruner.prune_abilities().trash;
        for _ in 0..MOST_ROUNDS {
            let Some(trash) = trash else { break };
            match trash.refs_are(live.fingerprint).await {
                Ok(true) => return,
                Ok(false) | Err(PruneError::IndexHeld(_)) => {}
                Err(_) => break,
            }
            let Ok(marked) = self.mark().await else { break };
            live = marked;
            // A manifest that is referenced again may be in the trash; its references are known
            // once it is restored.
            match self.restore_needed(&live).await {
                Ok(false) => {}
                Ok(true) => {
                    let Ok(marked) = self.restore_referenced().await else {
                        break;
                    };
                    live = marked;
                }
                Err(error) => {
                    tracing::warn!(%error, "blobs that are referenced again could not be restored");
                    break;
                }
            }
            if live.undetermined {
                break;
            }
        }
        self.restore_all().await;
    }

    /// Restores deleted blobs that are referenced by now, if the store still has them. The final
    /// listing shows any that cannot be restored.
    async fn restore_without_trash(&mut self, mut live: Live) {
        for _ in 0..MOST_ROUNDS {
            if matches!(self.pruner.still(live.fingerprint).await, Ok(true)) {
                return;
            }
            match self.restore_referenced().await {
                Ok(marked) => live = marked,
                Err(error) => {
                    tracing::warn!(%error, "blobs that are needed again could not be restored");
                    return;
                }
            }
        }
    }

    /// Returns the blobs that this run, or the run it resumes, deleted.
    fn deleted(&self) -> impl Iterator<Item = Digest> {
        (0..self.outcomes.len())
            .filter(|item| self.outcomes[*item] == Some(Outcome::Done))
            .filter_map(|item| self.blob(item))
    }

    /// Returns the blobs, with their items, that this run or the run it resumes may have deleted:
    /// the answer to a deletion may have been lost, and a killed run records no outcome.
    fn may_be_deleted(&self) -> impl Iterator<Item = (usize, Digest)> {
        (0..self.outcomes.len())
            .filter(|item| match &self.outcomes[*item] {
                Some(Outcome::Done | Outcome::Failed(_)) => true,
                None => self.begun[*item],
                Some(Outcome::AlreadyGone | Outcome::Skipped(_) | Outcome::Cancelled) => false,
            })
            .filter_map(|item| Some((item, self.blob(item)?)))
    }

    fn blob(&self, item: usize) -> Option<Digest> {
        match self.object_target(item)?.name {
            ObjectName::Blob(digest) => Some(digest),
            ObjectName::Partial(_) | ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
        }
    }

    async fn restore_all(&mut self) {
        let moved: Vec<usize> = (0..self.outcomes.len())
            .filter(|item| self.is_in_trash(*item))
            .collect();
        let names = moved
            .iter()
            .filter_map(|item| self.object_target(*item))
            .map(|target| target.name);
        let outcomes = match self.pruner.prune_abilities().restore_objects {
            Some(store) => {
                let names = names.collect();
                store.restore_objects(self.plan.id(), names).await
            }
            None => Vec::new(),
        };
        for (item, outcome) in moved.into_iter().zip(outcomes) {
            if matches!(outcome, Outcome::Done | Outcome::AlreadyGone) {
                self.restored += 1;
                self.conclude(item, Outcome::Skipped(Skip::Unsettled));
            }
        }
        self.note(Journal::sync);
    }

    /// Lists the store again; returns the refs that lack blobs they had when the plan was made.
    pub(super) async fn broken_refs(&self) -> Result<Vec<Broken>, ExecuteError> {
        let reader: SharedReader = self.pruner.clone();
        let inventory = scan::scan(&reader, &self.scan, |_| ()).await?;
        // A ref that lost results still lacks the blobs it lacked before.
        let before: HashMap<String, String> = self
            .plan
            .delete()
            .rewrites()
            .map(|rewrite| &rewrite.documents)
            .map(|rewrite| (rewrite.to().0.to_string(), rewrite.from.digest.to_string()))
            .collect();
        let lacked = |name: &str, digest: &str| {
            let digest = before.get(digest).map_or(digest, String::as_str);
            let kept = self
                .plan
                .keep()
                .iter()
                .filter(|kept| kept.kind == ItemKind::Ref);
            let same =
                kept.filter(|kept| kept.name == name && kept.digest.as_deref() == Some(digest));
            same.map(|kept| kept.missing_blobs)
                .max()
                .unwrap_or_default()
        };
        let broken = inventory.refs.iter().filter(|entry| {
            entry.sizes.missing_blobs > 0
                && entry.sizes.missing_blobs > lacked(&entry.name, &entry.digest().to_string())
        });
        let deleted: HashSet<Digest> = self.deleted().collect();
        let lacks_what_went = |entry: &RefEntry| {
            let mut lacking = entry
                .reach
                .iter()
                .map(|id| inventory.blobs.get(*id))
                .filter(Blob::is_missing);
            lacking.any(|blob| deleted.contains(&blob.digest()))
        };
        let named = broken.map(|entry| Broken {
            names: entry.names().map(str::to_owned).collect(),
            digest: entry.digest().valid(),
            by_this_run: lacks_what_went(entry),
        });
        Ok(named.collect())
    }

    /// If enabled, deletes the refs that appeared during this run and reference blobs that it
    /// deleted. Returns the names of the refs that are still broken, and of the deleted ones.
    pub(super) async fn delete_broken(
        &mut self,
        broken: Vec<Broken>,
    ) -> (Vec<String>, Vec<String>) {
        let mut left = Vec::new();
        let mut deleted_broken = Vec::new();
        for broken in broken {
            let name = visible(&broken.names.join(", ")).into_owned();
            let digest = match broken.digest {
                Some(digest) if self.options.delete_broken && broken.by_this_run => Some(digest),
                _ => None,
            };
            let target = digest.map(|digest| RefTarget {
                names: broken.names.clone(),
                digest,
                bytes: 0,
            });
            let removed = match target {
                Some(target) => self
                    .pruner
                    .delete_refs(self.plan.id(), vec![target])
                    .await
                    .unwrap_or_default(),
                None => Vec::new(),
            };
            if removed == [Outcome::Done] {
                self.note(|journal| journal.deleted_broken(name.clone()));
                deleted_broken.push(name);
            } else {
                left.push(name);
            }
        }
        (left, deleted_broken)
    }
}
