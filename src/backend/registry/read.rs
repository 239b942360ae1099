//! Reads a repository in a registry.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::{Mutex as AsyncMutex, OnceCell, mpsc};
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::client::RegistryClient;
use super::kept::{DocumentCache, Tagged};
use super::learned::Learned;
use super::manifests;
use super::packages::Packages;
use crate::backend::{
    Access, AskForBlobs, BackendError, BlobAnswer, CacheReader, Capabilities, KeepProvenance,
    ListedRefs, ListedRefsPart, Obstacle, ReadAbilities, ReadError, RemoteError, RemoteKind,
    StoreFacts, Support, UndoLimit, Undoability, UnlistedVersions, Unseen, Verified,
};
use crate::backend::{ListedRef, ListedRefFacts};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor};
use crate::source::{Place, RefSelector, RegistryLocation, Source, SourceLocation, Trust};

/// Reads a repository in a registry.
#[derive(Debug)]
pub struct RegistryReader {
    pub(super) location: RegistryLocation,
    /// The selected refs; `None` for all.
    pub(super) select: Option<RefSelector>,
    pub(super) access: Access,
    pub(super) http: OnceCell<RegistryClient>,
    pub(super) kept: Option<DocumentCache>,
    pub(super) seen: Mutex<SeenDocuments>,
    /// GitHub's packages API, if the registry is GitHub's.
    pub(super) packages: OnceCell<Option<Packages>>,
    /// The behaviour of the registry, as deletions have shown it.
    pub(super) learned: AsyncMutex<Learned>,
}

/// The tags and documents that were read.
#[derive(Debug, Default)]
pub(super) struct SeenDocuments {
    /// Why the last listing may be incomplete.
    pub(super) unseen: Option<UnlistedVersions>,
    /// The tags in the last listing that have no manifest.
    pub(super) without_manifest: Vec<String>,
    /// The tags of the last listing, in order.
    pub(super) listed: Vec<String>,
    pub(super) tags: BTreeMap<String, Tagged>,
    /// Digests that are known to be manifests, which a registry serves at other addresses than
    /// blobs.
    pub(super) manifests: HashSet<Digest>,
    pub(super) documents: HashMap<Digest, Arc<[u8]>>,
    pub(super) bytes: usize,
}

impl RegistryReader {
    /// Creates the reader; no request is sent yet.
    pub fn new(location: &RegistryLocation, select: Option<&RefSelector>, access: &Access) -> Self {
        Self {
            location: location.clone(),
            select: select.cloned(),
            access: access.clone(),
            http: OnceCell::new(),
            kept: access.registry.cache.as_deref().map(DocumentCache::new),
            seen: Mutex::default(),
            packages: OnceCell::new(),
            learned: AsyncMutex::default(),
        }
    }

    pub(super) async fn packages(&self) -> Result<Option<&Packages>, RemoteError> {
        let find = || Packages::find(&self.location, &self.access);
        Ok(self.packages.get_or_try_init(find).await?.as_ref())
    }

    pub(super) async fn http(&self) -> Result<&RegistryClient, RemoteError> {
        self.http
            .get_or_try_init(|| async { RegistryClient::new(&self.location, &self.access) })
            .await
    }

    pub(super) fn repository(&self) -> &str {
        &self.location.repository
    }

    pub(super) fn listed_ref(&self, names: Vec<String>, tagged: &Tagged) -> ListedRef {
        let descriptor = Descriptor::sized(tagged.digest, &tagged.media_type, tagged.size);
        ListedRef {
            facts: self.root_facts(),
            ..ListedRef::new(names, descriptor)
        }
    }

    pub(super) fn root_facts(&self) -> ListedRefFacts {
        ListedRefFacts {
            repository: Some(self.location.to_string()),
            ..ListedRefFacts::default()
        }
    }
}

