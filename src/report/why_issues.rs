//! The misses of an explained build as issues, for SARIF and `JUnit`.

use super::issue::IssuePlace;
use super::why::{ExplainedBuild, cause_lines};
use super::{Issue, IssueLevel};
use crate::explain::load::groups::CauseGroups;
use crate::format::provenance::StepIndex;

/// The cause of a miss, and the steps where it lies.
pub struct CauseIssue {
    /// The cause, at its first step.
    pub issue: Issue,
    /// All steps where it lies.
    pub steps: Vec<StepIndex>,
}

/// Returns an issue for each cause of a build.
pub fn of_build(explained: &ExplainedBuild<'_>) -> Vec<CauseIssue> {
    let explanation = explained.explanation;
    let mut issues = Vec::new();
    for group in CauseGroups::new(explanation).all {
        let Some((step, cause, lines)) = cause_lines(explained, &group) else {
            continue;
        };
        let line = explanation.place(step).map(|place| place.first_line);
        let place = explained.file(step).zip(line);
        let place = place.map(|(file, line)| IssuePlace { file, line });
        let subject = match &place {
            Some(place) => format!("{}:{}", place.file, place.line),
            None => explanation.title(step),
        };
        let issue = Issue {
            level: IssueLevel::Warning,
            code: cause.kind.word(),
            meaning: format!("A step misses its cache ({}).", cause.kind.word()).into(),
            message: lines.join("; "),
            hint: cause.advice().map(str::to_owned),
            subject,
            place,
        };
        let steps = group.steps;
        issues.push(CauseIssue { issue, steps });
    }
    issues
}
