//! Previous versions of a ref: content that it had before, where the store still knows it.
//!
//! A version is known by the name of its ref where the store keeps previous versions, and where an
//! earlier run of cachelens replaced or deleted it and its documents are still stored.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::scan::{self, ScanOptions};
use super::{Inventory, RefEntry};
use crate::backend::CacheReader;
use crate::format::layout::Root;

/// How many documents are read at once.
const AT_ONCE: usize = 4;

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
    let listed = listed.filter(|other| other.facts().former_of.as_ref() == Some(&entry.name));
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
    let (roots, times): (Vec<Root>, Vec<Option<Timestamp>>) = roots.into_iter().unzip();
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

/// Reads what roots point to; returns nothing if that is not possible.
pub async fn read(reader: &dyn CacheReader, roots: &[Root]) -> Vec<RefEntry> {
    let options = ScanOptions {
        concurrency: AT_ONCE,
        cancel: CancellationToken::new(),
    };
    let named = scan::named(reader, roots, &options).await;
    let entries = named.map(|named| named.refs.iter().cloned().collect());
    entries.unwrap_or_default()
}
