//! The options, the progress and the errors of runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::journal::JournalError;
use super::live::MarkError;
use crate::backend::{BackendError, Outcome, PruneError};
use crate::inventory::scan::ScanError;
use crate::retention::Policy;
use crate::text::units::Age;

/// How long a run waits for builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settle {
    /// How long the store must be quiet. Zero disables the wait.
    pub quiet: Duration,
    /// The maximum wait.
    pub most: Duration,
}

impl Settle {
    /// The default of the maximum wait.
    pub const DEFAULT_MOST: Duration = Duration::from_mins(10);

    /// No wait.
    pub const NONE: Self = Self {
        quiet: Duration::ZERO,
        most: Duration::ZERO,
    };

    /// Returns the interval of checks before blobs are moved.
    pub(super) fn before(&self) -> Duration {
        (self.quiet / 10).min(Duration::from_secs(1))
    }

    /// Returns the interval of checks afterwards; a ref lacks a moved blob for at most this long.
    pub(super) fn after(&self) -> Duration {
        (self.quiet / 10).min(Duration::from_millis(100))
    }
}

impl Default for Settle {
    fn default() -> Self {
        Self {
            quiet: Policy::DEFAULT_SETTLE,
            most: Self::DEFAULT_MOST,
        }
    }
}

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
