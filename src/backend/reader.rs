//! The trait that reads, and optional abilities of stores.
//!
//! Every store implements [`CacheReader`]. An optional ability is a trait of its own, which
//! [`CacheReader::abilities`] returns where the store has it. All facts about a store that take no
//! another request is one value, [`StoreFacts`].

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use super::{
    BackendError, Capabilities, DeletionCost, DroppedRef, ObjectName, ObjectSender,
    PreviousVersions, PruneError, QuotaFacts, ReadError, Support,
};
use crate::format::digest::Digest;
use crate::format::layout::ListedRef;
use crate::source::Place;

/// A part of the refs of a store, sent while they are read.
#[derive(Debug, Clone)]
pub enum ListedRefsPart {
    /// Some of them.
    Refs(Vec<ListedRef>),
    /// Every later change of the refs changes the fingerprint, so a listing that starts now is at
    /// least as new as the refs. Not all of them have been read yet.
    Settled,
}

impl ListedRefsPart {
    /// Sends refs that were read all at once.
    pub(super) async fn send_all(parts: &mpsc::Sender<Self>, refs: &ListedRefs) {
        // A send error means that the receiver is gone.
        let _ = parts.send(Self::Refs(refs.entries.clone())).await;
    }
}

/// The refs of a store at one moment.
#[derive(Debug, Clone)]
pub struct ListedRefs {
    /// In the store's order.
    pub entries: Vec<ListedRef>,
    /// Changes whenever the set of refs does.
    pub fingerprint: Digest,
}

/// Contents that a store may have and does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// Such a store never shows this.
    Never(String),
    /// The store left something out of the last listing, which therefore shows a part of it.
    Part(String),
}

/// The answer of a store that lists nothing to a question about a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAnswer {
    /// The store does not hold it.
    Absent,
    /// The store holds it.
    Stored {
        /// Its size in bytes, where the store reports it.
        size: Option<u64>,
    },
}

/// The facts about a store. Some are known only after the refs were read or the objects
/// listed.
#[derive(Debug, Clone)]
pub struct StoreFacts {
    /// Which deletes it supports.
    pub capabilities: Capabilities,
    /// Whether refs can be rewritten.
    pub rewrite_ref: Support,
    /// The bytes that are free where the store lies.
    pub free_bytes: Option<u64>,
    /// Whether [`CacheReader::list_refs`] lists every ref of the store.
    pub reads_all_refs: bool,
    /// Why the store lists no objects; there, a referenced blob counts as stored.
    pub unlisted: Option<&'static str>,
    /// Whether a scan asks such a store for each blob.
    pub asks_for_each: bool,
    /// Why the store lists no previous versions of its refs.
    pub unlisted_versions: Option<String>,
    /// The refs that the store lists without having a manifest for them, as of the last listing.
    pub without_manifest: Vec<String>,
    /// Contents that the store may have and does not list.
    pub unseen: Option<Unseen>,
    /// The quota and the branches of a store that has them, as of the last listing.
    pub surroundings: Option<Arc<QuotaFacts>>,
    /// The facts about a bucket, as of the last listing.
    pub bucket: Option<Arc<Bucket>>,
    /// How the store deletes, once a run has found that out.
    pub deletes: Option<String>,
}

impl StoreFacts {
    /// Returns the facts of a store with these capabilities that shows all its refs and objects.
    pub fn new(capabilities: Capabilities) -> Self {
        Self {
            rewrite_ref: capabilities.delete_ref.clone(),
            capabilities,
            free_bytes: None,
            reads_all_refs: true,
            unlisted: None,
            asks_for_each: false,
            unlisted_versions: Some(
                "a cache of this kind has no previous versions of its refs".to_owned(),
            ),
            without_manifest: Vec::new(),
            unseen: None,
            surroundings: None,
            bucket: None,
            deletes: None,
        }
    }
}

/// Reads one cache store.
#[async_trait]
pub trait CacheReader: Send + Sync {
    /// Lists the refs of the store, and sends them to `parts` as they come, in the same order.
    ///
    /// # Errors
    /// When the store cannot be read, or its kind or version is not known.
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError>;

    /// Returns whether the refs are still those of `fingerprint`, as far as it matters to data
    /// read since.
    ///
    /// # Errors
    /// As [`Self::list_refs`].
    async fn still(&self, fingerprint: Digest) -> Result<bool, BackendError> {
        Ok(all_refs(self).await?.fingerprint == fingerprint)
    }

    /// Sends everything that the store holds to `sender`, in batches and in no order, until all is
    /// sent, `cancel` fires or the receiver is gone. An object that vanishes during the listing is
    /// left out. A store with [`StoreFacts::unlisted`] sends nothing.
    ///
    /// # Errors
    /// When the listing is incomplete.
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError>;

    /// Reads a whole blob of at most `limit` bytes and checks it against its digest.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError>;

    /// Opens a blob for reading, outside of async code. The reader checks the bytes as they come
    /// and fails at the end when they do not match the digest.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError>;

    /// Returns where the store lies, in a form that does not depend on how it was named.
    ///
    /// # Errors
    /// When it does not lie anywhere.
    async fn place(&self) -> Result<Place, BackendError>;

    /// Returns the facts about the store.
    async fn facts(&self) -> StoreFacts;

    /// Returns the optional abilities of the store.
    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities::default()
    }
}

/// A reader that several tasks share.
pub type SharedReader = Arc<dyn CacheReader>;

/// Lists all refs of a store.
///
/// # Errors
/// As [`CacheReader::list_refs`].
pub async fn all_refs(reader: &(impl CacheReader + ?Sized)) -> Result<ListedRefs, BackendError> {
    let (parts, _) = mpsc::channel(1);
    reader.list_refs(parts).await
}

