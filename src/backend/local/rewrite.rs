//! Refs that point to other documents, and back.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use jiff::Timestamp;
use rustix::fs::OFlags;

use super::LocalCache;
use super::index::{PATIENCE, sync_dir};
use super::refs::target_of;
use super::trash::{Run, Trash};
use crate::backend::{Outcome, PlanId, PruneError, RefRewrite, RefTarget, Skip};
use crate::format::digest::Digest;
use crate::format::layout::edit::{IndexText, parse_entry};

/// The mode of a blob, as BuildKit's content store writes it.
const BLOB_MODE: u32 = 0o444;

impl LocalCache {
    pub(super) fn rewrite(&self, plan: &PlanId, refs: &[RefRewrite]) -> Result<Vec<Outcome>, PruneError> {
        // The documents come first: whoever reads the index finds what it names.
        for text in refs.iter().flat_map(|rewrite| &rewrite.documents) {
            self.store_document(text)?;
        }
        let index = self.hold_index(PATIENCE)?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let mut outcomes = Vec::with_capacity(refs.len());
        let mut replaced = Vec::new();
        for rewrite in refs {
            let (to, size) = rewrite.to();
            let is_from = |root: &crate::format::layout::Root| target_of(root).as_ref() == Some(&rewrite.from);
            let after = RefTarget { names: rewrite.from.names.clone(), digest: to, bytes: 0 };
            let entry = text.point_to(is_from, &to, size).map_err(|source| self.index_error(source))?;
            let is_done = text.roots().any(|root| target_of(root).as_ref() == Some(&after));
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
            let trash = Trash::ensure(&self.dir)?;
            let mut run = trash.read_run(plan)?.unwrap_or_else(|| Run::new(plan));
            run.since = Timestamp::now();
            let new: Vec<String> = replaced.into_iter().filter(|entry| !run.refs.contains(entry)).collect();
            run.refs.extend(new);
            trash.write_run(&run)?;
            index.replace(&old, &text.to_text().map_err(|source| self.index_error(source))?)?;
        }
        Ok(outcomes)
    }

    pub(super) fn restore_rewritten(&self, plan: &PlanId, refs: &[RefRewrite]) -> Result<Vec<Outcome>, PruneError> {
        let remembered = match Trash::find(&self.dir)? {
            Some(trash) => trash.read_run(plan)?.map(|run| run.refs).unwrap_or_default(),
            None => Vec::new(),
        };
        let mut entries = Vec::new();
        for text in &remembered {
            entries.push((target_of(&parse_entry(text).map_err(|source| self.index_error(source))?), text));
        }
        let index = self.hold_index(PATIENCE)?;
        let old = index.read()?;
        let mut text = IndexText::parse(&old).map_err(|source| self.index_error(source))?;
        let (mut outcomes, mut changed) = (Vec::with_capacity(refs.len()), false);
        for rewrite in refs {
            let after = RefTarget { names: rewrite.from.names.clone(), digest: rewrite.to().0, bytes: 0 };
            let entry = entries.iter().find(|(target, _)| target.as_ref() == Some(&rewrite.from));
            outcomes.push(if text.roots().any(|root| target_of(root).as_ref() == Some(&rewrite.from)) {
                Outcome::AlreadyGone
            } else if let Some((_, entry)) = entry {
                let is_after = |root: &crate::format::layout::Root| target_of(root).as_ref() == Some(&after);
                if text.put(is_after, entry).map_err(|source| self.index_error(source))? {
                    changed = true;
                    Outcome::Done
                } else {
                    Outcome::Skipped(Skip::Changed)
                }
            } else {
                Outcome::Failed("it is no longer in the trash".to_owned())
            });
        }
        if changed {
            index.replace(&old, &text.to_text().map_err(|source| self.index_error(source))?)?;
        }
        Ok(outcomes)
    }

    /// Stores a document under its digest, durably and in one step, unless it is there already.
    fn store_document(&self, text: &str) -> Result<(), PruneError> {
        let digest = Digest::of(text.as_bytes());
        let path = self.blob_path(&digest);
        let fail = |source| PruneError::Io { doing: "write", place: super::show(&path), source };
        if fs::symlink_metadata(&path).is_ok() {
            return if self.holds(&digest, text).map_err(fail)? {
                Ok(())
            } else {
                Err(fail(io::Error::new(io::ErrorKind::InvalidData, "something else is stored under that name")))
            };
        }
        let draft = Trash::ensure(&self.dir)?.document_draft();
        let written = (|| {
            match fs::remove_file(&draft) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let nofollow = super::flags(OFlags::NOFOLLOW);
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(nofollow).open(&draft)?;
            file.write_all(text.as_bytes())?;
            file.set_permissions(fs::Permissions::from_mode(BLOB_MODE))?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            path.parent().map_or(Ok(()), sync_dir)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map_err(fail)
    }

    fn holds(&self, digest: &Digest, text: &str) -> io::Result<bool> {
        let nofollow = super::flags(OFlags::NOFOLLOW | OFlags::NONBLOCK);
        let file = OpenOptions::new().read(true).custom_flags(nofollow).open(self.blob_path(digest))?;
        if !file.metadata()?.is_file() {
            return Ok(false);
        }
        let mut stored = Vec::new();
        file.take(text.len() as u64 + 1).read_to_end(&mut stored)?;
        Ok(stored == text.as_bytes())
    }
}
