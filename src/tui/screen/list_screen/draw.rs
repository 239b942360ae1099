//! Draws a list, its details, and the parts around them.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::areas::{WIDE, inside};
use super::{ListScreen, PreviewOf};
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
        let width = lead_width(body);
        let mut lines: Vec<Cell> = self
            .lead
            .iter()
            .flat_map(|sentence| text::wrap_hanging(sentence, width))
            .collect();
        // A picture needs more lines than a list.
        let part = if self.is_picture { 1 } else { 2 };
        let room = usize::from(body.height * part / 5);
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

    /// Draws a line above the list.
    pub fn draw_head(&self, line: &Cell, world: &World, frame: &mut Frame<'_>, body: Rect) {
        let head = self.areas(body).head;
        let at = text::LineArea {
            x: head.x + 3,
            width: head.width.saturating_sub(4),
            ..text::LineArea::of(head, 0)
        };
        text::put(frame.buffer_mut(), at, line, &world.theme, Style::default());
    }

    /// Returns the width of the lines above the list that have a rule below them.
    pub fn head_width(&self, body: Rect) -> u16 {
        self.areas(body).head.width.saturating_sub(2)
    }

    /// Draws lines above the list, and a rule below them.
    pub fn draw_ruled_head(
        &self,
        lines: &[Cell],
        world: &World,
        frame: &mut Frame<'_>,
        body: Rect,
    ) {
        let head = self.areas(body).head;
        let buffer = frame.buffer_mut();
        for (line, row) in lines.iter().zip(0..head.height.saturating_sub(1)) {
            let at = text::LineArea {
                x: head.x + 1,
                width: head.width.saturating_sub(2),
                ..text::LineArea::of(head, row)
            };
            text::put(buffer, at, line, &world.theme, Style::default());
        }
        let rule = Rect {
            y: head.bottom().saturating_sub(1),
            height: 1,
            ..head
        };
        view::draw_rule(world, buffer, rule);
    }

    /// Draws list and details; if there is no row, draws the sentences of `empty` instead.
    pub fn draw(&self, world: &World, frame: &mut Frame<'_>, body: Rect, empty: &[Cell]) {
        let area = self.areas(body).list;
        let buffer = frame.buffer_mut();
        table::draw(&self.list, self.height, world, buffer, area);
        if self.list.shown().is_empty() && self.list.progress().is_none() {
            self.draw_empty(world, buffer, area, empty);
        }
        self.draw_around(world, frame, body);
    }

    /// Draws the list as a preview of another screen; without a row, the sentences of `empty`.
    /// Returns the room below few rows.
    pub fn draw_preview(
        &self,
        world: &World,
        frame: &mut Frame<'_>,
        area: Rect,
        empty: &[Cell],
    ) -> Option<Rect> {
        let buffer = frame.buffer_mut();
        table::draw_preview(&self.list, world, buffer, area);
        if self.list.shown().is_empty() && self.list.progress().is_none() {
            self.draw_empty(world, buffer, area, empty);
            return None;
        }
        let rows = u16::try_from(self.list.shown().len()).unwrap_or(u16::MAX);
        let used = rows.saturating_add(2);
        (used.saturating_add(LEAST_BELOW) <= area.height).then(|| Rect {
            y: area.y + used,
            height: area.height - used,
            ..area
        })
    }

    /// Draws the sentences above the list, its details, and the preview.
    pub fn draw_around(&self, world: &World, frame: &mut Frame<'_>, body: Rect) {
        let areas = self.areas(body);
        self.draw_lead(world, frame.buffer_mut(), body, areas.lead);
        if let Some(area) = areas.details {
            self.draw_details(world, frame, area, body.width >= WIDE);
        }
        if let (Some(area), Some(preview)) = (areas.preview, &self.preview) {
            let title = preview_title(&preview.shown, world);
            draw_preview(preview.shown.screen(), &title, world, frame, area);
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
        if lead.height > 0
            && let Some(y) = lead.bottom().checked_sub(1)
        {
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

    fn draw_details(&self, world: &World, frame: &mut Frame<'_>, area: Rect, at_side: bool) {
        let buffer = frame.buffer_mut();
        let inside = inside(area, at_side);
        let rule = world.theme.style(if self.focus.is_some() {
            TextRole::Title
        } else {
            TextRole::Rule
        });
        if at_side {
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

/// The least number of lines below a preview's rows that are used.
const LEAST_BELOW: u16 = 6;

/// The indentation of sentences above the list: the same as its cells.
const LEAD_INDENT: u16 = 3;

/// Returns the width of the sentences above the list.
pub(super) fn lead_width(body: Rect) -> u16 {
    body.width.saturating_sub(LEAD_INDENT * 2 + 1)
}

/// Draws boxes for `tiles` below few rows.
pub fn draw_filler(
    tiles: &[TreemapTile],
    world: &World,
    frame: &mut Frame<'_>,
    area: Option<Rect>,
) {
    let title = Cell::new(
        " bytes: ▓ only in one ref  ░ shared  ▒ orphaned ",
        TextRole::Dim,
    );
    draw_boxes(&title, tiles, world, frame, area);
}

/// Draws boxes for `tiles` below few rows and a rule with a title.
pub fn draw_boxes(
    title: &Cell,
    tiles: &[TreemapTile],
    world: &World,
    frame: &mut Frame<'_>,
    area: Option<Rect>,
) {
    if !tiles.is_empty()
        && let Some(area) = area
    {
        let below = below_title(title, world, frame.buffer_mut(), area);
        treemap::draw(tiles, None, world, frame.buffer_mut(), below);
    }
}

/// Draws a rule with a title at the top of an area, and returns the area below it.
pub fn below_title(title: &Cell, world: &World, buffer: &mut Buffer, area: Rect) -> Rect {
    let rule = Rect { height: 1, ..area };
    view::draw_rule(world, buffer, rule);
    let at = text::LineArea {
        x: area.x + 3,
        width: area.width.saturating_sub(4),
        ..text::LineArea::of(area, 0)
    };
    text::put(buffer, at, title, &world.theme, Style::default());
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(3),
        height: area.height.saturating_sub(1),
    }
}

/// Draws lines below a rule with a title; `lines` makes them for the area below it.
pub fn draw_lines_below(
    title: &str,
    lines: impl FnOnce(Rect) -> Vec<Cell>,
    world: &World,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let buffer = frame.buffer_mut();
    let title = Cell::new(format!(" {title} "), TextRole::Dim);
    let inside = below_title(&title, world, buffer, area);
    let inside = Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(1),
        ..inside
    };
    detail::draw(&lines(inside), 0, &world.theme, buffer, inside);
}

fn preview_title(preview: &PreviewOf, world: &World) -> Cell {
    let screen = preview.screen();
    let name = screen.header(world).path.pop().unwrap_or_default();
    let words = match preview {
        PreviewOf::Opened(_) => {
            let key = world.keymap.key_for(screen.contexts(), Action::Open);
            format!(" {key} opens ")
        }
        PreviewOf::Content(_) => " inside ".to_owned(),
    };
    Cell::new(words, TextRole::Dim)
        .and(name, TextRole::Title)
        .and(" ", TextRole::Text)
}

/// Draws the list of a screen below a title.
fn draw_preview(
    screen: &dyn Screen,
    title: &Cell,
    world: &World,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let buffer = frame.buffer_mut();
    let rule = world.theme.style(TextRole::Rule);
    for y in area.top()..area.bottom() {
        buffer.set_string(area.x, y, if y == area.y { "├" } else { "│" }, rule);
    }
    let line = "─".repeat(area.width.saturating_sub(1).into());
    buffer.set_string(area.x + 1, area.y, line, rule);
    let at = text::LineArea {
        x: area.x + 3,
        width: area.width.saturating_sub(4),
        ..text::LineArea::of(area, 0)
    };
    text::put(buffer, at, title, &world.theme, Style::default());
    let inside = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    screen.draw_preview(world, frame, inside);
}
