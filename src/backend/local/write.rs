//! Points refs to other documents, and restores them.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use super::LocalCache;
use super::dir::DirPlace;
use super::folders::Layout;
use super::refs::{entry_of, no_longer_there, target_of};
use super::trash::{self, LocalTrash};
use crate::backend::{ObjectName, Outcome, PlanId, PruneError, RefRewrite, RefTarget, Skip};
use crate::format::digest::Digest;
use crate::format::layout::LayoutRef;
use crate::format::layout::edit::IndexText;

/// The mode of a blob, as BuildKit's content store writes it.
const BLOB_MODE: u32 = 0o444;

impl LocalCache {
    pub(super) fn rewrite(
        &self,
        plan: &PlanId,
        refs: &[RefRewrite],
    ) -> Result<Vec<Outcome>, PruneError> {
        let layout = self.open_layout()?;
        // The documents come first, so a reader of the index finds them.
        for text in refs.iter().flat_map(|rewrite| &rewrite.documents) {
            self.store_document(&layout, text)?;
        }
        let index = self.hold_index(&layout)?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let mut outcomes = Vec::with_capacity(refs.len());
        let mut replaced = Vec::new();
        for rewrite in refs {
            let (to, size) = rewrite.to();
            let is_from =
                |listed_ref: &LayoutRef| target_of(listed_ref).as_ref() == Some(&rewrite.from);
            let after = RefTarget {
                names: rewrite.from.names.clone(),
                digest: to,
                bytes: 0,
            };
            let entry = text
                .point_to(is_from, &to, size)
                .map_err(|source| self.index_error(source))?;
            let is_done = text
                .layout_refs()
                .any(|listed_ref| target_of(listed_ref).as_ref() == Some(&after));
            outcomes.push(match entry {
                Some(entry) => {
                    replaced.push(entry);
                    Outcome::Done
                }
                None if is_done => Outcome::AlreadyGone,
                None => Outcome::Skipped(Skip::Changed),
            });
        }
        if !replaced.is_empty() {
            let trash = LocalTrash::ensure(&self.dir, &layout)?;
            trash.remember(plan, replaced)?;
            index.replace(
                &old,
                &text.to_text().map_err(|source| self.index_error(source))?,
            )?;
        }
        Ok(outcomes)
    }

    pub(super) fn restore_rewritten(
        &self,
        plan: &PlanId,
        refs: &[RefRewrite],
    ) -> Result<Vec<Outcome>, PruneError> {
        self.restore_in_index(plan, refs, |text, entries, rewrite| {
            let before = &rewrite.from;
            let after = RefTarget {
                names: before.names.clone(),
                digest: rewrite.to().0,
                bytes: 0,
            };
            let is_it = |found: &LayoutRef| target_of(found).as_ref() == Some(before);
            if text.layout_refs().any(is_it) {
                return Ok(Outcome::AlreadyGone);
            }
            let Some(entry) = entry_of(entries, before) else {
                return Ok(no_longer_there());
            };
            let is_after = |found: &LayoutRef| target_of(found).as_ref() == Some(&after);
            Ok(if text.put(is_after, entry)? {
                Outcome::Done
            } else {
                Outcome::Skipped(Skip::Changed)
            })
        })
    }

    /// Stores a document under its digest durably and atomically, unless it exists.
    fn store_document(&self, layout: &Layout, text: &str) -> Result<(), PruneError> {
        let digest = Digest::of(text.as_bytes());
        let shown = self.place(&format!("blobs/{}/{}", digest.algorithm(), digest.hex()));
        let fail = |source| PruneError::Io {
            doing: "write",
            place: shown.clone(),
            source,
        };
        let place = layout.place(&ObjectName::Blob(digest)).map_err(fail)?;
        let place = place.ok_or_else(|| fail(io::ErrorKind::InvalidInput.into()))?;
        if place.facts().is_ok() {
            return if holds(&place, text).map_err(fail)? {
                Ok(())
            } else {
                Err(fail(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "something else is stored under that name",
                )))
            };
        }
        let trash = LocalTrash::ensure(&self.dir, layout)?;
        let draft = DirPlace {
            dir: Arc::clone(trash.dir()),
            name: OsString::from(trash::DOCUMENT_DRAFT),
        };
        let written = write_document(&draft, &place, text);
        if written.is_err() {
            let _ = draft.dir.remove_file(&draft.name);
        }
        written.map_err(fail)
    }
}

/// Writes a document to `draft` and moves it to its place.
fn write_document(draft: &DirPlace, place: &DirPlace, text: &str) -> io::Result<()> {
    match draft.dir.remove_file(&draft.name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = draft.dir.create(&draft.name)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(BLOB_MODE))?;
    file.sync_all()?;
    draft.move_to(place)?;
    place.dir.sync()
}

fn holds(place: &DirPlace, text: &str) -> io::Result<bool> {
    let file = place.file()?;
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut stored = Vec::new();
    file.take(text.len() as u64 + 1).read_to_end(&mut stored)?;
    Ok(stored == text.as_bytes())
}
