//! Classifies manifests without a tag: previous versions, parts of other manifests, and referrers.
//!
//! A registry also keeps the parts of a multi-platform image without tags, so only the manifests
//! themselves show which of them are previous versions.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::CacheReader;
use crate::backend::{ListedRef, ListedRefFacts};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// How deep nested indexes are followed. Deeper ones count as separate manifests.
const DEEPEST: usize = 8;

/// A manifest that has no tag.
#[derive(Debug, Clone)]
pub(super) struct Untagged {
    pub(super) digest: Digest,
    pub(super) modified: Option<Timestamp>,
    /// The ref that it was the content of, if known.
    pub(super) of: Option<String>,
}

/// Creates refs of the manifests without a tag, the newest of each ref first. Manifests that others
/// reference are not refs. Manifests about another one, such as signatures, do not count as
/// previous versions.
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

/// The manifests that others reference.
#[derive(Default)]
struct NamedManifest {
    /// The ones that an index lists.
    parts: HashSet<Digest>,
    /// The ones that are about another manifest.
    referrers: HashSet<Digest>,
}

/// Reads manifests and the indexes in them. One that cannot be read is left out; a caller that
/// deletes checks again.
async fn named(
    reader: &dyn CacheReader,
    mut level: Vec<Digest>,
    concurrency: usize,
) -> NamedManifest {
    let mut named = NamedManifest::default();
    let mut seen = HashSet::new();
    for _ in 0..DEEPEST {
        level.retain(|digest| seen.insert(*digest));
        // Collected, because a closure over references inside a stream makes the future not `Send`.
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
