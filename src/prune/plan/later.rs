//! What a later run frees because of deleted refs and dropped results.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BlobFate, Deletions, Judged, Plan, Planning};
use crate::backend::Totals;

/// The blobs that deleted refs and dropped results leave for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FreesLater {
    /// Their size.
    pub bytes: u64,
    /// Their number.
    pub objects: u64,
    /// The time after which a run may delete them. `None` if nothing waits, or if the store deletes
    /// them by itself.
    pub at: Option<Timestamp>,
}

impl FreesLater {
    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0 && self.objects == 0
    }

    /// Counts what waits for a later run, and what of it waits because of this plan.
    pub(super) fn of(planning: &Planning<'_>, judged: &Judged, delete: &Deletions) -> (Self, u64) {
        let inventory = planning.inventory;
        let waits = [BlobFate::Waits, BlobFate::Collected];
        // A repair deletes no blob, so blobs that an earlier prune freed are not its business.
        let waiting: Totals = match planning.rewrites.repair {
            Some(_) => judged.dropped,
            None => waits
                .into_iter()
                .map(|fate| judged.tally(inventory, fate))
                .fold(Totals::default(), Totals::plus),
        };
        let dropped = delete
            .rewrites()
            .map(|rewrite| Totals {
                count: rewrite.later_blobs,
                bytes: rewrite.later_bytes,
            })
            .fold(Totals::default(), Totals::plus);
        let all = waiting.plus(dropped);
        let later = Self {
            bytes: all.bytes,
            objects: all.count,
            at: None,
        };
        let left_to_store = inventory.unlisted.is_some();
        let at = (!later.is_empty() && !left_to_store)
            .then(|| planning.now.checked_add(planning.blob_grace()).ok())
            .flatten();
        (Self { at, ..later }, judged.dropped.plus(dropped).bytes)
    }
}

impl Plan {
    /// Returns the blobs that deleted refs and dropped results leave to a later run.
    pub fn frees_later(&self) -> FreesLater {
        self.frees_later
    }

    /// Returns the same for a run of the plan that ended at `end`: the grace starts there.
    pub fn frees_later_after(&self, end: Timestamp) -> FreesLater {
        let at = self.frees_later.at.and_then(|_| self.blobs_free_at(end));
        FreesLater {
            at,
            ..self.frees_later
        }
    }

    /// Returns the bytes that the plan frees in the end: in its run, and in a later one because of
    /// it.
    pub fn frees_in_the_end(&self) -> u64 {
        self.frees_bytes.saturating_add(self.own_later_bytes)
    }

    /// Returns the time after which a run may delete blobs that were written, or lost their last
    /// ref, at `then`.
    pub fn blobs_free_at(&self, then: Timestamp) -> Option<Timestamp> {
        let wait = self.grace.saturating_add(self.settling);
        then.checked_add(wait).ok()
    }

    /// Returns the time for which the store protects blobs that a build has found, in addition to
    /// the grace period.
    pub fn settling(&self) -> SignedDuration {
        self.settling
    }
}
