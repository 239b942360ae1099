//! The blobs that are needed now: those that a ref references, and those of recently deleted refs.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::plan::{FreedBlobs, Plan, RecentlyDropped, Referrer};
use crate::backend::ListedRef;
use crate::backend::{CacheReader, FindReferrers, ObjectName, PruneError, all_refs};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::inventory::blobs::{Blob, BlobId};
use crate::inventory::scan::{self, ScanError, ScanOptions};
use crate::inventory::{Inventory, RefEntry};

/// Needed blobs that no ref reaches: manifests with a kept subject, and the blobs they reference.
#[derive(Debug, Default)]
pub(super) struct ProvenNeeds {
    pub(super) blobs: HashSet<Digest>,
    /// Whether such a manifest could not be read, so more blobs may be needed.
    pub(super) undetermined: bool,
}

/// The needed blobs.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// The fingerprint of the refs.
    pub(super) fingerprint: Digest,
    /// The blobs that they reference.
    pub(super) blobs: Arc<HashSet<Digest>>,
    /// Whether a document could not be read, so that more blobs may be needed.
    pub(super) undetermined: bool,
}

impl Live {
    /// Reads the refs and everything they reference.
    pub(super) async fn mark(
        reader: &dyn CacheReader,
        options: &ScanOptions,
        plan: &Plan,
        needs: &ProvenNeeds,
    ) -> Result<Self, MarkError> {
        let listed_refs = all_refs(reader).await.map_err(ScanError::Backend)?;
        let named = scan::named(reader, &listed_refs.entries, options).await?;
        let recent = match plan.freed_blobs() {
            FreedBlobs::Wait => {
                recently_dropped(reader, options, plan.grace(), Timestamp::now()).await?
            }
            FreedBlobs::DeleteNow => shared(reader, options).await?,
        };
        let mut blobs = digests(&named);
        blobs.extend(recent.blobs);
        blobs.extend(recent.shared);
        blobs.extend(&needs.blobs);
        let mut undetermined =
            named.has_unreadable_ref() || recent.unreadable || needs.undetermined;
        // Refs that the plan has not seen may reference the subject of a blob that is to be
        // deleted.
        if let Some(store) = reader.abilities().referrers
            && listed_refs.fingerprint != *plan.fingerprint()
        {
            let going = plan.objects().filter_map(|name| match name {
                ObjectName::Blob(digest) if !blobs.contains(&digest) => Some(digest),
                _ => None,
            });
            let shared = ReferrerBlobs::find(reader, store, options, going.collect(), |digest| {
                blobs.contains(digest)
            })
            .await?;
            undetermined |= shared.unreadable;
            let reached = shared.referrers.into_iter().map(|referrer| referrer.blobs);
            blobs.extend(reached.flatten());
        }
        Ok(Self {
            fingerprint: listed_refs.fingerprint,
            blobs: Arc::new(blobs),
            undetermined,
        })
    }
}

/// Reads the blobs that are needed apart from those that the refs in `inventory` reach: blobs of
/// recently deleted refs, and manifests that refer to a reached blob, with everything they
/// reference.
///
/// # Errors
/// Fails if these are unknown; then no blob may be deleted.
pub async fn blobs_needed_by_others(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    options: &ScanOptions,
    grace: SignedDuration,
    now: Timestamp,
) -> Result<RecentlyDropped, MarkError> {
    let mut needed = recently_dropped(reader, options, grace, now).await?;
    let is_needed =
        |digest: &Digest| needed.blobs.contains(digest) || needed.shared.contains(digest);
    let shared = referred_by_others(reader, inventory, options, is_needed).await?;
    needed.referrers = shared.referrers;
    needed.unreadable |= shared.unreadable;
    Ok(needed)
}

/// Finds the manifests that no ref reaches and that refer to a blob that is reached or otherwise
/// needed.
///
/// # Errors
/// Fails if one cannot be read; then no blob may be deleted.
pub(super) async fn referred_by_others(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    options: &ScanOptions,
    is_needed: impl Fn(&Digest) -> bool,
) -> Result<ReferrerBlobs, MarkError> {
    let Some(store) = reader.abilities().referrers else {
        return Ok(ReferrerBlobs::default());
    };
    let unnamed = inventory
        .blobs
        .iter()
        .filter(|blob| blob.refs() == 0 && blob.stored_size() <= DOCUMENT_LIMIT);
    let unnamed = unnamed
        .filter(Blob::is_stored)
        .map(|blob| blob.digest())
        .collect();
    let is_reached = |digest: &Digest| {
        let found = inventory.blobs.find(digest);
        found.is_some_and(|id| inventory.blobs.get(id).refs() > 0) || is_needed(digest)
    };
    ReferrerBlobs::find(reader, store, options, unnamed, is_reached).await
}

