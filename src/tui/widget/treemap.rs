//! A treemap: boxes whose areas are in the proportion of bytes.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text;
use crate::inventory::RefId;
use crate::text::units::Size;
use crate::tui::found::ScannedInventory;
use crate::tui::rows::files::FileRows;
use crate::tui::rows::steps::StepRows;
use crate::tui::rows::{Align, Cell, RowSet as _};
use crate::tui::theme::TextRole;
use crate::tui::world::World;

/// A box that is narrower or lower says nothing; all such boxes are summed up in one.
const LEAST: (u16, u16) = (10, 3);

/// Fills a box of bytes of one ref only.
const OWN: &str = "▓";
/// Fills a box of bytes that several refs share.
const SHARED: &str = "░";
/// Fills a box of bytes that no ref reaches.
const ORPHAN: &str = "▒";
/// Fills a box of bytes in the trash.
const TRASH: &str = "▚";
/// Fills a box of bytes of which something went wrong.
const FAILED: &str = "×";

/// The subject of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileSubject {
    Ref(RefId),
    /// A row of steps.
    Row(u32),
    /// Several things.
    Others,
}

/// Something that takes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreemapTile {
    pub what: TileSubject,
    pub name: String,
    /// How its name looks.
    pub role: TextRole,
    /// The bytes that the box stands for.
    pub bytes: u64,
    /// The state of the bytes in words; empty where the name says it.
    pub words: &'static str,
    /// The filling: `▓` bytes of one ref only, `░` shared ones, `▒` orphans.
    pub fill: &'static str,
}

/// Splits the bytes of a source into those that one ref alone reaches, those that several share,
/// and those that no ref reaches. The largest part comes first; parts without bytes are left out.
pub fn of_source(found: &ScannedInventory) -> Vec<TreemapTile> {
    let mut own = 0u64;
    let mut tiles = Vec::new();
    for (id, entry) in found.inventory.indexed_refs() {
        let bytes = entry.sizes.exclusive_bytes.unwrap_or_default();
        own = own.saturating_add(bytes);
        tiles.push(TreemapTile {
            what: TileSubject::Ref(id),
            name: entry.name.clone(),
            role: TextRole::Live,
            bytes,
            words: "only here",
            fill: OWN,
        });
    }
    let orphan = found.totals.orphan.unwrap_or_default().bytes;
    let others = [
        (
            "shared by refs",
            SHARED,
            TextRole::Strong,
            found.totals.live.bytes.saturating_sub(own),
        ),
        ("orphans", ORPHAN, TextRole::Orphan, orphan),
        (
            "in the trash",
            TRASH,
            TextRole::Orphan,
            found.totals.trash.bytes,
        ),
    ];
    tiles.extend(others.map(|(name, fill, role, bytes)| TreemapTile {
        what: TileSubject::Others,
        name: name.to_owned(),
        role,
        bytes,
        words: "",
        fill,
    }));
    largest_first(tiles)
}

/// Returns the bytes of each stage of a ref; empty where it has no stages.
pub fn of_stages(rows: &StepRows) -> Vec<TreemapTile> {
    let heads = (0..rows.count()).filter(|row| rows.is_head(*row) && rows.parent(*row).is_none());
    let tiles = heads.map(|head| TreemapTile {
        what: TileSubject::Row(head),
        name: stage_name(rows, head),
        role: TextRole::Live,
        bytes: sum(&of_steps(rows, Some(head))),
        words: "",
        fill: OWN,
    });
    largest_first(tiles.collect())
}

/// Returns the bytes of the steps below a head, or of all steps. A layer counts once.
pub fn of_steps(rows: &StepRows, head: Option<u32>) -> Vec<TreemapTile> {
    let all = match head {
        Some(head) => head + 1..(head + 1 + rows.foldable(head).1).min(rows.count()),
        None => 0..rows.count(),
    };
    let mut counted = HashSet::new();
    let steps = all.filter(|row| rows.layer(*row).is_some_and(|layer| counted.insert(layer)));
    let tiles = steps.map(|row| {
        let is_shared = rows.is_shared(row);
        TreemapTile {
            what: TileSubject::Row(row),
            name: rows.title(row),
            role: if is_shared {
                TextRole::Strong
            } else {
                TextRole::Live
            },
            bytes: rows.bytes(row),
            words: if is_shared {
                "shared with other refs"
            } else {
                "only here"
            },
            fill: if is_shared { SHARED } else { OWN },
        }
    });
    largest_first(tiles.collect())
}

