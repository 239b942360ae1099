//! The verdict of a step, in a sign and a word.

use crate::explain::load::Explanation;
use crate::explain::solve::CacheVerdict;
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
        CacheVerdict::Hit => ("✓", "hit", TextRole::Good),
        CacheVerdict::Miss => ("✗", "miss", TextRole::Missing),
        CacheVerdict::Unknown => ("?", "undecided", TextRole::Unsure),
    }
}

/// Returns the width of the words, which depends on the longest one that is used.
pub(super) fn width(explanation: &Explanation) -> usize {
    let mut standings = explanation.standings.iter();
    if standings.any(|standing| standing.verdict == CacheVerdict::Unknown) {
        11
    } else {
        6
    }
}
