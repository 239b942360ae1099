//! A table: columns that give way where room is short, and only the rows that are on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{self, Line};
use crate::tui::list::{List, Order};
use crate::tui::rows::{Align, Cell, Column, Piece};
use crate::tui::theme::Role;
use crate::tui::world::World;

/// The room between two columns.
const GAP: u16 = 2;
/// The room before the first: a cursor and a mark.
const GUTTER: u16 = 3;

/// How many lines each row takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowHeight {
    /// One.
    Single,
    /// Two: something stands below it.
    Double,
}

impl RowHeight {
    /// Returns the number of lines.
    pub fn lines(self) -> u16 {
        match self {
            Self::Single => 1,
            Self::Double => 2,
        }
    }

    /// Returns how many rows of a table there is room for in `area`.
    pub fn rows_in(self, area: Rect) -> usize {
        (area.height.saturating_sub(1) / self.lines()).into()
    }
}

/// Returns the place on the screen of the row of a table in `area` that is drawn at `y`.
pub fn row_at(area: Rect, height: RowHeight, x: u16, y: u16) -> Option<usize> {
    let first = area.y + 1;
    (area.contains((x, y).into()) && y >= first).then(|| ((y - first) / height.lines()).into())
}

/// Draws a list with its head.
pub fn draw(list: &List, height: RowHeight, world: &World, buffer: &mut Buffer, area: Rect) {
    let columns = list.columns();
    let visible = height.rows_in(area);
    let top = list.top(visible);
    let rows = list.shown().iter().enumerate().skip(top).take(visible);
    let rows: Vec<(usize, u32, Vec<Cell>)> =
        rows.map(|(place, row)| (place, *row, list.rows().cells(*row, world.now))).collect();
    let needs = needs(columns, rows.iter().map(|(_, _, cells)| cells.as_slice()));
    let widths = widths(columns, &needs, area.width.saturating_sub(GUTTER));
    draw_head(list, &widths, world, buffer, area);
    for ((place, row, cells), line) in rows.into_iter().zip(0u16..) {
        let y = area.y + 1 + line * height.lines();
        let selected = place == list.cursor();
        let base = if selected { world.theme.style(Role::Selected) } else { Style::default() };
        let row_area = Rect { x: area.x, y, width: area.width, height: height.lines() }.intersection(area);
        buffer.set_style(Rect { height: 1, ..row_area }, base);
        let gutter = gutter(selected, list.is_marked(row));
        text::put(buffer, Line { width: GUTTER, ..Line::of(row_area, 0) }, &gutter, &world.theme, base);
        let mut x = area.x + GUTTER;
        for ((cell, width), column) in cells.iter().zip(&widths).zip(columns) {
            if let Some(width) = *width {
                text::put(buffer, Line { x, y, width, align: column.align }, cell, &world.theme, base);
                x += width + GAP;
            }
        }
        if height == RowHeight::Double && row_area.height > 1 {
            let room = area.width.saturating_sub(GUTTER);
            let below = list.rows().below(row, room);
            let line = Line { x: area.x + GUTTER, y: y + 1, width: room, align: Align::Left };
            text::put(buffer, line, &below, &world.theme, Style::default());
        }
    }
}

fn gutter(selected: bool, marked: bool) -> Cell {
    let cursor = if selected { "▸" } else { " " };
    let mark = if marked { "✱" } else { " " };
    Cell(vec![Piece(cursor.into(), Role::Title), Piece(mark.into(), Role::Mark)])
}

fn draw_head(list: &List, widths: &[Option<u16>], world: &World, buffer: &mut Buffer, area: Rect) {
    let mut x = area.x + GUTTER;
    let sort = list.view().sort;
    for ((place, column), width) in list.columns().iter().enumerate().zip(widths) {
        let Some(width) = *width else { continue };
        let arrow = match (sort.column == place, sort.order) {
            (false, _) => "",
            (true, Order::Ascending) => "▴",
            (true, Order::Descending) => "▾",
        };
        let cell = Cell::new(format!("{}{arrow}", column.title), Role::Heading);
        // The arrow may use the gap, so that titles stay where they are.
        let over = u16::from(column.align == Align::Right && !arrow.is_empty());
        let line = Line { x, y: area.y, width: width + over, align: column.align };
        text::put(buffer, line, &cell, &world.theme, Style::default());
        x += width + GAP;
    }
}

