//! The panes of a wide screen next to and below the items: the content of the item under the cursor,
//! and the plan as boxes.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::PlanScreen;
use crate::tui::navigation::UiContext;
use crate::tui::pruning::{PlanSection, Planned};
use crate::tui::rows::{Cell, Identity, RowSet as _};
use crate::tui::screen::files::FilesScreen;
use crate::tui::screen::list_screen::{PreviewOf, draw_boxes};
use crate::tui::screen::steps::StepsScreen;
use crate::tui::theme::TextRole;
use crate::tui::widget::treemap::{self, TileLook};
use crate::tui::world::World;

impl PlanScreen {
    /// Prepares the steps of the ref under the cursor, or the files of the blob.
    pub(super) fn follow_item(&mut self, cx: &mut UiContext<'_>) {
        let (Some(planned), Some(rows)) = (self.planned().cloned(), self.rows.clone()) else {
            return;
        };
        let source = self.source;
        self.screen.follow(cx, |row, cx| {
            if row >= rows.count() || !cx.world.is_cheap(source) {
                return None;
            }
            match rows.identity(row) {
                Identity::Ref(name, digest) => {
                    let id = planned.find_ref(&name, &digest)?;
                    let inventory = planned.draft.inventory().clone();
                    let steps = StepsScreen::new(source, inventory, id, cx);
                    Some(PreviewOf::Content(Box::new(steps)))
                }
                Identity::Blob(blob) => {
                    FilesScreen::preview_of(source, "plan", blob, cx).map(PreviewOf::Content)
                }
                _ => None,
            }
        });
    }

    /// Draws the items of the part as boxes below few rows, next to a box for all that is kept and
    /// one for all that waits.
    pub(super) fn draw_boxes(
        &self,
        planned: &Planned,
        world: &World,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        let (Some(filler), Some(rows)) = (self.screen.areas(area).filler, &self.rows) else {
            return;
        };
        let look = match self.part {
            PlanSection::Delete => TileLook::Deleted,
            PlanSection::Wait => TileLook::Shared,
            PlanSection::Keep => TileLook::Kept,
        };
        let items = self.screen.list.shown().iter().map(|row| {
            let look = if rows.is_excluded(*row) {
                TileLook::Kept
            } else {
                look
            };
            look.tile(rows.short_name(*row), rows.bytes(*row), "")
        });
        let mut tiles: Vec<_> = items.collect();
        let others = [
            (
                PlanSection::Keep,
                TileLook::Kept,
                planned.plan.live().bytes,
                "kept refs",
            ),
            (
                PlanSection::Wait,
                TileLook::Shared,
                planned.plan.waits().bytes,
                "waiting",
            ),
        ];
        let others = others.into_iter().filter(|(part, ..)| *part != self.part);
        tiles.extend(others.map(|(_, look, bytes, name)| look.tile(name.to_owned(), bytes, "")));
        let title = Cell::new(" bytes: ▒ deleted  ░ waiting  ▓ kept ", TextRole::Dim);
        draw_boxes(
            &title,
            &treemap::largest_first(tiles),
            world,
            frame,
            Some(filler),
        );
    }
}
