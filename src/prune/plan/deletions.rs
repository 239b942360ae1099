//! The deletions of a plan, stored compactly because there may be a million.
//!
//! A blob that is deleted because no ref, or no kept ref, reaches it is stored as an index in a
//! blob table, and a blob in the trash as an index in a trash table. Both tables are the
//! inventory's, which the plan shares, or the plan's own for a plan from a file. Other deletions
//! are stored whole. Accessors build a [`Deletion`] on demand.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Deletion, DeletionTarget, ItemReason, StoreReason, age};
use crate::backend::{ObjectName, ObjectTarget, OtherKind, OtherObject, RefTarget};
use crate::format::digest::Digest;
use crate::inventory::blobs::{Blob, BlobId, BlobTable};
use crate::inventory::{Inventory, TrashTable};
use crate::prune::rewrite::Rewrite;

/// All deletions, refs first.
#[derive(Debug, Clone, Default)]
pub struct Deletions {
    slots: Vec<Slot>,
    blobs: BlobTable,
    trash: Arc<TrashTable>,
    whole: Vec<Deletion>,
    /// The creation time of the plan, from which the ages of blobs follow; `None` until one is
    /// known.
    made: Option<Timestamp>,
}

/// The storage of a deletion.
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// Stored whole, at this index.
    Whole(u32),
    /// A blob that no ref reaches.
    Orphan(BlobId),
    /// A blob that no kept ref reaches.
    Freed(BlobId),
    /// An object in the trash table, at this index.
    Trashed(u32),
}

impl Deletions {
    /// Creates the list of a plan that is made at `made` over `inventory`.
    pub(super) fn over(inventory: &Inventory, made: Timestamp) -> Self {
        Self {
            blobs: inventory.blobs.clone(),
            trash: Arc::clone(&inventory.trash),
            made: Some(made),
            ..Self::default()
        }
    }

    /// Adds a deletion.
    pub(super) fn push(&mut self, deletion: Deletion) {
        // Memory runs out before the numbers do.
        self.slots.push(Slot::Whole(
            u32::try_from(self.whole.len()).unwrap_or(u32::MAX),
        ));
        self.whole.push(deletion);
    }

    /// Adds blobs of the table, sorted by digest.
    pub(super) fn push_blobs(&mut self, mut blobs: Vec<BlobId>) {
        let table = &self.blobs;
        blobs.sort_unstable_by_key(|blob| table.get(*blob).digest());
        let slot = |blob| {
            if table.get(blob).refs() == 0 {
                Slot::Orphan(blob)
            } else {
                Slot::Freed(blob)
            }
        };
        self.slots.extend(blobs.into_iter().map(slot));
    }

    /// Adds the object at `index` in the trash table, which must have a known age.
    pub(super) fn push_trashed(&mut self, index: u32) {
        self.slots.push(Slot::Trashed(index));
    }

    /// Adds a deletion that was read from a file.
    fn push_read(&mut self, deletion: Deletion) {
        match self.packed(&deletion) {
            Some(slot) => self.slots.push(slot),
            None => self.push(deletion),
        }
    }

    /// Adds a blob to its table, unless that would lose data of the deletion.
    fn packed(&mut self, deletion: &Deletion) -> Option<Slot> {
        let DeletionTarget::Object(target) = &deletion.target else {
            return None;
        };
        let [ItemReason::Store(reason)] = deletion.reasons.as_slice() else {
            return None;
        };
        let slot = match (&target.name, reason) {
            (ObjectName::Blob(digest), StoreReason::Orphan { unchanged }) => {
                self.date(target, *unchanged);
                Slot::Orphan(self.packed_blob(*digest, target)?)
            }
            (ObjectName::Blob(digest), StoreReason::FreedNow) => {
                Slot::Freed(self.packed_blob(*digest, target)?)
            }
            (ObjectName::Trashed(name), StoreReason::Trashed { ago }) => {
                self.date(target, *ago);
                let object = OtherObject {
                    name: name.clone(),
                    kind: OtherKind::File,
                    size: target.size,
                    modified: Some(target.modified),
                };
                Slot::Trashed(Arc::make_mut(&mut self.trash).push_blob(&object)?)
            }
            _ => return None,
        };
        (*self.made_of(slot) == *deletion).then_some(slot)
    }

    /// Derives when the plan was made from the first object of known age. An object whose age then
    /// differs is stored whole.
    fn date(&mut self, target: &ObjectTarget, age: SignedDuration) {
        self.made = self.made.or_else(|| target.modified.checked_add(age).ok());
    }

