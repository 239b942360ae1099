//! The fate of each ref, each blob and each other object.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{
    DeletionTarget, FreedBlobs, ItemReason, NamedRefs, PlanWarning, Planning, StoreReason, age,
    ref_target,
};
use crate::backend::WithheldReason;
use crate::backend::{
    CacheEntryKind, ObjectName, ObjectTarget, RefTarget, StoreEntry, Support, Totals,
};
use crate::format::digest::Digest;
use crate::inventory::blobs::{Blob, BlobId};
use crate::inventory::{Inventory, RefEntry, StoreWarning};
use crate::retention::{Reason, Verdict};

/// The fate of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefFate {
    Keep(Vec<ItemReason>),
    Delete(RefTarget, Vec<ItemReason>),
}

impl RefFate {
    fn goes(&self) -> Option<&RefTarget> {
        match self {
            Self::Delete(target, _) => Some(target),
            Self::Keep(_) => None,
        }
    }
}

/// The refs that reach a blob. The greatest variant counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    /// Refs that an earlier prune deleted less than the grace period ago.
    Recent,
    /// Deleted refs.
    Dropped,
    /// A kept ref.
    Kept,
}

/// The fate of a blob. Only [`BlobFate::Delete`] and [`BlobFate::Ruled`] are deletions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobFate {
    /// Referenced and not stored: there is nothing to delete.
    Missing,
    /// Kept: a kept ref reaches it.
    Live,
    /// Waits: only refs that are deleted, or were deleted within the grace period, reach it.
    Waits,
    /// Left to the store: only deleted refs reach it, and a registry frees space by itself.
    Collected,
    /// Kept: it was written too recently.
    WithinGrace,
    /// Kept: its age is unknown.
    UnknownAge,
    /// Kept: an unreadable ref may reference it.
    Undetermined,
    /// Kept until the trash has been restored, because restored blobs may reference it.
    AwaitsRestore,
    /// Kept: it is stored in a way that cannot be deleted safely.
    Unsupported,
    /// Kept: a person has excluded it.
    Excluded,
    /// Kept: it is an entry that a rule protects.
    Protected,
    /// Deleted as an entry, by a rule that names its kind.
    Ruled,
    /// Deleted: no ref reaches it, and none did when the plan was made.
    Delete,
}

impl BlobFate {
    /// The fates of blobs that stay although no kept ref reaches them.
    pub const HELD: [Self; 9] = [
        Self::Waits,
        Self::Collected,
        Self::WithinGrace,
        Self::UnknownAge,
        Self::Undetermined,
        Self::AwaitsRestore,
        Self::Unsupported,
        Self::Excluded,
        Self::Protected,
    ];

    /// Returns the explanation for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "referenced but not stored",
            Self::Live => "reached from a kept ref",
            Self::Waits => "freed by deleted refs; a later run deletes them after the grace",
            Self::Collected => "freed by deleted refs; the registry's own collection deletes them",
            Self::WithinGrace => "written within the grace",
            Self::UnknownAge => "of unknown age",
            Self::Undetermined => "a ref that cannot be read may reference them",
            Self::AwaitsRestore => "something that is restored first may reference them",
            Self::Unsupported => "cannot be deleted safely here",
            Self::Excluded => "excluded by hand",
            Self::Protected => "a rule protects them",
            Self::Ruled => "a rule deletes them",
            Self::Delete => "no ref reaches them",
        }
    }
}

/// The fates of everything in a store.
#[derive(Debug)]
pub struct Judged {
    /// In the order of the blob table.
    pub(super) blobs: Vec<BlobFate>,
    /// The blobs that wait because the plan deletes the last refs that reach them.
    pub(super) dropped: Totals,
    /// Blobs in the trash that a ref references and the store does not hold.
    pub(super) restored: Vec<Digest>,
    /// Whether a document that may reference blobs could not be read.
    pub(super) undetermined: bool,
}

