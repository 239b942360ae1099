//! JSON documents of things that both `--json` and the terminal UI write.

use serde::Serialize;
use serde_json::Value;

mod diff;
mod file;
mod item;
mod objects;
mod record;
mod refs;
mod run;
mod usage;
mod why_step;

pub use diff::{ChangedStepDocument, ComparedRefRecords, DiffDocument};
pub use file::{FileDocument, LayerChangesDocument, LayersBelowDocument, ReplacedFileDocument};
pub use item::{PLAN_ITEM_FIELDS, RunItemDocument};
pub use objects::{BlobDocument, ObjectDocument, STORED_FIELDS};
pub use record::{CacheRecordDocument, FirstIndexes, InstructionLocation};
pub use refs::RefDocument;
pub use run::PastRunDocument;
pub use usage::{BlobTotals, ObjectTotals, SourceUsageDocument};
pub use why_step::{CausePartDocument, FileChangeDocument, WhyStepDocument};

/// Returns the fields of a document in the order of `names`, for a table. A field that the document
/// omits is null.
pub fn fields_of(document: &impl Serialize, names: &[&'static str]) -> Vec<(&'static str, Value)> {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut known = document.as_object().into_iter().flat_map(|map| map.keys());
    debug_assert!(
        known.all(|name| names.contains(&name.as_str())),
        "{names:?} lacks a field of {document}"
    );
    let value = |name: &&'static str| {
        let value = document.get(*name).cloned();
        (*name, value.unwrap_or_default())
    };
    names.iter().map(value).collect()
}
