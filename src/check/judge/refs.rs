//! Refs: whether a build can import them.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Desk, TOLERANCE};
use crate::check::look::Look;
use crate::check::words::{counted, listed, one_or};
use crate::check::{Code, Finding, Severity};
use crate::format::cache_config::import::Refusal;
use crate::format::manifest::IMPORT_LIMIT;
use crate::format::text::visible;
use crate::inventory::blobs::{Blob, BlobRole};
use crate::inventory::{AgeSource, DocumentFault, FaultKind, RefEntry, RefKind};
use crate::units::{Age, Size};

/// From this part of the import limit on, somebody is told.
const NEAR_PERCENT: u64 = 80;

pub(super) fn judge(desk: &Desk<'_>, entry: &RefEntry, look: Option<&Look>) -> Vec<Finding> {
    let mut findings = faults(desk, entry);
    // What has not been listed yet is not missing.
    if entry.sealed().is_none() && desk.subject.inventory.is_complete() {
        findings.extend(missing(desk, entry, look));
        findings.extend(resized(desk, entry, look));
    }
    findings.extend(nearly_too_large(desk, entry));
    findings.extend(in_the_future(desk, entry));
    if findings.is_empty() {
        findings.extend(empty(desk, entry));
        findings.extend(no_cache(desk, entry));
    }
    findings
}

/// Turns what the scan found wrong with documents into findings: of each kind one, however many documents there are.
fn faults(desk: &Desk<'_>, entry: &RefEntry) -> Vec<Finding> {
    let mut told = HashSet::new();
    let mut findings = Vec::new();
    for fault in &entry.faults {
        let Some(code) = code(&fault.kind) else { continue };
        if !told.insert(code) {
            continue;
        }
        let more = entry.faults.iter().filter(|other| self::code(&other.kind) == Some(code)).count() as u64 - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more of this kind)") };
        let finding = desk.about(entry, code, format!("{}{more}", message(fault)));
        let is_absent = matches!(fault.kind, FaultKind::ManifestAbsent | FaultKind::ConfigAbsent);
        let back = fault.subject.parse().ok().filter(|_| is_absent).and_then(|digest| desk.return_from_trash([digest]));
        findings.push(finding.about(&fault.subject).hint(back.unwrap_or_else(|| hint(desk, entry, &fault.kind))));
    }
    findings
}

/// Returns the kind of a fault; none for what is nobody's fault.
fn code(kind: &FaultKind) -> Option<Code> {
    Some(match kind {
        FaultKind::Sealed(_) => return None,
        FaultKind::NotADigest => Code::LayerNameInvalid,
        FaultKind::ManifestAbsent => Code::ManifestMissing,
        FaultKind::ManifestUnreadable(_) => Code::ManifestUnreadable,
        FaultKind::ConfigAbsent => Code::ConfigMissing,
        FaultKind::ConfigUnreadable(_) => Code::ConfigUnreadable,
        FaultKind::TooLargeToImport(_) => Code::TooLargeToImport,
        FaultKind::InlineSkipped(_) => Code::InlineSkipped,
        FaultKind::Refused(refusal) => match refusal {
            Refusal::LoopingRecord(_) => Code::RecordLoops,
            Refusal::NoSuchRecord { .. } => Code::LinkBroken,
            Refusal::EmptyInput(_) => Code::InputEmpty,
            Refusal::NoSuchLayer { .. } => Code::LayerOutOfRange,
            Refusal::UndescribedLayer(_) => Code::LayerUndescribed,
            Refusal::LoopingLayer { .. } => Code::LayerLoops,
        },
    })
}

fn message(fault: &DocumentFault) -> String {
    match &fault.kind {
        FaultKind::NotADigest => format!("the layer {} {}", fault.subject, fault.kind),
        FaultKind::TooLargeToImport(_) => format!("{} {}", fault.subject, fault.kind),
        kind => kind.to_string(),
    }
}

fn hint(desk: &Desk<'_>, entry: &RefEntry, kind: &FaultKind) -> String {
    match kind {
        // BuildKit's client writes the digest of the last exporter of a solve into the index of every local one.
        FaultKind::ManifestAbsent if desk.subject.kind == "local" => format!(
            "a build with several cache exporters leaves this, when the last of them wrote elsewhere: export to one cache a \
             build; here, {}",
            desk.renewal(entry)
        ),
        FaultKind::TooLargeToImport(_) => format!(
            "fewer records fit, and an export without an import drops the keys of former builds: {}",
            desk.renewal(entry)
        ),
        FaultKind::InlineSkipped(_) => "build and push the image again with an inline cache".to_owned(),
        _ => desk.renewal(entry),
    }
}

fn missing(desk: &Desk<'_>, entry: &RefEntry, look: Option<&Look>) -> Option<Finding> {
    let blobs: Vec<Blob<'_>> = reached(desk, entry).filter(is_layer).filter(|blob| !blob.is_stored()).collect();
    let first = blobs.first()?;
    let (count, all) = (blobs.len() as u64, entry.reach.len());
    let bytes = blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size().unwrap_or_default()));
    let are = one_or(count, "is", "are");
    let gone = format!("{count} of its {} {are} not stored", counted(all as u64, "blob"));
    let finding = if desk.subject.kind == "gha" {
        let message = format!("{gone}: builds run again {}", steps(look, "what they led to"));
        desk.about(entry, Code::BlobMissing, message)
            .weighing(Severity::Warning)
            .hint("GitHub has evicted them; the next build that exports the scope writes them again")
    } else {
        let message = format!("{gone}: a build fails that needs {}", steps(look, "them"));
        let hint = desk
            .return_from_trash(blobs.iter().map(Blob::digest))
            .unwrap_or_else(|| format!("no later export mends it while it imports from here: {}", desk.renewal(entry)));
        desk.about(entry, Code::BlobMissing, message).hint(hint)
    };
    Some(finding.about(&first.digest()).costing(bytes))
}

