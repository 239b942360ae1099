//! The files of a context that changed since a git revision, for steps that no layer explains.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;

use super::texts::small;
use super::{ContextInput, shown};
use crate::explain::cause::{CauseKind, PathChange};
use crate::explain::context::ContextFiles;
use crate::explain::load::git::{self, TreeFile};
use crate::explain::load::history::sent;
use crate::explain::text_diff;
use crate::format::provenance::GitRevision;

/// How many files of one step are compared by lines.
const MOST_TEXTS: usize = 20;

/// The files that differ between a revision and the work tree.
pub(super) struct RevisionChanges {
    revision: GitRevision,
    /// The kind of each change, by path below the directory of the revision.
    changes: BTreeMap<Vec<u8>, CauseKind>,
    /// The files of the revision that were removed since.
    removed: Vec<TreeFile>,
}

impl RevisionChanges {
    /// Compares a revision with the work tree. Returns `None` if git cannot do that.
    pub(super) async fn read(revision: GitRevision) -> Option<Self> {
        let read = move || {
            let changes = git::changes(&revision.name, &revision.directory).ok()?;
            let is_removed = |path: &[u8]| changes.get(path) == Some(&CauseKind::FileRemoved);
            let removed = if changes.values().any(|kind| *kind == CauseKind::FileRemoved) {
                git::files(&revision.name, &revision.directory).ok()?
            } else {
                Vec::new()
            };
            let removed = removed.into_iter().filter(|file| is_removed(&file.path));
            Some(Self {
                removed: removed.collect(),
                revision,
                changes,
            })
        };
        tokio::task::spawn_blocking(read).await.ok()?
    }

    /// Returns the changed files that a step takes. Files that git does not track are unknown, so
    /// they are left out.
    pub(super) fn of_input(&self, input: &ContextInput<'_>) -> Vec<PathChange> {
        if input.root != Some(&self.revision.directory) {
            return Vec::new();
        }
        let mut texts = 0;
        let mut found = Vec::new();
        for entry in &input.selected {
            let Some(kind) = self.changes.get(&*entry.path) else {
                continue;
            };
            let mut change = PathChange::new(shown(&entry.path), *kind, "");
            if *kind == CauseKind::Content && texts < MOST_TEXTS {
                texts += 1;
                self.describe_content(&mut change, &entry.path);
            }
            found.push(change);
        }
        let removed = self.removed_of(input);
        found.extend(removed.map(|path| PathChange::new(path, CauseKind::FileRemoved, "")));
        found
    }

    /// Returns the paths of the removed files that a step took.
    fn removed_of(&self, input: &ContextInput<'_>) -> impl Iterator<Item = String> {
        let removed: ContextFiles = sent(&self.removed, &input.excluded);
        let mut paths = BTreeSet::new();
        for selector in &input.selectors {
            let taken = removed.selected(selector).unwrap_or_default();
            let files = taken.into_iter().filter(|entry| !entry.is_directory());
            paths.extend(files.map(|entry| shown(&entry.path)));
        }
        paths.into_iter()
    }

    /// Adds the sizes and the changed lines of a file, where it is small.
    fn describe_content(&self, change: &mut PathChange, path: &[u8]) {
        let path = self.revision.directory.join(OsStr::from_bytes(path));
        let was = git::read(&self.revision.name, &path, text_diff::MAX_BYTES as u64);
        let is = File::open(&path).ok().and_then(small);
        let (Ok(was), Some(is)) = (was, is) else {
            return;
        };
        change.detail = if was.len() == is.len() {
            format!("{} bytes", is.len())
        } else {
            format!("{} bytes → {} bytes", was.len(), is.len())
        };
        change.lines = text_diff::lines(&change.path, &was, &is).unwrap_or_default();
    }
}
