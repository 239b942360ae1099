//! The screen for a terminal that knows only ASCII: every other character gives way to one that
//! says the same as far as it can.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr as _;

/// Characters of the UI, and those that stand for them.
const SIGNS: &[(&str, &str)] = &[
    ("─━", "-"),
    ("│┃", "|"),
    ("╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋", "+"),
    // Live, shared or waiting, orphaned, in the trash, missing.
    ("█▉▊▋▌▐▓", "#"),
    ("▍▎▏", "|"),
    ("░", "."),
    ("▒", ":"),
    ("▚", "%"),
    ("×✗", "x"),
    // Small bars by their height.
    ("▁", "_"),
    ("▂", "."),
    ("▃", ","),
    ("▄", "-"),
    ("▅", "="),
    ("▆", "+"),
    ("▇", "*"),
    ("✓●", "v"),
    ("○", "o"),
    ("✱", "*"),
    ("▸›→", ">"),
    ("‹←", "<"),
    ("▾↓", "v"),
    ("▴↑", "^"),
    ("·•", "."),
    ("…", "~"),
    ("–—−‐", "-"),
    ("’‘", "'"),
    ("“”„", "\""),
    ("∕", "/"),
    ("├", "|"),
    ("└", "`"),
    ("␛␊␉␍", "?"),
    ("\u{a0}", " "),
];

/// Replaces every character of the screen that is not ASCII.
pub(super) fn replace(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let sign = SIGNS
            .iter()
            .find(|(signs, _)| symbol.chars().next().is_some_and(|one| signs.contains(one)))
            .map_or("?", |(_, sign)| *sign);
        // A wide character takes two cells, the second of which is not drawn.
        let sign = if symbol.width() > 1 { "?" } else { sign };
        cell.set_symbol(sign);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn every_character_has_one_in_ascii() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 1));
        buffer.set_string(0, 0, "▸ ██▒░ ✓ é 漢 … a–b · 1", Style::default());
        replace(&mut buffer);
        let line: String = buffer.content.iter().map(Cell::symbol).collect();
        assert_eq!(line.trim_end(), "> ##:. v ? ?  ~ a-b . 1");
    }
}
