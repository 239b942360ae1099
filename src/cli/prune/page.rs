//! A plan and its outcome as Markdown, for the summary of a CI job.

use super::CliSession;
use super::print::Pruned;
use crate::backend::Outcome;
use crate::cli::summary::SummaryFlag;
use crate::error::Failure;
use crate::report::markdown::{code, table, text};
use crate::report::page::plan::PlanPart;
use crate::text::units::Size;

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
    let has_rules = !session.settings.retention.policy().rules.is_empty();
    let mut page = String::new();
    for pruned in pruned {
        page += &part(pruned, has_rules);
    }
    for (source, failure) in failures {
        page += &format!("- {}: {}\n", text(source), text(&failure.message));
    }
    file.add(&page)
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
            let report = &done.report;
            let counts = [
                (report.count(|outcome| *outcome == Outcome::Done), "done"),
                (
                    report.count(|outcome| matches!(outcome, Outcome::Skipped(_))),
                    "skipped",
                ),
                (
                    report.count(|outcome| matches!(outcome, Outcome::Failed(_))),
                    "failed",
                ),
            ];
            let counts = counts
                .iter()
                .filter(|(count, word)| *count > 0 || *word == "done");
            let mut parts: Vec<String> = counts
                .map(|(count, word)| format!("{count} {word}"))
                .collect();
            parts.push(format!("{} freed", Size(report.freed_bytes)));
            if report.trashed_bytes > 0 {
                parts.push(format!("{} in the trash", Size(report.trashed_bytes)));
            }
            page += &format!("{}\n", parts.join(", "));
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
                Size(item.bytes).to_string(),
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
