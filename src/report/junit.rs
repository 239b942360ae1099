//! `JUnit` XML, as CI systems show it next to tests: one suite per source or repository, with one
//! case per issue.
//!
//! A case fails if the gate counts its issue. Other issues are passing cases with the issue as
//! output. A suite without issues has one passing case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::Issue;
use crate::text::escape::visible;

/// Formats a document. `suites` are the names of the checked sources; the subject of an issue
/// begins with one of them. `fails` returns whether the gate counts an issue.
pub fn document(suites: &[String], issues: &[Issue], fails: impl Fn(&Issue) -> bool) -> String {
    let mut by_suite: BTreeMap<&str, Vec<&Issue>> = BTreeMap::new();
    for suite in suites {
        by_suite.entry(suite).or_default();
    }
    for issue in issues {
        by_suite
            .entry(suite_of(suites, issue))
            .or_default()
            .push(issue);
    }
    let failed = issues.iter().filter(|issue| fails(issue)).count();
    let tests: usize = by_suite.values().map(|issues| issues.len().max(1)).sum();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "<testsuites name=\"cachelens\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\">"
    );
    for (name, issues) in by_suite {
        let failed = issues.iter().filter(|issue| fails(issue)).count();
        let tests = issues.len().max(1);
        let suite = attribute(name);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">"
        );
        if issues.is_empty() {
            let _ = writeln!(
                text,
                "    <testcase classname=\"{suite}\" name=\"nothing found\"/>"
            );
        }
        for issue in issues {
            text += &case(&suite, issue, fails(issue));
        }
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

/// Returns the longest suite name that the subject of an issue starts with.
fn suite_of<'a>(suites: &'a [String], issue: &'a Issue) -> &'a str {
    let starts = suites.iter().filter(|suite| {
        let rest = issue.subject.strip_prefix(suite.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    });
    let longest = starts.max_by_key(|suite| suite.len());
    match longest {
        Some(suite) => suite,
        None if issue.place.is_some() => suites.first().map_or(&*issue.subject, |suite| suite),
        None => &issue.subject,
    }
}

fn case(suite: &str, issue: &Issue, fails: bool) -> String {
    let name = attribute(&format!("{} {}", issue.code, issue.subject));
    let file = issue.place.as_ref().map_or_else(String::new, |place| {
        format!(
            " file=\"{}\" line=\"{}\"",
            attribute(&place.file),
            place.line
        )
    });
    let text = attribute(&issue.text());
    let kind = issue.level.word();
    let body = if fails {
        format!(
            "      <failure type=\"{kind}\" message=\"{}\">{text}</failure>\n",
            attribute(&issue.message)
        )
    } else {
        format!("      <system-out>{kind}: {text}</system-out>\n")
    };
    format!("    <testcase classname=\"{suite}\" name=\"{name}\"{file}>\n{body}    </testcase>\n")
}

/// Escapes text for attributes and content. XML 1.0 forbids control characters and noncharacters,
/// even escaped.
fn attribute(text: &str) -> String {
    let text: String = visible(text)
        .chars()
        .filter(|character| !matches!(character, '\u{fffe}' | '\u{ffff}'))
        .collect();
    escape(&text).into_owned()
}
