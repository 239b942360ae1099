//! A bar of parts that differ in their signs as well as in colour.

use crate::inventory::InventoryTotals;
use crate::tui::rows::{Cell, Piece};
use crate::tui::theme::TextRole;

/// The parts of a cell, by eighths.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws the content of a store: `█` live, `▒` orphaned, `▚` in the trash, `░` undetermined, `·`
/// other, `×` missing.
pub fn of_totals(totals: &InventoryTotals, width: u16) -> Cell {
    let orphan = totals.orphan.unwrap_or_default().bytes;
    let other = totals.partial.bytes.saturating_add(totals.unknown.bytes);
    let parts = [
        (totals.live.bytes, "█", TextRole::Live),
        (orphan, "▒", TextRole::Orphan),
        (totals.trash.bytes, "▚", TextRole::Orphan),
        (totals.undetermined.bytes, "░", TextRole::Unsure),
        (other, "·", TextRole::Dim),
        (totals.missing.bytes, "×", TextRole::Missing),
    ];
    let shares = shares(&parts.map(|(bytes, ..)| bytes), width);
    let bar = shares
        .into_iter()
        .zip(parts)
        .map(|(cells, (_, sign, role))| Piece(sign.repeat(cells).into(), role));
    Cell(bar.collect())
}

/// Draws the kept part, `█`, and the deleted part, `▒`.
pub fn of_two(stays: u64, goes: u64, width: u16) -> Cell {
    let parts = [(stays, "█", TextRole::Live), (goes, "▒", TextRole::Orphan)];
    let shares = shares(&parts.map(|(bytes, ..)| bytes), width);
    let bar = shares
        .into_iter()
        .zip(parts)
        .map(|(cells, (_, sign, role))| Piece(sign.repeat(cells).into(), role));
    Cell(bar.collect())
}

/// Draws a size as a share of `largest`: `█` exclusive, `░` shared. A part above zero has at least
/// one cell.
pub fn own_and_shared(own: u64, all: u64, largest: u64, width: u16) -> Cell {
    let cells = |bytes: u64| {
        let cells = u128::from(bytes) * u128::from(width) / u128::from(largest.max(1));
        let cells = usize::try_from(cells).unwrap_or_default();
        cells.max(usize::from(bytes > 0)).min(width.into())
    };
    let own = cells(own);
    let all = cells(all);
    Cell::new("█".repeat(own), TextRole::Live)
        .and("░".repeat(all.saturating_sub(own)), TextRole::Dim)
}

/// Draws a size as a share of `largest` with one sign; anything above zero has at least one cell.
pub fn of_one(bytes: u64, largest: u64, width: u16, sign: &str, role: TextRole) -> Cell {
    let cells = u128::from(bytes) * u128::from(width) / u128::from(largest.max(1));
    let cells = usize::try_from(cells).unwrap_or_default();
    let cells = cells.max(usize::from(bytes > 0)).min(width.into());
    Cell::new(sign.repeat(cells), role)
}

/// Divides `width` cells among `parts`; a part above zero has at least one cell.
fn shares(parts: &[u64], width: u16) -> Vec<usize> {
    let total: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if total == 0 {
        return vec![0; parts.len()];
    }
    let width = u128::from(width);
    let share = |part: &u64| {
        usize::try_from((u128::from(*part) * width + total / 2) / total).unwrap_or_default()
    };
    let mut shares: Vec<usize> = parts
        .iter()
        .map(|part| share(part).max(usize::from(*part > 0)))
        .collect();
    let width = usize::try_from(width).unwrap_or_default();
    // The largest part absorbs the rounding error.
    if let Some(largest) = (0..shares.len()).max_by_key(|place| shares[*place]) {
        let others = shares.iter().sum::<usize>() - shares[largest];
        shares[largest] = width.saturating_sub(others);
    }
    shares
}

/// Draws a bar of `part` of `whole` that is at most `width` cells long, exact to an eighth.
pub fn bar(part: u64, whole: u64, width: u16) -> String {
    let eighths = u128::from(part) * u128::from(width) * 8 / u128::from(whole.max(1));
    let eighths = usize::try_from(eighths)
        .unwrap_or_default()
        .max(usize::from(part > 0));
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_share_and_at_least_a_cell() {
        assert_eq!(shares(&[50, 50], 10), [5, 5]);
        assert_eq!(shares(&[1, 1_000_000, 0, 1], 10), [1, 8, 0, 1]);
        assert_eq!(shares(&[0, 0], 10), [0, 0]);
        assert_eq!(shares(&[u64::MAX, u64::MAX, u64::MAX], 9), [3, 3, 3]);
    }

    #[test]
    fn a_bar_is_exact_to_an_eighth() {
        let bars = [0, 1, 50, 99, 100].map(|part| bar(part, 100, 4));
        assert_eq!(bars, ["", "▏", "██", "███▉", "████"]);
        assert_eq!(bar(1, 0, 4), "████");
    }
}
