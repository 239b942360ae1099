//! The size of a store, computed differently from the program.

use std::collections::HashSet;

use cachelens::retention::BudgetStore;

/// A store with the simplest possible count.
pub struct NaiveStore {
    /// The blobs of each ref that is left.
    pub refs: Vec<Option<Vec<(String, u64)>>>,
    /// The free bytes of its file system.
    pub free: Option<u64>,
}

impl BudgetStore for NaiveStore {
    fn bytes(&self) -> u64 {
        let distinct: HashSet<&(String, u64)> = self.refs.iter().flatten().flatten().collect();
        distinct.into_iter().map(|(_, bytes)| bytes).sum()
    }

    fn free(&self) -> Option<u64> {
        self.free
    }

    fn leave_out(&mut self, place: usize) -> u64 {
        let before = self.bytes();
        self.refs[place] = None;
        before - self.bytes()
    }
}
