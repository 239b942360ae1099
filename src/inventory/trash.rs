//! Blobs in the trash of a layout.

use super::Inventory;
use crate::format::digest::Digest;

impl Inventory {
    /// Returns the blobs in the trash that a ref references and the store does not hold, in order,
    /// each once. The next prune restores them.
    pub fn awaited_from_trash(&self) -> Vec<Digest> {
        let is_missed = |digest: &Digest| {
            let blob = self.blobs.find(digest).map(|id| self.blobs.get(id));
            blob.is_some_and(|blob| blob.refs() > 0 && !blob.is_stored())
        };
        let in_trash = self
            .trash
            .iter()
            .filter_map(|object| digest_in_trash(&object.name));
        let mut missed: Vec<Digest> = in_trash.filter(is_missed).collect();
        missed.sort_unstable();
        missed.dedup();
        missed
    }
}

/// Returns the digest of a blob in the trash, if its name ends like a blob path in the store:
/// `…/blobs/sha256/…`.
pub fn digest_in_trash(name: &str) -> Option<Digest> {
    let mut parts = name.rsplit('/');
    let (hex, algorithm) = (parts.next()?, parts.next()?);
    Digest::from_parts(algorithm, hex).ok()
}
