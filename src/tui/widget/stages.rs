//! The stage graph of a build: a column per stage, and lines from each stage to those that use its
//! results.
//!
//! A thick line starts at the first miss of a stage and follows the steps and stages that run
//! because of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{self, LineArea};
use super::{detail, meter};
use crate::format::provenance::StepIndex;
use crate::tui::rows::Cell;
use crate::tui::rows::why::{BarUnit, GraphStep, StageColumn, StageGraph, StepReason};
use crate::tui::theme::TextRole;
use crate::tui::world::World;

mod edges;
mod layout;

use layout::{Density, PlacedColumn, PlacedStep, StageLayout};
pub use layout::{at, whole_height};

/// The room of a sign and the number of a cause, in front of a step.
const SIGN: u16 = 4;
/// The maximum width of a bar.
const BAR: u16 = 40;

/// Returns the meaning of the signs, as a line.
pub fn legend(unit: BarUnit) -> Cell {
    let bars = match unit {
        BarUnit::Time => "  █ time",
        BarUnit::Bytes => "  █ bytes",
        BarUnit::None => "",
    };
    Cell::new(" stages: ", TextRole::Dim)
        .and("✗1", TextRole::Missing)
        .and(" first miss of cause 1  ", TextRole::Dim)
        .and("✗↑1", TextRole::Missing)
        .and(" because of it  ", TextRole::Dim)
        .and("✓", TextRole::Good)
        .and(" hit", TextRole::Dim)
        .and(bars, TextRole::Dim)
        .and(" ", TextRole::Text)
}

/// Returns the part of an area below its title.
pub fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 3,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(1),
    }
}

/// Draws the graph so that the step under the cursor shows.
pub fn draw(
    graph: &StageGraph,
    cursor: Option<StepIndex>,
    world: &World,
    buffer: &mut Buffer,
    area: Rect,
) {
    let layout = StageLayout::new(graph, cursor, area);
    edges::draw(graph, &layout, world, buffer);
    for placed in &layout.columns {
        draw_name(graph, placed, world, buffer);
        for step in &placed.steps {
            draw_step(graph, step, layout.density, cursor, world, buffer);
        }
        if placed.hidden > 0 {
            let words = format!("    … {} more", placed.hidden);
            let y = placed.area.bottom().saturating_sub(1);
            put_at(
                &Cell::new(words, TextRole::Dim),
                (placed.area, y),
                world,
                buffer,
            );
        }
    }
    draw_outside(&layout, world, buffer, area);
}

/// Says how many stages are to the left and to the right.
fn draw_outside(layout: &StageLayout<'_>, world: &World, buffer: &mut Buffer, area: Rect) {
    let [left, right] = layout.outside;
    let mut words = Vec::new();
    if left > 0 {
        words.push(format!("‹ {left}"));
    }
    if right > 0 {
        words.push(format!("{right} ›"));
    }
    if words.is_empty() {
        return;
    }
    let cell = Cell::new(format!(" {} ", words.join("  ")), TextRole::Key);
    text::put(
        buffer,
        LineArea::of(area, 0).right(),
        &cell,
        &world.theme,
        Style::default(),
    );
}

/// Draws the name of a stage, how many of its steps run, and the cost of these.
fn draw_name(graph: &StageGraph, placed: &PlacedColumn<'_>, world: &World, buffer: &mut Buffer) {
    let column = placed.column;
    let name = Cell::new(column.name.clone(), TextRole::Title);
    put_at(&name, (placed.area, placed.area.y), world, buffer);
    let sum = sum(graph, column);
    let room = placed.area.width.saturating_sub(text::cell_width(&name));
    if text::cell_width(&sum) + 2 <= room {
        let line = LineArea::of(placed.area, 0).right();
        text::put(buffer, line, &sum, &world.theme, Style::default());
    }
    let rule = "─".repeat(placed.area.width.into());
    let rule = Cell::new(rule, TextRole::Rule);
    put_at(&rule, (placed.area, placed.area.y + 1), world, buffer);
}

fn sum(graph: &StageGraph, column: &StageColumn) -> Cell {
    match (column.misses, column.cost) {
        (0, _) => Cell::new("✓", TextRole::Good),
        (count, 0) => Cell::new(format!("✗ {count}"), TextRole::Missing),
        (count, cost) => Cell::new(format!("✗ {count}  "), TextRole::Missing)
            .and(graph.unit.words(cost), TextRole::Warning),
    }
}

