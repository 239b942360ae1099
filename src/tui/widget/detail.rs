//! The details of a row: names with their values, sentences, and headings.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{self, LineArea};
use crate::tui::rows::{Cell, DetailLine, Piece};
use crate::tui::theme::{TextRole, Theme};

/// The width of a fact's name.
const LABEL: u16 = 11;

/// Wraps details into lines of `width` columns.
pub fn lines(details: &[DetailLine], width: u16) -> Vec<Cell> {
    let mut lines = Vec::new();
    for detail in details {
        match detail {
            DetailLine::Blank => lines.push(Cell::default()),
            DetailLine::Heading(text) => {
                lines.extend(text::wrap(
                    &Cell::new(text.clone(), TextRole::Heading),
                    width,
                ));
            }
            DetailLine::Text(cell) => lines.extend(text::wrap(cell, width)),
            DetailLine::Fact(name, value) => {
                let wrapped = text::wrap(value, width.saturating_sub(LABEL).max(1));
                lines.extend(wrapped.into_iter().enumerate().map(|(place, line)| {
                    let name = if place == 0 { *name } else { "" };
                    let label = Piece(
                        format!("{name:<width$}", width = usize::from(LABEL)).into(),
                        TextRole::Dim,
                    );
                    Cell(std::iter::once(label).chain(line.0).collect())
                }));
            }
        }
    }
    lines
}

/// Draws lines, starting with `top`.
pub fn draw(lines: &[Cell], top: usize, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    for (line, row) in lines.iter().skip(top).zip(0..area.height) {
        text::put(
            buffer,
            LineArea::of(area, row),
            line,
            theme,
            Style::default(),
        );
    }
}
