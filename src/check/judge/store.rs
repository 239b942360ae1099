//! The store as a whole: waste, dangers, and what could not be looked at.

use jiff::Timestamp;

use super::Desk;
use super::refs::ahead;
use crate::check::words::{counted, one_or};
use crate::check::{Code, Finding, lifecycle};
use crate::format::text::visible;
use crate::inventory::blobs::Blob;
use crate::inventory::{StoreWarning, Tally};
use crate::source::{Location, S3Location};
use crate::units::Age;

pub(super) fn judge(desk: &Desk<'_>) -> Vec<Finding> {
    let mut findings = waste(desk);
    findings.extend(no_refs(desk));
    findings.extend(desk.subject.inventory.warnings.iter().filter_map(|warning| heeded(desk, warning)));
    findings.extend(written_in_the_future(desk));
    if let Some(bucket) = &desk.subject.inventory.bucket {
        findings.extend(lifecycle::audit(desk.subject.source, bucket).findings);
    }
    if let Some(Location::S3(s3)) = desk.subject.location {
        findings.extend(prefix(desk, s3));
    }
    findings
}

fn waste(desk: &Desk<'_>) -> Vec<Finding> {
    let (inventory, totals) = (desk.subject.inventory, desk.subject.inventory.totals());
    let mut findings = Vec::new();
    let free = match desk.subject.kind {
        "demo" => "nothing can be deleted from the demo".to_owned(),
        _ => format!("`{}` shows what would go", desk.command("prune", "--orphans-only")),
    };
    // Former indexes count as orphans, and have a finding of their own.
    let orphan = totals.orphan.map(|orphan| Tally {
        count: orphan.count - totals.superseded.count.min(orphan.count),
        bytes: orphan.bytes.saturating_sub(totals.superseded.bytes),
    });
    if let Some(orphan) = orphan.filter(|orphan| orphan.count > 0) {
        let reach = one_or(
            orphan.count,
            "is reached from no ref: no build uses it",
            "are reached from no ref: no build uses them",
        );
        let message = format!("{} {reach}", counted(orphan.count, "blob"));
        findings.push(desk.finding(Code::Orphans, message).costing(orphan.bytes).hint(free.clone()));
    }
    if totals.superseded.count > 0 {
        let count = totals.superseded.count;
        let message = format!(
            "{} superseded by newer ones: no build imports {}",
            one_or(count, "1 index is", &format!("{count} indexes are")),
            one_or(count, "it", "them")
        );
        findings
            .push(desk.finding(Code::SupersededIndexes, message).costing(totals.superseded.bytes).hint(free.clone()));
    }
    if totals.partial.count > 0 {
        let oldest = inventory.partial.iter().filter_map(|object| object.modified).min();
        let oldest = oldest.map_or_else(String::new, |oldest| format!(", the oldest begun {}", age(desk, oldest)));
        let count = totals.partial.count;
        let message = format!("{} not finished{oldest}", one_or(count, "1 upload is", &format!("{count} uploads are")));
        let hint = format!("{free}; a build may still be at a young one");
        findings.push(desk.finding(Code::UnfinishedUploads, message).costing(totals.partial.bytes).hint(hint));
    }
    if totals.trash.count > 0 {
        let message = format!("{} in the trash of earlier prunes", counted(totals.trash.count, "object"));
        let hint = "a later prune empties it, once its time is over; until then `prune --undo` brings it back";
        findings.push(desk.finding(Code::Trash, message).costing(totals.trash.bytes).hint(hint));
    }
    findings
}

/// Tells of a place where builds find nothing, and are not told: S3, GitHub and a directory without the tag all import
/// an empty cache then.
fn no_refs(desk: &Desk<'_>) -> Option<Finding> {
    let inventory = desk.subject.inventory;
    if !inventory.refs.is_empty() || !inventory.is_complete() {
        return None;
    }
    let elsewhere = inventory.warnings.iter().find(|warning| matches!(warning, StoreWarning::Elsewhere(_)));
    let message = elsewhere.map_or_else(
        || "no ref names anything here: a build that imports from it gets nothing, and is not told".to_owned(),
        |warning| format!("{warning}: a build that imports from here gets nothing, and is not told"),
    );
    let hint = match desk.subject.kind {
        "s3" => "look at the bucket, the prefix and its slash: keys are put together without one",
        _ => "is this the place that builds export to?",
    };
    Some(desk.finding(Code::NoRefs, message).hint(hint))
}

fn age(desk: &Desk<'_>, then: Timestamp) -> String {
    Age::between(then, desk.now).ago().to_string()
}

fn heeded(desk: &Desk<'_>, warning: &StoreWarning) -> Option<Finding> {
    match warning {
        StoreWarning::KeepsChanging => {
            let hint = "check again when no build exports to it";
            Some(desk.finding(Code::KeepsChanging, warning.to_string()).hint(hint))
        }
        StoreWarning::DuplicateName { name, .. } => {
            let hint =
                "the others are kept from being orphans by nothing but their entries: delete those that no build needs";
            Some(desk.finding(Code::DuplicateName, warning.to_string()).of_ref(name).hint(hint))
        }
        // What is not listed has its place among what was not checked, and where other caches lie belongs to there being
        // none here; reading is no finding.
        StoreWarning::Unlisted(_) | StoreWarning::Touched(_) | StoreWarning::Elsewhere(_) => None,
    }
}

