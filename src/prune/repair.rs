//! Plans that fix the findings of a check.
//!
//! A ref whose results need missing or damaged blobs, or whose configuration BuildKit refuses, is
//! rewritten without those results; every other hit stays, which
//! [`crate::format::cache_config::reach`] proves. With [`Remedies::compact`], equal records are
//! merged. As in every plan, blobs in the trash that a ref needs are restored, and unfinished
//! uploads are deleted. Findings that cannot be fixed are part of the plan, with the reason.
//!
//! A ref that a rule protects is not changed. A young ref may be: a repair drops only results that
//! no build can use, and the old content of the ref is kept for the grace period.

use std::collections::HashSet;

use super::plan::ref_target;
use super::records::{RewrittenManifest, Writing};
use super::rewrite::{
    NotFixed, NotFixedReason, Repair, Rewrite, RewriteRefError, RewriteWarning, Rewrites, no_repair,
};
use crate::backend::{CacheReader, Capabilities, Support};
use crate::check::{Code, Finding, Severity};
use crate::format::cache_config::CacheGraph;
use crate::format::cache_config::fix::{self, Dropped};
use crate::format::digest::Digest;
use crate::format::manifest::rewrite::Repeats;
use crate::format::manifest::{Descriptor, ImportLimits};
use crate::inventory::blobs::Blob;
use crate::inventory::{Inventory, RefEntry, RefId, RefKind};
use crate::retention::{Budget, Policy, RuleAction, Verdicts};
use crate::source::StoreKind;
use crate::text::escape::visible;

mod content;
mod fixes;
mod restore;

use content::{RefContent, dropped_results, lost_layers};

/// The scope of a repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remedies {
    /// The kinds of findings to fix; empty for all that can be fixed.
    pub only: Vec<Code>,
    /// Whether to shrink refs without a finding.
    pub compact: bool,
    /// The version that the chosen ref is to point to: another ref of the store, or a digest.
    pub restore: Option<String>,
    /// Whether refs are deleted whose manifests are gone, where no previous version is known.
    pub delete_gone: bool,
}

impl Remedies {
    /// Returns whether a finding of this kind is to be fixed.
    fn chooses(&self, code: Code) -> bool {
        if self.only.is_empty() {
            Code::FIXABLE.contains(&code)
        } else {
            self.only.contains(&code)
        }
    }

    /// Returns the findings among those of a ref that are to be fixed.
    fn wanted(&self, codes: &HashSet<Code>) -> Vec<Code> {
        codes
            .iter()
            .copied()
            .filter(|code| self.chooses(*code))
            .collect()
    }

    /// Returns whether a previous version is to be restored.
    fn restores(&self, wanted: &[Code]) -> bool {
        self.restore.is_some() || wanted.iter().any(|code| code.is_unreadable())
    }

    /// Returns the findings to report if a ref cannot be written again; without a finding, those
    /// that stand for what was asked.
    fn blamed(&self, wanted: Vec<Code>) -> Vec<Code> {
        if !wanted.is_empty() {
            wanted
        } else if self.restore.is_some() {
            vec![Code::ManifestMissing]
        } else {
            vec![Code::Compactable]
        }
    }

    /// Returns whether a ref with these findings is to shrink.
    fn compacts(&self, codes: &HashSet<Code>) -> bool {
        let asks = |code: &Code| {
            (Code::COMPACTION.contains(code) && self.only.contains(code))
                || (*code == Code::TooLargeToImport && self.chooses(*code))
        };
        self.compact || codes.iter().any(asks)
    }
}

/// Returns the policy that a repair follows: it drops no ref, and leaves those as they are that a
/// rule protects.
pub fn policy(configured: Policy) -> Policy {
    let mut policy = configured;
    policy
        .rules
        .retain(|rule| matches!(rule.action, RuleAction::Protect));
    Policy {
        budget: Budget::default(),
        records: None,
        max_delete: None,
        ..policy
    }
}

/// The input of a repair.
#[derive(Clone, Copy)]
pub struct RepairInput<'a> {
    pub reader: &'a dyn CacheReader,
    pub kind: StoreKind,
    pub inventory: &'a Inventory,
    /// The refs to repair; `None` for all refs and the rest of the store.
    pub only: Option<&'a [RefId]>,
    /// The findings of the check.
    pub findings: &'a [Finding],
    /// The blobs that were read and do not match their digests.
    pub damaged: &'a HashSet<Digest>,
    /// The verdicts of the rules on its refs, in the inventory's order.
    pub verdicts: &'a Verdicts,
    /// The supported changes.
    pub capabilities: &'a Capabilities,
}

