//! The result of a scan: the refs of a store, the blobs they reach, and the state of every object.
//!
//! An [`Inventory`] is a value. [`scan`] builds it from a reader, refs first and objects after,
//! and passes snapshots to an observer on the way. [`cache`] holds one cache configuration with the
//! states and sizes of its records. [`steps`] arranges these records for display, and [`filter`] is
//! the language that narrows any of these lists.

use std::sync::Arc;

use jiff::Timestamp;

use crate::backend::bucket::Bucket;
use crate::backend::{
    CacheEntryKind, OtherObject, StoreEntry, Surroundings, Totals, UnlistedVersions,
};
use crate::format::digest::Digest;

pub mod below;
pub mod blobs;
pub mod cache;
pub mod filter;
pub mod history;
pub mod image;
pub mod labels;
pub mod objects;
pub mod previous;
pub mod quota;
mod refs;
mod resolve;
pub mod scan;
mod signed;
pub mod steps;
pub mod subject;
mod summary;
mod together;
mod totals;
mod trash;

use blobs::{Blob, BlobId, BlobTable};
pub use refs::{AgeSource, RefEntry, RefKind, RefSizes};
pub use resolve::{DocumentFault, FaultKind, Oversize, ReadFailure};
pub use summary::{ConfigFigures, RecordCounts};
pub use together::Together;
pub use totals::InventoryTotals;
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
    pub unlisted_versions: Option<UnlistedVersions>,
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
    /// The facts of the store beyond the cache.
    pub surroundings: Surroundings,
    /// Identifies the set of refs; changes whenever the refs change.
    pub fingerprint: Option<Digest>,
    /// Whether the listing has ended.
    pub progress: ScanProgress,
    /// Faults that belong to no single ref.
    pub warnings: Vec<StoreWarning>,
}

/// The progress of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScanProgress {
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
    #[error("the refs kept changing during the scan: a ref may reference an orphan now")]
    KeepsChanging,
    /// The store omitted objects from its listings, every time they were read again.
    #[error("only a part of it is shown: {0}")]
    Part(
        /// The omitted objects.
        String,
    ),
    /// A folder next to the cache's own files cannot be listed.
    #[error("{0} may not be listed: its content is not counted")]
    Unlisted(
        /// Its name, escaped for display.
        String,
    ),
    /// The location holds no cache.
    #[error("nothing is stored there; the bucket has caches with the prefix {0}")]
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
    /// The store lists a ref and has no manifest for it.
    #[error("the registry lists `{0}` and has no manifest for it: no build can import it")]
    WithoutManifest(
        /// The name, escaped for display.
        String,
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

impl Inventory {
    /// Returns whether the listing is complete.
    pub fn is_complete(&self) -> bool {
        self.progress == ScanProgress::Complete
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
            ScanProgress::Listing => BlobState::Awaited,
            ScanProgress::Complete => BlobState::Missing,
        };
        move |blob| match (blob.is_stored(), blob.refs()) {
            (false, _) if blob.is_foreign() => BlobState::Foreign,
            (false, _) => unseen,
            (true, 0) => unreached,
            (true, _) => BlobState::Live,
        }
    }

    /// Sums up the content of the store.
    pub fn totals(&self) -> InventoryTotals {
        let state = self.blob_states();
        let mut totals = InventoryTotals::default();
        let mut orphan = Totals::default();
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
                CacheEntryKind::Previous(_) => totals.superseded.add(entry.size),
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
        if let Some(bucket) = self.surroundings.bucket() {
            totals.trash = totals.trash.plus(bucket.own);
            totals.unknown = totals.unknown.plus(bucket.unnamed);
        }
        totals
    }

    /// Returns whether unfinished uploads could be listed.
    pub fn knows_partial(&self) -> bool {
        let of_bucket = |bucket: &Bucket| bucket.unlisted_uploads.is_none();
        self.unlisted.is_none() && self.surroundings.bucket().is_none_or(of_bucket)
    }

    /// Returns whether every referenced blob that is not stored is known.
    pub fn knows_missing(&self) -> bool {
        !self.is_withheld() && (self.unlisted.is_none() || self.asked_for_each)
    }

    /// Returns whether blobs can be told from orphans: where a ref cannot be read, it may reach any
    /// blob. A registry deletes its blobs by itself.
    pub fn may_delete_blobs(&self) -> bool {
        self.unlisted.is_some() || !self.has_unreadable_ref()
    }

    /// Returns what is missing; `None` if nothing is known to be, and more may be.
    pub fn missing(&self, found: u64) -> Option<u64> {
        (found > 0 || self.knows_missing()).then_some(found)
    }

    /// Returns whether all objects outside the cache could be counted.
    pub fn knows_unknown(&self) -> bool {
        let of_bucket = |bucket: &Bucket| bucket.uncounted.is_none();
        self.unlisted.is_none() && self.surroundings.bucket().is_none_or(of_bucket)
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
