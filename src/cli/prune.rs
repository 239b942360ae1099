//! `prune`: a plan of deletions with reasons, and its execution with `--yes` or `--apply`.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::CliSession;
use super::evidence::StepEvidence;
use super::open::{self, Scanned};
use crate::backend;
use crate::check::{self, CheckOptions, CheckSubject};
use crate::error::{Exit, Failure};
use crate::explain::evidence::CacheEvidence;
use crate::inventory::RefId;
use crate::inventory::scan::ScanOptions;
use crate::prune::draft::{self, Choices, Draft, DraftRequest};
use crate::prune::plan::{FreedBlobs, Plan, PlanError, TypedReason, file};
use crate::prune::repair::Remedies;
use crate::report::file::OutputFile;
use crate::retention::{Budget, Policy, RuleAction};
use crate::source::{Source, SourceLocation, SourceText};

mod arguments;
mod document;
mod page;
mod print;
mod run;
mod store;
mod whole;

pub(super) use arguments::{PruneArguments, RuleFlags, duration};
use print::{Pruned, RefBytes};
pub(super) use run::journals;
use run::{FinishedRun, apply, carry_out, go_on, new_journal, undo_run, undoability};
use store::pruner;
use whole::not_whole;

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: PruneArguments,
) -> Result<Exit, Failure> {
    // A summary that has no place to go fails before anything is deleted.
    arguments.summary.file()?;
    if session.read_only && arguments.changes_something() {
        let failure = Failure::message(Exit::Usage, "`--read-only` forbids deleting and restoring");
        return Err(failure.hint(format!(
            "without --yes, --apply, --resume and --undo, {} only prints a plan",
            arguments.command()
        )));
    }
    if let Some(path) = &arguments.undo {
        return undo_run(session, &arguments, path).await;
    }
    if let Some(path) = &arguments.resume {
        return go_on(session, &arguments, path).await;
    }
    if let Some(path) = &arguments.apply {
        return apply(session, &arguments, path).await;
    }
    plan_all(session, &arguments).await
}

/// Plans for each source, and executes the plans on request.
async fn plan_all(session: &CliSession<'_>, arguments: &PruneArguments) -> Result<Exit, Failure> {
    let policy = arguments.policy(session.settings.retention.policy())?;
    let is_prune = arguments.repair.is_none();
    let sources = sources(session, arguments)?;
    check_sources(arguments, &sources)?;
    if is_prune && lets_nothing_go(&policy) {
        session.output.warn(
            "every rule is `protect`, so no ref will be deleted; add --drop-ref, --keep-last or a size limit",
        );
    }
    // The sources as the user named them; some may fail, and some stand for several stores.
    let given: HashMap<String, &SourceText> = sources
        .iter()
        .map(ToString::to_string)
        .zip(&arguments.sources)
        .collect();
    let mut is_several = sources.len() > 1;
    let (scanned, mut failures) = if is_prune {
        open::scan_all(session, sources).await?
    } else {
        scan_whole(session, sources).await?
    };
    let mut pruned = Vec::new();
    for scanned in &scanned {
        let given = given.get(&scanned.opened.label()).copied();
        let result = one(session, arguments, &policy, scanned, given).await;
        match result {
            Ok(done) => pruned.push(done),
            Err(failure) => failures.push((scanned.opened.label(), failure)),
        }
    }
    is_several |= pruned.len() > 1;
    let refused: Vec<(String, Failure)> = pruned.iter().filter_map(Pruned::refused).collect();
    let all = [failures.clone(), refused.clone()].concat();
    page::add(session, arguments.summary, &pruned, &all)?;
    page::print(session, arguments, &pruned, &all, is_several)?;
    open::report(session, &refused);
    let worst = pruned
        .iter()
        .map(Pruned::exit)
        .max_by_key(|exit| exit.severity())
        .unwrap_or(Exit::Done);
    let others = open::conclude(session, pruned.len(), &failures);
    Ok(if others.severity() > worst.severity() {
        others
    } else {
        worst
    })
}

/// Returns the sources to plan for. Without SOURCE and configuration, a plan is about what the
/// files of this directory declare; a deletion is not.
fn sources(session: &CliSession<'_>, arguments: &PruneArguments) -> Result<Vec<Source>, Failure> {
    let given = &arguments.sources;
    let sources = if arguments.yes {
        open::sources(session, given)?
    } else {
        open::sources_to_read(session, given)?
    };
    Ok(if given.is_empty() && arguments.repair.is_none() {
        open::without_refs(sources)
    } else {
        sources
    })
}