/// Optional abilities of a reader.
#[derive(Clone, Copy, Default)]
pub struct ReadAbilities<'a> {
    /// Asking for single blobs.
    pub blobs: Option<&'a dyn AskForBlobs>,
    /// Finding manifests that refer to others.
    pub referrers: Option<&'a dyn FindReferrers>,
    /// Remembering deleted refs.
    pub dropped: Option<&'a dyn RememberRefs>,
    /// Sharing blobs with other caches.
    pub shared: Option<&'a dyn ShareBlobs>,
    /// Provenance next to the refs.
    pub provenance: Option<&'a dyn KeepProvenance>,
    /// The price of deletions.
    pub cost: Option<&'a dyn PriceDeletions>,
    /// Previous versions of refs that are not refs themselves.
    pub versions: Option<&'a dyn PreviousVersions>,
    /// Measuring the disk usage of objects.
    pub measure: Option<&'a dyn MeasureObjects>,
}

impl ReadAbilities<'_> {
    /// Asks the store for blobs; no answers from one that cannot be asked.
    ///
    /// # Errors
    /// As [`AskForBlobs::ask_for`].
    pub async fn ask_for(
        self,
        blobs: Vec<Digest>,
    ) -> Result<Vec<(Digest, BlobAnswer)>, BackendError> {
        match self.blobs {
            Some(store) => store.ask_for(blobs).await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns the deleted refs that the store remembers.
    ///
    /// # Errors
    /// As [`RememberRefs::dropped_refs`].
    pub async fn dropped_refs(self) -> Result<Vec<DroppedRef>, PruneError> {
        match self.dropped {
            Some(store) => store.dropped_refs().await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns the refs of other caches that share blobs with this one.
    ///
    /// # Errors
    /// As [`ShareBlobs::shared_refs`].
    pub async fn shared_refs(self) -> Result<Vec<ListedRef>, BackendError> {
        match self.shared {
            Some(store) => store.shared_refs().await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns the provenance statements that the store has for a ref.
    pub async fn provenance(self, ref_name: &str) -> Vec<Vec<u8>> {
        match self.provenance {
            Some(store) => store.provenance(ref_name).await,
            None => Vec::new(),
        }
    }

    /// Returns the cost of deletions, where the store has one.
    pub async fn deletion_cost(self) -> Option<DeletionCost> {
        self.cost?.deletion_cost().await
    }
}

/// A store that lists no blobs, but can be asked for each.
#[async_trait]
pub trait AskForBlobs: Send + Sync {
    /// Asks whether the store holds these manifests and blobs. It need not answer for each.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn ask_for(&self, blobs: Vec<Digest>) -> Result<Vec<(Digest, BlobAnswer)>, BackendError>;
}

/// A store whose blobs may include manifests that no ref references and that refer to something
/// themselves.
#[async_trait]
pub trait FindReferrers: Send + Sync {
    /// Finds those manifests among blobs that no ref reaches: each with its subject.
    ///
    /// # Errors
    /// When one cannot be read: then no blob may be deleted.
    async fn referrers(
        &self,
        unnamed: Vec<Digest>,
    ) -> Result<Vec<(Digest, ListedRef)>, BackendError>;
}

/// A store that remembers the refs that prunes deleted.
#[async_trait]
pub trait RememberRefs: Send + Sync {
    /// Lists the deleted refs that are still remembered.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError>;
}

/// A store in which several caches keep their blobs in the same place.
#[async_trait]
pub trait ShareBlobs: Send + Sync {
    /// Returns the refs of the other caches.
    ///
    /// # Errors
    /// When they cannot be listed: then no blob may be deleted.
    async fn shared_refs(&self) -> Result<Vec<ListedRef>, BackendError>;
}

/// A store that keeps provenance next to its refs.
#[async_trait]
pub trait KeepProvenance: Send + Sync {
    /// Returns the provenance statements for a ref.
    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>>;
}

/// A store in which deletions cost requests of a limited budget.
#[async_trait]
pub trait PriceDeletions: Send + Sync {
    /// Returns the cost of deletions; none when the service cannot be asked.
    async fn deletion_cost(&self) -> Option<DeletionCost>;
}

/// The disk usage of objects, where it differs from their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Footprint {
    /// The bytes that the file system gives back when they are gone.
    pub disk_bytes: u64,
    /// How many have another name outside the store, and give nothing back.
    pub hard_linked: u64,
    /// How many take less room than their size: sparse or compressed files.
    pub sparse: u64,
}

/// A store on a disk, where an object may take less than its size.
#[async_trait]
pub trait MeasureObjects: Send + Sync {
    /// Returns the disk usage of objects.
    async fn footprint(&self, objects: Vec<ObjectName>) -> Footprint;

    /// Returns which objects have another name outside the store, so that deleting them frees
    /// nothing.
    async fn free_nothing(&self, objects: Vec<ObjectName>) -> Vec<bool>;
}

/// A pruner that reads through a reader of its own.
pub(super) trait ReadThrough: Send + Sync {
    /// Returns the reader.
    fn reader(&self) -> &dyn CacheReader;
}

#[async_trait]
impl<T: ReadThrough> CacheReader for T {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        self.reader().list_refs(parts).await
    }

    async fn still(&self, fingerprint: Digest) -> Result<bool, BackendError> {
        self.reader().still(fingerprint).await
    }

    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        self.reader().list_objects(sender, cancel).await
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        self.reader().read_document(digest, limit).await
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        self.reader().open_blob(digest).await
    }

    async fn place(&self) -> Result<Place, BackendError> {
        self.reader().place().await
    }

    async fn facts(&self) -> StoreFacts {
        self.reader().facts().await
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        self.reader().abilities()
    }
}
