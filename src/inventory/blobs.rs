//! The table of blobs: what is stored and what is named, in 54 bytes each.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use jiff::Timestamp;

use crate::format::digest::Digest;

/// Rows come in chunks that snapshots of the table share; only a chunk that changes is copied. One is smaller
/// than what an allocator would round up to whole pages (from 128 kB on).
const CHUNK: usize = 2048;
/// Stands for a size or time that is not known.
const UNKNOWN_SIZE: u64 = u64::MAX;
const UNKNOWN_TIME: i64 = i64::MIN;

/// The place of a blob in its table. Places never change while the table grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(pub u32);

/// What a blob is for, as far as a manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlobRole {
    /// Nothing names the blob.
    #[default]
    Unnamed,
    /// A layer of a cache or an image.
    Layer,
    /// A cache configuration.
    CacheConfig,
    /// The configuration of an image.
    ImageConfig,
    /// A manifest.
    Manifest,
    /// An index.
    Index,
    /// Named by a manifest, of a kind that this program does not look into.
    Other,
}

impl BlobRole {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unnamed => "blob",
            Self::Layer => "layer",
            Self::CacheConfig => "cache config",
            Self::ImageConfig => "image config",
            Self::Manifest => "manifest",
            Self::Index => "index",
            Self::Other => "other",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// Named by a manifest; the listing has not told it.
    Named,
    /// Stored.
    Stored,
    /// Stored, with another size than the one it is named with.
    Resized,
}

/// What the table knows of a blob. Packed, since padding would be two bytes for each of a million blobs.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(2))]
struct Row {
    /// The digest, or as much of a longer one as fits; those are kept whole in `BlobTable::long`.
    key: [u8; 32],
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    refs: u32,
    role: BlobRole,
    presence: Presence,
}

/// All blobs of a store: those that it holds and those that its refs name.
#[derive(Debug, Clone, Default)]
pub struct BlobTable {
    chunks: Vec<Arc<Vec<Row>>>,
    long: Arc<BTreeMap<BlobId, Digest>>,
    /// Finds rows by digest. Snapshots share the one of their time.
    index: Arc<Index>,
    /// Whether the store has refs that were not read, which may reach the blobs, too.
    has_unread_refs: bool,
}

#[derive(Debug, Clone, Default)]
struct Index {
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl BlobTable {
    /// Returns how many blobs are known.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Tells whether no blob is known.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the blob at `id`, which this table or an earlier state of it gave out.
    pub fn get(&self, id: BlobId) -> Blob<'_> {
        Blob { table: self, id, row: row(&self.chunks, id) }
    }

    /// Returns all blobs in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = Blob<'_>> {
        let rows = self.chunks.iter().flat_map(|chunk| chunk.iter());
        (0..).map(BlobId).zip(rows).map(|(id, row)| Blob { table: self, id, row })
    }

    /// Returns the place of a blob that is stored or named.
    pub fn find(&self, digest: &Digest) -> Option<BlobId> {
        let key = key(digest);
        let hash = self.index.hasher.hash_one(key);
        self.index.places.find(hash, |place| self.is_at(*place, digest, &key)).copied().map(BlobId)
    }

    /// Adds a blob that a manifest names, unless it is known; a role that says more replaces one that says less.
    pub(crate) fn name(&mut self, digest: Digest, size: Option<u64>, role: BlobRole) -> BlobId {
        let id = self
            .find(&digest)
            .unwrap_or_else(|| self.push(digest, size.unwrap_or(UNKNOWN_SIZE), UNKNOWN_TIME, Presence::Named));
        let row = self.row_mut(id);
        if matches!(row.role, BlobRole::Unnamed | BlobRole::Other) {
            row.role = role;
        }
        if row.size == UNKNOWN_SIZE {
            row.size = size.unwrap_or(UNKNOWN_SIZE);
        }
        id
    }

    /// Notes that a blob is stored. A blob that is told twice counts once.
    pub fn store(&mut self, digest: Digest, size: u64, modified: Option<Timestamp>) -> BlobId {
        let modified = modified.map_or(UNKNOWN_TIME, nanoseconds);
        let Some(id) = self.find(&digest) else {
            return self.push(digest, size, modified, Presence::Stored);
        };
        let row = self.row_mut(id);
        if row.presence == Presence::Named {
            row.presence =
                if row.size == size || row.size == UNKNOWN_SIZE { Presence::Stored } else { Presence::Resized };
        }
        (row.size, row.modified) = (size, modified);
        id
    }

    /// Notes that a blob which was presumed to be stored is not.
    pub(crate) fn lose(&mut self, digest: &Digest) {
        if let Some(id) = self.find(digest) {
            self.row_mut(id).presence = Presence::Named;
        }
    }

    /// Notes that the store has refs that are not read: which blobs they reach is not known.
    pub(crate) fn leave_refs_unread(&mut self) {
        self.has_unread_refs = true;
    }

    /// Tells whether all refs of the store were read, so that it is known who shares a blob.
    pub(crate) fn knows_all_refs(&self) -> bool {
        !self.has_unread_refs
    }

    /// Counts one more ref that reaches the blob.
    pub(crate) fn add_ref(&mut self, id: BlobId) {
        let row = self.row_mut(id);
        row.refs = row.refs.saturating_add(1);
    }

    fn push(&mut self, digest: Digest, size: u64, modified: i64, presence: Presence) -> BlobId {
        // The memory for 2^32 rows would be 240 GB: it is gone long before the numbers are.
        let id = BlobId(u32::try_from(self.len()).unwrap_or(u32::MAX));
        let key = key(&digest);
        if !matches!(digest, Digest::Sha256(_)) {
            Arc::make_mut(&mut self.long).insert(id, digest);
        }
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(Row { key, size, modified, refs: 0, role: BlobRole::default(), presence });
        }
        let chunks = &self.chunks;
        let Index { places, hasher } = Arc::make_mut(&mut self.index);
        let hash = hasher.hash_one(key);
        places.insert_unique(hash, id.0, |place| hasher.hash_one(row(chunks, BlobId(*place)).key));
        id
    }

    fn is_at(&self, place: u32, digest: &Digest, key: &[u8; 32]) -> bool {
        let id = BlobId(place);
        row(&self.chunks, id).key == *key && self.get(id).digest() == *digest
    }

    fn row_mut(&mut self, id: BlobId) -> &mut Row {
        &mut Arc::make_mut(&mut self.chunks[id.0 as usize / CHUNK])[id.0 as usize % CHUNK]
    }
}

