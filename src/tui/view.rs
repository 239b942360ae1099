//! Draws the state. It changes nothing.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;

use super::keymap::{Action, Context};
use super::model::Model;
use super::pruning::Access;
use super::rows::Cell;
use super::theme::Role;
use super::widget::text::{self, Line};
use super::world::{StatusKind, World};

/// The least size that everything fits into.
pub const LEAST: Size = Size { width: 60, height: 16 };
/// The lines above the body: path and rule.
const ABOVE: u16 = 2;
/// The lines below it: rule, summary and keys.
const BELOW: u16 = 3;

/// Returns the part of a terminal of `size` that belongs to the screen.
pub fn body(size: Size) -> Rect {
    Rect { x: 0, y: ABOVE, width: size.width, height: size.height.saturating_sub(ABOVE + BELOW) }
}

/// Draws everything.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let (world, area) = (&model.world, frame.area());
    frame.buffer_mut().set_style(area, world.theme.style(Role::Text));
    if area.width < LEAST.width || area.height < LEAST.height {
        return draw_too_small(world, frame.buffer_mut(), area);
    }
    let screen = model.screen();
    draw_header(model, frame.buffer_mut(), Rect { height: 1, ..area });
    draw_rule(world, frame.buffer_mut(), Rect { y: area.y + 1, height: 1, ..area });
    screen.draw(world, frame, body(area.as_size()));
    let bottom = area.bottom();
    draw_rule(world, frame.buffer_mut(), Rect { y: bottom - 3, height: 1, ..area });
    let summary = match &world.status {
        Some(status) if status.kind == StatusKind::Failed => Cell::new(format!("! {}", status.text), Role::Error),
        Some(status) => Cell::new(status.text.clone(), Role::Good),
        None => screen.summary(world),
    };
    draw_line(&summary, world, frame.buffer_mut(), Rect { y: bottom - 2, height: 1, ..area });
    let contexts = model.layers.last().map(|layer| vec![layer.context()]);
    let contexts = contexts.unwrap_or_else(|| screen.contexts().to_vec());
    let room = area.width.saturating_sub(2);
    let first = model.screens.len() == 1;
    let unused = model.layers.last().filter(|layer| !layer.chooses()).map(|_| Action::Accept);
    let hints = hints(world, &contexts, if first { "quit" } else { "back" }, room, unused);
    draw_line(&hints, world, frame.buffer_mut(), Rect { y: bottom - 1, height: 1, ..area });
    for layer in &model.layers {
        layer.draw(world, screen, frame, area);
    }
}

fn draw_too_small(world: &World, buffer: &mut Buffer, area: Rect) {
    let sentence = format!(
        "cachelens needs {}×{} characters; this terminal has {}×{}. Make it larger, or quit with ctrl-c.",
        LEAST.width, LEAST.height, area.width, area.height
    );
    for (line, row) in text::wrap(&Cell::text(sentence), area.width).iter().zip(0..area.height) {
        text::put(buffer, Line::of(area, row), line, &world.theme, Style::default());
    }
}

fn draw_header(model: &Model, buffer: &mut Buffer, area: Rect) {
    let world = &model.world;
    let header = model.screen().header(world);
    let help = world.keymap.key_for(&[Context::Global], Action::Help);
    // A screen may have none to tell.
    let facts = header.facts.iter().fold(Cell::default(), |cell, fact| cell.and(format!("{fact} · "), Role::Dim));
    let (access, role) = match world.access {
        Access::ReadOnly => ("read-only", Role::Strong),
        Access::Write => ("▐WRITE▌", Role::Error),
    };
    let right = facts.and(access, role).and(format!(" · {help} help"), Role::Dim);
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    text::put(buffer, Line::of(inside, 0).right(), &right, &world.theme, Style::default());
    let room = inside.width.saturating_sub(text::cell_width(&right) + 2);
    let names: u16 = header.path.iter().map(|part| text::width(part)).sum();
    let joints = 3 * u16::try_from(header.path.len().saturating_sub(1)).unwrap_or_default();
    let too_much = (names + joints).saturating_sub(room);
    let mut path = Cell::default();
    for (place, part) in header.path.iter().enumerate() {
        let last = place + 1 == header.path.len();
        // The first part is a source's whole name, and the one that gives way.
        let shown = if place == 0 { text::cut(part, text::width(part).saturating_sub(too_much)) } else { part.clone() };
        path = path.and(shown, if last { Role::Title } else { Role::Text });
        if !last {
            path = path.and(" › ", Role::Rule);
        }
    }
    text::put(buffer, Line { width: room, ..Line::of(inside, 0) }, &path, &world.theme, Style::default());
}

/// Draws a rule from end to end.
pub fn draw_rule(world: &World, buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    if !area.is_empty() {
        buffer.set_string(area.x, area.y, "─".repeat(area.width.into()), world.theme.style(Role::Rule));
    }
}

fn draw_line(cell: &Cell, world: &World, buffer: &mut Buffer, area: Rect) {
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    text::put(buffer, Line::of(inside, 0), cell, &world.theme, Style::default());
}

/// Returns the keys of `contexts` that have a word for it, as many as fit, but for the action
/// `unused`; `back` is the word for leaving.
pub fn hints(world: &World, contexts: &[Context], back: &str, width: u16, unused: Option<Action>) -> Cell {
    let mut cell = Cell::default();
    let mut used = 0;
    let bindings = contexts.iter().flat_map(|context| world.keymap.bindings(*context));
    for binding in bindings.filter(|binding| Some(binding.action) != unused) {
        let Some(hint) = &binding.hint else { continue };
        let hint = if binding.action == Action::Back { back } else { hint };
        let key = binding.key();
        let gap = if cell.0.is_empty() { "" } else { "  " };
        let words = Cell::text(gap).and(key, Role::Key).and(format!(" {hint}"), Role::Dim);
        used += text::cell_width(&words);
        if used > width {
            break;
        }
        cell.0.extend(words.0);
    }
    cell
}
