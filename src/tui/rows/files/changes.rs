//! The changes of a layer, as cells and details.

use super::{FileRow, FileRows};
use crate::backend::layer_changes::{ComparedLayer, LayerGap};
use crate::format::layer::changes::{ChangeTotals, LayerChange, LayerChanges, LowerFile};
use crate::inventory::below::LayersBelow;
use crate::report::documents::ReplacedFileDocument;
use crate::text::units::{Size, grouped};
use crate::tui::rows::{Cell, DetailLine, UNKNOWN};
use crate::tui::theme::TextRole;

/// The comparison of a layer with the layers below it.
#[derive(Debug)]
pub struct TreeChanges {
    compared: ComparedLayer,
    below: LayersBelow,
}

impl TreeChanges {
    /// Combines a comparison with the layers that it was made with.
    pub fn new(compared: ComparedLayer, below: LayersBelow) -> Self {
        Self { compared, below }
    }

    /// Returns the changes by the nodes of the tree.
    pub fn changes(&self) -> &LayerChanges {
        &self.compared.changes
    }

    /// Returns the layers that the layer was compared with.
    pub fn below(&self) -> &LayersBelow {
        &self.below
    }

    /// Returns the layer below that could not be read, if there is one.
    pub fn gap(&self) -> Option<&LayerGap> {
        self.compared.gap.as_ref()
    }

    /// Returns the change of a node, and the document of the file that it replaces or deletes.
    pub fn document(&self, node: u32) -> (Option<LayerChange>, Option<ReplacedFileDocument>) {
        let changes = self.changes();
        let replaced = ReplacedFileDocument::at(node, changes, &self.below);
        (changes.of(node), replaced)
    }

    /// Returns the name of the step whose layer has a file, else the layer.
    fn origin(&self, file: &LowerFile) -> String {
        let layer = self.below.layers.get(file.layer);
        layer.map_or_else(String::new, |layer| match &layer.step {
            Some(step) => format!("step {step}"),
            None => match layer.digest.valid() {
                Some(digest) => format!("layer {}:{}", digest.algorithm(), digest.short(12)),
                None => "a layer below".to_owned(),
            },
        })
    }
}

/// Returns a word for a change in its colour.
fn word(change: Option<LayerChange>) -> Cell {
    match change {
        Some(LayerChange::Added) => Cell::new("added", TextRole::Good),
        Some(LayerChange::Changed) => Cell::new("changed", TextRole::Warning),
        Some(LayerChange::Deleted) => Cell::new("deleted", TextRole::Missing),
        Some(LayerChange::Same) => Cell::default(),
        Some(LayerChange::Nothing) => Cell::new("nothing", TextRole::Dim),
        None => Cell::new(UNKNOWN, TextRole::Unsure),
    }
}

/// Returns the changes in a folder, such as `+12 ~3 −1`.
fn counts(totals: ChangeTotals) -> Cell {
    let parts = [
        (totals.added, "+", TextRole::Good),
        (totals.changed, "~", TextRole::Warning),
        (totals.deleted, "−", TextRole::Missing),
        (totals.unknown, UNKNOWN, TextRole::Unsure),
    ];
    let mut cell = Cell::default();
    let mut is_first = true;
    for (count, sign, role) in parts {
        if count > 0 {
            let gap = if is_first { "" } else { " " };
            cell = cell.and(format!("{gap}{sign}{}", grouped(count)), role);
            is_first = false;
        }
    }
    cell
}

impl FileRows {
    /// Returns the cell of a row in the column of changes, if the changes are known.
    pub(super) fn change_cell(&self, row: &FileRow) -> Option<Cell> {
        let changes = self.order.changes()?.changes();
        let own = changes.of(row.node);
        let is_added = own == Some(LayerChange::Added) && self.adds(row);
        if !self.tree().is_folder(row.node) || is_added {
            return Some(word(own));
        }
        let cell = counts(self.order.changed(row.node).unwrap_or_default());
        Some(match own {
            Some(LayerChange::Changed) => word(own).and(" ", TextRole::Dim).and_all(cell),
            _ => cell,
        })
    }

