//! How a plan is made: what it follows from, what keeps it from being made, and the steps.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::judge::is_undetermined_by_seals_only;
use super::lists::Lists;
use super::{BlobFate, Held, Judged, Kind, Plan, Target, Violation, verify};
use crate::backend::{Capabilities, Disposal, PlanId};
use crate::format::digest::Digest;
use crate::inventory::Inventory;
use crate::prune::records::Rewrites;
use crate::retention::{Percent, Policy, Verdict, Verdicts};

/// Everything that a plan follows from.
#[derive(Debug, Clone, Copy)]
pub struct Planning<'a> {
    /// The source, as it was named.
    pub source: &'a str,
    /// Where it lies, however it was named.
    pub place: &'a str,
    /// What the store holds.
    pub inventory: &'a Inventory,
    /// What becomes of its refs, in the inventory's order.
    pub verdicts: &'a Verdicts,
    /// What the refs reach that earlier prunes took out less than the grace ago.
    pub recent: &'a RecentlyDropped,
    /// What the store lets be deleted.
    pub capabilities: &'a Capabilities,
    /// The policy behind the verdicts.
    pub policy: &'a Policy,
    /// The same, as a person reads it.
    pub policy_text: &'a str,
    /// When the plan is made.
    pub now: Timestamp,
    /// What becomes of blobs when the refs go that reached them.
    pub freed_blobs: FreedBlobs,
    /// Where deleted objects go.
    pub disposal: Disposal,
    /// The refs that are to lose some of their results.
    pub rewrites: &'a Rewrites,
    /// What a person has left out: it stays, and so does everything that it reaches.
    pub spared: &'a HashSet<Target>,
}

impl Planning<'_> {
    /// Returns how long a blob must have been left alone before it goes: the grace, and on top of it the time for which a
    /// build may rely on a blob that it found.
    pub(super) fn blob_grace(&self) -> SignedDuration {
        self.policy.grace.saturating_add(self.capabilities.settling)
    }
}

/// What becomes of blobs when the refs go that reached them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreedBlobs {
    /// They wait: builds that imported the refs may still fetch them. A later run takes them, when the grace has passed.
    Wait,
    /// They go with the refs.
    GoNow,
}

/// What is needed beside what the refs of the store reach.
#[derive(Debug, Clone, Default)]
pub struct RecentlyDropped {
    /// The blobs that refs reach which earlier prunes took out of the store a short time ago.
    pub blobs: HashSet<Digest>,
    /// The blobs that refs of other caches reach, which keep theirs in the same place, and what refers to something that stays.
    pub beside: HashSet<Digest>,
    /// Whether one of them cannot be read, so that it may reach more.
    pub unreadable: bool,
}

/// Says why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The scan has not ended, or found the refs of another moment.
    #[error("the scan is not complete")]
    Incomplete,
    /// There is a ref about which nothing was decided.
    #[error("nothing was decided about the ref `{0}`")]
    Undecided(String),
    /// More would go than the policy allows.
    #[error("the plan would delete {part} of {whole} {what}, more than the {limit} that `max_delete` allows")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much would go.
        part: u64,
        /// Of how much.
        whole: u64,
        /// The largest share that may go.
        limit: Percent,
    },
    /// The plan breaks a rule that every plan keeps: a fault of this program.
    #[error("the plan is not sound, and nothing was done")]
    Unsound(#[from] Violation),
}

impl Plan {
    /// Makes the plan.
    ///
    /// # Errors
    /// When something is not known that must be, when more would go than may, and when the result cannot be proved.
    pub fn new(planning: &Planning<'_>) -> Result<Self, PlanError> {
        let fingerprint = ready(planning)?;
        let plan = assemble(planning, fingerprint);
        within_limit(planning, &plan)?;
        verify::against(&plan, planning)?;
        Ok(plan)
    }
}

