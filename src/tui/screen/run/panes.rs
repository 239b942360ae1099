//! The panes of a wide screen next to and below the outcomes: the refs as they are now, and the
//! outcomes as boxes.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{HEAD, RunScreen};
use crate::tui::list::RowList;
use crate::tui::navigation::UiContext;
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::screen::list_screen::{ListScreen, PreviewOf, draw_boxes};
use crate::tui::screen::refs::RefsScreen;
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::treemap;
use crate::tui::work::run::RunProgress;
use crate::tui::world::World;

/// From this list width on, the reason of each item has room.
const LIST_WIDTH: u16 = 84;

/// Returns the list of outcomes with its panes.
pub(super) fn list_screen(list: RowList) -> ListScreen {
    ListScreen::new(list, RowHeight::Single, HEAD, "prune")
        .wanting(LIST_WIDTH)
        .with_filler()
}

impl RunScreen {
    /// Prepares the refs of the source, as its last scan found them.
    pub(super) fn follow_source(&mut self, cx: &mut UiContext<'_>) {
        let is_open = match &self.work.state {
            RunProgress::Past(opened) => opened.source.is_some(),
            _ => true,
        };
        let source = self.work.source;
        self.screen.follow(cx, |_, cx| {
            let is_known = is_open && cx.world.source(source).found.is_some();
            is_known.then(|| PreviewOf::Content(Box::new(RefsScreen::new(source, None, cx))))
        });
    }

    /// Draws the items as boxes by their outcome, below few rows.
    pub(super) fn draw_boxes(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let Some(filler) = self.screen.areas(area).filler else {
            return;
        };
        let list = &self.screen.list;
        let rows = &self.rows;
        let shown = list.shown().iter();
        let tiles = shown
            .filter_map(|row| rows.find(&list.rows().identity(*row)))
            .map(|row| {
                rows.look(row)
                    .tile(rows.kind_and_name(row), rows.bytes(row), "")
            });
        let tiles = treemap::largest_first(tiles.collect());
        let title = Cell::new(
            " bytes: ▚ in the trash  ▒ deleted  ░ still there  × failed ",
            TextRole::Dim,
        );
        draw_boxes(&title, &tiles, world, frame, Some(filler));
    }
}
