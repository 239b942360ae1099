//! Plans and their outcomes in the formats of other programs, and in the summary of a CI job.

use jiff::Timestamp;

use super::print::{self, Pruned};
use super::{CliSession, PruneArguments};
use crate::cli::check::FindingsFormat;
use crate::cli::summary::SummaryFlag;
use crate::error::{Exit, Failure};
use crate::report::markdown::{code, table, text};
use crate::report::page::plan::PlanPart;
use crate::report::plan::{PlanOutcome, run_sums};
use crate::report::{Issue, IssueLevel, github, junit, sarif};

/// Adds plans, outcomes and failures to the summary of the job, when the flag asks for it.
///
/// # Errors
/// When the summary cannot be written.
pub(super) fn add(
    session: &CliSession<'_>,
    flag: SummaryFlag,
    pruned: &[Pruned],
    failures: &[(String, Failure)],
) -> Result<(), Failure> {
    let Some(file) = flag.file()? else {
        return Ok(());
    };
    file.add(&markdown(session, pruned, failures))
}

/// Prints plans, outcomes and failures in the format that the user asks for.
///
/// # Errors
/// When they cannot be written.
pub(super) fn print(
    session: &CliSession<'_>,
    arguments: &PruneArguments,
    pruned: &[Pruned],
    failures: &[(String, Failure)],
    is_several: bool,
) -> Result<Exit, Failure> {
    let output = session.output;
    let format = if output.json {
        FindingsFormat::Json
    } else {
        arguments.format
    };
    match format {
        FindingsFormat::Text | FindingsFormat::Json => {
            if format == FindingsFormat::Text {
                return print::text(session, pruned);
            }
            print::document(session, arguments.command(), pruned, failures, is_several)
        }
        FindingsFormat::Markdown => output.text(&markdown(session, pruned, failures)),
        FindingsFormat::Github => {
            let issues = issues(pruned, failures);
            output.text(&github::render(&github::of_issues(&issues)))
        }
        FindingsFormat::Sarif => output.document(&sarif::log(&issues(pruned, failures))),
        FindingsFormat::Junit => {
            let planned = pruned.iter().map(|pruned| pruned.plan.source().to_owned());
            let failed = failures.iter().map(|(source, _)| source.clone());
            let suites: Vec<String> = planned.chain(failed).collect();
            let fails = |issue: &Issue| issue.level == IssueLevel::Error;
            output.text(&junit::document(&suites, &issues(pruned, failures), fails)?)
        }
    }
}

fn issues(pruned: &[Pruned], failures: &[(String, Failure)]) -> Vec<Issue> {
    let of_plan = |pruned: &Pruned| {
        let outcome = PlanOutcome {
            plan: &pruned.plan,
            report: pruned.done.as_ref().map(|done| &done.report),
            ended: Timestamp::now(),
            exceeds: pruned.exceeds,
        };
        outcome.issues()
    };
    let of_failure = |(source, failure): &(String, Failure)| Issue {
        level: IssueLevel::Error,
        code: "source-failed",
        meaning: "A source could not be read or pruned.".into(),
        message: failure.message.clone(),
        hint: failure.hint.clone(),
        subject: source.clone(),
        place: None,
    };
    let planned = pruned.iter().flat_map(of_plan);
    planned.chain(failures.iter().map(of_failure)).collect()
}

fn markdown(session: &CliSession<'_>, pruned: &[Pruned], failures: &[(String, Failure)]) -> String {
    let has_rules = !session.settings.retention.policy().rules.is_empty();
    let mut page = String::new();
    for pruned in pruned {
        page += &part(pruned, has_rules);
    }
    for (source, failure) in failures {
        page += &format!("- {}: {}\n", text(source), text(&failure.message));
    }
    page
}

fn part(pruned: &Pruned, has_rules: bool) -> String {
    let plan = PlanPart::new(&pruned.plan, has_rules);
    let mut page = format!(
        "**cachelens {}: {}**\n\n",
        pruned.command,
        text(pruned.plan.source())
    );
    match &pruned.done {
        Some(done) => {
            page += &format!(
                "{}\n",
                run_sums(&pruned.plan, &done.report, Timestamp::now())
            );
        }
        None => page += &format!("A plan, nothing was deleted. {}\n", text(&plan.counts())),
    }
    if pruned.exceeds {
        page += "\n**The plan frees more than `--fail-if-frees` allows.**\n";
    }
    if !plan.items.is_empty() {
        let rows = plan.items.iter().map(|item| {
            [
                item.kind.to_owned(),
                code(&item.name),
                item.size(),
                text(&item.reasons),
            ]
        });
        page.push('\n');
        page += &table(["Kind", "Name", "Size", "Why"], rows);
        let more = plan.all_items.saturating_sub(plan.items.len());
        if more > 0 {
            page += &format!("\nand {more} more\n");
        }
    }
    for warning in &plan.warnings {
        page += &format!("\n> {}\n", text(warning));
    }
    page.push('\n');
    page
}