/// Checks that everything is known that a plan needs; returns which refs there are.
fn ready(planning: &Planning<'_>) -> Result<Digest, PlanError> {
    let inventory = planning.inventory;
    let judged = inventory.refs.len() + inventory.entries.len();
    let complete = inventory.is_complete() && planning.verdicts.refs.len() == judged;
    let fingerprint = inventory.fingerprint.filter(|_| complete).ok_or(PlanError::Incomplete)?;
    for (entry, verdict) in inventory.refs.iter().zip(&planning.verdicts.refs) {
        if matches!(verdict, Verdict::Undecided(_)) {
            return Err(PlanError::Undecided(entry.name.clone()));
        }
    }
    Ok(fingerprint)
}

fn assemble(planning: &Planning<'_>, fingerprint: Digest) -> Plan {
    let (fates, judged) = Judged::with_refs(planning);
    let Lists { delete, keep, .. } = Lists::new(planning, &judged, fates);
    let dropped = delete.refs().count();
    let frees_bytes = delete.iter().map(|item| item.target.bytes()).fold(0, u64::saturating_add);
    let frees_objects = (delete.len() - delete.leading(|target| !matches!(target, Target::Object(_)))) as u64;
    let tally = |fate| judged.tally(planning.inventory, fate).into();
    let held = BlobFate::HELD.map(|fate| Held { fate, count: tally(fate) });
    let mut warnings: Vec<String> = planning.inventory.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(planning.verdicts.warnings.iter().map(ToString::to_string));
    warnings.extend(judged.warnings(planning));
    warnings.extend(planning.rewrites.warnings.iter().cloned());
    let unmet = planning.verdicts.budgets.iter().filter(|budget| budget.is_unreachable());
    Plan {
        id: plan_id(planning, &fingerprint),
        source: planning.source.to_owned(),
        place: planning.place.to_owned(),
        policy: planning.policy_text.to_owned(),
        created: planning.now,
        grace: planning.policy.grace,
        freed_blobs: planning.freed_blobs,
        disposal: planning.disposal,
        fingerprint,
        delete,
        keep,
        held: held.into_iter().filter(|held| held.count.blobs > 0).collect(),
        live: tally(BlobFate::Live),
        waits: tally(BlobFate::Waits),
        undetermined: judged.undetermined,
        sealed: judged.undetermined && is_undetermined_by_seals_only(planning),
        drops_every_ref: dropped > 0 && dropped == planning.inventory.refs.len(),
        unmet_budgets: unmet.map(|budget| budget.limit.to_string()).collect(),
        frees_bytes,
        frees_objects,
        disk: None,
        warnings,
        put_back: judged.put_back,
    }
}

/// Names a plan by its time, and by what tells it from others of the same second.
fn plan_id(planning: &Planning<'_>, fingerprint: &Digest) -> PlanId {
    let told = format!("{} {} {} {}", planning.place, planning.now, fingerprint, planning.policy_text);
    PlanId::new(planning.now, &Digest::of(told.as_bytes()))
}

/// Checks the share that goes, of refs, of objects and of bytes. What is in the trash is no part of the cache any more.
fn within_limit(planning: &Planning<'_>, plan: &Plan) -> Result<(), PlanError> {
    let Some(limit) = planning.policy.max_delete else { return Ok(()) };
    let totals = planning.inventory.totals();
    let refs = plan.refs() as u64;
    let goes = plan.delete.iter().filter(|item| matches!(item.target.kind(), Kind::Blob | Kind::Partial | Kind::Entry));
    let (objects, bytes) =
        goes.fold((0, 0_u64), |(count, bytes), item| (count + 1, bytes.saturating_add(item.target.bytes())));
    let stored = totals.stored();
    let whole = (stored.count - totals.trash.count, stored.bytes.saturating_sub(totals.trash.bytes));
    let shares = [
        ("refs", refs, planning.inventory.refs.len() as u64),
        ("objects", objects, whole.0),
        ("bytes", bytes, whole.1),
    ];
    match shares.into_iter().find(|(_, part, whole)| limit.is_exceeded_by(*part, *whole)) {
        Some((what, part, whole)) => Err(PlanError::TooMuch { what, part, whole, limit }),
        None => Ok(()),
    }
}
