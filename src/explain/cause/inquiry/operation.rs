//! Finds which part of an operation changed, when no cache holds the operation.

use super::Inquiry;
use crate::explain::cause::{Cause, CauseKind, CausePart, own, plain};
use crate::format::provenance::StepIndex;

/// What to do when `SOURCE_DATE_EPOCH` differs.
const EPOCH_REMEDY: &str = "pass SOURCE_DATE_EPOCH only where the image is exported, or the same value in all builds that share a cache";

impl Inquiry<'_> {
    /// Finds which part of an operation changed, when no cache holds the operation.
    pub(super) fn of_operation(&self, step: StepIndex) -> Option<Cause> {
        let facts = self.facts;
        let runs_above = self.has_missing_input(step);
        if facts.of_other_build.contains(&step.at()) {
            let detail = "the build of the log had another argument, option or base image here or below, which the evidence does not have";
            return (!runs_above).then(|| Cause::new(CauseKind::Unexplained, detail));
        }
        let (Some(before), Some(pairs)) = (&facts.before, &self.pairs) else {
            let parts = plain::change(&facts.now, step, &self.left_over);
            if let Some(cause) = Cause::of_parts(parts) {
                return Some(cause);
            }
            let detail = "the imported refs do not hold this operation; without an earlier build, nothing shows whether it changed or was never exported here";
            return (!runs_above).then(|| Cause::new(CauseKind::Unexplained, detail));
        };
        let Some(earlier) = pairs[step.at()] else {
            return Some(Cause::new(
                CauseKind::NewStep,
                "the earlier build had no such step",
            ));
        };
        if before.keys[earlier.at()].digests == facts.now.keys[step.at()].digests {
            let detail =
                "the earlier build had the same step, and the imported refs do not hold it";
            return (!runs_above).then(|| Cause::new(CauseKind::NotExported, detail));
        }
        let base = self.base_image_changed(step, before, earlier);
        let parts = own::change(&facts.now, step, before, earlier, base);
        let Some(mut cause) = Cause::of_parts(parts) else {
            // The rest comes from the image.
            return match runs_above {
                true => None,
                false if base => Some(self.base_image_of(step)),
                false => Some(Cause::new(
                    CauseKind::Unexplained,
                    "its key differs from that of the earlier build, and the evidence does not show why",
                )),
            };
        };
        if matches!(cause.kind, CauseKind::Command | CauseKind::Heredoc) {
            let text = own::text_change(facts.now.build, step, before.build, earlier);
            if let Some(text) = text {
                cause.detail = own::counted(&text);
                cause.text = text;
            }
        }
        if cause.detail.starts_with("SOURCE_DATE_EPOCH ") {
            cause.remedy = Some(EPOCH_REMEDY.to_owned());
        }
        Some(cause)
    }

    /// Explains a step whose result was exported after the build began. Uses the earlier build, if
    /// that shows a change.
    pub(super) fn written_since(&self, step: StepIndex) -> Cause {
        let changed = self.of_operation(step).filter(|cause| {
            !matches!(
                cause.kind,
                CauseKind::Unexplained | CauseKind::NotExported | CauseKind::ResultDropped
            )
        });
        let detail = "this build or a later one exported to the ref, so the ref does not show whether the build found a result";
        let remedy = "explain against the ref as it was before this build: its previous version (such as main~1), another tag, or a tag per commit; --baseline git:REV shows the changes of the files";
        let mut cause = changed.unwrap_or_else(|| Cause::new(CauseKind::ExportedSince, detail));
        if cause.kind != CauseKind::ExportedSince {
            cause
                .also
                .push(CausePart::new(CauseKind::ExportedSince, detail));
        }
        cause.remedy = Some(remedy.to_owned());
        cause
    }
}
