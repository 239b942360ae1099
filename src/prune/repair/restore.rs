//! Previous versions of refs, and refs that point to one of them again.
//!
//! A version is known by the ref's name where the store keeps previous versions, and where an
//! earlier run of cachelens replaced or deleted it and its documents are still stored. A person may
//! name any other ref or manifest of the store. Results of a version whose blobs are gone are
//! dropped, as a repair drops them from the present one.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::mends::{self, Mend};
use super::{Checked, Content, lost_layers};
use crate::format::cache_config::CacheGraph;
use crate::format::cache_config::mend::{self, Dropped};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::Root;
use crate::format::manifest::rewrite::Repeats;
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor, Document, ImportLimits};
use crate::inventory::scan::{self, ScanOptions};
use crate::inventory::{RefEntry, RefKind};
use crate::prune::plan::names;
use crate::prune::records::{Manifest, RecordsError, Rewrite, Writing};
use crate::source::StoreKind;
use crate::text::escape::visible;

/// No more previous versions of a ref are tried than these.
const MOST_TRIED: usize = 16;
/// No more manifests that no ref reaches are named than these.
const MOST_NAMED: usize = 3;
/// No more blobs that no ref reaches are read to find manifests among them.
const MOST_READ: usize = 256;

/// Content that a ref had before.
struct Version {
    entry: RefEntry,
    /// When it was written or replaced, where that is known.
    time: Option<Timestamp>,
}

/// Writes the newest previous version of a ref that a build can import.
pub(super) async fn newest(
    checked: &Checked<'_>,
    entry: &RefEntry,
    back: &HashSet<Digest>,
) -> Result<Rewrite, RecordsError> {
    if !matches!(entry.kind, RefKind::Cache | RefKind::Unknown) {
        return Err(RecordsError::NotACache);
    }
    for version in known(checked, entry).await.iter().take(MOST_TRIED) {
        if let Ok(rewrite) = version_of(checked, entry, version, back).await {
            return Ok(rewrite);
        }
    }
    Err(RecordsError::NoVersion(manifests(checked).await))
}

/// Writes the version that a person named: a ref of the store, or the digest of a manifest.
pub(super) async fn named(
    checked: &Checked<'_>,
    entry: &RefEntry,
    name: &str,
    back: &HashSet<Digest>,
) -> Result<Rewrite, RecordsError> {
    let no_such = || RecordsError::NoSuchVersion(visible(name).into_owned());
    let is_it = |version: &&RefEntry| {
        version.names().any(|other| other == name) || version.digest().to_string() == name
    };
    let version = match checked.inventory.refs.iter().find(is_it) {
        Some(found) => Version {
            entry: found.clone(),
            time: found.age().map(|(time, _)| time),
        },
        None => {
            let digest: Digest = name.parse().map_err(|_| no_such())?;
            let known = known(checked, entry).await;
            let is_it = |version: &Version| version.entry.digest().valid() == Some(digest);
            match known.into_iter().find(is_it) {
                Some(version) => version,
                None => stored(checked, digest).await.ok_or_else(no_such)?,
            }
        }
    };
    if version.entry.digest() == entry.digest() {
        return Err(RecordsError::SameVersion);
    }
    version_of(checked, entry, &version, back).await
}

/// Returns the previous versions of a ref, the newest first.
async fn known(checked: &Checked<'_>, entry: &RefEntry) -> Vec<Version> {
    let reader = checked.reader;
    let listed = checked.inventory.refs.iter();
    let listed = listed.filter(|other| other.facts().former_of.as_ref() == Some(&entry.name));
    let mut versions: Vec<Version> = listed
        .map(|version| Version {
            entry: version.clone(),
            time: version.age().map(|(time, _)| time),
        })
        .collect();
    let mut roots = Vec::new();
    if let Some(store) = reader.abilities().versions {
        let found = store.versions_of(&entry.name).await.unwrap_or_default();
        roots.extend(found.into_iter().map(|found| (found.root, found.written)));
    }
    let own: HashSet<String> = names(entry).into_iter().collect();
    let dropped = reader.abilities().dropped_refs().await.unwrap_or_default();
    let of_ref = dropped
        .into_iter()
        .filter(|dropped| dropped.root.names.iter().any(|name| own.contains(name)));
    roots.extend(of_ref.map(|dropped| (dropped.root, Some(dropped.since))));
    let (roots, times): (Vec<Root>, Vec<Option<Timestamp>>) = roots.into_iter().unzip();
    let entries = read(checked, &roots).await;
    versions.extend(
        entries
            .into_iter()
            .zip(times)
            .map(|(entry, time)| Version { entry, time }),
    );
    let present = entry.digest();
    versions.retain(|version| version.entry.digest() != present);
    versions.sort_by_key(|version| std::cmp::Reverse(version.time));
    let mut seen = HashSet::new();
    versions.retain(|version| seen.insert(version.entry.digest().clone()));
    versions
}

