//! Folding steps, and opening one.

use std::sync::Arc;

use super::StepsScreen;
use crate::tui::list::Sort;
use crate::tui::navigation::UiContext;
use crate::tui::rows::steps::StepListShape;

impl StepsScreen {
    /// Sets the shape of the rows for the current order and filter: they form a tree only
    /// unfiltered and in their own order.
    pub(super) fn reshape(&mut self, cx: &mut UiContext<'_>) {
        let view = self.screen.list.view();
        let is_tree = view.filter.is_empty() && view.sort == Sort::default();
        let shape = if is_tree {
            StepListShape::Tree
        } else {
            StepListShape::Flat
        };
        if shape != self.rows.shape() {
            self.show(Arc::clone(self.steps()), shape, cx);
        }
    }

    pub(super) fn refold(&mut self, cx: &mut UiContext<'_>) {
        self.show(Arc::clone(self.steps()), self.rows.shape(), cx);
    }

    /// Folds the row, or goes to its parent.
    pub(super) fn collapse(&mut self, cx: &mut UiContext<'_>) {
        let Some((row, identity)) = self
            .current()
            .filter(|_| self.rows.shape() == StepListShape::Tree)
        else {
            return;
        };
        let (_, below) = self.rows.foldable(row);
        if self.folds.opened.remove(&identity) || below > 0 && self.folds.folded.insert(identity) {
            self.refold(cx);
        } else if let Some(parent) = self.rows.parent(row) {
            self.screen.list.select(&parent);
        }
    }

    /// Unfolds the row, and then shows its twins.
    pub(super) fn expand(&mut self, cx: &mut UiContext<'_>) {
        let Some((row, identity)) = self
            .current()
            .filter(|_| self.rows.shape() == StepListShape::Tree)
        else {
            return;
        };
        let (twins, _) = self.rows.foldable(row);
        if self.folds.folded.remove(&identity) || twins > 0 && self.folds.opened.insert(identity) {
            self.refold(cx);
        }
    }
}
