//! One run: deletes refs, then results within refs, then objects in batches. Each step is recorded
//! in the journal.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{ExecuteError, ExecuteOptions, RunReport, RunStep, Settled};
use crate::backend::{
    Disposal, ObjectName, ObjectTarget, Outcome, PruneError, RefRewrite, RefTarget, SharedPruner,
    Skip, blob_in_entry,
};
use crate::format::digest::Digest;
use crate::inventory::digest_in_trash;
use crate::inventory::scan::ScanOptions;
use crate::prune::journal::{Journal, JournalError};
use crate::prune::live::Live;
use crate::prune::plan::{DeletionTarget, ItemKind, Plan};
use crate::prune::proof::{self, Proof, Purpose};

mod refs;
mod sums;

/// A run of a plan, with the outcomes so far.
pub(super) struct PlanRun<'a> {
    pub(super) pruner: &'a SharedPruner,
    pub(super) plan: &'a Plan,
    journal: &'a mut Journal,
    pub(super) options: &'a ExecuteOptions<'a>,
    pub(super) scan: ScanOptions,
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) begun: Vec<bool>,
    /// The proof of a plan from a file against the store.
    proof: Proof,
    pub(super) restored: usize,
    pub(super) settled: Settled,
    /// Deleted blobs that freed no space, because they have a hard link outside the store.
    linked: HashSet<usize>,
    /// Refs that could not be deleted because the disk or the user's quota is full.
    without_room: HashSet<usize>,
    /// The journal's write error, if any. From then on nothing is deleted, but cleanup continues.
    fault: Option<JournalError>,
}

impl<'a> PlanRun<'a> {
    pub(super) fn new(
        pruner: &'a SharedPruner,
        plan: &'a Plan,
        journal: &'a mut Journal,
        options: &'a ExecuteOptions<'a>,
        outcomes: Vec<Option<Outcome>>,
        begun: Vec<bool>,
    ) -> Self {
        // A cancelled run still has to clean up after itself, so its reads are not cancelled.
        let scan = ScanOptions {
            concurrency: options.concurrency,
            cancel: CancellationToken::new(),
        };
        Self {
            pruner,
            plan,
            journal,
            options,
            scan,
            outcomes,
            begun,
            proof: Proof::default(),
            restored: 0,
            settled: Settled {
                waited: Duration::ZERO,
                restored: 0,
                complete: true,
            },
            linked: HashSet::new(),
            without_room: HashSet::new(),
            fault: None,
        }
    }

    pub(super) async fn run(self) -> Result<RunReport, ExecuteError> {
        proof::admit(&**self.pruner, self.plan, self.options, Purpose::Delete).await?;
        let pruner = self.pruner;
        let abilities = pruner.prune_abilities();
        let lease = abilities.take_lease().await?;
        let report = self.run_with_lease().await;
        abilities.release(lease).await;
        report
    }

    async fn run_with_lease(mut self) -> Result<RunReport, ExecuteError> {
        let forget_before = Timestamp::now()
            .checked_sub(self.plan.grace())
            .unwrap_or(Timestamp::MIN);
        self.reached(RunStep::Leased);
        self.prove().await?;
        let live = self.restore_referenced().await?;
        let refs = 0..self.plan.refs();
        let rewritten = refs.end..self.plan.before_objects();
        let dropped = self.drop_refs(refs.clone()).await;
        let changed = self.rewrite_refs(rewritten.clone()).await || dropped;
        let live = if changed { self.mark().await? } else { live };
        let objects = rewritten.end..self.plan.delete().len();
        let live = self.before_sweep(&objects, live).await?;
        // A run that is ending concludes nothing about the remaining items; a resumed run checks
        // them again.
        if !self.is_over() {
            self.skip_needed(&live).await;
        }
        self.delete_planned(objects).await;
        self.retry_refs(refs).await;
        self.reached(RunStep::Swept);
        self.settle(live).await;
        let abilities = self.pruner.prune_abilities();
        let settled = abilities.settle(forget_before).await;
        self.reached(RunStep::Settled);
        let broken = self.broken_refs().await?;
        let (broken, deleted_broken) = self.delete_broken(broken).await;
        if settled.is_ok() && self.fault.is_none() {
            self.note(Journal::finished);
        }
        let fault = settled
            .err()
            .map(ExecuteError::from)
            .or(self.fault.take().map(ExecuteError::from));
        match fault {
            // A broken kept ref outranks this error.
            Some(error) if !broken.is_empty() => {
                tracing::warn!(%error, "the run did not come to its end");
            }
            Some(error) => return Err(error),
            None => {}
        }
        Ok(self.into_report(broken, deleted_broken).await)
    }

