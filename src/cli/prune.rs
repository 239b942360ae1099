//! `prune`: a plan of what goes and why, and with `--yes` or `--apply` its execution.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Session;
use super::open::{self, Scanned};
use crate::backend::{self, Disposal, Outcome, SharedPruner, WayBack};
use crate::error::{Exit, Failure};
use crate::inventory::scan::ScanOptions;
use crate::prune::execute::{self, Options, Report, Step};
use crate::prune::journal::{History, Journal};
use crate::prune::plan::{FreedBlobs, Plan, Planning, file};
use crate::prune::{needed_beside, records, undo};
use crate::retention::{self, Action, Budget, Policy, SharedBlobs};
use crate::source::{Location, Source};

mod arguments;
mod print;

pub(super) use arguments::Arguments;
use print::Pruned;

pub(super) async fn run(session: &Session<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    if session.read_only && arguments.changes_something() {
        let failure = Failure::message(Exit::Usage, "`--read-only` lets nothing be deleted or put back");
        return Err(failure.hint("without --yes, --apply, --resume and --undo, prune only prints a plan"));
    }
    if let Some(path) = &arguments.undo {
        return take_back(session, &arguments, path).await;
    }
    if let Some(path) = &arguments.resume {
        return go_on(session, &arguments, path).await;
    }
    if let Some(path) = &arguments.apply {
        return apply(session, &arguments, path).await;
    }
    plan_all(session, &arguments).await
}

