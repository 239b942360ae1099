//! The open folders of a layer.

use std::collections::HashSet;

/// The open folders.
#[derive(Debug, Clone, Default)]
pub struct FileFolds {
    /// The opened folders.
    opened: HashSet<u32>,
    /// The folders that were closed while a filter opens all folders with matches.
    closed: HashSet<u32>,
}

impl FileFolds {
    /// Returns whether a folder is open.
    pub(super) fn is_open(&self, node: u32, is_filtered: bool) -> bool {
        if is_filtered {
            !self.closed.contains(&node)
        } else {
            self.opened.contains(&node)
        }
    }

    /// Opens a folder, or closes it.
    pub fn set(&mut self, node: u32, open: bool, is_filtered: bool) {
        let (set, is_in) = if is_filtered {
            (&mut self.closed, !open)
        } else {
            (&mut self.opened, open)
        };
        if is_in {
            set.insert(node);
        } else {
            set.remove(&node);
        }
    }

    /// Forgets the closed folders: another filter opens all folders again.
    pub fn filter_changed(&mut self) {
        self.closed.clear();
    }
}