/// The findings about the blobs of a ref.
const OF_BLOBS: [Code; 4] = [
    Code::BlobMissing,
    Code::BlobWrongSize,
    Code::BlobWrongBytes,
    Code::LayerNameInvalid,
];

/// Returns the findings of a ref that a repair can fix.
fn codes_of(checked: &RepairInput<'_>, entry: &RefEntry, back: &HashSet<Digest>) -> HashSet<Code> {
    let about = checked
        .findings
        .iter()
        .filter(|finding| finding.ref_name.as_ref() == Some(&entry.name));
    about
        .filter(|finding| !is_behind_links(checked, finding) && !comes_back(finding, back))
        .map(|finding| finding.code)
        .filter(|code| Code::FIXABLE.contains(code) || Code::COMPACTION.contains(code))
        .collect()
}

/// Determines which refs to rewrite, and which findings cannot be fixed.
pub async fn gather(checked: &RepairInput<'_>, remedies: &Remedies) -> Rewrites {
    let inventory = checked.inventory;
    let back: HashSet<Digest> = inventory.awaited_from_trash().into_iter().collect();
    let mut rewrites = Rewrites::default();
    let mut not_fixed = Vec::new();
    let mut gone = Vec::new();
    let may_rewrite = checked.reader.facts().await.rewrite_ref;
    let refs = inventory.indexed_refs().zip(&checked.verdicts.refs);
    for ((id, entry), verdict) in refs {
        if checked.only.is_some_and(|only| !only.contains(&id)) {
            continue;
        }
        let codes = codes_of(checked, entry, &back);
        let wanted = remedies.wanted(&codes);
        let restores = remedies.restores(&wanted);
        if !restores && wanted.is_empty() && !(remedies.compact && entry.kind == RefKind::Cache) {
            continue;
        }
        let made = if verdict.is_protected() {
            Err(RewriteRefError::Protected)
        } else if restores {
            restored(checked, remedies, entry, &back, &codes).await
        } else {
            of_ref(checked, entry, &back, &codes, remedies.compacts(&codes)).await
        };
        let is_gone = remedies.delete_gone
            && entry.is_gone()
            && !matches!(made, Ok(Some(_)) | Err(RewriteRefError::Protected));
        if is_gone && checked.capabilities.delete_ref == Support::Yes {
            gone.extend(ref_target(entry));
            continue;
        }
        match (made, &may_rewrite) {
            (Ok(None), _) => {
                let why = NotFixedReason::NothingToDrop;
                not_fixed.extend(fixes::none_of(entry, wanted, &why));
            }
            (Ok(Some(_)), Support::No(obstacle)) => {
                let why = NotFixedReason::ReadOnly(obstacle.clone());
                not_fixed.extend(fixes::none_of(entry, wanted, &why));
            }
            (Ok(Some(rewrite)), Support::Yes) => rewrites.refs.push(rewrite),
            (Err(error), _) => {
                let codes = remedies.blamed(wanted);
                let why = NotFixedReason::Rewrite(error);
                not_fixed.extend(fixes::none_of(entry, codes, &why));
            }
        }
    }
    let warning = damaged_blobs_stay(checked, &rewrites);
    rewrites.warnings.extend(warning);
    not_fixed.extend(cannot_be_fixed(checked, remedies, &back, &rewrites));
    fixes::remove_repeated(&mut not_fixed);
    rewrites.repair = Some(Repair {
        uploads: checked.only.is_none() && remedies.chooses(Code::UnfinishedUploads),
        not_fixed,
        gone,
    });
    rewrites
}

/// Returns the rewrite that restores a previous version: the one that was asked for, or for an
/// unreadable ref the newest that can be read.
async fn restored(
    checked: &RepairInput<'_>,
    remedies: &Remedies,
    entry: &RefEntry,
    back: &HashSet<Digest>,
    codes: &HashSet<Code>,
) -> Result<Option<Rewrite>, RewriteRefError> {
    match &remedies.restore {
        Some(version) => restore::named(checked, entry, version, back)
            .await
            .map(Some),
        None => restore::unreadable(checked, entry, back, codes).await,
    }
}

/// Warns about stored blobs whose bytes do not match their digests and that stay: an exporter skips
/// an existing blob and references it again.
fn damaged_blobs_stay(checked: &RepairInput<'_>, rewrites: &Rewrites) -> Option<RewriteWarning> {
    let blobs = &checked.inventory.blobs;
    let is_damaged = |blob: &Blob<'_>| {
        blob.is_stored() && (blob.is_resized() || checked.damaged.contains(&blob.digest()))
    };
    let count = blobs.iter().filter(is_damaged).count() as u64;
    if count == 0 || rewrites.refs.is_empty() {
        return None;
    }
    Some(RewriteWarning::DamagedBlobs { blobs: count })
}

