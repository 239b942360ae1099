//! Whether the rules by which a bucket deletes on its own can break a cache in it.
//!
//! An exporter takes a blob as it is that is younger than `touch_refresh`, and touches an older one; the manifest is written
//! anew each time. When its last export is over, a manifest is younger than each of its blobs by `touch_refresh` at most, and
//! from then on both only age: reading touches nothing (`cache/remotecache/s3/s3.go` in BuildKit). So blobs outlive their
//! manifests only where they are kept for `touch_refresh` longer, and a day besides, for the service acts by whole days.

use std::time::Duration;

use serde_json::Value;

use super::{Code, Finding, Severity};
use crate::backend::bucket::{Bucket, LifecycleRule, Places, Versioning, When};
use crate::format::text::visible;

mod safe;

/// Classes from which an object has to be restored before anybody can read it.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];
const DAY: u64 = 24 * 60 * 60;

/// What is to be said of a bucket's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// All rules of the bucket, mended, as `aws s3api put-bucket-lifecycle-configuration` takes them; none when nothing is to
    /// be mended, or the rules are not known.
    pub safe: Option<Value>,
}

/// Judges the rules of a bucket by what they do to a cache in it.
pub fn audit(source: &str, bucket: &Bucket) -> Audit {
    let rules = match &bucket.lifecycle {
        Ok(Some(rules)) => rules.as_slice(),
        Ok(None) => return Audit { findings: Vec::new(), safe: None },
        Err(why) => {
            let message = format!("the bucket's lifecycle rules are not known: {why}");
            let finding = Finding::new(source, Code::NotChecked, message)
                .hint("it needs s3:GetLifecycleConfiguration; a rule may delete blobs that manifests still name");
            return Audit { findings: vec![finding], safe: None };
        }
    };
    let judge = Judge { source, places: &bucket.places, rules };
    let mut findings = judge.archives();
    findings.extend(judge.expiration());
    if !judge.ends_uploads() {
        let message =
            "no rule ends unfinished uploads: what an interrupted export has sent is kept, and paid, for ever";
        findings.push(
            Finding::new(source, Code::LifecycleKeepsUploads, message)
                .hint("a rule with AbortIncompleteMultipartUpload ends them; `cachelens prune` does, too"),
        );
    }
    findings.extend(versions(&judge, bucket));
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    let safe = (!findings.is_empty()).then(|| safe::configuration(&judge, bucket));
    Audit { findings, safe }
}

/// Tells whether noncurrent versions pile up.
fn versions(judge: &Judge<'_>, bucket: &Bucket) -> Option<Finding> {
    let keeps = matches!(bucket.versioning, Ok(Versioning::On | Versioning::Suspended));
    let covered =
        judge.enabled().any(|rule| rule.noncurrent_days.is_some() && rule.is_about_all_of(&judge.places.blobs));
    if !keeps || covered {
        return None;
    }
    let message =
        "the bucket keeps versions, and no rule ever deletes them: what is deleted or overwritten is still paid for";
    let finding = Finding::new(judge.source, Code::LifecycleKeepsVersions, message)
        .hint("a rule with NoncurrentVersionExpiration lets them go; leave some days in which a prune can be undone");
    Some(match bucket.noncurrent {
        Ok(noncurrent) => finding.costing(noncurrent.versions.bytes),
        Err(_) => finding,
    })
}

impl LifecycleRule {
    /// Tells whether it is about every object whose key begins so.
    fn is_about_all_of(&self, keys: &str) -> bool {
        !self.is_narrowed && keys.starts_with(&self.prefix)
    }

    /// Tells whether it is about some object whose key begins so.
    fn is_about_some_of(&self, keys: &str) -> bool {
        keys.starts_with(&self.prefix) || self.prefix.starts_with(keys)
    }

    fn name(&self) -> String {
        if self.id.is_empty() {
            "a rule without a name".to_owned()
        } else {
            format!("the rule `{}`", visible(&self.id))
        }
    }
}

/// What is judged.
struct Judge<'a> {
    source: &'a str,
    places: &'a Places,
    rules: &'a [LifecycleRule],
}

impl<'a> Judge<'a> {
    fn enabled(&self) -> impl Iterator<Item = &'a LifecycleRule> + use<'a> {
        self.rules.iter().filter(|rule| rule.is_enabled)
    }

    /// Returns `touch_refresh` in whole days, rounded up.
    fn refresh_days(&self) -> u32 {
        u32::try_from(self.places.touch_refresh.as_secs().div_ceil(DAY)).unwrap_or(u32::MAX)
    }

    /// Returns the rule that deletes blobs first, and when.
    fn of_blobs(&self) -> Option<(&'a LifecycleRule, When)> {
        let about = self.enabled().filter(|rule| rule.is_about_some_of(&self.places.blobs));
        about.filter_map(|rule| Some((rule, rule.expiration?))).min_by_key(|(_, when)| days(*when))
    }

    /// Returns the rule that deletes all manifests first, and when.
    fn of_manifests(&self) -> Option<(&'a LifecycleRule, When)> {
        let about = self.enabled().filter(|rule| rule.is_about_all_of(&self.places.manifests));
        about.filter_map(|rule| Some((rule, rule.expiration?))).min_by_key(|(_, when)| days(*when))
    }

