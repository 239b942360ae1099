//! Draws a list, its details, and the parts around them.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::ListScreen;
use super::areas::inside;
use crate::tui::keymap::{self, Action};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::treemap::{self, TreemapTile};
use crate::tui::widget::{detail, table, text};
use crate::tui::world::World;

impl ListScreen {
    /// Wraps the sentences above the list; the last line notes sentences without space.
    pub(super) fn lead_lines(&self, body: Rect, world: Option<&World>) -> Vec<Cell> {
        let width = body.width.saturating_sub(LEAD_INDENT * 2 + 1);
        let mut lines: Vec<Cell> = self
            .lead
            .iter()
            .flat_map(|sentence| text::wrap_hanging(sentence, width))
            .collect();
        let room = usize::from(body.height * 2 / 5);
        if lines.len() > room {
            let hidden = lines.len() - room.saturating_sub(1);
            lines.truncate(room.saturating_sub(1));
            let key = world.map(|world| {
                let why = [keymap::KeyContext::Why];
                world.keymap.key_for(&why, Action::Causes)
            });
            let key = key.unwrap_or_default();
            lines.push(Cell::new(
                format!("   … {key} shows {hidden} more lines"),
                TextRole::Dim,
            ));
        }
        lines
    }

    pub(super) fn detail_lines(&self, world: &World, width: u16) -> Vec<Cell> {
        let details = self
            .list
            .current()
            .map(|row| self.list.rows().details(row, world.now));
        detail::lines(&details.unwrap_or_default(), width)
    }

    /// Draws list and details; if there is no row, draws the sentences of `empty` instead.
    pub fn draw(&self, world: &World, frame: &mut Frame<'_>, body: Rect, empty: &[Cell]) {
        let areas = self.areas(body);
        let buffer = frame.buffer_mut();
        self.draw_lead(world, buffer, body, areas.lead);
        table::draw(&self.list, self.height, world, buffer, areas.list);
        if self.list.shown().is_empty() && self.list.progress().is_none() {
            self.draw_empty(world, buffer, areas.list, empty);
        }
        if let Some(area) = areas.details {
            self.draw_details(world, frame, area, body.width >= self.wide);
        }
        if let (Some(area), Some(preview)) = (areas.preview, &self.preview) {
            draw_preview(&*preview.screen, world, frame, area);
        }
    }

    /// Draws the sentences above the list, and a rule below them.
    fn draw_lead(&self, world: &World, buffer: &mut Buffer, body: Rect, lead: Rect) {
        for (line, row) in self
            .lead_lines(body, Some(world))
            .iter()
            .zip(0..lead.height.saturating_sub(1))
        {
            let x = body.x + LEAD_INDENT;
            let width = body.width.saturating_sub(LEAD_INDENT + 1);
            let at = text::LineArea {
                x,
                width,
                ..text::LineArea::of(lead, row)
            };
            text::put(buffer, at, line, &world.theme, Style::default());
        }
        if let Some(y) = lead.bottom().checked_sub(1).filter(|_| lead.height > 0) {
            view::draw_rule(
                world,
                buffer,
                Rect {
                    y,
                    height: 1,
                    ..lead
                },
            );
        }
    }

    /// Draws the sentences of `empty`, or that nothing matches the filter.
    fn draw_empty(&self, world: &World, buffer: &mut Buffer, area: Rect, empty: &[Cell]) {
        let contexts = [keymap::KeyContext::List, keymap::KeyContext::Global];
        let key = |action| world.keymap.key_for(&contexts, action);
        let escape = key(Action::Escape);
        let filter = key(Action::Filter);
        let no_match = [
            Cell::text("Nothing matches."),
            Cell::new(
                format!("{escape} clears the filter, {filter} edits it"),
                TextRole::Dim,
            ),
        ];
        let sentences = if self.list.view().filter.is_empty() {
            empty
        } else {
            &no_match
        };
        let width = area.width.saturating_sub(4);
        let lines = sentences.iter().flat_map(|cell| text::wrap(cell, width));
        for (line, row) in lines.zip(2..area.height) {
            let at = text::LineArea {
                x: area.x + 3,
                width,
                ..text::LineArea::of(area, row)
            };
            text::put(buffer, at, &line, &world.theme, Style::default());
        }
    }

