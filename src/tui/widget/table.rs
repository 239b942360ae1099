//! A table: columns shrink if space is short, and only the visible rows are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::scrollbar;
use super::text::{self, LineArea};
use crate::tui::list::{RowList, SortDirection};
use crate::tui::rows::{Align, Cell, Column, NONE, Piece, Sortable};
use crate::tui::theme::TextRole;
use crate::tui::world::World;

mod distinct;

/// The gap between two columns.
pub(super) const GAP: u16 = 2;
/// The space before the first column: a cursor and a mark.
const GUTTER: u16 = 3;

/// Columns up to this rank are not hidden to show the whole first column.
const MATTERS: u8 = 2;

/// The number of lines per row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowHeight {
    /// One line.
    Single,
    /// Two lines: each row has a second line below it.
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

    /// Returns the number of rows of a table that fit in `area`.
    pub fn rows_in(self, area: Rect) -> usize {
        (area.height.saturating_sub(1) / self.lines()).into()
    }
}

/// Returns the index on the screen of the row at `y`, in a table in `area`.
pub fn row_at(area: Rect, height: RowHeight, x: u16, y: u16) -> Option<usize> {
    let first = area.y + 1;
    (area.contains((x, y).into()) && y >= first).then(|| ((y - first) / height.lines()).into())
}

/// A row of a list: its place, its number, and its cells.
type Row = (usize, u32, Vec<Cell>);

/// Returns the rows of a list that are on the screen, and the widths of the columns for them.
fn on_screen(
    list: &RowList,
    height: RowHeight,
    world: &World,
    area: Rect,
) -> (Vec<Row>, Vec<Option<u16>>) {
    let columns = list.columns();
    let visible = height.rows_in(area);
    let top = list.top(visible);
    let rows = list.shown().iter().enumerate().skip(top).take(visible);
    let rows: Vec<Row> = rows
        .map(|(place, row)| (place, *row, list.rows().cells(*row, world.now)))
        .collect();
    let needs = needs(columns, rows.iter().map(|(_, _, cells)| cells.as_slice()));
    let alike = alike(columns, &rows);
    let room = area.width.saturating_sub(GUTTER);
    let blank = blank(columns, &rows, &needs, room);
    let shown: Vec<usize> = (0..columns.len())
        .filter(|place| !blank[*place] && !world.hidden_columns.hides(columns, *place))
        .collect();
    let chosen: Vec<Column> = shown.iter().map(|place| columns[*place]).collect();
    let identity = identity(columns, &rows, room);
    let needs: Vec<u16> = shown.iter().map(|place| needs[*place]).collect();
    let alike: Vec<bool> = shown.iter().map(|place| alike[*place]).collect();
    let mut widths_of_all = vec![None; columns.len()];
    for (place, width) in shown
        .iter()
        .zip(widths(&chosen, &needs, &alike, identity, room))
    {
        widths_of_all[*place] = width;
    }
    if scrollbar::is_needed(list, height, area) {
        scrollbar::leave_room(&mut widths_of_all, room);
    }
    (rows, widths_of_all)
}

/// Returns the column that can be sorted by whose title is at `x`.
pub fn column_at(
    list: &RowList,
    height: RowHeight,
    world: &World,
    area: Rect,
    x: u16,
) -> Option<usize> {
    let (_, widths) = on_screen(list, height, world, area);
    let mut left = area.x + GUTTER;
    for ((place, column), width) in list.columns().iter().enumerate().zip(widths) {
        let Some(width) = width else { continue };
        if (left..left + width + GAP).contains(&x) {
            return (column.sort != Sortable::No).then_some(place);
        }
        left += width + GAP;
    }
    None
}

/// Draws a list with its head, and the cursor where the list has the keys.
pub fn draw(list: &RowList, height: RowHeight, world: &World, buffer: &mut Buffer, area: Rect) {
    draw_with_cursor(list, height, true, world, buffer, area);
}

/// Draws a list with its head and without a cursor.
pub fn draw_preview(list: &RowList, world: &World, buffer: &mut Buffer, area: Rect) {
    draw_with_cursor(list, RowHeight::Single, false, world, buffer, area);
}