#[async_trait]
impl CacheReader for RegistryReader {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let place = self.location.to_string();
        self.recall_tags(&place);
        if let Some(RefSelector::Digest(digest)) = self.select {
            return self.list_digest(digest, &place, &parts).await;
        }
        let listed = self.list().await?;
        let mut sent = 0;
        let mut entries = self.look_at_all(&listed, &mut sent, &parts).await?;
        if self.select.is_none() {
            let again = self.look_again(&listed, &entries).await?;
            entries.extend(again);
            let previous = self.previous_versions(&entries).await;
            entries.extend(previous);
        }
        let last = entries.get(sent..).unwrap_or_default().to_vec();
        let _ = parts.send(ListedRefsPart::Refs(last)).await;
        if entries.is_empty() && self.select.is_some() {
            let names = listed.join(", ");
            let hint = format!("`cachelens ls {place}` lists the tags that there are");
            return Err(RemoteError::new(
                RemoteKind::NotFound,
                format!("{place}:{names} does not exist"),
            )
            .hint(hint)
            .into());
        }
        self.note_listed(listed, &entries);
        self.keep_tags(&place).await;
        let lines: Vec<String> = entries
            .iter()
            .map(|listed_ref| format!("{}\0{}\n", listed_ref.name(), listed_ref.descriptor.digest))
            .collect();
        Ok(ListedRefs {
            fingerprint: Digest::of(lines.concat().as_bytes()),
            entries,
        })
    }

    /// Each tag was read at one moment, so only new tags and deleted ones could make a difference.
    async fn still(&self, _fingerprint: Digest) -> Result<bool, BackendError> {
        if self.select.is_some() {
            return Ok(true);
        }
        let listed = self.list().await?;
        Ok(self.seen.lock().is_ok_and(|seen| seen.listed == listed))
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = match self.document(digest) {
            Some(bytes) => bytes.to_vec(),
            None => self.fetch(digest, limit.min(DOCUMENT_LIMIT)).await?,
        };
        let size = bytes.len() as u64;
        if size > limit {
            return Err(ReadError::TooLarge { size, limit });
        }
        digest
            .check(&bytes)
            .map_err(|found| ReadError::WrongBytes { found })?;
        if !self
            .seen
            .lock()
            .is_ok_and(|seen| seen.documents.contains_key(&digest))
        {
            self.note_children(&bytes);
            self.hold(digest, &bytes);
        }
        Ok(bytes)
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let blob = manifests::open_blob(self.http().await?, self.repository(), digest).await?;
        let blob = blob.ok_or(ReadError::Absent)?;
        let reader = SyncIoBridge::new(StreamReader::new(blob.bytes));
        Ok(Box::new(Verified::new(reader, digest)))
    }

    async fn place(&self) -> Result<Place, BackendError> {
        let location = SourceLocation::Registry(self.location.clone());
        let source = Source {
            location,
            select: None,
            ignored: Vec::new(),
            trust: Trust::default(),
        };
        Ok(Place::Registry(source.to_string()))
    }

    async fn facts(&self) -> StoreFacts {
        let (unseen, without_manifest) = match self.seen.lock() {
            Ok(seen) => (seen.unseen.clone(), seen.without_manifest.clone()),
            Err(_) => (None, Vec::new()),
        };
        let capabilities = Capabilities {
            delete_ref: self.learned.lock().await.support(),
            delete_object: Support::No(Obstacle::OwnCollection),
            undoability: Undoability::Partial(UndoLimit::UntilCollection),
            settling: SignedDuration::ZERO,
        };
        StoreFacts {
            reads_all_refs: self.select.is_none(),
            unlisted: Some("a registry does not list its blobs"),
            asks_for_each: self.access.registry.verify_blobs,
            unlisted_versions: unseen.clone(),
            without_manifest,
            unseen: unseen.map(|why| Unseen::Never(why.to_string())),
            ..StoreFacts::new(capabilities)
        }
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            blobs: Some(self),
            provenance: Some(self),
            versions: Some(self),
            ..ReadAbilities::default()
        }
    }
}

#[async_trait]
impl AskForBlobs for RegistryReader {
    async fn ask_for(&self, blobs: Vec<Digest>) -> Result<Vec<(Digest, BlobAnswer)>, BackendError> {
        let http = self.http().await?;
        let wants_sizes = self.access.registry.verify_blobs;
        let manifests: HashSet<Digest> = self
            .seen
            .lock()
            .map(|seen| seen.manifests.clone())
            .unwrap_or_default();
        let is_manifest = |digest: &Digest| manifests.contains(digest);
        let looks: Vec<_> = blobs
            .into_iter()
            .map(|digest| {
                let is_manifest = is_manifest(&digest);
                async move {
                    let answer = if is_manifest {
                        manifests::has_manifest(http, self.repository(), digest).await?
                    } else {
                        manifests::has_blob(http, self.repository(), digest, wants_sizes).await?
                    };
                    Ok::<_, RemoteError>(answer.map(|answer| (digest, answer)))
                }
            })
            .collect();
        let answers: Vec<Option<(Digest, BlobAnswer)>> = stream::iter(looks)
            .buffer_unordered(self.access.concurrency.max(1))
            .try_collect()
            .await?;
        Ok(answers.into_iter().flatten().collect())
    }
}

#[async_trait]
impl KeepProvenance for RegistryReader {
    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>> {
        self.attested(ref_name).await.unwrap_or_default()
    }
}
