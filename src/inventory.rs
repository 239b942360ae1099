//! The result of a scan: the refs of a store, the blobs they reach, and the state of every object.
//!
//! An [`Inventory`] is a value. [`scan`] builds it from a reader, roots first and objects after,
//! and passes snapshots to an observer on the way. [`cache`] holds one cache configuration with the
//! states and sizes of its records. [`steps`] arranges these records for display, and [`filter`] is
//! the language that narrows any of these lists.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::bucket::{Bucket, Sum};
use crate::backend::{CacheEntryKind, OtherObject, QuotaFacts, StoreEntry};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{Root, RootFacts};

pub mod blobs;
pub mod cache;
pub mod filter;
pub mod history;
pub mod image;
pub mod objects;
pub mod previous;
pub mod quota;
mod resolve;
pub mod scan;
mod signed;
pub mod steps;
pub mod subject;
mod summary;
mod together;
mod trash;

use blobs::{Blob, BlobId, BlobTable};
use cache::RecordState;
pub use resolve::{DocumentFault, FaultKind, Oversize};
pub use summary::RecordCounts;
pub use together::Together;
pub use trash::{TrashTable, digest_in_trash};

/// The index of a ref in its inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefId(pub u32);

/// A store, as a scan found it. Clones share unchanged data.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Why the store cannot list its objects. If set, every referenced blob counts as stored.
    pub unlisted: Option<&'static str>,
    /// The objects that the store may hold but does not list.
    pub unseen: Option<Arc<str>>,
    /// Why the store lists no previous versions of refs, if it lists none.
    pub unlisted_versions: Option<Arc<str>>,
    /// Whether such a store was asked for each referenced blob.
    pub asked_for_each: bool,
    /// The refs, in the store's order.
    pub refs: Arc<Vec<RefEntry>>,
    /// All blobs, stored or referenced.
    pub blobs: BlobTable,
    /// Unfinished uploads.
    pub partial: Arc<Vec<OtherObject>>,
    /// Objects that earlier prunes moved to the trash.
    pub trash: Arc<TrashTable>,
    /// Objects that do not belong to the cache.
    pub unknown: Arc<Vec<OtherObject>>,
    /// All entries of a store that deletes by entry, including those that are refs and blobs. Empty
    /// for other stores.
    pub entries: Arc<Vec<StoreEntry>>,
    /// Quota, branches and similar facts of a store with a quota.
    pub around: Option<Arc<QuotaFacts>>,
    /// Facts about the bucket, if the cache lies in one.
    pub bucket: Option<Arc<Bucket>>,
    /// Identifies the set of refs; changes whenever the refs change.
    pub fingerprint: Option<Digest>,
    /// Whether the listing has ended.
    pub progress: Progress,
    /// Faults that belong to no single ref.
    pub warnings: Vec<StoreWarning>,
}

/// The progress of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// The listing is not finished: blobs that are not stored yet may still come.
    #[default]
    Listing,
    /// The listing is complete.
    Complete,
}

/// A warning about the store as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreWarning {
    /// The refs changed every time they were read again.
    #[error("the refs kept changing during the scan: what is orphaned may be named by now")]
    KeepsChanging,
    /// The store omitted objects from its listings, every time they were read again.
    #[error("only a part of it is shown: {0}")]
    Part(
        /// The omitted objects.
        String,
    ),
    /// A folder next to the cache's own files cannot be listed.
    #[error("{0} may not be listed: what is in it is not counted")]
    Unlisted(
        /// Its name, escaped for display.
        String,
    ),
    /// The location holds no cache.
    #[error("nothing lies there; the bucket has caches with the prefix {0}")]
    Elsewhere(
        /// The prefixes of other caches, escaped for display.
        String,
    ),
    /// Reading counts as a use, and the store evicts by last use.
    #[error("reading {} counted as a use; --no-touch leaves the entries alone", index_entries(*.0))]
    Touched(
        /// The number of entries read.
        usize,
    ),
    /// Several refs have the same name; an importer takes the first.
    #[error("{count} refs are named `{name}`; a build imports the first")]
    DuplicateName {
        /// The name, escaped for display.
        name: String,
        /// The number of refs with this name.
        count: usize,
    },
}

fn index_entries(count: usize) -> String {
    if count == 1 {
        "1 index entry".to_owned()
    } else {
        format!("{count} index entries")
    }
}

