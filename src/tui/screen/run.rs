//! A running plan: its progress, the outcome of each item, and how to undo it.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::backend::{Outcome, Totals, Undoability};
use crate::prune::plan::{ItemKind, Plan};
use crate::prune::runs::RunState;
use crate::text::units::grouped;
use crate::tui::effect::{JobId, JobWork, NewBroken, PruneWork};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::confirm::{Confirm, STOP_WATCHING};
use crate::tui::list::{RowList, Sort};
use crate::tui::message::{JobReport, OpenedRun, Phase, Ran, RunFault, RunNews};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::rows::run::{RunKind, RunRows};
use crate::tui::theme::TextRole;
use crate::tui::work::{BackgroundWork, KeptResults, WorkKey};
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
/// The number of latest successful items to list; all other items are listed.
const LATEST: usize = 200;

/// A run of a plan.
#[derive(Debug)]
pub struct RunScreen {
    source: SourceId,
    /// The first job that executes, resumes or undoes it.
    job: Option<JobId>,
    plan: Arc<Plan>,
    undoability: Undoability,
    state: RunScreenState,
    began: Timestamp,
    news: RunNews,
    /// The items that failed, and the latest successful ones.
    wrong: Vec<(usize, Outcome)>,
    latest: Vec<(usize, Outcome)>,
    /// The items moved to the trash, once the run has ended.
    moved: Totals,
    /// How many refs were written again, when the run has ended.
    rewritten: u64,
    /// The rows of the list.
    rows: Arc<RunRows>,
    screen: ListScreen,
}

