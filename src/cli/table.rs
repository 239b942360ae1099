//! Aligned tables for people.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::format::text::visible;

/// The most columns of a terminal that one cell takes.
const WIDEST: usize = 64;

/// On which side a column's texts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// How a cell stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Style {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
}

impl Style {
    fn escape(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
        }
    }

    /// Puts `text` into this style, where colours are used.
    pub(super) fn paint(self, text: &str, color: bool) -> String {
        // An empty cell is at most padding, which goes at the end of a line.
        if color && self != Self::Plain && !text.is_empty() {
            format!("{}{text}\x1b[0m", self.escape())
        } else {
            text.to_owned()
        }
    }
}

/// A text in a table. Whatever it comes from, it is made fit to be shown.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self { text: shortened(&visible(text.as_ref())), style: Style::Plain }
    }

    /// A text that is not cut: the reasons at the end of a row.
    pub(super) fn whole(text: impl AsRef<str>) -> Self {
        Self { text: visible(text.as_ref()).into_owned(), style: Style::Plain }
    }

    /// A cell for something that is not known or not there.
    pub(super) fn none() -> Self {
        Self { text: "–".to_owned(), style: Style::Dim }
    }

    pub(super) fn maybe(text: Option<impl ToString>) -> Self {
        text.map_or_else(Self::none, |text| Self::new(text.to_string()))
    }

    pub(super) fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

/// A table that grows by rows and prints with its columns aligned.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn render(&self, color: bool) -> String {
        let heads = self.columns.iter().map(|(head, _)| Cell::new(head).style(Style::Strong));
        let rows: Vec<Vec<Cell>> = std::iter::once(heads.collect()).chain(self.rows.iter().cloned()).collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for ((cell, width), (_, align)) in row.iter().zip(&widths).zip(&self.columns) {
                let padding = " ".repeat(width - cell.text.width());
                let painted = cell.style.paint(&cell.text, color);
                // Writing to a String cannot fail.
                let _ = match align {
                    Align::Left => write!(line, "{painted}{padding}  "),
                    Align::Right => write!(line, "{padding}{painted}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Cuts a text to the widest cell, never within a character that people see as one.
fn shortened(text: &str) -> String {
    if text.width() <= WIDEST {
        return text.to_owned();
    }
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        if kept.width() + grapheme.width() > WIDEST - 1 {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_by_the_width_on_the_screen() {
        let mut table = Table::new([("REF", Align::Left), ("SIZE", Align::Right)]);
        table.row([Cell::new("日本"), Cell::new("1 B")]);
        table.row([Cell::new("ma\x1bin"), Cell::none()]);
        assert_eq!(table.render(false), "REF    SIZE\n日本    1 B\nma␛in     –\n");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened(&"a".repeat(10_000)).width(), WIDEST);
        assert!(shortened(&"界".repeat(10_000)).width() <= WIDEST);
    }
}
