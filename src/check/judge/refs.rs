//! Refs: whether a build can import them.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{CheckCase, TOLERANCE};
use crate::backend::OtherKind;
use crate::check::look::RefConfigFacts;
use crate::check::words::{counted, listed, one_or};
use crate::check::{Code, Finding, FindingAdvice, Severity};
use crate::format::cache_config::import::Refusal;
use crate::format::manifest::ImportLimits;
use crate::inventory::blobs::{Blob, BlobRole};
use crate::inventory::{AgeSource, DocumentFault, FaultKind, ReadFailure, RefEntry, RefKind};
use crate::source::StoreKind;
use crate::text::escape::visible;
use crate::text::units::{Age, Size};

/// The percentage of the import limit from which a document is reported.
const NEAR_PERCENT: u64 = 80;

pub(super) fn judge(
    case: &CheckCase<'_>,
    entry: &RefEntry,
    look: Option<&RefConfigFacts>,
) -> Vec<Finding> {
    let mut findings = faults(case, entry);
    findings.extend(vanished(case, entry));
    // A blob that has not been listed yet is not missing.
    if entry.withheld().is_none() && case.subject.inventory.is_complete() {
        findings.extend(missing(case, entry, look));
        findings.extend(resized(case, entry, look));
    }
    findings.extend(nearly_too_large(case, entry));
    findings.extend(in_the_future(case, entry));
    if findings.is_empty() {
        findings.extend(empty(case, entry));
        findings.extend(no_cache(case, entry));
    }
    for finding in &mut findings {
        case.name_repair(entry, finding);
    }
    findings
}

/// Turns the faults of documents from the scan into findings: one per kind, for any number of
/// documents.
fn faults(case: &CheckCase<'_>, entry: &RefEntry) -> Vec<Finding> {
    let mut reported = HashSet::new();
    let mut findings = Vec::new();
    for fault in &entry.faults {
        let Some(code) = code(&fault.kind) else {
            continue;
        };
        if !reported.insert(code) {
            continue;
        }
        let more = entry
            .faults
            .iter()
            .filter(|other| self::code(&other.kind) == Some(code))
            .count() as u64
            - 1;
        let more = if more == 0 {
            String::new()
        } else {
            format!(" (and {more} more of this kind)")
        };
        let finding = case.about(entry, code, format!("{}{more}", message(fault)));
        let is_absent = matches!(
            fault.kind,
            FaultKind::ManifestAbsent | FaultKind::ConfigAbsent
        );
        let back = if is_absent && let Ok(digest) = fault.subject.parse() {
            case.return_from_trash([digest])
        } else {
            None
        };
        findings.push(
            finding
                .about(&fault.subject)
                .advised(back.map_or_else(|| advice(case, entry, fault), |back| vec![back])),
        );
    }
    findings
}

/// Reports documents that the store no longer holds, although they could be read: from the disk
/// cache of an earlier run.
fn vanished(case: &CheckCase<'_>, entry: &RefEntry) -> Option<Finding> {
    let is_reported = |blob: &Blob<'_>| {
        let name = blob.digest().to_string();
        entry.faults.iter().any(|fault| fault.subject == name)
    };
    let blob = reached(case, entry)
        .filter(|blob| case.vanished.contains(&blob.digest()))
        .find(|blob| !is_reported(blob))?;
    let (code, what) = match blob.role() {
        BlobRole::Manifest | BlobRole::Index => (Code::ManifestMissing, "manifest"),
        _ => (Code::ConfigMissing, "config"),
    };
    let message = format!("the {what} is not stored: a build cannot import this ref");
    Some(
        case.about(entry, code, message)
            .about(&blob.digest())
            .advised([case.renewal(entry)]),
    )
}

