//! The files of a layer as rows: a tree with sums, in which folders can be opened.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Cell, Column, DetailLine, FilterHelp, Identity, NONE, RowCounts, RowSet};
use crate::format::layer::TarEntryKind;
use crate::format::layer::tree::{FileTree, ROOT};
use crate::inventory::filter::Filter;
use crate::report::documents::{FileDocument, fields_of};
use crate::text::units::Size;
use crate::text::units::grouped;
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

mod changes;
mod columns;
mod details;
mod folds;
mod order;

pub use changes::TreeChanges;
use columns::{BAR, COLUMNS, COLUMNS_WITH_CHANGE, COLUMNS_WITH_STEP};
pub use folds::FileFolds;
pub use order::{ComparedTree, FileOrder, SIZE};

/// Stands for a slash in the name of a folder that stands for the layer of a step.
pub const SLASH: &str = "∕";
/// Deeper rows are not indented further; a number shows their depth.
const DEEPEST: u16 = 6;

/// The visible rows.
#[derive(Debug)]
pub struct FileRows {
    order: Arc<FileOrder>,
    rows: Vec<FileRow>,
    /// The row of each node, or [`HIDDEN`].
    places: Vec<u32>,
}

/// Means no row.
const HIDDEN: u32 = u32::MAX;

/// A row: a file, or a chain of folders that each contain only the next one.
#[derive(Debug, Clone, Copy)]
struct FileRow {
    /// The first folder of the chain.
    first: u32,
    /// The last folder, or the file.
    node: u32,
    level: u32,
    /// The first row that is not below it.
    end: u32,
    is_open: bool,
}

impl FileRows {
    /// Shows the content of `order` in open folders.
    pub fn new(order: Arc<FileOrder>, folds: &FileFolds) -> Self {
        let is_filtered = !order.view.filter.is_empty();
        let mut rows: Vec<FileRow> = Vec::new();
        let mut places = vec![HIDDEN; order.tree.count()];
        if order.tree.is_emptied(ROOT) {
            places[ROOT as usize] = 0;
            rows.push(FileRow {
                first: ROOT,
                node: ROOT,
                level: 0,
                end: 1,
                is_open: false,
            });
        }
        // For each open folder: its row, and the index of its next child.
        let mut open: Vec<(Option<usize>, u32, usize)> = vec![(None, ROOT, 0)];
        while let Some((row, folder, next)) = open.last_mut() {
            let Some(first) = order.children(*folder).get(*next).copied() else {
                let end = count(rows.len());
                if let Some(row) = row.and_then(|row| rows.get_mut(row)) {
                    row.end = end;
                }
                open.pop();
                continue;
            };
            *next += 1;
            let level = count(open.len()) - 1;
            let is_layer = order.tree.has_layers() && level == 0;
            let node = if is_layer {
                first
            } else {
                order.chain_end(first)
            };
            let is_open = !order.children(node).is_empty() && folds.is_open(node, is_filtered);
            places[node as usize] = count(rows.len());
            rows.push(FileRow {
                first,
                node,
                level,
                end: count(rows.len()) + 1,
                is_open,
            });
            if is_open {
                open.push((Some(rows.len() - 1), node, 0));
            }
        }
        Self {
            order,
            rows,
            places,
        }
    }

    /// Returns the files in their order.
    pub fn order(&self) -> &Arc<FileOrder> {
        &self.order
    }

    /// Returns the file of a row.
    pub fn node(&self, row: u32) -> u32 {
        self.at(row).node
    }

    /// Returns why a row has no content to show.
    pub fn no_content(&self, row: u32) -> String {
        match self.tree().kind(self.node(row)) {
            TarEntryKind::Directory | TarEntryKind::Opaque => {
                "a folder has no content of its own".to_owned()
            }
            TarEntryKind::Symlink { target } => {
                format!("a symbolic link to {target} has no content")
            }
            TarEntryKind::Whiteout => "the layer deletes this path: it has no content".to_owned(),
            kind => format!("a {} has no content", kind.word()),
        }
    }

    /// Returns the location of a row's content in the archive: the number of its entry, and the
    /// target of a hard link. `None` if the row has no content.
    pub fn content(&self, row: u32) -> Option<(u64, Option<String>)> {
        let described = self.tree().entry(self.node(row))?;
        match &described.entry.kind {
            TarEntryKind::File => Some((described.number, None)),
            TarEntryKind::Hardlink { target } => Some((described.number, Some(target.clone()))),
            _ => None,
        }
    }

