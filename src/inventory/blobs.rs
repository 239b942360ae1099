//! The table of stored and referenced blobs, at 54 bytes per blob.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use jiff::Timestamp;

use crate::format::digest::Digest;

/// Rows are stored in chunks that snapshots of the table share; only a changed chunk is copied. The
/// size is below the point (128 kB) where allocators round up to whole pages.
const CHUNK: usize = 2048;
/// Represents an unknown size; the next constant represents an unknown time.
const UNKNOWN_SIZE: u64 = u64::MAX;
const UNKNOWN_TIME: i64 = i64::MIN;
/// The maximum number of distinct media types; blobs of any further type count as of an unknown
/// type.
const MOST_MEDIA_TYPES: usize = 63;
/// The maximum length of a media type in bytes: RFC 6838 allows 127 on each side of the slash.
const LONGEST_MEDIA_TYPE: usize = 255;

/// The index of a blob in its table. Indexes stay the same while the table grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(pub u32);

/// The purpose of a blob, according to the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlobRole {
    /// No manifest references the blob.
    #[default]
    Unnamed,
    /// A layer of a cache or an image.
    Layer,
    /// A cache configuration.
    CacheConfig,
    /// The configuration of an image.
    ImageConfig,
    Manifest,
    Index,
    /// Referenced by a manifest, of a kind that cachelens does not interpret.
    Other,
}

impl BlobRole {
    /// Returns the word for the role.
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
#[repr(u8)]
enum Presence {
    /// Referenced by a manifest; not listed.
    Named,
    /// Referenced only by manifests that place it elsewhere; not listed.
    Foreign,
    Stored,
    /// Stored with a size other than the declared one.
    Resized,
}

/// The table's row for a blob. Packed, because padding would add two bytes to each of a million
/// blobs.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(2))]
struct BlobTableRow {
    /// The digest, or the beginning of a longer one; longer digests are kept whole in
    /// `BlobTable::long`.
    key: [u8; 32],
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    refs: u32,
    role: BlobRole,
    standing: PresenceAndType,
}

/// A presence and the index of a media type, packed into one byte.
#[derive(Debug, Clone, Copy)]
struct PresenceAndType(u8);

impl PresenceAndType {
    fn new(presence: Presence) -> Self {
        Self(presence as u8)
    }

    fn presence(self) -> Presence {
        match self.0 & 3 {
            0 => Presence::Named,
            1 => Presence::Foreign,
            2 => Presence::Stored,
            _ => Presence::Resized,
        }
    }

    fn set_presence(&mut self, presence: Presence) {
        self.0 = (self.0 & !3) | presence as u8;
    }

    /// Returns the index of the media type, if known.
    fn media_type(self) -> Option<usize> {
        usize::from(self.0 >> 2).checked_sub(1)
    }

    fn set_media_type(&mut self, media_type: MediaTypeId) {
        self.0 = (self.0 & 3) | ((media_type.0 + 1) << 2);
    }
}

/// The index of a media type in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaTypeId(u8);

/// All blobs of a store: the blobs it holds and the blobs its refs reference.
#[derive(Debug, Clone, Default)]
pub struct BlobTable {
    chunks: Vec<Arc<Vec<BlobTableRow>>>,
    long: Arc<BTreeMap<BlobId, Digest>>,
    /// Finds rows by digest. Each snapshot shares the index of its time.
    index: Arc<Index>,
    /// Whether some refs of the store were not read; they may reach the blobs, too.
    has_unread_refs: bool,
    /// The media types that manifests give their blobs.
    media_types: Arc<Vec<Box<str>>>,
}

#[derive(Debug, Clone, Default)]
struct Index {
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl BlobTable {
    /// Returns the number of known blobs.
    pub fn len(&self) -> usize {
        self.chunks
            .last()
            .map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Returns whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the blob at `id`, an index from this table or from an earlier state of it.
    pub fn get(&self, id: BlobId) -> Blob<'_> {
        Blob {
            table: self,
            id,
            row: row(&self.chunks, id),
        }
    }

    /// Returns all blobs in index order.
    pub fn iter(&self) -> impl Iterator<Item = Blob<'_>> {
        let rows = self.chunks.iter().flat_map(|chunk| chunk.iter());
        (0..).map(BlobId).zip(rows).map(|(id, row)| Blob {
            table: self,
            id,
            row,
        })
    }

