//! Screens: what fills the terminal between header and footer. They lie on a stack; the one on top has the keys.

use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::effect::{JobId, Overwrite, Saving};
use super::keymap::{self, Action};
use super::list::{List, Sort};
use super::message::{Report, Wheel};
use super::rows::Cell;
use super::world::{Context, Handled, SourceId, World};
use crate::inventory::filter::Filter;

pub mod blobs;
pub mod changes;
pub mod check;
pub mod files;
pub mod list_screen;
pub mod plan;
pub mod refs;
pub mod run;
pub mod sources;
pub mod start;
pub mod steps;
pub mod why;

/// Something that fills the terminal.
pub trait Screen: Send {
    /// Returns the places whose keys are active, the nearest first.
    fn contexts(&self) -> &'static [keymap::Context];

    /// Returns the screen's part of the path in the header, and what stands at the right of it.
    fn header(&self, world: &World) -> Header;

    /// Returns the line above the keys: sums, marks, progress.
    fn summary(&self, world: &World) -> Cell;

    /// Does what a key or a command says.
    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled;

    /// Heeds what a layer has learnt.
    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        let _ = (request, cx);
    }

    /// Heeds a click or the wheel at a cell.
    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        let _ = (pointer, cx);
    }

    /// Heeds the report of a job, which may be somebody else's.
    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        let _ = (job, report, cx);
    }

    /// Stops what nobody waits for any more, because the screen is left.
    fn leave(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }

    /// Heeds that more, or something else, is known of a source.
    fn refresh(&mut self, source: SourceId, cx: &mut Context<'_>) {
        let _ = (source, cx);
    }

    /// Moves the cursor to a source, where sources are listed.
    fn seek(&mut self, source: SourceId, cx: &mut Context<'_>) {
        let _ = (source, cx);
    }

    /// Tells whether it does something that must not end in the middle: then leaving is up to the screen.
    fn is_busy(&self) -> bool {
        false
    }

    /// Draws it.
    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect);

    /// Returns its list, when it has one.
    fn list(&self) -> Option<&List> {
        None
    }

    /// Returns what the screen shows, as the name of a file that it is written to.
    fn file_name(&self) -> &'static str {
        "rows"
    }
}

/// What a screen says in the header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Where one is.
    pub path: Vec<String>,
    /// Facts at the right.
    pub facts: Vec<String>,
}

/// What a layer has learnt for the screen below.
#[derive(Debug, Clone)]
pub enum Request {
    /// A filter.
    Filter(Filter),
    /// An order.
    Sort(Sort),
    /// There is other evidence.
    Evidence,
    /// Where rows are to be written.
    Export(PathBuf, Overwrite),
    /// A text that is to be written, and where.
    Save(Saving, PathBuf, Overwrite),
    /// The plan is to be carried out.
    CarryOut,
    /// The run is to be taken back.
    Undo,
}

/// What the mouse did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// A click at a column and row.
    Click(u16, u16),
    /// A turn of the wheel at a column and row.
    Wheel(u16, u16, Wheel),
}
