//! Checks whether the lifecycle rules of a bucket can break a cache in it.
//!
//! An exporter reuses a blob that is younger than `touch_refresh`, and touches an older one; it
//! writes the manifest on every export. After the last export, a manifest is younger than each of
//! its blobs by at most `touch_refresh`. From then on both only age, because reads touch nothing
//! (`cache/remotecache/s3/s3.go` in BuildKit). So blobs outlive their manifests only if they are
//! kept for `touch_refresh` longer, plus one day because the service works in whole days.

use std::time::Duration;

use serde_json::Value;

use super::{Code, Finding, Severity};
use crate::backend::bucket::{Bucket, LifecycleRule, Places, Versioning, When};
use crate::text::escape::visible;

mod safe;

/// Storage classes from which an object must be restored before it can be read.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];
const DAY: u64 = 24 * 60 * 60;

/// The result of auditing the rules of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// All rules of the bucket, corrected, as `aws s3api put-bucket-lifecycle-configuration` takes
    /// them; `None` if no rule needs a correction, or the rules are unknown.
    pub safe: Option<Value>,
}

/// Audits the rules of a bucket by their effect on a cache in it.
pub fn audit(source: &str, bucket: &Bucket) -> Audit {
    let rules = match &bucket.lifecycle {
        Ok(Some(rules)) => rules.as_slice(),
        Ok(None) => {
            return Audit {
                findings: Vec::new(),
                safe: None,
            };
        }
        Err(why) => {
            let message = format!("the bucket's lifecycle rules are unknown: {why}");
            let finding = Finding::new(source, Code::NotChecked, message)
                .hint("grant s3:GetLifecycleConfiguration; a rule may delete blobs that manifests still reference");
            return Audit {
                findings: vec![finding],
                safe: None,
            };
        }
    };
    let judge = Judge {
        source,
        places: &bucket.places,
        rules,
    };
    let mut findings = judge.archives();
    findings.extend(judge.expiration());
    if !judge.ends_uploads() {
        let message = "no rule aborts unfinished uploads: data from interrupted exports is stored and billed forever";
        findings.push(
            Finding::new(source, Code::LifecycleKeepsUploads, message)
                .hint("add a rule with AbortIncompleteMultipartUpload, or run `cachelens prune`"),
        );
    }
    findings.extend(versions(&judge, bucket));
    findings.sort_by(|a, b| a.order().cmp(&b.order()));
    let safe = (!findings.is_empty()).then(|| safe::configuration(&judge, bucket));
    Audit { findings, safe }
}

/// Reports noncurrent versions that pile up.
fn versions(judge: &Judge<'_>, bucket: &Bucket) -> Option<Finding> {
    let keeps = matches!(
        bucket.versioning,
        Ok(Versioning::On | Versioning::Suspended)
    );
    let covered = judge
        .enabled()
        .any(|rule| rule.noncurrent_days.is_some() && rule.is_about_all_of(&judge.places.blobs));
    if !keeps || covered {
        return None;
    }
    let message = "the bucket keeps versions, and no rule deletes them: deleted and overwritten objects are still billed";
    let finding = Finding::new(judge.source, Code::LifecycleKeepsVersions, message)
        .hint("add a rule with NoncurrentVersionExpiration; allow some days to undo a prune");
    Some(match bucket.noncurrent {
        Ok(noncurrent) => finding.costing(noncurrent.versions.bytes),
        Err(_) => finding,
    })
}

impl LifecycleRule {
    /// Returns whether the rule covers every object whose key has this prefix.
    fn is_about_all_of(&self, keys: &str) -> bool {
        !self.is_narrowed && keys.starts_with(&self.prefix)
    }

    /// Returns whether the rule covers some objects whose keys have this prefix.
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

/// The input of the audit.
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

    /// Returns the rule that deletes blobs first, and its time.
    fn of_blobs(&self) -> Option<(&'a LifecycleRule, When)> {
        let about = self
            .enabled()
            .filter(|rule| rule.is_about_some_of(&self.places.blobs));
        about
            .filter_map(|rule| Some((rule, rule.expiration?)))
            .min_by_key(|(_, when)| days(*when))
    }

    /// Returns the rule that deletes all manifests first, and its time.
    fn of_manifests(&self) -> Option<(&'a LifecycleRule, When)> {
        let about = self
            .enabled()
            .filter(|rule| rule.is_about_all_of(&self.places.manifests));
        about
            .filter_map(|rule| Some((rule, rule.expiration?)))
            .min_by_key(|(_, when)| days(*when))
    }

    /// Returns the safe number of days for blobs, when manifests expire after `manifests` days.
    fn safe_days(&self, manifests: u32) -> u32 {
        manifests
            .saturating_add(self.refresh_days())
            .saturating_add(1)
    }