    /// Returns the index of a stored or referenced blob.
    pub fn find(&self, digest: &Digest) -> Option<BlobId> {
        let key = key(digest);
        let hash = self.index.hasher.hash_one(key);
        self.index
            .places
            .find(hash, |place| self.is_at(*place, digest, &key))
            .copied()
            .map(BlobId)
    }

    /// Adds a blob that a manifest references, unless it is known. A more specific role replaces a
    /// less specific one.
    pub(crate) fn name(&mut self, digest: Digest, size: Option<u64>, role: BlobRole) -> BlobId {
        self.name_as(digest, size, role, Presence::Named)
    }

    /// Adds a layer that a manifest references and places elsewhere, like [`Self::name`].
    pub(crate) fn name_foreign(&mut self, digest: Digest, size: Option<u64>) -> BlobId {
        self.name_as(digest, size, BlobRole::Layer, Presence::Foreign)
    }

    fn name_as(
        &mut self,
        digest: Digest,
        size: Option<u64>,
        role: BlobRole,
        presence: Presence,
    ) -> BlobId {
        let id = self.find(&digest).unwrap_or_else(|| {
            self.push(digest, size.unwrap_or(UNKNOWN_SIZE), UNKNOWN_TIME, presence)
        });
        let row = self.row_mut(id);
        if row.standing.presence() == Presence::Foreign {
            row.standing.set_presence(presence);
        }
        if matches!(row.role, BlobRole::Unnamed | BlobRole::Other) {
            row.role = role;
        }
        if row.size == UNKNOWN_SIZE {
            row.size = size.unwrap_or(UNKNOWN_SIZE);
        }
        id
    }

    /// Marks a blob as stored. A blob that is listed twice counts once.
    pub fn store(&mut self, digest: Digest, size: u64, modified: Option<Timestamp>) -> BlobId {
        let modified = modified.map_or(UNKNOWN_TIME, nanoseconds);
        let Some(id) = self.find(&digest) else {
            return self.push(digest, size, modified, Presence::Stored);
        };
        let row = self.row_mut(id);
        if matches!(row.standing.presence(), Presence::Named | Presence::Foreign) {
            let is_same = row.size == size || row.size == UNKNOWN_SIZE;
            row.standing.set_presence(if is_same {
                Presence::Stored
            } else {
                Presence::Resized
            });
        }
        (row.size, row.modified) = (size, modified);
        id
    }

    /// Marks a blob that was presumed stored as not stored.
    pub(crate) fn lose(&mut self, digest: &Digest) {
        if let Some(id) = self.find(digest) {
            self.row_mut(id).standing.set_presence(Presence::Named);
        }
    }

    /// Returns the index of a media type; `None` for an empty one, for one that is too long, and
    /// when the table of types is full.
    pub(crate) fn media_type(&mut self, media_type: &str) -> Option<MediaTypeId> {
        if media_type.is_empty() || media_type.len() > LONGEST_MEDIA_TYPE {
            return None;
        }
        let known = self
            .media_types
            .iter()
            .position(|kept| **kept == *media_type);
        let place = known.unwrap_or(self.media_types.len());
        if place == MOST_MEDIA_TYPES {
            return None;
        }
        if known.is_none() {
            Arc::make_mut(&mut self.media_types).push(media_type.into());
        }
        u8::try_from(place).ok().map(MediaTypeId)
    }

    /// Sets the media type that a manifest gives a blob; the first one is kept.
    pub(crate) fn set_media_type(&mut self, id: BlobId, media_type: MediaTypeId) {
        let row = self.row_mut(id);
        if row.standing.media_type().is_none() {
            row.standing.set_media_type(media_type);
        }
    }

    /// Records that the store has unread refs, so the blobs that they reach are unknown.
    pub(crate) fn leave_refs_unread(&mut self) {
        self.has_unread_refs = true;
    }

    /// Returns whether all refs of the store were read, so that the number of refs per blob is
    /// exact.
    pub(crate) fn knows_all_refs(&self) -> bool {
        !self.has_unread_refs
    }

    /// Counts one more ref that reaches the blob.
    pub(crate) fn add_ref(&mut self, id: BlobId) {
        let row = self.row_mut(id);
        row.refs = row.refs.saturating_add(1);
    }