impl Judged {
    /// Judges everything, refs first; returns the fates of the refs, in the inventory's order, and
    /// the rest.
    pub(super) fn with_refs(planning: &Planning<'_>) -> (Vec<RefFate>, Self) {
        let inventory = planning.inventory;
        let refs = judge_refs(planning);
        let reached = reached(planning, &refs);
        let restored = inventory.awaited_from_trash();
        let undetermined = inventory
            .refs
            .iter()
            .any(|entry| is_undetermined(inventory, entry, &restored))
            || planning.recent.unreadable
            || inventory.warnings.contains(&StoreWarning::KeepsChanging);
        let hold = match &planning.capabilities.delete_object {
            Support::No(_) => Some(BlobFate::Unsupported),
            Support::Yes if undetermined => Some(BlobFate::Undetermined),
            Support::Yes if !restored.is_empty() => Some(BlobFate::AwaitsRestore),
            Support::Yes => None,
        };
        let blobs = inventory
            .blobs
            .iter()
            .zip(&reached)
            .map(|(blob, reached)| judge_blob(planning, blob, *reached, hold));
        let mut blobs: Vec<BlobFate> = blobs.collect();
        apply_rules(planning, &mut blobs);
        let dropped = inventory.blobs.iter().zip(&blobs).zip(&reached);
        let dropped = dropped.filter(|((_, fate), reached)| {
            matches!(fate, BlobFate::Waits | BlobFate::Collected) && **reached == Reached::Dropped
        });
        let judged = Self {
            dropped: dropped.map(|((blob, _), _)| blob.stored_size()).collect(),
            blobs,
            restored,
            undetermined,
        };
        (refs, judged)
    }

    /// Returns the fate of a blob of the inventory.
    pub fn of_blob(&self, blob: BlobId) -> Option<BlobFate> {
        self.blobs.get(blob.0 as usize).copied()
    }

    pub(super) fn tally(&self, inventory: &Inventory, fate: BlobFate) -> Totals {
        let of_fate = inventory
            .blobs
            .iter()
            .zip(&self.blobs)
            .filter(|(_, found)| **found == fate);
        of_fate.map(|(blob, _)| blob.stored_size()).collect()
    }

    pub(super) fn warnings(&self, planning: &Planning<'_>) -> Vec<PlanWarning> {
        let inventory = planning.inventory;
        let unreadable = inventory
            .refs
            .iter()
            .filter(|entry| is_undetermined(inventory, entry, &self.restored));
        let (withheld, unreadable): (Vec<_>, Vec<_>) =
            unreadable.partition(|entry| entry.withheld().is_some());
        let mut warnings = withheld_warnings(&withheld);
        let (unreadable, incomplete): (Vec<_>, Vec<_>) = unreadable
            .into_iter()
            .partition(|entry| entry.absent_manifests().is_empty());
        let names =
            |entries: Vec<&RefEntry>| NamedRefs::of(entries.iter().map(|entry| &*entry.name));
        warnings.extend(names(unreadable).map(PlanWarning::UnreadableRefs));
        warnings.extend(names(incomplete).map(PlanWarning::IncompleteRefs));
        if planning.recent.unreadable {
            warnings.push(PlanWarning::UnreadableOther);
        }
        if let Support::No(why) = &planning.capabilities.delete_object {
            warnings.push(PlanWarning::NoBlobDeletion { why: why.clone() });
        }
        if !self.restored.is_empty() {
            warnings.push(PlanWarning::RestoresFirst {
                blobs: self.restored.len(),
            });
        }
        warnings
    }
}

/// Returns a warning for each reason why the store withholds the content of refs.
fn withheld_warnings(withheld: &[&RefEntry]) -> Vec<PlanWarning> {
    let mut by_reason: BTreeMap<&WithheldReason, Vec<&RefEntry>> = BTreeMap::new();
    for entry in withheld {
        if let Some(why) = entry.withheld() {
            by_reason.entry(why).or_default().push(entry);
        }
    }
    let warning = |(why, entries): (&WithheldReason, Vec<&RefEntry>)| match entries[..] {
        [entry] => PlanWarning::WithheldRef {
            name: entry.name.clone(),
            why: why.clone(),
        },
        _ => PlanWarning::WithheldRefs {
            refs: entries.len(),
            why: why.clone(),
        },
    };
    by_reason.into_iter().map(warning).collect()
}

