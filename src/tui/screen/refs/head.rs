//! The lines above the list of refs, and those that stand for an empty one.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::RefsScreen;
use crate::text::units::grouped;
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::Action;
use crate::tui::rows::Cell;
use crate::tui::rows::sources::{in_trash, so_far};
use crate::tui::screen::Screen;
use crate::tui::screen::list_screen::below_title;
use crate::tui::theme::TextRole;
use crate::tui::widget::{histogram, meter, text};
use crate::tui::world::{Scan, World};

/// The least height below few refs for a chart of their bytes.
const LEAST_CHART: u16 = 12;

/// Draws the bytes by age in the room that few refs leave.
pub(super) fn draw_ages(found: &ScannedInventory, world: &World, buffer: &mut Buffer, room: Rect) {
    if room.height < LEAST_CHART || found.withheld().is_some() || !found.is_complete() {
        return;
    }
    let title = Cell::new(
        " age of the blobs: █ reached by a ref  ▒ orphaned ",
        TextRole::Dim,
    );
    let below = below_title(&title, world, buffer, room);
    histogram::chart(&found.ages, &world.theme, buffer, below);
}

impl RefsScreen {
    pub(super) fn draw_head(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let Some(found) = &world.source(self.source).found else {
            return;
        };
        let totals = &found.totals;
        let is_all = found.is_complete();
        let words =
            so_far(totals.live.bytes, is_all, TextRole::Live).and(" live · ", TextRole::Dim);
        let words = match totals.orphan {
            Some(orphan) => words
                .and_all(so_far(orphan.bytes, is_all, TextRole::Orphan))
                .and(" orphan", TextRole::Dim),
            None => words.and("orphans not known", TextRole::Unsure),
        };
        let words = match totals.trash.bytes {
            0 => words,
            bytes => words
                .and(" · ", TextRole::Dim)
                .and(in_trash(bytes), TextRole::Orphan),
        };
        let words = match totals.missing.count {
            0 => words,
            count => words
                .and(" · ", TextRole::Dim)
                .and(format!("! {} missing", grouped(count)), TextRole::Missing),
        };
        let width = area.width.saturating_sub(2);
        let words_width = text::cell_width(&words);
        let bar = meter::of_totals(totals, width.saturating_sub(words_width + 2));
        let meter = Cell(
            bar.0
                .into_iter()
                .chain(Cell::text("  ").0)
                .chain(words.0)
                .collect(),
        );
        let ages = Cell::new("bytes by age  ", TextRole::Dim);
        let ages = match found.withheld() {
            Some(why) => ages
                .and("? ", TextRole::Unsure)
                .and(why.to_string(), TextRole::Unsure),
            None => ages.and_all(histogram::by_age(&found.ages, width.saturating_sub(14))),
        };
        let buffer = frame.buffer_mut();
        for (cell, row) in [meter, ages].iter().zip(0..area.height.saturating_sub(1)) {
            let at = text::LineArea {
                x: area.x + 1,
                width,
                ..text::LineArea::of(area, row)
            };
            text::put(buffer, at, cell, &world.theme, Style::default());
        }
        let rule = Rect {
            y: area.bottom().saturating_sub(1),
            height: 1,
            ..area
        };
        crate::tui::view::draw_rule(world, buffer, rule);
    }

    pub(super) fn empty(&self, world: &World) -> Vec<Cell> {
        let source = world.source(self.source);
        let key = |action| world.keymap.key_for(self.contexts(), action);
        match &source.scan {
            Scan::Running(_) => vec![Cell::new("Reading the refs…", TextRole::Dim)],
            Scan::Failed(failure) => failure
                .to_string()
                .lines()
                .map(|line| Cell::text(line.to_owned()))
                .collect(),
            Scan::Stopped => {
                vec![
                    Cell::text("The scan was stopped before it found a ref."),
                    Cell::new(
                        format!("{} scans again", key(Action::Rescan)),
                        TextRole::Dim,
                    ),
                ]
            }
            Scan::Done => vec![
                Cell::text(
                    "There are no refs here: a build that imports this cache finds nothing.",
                ),
                Cell::new(
                    format!("{} shows the stored blobs", key(Action::Blobs)),
                    TextRole::Dim,
                ),
            ],
        }
    }
}
