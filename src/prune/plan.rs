//! What goes from a store and why, as a value.
//!
//! [`Plan::new`] is a chain of small steps: what becomes of each ref, what still reaches each blob, what becomes of each
//! object, and from that the items. Each step yields an enum for each thing, and only one variant of it is a deletion, so
//! that a case that nobody thought of cannot become one. In the end [`verify`] proves the result by other means.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::backend::{Capabilities, Disposal, Footprint, ObjectName, PlanId, RefTarget};
use crate::format::digest::Digest;
use crate::inventory::{Inventory, RefEntry, Tally};
use crate::retention::{Percent, Policy, Verdicts};

use super::records::Rewrites;

pub mod file;
mod item;
mod judge;
mod lists;
pub mod verify;

pub use item::{Deletion, Kept, Kind, StoreReason, Target, Why};
pub use judge::{BlobFate, Judged};
pub(super) use judge::{digest_in_entry, digest_in_trash};
use lists::Lists;
pub use verify::Violation;

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

/// What becomes of blobs when the refs go that reached them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreedBlobs {
    /// They wait: builds that imported the refs may still fetch them. A later run takes them, when the grace has passed.
    Wait,
    /// They go with the refs.
    GoNow,
}

/// What refs reach that earlier prunes took out of the store a short time ago.
#[derive(Debug, Clone, Default)]
pub struct RecentlyDropped {
    /// The blobs.
    pub blobs: HashSet<Digest>,
    /// Whether one of them cannot be read, so that it may reach more.
    pub unreadable: bool,
}

/// What goes and what stays. It can be made only by [`Plan::new`] and [`file::load`], which prove it first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    id: PlanId,
    source: String,
    place: String,
    policy: String,
    created: Timestamp,
    grace: SignedDuration,
    freed_blobs: FreedBlobs,
    disposal: Disposal,
    fingerprint: Digest,
    delete: Vec<Deletion>,
    keep: Vec<Kept>,
    put_back: Vec<Digest>,
    held: Vec<Held>,
    live: Counted,
    waits: Counted,
    undetermined: bool,
    #[serde(default)]
    sealed: bool,
    drops_every_ref: bool,
    unmet_budgets: Vec<String>,
    frees_bytes: u64,
    frees_objects: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    disk: Option<Footprint>,
    warnings: Vec<String>,
}

/// A number of blobs and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counted {
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl From<Tally> for Counted {
    fn from(tally: Tally) -> Self {
        Self { blobs: tally.count, bytes: tally.bytes }
    }
}

