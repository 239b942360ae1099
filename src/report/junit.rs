//! `JUnit` XML, as CI systems show it next to tests: one suite per source or repository, with one
//! case per issue.
//!
//! A case fails if the gate counts its issue. Other issues are passing cases with the issue as
//! output. A suite without issues has one passing case.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::Issue;
use crate::text::escape::visible;

/// Formats a document. `suites` are the names of the checked sources; the subject of an issue
/// begins with one of them. `fails` returns whether the gate counts an issue.
///
/// # Errors
/// If the XML cannot be written.
pub fn document(
    suites: &[String],
    issues: &[Issue],
    fails: impl Fn(&Issue) -> bool,
) -> Result<String, SerializeError> {
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
    let mut report = Report::new("cachelens");
    for (name, issues) in by_suite {
        let name = visible(name);
        let mut suite = TestSuite::new(&*name);
        if issues.is_empty() {
            let mut case = TestCase::new("nothing found", TestCaseStatus::success());
            case.set_classname(&*name);
            suite.add_test_case(case);
        }
        for issue in issues {
            suite.add_test_case(case(&name, issue, fails(issue)));
        }
        report.add_test_suite(suite);
    }
    report.to_string()
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

fn case(suite: &str, issue: &Issue, fails: bool) -> TestCase {
    let text = visible(&issue.text()).into_owned();
    let kind = issue.level.word();
    let mut status = TestCaseStatus::success();
    if fails {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_type(kind)
            .set_message(&*visible(&issue.message))
            .set_description(&text);
    }
    let name = format!("{} {}", issue.code, issue.subject);
    let mut case = TestCase::new(&*visible(&name), status);
    case.set_classname(suite);
    if let Some(place) = &issue.place {
        let attributes = [
            ("file", visible(&place.file).into_owned()),
            ("line", place.line.to_string()),
        ];
        case.extra
            .extend(attributes.map(|(name, value)| (name.into(), value.into())));
    }
    if !fails {
        case.set_system_out(format!("{kind}: {text}"));
    }
    case
}
