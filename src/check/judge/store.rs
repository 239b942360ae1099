//! The store as a whole: waste, risks, and parts that could not be checked.

use jiff::Timestamp;

use super::CheckCase;
use super::refs::ahead;
use crate::backend::WithheldReason;
use crate::check::words::{counted, one_or};
use crate::check::{Code, Finding, lifecycle};
use crate::inventory::StoreWarning;
use crate::inventory::blobs::Blob;
use crate::source::{S3Location, SourceLocation, StoreKind};
use crate::text::escape::visible;
use crate::text::units::Age;

pub(super) fn judge(case: &CheckCase<'_>) -> Vec<Finding> {
    let mut findings = waste(case);
    findings.extend(no_refs(case));
    findings.extend(
        case.subject
            .inventory
            .warnings
            .iter()
            .filter_map(|warning| finding_of_warning(case, warning)),
    );
    findings.extend(written_in_the_future(case));
    if let Some(bucket) = case.subject.inventory.surroundings.bucket() {
        findings.extend(lifecycle::audit(case.subject.source, bucket).findings);
    }
    if let Some(SourceLocation::S3(s3)) = case.subject.location {
        findings.extend(prefix(case, s3));
    }
    findings
}

fn waste(case: &CheckCase<'_>) -> Vec<Finding> {
    let free = match case.subject.kind {
        StoreKind::Demo => {
            "`cachelens demo` opens a copy of it, in which `p` plans a prune".to_owned()
        }
        _ => format!(
            "`{}` shows the plan",
            case.command("prune", "--orphans-only")
        ),
    };
    let findings = [
        orphans(case, &free),
        superseded(case, &free),
        unfinished(case, &free),
        trash(case),
    ];
    findings.into_iter().flatten().collect()
}

fn orphans(case: &CheckCase<'_>, free: &str) -> Option<Finding> {
    let totals = case.subject.inventory.totals();
    let orphan = totals.orphan?;
    // Former indexes count as orphans, but have a finding of their own.
    let count = orphan.count - totals.superseded.count.min(orphan.count);
    let bytes = orphan.bytes.saturating_sub(totals.superseded.bytes);
    if count == 0 {
        return None;
    }
    let reach = one_or(
        count,
        "is not reached by any ref: no build uses it",
        "are not reached by any ref: no build uses them",
    );
    let message = format!("{} {reach}", counted(count, "blob"));
    let finding = case.finding(Code::Orphans, message);
    Some(finding.costing(bytes).hint(free))
}

fn superseded(case: &CheckCase<'_>, free: &str) -> Option<Finding> {
    let superseded = case.subject.inventory.totals().superseded;
    if superseded.count == 0 {
        return None;
    }
    let count = superseded.count;
    let message = format!(
        "{} superseded by newer ones: no build imports {}",
        one_or(count, "1 index is", &format!("{count} indexes are")),
        one_or(count, "it", "them")
    );
    let finding = case.finding(Code::SupersededIndexes, message);
    Some(finding.costing(superseded.bytes).hint(free))
}

fn unfinished(case: &CheckCase<'_>, free: &str) -> Option<Finding> {
    let inventory = case.subject.inventory;
    let partial = inventory.totals().partial;
    if partial.count == 0 {
        return None;
    }
    let times = inventory
        .partial
        .iter()
        .filter_map(|object| object.modified);
    let oldest = times.min().map_or_else(String::new, |oldest| {
        format!(", the oldest begun {}", age(case, oldest))
    });
    let count = partial.count;
    let message = format!(
        "{} not finished{oldest}",
        one_or(count, "1 upload is", &format!("{count} uploads are"))
    );
    let hint = format!("{free}; a build may still be writing a recent one");
    let finding = case.finding(Code::UnfinishedUploads, message);
    Some(finding.costing(partial.bytes).hint(hint))
}

fn trash(case: &CheckCase<'_>) -> Option<Finding> {
    let trash = case.subject.inventory.totals().trash;
    if trash.count == 0 {
        return None;
    }
    let objects = counted(trash.count, "object");
    let message = format!("{objects} in the trash of earlier prunes");
    let hint = "a later prune empties it after the grace; until then `prune --undo` restores it";
    let finding = case.finding(Code::Trash, message);
    Some(finding.costing(trash.bytes).hint(hint))
}

