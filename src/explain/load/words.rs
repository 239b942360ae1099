//! The words of an explanation, for tables and for screens. They contain texts of builds as they
//! are: escape them before display.

use jiff::SignedDuration;

use super::Explanation;
use super::groups::{CauseGroup, Cost};
use crate::explain::cause::{Cause, CauseKind};
use crate::explain::solve::CacheVerdict;
use crate::format::provenance::StepIndex;
use crate::inventory::labels::StepPlace;
use crate::text::units::Size;

impl Explanation {
    /// Returns the title of a step, on one line.
    pub fn title(&self, step: StepIndex) -> String {
        let text = self.names.get(step.at()).map_or("", |name| &name.text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Returns the location of a step, the first of several.
    pub fn place(&self, step: StepIndex) -> Option<&StepPlace> {
        self.names
            .get(step.at())
            .and_then(|name| name.places.first())
    }

    /// Returns what the steps that run cost together. Nothing is lost where no step runs.
    pub fn lost(&self) -> Cost {
        let steps = self.steps().into_iter();
        let mut cost: Cost = steps
            .filter(|step| self.is_judged(*step))
            .filter(|step| self.standings[step.at()].verdict == CacheVerdict::Miss)
            .map(|step| Cost::of(self, step))
            .collect();
        if self.count(CacheVerdict::Miss) == 0 && self.count(CacheVerdict::Unknown) == 0 {
            cost.took = Some(SignedDuration::ZERO);
            cost.bytes = Some(0);
        }
        cost
    }

    /// Says in one line what is lost, and how many steps hit and run.
    pub fn summary(&self) -> String {
        let lost = self.lost().words();
        let counts = [
            (CacheVerdict::Hit, "hit"),
            (CacheVerdict::Miss, "run"),
            (CacheVerdict::Unknown, "undecided"),
        ];
        let counts = counts
            .into_iter()
            .map(|(verdict, word)| (self.count(verdict), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"));
        let parts: Vec<String> = lost.into_iter().chain(counts).collect();
        match parts.as_slice() {
            [] => "no steps".to_owned(),
            parts => parts.join(", "),
        }
    }
}

impl Cost {
    /// Says what is lost: the time, or the bytes that are written again where no log has the time.
    /// `None` where neither is known.
    pub fn words(&self) -> Option<String> {
        let took = self.took.filter(|took| !took.is_zero());
        let bytes = self.bytes.filter(|bytes| *bytes > 0);
        let least = if self.is_partial { "at least " } else { "" };
        match (took, self.took, bytes) {
            (Some(took), ..) => Some(format!("{} lost", seconds(took))),
            (None, None, Some(bytes)) => Some(format!("{least}{} rewritten", Size(bytes))),
            _ => None,
        }
    }
}

impl CauseGroup {
    /// Returns the consequences of the cause and its total cost; empty if no cost is known.
    pub fn costs(&self) -> String {
        let lost = self.cost.words().unwrap_or_default();
        [lost, self.follows()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    }

    /// Returns the same as a sentence without its full stop: the consequences, then the cost.
    pub fn effects(&self) -> String {
        match (self.follows(), self.cost.words()) {
            (follows, Some(lost)) if !follows.is_empty() => format!("{follows} ({lost})"),
            (follows, lost) => lost.unwrap_or(follows),
        }
    }

    fn follows(&self) -> String {
        match (self.followers, self.steps.len()) {
            (0, _) => String::new(),
            (1, 1) => "1 later step re-runs because of it".to_owned(),
            (count, 1) => format!("{count} later steps re-run because of it"),
            (1, _) => "1 later step re-runs because of them".to_owned(),
            (count, _) => format!("{count} later steps re-run because of them"),
        }
    }
}

/// Describes why a step runs.
pub fn sentence(cause: &Cause) -> String {
    part_sentence(cause.kind, &cause.detail_with_flag())
}

/// Names the files whose change is the only reason why a step runs.
pub fn files_that_changed(cause: &Cause) -> Option<String> {
    let change = match cause.kind {
        CauseKind::Content => "changed",
        CauseKind::FileAdded => "added",
        CauseKind::FileRemoved => "removed",
        _ => return None,
    };
    let is_alike = cause.paths.iter().all(|path| path.kind == cause.kind);
    let are_known = !cause.paths.is_empty() && is_alike && cause.also.is_empty();
    are_known.then(|| format!("{} {change}", cause.detail))
}

/// Describes which part of a step changed, or why it runs.
pub fn part_sentence(kind: CauseKind, detail: &str) -> String {
    match kind {
        CauseKind::Command => format!("its command changed: {detail}"),
        CauseKind::Environment => format!("a variable changed: {detail}"),
        CauseKind::BuildArg => format!("a build argument changed: {detail}"),
        CauseKind::UserOrWorkdir => format!("the user or the working directory changed: {detail}"),
        CauseKind::Mount => format!("its mounts changed: {detail}"),
        CauseKind::Option => format!("an option changed: {detail}"),
        CauseKind::Heredoc => format!("its heredoc changed: {detail}"),
        CauseKind::Content => format!("files changed: {detail}"),
        CauseKind::Mode => format!("the permissions of files changed: {detail}"),
        CauseKind::Owner => format!("the owner of files changed: {detail}"),
        CauseKind::LinkTarget => format!("a link points elsewhere: {detail}"),
        CauseKind::FileAdded => format!("files were added: {detail}"),
        CauseKind::FileRemoved => format!("files were removed: {detail}"),
        CauseKind::BaseImage => format!("the base image changed: {detail}"),
        CauseKind::RemoteContent => format!("the content that it fetches changed: {detail}"),
        CauseKind::Platform => format!("the platform changed: {detail}"),
        CauseKind::Upstream => format!("because of another step: {detail}"),
        CauseKind::Network => format!("the network changed: {detail}"),
        CauseKind::Timestamp => format!("timestamps changed: {detail}"),
        CauseKind::StepRemoved => format!("an earlier instruction was removed: {detail}"),
        CauseKind::StepMoved => format!("earlier instructions moved: {detail}"),
        CauseKind::ImportFailed
        | CauseKind::SeveralImports
        | CauseKind::ExportedSince
        | CauseKind::LinkedTarget
        | CauseKind::NewStep
        | CauseKind::ResultDropped
        | CauseKind::NotExported
        | CauseKind::BlobMissing
        | CauseKind::ConfigUnreadable
        | CauseKind::NoCache
        | CauseKind::Unexplained => detail.to_owned(),
    }
}

/// Formats a duration.
pub fn seconds(took: SignedDuration) -> String {
    let seconds = took.as_secs_f64();
    match seconds {
        ..10.0 => format!("{seconds:.1}s"),
        ..60.0 => format!("{seconds:.0}s"),
        _ => format!("{}m {:02}s", took.as_secs() / 60, took.as_secs() % 60),
    }
}
