//! Judges refs, makes plans, executes them, and undoes runs. Only this part of the UI can access
//! code that deletes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::store::SourceStore;
use super::{Jobs, Reporter, lock};
use crate::backend::{Outcome, SharedPruner, SharedReader};
use crate::error::{Failure, in_lines};
use crate::inventory::Inventory;
use crate::inventory::scan::ScanOptions;
use crate::prune::draft;
use crate::prune::execute::{self, ExecuteOptions, RunStep, Settle};
use crate::prune::journal::{Journal, JournalContent};
use crate::prune::plan::Plan;
use crate::prune::undo;
use crate::retention::Policy;
use crate::tui::effect::{NewBroken, PruneWork};
use crate::tui::found::ScannedInventory;
use crate::tui::message::{JobReport, Phase, Ran, RunFault};
use crate::tui::pruning::{Pruning, RuleTrial, Trial, with_rule};
use crate::tui::world::SourceId;

mod gathered;
mod planner;

use gathered::Gathered;
use planner::Planner;

/// The number of objects per batch: small enough for a run to stop soon, and large enough that the
/// journal does not slow it down.
const BATCH: usize = 512;

impl Jobs {
    /// Plans or prunes.
    pub(super) fn prune(&mut self, work: PruneWork, cancel: CancellationToken, reporter: Reporter) {
        let job = reporter.job;
        match work {
            PruneWork::Plan(request) => {
                let store = self.store(request.source);
                let pruning = Arc::clone(&self.settings.pruning);
                let readers = self.settings.readers.clone();
                let options = self.scan_options(cancel);
                self.tasks.spawn(async move {
                    if let Some(SourceStore {
                        label,
                        kind,
                        reader: Some(reader),
                        ..
                    }) = store
                    {
                        let planner = Planner {
                            reader,
                            label,
                            kind,
                            readers,
                            pruning,
                            now: (reporter.clock)(),
                        };
                        let planned = planner.plan(request, &options).await;
                        reporter.report(JobReport::Planned(planned)).await;
                    }
                    job
                });
            }
            PruneWork::LeaveOut(planned, excluded) => self.blocking(reporter, move |_| {
                let planned = planned.with_excluded(excluded).map(Arc::new);
                Some(JobReport::Planned(
                    planned.map_err(|error| in_lines(&error)),
                ))
            }),
            PruneWork::CarryOut(source, plan, delete_broken) => {
                let change = StoreChange::Run(plan, delete_broken);
                self.change(source, change, cancel, reporter);
            }
            PruneWork::Resume(source, journal) => {
                self.change(source, StoreChange::Resume(journal), cancel, reporter);
            }
            PruneWork::Undo(source, journal) => {
                self.change(source, StoreChange::Undo(journal), cancel, reporter);
            }
        }
    }

    /// Carries out a change in a job that quitting asks about, and reports the result.
    fn change(
        &mut self,
        source: SourceId,
        change: StoreChange,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let store = self.store(source);
        let own = store.as_ref().and_then(|store| store.copy_journals.clone());
        let access = PrunerAccess {
            pruner: store.and_then(|store| store.pruner),
            journals: own.or_else(|| self.settings.pruning.journals.clone()),
            pruning: Arc::clone(&self.settings.pruning),
            scan: self.scan_options(cancel),
        };
        self.holding.insert(reporter.job);
        self.tasks.spawn(async move {
            let report = match change {
                StoreChange::Run(plan, delete_broken) => {
                    JobReport::Ran(carry_out(access, &plan, delete_broken, &reporter).await)
                }
                StoreChange::Resume(journal) => {
                    JobReport::Ran(resume(access, journal, &reporter).await)
                }
                StoreChange::Undo(journal) => {
                    JobReport::Undone(undo(access, journal, &reporter).await)
                }
            };
            reporter.report(report).await;
            reporter.job
        });
    }
}

/// A change of a store.
enum StoreChange {
    Run(Arc<Plan>, NewBroken),
    Resume(PathBuf),
    Undo(PathBuf),
}

/// What a change of a store needs.
struct PrunerAccess {
    pruner: Option<SharedPruner>,
    /// The folder of new journals.
    journals: Option<PathBuf>,
    pruning: Arc<Pruning>,
    scan: ScanOptions,
}

impl Jobs {
    /// Applies the current policy to the scan of a source.
    pub(super) fn judge(&mut self, source: SourceId, found: ScannedInventory, reporter: Reporter) {
        let store = self.store(source);
        let pruning = Arc::clone(&self.settings.pruning);
        self.tasks.spawn(async move {
            if let Some(SourceStore {
                label,
                reader: Some(reader),
                ..
            }) = store
            {
                let found = judged(found, &reader, &label, &pruning.policy, &reporter).await;
                reporter.report(JobReport::Judged(source, found)).await;
            }
            reporter.job
        });
    }

    /// Applies the policy with a rule after its rules to the scan of `source`.
    pub(super) fn try_rule(
        &mut self,
        source: SourceId,
        inventory: Arc<Inventory>,
        trial: RuleTrial,
        reporter: Reporter,
    ) {
        let store = self.store(source);
        let pruning = Arc::clone(&self.settings.pruning);
        self.tasks.spawn(async move {
            if let Some(SourceStore {
                label,
                reader: Some(reader),
                ..
            }) = store
            {
                let free = reader.facts().await.free_bytes;
                let policy = with_rule(&pruning.policy, trial);
                let now = (reporter.clock)();
                let verdicts = draft::judge(&inventory, &label, &policy, free, now);
                let trial = Trial {
                    verdicts: Arc::new(verdicts),
                    place: policy.rules.len().saturating_sub(1),
                };
                reporter.report(JobReport::RuleTried(trial)).await;
            }
            reporter.job
        });
    }
}

