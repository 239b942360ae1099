//! What a scan found: the refs of a store, what they reach, and the state of everything stored.
//!
//! An [`Inventory`] is a value. [`scan`] builds it from a reader, roots first and objects after, and lets an observer take
//! snapshots on the way. [`cache`] holds one cache configuration with the states and sizes of its records, which [`steps`]
//! arranges for people to read; [`filter`] is the language in which they narrow any of these lists.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backend::bucket::{Bucket, Sum};
use crate::backend::{EntryKind, OtherObject, StoreEntry, Surroundings};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{Root, RootFacts};

pub mod blobs;
pub mod cache;
pub mod filter;
pub mod quota;
mod resolve;
pub mod scan;
pub mod steps;
pub mod subject;
mod summary;
mod trash;

use blobs::{Blob, BlobId, BlobTable};
use cache::RecordState;
pub use resolve::{DocumentFault, FaultKind};
pub use summary::RecordCounts;
pub use trash::digest_in_trash;

/// The place of a ref in its inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefId(pub u32);

/// A store, as a scan found it. Cloning shares what does not change.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Why the store does not list what it holds, where that is so: then what is named counts as stored.
    pub unlisted: Option<&'static str>,
    /// What the store may hold and does not show.
    pub unseen: Option<Arc<str>>,
    /// Whether such a store was asked for each blob that is named.
    pub asked_for_each: bool,
    /// The refs, in the store's order.
    pub refs: Arc<Vec<RefEntry>>,
    /// All blobs, stored or named.
    pub blobs: BlobTable,
    /// Unfinished uploads.
    pub partial: Arc<Vec<OtherObject>>,
    /// What earlier prunes took away and keep for a while.
    pub trash: Arc<Vec<OtherObject>>,
    /// Objects that are none of the cache's own.
    pub unknown: Arc<Vec<OtherObject>>,
    /// All entries of a store that deletes by entry, those that are refs and blobs among them; else none.
    pub entries: Arc<Vec<StoreEntry>>,
    /// What is known around a store with a quota.
    pub around: Option<Arc<Surroundings>>,
    /// What is known of the bucket, where the cache lies in one.
    pub bucket: Option<Arc<Bucket>>,
    /// Which refs these are; it changes whenever they do.
    pub fingerprint: Option<Digest>,
    /// Whether the listing has ended.
    pub progress: Progress,
    /// Faults that belong to no single ref.
    pub warnings: Vec<StoreWarning>,
}

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// The listing goes on: what is not stored yet may come.
    #[default]
    Listing,
    /// Everything was told.
    Complete,
}

/// Something about the whole store that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreWarning {
    /// The refs changed each time that they were read again.
    #[error("the refs kept changing during the scan: what is orphaned may be named by now")]
    KeepsChanging,
    /// A folder beside the cache's own files may not be listed.
    #[error("{0} may not be listed: what is in it is not counted")]
    Unlisted(
        /// Its name, fit to be shown.
        String,
    ),
    /// Nothing lies where the cache should.
    #[error("nothing lies there; the bucket has caches with the prefix {0}")]
    Elsewhere(
        /// The prefixes of other caches, fit to be shown.
        String,
    ),
    /// Reading was a use, by which the store evicts.
    #[error("reading {} counted as a use; --no-touch leaves the entries alone", index_entries(*.0))]
    Touched(
        /// How many.
        usize,
    ),
    /// A name stands for more than one ref; an importer takes the first.
    #[error("{count} refs are named `{name}`; a build imports the first")]
    DuplicateName {
        /// The name, fit to be shown.
        name: String,
        /// How many refs have it.
        count: usize,
    },
}

fn index_entries(count: usize) -> String {
    if count == 1 { "1 index entry".to_owned() } else { format!("{count} index entries") }
}

/// What a ref is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefKind {
    /// A cache of its own.
    Cache,
    /// An image that carries an inline cache.
    Inline,
    /// An image without one.
    Image,
    /// No ref: an entry of GitHub's cache that holds a layer. Only rules that name the kind speak of it.
    Blob,
    /// No ref: an entry of GitHub's cache that another tool wrote. Only rules that name the kind speak of it.
    Entry,
    /// Something that could not be read, or is none of these.
    Unknown,
}

impl RefKind {
    /// Returns the word for it, as JSON and tables show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Inline => "inline",
            Self::Image => "image",
            Self::Blob => "blob",
            Self::Entry => "entry",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the age of a ref comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgeSource {
    /// The newest result of its cache configuration.
    CacheConfig,
    /// The image's own date.
    ImageConfig,
    /// The time at which the store last saw its manifest written.
    Store,
}

impl AgeSource {
    /// Returns the word for it, as JSON and tables show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::CacheConfig => "cache-config",
            Self::ImageConfig => "image-config",
            Self::Store => "store",
        }
    }
}

