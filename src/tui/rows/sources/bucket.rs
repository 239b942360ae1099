//! The bucket's own data in the details of a source.

use crate::backend::Totals;
use crate::backend::bucket::{Bucket, Noncurrent, Reported, Versioning};
use crate::check::{Severity, lifecycle};
use crate::text::escape::visible;
use crate::text::units::{Size, grouped};
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::theme::TextRole;

/// Adds the known facts about a bucket.
pub(super) fn details(bucket: &Bucket, details: &mut Vec<DetailLine>) {
    details.extend([DetailLine::Blank, DetailLine::Heading("The bucket".into())]);
    if !bucket.classes.is_empty() {
        let class =
            |(class, sum): &(String, Totals)| format!("{} {}", visible(class), Size(sum.bytes));
        let classes: Vec<String> = bucket.classes.iter().map(class).collect();
        details.push(DetailLine::Fact("class", Cell::text(classes.join(", "))));
    }
    details.push(DetailLine::Fact(
        "versioning",
        reported(&bucket.versioning, |versioning| {
            Cell::text(versioning.word())
        }),
    ));
    if let Ok(Versioning::On | Versioning::Suspended) = bucket.versioning {
        let kept = |noncurrent: &Noncurrent| {
            let Noncurrent { versions, markers } = noncurrent;
            let count = format!(
                " in {} earlier contents, {} delete markers",
                grouped(versions.count),
                grouped(*markers)
            );
            Cell::new(Size(versions.bytes).to_string(), TextRole::Text).and(count, TextRole::Dim)
        };
        details.push(DetailLine::Fact("kept", reported(&bucket.noncurrent, kept)));
    }
    for (what, why) in bucket
        .not_known()
        .filter(|(what, _)| NOT_REPORTED.contains(what))
    {
        details.push(DetailLine::Text(Cell::new(
            format!("not known: {what}: {}", visible(why)),
            TextRole::Unsure,
        )));
    }
    let rules = reported(&bucket.lifecycle, |rules| {
        match rules.as_ref().map(Vec::len) {
            None => Cell::new("the service has no such rules", TextRole::Dim),
            Some(0) => Cell::text("no rules"),
            Some(1) => Cell::text("1 rule"),
            Some(count) => Cell::text(format!("{count} rules")),
        }
    });
    details.push(DetailLine::Fact("lifecycle", rules));
    details.extend(audit_details(bucket));
}

/// Unknown facts without a line of their own.
const NOT_REPORTED: [&str; 2] = ["unfinished uploads", "objects outside the cache"];

fn reported<T>(reported: &Reported<T>, show: impl Fn(&T) -> Cell) -> Cell {
    match reported {
        Ok(value) => show(value),
        Err(why) => Cell::new(format!("not known: {}", visible(why)), TextRole::Unsure),
    }
}

/// Lists faults of the lifecycle rules, and safe rules.
fn audit_details(bucket: &Bucket) -> Vec<DetailLine> {
    let mut details = Vec::new();
    let audit = lifecycle::audit("", bucket);
    for finding in &audit.findings {
        let (sign, role) = match finding.severity {
            Severity::Error => ("! ", TextRole::Error),
            Severity::Warning => ("! ", TextRole::Warning),
            Severity::Info => ("· ", TextRole::Dim),
        };
        details.push(DetailLine::Text(
            Cell::new(sign, role).and(finding.message.clone(), TextRole::Text),
        ));
        if let Some(hint) = finding.hint_text() {
            details.push(DetailLine::Text(Cell::new(
                format!("  {hint}"),
                TextRole::Dim,
            )));
        }
    }
    let is_grave = audit
        .findings
        .iter()
        .any(|finding| finding.severity < Severity::Info);
    if is_grave && let Some(safe) = audit.safe {
        let heading = "Rules that do no harm, for `aws s3api put-bucket-lifecycle-configuration`";
        details.extend([DetailLine::Blank, DetailLine::Heading(heading.into())]);
        let text = serde_json::to_string_pretty(&safe).unwrap_or_default();
        details.extend(
            text.lines()
                .map(|line| DetailLine::Text(Cell::text(visible(line).into_owned()))),
        );
    }
    details
}