/// Returns the code of a fault; `None` for a state that is not a fault.
fn code(kind: &FaultKind) -> Option<Code> {
    Some(match kind {
        FaultKind::Withheld(_) => return None,
        FaultKind::NotADigest => Code::LayerNameInvalid,
        FaultKind::ManifestAbsent => Code::ManifestMissing,
        FaultKind::ManifestUnreadable(_) => Code::ManifestUnreadable,
        FaultKind::ConfigAbsent => Code::ConfigMissing,
        FaultKind::ConfigUnreadable(_) => Code::ConfigUnreadable,
        FaultKind::TooLargeToImport(_) => Code::TooLargeToImport,
        FaultKind::InlineSkipped(_) => Code::InlineSkipped,
        FaultKind::ConfigsPassedOver(_) => Code::ConfigPassedOver,
        FaultKind::Undescribed(..) => Code::LayerUndescribed,
        FaultKind::Refused(refusal) => match refusal {
            Refusal::LoopingRecord(_) => Code::RecordLoops,
            Refusal::NoSuchRecord { .. } => Code::LinkBroken,
            Refusal::EmptyInput(_) => Code::InputEmpty,
            Refusal::NoSuchLayer { .. } => Code::LayerOutOfRange,
            Refusal::UndescribedLayer(_) => Code::LayerUndescribed,
            Refusal::LoopingLayer { .. } => Code::LayerLoops,
            Refusal::OneOfSeveral => Code::CachesMerged,
        },
    })
}

fn message(fault: &DocumentFault) -> String {
    match &fault.kind {
        FaultKind::NotADigest => format!("the layer {} {}", fault.subject, fault.kind),
        FaultKind::TooLargeToImport(_) => format!("{} {}", fault.subject, fault.kind),
        FaultKind::ConfigsPassedOver(count) => format!(
            "it is an index of {} caches: BuildKit reads the last, and ignores the {}",
            count + 1,
            one_or(*count, "other", "others")
        ),
        FaultKind::Refused(Refusal::OneOfSeveral) => {
            "it is an index of cache manifests: BuildKit silently imports nothing from it"
                .to_owned()
        }
        kind => kind.to_string(),
    }
}

fn advice(case: &CheckCase<'_>, entry: &RefEntry, fault: &DocumentFault) -> Vec<FindingAdvice> {
    let replace_after =
        |lead: &str| vec![FindingAdvice::Before(lead.to_owned()), case.renewal(entry)];
    let only = |text: &str| vec![FindingAdvice::Text(text.to_owned())];
    match &fault.kind {
        FaultKind::ManifestUnreadable(_) | FaultKind::ConfigUnreadable(_)
            if case.subject.kind == StoreKind::Local
                && fault.read_failure == Some(ReadFailure::PermissionDenied) =>
        {
            only(
                "BuildKit may have written it as another user: run as that user, or change the \
                 permissions",
            )
        }
        // BuildKit's client writes the digest of the last exporter of a solve into the index of
        // every local one.
        FaultKind::ManifestAbsent if case.subject.kind == StoreKind::Local => replace_after(
            "a build with several cache exporters causes this if the last one wrote elsewhere: export to one cache per \
             build; to replace this ref, ",
        ),
        FaultKind::TooLargeToImport(_) => {
            replace_after("an export without an import drops the keys of earlier builds: ")
        }
        FaultKind::Refused(Refusal::OneOfSeveral) | FaultKind::ConfigsPassedOver(_) => only(
            "import each original ref with its own `--cache-from`: `imagetools create` joins images, not \
             caches",
        ),
        FaultKind::InlineSkipped(_) => only("build and push the image again with an inline cache"),
        FaultKind::Undescribed(..) => {
            replace_after("copying or converting a cache may drop the annotations: ")
        }
        // An export over a ref that is not a cache would destroy it.
        FaultKind::ManifestUnreadable(_) if entry.kind != RefKind::Cache => only(
            "inspect it with the tool that wrote it; no blob is deleted while it cannot be read",
        ),
        _ => vec![case.renewal(entry)],
    }
}

