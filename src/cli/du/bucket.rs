//! What a bucket says of itself: versions, storage classes, and the rules by which it deletes on its own.

use serde::Serialize;
use serde_json::Value;

use crate::backend::bucket::{Bucket, Noncurrent, Sum, Versioning};
use crate::check::lifecycle::{self, Audit};
use crate::check::{Finding, Severity};
use crate::cli::json::Objects;
use crate::cli::table::Style;
use crate::format::text::visible;
use crate::inventory::{Inventory, Tally};
use crate::units::Size;

/// The fields of `du` for a cache in a bucket.
#[derive(Serialize)]
pub(super) struct Fields {
    versioning: Option<&'static str>,
    noncurrent: Option<Objects>,
    delete_markers: Option<u64>,
    storage_classes: Vec<Class>,
    lifecycle: Lifecycle,
    /// What could not be learned, and why.
    not_known: Vec<String>,
}

#[derive(Serialize)]
struct Class {
    class: String,
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Lifecycle {
    rules: Option<usize>,
    findings: Vec<Finding>,
    /// The bucket's rules, mended, as `aws s3api put-bucket-lifecycle-configuration` takes them.
    safe: Option<Value>,
}

impl Fields {
    /// Sums up; none where the cache lies in no bucket.
    pub(super) fn new(source: &str, inventory: &Inventory) -> Option<Self> {
        let bucket = inventory.bucket.as_deref()?;
        let Audit { findings, safe } = lifecycle::audit(source, bucket);
        let noncurrent = bucket.noncurrent.as_ref().ok();
        let class = |(class, Sum { objects, bytes }): &(String, Sum)| Class {
            class: class.clone(),
            objects: *objects,
            bytes: *bytes,
        };
        Some(Self {
            versioning: bucket.versioning.as_ref().ok().map(|versioning| versioning.word()),
            noncurrent: noncurrent.map(|noncurrent| Tally::from(noncurrent.versions).into()),
            delete_markers: noncurrent.map(|noncurrent| noncurrent.markers),
            storage_classes: bucket.classes.iter().map(class).collect(),
            lifecycle: Lifecycle { rules: bucket.lifecycle.as_ref().ok().map(|rules| rules.as_ref().map_or(0, Vec::len)), findings, safe },
            not_known: bucket.not_known().map(|(what, why)| format!("{what}: {why}")).collect(),
        })
    }
}

/// Prints it as lines below the table of states.
pub(super) fn print(source: &str, bucket: &Bucket, color: bool) -> String {
    let mut text = String::new();
    if let (Ok(versioning @ (Versioning::On | Versioning::Suspended)), Ok(Noncurrent { versions, markers })) =
        (&bucket.versioning, &bucket.noncurrent)
    {
        text += &format!(
            "versions  {} earlier contents, {}; {markers} delete markers; versioning is {}\n",
            versions.objects,
            Size(versions.bytes),
            versioning.word()
        );
    }
    if bucket.classes.iter().any(|(class, _)| class != "STANDARD") {
        let classes = bucket.classes.iter().map(|(class, sum)| format!("{} {}", visible(class), Size(sum.bytes)));
        text += &format!("classes  {}\n", classes.collect::<Vec<_>>().join(", "));
    }
    let Audit { findings, safe } = lifecycle::audit(source, bucket);
    for finding in &findings {
        let style = match finding.severity {
            Severity::Error => Style::Bad,
            Severity::Warning | Severity::Info => Style::Dim,
        };
        text += &format!("{}  {}\n", style.paint(finding.severity.word(), color), finding.message);
        if let Some(hint) = finding.hint.as_ref().filter(|_| finding.severity < Severity::Info) {
            text += &format!("  hint: {hint}\n");
        }
    }
    if safe.is_some() && findings.iter().any(|finding| finding.severity < Severity::Info) {
        text += &format!(
            "  mended rules: cachelens du '{}' --json | jq '.sources[0].bucket.lifecycle.safe' > rules.json\n  \
             then: aws s3api put-bucket-lifecycle-configuration --bucket {} --lifecycle-configuration file://rules.json\n",
            visible(source),
            visible(&bucket.places.bucket)
        );
    }
    for (what, why) in bucket.not_known().filter(|(what, _)| *what != "lifecycle rules") {
        text += &format!("not known: {what}: {}\n", visible(why));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}
