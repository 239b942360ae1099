//! An item of a run in JSON.

use serde::Serialize;

use crate::backend::Outcome;
use crate::prune::plan::{Deletion, ItemKind};

/// The fields of a deletion or of a kept item of a plan, in the order of a table.
pub const PLAN_ITEM_FIELDS: [&str; 10] = [
    "kind",
    "name",
    "aliases",
    "untagged",
    "digest",
    "bytes",
    "modified",
    "missing_blobs",
    "rewrite",
    "reasons",
];

/// An item of a run, with its outcome.
#[derive(Debug, Serialize)]
pub struct RunItemDocument<'a> {
    kind: ItemKind,
    name: String,
    outcome: &'a Outcome,
}

impl<'a> RunItemDocument<'a> {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 3] = ["kind", "name", "outcome"];

    /// Returns the document of an item.
    pub fn new(item: &Deletion, outcome: &'a Outcome) -> Self {
        Self {
            kind: item.target.kind(),
            name: item.target.name(),
            outcome,
        }
    }
}