    fn packed_blob(&mut self, digest: Digest, target: &ObjectTarget) -> Option<BlobId> {
        let is_known = self.blobs.find(&digest).is_some();
        (!is_known).then(|| self.blobs.store(digest, target.size, Some(target.modified)))
    }

    fn made_of(&self, slot: Slot) -> Cow<'_, Deletion> {
        let made = |modified: Timestamp| age(modified, self.made.unwrap_or(modified));
        Cow::Owned(match slot {
            Slot::Whole(place) => return Cow::Borrowed(&self.whole[place as usize]),
            Slot::Orphan(blob) => {
                let target = object(&self.blobs.get(blob));
                let unchanged = made(target.modified);
                of_store(target, StoreReason::Orphan { unchanged })
            }
            Slot::Freed(blob) => of_store(object(&self.blobs.get(blob)), StoreReason::FreedNow),
            Slot::Trashed(index) => {
                let target = trashed(self.trash.get(index as usize));
                let ago = made(target.modified);
                of_store(target, StoreReason::Trashed { ago })
            }
        })
    }

    /// Returns the number of deletions.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Returns the deletion at `place`.
    pub fn get(&self, place: usize) -> Option<Cow<'_, Deletion>> {
        self.slots.get(place).map(|slot| self.made_of(*slot))
    }

    /// Returns the deletion at `place`, which must be less than the length.
    pub fn at(&self, place: usize) -> Cow<'_, Deletion> {
        self.made_of(self.slots[place])
    }

    /// Returns all deletions in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Cow<'_, Deletion>> {
        self.slots.iter().map(|slot| self.made_of(*slot))
    }

    /// Returns the refs among them.
    pub fn refs(&self) -> impl Iterator<Item = &RefTarget> {
        self.whole.iter().filter_map(|item| match &item.target {
            DeletionTarget::Ref(target) => Some(target),
            DeletionTarget::Object(_) | DeletionTarget::Rewrite(_) => None,
        })
    }

    /// Returns the kept refs that lose results.
    pub fn rewrites(&self) -> impl Iterator<Item = &Rewrite> {
        self.whole.iter().filter_map(|item| match &item.target {
            DeletionTarget::Rewrite(rewrite) => Some(&**rewrite),
            DeletionTarget::Object(_) | DeletionTarget::Ref(_) => None,
        })
    }

    /// Returns the length of the prefix of deletions that are stored whole and match `are`.
    pub(super) fn leading(&self, are: impl Fn(&DeletionTarget) -> bool) -> usize {
        self.slots.partition_point(|slot| match slot {
            Slot::Whole(place) => self
                .whole
                .get(*place as usize)
                .is_some_and(|item| are(&item.target)),
            Slot::Orphan(_) | Slot::Freed(_) | Slot::Trashed(_) => false,
        })
    }
}

fn of_store(target: ObjectTarget, reason: StoreReason) -> Deletion {
    Deletion {
        target: DeletionTarget::Object(target),
        reasons: vec![reason.into()],
    }
}

/// A blob of unknown age does not get here; if it did, no proof would accept its deletion.
fn object(blob: &Blob<'_>) -> ObjectTarget {
    ObjectTarget {
        name: ObjectName::Blob(blob.digest()),
        size: blob.stored_size(),
        modified: blob.modified().unwrap_or(Timestamp::MAX),
    }
}

/// An object that is not in the table has a name that no store has.
fn trashed(object: Option<OtherObject>) -> ObjectTarget {
    let (name, size, modified) = object.map_or_else(
        || (String::new(), 0, None),
        |object| (object.name, object.size, object.modified),
    );
    ObjectTarget {
        name: ObjectName::Trashed(name),
        size,
        modified: modified.unwrap_or(Timestamp::MAX),
    }
}

impl PartialEq for Deletions {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl FromIterator<Deletion> for Deletions {
    fn from_iter<I: IntoIterator<Item = Deletion>>(deletions: I) -> Self {
        let mut list = Self::default();
        deletions
            .into_iter()
            .for_each(|deletion| list.push_read(deletion));
        list
    }
}

impl Serialize for Deletions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Deletions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Deletions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of deletions")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Deletions, A::Error> {
                let mut list = Deletions::default();
                while let Some(deletion) = items.next_element()? {
                    list.push_read(deletion);
                }
                Ok(list)
            }
        }
        deserializer.deserialize_seq(Items)
    }
}
