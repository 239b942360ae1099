//! What the screens show of a scan, computed once for each snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::inventory::blobs::{Blob, BlobId};
use crate::inventory::{Inventory, Progress, RefEntry, Totals};
use crate::retention::Verdicts;

/// How many days [`AgeBytes`] tells apart.
pub const DAYS: usize = 90;

/// An inventory with its sums.
#[derive(Debug, Clone)]
pub struct Found {
    /// What the scan found so far.
    pub inventory: Arc<Inventory>,
    /// Its sums by state.
    pub totals: Totals,
    /// Its bytes by age.
    pub ages: AgeBytes,
    /// What the policy says of its refs, when the scan has ended.
    pub verdicts: Option<Arc<Verdicts>>,
}

impl Found {
    /// Sums an inventory up, as of `now`.
    pub fn new(inventory: Inventory, now: Timestamp) -> Self {
        let (totals, ages) = (inventory.totals(), AgeBytes::of(&inventory, now));
        Self { inventory: Arc::new(inventory), totals, ages, verdicts: None }
    }

    /// Tells whether the listing has ended, so that what is not there is missing.
    pub fn is_complete(&self) -> bool {
        self.inventory.progress == Progress::Complete
    }

    /// Returns how many refs a build cannot use as they are, as far as that is known.
    pub fn broken_refs(&self) -> usize {
        let is_broken =
            |entry: &&RefEntry| entry.sealed().is_none() && (!entry.faults.is_empty() || entry.sizes.missing_blobs > 0);
        self.inventory.refs.iter().filter(is_broken).count()
    }

    /// Returns why what some refs name is not known, where that is so for nobody's fault.
    pub fn sealed(&self) -> Option<&str> {
        self.inventory.refs.iter().find_map(RefEntry::sealed)
    }
}

/// The bytes of stored blobs, by the days since they were written or touched; where the store does not tell that, by the age
/// of the youngest ref that reaches them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeBytes {
    days: Box<[u64; DAYS]>,
    older: u64,
}

impl Default for AgeBytes {
    fn default() -> Self {
        Self { days: Box::new([0; DAYS]), older: 0 }
    }
}

impl AgeBytes {
    fn of(inventory: &Inventory, now: Timestamp) -> Self {
        let mut ages = Self::default();
        let mut youngest: HashMap<BlobId, Timestamp> = HashMap::new();
        // A store that lists nothing tells no times.
        for entry in inventory.refs.iter().filter(|_| inventory.unlisted.is_some()) {
            let Some((time, _)) = entry.age() else { continue };
            for blob in &entry.reach {
                youngest.entry(*blob).and_modify(|youngest| *youngest = time.max(*youngest)).or_insert(time);
            }
        }
        for blob in inventory.blobs.iter().filter(Blob::is_stored) {
            let Some(modified) = blob.modified().or_else(|| youngest.get(&blob.id()).copied()) else { continue };
            let days = now.duration_since(modified).as_hours().max(0) / 24;
            let day = usize::try_from(days).ok().and_then(|day| ages.days.get_mut(day)).unwrap_or(&mut ages.older);
            *day = day.saturating_add(blob.stored_size());
        }
        ages
    }

    /// Adds those of another source.
    pub fn add(&mut self, other: &Self) {
        for (day, bytes) in self.days.iter_mut().zip(other.days.iter()) {
            *day = day.saturating_add(*bytes);
        }
        self.older = self.older.saturating_add(other.older);
    }

    /// Returns the bytes by how old they are at most.
    pub fn buckets(&self) -> [(&'static str, u64); 5] {
        let sum =
            |range: std::ops::Range<usize>| self.days[range].iter().fold(0, |sum: u64, day| sum.saturating_add(*day));
        [("<1d", sum(0..1)), ("<7d", sum(1..7)), ("<30d", sum(7..30)), ("<90d", sum(30..DAYS)), ("older", self.older)]
    }

    /// Returns the bytes of the last 90 days in `parts` equal parts, the oldest first.
    pub fn spread(&self, parts: usize) -> Vec<u64> {
        let mut spread = vec![0u64; parts];
        for (day, bytes) in self.days.iter().enumerate() {
            if let Some(part) = spread.get_mut((DAYS - 1 - day) * parts / DAYS) {
                *part = part.saturating_add(*bytes);
            }
        }
        spread
    }
}
