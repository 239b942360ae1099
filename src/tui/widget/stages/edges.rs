//! The lines between the stages of the graph.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::layout::StageLayout;
use crate::tui::rows::why::StageGraph;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// The lines of a cell, by the sides that they reach.
const LIGHT: [&str; 16] = [
    " ", "│", "│", "│", "─", "╯", "╮", "┤", "─", "╰", "╭", "├", "─", "┴", "┬", "┼",
];
/// The same for stages with steps that run.
const HEAVY: [&str; 16] = [
    " ", "┃", "┃", "┃", "━", "┛", "┓", "┫", "━", "┗", "┏", "┣", "━", "┻", "┳", "╋",
];

/// The lines of some cells.
struct EdgeLines {
    area: Rect,
    cells: Vec<EdgeCell>,
}

#[derive(Clone, Copy, Default)]
struct EdgeCell {
    sides: u8,
    is_heavy: bool,
    is_arrow: bool,
}

impl EdgeLines {
    fn new(area: Rect) -> Self {
        let count = usize::from(area.width) * usize::from(area.height);
        Self {
            area,
            cells: vec![EdgeCell::default(); count],
        }
    }

    fn at(&mut self, x: u16, y: u16) -> Option<&mut EdgeCell> {
        if !self.area.contains((x, y).into()) {
            return None;
        }
        let row = usize::from(y - self.area.y) * usize::from(self.area.width);
        self.cells.get_mut(row + usize::from(x - self.area.x))
    }

    fn add(&mut self, (x, y): (u16, u16), sides: u8, is_heavy: bool) {
        if let Some(cell) = self.at(x, y) {
            cell.sides |= sides;
            cell.is_heavy |= is_heavy;
        }
    }

    fn across(&mut self, from: u16, to: u16, y: u16, is_heavy: bool) {
        for x in from..=to {
            let left = if x > from { LEFT } else { 0 };
            let right = if x < to { RIGHT } else { 0 };
            self.add((x, y), left | right, is_heavy);
        }
    }

    /// Adds a line from the row `y` to the bottom.
    fn down(&mut self, x: u16, y: u16, is_heavy: bool) {
        for row in y..self.area.bottom() {
            let up = if row > y { UP } else { 0 };
            self.add((x, row), up | DOWN, is_heavy);
        }
    }

    fn draw(&self, world: &World, buffer: &mut Buffer) {
        let width = usize::from(self.area.width).max(1);
        for (row, y) in self.cells.chunks(width).zip(self.area.y..) {
            for (cell, x) in row.iter().zip(self.area.x..) {
                let lines = if cell.is_heavy { &HEAVY } else { &LIGHT };
                let line = match cell {
                    EdgeCell { sides: 0, .. } => continue,
                    EdgeCell { is_arrow: true, .. } => "▾",
                    EdgeCell { sides, .. } => lines[usize::from(*sides) % lines.len()],
                };
                let role = if cell.is_heavy {
                    TextRole::Missing
                } else {
                    TextRole::Rule
                };
                buffer.set_string(x, y, line, world.theme.style(role));
            }
        }
    }
}

/// Draws a line from each stage to those that use its results: thick where a step of it runs.
pub(super) fn draw(
    graph: &StageGraph,
    layout: &StageLayout<'_>,
    world: &World,
    buffer: &mut Buffer,
) {
    if layout.edges.height == 0 {
        return;
    }
    let mut lines = EdgeLines::new(layout.edges);
    let arrows = layout.edges.bottom() - 1;
    let mut y = layout.edges.y;
    for from in &layout.columns {
        let users = layout.columns.iter();
        let users = users.filter(|to| to.column.needs.contains(&from.place));
        let ends: Vec<u16> = users.map(|to| to.area.x + 1).collect();
        if ends.is_empty() {
            continue;
        }
        let is_heavy = graph.columns[from.place].misses > 0;
        let start = from.area.x + 5;
        let left = ends.iter().copied().min().unwrap_or(start).min(start);
        let right = ends.iter().copied().max().unwrap_or(start).max(start);
        lines.across(left, right, y, is_heavy);
        lines.down(start, y, is_heavy);
        for end in ends {
            lines.down(end, y, is_heavy);
            if let Some(cell) = lines.at(end, arrows) {
                cell.is_arrow = true;
            }
        }
        y += 1;
    }
    lines.draw(world, buffer);
}
