//! Compares the files of a layer with those of the layers below it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use super::layer::{self, SelectedLayer};
use crate::backend::layer_changes::{self, LayerGap};
use crate::cli::CliSession;
use crate::cli::open::Scanned;
use crate::error::{Exit, Failure};
use crate::format::layer::TarEntry;
use crate::format::layer::changes::{LayerChange, LayerChanges};
use crate::format::layer::tree::TreeBuilder;
use crate::inventory::below::LayersBelow;
use crate::report::documents::ReplacedFileDocument;
use crate::text::units::Size;

/// Whether the layers below are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum CompareWhen {
    /// Where reading is cheap: from a directory, up to 64 mebibytes.
    #[default]
    Auto,
    /// Always. This downloads the layers below from a remote store.
    Always,
    /// Never.
    Never,
}

/// The comparison of the files of a layer with the layers below it.
#[derive(Default)]
pub(super) struct ComparedFiles {
    pub(super) below: Option<LayersBelow>,
    changes: Option<LayerChanges>,
    /// The node of each entry.
    nodes: Vec<u32>,
    /// Why some or all changes are unknown.
    pub(super) unknown: Option<String>,
}

impl ComparedFiles {
    fn unknown(why: String) -> Self {
        Self {
            unknown: Some(why),
            ..Self::default()
        }
    }

    pub(super) fn changes(&self) -> Option<&LayerChanges> {
        self.changes.as_ref()
    }

    /// Returns the change of the path of an entry.
    pub(super) fn of(&self, row: u32, entry: &TarEntry) -> Option<LayerChange> {
        let changes = self.changes.as_ref()?;
        let node = *self.nodes.get(row as usize)?;
        if matches!(entry.kind, crate::format::layer::TarEntryKind::Opaque) {
            changes.of_content(node)
        } else {
            changes.of(node)
        }
    }

    /// Returns the document of the file that an entry replaces or deletes.
    pub(super) fn replaced(&self, row: u32) -> Option<ReplacedFileDocument> {
        let node = *self.nodes.get(row as usize)?;
        ReplacedFileDocument::at(node, self.changes.as_ref()?, self.below.as_ref()?)
    }

    /// Returns the line below a table.
    pub(super) fn line(&self) -> Option<String> {
        let stack = self.below.as_ref().map(|below| {
            let layers = match below.layers.len() {
                1 => "the layer below".to_owned(),
                count => format!("the {count} layers below"),
            };
            let others = match below.others {
                0 => String::new(),
                1 => "; another ref or step has other layers there".to_owned(),
                count => format!("; {count} other stacks of layers differ"),
            };
            format!("{layers} in {}{others}", below.from)
        });
        match (&self.changes, stack, &self.unknown) {
            (Some(changes), Some(stack), None) => {
                Some(format!("{}, compared with {stack}", changes.totals()))
            }
            (Some(changes), Some(stack), Some(why)) => Some(format!(
                "{}, compared with {stack}; {why}",
                changes.totals()
            )),
            (_, _, why) => why.clone(),
        }
    }
}

/// Compares the files of a layer, as far as the layers below are known and `when` allows it.
pub(super) async fn compare(
    session: &CliSession<'_>,
    scanned: &Scanned,
    selected: &SelectedLayer,
    entries: &[TarEntry],
    provenance: &[PathBuf],
    when: CompareWhen,
) -> Result<ComparedFiles, Failure> {
    if when == CompareWhen::Never {
        return Ok(ComparedFiles::default());
    }
    let below = match layer::below(session, scanned, selected, provenance).await {
        Ok(below) => below,
        Err(why) => return Ok(ComparedFiles::unknown(why)),
    };
    let blobs = &scanned.inventory.blobs;
    let kind = scanned.opened.source.kind();
    if when == CompareWhen::Auto && !below.is_read_at_once(kind, blobs) {
        let bytes = Size(below.stored_bytes(blobs));
        let why =
            format!("add `--changes always` to compare with the layers below, which reads {bytes}");
        return Ok(ComparedFiles {
            below: Some(below),
            ..ComparedFiles::unknown(why)
        });
    }
    let mut builder = TreeBuilder::default();
    let mut nodes = Vec::with_capacity(entries.len());
    for entry in entries {
        let Ok(node) = builder.add(entry) else {
            return Ok(ComparedFiles::unknown(
                "the layer has too many files to compare".to_owned(),
            ));
        };
        nodes.push(node);
    }
    let reader = &*scanned.opened.reader;
    let tree = Arc::new(builder.into_tree());
    let digests = below.digests();
    let cancel = session.cancel.child_token();
    let quiet = Arc::new(|_| {});
    let compared = layer_changes::compare(reader, selected.digest, tree, &digests, cancel, quiet);
    let compared = compared
        .await
        .map_err(|why| Failure::message(Exit::Interrupted, why))?;
    Ok(ComparedFiles {
        below: Some(below),
        changes: Some(compared.changes),
        nodes,
        unknown: compared.gap.as_ref().map(LayerGap::to_string),
    })
}