    fn push(&mut self, digest: Digest, size: u64, modified: i64, presence: Presence) -> BlobId {
        // 2^32 rows would take 240 GB, so memory runs out long before the numbers do.
        let id = BlobId(u32::try_from(self.len()).unwrap_or(u32::MAX));
        let key = key(&digest);
        if !matches!(digest, Digest::Sha256(_)) {
            Arc::make_mut(&mut self.long).insert(id, digest);
        }
        if self.chunks.last().is_none_or(|last| last.len() == CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(BlobTableRow {
                key,
                size,
                modified,
                refs: 0,
                role: BlobRole::default(),
                standing: PresenceAndType::new(presence),
            });
        }
        let chunks = &self.chunks;
        let Index { places, hasher } = Arc::make_mut(&mut self.index);
        let hash = hasher.hash_one(key);
        places.insert_unique(hash, id.0, |place| {
            hasher.hash_one(row(chunks, BlobId(*place)).key)
        });
        id
    }

    fn is_at(&self, place: u32, digest: &Digest, key: &[u8; 32]) -> bool {
        let id = BlobId(place);
        row(&self.chunks, id).key == *key && self.get(id).digest() == *digest
    }

    fn row_mut(&mut self, id: BlobId) -> &mut BlobTableRow {
        &mut Arc::make_mut(&mut self.chunks[id.0 as usize / CHUNK])[id.0 as usize % CHUNK]
    }
}

fn row(chunks: &[Arc<Vec<BlobTableRow>>], id: BlobId) -> &BlobTableRow {
    &chunks[id.0 as usize / CHUNK][id.0 as usize % CHUNK]
}

fn key(digest: &Digest) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(&digest.as_bytes()[..32]);
    key
}

fn nanoseconds(time: Timestamp) -> i64 {
    // Nanoseconds in 64 bits cover 1677 to 2262; a file time beyond that comes from a wrong clock.
    i64::try_from(time.as_nanosecond()).unwrap_or(if time.as_second() < 0 {
        UNKNOWN_TIME + 1
    } else {
        i64::MAX
    })
}

/// A blob of a table.
#[derive(Debug, Clone, Copy)]
pub struct Blob<'a> {
    table: &'a BlobTable,
    id: BlobId,
    row: &'a BlobTableRow,
}

impl Blob<'_> {
    /// Returns its index.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Returns its digest.
    pub fn digest(&self) -> Digest {
        self.table
            .long
            .get(&self.id)
            .copied()
            .unwrap_or(Digest::Sha256(self.row.key))
    }

    /// Returns its size in bytes: the stored size, else the declared one.
    pub fn size(&self) -> Option<u64> {
        (self.row.size != UNKNOWN_SIZE).then_some(self.row.size)
    }

    /// Returns the bytes that it takes in the store; 0 if it is not stored.
    pub fn stored_size(&self) -> u64 {
        if self.is_stored() {
            self.size().unwrap_or_default()
        } else {
            0
        }
    }

    /// Returns the time at which the store last saw it written or touched.
    pub fn modified(&self) -> Option<Timestamp> {
        if self.row.modified == UNKNOWN_TIME {
            return None;
        }
        Timestamp::from_nanosecond(i128::from(self.row.modified)).ok()
    }

    /// Returns the number of refs that reach it, among those that were read.
    pub fn refs(&self) -> u32 {
        self.row.refs
    }

    /// Returns the number of other refs that reach it, apart from one; `None` if some refs of the
    /// store were not read.
    pub fn other_refs(&self) -> Option<u32> {
        self.table
            .knows_all_refs()
            .then(|| self.row.refs.saturating_sub(1))
    }

    /// Returns its role.
    pub fn role(&self) -> BlobRole {
        self.row.role
    }

    /// Returns the media type that a manifest gives it; `None` if no manifest references it.
    pub fn media_type(&self) -> Option<&str> {
        let place = self.row.standing.media_type()?;
        self.table.media_types.get(place).map(|kept| &**kept)
    }

    /// Returns whether the listing contains it.
    pub fn is_stored(&self) -> bool {
        !matches!(
            self.row.standing.presence(),
            Presence::Named | Presence::Foreign
        )
    }

    /// Returns whether it should be stored and is not.
    pub fn is_missing(&self) -> bool {
        self.row.standing.presence() == Presence::Named
    }

    /// Returns whether it is not stored and need not be, because every manifest that references it
    /// places it elsewhere.
    pub fn is_foreign(&self) -> bool {
        self.row.standing.presence() == Presence::Foreign
    }

    /// Returns whether its stored size differs from the declared one; readers reject such a blob.
    pub fn is_resized(&self) -> bool {
        self.row.standing.presence() == Presence::Resized
    }
}

#[cfg(test)]
mod tests;
