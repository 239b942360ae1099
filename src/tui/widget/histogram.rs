//! Bytes by age: a chart of weeks, five labelled bars, or one line of small bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text;
use crate::text::units::Size;
use crate::tui::found::{AgeBytes, ByUse};
use crate::tui::rows::Cell;
use crate::tui::theme::{TextRole, Theme};

/// The least width of a bar that has its size next to it.
const LEAST_BAR: u16 = 3;

const LEVELS: [char; 7] = ['▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws bytes by age in one line of `width` columns: `█` what a ref reaches, `▒` what none does,
/// and how much it is together, where there is room for that.
pub fn by_age(ages: &AgeBytes, width: u16) -> Cell {
    let buckets = ages.buckets();
    let most = buckets.iter().map(|(_, bytes)| bytes.all()).max();
    let most = most.unwrap_or_default();
    let filled = buckets.iter().filter(|(_, bytes)| bytes.all() > 0).count();
    let filled = u16::try_from(filled.max(1)).unwrap_or(1);
    let size = |bytes: &ByUse| format!(" {}", Size(bytes.all()));
    let words = |has_sizes: bool| -> u16 {
        let width = |(name, bytes): &(&str, ByUse)| match bytes.all() {
            0 => text::width(name) + 4,
            _ if has_sizes => text::width(name) + 3 + text::width(&size(bytes)),
            _ => text::width(name) + 3,
        };
        buckets.iter().map(width).sum()
    };
    let has_sizes = words(true) + filled * LEAST_BAR <= width;
    let room = width.saturating_sub(words(has_sizes)) / filled;
    buckets.iter().fold(Cell::default(), |cell, (name, bytes)| {
        let cell = cell.and(format!("{name} "), TextRole::Dim);
        if bytes.all() == 0 {
            return cell.and("–  ", TextRole::Title);
        }
        let cell = cell.and_all(stacked(*bytes, most, room.clamp(1, 24)));
        let size = if has_sizes {
            size(bytes)
        } else {
            String::new()
        };
        cell.and(size, TextRole::Text).and("  ", TextRole::Text)
    })
}

/// The least width of a column with its size above it and its age below it.
const LEAST_COLUMN: u16 = 6;
/// The least height of a chart: three lines of bars, the sizes and the ages.
const LEAST_CHART: u16 = 5;
/// The greatest height of a chart.
const TALLEST_CHART: u16 = 40;

/// Returns the width of each column of a chart.
fn columns_of(parts: &[ByUse], area: Rect) -> u16 {
    let count = u16::try_from(parts.len()).unwrap_or(u16::MAX);
    area.width / count.max(1)
}

/// Draws bytes by one or two weeks as columns, the oldest first: `█` what a ref reaches, and `▒` what none does
/// on top of it. Draws nothing where there is no room, or nothing is known.
pub fn chart(ages: &AgeBytes, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut span = 1;
    let mut parts = ages.by_weeks(span);
    if columns_of(&parts, area) < LEAST_COLUMN {
        span = 2;
        parts = ages.by_weeks(span);
    }
    let most = parts
        .iter()
        .map(|part| part.all())
        .max()
        .unwrap_or_default();
    let width = columns_of(&parts, area);
    if most == 0 || width < LEAST_COLUMN || area.height < LEAST_CHART {
        return;
    }
    let height = area.height.min(TALLEST_CHART) - 2;
    let base = area.y + height + 1;
    let last = parts.len() - 1;
    for (place, (age, bytes)) in (0u16..).zip(parts.iter().enumerate().rev()) {
        let x = area.x + place * width;
        let label = if age == last {
            "older".to_owned()
        } else {
            format!("<{}d", (age + 1) * span * 7)
        };
        buffer.set_string(x, base, label, theme.style(TextRole::Dim));
        if bytes.all() == 0 {
            continue;
        }
        let bar = stacked(*bytes, most, height);
        let mut y = base;
        for piece in &bar.0 {
            for sign in piece.0.chars() {
                y = y.saturating_sub(1);
                let line = sign.to_string().repeat(usize::from(width) - 1);
                buffer.set_string(x, y, line, theme.style(piece.1));
            }
        }
        let size = text::cut(&Size(bytes.all()).to_string(), width - 1);
        buffer.set_string(x, y.saturating_sub(1), size, theme.style(TextRole::Text));
    }
}

/// Draws a bar of live bytes and orphaned ones on top of them; each that is there has a cell.
fn stacked(bytes: ByUse, most: u64, width: u16) -> Cell {
    let cells = |part: u64| {
        let cells = u128::from(part) * u128::from(width) / u128::from(most.max(1));
        let cells = usize::try_from(cells).unwrap_or_default();
        cells.max(usize::from(part > 0))
    };
    let all = cells(bytes.all());
    let orphan = cells(bytes.orphan).min(all);
    let live = (all - orphan).max(usize::from(bytes.live > 0));
    Cell::new("█".repeat(live), TextRole::Live).and("▒".repeat(orphan), TextRole::Orphan)
}

/// Draws the bytes of the last 90 days in `columns` small bars, the oldest first.
pub fn spark(ages: &AgeBytes, columns: usize) -> String {
    bars(&ages.spread(columns))
}

/// Draws values as small bars, next to each other.
pub fn bars(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let level = |bytes: &u64| {
        let level = u128::from(*bytes) * (LEVELS.len() as u128 - 1) / u128::from(most);
        if *bytes == 0 {
            '▁'
        } else {
            LEVELS[usize::try_from(level).unwrap_or_default()]
        }
    };
    values.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::ThemeName;

    fn drawn(live: u64, orphan: u64, most: u64) -> String {
        let cell = stacked(ByUse { live, orphan }, most, 8);
        cell.0.iter().map(|piece| piece.0.as_ref()).collect()
    }

    #[test]
    fn weeks_are_columns_with_their_sizes_and_ages() {
        let theme = Theme::built_in(ThemeName::Dark).unwrap();
        let mut ages = AgeBytes::default();
        let part = |live, orphan| ByUse { live, orphan };
        ages.put(2, part(600, 0));
        ages.put(9, part(150, 150));
        ages.put(200, part(0, 100));
        let area = Rect::new(0, 0, 14 * 8, 8);
        let mut buffer = Buffer::empty(area);
        chart(&ages, &theme, &mut buffer, area);
        let lines = (0..8).map(|y| {
            let line: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
            line[line.char_indices().nth(88).map_or(0, |(at, _)| at)..]
                .trim_end()
                .to_owned()
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
                        600 B
                        ███████
                        ███████
                300 B   ███████
                ▒▒▒▒▒▒▒ ███████
                ███████ ███████
                ███████ ███████
        <21d    <14d    <7d
        ");
        let first: String = (0..8).map(|x| buffer[(x, 7)].symbol()).collect();
        assert_eq!(first.trim_end(), "older");
        // Without room, nothing is drawn.
        let mut narrow = Buffer::empty(Rect::new(0, 0, 40, 8));
        chart(&ages, &theme, &mut narrow, Rect::new(0, 0, 40, 8));
        assert_eq!(narrow, Buffer::empty(Rect::new(0, 0, 40, 8)));
    }

    #[test]
    fn orphans_are_stacked_on_live_blobs_with_a_cell_each() {
        assert_eq!(drawn(50, 50, 100), "████▒▒▒▒");
        assert_eq!(drawn(0, 25, 100), "▒▒");
        assert_eq!(drawn(1, 1, 1000), "█▒");
        assert_eq!(drawn(100, 0, 100), "████████");
    }
}
