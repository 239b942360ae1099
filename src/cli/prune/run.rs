//! Carries out a plan, resumes a run, and undoes one.

use std::fs;
use std::path::{Path, PathBuf};

use super::arguments::PruneArguments;
use super::print::{self, Pruned, RefBytes};
use super::store::{NamedFile, pruner_of};
use super::{page, shown};
use crate::backend::{Outcome, SharedPruner, Undoability};
use crate::cli::CliSession;
use crate::error::{Exit, Failure};
use crate::prune::execute::{self, ExecuteError, ExecuteOptions, RunReport, RunStep};
use crate::prune::journal::{Journal, JournalContent, JournalError};
use crate::prune::plan::{Plan, file};
use crate::prune::undo;
use crate::retention::Policy;

/// Executes a saved plan.
pub(super) async fn apply(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    path: &Path,
) -> Result<Exit, Failure> {
    let text = interruptible(path, |path| fs::read_to_string(path))
        .await?
        .map_err(|error| {
            Failure::new(Exit::Usage, &error).on(&format!("cannot read the plan {}", shown(path)))
        })?;
    let plan = file::load(&text).map_err(|error| {
        Failure::new(Exit::Usage, &error)
            .on(&shown(path))
            .hint("make a new plan with --plan-out, and leave it as it is")
    })?;
    let pruner = pruner_of(
        session,
        arguments,
        &plan,
        NamedFile {
            flag: "--apply",
            path,
        },
    )
    .await?;
    print::announce(session, &plan);
    let mut journal = new_journal(arguments.journal.as_deref(), journals(), &plan)?;
    let report = carry_out(session, arguments, &pruner, &plan, &mut journal, None).await?;
    conclude(
        session,
        arguments,
        plan,
        FinishedRun {
            report,
            journal: journal.path().to_owned(),
            undoability: undoability(&pruner).await,
            interrupted: session.cancel.is_cancelled(),
        },
    )
}

/// Resumes an interrupted run.
pub(super) async fn go_on(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    path: &Path,
) -> Result<Exit, Failure> {
    let (mut journal, history) = reopen(path).await?;
    let pruner = pruner_of(
        session,
        arguments,
        &history.plan,
        NamedFile {
            flag: "--resume",
            path,
        },
    )
    .await?;
    let report = carry_out(
        session,
        arguments,
        &pruner,
        &history.plan,
        &mut journal,
        Some(&history),
    )
    .await?;
    conclude(
        session,
        arguments,
        history.plan,
        FinishedRun {
            report,
            journal: path.to_owned(),
            undoability: undoability(&pruner).await,
            interrupted: session.cancel.is_cancelled(),
        },
    )
}

/// Opens the journal that the user named. As with a plan, a file that is no journal is a usage
/// error; a journal whose run is still active is right, and may be used later.
async fn reopen(path: &Path) -> Result<(Journal, JournalContent), Failure> {
    interruptible(path, Journal::reopen)
        .await?
        .map_err(|error| {
            let is_right = matches!(error, JournalError::Busy(_));
            let mut failure = Failure::from(error);
            if !is_right {
                failure.exit = Exit::Usage;
            }
            match journals() {
                Some(folder) if failure.hint.is_none() => {
                    failure.hint(format!("the journals are in {}", shown(&folder)))
                }
                _ => failure,
            }
        })
}

/// Reads a file that may be a pipe; an interruption does not wait for it.
async fn interruptible<T: Send + 'static>(
    path: &Path,
    read: impl FnOnce(&Path) -> T + Send + 'static,
) -> Result<T, Failure> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&path));
    reading
        .await
        .map_err(|_| Failure::message(Exit::Interrupted, "interrupted"))
}

pub(super) async fn undoability(store: &SharedPruner) -> Undoability {
    store.facts().await.capabilities.undoability
}

pub(super) fn conclude(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    plan: Plan,
    done: FinishedRun,
) -> Result<Exit, Failure> {
    let pruned = Pruned {
        plan,
        ref_bytes: RefBytes::default(),
        has_rules: true,
        command: arguments.command(),
        exceeds: false,
        refusal: None,
        wanted: true,
        done: Some(done),
    };
    page::add(
        session,
        arguments.summary,
        std::slice::from_ref(&pruned),
        &[],
    )?;
    page::print(
        session,
        arguments,
        std::slice::from_ref(&pruned),
        &[],
        false,
    )?;
    Ok(pruned.exit())
}

