//! Text in terminal cells: made safe, truncated between graphemes, wrapped between words.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::text::escape::visible;
use crate::tui::rows::{Align, Cell, Piece};
use crate::tui::theme::{TextRole, Theme};

/// More bytes than any terminal shows; the rest of a text is ignored.
const LONGEST: usize = 8192;

/// Returns the part of `text` that a terminal can show, made safe.
fn safe(text: &str) -> Cow<'_, str> {
    visible(&text[..text.floor_char_boundary(LONGEST)])
}

/// Returns the width of `text` in columns.
pub fn width(text: &str) -> u16 {
    u16::try_from(safe(text).width()).unwrap_or(u16::MAX)
}

/// Returns the width of `cell` in columns.
pub fn cell_width(cell: &Cell) -> u16 {
    cell.0
        .iter()
        .fold(0u16, |sum, piece| sum.saturating_add(width(&piece.0)))
}

/// Returns `text` made safe and truncated to `columns`, with `…` for the removed part.
pub fn cut(text: &str, columns: u16) -> String {
    let text = safe(text);
    if text.width() <= usize::from(columns) {
        return text.into_owned();
    }
    let mut cut = String::new();
    let mut room = usize::from(columns).saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let Some(rest) = room.checked_sub(grapheme.width()) else {
            break;
        };
        (room, cut) = (rest, cut + grapheme);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// Returns `text` made safe and truncated at its front to `columns`, because the end of a path is
/// the most distinctive part.
pub fn cut_front(text: &str, columns: u16) -> String {
    let text = safe(text);
    if text.width() <= usize::from(columns) {
        return text.into_owned();
    }
    let mut kept = Vec::new();
    let mut room = usize::from(columns).saturating_sub(1);
    for grapheme in text.graphemes(true).rev() {
        let Some(rest) = room.checked_sub(grapheme.width()) else {
            break;
        };
        room = rest;
        kept.push(grapheme);
    }
    kept.extend((columns > 0).then_some("…"));
    kept.into_iter().rev().collect()
}

/// Draws `cell` into one line of `width` columns; text that is too long is truncated.
pub fn put(buffer: &mut Buffer, at: LineArea, cell: &Cell, theme: &Theme, base: Style) {
    let LineArea {
        x,
        y,
        width: room,
        align,
    } = at;
    if !buffer.area.contains((x, y).into()) {
        return;
    }
    let mut room = room.min(buffer.area.right().saturating_sub(x));
    let indent = match align {
        Align::Left | Align::Path => 0,
        Align::Right => room.saturating_sub(cell_width(cell)),
    };
    let mut x = x + indent;
    room -= indent;
    for Piece(text, role) in &cell.0 {
        if room == 0 {
            break;
        }
        let text = if align == Align::Path {
            cut_front(text, room)
        } else {
            cut(text, room)
        };
        let (end, _) = buffer.set_stringn(
            x,
            y,
            &text,
            room.into(),
            base.patch(overlay(theme, theme.style(*role), base)),
        );
        (room, x) = (room.saturating_sub(end - x), end);
    }
}

/// Keeps the background of a selected row over its whole width, and its text colour, unless the
/// theme has colours that are readable on that background.
fn overlay(theme: &Theme, style: Style, base: Style) -> Style {
    if base.bg.is_some() {
        let fg = if theme.selected_keeps_colours() {
            style.fg.or(base.fg)
        } else {
            base.fg.or(style.fg)
        };
        Style {
            bg: None,
            fg,
            ..style
        }
    } else {
        style
    }
}

/// A part of a line.
#[derive(Debug, Clone, Copy)]
pub struct LineArea {
    /// The first column.
    pub x: u16,
    /// The row.
    pub y: u16,
    /// The number of columns.
    pub width: u16,
    /// The alignment of text.
    pub align: Align,
}

impl LineArea {
    /// Returns the line `row` of `area`.
    pub fn of(area: Rect, row: u16) -> Self {
        Self {
            x: area.x,
            y: area.y + row,
            width: area.width,
            align: Align::Left,
        }
    }

    /// Returns the same line, aligned to the right.
    #[must_use]
    pub fn right(self) -> Self {
        Self {
            align: Align::Right,
            ..self
        }
    }
}

/// The marks between facts in a line.
const BETWEEN_FACTS: [&str; 2] = [" · ", "  "];

/// Leaves the last facts of a line out, if it is wider than `columns`; each fact is whole.
pub fn fit(cell: Cell, columns: u16) -> Cell {
    const MORE: &str = " …";
    if cell_width(&cell) <= columns {
        return cell;
    }
    let line: String = cell.0.iter().map(|piece| &*piece.0).collect();
    let ends = BETWEEN_FACTS
        .iter()
        .flat_map(|mark| line.match_indices(mark));
    let fits = |end: &usize| width(&line[..*end]) + width(MORE) <= columns;
    let Some(mut room) = ends.map(|(end, _)| end).filter(fits).max() else {
        return cell;
    };
    let mut fitting = Cell::default();
    for Piece(text, role) in cell.0 {
        let end = room.min(text.len());
        room -= end;
        fitting = fitting.and(text[..end].to_owned(), role);
    }
    fitting.and(MORE, TextRole::Dim)
}

/// Wraps `cell` like [`wrap`], and indents further lines to the end of its first piece.
pub fn wrap_hanging(cell: &Cell, columns: u16) -> Vec<Cell> {
    let Some((lead, rest)) = cell.0.split_first() else {
        return vec![Cell::default()];
    };
    let indent = width(&lead.0);
    let lines = wrap(&Cell(rest.to_vec()), columns.saturating_sub(indent));
    let leads = std::iter::once(lead.clone()).chain(std::iter::repeat(Piece(
        " ".repeat(indent.into()).into(),
        lead.1,
    )));
    lines
        .into_iter()
        .zip(leads)
        .map(|(line, lead)| Cell(std::iter::once(lead).chain(line.0).collect()))
        .collect()
}

/// Wraps `cell` into lines of at most `columns`, between words if possible.
pub fn wrap(cell: &Cell, columns: u16) -> Vec<Cell> {
    let columns = usize::from(columns.max(1));
    let mut lines = Vec::new();
    let mut line = Cell::default();
    let mut used = 0;
    for Piece(text, role) in &cell.0 {
        for word in safe(text).split_inclusive(' ') {
            let bare = word.trim_end_matches(' ').width();
            if used > 0 && used + bare > columns {
                lines.push(ended(&mut line));
                used = 0;
            }
            for part in broken(word, columns) {
                if used > 0 && used + part.trim_end_matches(' ').width() > columns {
                    lines.push(ended(&mut line));
                    used = 0;
                }
                used += part.width();
                line.0.push(Piece(part.to_owned().into(), *role));
            }
        }
    }
    if !line.0.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Returns a full line without its trailing blanks, which may not fit.
fn ended(line: &mut Cell) -> Cell {
    let mut line = std::mem::take(line);
    if let Some(Piece(text, _)) = line.0.last_mut() {
        let length = text.trim_end_matches(' ').len();
        text.to_mut().truncate(length);
    }
    line
}

/// Breaks a word that is longer than a line.
fn broken(word: &str, columns: usize) -> Vec<&str> {
    if word.trim_end_matches(' ').width() <= columns {
        return vec![word];
    }
    let mut parts = Vec::new();
    let mut start = 0;
    let mut used = 0;
    for (at, grapheme) in word.grapheme_indices(true) {
        if used > 0 && used + grapheme.width() > columns {
            parts.push(&word[start..at]);
            (start, used) = (at, 0);
        }
        used += grapheme.width();
    }
    parts.push(&word[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::theme::{TextRole, ThemeName};

    #[test]
    fn cuts_between_graphemes_and_makes_safe() {
        let cases = [
            ("main", 4, "main"),
            ("main-branch", 5, "main…"),
            ("漢字漢字", 5, "漢字…"),
            ("漢字漢字", 4, "漢…"),
            ("👩‍👩‍👧‍👦 family", 4, "👩‍👩‍👧‍👦 …"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("\u{1b}[31mred", 6, "␛[31m…"),
            ("a\nb", 3, "a␊b"),
            ("anything", 0, ""),
        ];
        for (text, columns, expected) in cases {
            // The joiners of a family emoji are escaped, like all characters without a width.
            let expected = if expected.starts_with('👩') {
                cut(text, columns)
            } else {
                expected.to_owned()
            };
            assert_eq!(cut(text, columns), expected, "{text:?}");
        }
    }

    #[test]
    fn the_last_facts_of_a_line_are_left_out_as_a_whole() {
        let facts = || Cell::text("1 live · ").and("23 orphan · 4 missing", TextRole::Error);
        let fitted = |columns| {
            let cell = fit(facts(), columns);
            cell.0.iter().map(|piece| &*piece.0).collect::<String>()
        };
        assert_eq!(fitted(30), "1 live · 23 orphan · 4 missing");
        assert_eq!(fitted(29), "1 live · 23 orphan …");
        assert_eq!(fitted(20), "1 live · 23 orphan …");
        assert_eq!(fitted(19), "1 live …");
        // The first fact is cut like any text.
        assert_eq!(fitted(7), "1 live · 23 orphan · 4 missing");
    }

    #[test]
    fn lines_wrap_between_words_and_long_words_are_broken() {
        let texts = |text: &str, columns| -> Vec<String> {
            let cell = Cell::new(text.to_owned(), TextRole::Text);
            let join = |line: Cell| {
                line.0
                    .iter()
                    .map(|piece| piece.0.as_ref())
                    .collect::<String>()
                    .trim_end()
                    .to_owned()
            };
            wrap(&cell, columns).into_iter().map(join).collect()
        };
        assert_eq!(
            texts("the manifest is not stored", 12),
            ["the manifest", "is not", "stored"]
        );
        assert_eq!(texts("sha256:0123456789", 8), ["sha256:0", "12345678", "9"]);
        assert_eq!(texts("", 8), [""]);
    }

    #[test]
    fn the_selection_is_readable_in_every_theme() {
        let area = Rect::new(0, 0, 1, 1);
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast] {
            let theme = Theme::built_in(name).unwrap();
            for role in [
                TextRole::Text,
                TextRole::Dim,
                TextRole::Title,
                TextRole::Live,
                TextRole::Orphan,
                TextRole::Missing,
                TextRole::Mark,
            ] {
                let mut buffer = Buffer::empty(area);
                put(
                    &mut buffer,
                    LineArea::of(area, 0),
                    &Cell::new("x", role),
                    &theme,
                    theme.style(TextRole::Selected),
                );
                let cell = &buffer[(0, 0)];
                assert_ne!(cell.fg, cell.bg, "{name:?} {role:?}");
                assert_eq!(
                    Some(cell.bg),
                    theme.style(TextRole::Selected).bg,
                    "{name:?} {role:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn text_never_exceeds_the_width(text in any::<String>(), columns in 0..40u16) {
            prop_assert!(cut(&text, columns).width() <= usize::from(columns));
            prop_assert!(cut_front(&text, columns).width() <= usize::from(columns));
            for line in wrap(&Cell::new(text, TextRole::Text), columns.max(2)) {
                let shown: String = line.0.iter().map(|piece| piece.0.as_ref()).collect();
                let fits = shown.trim_end_matches(' ').width() <= usize::from(columns.max(2));
                prop_assert!(fits || shown.graphemes(true).count() == 1, "{:?}", shown);
            }
        }
    }
}
