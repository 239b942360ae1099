//! Bytes by age: five bars with their names, or a line of small ones.

use super::meter::bar;
use crate::tui::found::AgeBytes;
use crate::tui::rows::Cell;
use crate::tui::theme::Role;

const LEVELS: [char; 7] = ['▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws bytes by age in one line of `width` columns.
pub fn by_age(ages: &AgeBytes, width: u16) -> Cell {
    let buckets = ages.buckets();
    let words: u16 = buckets.iter().map(|(name, _)| super::text::width(name) + 3).sum();
    let room = width.saturating_sub(words) / 5;
    let most = buckets.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default();
    buckets.iter().fold(Cell::default(), |cell, (name, bytes)| {
        let bar = if *bytes == 0 { "–".to_owned() } else { bar(*bytes, most, room.clamp(1, 24)) };
        cell.and(format!("{name} "), Role::Dim).and(bar, Role::Title).and("  ", Role::Text)
    })
}

/// Draws the bytes of the last 90 days in `columns` small bars, the oldest first.
pub fn spark(ages: &AgeBytes, columns: usize) -> String {
    let spread = ages.spread(columns);
    let most = spread.iter().copied().max().unwrap_or_default().max(1);
    let level = |bytes: &u64| {
        let level = u128::from(*bytes) * (LEVELS.len() as u128 - 1) / u128::from(most);
        if *bytes == 0 { '▁' } else { LEVELS[usize::try_from(level).unwrap_or_default()] }
    };
    spread.iter().map(level).collect()
}
