//! The data of a scan for the screens, computed once per snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::backend::WithheldReason;
use crate::inventory::blobs::{Blob, BlobId};
use crate::inventory::history::ScanHistory;
use crate::inventory::{Inventory, InventoryTotals, RefEntry, ScanProgress};
use crate::retention::Verdicts;

/// The number of days that [`AgeBytes`] distinguishes.
pub const DAYS: usize = 90;

/// An inventory with its sums.
#[derive(Debug, Clone)]
pub struct ScannedInventory {
    /// The inventory so far.
    pub inventory: Arc<Inventory>,
    /// Its sums by state.
    pub totals: InventoryTotals,
    /// Its bytes by age.
    pub ages: AgeBytes,
    /// The verdicts of the policy on its refs, once the scan has ended.
    pub verdicts: Option<Arc<Verdicts>>,
    /// What earlier scans found, with this one, where records are kept.
    pub past: Option<Arc<ScanHistory>>,
}

impl ScannedInventory {
    /// Sums up an inventory, as of `now`.
    pub fn new(inventory: Inventory, now: Timestamp) -> Self {
        let totals = inventory.totals();
        let ages = AgeBytes::of(&inventory, now);
        Self {
            inventory: Arc::new(inventory),
            totals,
            ages,
            verdicts: None,
            past: None,
        }
    }

    /// Returns whether the listing is complete, so that unlisted blobs are missing.
    pub fn is_complete(&self) -> bool {
        self.inventory.progress == ScanProgress::Complete
    }

    /// Returns the number of refs that a build cannot use as they are, as far as known.
    pub fn broken_refs(&self) -> usize {
        let is_broken = |entry: &&RefEntry| {
            entry.withheld().is_none()
                && (!entry.faults.is_empty() || entry.sizes.missing_blobs > 0)
        };
        self.inventory.refs.iter().filter(is_broken).count()
    }

    /// Returns why the store withholds the content of some refs, if it does; this is not a fault.
    pub fn withheld(&self) -> Option<&WithheldReason> {
        self.inventory.refs.iter().find_map(RefEntry::withheld)
    }
}

/// The bytes of stored blobs, by days since their last write or touch; if the store does not report
/// that, by the age of the youngest ref that reaches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeBytes {
    days: Box<[ByUse; DAYS]>,
    older: ByUse,
}

/// Bytes of blobs, parted by whether a ref reaches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByUse {
    /// A ref reaches them, or it is not known that none does.
    pub live: u64,
    /// No ref reaches them.
    pub orphan: u64,
}

impl ByUse {
    /// Returns all of them.
    pub fn all(self) -> u64 {
        self.live.saturating_add(self.orphan)
    }

    fn sum(parts: &[Self]) -> Self {
        let mut sum = Self::default();
        for part in parts {
            sum.add(*part);
        }
        sum
    }

    fn add(&mut self, other: Self) {
        self.live = self.live.saturating_add(other.live);
        self.orphan = self.orphan.saturating_add(other.orphan);
    }
}

impl Default for AgeBytes {
    fn default() -> Self {
        Self {
            days: Box::new([ByUse::default(); DAYS]),
            older: ByUse::default(),
        }
    }
}

impl AgeBytes {
    fn of(inventory: &Inventory, now: Timestamp) -> Self {
        let mut ages = Self::default();
        let knows_orphans = inventory.totals().orphan.is_some();
        let mut youngest: HashMap<BlobId, Timestamp> = HashMap::new();
        // A store without a listing reports no times.
        for entry in inventory
            .refs
            .iter()
            .filter(|_| inventory.unlisted.is_some())
        {
            let Some((time, _)) = entry.age() else {
                continue;
            };
            for blob in entry.reach.iter() {
                youngest
                    .entry(*blob)
                    .and_modify(|youngest| *youngest = time.max(*youngest))
                    .or_insert(time);
            }
        }
        for blob in inventory.blobs.iter().filter(Blob::is_stored) {
            let Some(modified) = blob
                .modified()
                .or_else(|| youngest.get(&blob.id()).copied())
            else {
                continue;
            };
            let days = now.duration_since(modified).as_hours().max(0) / 24;
            let bytes = blob.stored_size();
            let is_orphan = knows_orphans && blob.refs() == 0;
            let bytes = if is_orphan {
                ByUse {
                    orphan: bytes,
                    ..ByUse::default()
                }
            } else {
                ByUse {
                    live: bytes,
                    ..ByUse::default()
                }
            };
            ages.put(days, bytes);
        }
        ages
    }

    /// Adds bytes of that age in days.
    pub(super) fn put(&mut self, days: i64, bytes: ByUse) {
        let day = usize::try_from(days).ok();
        let day = day.and_then(|day| self.days.get_mut(day));
        day.unwrap_or(&mut self.older).add(bytes);
    }

    /// Adds the bytes of another source.
    pub fn add(&mut self, other: &Self) {
        for (day, bytes) in self.days.iter_mut().zip(other.days.iter()) {
            day.add(*bytes);
        }
        self.older.add(other.older);
    }

    /// Returns the bytes by maximum age.
    pub fn buckets(&self) -> [(&'static str, ByUse); 5] {
        let sum = |range: std::ops::Range<usize>| ByUse::sum(&self.days[range]);
        [
            ("<1d", sum(0..1)),
            ("<7d", sum(1..7)),
            ("<30d", sum(7..30)),
            ("<90d", sum(30..DAYS)),
            ("older", self.older),
        ]
    }

    /// Returns the bytes by `span` weeks, the newest first, and at the end those of all older blobs.
    pub fn by_weeks(&self, span: usize) -> Vec<ByUse> {
        let parts = self.days.chunks(7 * span.max(1));
        let mut parts: Vec<ByUse> = parts.map(ByUse::sum).collect();
        parts.push(self.older);
        parts
    }

    /// Returns the bytes of the last 90 days in `parts` equal parts, the oldest first.
    pub fn spread(&self, parts: usize) -> Vec<u64> {
        let mut spread = vec![0u64; parts];
        for (day, bytes) in self.days.iter().enumerate() {
            if let Some(part) = spread.get_mut((DAYS - 1 - day) * parts / DAYS) {
                *part = part.saturating_add(bytes.all());
            }
        }
        spread
    }
}
