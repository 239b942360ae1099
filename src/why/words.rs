//! The words for an explanation, which people read in tables and on screens alike. Texts of builds stand in them as they are;
//! whoever shows them makes them fit to be shown.

use jiff::SignedDuration;

use super::Explanation;
use super::groups::Group;
use crate::explain::cause::{Cause, CauseKind};
use crate::explain::names::Place;
use crate::explain::solve::Verdict;
use crate::format::provenance::StepIndex;

impl Explanation {
    /// Returns what a step is called, on one line.
    pub fn title(&self, step: StepIndex) -> String {
        let text = self.names.get(step.at()).map_or("", |name| &name.text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Returns where a step stands, the first place of several.
    pub fn place(&self, step: StepIndex) -> Option<&Place> {
        self.names.get(step.at()).and_then(|name| name.places.first())
    }

    /// Returns how long the steps that ran took together, as far as a log tells.
    pub fn lost(&self) -> SignedDuration {
        let steps = self.steps();
        let ran = steps.iter().filter(|step| self.standings[step.at()].verdict == Verdict::Miss);
        ran.filter_map(|step| self.busy[step.at()]).sum()
    }
}

impl Group {
    /// Says what follows from the cause, and what it costs in all; nothing when it is not known to cost anything.
    pub fn costs(&self) -> String {
        let follows = match (self.followers, self.steps.len()) {
            (0, _) => String::new(),
            (1, 1) => "1 step after it runs, too".to_owned(),
            (count, 1) => format!("{count} steps after it run, too"),
            (1, _) => "1 step after them runs, too".to_owned(),
            (count, _) => format!("{count} steps after them run, too"),
        };
        let took = if self.took.is_zero() { String::new() } else { format!("costs {}", seconds(self.took)) };
        [follows, took].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// Says why a step runs.
pub fn sentence(cause: &Cause) -> String {
    let detail = &cause.detail;
    match cause.kind {
        CauseKind::Command => format!("its command changed: {detail}"),
        CauseKind::Environment => format!("a variable changed: {detail}"),
        CauseKind::BuildArg => format!("a build argument changed: {detail}"),
        CauseKind::UserOrWorkdir => format!("the user or the working directory changed: {detail}"),
        CauseKind::Mount => format!("its mounts changed: {detail}"),
        CauseKind::Option => format!("an option changed: {detail}"),
        CauseKind::Heredoc => format!("its heredoc changed: {detail}"),
        CauseKind::Content => format!("the content of files changed: {detail}"),
        CauseKind::Mode => format!("the permissions of files changed: {detail}"),
        CauseKind::Owner => format!("the owner of files changed: {detail}"),
        CauseKind::LinkTarget => format!("a link points elsewhere: {detail}"),
        CauseKind::FileAdded => format!("files were added: {detail}"),
        CauseKind::FileRemoved => format!("files were removed: {detail}"),
        CauseKind::BaseImage => format!("the image below changed: {detail}"),
        CauseKind::RemoteContent => format!("what it fetches changed: {detail}"),
        CauseKind::Platform => format!("the platform changed: {detail}"),
        CauseKind::Upstream => format!("what it stands on runs: {detail}"),
        CauseKind::NewStep
        | CauseKind::ResultDropped
        | CauseKind::NotExported
        | CauseKind::BlobMissing
        | CauseKind::ConfigUnreadable
        | CauseKind::NoCache
        | CauseKind::Unexplained => detail.clone(),
    }
}

/// Writes how long something took.
pub fn seconds(took: SignedDuration) -> String {
    let seconds = took.as_secs_f64();
    match seconds {
        ..10.0 => format!("{seconds:.1}s"),
        ..100.0 => format!("{seconds:.0}s"),
        _ => format!("{}m {:02}s", took.as_secs() / 60, took.as_secs() % 60),
    }
}