/// Checks that the sources fit the request.
fn check_sources(arguments: &PruneArguments, sources: &[Source]) -> Result<(), Failure> {
    let is_prune = arguments.repair.is_none();
    let selects = |source: &&Source| is_prune && source.select.is_some();
    if let Some(source) = sources.iter().find(selects) {
        return Err(not_whole(source));
    }
    let restores = arguments
        .repair
        .as_ref()
        .is_some_and(|repair| repair.restore.is_some());
    if restores && !matches!(sources, [source] if source.select.is_some()) {
        let failure = Failure::message(Exit::Usage, "`--restore` is about one ref");
        return Err(failure.hint("name the ref as SOURCE#REF, and no other source"));
    }
    let scope = sources.iter().find_map(|source| match &source.location {
        SourceLocation::Gha(gha) if is_prune => gha.scope.as_ref(),
        _ => None,
    });
    if let Some(scope) = scope {
        let scope = crate::text::escape::visible(scope);
        let message = format!(
            "prune works on the caches of a whole repository, and the source names the scope {scope}"
        );
        return Err(Failure::message(Exit::Usage, message).hint(format!(
            "name the source without the scope, and select refs to delete with --drop-ref '{scope}@*'"
        )));
    }
    if arguments.plan_out.is_some() && sources.len() > 1 {
        return Err(Failure::message(
            Exit::Usage,
            "`--plan-out` saves the plan of one source, but several are given",
        ));
    }
    Ok(())
}

/// Returns whether there are rules, and none of them deletes a ref.
fn lets_nothing_go(policy: &Policy) -> bool {
    !policy.rules.is_empty()
        && policy
            .rules
            .iter()
            .all(|rule| matches!(rule.action, RuleAction::Protect))
        && policy.budget == Budget::default()
        && policy.records.is_none()
}

/// Scans the whole stores of sources that may select refs: the final proof of a run covers all refs
/// of a store, so its plan has to know all of them.
async fn scan_whole(
    session: &CliSession<'_>,
    sources: Vec<Source>,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    let mut scanned = Vec::new();
    let mut failures = Vec::new();
    for mut source in sources {
        let label = source.to_string();
        let select = source.select.take();
        let (found, failed) = open::scan_all(session, vec![source]).await?;
        failures.extend(failed);
        for mut found in found {
            found.opened.source.select.clone_from(&select);
            if select.is_some() && found.selected().is_empty() {
                failures.push((label.clone(), open::no_such_ref(&found)));
            } else {
                scanned.push(found);
            }
        }
    }
    Ok((scanned, failures))
}

async fn one(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    policy: &Policy,
    scanned: &Scanned,
    given: Option<&SourceText>,
) -> Result<Pruned, Failure> {
    let (plan, refusal) = plan(session, arguments, policy, scanned).await?;
    print::announce(session, &plan);
    let exceeds = arguments
        .fail_if_frees
        .is_some_and(|limit| plan.frees_in_the_end() > limit);
    let stops = exceeds || refusal.is_some();
    let changes = arguments.yes || arguments.plan_out.is_some();
    if changes
        && !stops
        && let Some(reason) = plan.needs_typed_confirmation()
        && reason.outweighs_yes()
    {
        confirm(session, arguments, &plan, reason, given)?;
    }
    if refusal.is_none()
        && let Some(path) = &arguments.plan_out
    {
        save(&plan, path)?;
    }
    let mut pruned = Pruned {
        plan,
        ref_bytes: RefBytes::of(&scanned.inventory),
        has_rules: arguments.rules.orphans_only
            || !policy.rules.is_empty()
            || policy.budget != Budget::default(),
        command: arguments.command(),
        exceeds,
        refusal,
        wanted: arguments.yes,
        done: None,
    };
    if arguments.yes && !stops && !pruned.plan.is_empty() {
        pruned.done = Some(execute(session, arguments, scanned, &pruned.plan).await?);
    }
    Ok(pruned)
}

/// Carries out a plan.
async fn execute(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    scanned: &Scanned,
    plan: &Plan,
) -> Result<FinishedRun, Failure> {
    let store = pruner(session, arguments, &scanned.opened.source)?;
    let folder = if matches!(scanned.opened.source.location, SourceLocation::Demo) {
        session
            .output
            .warn("the demo is a copy: it is deleted, journal included, when this command ends");
        backend::demo::journals()
    } else {
        journals()
    };
    let mut journal = new_journal(arguments.journal.as_deref(), folder, plan)?;
    let report = carry_out(session, arguments, &store, plan, &mut journal, None).await?;
    Ok(FinishedRun {
        report,
        journal: journal.path().to_owned(),
        undoability: undoability(&store).await,
        interrupted: session.cancel.is_cancelled(),
    })
}

