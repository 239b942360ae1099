//! Carries a plan out.
//!
//! What a ref names again is put back first. Refs go next, then everything that is needed is marked anew, and objects go
//! batch by batch, each checked again just before. When all are gone the refs are read again while nobody can write them,
//! and what they name by then is put back. At last the store is listed again, to prove that every ref that stays is whole.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::journal::{History, Journal, JournalError};
use super::live::{Live, MarkError};
use super::plan::{Kind, Plan, Target};
use crate::backend::{
    BackendError, CachePruner, Disposal, ObjectName, ObjectTarget, Outcome, PruneError, RefRewrite, RefTarget,
    SharedPruner, SharedReader, Skip,
};
use crate::format::digest::Digest;
use crate::format::text::visible;
use crate::inventory::scan::{self, ScanError, ScanOptions};

/// How many objects go between two times that the journal is made durable; as many may be done unsaid after a crash.
pub const BATCH: usize = 2048;
/// How often the refs may change under the last check before everything is put back.
const MOST_ROUNDS: usize = 5;

/// How a run goes about its work.
pub struct Options<'a> {
    /// How many documents are read at once.
    pub concurrency: usize,
    /// How many objects go at once.
    pub batch: usize,
    /// Ends the run after the batch that is under way.
    pub cancel: CancellationToken,
    /// Is told how far the run has come, before it goes on.
    pub observe: &'a (dyn Fn(Step<'_>) + Send + Sync),
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Other prunes are kept out.
    Leased,
    /// It is known what is needed.
    Marked,
    /// The journal says durably what is about to be deleted.
    Begun,
    /// Something was deleted, and the journal does not say so yet.
    Deleted,
    /// It is known what became of an item of the plan; a later outcome takes the place of an earlier one.
    Concluded(usize, &'a Outcome),
    /// The journal says what became of this many items of the plan.
    Journaled(usize),
    /// All objects are gone that should go; the refs were not read again yet.
    Swept,
    /// The last check is over.
    Settled,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What became of each item of the plan.
    pub outcomes: Vec<Outcome>,
    /// How many blobs came back from the trash because a ref names them.
    pub put_back: usize,
    /// The bytes of what was deleted.
    pub freed_bytes: u64,
    /// The refs that lack something that they did not lack before. Names are fit to be shown.
    pub broken: Vec<String>,
}

impl Report {
    /// Returns how many outcomes are of a kind.
    pub fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| is(outcome)).count()
    }

    /// Tells whether everything is as the plan wanted it.
    pub fn is_complete(&self) -> bool {
        self.broken.is_empty() && self.count(|outcome| !matches!(outcome, Outcome::Done | Outcome::AlreadyGone)) == 0
    }
}