/// Plans for each source, and carries the plans out when told to.
async fn plan_all(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Failure> {
    let policy = arguments.policy(session.settings.retention.policy())?;
    let sources = open::sources(session, &arguments.sources)?;
    if let Some(source) = sources.iter().find(|source| source.select.is_some()) {
        let failure =
            Failure::message(Exit::Usage, format!("prune works on a whole store, and {source} names one ref"));
        return Err(failure.hint("name the source without it, and the refs that go with --drop-ref"));
    }
    let scope = sources.iter().find_map(|source| match &source.location {
        Location::Gha(gha) => gha.scope.as_ref(),
        _ => None,
    });
    if let Some(scope) = scope {
        let scope = crate::format::text::visible(scope);
        let message =
            format!("prune works on the caches of a whole repository, and the source names the scope {scope}");
        return Err(Failure::message(Exit::Usage, message)
            .hint(format!("name the source without it, and the refs that go with --drop-ref '{scope}@*'")));
    }
    let lets_nothing_go = policy.rules.iter().all(|rule| matches!(rule.action, Action::Protect))
        && policy.budget == Budget::default()
        && policy.records.is_none();
    if lets_nothing_go && !policy.rules.is_empty() {
        session.output.warn(
            "the rules only protect, so that no ref goes: --drop-ref, a criterion as --keep-last, or a budget chooses some",
        );
    }
    if arguments.plan_out.is_some() && sources.len() > 1 {
        return Err(Failure::message(Exit::Usage, "`--plan-out` saves the plan of one source, and several are named"));
    }
    // What a source was called: some fail, and some are several.
    let given: HashMap<String, &String> = sources.iter().map(ToString::to_string).zip(&arguments.sources).collect();
    let (scanned, mut failures) = open::scan_all(session, sources).await?;
    let mut pruned = Vec::new();
    for scanned in &scanned {
        let given = given.get(&scanned.opened.label()).copied();
        let result = one(session, arguments, &policy, scanned, given).await;
        match result {
            Ok(done) => pruned.push(done),
            Err(failure) => failures.push((scanned.opened.label(), failure)),
        }
    }
    print::print(session, &pruned, &failures)?;
    let worst = pruned.iter().map(Pruned::exit).max_by_key(|exit| exit.severity()).unwrap_or(Exit::Done);
    let others = open::conclude(session, pruned.len(), failures);
    Ok(if others.severity() > worst.severity() { others } else { worst })
}

async fn one(
    session: &Session<'_>,
    arguments: &Arguments,
    policy: &Policy,
    scanned: &Scanned,
    given: Option<&String>,
) -> Result<Pruned, Failure> {
    let plan = plan(session, arguments, policy, scanned).await?;
    print::announce(session, &plan);
    let exceeds = arguments.fail_if_frees.is_some_and(|limit| plan.frees_bytes() > limit);
    let changes = arguments.yes || arguments.plan_out.is_some();
    if changes && !exceeds && (plan.freed_blobs() == FreedBlobs::GoNow || plan.drops_every_ref()) {
        confirm(session, arguments, &plan, given)?;
    }
    if let Some(path) = &arguments.plan_out {
        save(&plan, path)?;
    }
    let mut pruned = Pruned { plan, exceeds, wanted: arguments.yes, done: None };
    if arguments.yes && !exceeds && !pruned.plan.is_empty() {
        let store = pruner(session, arguments, &scanned.opened.source)?;
        let mut journal = new_journal(arguments.journal.as_deref(), &pruned.plan)?;
        let report = carry_out(session, arguments, &store, &pruned.plan, &mut journal, None).await?;
        pruned.done = Some(Done { report, journal: journal.path().to_owned(), way_back: way_back(&store).await });
    }
    Ok(pruned)
}

async fn plan(
    session: &Session<'_>,
    arguments: &Arguments,
    policy: &Policy,
    scanned: &Scanned,
) -> Result<Plan, Failure> {
    let (reader, inventory, source) = (&scanned.opened.reader, &scanned.inventory, scanned.opened.label());
    let now = Timestamp::now();
    let facts = retention::facts(inventory, &source);
    let mut store = SharedBlobs::new(inventory, reader.free_bytes().await);
    let verdicts = retention::decide(policy, &facts, now, &mut store);
    let scan = ScanOptions { concurrency: session.settings.concurrency.value.get(), cancel: session.cancel.clone() };
    let recent = needed_beside(&**reader, inventory, &scan, policy.grace, now).await?;
    let (place, capabilities) = (reader.place().await?, reader.capabilities().await);
    let evidence = super::evidence::names(session, &arguments.provenance).await?;
    let rewrites = records::gather(&**reader, inventory, &verdicts, policy, &evidence, now).await;
    let plan = Plan::new(&Planning {
        source: &source,
        place: &place,
        inventory,
        verdicts: &verdicts,
        recent: &recent,
        capabilities: &capabilities,
        policy,
        policy_text: &policy.to_string(),
        now,
        freed_blobs: if arguments.now { FreedBlobs::GoNow } else { FreedBlobs::Wait },
        disposal: if arguments.no_trash || capabilities.way_back != WayBack::Trash {
            Disposal::AtOnce
        } else {
            Disposal::Trash
        },
        rewrites: &rewrites,
        spared: &HashSet::new(),
    })?;
    let plan = plan.at_cost(reader.cost().await);
    // What the disk gives back is said with the plan. Nobody sees it when only the outcome is told.
    let is_told = session.output.json || arguments.plan_out.is_some() || !arguments.yes;
    Ok(match backend::open_pruner(&scanned.opened.source, &session.access()) {
        Some(pruner) if is_told => {
            let footprint = pruner.footprint(plan.objects().collect()).await;
            plan.with_footprint(footprint)
        }
        Some(_) | None => plan,
    })
}

/// Asks for the name of the source, as it was given, before something that cannot be taken back.
fn confirm(session: &Session<'_>, arguments: &Arguments, plan: &Plan, given: Option<&String>) -> Result<(), Failure> {
    let name = given.map_or(plan.source(), String::as_str);
    let is_right = |typed: &str| typed == name || typed == plan.source();
    if arguments.confirm.iter().any(|typed| is_right(typed)) {
        return Ok(());
    }
    let what = if plan.drops_every_ref() { "no ref would stay" } else { "blobs go together with their refs" };
    let refusal = Failure::message(Exit::Usage, format!("{name}: {what}, which has to be confirmed"))
        .hint(format!("add --confirm '{name}'"));
    if !arguments.confirm.is_empty() || session.output.json || !io::stdin().is_terminal() {
        return Err(refusal);
    }
    session.output.end_progress();
    eprint!("{name}: {what}. Type the name of the source to go on: ");
    let mut typed = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().lock().read_line(&mut typed));
    if read.is_ok() && is_right(typed.trim_end_matches('\n')) { Ok(()) } else { Err(refusal) }
}

fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let text = file::save(plan).map_err(|error| Failure::new(Exit::Failed, &error))?;
    fs::write(path, format!("{text}\n"))
        .map_err(|error| Failure::new(Exit::Failed, &error).on(&format!("cannot write the plan {}", shown(path))))
}

/// Carries a saved plan out.
async fn apply(session: &Session<'_>, arguments: &Arguments, path: &Path) -> Result<Exit, Failure> {
    let text = unhurried(path, |path| fs::read_to_string(path))
        .await?
        .map_err(|error| Failure::new(Exit::Usage, &error).on(&format!("cannot read the plan {}", shown(path))))?;
    let plan = file::load(&text).map_err(|error| {
        Failure::new(Exit::Usage, &error)
            .on(&shown(path))
            .hint("make a new plan with --plan-out, and leave it as it is")
    })?;
    if let Some(named) = arguments.sources.first() {
        let source = open::parse(session, named)?;
        let place = backend::open(&source, &session.access())?.place().await?;
        if arguments.sources.len() > 1 || place != plan.place() {
            let message = format!("{} is a plan for {}, not for {named}", shown(path), plan.place());
            return Err(Failure::message(Exit::Usage, message));
        }
    }
    print::announce(session, &plan);
    let pruner = pruner_at(session, arguments, &plan)?;
    let mut journal = new_journal(arguments.journal.as_deref(), &plan)?;
    let report = carry_out(session, arguments, &pruner, &plan, &mut journal, None).await?;
    conclude(session, plan, Done { report, journal: journal.path().to_owned(), way_back: way_back(&pruner).await })
}

/// Goes on with a run that was interrupted.
async fn go_on(session: &Session<'_>, arguments: &Arguments, path: &Path) -> Result<Exit, Failure> {
    let (mut journal, history) = unhurried(path, Journal::reopen).await??;
    let pruner = pruner_at(session, arguments, &history.plan)?;
    let report = carry_out(session, arguments, &pruner, &history.plan, &mut journal, Some(&history)).await?;
    conclude(session, history.plan, Done { report, journal: path.to_owned(), way_back: way_back(&pruner).await })
}

/// Reads a file that may be a pipe, for which an interruption does not wait.
async fn unhurried<T: Send + 'static>(
    path: &Path,
    read: impl FnOnce(&Path) -> T + Send + 'static,
) -> Result<T, Failure> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&path));
    reading.await.map_err(|_| Failure::message(Exit::Interrupted, "interrupted"))
}

async fn way_back(store: &SharedPruner) -> WayBack {
    store.capabilities().await.way_back
}

fn conclude(session: &Session<'_>, plan: Plan, done: Done) -> Result<Exit, Failure> {
    let pruned = Pruned { plan, exceeds: false, wanted: true, done: Some(done) };
    print::print(session, std::slice::from_ref(&pruned), &[])?;
    Ok(pruned.exit())
}

/// Takes a run back.
async fn take_back(session: &Session<'_>, arguments: &Arguments, path: &Path) -> Result<Exit, Failure> {
    let (mut journal, history) = unhurried(path, Journal::reopen).await??;
    let pruner = pruner_at(session, arguments, &history.plan)?;
    session.finish_what_is_begun();
    let options = options(session, arguments, &|_| ());
    let results = undo::undo(&pruner, &history, &mut journal, &options).await?;
    print::undone(session, &history.plan, &results, path)?;
    let back = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyGone);
    Ok(if results.iter().all(|(_, outcome)| back(outcome)) { Exit::Done } else { Exit::Partial })
}

