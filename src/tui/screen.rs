//! Screens: a screen fills the terminal between header and footer. Screens form a stack; the top
//! one receives the keys.

use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::effect::JobId;
use super::keymap::{self, Action};
use super::list::{RowList, Sort};
use super::message::{JobReport, Wheel};
use super::navigation::{Handled, UiContext};
use super::rows::Cell;
use super::widget::table;
use super::work::{AppWork, WorkKey};
use super::world::{SourceId, World};
use super::writes::FileWrite;
use crate::inventory::filter::Filter;

pub mod beginning;
pub mod blobs;
pub mod changes;
pub mod check;
pub mod diff;
pub mod files;
pub mod find;
pub mod list_screen;
pub mod plan;
pub mod refs;
pub mod rule;
pub mod run;
pub mod runs;
pub mod sources;
pub mod start;
pub mod steps;
pub mod treemap;
pub mod why;

use check::CheckScreen;
use diff::DiffScreen;
use files::FilesScreen;
use find::FindScreen;
use list_screen::ListScreen;
use run::RunScreen;
use treemap::TreemapScreen;
use why::WhyScreen;

/// A screen.
pub trait Screen: Send {
    /// Returns the contexts whose keys are active, the nearest first.
    fn contexts(&self) -> &'static [keymap::KeyContext];

    /// Returns the screen's part of the path in the header, and the facts to its right.
    fn header(&self, world: &World) -> ScreenHeader;

    /// Returns the line above the keys: sums, marks, progress. A preview has none.
    fn summary(&self, world: &World) -> Cell {
        let _ = world;
        Cell::default()
    }

    /// Performs an action of a key or a command.
    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        self.act_on_list(action, cx)
    }

    /// Performs an action that all lists share. `Escape` stops the work of the screen if the list
    /// has no use for it.
    fn act_on_list(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        let Some(screen) = self.list_screen_mut() else {
            return Handled::No;
        };
        let handled = screen.act(action, cx);
        self.list_changed(cx);
        if action == Action::Escape && handled == Handled::No {
            return self.stop_work(cx);
        }
        handled
    }

    /// Handles a new order, filter or cursor of the list.
    fn list_changed(&mut self, cx: &mut UiContext<'_>) {
        let _ = cx;
    }

    /// Returns the list with its details that fills the screen, when one does. The methods below
    /// hand on to it.
    fn list_screen(&self) -> Option<&ListScreen> {
        None
    }

    /// Returns the same to change it.
    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        None
    }

    /// Takes what a layer asks for.
    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        self.answer_for_list(request, cx);
    }

    /// Takes the request of a layer that all lists have.
    fn answer_for_list(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        if let Some(screen) = self.list_screen_mut() {
            screen.answer(request, cx);
            self.list_changed(cx);
        }
    }

    /// Handles a click or the wheel at a cell; a second click on a row opens it.
    fn pointer(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) {
        let screen = self.list_screen_mut();
        if screen.is_some_and(|screen| screen.pointer(pointer, cx) == Handled::Yes) {
            self.act(Action::Open, cx);
        }
    }

    /// Takes the report of a job, which may belong to another screen.
    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let Some(screen) = self.list_screen_mut() {
            screen.report(job, report, cx);
        }
    }

    /// Stops jobs that are not needed any more because the screen is left. Its work is not among
    /// them.
    fn leave(&mut self, cx: &mut UiContext<'_>) {
        if let Some(screen) = self.list_screen_mut() {
            screen.forget_preview(cx);
        }
    }

    /// Handles new or changed data about a source.
    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        let _ = (source, cx);
    }

    /// Handles a change of the current policy.
    fn policy_changed(&mut self, cx: &mut UiContext<'_>) {
        let _ = cx;
    }

    /// Moves the cursor to a source, if the screen lists sources.
    fn seek(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        let _ = (source, cx);
    }

    /// Returns the work of the application that it shows.
    fn work(&self) -> Option<WorkKey> {
        None
    }

    /// Shows the current state of its work.
    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        let _ = (key, cx);
    }

    /// Shows the current state of work that has changed, here or in a preview.
    fn work_changed(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        if self.work() == Some(key) {
            self.show_work(key, cx);
        } else if let Some(screen) = self.list_screen_mut() {
            screen.work_changed(key, cx);
        }
    }

    /// Stops the running work of the screen; returns whether there was any.
    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        self.work().map_or(Handled::No, |key| cx.stop_work(key))
    }

    /// Draws it.
    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect);

    /// Draws it as a preview next to the list of another screen.
    fn draw_preview(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        if let Some(list) = self.list() {
            table::draw_preview(list, world, frame.buffer_mut(), area);
        }
    }

    /// Returns its list, if it has one.
    fn list(&self) -> Option<&RowList> {
        self.list_screen().map(|screen| &screen.list)
    }

    /// Returns whether its rows are still those of an earlier order or filter.
    fn is_rearranging(&self) -> bool {
        self.list().is_some_and(RowList::is_rearranging)
    }

    /// Prepares what a wide terminal shows of the row under the cursor. It is called after every
    /// message, so it does nothing where that is prepared.
    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let _ = cx;
    }

    /// Returns the source that it is about, or the one under the cursor.
    fn source(&self) -> Option<SourceId> {
        None
    }
}

/// Returns a new screen of work whose screen was left.
pub fn of_work(key: WorkKey, work: AppWork, cx: &mut UiContext<'_>) -> Box<dyn Screen> {
    match work {
        AppWork::Check(work) => Box::new(CheckScreen::of(work, cx)),
        AppWork::Comparison(work) => Box::new(DiffScreen::of(key, work, cx)),
        AppWork::Explanation(work) => Box::new(WhyScreen::of(key, work, cx)),
        AppWork::Listing(work) => Box::new(FilesScreen::of(key, &work, cx)),
        AppWork::Run(work) => Box::new(RunScreen::of(Some(key), work, cx)),
        AppWork::Search(work) => Box::new(FindScreen::of(key, work, cx)),
        AppWork::Steps(work) => Box::new(TreemapScreen::of(key, &work, cx)),
    }
}

/// The content of the header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScreenHeader {
    pub path: Vec<String>,
    /// Facts at the right.
    pub facts: Vec<String>,
}

/// The request of a layer to the screen below.
#[derive(Debug, Clone)]
pub enum LayerRequest {
    /// Apply a filter.
    Filter(Filter),
    /// Apply an order.
    Sort(Sort),
    /// The evidence has changed.
    Evidence,
    /// Use the typed value of a field.
    Field(String),
    /// Show what is about these refs.
    About(Vec<String>),
    /// Write rows to this path.
    Export(PathBuf),
    /// Write a file, in place of the existing one.
    Write(FileWrite),
    /// Execute the plan.
    CarryOut,
    /// Undo the run.
    Undo,
    /// Resume the run.
    Resume,
    /// Stop watching for builds.
    StopWatching,
    /// Quit although a run watches for builds.
    Quit,
}

/// A mouse action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// A click at a column and row.
    Click(u16, u16),
    /// A turn of the wheel at a column and row.
    Wheel(u16, u16, Wheel),
}
