//! What a store with a quota evicts next, and which builds can read what of it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Inventory;

/// When something is evicted, unless somebody uses it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eviction {
    /// When it goes because nobody has asked for it; none when its last use is not known.
    pub idle_at: Option<Timestamp>,
    /// How many bytes must be written before it goes for lack of room; 0 for what goes already.
    pub after_bytes: u64,
}

/// When what is evicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evictions {
    /// In the inventory's order.
    pub refs: Vec<Eviction>,
    /// In the inventory's order.
    pub entries: Vec<Eviction>,
    /// The bytes that everything takes.
    pub used_bytes: u64,
    /// The bytes that are free.
    pub headroom_bytes: u64,
}

/// What builds on a branch read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visibility {
    /// The branch, in full.
    pub branch: String,
    /// The branches whose caches they read, their own first.
    pub reads: Vec<String>,
    /// The branches that have caches which they cannot see.
    pub cannot_see: Vec<String>,
}

impl Inventory {
    /// Foretells what is evicted when, as GitHub evicts: after days without a use, and what was used longest ago when there
    /// is no room. None for a store without a quota.
    pub fn evictions(&self) -> Option<Evictions> {
        let around = self.around.as_ref()?;
        let refs = self.refs.iter().map(|entry| {
            let facts = entry.facts();
            (facts.used.or(facts.modified), facts.bytes, &entry.name)
        });
        let entries = self.entries.iter().map(|entry| (entry.used.or(Some(entry.created)), entry.size, &entry.name));
        let all: Vec<_> = refs.chain(entries).collect();
        let used_bytes = all.iter().fold(0_u64, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        let headroom_bytes = around.limit.saturating_sub(used_bytes);
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|place| (all[*place].0, all[*place].2));
        let mut evictions = vec![Eviction { idle_at: None, after_bytes: 0 }; all.len()];
        let mut after_bytes = headroom_bytes;
        for place in order {
            let (last, bytes, _) = all[place];
            let idle_at = last.and_then(|last| last.checked_add(around.idle).ok());
            evictions[place] = Eviction { idle_at, after_bytes };
            after_bytes = after_bytes.saturating_add(bytes);
        }
        let entries = evictions.split_off(self.refs.len());
        Some(Evictions { refs: evictions, entries, used_bytes, headroom_bytes })
    }

    /// Returns the branch of each ref and entry that has one.
    pub fn branches(&self) -> impl Iterator<Item = &String> {
        let of_refs = self.refs.iter().filter_map(|entry| entry.facts().branch.as_ref());
        of_refs.chain(self.entries.iter().map(|entry| &entry.branch))
    }

    /// Tells which builds read which caches, branch by branch; those of branches that are gone read none. Empty for a store
    /// without a quota.
    pub fn visibility(&self) -> Vec<Visibility> {
        let Some(around) = self.around.as_ref() else { return Vec::new() };
        let branches: BTreeSet<&String> = self.branches().collect();
        let there = branches.iter().filter(|branch| !around.is_gone(branch));
        let seen = there.map(|branch| {
            let reads = around.readable(branch);
            let hidden = branches.iter().filter(|other| !reads.contains(other));
            Visibility { branch: (*branch).clone(), cannot_see: hidden.map(|other| (*other).clone()).collect(), reads }
        });
        seen.collect()
    }
}
