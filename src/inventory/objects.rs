//! All objects that a source holds or references, as one list: blobs first, then unfinished
//! uploads, unknown objects, and the entries that are not blobs.
//!
//! A row is a number. The terminal UI and `cachelens blobs` filter and sort the same rows.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::blobs::{Blob, BlobId};
use super::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use super::subject::{BlobRow, OtherRow};
use super::{BlobState, Inventory};
use crate::backend::{CacheEntryKind, OtherObject, StoreEntry};
use crate::format::digest::Digest;

type StateOf = dyn Fn(&Blob<'_>) -> BlobState + Send + Sync;

/// All objects of an inventory.
pub struct Objects {
    inventory: Arc<Inventory>,
    blobs: u32,
    /// The indexes of the entries that are not blobs, sorted by name.
    entries: Vec<u32>,
    state: Box<StateOf>,
    users: OnceLock<ObjectUsers>,
}

/// An object of a source.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// A blob, stored or referenced.
    Blob(BlobRow<'a>),
    /// Anything else.
    Other(OtherRow<'a>),
}

/// The sort keys of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKey {
    /// The digest, or the name of an object without one.
    Name,
    /// The word for its kind.
    Kind,
    /// The word for its state.
    State,
    /// The size in bytes.
    Size,
    /// The time since the last change.
    Age,
    /// The number of refs that reach it.
    Refs,
}

impl Objects {
    /// Lists the objects of `inventory`.
    pub fn new(inventory: Arc<Inventory>) -> Self {
        let blobs = u32::try_from(inventory.blobs.len()).unwrap_or(u32::MAX);
        // An entry that is a blob is listed as that blob.
        let is_other = |entry: &StoreEntry| !matches!(entry.kind, CacheEntryKind::Blob(_));
        let others = (0..)
            .zip(inventory.entries.iter())
            .filter(|(_, entry)| is_other(entry));
        let mut entries: Vec<u32> = others.map(|(place, _)| place).collect();
        entries.sort_unstable_by_key(|place| &inventory.entries[*place as usize].name);
        Self {
            state: Box::new(inventory.blob_states()),
            inventory,
            blobs,
            entries,
            users: OnceLock::new(),
        }
    }

    /// Returns the inventory.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// Returns the number of objects.
    pub fn count(&self) -> u32 {
        let others =
            self.inventory.partial.len() + self.inventory.unknown.len() + self.entries.len();
        self.blobs
            .saturating_add(u32::try_from(others).unwrap_or(u32::MAX))
    }

    /// Returns the object in a row.
    pub fn at(&self, row: u32) -> Object<'_> {
        if let Some(blob) = self.blob(row) {
            return Object::Blob(BlobRow {
                blob,
                state: (self.state)(&blob),
            });
        }
        let Inventory {
            partial,
            unknown,
            entries,
            ..
        } = &*self.inventory;
        let place = (row - self.blobs) as usize;
        Object::Other(
            match (
                partial.get(place),
                place.checked_sub(partial.len() + unknown.len()),
            ) {
                (Some(object), _) => OtherRow::object(object, "partial"),
                (None, None) => OtherRow::object(&unknown[place - partial.len()], "unknown"),
                (None, Some(place)) => OtherRow::entry(&entries[self.entries[place] as usize]),
            },
        )
    }

    /// Returns the blob in a row, if the row is a blob.
    pub fn blob(&self, row: u32) -> Option<Blob<'_>> {
        (row < self.blobs).then(|| self.inventory.blobs.get(BlobId(row)))
    }

    /// Returns the size of an object in bytes, if known.
    pub fn size(&self, row: u32) -> Option<u64> {
        match self.at(row) {
            Object::Blob(row) => row.blob.size(),
            Object::Other(row) => Some(row.size),
        }
    }

    /// Returns the time at which the store last saw an object written or used.
    pub fn modified(&self, row: u32) -> Option<Timestamp> {
        match self.at(row) {
            Object::Blob(row) => row.blob.modified(),
            Object::Other(row) => row.modified,
        }
    }

    /// Returns whether an object passes a filter.
    pub fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        match self.at(row) {
            Object::Blob(row) => filter.matches(
                &UsedBlob {
                    row,
                    inventory: &self.inventory,
                    users: self.users(),
                },
                now,
            ),
            Object::Other(row) => filter.matches(&row, now),
        }
    }

    /// Compares two objects; unknown values sort first.
    pub fn compare(&self, key: ObjectKey, a: u32, b: u32) -> Ordering {
        let words = |row| match self.at(row) {
            Object::Blob(row) => (row.blob.role().word(), row.state.word()),
            Object::Other(row) => (row.kind, row.state),
        };
        let refs = |row| self.blob(row).map(|blob| blob.refs());
        let ordering = match key {
            ObjectKey::Name => Ordering::Equal,
            ObjectKey::Kind => words(a).0.cmp(words(b).0),
            ObjectKey::State => words(a).1.cmp(words(b).1),
            ObjectKey::Size => self.size(a).cmp(&self.size(b)),
            // The oldest object has the largest age; an object without a time sorts last.
            ObjectKey::Age => match (self.modified(a), self.modified(b)) {
                (Some(a), Some(b)) => b.cmp(&a),
                (a, b) => a.cmp(&b),
            },
            ObjectKey::Refs => refs(a).cmp(&refs(b)),
        };
        // The listing order of a store is arbitrary; the order of names is stable.
        ordering.then_with(|| match (self.blob(a), self.blob(b)) {
            (Some(a), Some(b)) => a.digest().cmp(&b.digest()),
            _ => a.cmp(&b),
        })
    }

    /// Returns numbers that sort objects as [`Objects::compare`] does, as far as numbers can; equal
    /// numbers imply nothing.
    pub fn sort_key(&self, key: ObjectKey, row: u32) -> [u64; 2] {
        let value = match key {
            ObjectKey::Name => 0,
            ObjectKey::Size => self.size(row).map_or(0, |bytes| bytes.saturating_add(1)),
            ObjectKey::Age => self.modified(row).map_or(0, |time| {
                // Clamped to 0: the times of a table are nanoseconds in 64 bits, but other objects
                // may be out of that range.
                let age = (i128::from(i64::MAX) - time.as_nanosecond()).max(0);
                u64::try_from(age).unwrap_or(u64::MAX).saturating_add(1)
            }),
            ObjectKey::Refs => self.blob(row).map_or(0, |blob| 1 + u64::from(blob.refs())),
            ObjectKey::Kind | ObjectKey::State => return [0; 2],
        };
        // Longer digests and objects without a digest sort after all objects with this number.
        let name = match self.blob(row).map(|blob| blob.digest()) {
            Some(Digest::Sha256(bytes)) => bytes
                .first_chunk()
                .map_or(0, |first| u64::from_be_bytes(*first)),
            _ => u64::MAX,
        };
        [value, name]
    }

    /// Returns the row of a blob.
    pub fn find_blob(&self, digest: &Digest) -> Option<u32> {
        let found = self.inventory.blobs.find(digest);
        found.map(|id| id.0).filter(|row| *row < self.blobs)
    }

    /// Returns the row of an object that is not a blob.
    pub fn find_other(&self, name: &str) -> Option<u32> {
        let place = |objects: &[OtherObject]| {
            objects
                .binary_search_by(|object| (*object.name).cmp(name))
                .ok()
        };
        let Inventory {
            partial,
            unknown,
            entries,
            ..
        } = &*self.inventory;
        let unknown_place = || place(unknown).map(|place| partial.len() + place);
        let entry = || {
            let found = self
                .entries
                .binary_search_by(|place| entries[*place as usize].name.as_str().cmp(name));
            found
                .ok()
                .map(|place| partial.len() + unknown.len() + place)
        };
        let other = place(partial).or_else(unknown_place).or_else(entry)?;
        u32::try_from(other).ok().map(|other| self.blobs + other)
    }

    fn users(&self) -> &ObjectUsers {
        self.users.get_or_init(|| ObjectUsers::of(&self.inventory))
    }
}

