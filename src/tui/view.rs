//! Draws the state. Changes nothing.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;

use super::keymap::{Action, KeyContext};
use super::list::RowList;
use super::message::KeyPress;
use super::model::Model;
use super::pruning::DeletionAccess;
use super::rows::Cell;
use super::screen::ScreenHeader;
use super::theme::TextRole;
use super::widget::text::{self, LineArea};
use super::world::{SourceState, StatusKind, World};
use crate::text::units::grouped;

mod ascii;

/// The minimum size that everything fits into.
pub const LEAST: Size = Size {
    width: 60,
    height: 16,
};
/// The room between two words of the last line.
const GAP: u16 = 2;
/// The lines above the body: path and rule.
const ABOVE: u16 = 2;
/// The lines below it: rule, summary and keys.
const BELOW: u16 = 3;

/// Returns the part of a terminal of `size` for the screen.
pub fn body(size: Size) -> Rect {
    Rect {
        x: 0,
        y: ABOVE,
        width: size.width,
        height: size.height.saturating_sub(ABOVE + BELOW),
    }
}

/// Draws everything.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let world = &model.world;
    let area = frame.area();
    frame
        .buffer_mut()
        .set_style(area, world.theme.style(TextRole::Text));
    if area.width < LEAST.width || area.height < LEAST.height {
        draw_too_small(world, frame.buffer_mut(), area);
        if world.is_ascii {
            ascii::replace(frame.buffer_mut());
        }
        return;
    }
    let row = |number| Rect {
        y: area.y + number,
        height: 1,
        ..area
    };
    let screen = model.screen();
    draw_header(model, frame.buffer_mut(), row(0));
    draw_rule(world, frame.buffer_mut(), row(1));
    screen.draw(world, frame, body(area.as_size()));
    draw_rule(world, frame.buffer_mut(), row(area.height - 3));
    if let Some(list) = screen.list() {
        draw_position(list, world, frame.buffer_mut(), row(area.height - 3));
    }
    let room = area.width.saturating_sub(2);
    let summary = text::fit(status_or_summary(model), room);
    draw_line(&summary, world, frame.buffer_mut(), row(area.height - 2));
    let hints = join(&hints_of(model));
    draw_line(&hints, world, frame.buffer_mut(), row(area.height - 1));
    for layer in &model.layers {
        layer.draw(world, screen, frame, area);
    }
    if world.is_ascii {
        ascii::replace(frame.buffer_mut());
    }
}

fn draw_too_small(world: &World, buffer: &mut Buffer, area: Rect) {
    let sentence = format!(
        "cachelens needs {}×{} characters; this terminal has {}×{}. Make it larger, or quit with {}.",
        LEAST.width,
        LEAST.height,
        area.width,
        area.height,
        world.keymap.key_for(&[KeyContext::Global], Action::Quit)
    );
    for (line, row) in text::wrap(&Cell::text(sentence), area.width)
        .iter()
        .zip(0..area.height)
    {
        text::put(
            buffer,
            LineArea::of(area, row),
            line,
            &world.theme,
            Style::default(),
        );
    }
}

fn draw_header(model: &Model, buffer: &mut Buffer, area: Rect) {
    let world = &model.world;
    let mut header = model.screen().header(world);
    let inside = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let mut right = facts_of(model, &header, AccessWords::Long);
    // The path says where one is, so facts give way to it; half of the line is enough.
    let path = path_width(&header);
    let least = path.min(inside.width / 2);
    while text::cell_width(&right) + 2 + least > inside.width && header.facts.pop().is_some() {
        right = facts_of(model, &header, AccessWords::Long);
    }
    if text::cell_width(&right) + 2 + path > inside.width {
        right = facts_of(model, &header, AccessWords::Short);
    }
    text::put(
        buffer,
        LineArea::of(inside, 0).right(),
        &right,
        &world.theme,
        Style::default(),
    );
    let room = inside.width.saturating_sub(text::cell_width(&right) + 2);
    let path = path_of(&header, room);
    text::put(
        buffer,
        LineArea {
            width: room,
            ..LineArea::of(inside, 0)
        },
        &path,
        &world.theme,
        Style::default(),
    );
}

