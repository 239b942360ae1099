//! Undoes a run: restores everything still in the trash, objects first and refs after them.

use std::collections::HashMap;

use super::journal::{Journal, JournalContent};
use super::live::{Live, ProvenNeeds};
use super::options::{ExecuteError, ExecuteOptions, RunStep};
use super::plan::{DeletionTarget, ItemReason, Plan, StoreReason};
use super::proof::{self, Purpose};
use crate::backend::ListedRef;
use crate::backend::{
    CachePruner, ObjectName, Outcome, PruneError, RefRewrite, RefTarget, SharedPruner,
    SharedReader, Skip,
};
use crate::format::digest::Digest;
use crate::inventory::Inventory;
use crate::inventory::blobs::BlobId;
use crate::inventory::scan::{self, ScanOptions};

/// Why nothing can be restored in a store without a trash or versions.
const KEEPS_NOTHING: &str = "the store keeps nothing that was deleted";

/// Restores the deletions of the run of `history`, as far as the trash still has them; returns the
/// outcome for each item that it had deleted.
///
/// # Errors
/// Fails if it could not start. An item that cannot be restored is not an error.
pub async fn undo(
    pruner: &SharedPruner,
    history: &JournalContent,
    journal: &mut Journal,
    options: &ExecuteOptions<'_>,
) -> Result<Vec<(usize, Outcome)>, ExecuteError> {
    proof::admit(&**pruner, &history.plan, options, Purpose::Restore).await?;
    let abilities = pruner.prune_abilities();
    let lease = abilities.take_lease().await?;
    let results = undo_with_lease(pruner, history, journal, options).await;
    abilities.release(lease).await;
    results
}

async fn undo_with_lease(
    pruner: &SharedPruner,
    history: &JournalContent,
    journal: &mut Journal,
    options: &ExecuteOptions<'_>,
) -> Result<Vec<(usize, Outcome)>, ExecuteError> {
    let deleted = DeletedItems::of(history);
    deleted.check_store(&**pruner)?;
    let mut undo = UndoRun {
        pruner,
        plan: &history.plan,
        journal,
        options,
        results: Vec::new(),
    };
    // A stopped undo does not restore refs, because they need all of the objects.
    if !undo.restore_objects(deleted.objects).await? {
        return Ok(undo.results);
    }
    if !deleted.refs.is_empty() || !deleted.rewritten.is_empty() || !deleted.fixed.is_empty() {
        let lacking = LackingBlobs::of(pruner, options).await?;
        undo.restore_refs(deleted.refs, &lacking).await?;
        undo.restore_rewritten(deleted.rewritten, deleted.fixed, &lacking)
            .await?;
    }
    if pruner.prune_abilities().watch.is_some() {
        restore_named(pruner, undo.plan, options).await?;
    }
    let abilities = pruner.prune_abilities();
    abilities.settle(jiff::Timestamp::MIN).await?;
    Ok(undo.results)
}

/// The items that a run deleted or was about to delete, by how they are restored.
#[derive(Default)]
struct DeletedItems {
    refs: Items<RefTarget>,
    rewritten: Items<RefRewrite>,
    /// Refs that a repair wrote.
    fixed: Items<RefRewrite>,
    objects: Items<ObjectName>,
}

impl DeletedItems {
    fn of(history: &JournalContent) -> Self {
        let mut deleted = Self::default();
        for (item, deletion) in history.plan.delete().iter().enumerate() {
            // An item that was about to be deleted may be deleted; if not, it is found in its
            // place.
            if history.outcomes[item] != Some(Outcome::Done)
                && !(history.outcomes[item].is_none() && history.begun[item])
            {
                continue;
            }
            match deletion.into_owned().target {
                DeletionTarget::Ref(target) => deleted.refs.push((item, target)),
                DeletionTarget::Rewrite(rewrite) if rewrite.fixes.is_empty() => {
                    deleted.rewritten.push((item, rewrite.documents));
                }
                DeletionTarget::Rewrite(rewrite) => deleted.fixed.push((item, rewrite.documents)),
                DeletionTarget::Object(object) => deleted.objects.push((item, object.name)),
            }
        }
        deleted
    }
}

