//! Carries a plan out.
//!
//! What a ref names again is put back first. Refs go next, then everything that is needed is marked anew, and objects go
//! batch by batch, each checked again just before. When all are gone the refs are read again while nobody can write them,
//! and what they name by then is put back. At last the store is listed again, to prove that every ref that stays is whole.

use tokio_util::sync::CancellationToken;

use super::journal::{History, Journal, JournalError};
use super::live::MarkError;
use super::plan::Plan;
use crate::backend::{BackendError, CachePruner, Outcome, PruneError, SharedPruner};
use crate::format::text::visible;
use crate::inventory::scan::ScanError;

mod run;
mod settle;

use run::Run;

/// How many objects go between two times that the journal is made durable; as many may be done unsaid after a crash.
pub const BATCH: usize = 2048;

/// How a run goes about its work.
pub struct Options<'a> {
    /// How many documents are read at once.
    pub concurrency: usize,
    /// How many objects go at once.
    pub batch: usize,
    /// Removes a ref that came meanwhile and names what this run has deleted: no build can import it.
    pub cure: bool,
    /// Ends the run after the batch that is under way.
    pub cancel: CancellationToken,
    /// Is told how far the run has come, before it goes on.
    pub observe: &'a (dyn Fn(Step<'_>) + Send + Sync),
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Other prunes are kept out.
    Leased,
    /// It is known what is needed.
    Marked,
    /// The journal says durably what is about to be deleted.
    Begun,
    /// Something was deleted, and the journal does not say so yet.
    Deleted,
    /// It is known what became of an item of the plan; a later outcome takes the place of an earlier one.
    Concluded(usize, &'a Outcome),
    /// The journal says what became of this many items of the plan.
    Journaled(usize),
    /// All objects are gone that should go; the refs were not read again yet.
    Swept,
    /// The last check is over.
    Settled,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What became of each item of the plan.
    pub outcomes: Vec<Outcome>,
    /// How many blobs came back from the trash because a ref names them.
    pub put_back: usize,
    /// The bytes of what was deleted.
    pub freed_bytes: u64,
    /// The refs that lack something that they did not lack before. Names are fit to be shown.
    pub broken: Vec<String>,
    /// The refs that were removed because they named what this run had deleted. Names are fit to be shown.
    pub cured: Vec<String>,
    /// How the store deletes, as far as it has shown.
    pub manner: Option<String>,
}

impl Report {
    /// Returns how many outcomes are of a kind.
    pub fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| is(outcome)).count()
    }

    /// Tells whether everything is as the plan wanted it.
    pub fn is_complete(&self) -> bool {
        self.broken.is_empty()
            && self.cured.is_empty()
            && self.count(|outcome| !matches!(outcome, Outcome::Done | Outcome::AlreadyGone)) == 0
    }
}

/// Says why a run ended early. What it did until then is in its journal.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The plan was made for another store.
    #[error("the plan was made for {planned}, not for {found}")]
    OtherStore {
        /// Where the plan's store lies.
        planned: String,
        /// Where this one lies.
        found: String,
    },
    /// The run was taken back.
    #[error("the run was undone: make a new plan")]
    Undone,
    /// The store could not be used.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// It is not known what is needed.
    #[error("it cannot be told which blobs are needed, so none goes")]
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

/// Carries `plan` out in the store of `pruner`, and says so in `journal`.
///
/// # Errors
/// When it could not begin, or had to end early. An item that fails is no error.
pub async fn execute(
    pruner: &SharedPruner,
    plan: &Plan,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Report, ExecuteError> {
    let count = plan.delete().len();
    Run::new(pruner, plan, journal, options, vec![None; count], vec![false; count]).whole().await
}

/// Goes on with a run that ended early.
///
/// # Errors
/// As [`execute`].
pub async fn resume(
    pruner: &SharedPruner,
    history: &History,
    journal: &mut Journal,
    options: &Options<'_>,
) -> Result<Report, ExecuteError> {
    if history.undone {
        return Err(ExecuteError::Undone);
    }
    // What failed or did not get its turn gets another one.
    let open = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::Failed(_) | Outcome::Cancelled) | None => None,
        Some(outcome @ (Outcome::Done | Outcome::AlreadyGone | Outcome::Skipped(_))) => Some(outcome.clone()),
    };
    let outcomes = history.outcomes.iter().map(open).collect();
    journal.resumed()?;
    Run::new(pruner, &history.plan, journal, options, outcomes, history.begun.clone()).whole().await
}

/// Checks that a plan is for this store.
pub(super) async fn same_store(pruner: &dyn CachePruner, plan: &Plan) -> Result<(), ExecuteError> {
    let found = pruner.place().await?;
    if found == plan.place() {
        return Ok(());
    }
    let shown = |place: &str| visible(place).into_owned();
    Err(ExecuteError::OtherStore { planned: shown(plan.place()), found: shown(&found) })
}
