//! What is needed at this moment: everything that a ref names, and that a ref named which went a short time ago.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::plan::{FreedBlobs, Plan, RecentlyDropped};
use crate::backend::{CacheReader, ObjectName, PruneError};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::inventory::Inventory;
use crate::inventory::blobs::Blob;
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
    pub(super) async fn mark(reader: &dyn CacheReader, options: &ScanOptions, plan: &Plan) -> Result<Self, MarkError> {
        let roots = reader.roots().await.map_err(ScanError::Backend)?;
        let named = scan::named(reader, &roots.entries, options).await?;
        let recent = match plan.freed_blobs() {
            FreedBlobs::Wait => recently_dropped(reader, options, plan.grace(), Timestamp::now()).await?,
            FreedBlobs::GoNow => shared(reader, options).await?,
        };
        let mut blobs = digests(&named);
        blobs.extend(recent.blobs);
        blobs.extend(recent.beside);
        let mut undetermined = named.has_unreadable_ref() || recent.unreadable;
        // Refs that the plan has not seen may name what something that is to go refers to.
        if reader.has_referrers() && roots.fingerprint != *plan.fingerprint() {
            let going = plan.objects().filter_map(|name| match name {
                ObjectName::Blob(digest) if !blobs.contains(&digest) => Some(digest),
                _ => None,
            });
            let beside = Beside::find(reader, options, going.collect(), |digest| blobs.contains(digest)).await?;
            undetermined |= beside.unreadable;
            blobs.extend(beside.blobs);
        }
        Ok(Self { fingerprint: roots.fingerprint, blobs: Arc::new(blobs), undetermined })
    }
}

/// Reads what is needed beside what the refs reach that `inventory` tells of: what refs name that went a short time ago, and
/// manifests that refer to something that is reached, with all that they name.
///
/// # Errors
/// When it is not known which these are: then no blob may go.
pub async fn needed_beside(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    options: &ScanOptions,
    grace: SignedDuration,
    now: Timestamp,
) -> Result<RecentlyDropped, MarkError> {
    let mut needed = recently_dropped(reader, options, grace, now).await?;
    if !reader.has_referrers() {
        return Ok(needed);
    }
    let unnamed = inventory.blobs.iter().filter(|blob| blob.refs() == 0 && blob.stored_size() <= DOCUMENT_LIMIT);
    let unnamed = unnamed.filter(Blob::is_stored).map(|blob| blob.digest()).collect();
    let is_reached =
        |digest: &Digest| inventory.blobs.find(digest).is_some_and(|id| inventory.blobs.get(id).refs() > 0);
    let beside = Beside::find(reader, options, unnamed, is_reached).await?;
    needed.beside.extend(beside.blobs);
    needed.unreadable |= beside.unreadable;
    Ok(needed)
}

/// Manifests that refer to something that stays, with all that they name.
struct Beside {
    blobs: HashSet<Digest>,
    unreadable: bool,
}

impl Beside {
    /// Finds them among blobs that no ref reaches.
    async fn find(
        reader: &dyn CacheReader,
        options: &ScanOptions,
        unreached: Vec<Digest>,
        stays: impl Fn(&Digest) -> bool,
    ) -> Result<Self, MarkError> {
        let mut found = reader.referrers(unreached).await.map_err(ScanError::Backend)?;
        let mut blobs: HashSet<Digest> = HashSet::new();
        let mut roots = Vec::new();
        // A signature may itself be signed.
        loop {
            let is_about_what_stays = |(subject, _): &mut (Digest, Root)| stays(subject) || blobs.contains(subject);
            let more: Vec<Root> = found.extract_if(.., is_about_what_stays).map(|(_, root)| root).collect();
            if more.is_empty() {
                break;
            }
            blobs.extend(more.iter().filter_map(|root| root.descriptor.digest.valid()));
            roots.extend(more);
        }
        let named = scan::named(reader, &roots, options).await?;
        blobs.extend(digests(&named));
        Ok(Self { blobs, unreadable: named.has_unreadable_ref() })
    }
}

/// Reads what those refs name that prunes took out of the store less than `grace` before `now`, and those of other caches
/// with the same blobs.
///
/// # Errors
/// When it is not known which refs these are: then no blob may go.
async fn recently_dropped(
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
        beside: digests(&named),
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
