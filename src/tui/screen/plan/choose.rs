//! What a person changes in a plan: the refs, the items and the rules.

use std::collections::HashSet;
use std::sync::Arc;

use super::PlanScreen;
use super::PlanState;
use crate::prune::plan::DeletionTarget;
use crate::tui::effect::{JobWork, PruneWork};
use crate::tui::keymap::Action;
use crate::tui::navigation::UiContext;
use crate::tui::pruning::{PlanSection, Planned};
use crate::tui::rows::plan::PlanRows;
use crate::tui::rule::DraftAction;
use crate::tui::screen::rule::RuleScreen;
use crate::tui::world::StatusKind;

impl PlanScreen {
    /// Shows the part that is `step` parts further.
    pub(super) fn turn(&mut self, step: usize, cx: &mut UiContext<'_>) {
        let Some(planned) = self.planned() else {
            return;
        };
        let planned = Arc::clone(planned);
        let place = (self.part as usize + step) % PlanSection::ALL.len();
        self.part = PlanSection::ALL[place];
        self.screen.list.unmark();
        self.set_rows(planned, cx);
        self.screen.act(Action::Top, cx);
    }

    /// Shows the part; kept items with the same reason are one row, unless a filter looks for some.
    pub(super) fn set_rows(&mut self, planned: Arc<Planned>, cx: &mut UiContext<'_>) {
        self.is_filtered = !self.screen.list.view().filter.is_empty();
        let rows = if self.part == PlanSection::Keep && !self.is_filtered {
            PlanRows::kept(planned, &self.unfolded)
        } else {
            PlanRows::new(planned, self.part)
        };
        let rows = Arc::new(rows);
        self.rows = Some(Arc::clone(&rows));
        self.screen.list.set_rows(rows, cx);
    }

    /// Folds or unfolds the group under the cursor; returns whether it is one.
    pub(super) fn fold(&mut self, cx: &mut UiContext<'_>) -> bool {
        let Some(planned) = self.planned().cloned() else {
            return false;
        };
        let rows = self.rows.as_ref().zip(self.screen.list.current());
        let Some(reason) = rows.and_then(|(rows, row)| rows.group_reason(row)) else {
            return false;
        };
        if !self.unfolded.remove(&reason) {
            self.unfolded.insert(reason);
        }
        self.set_rows(planned, cx);
        true
    }

    /// Returns the marked rows, else the one under the cursor.
    fn chosen(&self) -> Vec<u32> {
        let list = &self.screen.list;
        let marked: Vec<u32> = list
            .marks()
            .iter()
            .filter_map(|identity| list.rows().find(identity))
            .collect();
        if marked.is_empty() {
            list.current().into_iter().collect()
        } else {
            marked
        }
    }

    /// Excludes the chosen items; includes them again if all are excluded already.
    pub(super) fn leave_out(&mut self, cx: &mut UiContext<'_>) {
        let (PlanState::Ready(planned), Some(rows)) = (&self.state, &self.rows) else {
            return cx.world.note(StatusKind::Failed, "the plan is being made");
        };
        let chosen: HashSet<DeletionTarget> = self
            .chosen()
            .into_iter()
            .filter_map(|row| rows.deletion(row))
            .map(|item| item.into_owned().target)
            .collect();
        if chosen.is_empty() {
            return cx.world.note(StatusKind::Failed, "it is kept anyway");
        }
        let excluded = &planned.choices.excluded;
        let by_hand = cx.world.excluded.entry(self.source).or_default();
        let excluded = if chosen.is_subset(excluded) {
            by_hand.retain(|target| !chosen.contains(target));
            excluded - &chosen
        } else {
            by_hand.extend(chosen.iter().cloned());
            excluded | &chosen
        };
        let planned = Arc::clone(planned);
        let job = cx.start(JobWork::Prune(PruneWork::LeaveOut(
            Arc::clone(&planned),
            excluded,
        )));
        self.state = PlanState::Replanning(job, planned);
        self.screen.list.unmark();
    }

    pub(super) fn make_rule(&self, cx: &mut UiContext<'_>) {
        let (Some(planned), Some(rows)) = (self.planned(), &self.rows) else {
            return;
        };
        let names: Vec<String> = self
            .chosen()
            .into_iter()
            .flat_map(|row| rows.ref_names(row))
            .collect();
        if names.is_empty() {
            return cx.world.note(
                StatusKind::Failed,
                "rules are about refs, and none is chosen",
            );
        }
        let choice = if self.part == PlanSection::Delete {
            DraftAction::Drop
        } else {
            DraftAction::Protect
        };
        let inventory = Arc::clone(planned.draft.inventory());
        match RuleScreen::new(self.source, inventory, &names, choice, cx) {
            Ok(screen) => cx.push(screen),
            Err(error) => cx.world.note(StatusKind::Failed, error.to_string()),
        }
    }
}
