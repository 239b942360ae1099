//! Undoing a run, and resuming it.

use super::RunScreen;
use crate::backend::{Outcome, Undoability};
use crate::prune::runs::{self, RunState};
use crate::text::plural::one_or;
use crate::text::units::grouped;
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::layer::confirm::Confirm;
use crate::tui::navigation::UiContext;
use crate::tui::pruning::Deleting;
use crate::tui::screen::LayerRequest;
use crate::tui::screen::Screen;
use crate::tui::work::run::{RunProgress, RunWork};
use crate::tui::work::{WorkKey, WorkState as _};
use crate::tui::world::{StatusKind, World};

impl RunScreen {
    pub(super) fn ask_to_undo(&self, cx: &mut UiContext<'_>) {
        let deleted = match &self.work.state {
            RunProgress::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            RunProgress::Past(opened) => opened.deleted(),
            RunProgress::Failed(_) => self.work.news.deleted,
            _ => 0,
        };
        if let Some(why) = cx.world.source(self.work.source).info.deleting.refusal() {
            return cx.world.note(StatusKind::Failed, why);
        }
        match self.work.journal() {
            None if self.work.is_busy() => {
                let words = self.is_running(cx.world);
                cx.world.note(StatusKind::Failed, words);
            }
            None => cx
                .world
                .note(StatusKind::Failed, "there is nothing to restore"),
            Some(_) if self.work.undoability == Undoability::None => {
                cx.world.note(
                    StatusKind::Failed,
                    "that store keeps nothing that was deleted",
                );
            }
            Some(_) if deleted == 0 => {
                let is_undone = matches!(&self.work.state, RunProgress::Past(opened) if opened.state == RunState::Undone);
                let words = if is_undone {
                    "everything that this run deleted is restored"
                } else {
                    "nothing was deleted"
                };
                cx.world.note(StatusKind::Failed, words);
            }
            Some(_) => {
                let label = &cx.world.source(self.work.source).info.label;
                let items = one_or(deleted, "item", "items");
                let as_far = match self.work.undoability {
                    Undoability::Partial(limit) => format!("? {limit}"),
                    Undoability::Full | Undoability::None => {
                        ", as far as the trash still has them?".to_owned()
                    }
                };
                let deleted = grouped(deleted as u64);
                let question = format!(
                    "Restore into {label} the {deleted} {items} that this run deleted{as_far}"
                );
                cx.show(Confirm::new(question, LayerRequest::Undo));
            }
        }
    }

    /// Undoes or resumes the run.
    pub(super) fn restart(
        &mut self,
        again: fn(&mut RunWork, &mut UiContext<'_>),
        cx: &mut UiContext<'_>,
    ) {
        if let Some(key) = self.key {
            cx.change_work(key, again);
            return;
        }
        let mut work = (*self.work).clone();
        again(&mut work, cx);
        if let Some(job) = work.job() {
            let key = WorkKey::Run(job);
            self.key = Some(key);
            self.work = cx.begin_work(key, work);
        }
    }

    /// Returns whether a resumed run would try any items.
    pub(super) fn is_resumable(&self) -> bool {
        let is_left =
            |outcome: &Outcome| matches!(outcome, Outcome::Cancelled | Outcome::Failed(_));
        match &self.work.state {
            RunProgress::Ended(ran) => ran.report.outcomes.iter().any(is_left),
            RunProgress::Past(opened) => matches!(opened.state, RunState::Stopped { .. }),
            RunProgress::Failed(fault) => fault.journal.is_some(),
            _ => false,
        }
    }

    pub(super) fn ask_to_resume(&self, cx: &mut UiContext<'_>) {
        let info = &cx.world.source(self.work.source).info;
        let refused = match &info.deleting {
            Deleting::Allowed if self.work.is_busy() => Some(self.is_running(cx.world)),
            Deleting::Allowed if !self.is_resumable() => {
                Some("there is nothing left to do in this run".to_owned())
            }
            deleting => deleting.refusal(),
        };
        if let Some(why) = refused {
            return cx.world.note(StatusKind::Failed, why);
        }
        let question = format!(
            "Resume the run in {}? Each item that is left is checked again just before it is deleted.",
            info.label
        );
        cx.show(Confirm::new(question, LayerRequest::Resume));
    }

    fn is_running(&self, world: &World) -> String {
        let key = world.keymap.key_for(self.contexts(), Action::Escape);
        format!("it is running; {key} stops it")
    }

    /// Copies the command that resumes the run, or undoes it if there is nothing left to do.
    pub(super) fn copy_command(&self, cx: &mut UiContext<'_>) {
        let flag = if self.is_resumable() {
            "--resume"
        } else {
            "--undo"
        };
        match self.work.journal() {
            Some(journal) => cx.effect(Effect::Copy(runs::command(flag, journal))),
            None => cx
                .world
                .note(StatusKind::Failed, "the run has no journal yet"),
        }
    }
}
