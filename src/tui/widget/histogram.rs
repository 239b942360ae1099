//! Bytes by age: five labelled bars, or one line of small bars.

use super::text;
use crate::text::units::Size;
use crate::tui::found::{AgeBytes, ByUse};
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;

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

    fn drawn(live: u64, orphan: u64, most: u64) -> String {
        let cell = stacked(ByUse { live, orphan }, most, 8);
        cell.0.iter().map(|piece| piece.0.as_ref()).collect()
    }

    #[test]
    fn orphans_are_stacked_on_live_blobs_with_a_cell_each() {
        assert_eq!(drawn(50, 50, 100), "████▒▒▒▒");
        assert_eq!(drawn(0, 25, 100), "▒▒");
        assert_eq!(drawn(1, 1, 1000), "█▒");
        assert_eq!(drawn(100, 0, 100), "████████");
    }
}
