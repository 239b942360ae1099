//! Aligned tables for people.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::text::escape::visible;

/// The maximum width of a cell in terminal columns.
const WIDEST: usize = 64;

/// The minimum width of a cell when its table has to fit, in terminal columns.
const NARROWEST: usize = 16;

/// The output medium.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Paper {
    /// Whether it supports colours.
    pub(super) color: bool,
    /// The number of terminal columns; `None` for a file or a pipe.
    pub(super) columns: Option<usize>,
}

/// The alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableAlign {
    Left,
    Right,
}

/// The style of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Style {
    #[default]
    Plain,
    Strong,
    Dim,
    Good,
    Warning,
    Bad,
}

impl Style {
    fn escape(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }

    /// Applies this style to `text`, if colours are enabled.
    pub(super) fn paint(self, text: &str, paper: Paper) -> String {
        // An empty cell is at most padding, which is removed at the end of a line.
        if paper.color && self != Self::Plain && !text.is_empty() {
            format!("{}{text}\x1b[0m", self.escape())
        } else {
            text.to_owned()
        }
    }
}

/// A text in a table, escaped for display.
#[derive(Debug, Clone)]
pub(super) struct TableCell {
    text: String,
    style: Style,
    /// Whether it is never truncated.
    whole: bool,
}

impl TableCell {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: cut(&visible(text.as_ref()), WIDEST),
            style: Style::Plain,
            whole: false,
        }
    }

    /// A text that is truncated only if the terminal has no room: a digest or a path that people
    /// copy.
    pub(super) fn long(text: impl AsRef<str>) -> Self {
        Self {
            text: visible(text.as_ref()).into_owned(),
            style: Style::Plain,
            whole: false,
        }
    }

    /// A text that is never truncated: the reasons at the end of a row.
    pub(super) fn whole(text: impl AsRef<str>) -> Self {
        Self {
            text: visible(text.as_ref()).into_owned(),
            style: Style::Plain,
            whole: true,
        }
    }

    /// A cell for an unknown or absent value.
    pub(super) fn none() -> Self {
        Self {
            text: "–".to_owned(),
            style: Style::Dim,
            whole: false,
        }
    }

    pub(super) fn maybe(text: Option<impl ToString>) -> Self {
        text.map_or_else(Self::none, |text| Self::new(text.to_string()))
    }

    pub(super) fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

/// A table that grows by rows and prints aligned columns.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, TableAlign)>,
    rows: Vec<Vec<TableCell>>,
}

