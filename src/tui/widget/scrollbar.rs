//! The place of the visible rows among all rows, at the right edge of a list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::table::{GAP, RowHeight};
use crate::tui::list::RowList;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

const THUMB: &str = "▐";

/// Draws it at the right edge of a table in `area`, unless all rows are visible.
pub fn draw(list: &RowList, height: RowHeight, world: &World, buffer: &mut Buffer, area: Rect) {
    let visible = height.rows_in(area);
    let lines = area.height.saturating_sub(1);
    let (start, length) = thumb(list.top(visible), visible, list.shown().len(), lines);
    let x = area.right().saturating_sub(1);
    // The head is above the rows.
    let first = area.y + 1 + start;
    for y in first..first + length {
        if let Some(cell) = buffer.cell_mut((x, y)) {
            cell.set_symbol(THUMB);
            cell.set_style(world.theme.style(TextRole::Rule));
        }
    }
}

/// Returns whether not all rows are visible.
pub(super) fn is_needed(list: &RowList, height: RowHeight, area: Rect) -> bool {
    list.shown().len() > height.rows_in(area)
}

/// A column with more than this can give a cell.
const WIDE: u16 = 12;

/// Takes a cell for it from the widest column, if all cells of `room` are used: from the first one
/// only if no other has cells to give. No column is hidden for it.
pub(super) fn leave_room(widths: &mut [Option<u16>], room: u16) {
    let used: u16 = widths.iter().flatten().map(|width| width + GAP).sum();
    if used.saturating_sub(GAP) >= room {
        let others = widths.get(1..).unwrap_or_default().iter().flatten();
        let skipped = usize::from(others.max().is_some_and(|widest| *widest > WIDE));
        if let Some(widest) = widths.iter_mut().skip(skipped).flatten().max() {
            *widest = widest.saturating_sub(1);
        }
    }
}

/// Returns the first line and the number of lines on a track of `height` lines.
fn thumb(top: usize, visible: usize, all: usize, height: u16) -> (u16, u16) {
    let hidden = all.saturating_sub(visible);
    if hidden == 0 || height == 0 {
        return (0, 0);
    }
    let length = usize::from(height) * visible / all;
    let length = length.clamp(1, usize::from(height));
    let rest = usize::from(height) - length;
    let start = match top.min(hidden) {
        0 => 0,
        top if top == hidden => rest,
        // Neither the first nor the last line, if there is another one.
        top => (rest * top / hidden).max(1).min(rest.saturating_sub(1)),
    };
    let cells = |number: usize| u16::try_from(number).unwrap_or(height);
    (cells(start), cells(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_reached_with_the_first_and_the_last_row_only() {
        let cases = [
            ((0, 10, 10, 10), (0, 0)),
            ((0, 10, 20, 10), (0, 5)),
            ((1, 10, 20, 10), (1, 5)),
            ((9, 10, 20, 10), (4, 5)),
            ((10, 10, 20, 10), (5, 5)),
            ((0, 10, 300_000, 10), (0, 1)),
            ((150_000, 10, 300_000, 10), (4, 1)),
            ((299_989, 10, 300_000, 10), (8, 1)),
            ((299_990, 10, 300_000, 10), (9, 1)),
            ((5, 1, 10, 0), (0, 0)),
        ];
        for ((top, visible, all, height), expected) in cases {
            assert_eq!(
                thumb(top, visible, all, height),
                expected,
                "{top} {visible} {all} {height}"
            );
        }
    }
}