/// The refs of each blob, built when a filter first needs them, because the inventory stores the
/// opposite direction.
#[derive(Debug)]
struct ObjectUsers {
    /// The start of each blob's refs; the last element is the end.
    starts: Vec<usize>,
    refs: Vec<u32>,
}

impl ObjectUsers {
    fn of(inventory: &Inventory) -> Self {
        let mut starts = vec![0; inventory.blobs.len() + 1];
        let pairs = || {
            (0u32..)
                .zip(inventory.refs.iter())
                .flat_map(|(at, entry)| entry.reach.iter().map(move |id| (id.0 as usize, at)))
        };
        pairs().for_each(|(blob, _)| starts[blob + 1] += 1);
        for blob in 1..starts.len() {
            starts[blob] += starts[blob - 1];
        }
        let mut refs = vec![0; starts.last().copied().unwrap_or_default()];
        let mut next = starts.clone();
        for (blob, at) in pairs() {
            refs[next[blob]] = at;
            next[blob] += 1;
        }
        Self { starts, refs }
    }

    fn of_blob(&self, id: BlobId) -> &[u32] {
        let at = id.0 as usize;
        &self.refs[self.starts[at]..self.starts[at + 1]]
    }
}

/// A blob together with the refs that reach it.
struct UsedBlob<'a> {
    row: BlobRow<'a>,
    inventory: &'a Inventory,
    users: &'a ObjectUsers,
}