    /// Returns whether a row is open; `None` if nothing is below it.
    pub fn fold(&self, row: u32) -> Option<bool> {
        let row = self.at(row);
        let has_children = !self.order.children(row.node).is_empty() && row.node != ROOT;
        has_children.then_some(row.is_open)
    }

    /// Returns the folder of a row, if that folder has a row.
    pub fn parent(&self, row: u32) -> Option<Identity> {
        let parent = self.tree().parent(self.at(row).first);
        (parent != ROOT).then_some(Identity::File(parent))
    }

    /// Returns the folder of the only row at the top, if there is only one.
    pub fn only_folder(&self) -> Option<u32> {
        let first = self.rows.first()?;
        let is_only = first.end as usize == self.rows.len() && first.node != ROOT;
        (is_only && !self.order.children(first.node).is_empty()).then_some(first.node)
    }

    fn tree(&self) -> &FileTree {
        &self.order.tree
    }

    /// Returns the name of the folder that stands for the layer of a row, if there are several.
    pub fn layer_folder(&self, row: u32) -> Option<&str> {
        let layer = self.tree().layer(self.node(row))?;
        Some(self.tree().name(layer))
    }

    /// Returns whether a node stands for one of several layers.
    fn is_layer(&self, node: u32) -> bool {
        node != ROOT && self.tree().layer(node) == Some(node)
    }

    /// Returns the step of a node's layer, if there are several layers.
    fn step(&self, node: u32) -> Option<String> {
        let layer = self.tree().layer(node)?;
        Some(self.tree().name(layer).replace(SLASH, "/"))
    }

    fn at(&self, row: u32) -> &FileRow {
        &self.rows[row as usize]
    }

    /// Returns the name of a row, with a sign for its kind.
    fn name_cell(&self, row: &FileRow, name: String) -> Cell {
        let tree = self.tree();
        let cell = match tree.kind(row.node) {
            TarEntryKind::Directory | TarEntryKind::Opaque => {
                Cell::new(name, TextRole::Strong).and("/", TextRole::Dim)
            }
            TarEntryKind::Symlink { target } => {
                Cell::text(name).and(format!(" → {target}"), TextRole::Dim)
            }
            TarEntryKind::Hardlink { target } => {
                Cell::text(name).and(format!(" = {target}"), TextRole::Dim)
            }
            TarEntryKind::Whiteout => Cell::new("− ", TextRole::Missing)
                .and(name, TextRole::Missing)
                .and("  deleted", TextRole::Dim),
            TarEntryKind::File
            | TarEntryKind::Device
            | TarEntryKind::Fifo
            | TarEntryKind::Other => Cell::text(name),
        };
        if tree.is_emptied(row.node) {
            cell.and("  − emptied first", TextRole::Missing)
        } else {
            cell
        }
    }

    fn path_cell(&self, row: &FileRow) -> Cell {
        let indent = "  ".repeat(row.level.min(DEEPEST.into()) as usize);
        let cell = if row.level > u32::from(DEEPEST) {
            Cell::new(format!("{indent}{} ", row.level), TextRole::Dim)
        } else {
            Cell::text(indent)
        };
        let sign = match (self.order.children(row.node).is_empty(), row.is_open) {
            (true, _) => "  ",
            (false, true) => "▾ ",
            (false, false) => "▸ ",
        };
        let name = if self.is_layer(row.node) {
            let step = Cell::new(self.step(row.node).unwrap_or_default(), TextRole::Strong);
            return cell.and(sign, TextRole::Dim).and_all(step);
        } else if row.node == ROOT {
            ".".to_owned()
        } else {
            self.tree()
                .path_below(self.tree().parent(row.first), row.node)
        };
        cell.and(sign, TextRole::Dim)
            .and_all(self.name_cell(row, name))
    }

