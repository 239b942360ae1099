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
    let outer = Rect {
        width: width + 4,
        height: height + 2,
        ..area
    };
    let width = outer.width.min(area.width);
    let height = outer.height.min(area.height);
    let outer = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    Clear.render(outer, frame.buffer_mut());
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(TextRole::Rule))
        .style(theme.style(TextRole::Text))
        .title_style(theme.style(TextRole::Title))
        .title(format!(" {} ", text::cut(title, width.saturating_sub(6))));
    block.render(outer, frame.buffer_mut());
    outer.inner(Margin {
        horizontal: 2.min(width / 2),
        vertical: 1.min(height / 2),
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
