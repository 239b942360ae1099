//! Executes a plan.
//!
//! First, blobs in the trash that refs reference again are restored. Then refs are deleted, all
//! needed blobs are marked again, and objects are deleted in batches, each checked again just
//! before. If blobs were moved to a trash, the run watches the refs until the store has been quiet
//! for a while, and restores the blobs that they reference by then. Last, the store is listed again
//! to prove that every kept ref is complete.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, JournalContent, JournalError};
use super::live::MarkError;
use super::plan::Plan;
use crate::backend::{BackendError, Outcome, PruneError, SharedPruner};
use crate::inventory::scan::ScanError;
use crate::retention::Policy;
use crate::text::units::Age;

mod run;
mod settle;
mod watch;

use run::PlanRun;
pub use watch::Settle;

/// The number of objects deleted between two syncs of the journal. After a crash, up to this many
/// deletions may be missing from the journal.
pub const BATCH: usize = 2048;

/// Options of a run.
pub struct ExecuteOptions<'a> {
    /// The number of documents to read at once.
    pub concurrency: usize,
    /// The number of objects per batch.
    pub batch: usize,
    /// How long to wait for builds if blobs are moved to a trash.
    pub settle: Settle,
    /// Whether to delete a ref that appeared during the run and references blobs that this run
    /// deleted. No build can import such a ref.
    pub delete_broken: bool,
    /// The user's rules: no plan from a file deletes anything that they protect.
    pub policy: &'a Policy,
    /// The maximum age of a plan; `None` allows any age.
    pub max_plan_age: Option<SignedDuration>,
    /// Ends the run after the current batch.
    pub cancel: CancellationToken,
    /// Called at each step, before the run continues.
    pub observe: &'a (dyn Fn(RunStep<'_>) + Send + Sync),
}

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep<'a> {
    /// The run has locked out other prunes.
    Leased,
    /// The needed blobs are known.
    Marked,
    /// The journal durably lists the deletions that are about to start.
    Begun,
    /// A batch was deleted, but the journal does not contain it yet.
    Deleted,
    /// The outcome of an item is known; a later outcome replaces an earlier one.
    Concluded(usize, &'a Outcome),
    /// The journal contains the outcomes of this many items.
    Journaled(usize),
    /// A build is writing to the store; nothing is moved until it has finished.
    Waiting,
    /// All objects are deleted; the refs were not read again yet.
    Swept,
    /// Blobs were moved, and the refs are watched until the store has been quiet for this much
    /// longer.
    Watching(Duration),
    /// The last check is finished.
    Settled,
}

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

/// Why a run ended early. The journal contains the steps until then.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The plan was made for another store.
    #[error("the plan was made for {planned}, not for {found}")]
    OtherStore {
        /// The location of the plan's store.
        planned: String,
        /// The location of this store.
        found: String,
    },
    /// The plan is dated in the future.
    #[error("the plan was made at {created}, and this machine's clock says {now}")]
    Future {
        /// The date of the plan.
        created: Timestamp,
        /// The current time.
        now: Timestamp,
    },
    /// The plan is older than the user allows.
    #[error("the plan is {} old, and `--max-plan-age` allows {}", Age(*.age), Age(*.limit))]
    TooOld {
        /// The age of the plan.
        age: SignedDuration,
        /// The maximum age.
        limit: SignedDuration,
    },
    /// The plan deletes the last ref without declaring it.
    #[error("every ref would be deleted, and the plan does not say so")]
    LastRef,
    /// The store could not be listed to prove the plan.
    #[error("the plan could not be proved against the store")]
    Proof(#[source] ScanError),
    /// The run was undone.
    #[error("the run was undone: make a new plan")]
    Undone,
    /// An operation on the store failed.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// The needed blobs could not be determined.
    #[error("which blobs are needed is not known, so no blob is deleted")]
    Mark(#[from] MarkError),
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store could not be listed again.
    #[error("the store could not be checked afterwards")]
    Check(#[from] ScanError),
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
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
