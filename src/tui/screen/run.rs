//! A running plan: its progress, the outcome of each item, and how to undo it.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::backend::Undoability;
use crate::prune::plan::Plan;
use crate::text::units::grouped;
use crate::tui::effect::NewBroken;
use crate::tui::keymap::{self, Action};
use crate::tui::layer::confirm::{Confirm, STOP_WATCHING};
use crate::tui::list::{RowList, Sort};
use crate::tui::message::OpenedRun;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::rows::run::RunRows;
use crate::tui::theme::TextRole;
use crate::tui::work::run::RunWork;
use crate::tui::work::{WorkKey, WorkState as _};
use crate::tui::world::{SourceId, World};

mod outcome;
mod panes;
mod progress;
mod restart;

use panes::list_screen;

/// The lines above the list, including the rule below them.
const HEAD: u16 = 4;
/// From this width on there is space for whole sentences.
const WIDE: u16 = 70;
/// A run of a plan.
#[derive(Debug)]
pub struct RunScreen {
    /// `None` for an earlier run that is neither undone nor resumed yet.
    key: Option<WorkKey>,
    work: Arc<RunWork>,
    /// The rows of the list.
    rows: Arc<RunRows>,
    screen: ListScreen,
}

impl RunScreen {
    /// Executes `plan`.
    pub fn new(
        source: SourceId,
        plan: Arc<Plan>,
        new_broken: NewBroken,
        undoability: Undoability,
        cx: &mut UiContext<'_>,
    ) -> Self {
        let (key, work) = RunWork::begin(source, plan, new_broken, undoability, cx);
        Self::of(Some(key), work, cx)
    }

    /// Shows an earlier run of an open source.
    pub fn past(opened: &Arc<OpenedRun>, cx: &mut UiContext<'_>) -> Self {
        let work = Arc::new(RunWork::past(opened, cx));
        Self::of(None, work, cx)
    }

    /// Shows a run.
    pub fn of(key: Option<WorkKey>, work: Arc<RunWork>, cx: &mut UiContext<'_>) -> Self {
        let rows = rows(&work);
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        Self {
            key,
            work,
            rows,
            screen: list_screen(list),
        }
    }

    fn stop(&self, cx: &mut UiContext<'_>) {
        if let Some(key) = self.key {
            cx.stop_work(key);
        }
    }

    /// Asks whether to stop watching for builds; all planned deletions are done.
    fn ask_to_stop_watching(cx: &mut UiContext<'_>) {
        cx.show(Confirm::new(
            STOP_WATCHING.to_owned(),
            LayerRequest::StopWatching,
        ));
    }
}

fn rows(work: &RunWork) -> Arc<RunRows> {
    let plan = Arc::clone(&work.plan);
    let listed = &work.listed;
    Arc::new(RunRows::new(plan, listed.kind, listed.outcomes.clone()))
}

impl Screen for RunScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        use keymap::KeyContext::{Global, List, Run, StoppedRun};
        if self.is_resumable() {
            &[StoppedRun, Run, List, Global]
        } else {
            &[Run, List, Global]
        }
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let label = world.source(self.work.source).info.label.clone();
        let items = self.work.plan.delete().len();
        let items = if items == 1 {
            "1 item".to_owned()
        } else {
            format!("{} items", grouped(items as u64))
        };
        ScreenHeader {
            path: vec![label, "prune".to_owned()],
            facts: vec![items],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = Cell::new(self.available(world), TextRole::Dim);
        self.screen.summary(world, "items", words)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Escape if self.work.is_watching() => Self::ask_to_stop_watching(cx),
            Action::Escape if self.work.is_busy() => self.stop(cx),
            Action::Undo => self.ask_to_undo(cx),
            Action::Resume => self.ask_to_resume(cx),
            Action::CopyCommand => self.copy_command(cx),
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::Undo => self.restart(RunWork::undo, cx),
            LayerRequest::Resume => self.restart(RunWork::resume, cx),
            LayerRequest::StopWatching => self.stop(cx),
            request => self.answer_for_list(request, cx),
        }
    }

    fn work(&self) -> Option<WorkKey> {
        self.key
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        let Some(work) = cx.work::<RunWork>(key) else {
            return;
        };
        let is_new = !Arc::ptr_eq(&work.listed, &self.work.listed);
        self.work = work;
        if is_new {
            self.rows = rows(&self.work);
            self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        self.follow_source(cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source == self.work.source {
            self.screen.forget_preview(cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let lines = self.lines(world, self.screen.head_width(area));
        self.screen.draw_ruled_head(&lines, world, frame, area);
        self.screen.draw(
            world,
            frame,
            area,
            &[Cell::new("Nothing is done yet.", TextRole::Dim)],
        );
        self.draw_boxes(world, frame, area);
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.work.source)
    }
}
