//! Previous versions of refs, and refs that point to one of them again.
//!
//! [`previous`] knows the versions of a ref by its name. A person may name any other ref or
//! manifest of the store. Results of a version whose blobs are gone are dropped, as a repair drops
//! them from the present one.

use std::collections::HashSet;

use jiff::Timestamp;

use super::content::{RefContent, dropped_results, lost_layers};
use super::fixes;
use super::{RepairInput, of_ref};
use crate::backend::BlobAnswer;
use crate::backend::ListedRef;
use crate::check::Code;
use crate::format::cache_config::CacheGraph;
use crate::format::cache_config::fix::{self, Dropped, FixedConfig};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::rewrite::Repeats;
use crate::format::manifest::{CACHE_CONFIG, Descriptor, ImportLimits};
use crate::inventory::cache::RefCache;
use crate::inventory::previous::{self, PreviousVersion};
use crate::inventory::{RefEntry, RefKind};
use crate::prune::records::{RewrittenManifest, Writing};
use crate::prune::rewrite::{Fix, Rewrite, RewriteRefError};
use crate::source::StoreKind;
use crate::text::escape::visible;

/// No more previous versions of a ref are tried than these.
const MOST_TRIED: usize = 16;
/// No more manifests that no ref reaches are named than these.
const MOST_NAMED: usize = 3;

/// Rewrites a ref with an unreadable document.
///
/// A configuration that is its own manifest, as in S3, counts as unreadable if it refers to layers
/// that it does not list. What it lists is still of use. Any other ref gets a previous version.
pub(super) async fn unreadable(
    checked: &RepairInput<'_>,
    entry: &RefEntry,
    back: &HashSet<Digest>,
    codes: &HashSet<Code>,
) -> Result<Option<Rewrite>, RewriteRefError> {
    let is_of_use = |rewrite: &Rewrite| {
        let documents = rewrite.documents.documents.iter();
        documents.map(String::as_str).any(has_results)
    };
    if codes.contains(&Code::LayerOutOfRange)
        && let Ok(Some(rewrite)) = of_ref(checked, entry, back, codes, false).await
        && is_of_use(&rewrite)
    {
        return Ok(Some(rewrite));
    }
    newest(checked, entry, back).await.map(Some)
}

/// Returns whether a document is a configuration with a result.
fn has_results(config: &str) -> bool {
    let graph = CacheGraph::parse(config.as_bytes());
    graph.is_ok_and(|graph| {
        graph
            .records
            .iter()
            .any(|record| !record.results.is_empty())
    })
}

/// Writes the newest previous version of a ref that a build can import.
async fn newest(
    checked: &RepairInput<'_>,
    entry: &RefEntry,
    back: &HashSet<Digest>,
) -> Result<Rewrite, RewriteRefError> {
    if !matches!(entry.kind, RefKind::Cache | RefKind::Unknown) {
        return Err(RewriteRefError::NotACache);
    }
    for version in previous::known(checked.reader, checked.inventory, entry)
        .await
        .iter()
        .take(MOST_TRIED)
    {
        if let Ok(rewrite) = version_of(checked, entry, version, back).await {
            return Ok(rewrite);
        }
    }
    Err(RewriteRefError::NoVersion(manifests(checked).await))
}

/// Writes the version that a person named: a ref of the store, or the digest of a manifest.
pub(super) async fn named(
    checked: &RepairInput<'_>,
    entry: &RefEntry,
    name: &str,
    back: &HashSet<Digest>,
) -> Result<Rewrite, RewriteRefError> {
    let no_such = || RewriteRefError::NoSuchVersion(visible(name).into_owned());
    let is_it = |version: &&RefEntry| {
        version.names().any(|other| other == name) || version.digest().to_string() == name
    };
    let version = match checked.inventory.refs.iter().find(is_it) {
        Some(found) => PreviousVersion {
            entry: found.clone(),
            time: found.age().map(|(time, _)| time),
        },
        None => {
            let digest: Digest = name.parse().map_err(|_| no_such())?;
            let known = previous::known(checked.reader, checked.inventory, entry).await;
            let is_it = |version: &PreviousVersion| version.entry.digest().valid() == Some(digest);
            match known.into_iter().find(is_it) {
                Some(version) => version,
                None => stored(checked, digest).await.ok_or_else(no_such)?,
            }
        }
    };
    if version.entry.digest() == entry.digest() {
        return Err(RewriteRefError::SameVersion);
    }
    version_of(checked, entry, &version, back).await
}