impl DeletedItems {
    /// Checks that the store can restore some of the items, if there are any.
    ///
    /// # Errors
    /// Fails if it keeps nothing of them.
    fn check_store(&self, pruner: &dyn CachePruner) -> Result<(), PruneError> {
        let store = pruner.prune_abilities();
        let has_rewritten = !self.rewritten.is_empty() || !self.fixed.is_empty();
        let kinds = [
            (!self.refs.is_empty(), store.restore_refs.is_some()),
            (!self.objects.is_empty(), store.restore_objects.is_some()),
            (has_rewritten, store.rewrite.is_some()),
        ];
        let mut present = kinds.iter().filter(|(has_items, _)| *has_items).peekable();
        if present.peek().is_some() && present.all(|(_, is_kept)| !is_kept) {
            return Err(PruneError::Refused(KEEPS_NOTHING.to_owned()));
        }
        Ok(())
    }
}

/// An undo, with the outcomes so far.
struct UndoRun<'a> {
    pruner: &'a SharedPruner,
    plan: &'a Plan,
    journal: &'a mut Journal,
    options: &'a ExecuteOptions<'a>,
    results: Vec<(usize, Outcome)>,
}

impl UndoRun<'_> {
    /// Restores objects; returns whether all of them were tried.
    async fn restore_objects(&mut self, objects: Items<ObjectName>) -> Result<bool, ExecuteError> {
        for batch in objects.chunks(self.options.batch.max(1)) {
            if self.options.cancel.is_cancelled() {
                return Ok(false);
            }
            let names = batch.iter().map(|(_, name)| name.clone()).collect();
            let outcomes = match self.pruner.prune_abilities().restore_objects {
                Some(store) => store.restore_objects(self.plan.id(), names).await,
                None => vec![Outcome::Failed(KEEPS_NOTHING.to_owned()); batch.len()],
            };
            self.note(batch.iter().map(|(item, _)| *item).zip(outcomes))?;
        }
        Ok(true)
    }

    async fn restore_refs(
        &mut self,
        refs: Items<RefTarget>,
        lacking: &LackingBlobs,
    ) -> Result<(), ExecuteError> {
        if refs.is_empty() {
            return Ok(());
        }
        // A repair deleted them because their manifests were gone already.
        let gone = ItemReason::from(StoreReason::ManifestMissing);
        let is_gone = |item: usize| self.plan.delete().at(item).reasons.contains(&gone);
        let (gone, refs): (Items<RefTarget>, Items<RefTarget>) =
            refs.into_iter().partition(|(item, _)| is_gone(*item));
        let (mut complete, incomplete) = lacking.split(refs, |target| target);
        complete.extend(gone);
        let targets = complete.iter().map(|(_, target)| target.clone()).collect();
        let outcomes = match self.pruner.prune_abilities().restore_refs {
            Some(store) => store.restore_refs(self.plan.id(), targets).await?,
            None => vec![Outcome::Failed(KEEPS_NOTHING.to_owned()); complete.len()],
        };
        self.note(incomplete)?;
        self.note(complete.into_iter().map(|(item, _)| item).zip(outcomes))
    }

    async fn restore_rewritten(
        &mut self,
        rewritten: Items<RefRewrite>,
        fixed: Items<RefRewrite>,
        lacking: &LackingBlobs,
    ) -> Result<(), ExecuteError> {
        if rewritten.is_empty() && fixed.is_empty() {
            return Ok(());
        }
        let (mut complete, incomplete) = lacking.split(rewritten, |rewrite| &rewrite.from);
        // A repaired ref may lack blobs that it lacked before.
        complete.extend(fixed);
        let targets = complete.iter().map(|(_, target)| target.clone()).collect();
        let outcomes = match self.pruner.prune_abilities().rewrite {
            Some(store) => store.restore_rewritten(self.plan.id(), targets).await?,
            None => vec![Outcome::Skipped(Skip::Unsupported); complete.len()],
        };
        self.note(incomplete)?;
        self.note(complete.into_iter().map(|(item, _)| item).zip(outcomes))
    }

    /// Records outcomes in the journal.
    fn note(
        &mut self,
        outcomes: impl IntoIterator<Item = (usize, Outcome)>,
    ) -> Result<(), ExecuteError> {
        for (item, outcome) in outcomes {
            let name = self.plan.delete().at(item).target.name();
            self.journal.undo(item, name, outcome.clone())?;
            (self.options.observe)(RunStep::Concluded(item, &outcome));
            self.results.push((item, outcome));
        }
        Ok(self.journal.sync()?)
    }
}

