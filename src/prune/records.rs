//! Prunes within a ref: rewrites its configuration without the results that a filter selects.
//!
//! The new documents are made before the plan, and proved to equal the old ones without those
//! results. The plan holds them, so its execution computes nothing new. The ref keeps its name and
//! points to the new manifest. The old manifest is treated like a deleted ref, so its blobs wait
//! for the grace period.

use std::cell::Cell;
use std::collections::HashSet;

use jiff::Timestamp;

use super::plan::{is_importable, names};
use super::rewrite::{DroppedResult, Rewrite, RewriteRefError, RewriteWarning, Rewrites};
use crate::backend::{CacheReader, RefRewrite, RefTarget, Totals};
use crate::explain::evidence::CacheEvidence;
use crate::format::cache_config::RecordIndex;
use crate::format::cache_config::rewrite;
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::format::manifest::rewrite::{self as manifest, Repeats};
use crate::inventory::cache::{RecordDetail, RefCache};
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use crate::inventory::labels::RecordLabel;
use crate::inventory::{FaultKind, Inventory, RefEntry, RefKind};
use crate::retention::{Policy, Verdict, Verdicts};

/// Finds the results that kept refs lose, and writes the replacements.
///
/// Refs that a rule protects, that changed within the grace period, or that cannot be read are not
/// changed.
pub async fn gather(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    verdicts: &Verdicts,
    policy: &Policy,
    evidence: &CacheEvidence,
    now: Timestamp,
) -> Rewrites {
    let mut rewrites = Rewrites::default();
    let mut unnamed: Vec<(&RefEntry, &Filter)> = Vec::new();
    for ((entry, verdict), rule) in inventory
        .refs
        .iter()
        .zip(&verdicts.refs)
        .zip(&verdicts.rules)
    {
        let of_rule = rule.and_then(|rule| policy.rules.get(rule)?.drop_records.as_ref());
        let Some(filter) = policy.records.as_ref().or(of_rule) else {
            continue;
        };
        if !may_change(entry, verdict, policy, now) {
            continue;
        }
        match of_ref(reader, inventory, entry, filter, evidence, now).await {
            Ok(rewrite) => rewrites.refs.extend(rewrite),
            Err(RewriteRefError::Unnamed) => unnamed.push((entry, filter)),
            Err(error) => rewrites.warnings.push(RewriteWarning::KeepsResults {
                name: entry.name.clone(),
                why: error,
            }),
        }
    }
    rewrites.warnings.extend(without_names(&unnamed));
    rewrites
}

/// Warns of a filter that asks for the names of steps, if no step has one.
fn without_names(unnamed: &[(&RefEntry, &Filter)]) -> Option<RewriteWarning> {
    let (first, filter) = unnamed.first()?;
    Some(RewriteWarning::UnnamedSteps {
        filter: filter.to_string(),
        first: first.name.clone(),
        refs: unnamed.len(),
    })
}

fn may_change(entry: &RefEntry, verdict: &Verdict, policy: &Policy, now: Timestamp) -> bool {
    if !matches!(verdict, Verdict::Keep(_)) {
        return false;
    }
    let changed = entry.created.map(|(time, _)| time).max(entry.modified);
    let is_old = changed.is_some_and(|changed| super::plan::age(changed, now) >= policy.grace);
    // A config that is too large to import can be read, and may be small enough afterwards.
    let is_readable = entry
        .faults
        .iter()
        .all(|fault| matches!(fault.kind, FaultKind::TooLargeToImport(_)));
    entry.kind == RefKind::Cache && is_readable && is_old && !verdict.is_protected()
}

async fn of_ref(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    entry: &RefEntry,
    filter: &Filter,
    evidence: &CacheEvidence,
    now: Timestamp,
) -> Result<Option<Rewrite>, RewriteRefError> {
    let Some(digest) = entry.digest().valid() else {
        return Ok(None);
    };
    let caches = RefCache::load(reader, &inventory.blobs, entry)
        .await
        .map_err(RewriteRefError::Unread)?;
    let [cache] = caches.as_slice() else {
        return Ok(None);
    };
    let labels = labels(reader, entry, cache, evidence).await;
    let goes = matching(cache, &labels, filter, now)?;
    if goes.is_empty() {
        return Ok(None);
    }
    let config = text(reader, cache.config).await?;
    let rewritten = rewrite::without_results(&config, |index| goes.contains(&index))?;
    let keep: HashSet<Digest> = rewritten
        .layers
        .iter()
        .filter_map(|layer| cache.graph.layers.get(*layer)?.blob.valid())
        .collect();
    // If the ref is its own configuration, there is no manifest around it.
    let manifest = if cache.config == digest {
        None
    } else {
        Some(RewrittenManifest::Around(text(reader, digest).await?))
    };
    let writing = Writing {
        inventory,
        entry,
        config: rewritten.text,
        manifest,
        keep: &keep,
        repeats: Repeats::Kept,
    };
    let named = |index: RecordIndex| labels[index.at()].as_ref().map(|label| label.text.clone());
    let mut order: Vec<RecordIndex> = goes.into_iter().collect();
    order.sort_unstable();
    let results = order
        .into_iter()
        .map(|index| DroppedResult::of(cache, index, named(index)));
    Ok(Some(Rewrite {
        results: results.collect(),
        filter: filter.to_string(),
        ..writing.finish()?
    }))
}

