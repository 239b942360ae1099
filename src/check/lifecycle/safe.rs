//! Rules that do not harm a cache, combined with the bucket's rules about other objects, because
//! setting the rules of a bucket replaces all of them.

use serde_json::{Value, json};

use super::{Judge, days};
use crate::backend::bucket::{Bucket, Versioning};

/// The number of days after which unfinished uploads expire; no export takes longer.
const UPLOADS: u32 = 7;
/// The number of days after which noncurrent versions expire; until then a prune can be undone.
const VERSIONS: u32 = 7;

/// Returns all rules of a bucket, with those that harm the cache corrected. A harmful rule is
/// disabled, because it may cover more than the cache, and new rules replace it.
pub(super) fn configuration(judge: &Judge<'_>, bucket: &Bucket) -> Value {
    let name = |what: &str| format!("cachelens {}{what}", judge.places.prefix);
    let is_ours = |id: &str| {
        ["manifests", "blobs", "cache"]
            .iter()
            .any(|what| id == name(what))
    };
    let mut rules: Vec<Value> = judge
        .rules
        .iter()
        .filter(|rule| !is_ours(&rule.id))
        .map(|rule| {
            let mut whole = rule.whole.clone();
            if judge.is_harmful(rule) {
                whole["Status"] = json!("Disabled");
            }
            whole
        })
        .collect();
    let harmful: Vec<_> = judge
        .rules
        .iter()
        .filter(|rule| judge.is_harmful(rule))
        .collect();
    let wanted = harmful
        .iter()
        .filter_map(|rule| rule.expiration.map(days))
        .min();
    let keeps_versions = matches!(
        bucket.versioning,
        Ok(Versioning::On | Versioning::Suspended)
    );
    if let Some(wanted) = wanted {
        // A number of days is kept; a date is not a number of days.
        let manifests = wanted.max(judge.refresh_days()).max(1);
        for (what, prefix, days) in [
            ("manifests", &judge.places.manifests, manifests),
            ("blobs", &judge.places.blobs, judge.safe_days(manifests)),
        ] {
            rules.push(json!({
                "ID": name(what),
                "Status": "Enabled",
                "Filter": { "Prefix": prefix },
                "Expiration": { "Days": days },
            }));
        }
    }
    let mut rest = json!({
        "ID": name("cache"),
        "Status": "Enabled",
        "Filter": { "Prefix": judge.places.prefix },
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": UPLOADS },
    });
    if keeps_versions {
        rest["NoncurrentVersionExpiration"] = json!({ "NoncurrentDays": VERSIONS });
    }
    rules.push(rest);
    json!({ "Rules": rules })
}
