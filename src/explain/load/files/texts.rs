//! The lines of text files that changed between the layer that a cache has, and the context.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::compare::ChangedFile;
use crate::explain::cause::{CauseKind, PathChange};
use crate::explain::load::MOST_UNPACKED;
use crate::explain::load::caches::LoadedCache;
use crate::explain::text_diff;
use crate::format::cache_config::RecordIndex;
use crate::format::layer::{self, LayerLimits, TarEntryKind};

/// How many files of one step are compared by lines.
const MOST_FILES: usize = 20;
/// How many bytes of the files of one step are kept for that.
const MOST_BYTES: usize = 64 << 20;

/// Adds the changed lines to changes of content. A file that cannot be read stays without them.
pub(super) async fn add_lines(
    cache: &LoadedCache<'_>,
    record: RecordIndex,
    root: Option<&Path>,
    changes: Vec<ChangedFile>,
) -> Vec<PathChange> {
    let is_content = |change: &&ChangedFile| change.item.kind == CauseKind::Content;
    let texts = changes
        .iter()
        .filter(is_content)
        .filter_map(|change| change.texts.as_ref());
    let wanted: BTreeSet<Vec<u8>> = texts
        .take(MOST_FILES)
        .map(|texts| texts.was.clone())
        .collect();
    let earlier = match root {
        Some(_) if !wanted.is_empty() => contents(cache, record, wanted).await.unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    let with_lines = |ChangedFile { mut item, texts }| {
        if let (CauseKind::Content, Some(texts), Some(root)) = (item.kind, texts, root)
            && let Some(was) = earlier.get(&texts.was)
            && let Ok(file) = File::open(root.join(OsStr::from_bytes(&texts.is)))
            && let Some(is) = small(file)
        {
            item.lines = text_diff::lines(&item.path, was, &is).unwrap_or_default();
        }
        item
    };
    changes.into_iter().map(with_lines).collect()
}

/// Reads files from the layer of a record.
async fn contents(
    loaded: &LoadedCache<'_>,
    record: RecordIndex,
    wanted: BTreeSet<Vec<u8>>,
) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let cache = &loaded.cache;
    let top = cache.top_layer(cache.records[record.at()].result.as_ref()?)?;
    let blob = loaded
        .reader()
        .open_blob(cache.graph.layers[top.at()].blob.valid()?)
        .await
        .ok()?;
    let read = move || {
        let limits = LayerLimits {
            bytes: MOST_UNPACKED,
            ..LayerLimits::default()
        };
        let mut found = BTreeMap::new();
        let mut kept = 0;
        layer::read(blob, &limits, |entry, detail, content| {
            let is_wanted = entry.kind == TarEntryKind::File && wanted.contains(&detail.path);
            if is_wanted && !detail.is_sparse && kept < MOST_BYTES {
                let content = small(content);
                kept += content.as_ref().map_or(0, Vec::len);
                found.extend(content.map(|content| (detail.path.clone(), content)));
            }
            Ok(())
        })
        .ok()
        .map(|()| found)
    };
    tokio::task::spawn_blocking(read).await.ok()?
}

/// Reads a file if it is small enough to compare.
pub(super) fn small(source: impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(text_diff::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() <= text_diff::MAX_BYTES).then_some(bytes)
}
