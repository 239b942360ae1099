//! Running jobs, and finished ones with kept results: scans, checks, runs.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::UiLayer;
use crate::text::units::{Age, grouped};
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::screen::refs::RefsScreen;
use crate::tui::theme::TextRole;
use crate::tui::widget::popup;
use crate::tui::work::WorkKey;
use crate::tui::world::{Scan, SourceId, World};

/// The maximum width of the list.
const WIDTH: u16 = 90;

/// The list of jobs.
#[derive(Debug, Default)]
pub struct JobsLayer {
    cursor: usize,
}

/// A job, with the data to stop or show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobEntry {
    Scan(SourceId),
    Background(WorkKey),
}

/// Returns the jobs, each with a description.
fn jobs(world: &World) -> Vec<(JobEntry, Cell)> {
    let scans = world.indexed_sources().filter_map(|(id, source)| {
        if !matches!(source.scan, Scan::Running(_)) {
            return None;
        }
        let stored = source
            .found
            .as_ref()
            .map_or(0, |found| found.totals.stored().count);
        let words = format!("scan of {}", source.info.label);
        let elapsed = world.now.duration_since(source.since);
        let seconds = elapsed.as_secs().unsigned_abs();
        let line = Cell::new(words, TextRole::Text)
            .and(
                format!("  {} objects so far", grouped(stored)),
                TextRole::Title,
            )
            .and(format!(" · {}", Age(elapsed)), TextRole::Dim);
        let line = match stored.checked_div(seconds) {
            Some(rate) if rate > 0 => {
                line.and(format!(" · {} objects/s", grouped(rate)), TextRole::Dim)
            }
            _ => line,
        };
        Some((JobEntry::Scan(id), line))
    });
    let background = world.background.iter().map(|work| {
        let state = if work.is_running { "" } else { "ended · " };
        let line = Cell::new(work.title.clone(), TextRole::Text)
            .and("  ", TextRole::Text)
            .and(state, TextRole::Dim)
            .and_all(work.progress.clone());
        (JobEntry::Background(work.key), line)
    });
    scans.chain(background).collect()
}

/// Returns the width and height of the list inside its box.
fn size(count: usize, area: Rect) -> (u16, u16) {
    let height = u16::try_from(count.max(1))
        .unwrap_or(u16::MAX)
        .min(area.height.saturating_sub(6));
    (WIDTH.min(area.width.saturating_sub(6)), height)
}

impl UiLayer for JobsLayer {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Jobs
    }

    fn key(&mut self, _key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        let jobs = jobs(cx.world);
        let last = jobs.len().saturating_sub(1);
        let job = jobs.get(self.cursor.min(last)).map(|(job, _)| *job);
        match (action, job) {
            (Some(Action::Up), _) => self.cursor = self.cursor.min(last).saturating_sub(1),
            (Some(Action::Down), _) => self.cursor = (self.cursor + 1).min(last),
            (Some(Action::Open), Some(JobEntry::Background(key))) => {
                cx.close();
                cx.bring(key);
            }
            (Some(Action::Open), Some(JobEntry::Scan(id))) => {
                cx.close();
                let refs = RefsScreen::new(id, None, cx);
                cx.push(refs);
            }
            (Some(Action::StopJob), Some(JobEntry::Background(key))) => {
                cx.stop_work(key);
            }
            (Some(Action::StopJob), Some(JobEntry::Scan(id))) => {
                cx.stop_scan(id);
            }
            (Some(Action::Cancel | Action::Open), _) => cx.close(),
            _ => {}
        }
        Handled::Yes
    }

    fn choose_at(&mut self, cell: (u16, u16), world: &World) -> Option<Action> {
        let count = jobs(world).len();
        let (width, height) = size(count, world.area());
        let inside = popup::inside(width, height, world.area());
        let cursor = self.cursor.min(count.saturating_sub(1));
        let top = popup::top(cursor, count, inside.height.into());
        let place = top + popup::line_at(inside, cell)?;
        self.cursor = place;
        (place < count).then_some(Action::Open)
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let jobs = jobs(world);
        let (width, height) = size(jobs.len(), area);
        let inside = popup::open("Jobs", width, height, &world.theme, frame, area);
        if jobs.is_empty() {
            let nothing = Cell::new("Nothing is at work.", TextRole::Dim);
            popup::item(&nothing, false, &world.theme, frame, inside, 0);
        }
        let cursor = self.cursor.min(jobs.len().saturating_sub(1));
        let top = popup::top(cursor, jobs.len(), inside.height.into());
        for ((place, (_, line)), row) in jobs.iter().enumerate().skip(top).zip(0..inside.height) {
            popup::item(line, place == cursor, &world.theme, frame, inside, row);
        }
    }
}
