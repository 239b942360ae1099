//! Makes a plan: the input, the errors, and the steps.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::judge::is_undetermined_by_withheld_only;
use super::lists::Lists;
use super::{
    BlobFate, DeletionTarget, FreesLater, HeldBlobs, ItemKind, Judged, Plan, PlanWarning,
    Violation, ref_target, verify,
};
use crate::backend::{Capabilities, DeletionCost, Disposal, ObjectName, PlanId, RefTarget};
use crate::format::digest::Digest;
use crate::inventory::{Inventory, RefEntry};
use crate::prune::rewrite::Rewrites;
use crate::retention::{Percent, Policy, Rule, RuleAction, Verdict, Verdicts};
use crate::source::Place;

/// The input of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Planning<'a> {
    /// The source, as named by the user.
    pub source: &'a str,
    /// Its location, independent of that name.
    pub place: &'a Place,
    /// The content of the store.
    pub inventory: &'a Inventory,
    /// The verdicts on its refs, in the inventory's order.
    pub verdicts: &'a Verdicts,
    /// The blobs of refs that earlier prunes deleted within the grace period.
    pub recent: &'a RecentlyDropped,
    /// The supported deletions of the store.
    pub capabilities: &'a Capabilities,
    /// The policy behind the verdicts.
    pub policy: &'a Policy,
    pub policy_text: &'a str,
    /// The creation time of the plan.
    pub now: Timestamp,
    /// Whether the blobs of deleted refs are deleted at once or wait.
    pub freed_blobs: FreedBlobs,
    /// Where deleted objects go.
    pub disposal: Disposal,
    /// The cost of the deletions, if it matters.
    pub cost: Option<&'a DeletionCost>,
    /// Whether the run watches for builds that reference blobs it moved, if there may be builds.
    pub settles: bool,
    /// The refs that lose some of their results.
    pub rewrites: &'a Rewrites,
    /// The excluded items: they stay, with everything that they reach.
    pub excluded: &'a HashSet<DeletionTarget>,
}

impl Planning<'_> {
    /// Returns how long a blob must be unused before it is deleted: the grace period, plus the time
    /// for which a build may rely on a blob that it found.
    pub(super) fn blob_grace(&self) -> SignedDuration {
        self.policy.grace.saturating_add(self.capabilities.settling)
    }
}

/// Whether the blobs of deleted refs are deleted at once or wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreedBlobs {
    /// They wait, because builds that imported the refs may still fetch them. A later run deletes
    /// them after the grace period.
    Wait,
    /// They are deleted with the refs.
    DeleteNow,
}

/// The needed blobs that no ref of the store reaches.
#[derive(Debug, Clone, Default)]
pub struct RecentlyDropped {
    /// The blobs of refs that earlier prunes deleted recently.
    pub blobs: HashSet<Digest>,
    /// The blobs that refs of other caches reach, if these keep their blobs in the same place.
    pub shared: HashSet<Digest>,
    /// Manifests that no ref references, and whose subject a ref reaches, or reached recently.
    pub referrers: Vec<Referrer>,
    /// Whether one of them cannot be read, so that it may reach more.
    pub unreadable: bool,
}

/// An unreferenced manifest that refers to another one, such as a signature. It stays as long as
/// its subject stays.
#[derive(Debug, Clone)]
pub struct Referrer {
    /// The manifest that it refers to.
    pub subject: Digest,
    /// The manifest itself and the blobs that it reaches.
    pub blobs: Vec<Digest>,
}

