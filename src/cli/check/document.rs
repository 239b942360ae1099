//! The findings as a document, and the extent of the checks.

use serde::Serialize;

use super::Mistakes;
use crate::check::ignore::Ignored;
use crate::check::{Finding, Severity};
use crate::cli::modes::ModeRow;
use crate::find::{Mistake, MistakeSeverity};
use crate::report::{Issue, IssueLevel};

#[derive(Serialize)]
pub(super) struct CheckDocument<'a> {
    pub(super) findings: Vec<AnyFinding<'a>>,
    pub(super) summary: CheckSummary,
    /// The findings that the configuration ignores; they are not among the others.
    pub(super) ignored: Vec<Ignored<AnyFinding<'a>>>,
    pub(super) checked: &'a [CheckExtent],
    /// With `--mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modes: Option<&'a [ModeRow]>,
}

/// A finding in a store or in a file.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AnyFinding<'a> {
    Store(&'a Finding),
    File(FileFinding<'a>),
}

/// A mistake in the declaration of a source, with the fields of other findings.
#[derive(Serialize)]
pub(super) struct FileFinding<'a> {
    severity: MistakeSeverity,
    code: &'static str,
    source: &'a str,
    #[serde(rename = "ref")]
    ref_name: Option<&'a str>,
    subject: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
    bytes: Option<u64>,
    file: &'a str,
    line: u32,
}

impl<'a> FileFinding<'a> {
    pub(super) fn new((source, mistake): &'a (String, Mistake)) -> Self {
        Self {
            severity: mistake.severity,
            code: mistake.code,
            source,
            ref_name: None,
            subject: None,
            message: &mistake.message,
            hint: mistake.hint.as_deref(),
            bytes: None,
            file: &mistake.file,
            line: mistake.line,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct CheckSummary {
    pub(super) error: usize,
    pub(super) warning: usize,
    pub(super) info: usize,
}

/// The extent of a check.
#[derive(Serialize)]
pub(super) struct CheckExtent {
    pub(super) source: String,
    pub(super) kind: &'static str,
    pub(super) refs: usize,
    /// `None` if the store does not list them.
    pub(super) blobs: Option<u64>,
    /// The number of blobs that were read and match their digests; `None` if reading was not
    /// requested.
    pub(super) verified_blobs: Option<u64>,
    #[serde(skip)]
    pub(super) shown: String,
}

impl CheckSummary {
    pub(super) fn of(issues: &[Issue]) -> Self {
        let count = |level| issues.iter().filter(|issue| issue.level == level).count();
        Self {
            error: count(IssueLevel::Error),
            warning: count(IssueLevel::Warning),
            info: count(IssueLevel::Info),
        }
    }

    pub(super) fn sentence(self) -> String {
        let part = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            count => Some(format!("{count} {word}s")),
        };
        let parts = [
            part(self.error, "error"),
            part(self.warning, "warning"),
            part(self.info, "info"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "nothing found".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

impl CheckExtent {
    /// Returns the extent of the check as a sentence.
    pub(super) fn sentence(&self) -> String {
        let refs = if self.refs == 1 {
            "1 ref".to_owned()
        } else {
            format!("{} refs", self.refs)
        };
        let blobs = match self.blobs {
            Some(1) => "1 blob stored".to_owned(),
            Some(count) => format!("{count} blobs stored"),
            None => "blobs are not listed there".to_owned(),
        };
        let read = match self.verified_blobs {
            None => "the bytes of layers were not read (--verify reads them)".to_owned(),
            Some(1) => "1 layer matches its digest".to_owned(),
            Some(count) => format!("{count} layers match their digests"),
        };
        format!("checked {}: {refs}, {blobs}; {read}", self.shown)
    }
}

/// Puts the findings of stores and of files together, the most severe first.
pub(super) fn all_findings<'a>(
    findings: &'a [Finding],
    mistakes: &'a Mistakes,
) -> Vec<AnyFinding<'a>> {
    let stores = findings.iter().map(AnyFinding::Store);
    let files = mistakes.iter().map(FileFinding::new).map(AnyFinding::File);
    let mut all: Vec<AnyFinding<'a>> = stores.chain(files).collect();
    all.sort_by_key(|finding| match finding {
        AnyFinding::Store(finding) => finding.severity,
        AnyFinding::File(finding) => match finding.severity {
            MistakeSeverity::Error => Severity::Error,
            MistakeSeverity::Warning => Severity::Warning,
            MistakeSeverity::Info => Severity::Info,
        },
    });
    all
}

/// Returns the findings of stores and of files as issues, the most severe first.
pub(super) fn all_issues(findings: &[Finding], mistakes: &Mistakes) -> Vec<Issue> {
    let of_files = mistakes
        .iter()
        .map(|(_, mistake)| Issue::of_mistake(mistake, "."));
    let issues = findings.iter().map(Issue::of_finding).chain(of_files);
    let mut issues: Vec<Issue> = issues.collect();
    issues.sort_by_key(|issue| issue.level);
    issues
}

/// Puts the ignored findings of stores and of files together.
pub(super) fn all_ignored<'a>(
    findings: &'a [Ignored<Finding>],
    mistakes: &'a [Ignored<(String, Mistake)>],
) -> Vec<Ignored<AnyFinding<'a>>> {
    let stores = findings.iter().map(|entry| entry.map(AnyFinding::Store));
    let files = mistakes
        .iter()
        .map(|entry| entry.map(|found| AnyFinding::File(FileFinding::new(found))));
    stores.chain(files).collect()
}
