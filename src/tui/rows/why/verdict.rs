//! The verdict of a step, in a sign and a word.

use crate::explain::load::Explanation;
use crate::explain::solve::Verdict;
use crate::format::provenance::StepIndex;
use crate::tui::theme::TextRole;

/// Returns the sign and the word of a verdict.
pub(super) fn sign(
    explanation: &Explanation,
    step: StepIndex,
) -> (&'static str, &'static str, TextRole) {
    if !explanation.is_judged(step) {
        return ("·", "", TextRole::Dim);
    }
    match explanation.standings[step.at()].verdict {
        Verdict::Hit => ("✓", "hit", TextRole::Good),
        Verdict::Miss => ("✗", "miss", TextRole::Missing),
        Verdict::Unknown => ("?", "undecided", TextRole::Unsure),
    }
}

/// Returns the width of the words, which depends on the longest one that is used.
pub(super) fn width(explanation: &Explanation) -> usize {
    let mut standings = explanation.standings.iter();
    if standings.any(|standing| standing.verdict == Verdict::Unknown) {
        11
    } else {
        6
    }
}
