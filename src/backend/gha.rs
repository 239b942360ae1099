//! The GitHub Actions cache of a repository.
//!
//! GitHub's API lists and deletes entries but serves no content. Inside a job the cache service
//! serves it: there the indexes can be read, so the blobs they reference are known. Outside a job
//! an index is *withheld*: its times and its size are known, but not the blobs it references.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

use super::entries::{BLOB_KEY, CacheBranch, QuotaFact, QuotaFacts};
use super::github::{Api, credentials};
use super::listing::BrokenListing;
use super::{Access, ReadError, RemoteError};
use crate::backend::{ListedRef, ListedRefFacts, WithheldReason};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};
use crate::source::{GhaLocation, GithubRepository};

mod entry;
mod list;
mod prune;
mod read;
mod rest;
mod runtime;
mod write;

use entry::ListedEntry;
use list::{RankedIndex, sort_out};
use rest::RestApi;
use runtime::CacheService;

/// The name of a ref that represents indexes missing from GitHub's list. No scope has this name:
/// the names of refs contain an `@`.
const UNLISTED: &str = "(not listed)";

/// The cache of a repository.
#[derive(Debug)]
pub struct GhaCache {
    location: GhaLocation,
    access: Access,
    /// The address of GitHub's API; `None` to take it from the environment.
    api: Option<String>,
    rest: OnceCell<RestApi>,
    runtime: OnceCell<Option<CacheService>>,
    /// The contents of indexes, by digest. They are immutable.
    indexes: Mutex<HashMap<Digest, Arc<[u8]>>>,
    /// The digests of indexes, by the numbers of their entries. An index that was deleted since has
    /// no digest.
    read: Mutex<HashMap<u64, Digest>>,
    branches: Mutex<HashSet<String>>,
    /// Why the last listing of all entries was incomplete.
    unseen: Mutex<Option<String>>,
    /// The quota and the branches, as of the last listing.
    around: Mutex<Option<Arc<QuotaFacts>>>,
}

/// Returns the repository of the source, or the one that the environment determines.
///
/// # Errors
/// Fails if the repository is not known.
pub fn repository(location: &GhaLocation) -> Result<GithubRepository, RemoteError> {
    match &location.repository {
        Some(repository) => Ok(repository.clone()),
        None => credentials::repository(&credentials::api()?),
    }
}

impl GhaCache {
    /// Creates the reader; no request is sent yet.
    pub fn new(location: &GhaLocation, access: &Access) -> Self {
        Self {
            location: location.clone(),
            access: access.clone(),
            api: None,
            rest: OnceCell::new(),
            runtime: OnceCell::new(),
            indexes: Mutex::default(),
            read: Mutex::default(),
            branches: Mutex::default(),
            unseen: Mutex::default(),
            around: Mutex::default(),
        }
    }

    /// Creates a reader of the API at `api`, ignoring the environment.
    ///
    /// # Errors
    /// Fails if it is not an address, or would send a token unencrypted.
    pub fn at(api: &str, location: &GhaLocation, access: &Access) -> Result<Self, RemoteError> {
        let api = credentials::check_address("the address of the interface", api)?;
        Ok(Self {
            api: Some(api),
            ..Self::new(location, access)
        })
    }

    fn api(&self) -> Result<String, RemoteError> {
        self.api.clone().map_or_else(credentials::api, Ok)
    }

    async fn rest(&self) -> Result<&RestApi, RemoteError> {
        let make = || async {
            let api = self.api()?;
            let token = credentials::token(self.location.ghtoken.as_ref(), &api).await;
            let repository = repository(&self.location)?;
            let api = Api::new(api, token, &self.access)?;
            Ok(RestApi::new(api, repository, &self.access))
        };
        self.rest.get_or_try_init(make).await
    }

    /// Returns the job's cache service; `None` outside a job.
    async fn runtime(&self) -> Result<Option<&CacheService>, RemoteError> {
        let make = || async { CacheService::find(&self.location, &self.access) };
        Ok(self.runtime.get_or_try_init(make).await?.as_ref())
    }

    /// Lists all indexes. Also returns why the list is incomplete.
    async fn list_indexes(&self) -> Result<(Vec<ListedEntry>, Option<BrokenListing>), RemoteError> {
        self.rest().await?.list_all(Some(entry::INDEX_PREFIX)).await
    }

