//! The results of earlier scans of a source: its growth, and the refs that came and went.
//!
//! A [`ScanRecord`] holds the figures of one scan and its refs by name and digest. Records are kept
//! oldest first. [`ScanHistory::trim`] bounds them:
//!
//! - of the last [`ALL_DAYS`] days, all records, [`MOST_RECENT`] at most;
//! - of earlier days, the last record of each day, for [`MOST_DAYS`] days;
//! - the lists of refs stay with the newest records, [`MOST_REFS`] names in all. A record that has
//!   lost its list keeps its figures.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Inventory, InventoryTotals, RefKind, ScanProgress, StoreWarning};

/// For how many days every record stays.
pub const ALL_DAYS: i64 = 7;
/// How many records of these days stay at most.
pub const MOST_RECENT: usize = 200;
/// For how many days one record a day stays.
pub const MOST_DAYS: i64 = 400;
/// How many names of refs all records hold together at most.
pub const MOST_REFS: usize = 100_000;

/// Records of a shorter time say nothing about the growth per day.
const LEAST_SPAN: SignedDuration = SignedDuration::from_hours(24);
/// Growth is that of this time: what was before says little about the next days.
const GROWTH_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A quota that fills later than this is not forecast.
const FORECAST_DAYS: i64 = 3650;

/// The result of one scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// When it ended.
    pub at: Timestamp,
    /// How many refs there were.
    pub refs: u64,
    /// Everything that was stored.
    pub stored_bytes: u64,
    /// Reached by a ref.
    pub live_bytes: u64,
    /// Reached by no ref, where that was known.
    pub orphan_bytes: Option<u64>,
    /// Referenced and not stored.
    pub missing_bytes: u64,
    /// In the trash of earlier prunes.
    pub trash_bytes: u64,
    /// The quota of the store, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The refs; none when there were too many, or the list was dropped to save room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<RefRecord>>,
}

/// A ref at the time of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefRecord {
    /// Its first name.
    pub name: String,
    /// Its target, as the store has it.
    pub digest: String,
    pub kind: RefKind,
    /// The bytes of its blobs; none when it could not be read.
    pub bytes: Option<u64>,
}

impl ScanRecord {
    /// Makes the record of a scan that ended at `at`. None when the scan does not show all of the
    /// store.
    pub fn of(inventory: &Inventory, totals: &InventoryTotals, at: Timestamp) -> Option<Self> {
        let is_part = |warning: &StoreWarning| {
            matches!(warning, StoreWarning::Part(_) | StoreWarning::KeepsChanging)
        };
        if inventory.progress != ScanProgress::Complete || inventory.warnings.iter().any(is_part) {
            return None;
        }
        let list = inventory.refs.iter().map(|entry| RefRecord {
            name: entry.name.clone(),
            digest: entry.digest().to_string(),
            kind: entry.kind,
            bytes: (!entry.is_unreadable()).then_some(entry.sizes.bytes),
        });
        let refs = inventory.refs.len();
        Some(Self {
            at,
            refs: refs as u64,
            stored_bytes: totals.stored().bytes,
            live_bytes: totals.live.bytes,
            orphan_bytes: totals.orphan.map(|orphan| orphan.bytes),
            missing_bytes: totals.missing.bytes,
            trash_bytes: totals.trash.bytes,
            limit_bytes: inventory.surroundings.quota().map(|around| around.limit),
            list: (refs <= MOST_REFS / 4).then(|| list.collect()),
        })
    }
}

/// The records of a source, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanHistory {
    records: Vec<ScanRecord>,
}

/// How fast a source grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Bytes per day; negative when it shrinks.
    pub bytes_per_day: i64,
    /// The time over which that was seen.
    pub over: SignedDuration,
}

/// The refs that came, went or changed between two scans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RefChanges<'a> {
    /// Refs that the later scan has only.
    pub added: Vec<&'a RefRecord>,
    /// Refs that the earlier scan has only.
    pub removed: Vec<&'a RefRecord>,
    /// Refs that point to something else, before and after.
    pub changed: Vec<(&'a RefRecord, &'a RefRecord)>,
    /// How many refs are the same.
    pub same: usize,
}

impl ScanHistory {
    /// Takes records in any order.
    pub fn new(mut records: Vec<ScanRecord>) -> Self {
        records.sort_by_key(|record| record.at);
        Self { records }
    }

    /// Returns the records, the oldest first.
    pub fn records(&self) -> &[ScanRecord] {
        &self.records
    }

    /// Adds the record of a scan.
    pub fn add(&mut self, record: ScanRecord) {
        let place = self.records.partition_point(|known| known.at <= record.at);
        self.records.insert(place, record);
    }