/// Makes the plan. A plan that deletes more than the policy allows comes with the reason why it is
/// not carried out.
async fn plan(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    policy: &Policy,
    scanned: &Scanned,
) -> Result<(Plan, Option<Failure>), Failure> {
    let reader = &scanned.opened.reader;
    let scan = ScanOptions {
        concurrency: session.settings.concurrency.value.get(),
        cancel: session.cancel.clone(),
    };
    let evidence = evidence(session, arguments).await?;
    let request = DraftRequest {
        inventory: Arc::new(scanned.inventory.clone()),
        source: &scanned.opened.label(),
        policy: policy.clone(),
        evidence: Ok(&evidence),
        settles: arguments.settles(session.settings.retention.settle.value),
        now: Timestamp::now(),
    };
    let mut draft = Draft::gather(reader, request, &scan).await?;
    if let Some(remedies) = &arguments.repair {
        draft = repairing(session, arguments, remedies, scanned, draft).await?;
    }
    let choices = Choices {
        freed_blobs: if arguments.now {
            FreedBlobs::DeleteNow
        } else {
            FreedBlobs::Wait
        },
        excluded: HashSet::new(),
        at_once: arguments.no_trash,
    };
    let (plan, refusal) = match draft.plan(&choices) {
        Err(error @ PlanError::TooMuch { .. }) => {
            (draft.plan_over_limit(&choices)?, Some(error.into()))
        }
        made => (made?, None),
    };
    // The freed disk space is shown with the plan. It is not needed if only the outcome is printed.
    let is_shown = session.output.json || arguments.plan_out.is_some() || !arguments.yes;
    let plan = if is_shown {
        draft::measured(reader, plan).await
    } else {
        plan
    };
    Ok((plan, refusal))
}

/// Returns the evidence that names the steps for rules about results. A repair needs none.
async fn evidence(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
) -> Result<CacheEvidence, Failure> {
    if arguments.repair.is_some() {
        return Ok(CacheEvidence::default());
    }
    let steps = StepEvidence {
        provenance: &arguments.provenance,
        described: Some(&arguments.described),
        context: arguments.context.as_deref(),
    };
    steps.load(session).await
}

/// Checks a source, and turns the draft into one of a repair of what was found.
async fn repairing(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    remedies: &Remedies,
    scanned: &Scanned,
    draft: Draft,
) -> Result<Draft, Failure> {
    let label = scanned.opened.label();
    let source = &scanned.opened.source;
    let selected = scanned.selected().into_iter().map(|(id, _)| id);
    let only: Option<Vec<RefId>> = source.select.is_some().then(|| selected.collect());
    let subject = CheckSubject {
        source: &label,
        kind: source.kind(),
        location: Some(&source.location),
        inventory: &scanned.inventory,
        only: only.as_deref(),
    };
    let options = CheckOptions {
        verify: arguments.verify,
        concurrency: session.settings.concurrency.value.get(),
        cancel: session.cancel.child_token(),
    };
    let shown = scanned.opened.shown();
    let observe = |progress| session.output.progress.checking(&shown, progress);
    let reader = &scanned.opened.reader;
    let found = check::check(&subject, reader, &options, Timestamp::now(), observe).await;
    let found = found.ok_or_else(|| Failure::message(Exit::Interrupted, "interrupted"))?;
    let found = draft::RepairFindings {
        findings: &found.findings,
        damaged: &found.damaged,
        only: only.as_deref(),
    };
    Ok(draft
        .repairing(reader, source.kind(), found, remedies)
        .await)
}

/// Asks for the name of the source, as given, before an irreversible operation.
fn confirm(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    plan: &Plan,
    reason: TypedReason,
    given: Option<&SourceText>,
) -> Result<(), Failure> {
    // As given, but without credentials.
    let name = given.map_or_else(|| plan.source().to_owned(), SourceText::to_string);
    let is_right = |typed: &str| {
        let exposed = given.map(SourceText::expose);
        typed == name || typed == plan.source() || Some(typed) == exposed
    };
    let mut confirmed = arguments.confirm.iter().map(SourceText::expose);
    if confirmed.any(is_right) {
        return Ok(());
    }
    let refusal = Failure::message(
        Exit::Usage,
        format!("{name}: {reason}, which must be confirmed"),
    )
    .hint(format!("add --confirm '{name}'"));
    if !arguments.confirm.is_empty() || session.output.json || !io::stdin().is_terminal() {
        return Err(refusal);
    }
    session.output.end_progress();
    let question = format!("{name}: {reason}. Type the name of the source to continue: ");
    let mut typed = String::new();
    let mut terminal = io::stderr();
    let read = terminal
        .write_all(question.as_bytes())
        .and_then(|()| terminal.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut typed));
    if read.is_ok() && is_right(typed.trim_end_matches('\n')) {
        Ok(())
    } else {
        Err(refusal)
    }
}

fn save(plan: &Plan, path: &Path) -> Result<(), Failure> {
    let written = OutputFile::create(path).and_then(|mut out| {
        file::save(plan, &mut out)?;
        writeln!(out)?;
        out.replace()
    });
    written.map_err(|error| {
        Failure::new(Exit::Failed, &error).on(&format!("cannot write the plan {}", shown(path)))
    })
}

fn shown(path: &Path) -> String {
    crate::text::escape::visible(&path.to_string_lossy()).into_owned()
}
