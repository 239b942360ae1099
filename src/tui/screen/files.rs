//! The files of a layer, as they come out of its blob.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::list_screen::ListScreen;
use super::{Header, Pointer, Request, Screen};
use crate::format::digest::Digest;
use crate::inventory::blobs::Blob;
use crate::tui::effect::{JobId, Work};
use crate::tui::keymap::{self, Action};
use crate::tui::list::{List, Sort};
use crate::tui::message::Report;
use crate::tui::rows::files::{FileRows, PATH};
use crate::tui::rows::sources::grouped;
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::theme::Role;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text::{self, Line};
use crate::tui::world::{Context, Handled, SourceId, StatusKind, World};
use crate::units::Size;

/// The files of a layer.
#[derive(Debug)]
pub struct Files {
    source: SourceId,
    /// The ref that led here.
    ref_name: String,
    /// What made the layer.
    step: String,
    layer: Digest,
    screen: ListScreen,
    rows: Arc<FileRows>,
    state: State,
}

/// How far the listing has come.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// It goes on.
    Listing(JobId),
    /// All files are there.
    Done,
    /// Somebody stopped it.
    Stopped,
    /// It ended early, for this reason.
    Ended(String),
}

impl Files {
    /// Lists the files of `layer`, which `step` of a ref made.
    pub fn new(source: SourceId, ref_name: String, step: String, layer: Digest, cx: &mut Context<'_>) -> Self {
        let rows = Arc::new(FileRows::default());
        let list = List::new(Arc::clone(&rows) as _, Sort { column: PATH, ..Sort::default() }, cx);
        let job = cx.start(Work::ListFiles(source, layer));
        let screen = ListScreen::new(list, RowHeight::Single, 1);
        Self { source, ref_name, step, layer, screen, rows, state: State::Listing(job) }
    }

    /// Stops the listing; tells whether one went on.
    fn stop(&mut self, cx: &mut Context<'_>) -> Handled {
        let State::Listing(job) = self.state else { return Handled::No };
        cx.stop(job);
        self.state = State::Stopped;
        cx.world.tell(StatusKind::Done, "the listing was stopped; the files so far stay");
        Handled::Yes
    }

    fn head(&self, world: &World) -> Cell {
        let stored = world.source(self.source).found.as_ref().and_then(|found| {
            let blobs = &found.inventory.blobs;
            blobs.find(&self.layer).map(|id| blobs.get(id)).filter(Blob::is_stored).and_then(|blob| blob.size())
        });
        let cell = Cell::new("layer ", Role::Dim)
            .and(format!("{}:{}", self.layer.algorithm(), self.layer.short(12)), Role::Text);
        let cell = match stored {
            Some(_) if matches!(self.state, State::Ended(_)) => cell,
            Some(bytes) => cell.and(format!(" · {} stored", Size(bytes)), Role::Dim),
            None => cell,
        };
        match &self.state {
            State::Ended(why) => cell.and(format!(" · ! {why}"), Role::Error),
            State::Listing(_) => cell.and(" · listing…", Role::Title),
            State::Stopped => cell.and(" · stopped: there may be more files", Role::Warning),
            State::Done => cell,
        }
    }
}

impl Screen for Files {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[keymap::Context::Files, keymap::Context::List, keymap::Context::Global]
    }

    fn header(&self, world: &World) -> Header {
        // The step's name gives way first: it stood on the screen before.
        let room = world.size.width.saturating_sub(48).max(12);
        let step = text::cut(&self.step, room);
        let name = text::cut(&self.ref_name, world.size.width / 4);
        let path = vec![world.source(self.source).info.label.clone(), name, step];
        let count = self.rows.count();
        let files = if count == 1 { "1 file".to_owned() } else { format!("{} files", grouped(count.into())) };
        Header { path, facts: vec![files] }
    }

    fn summary(&self, world: &World) -> Cell {
        let unpacked = Cell::new(Size(self.rows.bytes()).to_string(), Role::Strong).and(" unpacked", Role::Dim);
        let removed = match self.rows.removed() {
            0 => unpacked,
            count => unpacked.and(format!(" · {} deleted from below", grouped(count)), Role::Missing),
        };
        self.screen.summary(world, "files", removed)
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            Action::Escape if self.screen.act(action, cx) == Handled::No => return self.stop(cx),
            Action::Escape => {}
            Action::Open => return self.screen.act(Action::Details, cx),
            _ => return self.screen.act(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        self.screen.answer(request, cx);
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        if self.screen.pointer(pointer, cx) == Handled::Yes {
            self.screen.act(Action::Details, cx);
        }
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        match report {
            Report::Files(batch) if self.state == State::Listing(job) => {
                self.rows = Arc::new(self.rows.with(batch));
                self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
            }
            Report::FilesEnd(end) if self.state == State::Listing(job) => {
                self.state = end.clone().map_or_else(State::Ended, |()| State::Done);
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn leave(&mut self, cx: &mut Context<'_>) {
        if let State::Listing(job) = self.state {
            cx.stop(job);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let head = self.screen.areas(area).head;
        let line = Line { x: head.x + 3, width: head.width.saturating_sub(4), ..Line::of(head, 0) };
        text::put(frame.buffer_mut(), line, &self.head(world), &world.theme, Style::default());
        let empty = match &self.state {
            State::Listing(_) => vec![Cell::new("Reading the layer…", Role::Dim)],
            State::Stopped => vec![Cell::text("The listing was stopped before it came to a file.")],
            State::Done => vec![Cell::text("The layer holds no files: the step changed nothing.")],
            State::Ended(why) => vec![
                Cell::new(format!("! {why}"), Role::Error),
                Cell::text("A build that needs this layer fails, or runs the step again."),
            ],
        };
        self.screen.draw(world, frame, area, &empty);
    }

    fn list(&self) -> Option<&List> {
        Some(&self.screen.list)
    }

    fn file_name(&self) -> &'static str {
        "files"
    }
}
