//! Writes indexes. Only a job can do that, and only for its own branch.
//!
//! Entries are immutable: a new index of a scope is another entry with the next number, and builds
//! import the newest (`SaveMutable` in `github.com/tonistiigi/go-actions-cache`). The previous
//! index remains, so deleting the new one restores it.

use async_trait::async_trait;

use super::entry::EntryContent;
use super::prune::whole;
use super::runtime::CacheService;
use super::{GhaCache, RankedIndex, sort_out};
use crate::backend::ListedRef;
use crate::backend::http::Tries;
use crate::backend::{
    Obstacle, Outcome, PreviousVersions, RefRewrite, RemoteError, Skip, StoreVersion, Support,
};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{CACHE_CONFIG, Descriptor};

/// The index of a ref that builds import now.
struct CurrentIndex {
    index: RankedIndex,
    /// The number of the next index of the scope.
    next: u64,
    content: Digest,
}

impl GhaCache {
    /// Returns whether refs can be rewritten from here.
    pub(super) async fn may_write(&self) -> Support {
        match self.runtime().await {
            Ok(Some(runtime)) if runtime.may_write() == Some(true) => Support::Yes,
            Ok(Some(_)) => Support::No(Obstacle::ReadOnlyToken),
            Ok(None) => Support::No(Obstacle::OutsideJob),
            Err(error) => Support::No(Obstacle::Credentials(error.in_one_line_with_hint())),
        }
    }

    async fn indexes_of(&self, name: &str) -> Result<Vec<RankedIndex>, RemoteError> {
        let mut indexes = sort_out(whole(self.list_indexes().await?)?);
        indexes.retain(|index| index.name == name);
        Ok(indexes)
    }

    /// Reads an index; `None` if it no longer exists.
    async fn content_of(
        &self,
        runtime: &CacheService,
        index: &RankedIndex,
    ) -> Result<Option<Digest>, RemoteError> {
        let known = self.read.lock().ok();
        let known = known.and_then(|read| read.get(&index.listed.id).copied());
        if known.is_some() {
            return Ok(known);
        }
        let bytes = runtime.content(&index.listed.key).await?;
        Ok(bytes.map(|bytes| self.remember(index.listed.id, bytes)))
    }

    async fn current(
        &self,
        runtime: &CacheService,
        name: &str,
    ) -> Result<Option<CurrentIndex>, RemoteError> {
        let indexes = self.indexes_of(name).await?;
        let number = |index: &RankedIndex| match index.listed.what() {
            EntryContent::Index(key) => key.number,
            _ => 0,
        };
        let next = indexes.iter().map(number).max().unwrap_or(0) + 1;
        let Some(index) = indexes.into_iter().find(|index| index.steps_back == 0) else {
            return Ok(None);
        };
        let content = self.content_of(runtime, &index).await?;
        Ok(content.map(|content| CurrentIndex {
            index,
            next,
            content,
        }))
    }

    /// Saves a new index for a ref that is unchanged.
    pub(super) async fn rewrite(&self, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
        let (Some(name), [document]) = (rewrite.from.names.first(), rewrite.documents.as_slice())
        else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some(runtime) = self.runtime().await? else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some(current) = self.current(runtime, name).await? else {
            return Ok(Outcome::Skipped(Skip::Changed));
        };
        if current.content == rewrite.to().0 {
            return Ok(Outcome::AlreadyGone);
        }
        if current.content != rewrite.from.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let listed = &current.index.listed;
        // A signature covers the content, and a job may write only for its own branch.
        let is_signed = matches!(listed.what(), EntryContent::Index(key) if key.is_signed);
        let Some((stem, _)) = listed.key.rsplit_once('#').filter(|_| !is_signed) else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        if !runtime.may_write_for(&listed.git_ref) {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        }
        let key = format!("{stem}#{}", current.next);
        let is_saved = runtime.save(&key, document.as_bytes()).await?;
        Ok(if is_saved {
            Outcome::Done
        } else {
            // A build exports at the same time.
            Outcome::Skipped(Skip::Changed)
        })
    }

    /// Deletes the index that [`Self::rewrite`] saved, so the previous index is the newest again.
    pub(super) async fn undo_rewrite(&self, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
        let Some(name) = rewrite.from.names.first() else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some(runtime) = self.runtime().await? else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let mut tries = Tries::new();
        loop {
            let outcome = match self.current(runtime, name).await? {
                Some(current) if current.content == rewrite.from.digest => Outcome::AlreadyGone,
                Some(current) if current.content == rewrite.to().0 => {
                    match self
                        .rest()
                        .await?
                        .delete(current.index.listed.id, &mut tries)
                        .await?
                    {
                        None => continue,
                        Some(true) => Outcome::Done,
                        Some(false) => Outcome::AlreadyGone,
                    }
                }
                Some(_) | None => Outcome::Skipped(Skip::Changed),
            };
            return Ok(outcome);
        }
    }
}

#[async_trait]
impl PreviousVersions for GhaCache {
    async fn versions_of(&self, name: &str) -> Result<Vec<StoreVersion>, RemoteError> {
        let Some(runtime) = self.runtime().await?.filter(|_| !self.access.no_touch) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for index in self.indexes_of(name).await? {
            if index.steps_back == 0 || !runtime.may_read(&index.listed.git_ref) {
                continue;
            }
            let Some(digest) = self.content_of(runtime, &index).await? else {
                continue;
            };
            let mut descriptor = Descriptor::named(DigestText::Valid(digest));
            CACHE_CONFIG.clone_into(&mut descriptor.media_type);
            found.push(StoreVersion {
                listed_ref: ListedRef::new(Vec::new(), descriptor),
                written: Some(index.listed.created_at),
            });
        }
        Ok(found)
    }
}
