//! Judges refs, makes plans, carries them out, and takes that back. Here alone the UI gets hold of something that deletes.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Jobs, PACE, Reporter, lock};
use crate::backend::{Outcome, SharedReader};
use crate::error::{Exit, Failure};
use crate::inventory::Inventory;
use crate::inventory::scan::ScanOptions;
use crate::prune::draft::{self, Choices, Draft};
use crate::prune::execute::{self, Options, Step};
use crate::prune::journal::Journal;
use crate::prune::plan::{FreedBlobs, Plan, Target};
use crate::prune::undo;
use crate::retention::Policy;
use crate::tui::effect::{Cure, PruneWork};
use crate::tui::found::Found;
use crate::tui::message::{Phase, Ran, Report, RunFault, RunNews};
use crate::tui::pruning::{MakePruner, Planned, Pruning, Scope};

/// How many objects go at once: little enough that a run soon stops, and enough that the journal does not hold it up.
const BATCH: usize = 512;

impl Jobs {
    /// Plans or prunes.
    pub(super) fn prune(&mut self, work: PruneWork, cancel: CancellationToken, reporter: Reporter) {
        let job = reporter.job;
        match work {
            PruneWork::Plan(source, inventory, scope, freed_blobs, left_out) => {
                let (store, pruning) = (self.store(source), Arc::clone(&self.pruning));
                let options = self.scan_options(cancel);
                self.tasks.spawn(async move {
                    if let Some((label, reader)) = store.and_then(|store| Some((store.label, store.reader?))) {
                        let order = Order { inventory, label, scope, freed_blobs, left_out, now: (reporter.clock)() };
                        let planned = plan(&reader, order, &pruning.policy, &options).await;
                        reporter.report(Report::Planned(planned)).await;
                    }
                    job
                });
            }
            PruneWork::LeaveOut(planned, spared) => self.blocking(reporter, move |_| {
                let planned = planned.leaving_out(spared).map(Arc::new);
                Some(Report::Planned(planned.map_err(|error| words(&error))))
            }),
            PruneWork::CarryOut(source, plan, cure) => {
                let (make, pruning) = (self.store(source).and_then(|store| store.pruner), Arc::clone(&self.pruning));
                let options = self.scan_options(cancel);
                self.holding.insert(job);
                self.tasks.spawn(async move {
                    let ran = carry_out(make, &plan, cure, &pruning, options, &reporter).await;
                    reporter.report(Report::Ran(ran)).await;
                    job
                });
            }
            PruneWork::Undo(source, journal) => {
                let make = self.store(source).and_then(|store| store.pruner);
                let options = self.scan_options(cancel);
                self.holding.insert(job);
                self.tasks.spawn(async move {
                    reporter.report(Report::Undone(undo(make, journal, options).await)).await;
                    job
                });
            }
        }
    }
}

/// A plan that was asked for.
struct Order {
    inventory: Arc<Inventory>,
    label: String,
    scope: Scope,
    freed_blobs: FreedBlobs,
    left_out: HashSet<Target>,
    now: Timestamp,
}

/// Returns an error with its causes, in one line.
fn words(error: &dyn std::error::Error) -> String {
    Failure::new(Exit::Failed, error).to_string()
}

/// Adds what `policy` says of the refs.
pub(super) async fn judged(
    found: Found,
    reader: &SharedReader,
    label: &str,
    policy: &Policy,
    reporter: &Reporter,
) -> Found {
    let free = reader.free_bytes().await;
    let verdicts = draft::judge(&found.inventory, label, policy, free, (reporter.clock)());
    Found { verdicts: Some(Arc::new(verdicts)), ..found }
}

/// Makes a plan.
async fn plan(
    reader: &SharedReader,
    order: Order,
    policy: &Policy,
    options: &ScanOptions,
) -> Result<Arc<Planned>, String> {
    let Order { inventory, label, scope, freed_blobs, left_out, now } = order;
    let policy = scope.policy(policy).map_err(|error| words(&error))?;
    let draft = Draft::gather(reader, inventory, &label, policy, options, now).await;
    let draft = Arc::new(draft.map_err(|error| words(&error))?);
    let make = move || {
        let spared = scope.spared(&draft);
        let planned = Planned::new(draft, Choices { freed_blobs, spared })?;
        let spared = planned.with_left_out(left_out);
        if spared == planned.choices.spared { Ok(planned) } else { planned.leaving_out(spared) }
    };
    match tokio::task::spawn_blocking(make).await {
        Ok(planned) => planned.map(Arc::new).map_err(|error| words(&error)),
        Err(error) => Err(words(&error)),
    }
}

