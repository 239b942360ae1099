//! The objects of a source in JSON.

use serde::Serialize;

use crate::backend::Totals;
use crate::inventory::{Inventory, InventoryTotals};
use crate::source::StoreKind;

/// The objects of a source, by state. What is not known is null.
#[derive(Debug, Serialize)]
pub struct SourceUsageDocument {
    source: String,
    kind: &'static str,
    refs: Option<usize>,
    live: Option<BlobTotals>,
    orphan: Option<BlobTotals>,
    missing: Option<BlobTotals>,
    undetermined: Option<BlobTotals>,
    partial: Option<ObjectTotals>,
    trash: Option<ObjectTotals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded: Option<ObjectTotals>,
    unknown: Option<ObjectTotals>,
    total: Option<ObjectTotals>,
    /// The objects that the store may hold but does not list.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen: Option<String>,
}

/// A number of blobs and their size.
#[derive(Debug, Serialize)]
pub struct BlobTotals {
    blobs: u64,
    bytes: u64,
}

/// A number of objects and their size.
#[derive(Debug, Serialize)]
pub struct ObjectTotals {
    objects: u64,
    bytes: u64,
}

impl SourceUsageDocument {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 13] = [
        "source",
        "kind",
        "refs",
        "live",
        "orphan",
        "missing",
        "undetermined",
        "partial",
        "trash",
        "superseded",
        "unknown",
        "total",
        "unseen",
    ];

    /// Returns the document of a source of which nothing is known yet.
    pub fn unread(source: String, kind: StoreKind) -> Self {
        Self {
            source,
            kind: kind.word(),
            refs: None,
            live: None,
            orphan: None,
            missing: None,
            undetermined: None,
            partial: None,
            trash: None,
            superseded: None,
            unknown: None,
            total: None,
            unseen: None,
        }
    }

    /// Returns the document of a source whose refs are known, and not yet its objects.
    pub fn of_refs(source: String, kind: StoreKind, inventory: &Inventory) -> Self {
        Self {
            refs: Some(inventory.refs.len()),
            ..Self::unread(source, kind)
        }
    }

    /// Returns the document of a source that was read completely.
    pub fn new(
        source: String,
        kind: StoreKind,
        inventory: &Inventory,
        totals: &InventoryTotals,
    ) -> Self {
        let missing = inventory.missing(totals.missing.count);
        Self {
            live: Some(totals.live.into()),
            orphan: totals.orphan.map(Into::into),
            missing: missing.map(|_| totals.missing.into()),
            undetermined: Some(totals.undetermined.into()),
            partial: inventory.knows_partial().then(|| totals.partial.into()),
            trash: Some(totals.trash.into()),
            superseded: inventory
                .surroundings
                .quota()
                .is_some()
                .then(|| totals.superseded.into()),
            unknown: inventory.knows_unknown().then(|| totals.unknown.into()),
            total: Some(totals.stored().into()),
            unseen: inventory.unseen.as_deref().map(str::to_owned),
            ..Self::of_refs(source, kind, inventory)
        }
    }
}

impl From<Totals> for BlobTotals {
    fn from(totals: Totals) -> Self {
        Self {
            blobs: totals.count,
            bytes: totals.bytes,
        }
    }
}

impl From<Totals> for ObjectTotals {
    fn from(totals: Totals) -> Self {
        Self {
            objects: totals.count,
            bytes: totals.bytes,
        }
    }
}
