//! Undoing a run, and resuming it.

use super::{RunScreen, RunScreenState};
use crate::backend::{Outcome, Undoability};
use crate::prune::runs::{self, RunState};
use crate::text::plural::one_or;
use crate::text::units::grouped;
use crate::tui::effect::{Effect, JobWork, PruneWork};
use crate::tui::keymap::Action;
use crate::tui::layer::confirm::Confirm;
use crate::tui::message::RunNews;
use crate::tui::navigation::UiContext;
use crate::tui::pruning::Deleting;
use crate::tui::screen::LayerRequest;
use crate::tui::screen::Screen;
use crate::tui::world::{StatusKind, World};

impl RunScreen {
    pub(super) fn ask_to_undo(&self, cx: &mut UiContext<'_>) {
        let deleted = match &self.state {
            RunScreenState::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            RunScreenState::Past(opened) => opened.deleted(),
            RunScreenState::Failed(_) => self.news.deleted,
            _ => 0,
        };
        if let Some(why) = cx.world.source(self.source).info.deleting.refusal() {
            return cx.world.note(StatusKind::Failed, why);
        }
        match self.journal() {
            None if self.is_busy() => {
                let words = self.is_running(cx.world);
                cx.world.note(StatusKind::Failed, words);
            }
            None => cx
                .world
                .note(StatusKind::Failed, "there is nothing to restore"),
            Some(_) if self.undoability == Undoability::None => {
                cx.world.note(
                    StatusKind::Failed,
                    "that store keeps nothing that was deleted",
                );
            }
            Some(_) if deleted == 0 => {
                let is_undone = matches!(&self.state, RunScreenState::Past(opened) if opened.state == RunState::Undone);
                let words = if is_undone {
                    "everything that this run deleted is restored"
                } else {
                    "nothing was deleted"
                };
                cx.world.note(StatusKind::Failed, words);
            }
            Some(_) => {
                let label = &cx.world.source(self.source).info.label;
                let items = one_or(deleted, "item", "items");
                let as_far = match self.undoability {
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

    pub(super) fn undo(&mut self, cx: &mut UiContext<'_>) {
        let deleted = match &self.state {
            RunScreenState::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            RunScreenState::Past(opened) => opened.deleted(),
            _ => self.news.deleted,
        };
        if let Some(journal) = self.journal().cloned() {
            let job = cx.start(JobWork::Prune(PruneWork::Undo(self.source, journal)));
            self.start_again(RunScreenState::Undoing(job, deleted), cx);
        }
    }

    /// Returns whether a resumed run would try any items.
    pub(super) fn is_resumable(&self) -> bool {
        let is_left =
            |outcome: &Outcome| matches!(outcome, Outcome::Cancelled | Outcome::Failed(_));
        match &self.state {
            RunScreenState::Ended(ran) => ran.report.outcomes.iter().any(is_left),
            RunScreenState::Past(opened) => matches!(opened.state, RunState::Stopped { .. }),
            RunScreenState::Failed(fault) => fault.journal.is_some(),
            _ => false,
        }
    }

    pub(super) fn ask_to_resume(&self, cx: &mut UiContext<'_>) {
        let info = &cx.world.source(self.source).info;
        let refused = match &info.deleting {
            Deleting::Allowed if self.is_busy() => Some(self.is_running(cx.world)),
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

    pub(super) fn resume(&mut self, cx: &mut UiContext<'_>) {
        if let Some(journal) = self.journal().cloned() {
            let job = cx.start(JobWork::Prune(PruneWork::Resume(self.source, journal)));
            self.start_again(RunScreenState::Running(job), cx);
        }
    }

    fn start_again(&mut self, state: RunScreenState, cx: &mut UiContext<'_>) {
        if let RunScreenState::Running(job) | RunScreenState::Undoing(job, _) = state {
            self.job.get_or_insert(job);
        }
        self.state = state;
        self.began = cx.world.now;
        self.news = RunNews::default();
        self.wrong.clear();
        self.latest.clear();
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
        match self.journal() {
            Some(journal) => cx.effect(Effect::Copy(runs::command(flag, journal))),
            None => cx
                .world
                .note(StatusKind::Failed, "the run has no journal yet"),
        }
    }
}