/// Blobs that stay although no ref that stays reaches them, for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Why.
    pub fate: BlobFate,
    /// How many.
    #[serde(flatten)]
    pub count: Counted,
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
        let judged = Judged::new(planning);
        let plan = assemble(planning, &judged, fingerprint);
        within_limit(planning, &plan)?;
        verify::against(&plan, planning)?;
        Ok(plan)
    }

    /// Adds what a person should know before it is carried out.
    #[must_use]
    pub fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warnings.extend(warning);
        self
    }

    /// Adds what the deletions take on the disk.
    #[must_use]
    pub fn with_footprint(mut self, footprint: Footprint) -> Self {
        self.disk = Some(footprint);
        self
    }

    /// Returns the plan's name.
    pub fn id(&self) -> &PlanId {
        &self.id
    }

    /// Returns the source, as it was named.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns where the source lies.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns the policy, as a person reads it.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns when it was made.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Returns how long a change keeps something.
    pub fn grace(&self) -> SignedDuration {
        self.grace
    }

    /// Returns what becomes of blobs when the refs go that reached them.
    pub fn freed_blobs(&self) -> FreedBlobs {
        self.freed_blobs
    }

    /// Returns where deleted objects go.
    pub fn disposal(&self) -> Disposal {
        self.disposal
    }

    /// Returns which refs it was made from.
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Returns what goes, refs first.
    pub fn delete(&self) -> &[Deletion] {
        &self.delete
    }

    /// Returns how many of the deletions are refs.
    pub fn refs(&self) -> usize {
        self.delete.partition_point(|item| matches!(item.target, Target::Ref(_)))
    }

    /// Returns how many of the deletions come before the objects: refs, and results inside of refs.
    pub fn before_objects(&self) -> usize {
        self.delete.partition_point(|item| !matches!(item.target, Target::Object(_)))
    }

    /// Returns the bytes of what a later run takes, because results go from refs that stay.
    pub fn later_bytes(&self) -> u64 {
        let later = self.delete.iter().map(|item| match &item.target {
            Target::Rewrite(rewrite) => rewrite.later_bytes,
            Target::Ref(_) | Target::Object(_) => 0,
        });
        later.fold(0, u64::saturating_add)
    }

    /// Returns what stays, but for live blobs.
    pub fn keep(&self) -> &[Kept] {
        &self.keep
    }

    /// Returns the blobs in the trash that a ref names again: they are put back.
    pub fn put_back(&self) -> &[Digest] {
        &self.put_back
    }

    /// Returns how many blobs stay, by reason, that no ref reaches which stays.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Returns the blobs that a ref reaches which stays.
    pub fn live(&self) -> Counted {
        self.live
    }

    /// Returns the blobs that wait: a later run takes them when the grace has passed.
    pub fn waits(&self) -> Counted {
        self.waits
    }

    /// Tells whether a ref cannot be read, so that no blob goes.
    pub fn undetermined(&self) -> bool {
        self.undetermined
    }

    /// Tells whether that is so for nobody's fault: the store does not hand out what its refs name.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Tells whether no ref would be left where there is one now.
    pub fn drops_every_ref(&self) -> bool {
        self.drops_every_ref
    }

    /// Returns the budgets that protection keeps from being met.
    pub fn unmet_budgets(&self) -> &[String] {
        &self.unmet_budgets
    }

    /// Returns the bytes of everything that goes, each once.
    pub fn frees_bytes(&self) -> u64 {
        self.frees_bytes
    }

    /// Returns how many objects go.
    pub fn frees_objects(&self) -> u64 {
        self.frees_objects
    }

    /// Returns what the deletions take on the disk, when it was measured.
    pub fn disk(&self) -> Option<Footprint> {
        self.disk
    }

    /// Returns what a person should know before it is carried out.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the objects that go.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectName> {
        self.delete.iter().filter_map(|item| match &item.target {
            Target::Object(object) => Some(&object.name),
            Target::Ref(_) | Target::Rewrite(_) => None,
        })
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.put_back.is_empty()
    }
}

/// Checks that everything is known that a plan needs; returns which refs there are.
fn ready(planning: &Planning<'_>) -> Result<Digest, PlanError> {
    let inventory = planning.inventory;
    let judged = inventory.refs.len() + inventory.entries.len();
    let complete = inventory.is_complete() && planning.verdicts.refs.len() == judged;
    let fingerprint = inventory.fingerprint.filter(|_| complete).ok_or(PlanError::Incomplete)?;
    for (entry, verdict) in inventory.refs.iter().zip(&planning.verdicts.refs) {
        if matches!(verdict, crate::retention::Verdict::Undecided(_)) {
            return Err(PlanError::Undecided(entry.name.clone()));
        }
    }
    Ok(fingerprint)
}

fn assemble(planning: &Planning<'_>, judged: &Judged, fingerprint: Digest) -> Plan {
    let Lists { delete, keep, .. } = Lists::new(planning, judged);
    let dropped = delete.partition_point(|item| matches!(item.target, Target::Ref(_)));
    let frees_bytes = delete.iter().map(|item| item.target.bytes()).fold(0, u64::saturating_add);
    let objects = delete.iter().filter(|item| matches!(item.target, Target::Object(_)));
    let frees_objects = objects.count() as u64;
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
        put_back: judged.put_back.clone(),
        held: held.into_iter().filter(|held| held.count.blobs > 0).collect(),
        live: tally(BlobFate::Live),
        waits: tally(BlobFate::Waits),
        undetermined: judged.undetermined,
        sealed: judged.undetermined && judge::is_undetermined_by_seals_only(planning),
        drops_every_ref: dropped > 0 && dropped == planning.inventory.refs.len(),
        unmet_budgets: unmet.map(|budget| budget.limit.to_string()).collect(),
        frees_bytes,
        frees_objects,
        disk: None,
        warnings,
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

/// Returns how long ago something changed; what is dated in the future changed now.
pub(super) fn age(then: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(then).max(SignedDuration::ZERO)
}

/// Returns a ref as what goes; none when what it points to is not known.
pub(super) fn ref_target(entry: &RefEntry) -> Option<RefTarget> {
    Some(RefTarget { names: names(entry), digest: entry.digest().valid()?, bytes: entry.facts().bytes })
}

/// Returns all names of a ref as its entry has them; none for an untagged one.
pub(super) fn names(entry: &RefEntry) -> Vec<String> {
    if entry.tagged { entry.names().map(str::to_owned).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests;
