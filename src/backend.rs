//! Where caches live, behind one trait that reads.
//!
//! A backend tells its roots (the refs that a build imports by name), streams what it stores, and reads blobs. It verifies
//! what it reads against the digest it was asked for. It decides nothing: what the roots reach, what is waste and what
//! is broken is the business of the inventory. Whoever holds a [`CacheReader`] cannot delete.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::source::{Location, Source};

pub mod bucket;
mod entries;
mod error;
mod files;
mod former;
pub mod gha;
pub mod local;
pub mod memory;
mod pruner;
pub mod registry;
pub mod registry_dir;
mod remote;
pub mod s3;
mod verify;

pub use entries::{Branch, DeletionCost, EntryKind, RequestBudget, StoreEntry, Surroundings, short_branch};
pub use error::{BackendError, ReadError};
pub use pruner::{
    CachePruner, Capabilities, Disposal, DroppedRef, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId,
    PruneError, RefRewrite, RefTarget, SharedPruner, Skip, Support, WayBack,
};
pub use remote::{RemoteError, RemoteKind};
pub use verify::Verified;

/// How stores are asked, beyond what their sources say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// How many requests are under way at once.
    pub concurrency: usize,
    /// How long a service may be silent.
    pub timeout: Duration,
    /// Whether nothing may be read where reading counts as a use.
    pub no_touch: bool,
    /// How registries are asked.
    pub registry: registry::RegistryAccess,
    /// How buckets are asked.
    pub s3: s3::S3Access,
}

impl Default for Access {
    fn default() -> Self {
        let (registry, s3) = (registry::RegistryAccess::default(), s3::S3Access::default());
        Self { concurrency: 8, timeout: Duration::from_secs(30), no_touch: false, registry, s3 }
    }
}

/// Tells whether a source may stand for several stores: a whole registry or bucket does, for each cache that is found in it.
/// A ref is one of a single store.
pub fn may_be_several(source: &Source) -> bool {
    source.select.is_none()
        && match &source.location {
            Location::Registry(registry) => registry.is_whole_registry(),
            Location::S3(s3) => s3.is_whole_bucket(),
            Location::Local(_) | Location::RegistryDir(_) | Location::Gha(_) | Location::Demo => false,
        }
}

/// Sends the stores that a source stands for to `found`, as they are found; none where it stands for itself. Returns what has
/// not been looked at, when that is so.
///
/// # Errors
/// When the service cannot be asked.
pub async fn find_stores(
    source: &Source,
    access: &Access,
    found: mpsc::Sender<Source>,
) -> Result<Option<&'static str>, BackendError> {
    match &source.location {
        Location::Registry(registry) => {
            for location in registry::repositories(registry, access).await? {
                // Whoever does not receive has lost its interest.
                let _ = found.send(Source { location: Location::Registry(location), ..source.clone() }).await;
            }
            Ok(None)
        }
        Location::S3(s3) => {
            let (sender, mut caches) = mpsc::channel(1);
            let sent = async {
                while let Some(location) = caches.recv().await {
                    let _ = found.send(Source { location: Location::S3(location), ..source.clone() }).await;
                }
            };
            let (search, ()) = tokio::join!(s3::discover::caches(s3, access, sender), sent);
            Ok(match search? {
                s3::discover::Search::Whole => None,
                s3::discover::Search::Part => {
                    Some("it has more folders than are followed: a cache in one of the others is opened by its prefix")
                }
            })
        }
        Location::Local(_) | Location::RegistryDir(_) | Location::Gha(_) | Location::Demo => Ok(None),
    }
}

/// Returns the stores that a source stands for, and what has not been looked at.
///
/// # Errors
/// When the service cannot be asked.
pub async fn expand(mut source: Source, access: &Access) -> Result<(Vec<Source>, Option<&'static str>), BackendError> {
    if let Location::Gha(gha) = &mut source.location {
        gha.repository = Some(gha::repository(gha)?);
    }
    if !may_be_several(&source) {
        return Ok((vec![source], None));
    }
    let (sender, mut found) = mpsc::channel(1);
    let all = async {
        let mut all = Vec::new();
        while let Some(store) = found.recv().await {
            all.push(store);
        }
        all
    };
    let (left_out, mut all) = tokio::join!(find_stores(&source, access, sender), all);
    let left_out = left_out?;
    // A bucket without a cache says what there is when it is read.
    if all.is_empty() && matches!(source.location, Location::S3(_)) {
        all.push(source);
    }
    Ok((all, left_out))
}