/// Undoes a run.
pub(super) async fn undo_run(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    path: &Path,
) -> Result<Exit, Failure> {
    let (mut journal, history) = reopen(path).await?;
    let pruner = pruner_of(
        session,
        arguments,
        &history.plan,
        NamedFile {
            flag: "--undo",
            path,
        },
    )
    .await?;
    session.finish_started();
    let policy = session.settings.retention.policy();
    let options = options(session, arguments, &policy, &|_| ());
    let results = undo::undo(&pruner, &history, &mut journal, &options).await?;
    print::undone(session, arguments.command(), &history.plan, &results, path)?;
    let back = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyGone);
    Ok(if results.iter().all(|(_, outcome)| back(outcome)) {
        Exit::Done
    } else {
        Exit::Partial
    })
}

pub(super) async fn carry_out(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    pruner: &SharedPruner,
    plan: &Plan,
    journal: &mut Journal,
    history: Option<&JournalContent>,
) -> Result<RunReport, Failure> {
    session.finish_started();
    let total = plan.delete().len();
    let observe = |step: RunStep<'_>| {
        let progress = &session.output.progress;
        match step {
            RunStep::Journaled(done) => progress.pruning(plan.source(), done, total),
            RunStep::Waiting => progress.waiting(plan.source()),
            RunStep::Watching(left) => progress.watching(plan.source(), left),
            _ => {}
        }
    };
    let policy = session.settings.retention.policy();
    let options = options(session, arguments, &policy, &observe);
    let path = journal.path().to_owned();
    let result = match history {
        Some(history) => execute::resume(pruner, history, journal, &options).await,
        None => execute::execute(pruner, plan, journal, &options).await,
    };
    result.map_err(|error| {
        let is_undone = matches!(error, ExecuteError::Undone);
        let failure = Failure::from(error);
        let command = arguments.command();
        let hint = if is_undone {
            let source = crate::text::escape::visible(plan.source());
            let source = crate::text::shell::word(&source);
            format!("`cachelens {command} {source}` makes one")
        } else {
            let path = shown(&path);
            format!("`cachelens {command} --resume {path}` continues from where it stopped")
        };
        if failure.hint.is_none() {
            failure.hint(hint)
        } else {
            failure
        }
    })
}

pub(super) fn options<'a>(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    policy: &'a Policy,
    observe: &'a (dyn Fn(RunStep<'_>) + Send + Sync),
) -> ExecuteOptions<'a> {
    ExecuteOptions {
        concurrency: session.settings.concurrency.value.get(),
        batch: execute::BATCH,
        settle: arguments.settle(session.settings.retention.settle.value),
        delete_broken: arguments.delete_broken_refs,
        cancel: session.cancel.clone(),
        observe,
        policy,
        max_plan_age: arguments.max_plan_age,
    }
}

/// Creates a journal at `path`, or in the default folder.
pub(super) fn new_journal(
    path: Option<&Path>,
    folder: Option<PathBuf>,
    plan: &Plan,
) -> Result<Journal, Failure> {
    let created = if let Some(path) = path {
        Journal::create(path, plan)
    } else {
        let folder = folder.ok_or_else(|| {
            Failure::message(Exit::Failed, "there is no directory for journals")
                .hint("name one with --journal")
        })?;
        Journal::create_in(&folder, plan)
    };
    created.map_err(|error| {
        let failure = Failure::from(error);
        if failure.hint.is_none() {
            failure.hint("nothing was deleted; name another place with --journal")
        } else {
            failure
        }
    })
}

/// Returns the default folder of journals.
pub(in crate::cli) fn journals() -> Option<PathBuf> {
    Some(crate::config::state_dir()?.join("journal"))
}

/// The journal and the report of a run.
pub(super) struct FinishedRun {
    pub(super) report: RunReport,
    pub(super) journal: PathBuf,
    /// How much of it can be undone.
    pub(super) undoability: Undoability,
    /// Whether the user stopped it.
    pub(super) interrupted: bool,
}