    fn draw_details(&self, world: &World, frame: &mut Frame<'_>, area: Rect, beside: bool) {
        let buffer = frame.buffer_mut();
        let inside = inside(area, beside);
        let rule = world.theme.style(if self.focus.is_some() {
            TextRole::Title
        } else {
            TextRole::Rule
        });
        if beside {
            let line = if self.focus.is_some() { "┃" } else { "│" };
            for y in area.top()..area.bottom() {
                buffer.set_string(area.x, y, line, rule);
            }
        } else {
            let line = if self.focus.is_some() { "━" } else { "─" };
            buffer.set_string(area.x, area.y, line.repeat(area.width.into()), rule);
        }
        let mut lines = self.detail_lines(world, inside.width);
        let height = usize::from(inside.height);
        let top = self
            .focus
            .as_ref()
            .map_or(0, |scroll| scroll.top(lines.len(), height));
        if lines.len() > height && self.focus.is_none() {
            lines.truncate(height.saturating_sub(1));
            let key = |action| world.keymap.key_for(&[keymap::KeyContext::List], action);
            let scroll = key(Action::Focus);
            let all = key(Action::Details);
            let words = format!("… {scroll} scrolls, {all} shows all");
            lines.push(Cell::new(words, TextRole::Dim));
        }
        detail::draw(&lines, top, &world.theme, buffer, inside);
    }
}

/// The indentation of sentences above the list: the same as its cells.
const LEAD_INDENT: u16 = 3;

/// Draws boxes for `tiles` below few rows.
pub fn draw_filler(
    tiles: &[TreemapTile],
    world: &World,
    frame: &mut Frame<'_>,
    area: Option<Rect>,
) {
    let Some(area) = area.filter(|_| !tiles.is_empty()) else {
        return;
    };
    let buffer = frame.buffer_mut();
    let rule = Rect { height: 1, ..area };
    view::draw_rule(world, buffer, rule);
    let title = Cell::new(
        " bytes: ▓ only in one ref  ░ shared  ▒ orphaned ",
        TextRole::Dim,
    );
    let at = text::LineArea {
        x: area.x + 3,
        width: area.width.saturating_sub(4),
        ..text::LineArea::of(area, 0)
    };
    text::put(buffer, at, &title, &world.theme, Style::default());
    let below = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(3),
        height: area.height.saturating_sub(1),
    };
    treemap::draw(tiles, None, world, buffer, below);
}

/// Draws the list of a screen below its name.
fn draw_preview(screen: &dyn Screen, world: &World, frame: &mut Frame<'_>, area: Rect) {
    let buffer = frame.buffer_mut();
    let rule = world.theme.style(TextRole::Rule);
    for y in area.top()..area.bottom() {
        buffer.set_string(area.x, y, if y == area.y { "├" } else { "│" }, rule);
    }
    let line = "─".repeat(area.width.saturating_sub(1).into());
    buffer.set_string(area.x + 1, area.y, line, rule);
    let key = world.keymap.key_for(screen.contexts(), Action::Open);
    let name = screen.header(world).path.pop().unwrap_or_default();
    let title = Cell::new(format!(" {key} opens "), TextRole::Dim)
        .and(name, TextRole::Title)
        .and(" ", TextRole::Text);
    let at = text::LineArea {
        x: area.x + 3,
        width: area.width.saturating_sub(4),
        ..text::LineArea::of(area, 0)
    };
    text::put(buffer, at, &title, &world.theme, Style::default());
    let inside = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    if let Some(list) = screen.list() {
        table::draw_preview(list, world, buffer, inside);
    }
}
