//! All that a plan follows from, gathered once, so that variants of the plan can be made and proved from the same facts.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::live::{MarkError, needed_beside};
use super::plan::{FreedBlobs, Plan, PlanError, Planning, RecentlyDropped, Target, ref_target};
use super::records::{self, Rewrites};
use crate::backend::{Capabilities, DeletionCost, Disposal, SharedReader, WayBack};
use crate::explain::evidence::Evidence;
use crate::inventory::scan::{ScanError, ScanOptions};
use crate::inventory::{Inventory, RefEntry};
use crate::retention::{Policy, SharedBlobs, Verdicts, decide, facts};

/// All that a plan follows from, but for what a person chooses while looking at it.
#[derive(Debug)]
pub struct Draft {
    source: String,
    place: String,
    inventory: Arc<Inventory>,
    verdicts: Verdicts,
    recent: RecentlyDropped,
    rewrites: Rewrites,
    capabilities: Capabilities,
    cost: Option<DeletionCost>,
    policy: Policy,
    policy_text: String,
    now: Timestamp,
}

/// What a person chooses while looking at a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// What becomes of blobs when the refs go that reached them.
    pub freed_blobs: FreedBlobs,
    /// What is left out.
    pub spared: HashSet<Target>,
}

impl Draft {
    /// Returns how long blobs are left alone on top of the grace, since builds may rely on them without naming them.
    pub fn settling(&self) -> SignedDuration {
        self.capabilities.settling
    }

    /// Returns what a run of its plan can put back.
    pub fn way_back(&self) -> WayBack {
        self.capabilities.way_back
    }

    /// Judges what a scan of `reader` found, and asks the store for the rest; `source` is its name as it was given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn gather(
        reader: &SharedReader,
        inventory: Arc<Inventory>,
        source: &str,
        policy: Policy,
        options: &ScanOptions,
        now: Timestamp,
    ) -> Result<Self, MarkError> {
        let free = reader.free_bytes().await;
        let verdicts = judge(&inventory, source, &policy, free, now);
        let recent = needed_beside(&**reader, &inventory, options, policy.grace, now).await?;
        let evidence = Evidence::default();
        let rewrites = records::gather(&**reader, &inventory, &verdicts, &policy, &evidence, now).await;
        let place = reader.place().await.map_err(ScanError::Backend)?;
        let (capabilities, cost) = (reader.capabilities().await, reader.cost().await);
        let (source, policy_text) = (source.to_owned(), policy.to_string());
        Ok(Self { source, place, inventory, verdicts, recent, rewrites, capabilities, cost, policy, policy_text, now })
    }

    /// Makes the plan; deleted objects go into the trash.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn plan(&self, choices: &Choices) -> Result<Plan, PlanError> {
        Ok(Plan::new(&self.planning(choices))?.at_cost(self.cost))
    }

    /// Returns what the plan is made from.
    pub fn planning<'a>(&'a self, choices: &'a Choices) -> Planning<'a> {
        Planning {
            source: &self.source,
            place: &self.place,
            inventory: &self.inventory,
            verdicts: &self.verdicts,
            recent: &self.recent,
            capabilities: &self.capabilities,
            policy: &self.policy,
            policy_text: &self.policy_text,
            now: self.now,
            freed_blobs: choices.freed_blobs,
            disposal: match self.capabilities.way_back {
                WayBack::Trash => Disposal::Trash,
                WayBack::Part(_) | WayBack::None => Disposal::AtOnce,
            },
            rewrites: &self.rewrites,
            spared: &choices.spared,
        }
    }

    /// Returns the refs that are not meant, so that they can be left out.
    pub fn refs_but(&self, is_meant: impl Fn(&RefEntry) -> bool) -> HashSet<Target> {
        let others = self.inventory.refs.iter().filter(|entry| !is_meant(entry));
        others.filter_map(ref_target).map(Target::Ref).collect()
    }

    /// Returns what the store holds.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }
}

/// Decides about the refs of a source, of whose file system `free` bytes are free.
pub fn judge(inventory: &Inventory, source: &str, policy: &Policy, free: Option<u64>, now: Timestamp) -> Verdicts {
    decide(policy, &facts(inventory, source), now, &mut SharedBlobs::new(inventory, free))
}