impl FilterSubject for UsedBlob<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        if field != FilterTextField::Ref {
            return self.row.any_text(field, test);
        }
        let refs = self.users.of_blob(self.row.blob.id());
        Some(
            refs.iter()
                .flat_map(|at| self.inventory.refs[*at as usize].names())
                .any(test),
        )
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        self.row.number(field)
    }

    fn created(&self) -> Option<Timestamp> {
        self.row.created()
    }

    fn digest(&self) -> Option<Digest> {
        self.row.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::OtherKind;
    use crate::inventory::blobs::BlobRole;

    #[test]
    fn keys_order_rows_as_comparisons_do() {
        let time = |second| Timestamp::from_second(second).ok();
        let mut inventory = Inventory::default();
        for number in 0..20 {
            let digest = Digest::of(&[number]);
            inventory
                .blobs
                .store(digest, u64::from(number % 4), time(i64::from(number % 3)));
        }
        inventory.blobs.store(Digest::Sha512([1; 64]), 1, None);
        inventory
            .blobs
            .store(Digest::Sha512([2; 64]), u64::MAX - 1, Some(Timestamp::MAX));
        inventory
            .blobs
            .name(Digest::of(b"missing"), None, BlobRole::Layer);
        let object = |name: &str, modified| OtherObject {
            name: name.into(),
            kind: OtherKind::File,
            size: 1,
            modified,
        };
        let objects = [
            object("a", time(1)),
            object("b", None),
            object("c", Some(Timestamp::MIN)),
        ];
        inventory.unknown = Arc::new(objects.into());
        let rows = Objects::new(Arc::new(inventory));
        let keys = [
            ObjectKey::Name,
            ObjectKey::Kind,
            ObjectKey::State,
            ObjectKey::Size,
            ObjectKey::Age,
            ObjectKey::Refs,
        ];
        for key in keys {
            for (a, b) in (0..rows.count()).flat_map(|a| (0..rows.count()).map(move |b| (a, b))) {
                let by_key = rows.sort_key(key, a).cmp(&rows.sort_key(key, b));
                assert!(
                    by_key.is_eq() || by_key == rows.compare(key, a, b),
                    "{key:?}, rows {a} and {b}"
                );
            }
        }
    }
}
