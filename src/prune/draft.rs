//! The input of a plan, gathered once, so that variants of the plan can be made and proved from the
//! same facts.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::live::{MarkError, blobs_needed_by_others};
use super::plan::{
    DeletionTarget, FreedBlobs, ItemKind, Judged, Plan, PlanError, Planning, RecentlyDropped,
    ref_target,
};
use super::records;
use super::repair::{self, Remedies, RepairInput};
use super::rewrite::{RewriteWarning, Rewrites, UnusableEvidence};
use crate::backend::{Capabilities, DeletionCost, Disposal, SharedReader, Undoability};
use crate::check::Finding;
use crate::explain::evidence::CacheEvidence;
use crate::format::digest::Digest;
use crate::inventory::scan::{ScanError, ScanOptions};
use crate::inventory::{Inventory, RefEntry, RefId};
use crate::retention::{Policy, SharedBlobs, Verdicts, decide, facts};
use crate::source::{Place, StoreKind};

/// The input of a plan, apart from the choices a person makes while viewing it.
#[derive(Debug)]
pub struct Draft {
    source: String,
    place: Place,
    inventory: Arc<Inventory>,
    verdicts: Verdicts,
    recent: RecentlyDropped,
    rewrites: Rewrites,
    capabilities: Capabilities,
    cost: Option<DeletionCost>,
    settles: bool,
    policy: Policy,
    policy_text: String,
    now: Timestamp,
}

/// What a plan is made for.
#[derive(Debug)]
pub struct DraftRequest<'a> {
    /// The scan of the store.
    pub inventory: Arc<Inventory>,
    /// The name of the source as given.
    pub source: &'a str,
    pub policy: Policy,
    /// The evidence that names the steps for rules about results, or why there is none.
    pub evidence: Result<&'a CacheEvidence, UnusableEvidence>,
    /// Whether the run watches for builds that reference blobs it moved, if there may be builds.
    pub settles: bool,
    /// The time of the plan.
    pub now: Timestamp,
}

/// The findings of a check that a repair is about.
#[derive(Debug, Clone, Copy)]
pub struct RepairFindings<'a> {
    pub findings: &'a [Finding],
    /// The blobs that were read and whose bytes do not match their digests.
    pub damaged: &'a HashSet<Digest>,
    /// The refs that the repair is limited to; `None` for all.
    pub only: Option<&'a [RefId]>,
}

/// The choices a person makes while viewing a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Whether the blobs of deleted refs are deleted at once or wait.
    pub freed_blobs: FreedBlobs,
    /// The items to exclude.
    pub excluded: HashSet<DeletionTarget>,
    /// Whether objects are deleted at once where they could be moved to a trash.
    pub at_once: bool,
}

impl Draft {
    /// Returns how long blobs are kept after the grace period, because builds may rely on them
    /// without referencing them.
    pub fn settling(&self) -> SignedDuration {
        self.capabilities.settling
    }

    /// Returns how much of a run can be undone.
    pub fn undoability(&self) -> Undoability {
        self.capabilities.undoability
    }

