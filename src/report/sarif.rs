//! SARIF 2.1.0, with the fields that GitHub code scanning requires.
//!
//! Code scanning requires an id, texts and help for each rule, and a message, a location with a
//! region and a fingerprint for each result. An issue of a store has no file: its location is a
//! relative URI made from the source, and a logical location names the ref.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Issue, IssueLevel};
use crate::format::digest::Digest;
use crate::text::escape::visible;

/// The characters to percent-encode in a relative URI: all but the unreserved characters and `/`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Returns a log of one run.
pub fn log(issues: &[Issue]) -> Value {
    let mut kinds: Vec<&Issue> = issues.iter().collect();
    kinds.sort_by_key(|issue| (issue.code, issue.level));
    kinds.dedup_by_key(|issue| issue.code);
    let rules: Vec<Value> = kinds.iter().map(|issue| rule(issue)).collect();
    let result = |issue: &Issue| {
        let rule = kinds.binary_search_by_key(&issue.code, |kind| kind.code);
        result(issue, rule.unwrap_or_default())
    };
    let results: Vec<Value> = issues.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cachelens",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(level: IssueLevel) -> &'static str {
    match level {
        IssueLevel::Error => "error",
        IssueLevel::Warning => "warning",
        IssueLevel::Info => "note",
    }
}

fn rule(issue: &Issue) -> Value {
    json!({
        "id": issue.code,
        "name": issue.code,
        "shortDescription": { "text": issue.meaning },
        "fullDescription": { "text": issue.meaning },
        "help": { "text": "The result has a hint where there is one. `cachelens help check` and `cachelens help find` say more." },
        "defaultConfiguration": { "level": level(issue.level) },
        "properties": { "tags": ["buildkit", "cache"] },
    })
}

fn result(issue: &Issue, rule: usize) -> Value {
    let (uri, line) = match &issue.place {
        Some(place) => (uri(&place.file), place.line),
        None => (uri(&issue.subject), 1),
    };
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": line, "startColumn": 1, "endLine": line, "endColumn": 1 },
        },
    });
    if issue.place.is_none() {
        location["logicalLocations"] =
            json!([{ "fullyQualifiedName": visible(&issue.subject), "kind": "resource" }]);
    }
    // The message may contain numbers that change; the kind and the subject do not.
    let fingerprint = Digest::of(format!("{}\n{}", issue.code, issue.subject).as_bytes());
    json!({
        "ruleId": issue.code,
        "ruleIndex": rule,
        "level": level(issue.level),
        "message": { "text": issue.text() },
        "locations": [location],
        "partialFingerprints": { "cachelens/v1": fingerprint.short(32) },
    })
}

/// Returns a name as a relative URI: `ghcr.io/acme/app:main` would have a scheme.
fn uri(name: &str) -> String {
    let name = name.trim_start_matches('/');
    let name = if name.is_empty() { "." } else { name };
    utf8_percent_encode(name, PATH).to_string()
}
