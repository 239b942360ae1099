//! Budgets: after the rules, refs go until the source takes no more than it may.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::inventory::Inventory;
use crate::inventory::blobs::BlobTable;
use crate::units::Size;

/// What a store takes, and what leaving a ref out really frees.
pub trait Store {
    /// Returns the bytes of what the refs that are left reach together.
    fn bytes(&self) -> u64;

    /// Returns the bytes that are free where it lies, when that is known.
    fn free(&self) -> Option<u64>;

    /// Leaves out the ref at `place` among the facts; returns the bytes that no ref that is left reaches.
    fn leave_out(&mut self, place: usize) -> u64;
}

/// A limit of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The number of refs.
    MaxRefs(u64),
    /// Bytes in the store.
    MaxSize(u64),
    /// Bytes free where it lies.
    MinFree(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRefs(refs) => write!(f, "the budget of {refs} refs"),
            Self::MaxSize(bytes) => write!(f, "the budget of {}", Size(*bytes)),
            Self::MinFree(bytes) => write!(f, "the budget that leaves {} free", Size(*bytes)),
        }
    }
}

/// What became of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BudgetOutcome {
    /// The limit.
    pub limit: Limit,
    /// The number of refs, or bytes, that there will be; absent when nobody can tell.
    pub reached: Option<u64>,
}

impl BudgetOutcome {
    /// Tells whether the limit holds.
    pub fn is_met(&self) -> bool {
        match (self.limit, self.reached) {
            (Limit::MaxRefs(limit) | Limit::MaxSize(limit), Some(reached)) => reached <= limit,
            (Limit::MinFree(limit), Some(reached)) => reached >= limit,
            (_, None) => false,
        }
    }
}

/// An inventory as a [`Store`]: it counts, for each blob, the refs that are left and reach it.
pub struct SharedBlobs<'a> {
    inventory: &'a Inventory,
    /// How many refs that are left reach each blob.
    refs: Vec<u32>,
    bytes: u64,
    free: Option<u64>,
}

impl<'a> SharedBlobs<'a> {
    /// Counts for all refs of `inventory`; `free` are the bytes that are free where it lies.
    pub fn new(inventory: &'a Inventory, free: Option<u64>) -> Self {
        let refs: Vec<u32> = inventory.blobs.iter().map(|blob| blob.refs()).collect();
        let reached = inventory.blobs.iter().filter(|blob| blob.refs() > 0);
        let bytes = reached.fold(0, |bytes: u64, blob| bytes.saturating_add(blob.stored_size()));
        Self { inventory, refs, bytes, free }
    }
}

impl Store for SharedBlobs<'_> {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn free(&self) -> Option<u64> {
        self.free
    }

    fn leave_out(&mut self, place: usize) -> u64 {
        let blobs: &BlobTable = &self.inventory.blobs;
        let mut freed: u64 = 0;
        for id in self.inventory.refs.get(place).map_or(&[][..], |entry| &entry.reach) {
            let refs = &mut self.refs[id.0 as usize];
            *refs = refs.saturating_sub(1);
            if *refs == 0 {
                freed = freed.saturating_add(blobs.get(*id).stored_size());
            }
        }
        self.bytes = self.bytes.saturating_sub(freed);
        freed
    }
}
