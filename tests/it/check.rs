//! `check`: each fault is found in a store that has it, and in no other.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::command::Run;

mod elsewhere;
mod local;
mod modes;
mod remote;
mod updates;
mod versions;

/// Formats the findings of a document, one per line, with the advice below.
fn findings_of(report: &Value) -> String {
    let mut text = String::new();
    for finding in report["findings"].as_array().unwrap() {
        let field = |name: &str| finding[name].as_str().unwrap_or("-").to_owned();
        let (severity, code, of, message) = (
            field("severity"),
            field("code"),
            field("ref"),
            field("message"),
        );
        let bytes = finding["bytes"]
            .as_u64()
            .map_or_else(String::new, |bytes| format!(" {bytes} B"));
        writeln!(text, "{severity} {code} {of}{bytes}: {message}").unwrap();
        if let Some(hint) = finding["hint"].as_str() {
            writeln!(text, "  {hint}").unwrap();
        }
    }
    text
}

/// Replaces the values that differ between runs.
fn redacted(text: &str) -> String {
    let words = [
        (r"sha256[:/][0-9a-f]{64}", "DIGEST"),
        (r"`(RUN|COPY|FILE|source) [0-9a-f]{12}`", "`$1 KEY`"),
        (r"begun \d+y( \d+d)? ago", "begun AGE ago"),
        (r"\d+y( \d+d)? from now", "YEARS from now"),
        (r"evicted in \d+h( \d+m)?", "evicted in HOURS"),
    ];
    let replace = |text: String, (pattern, word): (&str, &str)| {
        regex::Regex::new(pattern)
            .unwrap()
            .replace_all(&text, word)
            .into_owned()
    };
    words.into_iter().fold(text.to_owned(), replace)
}

/// Returns the codes of the findings of a document.
fn codes(report: &Value) -> Vec<&str> {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// Returns the document of a run that ended with `code`.
fn ended(run: &Run, code: i32) -> Value {
    assert_eq!(run.code, Some(code), "{run}");
    run.json()
}