    /// Drops records over the limits that the module describes.
    pub fn trim(&mut self, now: Timestamp) {
        let age = |record: &ScanRecord| now.duration_since(record.at).as_hours() / 24;
        let records = std::mem::take(&mut self.records);
        let mut days: BTreeMap<i64, ScanRecord> = BTreeMap::new();
        let mut recent: Vec<ScanRecord> = Vec::new();
        for record in records {
            match age(&record) {
                ALL_DAYS..=MOST_DAYS => {
                    // A later one of the same day takes the place.
                    days.insert(record.at.as_second().div_euclid(86_400), record);
                }
                ..ALL_DAYS => recent.push(record),
                _ => {}
            }
        }
        let over = recent.len().saturating_sub(MOST_RECENT);
        self.records = days
            .into_values()
            .chain(recent.into_iter().skip(over))
            .collect();
        let mut names = 0_usize;
        for record in self.records.iter_mut().rev() {
            names = names.saturating_add(record.list.as_ref().map_or(0, Vec::len));
            if names > MOST_REFS {
                record.list = None;
            }
        }
    }

    /// Returns the newest record that is not later than `time`.
    pub fn at(&self, time: Timestamp) -> Option<&ScanRecord> {
        let place = self.records.partition_point(|record| record.at <= time);
        place
            .checked_sub(1)
            .and_then(|place| self.records.get(place))
    }

    /// Returns the last scan and the one before it.
    pub fn last_two(&self) -> Option<(&ScanRecord, &ScanRecord)> {
        match self.records.as_slice() {
            [.., before, last] => Some((before, last)),
            _ => None,
        }
    }

    /// Returns how fast the source has grown over the last 30 days, by the straight line that fits
    /// the records best. None when they cover less than a day.
    pub fn growth(&self) -> Option<Growth> {
        let last = self.records.last()?.at;
        let is_near = |record: &&ScanRecord| last.duration_since(record.at) <= GROWTH_SPAN;
        let near: Vec<&ScanRecord> = self.records.iter().filter(is_near).collect();
        let over = last.duration_since(near.first()?.at);
        if over < LEAST_SPAN {
            return None;
        }
        let point = |record: &&ScanRecord| {
            let days = -last.duration_since(record.at).as_secs_f64() / 86_400.0;
            (days, record.stored_bytes as f64)
        };
        let points: Vec<(f64, f64)> = near.iter().map(point).collect();
        let count = points.len() as f64;
        let sum = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
        let days = sum(|point| point.0) / count;
        let bytes = sum(|point| point.1) / count;
        let mut shared = 0.0;
        let mut square = 0.0;
        for (day, size) in &points {
            shared += (day - days) * (size - bytes);
            square += (day - days) * (day - days);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let bytes_per_day = (shared / square).round() as i64;
        Some(Growth {
            bytes_per_day,
            over,
        })
    }

    /// Returns when the quota of the store is full if the source goes on growing as it does. None
    /// when it has no quota, does not grow, or that is more than ten years away.
    pub fn full_at(&self) -> Option<Timestamp> {
        let last = self.records.last()?;
        let limit = last.limit_bytes?;
        let growth = u64::try_from(self.growth()?.bytes_per_day).ok()?;
        let seconds = u128::from(limit.saturating_sub(last.stored_bytes)) * 86_400;
        let seconds = i64::try_from(seconds.checked_div(u128::from(growth))?).ok()?;
        if seconds > FORECAST_DAYS * 86_400 {
            return None;
        }
        last.at.checked_add(SignedDuration::from_secs(seconds)).ok()
    }

    /// Returns the stored bytes at `count` times between the first record and the last. Empty
    /// without two records of different times.
    pub fn trend(&self, count: usize) -> Vec<u64> {
        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else {
            return Vec::new();
        };
        let whole = last.at.duration_since(first.at).as_secs();
        if whole <= 0 || count < 2 {
            return Vec::new();
        }
        let steps = i64::try_from(count - 1).unwrap_or(i64::MAX);
        let value = |step: i64| {
            let seconds = i128::from(whole) * i128::from(step) / i128::from(steps);
            let after = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(whole));
            let time = if step == steps {
                last.at
            } else {
                first.at.checked_add(after).unwrap_or(last.at)
            };
            self.at(time).map_or(0, |record| record.stored_bytes)
        };
        (0..=steps).map(value).collect()
    }
}

/// Compares the refs of two scans by name. None when one of them has no list.
pub fn ref_changes<'a>(before: &'a ScanRecord, after: &'a ScanRecord) -> Option<RefChanges<'a>> {
    let by_name = |record: &'a ScanRecord| {
        let list = record.list.as_ref()?;
        let named = list.iter().map(|entry| (entry.name.as_str(), entry));
        Some(named.collect::<BTreeMap<&str, &RefRecord>>())
    };
    let old = by_name(before)?;
    let new = by_name(after)?;
    let mut changes = RefChanges::default();
    for (name, entry) in &new {
        match old.get(name) {
            None => changes.added.push(entry),
            Some(known) if known.digest == entry.digest => changes.same += 1,
            Some(known) => changes.changed.push((known, entry)),
        }
    }
    let removed = old.iter().filter(|(name, _)| !new.contains_key(*name));
    changes.removed = removed.map(|(_, entry)| *entry).collect();
    Some(changes)
}

#[cfg(test)]
mod tests;
