//! Executes a plan.
//!
//! First, blobs in the trash that refs reference again are restored. Then refs are deleted, all
//! needed blobs are marked again, and objects are deleted in batches, each checked again just
//! before. If blobs were moved to a trash, the run watches the refs until the store has been quiet
//! for a while, and restores the blobs that they reference by then. Last, the store is listed again
//! to prove that the run broke no kept ref.

use std::time::Duration;

use super::journal::{Journal, JournalContent};
use super::plan::Plan;
use crate::backend::{Outcome, SharedPruner};

mod run;
mod settle;
mod watch;

pub use super::options::{ExecuteError, ExecuteOptions, RunStep, Settle};
use run::PlanRun;

/// The number of objects deleted between two syncs of the journal. After a crash, up to this many
/// deletions may be missing from the journal.
pub const BATCH: usize = 2048;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunReport {
    /// The outcome of each item of the plan.
    pub outcomes: Vec<Outcome>,
    /// The number of blobs restored from the trash because a ref references them.
    pub restored: usize,
    /// The bytes freed in the store.
    pub freed_bytes: u64,
    /// The bytes moved to the trash; they still take space there.
    pub trashed_bytes: u64,
    /// How the run waited for builds; `None` if the store does not show them.
    pub settled: Option<Settled>,
    /// The refs that lack blobs they had before. Names are escaped for display.
    pub broken: Vec<String>,
    /// The refs that were deleted because they referenced blobs that this run deleted. Names are
    /// escaped for display.
    pub deleted_broken: Vec<String>,
    /// How the store deletes objects, as far as observed.
    pub deletion_method: Option<String>,
}

/// How a run waited for builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The waiting time, before and after the move of blobs.
    pub waited: Duration,
    /// The number of blobs restored during that time.
    pub restored: usize,
    /// Whether it waited for the full time.
    pub complete: bool,
}

impl RunReport {
    /// Returns the number of outcomes that match.
    pub fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| is(outcome)).count()
    }

    /// Returns whether the whole plan was carried out.
    pub fn is_complete(&self) -> bool {
        self.broken.is_empty()
            && self.deleted_broken.is_empty()
            && self.settled.is_none_or(|settled| settled.complete)
            && self.count(|outcome| !matches!(outcome, Outcome::Done | Outcome::AlreadyGone)) == 0
    }
}

/// Executes `plan` in the store of `pruner`, and records the steps in `journal`.
///
/// # Errors
/// Fails if the run could not start or had to end early. A failed item is not an error.
pub async fn execute(
    pruner: &SharedPruner,
    plan: &Plan,
    journal: &mut Journal,
    options: &ExecuteOptions<'_>,
) -> Result<RunReport, ExecuteError> {
    let count = plan.delete().len();
    PlanRun::new(
        pruner,
        plan,
        journal,
        options,
        vec![None; count],
        vec![false; count],
    )
    .run()
    .await
}

/// Resumes a run that ended early.
///
/// # Errors
/// The same as [`execute`].
pub async fn resume(
    pruner: &SharedPruner,
    history: &JournalContent,
    journal: &mut Journal,
    options: &ExecuteOptions<'_>,
) -> Result<RunReport, ExecuteError> {
    if history.undone {
        return Err(ExecuteError::Undone);
    }
    let outcomes = history.settled_outcomes();
    journal.resumed()?;
    PlanRun::new(
        pruner,
        &history.plan,
        journal,
        options,
        outcomes,
        history.begun.clone(),
    )
    .run()
    .await
}
