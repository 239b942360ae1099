//! Results of steps that update packages: an old one lacks the security fixes of the time since,
//! and every build that finds it keeps it.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::words::{counted, one_or, shell_word};
use super::{Code, Finding};
use crate::backend::CacheReader;
use crate::explain::evidence::CacheEvidence;
use crate::inventory::cache::RefCache;
use crate::inventory::{Inventory, RefEntry, RefId, RefKind};
use crate::text::escape::visible;
use crate::text::units::{Age, Exact};

/// The commands that update packages, and those that fetch the lists that decide which version is
/// installed.
static UPDATES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let managers = [
        r"apt(-get)?(\s+-\S+)*\s+(update|upgrade|dist-upgrade|full-upgrade)",
        r"apk(\s+-\S+)*\s+(update|upgrade)",
        r"apk\s+add(\s+\S+)*\s+(-u|--upgrade)",
        r"(dnf|yum|microdnf|tdnf)(\s+-\S+)*\s+(update|upgrade|check-update|update-minimal)",
        r"zypper(\s+-\S+)*\s+(up|update|patch|dup|dist-upgrade|refresh)",
        r"pacman(\s+-\S+)*\s+-S\w*y\w*",
        r"pip3?\s+install(\s+\S+)*\s+(-U|--upgrade)",
        r"(npm|pnpm|yarn)\s+(update|upgrade)",
        r"gem\s+update",
    ];
    Regex::new(&format!(
        r"(?:^|[\s;&|(])(?:{})(?:$|[\s;&|)])",
        managers.join("|")
    ))
    .ok()
});

/// Returns whether a step updates packages.
pub fn is_update(step: &str) -> bool {
    UPDATES
        .as_ref()
        .is_some_and(|updates| updates.is_match(step))
}

/// The refs that are looked at, and what names their steps.
#[derive(Clone, Copy)]
pub struct CheckedRefs<'a> {
    /// What commands call the source.
    pub source: &'a str,
    pub reader: &'a dyn CacheReader,
    /// What it holds.
    pub inventory: &'a Inventory,
    pub refs: &'a [RefId],
    /// The evidence that a person gave.
    pub evidence: &'a CacheEvidence,
}

/// A step with its age.
struct OldStep {
    name: String,
    created: Timestamp,
}

/// Finds results of package updates that are older than `most`. A ref none of whose steps has a
/// name is a finding, too.
pub async fn older_than(
    checked: &CheckedRefs<'_>,
    most: SignedDuration,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in checked.refs {
        let Some(entry) = checked.inventory.get_ref(*id) else {
            continue;
        };
        if !matches!(entry.kind, RefKind::Cache | RefKind::Inline) || entry.withheld().is_some() {
            continue;
        }
        let Some(mut old) = updates(checked, entry).await else {
            let message = "--max-update-age cannot be checked: which steps update packages is not known, because nothing names its steps";
            let hint = "add -f DOCKERFILE, or --provenance FILE of the build that wrote it";
            let finding = Finding::new(checked.source, Code::LimitNotChecked, message);
            findings.push(finding.of_ref(&entry.name).hint(hint));
            continue;
        };
        old.retain(|step| now.duration_since(step.created) > most);
        old.sort_by_key(|step| step.created);
        let Some(oldest) = old.first() else {
            continue;
        };
        let count = old.len() as u64;
        let message = format!(
            "{} that {} packages {} older than {}: `{}` is {} old",
            counted(count, "result"),
            one_or(count, "updates", "update"),
            one_or(count, "is", "are"),
            Exact(most),
            visible(&oldest.name),
            Age::between(oldest.created, now)
        );
        let source = shell_word(&visible(checked.source)).into_owned();
        let hint = format!(
            "`cachelens prune {source} --records 'age>{} step~WORDS'` drops them, so that the next build runs the step again",
            Exact(most)
        );
        let finding = Finding::new(checked.source, Code::UpdateTooOld, message);
        findings.push(finding.of_ref(&entry.name).about(&oldest.name).hint(hint));
    }
    findings
}

/// Returns the steps of a ref that update packages and have a result; none where no step has a
/// name.
async fn updates(checked: &CheckedRefs<'_>, entry: &RefEntry) -> Option<Vec<OldStep>> {
    let mut stored = CacheEvidence::default();
    for statement in checked.reader.abilities().provenance(&entry.name).await {
        // Provenance with `mode=min` has no steps.
        let _ = stored.add(&statement);
    }
    let caches = RefCache::load(checked.reader, &checked.inventory.blobs, entry).await;
    let mut is_named = false;
    let mut found = Vec::new();
    for cache in caches.unwrap_or_default() {
        let given = checked.evidence.labels(&cache.graph);
        let labels = given.into_iter().zip(stored.labels(&cache.graph));
        for (label, detail) in labels.zip(&cache.records) {
            let Some(label) = label.0.or(label.1) else {
                continue;
            };
            is_named = true;
            if let (Some(_), Some(created)) = (&detail.result, detail.created)
                && label.is_step
                && is_update(&label.text)
            {
                found.push(OldStep {
                    name: label.text,
                    created,
                });
            }
        }
    }
    is_named.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::is_update;

    #[test]
    fn commands_that_update_packages_are_recognized() {
        for step in [
            "RUN apt-get update && apt-get install -y curl",
            "RUN apt-get -y upgrade",
            "RUN set -e; apt update",
            "RUN apk upgrade --no-cache",
            "RUN apk add --no-cache --upgrade curl",
            "RUN dnf -y update",
            "RUN yum upgrade -y",
            "RUN pip install --no-cache-dir -U pip",
            "RUN python -m pip install --upgrade setuptools",
            "RUN pacman -Syu --noconfirm",
            "RUN (zypper --non-interactive patch)",
        ] {
            assert!(is_update(step), "{step}");
        }
        for step in [
            "RUN apt-get install -y curl",
            "RUN pip install -r requirements.txt",
            "COPY update.sh /usr/bin/apt-get-update",
            "RUN ./myapt update",
            "RUN echo apk-upgrade",
            "RUN npm ci",
        ] {
            assert!(!is_update(step), "{step}");
        }
    }
}