/// Why no plan was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The scan is not complete, or does not match the current refs.
    #[error("the scan is not complete")]
    Incomplete,
    /// A ref has no verdict.
    #[error("nothing was decided about the ref `{0}`")]
    Undecided(String),
    /// The plan would delete more than the policy allows.
    #[error(
        "the plan would delete {part} of {whole} {what}, more than the {limit} that `max_delete` allows"
    )]
    TooMuch {
        /// The kind of things.
        what: &'static str,
        /// The amount to delete.
        part: u64,
        /// The total amount.
        whole: u64,
        /// The maximum share.
        limit: Percent,
    },
    /// The plan violates an invariant of all plans: a bug in this program.
    #[error("the plan is not sound, and nothing was done")]
    Unsound(#[from] Violation),
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    /// Fails if a required fact is unknown, if the plan would delete more than allowed, and if the
    /// result cannot be proved.
    pub(in crate::prune) fn new(planning: &Planning<'_>) -> Result<Self, PlanError> {
        Self::with_fates(planning).map(|(plan, _)| plan)
    }

    /// Makes the plan; returns the fate of each blob with it.
    ///
    /// # Errors
    /// The same as [`Plan::new`].
    pub(in crate::prune) fn with_fates(
        planning: &Planning<'_>,
    ) -> Result<(Self, Judged), PlanError> {
        let fingerprint = ready(planning)?;
        let (plan, judged) = assemble(planning, fingerprint);
        within_limit(planning, &plan)?;
        verify::against(&plan, planning)?;
        Ok((plan, judged))
    }
}

/// Checks that all required facts are known; returns the fingerprint of the refs.
fn ready(planning: &Planning<'_>) -> Result<Digest, PlanError> {
    let inventory = planning.inventory;
    let judged = inventory.refs.len() + inventory.entries.len();
    let complete = inventory.is_complete() && planning.verdicts.refs.len() == judged;
    let fingerprint = match inventory.fingerprint {
        Some(fingerprint) if complete => fingerprint,
        _ => return Err(PlanError::Incomplete),
    };
    for (entry, verdict) in inventory.refs.iter().zip(&planning.verdicts.refs) {
        if matches!(verdict, Verdict::Undecided(_)) {
            return Err(PlanError::Undecided(entry.name.clone()));
        }
    }
    Ok(fingerprint)
}

fn assemble(planning: &Planning<'_>, fingerprint: Digest) -> (Plan, Judged) {
    let (fates, judged) = Judged::with_refs(planning);
    let Lists { delete, keep, .. } = Lists::new(planning, &judged, fates);
    let deleted: HashSet<&RefTarget> = delete.refs().collect();
    let drops_every_ref = leaves_no_ref(planning.inventory, |target| deleted.contains(target));
    let frees_bytes = delete
        .iter()
        .map(|item| item.target.bytes())
        .fold(0, u64::saturating_add);
    let frees_objects = (delete.len()
        - delete.leading(|target| !matches!(target, DeletionTarget::Object(_))))
        as u64;
    let (frees_later, own_later_bytes) = FreesLater::of(planning, &judged, &delete);
    let tally = |fate| judged.tally(planning.inventory, fate).into();
    let held = BlobFate::HELD.map(|fate| HeldBlobs {
        fate,
        count: tally(fate),
    });
    let repair = planning.rewrites.repair.as_ref();
    let unmet = planning
        .verdicts
        .budgets
        .iter()
        .filter(|budget| budget.is_unreachable());
    let mut plan = Plan {
        id: plan_id(planning, &fingerprint),
        source: planning.source.to_owned(),
        place: planning.place.clone(),
        policy: planning.policy_text.to_owned(),
        created: planning.now,
        grace: planning.policy.grace,
        settling: planning.capabilities.settling,
        freed_blobs: planning.freed_blobs,
        disposal: planning.disposal,
        fingerprint,
        delete,
        keep,
        held: held
            .into_iter()
            .filter(|held| held.count.blobs > 0)
            .collect(),
        live: tally(BlobFate::Live),
        waits: tally(BlobFate::Waits),
        undetermined: judged.undetermined,
        withheld: judged.undetermined && is_undetermined_by_withheld_only(planning),
        drops_every_ref,
        unmet_budgets: unmet.map(|budget| budget.limit.to_string()).collect(),
        frees_bytes,
        frees_objects,
        frees_later,
        own_later_bytes,
        disk: None,
        warnings: Vec::new(),
        not_fixed: repair.map(|repair| repair.not_fixed.clone()),
        restored: judged.restored.clone(),
        origin: super::PlanOrigin::Made,
    };
    plan.warnings = warnings(planning, &judged, &plan);
    (plan, judged)
}

