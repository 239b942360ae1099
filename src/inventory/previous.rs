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
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::ListedRef;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ImportLimits, ManifestDocument};

/// How many documents are read at once.
const AT_ONCE: usize = 4;
/// How many orphans are read to find manifests among them.
const MOST_READ: usize = 256;

/// Content that a ref had before.
#[derive(Debug, Clone)]
pub struct PreviousVersion {
    /// The ref as it was.
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
    let mut roots = Vec::new();
    if let Some(store) = reader.abilities().versions {
        let found = store.versions_of(&entry.name).await.unwrap_or_default();
        roots.extend(found.into_iter().map(|found| (found.root, found.written)));
    }
    let own: HashSet<&str> = entry.names().filter(|_| entry.tagged).collect();
    let dropped = reader.abilities().dropped_refs().await.unwrap_or_default();
    let of_ref = dropped
        .into_iter()
        .filter(|dropped| dropped.root.names.iter().any(|name| own.contains(&**name)));
    roots.extend(of_ref.map(|dropped| (dropped.root, Some(dropped.since))));
    let (roots, times): (Vec<ListedRef>, Vec<Option<Timestamp>>) = roots.into_iter().unzip();
    let entries = read(reader, &roots).await;
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
    let abilities = reader.abilities();
    let mut roots: Vec<(ListedRef, Option<Timestamp>)> = inventory
        .refs
        .iter()
        .filter(|other| other.facts().previous_of.as_ref() == Some(&entry.name))
        .map(|other| (other.root.clone(), other.modified))
        .collect();
    match abilities.versions {
        Some(store) if store.lists_all() => {
            let found = store.versions_of(&entry.name).await.unwrap_or_default();
            roots.extend(found.into_iter().map(|found| (found.root, found.written)));
        }
        Some(_) => return None,
        None if roots.is_empty() && inventory.unlisted.is_none() && is_only_ref(inventory) => {
            let orphans = orphaned_manifests(reader, inventory).await;
            // Of equal results the manifest that was written last counts. A copy of a directory
            // has the times of the copying, so the times of files decide nothing else.
            roots.extend(orphans.into_iter().rev().map(|(_, digest)| {
                let descriptor = Descriptor::named(DigestText::Valid(digest));
                (ListedRef::new(Vec::new(), descriptor), None)
            }));
        }
        None => {}
    }
    roots.retain(|(_, written)| written.is_none_or(|written| written < time));
    let times: Vec<Option<Timestamp>> = roots.iter().map(|(_, written)| *written).collect();
    let roots: Vec<ListedRef> = roots.into_iter().map(|(root, _)| root).collect();
    let options = ScanOptions {
        concurrency: AT_ONCE,
        cancel: CancellationToken::new(),
    };
    let read = scan::named(reader, &roots, &options).await.ok()?;
    let newest = read
        .refs
        .iter()
        .zip(&times)
        .filter(|(found, _)| found.kind == RefKind::Cache && !found.is_unreadable())
        .filter(|(found, _)| found.newest_result().is_some_and(|newest| newest < time))
        .max_by_key(|(found, written)| (**written, found.newest_result()))
        .map(|(found, _)| found.root.clone())?;
    // The other manifests are no refs that a build could import.
    let inventory = scan::with_roots(reader, inventory, &[newest], &options)
        .await
        .ok()?;
    Some(EarlierContent { inventory })
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

/// Reads what roots point to; returns nothing if that is not possible.
pub async fn read(reader: &dyn CacheReader, roots: &[ListedRef]) -> Vec<RefEntry> {
    let options = ScanOptions {
        concurrency: AT_ONCE,
        cancel: CancellationToken::new(),
    };
    let named = scan::named(reader, roots, &options).await;
    let entries = named.map(|named| named.refs.iter().cloned().collect());
    entries.unwrap_or_default()
}
