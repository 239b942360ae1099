//! Proves that a plan may run in the store that it is about to change.
//!
//! A plan or journal from a file may have been written by anyone, on any machine, at any time.
//! `--apply`, `--resume` and `--undo` all pass through here before they change anything: [`admit`]
//! checks the plan's own data, and [`Proof::of`] lists the store again and decides about each item.
//! An item that does not match the listing exactly never reaches the code that deletes.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::live::{ProvenNeeds, needed_referrers, referred_by_others};
use super::options::{ExecuteError, ExecuteOptions};
use super::plan::{DeletionTarget, FreedBlobs, Plan, leaves_no_ref, ref_target};
use super::rewrite::Rewrite;
use crate::backend::{
    CacheEntryKind, CachePruner, ObjectName, ObjectTarget, OtherObject, Outcome, RefRewrite,
    RefTarget, SharedPruner, SharedReader, Skip, StoreEntry, blob_in_entry,
};
use crate::format::digest::Digest;
use crate::inventory::blobs::Blob;
use crate::inventory::scan::{self, ScanOptions};
use crate::inventory::{Inventory, RefEntry};
use crate::retention::{Policy, SharedBlobs, decide, facts};
use crate::text::escape::visible;

/// How far ahead of this machine's clock a plan may be dated.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The purpose of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The items are about to be deleted.
    Delete,
    /// Deleted items are about to be restored; a wrong clock must not prevent that.
    Restore,
}

/// Checks a plan's own data: the location of its store, and its creation time.
///
/// # Errors
/// Fails if the plan is for another store, is dated in the future, or is older than the user
/// allows.
pub(super) async fn admit(
    pruner: &dyn CachePruner,
    plan: &Plan,
    options: &ExecuteOptions<'_>,
    purpose: Purpose,
) -> Result<(), ExecuteError> {
    let found = pruner.place().await?;
    if found != *plan.place() {
        return Err(ExecuteError::OtherStore {
            planned: visible(&plan.place().to_string()).into_owned(),
            found: visible(&found.to_string()).into_owned(),
        });
    }
    if purpose == Purpose::Restore {
        return Ok(());
    }
    let now = Timestamp::now();
    let age = now.duration_since(plan.created());
    if age < -CLOCK_TOLERANCE {
        return Err(ExecuteError::Future {
            created: plan.created(),
            now,
        });
    }
    match options.max_plan_age {
        Some(limit) if age > limit => Err(ExecuteError::TooOld { age, limit }),
        _ => Ok(()),
    }
}

/// The result of comparing a plan with a new listing of the store.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// For each item, why it must not be deleted. Empty for a plan that this process made, because
    /// that was proved against its own listing.
    verdicts: Vec<Option<Outcome>>,
    /// What is needed although no ref reaches it.
    pub(super) needs: ProvenNeeds,
}

impl Proof {
    /// Lists the store again if `plan` was read from a file, and decides about each item.
    ///
    /// # Errors
    /// Fails if the store cannot be listed, or if the plan would delete the last ref without having
    /// declared that to the person who confirmed it.
    pub(super) async fn of(
        pruner: &SharedPruner,
        plan: &Plan,
        scan_options: &ScanOptions,
        policy: &Policy,
    ) -> Result<Self, ExecuteError> {
        if !plan.is_loaded() {
            return Ok(Self::default());
        }
        let reader: SharedReader = pruner.clone();
        let inventory = scan::scan(&reader, scan_options, |_| ())
            .await
            .map_err(ExecuteError::Proof)?;
        let facts = pruner.facts().await;
        let free = facts.free_bytes;
        let settling = facts.capabilities.settling;
        let shared = referred_by_others(&*reader, &inventory, scan_options, |_| false)
            .await
            .map_err(ExecuteError::Mark)?;
        let listing = ProofListing::new(&inventory, plan, policy, free, settling);
        let verdicts: Vec<Option<Outcome>> = plan
            .delete()
            .iter()
            .map(|item| listing.verdict(&item.target))
            .collect();
        if listing.loses_every_ref(&verdicts) && !plan.drops_every_ref() {
            return Err(ExecuteError::LastRef);
        }
        // Referrers of a deleted ref are deleted with it if its blobs are deleted at once.
        let items = plan.delete().refs().zip(&verdicts);
        let going: HashSet<&RefTarget> = items
            .filter(|(_, verdict)| verdict.is_none())
            .map(|(target, _)| target)
            .collect();
        let stays = |entry: &RefEntry| {
            plan.freed_blobs() == FreedBlobs::Wait
                || ref_target(entry).is_none_or(|target| !going.contains(&target))
        };
        let needed = needed_referrers(&inventory, shared.referrers, stays);
        Ok(Self {
            verdicts,
            needs: ProvenNeeds {
                blobs: needed,
                undetermined: shared.unreadable,
            },
        })
    }