fn draw_with_cursor(
    list: &RowList,
    height: RowHeight,
    has_cursor: bool,
    world: &World,
    buffer: &mut Buffer,
    area: Rect,
) {
    if area.height == 0 {
        return;
    }
    let columns = list.columns();
    let (mut rows, widths) = on_screen(list, height, world, area);
    if let (Some(Some(width)), Some(column)) = (widths.first(), columns.first()) {
        let names = rows.iter_mut().filter_map(|(.., cells)| cells.first_mut());
        distinct::shorten(names.collect(), *width, column.align);
    }
    draw_head(list, &widths, world, buffer, area);
    for ((place, row, cells), line) in rows.into_iter().zip(0u16..) {
        let y = area.y + 1 + line * height.lines();
        let selected = has_cursor && place == list.cursor();
        let base = if selected {
            world.theme.style(TextRole::Selected)
        } else {
            Style::default()
        };
        let row_area = Rect {
            x: area.x,
            y,
            width: area.width,
            height: height.lines(),
        }
        .intersection(area);
        let first_line = Rect {
            height: 1,
            ..row_area
        };
        buffer.set_style(first_line, base);
        let gutter = gutter(selected, list.is_marked(row));
        let line = LineArea {
            width: GUTTER,
            ..LineArea::of(row_area, 0)
        };
        text::put(buffer, line, &gutter, &world.theme, base);
        let start = (area.x + GUTTER, y);
        draw_cells(&cells, &widths, columns, world, buffer, start, base);
        if height == RowHeight::Double && row_area.height > 1 {
            let is_narrower = scrollbar::is_needed(list, height, area);
            let width = area.width.saturating_sub(GUTTER + u16::from(is_narrower));
            draw_below(list, row, world, buffer, Rect { width, ..row_area });
        }
    }
    scrollbar::draw(list, height, world, buffer, area);
}

/// Draws the second line of a row.
fn draw_below(list: &RowList, row: u32, world: &World, buffer: &mut Buffer, area: Rect) {
    let below = list.rows().below(row, area.width);
    let line = LineArea {
        x: area.x + GUTTER,
        ..LineArea::of(area, 1)
    };
    text::put(buffer, line, &below, &world.theme, Style::default());
}

fn gutter(selected: bool, marked: bool) -> Cell {
    let cursor = if selected { "▸" } else { " " };
    let mark = if marked { "✱" } else { " " };
    Cell(vec![
        Piece(cursor.into(), TextRole::Title),
        Piece(mark.into(), TextRole::Mark),
    ])
}

fn draw_head(
    list: &RowList,
    widths: &[Option<u16>],
    world: &World,
    buffer: &mut Buffer,
    area: Rect,
) {
    let mut x = area.x + GUTTER;
    let sort = list.view().sort;
    for ((place, column), width) in list.columns().iter().enumerate().zip(widths) {
        let Some(width) = *width else { continue };
        let arrow = match (sort.column == place, sort.order) {
            (false, _) => "",
            (true, SortDirection::Ascending) => "▴",
            (true, SortDirection::Descending) => "▾",
        };
        let cell = Cell::new(format!("{}{arrow}", column.title), TextRole::Heading);
        // The arrow may use the gap, so that titles do not move.
        let over = u16::from(column.align == Align::Right && !arrow.is_empty());
        let line = LineArea {
            x,
            y: area.y,
            width: width + over,
            align: column.align,
        };
        text::put(buffer, line, &cell, &world.theme, Style::default());
        x += width + GAP;
    }
}

/// Returns the width that each column needs to show all of its cells in `rows`.
fn needs<'a>(columns: &[Column], rows: impl Iterator<Item = &'a [Cell]>) -> Vec<u16> {
    let mut needs: Vec<u16> = columns.iter().map(|column| column.min).collect();
    for cells in rows {
        for (need, cell) in needs.iter_mut().zip(cells) {
            *need = text::cell_width(cell).max(*need);
        }
    }
    needs
}

/// Returns, for each column, whether all rows have the same text in it, so that it distinguishes
/// none.
fn alike(columns: &[Column], rows: &[(usize, u32, Vec<Cell>)]) -> Vec<bool> {
    let is_alike = |place: usize| {
        let mut cells = rows.iter().map(|(_, _, cells)| cells.get(place));
        let first = cells.next().flatten();
        rows.len() > 1 && cells.all(|cell| cell == first)
    };
    (0..columns.len()).map(is_alike).collect()
}