/// Returns whether a ref may reach more blobs than are known. Blobs that are restored from the
/// trash are read before any deletion. If the store does not list its blobs, no blob is deleted
/// that a manifest could reference.
fn is_undetermined(inventory: &Inventory, entry: &RefEntry, restored: &[Digest]) -> bool {
    let absent = entry.absent_manifests();
    let comes_back = absent
        .iter()
        .all(|digest| restored.binary_search(digest).is_ok());
    entry.is_unreadable() && (absent.is_empty() || !(comes_back || inventory.unlisted.is_some()))
}

/// Returns whether the only cause is a store that withholds the content of its refs.
pub(super) fn is_undetermined_by_withheld_only(planning: &Planning<'_>) -> bool {
    let inventory = planning.inventory;
    !planning.recent.unreadable
        && !inventory.warnings.contains(&StoreWarning::KeepsChanging)
        && inventory
            .refs
            .iter()
            .all(|entry| entry.withheld().is_some() || !entry.is_unreadable())
}

fn judge_refs(planning: &Planning<'_>) -> Vec<RefFate> {
    let entries = planning.inventory.refs.iter().zip(&planning.verdicts.refs);
    let mut fates: Vec<RefFate> = entries
        .map(|(entry, verdict)| {
            let reasons: Vec<ItemReason> = verdict
                .reasons()
                .iter()
                .cloned()
                .map(ItemReason::from)
                .collect();
            let target = ref_target(entry);
            match (verdict, target, &planning.capabilities.delete_ref) {
                (Verdict::Drop(_), Some(target), Support::Yes) => {
                    if planning
                        .excluded
                        .contains(&DeletionTarget::Ref(target.clone()))
                    {
                        RefFate::Keep(vec![StoreReason::Excluded.into()])
                    } else {
                        RefFate::Delete(target, reasons)
                    }
                }
                (Verdict::Drop(_), Some(_), Support::No(why)) => {
                    RefFate::Keep(vec![StoreReason::Unsupported { why: why.clone() }.into()])
                }
                (Verdict::Drop(_), None, _) => RefFate::Keep(vec![Reason::Unreadable.into()]),
                (Verdict::Keep(_) | Verdict::Undecided(_), _, _) => RefFate::Keep(reasons),
            }
        })
        .collect();
    // The store does not distinguish equal entries, so one kept entry keeps all of them.
    let going: HashSet<&RefTarget> = fates.iter().filter_map(RefFate::goes).collect();
    let stay = planning
        .inventory
        .refs
        .iter()
        .zip(&fates)
        .filter(|(_, fate)| fate.goes().is_none());
    let same: HashSet<RefTarget> = stay
        .filter_map(|(entry, _)| ref_target(entry))
        .filter(|target| going.contains(target))
        .collect();
    for fate in &mut fates {
        if fate.goes().is_some_and(|target| same.contains(target)) {
            *fate = RefFate::Keep(vec![StoreReason::SameAsKept.into()]);
        }
    }
    fates
}

fn reached(planning: &Planning<'_>, refs: &[RefFate]) -> Vec<Reached> {
    let inventory = planning.inventory;
    let mut reached = vec![Reached::Nothing; inventory.blobs.len()];
    let mut mark = |blob: BlobId, by: Reached| {
        if let Some(reached) = reached.get_mut(blob.0 as usize) {
            *reached = by.max(*reached);
        }
    };
    let recent = planning
        .recent
        .blobs
        .iter()
        .filter_map(|digest| inventory.blobs.find(digest));
    recent.for_each(|blob| mark(blob, Reached::Recent));
    let shared = planning
        .recent
        .shared
        .iter()
        .filter_map(|digest| inventory.blobs.find(digest));
    shared.for_each(|blob| mark(blob, Reached::Kept));
    for (entry, fate) in inventory.refs.iter().zip(refs) {
        let by = match fate {
            RefFate::Keep(_) => Reached::Kept,
            RefFate::Delete(..) => Reached::Dropped,
        };
        entry.reach.iter().for_each(|blob| mark(*blob, by));
    }
    share_fates(planning, &mut reached);
    reached
}

