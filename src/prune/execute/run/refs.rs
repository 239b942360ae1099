//! Deletes the refs of a plan, and writes refs again.

use std::ops::Range;

use super::{PlanRun, why};
use crate::backend::{Outcome, RefRewrite, RefTarget, Skip};
use crate::prune::execute::RunStep;
use crate::prune::journal::Journal;

impl PlanRun<'_> {
    /// Deletes refs; returns whether the store may have changed.
    pub(super) async fn drop_refs(&mut self, refs: Range<usize>) -> bool {
        let open = self.present(refs.clone());
        if open.is_empty() {
            return false;
        }
        if self.is_over() || !self.note(|journal| journal.begin(refs)) {
            self.conclude_all(&open, &Outcome::Cancelled);
            return false;
        }
        self.reached(RunStep::Begun);
        let targets: Vec<RefTarget> = open
            .iter()
            .filter_map(|item| self.ref_target(*item))
            .collect();
        let removed = self.pruner.delete_refs(self.plan.id(), targets).await;
        self.reached(RunStep::Deleted);
        match removed {
            Ok(outcomes) => {
                for (item, outcome) in open.into_iter().zip(outcomes) {
                    // An absent item that an interrupted run had started was deleted by that run.
                    let done = outcome == Outcome::AlreadyGone && self.begun[item];
                    self.conclude(item, if done { Outcome::Done } else { outcome });
                }
            }
            Err(error) => {
                if error.is_storage_full() {
                    self.without_room.extend(&open);
                }
                self.conclude_all(&open, &Outcome::Failed(why(&error)));
            }
        }
        self.note(Journal::sync);
        self.reached(RunStep::Journaled(self.plan.refs()));
        true
    }

    /// Returns the unfinished items that the listing contains; concludes that the others are gone.
    fn present(&mut self, items: Range<usize>) -> Vec<usize> {
        let open = items.filter(|item| self.outcomes[*item].is_none());
        let (absent, present): (Vec<usize>, Vec<usize>) =
            open.partition(|item| self.proof.is_absent(*item));
        for item in absent {
            // An absent item that an interrupted run had started was deleted by that run.
            let begun = self.begun[item];
            self.conclude(
                item,
                if begun {
                    Outcome::Done
                } else {
                    Outcome::AlreadyGone
                },
            );
        }
        present
    }

    /// Points refs to their new documents; returns whether the store may have changed.
    pub(super) async fn rewrite_refs(&mut self, rewrites: Range<usize>) -> bool {
        let open = self.present(rewrites.clone());
        if open.is_empty() {
            return false;
        }
        if self.is_over() || !self.note(|journal| journal.begin(rewrites.clone())) {
            self.conclude_all(&open, &Outcome::Cancelled);
            return false;
        }
        self.reached(RunStep::Begun);
        let targets: Vec<RefRewrite> = open.iter().filter_map(|item| self.rewrite(*item)).collect();
        let changed = match self.pruner.prune_abilities().rewrite {
            Some(store) => store.rewrite_refs(self.plan.id(), targets).await,
            None => Ok(vec![Outcome::Skipped(Skip::Unsupported); open.len()]),
        };
        self.reached(RunStep::Deleted);
        match changed {
            Ok(outcomes) => {
                for (item, outcome) in open.into_iter().zip(outcomes) {
                    let done = outcome == Outcome::AlreadyGone && self.begun[item];
                    self.conclude(item, if done { Outcome::Done } else { outcome });
                }
            }
            Err(error) => self.conclude_all(&open, &Outcome::Failed(why(&error))),
        }
        self.note(Journal::sync);
        self.reached(RunStep::Journaled(rewrites.end));
        true
    }

    /// Deletes refs again that could not be deleted because the storage was full, if the run has
    /// freed some since.
    pub(super) async fn retry_refs(&mut self, refs: Range<usize>) {
        if self.without_room.is_empty() || self.freed_bytes() == 0 {
            return;
        }
        for item in std::mem::take(&mut self.without_room) {
            self.outcomes[item] = None;
        }
        self.drop_refs(refs).await;
    }
}