    /// Reports blobs that do not outlive the manifests that reference them.
    fn expiration(&self) -> Option<Finding> {
        let finding = |code, message: String| Finding::new(self.source, code, message);
        let refresh = refresh(self.places.touch_refresh);
        let (rule, when) = match (self.of_blobs(), self.of_manifests()) {
            (Some(of_blobs), _) => of_blobs,
            (None, Some((rule, _))) => {
                let message = format!(
                    "{} deletes manifests, and no rule deletes the blobs that become unreferenced",
                    rule.name()
                );
                return Some(
                    finding(Code::LifecycleLeavesBlobs, message)
                        .about(&rule.id)
                        .hint("`cachelens prune` deletes them"),
                );
            }
            (None, None) => return None,
        };
        let blobs = days(when);
        let message = match (when, self.of_manifests()) {
            (When::Date(date), _) => format!(
                "{} deletes every blob from {} on, even if it is new or referenced: builds that import fail",
                rule.name(),
                date.strftime("%F")
            ),
            (When::Days(_), _)
                if Duration::from_secs(u64::from(blobs) * DAY) <= self.places.touch_refresh =>
            {
                format!(
                    "{} deletes blobs {} after they were written, and exporters reuse them without a refresh for {refresh}: \
                 even a cache that is exported every day loses blobs that it references",
                    rule.name(),
                    in_days(blobs)
                )
            }
            (When::Days(_), None) => format!(
                "{} deletes blobs {} after they were written or touched, and no rule deletes the manifests that reference them: \
                 builds that import a ref without a recent export fail",
                rule.name(),
                in_days(blobs)
            ),
            (When::Days(_), Some((of_manifests, manifests))) => {
                return self.expires_before(rule, blobs, of_manifests, manifests);
            }
        };
        let hint = format!(
            "delete manifests after N days, and blobs after at least N + {} days; or leave both to `cachelens prune`",
            self.safe_days(0)
        );
        Some(
            finding(Code::LifecycleExpiresBlobs, message)
                .about(&rule.id)
                .hint(hint),
        )
    }

    /// Reports blobs that expire before the manifests that reference them.
    fn expires_before(
        &self,
        rule: &LifecycleRule,
        blobs: u32,
        of_manifests: &LifecycleRule,
        manifests: When,
    ) -> Option<Finding> {
        let finding = |code, message: String| Finding::new(self.source, code, message);
        let refresh = refresh(self.places.touch_refresh);
        let least = self.safe_days(days(manifests));
        if blobs >= least {
            return None;
        }
        let also = if std::ptr::eq(rule, of_manifests) {
            "and manifests after the same time".to_owned()
        } else {
            format!(
                "and {} manifests after {}",
                of_manifests.name(),
                in_days(days(manifests))
            )
        };
        let message = format!(
            "{} deletes blobs after {}, {also}; a blob may be {refresh} older than the manifest that references it, so it \
                     expires first and builds that import fail",
            rule.name(),
            in_days(blobs)
        );
        let nearly = blobs.saturating_add(1) >= least;
        let weight = if nearly {
            Severity::Warning
        } else {
            Severity::Error
        };
        Some(
            finding(Code::LifecycleExpiresBlobs, message)
                .weighing(weight)
                .about(&rule.id)
                .hint(format!(
                    "keep blobs for at least {least} days if manifests are kept for {}",
                    in_days(days(manifests))
                )),
        )
    }

    /// Reports rules that move the cache to a class that cannot be read.
    fn archives(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for rule in self.enabled() {
            let of = [
                (&self.places.blobs, "blobs"),
                (&self.places.manifests, "manifests"),
            ];
            let what: Vec<&str> = of
                .into_iter()
                .filter(|(keys, _)| rule.is_about_some_of(keys))
                .map(|(_, what)| what)
                .collect();
            let archive = rule
                .transitions
                .iter()
                .find(|(_, class)| ARCHIVES.contains(&class.as_str()));
            if what.is_empty() {
                continue;
            }
            let Some((_, class)) = archive else {
                continue;
            };
            let message = format!(
                "{} moves {} to {class}, which builds cannot read: builds that import fail",
                rule.name(),
                what.join(" and ")
            );
            findings.push(
                Finding::new(self.source, Code::LifecycleArchives, message)
                    .about(&rule.id)
                    .hint("delete them instead, or use a class with immediate access, such as GLACIER_IR"),
            );
        }
        findings
    }

    fn ends_uploads(&self) -> bool {
        self.enabled()
            .any(|rule| rule.abort_days.is_some() && rule.is_about_all_of(&self.places.blobs))
    }

    /// Returns whether a rule must be changed.
    fn is_harmful(&self, rule: &LifecycleRule) -> bool {
        let places = [&self.places.blobs, &self.places.manifests];
        let is_about = rule.is_enabled && places.iter().any(|keys| rule.is_about_some_of(keys));
        let archives = rule
            .transitions
            .iter()
            .any(|(_, class)| ARCHIVES.contains(&class.as_str()));
        let expires = self
            .expiration()
            .is_some_and(|finding| finding.code == Code::LifecycleExpiresBlobs);
        is_about && (archives || expires && rule.expiration.is_some())
    }
}

/// Returns the maximum number of days until expiration; a date may be any day.
fn days(when: When) -> u32 {
    match when {
        When::Days(days) => days,
        When::Date(_) => 0,
    }
}

fn in_days(days: u32) -> String {
    if days == 1 {
        "1 day".to_owned()
    } else {
        format!("{days} days")
    }
}

fn refresh(duration: Duration) -> String {
    match duration.as_secs() {
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests;
