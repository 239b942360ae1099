//! Previous versions of a ref: content that it had before, where the store still knows it.
//!
//! A version is known by the name of its ref where the store keeps previous versions, and where an
//! earlier run of cachelens replaced or deleted it and its documents are still stored.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::scan::{self, ScanOptions};
use super::{Inventory, RefEntry, RefKind};
use crate::backend::CacheReader;
use crate::backend::ListedRef;
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ImportLimits, ManifestDocument};

/// How many documents are read at once.
const AT_ONCE: usize = 4;
/// How many orphans are read to find manifests among them.
const MOST_READ: usize = 256;

/// Content that a ref had before.
#[derive(Debug, Clone)]
pub struct PreviousVersion {
    pub entry: RefEntry,
    /// When it was written or replaced, where that is known.
    pub time: Option<Timestamp>,
}

/// Returns the previous versions of a ref, the newest first. Versions that the store does not list
/// or that cannot be read are left out.
pub async fn known(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    entry: &RefEntry,
) -> Vec<PreviousVersion> {
    let listed = inventory.refs.iter();
    let listed = listed.filter(|other| other.facts().previous_of.as_ref() == Some(&entry.name));
    let mut versions: Vec<PreviousVersion> = listed
        .map(|version| PreviousVersion {
            entry: version.clone(),
            time: version.age().map(|(time, _)| time),
        })
        .collect();
    let mut listed_refs = Vec::new();
    if let Some(store) = reader.abilities().versions {
        let found = store.versions_of(&entry.name).await.unwrap_or_default();
        listed_refs.extend(
            found
                .into_iter()
                .map(|found| (found.listed_ref, found.written)),
        );
    }
    let mut own = HashSet::new();
    if entry.tagged {
        own.extend(entry.names());
    }
    let dropped = reader.abilities().dropped_refs().await.unwrap_or_default();
    let of_ref = dropped.into_iter().filter(|dropped| {
        dropped
            .listed_ref
            .names
            .iter()
            .any(|name| own.contains(&**name))
    });
    listed_refs.extend(of_ref.map(|dropped| (dropped.listed_ref, Some(dropped.since))));
    let (listed_refs, times): (Vec<ListedRef>, Vec<Option<Timestamp>>) =
        listed_refs.into_iter().unzip();
    let entries = read(reader, &listed_refs).await;
    versions.extend(
        entries
            .into_iter()
            .zip(times)
            .map(|(entry, time)| PreviousVersion { entry, time }),
    );
    let present = entry.digest();
    versions.retain(|version| version.entry.digest() != present);
    versions.sort_by_key(|version| std::cmp::Reverse(version.time));
    let mut seen = HashSet::new();
    versions.retain(|version| seen.insert(version.entry.digest().clone()));
    versions
}

/// The content that a ref had at some time.
#[derive(Debug)]
pub struct EarlierContent {
    /// The inventory of the store, with the ref as it was as the last one.
    pub inventory: Inventory,
}

impl EarlierContent {
    /// Returns the ref as it was.
    pub fn entry(&self) -> Option<&RefEntry> {
        self.inventory.refs.last()
    }
}

/// Returns the content that a ref had at a time; `None` where the store does not show it for sure.
///
/// A store that lists the versions of its refs shows it: the newest one written before that time. A
/// directory keeps the manifest of each export, without its name; if it has one ref, the manifest
/// with the newest results before that time was the content of this ref.
pub async fn at(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    entry: &RefEntry,
    time: Timestamp,
) -> Option<EarlierContent> {
    let listed: Vec<(ListedRef, Option<Timestamp>)> = inventory
        .refs
        .iter()
        .filter(|other| other.facts().previous_of.as_ref() == Some(&entry.name))
        .map(|other| (other.listed_ref.clone(), other.modified))
        .collect();
    let listed_ref = match reader.abilities().versions {
        Some(store) if store.lists_all() => {
            let found = store.versions_of(&entry.name).await.ok()?;
            let found = found
                .into_iter()
                .map(|found| (found.listed_ref, found.written));
            newest_before(listed.into_iter().chain(found), time)?
        }
        Some(_) => return None,
        None if listed.is_empty() && inventory.unlisted.is_none() && is_only_ref(inventory) => {
            orphan_before(reader, inventory, time).await?
        }
        None => newest_before(listed.into_iter(), time)?,
    };
    let inventory = scan::with_refs(reader, inventory, &[listed_ref], &options())
        .await
        .ok()?;
    let earlier = EarlierContent { inventory };
    let is_usable = earlier
        .entry()
        .is_some_and(|entry| holds_before(entry, time));
    is_usable.then_some(earlier)
}

