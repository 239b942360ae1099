//! The words about the comparison of the layer with the layers below it.

use super::FilesScreen;
use crate::text::units::Size;
use crate::tui::keymap::Action;
use crate::tui::rows::Cell;
use crate::tui::rows::files::TreeChanges;
use crate::tui::screen::Screen as _;
use crate::tui::theme::TextRole;
use crate::tui::work::listing::comparison::LayerComparisonState;
use crate::tui::world::World;

impl FilesScreen {
    /// Adds the progress or the gaps of the comparison to the line above the list.
    pub(super) fn comparison_head(&self, world: &World, cell: Cell) -> Cell {
        let found = world.source(self.source).found.as_ref();
        let all = match (&self.comparison.below, found) {
            (Some(below), Some(found)) => below.stored_bytes(&found.inventory.blobs),
            _ => 0,
        };
        match &self.comparison.state {
            LayerComparisonState::Finding(_) => {
                cell.and(" · looking for the layers below…", TextRole::Title)
            }
            LayerComparisonState::Comparing(_, bytes) => {
                let percent = (bytes * 100).checked_div(all).unwrap_or_default().min(100);
                let words = format!(" · comparing with the layers below… {percent} %");
                cell.and(words, TextRole::Title)
            }
            LayerComparisonState::Idle => {
                let key = world.keymap.key_for(self.contexts(), Action::Diff);
                let cost = match &self.comparison.below {
                    Some(_) => format!(", reads {}", Size(all)),
                    None => String::new(),
                };
                cell.and(
                    format!(" · {key} compares with the layers below{cost}"),
                    TextRole::Dim,
                )
            }
            LayerComparisonState::Unknown(why) => cell.and(format!(" · {why}"), TextRole::Unsure),
            LayerComparisonState::Done => match &self.changes {
                Some(changes) => compared(changes, cell),
                None => cell,
            },
        }
    }
}

fn compared(changes: &TreeChanges, cell: Cell) -> Cell {
    let below = changes.below();
    let cell = match changes.gap() {
        Some(gap) => cell.and(format!(" · ! {gap}"), TextRole::Warning),
        None => cell,
    };
    let differ = match below.others {
        0 => return cell,
        1 => "1 other stack differs".to_owned(),
        count => format!("{count} other stacks differ"),
    };
    let words = format!(" · compared as in {}, {differ}", below.from);
    cell.and(words, TextRole::Dim)
}