/// Makes the reader of a source; nothing is read yet.
///
/// # Errors
/// When this build does not open sources of that kind.
pub fn open(source: &Source, access: &Access) -> Result<SharedReader, OpenError> {
    match &source.location {
        Location::Local(local) => Ok(Arc::new(local::LocalCache::new(&local.dir))),
        Location::Demo => Ok(Arc::new(memory::demo()?)),
        Location::Gha(gha) => Ok(Arc::new(gha::GhaCache::new(gha, access))),
        Location::S3(s3) => Ok(Arc::new(s3::S3Cache::new(s3, access))),
        Location::Registry(registry) => {
            Ok(Arc::new(registry::RegistryCache::new(registry, source.select.as_ref(), access)))
        }
        Location::RegistryDir(store) => Ok(Arc::new(registry_dir::RegistryDir::new(&store.dir, access.concurrency))),
    }
}

/// Makes the pruner of a source; nothing is read yet. None for one from which nothing can be deleted.
pub fn open_pruner(source: &Source, access: &Access) -> Option<SharedPruner> {
    match &source.location {
        Location::Local(local) => Some(Arc::new(local::LocalCache::new(&local.dir))),
        Location::Gha(gha) => Some(Arc::new(gha::GhaCache::new(gha, access))),
        Location::Registry(registry) => Some(Arc::new(registry::RegistryCache::new(registry, None, access))),
        Location::S3(s3) => Some(Arc::new(s3::S3Cache::new(s3, access))),
        Location::RegistryDir(_) | Location::Demo => None,
    }
}

/// Says why a source cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The demo, which is part of the program, is damaged.
    #[error("the built-in demo cannot be unpacked")]
    Demo(#[from] std::io::Error),
}

/// Something that a store holds.
#[derive(Debug, Clone)]
pub enum StoredObject {
    /// A blob under its digest.
    Blob {
        /// Its name.
        digest: Digest,
        /// Its size in bytes.
        size: u64,
        /// When the store last saw it written or touched.
        modified: Option<Timestamp>,
    },
    /// An upload that has not been finished.
    Partial(OtherObject),
    /// Something that an earlier prune put into the trash, with the time when it came there.
    Trashed(OtherObject),
    /// Anything that is none of the cache's own: it is counted, and never touched.
    Unknown(OtherObject),
    /// An entry of a store that deletes by entry; one that is a blob is told as such, too.
    Entry(StoreEntry),
}

/// An object that has a name but no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherObject {
    /// The name inside the store, as it is there.
    pub name: String,
    /// What it is.
    pub kind: OtherKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified: Option<Timestamp>,
}

/// What an object without a digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherKind {
    /// A plain file or object.
    File,
    /// A folder of an unfinished upload.
    Upload,
    /// A symbolic link, which is not followed.
    Symlink,
    /// A device, a socket or a pipe, which is not opened.
    Special,
    /// A folder that may not be listed, or not all of it: there is more than its size says.
    Unlisted,
}

impl OtherKind {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Upload => "upload",
            Self::Symlink => "link",
            Self::Special => "special",
            Self::Unlisted => "folder",
        }
    }
}

/// The batches in which a listing comes.
pub type ObjectSender = mpsc::Sender<Vec<StoredObject>>;

/// What is told of the roots of a store while they are read.
#[derive(Debug, Clone)]
pub enum RootsPart {
    /// Some of them.
    Roots(Vec<Root>),
    /// From now on, each change of them will show in the fingerprint: what is listed from here is as new as they are, though
    /// not all of them have been read.
    Settled,
}

/// The roots of a store at one moment.
#[derive(Debug, Clone)]
pub struct Roots {
    /// In the store's order.
    pub entries: Vec<Root>,
    /// Changes whenever the set of roots does.
    pub fingerprint: Digest,
}

/// Reads one cache store.
#[async_trait]
pub trait CacheReader: Send + Sync {
    /// Lists the refs of the store.
    ///
    /// # Errors
    /// When the store cannot be read, or is of a kind or version that is not known.
    async fn roots(&self) -> Result<Roots, BackendError>;

