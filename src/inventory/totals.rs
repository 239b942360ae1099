//! The content of a store in numbers, by state.

use crate::backend::bucket::Sum;

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

    pub(super) fn plus(self, other: Self) -> Self {
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