/// Returns why findings other than waste cannot be fixed. Those about the content that a restored
/// version replaces are over.
fn cannot_be_fixed(
    checked: &RepairInput<'_>,
    remedies: &Remedies,
    back: &HashSet<Digest>,
    rewrites: &Rewrites,
) -> Vec<NotFixed> {
    let is_replaced = |name: &String| {
        let mut refs = rewrites.refs.iter();
        remedies.restore.is_some()
            && refs.any(|rewrite| rewrite.documents.from.names.contains(name))
    };
    let grave = checked.findings.iter().filter(|finding| {
        finding.severity != Severity::Info
            && (remedies.only.is_empty() || remedies.only.contains(&finding.code))
            && !comes_back(finding, back)
            && !finding.ref_name.as_ref().is_some_and(is_replaced)
            && !(remedies.compact && Code::COMPACTION.contains(&finding.code))
    });
    grave
        .filter_map(|finding| {
            let why = if is_behind_links(checked, finding) {
                NotFixedReason::BehindLinks
            } else {
                no_repair(finding.code)?;
                NotFixedReason::NoRepair(finding.code)
            };
            Some(NotFixed {
                ref_name: finding
                    .ref_name
                    .as_deref()
                    .map(|name| visible(name).into_owned()),
                code: finding.code,
                why,
            })
        })
        .collect()
}

/// Returns whether a finding is about blobs that may exist behind symbolic links.
fn is_behind_links(checked: &RepairInput<'_>, finding: &Finding) -> bool {
    finding.code == Code::BlobMissing
        && finding.severity == Severity::Warning
        && checked.kind == StoreKind::Local
}

/// Returns whether a finding is about a blob that the plan restores from the trash.
fn comes_back(finding: &Finding, back: &HashSet<Digest>) -> bool {
    let is_absence = matches!(
        finding.code,
        Code::ManifestMissing | Code::ConfigMissing | Code::BlobMissing
    );
    is_absence
        && finding
            .digest()
            .is_some_and(|digest| back.contains(&digest))
        && finding.is_restorable_from_trash()
}

/// Rewrites a ref; returns `None` if nothing changes.
async fn of_ref(
    checked: &RepairInput<'_>,
    entry: &RefEntry,
    back: &HashSet<Digest>,
    codes: &HashSet<Code>,
    compacts: bool,
) -> Result<Option<Rewrite>, RewriteRefError> {
    let Some(content) = RefContent::read(checked, entry).await? else {
        return Ok(None);
    };
    let (cache, old) = (&content.cache, &content.config);
    let lost = lost_layers(checked, cache, content.listed.as_deref(), back);
    let fixed = fix::fix(old, |layer| lost[layer.at()], compacts)?;
    let is_smaller = compacts && fixed.text.len() < old.len();
    let keep: HashSet<Digest> = CacheGraph::parse(fixed.text.as_bytes())
        .map_err(|error| RewriteRefError::Config(error.into()))?
        .layers
        .iter()
        .filter_map(|layer| layer.blob.valid())
        .collect();
    // The manifest may also list layers that no result needs.
    let is_idle = |layer: &Descriptor| {
        let digest = layer.digest.valid();
        !layer.is_cache_config() && digest.is_none_or(|digest| !keep.contains(&digest))
    };
    let lists_others = codes.iter().any(|code| OF_BLOBS.contains(code))
        && content.listed.iter().flatten().any(is_idle);
    let limit = ImportLimits::newest().config;
    let bytes = fixed.text.len() as u64;
    let is_useless = codes.contains(&Code::TooLargeToImport) && bytes > limit;
    if is_useless && fixed.dropped == Dropped::default() {
        return Err(RewriteRefError::StillTooLarge { bytes, limit });
    }
    if fixed.dropped == Dropped::default() && !is_smaller && !lists_others {
        return Ok(None);
    }
    let fixes = fixes::of(&fixed, &lost, cache, old.len(), is_smaller, lists_others);
    let results = dropped_results(cache, &fixed);
    let writing = Writing {
        inventory: checked.inventory,
        entry,
        config: fixed.text,
        manifest: content.manifest.map(RewrittenManifest::Around),
        keep: &keep,
        repeats: if compacts {
            Repeats::Dropped
        } else {
            Repeats::Kept
        },
    };
    Ok(Some(Rewrite {
        results,
        fixes,
        ..writing.finish()?
    }))
}
