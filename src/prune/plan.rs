//! A plan: the deletions in a store and their reasons, as a value.
//!
//! Making a plan is a chain of small steps: the fate of each ref, the refs that still reach each
//! blob, the fate of each object, and finally the items. Each step yields an enum per thing with
//! only one variant that deletes, so a forgotten case cannot cause a deletion. At the end,
//! [`verify`] proves the result by different means.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::backend::{Disposal, Footprint, ObjectName, PlanId, RefTarget, Totals};
use crate::format::digest::Digest;
use crate::inventory::RefEntry;
use crate::prune::rewrite::NotFixed;
use crate::source::Place;

mod confirmation;
mod deletions;
pub mod file;
mod item;
mod judge;
mod later;
mod lists;
mod make;
pub mod verify;
mod warning;

pub use confirmation::TypedReason;
pub use deletions::Deletions;
pub use item::{Deletion, DeletionTarget, ItemKind, ItemReason, KeptItem, StoreReason};
pub use judge::{BlobFate, Judged};
pub use later::FreesLater;
pub(super) use make::leaves_no_ref;
pub use make::{FreedBlobs, PlanError, Planning, RecentlyDropped, Referrer};
pub use verify::Violation;
pub(super) use verify::is_importable;
pub use warning::{NamedRefs, PlanWarning};

/// The deletions and the kept items. Only [`super::draft`] and [`file::load`] create a plan, and
/// both prove it first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    id: PlanId,
    source: String,
    place: Place,
    policy: String,
    created: Timestamp,
    grace: SignedDuration,
    #[serde(default)]
    settling: SignedDuration,
    freed_blobs: FreedBlobs,
    disposal: Disposal,
    fingerprint: Digest,
    delete: Deletions,
    keep: Vec<KeptItem>,
    #[serde(rename = "put_back")]
    restored: Vec<Digest>,
    held: Vec<HeldBlobs>,
    live: BlobCount,
    waits: BlobCount,
    undetermined: bool,
    #[serde(default, rename = "withheld", alias = "sealed")]
    withheld: bool,
    drops_every_ref: bool,
    unmet_budgets: Vec<String>,
    frees_bytes: u64,
    frees_objects: u64,
    #[serde(default)]
    frees_later: FreesLater,
    /// The bytes of `frees_later` that wait because of this plan, and not of an earlier run.
    #[serde(default)]
    own_later_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    disk: Option<Footprint>,
    warnings: Vec<PlanWarning>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    not_fixed: Option<Vec<NotFixed>>,
    #[serde(skip)]
    origin: PlanOrigin,
}

/// The origin of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PlanOrigin {
    /// Made by this process from a listing.
    Made,
    /// Read from a file that anyone may have written.
    #[default]
    Loaded,
}

/// A number of blobs and their total size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BlobCount {
    /// The number of blobs.
    pub blobs: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl From<Totals> for BlobCount {
    fn from(tally: Totals) -> Self {
        Self {
            blobs: tally.count,
            bytes: tally.bytes,
        }
    }
}

/// Blobs that stay for the same reason although no kept ref reaches them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBlobs {
    pub fate: BlobFate,
    /// Their number and size.
    #[serde(flatten)]
    pub count: BlobCount,
}

impl Plan {
    /// Adds the disk space that the deletions take.
    #[must_use]
    pub fn with_footprint(mut self, footprint: Footprint) -> Self {
        self.disk = Some(footprint);
        self
    }

    /// Returns the ID of the plan.
    pub fn id(&self) -> &PlanId {
        &self.id
    }

    /// Returns the source, as named by the user.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the location of the source.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the policy as text.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns the creation time.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Returns the grace period.
    pub fn grace(&self) -> SignedDuration {
        self.grace
    }

    /// Returns whether the blobs of deleted refs are deleted at once or wait.
    pub fn freed_blobs(&self) -> FreedBlobs {
        self.freed_blobs
    }

    /// Returns where deleted objects go.
    pub fn disposal(&self) -> Disposal {
        self.disposal
    }

    /// Returns whether it only moves items of this kind, so that they take space until the trash is
    /// emptied.
    pub fn moves_to_trash(&self, kind: ItemKind) -> bool {
        self.disposal == Disposal::Trash && matches!(kind, ItemKind::Blob | ItemKind::Partial)
    }

