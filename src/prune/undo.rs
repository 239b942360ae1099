//! Takes a run back: what is still in the trash, objects first and refs after them.

use super::execute::{ExecuteError, Options, same_store};
use super::journal::{History, Journal};
use super::plan::{Plan, Target};
use crate::backend::{ObjectName, Outcome, RefTarget, SharedPruner, SharedReader};
use crate::format::layout::Root;
use crate::inventory::Inventory;
use crate::inventory::scan::{self, ScanOptions};

/// Puts back what the run of `history` deleted, as far as the trash still has it; returns what became of each item that
/// it had deleted.
///
/// # Errors
/// When it could not begin. An item that cannot be put back is no error.
pub async fn undo(
    pruner: &SharedPruner,
    history: &History,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Vec<(usize, Outcome)>, ExecuteError> {
    same_store(&**pruner, &history.plan).await?;
    let lease = pruner.lease().await?;
    let results = leased(pruner, history, journal, options).await;
    pruner.release().await;
    drop(lease);
    results
}

async fn leased(
    pruner: &SharedPruner,
    history: &History,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Vec<(usize, Outcome)>, ExecuteError> {
    let plan = &history.plan;
    let (mut refs, mut rewritten, mut objects) = (Vec::new(), Vec::new(), Vec::new());
    for (item, deletion) in plan.delete().iter().enumerate() {
        // What was about to go may have gone; what did not is found where it was.
        if history.outcomes[item] != Some(Outcome::Done) && !(history.outcomes[item].is_none() && history.begun[item]) {
            continue;
        }
        match deletion.into_owned().target {
            Target::Ref(target) => refs.push((item, target)),
            Target::Rewrite(rewrite) => rewritten.push((item, rewrite.documents)),
            Target::Object(object) => objects.push((item, object.name)),
        }
    }
    let mut results = Vec::new();
    let names: Vec<ObjectName> = objects.iter().map(|(_, name)| name.clone()).collect();
    let outcomes = pruner.restore_objects(plan.id(), names).await;
    let objects = objects.into_iter().map(|(item, _)| item).zip(outcomes);
    note(plan, journal, &mut results, objects)?;
    if !refs.is_empty() {
        let (whole, lacking) = whole(pruner, options, refs, |target| target).await?;
        let targets = whole.iter().map(|(_, target)| target.clone()).collect();
        let outcomes = pruner.restore_refs(plan.id(), targets).await?;
        note(plan, journal, &mut results, lacking)?;
        note(plan, journal, &mut results, whole.into_iter().map(|(item, _)| item).zip(outcomes))?;
    }
    if !rewritten.is_empty() {
        let (whole, lacking) = whole(pruner, options, rewritten, |rewrite| &rewrite.from).await?;
        let targets = whole.iter().map(|(_, target)| target.clone()).collect();
        let outcomes = pruner.restore_rewritten(plan.id(), targets).await?;
        note(plan, journal, &mut results, lacking)?;
        note(plan, journal, &mut results, whole.into_iter().map(|(item, _)| item).zip(outcomes))?;
    }
    pruner.settle(jiff::Timestamp::MIN).await?;
    Ok(results)
}

/// Says in the journal what became of items, before anything else is tried.
fn note(
    plan: &Plan,
    journal: &mut Journal,
    results: &mut Vec<(usize, Outcome)>,
    more: impl IntoIterator<Item = (usize, Outcome)>,
) -> Result<(), ExecuteError> {
    for (item, outcome) in more {
        journal.undo(item, plan.delete().at(item).target.name(), outcome.clone())?;
        results.push((item, outcome));
    }
    Ok(journal.sync()?)
}

/// Items of a plan, each with what it is about.
type Items<T> = Vec<(usize, T)>;

/// Tells the refs that are whole from those that are not: a ref that names what is gone would break the builds that import
/// it, and is not put back.
async fn whole<T>(
    pruner: &SharedPruner,
    options: &Options<'_>,
    refs: Items<T>,
    target: impl Fn(&T) -> &RefTarget,
) -> Result<(Items<T>, Items<Outcome>), ExecuteError> {
    let scan_options = ScanOptions { concurrency: options.concurrency, cancel: options.cancel.clone() };
    let reader: SharedReader = pruner.clone();
    let stored = scan::scan(&reader, &scan_options, |_| ()).await?;
    let dropped: Vec<Root> = pruner.dropped_refs().await?.into_iter().map(|dropped| dropped.root).collect();
    let named = scan::named(&**pruner, &dropped, &scan_options).await?;
    let lacks = |target: &RefTarget| {
        let entry = dropped
            .iter()
            .zip(named.refs.iter())
            .find(|(root, _)| root.names == target.names && root.descriptor.digest.valid() == Some(target.digest));
        entry.map_or(0, |(_, entry)| entry.reach.iter().filter(|blob| !is_stored(&stored, &named, **blob)).count())
    };
    let (mut whole, mut lacking) = (Vec::new(), Vec::new());
    for (item, what) in refs {
        match lacks(target(&what)) {
            0 => whole.push((item, what)),
            count => {
                let blobs = if count == 1 { "1 blob that is".to_owned() } else { format!("{count} blobs that are") };
                let why = format!("it names {blobs} not stored");
                lacking.push((item, Outcome::Failed(why)));
            }
        }
    }
    Ok((whole, lacking))
}

fn is_stored(stored: &Inventory, named: &Inventory, blob: crate::inventory::blobs::BlobId) -> bool {
    let digest = named.blobs.get(blob).digest();
    stored.blobs.find(&digest).is_some_and(|id| stored.blobs.get(id).is_stored())
}
