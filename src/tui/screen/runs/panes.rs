//! The panes of a wide screen next to and below the runs: the items of the run under the cursor, and
//! the bytes of its source, with those in the trash.

use std::cmp::Reverse;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{CONTEXTS, RunsScreen};
use crate::prune::runs::PastRun;
use crate::text::units::Size;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::{self, Action};
use crate::tui::list::RowList;
use crate::tui::message::JobReport;
use crate::tui::navigation::UiContext;
use crate::tui::rows::{Cell, moment};
use crate::tui::screen::list_screen::draw_boxes;
use crate::tui::screen::run::RunScreen;
use crate::tui::screen::{Screen, ScreenHeader};
use crate::tui::theme::TextRole;
use crate::tui::widget::{detail, text, treemap};
use crate::tui::world::World;

/// Before the first run, at most so many sources are listed.
const MOST_SOURCES: usize = 5;
/// Before the first run, boxes have at least so many lines.
const LEAST_BOXES: u16 = 6;

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

/// Draws the screen before the first run: what will be listed, what a prune of each open source
/// could free, and the bytes of the source with the most orphans.
pub(super) fn draw_empty(world: &World, frame: &mut Frame<'_>, area: Rect) {
    let plan = world
        .keymap
        .key_for(&[keymap::KeyContext::Sources], Action::Plan);
    let mut sentences = vec![
        Cell::text("Nothing was pruned yet."),
        Cell::new(
            format!(
                "{plan} on Sources or Refs plans a prune. Each run is listed here, with its trash and its undo."
            ),
            TextRole::Dim,
        ),
    ];
    let scanned = world.open_sources().filter_map(|source| {
        let found = source.found.as_ref()?;
        Some((source, found, found.totals.orphan?.bytes))
    });
    let mut scanned: Vec<_> = scanned.collect();
    scanned.sort_by_key(|(.., orphan)| Reverse(*orphan));
    for (source, found, orphan) in scanned.iter().take(MOST_SOURCES) {
        let stored = Size(found.totals.stored().bytes);
        sentences.push(
            Cell::new(source.info.label.clone(), TextRole::Strong)
                .and(format!(": {} of {stored} ", Size(*orphan)), TextRole::Text)
                .and("in blobs that no ref reaches", TextRole::Dim),
        );
    }
    let width = area.width.saturating_sub(4);
    let lines = sentences.iter().flat_map(|cell| text::wrap(cell, width));
    let lines: Vec<Cell> = lines.collect();
    let text = Rect {
        x: area.x + 3,
        y: area.y + 1,
        width,
        height: area.height.saturating_sub(1),
    };
    detail::draw(&lines, 0, &world.theme, frame.buffer_mut(), text);
    let used = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let below = Rect {
        y: area.y.saturating_add(used),
        height: area.height.saturating_sub(used),
        ..area
    };
    if below.height >= LEAST_BOXES
        && let Some((source, found, _)) = scanned.first()
    {
        draw_bytes(&source.info.label, found, world, frame, below);
    }
}

/// Draws the bytes of a source as boxes, with the trash.
fn draw_bytes(
    label: &str,
    found: &ScannedInventory,
    world: &World,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let title = Cell::new(" bytes of ", TextRole::Dim)
        .and(label.to_owned(), TextRole::Text)
        .and(
            " now: ▓ only in one ref  ░ shared  ▒ orphaned  ▚ in the trash ",
            TextRole::Dim,
        );
    draw_boxes(&title, &treemap::of_source(found), world, frame, Some(area));
}

impl RunsScreen {
    /// Draws the bytes of the run's source as boxes below few rows, if it is open.
    pub(super) fn draw_boxes(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let filler = self.screen.areas(area).filler;
        let (Some(filler), Some(run)) = (filler, self.current()) else {
            return;
        };
        let mut sources = world.open_sources();
        let source = sources.find(|source| source.info.label == run.source);
        let Some(found) = source.and_then(|source| source.found.as_ref()) else {
            return;
        };
        draw_bytes(&run.source, found, world, frame, filler);
    }
}