fn missing(
    case: &CheckCase<'_>,
    entry: &RefEntry,
    look: Option<&RefConfigFacts>,
) -> Option<Finding> {
    let blobs: Vec<Blob<'_>> = reached(case, entry)
        .filter(is_layer)
        .filter(Blob::is_missing)
        .collect();
    if let Some(finding) = behind_links(case, entry, &blobs) {
        return Some(finding);
    }
    let first = blobs.first()?;
    let (count, all) = (blobs.len() as u64, entry.reach.len());
    let bytes = blobs.iter().fold(0, |sum: u64, blob| {
        sum.saturating_add(blob.size().unwrap_or_default())
    });
    let are = one_or(count, "is", "are");
    let gone = format!(
        "{count} of its {} {are} not stored",
        counted(all as u64, "blob")
    );
    let finding = if case.subject.kind == StoreKind::Gha {
        let message = format!(
            "{gone}: builds run {} again, and fail with BuildKit before v0.26.0",
            steps(look, "the steps that need them")
        );
        case.about(entry, Code::BlobMissing, message)
            .weighing(Severity::Warning)
            .hint(
                "GitHub has evicted them; the next build that exports the scope writes them again",
            )
    } else {
        let message = format!("{gone}: builds that need {} fail", steps(look, "them"));
        let lead = "re-exporting will not fix this while the build also imports this cache: ";
        let advice = match case.return_from_trash(blobs.iter().map(Blob::digest)) {
            Some(back) => vec![back],
            None => vec![FindingAdvice::Before(lead.to_owned()), case.renewal(entry)],
        };
        case.about(entry, Code::BlobMissing, message)
            .advised(advice)
    };
    Some(finding.about(&first.digest()).costing(bytes))
}

/// Reports blobs of a local cache that are symbolic links. BuildKit follows them and cachelens does
/// not, so it does not know what content a build would read.
fn behind_links(case: &CheckCase<'_>, entry: &RefEntry, blobs: &[Blob<'_>]) -> Option<Finding> {
    if case.subject.kind != StoreKind::Local {
        return None;
    }
    let first = blobs.first()?;
    let links: HashSet<&str> = case
        .subject
        .inventory
        .unknown
        .iter()
        .filter(|object| object.kind == OtherKind::Symlink)
        .map(|object| object.name.as_str())
        .collect();
    let is_link = |blob: &Blob<'_>| {
        let digest = blob.digest();
        links.contains(format!("blobs/{}/{}", digest.algorithm(), digest.hex()).as_str())
    };
    if !blobs.iter().all(is_link) {
        return None;
    }
    let count = blobs.len() as u64;
    let message = format!(
        "{count} of its {} {}, which cachelens does not follow: whether builds find the content \
         there is unknown",
        counted(entry.reach.len() as u64, "blob"),
        one_or(count, "is a symbolic link", "are symbolic links"),
    );
    let finding = case
        .about(entry, Code::BlobMissing, message)
        .weighing(Severity::Warning)
        .hint("replace the links with the files to have them checked");
    Some(finding.about(&first.digest()))
}

fn resized(
    case: &CheckCase<'_>,
    entry: &RefEntry,
    look: Option<&RefConfigFacts>,
) -> Option<Finding> {
    let blobs: Vec<Blob<'_>> = reached(case, entry)
        .filter(is_layer)
        .filter(|blob| blob.is_stored() && blob.is_resized())
        .collect();
    let first = blobs.first()?;
    let (count, all) = (blobs.len() as u64, entry.reach.len() as u64);
    let bytes = blobs
        .iter()
        .fold(0, |sum: u64, blob| sum.saturating_add(blob.stored_size()));
    let message = format!(
        "{count} of its {} {} a size other than the one in the ref for {}: builds that need {} fail",
        counted(all, "blob"),
        one_or(count, "has", "have"),
        one_or(count, "it", "them"),
        steps(look, "them"),
    );
    let advice = if case.subject.kind == StoreKind::Local {
        FindingAdvice::Text(format!(
            "an interrupted copy causes this, and exporters skip a stored blob: delete blobs/{}/{}, then build \
             again without importing the refs that reference it",
            first.digest().algorithm(),
            first.digest().hex()
        ))
    } else {
        case.renewal(entry)
    };
    Some(
        case.about(entry, Code::BlobWrongSize, message)
            .about(&first.digest())
            .costing(bytes)
            .advised([advice]),
    )
}

/// Returns whether no other finding covers a blob: faults of documents have findings of their own.
fn is_layer(blob: &Blob<'_>) -> bool {
    matches!(
        blob.role(),
        BlobRole::Layer | BlobRole::Other | BlobRole::Unnamed
    )
}

/// Names the steps whose results cannot be loaded.
fn steps(look: Option<&RefConfigFacts>, otherwise: &str) -> String {
    let Some(look) = look.filter(|look| !look.broken_names.is_empty()) else {
        return otherwise.to_owned();
    };
    let shown: Vec<String> = look
        .broken_names
        .iter()
        .map(|name| one_line(name))
        .collect();
    listed(
        shown.iter().map(String::as_str),
        look.figures.broken,
        shown.len(),
    )
}

