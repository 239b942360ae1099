//! The deletions of a plan, arranged for looking up.

use std::collections::HashSet;

use super::digest;
use crate::backend::RefTarget;
use crate::format::digest::Digest;
use crate::inventory::blobs::BlobId;
use crate::inventory::{Inventory, RefEntry};
use crate::prune::plan::{Plan, ref_target};

/// The deletions of a plan, indexed by kind.
pub(super) struct DeletedSet<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) refs: HashSet<&'a RefTarget>,
    /// In the order of the blob table.
    pub(super) blobs: Vec<bool>,
}

impl<'a> DeletedSet<'a> {
    pub(super) fn of(plan: &'a Plan, inventory: &'a Inventory) -> Self {
        let mut blobs = vec![false; inventory.blobs.len()];
        // Unknown blobs are detected when the objects are checked.
        let places = plan
            .objects()
            .filter_map(|name| inventory.blobs.find(&digest(&name)?));
        for id in places {
            blobs[id.0 as usize] = true;
        }
        Self {
            inventory,
            refs: plan.delete.refs().collect(),
            blobs,
        }
    }

    pub(super) fn has_ref(&self, entry: &RefEntry) -> bool {
        ref_target(entry).is_some_and(|target| self.refs.contains(&target))
    }

    pub(super) fn has(&self, blob: BlobId) -> bool {
        self.blobs[blob.0 as usize]
    }

    pub(super) fn has_blob(&self, digest: &Digest) -> bool {
        self.inventory
            .blobs
            .find(digest)
            .is_some_and(|id| self.has(id))
    }
}