fn written_in_the_future(desk: &Desk<'_>) -> Option<Finding> {
    let times = desk.subject.inventory.blobs.iter().filter(Blob::is_stored).filter_map(|blob| blob.modified());
    let (mut count, mut latest) = (0, None);
    for time in times.filter(|time| ahead(desk, *time).is_some()) {
        (count, latest) = (count + 1, latest.max(Some(time)));
    }
    let ahead = ahead(desk, latest?)?;
    let message = format!(
        "{} written up to {ahead} from now: the clock of the store or of this machine is wrong, and graces count on both",
        one_or(count, "1 blob was", &format!("{count} blobs were"))
    );
    Some(desk.finding(Code::FutureDate, message).hint("set the clocks before a prune"))
}

/// Tells of prefixes that run into what comes after them: BuildKit puts keys together without a slash
/// (`cache/remotecache/s3/s3.go`).
fn prefix(desk: &Desk<'_>, s3: &S3Location) -> Vec<Finding> {
    let prefixes = [
        ("prefix", &s3.prefix, &s3.blobs_prefix),
        ("manifests_prefix", &s3.manifests_prefix, &"NAME".to_owned()),
        ("blobs_prefix", &s3.blobs_prefix, &"sha256:…".to_owned()),
    ];
    let run_in = prefixes.iter().filter(|(_, prefix, _)| !prefix.is_empty() && !prefix.ends_with('/'));
    let finding = |(name, prefix, next): &(&str, &String, &String)| {
        let (prefix, next) = (visible(prefix), visible(next));
        let message = format!("the {name} `{prefix}` does not end with a slash: its keys begin with `{prefix}{next}`");
        let hint =
            format!("when that is not meant, export and import with {name}={prefix}/; the cache begins anew there");
        desk.finding(Code::PrefixWithoutSlash, message).about(&prefix).hint(hint)
    };
    run_in.map(finding).collect()
}

/// Tells what could not be looked at, so that nobody takes silence for health.
pub(super) fn unchecked(desk: &Desk<'_>) -> Vec<Finding> {
    let inventory = desk.subject.inventory;
    let mut findings = Vec::new();
    if let Some(why) = inventory.unlisted
        && desk.subject.only.is_none()
    {
        let message = format!("whether blobs lie there that no ref names is not known: {}", visible(why));
        let hint = "the registry's own garbage collection frees what nothing names";
        findings.push(desk.finding(Code::NotChecked, message).hint(hint));
    }
    if inventory.unlisted.is_some() && !inventory.asked_for_each && !inventory.refs.is_empty() {
        let message = "whether the blobs that the refs name are there was not asked, which takes a request for each";
        findings.push(desk.finding(Code::NotChecked, message).hint("ask for each with --verify-blobs"));
    }
    let sealed: Vec<(&str, &str)> = desk
        .subject
        .refs()
        .into_iter()
        .filter_map(|id| inventory.get_ref(id))
        .filter_map(|entry| Some((entry.name.as_str(), entry.sealed()?)))
        .collect();
    if let Some((name, why)) = sealed.first() {
        let count = sealed.len() as u64;
        let message = format!(
            "what {} cannot be known here: {}",
            one_or(count, "1 ref names", &format!("{count} refs name")),
            visible(why)
        );
        let hint = "inside a job, with the runtime token, indexes can be read";
        let finding = desk.finding(Code::NotChecked, message).hint(hint);
        findings.push(if count == 1 { finding.of_ref(name) } else { finding });
    }
    if inventory.has_unreadable_ref() && !inventory.is_sealed() && desk.subject.only.is_none() {
        let message = "which blobs are orphans is not known while a ref cannot be read: it may name any of them";
        findings.push(
            desk.finding(Code::NotChecked, message)
                .hint("export to that ref again, or take its name out by hand: what cannot be read is never deleted"),
        );
    }
    for warning in &inventory.warnings {
        if let StoreWarning::Unlisted(folder) = warning {
            let hint = "run as a user who may read it";
            findings.push(desk.finding(Code::NotChecked, warning.to_string()).about(folder).hint(hint));
        }
    }
    if !inventory.is_complete() {
        let message = "the scan was stopped before everything was listed: more may be wrong";
        findings.push(desk.finding(Code::NotChecked, message).hint("scan again"));
    }
    if let Some(bucket) = inventory.bucket.as_ref().filter(|_| desk.subject.only.is_none()) {
        // The audit of the rules says itself when it cannot judge them.
        for (what, why) in bucket.not_known().filter(|(what, _)| *what != "lifecycle rules") {
            findings.push(desk.finding(Code::NotChecked, format!("{what}: not known, for {}", visible(why))));
        }
    }
    if let Some(around) = &inventory.around {
        findings.extend(
            around
                .unknown
                .iter()
                .map(|unknown| desk.finding(Code::NotChecked, format!("not known: {}", visible(unknown)))),
        );
    }
    findings
}