/// Reduces the name of a step to one line.
fn one_line(name: &str) -> String {
    const MOST: usize = 60;
    let words = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = visible(&words);
    let mut text: String = shown.chars().take(MOST).collect();
    if text.len() < shown.len() {
        text.push('…');
    }
    format!("`{text}`")
}

fn reached<'a>(case: &CheckCase<'a>, entry: &'a RefEntry) -> impl Iterator<Item = Blob<'a>> {
    let blobs = &case.subject.inventory.blobs;
    entry.reach.iter().map(|id| blobs.get(*id))
}

/// Reports documents that will soon be too large to import. Caches in S3 and on GitHub have no such
/// limit.
fn nearly_too_large(case: &CheckCase<'_>, entry: &RefEntry) -> Option<Finding> {
    if matches!(case.subject.kind, StoreKind::S3 | StoreKind::Gha) || entry.kind != RefKind::Cache {
        return None;
    }
    let is_read_whole = |blob: &Blob<'_>| {
        matches!(
            blob.role(),
            BlobRole::CacheConfig | BlobRole::Manifest | BlobRole::Index
        )
    };
    let largest = reached(case, entry)
        .filter(is_read_whole)
        .max_by_key(Blob::size)?;
    let size = largest.size()?;
    let limits = ImportLimits::newest();
    let limit = match largest.role() {
        BlobRole::CacheConfig => limits.config,
        _ => limits.manifest,
    };
    if size > limit || size * 100 < limit * NEAR_PERCENT {
        return None;
    }
    let what = largest.role().word();
    let limit = Size(limit);
    let message = format!(
        "its {what} uses {} of the {limit} that BuildKit can import: above that, builds get nothing from this ref",
        Size(size)
    );
    let hint =
        "export once from a build without `--cache-from`, which drops the keys of earlier builds";
    Some(
        case.about(entry, Code::NearImportLimit, message)
            .about(&largest.digest())
            .hint(hint),
    )
}

fn in_the_future(case: &CheckCase<'_>, entry: &RefEntry) -> Option<Finding> {
    let (time, AgeSource::CacheConfig) = entry.created? else {
        return None;
    };
    let ahead = ahead(case, time)?;
    let message = format!(
        "its newest result is dated {time:.0}, {ahead} from now: age rules keep it too long"
    );
    Some(
        case.about(entry, Code::FutureDate, message)
            .hint("correct the clock of the build machine"),
    )
}

/// Returns how far a time lies in the future, if it does.
pub(super) fn ahead(case: &CheckCase<'_>, time: Timestamp) -> Option<Age> {
    let ahead = time.duration_since(case.now);
    (ahead > TOLERANCE).then_some(Age(ahead))
}

fn empty(case: &CheckCase<'_>, entry: &RefEntry) -> Option<Finding> {
    let counts = entry
        .counts()
        .filter(|counts| entry.kind == RefKind::Cache && counts.results + counts.broken == 0)?;
    let message = if counts.records == 0 {
        "it is empty: an export without a result replaced its content".to_owned()
    } else {
        format!(
            "none of its {} has a result: builds that import it load nothing",
            counted(counts.records, "record")
        )
    };
    let hint = "export with mode=max, from a build whose steps ran or were loaded; an image whose stages all come from \
                elsewhere has nothing to export";
    Some(case.about(entry, Code::EmptyCache, message).hint(hint))
}

/// Reports a ref that was selected as a cache and is not one.
fn no_cache(case: &CheckCase<'_>, entry: &RefEntry) -> Option<Finding> {
    case.subject.only?;
    let message = match entry.kind {
        RefKind::Image => {
            "it is an image without a cache: a build that imports it silently gets nothing"
        }
        RefKind::Unknown if entry.withheld().is_none() => {
            "it is neither a cache nor an image: a build that imports it gets nothing"
        }
        _ => return None,
    };
    let hint = "export with --cache-to type=inline, or to a separate ref with type=registry";
    Some(case.about(entry, Code::NoCache, message).hint(hint))
}