/// A ref with what it reaches.
#[derive(Debug, Clone)]
pub struct RefEntry {
    /// What people call it: its first name, or its digest when it has none.
    pub name: String,
    /// Further names under which a build imports it.
    pub aliases: Vec<String>,
    /// Whether it has a name at all.
    pub tagged: bool,
    /// What it is.
    pub kind: RefKind,
    /// For which platforms, where the store says so.
    pub platforms: Vec<String>,
    /// When its content was made, and who says so.
    pub created: Option<(Timestamp, AgeSource)>,
    /// When the store last saw its manifest written.
    pub modified: Option<Timestamp>,
    /// How many layers its manifests list.
    pub layers: u32,
    records: Option<RecordCounts>,
    /// The distinct blobs that it names, in the order of their places.
    pub reach: Box<[BlobId]>,
    /// Sums over `reach`.
    pub sizes: RefSizes,
    /// What is wrong with it.
    pub faults: Vec<DocumentFault>,
    root: Root,
    caches: Vec<summary::CacheSummary>,
}

/// What a ref takes, in bytes and blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefSizes {
    /// Bytes of the distinct stored blobs that the ref reaches.
    pub bytes: u64,
    /// Bytes of those that no other ref reaches, where all refs of the store were read.
    pub exclusive_bytes: Option<u64>,
    /// Blobs that the ref names and the store does not hold.
    pub missing_blobs: u64,
    /// The bytes by which those are named.
    pub missing_bytes: u64,
    /// Blobs that are stored with another size than the one they are named with, which no reader accepts.
    pub resized_blobs: u64,
}

impl RefEntry {
    /// Returns what the ref points to.
    pub fn digest(&self) -> &DigestText {
        &self.root.descriptor.digest
    }

    /// Returns what the store says of the ref beside its content.
    pub fn facts(&self) -> &RootFacts {
        &self.root.facts
    }

    /// Returns the time of the ref's content, and where it comes from.
    pub fn age(&self) -> Option<(Timestamp, AgeSource)> {
        self.created.or(self.modified.map(|time| (time, AgeSource::Store)))
    }

    /// Returns how many records it has of which kind; none when a document that may hold some cannot be read.
    pub fn counts(&self) -> Option<RecordCounts> {
        match self.kind {
            _ if self.faults.iter().any(DocumentFault::hides_records) => None,
            RefKind::Image => Some(RecordCounts::default()),
            RefKind::Cache | RefKind::Inline | RefKind::Unknown | RefKind::Blob | RefKind::Entry => self.records,
        }
    }

    /// Returns the word for what is wrong with it as a whole: `missing` when a blob of it is not stored, `broken` when a
    /// build could not import it for another reason, else `live`.
    pub fn state(&self) -> &'static str {
        if self.sizes.missing_blobs > 0 {
            BlobState::Missing.word()
        } else if (self.faults.is_empty() || self.sealed().is_some()) && self.sizes.resized_blobs == 0 {
            BlobState::Live.word()
        } else {
            RecordState::Broken.word()
        }
    }

    /// Returns all names under which a build imports it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    /// Tells whether it names `blob`.
    pub fn reaches(&self, blob: BlobId) -> bool {
        self.reach.binary_search(&blob).is_ok()
    }

    /// Returns why what it names cannot be known here, where that is so for nobody's fault.
    pub fn sealed(&self) -> Option<&str> {
        self.root.facts.sealed.as_deref()
    }

    /// Tells whether something that the ref names could not be read, so that it may reach more than is known.
    pub fn is_unreadable(&self) -> bool {
        self.faults.iter().any(DocumentFault::hides_references)
    }

    /// Returns the manifests of it that are not stored, where nothing else hides what it reaches; none where something does.
    pub fn absent_manifests(&self) -> Vec<Digest> {
        let hiding = self.faults.iter().filter(|fault| fault.hides_references());
        let absent = hiding.map(|fault| fault.subject.parse().ok().filter(|_| fault.is_absence()));
        absent.collect::<Option<_>>().unwrap_or_default()
    }
}

/// The state of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobState {
    /// Stored, and reached from a ref.
    Live,
    /// Stored, and reached from none.
    Orphan,
    /// Named by a ref, and not stored.
    Missing,
    /// Stored and reached from none that could be read, but a ref could not be read.
    Undetermined,
    /// Named by a ref; the listing has not come to it yet.
    Awaited,
}

impl BlobState {
    /// Returns the word for it, as JSON, tables and filters use it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Orphan => "orphan",
            Self::Missing => "missing",
            Self::Undetermined => "undetermined",
            Self::Awaited => "awaited",
        }
    }
}

/// A number of things and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, bytes: self.bytes.saturating_add(other.bytes) }
    }
}

impl From<Sum> for Tally {
    fn from(Sum { objects, bytes }: Sum) -> Self {
        Self { count: objects, bytes }
    }
}