/// Returns the visible files and closed folders of a layer.
pub fn of_files(rows: &FileRows) -> Vec<TreemapTile> {
    let shown = (0..rows.count()).filter(|row| rows.fold(*row) != Some(true));
    let tiles = shown.map(|row| {
        let is_folder = rows.fold(row).is_some();
        TreemapTile {
            what: TileSubject::Row(row),
            name: rows.name(row),
            role: if is_folder {
                TextRole::Strong
            } else {
                TextRole::Live
            },
            bytes: rows.bytes(row),
            words: if is_folder { "folder" } else { "" },
            fill: if is_folder { SHARED } else { OWN },
        }
    });
    largest_first(tiles.collect())
}

/// The look of a tile for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileLook {
    /// Bytes that are kept.
    Kept,
    /// Bytes that several refs share, or that wait.
    Shared,
    /// Bytes that are deleted.
    Deleted,
    /// Bytes in the trash.
    Trashed,
    /// Bytes of failed items.
    Failed,
}

impl TileLook {
    fn fill(self) -> (&'static str, TextRole) {
        match self {
            Self::Kept => (OWN, TextRole::Live),
            Self::Shared => (SHARED, TextRole::Strong),
            Self::Deleted => (ORPHAN, TextRole::Orphan),
            Self::Trashed => (TRASH, TextRole::Orphan),
            Self::Failed => (FAILED, TextRole::Missing),
        }
    }

    /// Returns a box with this look.
    pub fn tile(self, name: String, bytes: u64, words: &'static str) -> TreemapTile {
        let (fill, role) = self.fill();
        TreemapTile {
            what: TileSubject::Others,
            name,
            role,
            bytes,
            words,
            fill,
        }
    }
}

/// Returns the name of a stage by the row of its head.
pub fn stage_name(rows: &StepRows, head: u32) -> String {
    rows.heading(head).unwrap_or_default()
}

/// Sorts boxes, and leaves out those without bytes.
pub fn largest_first(mut tiles: Vec<TreemapTile>) -> Vec<TreemapTile> {
    tiles.retain(|tile| tile.bytes > 0);
    tiles.sort_by_key(|tile| std::cmp::Reverse(tile.bytes));
    tiles
}

/// Returns the place of the tile whose box is at a cell.
pub fn at(tiles: &[TreemapTile], area: Rect, x: u16, y: u16) -> Option<usize> {
    let boxes = placed(tiles, area);
    boxes.iter().position(|(_, at)| at.contains((x, y).into()))
}

/// Draws boxes for `tiles`, the largest of which comes first.
pub fn draw(
    tiles: &[TreemapTile],
    cursor: Option<usize>,
    world: &World,
    buffer: &mut Buffer,
    area: Rect,
) {
    let boxes = placed(tiles, area);
    let last = boxes.len().saturating_sub(1);
    for (place, (tile, at)) in boxes.into_iter().enumerate() {
        // The last box may stand for several tiles.
        let is_selected = cursor.is_some_and(|cursor| cursor.min(last) == place);
        let rule = world.theme.style(TextRole::Rule);
        let inside = Rect {
            width: at
                .width
                .saturating_sub(u16::from(at.right() < area.right())),
            height: at
                .height
                .saturating_sub(u16::from(at.bottom() < area.bottom())),
            ..at
        };
        if at.right() < area.right() {
            for y in at.top()..at.bottom() {
                buffer.set_string(at.right() - 1, y, "│", rule);
            }
        }
        if at.bottom() < area.bottom() {
            let line = "─".repeat(inside.width.into());
            buffer.set_string(at.x, at.bottom() - 1, line, rule);
        }
        let size = Cell::text(Size(tile.bytes).to_string()).and(" ", TextRole::Text);
        let name = if is_selected {
            Cell::new("▸ ", TextRole::Title).and(tile.name.clone(), TextRole::Title)
        } else {
            Cell::new(tile.name.clone(), tile.role)
        };
        let lines = [name, size.and(tile.words, TextRole::Dim)];
        let fill = world.theme.style(tile.role);
        for y in inside.top() + 2..inside.bottom() {
            let width = inside.width.saturating_sub(2);
            buffer.set_string(inside.x + 1, y, tile.fill.repeat(width.into()), fill);
        }
        for (line, row) in lines.iter().zip(0..inside.height) {
            let at = text::LineArea {
                x: inside.x + 1,
                width: inside.width.saturating_sub(1),
                align: match tile.what {
                    // The end of a ref's name distinguishes it, as in lists.
                    TileSubject::Ref(_) if row == 0 => Align::Path,
                    _ => Align::Left,
                },
                ..text::LineArea::of(inside, row)
            };
            text::put(buffer, at, line, &world.theme, Style::default());
        }
    }
}

/// Gives each tile its box. Those that would be too small share the last one.
fn placed(tiles: &[TreemapTile], area: Rect) -> Vec<(TreemapTile, Rect)> {
    let mut boxes = Vec::new();
    place(tiles, area, &mut boxes);
    boxes
}

fn sum(tiles: &[TreemapTile]) -> u64 {
    tiles
        .iter()
        .fold(0, |sum, tile| sum.saturating_add(tile.bytes))
}

