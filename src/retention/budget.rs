//! Budgets: after the rules, refs are dropped until the source is within its limits.

use std::cmp::Reverse;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::decide::DecisionInput;
use super::facts::{Knowledge, RefFacts};
use super::follow::Followers;
use super::policy::Budget;
use super::verdict::{Reason, Verdict};
use crate::inventory::Inventory;
use crate::inventory::blobs::BlobTable;
use crate::text::units::{ExactSize, Size};

/// The size of a store, and the bytes that dropping a ref frees.
pub trait BudgetStore {
    /// Returns the bytes that the remaining refs reach together.
    fn bytes(&self) -> u64;

    /// Returns the free bytes of the file system, if known. They may include bytes that the
    /// deletion of other objects frees.
    fn free(&self) -> Option<u64>;

    /// Removes the ref with the index `place`; returns the bytes that no remaining ref reaches.
    fn leave_out(&mut self, place: usize) -> u64;
}

/// A limit of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The number of refs.
    MaxRefs(u64),
    /// The bytes in the store.
    MaxSize(u64),
    /// The free bytes of the file system.
    MinFree(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRefs(1) => f.write_str("the budget of 1 ref"),
            Self::MaxRefs(refs) => write!(f, "the budget of {refs} refs"),
            Self::MaxSize(bytes) => write!(f, "the budget of {}", ExactSize(*bytes)),
            Self::MinFree(bytes) => write!(f, "the budget that leaves {} free", ExactSize(*bytes)),
        }
    }
}

/// The outcome of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BudgetOutcome {
    pub limit: Limit,
    /// The resulting number of refs or bytes; `None` if unknown.
    pub reached: Option<u64>,
}

impl BudgetOutcome {
    /// Returns whether the limit cannot be met, because the remaining refs are protected or
    /// undecided.
    pub fn is_unreachable(&self) -> bool {
        self.reached
            .is_some_and(|reached| self.limit.is_exceeded_by(reached))
    }
}

impl fmt::Display for BudgetOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(reached) = self.reached else {
            return write!(f, "{} cannot be measured here", self.limit);
        };
        let verb = if self.is_unreachable() {
            "cannot be met"
        } else {
            "is met"
        };
        match self.limit {
            Limit::MaxRefs(_) => write!(f, "{} {verb}: {reached} are kept", self.limit),
            Limit::MaxSize(_) => write!(f, "{} {verb}: {} are kept", self.limit, Size(reached)),
            Limit::MinFree(_) => write!(f, "{} {verb}: {} will be free", self.limit, Size(reached)),
        }
    }
}

impl Budget {
    fn limits(self) -> Vec<Limit> {
        let limits = [
            self.max_refs.map(Limit::MaxRefs),
            self.max_size.map(Limit::MaxSize),
            self.min_free.map(Limit::MinFree),
        ];
        limits.into_iter().flatten().collect()
    }
}

impl Limit {
    fn is_exceeded_by(self, measure: u64) -> bool {
        match self {
            Self::MaxRefs(limit) | Self::MaxSize(limit) => measure > limit,
            Self::MinFree(limit) => measure < limit,
        }
    }
}

/// The measures of budgets, updated as refs are dropped.
struct Measures<'a> {
    store: &'a mut dyn BudgetStore,
    refs: u64,
    freed: u64,
}

impl Measures<'_> {
    fn of(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::MaxRefs(_) => Some(self.refs),
            Limit::MaxSize(_) => Some(self.store.bytes()),
            Limit::MinFree(_) => self
                .store
                .free()
                .map(|free| free.saturating_add(self.freed)),
        }
    }

    /// Removes a ref; returns the bytes that this frees.
    fn leave_out(&mut self, place: usize, facts: &RefFacts) -> u64 {
        let frees = self.store.leave_out(place);
        self.freed = self.freed.saturating_add(frees);
        self.refs -= u64::from(facts.is_ref());
        frees
    }
}

