//! The deletions of a plan, stored compactly because there may be a million.
//!
//! A blob that is deleted because no ref, or no kept ref, reaches it is stored as an index in a
//! blob table: the inventory's table, which the plan shares, or its own table for a plan from a
//! file. Other deletions are stored whole. Accessors build a [`Deletion`] on demand.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Deletion, StoreReason, Target, Why, age};
use crate::backend::{ObjectName, ObjectTarget, RefTarget};
use crate::inventory::blobs::{BlobId, BlobTable};
use crate::prune::records::Rewrite;

/// All deletions, refs first.
#[derive(Debug, Clone, Default)]
pub struct Deletions {
    slots: Vec<Slot>,
    blobs: BlobTable,
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
}

impl Deletions {
    /// Creates the list of a plan that is made at `made` over `blobs`.
    pub(super) fn over(blobs: &BlobTable, made: Timestamp) -> Self {
        Self {
            blobs: blobs.clone(),
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

    /// Adds a deletion that was read from a file.
    fn push_read(&mut self, deletion: Deletion) {
        match self.packed(&deletion) {
            Some(slot) => self.slots.push(slot),
            None => self.push(deletion),
        }
    }

    /// Adds a blob to the table, unless that would lose data of the deletion.
    fn packed(&mut self, deletion: &Deletion) -> Option<Slot> {
        let Deletion {
            target: Target::Object(target),
            reasons,
        } = deletion
        else {
            return None;
        };
        let (
            ObjectTarget {
                name: ObjectName::Blob(digest),
                size,
                modified,
            },
            [Why::Store(reason)],
        ) = (target, reasons.as_slice())
        else {
            return None;
        };
        let slot = match reason {
            StoreReason::Orphan { unchanged } => {
                // The first blob determines when the plan was made; a blob whose age then differs
                // is stored whole.
                self.made = self.made.or_else(|| modified.checked_add(*unchanged).ok());
                Slot::Orphan
            }
            StoreReason::FreedNow => Slot::Freed,
            _ => return None,
        };
        if self.blobs.find(digest).is_some() {
            return None;
        }
        let slot = slot(self.blobs.store(*digest, *size, Some(*modified)));
        (*self.made_of(slot) == *deletion).then_some(slot)
    }

    fn made_of(&self, slot: Slot) -> Cow<'_, Deletion> {
        let (blob, is_freed) = match slot {
            Slot::Whole(place) => return Cow::Borrowed(&self.whole[place as usize]),
            Slot::Orphan(blob) => (self.blobs.get(blob), false),
            Slot::Freed(blob) => (self.blobs.get(blob), true),
        };
        // A blob of unknown age does not get here; if it did, no proof would accept its deletion.
        let modified = blob.modified().unwrap_or(Timestamp::MAX);
        let name = ObjectName::Blob(blob.digest());
        let reason = if is_freed {
            StoreReason::FreedNow
        } else {
            StoreReason::Orphan {
                unchanged: age(modified, self.made.unwrap_or(modified)),
            }
        };
        let target = Target::Object(ObjectTarget {
            name,
            size: blob.stored_size(),
            modified,
        });
        Cow::Owned(Deletion {
            target,
            reasons: vec![reason.into()],
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
            Target::Ref(target) => Some(target),
            Target::Object(_) | Target::Rewrite(_) => None,
        })
    }

    /// Returns the kept refs that lose results.
    pub fn rewrites(&self) -> impl Iterator<Item = &Rewrite> {
        self.whole.iter().filter_map(|item| match &item.target {
            Target::Rewrite(rewrite) => Some(&**rewrite),
            Target::Object(_) | Target::Ref(_) => None,
        })
    }

    /// Returns the length of the prefix of deletions that are stored whole and match `are`.
    pub(super) fn leading(&self, are: impl Fn(&Target) -> bool) -> usize {
        self.slots.partition_point(|slot| match slot {
            Slot::Whole(place) => self
                .whole
                .get(*place as usize)
                .is_some_and(|item| are(&item.target)),
            Slot::Orphan(_) | Slot::Freed(_) => false,
        })
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
