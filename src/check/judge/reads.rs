//! Blobs that were read: whether they hold what their digests name.

use std::collections::BTreeMap;

use super::Desk;
use crate::check::verify::{BlobFault, ReadBlobs};
use crate::check::words::{counted, listed, one_or};
use crate::check::{Code, Finding, Severity};
use crate::format::text::visible;
use crate::inventory::blobs::BlobId;
use crate::inventory::{RefEntry, RefId};

/// So many refs are named that a blob is part of.
const MOST_REFS: usize = 3;

pub(super) fn judge(desk: &Desk<'_>, read: &ReadBlobs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut absent: BTreeMap<RefId, Vec<BlobId>> = BTreeMap::new();
    let mut unreadable: Option<(BlobId, &str, u64)> = None;
    for (id, fault) in &read.faults {
        match fault {
            BlobFault::WrongBytes => findings.push(wrong(desk, *id)),
            BlobFault::Absent => {
                if let Some((first, _)) = desk.subject.inventory.refs_of(*id).next() {
                    absent.entry(first).or_default().push(*id);
                }
            }
            BlobFault::Unreadable(why) => match &mut unreadable {
                Some((_, _, count)) => *count += 1,
                None => unreadable = Some((*id, why, 1)),
            },
        }
    }
    findings.extend(absent.iter().filter_map(|(of, blobs)| gone(desk, desk.subject.inventory.get_ref(*of)?, blobs)));
    findings.extend(unreadable.map(|(first, why, count)| {
        let message = format!("{} could not be read: {}", counted(count, "blob"), visible(why));
        let digest = desk.subject.inventory.blobs.get(first).digest();
        let hint = "nothing is known of their bytes; when the store answers again, check again";
        desk.finding(Code::BlobUnreadable, message).about(&digest).hint(hint)
    }));
    findings
}

fn wrong(desk: &Desk<'_>, id: BlobId) -> Finding {
    let blob = desk.subject.inventory.blobs.get(id);
    let refs: Vec<&RefEntry> = desk.subject.inventory.refs_of(id).map(|(_, entry)| entry).collect();
    let names: Vec<_> = refs.iter().map(|entry| visible(&entry.name)).collect();
    let some = listed(names.iter().map(AsRef::as_ref), names.len() as u64, MOST_REFS);
    let message = format!("the blob's bytes are not those that its digest names: builds fail that need it from {some}");
    let digest = blob.digest();
    let hint = match (desk.subject.kind, refs.first()) {
        ("local", _) => format!(
            "delete it at blobs/{}/{}, for exporters skip a blob that is there; then build again without importing the refs",
            digest.algorithm(),
            digest.hex()
        ),
        (_, Some(entry)) => {
            format!("delete the blob, for exporters skip one that is there; then {}", desk.renewal(entry))
        }
        (_, None) => "delete the blob".to_owned(),
    };
    let finding = desk.finding(Code::BlobWrongBytes, message).about(&digest).costing(blob.stored_size()).hint(hint);
    match refs.first() {
        Some(entry) => finding.of_ref(&entry.name),
        None => finding,
    }
}

/// Tells of blobs that turned out not to be there only when they were to be read, as in a store that lists nothing.
fn gone(desk: &Desk<'_>, entry: &RefEntry, blobs: &[BlobId]) -> Option<Finding> {
    let first = desk.subject.inventory.blobs.get(*blobs.first()?);
    let bytes = blobs.iter().map(|id| desk.subject.inventory.blobs.get(*id).size().unwrap_or_default());
    let bytes = bytes.fold(0_u64, u64::saturating_add);
    let count = blobs.len() as u64;
    let message = format!(
        "{} cannot be fetched, for the store does not hold {them}: builds fail that need {them}",
        counted(count, "blob"),
        them = one_or(count, "it", "them")
    );
    let finding = desk.about(entry, Code::BlobMissing, message).about(&first.digest()).costing(bytes);
    let finding = if desk.subject.kind == "gha" { finding.weighing(Severity::Warning) } else { finding };
    Some(finding.hint(desk.renewal(entry)))
}