    /// Returns the fingerprint of the refs that it was made from.
    pub fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Returns whether it was read from a file and therefore cannot be trusted.
    pub fn is_loaded(&self) -> bool {
        self.origin == PlanOrigin::Loaded
    }

    /// Returns the deletions, refs first.
    pub fn delete(&self) -> &Deletions {
        &self.delete
    }

    /// Returns the number of refs among the deletions.
    pub fn refs(&self) -> usize {
        self.delete
            .leading(|target| matches!(target, DeletionTarget::Ref(_)))
    }

    /// Returns the number of items before the objects: deleted refs and rewritten refs.
    pub fn before_objects(&self) -> usize {
        self.delete
            .leading(|target| !matches!(target, DeletionTarget::Object(_)))
    }

    /// Returns the bytes that a later run will free because kept refs lose results.
    pub fn later_bytes(&self) -> u64 {
        let later = self.delete.rewrites().map(|rewrite| rewrite.later_bytes);
        later.fold(0, u64::saturating_add)
    }

    /// Returns the kept items, apart from live blobs.
    pub fn keep(&self) -> &[KeptItem] {
        &self.keep
    }

    /// Returns the blobs in the trash that a ref references again; the run restores them.
    pub fn restored(&self) -> &[Digest] {
        &self.restored
    }

    /// Returns the numbers of blobs, by reason, that stay although no kept ref reaches them.
    pub fn held(&self) -> &[HeldBlobs] {
        &self.held
    }

    /// Returns the blobs that kept refs reach.
    pub fn live(&self) -> BlobCount {
        self.live
    }

    /// Returns the waiting blobs; a later run deletes them after the grace period.
    pub fn waits(&self) -> BlobCount {
        self.waits
    }

    /// Returns whether a ref cannot be read, so that no blob is deleted.
    pub fn undetermined(&self) -> bool {
        self.undetermined
    }

    /// Returns whether the only reason for that is a store that withholds the content of its refs.
    pub fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// Returns whether the plan deletes every ref.
    pub fn drops_every_ref(&self) -> bool {
        self.drops_every_ref
    }

    /// Returns the budgets that cannot be met because of protection.
    pub fn unmet_budgets(&self) -> &[String] {
        &self.unmet_budgets
    }

    /// Returns the bytes of all deletions, each counted once.
    pub fn frees_bytes(&self) -> u64 {
        self.frees_bytes
    }

    /// Returns the number of deleted objects.
    pub fn frees_objects(&self) -> u64 {
        self.frees_objects
    }

    /// Returns the disk space that the deletions take, if measured.
    pub fn disk(&self) -> Option<Footprint> {
        self.disk
    }

    /// Returns the warnings to read before the run.
    pub fn warnings(&self) -> &[PlanWarning] {
        &self.warnings
    }

    /// Returns the findings that a repair cannot fix; `None` for the plan of a prune.
    pub fn not_fixed(&self) -> Option<&[NotFixed]> {
        self.not_fixed.as_deref()
    }

    /// Returns the deleted objects.
    pub fn objects(&self) -> impl Iterator<Item = ObjectName> {
        self.delete
            .iter()
            .filter_map(|item| match item.into_owned().target {
                DeletionTarget::Object(object) => Some(object.name),
                DeletionTarget::Ref(_) | DeletionTarget::Rewrite(_) => None,
            })
    }

    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.restored.is_empty()
    }
}

/// Returns the time since a change; a change in the future counts as now.
pub(super) fn age(then: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(then).max(SignedDuration::ZERO)
}

/// Returns a ref as a deletion target; `None` if its digest is unknown.
pub(super) fn ref_target(entry: &RefEntry) -> Option<RefTarget> {
    Some(RefTarget {
        names: names(entry),
        digest: entry.digest().valid()?,
        bytes: entry.facts().bytes,
    })
}

/// Returns all names of a ref; empty for an untagged one.
pub(super) fn names(entry: &RefEntry) -> Vec<String> {
    if entry.tagged {
        entry.names().map(str::to_owned).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