/// What a store holds, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Blobs that a ref reaches.
    pub live: Tally,
    /// Blobs that no ref reaches; none when a ref could not be read, for it might reach them.
    pub orphan: Option<Tally>,
    /// Blobs that no readable ref reaches while another could not be read.
    pub undetermined: Tally,
    /// Blobs that are named and not stored, with the bytes by which they are named.
    pub missing: Tally,
    /// Unfinished uploads.
    pub partial: Tally,
    /// What earlier prunes took away and keep for a while.
    pub trash: Tally,
    /// Former contents of refs that no build imports, where they are entries of their own; they are orphans, too.
    pub superseded: Tally,
    /// Everything else.
    pub unknown: Tally,
}

impl Totals {
    /// Returns everything that is stored.
    pub fn stored(&self) -> Tally {
        let orphan = self.orphan.unwrap_or_default();
        let orphan = if self.orphan.is_some() { orphan } else { self.superseded };
        self.live.plus(orphan).plus(self.undetermined).plus(self.partial).plus(self.trash).plus(self.unknown)
    }
}

impl FromIterator<u64> for Tally {
    /// Counts things by their bytes.
    fn from_iter<I: IntoIterator<Item = u64>>(bytes: I) -> Self {
        let mut tally = Self::default();
        bytes.into_iter().for_each(|bytes| tally.add(bytes));
        tally
    }
}

impl Inventory {
    /// Tells whether everything that the store holds was told.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }

    /// Returns the ref at `id`.
    pub fn get_ref(&self, id: RefId) -> Option<&RefEntry> {
        self.refs.get(id.0 as usize)
    }

    /// Returns the refs with their places.
    pub fn indexed_refs(&self) -> impl Iterator<Item = (RefId, &RefEntry)> {
        (0..).map(RefId).zip(self.refs.iter())
    }

    /// Returns the refs that name `blob`.
    pub fn refs_of(&self, blob: BlobId) -> impl Iterator<Item = (RefId, &RefEntry)> {
        self.indexed_refs().filter(move |(_, entry)| entry.reaches(blob))
    }

    /// Tells whether a ref could not be read, so that nothing can be called orphaned.
    pub fn has_unreadable_ref(&self) -> bool {
        self.refs.iter().any(RefEntry::is_unreadable)
    }

    /// Returns the function that tells a blob's state; ask once and use it for many blobs.
    pub fn blob_states(&self) -> impl Fn(&Blob<'_>) -> BlobState + Copy + use<> {
        let unreached = if self.has_unreadable_ref() { BlobState::Undetermined } else { BlobState::Orphan };
        let unseen = match self.progress {
            Progress::Listing => BlobState::Awaited,
            Progress::Complete => BlobState::Missing,
        };
        move |blob| match (blob.is_stored(), blob.refs()) {
            (false, _) => unseen,
            (true, 0) => unreached,
            (true, _) => BlobState::Live,
        }
    }

    /// Sums up what the store holds.
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
                BlobState::Awaited => {}
            }
        }
        for entry in self.refs.iter().filter(|entry| entry.facts().bytes > 0) {
            totals.live.add(entry.facts().bytes);
        }
        for entry in self.entries.iter() {
            match entry.kind {
                EntryKind::Blob(_) => {}
                EntryKind::Former(_) => totals.superseded.add(entry.size),
                EntryKind::Signature | EntryKind::Foreign(_) => totals.unknown.add(entry.size),
                EntryKind::Copy(digest) => match self.blobs.find(&digest).map(|id| state(&self.blobs.get(id))) {
                    Some(BlobState::Live) => totals.live.add(entry.size),
                    Some(BlobState::Undetermined) => totals.undetermined.add(entry.size),
                    Some(BlobState::Orphan | BlobState::Missing | BlobState::Awaited) | None => orphan.add(entry.size),
                },
            }
        }
        let is_known = !self.has_unreadable_ref() && self.unlisted.is_none();
        totals.orphan = is_known.then_some(orphan.plus(totals.superseded));
        self.partial.iter().for_each(|object| totals.partial.add(object.size));
        self.trash.iter().for_each(|object| totals.trash.add(object.size));
        self.unknown.iter().for_each(|object| totals.unknown.add(object.size));
        if let Some(bucket) = &self.bucket {
            totals.trash = totals.trash.plus(bucket.own.into());
            totals.unknown = totals.unknown.plus(bucket.unnamed.into());
        }
        totals
    }

    /// Tells whether unfinished uploads could be listed.
    pub fn knows_partial(&self) -> bool {
        self.bucket.as_ref().is_none_or(|bucket| bucket.unlisted_uploads.is_none())
    }

    /// Tells whether everything beside the cache's own could be counted.
    pub fn knows_unknown(&self) -> bool {
        self.bucket.as_ref().is_none_or(|bucket| bucket.uncounted.is_none())
    }

    /// Tells whether there are refs whose reach is not known for nobody's fault, so that what is missing is not known either.
    pub fn is_sealed(&self) -> bool {
        self.refs.iter().any(|entry| entry.sealed().is_some())
    }

    /// Returns the newest time of any ref's content.
    pub fn newest(&self) -> Option<Timestamp> {
        self.refs.iter().filter_map(RefEntry::age).map(|(time, _)| time).max()
    }
}