/// Returns the manifest with this digest, where the store has it.
async fn stored(checked: &RepairInput<'_>, digest: Digest) -> Option<PreviousVersion> {
    let mut descriptor = Descriptor::named(DigestText::Valid(digest));
    if checked.kind == StoreKind::S3 {
        CACHE_CONFIG.clone_into(&mut descriptor.media_type);
    }
    let listed_refs = [ListedRef::new(Vec::new(), descriptor)];
    let entry = previous::read(checked.reader, &listed_refs).await.pop()?;
    let time = entry.age().map(|(time, _)| time);
    (entry.kind == RefKind::Cache).then_some(PreviousVersion { entry, time })
}

/// Returns the newest cache manifests that are stored and that no name leads to, as a person can
/// name them.
async fn manifests(checked: &RepairInput<'_>) -> Vec<Digest> {
    let inventory = checked.inventory;
    let untagged = inventory.refs.iter();
    let untagged = untagged.filter(|entry| !entry.tagged && entry.kind == RefKind::Cache);
    let mut found: Vec<(Option<Timestamp>, Digest)> = untagged
        .filter_map(|entry| Some((entry.age().map(|(time, _)| time), entry.digest().valid()?)))
        .collect();
    if checked.kind == StoreKind::Local {
        found.extend(previous::orphaned_manifests(checked.reader, inventory).await);
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.truncate(MOST_NAMED);
    found.into_iter().map(|(_, digest)| digest).collect()
}

/// Lets a ref point to a version, without what no build can load of it.
async fn version_of(
    checked: &RepairInput<'_>,
    entry: &RefEntry,
    version: &PreviousVersion,
    back: &HashSet<Digest>,
) -> Result<Rewrite, RewriteRefError> {
    let digest = version
        .entry
        .digest()
        .valid()
        .ok_or(RewriteRefError::NotACache)?;
    let content = RefContent::read(checked, &version.entry)
        .await?
        .ok_or(RewriteRefError::NotACache)?;
    let there = stored_layers(checked, &content.cache, back).await;
    let lost = lost_layers(checked, &content.cache, content.listed.as_deref(), &there);
    let fixed = fix::fix(&content.config, |layer| lost[layer.at()], false)?;
    let graph = CacheGraph::parse(fixed.text.as_bytes())
        .map_err(|error| RewriteRefError::Config(error.into()))?;
    if graph.records.iter().all(|record| record.results.is_empty()) {
        return Err(RewriteRefError::NothingLeft);
    }
    let (bytes, limit) = (fixed.text.len() as u64, ImportLimits::newest().config);
    if content.manifest.is_some() && bytes > limit {
        return Err(RewriteRefError::StillTooLarge { bytes, limit });
    }
    let keep: HashSet<Digest> = graph
        .layers
        .iter()
        .filter_map(|layer| layer.blob.valid())
        .collect();
    let results = dropped_results(&content.cache, &fixed);
    let done = fixes_of_version(version, digest, &fixed, &lost, &content);
    // A whole version is written as it is, byte for byte.
    let is_whole = fixed.dropped == Dropped::default();
    let around = if is_whole {
        RewrittenManifest::AsItIs
    } else {
        RewrittenManifest::Around
    };
    let manifest = content.manifest.map(around);
    let config = if is_whole { content.config } else { fixed.text };
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
        fixes: done,
        ..writing.finish()?
    })
}

/// Returns the blobs that come back, and the layers of a version that a store holds which does not
/// list its blobs.
async fn stored_layers(
    checked: &RepairInput<'_>,
    cache: &RefCache,
    back: &HashSet<Digest>,
) -> HashSet<Digest> {
    let mut stored = back.clone();
    if checked.inventory.unlisted.is_none() {
        return stored;
    }
    let layers = cache.graph.layers.iter();
    let layers = layers.filter_map(|layer| layer.blob.valid()).collect();
    let answers = checked.reader.abilities().ask_for(layers).await;
    let found = answers.unwrap_or_default().into_iter();
    let found = found.filter(|(_, answer)| *answer != BlobAnswer::Absent);
    stored.extend(found.map(|(digest, _)| digest));
    stored
}

/// Returns the changes of a ref that gets the content of a version, without the results whose
/// layers are lost.
fn fixes_of_version(
    version: &PreviousVersion,
    digest: Digest,
    fixed: &FixedConfig,
    lost: &[bool],
    content: &RefContent,
) -> Vec<Fix> {
    let mut done = vec![Fix::Restored {
        digest,
        time: version.time,
    }];
    let length = content.config.len();
    done.extend(fixes::of(fixed, lost, &content.cache, length, false, false));
    done
}
