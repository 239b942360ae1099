//! The panes of a wide screen next to and below the refs: the steps of the ref under the cursor, and
//! the effect of the rule as boxes.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::RuleScreen;
use crate::inventory::RefId;
use crate::tui::navigation::UiContext;
use crate::tui::rows::Cell;
use crate::tui::screen::list_screen::{PreviewOf, draw_boxes};
use crate::tui::screen::steps::StepsScreen;
use crate::tui::theme::TextRole;
use crate::tui::widget::treemap::{self, TileLook};
use crate::tui::world::World;

impl RuleScreen {
    /// Prepares the steps of the ref under the cursor, where that is cheap.
    pub(super) fn follow_ref(&mut self, cx: &mut UiContext<'_>) {
        let source = self.source;
        let inventory = Arc::clone(&self.inventory);
        self.screen.follow(cx, |row, cx| {
            if !cx.world.is_cheap(source) {
                return None;
            }
            let steps = StepsScreen::new(source, inventory, RefId(row), cx);
            Some(PreviewOf::Content(Box::new(steps)))
        });
    }

    /// Draws the bytes that stay and those that are dropped as boxes, below few rows.
    pub(super) fn draw_boxes(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let filler = self.screen.areas(area).filler;
        let (Some(filler), Some(verdicts), Some(effect)) = (filler, &self.verdicts, &self.effect)
        else {
            return;
        };
        let mut tiles = Vec::new();
        let mut own = 0u64;
        let mut dropped = 0u64;
        for ((_, entry), verdict) in self.inventory.indexed_refs().zip(&verdicts.refs) {
            let bytes = entry.sizes.exclusive_bytes.unwrap_or_default();
            own = own.saturating_add(bytes);
            let tile = if verdict.is_drop() {
                dropped = dropped.saturating_add(bytes);
                TileLook::Deleted.tile(entry.name.clone(), bytes, "dropped")
            } else {
                TileLook::Kept.tile(entry.name.clone(), bytes, "kept")
            };
            tiles.push(tile);
        }
        // Blobs that only dropped refs share are freed with the last of them.
        let among = effect
            .dropped_bytes
            .unwrap_or(dropped)
            .saturating_sub(dropped);
        let shared = effect.all_bytes.saturating_sub(own).saturating_sub(among);
        let words = "shared by dropped refs";
        tiles.push(TileLook::Deleted.tile(words.to_owned(), among, "dropped"));
        tiles.push(TileLook::Shared.tile("shared by refs".to_owned(), shared, "kept"));
        let title = Cell::new(
            " bytes: ▓ only in one ref, kept  ░ shared, kept  ▒ freed ",
            TextRole::Dim,
        );
        draw_boxes(
            &title,
            &treemap::largest_first(tiles),
            world,
            frame,
            Some(filler),
        );
    }
}