/// The progress of the run.
#[derive(Debug)]
enum RunScreenState {
    Running(JobId),
    /// It was told to stop, and finishes its current batch.
    Stopping(JobId),
    Ended(Ran),
    /// It ended early.
    Failed(RunFault),
    /// It is an earlier run, according to its journal.
    Past(Arc<OpenedRun>),
    /// This many of its items are being restored.
    Undoing(JobId, usize),
    /// It was undone: restored items, and all items.
    Undone(usize, usize),
    /// It could not be undone.
    NotUndone(String),
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
        let rows = RunRows::new(Arc::clone(&plan), RunKind::Deleted, Vec::new());
        let rows = Arc::new(rows);
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let screen = list_screen(list);
        let job = cx.start(JobWork::Prune(PruneWork::CarryOut(
            source,
            Arc::clone(&plan),
            new_broken,
        )));
        let state = RunScreenState::Running(job);
        Self {
            source,
            job: Some(job),
            plan,
            undoability,
            state,
            began: cx.world.now,
            news: RunNews::default(),
            wrong: Vec::new(),
            latest: Vec::new(),
            moved: Totals::default(),
            rewritten: 0,
            rows,
            screen,
        }
    }

    /// Shows an earlier run of an open source.
    pub fn past(opened: &Arc<OpenedRun>, cx: &mut UiContext<'_>) -> Self {
        let (source, undoability) = opened.source.unwrap_or((SourceId(0), Undoability::None));
        let plan = Arc::clone(&opened.plan);
        let outcome = |outcome: &Option<Outcome>| outcome.clone().unwrap_or(Outcome::Cancelled);
        let (kind, outcomes) = if opened.state == RunState::Undone {
            let restored = opened.restored.iter();
            let restored = restored.map(|(item, outcome)| (*item, outcome.clone()));
            (RunKind::Restored, restored.collect())
        } else {
            let outcomes = opened.outcomes.iter().map(outcome);
            (RunKind::Deleted, outcomes.enumerate().collect())
        };
        let rows = Arc::new(RunRows::new(Arc::clone(&plan), kind, outcomes));
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        Self {
            source,
            job: None,
            plan,
            undoability,
            state: RunScreenState::Past(Arc::clone(opened)),
            began: cx.world.now,
            news: RunNews::default(),
            wrong: Vec::new(),
            latest: Vec::new(),
            moved: Totals::default(),
            rewritten: 0,
            rows,
            screen: list_screen(list),
        }
    }

    fn show(&mut self, deed: RunKind, outcomes: Vec<(usize, Outcome)>, cx: &mut UiContext<'_>) {
        let rows = RunRows::new(Arc::clone(&self.plan), deed, outcomes);
        self.rows = Arc::new(rows);
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    fn apply_news(&mut self, job: JobId, news: &RunNews, cx: &mut UiContext<'_>) {
        match news.phase {
            Phase::Watching(left) => cx.world.set_watch(job, self.source, left),
            _ => drop(cx.world.end_watch(job)),
        }
        for (item, outcome) in &news.outcomes {
            let list = if *outcome == Outcome::Done {
                &mut self.latest
            } else {
                &mut self.wrong
            };
            list.push((*item, outcome.clone()));
        }
        self.latest
            .drain(..self.latest.len().saturating_sub(LATEST));
        self.news = RunNews {
            outcomes: Vec::new(),
            ..news.clone()
        };
        let outcomes = self
            .wrong
            .iter()
            .chain(self.latest.iter().rev())
            .cloned()
            .collect();
        let deed = match self.state {
            RunScreenState::Undoing(..) => RunKind::Restored,
            _ => RunKind::Deleted,
        };
        self.show(deed, outcomes, cx);
    }

    /// Applies the end of the run, and scans the source again.
    fn end(&mut self, result: &Result<Ran, RunFault>, cx: &mut UiContext<'_>) {
        self.state = match result {
            Ok(ran) => {
                let done = ran.report.outcomes.iter().zip(self.plan.delete().iter());
                let done: Vec<_> = done
                    .filter(|(outcome, _)| **outcome == Outcome::Done)
                    .map(|(_, item)| item)
                    .collect();
                let moved = done
                    .iter()
                    .filter(|item| self.plan.moves_to_trash(item.target.kind()));
                self.moved = moved.map(|item| item.target.bytes()).collect();
                let rewritten = done
                    .iter()
                    .filter(|item| item.target.kind() == ItemKind::Results);
                self.rewritten = rewritten.count() as u64;
                let outcomes = ran.report.outcomes.iter().cloned().enumerate().collect();
                self.show(RunKind::Deleted, outcomes, cx);
                RunScreenState::Ended(ran.clone())
            }
            Err(fault) => RunScreenState::Failed(fault.clone()),
        };
        cx.scan(self.source);
    }

    fn undone(&mut self, result: &Result<Vec<(usize, Outcome)>, String>, cx: &mut UiContext<'_>) {
        self.state = match result {
            Ok(outcomes) => {
                let is_back =
                    |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyGone);
                let back = outcomes
                    .iter()
                    .filter(|(_, outcome)| is_back(outcome))
                    .count();
                let of = outcomes.len();
                self.show(RunKind::Restored, outcomes.clone(), cx);
                RunScreenState::Undone(back, of)
            }
            Err(why) => RunScreenState::NotUndone(why.clone()),
        };
        cx.scan(self.source);
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) {
        if let RunScreenState::Running(job) = self.state {
            cx.stop(job);
            self.state = RunScreenState::Stopping(job);
        }
    }

    /// Returns the journal of a run that has ended.
    fn journal(&self) -> Option<&PathBuf> {
        match &self.state {
            RunScreenState::Ended(ran) => Some(&ran.journal),
            RunScreenState::Past(opened) => Some(&opened.journal),
            RunScreenState::Failed(fault) => fault.journal.as_ref(),
            _ => None,
        }
    }

    fn is_watching(&self) -> bool {
        matches!(self.state, RunScreenState::Running(_))
            && matches!(self.news.phase, Phase::Watching(_))
    }

    /// Asks whether to stop watching for builds; all planned deletions are done.
    fn ask_to_stop_watching(cx: &mut UiContext<'_>) {
        cx.show(Confirm::new(
            STOP_WATCHING.to_owned(),
            LayerRequest::StopWatching,
        ));
    }
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
        let label = world.source(self.source).info.label.clone();
        let items = self.plan.delete().len();
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
            Action::Escape if self.is_watching() => Self::ask_to_stop_watching(cx),
            Action::Escape | Action::Quit if self.is_busy() => self.stop(cx),
            Action::Undo => self.ask_to_undo(cx),
            Action::Resume => self.ask_to_resume(cx),
            Action::CopyCommand => self.copy_command(cx),
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::Undo => self.undo(cx),
            LayerRequest::Resume => self.resume(cx),
            LayerRequest::StopWatching => self.stop(cx),
            request => self.answer_for_list(request, cx),
        }
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match (report, &self.state) {
            (
                JobReport::Running(news),
                RunScreenState::Running(waited)
                | RunScreenState::Stopping(waited)
                | RunScreenState::Undoing(waited, _),
            ) if *waited == job => {
                self.apply_news(job, news, cx);
            }
            (
                JobReport::Ran(result),
                RunScreenState::Running(waited) | RunScreenState::Stopping(waited),
            ) if *waited == job => {
                cx.world.end_watch(job);
                self.end(result, cx);
            }
            (JobReport::Undone(result), RunScreenState::Undoing(waited, _)) if *waited == job => {
                self.undone(result, cx);
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn background(&self, world: &World) -> Option<BackgroundWork> {
        let label = &world.source(self.source).info.label;
        Some(BackgroundWork {
            key: WorkKey::Run(self.job?),
            title: match self.state {
                RunScreenState::Undoing(..) => format!("undo in {label}"),
                _ => format!("run in {label}"),
            },
            progress: self.progress_with_pace(world),
            is_running: self.is_busy() || self.is_watching(),
            kept: KeptResults::Never,
        })
    }

    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let is_running = matches!(self.state, RunScreenState::Running(_));
        self.stop(cx);
        is_running.into()
    }

    /// A run that watches for builds continues without its screen.
    fn is_busy(&self) -> bool {
        matches!(
            self.state,
            RunScreenState::Running(_) | RunScreenState::Stopping(_) | RunScreenState::Undoing(..)
        ) && !self.is_watching()
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        self.follow_source(cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source == self.source {
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
        Some(self.source)
    }
}
