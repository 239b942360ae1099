//! What goes from a store and why, as a value.
//!
//! [`Plan::new`] is a chain of small steps: what becomes of each ref, what still reaches each blob, what becomes of each
//! object, and from that the items. Each step yields an enum for each thing, and only one variant of it is a deletion, so
//! that a case that nobody thought of cannot become one. In the end [`verify`] proves the result by other means.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::backend::{DeletionCost, Disposal, Footprint, ObjectName, PlanId, RefTarget};
use crate::format::digest::Digest;
use crate::inventory::{RefEntry, Tally};

mod deletions;
pub mod file;
mod item;
mod judge;
mod lists;
mod make;
pub mod verify;

pub use deletions::Deletions;
pub use item::{Deletion, Kept, Kind, StoreReason, Target, Why};
pub(super) use judge::digest_in_entry;
pub use judge::{BlobFate, Judged};
pub use make::{FreedBlobs, PlanError, Planning, RecentlyDropped};
pub use verify::Violation;
pub(super) use verify::is_importable;

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
    delete: Deletions,
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

impl Plan {
    /// Adds what a person should know before it is carried out.
    #[must_use]
    pub fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warnings.extend(warning);
        self
    }

    /// Adds what its deletions cost, where that is worth knowing.
    #[must_use]
    pub fn at_cost(mut self, cost: Option<DeletionCost>) -> Self {
        if let Some(cost) = cost.filter(|_| !self.delete.is_empty()) {
            self.warnings.insert(0, cost.of(self.delete.len()));
        }
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
    pub fn delete(&self) -> &Deletions {
        &self.delete
    }

    /// Returns how many of the deletions are refs.
    pub fn refs(&self) -> usize {
        self.delete.leading(|target| matches!(target, Target::Ref(_)))
    }

    /// Returns how many of the deletions come before the objects: refs, and results inside of refs.
    pub fn before_objects(&self) -> usize {
        self.delete.leading(|target| !matches!(target, Target::Object(_)))
    }

    /// Returns the bytes of what a later run takes, because results go from refs that stay.
    pub fn later_bytes(&self) -> u64 {
        let later = self.delete.rewrites().map(|rewrite| rewrite.later_bytes);
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
    pub fn objects(&self) -> impl Iterator<Item = ObjectName> {
        self.delete.iter().filter_map(|item| match item.into_owned().target {
            Target::Object(object) => Some(object.name),
            Target::Ref(_) | Target::Rewrite(_) => None,
        })
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.put_back.is_empty()
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
