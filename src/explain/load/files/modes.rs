//! Finds a changed mode of a file that no layer shows, by the key of the files with another mode.

use std::collections::HashSet;

use super::ContextInput;
use super::paths::shown;
use super::rehash::hashed;
use crate::explain::cause::{CauseKind, PathChange};
use crate::explain::context::{ContextEntry, ContextEntryKind, ContextFiles};
use crate::explain::keys::{content, content_root, selectors};
use crate::format::digest::Digest;
use std::path::Path;

/// How many combinations are tried to prove a change by its key, where no layer shows it: entries
/// times modes times the size of the context.
const MOST_TRIED: usize = 2_000_000;

/// The modes that are tried.
const COMMON_MODES: [u32; 12] = [
    0o644, 0o755, 0o664, 0o775, 0o600, 0o700, 0o640, 0o750, 0o666, 0o777, 0o444, 0o555,
];

impl ContextInput<'_> {
    /// Finds a changed mode that no layer shows: of the copied folder itself, of files that a copy
    /// gives another mode, of a mount or an archive. The cached key for another mode proves the
    /// change.
    pub(super) fn changed_mode(&self) -> Option<PathChange> {
        let tried = self.selected.len() * COMMON_MODES.len() * self.files.entries().len();
        if tried > MOST_TRIED {
            return None;
        }
        let records = self
            .caches
            .iter()
            .flat_map(|cache| &cache.cache.graph.records);
        let roots = records.filter(|record| record.input_count() == 0);
        let known: HashSet<Digest> = roots.filter_map(|record| record.digest.valid()).collect();
        let step = self.step;
        let selectors = selectors::of_input(&step.op.kind, self.input, step.inputs.len());
        for entry in &self.selected {
            for mode in COMMON_MODES.into_iter().filter(|mode| *mode != entry.mode) {
                let Some(tried) = with_mode(self.files, entry, mode, self.root) else {
                    break;
                };
                let digests: Option<Vec<Digest>> = selectors
                    .iter()
                    .map(|selector| tried.checksum(selector).ok())
                    .collect();
                let key = digests.map(|digests| content_root(&content::content_key(&digests)));
                if key.is_some_and(|key| known.contains(&key)) {
                    let end = if entry.is_directory() { "/" } else { "" };
                    let path = format!("{}{end}", shown(&entry.path));
                    let detail = format!("{mode:04o} → {:04o}", entry.mode);
                    return Some(PathChange::new(path, CauseKind::Mode, detail));
                }
            }
        }
        None
    }
}

/// Returns the files with another mode of one file or folder; `None` for an entry without a mode,
/// or one that cannot be read again.
fn with_mode(
    files: &ContextFiles,
    entry: &ContextEntry,
    mode: u32,
    root: Option<&Path>,
) -> Option<ContextFiles> {
    let other = ContextEntry {
        mode,
        digest: None,
        ..entry.clone()
    };
    let digest = match entry.kind {
        ContextEntryKind::File(size) => hashed(&other, root?, size)?,
        ContextEntryKind::Directory => other.hasher().finish(),
        _ => return None,
    };
    let replaced = |found: &ContextEntry| {
        if found.path == entry.path {
            ContextEntry {
                digest: Some(digest),
                ..other.clone()
            }
        } else {
            found.clone()
        }
    };
    Some(ContextFiles::of_context(
        files.entries().iter().map(replaced).collect(),
    ))
}
