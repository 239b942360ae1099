//! The sentences above the list of steps, and those that stand for an empty one.

use super::StepsScreen;
use super::StepsState;
use crate::explain::load::documents::named;
use crate::text::units::grouped;
use crate::tui::evidence::EvidencePart;
use crate::tui::keymap::Action;
use crate::tui::rows::Cell;
use crate::tui::rows::sources::unreadable_now;
use crate::tui::rows::steps::Names;
use crate::tui::screen::Screen as _;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

impl StepsScreen {
    /// Returns the line above the list: the number of steps, and the origin of their names.
    pub(super) fn head(&self, world: &World) -> Cell {
        if let Some(refusal) = self.steps().refusal() {
            return Cell::new(
                format!("! BuildKit refuses this cache, and builds as if it were empty: {refusal}"),
                TextRole::Error,
            );
        }
        let counts = self.steps().counts;
        if counts.steps == 0 {
            return Cell::default();
        }
        let mut cell = Cell::text(grouped(counts.results as u64)).and(" ✓", TextRole::Good);
        if counts.keys > 0 {
            cell = cell.and(
                format!("  {} ○", grouped(counts.keys as u64)),
                TextRole::Dim,
            );
        }
        if counts.broken > 0 && self.steps().is_settled() {
            cell = cell.and(
                format!("  {} !", grouped(counts.broken as u64)),
                TextRole::Missing,
            );
        }
        let cell = cell.and("  ", TextRole::Text);
        match &self.steps().names {
            Names::None => cell
                .and("steps are unnamed: press ", TextRole::Dim)
                .and(
                    world.keymap.key_for(self.contexts(), Action::Evidence),
                    TextRole::Key,
                )
                .and(
                    " to load a build record, provenance or image",
                    TextRole::Dim,
                ),
            Names::Store => cell.and("named from the store's provenance", TextRole::Dim),
            Names::Given(given) => {
                let mut texts = given.of(EvidencePart::Build).into_iter();
                let first = texts.next().unwrap_or_default();
                let cell = cell
                    .and("named from ", TextRole::Dim)
                    .and(named::shown(&first), TextRole::Text);
                match texts.count() + given.of(EvidencePart::Baseline).len() {
                    0 => cell,
                    more => cell.and(format!(" and {more} more"), TextRole::Dim),
                }
            }
        }
    }

    pub(super) fn empty(&self, world: &World) -> Vec<Cell> {
        // A store that cannot be read says nothing about a ref.
        if let (StepsState::Failed(_), Some(lines)) =
            (&self.state, unreadable_now(world.source(self.source)))
        {
            return lines;
        }
        match &self.state {
            StepsState::Reading(_) => vec![Cell::new("Reading the steps…", TextRole::Dim)],
            StepsState::Read => vec![
                Cell::text("There are no steps: this ref carries no cache."),
                Cell::new(
                    "A build writes one into an image with --cache-to type=inline.",
                    TextRole::Dim,
                ),
            ],
            StepsState::Failed(faults) => faults
                .iter()
                .map(|fault| Cell::new(format!("! {fault}"), TextRole::Error))
                .collect(),
        }
    }
}
