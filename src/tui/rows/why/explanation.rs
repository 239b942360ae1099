//! An explanation, arranged for display.

use std::fmt;

use super::{StageGraph, detail};
use crate::explain::cause::Cause;
use crate::explain::load::Explanation;
use crate::explain::load::groups::{CauseGroup, CauseGroups};
use crate::explain::load::words::{files_that_changed, part_sentence};
use crate::explain::solve::CacheVerdict;
use crate::format::provenance::StepIndex;
use crate::inventory::steps::RowKind;
use crate::tui::rows::{Cell, DetailLine, Identity};
use crate::tui::theme::TextRole;

/// An explanation, arranged for display.
pub struct ArrangedExplanation {
    pub explanation: Explanation,
    /// The refs that the build is compared with.
    pub against: Vec<String>,
    /// The reasons why steps run.
    pub groups: CauseGroups,
    /// The numbers of hit, missed, and undecided steps.
    pub counts: [usize; 3],
    /// What those that run cost, in words.
    pub lost: Option<String>,
    /// Its steps in columns of stages.
    pub graph: StageGraph,
    pub(super) order: Vec<StepIndex>,
}

impl fmt::Debug for ArrangedExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps against {}",
            self.order.len(),
            self.against.join(" ")
        )
    }
}

impl ArrangedExplanation {
    /// Arranges an explanation of a build that imports the refs `against`.
    pub fn new(explanation: Explanation, against: Vec<String>) -> Self {
        let order = explanation.steps();
        let groups = CauseGroups::new(&explanation);
        let counts = [CacheVerdict::Hit, CacheVerdict::Miss, CacheVerdict::Unknown]
            .map(|verdict| explanation.count(verdict));
        let lost = explanation.lost().words();
        let graph = StageGraph::new(&explanation, &groups, &order);
        Self {
            explanation,
            against,
            groups,
            counts,
            lost,
            graph,
            order,
        }
    }

    /// Returns the number of steps.
    pub fn steps(&self) -> usize {
        self.order.len()
    }

    /// Returns the steps that run because of a step.
    pub(super) fn followers(&self, root: StepIndex) -> impl Iterator<Item = StepIndex> {
        self.order
            .iter()
            .copied()
            .filter(move |step| self.groups.owner(*step) == Some(root))
    }

    /// Returns whether files that changed are the cause of a step's run.
    pub fn has_files(&self, step: StepIndex) -> bool {
        self.cause(step)
            .is_some_and(|cause| !cause.paths.is_empty())
    }

    pub(super) fn cause(&self, step: StepIndex) -> Option<&Cause> {
        self.explanation.causes.get(step.at())?.as_ref()
    }

    /// Returns the name and location of a step.
    pub fn title(&self, step: StepIndex) -> Cell {
        let title = Cell::new(self.explanation.title(step), TextRole::Strong);
        match self.explanation.place(step) {
            Some(place) => title.and(format!(" :{}", place.first_line), TextRole::Dim),
            None => title,
        }
    }

    /// Returns the name of a step, and its file and line.
    fn step_with_place(&self, step: StepIndex) -> Cell {
        let title = Cell::new(self.explanation.title(step), TextRole::Strong);
        match self.explanation.place(step) {
            Some(place) => {
                let file = place.file.rsplit('/').next().unwrap_or_default();
                title.and(format!("  {file}:{}", place.first_line), TextRole::Dim)
            }
            None => title,
        }
    }

    /// Returns the step that a row of the steps of a ref stands for; where no step has its record
    /// any more, the one of that name.
    pub fn step_at(&self, row: &Identity, name: &str) -> Option<StepIndex> {
        let Identity::Step(config, RowKind::Step(record) | RowKind::Twin(record)) = row else {
            return None;
        };
        let is_it = |step: &StepIndex| {
            let records = &self.explanation.standings[step.at()].records;
            records.iter().any(|(cache, found)| {
                found == record && self.explanation.configs.get(*cache) == Some(config)
            })
        };
        let mut steps = self.order.iter().copied();
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let named = |step: &StepIndex| self.explanation.title(*step) == name;
        steps.clone().find(is_it).or_else(|| steps.find(named))
    }

    /// Returns all details of a step.
    pub fn details(&self, step: StepIndex) -> Vec<DetailLine> {
        detail::of_step(self, step)
    }

    /// Returns the sentences about a group of causes: the cause, then its effects and advice.
    pub fn sentences(&self, group: &CauseGroup) -> Vec<Cell> {
        let Some((first, others)) = group.steps.split_first() else {
            return Vec::new();
        };
        let Some(cause) = self.cause(*first) else {
            return Vec::new();
        };
        let mut steps = self.step_with_place(*first);
        steps = match others.len() {
            0 => steps,
            1 => steps
                .and(" and ", TextRole::Dim)
                .and_all(self.step_with_place(others[0])),
            count => steps.and(format!(" and {count} more steps"), TextRole::Dim),
        };
        let headline = match files_that_changed(cause) {
            Some(files) => Cell::new(files, TextRole::Strong)
                .and("  ·  ", TextRole::Dim)
                .and_all(steps),
            None => steps
                .and("  ·  ", TextRole::Dim)
                .and(sentence(cause), TextRole::Text),
        };
        let effects = group.effects();
        let mut rest = Cell::default();
        if !effects.is_empty() {
            rest = rest.and(format!("{effects}. "), TextRole::Warning);
        }
        if let Some(advice) = cause.advice() {
            rest = rest
                .and("Fix: ", TextRole::Key)
                .and(advice.to_owned(), TextRole::Dim);
        }
        let has_more = !rest.0.is_empty();
        std::iter::once(headline)
            .chain(has_more.then_some(rest))
            .collect()
    }
}

/// Describes why a step runs, in the words of the UI: evidence is chosen here, and not given by a
/// flag.
pub(super) fn sentence(cause: &Cause) -> String {
    if !cause.needs_context {
        return part_sentence(cause.kind, &cause.detail);
    }
    let detail = format!(
        "{}; give the build context as evidence to see which",
        cause.detail
    );
    part_sentence(cause.kind, &detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::cause::CauseKind;

    #[test]
    fn a_cause_names_the_evidence_and_no_flag() {
        let detail = "files of the build context changed";
        let cause = Cause::new(CauseKind::Content, detail).needing_context();
        let words = sentence(&cause);
        assert!(
            words.contains("files of the build context changed"),
            "{words}"
        );
        assert!(
            words.contains("give the build context as evidence"),
            "{words}"
        );
        assert!(!words.contains("--"), "{words}");
    }
}