/// Returns the referrers that are needed when only the refs stay for which `stays` holds, with all
/// blobs that they reach.
pub(super) fn needed_referrers(
    inventory: &Inventory,
    referrers: Vec<Referrer>,
    stays: impl Fn(&RefEntry) -> bool,
) -> HashSet<Digest> {
    let staying = inventory.refs.iter().filter(|entry| stays(entry));
    let reached: HashSet<BlobId> = staying
        .flat_map(|entry| entry.reach.iter().copied())
        .collect();
    let is_reached = |digest: &Digest| {
        let found = inventory.blobs.find(digest);
        found.is_some_and(|id| reached.contains(&id))
    };
    let mut rest = referrers;
    let mut needed: HashSet<Digest> = HashSet::new();
    loop {
        let is_needed = |referrer: &mut Referrer| {
            is_reached(&referrer.subject) || needed.contains(&referrer.subject)
        };
        let more: Vec<Referrer> = rest.extract_if(.., is_needed).collect();
        if more.is_empty() {
            return needed;
        }
        needed.extend(more.into_iter().flat_map(|referrer| referrer.blobs));
    }
}

/// Manifests that refer to a needed blob, with all blobs that they reach.
#[derive(Debug, Default)]
pub(super) struct ReferrerBlobs {
    pub(super) referrers: Vec<Referrer>,
    pub(super) unreadable: bool,
}

impl ReferrerBlobs {
    /// Finds the referrers among blobs that no ref reaches.
    async fn find(
        reader: &dyn CacheReader,
        store: &dyn FindReferrers,
        options: &ScanOptions,
        unreached: Vec<Digest>,
        stays: impl Fn(&Digest) -> bool,
    ) -> Result<Self, MarkError> {
        let mut found = store
            .referrers(unreached)
            .await
            .map_err(ScanError::Backend)?;
        let mut manifests: HashSet<Digest> = HashSet::new();
        let mut subjects = Vec::new();
        let mut listed_refs = Vec::new();
        // A signature may itself be signed.
        loop {
            let is_about_what_stays = |(subject, _): &mut (Digest, ListedRef)| {
                stays(subject) || manifests.contains(subject)
            };
            let more: Vec<(Digest, ListedRef)> =
                found.extract_if(.., is_about_what_stays).collect();
            if more.is_empty() {
                break;
            }
            for (subject, listed_ref) in more {
                manifests.extend(listed_ref.descriptor.digest.valid());
                subjects.push(subject);
                listed_refs.push(listed_ref);
            }
        }
        let named = scan::named(reader, &listed_refs, options).await?;
        let referrers = subjects.into_iter().zip(named.refs.iter());
        let referrers = referrers.map(|(subject, entry)| Referrer {
            subject,
            blobs: entry
                .reach
                .iter()
                .map(|id| named.blobs.get(*id).digest())
                .collect(),
        });
        Ok(Self {
            referrers: referrers.collect(),
            unreadable: named.has_unreadable_ref(),
        })
    }
}

/// Reads the blobs referenced by refs that prunes deleted less than `grace` before `now`, and by
/// refs of other caches that share the blobs.
///
/// # Errors
/// Fails if these refs are unknown; then no blob may be deleted.
async fn recently_dropped(
    reader: &dyn CacheReader,
    options: &ScanOptions,
    grace: SignedDuration,
    now: Timestamp,
) -> Result<RecentlyDropped, MarkError> {
    let dropped = reader.abilities().dropped_refs().await?;
    let listed_refs: Vec<ListedRef> = dropped
        .into_iter()
        .filter(|dropped| now.duration_since(dropped.since) < grace)
        .map(|dropped| dropped.listed_ref)
        .collect();
    let named = scan::named(reader, &listed_refs, options).await?;
    let shared = shared(reader, options).await?;
    // If a manifest was deleted together with its blobs, it is in the trash as expected.
    let is_unreadable = named
        .refs
        .iter()
        .any(|entry| entry.is_unreadable() && entry.absent_manifests().is_empty());
    let unreadable = is_unreadable || shared.unreadable;
    Ok(RecentlyDropped {
        blobs: digests(&named),
        unreadable,
        ..shared
    })
}

/// Reads the blobs referenced by refs of other caches that keep their blobs in the same place.
async fn shared(
    reader: &dyn CacheReader,
    options: &ScanOptions,
) -> Result<RecentlyDropped, MarkError> {
    let listed_refs = reader.abilities().shared_refs().await;
    let listed_refs = listed_refs.map_err(ScanError::Backend)?;
    let named = scan::named(reader, &listed_refs, options).await?;
    Ok(RecentlyDropped {
        shared: digests(&named),
        unreadable: named.has_unreadable_ref(),
        ..RecentlyDropped::default()
    })
}

fn digests(inventory: &Inventory) -> HashSet<Digest> {
    inventory.blobs.iter().map(|blob| blob.digest()).collect()
}

/// Why the needed blobs are unknown.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// The refs cannot be read.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The recently deleted refs cannot be read.
    #[error(transparent)]
    Dropped(#[from] PruneError),
}