/// Says why a run ended early. What it did until then is in its journal.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The plan was made for another store.
    #[error("the plan was made for {planned}, not for {found}")]
    OtherStore {
        /// Where the plan's store lies.
        planned: String,
        /// Where this one lies.
        found: String,
    },
    /// The run was taken back.
    #[error("the run was undone: make a new plan")]
    Undone,
    /// The store could not be used.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// It is not known what is needed.
    #[error("it cannot be told which blobs are needed, so none goes")]
    Mark(#[from] MarkError),
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store could not be listed again.
    #[error("the store could not be checked afterwards")]
    Check(#[from] ScanError),
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Carries `plan` out in the store of `pruner`, and says so in `journal`.
///
/// # Errors
/// When it could not begin, or had to end early. An item that fails is no error.
pub async fn execute(
    pruner: &SharedPruner,
    plan: &Plan,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Report, ExecuteError> {
    let count = plan.delete().len();
    Run::new(pruner, plan, journal, options, vec![None; count], vec![false; count]).whole().await
}

/// Goes on with a run that ended early.
///
/// # Errors
/// As [`execute`].
pub async fn resume(
    pruner: &SharedPruner,
    history: &History,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Report, ExecuteError> {
    if history.undone {
        return Err(ExecuteError::Undone);
    }
    // What failed or did not get its turn gets another one.
    let open = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::Failed(_) | Outcome::Cancelled) | None => None,
        Some(outcome @ (Outcome::Done | Outcome::AlreadyGone | Outcome::Skipped(_))) => Some(outcome.clone()),
    };
    let outcomes = history.outcomes.iter().map(open).collect();
    let run = Run::new(pruner, &history.plan, journal, options, outcomes, history.begun.clone());
    run.journal.resumed()?;
    run.whole().await
}

/// Checks that a plan is for this store.
pub(super) async fn same_store(pruner: &dyn CachePruner, plan: &Plan) -> Result<(), ExecuteError> {
    let found = pruner.place().await?;
    if found == plan.place() {
        return Ok(());
    }
    let shown = |place: &str| visible(place).into_owned();
    Err(ExecuteError::OtherStore { planned: shown(plan.place()), found: shown(&found) })
}

struct Run<'a> {
    pruner: &'a SharedPruner,
    plan: &'a Plan,
    journal: &'a mut Journal,
    options: &'a Options<'a>,
    scan: ScanOptions,
    outcomes: Vec<Option<Outcome>>,
    begun: Vec<bool>,
    put_back: usize,
    /// Why the journal cannot be written any more. Nothing is deleted from then on, but what was is looked after.
    fault: Option<JournalError>,
}

impl<'a> Run<'a> {
    fn new(
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

    async fn whole(mut self) -> Result<Report, ExecuteError> {
        let forget_before = Timestamp::now().checked_sub(self.plan.grace()).unwrap_or(Timestamp::MIN);
        same_store(&**self.pruner, self.plan).await?;
        let _lease = self.pruner.lease().await?;
        self.reached(Step::Leased);
        let live = self.put_back_what_is_named().await?;
        let refs = 0..self.plan.refs();
        let rewritten = refs.end..self.plan.before_objects();
        let dropped = self.drop_refs(refs).await;
        let changed = self.rewrite_refs(rewritten.clone()).await || dropped;
        let live = if changed { self.mark().await? } else { live };
        self.leave_what_is_needed(&live);
        self.sweep(rewritten.end..self.plan.delete().len()).await;
        self.reached(Step::Swept);
        self.check_refs_again(live).await?;
        self.pruner.settle(forget_before).await?;
        self.reached(Step::Settled);
        let broken = self.broken_refs().await?;
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        self.journal.finished()?;
        let outcomes: Vec<Outcome> =
            self.outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Cancelled)).collect();
        let done = self.plan.delete().iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Done);
        let freed_bytes = done.map(|(item, _)| item.target.bytes()).fold(0, u64::saturating_add);
        Ok(Report { outcomes, put_back: self.put_back, freed_bytes, broken })
    }

    /// Tells whether nothing more may be deleted.
    fn is_over(&self) -> bool {
        self.fault.is_some() || self.options.cancel.is_cancelled()
    }

    /// Writes to the journal, unless that has failed before; tells whether it worked.
    fn note(&mut self, write: impl FnOnce(&mut Journal) -> Result<(), JournalError>) -> bool {
        if self.fault.is_none() {
            self.fault = write(self.journal).err();
        }
        self.fault.is_none()
    }

    fn reached(&self, step: Step<'_>) {
        (self.options.observe)(step);
    }

    async fn mark(&self) -> Result<Live, ExecuteError> {
        let plan = self.plan;
        Ok(Live::mark(&**self.pruner, &self.scan, plan.grace(), plan.freed_blobs()).await?)
    }

    /// Puts back what the trash holds and a ref names, until a ref names nothing more of it: a manifest that is back may
    /// name further blobs.
    async fn put_back_what_is_named(&mut self) -> Result<Live, ExecuteError> {
        loop {
            let live = self.mark().await?;
            self.reached(Step::Marked);
            if !self.put_back(&live).await? {
                return Ok(live);
            }
        }
    }

    /// Puts back from the trash what is needed; tells whether there was something.
    async fn put_back(&mut self, live: &Live) -> Result<bool, ExecuteError> {
        let back = self.pruner.put_back(live.blobs.clone()).await?;
        if back.is_empty() {
            return Ok(false);
        }
        let plan = self.plan;
        let of_back: HashSet<&Digest> = back.iter().collect();
        let is_back = |name: &ObjectName| matches!(name, ObjectName::Blob(digest) if of_back.contains(digest));
        let items: HashMap<ObjectName, usize> =
            plan.objects().zip(plan.before_objects()..).filter(|(name, _)| is_back(name)).collect();
        for digest in &back {
            self.note(|journal| journal.put_back(*digest));
            if let Some(item) = items.get(&ObjectName::Blob(*digest))
                && (self.outcomes[*item] == Some(Outcome::Done) || self.begun[*item])
            {
                self.conclude(*item, Outcome::Skipped(Skip::Named));
            }
        }
        self.put_back += back.len();
        Ok(true)
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
                    if super::plan::digest_in_entry(name).is_some_and(|digest| live.blobs.contains(&digest)) {
                        self.conclude(item, Outcome::Skipped(Skip::Named));
                    }
                    continue;
                }
                ObjectName::Blob(digest) => Some(*digest),
                ObjectName::Trashed(name) => super::plan::digest_in_trash(name),
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

    /// Reads the refs again while nobody can write them, and puts back what they name by now. When they do not come to
    /// rest, or cannot be read, all that went into the trash comes back.
    async fn check_refs_again(&mut self, mut live: Live) -> Result<(), ExecuteError> {
        let moved = (0..self.outcomes.len()).any(|item| self.is_in_trash(item));
        if !moved {
            return Ok(());
        }
        for _ in 0..MOST_ROUNDS {
            match self.pruner.refs_are(live.fingerprint).await {
                Ok(true) => return Ok(()),
                Ok(false) | Err(PruneError::IndexHeld(_)) => {}
                Err(_) => break,
            }
            match self.mark().await {
                Ok(marked) if !marked.undetermined => live = marked,
                Ok(_) | Err(_) => break,
            }
            if self.put_back(&live).await? {
                live = match self.put_back_what_is_named().await {
                    Ok(live) if !live.undetermined => live,
                    Ok(_) | Err(_) => break,
                };
            }
        }
        self.take_all_back().await;
        Ok(())
    }

    async fn take_all_back(&mut self) {
        let moved: Vec<usize> = (0..self.outcomes.len()).filter(|item| self.is_in_trash(*item)).collect();
        let names = moved.iter().filter_map(|item| self.object_target(*item)).map(|target| target.name);
        let outcomes = self.pruner.restore_objects(self.plan.id(), names.collect()).await;
        for (item, outcome) in moved.into_iter().zip(outcomes) {
            if matches!(outcome, Outcome::Done | Outcome::AlreadyGone) {
                self.put_back += 1;
                self.conclude(item, Outcome::Skipped(Skip::Unsettled));
            }
        }
        self.note(Journal::sync);
    }

    fn is_in_trash(&self, item: usize) -> bool {
        self.plan.disposal() == Disposal::Trash
            && self.outcomes[item] == Some(Outcome::Done)
            && matches!(self.plan.delete().at(item).target.kind(), Kind::Blob | Kind::Partial)
    }

    /// Lists the store again; returns the refs that lack something which they did not lack when the plan was made.
    async fn broken_refs(&self) -> Result<Vec<String>, ExecuteError> {
        let reader: SharedReader = self.pruner.clone();
        let inventory = scan::scan(&reader, &self.scan, |_| ()).await?;
        // A ref that lost results lacks what it lacked before.
        let before: HashMap<String, String> = self
            .plan
            .delete()
            .rewrites()
            .map(|rewrite| &rewrite.documents)
            .map(|rewrite| (rewrite.to().0.to_string(), rewrite.from.digest.to_string()))
            .collect();
        let lacked = |name: &str, digest: &str| {
            let digest = before.get(digest).map_or(digest, String::as_str);
            let kept = self.plan.keep().iter().filter(|kept| kept.kind == Kind::Ref);
            let same = kept.filter(|kept| kept.name == name && kept.digest.as_deref() == Some(digest));
            same.map(|kept| kept.missing_blobs).max().unwrap_or_default()
        };
        let broken = inventory.refs.iter().filter(|entry| {
            entry.sizes.missing_blobs > 0
                && entry.sizes.missing_blobs > lacked(&entry.name, &entry.digest().to_string())
        });
        Ok(broken.map(|entry| visible(&entry.name).into_owned()).collect())
    }

    fn conclude(&mut self, item: usize, outcome: Outcome) {
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

    fn object_target(&self, item: usize) -> Option<ObjectTarget> {
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
