//! The trait for reading, and its optional abilities.
//!
//! Every store implements [`CacheReader`]. An optional ability is a separate trait, which
//! [`CacheReader::abilities`] returns if the store has it. The facts about a store that need no
//! further request are one value, [`StoreFacts`].

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    BackendError, DeletionCost, DroppedRef, ObjectName, ObjectSender, PreviousVersions, PruneError,
    ReadError, StoreFacts,
};
use crate::backend::ListedRef;
use crate::format::digest::Digest;
use crate::source::Place;

/// A part of the refs of a store, sent while they are read.
#[derive(Debug, Clone)]
pub enum ListedRefsPart {
    Refs(Vec<ListedRef>),
    /// Every later change of the refs changes the fingerprint, so a listing that starts now is at
    /// least as new as the refs. Not all of them have been read yet.
    Settled,
}

impl ListedRefsPart {
    /// Sends refs that were read all at once.
    pub(super) async fn send_all(parts: &mpsc::Sender<Self>, refs: &ListedRefs) {
        // A send error means the receiver is gone.
        let _ = parts.send(Self::Refs(refs.entries.clone())).await;
    }
}

/// The refs of a store at one moment.
#[derive(Debug, Clone)]
pub struct ListedRefs {
    /// In the order of the store.
    pub entries: Vec<ListedRef>,
    /// Changes whenever the set of refs changes.
    pub fingerprint: Digest,
}

/// The answer of a store that lists no blobs to a question about one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAnswer {
    /// The store does not have it.
    Absent,
    Stored {
        /// The size in bytes, if the store reports it.
        size: Option<u64>,
    },
}

/// Reads one cache store.
#[async_trait]
pub trait CacheReader: Send + Sync {
    /// Lists the refs of the store, and sends them to `parts` as they are read, in the same order.
    ///
    /// # Errors
    /// Fails if the store cannot be read, or if its kind or version is not known.
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError>;

    /// Returns whether the refs still match `fingerprint`, as far as this matters to data read
    /// since.
    ///
    /// # Errors
    /// Fails in the same cases as [`Self::list_refs`].
    async fn still(&self, fingerprint: Digest) -> Result<bool, BackendError> {
        Ok(all_refs(self).await?.fingerprint == fingerprint)
    }

    /// Reads a whole blob of at most `limit` bytes and checks it against its digest.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError>;

    /// Opens a blob for reading outside async code. The reader checks the bytes while reading and
    /// fails at the end if they do not match the digest.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError>;

    /// Returns the location of the store, in a form that does not depend on how it was named.
    ///
    /// # Errors
    /// Fails if the location cannot be determined.
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
/// Fails in the same cases as [`CacheReader::list_refs`].
pub async fn all_refs(reader: &(impl CacheReader + ?Sized)) -> Result<ListedRefs, BackendError> {
    let (parts, _) = mpsc::channel(1);
    reader.list_refs(parts).await
}

/// A store that lists its objects.
#[async_trait]
pub trait ListObjects: Send + Sync {
    /// Sends everything that the store holds to `sender`, in batches and in no order, until all is
    /// sent, `cancel` fires or the receiver is gone. An object that vanishes during the listing is
    /// left out.
    ///
    /// # Errors
    /// Fails if the listing is incomplete.
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError>;
}

/// Optional abilities of a reader.
#[derive(Clone, Copy, Default)]
pub struct ReadAbilities<'a> {
    /// Lists the objects; `None` with [`StoreFacts::unlisted`].
    pub objects: Option<&'a dyn ListObjects>,
    /// Asks for single blobs.
    pub blobs: Option<&'a dyn AskForBlobs>,
    /// Finds manifests that refer to others.
    pub referrers: Option<&'a dyn FindReferrers>,
    /// Remembers deleted refs.
    pub dropped: Option<&'a dyn RememberRefs>,
    /// Shares blobs with other caches.
    pub shared: Option<&'a dyn ShareBlobs>,
    /// Keeps provenance next to the refs.
    pub provenance: Option<&'a dyn KeepProvenance>,
    /// Reports the cost of deletions.
    pub cost: Option<&'a dyn PriceDeletions>,
    /// Lists previous versions of refs that are not refs themselves.
    pub versions: Option<&'a dyn PreviousVersions>,
    /// Measures the disk usage of objects.
    pub measure: Option<&'a dyn MeasureObjects>,
}

