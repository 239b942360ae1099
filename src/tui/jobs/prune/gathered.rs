//! The outcomes of a run between two reports to the UI.

use std::collections::HashMap;
use std::time::Instant;

use crate::backend::Outcome;
use crate::prune::execute::RunStep;
use crate::prune::journal::JournalContent;
use crate::prune::plan::Plan;
use crate::tui::jobs::PACE;
use crate::tui::message::{Phase, RunNews};

/// The progress of a run since the last report.
pub(super) struct Gathered {
    pub(super) news: RunNews,
    /// The items with known outcomes, and whether each is deleted.
    pub(super) known: HashMap<usize, bool>,
    pub(super) reported: Instant,
}

impl Gathered {
    pub(super) fn new(plan: &Plan, phase: Phase) -> Self {
        Self {
            news: RunNews {
                phase,
                ..RunNews::default()
            },
            known: HashMap::with_capacity(plan.delete().len()),
            reported: Instant::now(),
        }
    }

    /// Counts the outcomes from before the run was resumed.
    pub(super) fn begin_with(&mut self, history: &JournalContent) {
        for (item, outcome) in history.outcomes.iter().enumerate() {
            let is_done = match outcome {
                Some(Outcome::Done) => true,
                Some(Outcome::AlreadyGone | Outcome::Skipped(_)) => false,
                Some(Outcome::Failed(_) | Outcome::Cancelled) | None => continue,
            };
            self.known.insert(item, is_done);
            if is_done {
                self.news.deleted += 1;
                let bytes = history.plan.delete().at(item).target.bytes();
                self.news.freed_bytes = self.news.freed_bytes.saturating_add(bytes);
            }
        }
    }

    /// Records a step; returns a report for the UI, if one is due.
    pub(super) fn record(&mut self, step: RunStep<'_>, plan: &Plan) -> Option<RunNews> {
        let before = self.news.phase;
        match step {
            RunStep::Leased | RunStep::Marked | RunStep::Deleted | RunStep::Journaled(_) => {}
            RunStep::Begun => self.news.phase = Phase::Deleting,
            RunStep::Waiting => self.news.phase = Phase::Waiting,
            RunStep::Watching(left) => {
                let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
                self.news.phase = Phase::Watching(seconds);
            }
            RunStep::Settled | RunStep::Swept => self.news.phase = Phase::Checking,
            // Its deletion was not started, so its outcome is unknown.
            RunStep::Concluded(item, outcome @ Outcome::Cancelled) => {
                self.news.outcomes.push((item, outcome.clone()));
            }
            RunStep::Concluded(item, outcome) => {
                let is_done = *outcome == Outcome::Done;
                let was_done = self.known.insert(item, is_done).unwrap_or(false);
                let bytes = plan
                    .delete()
                    .get(item)
                    .map_or(0, |item| item.target.bytes());
                match (was_done, is_done) {
                    (false, true) => {
                        self.news.deleted += 1;
                        self.news.freed_bytes = self.news.freed_bytes.saturating_add(bytes);
                    }
                    // It was restored because a ref references it.
                    (true, false) => {
                        self.news.deleted -= 1;
                        self.news.freed_bytes = self.news.freed_bytes.saturating_sub(bytes);
                    }
                    (false, false) | (true, true) => {}
                }
                self.news.outcomes.push((item, outcome.clone()));
            }
        }
        (before != self.news.phase || self.reported.elapsed() >= PACE).then(|| self.take_report())
    }

    /// Keeps a report that could not be sent for the next time.
    pub(super) fn keep(&mut self, unsent: RunNews) {
        let later = std::mem::replace(&mut self.news.outcomes, unsent.outcomes);
        self.news.outcomes.extend(later);
    }

    /// Returns the unreported progress.
    pub(super) fn take_report(&mut self) -> RunNews {
        self.reported = Instant::now();
        self.news.concluded = self.known.len();
        let outcomes = std::mem::take(&mut self.news.outcomes);
        RunNews {
            outcomes,
            ..self.news.clone()
        }
    }
}