    /// Creates the ref of an index, and reads the index if possible.
    async fn listed_ref(&self, index: RankedIndex) -> Result<ListedRef, RemoteError> {
        let RankedIndex { listed, name, .. } = index;
        let runtime = self.runtime().await?;
        let withheld = match runtime {
            None => Some(WithheldReason::OutsideJob),
            Some(_) if self.access.no_touch => Some(WithheldReason::Untouched),
            Some(runtime) if !runtime.may_read(&listed.git_ref) => {
                Some(WithheldReason::OtherBranch)
            }
            Some(_) => None,
        };
        let known = self
            .read
            .lock()
            .ok()
            .and_then(|read| read.get(&listed.id).copied());
        let digest = match (&withheld, known, runtime) {
            (None, None, Some(runtime)) => runtime
                .content(&listed.key)
                .await?
                .map(|bytes| self.remember(listed.id, bytes)),
            (None, known, _) => known,
            (Some(_), ..) => None,
        };
        let withheld = match digest {
            None => withheld.or(Some(WithheldReason::Deleted)),
            Some(_) => withheld,
        };
        // A withheld index is identified by its entry, because the digest of its content is not
        // known.
        let digest = digest.unwrap_or_else(|| Digest::of(listed.name().as_bytes()));
        let mut descriptor = Descriptor::named(DigestText::Valid(digest));
        CACHE_CONFIG.clone_into(&mut descriptor.media_type);
        let names = vec![name, listed.name()];
        let facts = ListedRefFacts {
            modified: Some(listed.created_at),
            used: listed.last_accessed_at,
            branch: Some(listed.git_ref),
            repository: Some(self.rest().await?.repository().to_string()),
            bytes: listed.size_in_bytes,
            withheld,
            ..ListedRefFacts::default()
        };
        Ok(ListedRef {
            facts,
            ..ListedRef::new(names, descriptor)
        })
    }

    fn remember(&self, id: u64, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        if let (Ok(mut indexes), Ok(mut read)) = (self.indexes.lock(), self.read.lock()) {
            indexes.insert(digest, bytes.into());
            read.insert(id, digest);
        }
        digest
    }
}

impl GhaCache {
    /// Requests the quota and the branches.
    async fn surroundings(&self) -> Option<QuotaFacts> {
        let mut around = self.rest().await.ok()?.surroundings().await;
        if let Ok(Some(runtime)) = self.runtime().await {
            around.job_writes = runtime.may_write();
        }
        let knows_branches = around.knows(QuotaFact::Branches);
        let knows_pulls = around.knows(QuotaFact::PullRequests);
        let branches = self
            .branches
            .lock()
            .map(|branches| branches.clone())
            .unwrap_or_default();
        for branch in branches {
            let is_known = (knows_branches && branch.starts_with("refs/heads/"))
                || (knows_pulls && branch.starts_with("refs/pull/"));
            if is_known {
                around.branches.entry(branch).or_insert(CacheBranch {
                    is_gone: true,
                    base: None,
                });
            }
        }
        Some(around)
    }

    /// Returns the service that serves blobs.
    async fn in_job(&self) -> Result<&CacheService, ReadError> {
        let withheld = |why: &str| ReadError::Io(std::io::Error::other(why.to_owned()));
        let runtime = self
            .runtime()
            .await?
            .ok_or_else(|| withheld("content can be read inside a job only"))?;
        if self.access.no_touch {
            return Err(withheld("reading it counts as a use of it (--no-touch)"));
        }
        Ok(runtime)
    }

    /// Reads a small blob inside a job.
    async fn blob(&self, digest: Digest) -> Result<Vec<u8>, ReadError> {
        let runtime = self.in_job().await?;
        let bytes = runtime
            .content(&format!("{BLOB_KEY}{digest}"))
            .await?
            .ok_or(ReadError::Absent)?;
        let limit = DOCUMENT_LIMIT;
        if bytes.len() as u64 > limit {
            return Err(ReadError::TooLarge {
                size: bytes.len() as u64,
                limit,
            });
        }
        digest
            .check(&bytes)
            .map_err(|found| ReadError::WrongBytes { found })?;
        Ok(bytes)
    }
}
