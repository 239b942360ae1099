//! Reads the store directory of a registry of the distribution project. Never writes to it.
//!
//! The directory shows more than the registry: every blob, and the earlier targets of each tag. The
//! layout is that of `registry/storage/paths.go` in distribution, and has not changed since version
//! 2.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::files::{self, show};
use super::untagged::{self, Untagged};
use super::{BackendError, ReadError};
use crate::backend::{ListedRef, ListedRefFacts};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::Descriptor;

mod list;
mod read;
mod walk;

use walk::StoredRepository;

/// The path of the store below the configured directory of the registry.
const STORE: &str = "docker/registry/v2";

/// The store directory of a registry.
#[derive(Debug, Clone)]
pub struct RegistryDir {
    dir: PathBuf,
    concurrency: usize,
}

impl RegistryDir {
    /// Creates the reader of a directory: the registry's `rootdirectory`, or the store below it.
    /// Nothing is read yet.
    pub fn new(dir: impl Into<PathBuf>, concurrency: usize) -> Self {
        Self {
            dir: dir.into(),
            concurrency,
        }
    }

    fn store(&self) -> Result<PathBuf, BackendError> {
        let below = self.dir.join(STORE);
        let found = [below, self.dir.clone()]
            .into_iter()
            .find(|store| store.join("repositories").is_dir());
        match found {
            Some(store) => Ok(store),
            None if self.dir.is_dir() => Err(BackendError::NotAStore(show(&self.dir))),
            None => Err(BackendError::NotFound(show(&self.dir))),
        }
    }

    /// Creates the refs of one repository: its tags, then their previous versions, then manifests
    /// that never had a tag.
    async fn refs_of(&self, repository: StoredRepository) -> Vec<ListedRef> {
        let name = &repository.name;
        let mut listed_refs: Vec<ListedRef> = repository
            .tags
            .iter()
            .map(|tag| tag_ref(name, tag))
            .collect();
        let current: Vec<Digest> = repository
            .tags
            .iter()
            .filter_map(|tag| tag.current.valid())
            .collect();
        let untagged = displaced(&repository, &current);
        listed_refs.extend(untagged::refs(self, current, untagged, name, self.concurrency).await);
        listed_refs
    }
}

fn tag_ref(repository: &str, tag: &walk::Tag) -> ListedRef {
    let descriptor = Descriptor::named(tag.current.clone());
    let facts = ListedRefFacts {
        modified: tag.modified,
        repository: Some(repository.to_owned()),
        ..ListedRefFacts::default()
    };
    ListedRef {
        facts,
        ..ListedRef::new(vec![format!("{repository}:{}", tag.name)], descriptor)
    }
}

/// Returns the manifests of a repository without a tag, each with the last tag that pointed to it.
fn displaced(repository: &StoredRepository, current: &[Digest]) -> Vec<Untagged> {
    let previous = |digest: Digest| {
        let tags = repository.tags.iter();
        let past = tags.flat_map(|tag| {
            tag.history
                .iter()
                .map(move |past| (past.modified, &tag.name, past.digest))
        });
        past.filter(|(.., found)| *found == digest).max()
    };
    let untagged = repository
        .revisions
        .iter()
        .filter(|revision| !current.contains(&revision.digest));
    untagged
        .map(|revision| {
            let (modified, of): (Option<Timestamp>, _) = match previous(revision.digest) {
                Some((modified, tag, _)) => (modified, Some(format!("{}:{tag}", repository.name))),
                None => (revision.modified, None),
            };
            Untagged {
                digest: revision.digest,
                modified,
                of,
            }
        })
        .collect()
}

impl RegistryDir {
    /// Returns the path of the bytes of a blob.
    fn data(&self, digest: Digest) -> Result<PathBuf, ReadError> {
        let store = self
            .store()
            .map_err(|error| ReadError::Io(std::io::Error::other(error.to_string())))?;
        Ok(data_in(&store, digest))
    }
}

fn data_in(store: &Path, digest: Digest) -> PathBuf {
    let hex = digest.hex();
    store
        .join("blobs")
        .join(digest.algorithm())
        .join(hex.get(..2).unwrap_or_default())
        .join(hex)
        .join("data")
}

/// Parses the digest in a link file. Other text is returned unchanged.
fn link(file: &Path) -> Option<DigestText> {
    let bytes = files::read(file, 1024).ok()?;
    Some(DigestText::from(String::from_utf8_lossy(&bytes).trim()))
}