/// The kind of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefKind {
    /// A cache manifest or configuration of its own.
    Cache,
    /// An image that carries an inline cache.
    Inline,
    /// An image without an inline cache.
    Image,
    /// The signature of another manifest.
    Signature,
    /// Another artifact that refers to a manifest: an attestation, an SBOM, or a list of these.
    Artifact,
    /// Not a ref: a layer entry of GitHub's cache. Rules apply only if they name this kind.
    Blob,
    /// Not a ref: an entry that another tool wrote to GitHub's cache. Rules apply only if they name
    /// this kind.
    Entry,
    /// Unreadable, or of no known kind.
    Unknown,
}

impl RefKind {
    /// Returns the word that JSON and tables show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Inline => "inline",
            Self::Image => "image",
            Self::Signature => "signature",
            Self::Artifact => "artifact",
            Self::Blob => "blob",
            Self::Entry => "entry",
            Self::Unknown => "unknown",
        }
    }
}

/// The source of a ref's age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgeSource {
    /// The newest result of its cache configuration.
    CacheConfig,
    /// The creation date in the image configuration.
    ImageConfig,
    /// The time at which the store last saw a write of the manifest.
    Store,
    /// The age of the subject, for an artifact without a date of its own.
    Subject,
}

impl AgeSource {
    /// Returns the word that JSON and tables show.
    pub fn word(self) -> &'static str {
        match self {
            Self::CacheConfig => "cache-config",
            Self::ImageConfig => "image-config",
            Self::Store => "store",
            Self::Subject => "subject",
        }
    }
}

/// A ref and the blobs it reaches.
#[derive(Debug, Clone)]
pub struct RefEntry {
    /// The displayed name: its first name, or its digest if it has none.
    pub name: String,
    /// Further names that a build can import it by.
    pub aliases: Vec<String>,
    /// Whether it has a name at all.
    pub tagged: bool,
    /// Its kind.
    pub kind: RefKind,
    /// Its platforms, if the store reports them.
    pub platforms: Vec<String>,
    /// The time its content was created, and the source of that time.
    pub created: Option<(Timestamp, AgeSource)>,
    /// The time at which the store last saw a write of its manifest.
    pub modified: Option<Timestamp>,
    /// The number of layers in its manifests.
    pub layers: u32,
    records: Option<RecordCounts>,
    /// The distinct blobs that it references, in the order of their places.
    pub reach: Box<[BlobId]>,
    /// Sums over `reach`.
    pub sizes: RefSizes,
    /// Faults of its documents.
    pub faults: Vec<DocumentFault>,
    /// The manifest that a signature or another artifact refers to.
    pub subject: Option<Digest>,
    root: Root,
    caches: Vec<summary::CacheSummary>,
}

/// The size of a ref, in bytes and blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefSizes {
    /// Bytes of the distinct stored blobs that the ref reaches.
    pub bytes: u64,
    /// Bytes of the blobs that no other ref reaches; `None` if some refs of the store were not
    /// read.
    pub exclusive_bytes: Option<u64>,
    /// Blobs that the ref references and the store does not hold.
    pub missing_blobs: u64,
    /// The sizes of the missing blobs, as the manifests declare them.
    pub missing_bytes: u64,
    /// Blobs whose stored size differs from the declared size; readers reject them.
    pub resized_blobs: u64,
}

impl RefEntry {
    /// Returns the digest that the ref points to.
    pub fn digest(&self) -> &DigestText {
        &self.root.descriptor.digest
    }

    /// Returns the facts that the store reports about the ref itself.
    pub fn facts(&self) -> &RootFacts {
        &self.root.facts
    }

    /// Returns the time of the ref's content, and the source of that time.
    pub fn age(&self) -> Option<(Timestamp, AgeSource)> {
        self.created
            .or(self.modified.map(|time| (time, AgeSource::Store)))
    }

    /// Returns the number of records of each kind; `None` if a document that may hold records
    /// cannot be read.
    pub fn counts(&self) -> Option<RecordCounts> {
        match self.kind {
            _ if self.faults.iter().any(DocumentFault::hides_records) => None,
            RefKind::Image | RefKind::Signature | RefKind::Artifact => {
                Some(RecordCounts::default())
            }
            RefKind::Cache
            | RefKind::Inline
            | RefKind::Unknown
            | RefKind::Blob
            | RefKind::Entry => self.records,
        }
    }