impl Table {
    pub(super) fn new(columns: impl IntoIterator<Item = (&'static str, TableAlign)>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = TableCell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Renders the table. If the terminal is too narrow, the longest texts are truncated so that
    /// each row stays on one line.
    pub(super) fn render(&self, paper: Paper) -> String {
        let heads = self
            .columns
            .iter()
            .map(|(head, _)| TableCell::new(head).style(Style::Strong));
        let mut rows: Vec<Vec<TableCell>> = std::iter::once(heads.collect())
            .chain(self.rows.iter().cloned())
            .collect();
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                rows.iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.text.width())
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        if let Some(columns) = paper.columns {
            self.fit(&mut widths, &rows, columns);
        }
        let mut text = String::new();
        for row in &mut rows {
            let mut line = String::new();
            for ((cell, width), (_, align)) in row.iter_mut().zip(&widths).zip(&self.columns) {
                if !cell.whole {
                    cell.text = shortened(&cell.text, *width);
                }
                let padding = " ".repeat(width.saturating_sub(cell.text.width()));
                let painted = cell.style.paint(&cell.text, paper);
                // Writing to a String cannot fail.
                let _ = match align {
                    TableAlign::Left => write!(line, "{painted}{padding}  "),
                    TableAlign::Right => write!(line, "{padding}{painted}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Shrinks the widest columns of words to fit a line of `columns`. Numbers are never truncated,
    /// nor are texts to be read whole; those wrap to the next line.
    fn fit(&self, widths: &mut [usize], rows: &[Vec<TableCell>], columns: usize) {
        let is_whole = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .any(|cell| cell.whole)
        };
        let cut: Vec<usize> = (0..widths.len())
            .filter(|column| self.columns[*column].1 == TableAlign::Left && !is_whole(*column))
            .collect();
        let fixed = |column: usize, width: usize| {
            if is_whole(column) {
                width.min(NARROWEST)
            } else {
                width
            }
        };
        let taken: usize = (0..)
            .zip(widths.iter())
            .map(|(column, width)| fixed(column, *width) + 2)
            .sum();
        let mut excess = (taken.saturating_sub(2)).saturating_sub(columns);
        while excess > 0 {
            let Some(widest) = cut.iter().copied().max_by_key(|column| widths[*column]) else {
                return;
            };
            if widths[widest] <= NARROWEST {
                return;
            }
            (widths[widest], excess) = (widths[widest] - 1, excess - 1);
        }
    }
}

/// Truncates a sentence at its end, and a name in its middle.
fn cut(text: &str, columns: usize) -> String {
    if text.contains(' ') {
        shortened(text, columns)
    } else {
        shortened_inside(text, columns)
    }
}

/// Truncates a text in its middle, so that names that differ only at the end, such as a tag and its
/// signature, stay distinct.
fn shortened_inside(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut end = String::new();
    for grapheme in text.graphemes(true).rev() {
        if end.width() + grapheme.width() > columns / 3 {
            break;
        }
        end.insert_str(0, grapheme);
    }
    let begin = shortened(text, columns - end.width());
    begin + &end
}

/// Truncates a text to this many columns, never within a grapheme.
fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        if kept.width() + grapheme.width() > columns.saturating_sub(1) {
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
        let mut table = Table::new([("REF", TableAlign::Left), ("SIZE", TableAlign::Right)]);
        table.row([TableCell::new("日本"), TableCell::new("1 B")]);
        table.row([TableCell::new("ma\x1bin"), TableCell::none()]);
        assert_eq!(
            table.render(Paper::default()),
            "REF    SIZE\n日本    1 B\nma␛in     –\n"
        );
    }

    #[test]
    fn long_names_are_shortened() {
        assert_eq!(shortened(&"a".repeat(10_000), WIDEST).width(), WIDEST);
        assert!(shortened(&"界".repeat(10_000), WIDEST).width() <= WIDEST);
        let tag = format!("sha256-{}", "0123456789abcdef".repeat(4));
        let names = [tag.clone(), format!("{tag}.sig")].map(|name| shortened_inside(&name, 40));
        assert_eq!(
            names,
            [
                "sha256-0123456789abcdef012…3456789abcdef",
                "sha256-0123456789abcdef012…789abcdef.sig"
            ]
        );
    }

    #[test]
    fn a_table_fits_a_terminal_where_cutting_words_suffices() {
        let mut table = Table::new([
            ("REF", TableAlign::Left),
            ("SIZE", TableAlign::Right),
            ("STATE", TableAlign::Left),
        ]);
        table.row([
            TableCell::new("feature/a-name-that-goes-on-and-on"),
            TableCell::new("140 GiB"),
            TableCell::new("stored"),
        ]);
        table.row([
            TableCell::new("main"),
            TableCell::new("1 B"),
            TableCell::new("orphan"),
        ]);
        let text = table.render(Paper {
            color: false,
            columns: Some(40),
        });
        assert_eq!(
            text,
            "REF                         SIZE  STATE\n\
             feature/a-name-that-go…  140 GiB  stored\n\
             main                         1 B  orphan\n"
        );
        let least = table.render(Paper {
            color: false,
            columns: Some(1),
        });
        assert!(
            least.contains("\nfeature/a-name-…  140 GiB  stored\n"),
            "{least}"
        );
    }

    #[test]
    fn columns_that_must_stay_complete_are_not_cut() {
        let mut table = Table::new([("REF", TableAlign::Left), ("WHY", TableAlign::Left)]);
        let why = "no rule matches it, and what no rule matches is kept";
        table.row([
            TableCell::new("a-name-of-24-characters"),
            TableCell::whole(why),
        ]);
        let text = table.render(Paper {
            color: false,
            columns: Some(50),
        });
        assert!(
            text.contains(&format!("a-name-of-24-characters  {why}")),
            "{text}"
        );
    }
}
