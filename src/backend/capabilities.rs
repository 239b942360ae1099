//! Which deletes a store supports, and which of them can be undone.

use jiff::SignedDuration;

/// Whether a store lets something be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// It does.
    Yes,
    /// It does not, and this is why.
    No(String),
}

/// Which deletes can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// All of it, from a trash in the store, for as long as it lies there.
    Trash,
    /// Some of it, as this sentence says.
    Part(&'static str),
    /// Nothing.
    None,
}

/// Which deletes a store supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether refs can be.
    pub delete_ref: Support,
    /// Whether blobs and unfinished uploads can be.
    pub delete_object: Support,
    /// Which deleted parts can be restored.
    pub way_back: WayBack,
    /// How long a blob that was written or touched may be relied on by a build that has not named
    /// it yet; on top of any grace.
    pub settling: SignedDuration,
}

impl Capabilities {
    /// A store from which nothing can be deleted.
    pub fn none(why: &str) -> Self {
        let no = || Support::No(why.to_owned());
        Self {
            delete_ref: no(),
            delete_object: no(),
            way_back: WayBack::Trash,
            settling: SignedDuration::ZERO,
        }
    }
}
