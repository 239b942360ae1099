//! The GitHub Actions cache of a repository.
//!
//! GitHub's API lists and deletes entries but serves no content. Inside a job the cache service
//! serves it: there the indexes can be read, so the blobs they reference are known. Outside a job
//! an index is *withheld*: its times and its size are known, but not the blobs it references.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::{OnceCell, mpsc};
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::entries::{BLOB_KEY, CacheBranch, DeletionCost, QuotaFacts};
use super::github::{Api, credentials};
use super::listing::BrokenListing;
use super::{
    Access, BackendError, CacheReader, Capabilities, ListedRefs, ListedRefsPart, ObjectSender,
    PriceDeletions, ReadAbilities, ReadError, RemoteError, StoreFacts, Support, Undoability,
    Unseen, Verified,
};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{ListedRef, ListedRefFacts};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};
use crate::source::{GhaLocation, GithubRepository, Place};

mod entry;
mod listing;
mod prune;
mod rest;
mod runtime;
mod write;

use entry::ListedEntry;
use listing::{ListedSoFar, RankedIndex, sort_out, unlisted};
use rest::RestApi;
use runtime::CacheService;

/// Why an index is withheld outside a job.
const OUTSIDE: &str = "the content of the index can be read only inside a job";
/// Why an index is not read with `--no-touch`.
const UNTOUCHED: &str = "not read, because that counts as a use of it (--no-touch)";
/// Why an index is withheld inside a job that may not read it.
const INVISIBLE: &str = "this job may not read the caches of that branch";
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
            None => Some(OUTSIDE),
            Some(_) if self.access.no_touch => Some(UNTOUCHED),
            Some(runtime) if !runtime.may_read(&listed.git_ref) => Some(INVISIBLE),
            Some(_) => None,
        };
        let known = self
            .read
            .lock()
            .ok()
            .and_then(|read| read.get(&listed.id).copied());
        let digest = match (withheld, known, runtime) {
            (None, None, Some(runtime)) => runtime
                .content(&listed.key)
                .await?
                .map(|bytes| self.remember(listed.id, bytes)),
            (None, known, _) => known,
            (Some(_), ..) => None,
        };
        let withheld = withheld.or_else(|| {
            digest
                .is_none()
                .then_some("it was deleted before it could be read")
        });
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
            withheld: withheld.map(str::to_owned),
            ..ListedRefFacts::default()
        };
        Ok(ListedRef {
            names,
            descriptor,
            facts,
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

#[async_trait]
impl CacheReader for GhaCache {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let (listed, broken) = self.list_indexes().await?;
        let indexes = sort_out(listed);
        let lines: Vec<String> = indexes
            .iter()
            .map(|index| format!("{}\n", index.listed.name()))
            .collect();
        let fingerprint = Digest::of(lines.concat().as_bytes());
        let current: Vec<_> = indexes
            .into_iter()
            .filter(|index| index.steps_back == 0)
            .map(|index| self.listed_ref(index))
            .collect();
        let mut reading = stream::iter(current).buffered(self.access.concurrency.max(1));
        let mut entries = Vec::new();
        while let Some(listed_ref) = reading.next().await {
            entries.push(listed_ref?);
        }
        // Indexes that are missing from the list are treated like withheld ones: the blobs they
        // reference are not known, so no layer may be deleted.
        entries.extend(broken.map(unlisted));
        let listed_refs = ListedRefs {
            entries,
            fingerprint,
        };
        ListedRefsPart::send_all(&parts, &listed_refs).await;
        Ok(listed_refs)
    }

    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        let (pages, mut received) = mpsc::channel::<Vec<ListedEntry>>(1);
        let forwarding = async {
            let mut so_far = ListedSoFar::default();
            while let Some(page) = received.recv().await {
                let batch = page
                    .into_iter()
                    .flat_map(|listed| so_far.objects_of(listed))
                    .collect();
                if cancel.is_cancelled() || sender.send(batch).await.is_err() {
                    return so_far;
                }
            }
            // A send error means the receiver is gone.
            let _ = sender.send(so_far.indexes()).await;
            so_far
        };
        let rest = self.rest().await?;
        let (broken, so_far) = tokio::join!(rest.list(None, pages), forwarding);
        if let (Ok(broken), Ok(mut unseen)) = (&broken, self.unseen.lock()) {
            *unseen = broken.map(|broken| {
                format!("GitHub does not list all entries ({broken}): the figures are too small")
            });
        }
        if let Ok(mut branches) = self.branches.lock() {
            branches.extend(so_far.branches);
        }
        broken?;
        let around = cancel
            .run_until_cancelled(Box::pin(self.surroundings()))
            .await;
        if let (Some(around), Ok(mut known)) = (around, self.around.lock()) {
            *known = around.map(Arc::new);
        }
        Ok(())
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let known = self
            .indexes
            .lock()
            .ok()
            .and_then(|indexes| indexes.get(&digest).cloned());
        let bytes = match known {
            Some(bytes) => bytes.to_vec(),
            None => self.blob(digest).await?,
        };
        let size = bytes.len() as u64;
        if size > limit {
            Err(ReadError::TooLarge { size, limit })
        } else {
            Ok(bytes)
        }
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let runtime = self.in_job().await?;
        let content = runtime
            .open(&format!("{BLOB_KEY}{digest}"))
            .await?
            .ok_or(ReadError::Absent)?;
        Ok(Box::new(Verified::new(
            SyncIoBridge::new(Box::pin(content)),
            digest,
        )))
    }

    async fn place(&self) -> Result<Place, BackendError> {
        let api = self.api()?;
        let repository = repository(&self.location)?.to_string();
        Ok(Place::Gha { repository, api })
    }

    async fn facts(&self) -> StoreFacts {
        let unseen = self.unseen.lock().ok().and_then(|unseen| unseen.clone());
        let capabilities = Capabilities {
            delete_ref: Support::Yes,
            delete_object: Support::Yes,
            undoability: Undoability::None,
            settling: SignedDuration::ZERO,
        };
        StoreFacts {
            rewrite_ref: self.may_write().await,
            unlisted_versions: None,
            unseen: unseen.map(Unseen::Part),
            surroundings: self.around.lock().ok().and_then(|around| around.clone()),
            ..StoreFacts::new(capabilities)
        }
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            cost: Some(self),
            versions: Some(self),
            ..ReadAbilities::default()
        }
    }
}

#[async_trait]
impl PriceDeletions for GhaCache {
    async fn deletion_cost(&self) -> Option<DeletionCost> {
        let rest = self.rest().await.ok()?;
        Some(DeletionCost {
            repository: rest.repository().to_string(),
            account: rest.account().await,
            token: rest.token(),
            a_minute: rest::DELETIONS_A_MINUTE,
            left: rest.budget(),
        })
    }
}

impl GhaCache {
    /// Requests the quota and the branches.
    async fn surroundings(&self) -> Option<QuotaFacts> {
        let mut around = self.rest().await.ok()?.surroundings().await;
        if let Ok(Some(runtime)) = self.runtime().await {
            around.job_writes = runtime.may_write();
        }
        let knows_branches = !around
            .unknown
            .iter()
            .any(|unknown| unknown.starts_with("which branches"));
        let knows_pulls = !around
            .unknown
            .iter()
            .any(|unknown| unknown.starts_with("which pull"));
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