fn draw_step(
    graph: &StageGraph,
    placed: &PlacedStep<'_>,
    density: Density,
    cursor: Option<StepIndex>,
    world: &World,
    buffer: &mut Buffer,
) {
    let step = placed.step;
    let area = placed.area;
    let is_selected = cursor == Some(step.step);
    let base = if is_selected {
        world.theme.style(TextRole::Selected)
    } else {
        Style::default()
    };
    for (line, y) in lines(graph, step, density, area.width)
        .iter()
        .zip(area.top()..area.bottom())
    {
        let is_title = y == area.top();
        let base = if is_title { base } else { Style::default() };
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        buffer.set_style(row, base);
        text::put(buffer, LineArea::of(row, 0), line, &world.theme, base);
    }
    if placed.has_next {
        let (line, role) = if step.runs() {
            ("┃", TextRole::Missing)
        } else {
            ("│", TextRole::Rule)
        };
        for y in area.top() + 1..area.bottom() {
            buffer.set_string(area.x, y, line, world.theme.style(role));
        }
    }
}

/// Returns the lines of a step: its sign and title, the cause of a first miss, its cost.
fn lines(graph: &StageGraph, step: &GraphStep, density: Density, width: u16) -> Vec<Cell> {
    let room = width.saturating_sub(SIGN);
    let mut lines: Vec<Cell> = layout::title_lines(step, density, width)
        .into_iter()
        .enumerate()
        .map(|(place, line)| match place {
            0 => sign(step).and_all(line),
            _ => indented(line),
        })
        .collect();
    match density {
        Density::Least => {
            // The cost stands at the right, where the title leaves room for it.
            let cost = graph.unit.words(step.cost);
            let used = text::cell_width(&lines[0]) + text::width(&cost) + 1;
            if step.cost > 0
                && let Some(gap) = width.checked_sub(used)
            {
                let title = lines.remove(0);
                let gap = " ".repeat(usize::from(gap) + 1);
                let cell = title.and(gap, TextRole::Text).and(cost, TextRole::Dim);
                lines.push(cell);
            }
        }
        Density::Middle => lines.push(bar(graph, step, room)),
        Density::Whole | Density::Full | Density::Short => {
            if density == Density::Whole {
                lines.push(indented(facts(step, room)));
            }
            let why = layout::why_lines(step, density, width);
            lines.extend(why.into_iter().map(indented));
            if step.cost > 0 {
                lines.push(bar(graph, step, room));
            }
        }
    }
    lines
}

/// Returns what is known of a step, with its line where there is room.
fn facts(step: &GraphStep, room: u16) -> Cell {
    let both = format!("{} · {}", step.line, step.facts);
    let shown = if step.line.is_empty() || text::width(&both) > room {
        step.facts.clone()
    } else {
        both
    };
    Cell::new(shown, TextRole::Dim)
}

fn indented(cell: Cell) -> Cell {
    Cell::text("    ").and_all(cell)
}

fn sign(step: &GraphStep) -> Cell {
    let tag = match &step.reason {
        StepReason::None => String::new(),
        StepReason::First(number, _) => number.to_string(),
        StepReason::Later(number, _) => format!("↑{number}"),
    };
    Cell::new(format!("{}{tag:<2} ", step.sign), step.role)
}

fn bar(graph: &StageGraph, step: &GraphStep, room: u16) -> Cell {
    if step.cost == 0 {
        return Cell::default();
    }
    let words = format!(" {}", graph.unit.words(step.cost));
    let width = room.saturating_sub(text::width(&words)).min(BAR);
    let role = if step.runs() {
        TextRole::Missing
    } else {
        TextRole::Dim
    };
    let bar = Cell::new(meter::bar(step.cost, graph.largest, width), role);
    indented(bar.and(words, TextRole::Text))
}

/// Puts a line at `y` into an area.
fn put_at(cell: &Cell, (area, y): (Rect, u16), world: &World, buffer: &mut Buffer) {
    let line = Rect {
        y,
        height: 1,
        ..area
    };
    detail::draw(std::slice::from_ref(cell), 0, &world.theme, buffer, line);
}
