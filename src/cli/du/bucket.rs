//! The bucket's own data: versions, storage classes, and lifecycle rules.

use serde::Serialize;
use serde_json::Value;

use crate::backend::Totals;
use crate::backend::bucket::{Bucket, Noncurrent, Versioning};
use crate::check::lifecycle::{self, Audit};
use crate::check::{Finding, Severity};
use crate::cli::table::{Paper, Style};
use crate::inventory::Inventory;
use crate::report::documents::ObjectTotals;
use crate::text::escape::visible;
use crate::text::plural::one_or;
use crate::text::units::Size;

/// The fields of `du` for a cache in a bucket.
#[derive(Serialize)]
pub(super) struct BucketFields {
    versioning: Option<&'static str>,
    noncurrent: Option<ObjectTotals>,
    delete_markers: Option<u64>,
    storage_classes: Vec<Class>,
    lifecycle: Lifecycle,
    /// The facts that could not be determined, with reasons.
    not_known: Vec<String>,
}

#[derive(Serialize)]
struct Class {
    #[serde(rename = "class")]
    name: String,
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Lifecycle {
    rules: Option<usize>,
    findings: Vec<Finding>,
    /// The bucket's rules, corrected, as `aws s3api put-bucket-lifecycle-configuration` takes them.
    safe: Option<Value>,
}

impl BucketFields {
    /// Sums up the bucket; `None` if the cache is not in a bucket.
    pub(super) fn new(source: &str, inventory: &Inventory) -> Option<Self> {
        let bucket = inventory.surroundings.bucket()?;
        let Audit { findings, safe } = lifecycle::audit(source, bucket);
        let noncurrent = bucket.noncurrent.as_ref().ok();
        let class = |(name, Totals { count, bytes }): &(String, Totals)| Class {
            name: name.clone(),
            objects: *count,
            bytes: *bytes,
        };
        Some(Self {
            versioning: bucket
                .versioning
                .as_ref()
                .ok()
                .map(|versioning| versioning.word()),
            noncurrent: noncurrent.map(|noncurrent| noncurrent.versions.into()),
            delete_markers: noncurrent.map(|noncurrent| noncurrent.markers),
            storage_classes: bucket.classes.iter().map(class).collect(),
            lifecycle: Lifecycle {
                rules: bucket
                    .lifecycle
                    .as_ref()
                    .ok()
                    .map(|rules| rules.as_ref().map_or(0, Vec::len)),
                findings,
                safe,
            },
            not_known: bucket
                .not_known()
                .map(|(what, why)| format!("{what}: {why}"))
                .collect(),
        })
    }
}

/// Prints the lines below the table of states.
pub(super) fn print(source: &str, bucket: &Bucket, paper: Paper) -> String {
    let mut lines = Vec::new();
    if let (
        Ok(versioning @ (Versioning::On | Versioning::Suspended)),
        Ok(Noncurrent { versions, markers }),
    ) = (&bucket.versioning, &bucket.noncurrent)
    {
        let count = |count: u64, what: &str| format!("{count} {what}{}", one_or(count, "", "s"));
        let kept = count(versions.count, "earlier content");
        let size = Size(versions.bytes);
        let markers = count(*markers, "delete marker");
        lines.push(format!(
            "versions  {kept}, {size}; {markers}; versioning is {}",
            versioning.word()
        ));
    }
    if bucket.classes.iter().any(|(class, _)| class != "STANDARD") {
        let classes = bucket
            .classes
            .iter()
            .map(|(class, sum)| format!("{} {}", visible(class), Size(sum.bytes)));
        lines.push(format!(
            "classes  {}",
            classes.collect::<Vec<_>>().join(", ")
        ));
    }
    lines.extend(audit_lines(source, bucket, paper));
    let not_known = bucket
        .not_known()
        .filter(|(what, _)| *what != "lifecycle rules");
    lines.extend(not_known.map(|(what, why)| format!("not known: {what}: {}", visible(why))));
    if lines.is_empty() {
        String::new()
    } else {
        format!("\n{}\n", lines.join("\n"))
    }
}

/// Lists faults of the lifecycle rules, and how to fix them.
fn audit_lines(source: &str, bucket: &Bucket, paper: Paper) -> Vec<String> {
    let mut lines = Vec::new();
    let Audit { findings, safe } = lifecycle::audit(source, bucket);
    for finding in &findings {
        let style = match finding.severity {
            Severity::Error => Style::Bad,
            Severity::Warning | Severity::Info => Style::Dim,
        };
        lines.push(format!(
            "{}  {}",
            style.paint(finding.severity.word(), paper),
            finding.message
        ));
        if let Some(hint) = finding.hint_text()
            && finding.severity < Severity::Info
        {
            lines.push(format!("  hint: {hint}"));
        }
    }
    if safe.is_some()
        && findings
            .iter()
            .any(|finding| finding.severity < Severity::Info)
    {
        let source = visible(source);
        let bucket = visible(&bucket.places.bucket);
        lines.push(format!(
            "  corrected rules, with those switched off that do harm: \
             cachelens du '{source}' --json | jq '.sources[0].bucket.lifecycle.safe' > rules.json"
        ));
        lines.push(format!(
            "  then: aws s3api put-bucket-lifecycle-configuration --bucket {bucket} --lifecycle-configuration file://rules.json"
        ));
    }
    lines
}