impl ReadAbilities<'_> {
    /// Sends the objects of the store to `sender`. A store that lists none sends nothing.
    ///
    /// # Errors
    /// Fails in the same cases as [`ListObjects::list_objects`].
    pub async fn list_objects(
        self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        match self.objects {
            Some(store) => store.list_objects(sender, cancel).await,
            None => Ok(()),
        }
    }

    /// Asks the store for blobs. Returns no answers if it does not support that.
    ///
    /// # Errors
    /// Fails in the same cases as [`AskForBlobs::ask_for`].
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
    /// Fails in the same cases as [`RememberRefs::dropped_refs`].
    pub async fn dropped_refs(self) -> Result<Vec<DroppedRef>, PruneError> {
        match self.dropped {
            Some(store) => store.dropped_refs().await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns the refs of other caches that share blobs with this one.
    ///
    /// # Errors
    /// Fails in the same cases as [`ShareBlobs::shared_refs`].
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

    /// Returns the cost of deletions, if they have one.
    pub async fn deletion_cost(self) -> Option<DeletionCost> {
        self.cost?.deletion_cost().await
    }
}

/// A store that lists no blobs, but can be asked for each.
#[async_trait]
pub trait AskForBlobs: Send + Sync {
    /// Asks whether the store has these manifests and blobs. It need not answer for each.
    ///
    /// # Errors
    /// Fails if the store cannot be asked.
    async fn ask_for(&self, blobs: Vec<Digest>) -> Result<Vec<(Digest, BlobAnswer)>, BackendError>;
}

/// A store whose blobs may include manifests that no ref references and that reference others.
#[async_trait]
pub trait FindReferrers: Send + Sync {
    /// Finds such manifests among the blobs that no ref reaches, each with its subject.
    ///
    /// # Errors
    /// Fails if one cannot be read. Then no blob may be deleted.
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
    /// Fails if they cannot be read.
    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError>;
}

/// A store in which several caches keep their blobs in the same place.
#[async_trait]
pub trait ShareBlobs: Send + Sync {
    /// Returns the refs of the other caches.
    ///
    /// # Errors
    /// Fails if they cannot be listed. Then no blob may be deleted.
    async fn shared_refs(&self) -> Result<Vec<ListedRef>, BackendError>;
}

/// A store that keeps provenance next to its refs.
#[async_trait]
pub trait KeepProvenance: Send + Sync {
    /// Returns the provenance statements for a ref.
    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>>;
}

/// A store in which deletions use up a limited request budget.
#[async_trait]
pub trait PriceDeletions: Send + Sync {
    /// Returns the cost of deletions; `None` if the service cannot be asked.
    async fn deletion_cost(&self) -> Option<DeletionCost>;
}

/// The disk usage of objects, if it differs from their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Footprint {
    /// The bytes that the file system frees when they are deleted.
    pub disk_bytes: u64,
    /// How many have another hard link outside the store, so deleting them frees nothing.
    pub hard_linked: u64,
    /// How many take less space than their size: sparse or compressed files.
    pub sparse: u64,
}

/// A store on a disk, where an object may take less space than its size.
#[async_trait]
pub trait MeasureObjects: Send + Sync {
    /// Returns the disk usage of objects.
    async fn footprint(&self, objects: Vec<ObjectName>) -> Footprint;

    /// Returns which objects have another hard link outside the store, so deleting them frees
    /// nothing.
    async fn free_nothing(&self, objects: Vec<ObjectName>) -> Vec<bool>;
}

/// A pruner that reads through a separate reader.
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
