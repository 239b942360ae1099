//! A plan of `prune` or `repair`, and its outcome, as issues.

use jiff::Timestamp;

use super::{Issue, IssueLevel};
use crate::backend::Outcome;
use crate::prune::execute::RunReport;
use crate::prune::plan::{FreesLater, Plan};
use crate::report::page::plan::PlanPart;
use crate::text::units::Size;

/// The most items of a run that are issues, each.
const MOST_ITEMS: usize = 100;

/// A plan, and its outcome once it was carried out.
#[derive(Clone, Copy)]
pub struct PlanOutcome<'a> {
    pub plan: &'a Plan,
    /// Its outcome; none for a plan only.
    pub report: Option<&'a RunReport>,
    /// When the run ended; now, for a plan only.
    pub ended: Timestamp,
    /// Whether it frees more than a gate allows.
    pub exceeds: bool,
}

impl PlanOutcome<'_> {
    /// Returns what went wrong, what the plan warns of, and its sum.
    pub fn issues(&self) -> Vec<Issue> {
        let plan = self.plan;
        let mut issues = Vec::new();
        if self.exceeds {
            let message = "The plan frees more than --fail-if-frees allows. Nothing was changed.";
            issues.push(self.issue(IssueLevel::Error, "exceeds-limit", message.to_owned()));
        }
        if let Some(report) = self.report {
            self.add_items(report, &mut issues);
            for name in &report.broken {
                let message =
                    format!("{name} is now missing blobs (it was complete before this run).");
                issues.push(self.issue(IssueLevel::Error, "broken-ref", message));
            }
        }
        for item in plan.not_fixed().into_iter().flatten() {
            let about = item.ref_name.as_deref().unwrap_or("the store");
            let message = format!("Not repaired: {} of {about}: {}", item.code, item.why);
            issues.push(self.issue(IssueLevel::Warning, "not-repaired", message));
        }
        for budget in plan.unmet_budgets() {
            let message = format!("Limit not met, because everything left is protected: {budget}.");
            issues.push(self.issue(IssueLevel::Warning, "limit-not-met", message));
        }
        for warning in plan.warnings() {
            issues.push(self.issue(IssueLevel::Warning, "plan-warning", warning.to_string()));
        }
        let (code, sum) = match self.report {
            Some(report) => ("run", run_sums(plan, report, self.ended)),
            None => {
                let counts = PlanPart::new(plan, false).counts();
                ("plan", format!("A plan, nothing was deleted: {counts}"))
            }
        };
        issues.push(self.issue(IssueLevel::Info, code, sum));
        issues
    }

    /// Adds the items that were not deleted.
    fn add_items(&self, report: &RunReport, issues: &mut Vec<Issue>) {
        let mut more = 0_usize;
        for (item, outcome) in self.plan.delete().iter().zip(&report.outcomes) {
            let (level, code, why) = match outcome {
                Outcome::Done | Outcome::AlreadyGone => continue,
                Outcome::Skipped(why) => (
                    IssueLevel::Warning,
                    "item-skipped",
                    format!("skipped: {why}"),
                ),
                Outcome::Failed(why) => {
                    (IssueLevel::Error, "item-failed", format!("failed: {why}"))
                }
                Outcome::Cancelled => (IssueLevel::Warning, "item-skipped", "cancelled".to_owned()),
            };
            if issues.len() >= MOST_ITEMS {
                more += 1;
                continue;
            }
            let kind = item.target.kind().word();
            let message = format!("{kind} {}: {why}", item.target.name());
            issues.push(self.issue(level, code, message));
        }
        if more > 0 {
            let message = format!("{more} more items were not deleted");
            issues.push(self.issue(IssueLevel::Warning, "item-skipped", message));
        }
    }

    fn issue(&self, level: IssueLevel, code: &'static str, message: String) -> Issue {
        Issue {
            level,
            code,
            meaning: meaning(code).into(),
            message,
            hint: None,
            subject: self.plan.source().to_owned(),
            place: None,
        }
    }
}

/// Says how much a later run frees, and from when; `None` if nothing waits.
pub fn later_words(later: FreesLater) -> Option<String> {
    if later.is_empty() {
        return None;
    }
    let blobs = if later.objects == 1 { "blob" } else { "blobs" };
    let what = format!("{} {blobs}, {}", later.objects, Size(later.bytes));
    Some(match later.at {
        Some(at) => format!("{what} free after {}", at.strftime("%Y-%m-%d %H:%M UTC")),
        None => format!("{what} left to the store's own collection"),
    })
}

/// Returns what a later run frees after a run that ended at `ended`. `None` if the run left a ref
/// or results, so that this is not known.
pub fn later_of_run(plan: &Plan, report: &RunReport, ended: Timestamp) -> Option<FreesLater> {
    let mut refs = report.outcomes.iter().take(plan.before_objects());
    refs.all(|outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyGone))
        .then(|| plan.frees_later_after(ended))
}

/// Says what became of the items of a run that ended at `ended`.
pub fn run_sums(plan: &Plan, report: &RunReport, ended: Timestamp) -> String {
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
    let later = later_of_run(plan, report, ended).and_then(later_words);
    let later = later.map_or_else(String::new, |words| format!("; {words}"));
    parts.join(", ") + &later
}

fn meaning(code: &str) -> &'static str {
    match code {
        "exceeds-limit" => "A plan frees more than its gate allows.",
        "item-failed" => "A store refused to delete an item of a plan.",
        "item-skipped" => "An item of a plan was not deleted.",
        "broken-ref" => "A ref references blobs that a run deleted.",
        "not-repaired" => "A finding cannot be repaired.",
        "limit-not-met" => "A plan cannot meet a limit of the policy.",
        "plan-warning" => "A plan has a warning.",
        "run" => "A plan was carried out.",
        _ => "An item that the plan deletes.",
    }
}
