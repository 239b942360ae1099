//! The details of a file.

use jiff::Timestamp;

use super::{FileRow, FileRows};
use crate::format::layer::TarEntryKind;
use crate::format::layer::tree::{FileEntry, ROOT};
use crate::text::units::{Age, Size, grouped};
use crate::tui::rows::{Cell, DetailLine, NONE};
use crate::tui::theme::TextRole;

impl FileRows {
    /// Returns the details of a row.
    pub(super) fn detail_lines(&self, row: &FileRow, now: Timestamp) -> Vec<DetailLine> {
        let tree = self.tree();
        let kind = tree.kind(row.node);
        let sum = self.order.sum(row.node);
        let fact = |name, value: String| DetailLine::Fact(name, Cell::text(value));
        if self.is_layer(row.node) {
            return self.layer_lines(row);
        }
        let mut lines = vec![
            DetailLine::Text(self.name_cell(row, tree.path(row.node))),
            DetailLine::Blank,
            fact("kind", kind.word().to_owned()),
        ];
        lines.extend(self.step(row.node).map(|step| fact("step", step)));
        lines.extend(self.change_lines(row));
        if *kind == TarEntryKind::Whiteout {
            let words = "The layers below have this path; this layer deletes it.";
            let line = DetailLine::Text(Cell::new(words, TextRole::Dim));
            // The changes say more, once they are known.
            lines.extend(self.order.changes().is_none().then_some(line));
            return lines;
        }
        lines.extend(self.emptied_line(row));
        if matches!(kind, TarEntryKind::File | TarEntryKind::Directory) {
            let bytes = sum.bytes;
            lines.push(fact("size", format!("{} ({bytes} bytes)", Size(bytes))));
            let whole = self.order.sum(ROOT).bytes;
            let of = if self.order.view.filter.is_empty() {
                "the layer"
            } else {
                "the files that match the filter"
            };
            lines.push(fact("share", format!("{} of {of}", percent(bytes, whole))));
        }
        if tree.is_folder(row.node) {
            lines.push(fact("files", grouped(sum.files)));
            if sum.removed > 0 {
                lines.push(fact("deletions", grouped(sum.removed)));
            }
        }
        let Some(FileEntry { entry, .. }) = tree.entry(row.node) else {
            lines.push(DetailLine::Text(Cell::new(
                "The layer has files in this folder and does not describe it.",
                TextRole::Dim,
            )));
            return lines;
        };
        let mode = format!("{} {}", entry.permissions(), entry.octal_mode());
        lines.push(fact("mode", mode));
        lines.push(fact("owner", format!("{}:{}", entry.uid, entry.gid)));
        if let Some(modified) = entry.modified {
            let age = Age::between(modified, now).ago();
            lines.push(fact("modified", format!("{modified:.0}, {age}")));
        }
        lines
    }

    /// Returns the details of a row that stands for a layer.
    fn layer_lines(&self, row: &FileRow) -> Vec<DetailLine> {
        let sum = self.order.sum(row.node);
        let whole = self.order.sum(ROOT).bytes;
        let fact = |name, value: String| DetailLine::Fact(name, Cell::text(value));
        vec![
            DetailLine::Heading(self.step(row.node).unwrap_or_default().into()),
            DetailLine::Blank,
            fact("kind", "the layer of a step".to_owned()),
            fact("size", format!("{} unpacked", Size(sum.bytes))),
            fact(
                "share",
                format!("{} of all layers", percent(sum.bytes, whole)),
            ),
            fact("files", grouped(sum.files)),
        ]
    }
}

/// Returns a percentage, with one decimal below ten.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    match tenths {
        0 if part > 0 => "below 0.1 %".to_owned(),
        0..100 => format!("{}.{} %", tenths / 10, tenths % 10),
        _ => format!("{} %", tenths / 10),
    }
}