/// Reports a location in which builds silently find nothing: S3, GitHub and a directory without the
/// tag all import an empty cache then.
fn no_refs(case: &CheckCase<'_>) -> Option<Finding> {
    let inventory = case.subject.inventory;
    if !inventory.refs.is_empty() || !inventory.is_complete() {
        return None;
    }
    let elsewhere = inventory
        .warnings
        .iter()
        .find(|warning| matches!(warning, StoreWarning::Elsewhere(_)));
    let message = elsewhere.map_or_else(
        || "there is no ref here: a build that imports from it silently gets nothing".to_owned(),
        |warning| format!("{warning}: a build that imports from here silently gets nothing"),
    );
    let hint = match case.subject.kind {
        StoreKind::S3 => {
            "check the bucket, the prefix and its final slash: BuildKit joins keys without adding one"
        }
        _ => "check that builds export to this place",
    };
    Some(case.finding(Code::NoRefs, message).hint(hint))
}

fn age(case: &CheckCase<'_>, then: Timestamp) -> String {
    Age::between(then, case.now).ago().to_string()
}

fn finding_of_warning(case: &CheckCase<'_>, warning: &StoreWarning) -> Option<Finding> {
    match warning {
        StoreWarning::KeepsChanging => {
            let hint = "check again while no build exports to it";
            Some(
                case.finding(Code::KeepsChanging, warning.to_string())
                    .hint(hint),
            )
        }
        StoreWarning::DuplicateName { name, .. } => {
            let hint = "only their entries keep the others from being orphans: delete the ones that no build needs";
            Some(
                case.finding(Code::DuplicateName, warning.to_string())
                    .of_ref(name)
                    .hint(hint),
            )
        }
        StoreWarning::WithoutManifest(name) => {
            let hint = "export to it again, or delete the tag with the registry's own tools";
            let finding = case.finding(Code::ManifestMissing, warning.to_string());
            Some(finding.of_ref(name).hint(hint))
        }
        // Unlisted parts are reported as not checked. Other caches nearby are part of the finding
        // that no cache is here. A read that counts as a use is not a finding.
        StoreWarning::Part(_)
        | StoreWarning::Unlisted(_)
        | StoreWarning::Touched(_)
        | StoreWarning::Elsewhere(_) => None,
    }
}

fn written_in_the_future(case: &CheckCase<'_>) -> Option<Finding> {
    let times = case
        .subject
        .inventory
        .blobs
        .iter()
        .filter(Blob::is_stored)
        .filter_map(|blob| blob.modified());
    let (mut count, mut latest) = (0, None);
    for time in times.filter(|time| ahead(case, *time).is_some()) {
        (count, latest) = (count + 1, latest.max(Some(time)));
    }
    let ahead = ahead(case, latest?)?;
    let message = format!(
        "{} written up to {ahead} from now: the clock of the store or of this machine is wrong, and the grace relies on both",
        one_or(count, "1 blob was", &format!("{count} blobs were"))
    );
    Some(
        case.finding(Code::FutureDate, message)
            .hint("correct the clocks before a prune"),
    )
}

/// Reports prefixes that run into the rest of the key: BuildKit joins key parts without a slash
/// (`cache/remotecache/s3/s3.go`).
fn prefix(case: &CheckCase<'_>, s3: &S3Location) -> Vec<Finding> {
    let prefixes = [
        ("prefix", &s3.prefix, &s3.blobs_prefix),
        ("manifests_prefix", &s3.manifests_prefix, &"NAME".to_owned()),
        ("blobs_prefix", &s3.blobs_prefix, &"sha256:…".to_owned()),
    ];
    let run_in = prefixes
        .iter()
        .filter(|(_, prefix, _)| !prefix.is_empty() && !prefix.ends_with('/'));
    let finding = |(name, prefix, next): &(&str, &String, &String)| {
        let (prefix, next) = (visible(prefix), visible(next));
        let message = format!(
            "the {name} `{prefix}` does not end with a slash: its keys begin with `{prefix}{next}`"
        );
        let hint = format!(
            "if that is not intended, export and import with {name}={prefix}/, which starts a new cache"
        );
        case.finding(Code::PrefixWithoutSlash, message)
            .about(&prefix)
            .hint(hint)
    };
    run_in.map(finding).collect()
}

/// Reports the parts that could not be checked, so that silence does not stand for health.
pub(super) fn unchecked(case: &CheckCase<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(orphans_unknown(case));
    findings.extend(missing_unknown(case));
    findings.extend(withheld(case));
    findings.extend(orphans_unknown_by_ref(case));
    findings.extend(unlisted_folders(case));
    findings.extend(stopped_early(case));
    findings.extend(bucket_unknown(case));
    findings.extend(surroundings_unknown(case));
    findings
}