    /// Returns why an item must not be deleted; `None` if it may be.
    pub(super) fn verdict(&self, item: usize) -> Option<&Outcome> {
        self.verdicts.get(item)?.as_ref()
    }

    /// Returns whether the listing contains no object with the item's name.
    pub(super) fn is_absent(&self, item: usize) -> bool {
        self.verdict(item) == Some(&Outcome::AlreadyGone)
    }
}

/// A new listing, arranged for looking up items.
struct ProofListing<'a> {
    inventory: &'a Inventory,
    plan: &'a Plan,
    now: Timestamp,
    /// The minimum age of a blob since its last write.
    blob_grace: SignedDuration,
    partial: HashMap<&'a str, &'a OtherObject>,
    entries: HashMap<&'a str, &'a StoreEntry>,
    refs: HashMap<RefKey, usize>,
    names: HashSet<&'a str>,
    protected_refs: Vec<bool>,
    /// The entries that a rule protects: their names, and the blobs that they are.
    protected_entries: HashSet<ObjectName>,
}

impl<'a> ProofListing<'a> {
    fn new(
        inventory: &'a Inventory,
        plan: &'a Plan,
        policy: &Policy,
        free: Option<u64>,
        settling: SignedDuration,
    ) -> Self {
        let now = Timestamp::now();
        let protected = protected(inventory, plan, policy, free, now);
        let (refs, entries) = protected.split_at(inventory.refs.len().min(protected.len()));
        Self {
            inventory,
            plan,
            now,
            blob_grace: plan.grace().saturating_add(settling),
            partial: inventory
                .partial
                .iter()
                .map(|object| (object.name.as_str(), object))
                .collect(),
            entries: inventory
                .entries
                .iter()
                .map(|entry| (entry.name.as_str(), entry))
                .collect(),
            refs: inventory
                .refs
                .iter()
                .enumerate()
                .filter_map(|(place, entry)| Some((key(&ref_target(entry)?), place)))
                .collect(),
            names: inventory
                .refs
                .iter()
                .filter(|entry| entry.tagged)
                .flat_map(RefEntry::names)
                .collect(),
            protected_refs: refs.to_vec(),
            protected_entries: inventory
                .entries
                .iter()
                .zip(entries)
                .filter(|(_, protected)| **protected)
                .flat_map(|(entry, _)| names_of(entry))
                .collect(),
        }
    }

    /// Returns whether the items that may be deleted include every ref.
    fn loses_every_ref(&self, verdicts: &[Option<Outcome>]) -> bool {
        let items = self.plan.delete().refs().zip(verdicts);
        let deleted: HashSet<RefKey> = items
            .filter(|(_, verdict)| verdict.is_none())
            .map(|(target, _)| key(target))
            .collect();
        leaves_no_ref(self.inventory, |target| deleted.contains(&key(target)))
    }

    /// Returns why an item must not be deleted; `None` if it may be.
    fn verdict(&self, target: &DeletionTarget) -> Option<Outcome> {
        match target {
            DeletionTarget::Ref(target) => self.of_ref(target),
            DeletionTarget::Rewrite(rewrite) => self.of_rewrite(rewrite),
            DeletionTarget::Object(object) => self.of_object(object),
        }
    }

    fn of_ref(&self, planned: &RefTarget) -> Option<Outcome> {
        let Some(place) = self.refs.get(&key(planned)).copied() else {
            let mut names = planned.names.iter();
            return Some(if names.any(|name| self.names.contains(name.as_str())) {
                Outcome::Skipped(Skip::Changed)
            } else {
                Outcome::AlreadyGone
            });
        };
        if self.protected_refs.get(place).copied().unwrap_or(true) {
            return Some(Outcome::Skipped(Skip::Protected));
        }
        let entry = self.inventory.refs.get(place)?;
        // A ref whose manifest is gone is no use to any build.
        if self.plan.not_fixed().is_some() && entry.is_gone() {
            return None;
        }
        let changed: Option<Timestamp> = entry.created.map(|(time, _)| time).max(entry.modified);
        let is_young = changed.is_none_or(|time| self.is_younger(time, self.plan.grace()));
        is_young.then_some(Outcome::Skipped(Skip::Young))
    }

