//! A box above the screen.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};

use crate::tui::rows::Cell;
use crate::tui::theme::{TextRole, Theme};
use crate::tui::widget::text;

/// Draws an empty box of at most `width` × `height` cells in the middle of `area`, and returns the
/// area inside.
pub fn open(
    title: &str,
    width: u16,
    height: u16,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) -> Rect {
    let outer = outer(width, height, area);
    let width = outer.width;
    Clear.render(outer, frame.buffer_mut());
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(TextRole::Rule))
        .style(theme.style(TextRole::Text))
        .title_style(theme.style(TextRole::Title))
        .title(format!(" {} ", text::cut(title, width.saturating_sub(6))));
    block.render(outer, frame.buffer_mut());
    without_border(outer)
}

/// Returns the area inside a box of that size, without drawing it.
pub fn inside(width: u16, height: u16, area: Rect) -> Rect {
    without_border(outer(width, height, area))
}

/// Returns the line of a box at a cell, counted from the first one that shows.
pub fn line_at(inside: Rect, (x, y): (u16, u16)) -> Option<usize> {
    inside
        .contains((x, y).into())
        .then(|| usize::from(y - inside.y))
}

fn outer(width: u16, height: u16, area: Rect) -> Rect {
    let width = (width + 4).min(area.width);
    let height = (height + 2).min(area.height);
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 3,
        width,
        height,
    }
}

fn without_border(outer: Rect) -> Rect {
    outer.inner(Margin {
        horizontal: 2.min(outer.width / 2),
        vertical: 1.min(outer.height / 2),
    })
}

/// Draws one line of a menu.
pub fn item(
    cell: &Cell,
    selected: bool,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
    row: u16,
) {
    let base = if selected {
        theme.style(TextRole::Selected)
    } else {
        Style::default()
    };
    let line = Rect {
        y: area.y + row,
        height: 1,
        ..area
    }
    .intersection(area);
    frame.buffer_mut().set_style(line, base);
    text::put(
        frame.buffer_mut(),
        text::LineArea::of(area, row),
        cell,
        theme,
        base,
    );
}

/// Returns the first of `count` lines to show in `height`, so that `cursor` is visible.
pub fn top(cursor: usize, count: usize, height: usize) -> usize {
    (cursor + 1)
        .saturating_sub(height)
        .min(count.saturating_sub(height))
}