/// Returns the manifest with this digest, where the store has it.
async fn stored(checked: &Checked<'_>, digest: Digest) -> Option<Version> {
    let mut descriptor = Descriptor::named(DigestText::Valid(digest));
    if checked.kind == StoreKind::S3 {
        CACHE_CONFIG.clone_into(&mut descriptor.media_type);
    }
    let roots = [Root::new(Vec::new(), descriptor)];
    let entry = read(checked, &roots).await.pop()?;
    let time = entry.age().map(|(time, _)| time);
    (entry.kind == RefKind::Cache).then_some(Version { entry, time })
}

async fn read(checked: &Checked<'_>, roots: &[Root]) -> Vec<RefEntry> {
    let options = ScanOptions {
        concurrency: 4,
        cancel: CancellationToken::new(),
    };
    let named = scan::named(checked.reader, roots, &options).await;
    let entries = named.map(|named| named.refs.iter().cloned().collect());
    entries.unwrap_or_default()
}

/// Returns the newest cache manifests that are stored and that no name leads to, as a person can
/// name them.
async fn manifests(checked: &Checked<'_>) -> Vec<Digest> {
    let inventory = checked.inventory;
    let untagged = inventory.refs.iter();
    let untagged = untagged.filter(|entry| !entry.tagged && entry.kind == RefKind::Cache);
    let mut found: Vec<(Option<Timestamp>, Digest)> = untagged
        .filter_map(|entry| Some((entry.age().map(|(time, _)| time), entry.digest().valid()?)))
        .collect();
    if checked.kind == StoreKind::Local {
        found.extend(orphaned(checked).await);
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(MOST_NAMED);
    found.into_iter().map(|(_, digest)| digest).collect()
}

/// Finds cache manifests among the blobs of a directory that no ref reaches: an export that
/// overwrites a ref leaves its old manifest there.
async fn orphaned(checked: &Checked<'_>) -> Vec<(Option<Timestamp>, Digest)> {
    let blobs = checked.inventory.blobs.iter();
    let mut small: Vec<(Option<Timestamp>, Digest)> = blobs
        .filter(|blob| blob.refs() == 0 && blob.is_stored())
        .filter(|blob| blob.stored_size() <= ImportLimits::newest().manifest)
        .map(|blob| (blob.modified(), blob.digest()))
        .collect();
    small.sort_unstable_by(|a, b| b.cmp(a));
    small.truncate(MOST_READ);
    let mut found = Vec::new();
    for (time, digest) in small {
        let Ok(bytes) = checked.reader.read_document(digest, DOCUMENT_LIMIT).await else {
            continue;
        };
        let is_cache = match Document::parse(&bytes) {
            Ok(Document::Manifest { config, .. }) => config.is_cache_config(),
            Ok(Document::Index { entries, .. }) => entries.iter().any(Descriptor::is_cache_config),
            Ok(Document::Schema1 { .. } | Document::Artifact { .. }) | Err(_) => false,
        };
        if is_cache {
            found.push((time, digest));
        }
    }
    found
}

/// Lets a ref point to a version, without what no build can load of it.
async fn version_of(
    checked: &Checked<'_>,
    entry: &RefEntry,
    version: &Version,
    back: &HashSet<Digest>,
) -> Result<Rewrite, RecordsError> {
    let digest = version
        .entry
        .digest()
        .valid()
        .ok_or(RecordsError::NotACache)?;
    let content = Content::read(checked, &version.entry)
        .await?
        .ok_or(RecordsError::NotACache)?;
    let lost = lost_layers(checked, &content.cache, content.listed.as_deref(), back);
    let mended = mend::mend(&content.config, |layer| lost[layer.at()], false)?;
    let graph = CacheGraph::parse(mended.text.as_bytes())
        .map_err(|error| RecordsError::Config(error.into()))?;
    if graph.records.iter().all(|record| record.results.is_empty()) {
        return Err(RecordsError::NothingLeft);
    }
    let (bytes, limit) = (mended.text.len() as u64, ImportLimits::newest().config);
    if content.manifest.is_some() && bytes > limit {
        return Err(RecordsError::StillTooLarge { bytes, limit });
    }
    let keep: HashSet<Digest> = graph
        .layers
        .iter()
        .filter_map(|layer| layer.blob.valid())
        .collect();
    let is_whole = mended.dropped == Dropped::default();
    let restored = Mend::Restored {
        digest,
        time: version.time,
    };
    let mut done = vec![restored];
    done.extend(mends::of(
        &mended,
        &lost,
        &content.cache,
        content.config.len(),
        false,
        false,
    ));
    let results = super::dropped_results(&content.cache, &mended);
    let (config, manifest) = if is_whole {
        // It is the version itself, byte for byte.
        (content.config, content.manifest.map(Manifest::AsItIs))
    } else {
        (mended.text, content.manifest.map(Manifest::Around))
    };
    let writing = Writing {
        inventory: checked.inventory,
        entry,
        config,
        manifest,
        keep: &keep,
        repeats: Repeats::Kept,
    };
    Ok(Rewrite {
        results,
        mends: done,
        ..writing.finish()?
    })
}
