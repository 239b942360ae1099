//! Pruning inside of a ref: its configuration written again without the results that a filter chooses.
//!
//! The new documents are made before there is a plan, and proved to be the old ones without those results; the plan holds
//! them, so that carrying it out makes nothing up. The ref keeps its name and points to the new manifest; the old one is
//! remembered like a ref that went, so that what it reaches waits until the grace has passed.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{is_importable, names};
use crate::backend::{CacheReader, ReadError, RefRewrite, RefTarget};
use crate::explain::evidence::{Evidence, RecordLabel};
use crate::format::cache_config::RecordIndex;
use crate::format::cache_config::rewrite::{self, RewriteError};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::format::manifest::rewrite as manifest;
use crate::format::text::visible;
use crate::inventory::cache::{RecordDetail, RefCache};
use crate::inventory::filter::{Filter, NumberField, Subject, TextField};
use crate::inventory::{Inventory, RefEntry, RefKind};
use crate::retention::{Policy, Reason, Verdict, Verdicts};

/// A ref that is to lose some of its results.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rewrite {
    /// What is written, and how the ref must still be found.
    pub documents: RefRewrite,
    /// The filter that chose the results, as it was written.
    pub filter: String,
    /// The results.
    pub results: Vec<DroppedResult>,
    /// The bytes of blobs that only this ref reaches, and only by what goes. A later run takes them.
    pub later_bytes: u64,
}

/// What [`gather`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrites {
    /// The refs that are to lose results.
    pub refs: Vec<Rewrite>,
    /// What a person should know of the others.
    pub warnings: Vec<String>,
}

/// A result that goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DroppedResult {
    /// The record.
    pub digest: String,
    /// What it is called, where evidence tells.
    pub name: Option<String>,
    /// The bytes of its own layer.
    pub bytes: Option<u64>,
    /// When it was saved first.
    pub created: Option<Timestamp>,
}