    /// Judges the scan of `reader`, and asks the store for further facts.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub async fn gather(
        reader: &SharedReader,
        request: DraftRequest<'_>,
        options: &ScanOptions,
    ) -> Result<Self, MarkError> {
        let DraftRequest {
            inventory,
            source,
            policy,
            evidence,
            settles,
            now,
        } = request;
        let recent =
            blobs_needed_by_others(&**reader, &inventory, options, policy.grace, now).await?;
        let facts = reader.facts().await;
        let verdicts = judge(&inventory, source, &policy, facts.free_bytes, now);
        let none = CacheEvidence::default();
        let (evidence, fault) = match evidence {
            Ok(evidence) => (evidence, None),
            Err(why) => (&none, Some(RewriteWarning::NoStepNames(why))),
        };
        let mut rewrites =
            records::gather(&**reader, &inventory, &verdicts, &policy, evidence, now).await;
        rewrites.warnings.extend(fault);
        let place = reader.place().await.map_err(ScanError::Backend)?;
        let cost = reader.abilities().deletion_cost().await;
        let source = source.to_owned();
        let policy_text = policy.to_string();
        Ok(Self {
            source,
            place,
            inventory,
            verdicts,
            recent,
            rewrites,
            capabilities: facts.capabilities,
            cost,
            settles,
            policy,
            policy_text,
            now,
        })
    }

    /// Turns the draft into one of a repair: it writes refs again as `remedies` choose, and deletes
    /// nothing but unfinished uploads.
    pub async fn repairing(
        mut self,
        reader: &SharedReader,
        kind: StoreKind,
        found: RepairFindings<'_>,
        remedies: &Remedies,
    ) -> Self {
        let checked = RepairInput {
            reader: &**reader,
            kind,
            inventory: &self.inventory,
            only: found.only,
            findings: found.findings,
            damaged: found.damaged,
            verdicts: &self.verdicts,
            capabilities: &self.capabilities,
        };
        self.rewrites = repair::gather(&checked, remedies).await;
        self.policy_text = format!("repair\n{}", self.policy_text);
        self
    }

    /// Makes the plan.
    ///
    /// # Errors
    /// Fails if a required fact is unknown, if the plan would delete more than allowed, and if the
    /// result cannot be proved.
    pub fn plan(&self, choices: &Choices) -> Result<Plan, PlanError> {
        Plan::new(&self.planning(choices))
    }

    /// Makes the plan regardless of the share that it deletes, to show what exceeds the limit. It
    /// must not be carried out.
    ///
    /// # Errors
    /// The same as [`Self::plan`].
    pub fn plan_over_limit(&self, choices: &Choices) -> Result<Plan, PlanError> {
        let policy = Policy {
            max_delete: None,
            ..self.policy.clone()
        };
        let planning = Planning {
            policy: &policy,
            ..self.planning(choices)
        };
        Plan::new(&planning)
    }

    /// Makes the plan; returns the fate of each blob with it.
    ///
    /// # Errors
    /// The same as [`Self::plan`].
    pub fn plan_with_fates(&self, choices: &Choices) -> Result<(Plan, Judged), PlanError> {
        Plan::with_fates(&self.planning(choices))
    }

    fn planning<'a>(&'a self, choices: &'a Choices) -> Planning<'a> {
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
            disposal: match self.capabilities.undoability {
                Undoability::Full if !choices.at_once => Disposal::Trash,
                Undoability::Full | Undoability::Partial(_) | Undoability::None => Disposal::AtOnce,
            },
            cost: self.cost.as_ref(),
            settles: self.settles,
            rewrites: &self.rewrites,
            excluded: &choices.excluded,
        }
    }

    /// Returns the refs that do not match, so that they can be excluded.
    pub fn refs_but(&self, is_meant: impl Fn(&RefEntry) -> bool) -> HashSet<DeletionTarget> {
        let others = self.inventory.refs.iter().filter(|entry| !is_meant(entry));
        others
            .filter_map(ref_target)
            .map(DeletionTarget::Ref)
            .collect()
    }

    /// Returns all deletions outside the trash, so that they can be excluded.
    ///
    /// # Errors
    /// The same as [`Self::plan`].
    pub fn all_but_trash(&self) -> Result<HashSet<DeletionTarget>, PlanError> {
        let choices = Choices {
            freed_blobs: FreedBlobs::Wait,
            excluded: HashSet::new(),
            at_once: false,
        };
        let plan = self.plan(&choices)?;
        let targets = plan.delete().iter().map(|item| item.into_owned().target);
        let is_trash = |target: &DeletionTarget| target.kind() == ItemKind::Object;
        Ok(targets.filter(|target| !is_trash(target)).collect())
    }

    /// Returns the inventory of the store.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }
}

/// Adds the disk space that the deletions of a plan free, if the store can measure it.
pub async fn measured(reader: &SharedReader, plan: Plan) -> Plan {
    match reader.abilities().measure {
        Some(disk) => {
            let footprint = disk.footprint(plan.objects().collect()).await;
            plan.with_footprint(footprint)
        }
        None => plan,
    }
}

/// Decides about the refs of a source, with `free` bytes free on its file system.
pub fn judge(
    inventory: &Inventory,
    source: &str,
    policy: &Policy,
    free: Option<u64>,
    now: Timestamp,
) -> Verdicts {
    decide(
        policy,
        &facts(inventory, source),
        now,
        &mut SharedBlobs::new(inventory, free),
    )
}