/// Adds the verdicts of `policy` on the refs.
pub(super) async fn judged(
    found: ScannedInventory,
    reader: &SharedReader,
    label: &str,
    policy: &Policy,
    reporter: &Reporter,
) -> ScannedInventory {
    let free = reader.facts().await.free_bytes;
    let verdicts = draft::judge(&found.inventory, label, policy, free, (reporter.clock)());
    ScannedInventory {
        verdicts: Some(Arc::new(verdicts)),
        ..found
    }
}

/// Executes a plan.
async fn carry_out(
    access: PrunerAccess,
    plan: &Plan,
    delete_broken: NewBroken,
    reporter: &Reporter,
) -> Result<Ran, RunFault> {
    let fault = |why: String| RunFault { why, journal: None };
    let pruner = access
        .pruner
        .ok_or_else(|| fault("nothing may be deleted from it".to_owned()))?;
    let folder = access
        .journals
        .ok_or_else(|| fault("there is no place for a journal".to_owned()))?;
    let mut journal = Journal::create_in(&folder, plan).map_err(|error| fault(in_lines(&error)))?;
    let setup = RunSetup {
        settle: access.pruning.settle,
        delete_broken: delete_broken == NewBroken::Delete,
        scan: access.scan,
        policy: &access.pruning.policy,
    };
    run(&pruner, plan, None, &mut journal, setup, reporter).await
}

/// The settings of a run.
struct RunSetup<'a> {
    settle: Settle,
    delete_broken: bool,
    scan: ScanOptions,
    policy: &'a Policy,
}

impl<'a> RunSetup<'a> {
    fn options(self, observe: &'a (dyn Fn(RunStep<'_>) + Send + Sync)) -> ExecuteOptions<'a> {
        ExecuteOptions {
            concurrency: self.scan.concurrency,
            batch: BATCH,
            settle: self.settle,
            delete_broken: self.delete_broken,
            cancel: self.scan.cancel,
            observe,
            policy: self.policy,
            max_plan_age: None,
        }
    }
}

/// Resumes the run that wrote `journal`.
async fn resume(
    access: PrunerAccess,
    journal: PathBuf,
    reporter: &Reporter,
) -> Result<Ran, RunFault> {
    let path = journal.clone();
    let fault = |why: String| RunFault {
        why,
        journal: Some(path.clone()),
    };
    let pruner = access
        .pruner
        .ok_or_else(|| fault("nothing may be deleted from it".to_owned()))?;
    let (mut journal, history) = reopen(journal).await.map_err(fault)?;
    let plan = &history.plan;
    let setup = RunSetup {
        settle: access.pruning.settle,
        delete_broken: false,
        scan: access.scan,
        policy: &access.pruning.policy,
    };
    let history = Some(&history);
    run(&pruner, plan, history, &mut journal, setup, reporter).await
}

/// Executes a plan, or resumes it after `history`.
async fn run(
    pruner: &SharedPruner,
    plan: &Plan,
    history: Option<&JournalContent>,
    journal: &mut Journal,
    setup: RunSetup<'_>,
    reporter: &Reporter,
) -> Result<Ran, RunFault> {
    let path = journal.path().to_owned();
    let news = Mutex::new(Gathered::new(plan, Phase::Marking));
    if let Some(history) = history {
        lock(&news).begin_with(history);
    }
    let observe = |step: RunStep<'_>| observe(&news, step, plan, reporter);
    let options = setup.options(&observe);
    let ran = match history {
        Some(history) => execute::resume(pruner, history, journal, &options).await,
        None => execute::execute(pruner, plan, journal, &options).await,
    };
    match ran {
        Ok(report) => Ok(Ran {
            report,
            journal: path,
        }),
        Err(error) => {
            let progress = lock(&news).take_report();
            reporter.report(JobReport::Running(progress)).await;
            Err(RunFault {
                why: Failure::from(error).to_string(),
                journal: Some(path),
            })
        }
    }
}

/// Reports the progress of a run, if a report is due.
fn observe(news: &Mutex<Gathered>, step: RunStep<'_>, plan: &Plan, reporter: &Reporter) {
    let mut gathered = lock(news);
    if let Some(progress) = gathered.record(step, plan)
        && let Some(JobReport::Running(unsent)) = reporter.hint(JobReport::Running(progress))
    {
        gathered.keep(unsent);
    }
}

async fn reopen(journal: PathBuf) -> Result<(Journal, JournalContent), String> {
    let open = move || Journal::reopen(&journal);
    let opened = tokio::task::spawn_blocking(open)
        .await
        .map_err(|error| in_lines(&error))?;
    opened.map_err(|error| in_lines(&error))
}

/// Undoes a run; returns the outcomes of the items that it had deleted.
async fn undo(
    access: PrunerAccess,
    journal: PathBuf,
    reporter: &Reporter,
) -> Result<Vec<(usize, Outcome)>, String> {
    let pruner = access
        .pruner
        .ok_or_else(|| "nothing may be restored there".to_owned())?;
    let (mut journal, history) = reopen(journal).await?;
    let news = Mutex::new(Gathered::new(&history.plan, Phase::Restoring));
    let observe = |step: RunStep<'_>| observe(&news, step, &history.plan, reporter);
    let setup = RunSetup {
        settle: Settle::NONE,
        delete_broken: false,
        scan: access.scan,
        policy: &access.pruning.policy,
    };
    let options = setup.options(&observe);
    let undone = undo::undo(&pruner, &history, &mut journal, &options).await;
    undone.map_err(|error| Failure::from(error).to_string())
}

#[cfg(test)]
mod tests;
