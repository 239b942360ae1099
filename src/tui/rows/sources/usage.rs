//! How much of a store is in use, and how much is waste.

use super::in_trash;
use crate::text::units::Size;
use crate::tui::found::ScannedInventory;
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

/// Shown for a store in which refs reach everything.
const NO_WASTE: &str = "no waste";

/// Returns a share as a percentage.
pub(super) fn share(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    if percent == 0 && part > 0 {
        "<1 %".to_owned()
    } else {
        format!("{percent} %")
    }
}

/// Returns how much of a store is waste, and how much is in its trash.
pub(super) fn waste_in_words(found: &ScannedInventory) -> String {
    let totals = &found.totals;
    let stored = totals.stored().bytes;
    let words = match totals.orphan {
        _ if !found.is_complete() => "not all is known yet".to_owned(),
        Some(orphan) if orphan.bytes > 0 => {
            let percent = u128::from(orphan.bytes) * 100 / u128::from(stored.max(1));
            if percent == 0 {
                "<1 % orphaned".to_owned()
            } else {
                format!("{percent} % orphaned")
            }
        }
        Some(_) if totals.unknown.bytes > 0 && totals.missing.count == 0 => {
            format!("no waste · {} unknown", Size(totals.unknown.bytes))
        }
        Some(_) => NO_WASTE.to_owned(),
        None if found.inventory.unlisted.is_some() => "orphans not known".to_owned(),
        None if found.inventory.is_withheld() => "orphans ?".to_owned(),
        None => "a ref cannot be read".to_owned(),
    };
    match totals.trash.bytes {
        0 => words,
        bytes if words == NO_WASTE => in_trash(bytes),
        bytes => format!("{words} · {}", in_trash(bytes)),
    }
}

/// Draws the bytes by state; in a store with a quota, also the part of the quota in use.
pub(super) fn usage(found: &ScannedInventory, words: &str, room: u16) -> Cell {
    let totals = &found.totals;
    let stored = totals.stored().bytes;
    match found.inventory.surroundings.quota() {
        // A gauge of the quota in use.
        Some(around) => {
            let filled = u128::from(room) * u128::from(stored) / u128::from(around.limit.max(1));
            let filled = u16::try_from(filled)
                .unwrap_or(room)
                .clamp(room.min(3), room);
            let free = "▁".repeat(usize::from(room - filled));
            let gauge = meter::of_totals(totals, filled).and(free, TextRole::Dim);
            gauge.and(
                format!("  {} of the quota · {words}", share(stored, around.limit)),
                TextRole::Dim,
            )
        }
        None => meter::of_totals(totals, room).and(format!("  {words}"), TextRole::Dim),
    }
}