    /// Returns the word for its state: `missing` if one of its blobs is not stored, `broken` if a
    /// build could not import it for another reason, else `live`.
    pub fn state(&self) -> &'static str {
        if self.sizes.missing_blobs > 0 {
            BlobState::Missing.word()
        } else if (self.faults.is_empty() || self.withheld().is_some())
            && self.sizes.resized_blobs == 0
        {
            BlobState::Live.word()
        } else {
            RecordState::Broken.word()
        }
    }

    /// Returns all names that a build can import it by.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name)
            .chain(&self.aliases)
            .map(String::as_str)
    }

    /// Returns whether it references `blob`.
    pub fn reaches(&self, blob: BlobId) -> bool {
        self.reach.binary_search(&blob).is_ok()
    }

    /// Returns why the store withholds its content, if it does; this is not a fault.
    pub fn withheld(&self) -> Option<&str> {
        self.root.facts.withheld.as_deref()
    }

    /// Returns whether a document of the ref could not be read, so that it may reach more blobs
    /// than are known.
    pub fn is_unreadable(&self) -> bool {
        self.faults.iter().any(DocumentFault::hides_references)
    }

    /// Returns whether the store does not hold the manifest that the ref points to.
    pub fn is_gone(&self) -> bool {
        let digest = self.digest().to_string();
        let mut faults = self.faults.iter();
        faults.any(|fault| fault.kind == FaultKind::ManifestAbsent && fault.subject == digest)
    }

    /// Returns its manifests that are not stored; empty if another fault hides its references.
    pub fn absent_manifests(&self) -> Vec<Digest> {
        let hiding = self.faults.iter().filter(|fault| fault.hides_references());
        let absent = hiding.map(|fault| fault.subject.parse().ok().filter(|_| fault.is_absence()));
        absent.collect::<Option<_>>().unwrap_or_default()
    }
}

/// The state of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobState {
    /// Stored and reached by a ref.
    Live,
    /// Stored and reached by no ref.
    Orphan,
    /// Referenced by a ref and not stored.
    Missing,
    /// Stored and reached by no readable ref, but some refs could not be read.
    Undetermined,
    /// Referenced by a ref and not listed yet.
    Awaited,
    /// Referenced by a ref and distributed from elsewhere; the store need not hold it.
    Foreign,
}

impl BlobState {
    /// Returns the word that JSON, tables and filters use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Orphan => "orphan",
            Self::Missing => "missing",
            Self::Undetermined => "undetermined",
            Self::Awaited => "awaited",
            Self::Foreign => "foreign",
        }
    }
}

/// A count and the total bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The number of items.
    pub count: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

impl Tally {
    /// Counts an item of this many bytes.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl From<Sum> for Tally {
    fn from(Sum { objects, bytes }: Sum) -> Self {
        Self {
            count: objects,
            bytes,
        }
    }
}

/// The content of a store, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Blobs that a ref reaches.
    pub live: Tally,
    /// Blobs that no ref reaches; `None` if a ref could not be read, because it may reach them.
    pub orphan: Option<Tally>,
    /// Blobs that no readable ref reaches, while another ref could not be read.
    pub undetermined: Tally,
    /// Blobs that are referenced and not stored, with their declared sizes.
    pub missing: Tally,
    /// Layers that are distributed from elsewhere and not stored.
    pub foreign: Tally,
    /// Unfinished uploads.
    pub partial: Tally,
    /// Objects that earlier prunes moved to the trash.
    pub trash: Tally,
    /// Previous contents of refs that no build imports, if they are entries of their own; they are
    /// also counted as orphans.
    pub superseded: Tally,
    /// All other objects.
    pub unknown: Tally,
}

impl Totals {
    /// Returns the total of all stored objects.
    pub fn stored(&self) -> Tally {
        let orphan = self.orphan.unwrap_or_default();
        let orphan = if self.orphan.is_some() {
            orphan
        } else {
            self.superseded
        };
        self.live
            .plus(orphan)
            .plus(self.undetermined)
            .plus(self.partial)
            .plus(self.trash)
            .plus(self.unknown)
    }
}

impl FromIterator<u64> for Tally {
    /// Sums up items by their sizes in bytes.
    fn from_iter<I: IntoIterator<Item = u64>>(bytes: I) -> Self {
        let mut tally = Self::default();
        bytes.into_iter().for_each(|bytes| tally.add(bytes));
        tally
    }
}

impl Inventory {
    /// Returns whether the listing is complete.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }

    /// Returns the ref with index `id`.
    pub fn get_ref(&self, id: RefId) -> Option<&RefEntry> {
        self.refs.get(id.0 as usize)
    }