/// Returns how wide each column would be to show all of its cells in `rows`.
fn needs<'a>(columns: &[Column], rows: impl Iterator<Item = &'a [Cell]>) -> Vec<u16> {
    let mut needs: Vec<u16> = columns.iter().map(|column| column.min).collect();
    for cells in rows {
        for (need, cell) in needs.iter_mut().zip(cells) {
            *need = text::cell_width(cell).max(*need);
        }
    }
    needs
}

/// Gives each column its width, or none to those that there is no room for. What is to spare goes first to those whose
/// cells need it.
fn widths(columns: &[Column], needs: &[u16], room: u16) -> Vec<Option<u16>> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    let least = |kept: &[bool]| -> u16 {
        let shown = columns.iter().zip(kept).filter(|(_, kept)| **kept);
        shown.map(|(column, _)| column.min + GAP).sum::<u16>().saturating_sub(GAP)
    };
    while least(&kept) > room {
        let droppable = columns.iter().enumerate().filter(|(place, column)| kept[*place] && column.rank > 0);
        let Some((place, _)) = droppable.max_by_key(|(place, column)| (column.rank, *place)) else { break };
        kept[place] = false;
    }
    let mut spare = room.saturating_sub(least(&kept));
    let mut widths: Vec<Option<u16>> =
        columns.iter().zip(&kept).map(|(column, kept)| kept.then_some(column.min)).collect();
    let most = columns.iter().map(|column| column.max);
    let needed = most.clone().zip(needs).map(|(most, need)| most.min(*need));
    // Those that can use more take turns.
    for limits in [needed.collect::<Vec<_>>(), most.collect()] {
        let mut before = spare + 1;
        while spare > 0 && spare < before {
            before = spare;
            for (width, limit) in widths.iter_mut().zip(&limits) {
                if let Some(width) = width.as_mut().filter(|width| **width < *limit && spare > 0) {
                    (*width, spare) = (*width + 1, spare - 1);
                }
            }
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::rows::Sortable;

    fn column(min: u16, max: u16, rank: u8) -> Column {
        Column { title: "", align: Align::Left, min, max, rank, sort: Sortable::No }
    }

    #[test]
    fn columns_give_way_by_rank() {
        let columns = [column(10, 20, 0), column(5, 5, 1), column(5, 5, 3), column(8, 40, 2)];
        let cases = [
            (100, vec![Some(20), Some(5), Some(5), Some(40)]),
            (50, vec![Some(18), Some(5), Some(5), Some(16)]),
            (34, vec![Some(10), Some(5), Some(5), Some(8)]),
            (33, vec![Some(13), Some(5), None, Some(11)]),
            (20, vec![Some(13), Some(5), None, None]),
            (12, vec![Some(12), None, None, None]),
            (4, vec![Some(10), None, None, None]),
        ];
        for (room, expected) in cases {
            assert_eq!(widths(&columns, &[0; 4], room), expected, "{room}");
        }
    }

    #[test]
    fn room_goes_first_to_where_it_is_needed() {
        let columns = [column(10, 60, 0), column(5, 5, 1), column(8, 40, 2)];
        let cases = [
            ([50, 5, 8], 70, [52, 5, 9]),
            ([50, 5, 8], 40, [23, 5, 8]),
            ([50, 5, 40], 40, [17, 5, 14]),
            ([10, 5, 40], 60, [11, 5, 40]),
        ];
        for (needs, room, expected) in cases {
            assert_eq!(widths(&columns, &needs, room), expected.map(Some), "{needs:?} {room}");
        }
    }
}