fn resized(desk: &Desk<'_>, entry: &RefEntry, look: Option<&Look>) -> Option<Finding> {
    let blobs: Vec<Blob<'_>> =
        reached(desk, entry).filter(is_layer).filter(|blob| blob.is_stored() && blob.is_resized()).collect();
    let first = blobs.first()?;
    let (count, all) = (blobs.len() as u64, entry.reach.len() as u64);
    let bytes = blobs.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.stored_size()));
    let message = format!(
        "{count} of its {} {} another size than the one by which the ref names {}: a build fails that needs {}",
        counted(all, "blob"),
        one_or(count, "has", "have"),
        one_or(count, "it", "them"),
        steps(look, "them"),
    );
    let hint = if desk.subject.kind == "local" {
        format!(
            "an interrupted copy leaves this, and exporters skip a blob that is there: delete it at blobs/{}/{}, then build \
             again without importing the refs that name it",
            first.digest().algorithm(),
            first.digest().hex()
        )
    } else {
        desk.renewal(entry)
    };
    Some(desk.about(entry, Code::BlobWrongSize, message).about(&first.digest()).costing(bytes).hint(hint))
}

/// Tells whether nothing else has told of a blob: what is wrong with a document has a finding of its own.
fn is_layer(blob: &Blob<'_>) -> bool {
    matches!(blob.role(), BlobRole::Layer | BlobRole::Other | BlobRole::Unnamed)
}

/// Names the steps whose results cannot be loaded.
fn steps(look: Option<&Look>, otherwise: &str) -> String {
    let Some(look) = look.filter(|look| !look.broken_names.is_empty()) else { return otherwise.to_owned() };
    let shown: Vec<String> = look.broken_names.iter().map(|name| one_line(name)).collect();
    listed(shown.iter().map(String::as_str), look.broken, shown.len())
}

/// Makes the name of a step fit for a sentence.
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

fn reached<'a>(desk: &Desk<'a>, entry: &'a RefEntry) -> impl Iterator<Item = Blob<'a>> {
    let blobs = &desk.subject.inventory.blobs;
    entry.reach.iter().map(|id| blobs.get(*id))
}

/// Tells of documents that will soon be too large to import. Caches in S3 and at GitHub have no such limit.
fn nearly_too_large(desk: &Desk<'_>, entry: &RefEntry) -> Option<Finding> {
    if matches!(desk.subject.kind, "s3" | "gha") || entry.kind != RefKind::Cache {
        return None;
    }
    let is_read_whole =
        |blob: &Blob<'_>| matches!(blob.role(), BlobRole::CacheConfig | BlobRole::Manifest | BlobRole::Index);
    let largest = reached(desk, entry).filter(is_read_whole).max_by_key(Blob::size)?;
    let size = largest.size()?;
    if size > IMPORT_LIMIT || size * 100 < IMPORT_LIMIT * NEAR_PERCENT {
        return None;
    }
    let (what, limit) = (largest.role().word(), Size(IMPORT_LIMIT));
    let message = format!(
        "its {what} takes {} of the {limit} that BuildKit imports: beyond that, builds get nothing from this ref",
        Size(size)
    );
    let hint = "leave `--cache-from` out of one build that exports, which drops the keys of former builds";
    Some(desk.about(entry, Code::NearImportLimit, message).about(&largest.digest()).hint(hint))
}

fn in_the_future(desk: &Desk<'_>, entry: &RefEntry) -> Option<Finding> {
    let (time, AgeSource::CacheConfig) = entry.created? else { return None };
    let ahead = ahead(desk, time)?;
    let message =
        format!("its newest result is dated {time:.0}, {ahead} from now: rules that go by age keep it too long");
    Some(desk.about(entry, Code::FutureDate, message).hint("set the clock of the machine that builds"))
}

/// Returns how far a time lies in the future, if it does.
pub(super) fn ahead(desk: &Desk<'_>, time: Timestamp) -> Option<Age> {
    let ahead = time.duration_since(desk.now);
    (ahead > TOLERANCE).then_some(Age(ahead))
}

fn empty(desk: &Desk<'_>, entry: &RefEntry) -> Option<Finding> {
    let counts = entry.counts().filter(|counts| entry.kind == RefKind::Cache && counts.results + counts.broken == 0)?;
    let message = if counts.records == 0 {
        "it holds nothing: an export without a result replaced what was there".to_owned()
    } else {
        format!("none of its {} has a result: builds that import it load nothing", counted(counts.records, "record"))
    };
    let hint = "export with mode=max, from a build whose steps ran or were loaded; an image whose stages all come from \
                elsewhere has nothing to export";
    Some(desk.about(entry, Code::EmptyCache, message).hint(hint))
}

/// Tells of a ref that is named as a cache and is none.
fn no_cache(desk: &Desk<'_>, entry: &RefEntry) -> Option<Finding> {
    desk.subject.only?;
    let message = match entry.kind {
        RefKind::Image => "it is an image without a cache: a build that imports it gets nothing, and is not told",
        RefKind::Unknown if entry.sealed().is_none() => {
            "it is neither a cache nor an image: a build that imports it gets nothing"
        }
        _ => return None,
    };
    let hint = "export with --cache-to type=inline, or to a ref of its own with type=registry";
    Some(desk.about(entry, Code::NoCache, message).hint(hint))
}
