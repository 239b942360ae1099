//! The steps of an explained build in columns, one per stage: the data of the stage graph.

use jiff::SignedDuration;

use super::explanation::sentence;
use super::verdict;
use crate::explain::load::Explanation;
use crate::explain::load::groups::{CauseGroups, Cost};
use crate::explain::load::words::seconds;
use crate::explain::solve::InCache;
use crate::format::provenance::StepIndex;
use crate::text::units::Size;
use crate::tui::theme::TextRole;

/// The stages of a build, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StageGraph {
    pub columns: Vec<StageColumn>,
    /// The unit of all costs.
    pub unit: BarUnit,
    /// The largest cost of a step.
    pub largest: u64,
}

/// The meaning of the length of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BarUnit {
    /// How long a step took, in milliseconds.
    Time,
    /// How many bytes it writes.
    Bytes,
    /// Neither is known.
    #[default]
    None,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageColumn {
    pub name: String,
    /// The indexes of the stages whose results it uses.
    pub needs: Vec<usize>,
    /// Its steps, in the order of the file.
    pub steps: Vec<GraphStep>,
    /// The number of its steps that run.
    pub misses: usize,
    /// The cost of these steps.
    pub cost: u64,
}

/// A step of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphStep {
    pub step: StepIndex,
    /// The sign of its verdict.
    pub sign: &'static str,
    /// The role of the sign.
    pub role: TextRole,
    /// Why it runs.
    pub reason: StepReason,
    /// Its instruction.
    pub title: String,
    /// Its line in the file.
    pub line: String,
    /// What the cache has of it, and how much it writes.
    pub facts: String,
    pub cost: u64,
}

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepReason {
    /// It does not run, or its reason is not known.
    None,
    /// It is a first miss: the number of its cause, and the cause.
    First(usize, String),
    /// It runs because of the cause with this number, which lies in this step.
    Later(usize, String),
}

impl GraphStep {
    /// Returns whether it runs.
    pub fn runs(&self) -> bool {
        self.role == TextRole::Missing
    }
}

impl BarUnit {
    /// Formats a cost.
    pub fn words(self, cost: u64) -> String {
        match self {
            Self::Time => seconds(SignedDuration::from_millis(
                i64::try_from(cost).unwrap_or(i64::MAX),
            )),
            Self::Bytes => Size(cost).to_string(),
            Self::None => String::new(),
        }
    }
}

impl StageGraph {
    /// Arranges the steps of an explanation, in the order of the file.
    pub(super) fn new(
        explanation: &Explanation,
        groups: &CauseGroups,
        order: &[StepIndex],
    ) -> Self {
        let costs: Vec<Cost> = order
            .iter()
            .map(|step| Cost::of(explanation, *step))
            .collect();
        let took = |cost: &Cost| cost.took.is_some_and(|took| !took.is_zero());
        let unit = if costs.iter().any(took) {
            BarUnit::Time
        } else if costs.iter().any(|cost| cost.bytes > Some(0)) {
            BarUnit::Bytes
        } else {
            BarUnit::None
        };
        let stages = explanation.stages(order);
        let place_of = |name: &String| stages.iter().position(|stage| stage.name == *name);
        let columns = stages.iter().map(|stage| {
            let steps = stage.steps.iter();
            let steps: Vec<GraphStep> = steps
                .map(|step| graph_step(explanation, groups, *step, unit))
                .collect();
            let runs = || steps.iter().filter(|step| step.runs());
            StageColumn {
                name: match stage.name.as_str() {
                    "" => "other steps".to_owned(),
                    name => name.to_owned(),
                },
                needs: stage.needs.iter().filter_map(place_of).collect(),
                misses: runs().count(),
                cost: runs().map(|step| step.cost).fold(0, u64::saturating_add),
                steps,
            }
        });
        let columns: Vec<StageColumn> = columns.collect();
        let all = columns.iter().flat_map(|column| &column.steps);
        Self {
            largest: all.map(|step| step.cost).max().unwrap_or_default(),
            columns,
            unit,
        }
    }

    /// Returns the column of a step, and its place there.
    pub fn place(&self, step: StepIndex) -> Option<(usize, usize)> {
        self.columns.iter().enumerate().find_map(|(place, column)| {
            let row = column.steps.iter().position(|other| other.step == step)?;
            Some((place, row))
        })
    }

    /// Returns the first step of the first stage.
    pub fn first(&self) -> Option<StepIndex> {
        self.columns.first()?.steps.first().map(|step| step.step)
    }

    /// Returns the step that is `columns` to the right and `rows` below another, or the nearest
    /// one.
    pub fn moved(&self, from: StepIndex, columns: isize, rows: isize) -> Option<StepIndex> {
        let (column, row) = self.place(from)?;
        let last = self.columns.len().saturating_sub(1);
        let column = column.saturating_add_signed(columns).min(last);
        let steps = &self.columns[column].steps;
        let row = row
            .saturating_add_signed(rows)
            .min(steps.len().saturating_sub(1));
        steps.get(row).map(|step| step.step)
    }
}

fn graph_step(
    explanation: &Explanation,
    groups: &CauseGroups,
    step: StepIndex,
    unit: BarUnit,
) -> GraphStep {
    let (sign, _, role) = verdict::sign(explanation, step);
    let cause = explanation.causes[step.at()].as_ref();
    let reason = match (cause, groups.number(step)) {
        (Some(cause), Some(number)) if cause.is_root() => {
            StepReason::First(number, sentence(cause))
        }
        (Some(_), Some(number)) => {
            let owner = groups.owner(step);
            let owner = owner.map(|owner| explanation.title(owner));
            StepReason::Later(number, owner.unwrap_or_default())
        }
        _ => StepReason::None,
    };
    let cost = Cost::of(explanation, step);
    let took = cost.took.map(|took| took.as_millis());
    GraphStep {
        step,
        sign,
        role,
        reason,
        title: explanation.title(step),
        line: explanation
            .place(step)
            .map_or_else(String::new, |place| format!("line {}", place.first_line)),
        facts: facts(explanation, step, cost.bytes),
        cost: match unit {
            BarUnit::Time => took.and_then(|took| u64::try_from(took).ok()),
            BarUnit::Bytes => cost.bytes,
            BarUnit::None => None,
        }
        .unwrap_or_default(),
    }
}

fn facts(explanation: &Explanation, step: StepIndex, bytes: Option<u64>) -> String {
    let found = match explanation.standings[step.at()].in_cache {
        InCache::Result => "result",
        InCache::KeyOnly => "key only",
        InCache::Broken => "broken",
        InCache::Absent => "not cached",
        InCache::Unknown => "not known",
    };
    let bytes = bytes.filter(|bytes| *bytes > 0);
    let bytes = bytes.map(|bytes| Size(bytes).to_string());
    let parts = [Some(found.to_owned()), bytes];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