/// Carries a plan out.
async fn carry_out(
    make: Option<MakePruner>,
    plan: &Plan,
    cure: Cure,
    pruning: &Pruning,
    scan: ScanOptions,
    reporter: &Reporter,
) -> Result<Ran, RunFault> {
    let fault = |why: String| RunFault { why, journal: None };
    let pruner = make.ok_or_else(|| fault("nothing may be deleted from it".to_owned()))?();
    let folder = pruning.journals.as_deref().ok_or_else(|| fault("there is no place for a journal".to_owned()))?;
    let mut journal = Journal::create_in(folder, plan).map_err(|error| fault(words(&error)))?;
    let path = journal.path().to_owned();
    let news = Mutex::new(Gathered::new(plan));
    let observe = |step: Step<'_>| {
        let mut gathered = lock(&news);
        if let Some(told) = gathered.heed(step, plan)
            && let Some(Report::Running(untold)) = reporter.hint(Report::Running(told))
        {
            gathered.keep(untold);
        }
    };
    let cancel = scan.cancel.clone();
    let cure = cure == Cure::Remove;
    let options = Options { concurrency: scan.concurrency, batch: BATCH, cure, cancel, observe: &observe };
    match execute::execute(&pruner, plan, &mut journal, &options).await {
        Ok(report) => Ok(Ran { report, journal: path }),
        Err(error) => {
            let told = lock(&news).tell();
            reporter.report(Report::Running(told)).await;
            Err(RunFault { why: Failure::from(error).to_string(), journal: Some(path) })
        }
    }
}

/// Takes a run back; returns what became of the items that it had deleted.
async fn undo(make: Option<MakePruner>, journal: PathBuf, scan: ScanOptions) -> Result<Vec<(usize, Outcome)>, String> {
    let pruner = make.ok_or_else(|| "nothing may be put back into it".to_owned())?();
    let open = move || Journal::reopen(&journal);
    let opened = tokio::task::spawn_blocking(open).await.map_err(|error| words(&error))?;
    let (mut journal, history) = opened.map_err(|error| words(&error))?;
    let options =
        Options { concurrency: scan.concurrency, batch: BATCH, cure: false, cancel: scan.cancel, observe: &|_| () };
    let undone = undo::undo(&pruner, &history, &mut journal, &options).await;
    undone.map_err(|error| Failure::from(error).to_string())
}

/// What a run has told since the UI was told last.
struct Gathered {
    news: RunNews,
    /// The items of which something is known, and whether each has gone.
    known: HashMap<usize, bool>,
    told: Instant,
}

impl Gathered {
    fn new(plan: &Plan) -> Self {
        Self { news: RunNews::default(), known: HashMap::with_capacity(plan.delete().len()), told: Instant::now() }
    }

    /// Takes a step in; returns what the UI is to be told, when it is time.
    fn heed(&mut self, step: Step<'_>, plan: &Plan) -> Option<RunNews> {
        let before = self.news.phase;
        match step {
            Step::Leased | Step::Marked | Step::Deleted | Step::Journaled(_) | Step::Settled => {}
            Step::Begun => self.news.phase = Phase::Deleting,
            Step::Swept => self.news.phase = Phase::Checking,
            Step::Concluded(item, outcome) => {
                let is_done = *outcome == Outcome::Done;
                let was_done = self.known.insert(item, is_done).unwrap_or(false);
                let bytes = plan.delete().get(item).map_or(0, |item| item.target.bytes());
                match (was_done, is_done) {
                    (false, true) => {
                        self.news.deleted += 1;
                        self.news.freed_bytes = self.news.freed_bytes.saturating_add(bytes);
                    }
                    // It came back, because a ref names it.
                    (true, false) => {
                        self.news.deleted -= 1;
                        self.news.freed_bytes = self.news.freed_bytes.saturating_sub(bytes);
                    }
                    (false, false) | (true, true) => {}
                }
                self.news.outcomes.push((item, outcome.clone()));
            }
        }
        (before != self.news.phase || self.told.elapsed() >= PACE).then(|| self.tell())
    }

    /// Keeps what could not be told for the next time.
    fn keep(&mut self, untold: RunNews) {
        let later = std::mem::replace(&mut self.news.outcomes, untold.outcomes);
        self.news.outcomes.extend(later);
    }

    /// Returns what the UI has not been told yet.
    fn tell(&mut self) -> RunNews {
        self.told = Instant::now();
        self.news.concluded = self.known.len();
        let outcomes = std::mem::take(&mut self.news.outcomes);
        RunNews { outcomes, ..self.news.clone() }
    }
}
