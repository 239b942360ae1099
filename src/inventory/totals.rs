//! The content of a store in numbers, by state.

use crate::backend::Totals;

/// The content of a store, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InventoryTotals {
    /// Blobs that a ref reaches.
    pub live: Totals,
    /// Blobs that no ref reaches; `None` if a ref could not be read, because it may reach them.
    pub orphan: Option<Totals>,
    /// Blobs that no readable ref reaches, while another ref could not be read.
    pub undetermined: Totals,
    /// Blobs that are referenced and not stored, with their declared sizes.
    pub missing: Totals,
    /// Layers that are distributed from elsewhere and not stored.
    pub foreign: Totals,
    /// Unfinished uploads.
    pub partial: Totals,
    /// Objects that earlier prunes moved to the trash.
    pub trash: Totals,
    /// Previous contents of refs that no build imports, if they are entries of their own; they are
    /// also counted as orphans.
    pub superseded: Totals,
    /// All other objects.
    pub unknown: Totals,
}

impl InventoryTotals {
    /// Returns the total of all stored objects.
    pub fn stored(&self) -> Totals {
        self.stored_outside_trash().plus(self.trash)
    }

    /// Returns the total of the stored objects that no prune has moved to the trash.
    pub fn stored_outside_trash(&self) -> Totals {
        let orphan = self.orphan.unwrap_or_default();
        let orphan = if self.orphan.is_some() {
            orphan
        } else {
            self.superseded
        };
        self.live
            .plus(orphan)
            .plus(self.undetermined)
            .plus(self.partial)
            .plus(self.unknown)
    }
}
