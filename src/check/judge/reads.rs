//! Blobs that were read: whether their bytes match their digests.

use std::collections::BTreeMap;

use super::CheckCase;
use crate::check::verify::{BlobFault, ReadBlobs};
use crate::check::words::{counted, listed, one_or};
use crate::check::{Code, Finding, FindingAdvice, Severity};
use crate::inventory::blobs::BlobId;
use crate::inventory::{RefEntry, RefId};
use crate::source::StoreKind;
use crate::text::escape::visible;

/// The maximum number of refs to list for a blob.
const MOST_REFS: usize = 3;

pub(super) fn judge(case: &CheckCase<'_>, read: &ReadBlobs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut absent: BTreeMap<RefId, Vec<BlobId>> = BTreeMap::new();
    let mut unreadable: Option<(BlobId, &str, u64)> = None;
    for (id, fault) in &read.faults {
        match fault {
            BlobFault::WrongBytes => findings.push(wrong(case, *id)),
            BlobFault::Absent => {
                if let Some((first, _)) = case.subject.inventory.refs_of(*id).next() {
                    absent.entry(first).or_default().push(*id);
                }
            }
            BlobFault::Unreadable(why) => match &mut unreadable {
                Some((_, _, count)) => *count += 1,
                None => unreadable = Some((*id, why, 1)),
            },
        }
    }
    findings.extend(
        absent
            .iter()
            .filter_map(|(of, blobs)| gone(case, case.subject.inventory.get_ref(*of)?, blobs)),
    );
    findings.extend(unreadable.map(|(first, why, count)| {
        let message = format!(
            "{} could not be read: {}",
            counted(count, "blob"),
            visible(why)
        );
        let digest = case.subject.inventory.blobs.get(first).digest();
        let hint = "their bytes were not verified; check again when the store responds";
        case.finding(Code::BlobUnreadable, message)
            .about(&digest)
            .hint(hint)
    }));
    findings
}

fn wrong(case: &CheckCase<'_>, id: BlobId) -> Finding {
    let blob = case.subject.inventory.blobs.get(id);
    let refs: Vec<&RefEntry> = case
        .subject
        .inventory
        .refs_of(id)
        .map(|(_, entry)| entry)
        .collect();
    let names: Vec<_> = refs.iter().map(|entry| visible(&entry.name)).collect();
    let some = listed(
        names.iter().map(AsRef::as_ref),
        names.len() as u64,
        MOST_REFS,
    );
    let message =
        format!("the blob's bytes do not match its digest: builds that need it from {some} fail");
    let digest = blob.digest();
    let advice = match (case.subject.kind, refs.first()) {
        (StoreKind::Local, _) => vec![FindingAdvice::Text(format!(
            "delete blobs/{}/{}, because exporters skip a stored blob; then build again without importing the refs",
            digest.algorithm(),
            digest.hex()
        ))],
        (_, Some(entry)) => {
            let lead = "delete the blob, because exporters skip a stored one; then ";
            vec![FindingAdvice::Before(lead.to_owned()), case.renewal(entry)]
        }
        (_, None) => vec![FindingAdvice::Text("delete the blob".to_owned())],
    };
    let finding = case
        .finding(Code::BlobWrongBytes, message)
        .about(&digest)
        .costing(blob.stored_size())
        .advised(advice);
    match refs.first() {
        Some(entry) => finding.of_ref(&entry.name),
        None => finding,
    }
}

/// Reports blobs whose absence showed only on reading, as in a store without a listing.
fn gone(case: &CheckCase<'_>, entry: &RefEntry, blobs: &[BlobId]) -> Option<Finding> {
    let first = case.subject.inventory.blobs.get(*blobs.first()?);
    let bytes = blobs.iter().map(|id| {
        case.subject
            .inventory
            .blobs
            .get(*id)
            .size()
            .unwrap_or_default()
    });
    let bytes = bytes.fold(0_u64, u64::saturating_add);
    let count = blobs.len() as u64;
    let message = format!(
        "{} cannot be fetched because the store does not hold {them}: builds that need {them} fail",
        counted(count, "blob"),
        them = one_or(count, "it", "them")
    );
    let finding = case
        .about(entry, Code::BlobMissing, message)
        .about(&first.digest())
        .costing(bytes);
    let finding = if case.subject.kind == StoreKind::Gha {
        finding.weighing(Severity::Warning)
    } else {
        finding
    };
    Some(finding.advised([case.renewal(entry)]))
}
