//! The bytes of rows of a plan, and their bars. A plan may have millions of rows, so nothing else of
//! a row is made.

use super::PlanRows;
use super::groups::PlanSlot;
use crate::prune::plan::DeletionTarget;
use crate::tui::pruning::{PlanEntry, PlanSection};
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

/// The width of a row's bar.
pub(super) const BAR: u16 = 6;

impl PlanRows {
    /// Returns the bytes of a row, if they are known: of a group, those of its members.
    pub(super) fn known_bytes(&self, row: u32) -> Option<u64> {
        match self.slot(row) {
            PlanSlot::Entry(entry) => self.bytes_of(entry),
            PlanSlot::Group(_) => {
                let members = self.group_at(row).map_or(&[][..], |group| &group.members);
                let bytes = members.iter().filter_map(|entry| self.bytes_of(*entry));
                Some(bytes.fold(0, u64::saturating_add))
            }
        }
    }

    /// Returns the bytes of an entry: of a ref, those that its deletion alone would free.
    pub(super) fn bytes_of(&self, entry: PlanEntry) -> Option<u64> {
        let planned = &*self.planned;
        match entry {
            PlanEntry::Deletion(place) => {
                let deletion = planned.whole.delete().at(place as usize);
                let target = &deletion.target;
                match target {
                    DeletionTarget::Ref(of_ref) => {
                        let entry = self.find_ref(&target.name(), &of_ref.digest.to_string())?;
                        entry.sizes.exclusive_bytes
                    }
                    DeletionTarget::Rewrite(rewrite) => Some(rewrite.later_bytes),
                    DeletionTarget::Object(object) => Some(object.size),
                }
            }
            PlanEntry::Kept(place) => {
                let kept = &planned.plan.keep()[place as usize];
                let entry = self.find_ref(&kept.name, kept.digest.as_ref()?)?;
                entry.sizes.exclusive_bytes
            }
            PlanEntry::Held(id, _) => {
                let blob = planned.draft.inventory().blobs.get(id);
                Some(blob.stored_size())
            }
            PlanEntry::Trash(place) => Some(self.trash(place).tally.bytes),
        }
    }

    /// Draws the bytes of a deletion as a share of the largest: `▒` deleted, `█` excluded. Other
    /// parts have no bars: the names of runs and refs need the room.
    pub(super) fn bar(&self, row: u32, is_excluded: bool) -> Cell {
        if self.part != PlanSection::Delete {
            return Cell::default();
        }
        let sizes = || {
            (0..self.count())
                .filter_map(|row| self.known_bytes(row))
                .max()
        };
        let largest = *self.largest.get_or_init(|| sizes().unwrap_or_default());
        let (sign, role) = if is_excluded {
            ("█", TextRole::Live)
        } else {
            ("▒", TextRole::Orphan)
        };
        let bytes = self.known_bytes(row).unwrap_or_default();
        meter::of_one(bytes, largest, BAR, sign, role)
    }
}