/// Returns the names of the records: from the user's evidence, else from that in the store.
async fn labels(
    reader: &dyn CacheReader,
    entry: &RefEntry,
    cache: &RefCache,
    evidence: &CacheEvidence,
) -> Vec<Option<RecordLabel>> {
    let mut known = CacheEvidence::default();
    for statement in reader.abilities().provenance(&entry.name).await {
        // Evidence from the store is used if possible; evidence from the user has been checked
        // before.
        let _ = known.add(&statement);
    }
    let labels = evidence
        .labels(&cache.graph)
        .into_iter()
        .zip(known.labels(&cache.graph));
    labels.map(|(given, stored)| given.or(stored)).collect()
}

/// Returns the records with a result that the filter matches.
///
/// # Errors
/// If the filter matches none and asks for names of steps, and no step has one.
fn matching(
    cache: &RefCache,
    labels: &[Option<RecordLabel>],
    filter: &Filter,
    now: Timestamp,
) -> Result<HashSet<RecordIndex>, RewriteRefError> {
    let asks_names = Cell::new(false);
    let candidates = (0..).map(RecordIndex).zip(&cache.records).zip(labels);
    let matches = candidates.filter(|((_, detail), label)| {
        let candidate = RecordCandidate {
            detail,
            label: label.as_ref(),
            asks_names: &asks_names,
        };
        detail.result.is_some() && filter.matches(&candidate, now)
    });
    let found: HashSet<RecordIndex> = matches.map(|((index, _), _)| index).collect();
    if found.is_empty() && asks_names.get() && labels.iter().all(Option::is_none) {
        return Err(RewriteRefError::Unnamed);
    }
    Ok(found)
}

/// The manifest of a ref that is written again.
pub(super) enum RewrittenManifest {
    /// It changes with its configuration.
    Around(String),
    /// It names the configuration already.
    AsItIs(String),
}

/// What is written for a ref.
pub(super) struct Writing<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) entry: &'a RefEntry,
    /// The new configuration.
    pub(super) config: String,
    /// What the manifest is made from, where there is one.
    pub(super) manifest: Option<RewrittenManifest>,
    /// The layers that stay.
    pub(super) keep: &'a HashSet<Digest>,
    pub(super) repeats: Repeats,
}

impl Writing<'_> {
    /// Puts the documents together, and proves that BuildKit imports them.
    pub(super) fn finish(self) -> Result<Rewrite, RewriteRefError> {
        let digest = self
            .entry
            .digest()
            .valid()
            .ok_or(RewriteRefError::NotACache)?;
        let config = Digest::of(self.config.as_bytes());
        let bytes = self.config.len() as u64;
        let mut documents = vec![self.config];
        match self.manifest {
            Some(RewrittenManifest::Around(old)) => documents.push(manifest::with_config(
                &old,
                &config,
                bytes,
                |blob| self.keep.contains(blob),
                self.repeats,
            )?),
            Some(RewrittenManifest::AsItIs(text)) => documents.push(text),
            None => {}
        }
        let documents = RefRewrite {
            from: RefTarget {
                names: names(self.entry),
                digest,
                bytes: self.entry.facts().bytes,
            },
            documents,
        };
        if !is_importable(&documents) {
            return Err(RewriteRefError::NotImportable);
        }
        let later = freed_later(self.inventory, self.entry, self.keep);
        Ok(Rewrite {
            later_bytes: later.bytes,
            later_blobs: later.count,
            documents,
            filter: String::new(),
            results: Vec::new(),
            fixes: Vec::new(),
        })
    }
}

impl DroppedResult {
    pub(super) fn of(cache: &RefCache, index: RecordIndex, name: Option<String>) -> Self {
        let detail = &cache.records[index.at()];
        Self {
            digest: cache.graph.records[index.at()].digest.to_string(),
            name,
            bytes: detail.sizes.map(|sizes| sizes.layer_bytes),
            created: detail.created,
        }
    }
}

/// Returns the blobs that only this ref reaches and that it does not keep.
fn freed_later(inventory: &Inventory, entry: &RefEntry, keep: &HashSet<Digest>) -> Totals {
    let blobs = entry.reach.iter().map(|blob| inventory.blobs.get(*blob));
    blobs
        .filter(|blob| blob.is_stored() && blob.refs() == 1 && !keep.contains(&blob.digest()))
        .map(|blob| blob.stored_size())
        .collect()
}

pub(super) async fn text(
    reader: &dyn CacheReader,
    digest: Digest,
) -> Result<String, RewriteRefError> {
    let bytes = reader.read_document(digest, DOCUMENT_LIMIT).await?;
    String::from_utf8(bytes).map_err(|_| RewriteRefError::NotText)
}

/// A record with a result, as the filter sees it. Unknown values match nothing.
struct RecordCandidate<'a> {
    detail: &'a RecordDetail,
    label: Option<&'a RecordLabel>,
    /// Set when the filter asks for a name.
    asks_names: &'a Cell<bool>,
}

impl FilterSubject for RecordCandidate<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Step | FilterTextField::Name => {
                self.asks_names.set(true);
                self.label.map(|label| test(&label.text))
            }
            FilterTextField::Kind => Some(test(self.detail.kind.word())),
            FilterTextField::State => Some(test(self.detail.state.word())),
            FilterTextField::Ref
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
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
