//! One run: refs, then results inside of refs, then objects batch by batch, each step said in the journal.

use std::ops::Range;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{ExecuteError, Options, Report, Step, same_store};
use crate::backend::{
    Disposal, ObjectName, ObjectTarget, Outcome, PruneError, RefRewrite, RefTarget, SharedPruner, Skip,
};
use crate::inventory::digest_in_trash;
use crate::inventory::scan::ScanOptions;
use crate::prune::journal::{Journal, JournalError};
use crate::prune::live::Live;
use crate::prune::plan::{Kind, Plan, Target, digest_in_entry};

/// A run of a plan, and what became of each item so far.
pub(super) struct Run<'a> {
    pub(super) pruner: &'a SharedPruner,
    pub(super) plan: &'a Plan,
    journal: &'a mut Journal,
    pub(super) options: &'a Options<'a>,
    pub(super) scan: ScanOptions,
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) begun: Vec<bool>,
    pub(super) put_back: usize,
    /// Why the journal cannot be written any more. Nothing is deleted from then on, but what was is looked after.
    fault: Option<JournalError>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        pruner: &'a SharedPruner,
        plan: &'a Plan,
        journal: &'a mut Journal,
        options: &'a Options<'a>,
        outcomes: Vec<Option<Outcome>>,
        begun: Vec<bool>,
    ) -> Self {
        // A run that was told to end still has to look after what it did: its reads are not cancelled.
        let scan = ScanOptions { concurrency: options.concurrency, cancel: CancellationToken::new() };
        Self { pruner, plan, journal, options, scan, outcomes, begun, put_back: 0, fault: None }
    }

    pub(super) async fn whole(self) -> Result<Report, ExecuteError> {
        same_store(&**self.pruner, self.plan).await?;
        let pruner = self.pruner;
        let lease = pruner.lease().await?;
        let report = self.leased().await;
        pruner.release().await;
        drop(lease);
        report
    }

    async fn leased(mut self) -> Result<Report, ExecuteError> {
        let forget_before = Timestamp::now().checked_sub(self.plan.grace()).unwrap_or(Timestamp::MIN);
        self.reached(Step::Leased);
        let live = self.put_back_what_is_named().await?;
        let refs = 0..self.plan.refs();
        let rewritten = refs.end..self.plan.before_objects();
        let dropped = self.drop_refs(refs).await;
        let changed = self.rewrite_refs(rewritten.clone()).await || dropped;
        let live = if changed { self.mark().await? } else { live };
        // Of what a run that is to end has not come to, nothing is said: going on looks at it anew.
        if !self.is_over() {
            self.leave_what_is_needed(&live);
        }
        self.sweep(rewritten.end..self.plan.delete().len()).await;
        self.reached(Step::Swept);
        self.check_refs_again(live).await;
        let settled = self.pruner.settle(forget_before).await;
        self.reached(Step::Settled);
        let broken = self.broken_refs().await?;
        let (broken, cured) = self.cure(broken).await;
        if settled.is_ok() && self.fault.is_none() {
            self.note(Journal::finished);
        }
        let fault = settled.err().map(ExecuteError::from).or(self.fault.take().map(ExecuteError::from));
        match fault {
            // That a kept ref is broken is the graver news.
            Some(error) if !broken.is_empty() => tracing::warn!(%error, "the run did not come to its end"),
            Some(error) => return Err(error),
            None => {}
        }
        let outcomes: Vec<Outcome> =
            self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Cancelled)).collect();
        let done = self.plan.delete().iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Done);
        let freed_bytes = done.map(|(item, _)| item.target.bytes()).fold(0, u64::saturating_add);
        let manner = self.pruner.manner();
        Ok(Report { outcomes, put_back: self.put_back, freed_bytes, broken, cured, manner })
    }

    /// Tells whether nothing more may be deleted.
    fn is_over(&self) -> bool {
        self.fault.is_some() || self.options.cancel.is_cancelled()
    }

    /// Writes to the journal, unless that has failed before; tells whether it worked.
    pub(super) fn note(&mut self, write: impl FnOnce(&mut Journal) -> Result<(), JournalError>) -> bool {
        if self.fault.is_none() {
            self.fault = write(self.journal).err();
        }
        self.fault.is_none()
    }

    pub(super) fn reached(&self, step: Step<'_>) {
        (self.options.observe)(step);
    }

    pub(super) async fn mark(&self) -> Result<Live, ExecuteError> {
        Ok(Live::mark(&**self.pruner, &self.scan, self.plan).await?)
    }

    /// Takes the refs out that go; tells whether the store may have changed.
    async fn drop_refs(&mut self, refs: Range<usize>) -> bool {
        let open: Vec<usize> = refs.clone().filter(|item| self.outcomes[*item].is_none()).collect();
        if open.is_empty() {
            return false;
        }
        if self.is_over() || !self.note(|journal| journal.begin(refs)) {
            self.conclude_all(&open, &Outcome::Cancelled);
            return false;
        }
        self.reached(Step::Begun);
        let targets: Vec<RefTarget> = open.iter().filter_map(|item| self.ref_target(*item)).collect();
        let removed = self.pruner.remove_refs(self.plan.id(), targets).await;
        self.reached(Step::Deleted);
        match removed {
            Ok(outcomes) => {
                for (item, outcome) in open.into_iter().zip(outcomes) {
                    // What a run began before it was killed and is gone now, it did itself.
                    let done = outcome == Outcome::AlreadyGone && self.begun[item];
                    self.conclude(item, if done { Outcome::Done } else { outcome });
                }
            }
            Err(error) => self.conclude_all(&open, &Outcome::Failed(with_causes(&error))),
        }
        self.note(Journal::sync);
        self.reached(Step::Journaled(self.plan.refs()));
        true
    }

    /// Lets refs point to what was written for them; tells whether the store may have changed.
    async fn rewrite_refs(&mut self, rewrites: Range<usize>) -> bool {
        let open: Vec<usize> = rewrites.clone().filter(|item| self.outcomes[*item].is_none()).collect();
        if open.is_empty() {
            return false;
        }
        if self.is_over() || !self.note(|journal| journal.begin(rewrites.clone())) {
            self.conclude_all(&open, &Outcome::Cancelled);
            return false;
        }
        self.reached(Step::Begun);
        let targets: Vec<RefRewrite> = open.iter().filter_map(|item| self.rewrite(*item)).collect();
        let changed = self.pruner.rewrite_refs(self.plan.id(), targets).await;
        self.reached(Step::Deleted);
        match changed {
            Ok(outcomes) => {
                for (item, outcome) in open.into_iter().zip(outcomes) {
                    let done = outcome == Outcome::AlreadyGone && self.begun[item];
                    self.conclude(item, if done { Outcome::Done } else { outcome });
                }
            }
            Err(error) => self.conclude_all(&open, &Outcome::Failed(with_causes(&error))),
        }
        self.note(Journal::sync);
        self.reached(Step::Journaled(rewrites.end));
        true
    }

    /// Leaves everything that is needed by now, and everything when that is not known.
    fn leave_what_is_needed(&mut self, live: &Live) {
        for (item, deletion) in self.plan.delete().iter().enumerate() {
            if self.outcomes[item].is_some() {
                continue;
            }
            let Target::Object(object) = &deletion.target else { continue };
            let digest = match &object.name {
                ObjectName::Partial(_) => continue,
                // A rule that names an entry decides about it, unless a ref is known to need it.
                ObjectName::Entry(name) => {
                    if digest_in_entry(name).is_some_and(|digest| live.blobs.contains(&digest)) {
                        self.conclude(item, Outcome::Skipped(Skip::Named));
                    }
                    continue;
                }
                ObjectName::Blob(digest) => Some(*digest),
                ObjectName::Trashed(name) => digest_in_trash(name),
            };
            if digest.is_some_and(|digest| live.blobs.contains(&digest)) {
                self.conclude(item, Outcome::Skipped(Skip::Named));
            } else if live.undetermined {
                self.conclude(item, Outcome::Skipped(Skip::Undetermined));
            }
        }
    }

    async fn sweep(&mut self, objects: Range<usize>) {
        let open: Vec<usize> = objects.filter(|item| self.outcomes[*item].is_none()).collect();
        if open.is_empty() {
            return;
        }
        if let Err(error) = self.ready_trash().await {
            return self.conclude_all(&open, &Outcome::Failed(with_causes(&error)));
        }
        for batch in open.chunks(self.options.batch.max(1)) {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { continue };
            if self.is_over() || !self.note(|journal| journal.begin(*first..*last + 1)) {
                self.conclude_all(batch, &Outcome::Cancelled);
                continue;
            }
            self.reached(Step::Begun);
            let targets: Vec<ObjectTarget> = batch.iter().filter_map(|item| self.object_target(*item)).collect();
            let outcomes = self.pruner.remove_objects(self.plan.id(), self.plan.disposal(), targets).await;
            self.reached(Step::Deleted);
            let outcomes = self.own_up(batch, outcomes).await;
            for (item, outcome) in batch.iter().zip(outcomes) {
                self.conclude(*item, outcome);
            }
            self.reached(Step::Journaled(*last + 1));
        }
        self.note(Journal::sync);
    }

    async fn ready_trash(&self) -> Result<(), PruneError> {
        let needs_trash = self.plan.disposal() == Disposal::Trash
            && self.plan.delete().iter().any(|item| matches!(item.target.kind(), Kind::Blob | Kind::Partial));
        if needs_trash { self.pruner.prepare(self.plan.id()).await } else { Ok(()) }
    }

    /// Finds out which of the objects that are gone went in this very run, before it was killed.
    async fn own_up(&self, batch: &[usize], mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
        let gone: Vec<usize> = (0..batch.len().min(outcomes.len()))
            .filter(|place| outcomes[*place] == Outcome::AlreadyGone && self.begun[batch[*place]])
            .collect();
        let names = gone.iter().filter_map(|place| self.object_target(batch[*place])).map(|target| target.name);
        let there = self.pruner.in_trash(self.plan.id(), names.collect()).await;
        for (place, there) in gone.into_iter().zip(there) {
            let trashed = self.plan.delete().at(batch[place]).target.kind() == Kind::Object;
            if there || trashed || self.plan.disposal() == Disposal::AtOnce {
                outcomes[place] = Outcome::Done;
            }
        }
        outcomes
    }

    pub(super) fn conclude(&mut self, item: usize, outcome: Outcome) {
        let name = self.plan.delete().at(item).target.name();
        self.note(|journal| journal.item(item, name, outcome.clone()));
        self.reached(Step::Concluded(item, &outcome));
        self.outcomes[item] = Some(outcome);
    }

    fn conclude_all(&mut self, items: &[usize], outcome: &Outcome) {
        for item in items {
            self.conclude(*item, outcome.clone());
        }
    }

    fn target(&self, item: usize) -> Target {
        self.plan.delete().at(item).into_owned().target
    }

    fn ref_target(&self, item: usize) -> Option<RefTarget> {
        match self.target(item) {
            Target::Ref(target) => Some(target),
            Target::Object(_) | Target::Rewrite(_) => None,
        }
    }

    fn rewrite(&self, item: usize) -> Option<RefRewrite> {
        match self.target(item) {
            Target::Rewrite(rewrite) => Some(rewrite.documents),
            Target::Ref(_) | Target::Object(_) => None,
        }
    }

    pub(super) fn object_target(&self, item: usize) -> Option<ObjectTarget> {
        match self.target(item) {
            Target::Object(target) => Some(target),
            Target::Ref(_) | Target::Rewrite(_) => None,
        }
    }
}

/// Writes an error with its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
