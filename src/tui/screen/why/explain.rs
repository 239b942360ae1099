//! The result of an explanation.

use std::sync::Arc;

use super::WhyScreen;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::why::ArrangedExplanation;
use crate::tui::rows::{Cell, Identity};
use crate::tui::screen::list_screen::PREVIEW_FROM;
use crate::tui::theme::TextRole;

/// On a wide screen, a build of at most so many steps shows all of them.
const MOST_UNFOLDED: usize = 20;

impl WhyScreen {
    pub(super) fn done(&mut self, explained: &Arc<ArrangedExplanation>, cx: &mut UiContext<'_>) {
        let count = explained.groups.all.len();
        let mut lead = Vec::new();
        for (number, group) in (1..).zip(&explained.groups.all) {
            let sentences = explained.sentences(group);
            lead.extend(sentences.into_iter().enumerate().map(|(place, sentence)| {
                let sign = if place == 0 {
                    format!("{number}  ")
                } else {
                    "   ".to_owned()
                };
                Cell::new(sign, TextRole::Strong).and_all(sentence)
            }));
        }
        if count == 0 {
            let [_, misses, open] = explained.counts;
            let words = match (misses, open) {
                (0, 0) => Cell::new("✓  ", TextRole::Good)
                    .and("Every step is found in the cache.", TextRole::Text),
                (0, _) => Cell::new("?  ", TextRole::Unsure)
                    .and("No step is known to run.", TextRole::Text),
                _ => Cell::new("?  ", TextRole::Unsure)
                    .and("The evidence does not show why steps run.", TextRole::Text),
            };
            lead.push(words);
        }
        if explained.counts[2] > 0 {
            lead.push(self.settled_by(explained, cx.world));
        }
        lead.extend(
            explained
                .explanation
                .notes
                .iter()
                .map(|note| self.note(note, cx.world))
                .map(|note| Cell::new("·  ", TextRole::Dim).and(note, TextRole::Dim)),
        );
        self.screen.set_lead(lead);
        // Where the graph is next to the list, there is room for every step of a small build.
        let is_wide = cx.world.size.width >= PREVIEW_FROM;
        if is_wide && self.rows.explained().is_none() && explained.steps() <= MOST_UNFOLDED {
            let roots = explained.groups.all.iter().flat_map(|group| &group.steps);
            self.opened.extend(roots);
        }
        // Later explanations leave the cursor where it is.
        let asked = self.asked.take();
        let asked = asked.and_then(|(row, name)| explained.step_at(&row, &name));
        let is_first = self.rows.explained().is_none();
        let first_cause = explained.groups.all.first().filter(|_| is_first);
        let first_cause = first_cause.and_then(|group| group.steps.first().copied());
        if let Some(step) = asked.or(first_cause) {
            self.opened.extend(explained.groups.owner(step));
            self.wanted = Some(Identity::BuildStep(step.0));
        }
        self.show(Some(Arc::clone(explained)), self.rows.shape(), cx);
        self.stand();
    }

    /// Puts the cursor on the row that is wanted, if it shows.
    pub(super) fn stand(&mut self) {
        let list = &mut self.screen.list;
        self.wanted = self
            .wanted
            .take()
            .filter(|row| list.select(row) == Handled::No);
    }
}
