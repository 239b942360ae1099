//! The next evictions of a store with a quota, and the caches that each branch's builds can read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Inventory;

/// The eviction of an entry, unless it is used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eviction {
    /// The time at which it is evicted for lack of use; `None` if its last use is unknown.
    pub idle_at: Option<Timestamp>,
    /// The bytes that must be written before it is evicted for lack of room; 0 if it is due
    /// already.
    pub after_bytes: u64,
}

/// The expected evictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evictions {
    /// In the order of the inventory.
    pub refs: Vec<Eviction>,
    /// In the order of the inventory.
    pub entries: Vec<Eviction>,
    /// The total bytes in use.
    pub used_bytes: u64,
    /// The free bytes.
    pub headroom_bytes: u64,
}

/// The caches that builds on a branch can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visibility {
    /// The full name of the branch.
    pub branch: String,
    /// The branches whose caches they can read, their own first.
    pub reads: Vec<String>,
    /// The branches with caches that they cannot read.
    pub cannot_see: Vec<String>,
}

impl Inventory {
    /// Predicts evictions by GitHub's rules: entries unused for some days, and the least recently
    /// used ones when room runs out. `None` for a store without a quota.
    pub fn evictions(&self) -> Option<Evictions> {
        let around = self.surroundings.quota()?;
        let refs = self.refs.iter().map(|entry| {
            let facts = entry.facts();
            (facts.used.or(facts.modified), facts.bytes, &entry.name)
        });
        let entries = self
            .entries
            .iter()
            .map(|entry| (entry.used.or(Some(entry.created)), entry.size, &entry.name));
        let all: Vec<_> = refs.chain(entries).collect();
        let used_bytes = all
            .iter()
            .fold(0_u64, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        let headroom_bytes = around.limit.saturating_sub(used_bytes);
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|place| (all[*place].0, all[*place].2));
        let mut evictions = vec![
            Eviction {
                idle_at: None,
                after_bytes: 0
            };
            all.len()
        ];
        let mut after_bytes = headroom_bytes;
        for place in order {
            let (last, bytes, _) = all[place];
            let idle_at = last.and_then(|last| last.checked_add(around.idle).ok());
            evictions[place] = Eviction {
                idle_at,
                after_bytes,
            };
            after_bytes = after_bytes.saturating_add(bytes);
        }
        let entries = evictions.split_off(self.refs.len());
        Some(Evictions {
            refs: evictions,
            entries,
            used_bytes,
            headroom_bytes,
        })
    }

    /// Returns the branch of each ref and entry that has one.
    pub fn branches(&self) -> impl Iterator<Item = &String> {
        let of_refs = self
            .refs
            .iter()
            .filter_map(|entry| entry.facts().branch.as_ref());
        of_refs.chain(self.entries.iter().map(|entry| &entry.branch))
    }

    /// Returns, for each branch, the caches that its builds can read; builds of deleted branches
    /// read none. Empty for a store without a quota.
    pub fn visibility(&self) -> Vec<Visibility> {
        let Some(around) = self.surroundings.quota() else {
            return Vec::new();
        };
        let branches: BTreeSet<&String> = self.branches().collect();
        let there = branches.iter().filter(|branch| !around.is_gone(branch));
        let seen = there.map(|branch| {
            let reads = around.readable(branch);
            let hidden = branches.iter().filter(|other| !reads.contains(other));
            Visibility {
                branch: (*branch).clone(),
                cannot_see: hidden.map(|other| (*other).clone()).collect(),
                reads,
            }
        });
        seen.collect()
    }
}
