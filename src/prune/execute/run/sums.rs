//! The bytes that a run has freed and moved so far.

use super::PlanRun;
use crate::backend::Outcome;

impl PlanRun<'_> {
    fn bytes(&self, item: usize) -> u64 {
        self.plan.delete().at(item).target.bytes()
    }

    pub(super) fn goes_to_trash(&self, item: usize) -> bool {
        let kind = self.plan.delete().at(item).target.kind();
        self.plan.moves_to_trash(kind)
    }

    pub(super) fn trashed_bytes(&self) -> u64 {
        self.bytes_where(|item| self.is_in_trash(item))
    }

    /// Returns the bytes of deleted blobs that had no hard link outside.
    pub(super) fn freed_bytes(&self) -> u64 {
        self.bytes_where(|item| {
            self.outcomes[item] == Some(Outcome::Done)
                && !self.goes_to_trash(item)
                && !self.linked.contains(&item)
        })
    }

    fn bytes_where(&self, counts: impl Fn(usize) -> bool) -> u64 {
        (0..self.outcomes.len())
            .filter(|item| counts(*item))
            .map(|item| self.bytes(item))
            .fold(0, u64::saturating_add)
    }

    /// Returns whether an item was moved to the trash and not restored.
    pub(in crate::prune::execute) fn is_in_trash(&self, item: usize) -> bool {
        self.outcomes[item] == Some(Outcome::Done) && self.goes_to_trash(item)
    }
}
