//! The build of a command, and the evidence that would settle open steps.

use super::{ComparedCaches, WhyScreen};
use crate::find::BuildCommand;
use crate::tui::evidence::EvidencePart;
use crate::tui::keymap::Action;
use crate::tui::navigation::UiContext;
use crate::tui::rows::Cell;
use crate::tui::rows::why::ArrangedExplanation;
use crate::tui::screen::Screen as _;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

impl WhyScreen {
    /// Explains the build of a command against the caches that it imports. A command that is not
    /// complete is a line of the prompt.
    pub fn of_command(command: Option<&BuildCommand>, cx: &mut UiContext<'_>) -> Self {
        let complete = command.filter(|command| command.is_complete);
        cx.world
            .evidence
            .explain_command(complete.map(BuildCommand::text));
        let line = command.map(BuildCommand::text).unwrap_or_default();
        Self::with_line(ComparedCaches::Named, line, cx)
    }

    /// Returns the evidence that would decide the undecided steps.
    pub(super) fn settled_by(&self, explained: &ArrangedExplanation, world: &World) -> Cell {
        let [_, _, open] = explained.counts;
        let has_log = explained
            .explanation
            .standings
            .iter()
            .any(|standing| standing.from_log);
        let evidence = self.evidence(world);
        let missing = [
            (
                "the build context",
                evidence.of(EvidencePart::Context).is_empty() && !evidence.has_command(),
            ),
            ("a log of the build", !has_log),
        ];
        let missing: Vec<&str> = missing
            .into_iter()
            .filter(|(_, is_missing)| *is_missing)
            .map(|(word, _)| word)
            .collect();
        let steps = if open == 1 {
            "1 step undecided".to_owned()
        } else {
            format!("{open} steps undecided")
        };
        let cell = Cell::new("?  ", TextRole::Unsure).and(steps, TextRole::Text);
        if missing.is_empty() {
            return cell;
        }
        let key = world.keymap.key_for(self.contexts(), Action::Evidence);
        cell.and(". Press ", TextRole::Text)
            .and(key, TextRole::Key)
            .and(" and add ", TextRole::Text)
            .and(missing.join(" or "), TextRole::Text)
    }
}