fn options() -> ScanOptions {
    ScanOptions {
        concurrency: AT_ONCE,
        cancel: CancellationToken::new(),
    }
}

/// Returns the version that was written last before a time.
fn newest_before(
    versions: impl Iterator<Item = (ListedRef, Option<Timestamp>)>,
    time: Timestamp,
) -> Option<ListedRef> {
    versions
        .filter_map(|(listed_ref, written)| Some((listed_ref, written?)))
        .filter(|(_, written)| *written < time)
        .max_by_key(|(_, written)| *written)
        .map(|(listed_ref, _)| listed_ref)
}

/// Returns whether a ref is a cache that can be read, with results from before a time only.
fn holds_before(entry: &RefEntry, time: Timestamp) -> bool {
    entry.kind == RefKind::Cache
        && !entry.is_unreadable()
        && entry.newest_result().is_some_and(|newest| newest < time)
}

/// Returns the manifest among the orphans of a directory that an export wrote last before a time.
///
/// The results say when that was. The times of files say it, too, unless the directory was copied
/// since; if both disagree, it is not known.
async fn orphan_before(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    time: Timestamp,
) -> Option<ListedRef> {
    let orphans = orphaned_manifests(reader, inventory).await;
    let listed_refs: Vec<ListedRef> = orphans
        .iter()
        .map(|(_, digest)| {
            let descriptor = Descriptor::named(DigestText::Valid(*digest));
            ListedRef::new(Vec::new(), descriptor)
        })
        .collect();
    let read = scan::named(reader, &listed_refs, &options()).await.ok()?;
    let usable: Vec<(&RefEntry, Option<Timestamp>)> = read
        .refs
        .iter()
        .zip(&orphans)
        .filter(|(found, _)| holds_before(found, time))
        .map(|(found, (written, _))| (found, written.filter(|written| *written < time)))
        .collect();
    let by_results = usable
        .iter()
        .max_by_key(|(found, _)| found.newest_result())?;
    let timed = usable.iter().filter(|(_, written)| written.is_some());
    let by_files = timed
        .max_by_key(|(_, written)| *written)
        .unwrap_or(by_results);
    let agree = by_files.0.newest_result() == by_results.0.newest_result();
    agree.then(|| by_files.0.listed_ref.clone())
}

/// Returns whether the store has one ref that builds can import.
fn is_only_ref(inventory: &Inventory) -> bool {
    let mut refs = inventory.refs.iter().filter(|entry| entry.tagged);
    refs.next().is_some() && refs.next().is_none()
}

/// Finds cache manifests among the blobs of a directory that no ref reaches: an export that
/// overwrites a ref leaves its old manifest there. Each has the time at which it was written.
pub async fn orphaned_manifests(
    reader: &dyn CacheReader,
    inventory: &Inventory,
) -> Vec<(Option<Timestamp>, Digest)> {
    let blobs = inventory.blobs.iter();
    let mut small: Vec<(Option<Timestamp>, Digest)> = blobs
        .filter(|blob| blob.refs() == 0 && blob.is_stored())
        .filter(|blob| blob.stored_size() <= ImportLimits::newest().manifest)
        .map(|blob| (blob.modified(), blob.digest()))
        .collect();
    small.sort_unstable_by(|a, b| b.cmp(a));
    small.truncate(MOST_READ);
    let mut found = Vec::new();
    for (time, digest) in small {
        let Ok(bytes) = reader.read_document(digest, DOCUMENT_LIMIT).await else {
            continue;
        };
        let is_cache = match ManifestDocument::parse(&bytes) {
            Ok(ManifestDocument::Manifest { config, .. }) => config.is_cache_config(),
            Ok(ManifestDocument::Index { entries, .. }) => {
                entries.iter().any(Descriptor::is_cache_config)
            }
            Ok(ManifestDocument::Schema1 { .. } | ManifestDocument::Artifact { .. }) | Err(_) => {
                false
            }
        };
        if is_cache {
            found.push((time, digest));
        }
    }
    found
}

/// Reads what refs point to; returns nothing if that is not possible.
pub async fn read(reader: &dyn CacheReader, listed_refs: &[ListedRef]) -> Vec<RefEntry> {
    let named = scan::named(reader, listed_refs, &options()).await;
    let entries = named.map(|named| named.refs.iter().cloned().collect());
    entries.unwrap_or_default()
}