/// Gives a referrer the fate of its subject, also for referrers of referrers.
fn share_fates(planning: &Planning<'_>, reached: &mut [Reached]) {
    let blobs = &planning.inventory.blobs;
    let find = |digest: &Digest| blobs.find(digest).map(|id| id.0 as usize);
    let mut has_changed = true;
    while has_changed {
        has_changed = false;
        for referrer in &planning.recent.referrers {
            let Some(by) = find(&referrer.subject).and_then(|id| reached.get(id).copied()) else {
                continue;
            };
            for id in referrer.blobs.iter().filter_map(find) {
                if let Some(found) = reached.get_mut(id)
                    && *found < by
                {
                    *found = by;
                    has_changed = true;
                }
            }
        }
    }
}

/// Applies the rules for entries to the blobs that are entries.
fn apply_rules(planning: &Planning<'_>, blobs: &mut [BlobFate]) {
    let inventory = planning.inventory;
    let verdicts = planning.verdicts.refs.iter().skip(inventory.refs.len());
    let can_go = planning.capabilities.delete_object == Support::Yes;
    for (entry, verdict) in inventory.entries.iter().zip(verdicts) {
        let CacheEntryKind::Blob(digest) = entry.kind else {
            continue;
        };
        let blob = inventory.blobs.find(&digest);
        let Some(fate) = blob.and_then(|blob| blobs.get_mut(blob.0 as usize)) else {
            continue;
        };
        let is_ruled =
            can_go && verdict.is_drop() && !planning.excluded.contains(&entry_target(entry));
        if is_ruled && BlobFate::HELD.contains(fate) {
            *fate = BlobFate::Ruled;
        } else if verdict.is_protected() && *fate == BlobFate::Delete {
            *fate = BlobFate::Protected;
        }
    }
}

/// Returns an entry as a deletion target.
pub(super) fn entry_target(entry: &StoreEntry) -> DeletionTarget {
    DeletionTarget::Object(ObjectTarget {
        name: ObjectName::Entry(entry.name.clone()),
        size: entry.size,
        modified: entry.touched(),
    })
}

fn judge_blob(
    planning: &Planning<'_>,
    blob: Blob<'_>,
    reached: Reached,
    hold: Option<BlobFate>,
) -> BlobFate {
    if !blob.is_stored() {
        return BlobFate::Missing;
    }
    match (reached, planning.freed_blobs, hold, blob.modified()) {
        (Reached::Kept, ..) => BlobFate::Live,
        (Reached::Dropped | Reached::Recent, ..) if planning.inventory.unlisted.is_some() => {
            BlobFate::Collected
        }
        (Reached::Dropped | Reached::Recent, FreedBlobs::Wait, ..) => BlobFate::Waits,
        (_, _, Some(hold), _) => hold,
        (_, _, None, None) => BlobFate::UnknownAge,
        (_, _, None, Some(modified)) if age(modified, planning.now) < planning.blob_grace() => {
            BlobFate::WithinGrace
        }
        (_, _, None, _)
            if blob_target(blob).is_some_and(|target| {
                planning.excluded.contains(&DeletionTarget::Object(target))
            }) =>
        {
            BlobFate::Excluded
        }
        (Reached::Nothing, _, None, Some(_))
        | (Reached::Dropped | Reached::Recent, FreedBlobs::DeleteNow, None, Some(_)) => {
            BlobFate::Delete
        }
    }
}

/// Returns a blob as a deletion target; `None` if too little is known about it.
pub(super) fn blob_target(blob: Blob<'_>) -> Option<ObjectTarget> {
    Some(ObjectTarget {
        name: ObjectName::Blob(blob.digest()),
        size: blob.size()?,
        modified: blob.modified()?,
    })
}