fn row(chunks: &[Arc<Vec<Row>>], id: BlobId) -> &Row {
    &chunks[id.0 as usize / CHUNK][id.0 as usize % CHUNK]
}

fn key(digest: &Digest) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(&digest.as_bytes()[..32]);
    key
}

fn nanoseconds(time: Timestamp) -> i64 {
    // Nanoseconds in 64 bits reach from 1677 to 2262; a file's time beyond that is a fault of its clock.
    i64::try_from(time.as_nanosecond()).unwrap_or(if time.as_second() < 0 { UNKNOWN_TIME + 1 } else { i64::MAX })
}

/// A blob of a table.
#[derive(Debug, Clone, Copy)]
pub struct Blob<'a> {
    table: &'a BlobTable,
    id: BlobId,
    row: &'a Row,
}

impl Blob<'_> {
    /// Returns its place.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Returns its digest.
    pub fn digest(&self) -> Digest {
        self.table.long.get(&self.id).copied().unwrap_or(Digest::Sha256(self.row.key))
    }

    /// Returns its size in bytes: the stored one, else that by which it is named.
    pub fn size(&self) -> Option<u64> {
        (self.row.size != UNKNOWN_SIZE).then_some(self.row.size)
    }

    /// Returns the bytes that it takes in the store; 0 for one that is not stored.
    pub fn stored_size(&self) -> u64 {
        if self.is_stored() { self.size().unwrap_or_default() } else { 0 }
    }

    /// Returns when the store last saw it written or touched.
    pub fn modified(&self) -> Option<Timestamp> {
        if self.row.modified == UNKNOWN_TIME {
            return None;
        }
        Timestamp::from_nanosecond(i128::from(self.row.modified)).ok()
    }

    /// Returns how many refs reach it, of those that were read.
    pub fn refs(&self) -> u32 {
        self.row.refs
    }

    /// Returns how many refs beside one that reaches it do so, too; nothing where some refs of the store were not read.
    pub fn other_refs(&self) -> Option<u32> {
        self.table.knows_all_refs().then(|| self.row.refs.saturating_sub(1))
    }

    /// Returns what it is for.
    pub fn role(&self) -> BlobRole {
        self.row.role
    }

    /// Tells whether the listing told it.
    pub fn is_stored(&self) -> bool {
        self.row.presence != Presence::Named
    }

    /// Tells whether it is stored with another size than the one it is named with, which no reader accepts.
    pub fn is_resized(&self) -> bool {
        self.row.presence == Presence::Resized
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn a_row_is_as_small_as_promised() {
        assert_eq!(size_of::<Row>(), 54);
    }

    #[test]
    fn finds_named_and_stored_blobs_across_chunks() {
        let mut table = BlobTable::default();
        for number in 0..10_000 {
            table.store(digest(number), u64::from(number), None);
        }
        assert_eq!(table.len(), 10_000);
        for number in (0..10_000).step_by(997) {
            let id = table.find(&digest(number)).unwrap();
            assert_eq!((table.get(id).size(), table.get(id).digest()), (Some(u64::from(number)), digest(number)));
        }
        assert_eq!(table.find(&digest(10_000)), None);
        let long = Digest::Sha512([7; 64]);
        let id = table.store(long, 1, None);
        assert_eq!((table.find(&long), table.get(id).digest()), (Some(id), long));
    }

    #[test]
    fn a_size_that_differs_from_the_named_one_shows() {
        let mut table = BlobTable::default();
        let id = table.name(digest(1), Some(10), BlobRole::Layer);
        assert!(!table.get(id).is_stored());
        assert_eq!(table.get(id).stored_size(), 0);
        table.store(digest(1), 9, None);
        assert!(table.get(id).is_resized());
        let unsure = table.name(digest(2), None, BlobRole::Layer);
        table.store(digest(2), 9, None);
        assert!(!table.get(unsure).is_resized());
    }

    #[test]
    fn snapshots_do_not_change() {
        let mut table = BlobTable::default();
        let id = table.name(digest(1), None, BlobRole::Layer);
        let before = table.clone();
        table.store(digest(1), 5, None);
        table.store(digest(2), 5, None);
        assert_eq!((before.len(), before.get(id).is_stored()), (1, false));
        assert_eq!((table.len(), table.get(id).is_stored()), (2, true));
    }

    #[test]
    fn times_beyond_the_calendar_are_bounded() {
        let mut table = BlobTable::default();
        let id = table.store(digest(1), 5, Some(Timestamp::MAX));
        assert_eq!(table.get(id).modified().map(|time| time.to_string()[..4].to_owned()).as_deref(), Some("2262"));
    }
}
