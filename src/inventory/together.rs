//! The combined size of several refs. Refs share most of their blobs, so the sum of single sizes is
//! too high and the sum of exclusive sizes too low.

use super::{Inventory, RefId};

/// The combined size of refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Together {
    /// The stored bytes that at least one of them reaches, each blob counted once.
    pub bytes: u64,
    /// The bytes of it that no other ref reaches; `None` where not every ref was read.
    pub exclusive_bytes: Option<u64>,
}

impl Inventory {
    /// Returns the combined size of the refs; `None` if the blobs that one of them reaches are
    /// unknown.
    pub fn together(&self, refs: &[RefId]) -> Option<Together> {
        let mut reached = vec![0u32; self.blobs.len()];
        let mut all = 0u64;
        let mut theirs = 0u64;
        let mut is_known = true;
        for entry in refs.iter().filter_map(|id| self.get_ref(*id)) {
            if entry.withheld().is_some() {
                return None;
            }
            is_known &= entry.sizes.exclusive_bytes.is_some();
            let own = entry.facts().bytes;
            (all, theirs) = (all.saturating_add(own), theirs.saturating_add(own));
            for id in entry.reach.iter() {
                if let Some(refs) = reached.get_mut(id.0 as usize) {
                    *refs += 1;
                }
            }
        }
        let blobs = self.blobs.iter().zip(reached);
        for (blob, refs) in blobs.filter(|(blob, refs)| *refs > 0 && blob.is_stored()) {
            all = all.saturating_add(blob.stored_size());
            if blob.refs() == refs {
                theirs = theirs.saturating_add(blob.stored_size());
            }
        }
        Some(Together {
            bytes: all,
            exclusive_bytes: is_known.then_some(theirs),
        })
    }
}
