//! The panes of a wide screen next to and below the runs: the items of the run under the cursor, and
//! the bytes of its source, with those in the trash.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{CONTEXTS, RunsScreen};
use crate::prune::runs::PastRun;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::list::RowList;
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::{Cell, moment};
use crate::tui::screen::list_screen::draw_boxes;
use crate::tui::screen::run::RunScreen;
use crate::tui::screen::{Screen, ScreenHeader};
use crate::tui::theme::TextRole;
use crate::tui::widget::treemap;
use crate::tui::world::World;

/// A run whose journal is being read, or that was read.
pub(super) struct RunPreview {
    title: String,
    state: RunPreviewState,
}

enum RunPreviewState {
    Reading(JobId),
    Read(Box<RunScreen>),
    Failed,
}

impl RunPreview {
    /// Reads the journal of a run.
    pub(super) fn new(run: &PastRun, cx: &mut UiContext<'_>) -> Self {
        Self {
            title: run.started.map(moment).unwrap_or_default(),
            state: RunPreviewState::Reading(cx.start(JobWork::OpenRun(run.journal.clone()))),
        }
    }
}

impl Screen for RunPreview {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, _world: &World) -> ScreenHeader {
        ScreenHeader {
            path: vec![self.title.clone()],
            facts: Vec::new(),
        }
    }

    fn summary(&self, _world: &World) -> Cell {
        Cell::default()
    }

    fn act(&mut self, _action: Action, _cx: &mut UiContext<'_>) -> Handled {
        Handled::No
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match (&mut self.state, report) {
            (RunPreviewState::Reading(reading), JobReport::RunOpened(result))
                if *reading == job =>
            {
                self.state = match result {
                    Ok(opened) => RunPreviewState::Read(Box::new(RunScreen::past(opened, cx))),
                    Err(_) => RunPreviewState::Failed,
                };
            }
            (RunPreviewState::Read(run), report) => run.report(job, report, cx),
            _ => {}
        }
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        match &mut self.state {
            RunPreviewState::Reading(job) => cx.stop(*job),
            RunPreviewState::Read(run) => run.leave(cx),
            RunPreviewState::Failed => {}
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.draw_preview(world, frame, area);
    }

    fn list(&self) -> Option<&RowList> {
        match &self.state {
            RunPreviewState::Read(run) => run.list(),
            RunPreviewState::Reading(_) | RunPreviewState::Failed => None,
        }
    }
}

impl RunsScreen {
    /// Draws the bytes of the run's source as boxes below few rows, if it is open.
    pub(super) fn draw_boxes(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let filler = self.screen.areas(area).filler;
        let (Some(filler), Some(run)) = (filler, self.current()) else {
            return;
        };
        let mut sources = world.sources.iter();
        let source = sources.find(|source| source.info.label == run.source);
        let Some(found) = source.and_then(|source| source.found.as_ref()) else {
            return;
        };
        let title = Cell::new(" bytes of ", TextRole::Dim)
            .and(run.source.clone(), TextRole::Text)
            .and(
                " now: ▓ only in one ref  ░ shared  ▒ orphaned  ▚ in the trash ",
                TextRole::Dim,
            );
        draw_boxes(
            &title,
            &treemap::of_source(found),
            world,
            frame,
            Some(filler),
        );
    }
}
