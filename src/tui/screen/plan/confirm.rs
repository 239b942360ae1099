//! Carrying out a plan, and saving it.

use std::sync::Arc;

use super::words::question;
use super::{CONTEXTS, PlanScreen, PlanState};
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::layer::confirm::Confirm;
use crate::tui::layer::typed::Typed;
use crate::tui::navigation::UiContext;
use crate::tui::pruning::{Deleting, DeletionScope};
use crate::tui::screen::LayerRequest;
use crate::tui::screen::run::RunScreen;
use crate::tui::world::StatusKind;

impl PlanScreen {
    /// Copies the command that starts the program with the permission to delete.
    pub(super) fn copy_command(&self, cx: &mut UiContext<'_>) {
        match &cx.world.source(self.source).info.deleting {
            Deleting::ReadOnly { command } => cx.effect(Effect::Copy(command.clone())),
            _ => {
                let key = cx.world.keymap.key_for(CONTEXTS, Action::Save);
                let words = format!(
                    "this plan can be carried out here; {key} saves it for `prune --apply`"
                );
                cx.world.note(StatusKind::Failed, words);
            }
        }
    }

    /// Asks for confirmation to execute the plan.
    pub(super) fn confirm(&self, cx: &mut UiContext<'_>) {
        let PlanState::Ready(planned) = &self.state else {
            return cx.world.note(StatusKind::Failed, "there is no plan yet");
        };
        let info = &cx.world.source(self.source).info;
        let plan = &planned.plan;
        if let Some(why) = info.deleting.refusal() {
            let is_read_only = matches!(info.deleting, Deleting::ReadOnly { .. });
            let key = cx.world.keymap.key_for(CONTEXTS, Action::CopyCommand);
            let hint = if is_read_only {
                format!(" ({key} copies it)")
            } else {
                String::new()
            };
            return cx.world.note(StatusKind::Failed, why + &hint);
        }
        if plan.is_empty() {
            return cx
                .world
                .note(StatusKind::Failed, "this plan deletes nothing");
        }
        let question = match self.scope {
            DeletionScope::Trash => question::to_empty_trash(planned, &info.label),
            DeletionScope::Repair(_) => question::to_repair(planned, &info.label),
            DeletionScope::Policy | DeletionScope::WithRule(_) | DeletionScope::Marked(_) => {
                question::to_delete(planned, &info.label, self.new_broken)
            }
        };
        if plan.needs_typed_confirmation().is_some() {
            let name = info.label.clone();
            cx.show(Typed::new(question, name, LayerRequest::CarryOut));
        } else {
            cx.show(Confirm::new(question, LayerRequest::CarryOut));
        }
    }

    /// Executes the confirmed plan: replaces this screen with the one of the run.
    pub(super) fn carry_out(&self, cx: &mut UiContext<'_>) {
        // The confirmation was for the visible plan: while a layer is open, no key reaches this
        // screen.
        let PlanState::Ready(planned) = &self.state else {
            return;
        };
        let run = RunScreen::new(
            self.source,
            Arc::clone(&planned.plan),
            self.new_broken,
            planned.draft.undoability(),
            cx,
        );
        cx.back();
        cx.push(run);
    }
}