    /// Returns after how many days blobs may go when manifests go after so many.
    fn safe_days(&self, manifests: u32) -> u32 {
        manifests.saturating_add(self.refresh_days()).saturating_add(1)
    }

    /// Says whether blobs outlive the manifests that name them.
    fn expiration(&self) -> Option<Finding> {
        let finding = |code, message: String| Finding::new(self.source, code, message);
        let refresh = refresh(self.places.touch_refresh);
        let (rule, when) = match (self.of_blobs(), self.of_manifests()) {
            (Some(of_blobs), _) => of_blobs,
            (None, Some((rule, _))) => {
                let message =
                    format!("{} deletes manifests, and none deletes the blobs that nobody names then", rule.name());
                return Some(
                    finding(Code::LifecycleLeavesBlobs, message).about(&rule.id).hint("`cachelens prune` frees them"),
                );
            }
            (None, None) => return None,
        };
        let blobs = days(when);
        let message = match (when, self.of_manifests()) {
            (When::Date(date), _) => format!(
                "{} deletes every blob from {} on, however new it is and whatever names it: builds that import fail",
                rule.name(),
                date.strftime("%F")
            ),
            (When::Days(_), _) if Duration::from_secs(u64::from(blobs) * DAY) <= self.places.touch_refresh => format!(
                "{} deletes blobs {} after they were written, and exporters take them as they are for {refresh}: \
                 even a cache that is written every day loses blobs that it names",
                rule.name(),
                in_days(blobs)
            ),
            (When::Days(_), None) => format!(
                "{} deletes blobs {} after they were written or touched, and none deletes the manifests that name them: \
                 builds that import a ref which was not exported lately fail",
                rule.name(),
                in_days(blobs)
            ),
            (When::Days(_), Some((of_manifests, manifests))) => {
                let least = self.safe_days(days(manifests));
                if blobs >= least {
                    return None;
                }
                let also = if std::ptr::eq(rule, of_manifests) {
                    "manifests after as many".to_owned()
                } else {
                    format!("{} manifests after {}", of_manifests.name(), in_days(days(manifests)))
                };
                let message = format!(
                    "{} deletes blobs after {}, {also}; a blob may be {refresh} older than the manifest that names it, so that it \
                     goes first and builds that import fail",
                    rule.name(),
                    in_days(blobs)
                );
                let nearly = blobs.saturating_add(1) >= least;
                let weight = if nearly { Severity::Warning } else { Severity::Error };
                return Some(finding(Code::LifecycleExpiresBlobs, message).weighing(weight).about(&rule.id).hint(
                    format!("keep blobs {least} days or longer where manifests stay {}", in_days(days(manifests))),
                ));
            }
        };
        let hint = format!(
            "let manifests go after N days, and blobs after N + {} at the earliest; or leave both to `cachelens prune`",
            self.safe_days(0)
        );
        Some(finding(Code::LifecycleExpiresBlobs, message).about(&rule.id).hint(hint))
    }

    /// Says which rules move the cache to where it cannot be read.
    fn archives(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for rule in self.enabled() {
            let of = [(&self.places.blobs, "blobs"), (&self.places.manifests, "manifests")];
            let what: Vec<&str> =
                of.into_iter().filter(|(keys, _)| rule.is_about_some_of(keys)).map(|(_, what)| what).collect();
            let archive = rule.transitions.iter().find(|(_, class)| ARCHIVES.contains(&class.as_str()));
            let Some((_, class)) = archive.filter(|_| !what.is_empty()) else { continue };
            let message = format!(
                "{} moves {} into {class}, from where no build can read them: builds that import fail",
                rule.name(),
                what.join(" and ")
            );
            findings.push(
                Finding::new(self.source, Code::LifecycleArchives, message)
                    .about(&rule.id)
                    .hint("let them go instead, or use a class that can be read at once, as GLACIER_IR"),
            );
        }
        findings
    }

    fn ends_uploads(&self) -> bool {
        self.enabled().any(|rule| rule.abort_days.is_some() && rule.is_about_all_of(&self.places.blobs))
    }

    /// Tells whether a rule must not stay as it is.
    fn is_harmful(&self, rule: &LifecycleRule) -> bool {
        let places = [&self.places.blobs, &self.places.manifests];
        let is_about = rule.is_enabled && places.iter().any(|keys| rule.is_about_some_of(keys));
        let archives = rule.transitions.iter().any(|(_, class)| ARCHIVES.contains(&class.as_str()));
        let expires = self.expiration().is_some_and(|finding| finding.code == Code::LifecycleExpiresBlobs);
        is_about && (archives || expires && rule.expiration.is_some())
    }
}

/// Returns after how many days at the latest something goes; a date may be any day.
fn days(when: When) -> u32 {
    match when {
        When::Days(days) => days,
        When::Date(_) => 0,
    }
}

fn in_days(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

fn refresh(duration: Duration) -> String {
    match duration.as_secs() {
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests;
