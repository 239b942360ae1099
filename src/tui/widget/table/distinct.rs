//! Shortens names so that those of different rows look different.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::tui::rows::{Align, Cell, Piece};
use crate::tui::widget::text;

/// Names with several differences may need several rounds.
const ROUNDS: usize = 3;

/// Shortens the names that would look the same in `width` columns, so that the first difference
/// between them shows.
pub(super) fn shorten(mut names: Vec<&mut Cell>, width: u16, align: Align) {
    let whole: Vec<Cell> = names.iter().map(|name| (**name).clone()).collect();
    for _ in 0..ROUNDS {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, name) in names.iter().enumerate() {
            if text::cell_width(&whole[place]) > width {
                let drawn = drawn(name, width, align);
                groups.entry(drawn).or_default().push(place);
            }
        }
        let mut is_changed = false;
        for places in groups.into_values() {
            let Some(start) = difference(&whole, &places) else {
                continue;
            };
            for place in places {
                *names[place] = around(&whole[place], start, width);
                is_changed = true;
            }
        }
        if !is_changed {
            return;
        }
    }
}

/// Returns the smallest width of `range` at which names that differ are drawn differently; the
/// largest one if there is none. `None` if the smallest one is enough.
pub(super) fn width(names: &[&Cell], range: RangeInclusive<u16>, align: Align) -> Option<u16> {
    let is_clear = |width: u16| {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let cut = names.iter().filter(|name| text::cell_width(name) > width);
        cut.into_iter().all(|name| {
            let whole = plain(name);
            let before = seen
                .entry(drawn(name, width, align))
                .or_insert(whole.clone());
            *before == whole
        })
    };
    let (mut narrow, mut wide) = range.into_inner();
    if is_clear(narrow) || narrow >= wide {
        return None;
    }
    while narrow + 1 < wide {
        let middle = narrow.midpoint(wide);
        if is_clear(middle) {
            wide = middle;
        } else {
            narrow = middle;
        }
    }
    Some(wide)
}

/// Returns a name as the table draws it.
fn drawn(name: &Cell, width: u16, align: Align) -> String {
    let mut room = width;
    let mut drawn = String::new();
    for Piece(part, _) in &name.0 {
        let shown = if align == Align::Path {
            text::cut_front(part, room)
        } else {
            text::cut(part, room)
        };
        room = room.saturating_sub(text::width(&shown));
        drawn.push_str(&shown);
    }
    drawn
}

/// Returns the number of characters before the first difference; `None` if all names are the same.
fn difference(whole: &[Cell], places: &[usize]) -> Option<usize> {
    let texts: Vec<String> = places.iter().map(|place| plain(&whole[*place])).collect();
    let (first, others) = texts.split_first()?;
    let common = |other: &String| {
        let both = first.chars().zip(other.chars());
        both.take_while(|(one, other)| one == other).count()
    };
    let differing = others.iter().filter(|other| *other != first);
    differing.map(common).min()
}

fn plain(name: &Cell) -> String {
    name.0.iter().map(|Piece(part, _)| part.as_ref()).collect()
}

/// Returns the part of a name with the character `at`, in `width` columns. Whole pieces before the
/// one with the character stay, such as a sign or an indentation.
fn around(name: &Cell, at: usize, width: u16) -> Cell {
    let mut before = 0;
    let mut room = width;
    let mut shortened = Cell::default();
    for Piece(part, role) in &name.0 {
        let count = part.chars().count();
        if before + count <= at && text::width(part) + 4 < room {
            room -= text::width(part);
            before += count;
            shortened = shortened.and(part.clone(), *role);
            continue;
        }
        // A third of the room shows what comes before the difference.
        let lead = usize::from(room / 3);
        let start = at.saturating_sub(before).saturating_sub(lead);
        let rest = if start == 0 {
            part.clone().into_owned()
        } else {
            let rest: String = part.chars().skip(start + 1).collect();
            format!("…{rest}")
        };
        return shortened.and(text::cut(&rest, room), *role);
    }
    shortened
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::TextRole;

    fn shortened(names: &[&str], width: u16, align: Align) -> Vec<String> {
        let mut cells: Vec<Cell> = names
            .iter()
            .map(|name| Cell::new("▸ ", TextRole::Dim).and((*name).to_owned(), TextRole::Text))
            .collect();
        shorten(cells.iter_mut().collect(), width, align);
        cells.iter().map(|cell| drawn(cell, width, align)).collect()
    }

    #[test]
    fn different_names_look_different_and_the_same_ones_do_not_change() {
        let long = "feature-with-a-long-name-that-is-the-same";
        let names = [
            format!("web-amd64-{long}"),
            format!("web-arm64-{long}"),
            format!("{long}-web-amd64-{long}"),
            format!("{long}-web-arm64-{long}"),
            "main".to_owned(),
        ];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for align in [Align::Path, Align::Left] {
            for width in [14, 20, 32] {
                let mut drawn = shortened(&names, width, align);
                assert!(drawn.iter().all(|name| text::width(name) <= width));
                assert!(drawn.contains(&"▸ main".to_owned()), "{drawn:?}");
                drawn.sort_unstable();
                drawn.dedup();
                assert_eq!(drawn.len(), names.len(), "{width} {drawn:?}");
            }
        }
        let same = [names[0], names[0]];
        let drawn = shortened(&same, 20, Align::Path);
        assert_eq!(drawn, ["▸ …-that-is-the-same"; 2]);
    }
}