    async fn into_report(self, broken: Vec<String>, deleted_broken: Vec<String>) -> RunReport {
        let freed_bytes = self.freed_bytes();
        let trashed_bytes = self.trashed_bytes();
        let settled = self.pruner.prune_abilities().watch.map(|_| self.settled);
        let outcomes: Vec<Outcome> = self
            .outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or(Outcome::Cancelled))
            .collect();
        let deletion_method = self.pruner.facts().await.deletes;
        RunReport {
            outcomes,
            restored: self.restored,
            freed_bytes,
            trashed_bytes,
            settled,
            broken,
            deleted_broken,
            deletion_method,
        }
    }

    /// Returns whether the run must not delete anything more.
    fn is_over(&self) -> bool {
        self.fault.is_some() || self.options.cancel.is_cancelled()
    }

    /// Writes to the journal, unless that has failed before; returns whether it succeeded.
    pub(super) fn note(
        &mut self,
        write: impl FnOnce(&mut Journal) -> Result<(), JournalError>,
    ) -> bool {
        if self.fault.is_none() {
            self.fault = write(self.journal).err();
        }
        self.fault.is_none()
    }

    pub(super) fn reached(&self, step: RunStep<'_>) {
        (self.options.observe)(step);
    }

    pub(super) async fn mark(&self) -> Result<Live, ExecuteError> {
        Ok(Live::mark(&**self.pruner, &self.scan, self.plan, &self.proof.needs).await?)
    }

    /// Proves a plan from a file against the store. Items that differ from the plan are concluded
    /// here. Absent items are processed later, because an interrupted run may have deleted them
    /// itself.
    async fn prove(&mut self) -> Result<(), ExecuteError> {
        self.proof = Proof::of(self.pruner, self.plan, &self.scan, self.options.policy).await?;
        for item in 0..self.outcomes.len() {
            if self.outcomes[item].is_none()
                && !self.proof.is_absent(item)
                && let Some(outcome) = self.proof.verdict(item).cloned()
            {
                self.conclude(item, outcome);
            }
        }
        Ok(())
    }

    /// Waits for builds before blobs are moved to a trash, and returns the blobs needed after that.
    /// If the wait times out, blobs that a build may still reference are kept.
    async fn before_sweep(
        &mut self,
        objects: &Range<usize>,
        live: Live,
    ) -> Result<Live, ExecuteError> {
        let moves: Vec<usize> = objects
            .clone()
            .filter(|item| self.outcomes[*item].is_none() && self.is_moved(*item))
            .collect();
        let Some(store) = self.pruner.prune_abilities().watch else {
            return Ok(live);
        };
        if moves.is_empty() || self.options.settle.quiet.is_zero() || self.is_over() {
            return Ok(live);
        }
        if !self.wait_for_builds(store).await {
            self.settled.complete = false;
            self.conclude_all(&moves, &Outcome::Skipped(Skip::InUse));
        }
        self.restore_referenced().await
    }

    /// Returns whether an item is a blob that goes to the trash.
    pub(super) fn is_moved(&self, item: usize) -> bool {
        self.plan.disposal() == Disposal::Trash
            && self.plan.delete().at(item).target.kind() == ItemKind::Blob
    }

    /// Keeps all blobs that are needed by now, or all blobs if that is unknown.
    async fn skip_needed(&mut self, live: &Live) {
        let copies = self.copies(live).await;
        for (item, deletion) in self.plan.delete().iter().enumerate() {
            if self.outcomes[item].is_some() {
                continue;
            }
            let DeletionTarget::Object(object) = &deletion.target else {
                continue;
            };
            let digest = match &object.name {
                ObjectName::Partial(_) => continue,
                // A rule that names an entry decides, unless a ref is known to need the entry.
                ObjectName::Entry(name) => {
                    if blob_in_entry(name).is_some_and(|digest| live.blobs.contains(&digest)) {
                        self.conclude(item, Outcome::Skipped(Skip::Named));
                    }
                    continue;
                }
                ObjectName::Blob(digest) => Some(*digest),
                // The trash copy of a blob that is stored again is not needed.
                ObjectName::Trashed(_) if copies.contains(&item) => continue,
                ObjectName::Trashed(name) => digest_in_trash(name),
            };
            if digest.is_some_and(|digest| live.blobs.contains(&digest)) {
                self.conclude(item, Outcome::Skipped(Skip::Named));
            } else if live.undetermined {
                self.conclude(item, Outcome::Skipped(Skip::Undetermined));
            }
        }
    }

    /// Returns the trash items whose blob is needed and is stored with the same size.
    async fn copies(&self, live: &Live) -> HashSet<usize> {
        let needed: Vec<(usize, Digest, u64)> = self
            .plan
            .delete()
            .iter()
            .enumerate()
            .filter(|(item, _)| self.outcomes[*item].is_none())
            .filter_map(|(item, deletion)| {
                let DeletionTarget::Object(object) = &deletion.target else {
                    return None;
                };
                let ObjectName::Trashed(name) = &object.name else {
                    return None;
                };
                let digest = digest_in_trash(name).filter(|digest| live.blobs.contains(digest))?;
                Some((item, digest, object.size))
            })
            .collect();
        let names = needed
            .iter()
            .map(|(_, digest, _)| ObjectName::Blob(*digest));
        let sizes = match self.pruner.prune_abilities().trash {
            Some(trash) => trash.stored_sizes(names.collect()).await,
            None => return HashSet::new(),
        };
        let same = needed
            .into_iter()
            .zip(sizes)
            .filter(|((_, _, size), stored)| *stored == Some(*size));
        same.map(|((item, _, _), _)| item).collect()
    }

    async fn delete_planned(&mut self, objects: Range<usize>) {
        let open = objects.filter(|item| self.outcomes[*item].is_none());
        let (absent, open): (Vec<usize>, Vec<usize>) =
            open.partition(|item| self.proof.is_absent(*item));
        let gone = vec![Outcome::AlreadyGone; absent.len()];
        let gone = self.deleted_by_this_run(&absent, gone).await;
        for (item, outcome) in absent.into_iter().zip(gone) {
            self.conclude(item, outcome);
        }
        if open.is_empty() {
            return;
        }
        let mut open = open;
        if let Err(error) = self.ready_trash().await {
            // The items already in the trash need no further space, and deleting them frees some.
            let (moved, rest) = open.into_iter().partition(|item| self.goes_to_trash(*item));
            let moved: Vec<usize> = moved;
            self.conclude_all(&moved, &Outcome::Failed(why(&error)));
            open = rest;
        }
        for batch in open.chunks(self.options.batch.max(1)) {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
                continue;
            };
            if self.is_over() || !self.note(|journal| journal.begin(*first..*last + 1)) {
                self.conclude_all(batch, &Outcome::Cancelled);
                continue;
            }
            self.reached(RunStep::Begun);
            let targets: Vec<ObjectTarget> = batch
                .iter()
                .filter_map(|item| self.object_target(*item))
                .collect();
            let names = targets.iter().map(|target| target.name.clone()).collect();
            let linked = match self.pruner.abilities().measure {
                Some(disk) => disk.free_nothing(names).await,
                None => vec![false; targets.len()],
            };
            let outcomes = match self.pruner.prune_abilities().objects {
                Some(store) => {
                    let disposal = self.plan.disposal();
                    store
                        .delete_objects(self.plan.id(), disposal, targets)
                        .await
                }
                None => vec![Outcome::Skipped(Skip::Unsupported); targets.len()],
            };
            self.reached(RunStep::Deleted);
            let outcomes = self.deleted_by_this_run(batch, outcomes).await;
            for ((item, outcome), is_linked) in batch.iter().zip(outcomes).zip(linked) {
                if is_linked {
                    self.linked.insert(*item);
                }
                self.conclude(*item, outcome);
            }
            self.reached(RunStep::Journaled(*last + 1));
        }
        self.note(Journal::sync);
    }

    async fn ready_trash(&self) -> Result<(), PruneError> {
        let needs_trash = (0..self.outcomes.len())
            .any(|item| self.outcomes[item].is_none() && self.goes_to_trash(item));
        match self.pruner.prune_abilities().trash {
            Some(trash) if needs_trash => trash.prepare(self.plan.id()).await,
            _ => Ok(()),
        }
    }

    /// Determines which absent objects this run itself deleted before it was interrupted.
    async fn deleted_by_this_run(
        &self,
        batch: &[usize],
        mut outcomes: Vec<Outcome>,
    ) -> Vec<Outcome> {
        let gone: Vec<usize> = (0..batch.len().min(outcomes.len()))
            .filter(|place| outcomes[*place] == Outcome::AlreadyGone && self.begun[batch[*place]])
            .collect();
        let names = gone
            .iter()
            .filter_map(|place| self.object_target(batch[*place]))
            .map(|target| target.name);
        let there = match self.pruner.prune_abilities().trash {
            Some(trash) => trash.in_trash(self.plan.id(), names.collect()).await,
            None => vec![false; gone.len()],
        };
        for (place, there) in gone.into_iter().zip(there) {
            let trashed = self.plan.delete().at(batch[place]).target.kind() == ItemKind::Object;
            if there || trashed || self.plan.disposal() == Disposal::AtOnce {
                outcomes[place] = Outcome::Done;
            }
        }
        outcomes
    }

    pub(super) fn conclude(&mut self, item: usize, outcome: Outcome) {
        let name = self.plan.delete().at(item).target.name();
        self.note(|journal| journal.item(item, name, outcome.clone()));
        self.reached(RunStep::Concluded(item, &outcome));
        self.outcomes[item] = Some(outcome);
    }

    fn conclude_all(&mut self, items: &[usize], outcome: &Outcome) {
        for item in items {
            self.conclude(*item, outcome.clone());
        }
    }

    fn target(&self, item: usize) -> DeletionTarget {
        self.plan.delete().at(item).into_owned().target
    }

    fn ref_target(&self, item: usize) -> Option<RefTarget> {
        match self.target(item) {
            DeletionTarget::Ref(target) => Some(target),
            DeletionTarget::Object(_) | DeletionTarget::Rewrite(_) => None,
        }
    }

    fn rewrite(&self, item: usize) -> Option<RefRewrite> {
        match self.target(item) {
            DeletionTarget::Rewrite(rewrite) => Some(rewrite.documents),
            DeletionTarget::Ref(_) | DeletionTarget::Object(_) => None,
        }
    }

    pub(super) fn object_target(&self, item: usize) -> Option<ObjectTarget> {
        match self.target(item) {
            DeletionTarget::Object(target) => Some(target),
            DeletionTarget::Ref(_) | DeletionTarget::Rewrite(_) => None,
        }
    }
}

/// Returns why something failed, and advice for a full disk.
fn why(error: &PruneError) -> String {
    let text = with_causes(error);
    if error.is_storage_full() {
        format!("{text}; `--no-trash --i-am-the-only-writer` needs no room")
    } else {
        text
    }
}

/// Formats an error with its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
