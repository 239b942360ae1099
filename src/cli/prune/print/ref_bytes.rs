//! What each ref of a plan holds for itself.

use std::collections::HashMap;

use crate::backend::RefTarget;
use crate::cli::table::TableCell;
use crate::inventory::Inventory;
use crate::prune::plan::KeptItem;
use crate::text::units::Size;

/// The bytes that deleting each ref alone would free, by name and digest. A plan that was saved has
/// no scan, so they are unknown.
#[derive(Default)]
pub(in crate::cli::prune) struct RefBytes(HashMap<(String, String), u64>);

impl RefBytes {
    /// Returns those of all refs that the scan knows them of.
    pub(in crate::cli::prune) fn of(inventory: &Inventory) -> Self {
        let readable = inventory.refs.iter().filter(|entry| !entry.is_unreadable());
        let known = readable.filter_map(|entry| {
            let bytes = entry.sizes.exclusive_bytes?;
            Some(((entry.name.clone(), entry.digest().to_string()), bytes))
        });
        Self(known.collect())
    }

    /// Returns the cell of a ref to delete.
    pub(super) fn of_deleted(&self, target: &RefTarget, name: &str) -> TableCell {
        self.cell(name, target.digest.to_string())
    }

    /// Returns the cell of what is kept.
    pub(super) fn of_kept(&self, kept: &KeptItem) -> TableCell {
        match &kept.digest {
            Some(digest) => self.cell(&kept.name, digest.clone()),
            None => TableCell::none(),
        }
    }

    /// Returns whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn cell(&self, name: &str, digest: String) -> TableCell {
        match self.0.get(&(name.to_owned(), digest)) {
            Some(bytes) => TableCell::new(Size(*bytes).to_string()),
            None => TableCell::none(),
        }
    }
}