    /// Returns the number of files below a folder, or its deletions if there are none.
    fn files_cell(&self, row: &FileRow) -> Cell {
        let sum = self.order.sum(row.node);
        let is_folder = self.tree().is_folder(row.node);
        match (is_folder, sum.files, sum.removed) {
            (true, 0, removed) if removed > 0 => {
                Cell::new(format!("− {}", grouped(removed)), TextRole::Missing)
            }
            (true, files, _) => Cell::text(grouped(files)),
            (false, ..) => Cell::new(NONE, TextRole::Dim),
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

impl RowSet for FileRows {
    fn count(&self) -> u32 {
        count(self.rows.len())
    }

    fn columns(&self) -> &'static [Column] {
        if self.tree().has_layers() {
            COLUMNS_WITH_STEP
        } else if self.order.changes().is_some() {
            COLUMNS_WITH_CHANGE
        } else {
            COLUMNS
        }
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let row = self.at(row);
        let tree = self.tree();
        let none = || Cell::new(NONE, TextRole::Dim);
        let kind = tree.kind(row.node);
        let sum = self.order.sum(row.node);
        let has_size = matches!(kind, TarEntryKind::File | TarEntryKind::Directory);
        let entry = tree.entry(row.node).map(|described| &described.entry);
        let entry = entry.filter(|entry| !entry.kind.removes());
        let mut cells = vec![
            self.path_cell(row),
            if has_size || sum.bytes > 0 {
                Cell::text(Size(sum.bytes).to_string())
            } else {
                none()
            },
            Cell::new(
                meter::bar(sum.bytes, self.order.sum(ROOT).bytes, BAR),
                TextRole::Title,
            ),
            self.files_cell(row),
            entry.map_or_else(none, |entry| Cell::new(entry.permissions(), TextRole::Dim)),
            entry
                .and_then(|entry| entry.modified)
                .map_or_else(none, |modified| Cell::new(time(modified), TextRole::Dim)),
            entry.map_or_else(none, |entry| {
                Cell::new(format!("{}:{}", entry.uid, entry.gid), TextRole::Dim)
            }),
        ];
        cells.extend(self.change_cell(row));
        let step = self.step(row.node).map(Cell::text);
        // The row of a layer itself has the name of the step already.
        let is_named = self.is_layer(row.node);
        cells.extend(step.map(|step| if is_named { Cell::default() } else { step }));
        cells
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        self.detail_lines(self.at(row), now)
    }

    /// The rows have passed the filter already.
    fn matches(&self, _row: u32, _filter: &Filter, _now: Timestamp) -> bool {
        true
    }

    /// The rows are sorted already.
    fn compare(&self, _column: usize, _a: u32, _b: u32) -> Ordering {
        Ordering::Equal
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::File(self.at(row).node)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::File(node) => self
                .places
                .get(*node as usize)
                .copied()
                .filter(|row| *row != HIDDEN),
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        self.order.sum(self.at(row).node).bytes
    }

    /// A row below another selected row is counted once.
    fn together(&self, rows: &[u32]) -> String {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        let mut counted = 0;
        let mut bytes = 0u64;
        for row in rows {
            if row >= counted {
                bytes = bytes.saturating_add(self.bytes(row));
                counted = self.at(row).end;
            }
        }
        Size(bytes).to_string()
    }

    fn tally(&self, _shown: &[u32]) -> RowCounts {
        let (files, folders) = self.order.matched();
        RowCounts {
            shown: files,
            all: self.order.all(),
            others: if files == 0 { folders } else { 0 },
        }
    }

    fn filter_help(&self) -> FilterHelp {
        FilterHelp {
            examples: "path~node_modules  path~\\.map$  size>1M  age>30d  kind:symlink  or a part of a path",
            fields: Some(if self.order.changes().is_some() {
                &["path", "size", "age", "kind", "change"]
            } else {
                &["path", "size", "age", "kind"]
            }),
        }
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let node = self.at(row).node;
        let tree = self.tree();
        let sum = self.order.sum(node);
        let entry = tree.entry(node).map(|described| &described.entry);
        let mut fields = match entry {
            Some(entry) => {
                let document = FileDocument::new(entry);
                let document = match self.order.changes() {
                    Some(changes) => {
                        let (change, replaced) = changes.document(node);
                        document.compared(change, replaced)
                    }
                    None => document,
                };
                fields_of(&document, &FileDocument::FIELDS)
            }
            // A folder without an entry of its own.
            None => fields_of(
                &json!({"path": tree.path(node), "kind": tree.kind(node).word()}),
                &FileDocument::FIELDS,
            ),
        };
        // The paths of all layers of a ref begin below their layer.
        for (name, value) in &mut fields {
            if *name == "path" {
                *value = json!(tree.path(node));
            }
        }
        fields.extend([
            ("emptied", json!(tree.is_emptied(node))),
            ("files", json!(sum.files)),
            ("files_bytes", json!(sum.bytes)),
            ("deletions", json!(sum.removed)),
        ]);
        fields.extend(self.step(node).map(|step| ("step", json!(step))));
        fields
    }

    fn name(&self, row: u32) -> String {
        let node = self.node(row);
        if self.is_layer(node) {
            self.step(node).unwrap_or_default()
        } else {
            self.tree().path(node)
        }
    }
}

#[cfg(test)]
mod tests;