    /// Returns whether a layer that adds a row creates something there: a folder that only holds
    /// deletions is not created.
    fn adds(&self, row: &FileRow) -> bool {
        let below = self.order.changed(row.node).unwrap_or_default();
        self.tree().entry(row.node).is_some() || below.added > 0
    }

    /// Returns the details about the change of a row.
    pub(super) fn change_lines(&self, row: &FileRow) -> Vec<DetailLine> {
        let Some(compared) = self.order.changes() else {
            return Vec::new();
        };
        let fact = |name, value: String| DetailLine::Fact(name, Cell::text(value));
        let change = compared.changes().of(row.node);
        let cell = match change {
            Some(LayerChange::Same) => return Vec::new(),
            Some(LayerChange::Added) if !self.adds(row) => return Vec::new(),
            Some(LayerChange::Nothing) => Cell::text("nothing: no layer below has the path"),
            None => match compared.gap() {
                Some(gap) => Cell::new(gap.to_string(), TextRole::Unsure),
                None => Cell::new("unknown: the path leads through a link", TextRole::Unsure),
            },
            Some(LayerChange::Added | LayerChange::Changed | LayerChange::Deleted) => word(change),
        };
        let mut lines = vec![DetailLine::Fact("change", cell)];
        let replaces = matches!(change, Some(LayerChange::Changed | LayerChange::Deleted));
        let file = if replaces {
            compared.changes().below(row.node)
        } else {
            None
        };
        let Some(file) = file else { return lines };
        let size = file.bytes.map(|bytes| format!(", {}", Size(bytes)));
        let name = if change == Some(LayerChange::Deleted) {
            "deletes"
        } else {
            "replaces"
        };
        let kind = file.kind;
        lines.push(fact(name, format!("{kind}{}", size.unwrap_or_default())));
        lines.push(fact("of", compared.origin(file)));
        if change == Some(LayerChange::Changed)
            && let Some(is_same) = file.has_same_content
        {
            let content = if is_same {
                "the same as before"
            } else {
                "changed"
            };
            lines.push(fact("content", content.to_owned()));
        }
        let own = self.tree().entry(row.node).map(|own| &own.entry);
        let own = own.map(|own| (own.mode, own.uid, own.gid));
        if let (Some((mode, uid, gid)), Some(own)) = (file.access, own)
            && change == Some(LayerChange::Changed)
            && own != (mode, uid, gid)
        {
            lines.push(fact("before", format!("{mode:04o} {uid}:{gid}")));
        }
        lines
    }

    /// Returns the line about a folder that the layer empties first.
    pub(super) fn emptied_line(&self, row: &FileRow) -> Option<DetailLine> {
        if !self.tree().is_emptied(row.node) {
            return None;
        }
        let changes = self.order.changes().map(TreeChanges::changes);
        let words = match changes.map(|changes| changes.of_content(row.node)) {
            Some(Some(LayerChange::Nothing)) => {
                "This layer empties the folder, and the layers below have nothing there."
            }
            _ => "This layer deletes the files of the layers below in this folder.",
        };
        Some(DetailLine::Text(Cell::new(words, TextRole::Dim)))
    }

    /// Returns the totals of the changes, as far as the rows pass the filter.
    pub fn change_totals(&self) -> Option<ChangeTotals> {
        self.order.changed(super::ROOT)
    }

    /// Adds the totals of the changes to a line, the most important ones first.
    pub fn with_change_totals(cell: Cell, totals: ChangeTotals) -> Cell {
        let before = Size(totals.bytes_before);
        let parts = [
            (totals.added, "added".to_owned(), TextRole::Good),
            (
                totals.changed,
                format!("changed ({before} before)"),
                TextRole::Warning,
            ),
            (totals.deleted, "deleted".to_owned(), TextRole::Missing),
            (totals.unknown, "unknown".to_owned(), TextRole::Unsure),
            (
                totals.same_content,
                "with the same content".to_owned(),
                TextRole::Dim,
            ),
        ];
        let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
        parts.fold(cell, |cell, (count, words, role)| {
            cell.and(" · ", TextRole::Dim)
                .and(format!("{} {words}", grouped(count)), role)
        })
    }
}
