//! The behaviour of a registry, as deletions have shown it.

use crate::backend::{Obstacle, Support};

/// The behaviour of a registry, as deletions have shown it.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Why it refuses all deletions.
    pub(super) refuses: Option<Obstacle>,
    /// Whether it can delete a tag without its manifest.
    pub(super) deletes_tags: Option<bool>,
    /// Whether deleting a tag also deletes its manifest, and with it all other tags.
    pub(super) takes_manifests: Option<bool>,
    /// Whether it lists the referrers of a manifest.
    pub(super) lists_referrers: Option<bool>,
}

impl Learned {
    /// Returns whether refs can be deleted, as far as known.
    pub(super) fn support(&self) -> Support {
        self.refuses.clone().map_or(Support::Yes, Support::No)
    }
}