fn place(tiles: &[TreemapTile], area: Rect, boxes: &mut Vec<(TreemapTile, Rect)>) {
    let (width, height) = LEAST;
    let can_split = area.width >= 2 * width || area.height >= 2 * height;
    match tiles {
        [] => {}
        [tile] => boxes.push((tile.clone(), area)),
        _ if !can_split => boxes.push((rest(tiles), area)),
        _ => {
            let (first, others, share) = halves(tiles);
            let (one, other) = split(area, share);
            place(first, one, boxes);
            place(others, other, boxes);
        }
    }
}

/// Sums up the parts that have no room for a box each.
fn rest(tiles: &[TreemapTile]) -> TreemapTile {
    TreemapTile {
        what: TileSubject::Others,
        name: format!("{} more", tiles.len()),
        role: TextRole::Dim,
        bytes: sum(tiles),
        words: "together",
        fill: main_fill(tiles),
    }
}

/// Returns the filling of most bytes.
fn main_fill(tiles: &[TreemapTile]) -> &'static str {
    let bytes_of = |fill: &str| {
        let same = tiles.iter().filter(|tile| tile.fill == fill);
        same.map(|tile| u128::from(tile.bytes)).sum::<u128>()
    };
    let fills = tiles.iter().map(|tile| tile.fill);
    fills.max_by_key(|fill| bytes_of(fill)).unwrap_or(SHARED)
}

/// Parts the tiles into two groups that weigh about the same; returns the share of the first, too.
fn halves(tiles: &[TreemapTile]) -> (&[TreemapTile], &[TreemapTile], f64) {
    let all = u128::from(sum(tiles)).max(1);
    let mut before = 0u128;
    let mut count = 0;
    for tile in tiles {
        if count > 0 && (before + u128::from(tile.bytes)) * 2 > all {
            break;
        }
        before += u128::from(tile.bytes);
        count += 1;
    }
    let (first, others) = tiles.split_at(count.clamp(1, tiles.len() - 1));
    let thousandths = u128::from(sum(first)) * 1000 / all;
    let share = f64::from(u16::try_from(thousandths).unwrap_or(1000)) / 1000.0;
    (first, others, share)
}

/// Parts an area along its longer side; a cell is about twice as high as it is wide.
fn split(area: Rect, share: f64) -> (Rect, Rect) {
    let (least_width, least_height) = LEAST;
    let is_wide = area.width >= 2 * least_width
        && (area.width >= area.height * 2 || area.height < 2 * least_height);
    let part = |whole: u16, least: u16| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a u16 is one"
        )]
        let part = (f64::from(whole) * share).round() as u16;
        part.clamp(least, whole - least)
    };
    if is_wide {
        let width = part(area.width, least_width);
        let other = Rect {
            x: area.x + width,
            width: area.width - width,
            ..area
        };
        (Rect { width, ..area }, other)
    } else {
        let height = part(area.height, least_height);
        let other = Rect {
            y: area.y + height,
            height: area.height - height,
            ..area
        };
        (Rect { height, ..area }, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles(bytes: &[u64]) -> Vec<TreemapTile> {
        let tile = |bytes: &u64| TreemapTile {
            what: TileSubject::Others,
            name: bytes.to_string(),
            role: TextRole::Text,
            bytes: *bytes,
            words: "",
            fill: OWN,
        };
        bytes.iter().map(tile).collect()
    }

    #[test]
    fn boxes_fill_the_area_in_proportion_to_their_sizes() {
        let area = Rect::new(3, 2, 100, 30);
        let boxes = placed(&tiles(&[500, 250, 125, 125]), area);
        let areas: Vec<u32> = boxes.iter().map(|(_, at)| at.area()).collect();
        assert_eq!(areas.iter().sum::<u32>(), area.area());
        for ((tile, _), cells) in boxes.iter().zip(areas) {
            let expected = tile.bytes * u64::from(area.area()) / 1000;
            assert!(
                u64::from(cells).abs_diff(expected) < 100,
                "{tile:?} {cells}"
            );
        }
    }

    #[test]
    fn boxes_that_are_too_small_are_summed_up() {
        let many: Vec<u64> = (0..400).map(|_| 7).collect();
        let boxes = placed(&tiles(&many), Rect::new(0, 0, 60, 12));
        assert!(boxes.len() < 40);
        assert_eq!(boxes.iter().map(|(tile, _)| tile.bytes).sum::<u64>(), 2800);
        for (_, at) in &boxes {
            assert!(at.width >= LEAST.0 && at.height >= LEAST.1, "{at:?}");
        }
        assert!(placed(&[], Rect::new(0, 0, 60, 12)).is_empty());
        assert_eq!(placed(&tiles(&[1, 1]), Rect::new(0, 0, 4, 1)).len(), 1);
    }
}
