//! The result of a run in JSON.

use std::path::Path;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::backend::Outcome;
use crate::prune::execute::{RunReport, Settled};
use crate::prune::plan::{FreesLater, Plan};
use crate::report::documents::RunItemDocument;
use crate::report::plan::later_of_run;

/// The result of a run in JSON.
#[derive(Default, Serialize)]
pub(super) struct RunDocument<'a> {
    pub(super) done: usize,
    pub(super) already_gone: usize,
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) cancelled: usize,
    #[serde(rename = "put_back")]
    pub(super) restored: usize,
    pub(super) freed_bytes: u64,
    pub(super) trashed_bytes: u64,
    /// `None` if a ref or results are left, so that it is not known.
    pub(super) frees_later: Option<FreesLater>,
    /// `None` if the store does not show whether builds write to it.
    pub(super) settle: Option<SettleDocument>,
    /// `None` if there was nothing to do.
    pub(super) journal: Option<String>,
    pub(super) broken: &'a [String],
    pub(super) deleted_broken_refs: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deletion_method: Option<&'a str>,
    pub(super) items: RunItems<'a>,
}

/// The wait for builds in JSON.
#[derive(Serialize)]
pub(super) struct SettleDocument {
    pub(super) waited_s: f64,
    #[serde(rename = "put_back")]
    pub(super) restored: usize,
    pub(super) complete: bool,
}

impl From<Settled> for SettleDocument {
    fn from(settled: Settled) -> Self {
        Self {
            waited_s: (settled.waited.as_secs_f64() * 10.0).round() / 10.0,
            restored: settled.restored,
            complete: settled.complete,
        }
    }
}

/// The items of a run, each with its outcome. There may be a million.
#[derive(Default)]
pub(super) enum RunItems<'a> {
    #[default]
    None,
    /// Every item of the plan.
    All(&'a Plan, &'a [Outcome]),
    /// Some items of the plan, by their places.
    Some(&'a Plan, &'a [(usize, Outcome)]),
}

impl Serialize for RunItems<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.collect_seq(std::iter::empty::<()>()),
            Self::All(plan, outcomes) => {
                let items = plan.delete().iter().zip(*outcomes);
                serializer
                    .collect_seq(items.map(|(item, outcome)| RunItemDocument::new(&item, outcome)))
            }
            Self::Some(plan, results) => {
                let items = results.iter().filter_map(|(place, outcome)| {
                    Some(RunItemDocument::new(&*plan.delete().get(*place)?, outcome))
                });
                serializer.collect_seq(items)
            }
        }
    }
}

impl<'a> RunDocument<'a> {
    pub(super) fn new(plan: &'a Plan, report: &'a RunReport, journal: &Path) -> Self {
        Self {
            done: report.count(|outcome| *outcome == Outcome::Done),
            already_gone: report.count(|outcome| *outcome == Outcome::AlreadyGone),
            skipped: report.count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            failed: report.count(|outcome| matches!(outcome, Outcome::Failed(_))),
            cancelled: report.count(|outcome| *outcome == Outcome::Cancelled),
            restored: report.restored,
            freed_bytes: report.freed_bytes,
            trashed_bytes: report.trashed_bytes,
            frees_later: later_of_run(plan, report, Timestamp::now()),
            settle: report.settled.map(SettleDocument::from),
            journal: Some(journal.to_string_lossy().into_owned()),
            broken: &report.broken,
            deleted_broken_refs: &report.deleted_broken,
            deletion_method: report.deletion_method.as_deref(),
            items: RunItems::All(plan, &report.outcomes),
        }
    }
}

impl<'a> RunDocument<'a> {
    /// Returns the document of an undo. What it restored is done, and put back.
    pub(super) fn of_undo(plan: &'a Plan, results: &'a [(usize, Outcome)], journal: &Path) -> Self {
        let count = |is: fn(&Outcome) -> bool| results.iter().filter(|(_, of)| is(of)).count();
        let done = count(|outcome| *outcome == Outcome::Done);
        Self {
            done,
            restored: done,
            already_gone: count(|outcome| *outcome == Outcome::AlreadyGone),
            skipped: count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
            cancelled: count(|outcome| *outcome == Outcome::Cancelled),
            journal: Some(journal.to_string_lossy().into_owned()),
            items: RunItems::Some(plan, results),
            ..Self::default()
        }
    }
}
