//! What is needed at this moment: everything that a ref names, and that a ref named which went a short time ago.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::plan::{FreedBlobs, RecentlyDropped};
use crate::backend::{CacheReader, PruneError};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::inventory::Inventory;
use crate::inventory::scan::{self, ScanError, ScanOptions};

/// What is needed.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// From which refs.
    pub(super) fingerprint: Digest,
    /// The blobs that they name.
    pub(super) blobs: Arc<HashSet<Digest>>,
    /// Whether something could not be read, so that more may be needed.
    pub(super) undetermined: bool,
}

impl Live {
    /// Reads the refs and all that they name.
    pub(super) async fn mark(
        reader: &dyn CacheReader,
        options: &ScanOptions,
        grace: SignedDuration,
        freed: FreedBlobs,
    ) -> Result<Self, MarkError> {
        let roots = reader.roots().await.map_err(ScanError::Backend)?;
        let named = scan::named(reader, &roots.entries, options).await?;
        let recent = match freed {
            FreedBlobs::Wait => recently_dropped(reader, options, grace, Timestamp::now()).await?,
            FreedBlobs::GoNow => shared(reader, options).await?,
        };
        let mut blobs = digests(&named);
        blobs.extend(recent.blobs);
        blobs.extend(recent.shared);
        let undetermined = named.has_unreadable_ref() || recent.unreadable;
        Ok(Self { fingerprint: roots.fingerprint, blobs: Arc::new(blobs), undetermined })
    }
}

/// Reads what those refs name that prunes took out of the store less than `grace` before `now`, and those of other caches
/// with the same blobs.
///
/// # Errors
/// When it is not known which refs these are: then no blob may go.
pub async fn recently_dropped(
    reader: &dyn CacheReader,
    options: &ScanOptions,
    grace: SignedDuration,
    now: Timestamp,
) -> Result<RecentlyDropped, MarkError> {
    let dropped = reader.dropped_refs().await?;
    let roots: Vec<Root> = dropped
        .into_iter()
        .filter(|dropped| now.duration_since(dropped.since) < grace)
        .map(|dropped| dropped.root)
        .collect();
    let named = scan::named(reader, &roots, options).await?;
    let shared = shared(reader, options).await?;
    // The manifest of one that went together with its blobs is in the trash, as it should be.
    let is_unreadable = named.refs.iter().any(|entry| entry.is_unreadable() && entry.absent_manifests().is_empty());
    let unreadable = is_unreadable || shared.unreadable;
    Ok(RecentlyDropped { blobs: digests(&named), unreadable, ..shared })
}

/// Reads what the refs of other caches name that keep their blobs in the same place.
async fn shared(reader: &dyn CacheReader, options: &ScanOptions) -> Result<RecentlyDropped, MarkError> {
    let roots = reader.shared_roots().await.map_err(ScanError::Backend)?;
    let named = scan::named(reader, &roots, options).await?;
    Ok(RecentlyDropped {
        shared: digests(&named),
        unreadable: named.has_unreadable_ref(),
        ..RecentlyDropped::default()
    })
}

fn digests(inventory: &Inventory) -> HashSet<Digest> {
    inventory.blobs.iter().map(|blob| blob.digest()).collect()
}

/// Says why it is not known what is needed.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// The refs cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The refs that went a short time ago cannot be read.
    #[error(transparent)]
    Dropped(#[from] PruneError),
}