/// Restores the blobs in the trash that a ref references, regardless of the run that deleted them:
/// a restored manifest may reference further blobs.
async fn restore_named(
    pruner: &SharedPruner,
    plan: &Plan,
    options: &ExecuteOptions<'_>,
) -> Result<(), ExecuteError> {
    let scan = ScanOptions {
        concurrency: options.concurrency,
        cancel: options.cancel.clone(),
    };
    loop {
        let live = Live::mark(&**pruner, &scan, plan, &ProvenNeeds::default()).await?;
        let restored = match pruner.prune_abilities().trash {
            Some(store) => store.restore_blobs(live.blobs).await?,
            None => return Ok(()),
        };
        if restored.is_empty() {
            return Ok(());
        }
    }
}

/// Items of a plan, each with its subject.
type Items<T> = Vec<(usize, T)>;

/// The numbers of blobs that the deleted refs, as far as the store remembers them, reference and
/// that are not stored.
struct LackingBlobs(HashMap<(Vec<String>, Digest), usize>);

impl LackingBlobs {
    /// Lists the store, and reads the deleted refs.
    async fn of(pruner: &SharedPruner, options: &ExecuteOptions<'_>) -> Result<Self, ExecuteError> {
        let scan_options = ScanOptions {
            concurrency: options.concurrency,
            cancel: options.cancel.clone(),
        };
        let reader: SharedReader = pruner.clone();
        let stored = scan::scan(&reader, &scan_options, |_| ()).await?;
        let dropped: Vec<ListedRef> = pruner
            .abilities()
            .dropped_refs()
            .await?
            .into_iter()
            .map(|dropped| dropped.listed_ref)
            .collect();
        let named = scan::named(&**pruner, &dropped, &scan_options).await?;
        let mut lacking = HashMap::new();
        for (listed_ref, entry) in dropped.into_iter().zip(named.refs.iter()) {
            let lacks = entry.reach.iter();
            let lacks = lacks.filter(|blob| !is_stored(&stored, &named, **blob));
            if let Some(digest) = listed_ref.descriptor.digest.valid() {
                // Several runs may have deleted the same ref.
                lacking.insert((listed_ref.names, digest), lacks.count());
            }
        }
        Ok(Self(lacking))
    }

    /// Separates refs that are complete from the others. A ref that references deleted blobs would
    /// break the builds that import it, and is not restored.
    fn split<T>(
        &self,
        refs: Items<T>,
        target: impl Fn(&T) -> &RefTarget,
    ) -> (Items<T>, Items<Outcome>) {
        let mut complete = Vec::new();
        let mut incomplete = Vec::new();
        for (item, what) in refs {
            let RefTarget { names, digest, .. } = target(&what);
            let lacking = self.0.get(&(names.clone(), *digest)).copied();
            let blobs = match lacking.unwrap_or_default() {
                0 => {
                    complete.push((item, what));
                    continue;
                }
                1 => "1 blob that is".to_owned(),
                count => format!("{count} blobs that are"),
            };
            let why = format!("it references {blobs} not stored");
            incomplete.push((item, Outcome::Failed(why)));
        }
        (complete, incomplete)
    }
}

fn is_stored(stored: &Inventory, named: &Inventory, blob: BlobId) -> bool {
    let digest = named.blobs.get(blob).digest();
    stored
        .blobs
        .find(&digest)
        .is_some_and(|id| stored.blobs.get(id).is_stored())
}