/// Says why a ref is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// Its documents cannot be read.
    #[error("its documents cannot be read")]
    Read(#[from] ReadError),
    /// It could be read when the store was scanned, and cannot now.
    #[error("its cache cannot be read: {0}")]
    Unread(String),
    /// What would take its place lacks what it names, as the ref does now.
    #[error("it names layers that its manifest does not list, and could not be written again as a whole")]
    NotImportable,
    /// A document is no text.
    #[error("its documents are not UTF-8")]
    NotText,
    /// Its configuration cannot be written again.
    #[error("its config cannot be written again")]
    Config(#[from] RewriteError),
    /// Its manifest cannot be written again.
    #[error(transparent)]
    Manifest(#[from] manifest::RewriteError),
}

/// Finds the results that go from refs that stay, and writes what takes their place.
///
/// A ref that a rule protects, one that changed within the grace and one that cannot be read are left alone.
pub async fn gather(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    verdicts: &Verdicts,
    policy: &Policy,
    evidence: &Evidence,
    now: Timestamp,
) -> Rewrites {
    let mut rewrites = Rewrites::default();
    for ((entry, verdict), rule) in inventory.refs.iter().zip(&verdicts.refs).zip(&verdicts.rules) {
        let of_rule = rule.and_then(|rule| policy.rules.get(rule)?.drop_records.as_ref());
        let Some(filter) = policy.records.as_ref().or(of_rule) else { continue };
        if !may_change(entry, verdict, policy, now) {
            continue;
        }
        match of_ref(reader, inventory, entry, filter, evidence, now).await {
            Ok(rewrite) => rewrites.refs.extend(rewrite),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                rewrites.warnings.push(format!("`{}` keeps all its results: {error}{cause}", visible(&entry.name)));
            }
        }
    }
    rewrites
}

fn may_change(entry: &RefEntry, verdict: &Verdict, policy: &Policy, now: Timestamp) -> bool {
    let Verdict::Keep(reasons) = verdict else { return false };
    let is_protected = reasons.iter().any(|reason| matches!(reason, Reason::Protected { .. }));
    let changed = entry.created.map(|(time, _)| time).max(entry.modified);
    let is_old = changed.is_some_and(|changed| super::plan::age(changed, now) >= policy.grace);
    entry.kind == RefKind::Cache && entry.faults.is_empty() && is_old && !is_protected
}

async fn of_ref(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    entry: &RefEntry,
    filter: &Filter,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<Option<Rewrite>, RecordsError> {
    let Some(digest) = entry.digest().valid() else { return Ok(None) };
    let caches = RefCache::load(reader, &inventory.blobs, entry).await.map_err(|faults| {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        RecordsError::Unread(told.join("; "))
    })?;
    let [cache] = caches.as_slice() else { return Ok(None) };
    let mut known = Evidence::default();
    for statement in reader.provenance(&entry.name).await {
        // What the store has is used where it can be; what a person gave has been checked before.
        let _ = known.add(&statement);
    }
    let labels = evidence.labels(&cache.graph).into_iter().zip(known.labels(&cache.graph));
    let labels: Vec<Option<RecordLabel>> = labels.map(|(given, stored)| given.or(stored)).collect();
    let goes: HashSet<RecordIndex> = (0..)
        .map(RecordIndex)
        .zip(&cache.records)
        .zip(&labels)
        .filter(|((_, detail), label)| {
            detail.result.is_some() && filter.matches(&Candidate { detail, label: label.as_ref() }, now)
        })
        .map(|((index, _), _)| index)
        .collect();
    if goes.is_empty() {
        return Ok(None);
    }
    let config = text(reader, cache.config).await?;
    let rewritten = rewrite::without_results(&config, |index| goes.contains(&index))?;
    let new_config = Digest::of(rewritten.text.as_bytes());
    let keep: HashSet<Digest> =
        rewritten.layers.iter().filter_map(|layer| cache.graph.layers.get(*layer)?.blob.valid()).collect();
    // Where the ref is its own configuration there is no manifest around it.
    let documents = if cache.config == digest {
        vec![rewritten.text]
    } else {
        let manifest = text(reader, digest).await?;
        let manifest =
            manifest::with_config(&manifest, &new_config, rewritten.text.len() as u64, |blob| keep.contains(blob))?;
        vec![rewritten.text, manifest]
    };
    let named = |index: &RecordIndex| labels[index.at()].as_ref().map(|label| label.text.clone());
    let mut order: Vec<&RecordIndex> = goes.iter().collect();
    order.sort_unstable();
    let results = order.into_iter().map(|index| DroppedResult {
        digest: cache.graph.records[index.at()].digest.to_string(),
        name: named(index),
        bytes: cache.records[index.at()].sizes.map(|sizes| sizes.layer_bytes),
        created: cache.records[index.at()].created,
    });
    let freed = entry.reach.iter().map(|blob| inventory.blobs.get(*blob));
    let freed = freed.filter(|blob| blob.is_stored() && blob.refs() == 1 && !keep.contains(&blob.digest()));
    let documents =
        RefRewrite { from: RefTarget { names: names(entry), digest, bytes: entry.facts().bytes }, documents };
    if !is_importable(&documents) {
        return Err(RecordsError::NotImportable);
    }
    Ok(Some(Rewrite {
        results: results.collect(),
        later_bytes: freed.map(|blob| blob.stored_size()).fold(0, u64::saturating_add),
        filter: filter.to_string(),
        documents,
    }))
}

async fn text(reader: &dyn CacheReader, digest: Digest) -> Result<String, RecordsError> {
    let bytes = reader.read_document(digest, DOCUMENT_LIMIT).await?;
    String::from_utf8(bytes).map_err(|_| RecordsError::NotText)
}

/// A record that has a result, as the filter sees it. What is not known of it matches nothing.
struct Candidate<'a> {
    detail: &'a RecordDetail,
    label: Option<&'a RecordLabel>,
}

impl Subject for Candidate<'_> {
    fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            TextField::Step | TextField::Name => self.label.map(|label| test(&label.text)),
            TextField::Kind => Some(test(self.detail.kind.word())),
            TextField::State => Some(test(self.detail.state.word())),
            TextField::Ref | TextField::Platform => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Size => self.detail.sizes.map(|sizes| sizes.layer_bytes),
            NumberField::Exclusive => self.detail.sizes.and_then(|sizes| sizes.exclusive_bytes),
            NumberField::Refs | NumberField::Layers | NumberField::Records => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.detail.created
    }
}
