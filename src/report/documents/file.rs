//! A file of a layer in JSON, and the changes of the layer.

use jiff::Timestamp;
use serde::Serialize;

use crate::format::layer::TarEntry;
use crate::format::layer::changes::{ChangeTotals, LayerChange, LayerChanges, LowerFile};
use crate::inventory::below::LayersBelow;

/// A file of a layer.
#[derive(Debug, Serialize)]
pub struct FileDocument<'a> {
    path: &'a str,
    kind: &'static str,
    bytes: u64,
    mode: String,
    uid: u64,
    gid: u64,
    modified: Option<Timestamp>,
    link: Option<&'a str>,
    change: Option<&'static str>,
    replaces: Option<ReplacedFileDocument>,
}

/// The file of a layer below that is replaced or deleted.
#[derive(Debug, Serialize)]
pub struct ReplacedFileDocument {
    layer: Option<String>,
    step: Option<String>,
    kind: &'static str,
    bytes: Option<u64>,
    same_content: Option<bool>,
}

impl<'a> FileDocument<'a> {
    /// All fields, in the order of a table.
    pub const FIELDS: [&'static str; 10] = [
        "path", "kind", "bytes", "mode", "uid", "gid", "modified", "link", "change", "replaces",
    ];

    /// Returns the document of an entry.
    pub fn new(entry: &'a TarEntry) -> Self {
        Self {
            path: &entry.path,
            kind: entry.kind.word(),
            bytes: entry.size,
            mode: entry.octal_mode(),
            uid: entry.uid,
            gid: entry.gid,
            modified: entry.modified,
            link: entry.kind.link(),
            change: None,
            replaces: None,
        }
    }

    /// Adds the change of the path.
    #[must_use]
    pub fn compared(
        self,
        change: Option<LayerChange>,
        replaces: Option<ReplacedFileDocument>,
    ) -> Self {
        Self {
            change: change.map(LayerChange::word),
            replaces,
            ..self
        }
    }
}

impl ReplacedFileDocument {
    /// Returns the document of a file of `below`.
    pub fn new(file: &LowerFile, below: &LayersBelow) -> Self {
        let layer = below.layers.get(file.layer);
        Self {
            layer: layer.map(|layer| layer.digest.to_string()),
            step: layer.and_then(|layer| layer.step.clone()),
            kind: file.kind,
            bytes: file.bytes,
            same_content: file.has_same_content,
        }
    }

    /// Returns the document of the file that a node replaces or deletes, if there is one.
    pub fn at(node: u32, changes: &LayerChanges, below: &LayersBelow) -> Option<Self> {
        let file = changes.below(node)?;
        match changes.of(node)? {
            LayerChange::Changed | LayerChange::Deleted => Some(Self::new(file, below)),
            LayerChange::Added | LayerChange::Same | LayerChange::Nothing => None,
        }
    }
}

/// The totals of the changes of a layer.
#[derive(Debug, Serialize)]
pub struct LayerChangesDocument {
    added: u64,
    changed: u64,
    bytes_before: u64,
    same_content: u64,
    deleted: u64,
    unknown: u64,
}

impl LayerChangesDocument {
    /// Returns the document of totals.
    pub fn new(totals: ChangeTotals) -> Self {
        Self {
            added: totals.added,
            changed: totals.changed,
            bytes_before: totals.bytes_before,
            same_content: totals.same_content,
            deleted: totals.deleted,
            unknown: totals.unknown,
        }
    }
}

/// The layers below a layer.
#[derive(Debug, Serialize)]
pub struct LayersBelowDocument {
    r#ref: String,
    layers: Vec<LayerBelowDocument>,
    other_stacks: usize,
    refs_not_read: usize,
}

#[derive(Debug, Serialize)]
struct LayerBelowDocument {
    digest: String,
    step: Option<String>,
}

impl LayersBelowDocument {
    /// Returns the document of layers, from the nearest one down.
    pub fn new(below: &LayersBelow) -> Self {
        let layers = below.layers.iter().map(|layer| LayerBelowDocument {
            digest: layer.digest.to_string(),
            step: layer.step.clone(),
        });
        Self {
            r#ref: below.from.clone(),
            layers: layers.collect(),
            other_stacks: below.others,
            refs_not_read: below.unread,
        }
    }
}