/// Draws a rule over the whole width.
pub fn draw_rule(world: &World, buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    if !area.is_empty() {
        buffer.set_string(
            area.x,
            area.y,
            "─".repeat(area.width.into()),
            world.theme.style(TextRole::Rule),
        );
    }
}

/// Draws the position of the cursor in a list, at the right end of a rule.
fn draw_position(list: &RowList, world: &World, buffer: &mut Buffer, area: Rect) {
    let rows = list.shown().len();
    if rows == 0 {
        return;
    }
    let words = format!(
        " {}/{} ",
        grouped(list.cursor() as u64 + 1),
        grouped(rows as u64)
    );
    let at = LineArea {
        width: area.width.saturating_sub(2),
        ..LineArea::of(area, 0).right()
    };
    let cell = Cell::new(words, TextRole::Dim);
    text::put(buffer, at, &cell, &world.theme, Style::default());
}

fn draw_line(cell: &Cell, world: &World, buffer: &mut Buffer, area: Rect) {
    let inside = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    text::put(
        buffer,
        LineArea::of(inside, 0),
        cell,
        &world.theme,
        Style::default(),
    );
}

/// A key and its word in the last line.
#[derive(Debug, Clone)]
struct Hint {
    key: KeyPress,
    words: Cell,
}

/// Returns the keys of the last line.
fn hints_of(model: &Model) -> Vec<Hint> {
    let layer = model.layers.last();
    let contexts = match layer {
        Some(layer) => vec![layer.context()],
        None => model.screen().contexts().to_vec(),
    };
    let unused = layer
        .filter(|layer| !layer.chooses())
        .map(|_| Action::Accept);
    let back = if model.screens.len() == 1 {
        "quit"
    } else {
        "back"
    };
    let room = model.world.size.width.saturating_sub(2);
    hints(&model.world, &contexts, back, room, unused)
}

/// Returns the keys of `contexts` that have a footer word, as many as fit, except for the action
/// `unused`; `back` is the word for leaving.
fn hints(
    world: &World,
    contexts: &[KeyContext],
    back: &str,
    width: u16,
    unused: Option<Action>,
) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    let mut used = 0;
    let bindings = contexts
        .iter()
        .flat_map(|context| world.keymap.bindings(*context));
    for binding in bindings.filter(|binding| Some(binding.action) != unused) {
        let (Some(hint), Some(key)) = (&binding.hint, binding.first_key()) else {
            continue;
        };
        let hint = if binding.action == Action::Back {
            back
        } else {
            hint
        };
        let words = Cell::new(binding.key(), TextRole::Key).and(format!(" {hint}"), TextRole::Dim);
        let gap = if hints.is_empty() { 0 } else { GAP };
        used += gap + text::cell_width(&words);
        if used > width {
            break;
        }
        hints.push(Hint { key, words });
    }
    hints
}

/// Returns the keys of a place that have a word for it, as many as fit into `width` columns.
pub fn hint_line(world: &World, context: KeyContext, width: u16) -> Cell {
    join(&hints(world, &[context], "", width, None))
}

fn join(hints: &[Hint]) -> Cell {
    let mut cell = Cell::default();
    for hint in hints {
        let gap = if cell.0.is_empty() { "" } else { "  " };
        cell = cell.and(gap, TextRole::Text).and_all(hint.words.clone());
    }
    cell
}

/// Returns the key whose word stands at a place of the last line.
pub fn key_at(model: &Model, x: u16, y: u16) -> Option<KeyPress> {
    if y + 1 != model.world.size.height || model.world.size.height < LEAST.height {
        return None;
    }
    let mut left = 1;
    for hint in hints_of(model) {
        let width = text::cell_width(&hint.words);
        if (left..left + width).contains(&x) {
            return Some(hint.key);
        }
        left += width + GAP;
    }
    None
}