    /// A ref that already points to the new documents was rewritten by the run that is resumed.
    fn of_rewrite(&self, rewrite: &Rewrite) -> Option<Outcome> {
        let planned: &RefRewrite = &rewrite.documents;
        let rewritten = RefTarget {
            digest: planned.to().0,
            ..planned.from.clone()
        };
        if self.refs.contains_key(&key(&rewritten)) {
            return Some(Outcome::AlreadyGone);
        }
        match self.of_ref(&planned.from) {
            // A repair drops only results that no build can use.
            Some(Outcome::Skipped(Skip::Young)) if !rewrite.fixes.is_empty() => None,
            outcome => outcome,
        }
    }

    fn of_object(&self, planned: &ObjectTarget) -> Option<Outcome> {
        let is_same = |object: &OtherObject| {
            (object.size, object.modified) == (planned.size, Some(planned.modified))
        };
        if self.protected_entries.contains(&planned.name) {
            return Some(Outcome::Skipped(Skip::Protected));
        }
        let found = match &planned.name {
            ObjectName::Blob(digest) => {
                let blob = self.inventory.blobs.find(digest);
                let blob = blob.map(|id| self.inventory.blobs.get(id));
                let stored = blob.filter(Blob::is_stored);
                stored.map(|blob| {
                    (blob.size(), blob.modified()) == (Some(planned.size), Some(planned.modified))
                })
            }
            ObjectName::Partial(name) => {
                self.partial.get(name.as_str()).map(|found| is_same(found))
            }
            ObjectName::Trashed(name) => {
                self.inventory.trash.find(name).map(|found| is_same(&found))
            }
            ObjectName::Entry(name) => self.entries.get(name.as_str()).map(|entry| {
                (entry.size, entry.touched()) == (planned.size, planned.modified)
                    && !self.is_reached(name)
            }),
        };
        let is_blob = matches!(planned.name, ObjectName::Blob(_));
        match found {
            None => Some(Outcome::AlreadyGone),
            Some(false) => Some(Outcome::Skipped(Skip::Changed)),
            Some(true) if is_blob && self.is_younger(planned.modified, self.blob_grace) => {
                Some(Outcome::Skipped(Skip::Young))
            }
            Some(true) => None,
        }
    }

    /// Returns whether a ref reaches the blob of an entry.
    fn is_reached(&self, entry: &str) -> bool {
        let blob = blob_in_entry(entry).and_then(|digest| self.inventory.blobs.find(&digest));
        blob.is_some_and(|id| self.inventory.blobs.get(id).refs() > 0)
    }

    fn is_younger(&self, time: Timestamp, grace: SignedDuration) -> bool {
        // A plan may be dated slightly ahead of this clock.
        let age = self
            .now
            .duration_since(time)
            .saturating_add(CLOCK_TOLERANCE);
        age.max(SignedDuration::ZERO) < grace
    }
}

/// Returns, for each ref and then for each entry, whether a rule protects it now. A rule with a
/// source name matches both the name in the plan and the name of the store itself, so that the file
/// cannot bypass it.
fn protected(
    inventory: &Inventory,
    plan: &Plan,
    policy: &Policy,
    free: Option<u64>,
    now: Timestamp,
) -> Vec<bool> {
    let own = plan.place().source();
    let mut protected = vec![false; inventory.refs.len() + inventory.entries.len()];
    for source in [plan.source(), &own] {
        let facts = facts(inventory, source);
        let mut store = SharedBlobs::new(inventory, free);
        let verdicts = decide(policy, &facts, now, &mut store);
        for (protected, verdict) in protected.iter_mut().zip(&verdicts.refs) {
            *protected |= verdict.is_protected();
        }
    }
    protected
}

/// Returns the names by which a plan may delete an entry.
fn names_of(entry: &StoreEntry) -> impl Iterator<Item = ObjectName> {
    let blob = match entry.kind {
        CacheEntryKind::Blob(digest) => Some(ObjectName::Blob(digest)),
        _ => None,
    };
    std::iter::once(ObjectName::Entry(entry.name.clone())).chain(blob)
}

/// The identity of a ref in a plan: its names and its digest.
type RefKey = (Vec<String>, Digest);

fn key(target: &RefTarget) -> RefKey {
    (target.names.clone(), target.digest)
}
