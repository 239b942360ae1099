//! Manifests without a tag, sorted out: displaced ones, parts of other manifests, and
//! referrers.
//!
//! A registry gives the parts of an image for many platforms no tags either, so that only the
//! manifests themselves show which of those without one are previous versions.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::CacheReader;
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{ListedRef, ListedRefFacts};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// How deep indexes in indexes are followed; deeper ones count as manifests of their own.
const DEEPEST: usize = 8;

/// A manifest that has no tag.
#[derive(Debug, Clone)]
pub(super) struct Untagged {
    pub(super) digest: Digest,
    /// When it was written.
    pub(super) modified: Option<Timestamp>,
    /// The ref that it was the content of, where that is known.
    pub(super) of: Option<String>,
}

/// Makes refs of the manifests without a tag, the newest first of each ref. Those that others name
/// are none; those that are about another manifest, as signatures are, count as no previous content.
pub(super) async fn refs(
    reader: &dyn CacheReader,
    tagged: impl IntoIterator<Item = Digest>,
    mut untagged: Vec<Untagged>,
    repository: &str,
    concurrency: usize,
) -> Vec<ListedRef> {
    let all = tagged
        .into_iter()
        .chain(untagged.iter().map(|manifest| manifest.digest))
        .collect();
    let NamedManifest { parts, referrers } = named(reader, all, concurrency).await;
    untagged.retain(|manifest| !parts.contains(&manifest.digest));
    untagged.sort_by(|a, b| (&a.of, b.modified, a.digest).cmp(&(&b.of, a.modified, b.digest)));
    let mut counts: HashMap<Option<String>, u32> = HashMap::new();
    let listed_ref = |manifest: Untagged| {
        let is_previous = !referrers.contains(&manifest.digest);
        let generation = if is_previous {
            let count = counts.entry(manifest.of.clone()).or_default();
            *count += 1;
            *count
        } else {
            0
        };
        let facts = ListedRefFacts {
            modified: manifest.modified,
            repository: Some(repository.to_owned()),
            generation,
            previous_of: manifest.of.filter(|_| is_previous),
            ..ListedRefFacts::default()
        };
        ListedRef {
            facts,
            ..ListedRef::new(
                Vec::new(),
                Descriptor::named(DigestText::Valid(manifest.digest)),
            )
        }
    };
    untagged.into_iter().map(listed_ref).collect()
}

/// The references of manifests to others.
#[derive(Default)]
struct NamedManifest {
    /// Those that an index lists.
    parts: HashSet<Digest>,
    /// Those that are about another.
    referrers: HashSet<Digest>,
}

/// Reads manifests and the indexes in them. One that cannot be read is left out; a caller that
/// deletes looks again.
async fn named(
    reader: &dyn CacheReader,
    mut level: Vec<Digest>,
    concurrency: usize,
) -> NamedManifest {
    let mut named = NamedManifest::default();
    let mut seen = HashSet::new();
    for _ in 0..DEEPEST {
        level.retain(|digest| seen.insert(*digest));
        // Collected, because a closure over references inside of a stream keeps the whole future
        // from being `Send`.
        let read =
            |digest| async move { (digest, reader.read_document(digest, DOCUMENT_LIMIT).await) };
        let reads: Vec<_> = level.into_iter().map(read).collect();
        let mut reading = stream::iter(reads).buffer_unordered(concurrency.max(1));
        let mut next = Vec::new();
        while let Some((digest, bytes)) = reading.next().await {
            let Some(document) = bytes
                .ok()
                .and_then(|bytes| ManifestDocument::parse(&bytes).ok())
            else {
                continue;
            };
            let entries = document.entries();
            if document.subject().is_some() {
                named.referrers.insert(digest);
            }
            named
                .parts
                .extend(entries.iter().filter_map(|entry| entry.digest.valid()));
            let deeper = entries.iter().filter(|entry| entry.is_manifest_like());
            next.extend(deeper.filter_map(|entry| entry.digest.valid()));
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    named
}