/// Drops refs until the budget of the policy is met or no more may be dropped, the least recently
/// used first.
pub(super) fn enforce(
    input: &DecisionInput<'_>,
    followers: &Followers,
    verdicts: &mut [Verdict],
    store: &mut dyn BudgetStore,
) -> Vec<BudgetOutcome> {
    let limits = input.policy.budget.limits();
    if limits.is_empty() {
        return Vec::new();
    }
    let refs = input.facts.iter().filter(|facts| facts.is_ref()).count() as u64;
    let mut measures = Measures {
        store,
        refs,
        freed: 0,
    };
    for (place, facts) in input
        .facts
        .iter()
        .enumerate()
        .filter(|(place, _)| verdicts[*place].is_drop())
    {
        measures.leave_out(place, facts);
    }
    for place in candidates(input, verdicts) {
        let facts = &input.facts[place];
        // A previous version is no ref of its own, and the bytes that a withheld ref frees are
        // mostly unknown.
        let exceeded = limits.iter().copied().find(|limit| {
            (if matches!(limit, Limit::MaxRefs(_)) {
                facts.is_ref()
            } else {
                facts.knowledge != Knowledge::Withheld
            }) && measures
                .of(*limit)
                .is_some_and(|measure| limit.is_exceeded_by(measure))
        });
        if let Some(limit) = exceeded {
            let frees = measures.leave_out(place, facts);
            verdicts[place] = Verdict::Drop(vec![Reason::Evicted {
                limit,
                unused: input.unused(place),
                frees,
            }]);
            for follower in followers.settle(input, verdicts) {
                measures.leave_out(follower, &input.facts[follower]);
            }
        }
    }
    limits
        .iter()
        .map(|limit| BudgetOutcome {
            limit: *limit,
            reached: measures.of(*limit),
        })
        .collect()
}

/// Returns the refs that a budget may drop, the least recently used first.
fn candidates(input: &DecisionInput<'_>, verdicts: &[Verdict]) -> Vec<usize> {
    let may_delete = |place: &usize| {
        matches!(verdicts[*place], Verdict::Keep(_))
            && input.facts[*place].belongs.is_none()
            && !input.is_protected(*place)
            && input.protections(*place).is_empty()
    };
    let mut places: Vec<usize> = (0..input.facts.len()).filter(may_delete).collect();
    places.sort_by_cached_key(|place| {
        let facts = &input.facts[*place];
        // Of refs of the same time, the later name is first, as in the rules.
        Reverse((
            input.unused(*place),
            facts.name.clone(),
            facts.digest.clone(),
        ))
    });
    places
}

/// An inventory as a [`BudgetStore`]: it counts the remaining refs that reach each blob.
pub struct SharedBlobs<'a> {
    inventory: &'a Inventory,
    /// How many remaining refs reach each blob.
    refs: Vec<u32>,
    bytes: u64,
    free: Option<u64>,
}

impl<'a> SharedBlobs<'a> {
    /// Counts all refs of `inventory`; `free` are the free bytes of its file system.
    pub fn new(inventory: &'a Inventory, free: Option<u64>) -> Self {
        let refs: Vec<u32> = inventory.blobs.iter().map(|blob| blob.refs()).collect();
        let reached = inventory.blobs.iter().filter(|blob| blob.refs() > 0);
        let bytes = reached.fold(0, |bytes: u64, blob| {
            bytes.saturating_add(blob.stored_size())
        });
        let own = inventory
            .refs
            .iter()
            .map(|entry| entry.facts().bytes)
            .fold(0, u64::saturating_add);
        // If a quota counts everything, so does a budget; orphans are deleted anyway.
        let bytes = if inventory.surroundings.quota().is_some() {
            let totals = inventory.totals();
            let orphan = totals.orphan.map_or(0, |orphan| {
                orphan.bytes.saturating_sub(totals.superseded.bytes)
            });
            totals.stored().bytes.saturating_sub(orphan)
        } else {
            bytes.saturating_add(own)
        };
        Self {
            inventory,
            refs,
            bytes,
            free,
        }
    }
}

impl BudgetStore for SharedBlobs<'_> {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn free(&self) -> Option<u64> {
        self.free
    }

    fn leave_out(&mut self, place: usize) -> u64 {
        let blobs: &BlobTable = &self.inventory.blobs;
        let own = match self.inventory.refs.get(place) {
            Some(entry) => entry.facts().bytes,
            None => self
                .inventory
                .entries
                .get(place - self.inventory.refs.len())
                .map_or(0, |entry| entry.size),
        };
        let mut freed: u64 = own;
        for id in self
            .inventory
            .refs
            .get(place)
            .map_or(&[][..], |entry| &*entry.reach)
        {
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