/// Returns, for each column that matters little, whether no row has a value in it and other columns
/// need its room.
fn blank(columns: &[Column], rows: &[Row], needs: &[u16], room: u16) -> Vec<bool> {
    let wanted = columns.iter().zip(needs);
    let wanted: u16 = wanted
        .map(|(column, need)| column.max.min(*need) + GAP)
        .fold(0, u16::saturating_add);
    let is_short = wanted.saturating_sub(GAP) > room && !rows.is_empty();
    let has_value = |cells: &[Cell], place: usize| {
        let pieces = cells.get(place).into_iter().flat_map(|cell| &cell.0);
        pieces
            .map(|Piece(text, _)| text.trim())
            .any(|text| !text.is_empty() && text != NONE)
    };
    let is_blank = |(place, column): (usize, &Column)| {
        is_short
            && column.rank >= MATTERS
            && !rows.iter().any(|(.., cells)| has_value(cells, place))
    };
    columns.iter().enumerate().map(is_blank).collect()
}

/// Returns the width at which the names of all rows look different, if half of `room` is too narrow
/// for that.
fn identity(columns: &[Column], rows: &[Row], room: u16) -> u16 {
    let (Some(column), names) = (
        columns.first(),
        rows.iter().filter_map(|(.., cells)| cells.first()),
    ) else {
        return 0;
    };
    let names: Vec<&Cell> = names.collect();
    let least = (room / 2).max(column.min);
    distinct::width(&names, least..=column.max.min(room), column.align).unwrap_or_default()
}

/// Gives each column its width, or none to those that there is no room for. Of those that matter
/// little the ones go first in which all rows are alike, then all by rank. Those that matter little
/// go, too, where the first one, which says what a row is, needs their room and has not half of it,
/// or has not the `identity` columns that rows need to look different. What is to spare goes first
/// to the first one, when it is a path or an address and up to half of the room, because a cut one
/// may be that of another row, or as far as rows need it to look different. Then it goes to those
/// whose cells need it.
fn widths(
    columns: &[Column],
    needs: &[u16],
    alike: &[bool],
    identity: u16,
    room: u16,
) -> Vec<Option<u16>> {
    let least_of = |place: usize, column: &Column| match place {
        0 => needs[0]
            .min(column.max)
            .min(identity.max(room / 2))
            .max(column.min),
        _ => column.min,
    };
    let kept = kept(columns, alike, room, &least_of);
    let least = total(columns, &kept, &|_, column| column.min);
    let mut spare = room.saturating_sub(least);
    let mut widths: Vec<Option<u16>> = columns
        .iter()
        .zip(&kept)
        .map(|(column, kept)| kept.then_some(column.min))
        .collect();
    let most = columns.iter().map(|column| column.max);
    let needed = most.clone().zip(needs).map(|(most, need)| most.min(*need));
    if let (Some(Some(first)), Some(column)) = (widths.first_mut(), columns.first())
        && (column.align == Align::Path || identity > 0)
    {
        let more = least_of(0, column).saturating_sub(*first).min(spare);
        (*first, spare) = (*first + more, spare - more);
    }
    // Columns that can use more space take turns.
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

/// Returns the width of the kept columns together.
fn total(columns: &[Column], kept: &[bool], least_of: &dyn Fn(usize, &Column) -> u16) -> u16 {
    let shown = columns.iter().enumerate().zip(kept);
    shown
        .filter(|(_, kept)| **kept)
        .map(|((place, column), _)| least_of(place, column) + GAP)
        .sum::<u16>()
        .saturating_sub(GAP)
}

/// Returns which columns have room, at the widths of `least_of`.
fn kept(
    columns: &[Column],
    alike: &[bool],
    room: u16,
    least_of: &dyn Fn(usize, &Column) -> u16,
) -> Vec<bool> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    while total(columns, &kept, least_of) > room {
        // Only less important columns make space for the first one.
        let least = total(columns, &kept, &|_, column| column.min);
        let spared = if least > room { 0 } else { MATTERS };
        let droppable = columns
            .iter()
            .enumerate()
            .filter(|(place, column)| kept[*place] && column.rank > spared);
        let Some((place, _)) = droppable.max_by_key(|(place, column)| {
            let tells_nothing = alike[*place] && column.rank > MATTERS;
            (tells_nothing, column.rank, *place)
        }) else {
            break;
        };
        kept[place] = false;
    }
    kept
}

/// Draws the cells of a row; those without a width are not shown.
fn draw_cells(
    cells: &[Cell],
    widths: &[Option<u16>],
    columns: &[Column],
    world: &World,
    buffer: &mut Buffer,
    (mut x, y): (u16, u16),
    base: Style,
) {
    for ((cell, width), column) in cells.iter().zip(widths).zip(columns) {
        if let Some(width) = *width {
            text::put(
                buffer,
                LineArea {
                    x,
                    y,
                    width,
                    align: column.align,
                },
                cell,
                &world.theme,
                base,
            );
            x += width + GAP;
        }
    }
}

#[cfg(test)]
mod tests;