async fn carry_out(
    session: &Session<'_>,
    arguments: &Arguments,
    pruner: &SharedPruner,
    plan: &Plan,
    journal: &mut Journal,
    history: Option<&History>,
) -> Result<Report, Failure> {
    session.finish_what_is_begun();
    let total = plan.delete().len();
    let observe = |step: Step<'_>| {
        if let Step::Journaled(done) = step {
            session.output.progress.pruning(plan.source(), done, total);
        }
    };
    let options = options(session, arguments, &observe);
    let path = journal.path().to_owned();
    let result = match history {
        Some(history) => execute::resume(pruner, history, journal, &options).await,
        None => execute::execute(pruner, plan, journal, &options).await,
    };
    result.map_err(|error| {
        let failure = Failure::from(error);
        let hint = format!("`cachelens prune --resume {}` goes on from where it ended", shown(&path));
        if failure.hint.is_none() { failure.hint(hint) } else { failure }
    })
}

fn options<'a>(
    session: &Session<'_>,
    arguments: &Arguments,
    observe: &'a (dyn Fn(Step<'_>) + Send + Sync),
) -> Options<'a> {
    Options {
        concurrency: session.settings.concurrency.value.get(),
        batch: execute::BATCH,
        cure: arguments.cure,
        cancel: session.cancel.clone(),
        observe,
    }
}

fn pruner(session: &Session<'_>, arguments: &Arguments, source: &Source) -> Result<SharedPruner, Failure> {
    let mut access = session.access();
    access.s3.no_recheck = arguments.no_recheck;
    if arguments.no_recheck && !matches!(source.location, Location::S3(_)) {
        let message =
            format!("{source} is no bucket: only there each blob is looked at again, and --no-recheck is of use");
        return Err(Failure::message(Exit::Usage, message));
    }
    backend::open_pruner(source, &access)
        .ok_or_else(|| Failure::message(Exit::Usage, format!("nothing can be deleted from {source}")))
}

/// Opens the store that a plan was made for.
fn pruner_at(session: &Session<'_>, arguments: &Arguments, plan: &Plan) -> Result<SharedPruner, Failure> {
    // A repository on GitHub lies at the address of the interface, too, which the environment tells.
    if let Some((source, _)) = plan.place().strip_prefix("gha:").and_then(|place| place.split_once(" at ")) {
        return pruner(session, arguments, &open::parse(session, &format!("gha:{source}"))?);
    }
    if let Some(source) = ["registry ", "s3 "].iter().find_map(|kind| plan.place().strip_prefix(kind)) {
        return pruner(session, arguments, &open::parse(session, source)?);
    }
    let location = Location::Local(crate::source::LocalLocation::new(plan.place()));
    pruner(session, arguments, &Source { location, select: None, ignored: Vec::new() })
}

/// Begins a journal at `path`, or where journals lie.
fn new_journal(path: Option<&Path>, plan: &Plan) -> Result<Journal, Failure> {
    let created = if let Some(path) = path {
        Journal::create(path, plan)
    } else {
        let folder = journals().ok_or_else(|| {
            Failure::message(Exit::Failed, "there is no place for a journal").hint("name one with --journal")
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

/// Returns the folder where journals lie when nobody names another place.
pub(super) fn journals() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(etcetera::BaseStrategy::state_dir(&strategy)?.join("cachelens/journal"))
}

fn shown(path: &Path) -> String {
    crate::format::text::visible(&path.to_string_lossy()).into_owned()
}

/// The journal and the report of a run.
struct Done {
    report: Report,
    journal: PathBuf,
    /// What of it can be put back.
    way_back: WayBack,
}
