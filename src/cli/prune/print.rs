//! The output of `prune`.

use serde::Serialize;

use super::FinishedRun;
use super::document::{RunDocument, SettleDocument};
use crate::backend::{Disposal, Outcome};
use crate::cli::CliSession;
use crate::cli::json::JsonDocument;
use crate::cli::table::{Paper, Style};
use crate::error::{Exit, Failure};
use crate::prune::plan::{ItemReason, Plan};
use crate::prune::rewrite::NotFixed;
use crate::text::escape::visible;

mod outcome;
mod plan;
mod ref_bytes;

use outcome::outcome;
pub(super) use outcome::undone;
use plan::plan;
pub(super) use ref_bytes::RefBytes;

/// A plan, and the result of its execution.
pub(super) struct Pruned {
    pub(super) plan: Plan,
    pub(super) ref_bytes: RefBytes,
    /// Whether a rule or a flag says which refs to delete.
    pub(super) has_rules: bool,
    /// The command that made or executed it.
    pub(super) command: &'static str,
    /// Whether it frees more than `--fail-if-frees` allows.
    pub(super) exceeds: bool,
    /// Why the policy refuses it: it deletes too large a share.
    pub(super) refusal: Option<Failure>,
    /// Whether it was to be executed.
    pub(super) wanted: bool,
    pub(super) done: Option<FinishedRun>,
}

impl Pruned {
    /// Returns its source, and why the policy refuses it.
    pub(super) fn refused(&self) -> Option<(String, Failure)> {
        Some((self.plan.source().to_owned(), self.refusal.clone()?))
    }

    /// Returns the exit code for it.
    pub(super) fn exit(&self) -> Exit {
        // A repair deletes no blob; an unreadable ref is one of the findings that it lists.
        let short = match self.plan.not_fixed() {
            Some(not_fixed) => self.wanted && !not_fixed.is_empty(),
            None => self.plan.undetermined() && !self.plan.is_withheld(),
        };
        match &self.done {
            _ if self.exceeds || self.refusal.is_some() => Exit::Found,
            Some(done) if !done.report.broken.is_empty() => Exit::Failed,
            Some(done) if done.report.count(|outcome| *outcome == Outcome::Cancelled) > 0 => {
                Exit::Interrupted
            }
            Some(done) if done.interrupted && !done.report.is_complete() => Exit::Interrupted,
            Some(done)
                if !done.report.is_complete() || short || !self.plan.unmet_budgets().is_empty() =>
            {
                Exit::Partial
            }
            None if short || (self.wanted && !self.plan.unmet_budgets().is_empty()) => {
                Exit::Partial
            }
            Some(_) | None => Exit::Done,
        }
    }
}

/// The maximum number of entries to list one by one, for a store that deletes by entry.
const MOST_ENTRIES: usize = 20;

#[derive(Serialize)]
struct One<'a> {
    plan: &'a Plan,
    /// Present if the gate stops the plan.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    exceeds_fail_if_frees: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<RunDocument<'a>>,
}

/// Returns the budgets that the plan does not meet.
fn unmet(plan: &Plan) -> impl Iterator<Item = String> {
    plan.unmet_budgets()
        .iter()
        .map(|budget| format!("Limit not met, because everything left is protected: {budget}."))
}

impl<'a> One<'a> {
    fn new(pruned: &'a Pruned) -> Self {
        let plan = &pruned.plan;
        let outcome = pruned
            .done
            .as_ref()
            .map(|done| RunDocument::new(plan, &done.report, &done.journal));
        let nothing = || {
            (pruned.wanted && !pruned.exceeds && pruned.refusal.is_none()).then(|| RunDocument {
                settle: (plan.disposal() == Disposal::Trash).then_some(SettleDocument {
                    waited_s: 0.0,
                    restored: 0,
                    complete: true,
                }),
                frees_later: Some(plan.frees_later()),
                ..RunDocument::default()
            })
        };
        Self {
            plan,
            exceeds_fail_if_frees: pruned.exceeds,
            outcome: outcome.or_else(nothing),
        }
    }
}

/// Prints the warnings of a plan before it runs. JSON documents contain them, too.
pub(super) fn announce(session: &CliSession<'_>, plan: &Plan) {
    if !session.output.json {
        plan.warnings().iter().for_each(|warning| {
            session
                .output
                .warn(&format!("{}: {warning}", plan.source()));
        });
    }
}

/// Prints plans and outcomes as a JSON document. Its shape depends on how many sources there are,
/// not on how many could be read.
pub(super) fn document(
    session: &CliSession<'_>,
    command: &'static str,
    pruned: &[Pruned],
    failures: &[(String, Failure)],
    is_several: bool,
) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Several<'a> {
        sources: Vec<One<'a>>,
    }
    let output = session.output;
    if let ([one], false) = (pruned, is_several) {
        return output.document(&JsonDocument::new(command, One::new(one), failures));
    }
    let sources = pruned.iter().map(One::new).collect();
    output.document(&JsonDocument::new(command, Several { sources }, failures))
}

/// Prints plans and outcomes as text.
pub(super) fn text(session: &CliSession<'_>, pruned: &[Pruned]) -> Result<Exit, Failure> {
    let output = session.output;
    let blocks: Vec<String> = pruned
        .iter()
        .map(|pruned| match &pruned.done {
            Some(done) => outcome(pruned, done, output.paper),
            None => plan(pruned, output.paper),
        })
        .collect();
    output.text(&blocks.join("\n"))
}

/// Returns the findings that a repair cannot fix, as lines.
fn not_fixed_text(not_fixed: &[NotFixed], paper: Paper) -> String {
    let line = |item: &NotFixed| {
        let about = item.ref_name.as_deref().unwrap_or("the store");
        let why = Style::Bad.paint(&visible(&item.why.to_string()), paper);
        format!("Not repaired: {} of {about}: {why}\n", item.code)
    };
    not_fixed.iter().map(line).collect()
}

fn reasons(reasons: &[ItemReason]) -> String {
    reasons
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