/// Returns whether a place of the first line is on the path to the screen, before its own name.
pub fn is_on_parent(model: &Model, x: u16) -> bool {
    let path = model.screen().header(&model.world).path;
    let parents = path.split_last().map_or(&[][..], |(_, parents)| parents);
    let width: u16 = parents.iter().map(|part| text::width(part) + 3).sum();
    (1..width.saturating_sub(1)).contains(&x)
}

/// Returns the line above the keys: a message or a pause, else the summary of the screen.
fn status_or_summary(model: &Model) -> Cell {
    let world = &model.world;
    match (&world.status, &world.waiting) {
        (Some(status), _) if status.kind == StatusKind::Failed => {
            Cell::new(format!("! {}", status.text), TextRole::Error)
        }
        (Some(status), _) => Cell::new(status.text.clone(), TextRole::Good),
        (None, Some(waiting)) => Cell::new(waiting.clone(), TextRole::Unsure),
        (None, None) => model.screen().summary(world),
    }
}

/// How much is said about the permission to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AccessWords {
    Long,
    /// The path needs the room.
    Short,
}

/// Returns the right part of the header: jobs, facts, and whether deletions are allowed.
fn facts_of(model: &Model, header: &ScreenHeader, words: AccessWords) -> Cell {
    let world = &model.world;
    let help = world.keymap.key_for(&[KeyContext::Global], Action::Help);
    // A screen may have no list.
    let jobs = match world.running() {
        0 => Cell::default(),
        1 => Cell::new("1 job", TextRole::Title).and(" · ", TextRole::Dim),
        count => Cell::new(format!("{count} jobs"), TextRole::Title).and(" · ", TextRole::Dim),
    };
    let facts = header.facts.iter().fold(jobs, |cell, fact| {
        cell.and(format!("{fact} · "), TextRole::Dim)
    });
    let is_copy = |source: &SourceState| source.info.is_copy;
    let all_copies = world.open_sources().next().is_some() && world.open_sources().all(is_copy);
    let facts = match world.work.watching() {
        Some(left) => facts.and(format!("watching {left} s · "), TextRole::Strong),
        None => facts,
    };
    let (access, role) = match world.access {
        DeletionAccess::ReadOnly if all_copies && words == AccessWords::Short => {
            ("a copy · ", TextRole::Strong)
        }
        DeletionAccess::ReadOnly if all_copies => ("a copy to try things on · ", TextRole::Strong),
        // Nothing is open that could be deleted from.
        DeletionAccess::ReadOnly if world.open_sources().next().is_none() => ("", TextRole::Dim),
        DeletionAccess::ReadOnly => ("read-only · ", TextRole::Strong),
        DeletionAccess::Write => ("▐WRITE▌ · ", TextRole::Error),
    };
    facts
        .and(access, role)
        .and(format!("{help} help"), TextRole::Dim)
}

fn path_width(header: &ScreenHeader) -> u16 {
    let names: u16 = header.path.iter().map(|part| text::width(part)).sum();
    let joints = 3 * u16::try_from(header.path.len().saturating_sub(1)).unwrap_or_default();
    names + joints
}

/// Returns the path to the screen, cut to `room` columns.
fn path_of(header: &ScreenHeader, room: u16) -> Cell {
    let too_much = path_width(header).saturating_sub(room);
    let mut path = Cell::default();
    for (place, part) in header.path.iter().enumerate() {
        let last = place + 1 == header.path.len();
        // The first part is the full name of a source, and the one that shrinks.
        let shown = if place == 0 {
            text::cut(part, text::width(part).saturating_sub(too_much))
        } else {
            part.clone()
        };
        path = path.and(
            shown,
            if last {
                TextRole::Title
            } else {
                TextRole::Text
            },
        );
        if !last {
            path = path.and(" › ", TextRole::Rule);
        }
    }
    path
}