/// Reports a store that does not list its blobs.
fn orphans_unknown(case: &CheckCase<'_>) -> Option<Finding> {
    let why = case.subject.inventory.unlisted?;
    if case.subject.only.is_some() {
        return None;
    }
    let message = format!("orphans are unknown: {}", visible(why));
    let hint = "the registry's own garbage collection deletes unreferenced blobs";
    Some(case.finding(Code::NotChecked, message).hint(hint))
}

/// Reports that no request asked for each blob.
fn missing_unknown(case: &CheckCase<'_>) -> Option<Finding> {
    let inventory = case.subject.inventory;
    if inventory.unlisted.is_none() || inventory.asked_for_each || inventory.refs.is_empty() {
        return None;
    }
    let message = "missing blobs are unknown, because checking takes one request per blob";
    let hint = "add --verify-blobs to check each blob";
    Some(case.finding(Code::NotChecked, message).hint(hint))
}

/// Reports the refs whose blobs the store does not let us read, as one finding.
fn withheld(case: &CheckCase<'_>) -> Option<Finding> {
    let inventory = case.subject.inventory;
    let withheld: Vec<(&str, &WithheldReason)> = case
        .subject
        .refs()
        .into_iter()
        .filter_map(|id| inventory.get_ref(id))
        .filter_map(|entry| Some((entry.name.as_str(), entry.withheld()?)))
        .collect();
    let (name, why) = withheld.first()?;
    let count = withheld.len() as u64;
    let message = format!(
        "the blobs that {} are unknown here: {}",
        one_or(
            count,
            "1 ref references",
            &format!("{count} refs reference")
        ),
        visible(&why.to_string())
    );
    let hint = "indexes can be read inside a job, with the runtime token";
    let finding = case.finding(Code::NotChecked, message).hint(hint);
    Some(if count == 1 {
        finding.of_ref(name)
    } else {
        finding
    })
}

/// Reports that an unreadable ref hides which blobs are orphans.
fn orphans_unknown_by_ref(case: &CheckCase<'_>) -> Option<Finding> {
    let inventory = case.subject.inventory;
    if !inventory.has_unreadable_ref() || inventory.is_withheld() || case.subject.only.is_some() {
        return None;
    }
    let message =
        "orphans are unknown while a ref cannot be read, because it may reference any blob";
    let hint = "follow the hints for that ref; no blob is deleted while a ref cannot be read";
    Some(case.finding(Code::NotChecked, message).hint(hint))
}

/// Reports the folders that this user may not list.
fn unlisted_folders<'a>(case: &'a CheckCase<'_>) -> impl Iterator<Item = Finding> + 'a {
    let hint = "run as a user with permission to read it";
    case.subject
        .inventory
        .warnings
        .iter()
        .filter_map(move |warning| {
            let StoreWarning::Unlisted(folder) = warning else {
                return None;
            };
            let finding = case.finding(Code::NotChecked, warning.to_string());
            Some(finding.about(folder).hint(hint))
        })
}

/// Reports a scan that did not see everything.
fn stopped_early(case: &CheckCase<'_>) -> Option<Finding> {
    if case.subject.inventory.is_complete() {
        return None;
    }
    let message = "the scan was stopped before everything was listed: there may be more findings";
    Some(case.finding(Code::NotChecked, message).hint("scan again"))
}

/// Reports the settings of a bucket that are not known. The audit of the lifecycle rules reports
/// itself when it cannot judge them.
fn bucket_unknown(case: &CheckCase<'_>) -> Vec<Finding> {
    let Some(bucket) = case.subject.inventory.surroundings.bucket() else {
        return Vec::new();
    };
    if case.subject.only.is_some() {
        return Vec::new();
    }
    bucket
        .not_known()
        .filter(|(setting, _)| *setting != "lifecycle rules")
        .map(|(setting, why)| {
            let message = format!("{setting}: unknown, because {}", visible(why));
            case.finding(Code::NotChecked, message)
        })
        .collect()
}

/// Reports what is not known of the store around the cache.
fn surroundings_unknown(case: &CheckCase<'_>) -> Vec<Finding> {
    let Some(around) = case.subject.inventory.surroundings.quota() else {
        return Vec::new();
    };
    around
        .unknown
        .iter()
        .map(|unknown| {
            let message = format!("unknown: {}", visible(&unknown.to_string()));
            case.finding(Code::NotChecked, message)
        })
        .collect()
}
