//! Compares the folders that a copy takes from a context with those of a layer.

use super::paths::{below, joined, shown, trimmed};
use crate::explain::cause::{CauseKind, PathChange};
use crate::explain::context::{ContextEntry, ContextFiles};
use crate::format::llb::CopyAction;

/// The most folders that are compared for one copy.
const MOST_FOLDERS: usize = 1_000;

/// Compares the folders below a copied path: their mode, and whether empty ones exist. Folders of a
/// pattern are not compared.
pub(super) fn folders(
    files: &ContextFiles,
    layer: &ContextFiles,
    copy: &CopyAction,
) -> Vec<PathChange> {
    let is_plain = copy.include_patterns.0.is_empty() && copy.exclude_patterns.0.is_empty();
    let src = trimmed(&copy.src);
    let dest = trimmed(&copy.dest);
    let is_folder = src.is_empty() || files.entry(&src).is_some_and(ContextEntry::is_directory);
    if !is_plain || !is_folder || copy.attempt_unpack {
        return Vec::new();
    }
    let sets_mode = copy.mode >= 0 || !copy.mode_str.is_empty();
    let mut changes = changed_folders(files, layer, (&src, &dest), sets_mode);
    changes.extend(removed_folders(files, layer, (&src, &dest)));
    changes
}

/// Returns whether a folder is not empty.
fn has_more(files: &ContextFiles, folder: &[u8]) -> bool {
    let mut entries = files.entries().iter();
    entries.any(|entry| below(&entry.path, folder).is_some_and(|rest| !rest.is_empty()))
}

/// Finds folders of the context with another mode than in the layer, and empty ones that the layer
/// does not have.
fn changed_folders(
    files: &ContextFiles,
    layer: &ContextFiles,
    (src, dest): (&[u8], &[u8]),
    sets_mode: bool,
) -> Vec<PathChange> {
    let mut changes = Vec::new();
    for entry in files
        .entries()
        .iter()
        .filter(|entry| entry.is_directory())
        .take(MOST_FOLDERS)
    {
        let Some(relative) = below(&entry.path, src).filter(|relative| !relative.is_empty()) else {
            continue;
        };
        let change = |kind, detail: String| {
            PathChange::new(format!("{}/", shown(&entry.path)), kind, detail)
        };
        match layer.entry(&joined(dest, relative)) {
            // A folder that the layer does not list has no digest.
            Some(old)
                if old.is_directory()
                    && old.digest.is_some()
                    && old.mode != entry.mode
                    && !sets_mode =>
            {
                changes.push(change(
                    CauseKind::Mode,
                    format!("{:04o} → {:04o}", old.mode, entry.mode),
                ));
            }
            None if !has_more(files, &entry.path) => {
                changes.push(change(CauseKind::FileAdded, String::new()));
            }
            _ => {}
        }
    }
    changes
}

/// Finds empty folders of the layer that the context does not have.
fn removed_folders(
    files: &ContextFiles,
    layer: &ContextFiles,
    (src, dest): (&[u8], &[u8]),
) -> Vec<PathChange> {
    let mut changes = Vec::new();
    for old in layer
        .entries()
        .iter()
        .filter(|entry| entry.is_directory())
        .take(MOST_FOLDERS)
    {
        let Some(relative) = below(&old.path, dest).filter(|relative| !relative.is_empty()) else {
            continue;
        };
        let name = joined(src, relative);
        if files.entry(&name).is_none() && !has_more(layer, &old.path) {
            changes.push(PathChange::new(
                format!("{}/", shown(&name)),
                CauseKind::FileRemoved,
                "",
            ));
        }
    }
    changes
}