/// Returns whether no ref is left after the deletions, apart from artifacts of other refs.
pub(in crate::prune) fn leaves_no_ref(
    inventory: &Inventory,
    is_deleted: impl Fn(&RefTarget) -> bool,
) -> bool {
    let goes = |entry: &RefEntry| ref_target(entry).is_some_and(|target| is_deleted(&target));
    let mut own = inventory
        .refs
        .iter()
        .filter(|entry| entry.subject.is_none())
        .peekable();
    match own.peek() {
        Some(_) => own.all(goes),
        None => inventory.refs.iter().next().is_some() && inventory.refs.iter().all(goes),
    }
}

/// Lists the rules that count previous versions, for a store that lists none.
fn without_versions(planning: &Planning<'_>) -> Vec<PlanWarning> {
    let inventory = planning.inventory;
    let Some(why) = &inventory.unlisted_versions else {
        return Vec::new();
    };
    if inventory
        .refs
        .iter()
        .any(|entry| entry.facts().generation > 0)
    {
        return Vec::new();
    }
    let rules = planning.policy.rules.iter();
    let warning = |rule: &Rule| {
        let RuleAction::Keep(keep) = &rule.action else {
            return None;
        };
        Some(PlanWarning::NoGenerations {
            rule: rule.name.clone(),
            generations: keep.criteria.generations?,
            why: why.clone(),
        })
    };
    rules.filter_map(warning).collect()
}

/// Names a plan by its time, and by a hash that distinguishes it from others of the same second.
fn plan_id(planning: &Planning<'_>, fingerprint: &Digest) -> PlanId {
    let text = format!(
        "{} {} {} {}",
        planning.place, planning.now, fingerprint, planning.policy_text
    );
    PlanId::new(planning.now, &Digest::of(text.as_bytes()))
}

/// Checks the shares of deleted refs, objects and bytes. The trash does not count as part of the
/// cache.
fn within_limit(planning: &Planning<'_>, plan: &Plan) -> Result<(), PlanError> {
    let Some(limit) = planning.policy.max_delete else {
        return Ok(());
    };
    let stored = planning.inventory.totals().stored_outside_trash();
    let refs = plan.refs() as u64;
    let goes = plan.delete.iter().filter(|item| {
        matches!(
            item.target.kind(),
            ItemKind::Blob | ItemKind::Partial | ItemKind::Entry
        )
    });
    let (objects, bytes) = goes.fold((0, 0_u64), |(count, bytes), item| {
        (count + 1, bytes.saturating_add(item.target.bytes()))
    });
    let shares = [
        ("refs", refs, planning.inventory.refs.len() as u64),
        ("objects", objects, stored.count),
        ("bytes", bytes, stored.bytes),
    ];
    match shares
        .into_iter()
        .find(|(_, part, whole)| limit.is_exceeded_by(*part, *whole))
    {
        Some((what, part, whole)) => Err(PlanError::TooMuch {
            what,
            part,
            whole,
            limit,
        }),
        None => Ok(()),
    }
}

fn warnings(planning: &Planning<'_>, judged: &Judged, plan: &Plan) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    if let Some(cost) = planning.cost
        && !plan.delete.is_empty()
    {
        warnings.push(PlanWarning::Cost {
            cost: cost.clone(),
            deletions: plan.delete.len(),
        });
    }
    let of_store = planning.inventory.warnings.iter().cloned();
    warnings.extend(of_store.map(PlanWarning::Store));
    let of_policy = planning.verdicts.warnings.iter().cloned();
    warnings.extend(of_policy.map(PlanWarning::Policy));
    warnings.extend(without_versions(planning));
    if planning.rewrites.repair.is_none() {
        warnings.extend(judged.warnings(planning));
    }
    let of_rewrites = planning.rewrites.warnings.iter().cloned();
    warnings.extend(of_rewrites.map(PlanWarning::Rewrite));
    if planning.policy.grace.is_zero() && plan.frees_objects > 0 {
        warnings.push(PlanWarning::NoGrace);
    }
    let is_blob = |name| matches!(name, ObjectName::Blob(_));
    if !planning.settles && plan.disposal == Disposal::Trash && plan.objects().any(is_blob) {
        warnings.push(PlanWarning::NoSettling);
    }
    warnings
}