    /// Returns the refs with their indexes.
    pub fn indexed_refs(&self) -> impl Iterator<Item = (RefId, &RefEntry)> {
        (0..).map(RefId).zip(self.refs.iter())
    }

    /// Returns the refs that reference `blob`.
    pub fn refs_of(&self, blob: BlobId) -> impl Iterator<Item = (RefId, &RefEntry)> {
        self.indexed_refs()
            .filter(move |(_, entry)| entry.reaches(blob))
    }

    /// Returns whether a ref could not be read; then no blob counts as an orphan.
    pub fn has_unreadable_ref(&self) -> bool {
        self.refs.iter().any(RefEntry::is_unreadable)
    }

    /// Returns a function that computes the state of a blob. Create it once and use it for many
    /// blobs.
    pub fn blob_states(&self) -> impl Fn(&Blob<'_>) -> BlobState + Copy + use<> {
        let unreached = if self.has_unreadable_ref() {
            BlobState::Undetermined
        } else {
            BlobState::Orphan
        };
        let unseen = match self.progress {
            Progress::Listing => BlobState::Awaited,
            Progress::Complete => BlobState::Missing,
        };
        move |blob| match (blob.is_stored(), blob.refs()) {
            (false, _) if blob.is_foreign() => BlobState::Foreign,
            (false, _) => unseen,
            (true, 0) => unreached,
            (true, _) => BlobState::Live,
        }
    }

    /// Sums up the content of the store.
    pub fn totals(&self) -> Totals {
        let state = self.blob_states();
        let mut totals = Totals::default();
        let mut orphan = Tally::default();
        for blob in self.blobs.iter() {
            let bytes = blob.size().unwrap_or_default();
            match state(&blob) {
                BlobState::Live => totals.live.add(bytes),
                BlobState::Orphan => orphan.add(bytes),
                BlobState::Missing => totals.missing.add(bytes),
                BlobState::Undetermined => totals.undetermined.add(bytes),
                BlobState::Foreign => totals.foreign.add(bytes),
                BlobState::Awaited => {}
            }
        }
        for entry in self.refs.iter().filter(|entry| entry.facts().bytes > 0) {
            totals.live.add(entry.facts().bytes);
        }
        for entry in self.entries.iter() {
            match entry.kind {
                CacheEntryKind::Blob(_) => {}
                CacheEntryKind::Former(_) => totals.superseded.add(entry.size),
                CacheEntryKind::Signature | CacheEntryKind::Foreign(_) => {
                    totals.unknown.add(entry.size);
                }
                CacheEntryKind::Copy(digest) => match self
                    .blobs
                    .find(&digest)
                    .map(|id| state(&self.blobs.get(id)))
                {
                    Some(BlobState::Live) => totals.live.add(entry.size),
                    Some(BlobState::Undetermined) => totals.undetermined.add(entry.size),
                    Some(
                        BlobState::Orphan
                        | BlobState::Missing
                        | BlobState::Awaited
                        | BlobState::Foreign,
                    )
                    | None => orphan.add(entry.size),
                },
            }
        }
        let is_known = !self.has_unreadable_ref() && self.unlisted.is_none();
        totals.orphan = is_known.then_some(orphan.plus(totals.superseded));
        self.partial
            .iter()
            .for_each(|object| totals.partial.add(object.size));
        self.trash.sizes().for_each(|size| totals.trash.add(size));
        self.unknown
            .iter()
            .for_each(|object| totals.unknown.add(object.size));
        if let Some(bucket) = &self.bucket {
            totals.trash = totals.trash.plus(bucket.own.into());
            totals.unknown = totals.unknown.plus(bucket.unnamed.into());
        }
        totals
    }

    /// Returns whether unfinished uploads could be listed.
    pub fn knows_partial(&self) -> bool {
        self.bucket
            .as_ref()
            .is_none_or(|bucket| bucket.unlisted_uploads.is_none())
    }

    /// Returns whether all objects outside the cache could be counted.
    pub fn knows_unknown(&self) -> bool {
        self.bucket
            .as_ref()
            .is_none_or(|bucket| bucket.uncounted.is_none())
    }

    /// Returns whether the store withholds the content of some refs. Then the missing blobs are
    /// unknown, too.
    pub fn is_withheld(&self) -> bool {
        self.refs.iter().any(|entry| entry.withheld().is_some())
    }

    /// Returns the newest creation time of all refs.
    pub fn newest(&self) -> Option<Timestamp> {
        self.refs
            .iter()
            .filter_map(RefEntry::age)
            .map(|(time, _)| time)
            .max()
    }
}