    /// Lists the refs as [`Self::roots`] does, and sends them to `parts` as they come, in the same order.
    ///
    /// # Errors
    /// As [`Self::roots`].
    async fn roots_in_parts(&self, parts: mpsc::Sender<RootsPart>) -> Result<Roots, BackendError> {
        let roots = self.roots().await?;
        // Whoever does not receive has lost its interest.
        let _ = parts.send(RootsPart::Roots(roots.entries.clone())).await;
        Ok(roots)
    }

    /// Tells whether the refs are still those of `fingerprint`, as far as it matters to what was read since.
    ///
    /// # Errors
    /// As [`Self::roots`].
    async fn still(&self, fingerprint: Digest) -> Result<bool, BackendError> {
        Ok(self.roots().await?.fingerprint == fingerprint)
    }

    /// Returns what the store may hold and does not show, as far as that is known when its refs have been read.
    async fn unseen(&self) -> Option<String> {
        None
    }

    /// Tells whether the store has no other refs than those that [`Self::roots`] lists.
    fn reads_all_refs(&self) -> bool {
        true
    }

    /// Returns why the store cannot list what it holds; there, what is named counts as stored.
    fn unlisted(&self) -> Option<&'static str> {
        None
    }

    /// Tells whether a scan is to ask for each blob that is named, where the store lists nothing.
    fn asks_for_each(&self) -> bool {
        false
    }

    /// Returns which of the blobs that are named the store does not hold, where it lists nothing: it is asked for each.
    ///
    /// # Errors
    /// When it cannot be asked.
    async fn missing_among(&self, _blobs: Vec<Digest>) -> Result<Vec<Digest>, BackendError> {
        Ok(Vec::new())
    }

    /// Sends everything that the store holds to `sender`, in batches and in no order, until all is told, `cancel` fires or
    /// the receiver is gone. An object that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// When the listing is incomplete.
    async fn list_objects(&self, sender: ObjectSender, cancel: CancellationToken) -> Result<(), BackendError>;

    /// Reads a whole blob of at most `limit` bytes and checks it against its digest.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError>;

    /// Opens a blob for reading, away from async code. The reader checks the bytes on the way and fails at the end when
    /// they are not what the digest says.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError>;

    /// Returns what can be deleted from the store.
    async fn capabilities(&self) -> Capabilities {
        Capabilities::none("nothing can be deleted here")
    }

    /// Returns where the store lies, in a way that does not depend on how it was named.
    ///
    /// # Errors
    /// When it does not lie anywhere.
    async fn place(&self) -> Result<String, BackendError>;

    /// Lists the refs that prunes took out of the store and still remember.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        Ok(Vec::new())
    }

    /// Returns the bytes that are free where the store lies, when that can be known.
    async fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Returns what is known around a store with a quota; asked for when the listing has ended.
    async fn surroundings(&self) -> Option<Surroundings> {
        None
    }

    /// Returns what is known of the bucket beside the cache in it; asked for when the listing has ended.
    async fn bucket(&self) -> Option<bucket::Bucket> {
        None
    }

    /// Returns the refs of other caches that keep their blobs where this one does.
    ///
    /// # Errors
    /// When they cannot be listed: then no blob may go.
    async fn shared_roots(&self) -> Result<Vec<Root>, BackendError> {
        Ok(Vec::new())
    }

    /// Tells whether manifests may lie among its blobs that nothing names, and that refer to something themselves.
    fn has_referrers(&self) -> bool {
        false
    }

    /// Finds those manifests among blobs that no ref reaches: each with what it is about.
    ///
    /// # Errors
    /// When one cannot be read: then no blob may go.
    async fn referrers(&self, _unnamed: Vec<Digest>) -> Result<Vec<(Digest, Root)>, BackendError> {
        Ok(Vec::new())
    }

    /// Returns what deletions cost, where that is worth knowing before they begin.
    async fn cost(&self) -> Option<DeletionCost> {
        None
    }

    /// Returns the provenance statements that the store itself has for a ref, to name its steps by.
    async fn provenance(&self, _ref_name: &str) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// A reader that several tasks share.
pub type SharedReader = Arc<dyn CacheReader>;
