//! The common part of all screens with a list: the list with its details next to it or below it,
//! and the layers that change it.

use std::path::PathBuf;

use ratatui::layout::Rect;

use super::{LayerRequest, Pointer};
use crate::text::units::grouped;
use crate::tui::effect::{Effect, Export, JobId, Overwrite};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::columns::ColumnsMenu;
use crate::tui::layer::details::{Details, Scroll};
use crate::tui::layer::export::ExportPrompt;
use crate::tui::layer::filter::FilterBar;
use crate::tui::layer::sort::SortMenu;
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::table::{self, RowHeight};
use crate::tui::widget::text;
use crate::tui::world::{StatusKind, World};
use crate::tui::writes::FileWrite;

mod areas;
mod draw;
mod preview;

pub use areas::Areas;
use areas::{WIDE, inside};
pub use draw::{below_title, draw_boxes, draw_filler, draw_lines_below};
pub use preview::PreviewOf;
use preview::ScreenPreview;

/// From this width on, what `enter` would open is shown below the details.
pub const PREVIEW_FROM: u16 = 160;
/// The maximum number of rows to mark at once.
const MOST_MARKED: usize = 20_000;

/// A list that fills the screen, with its details.
#[derive(Debug)]
pub struct ListScreen {
    pub list: RowList,
    /// The word for its rows in the name of a file.
    name: &'static str,
    height: RowHeight,
    /// The number of lines above the list that belong to the screen.
    head: u16,
    /// Sentences below the head; they are truncated if the list needs the space.
    lead: Vec<Cell>,
    /// The list width that shows the important columns; the details next to it shrink for that, as
    /// far as possible.
    wanted: u16,
    /// The scroll position of the details, while the keys move them instead of the list.
    focus: Option<Scroll>,
    zoom: Option<Zoomed>,
    preview: Option<ScreenPreview>,
    /// Whether a wide and tall screen shows something of the screen's own below few rows.
    filler: Filler,
    /// The number of lines that it wants.
    filler_lines: u16,
    /// Whether a picture stands for the list, so that no details are below it.
    is_picture: bool,
}

/// Where a wide and tall screen shows something of the screen's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filler {
    None,
    /// A picture, which gives its place below the list to a preview.
    BelowList,
    /// Text.
    TextBelowList,
    BelowAll,
}

/// The part of the screen that has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zoomed {
    List,
    Details,
}

impl ListScreen {
    /// Creates a screen of a list, with `head` lines of its own above it. `name` is the word for
    /// its rows in the name of a file.
    pub fn new(list: RowList, height: RowHeight, head: u16, name: &'static str) -> Self {
        Self {
            list,
            name,
            height,
            head,
            lead: Vec::new(),
            wanted: 0,
            focus: None,
            zoom: None,
            preview: None,
            filler: Filler::None,
            filler_lines: u16::MAX,
            is_picture: false,
        }
    }

    /// Shrinks the details next to the list until it is `wanted` columns wide.
    #[must_use]
    pub fn wanting(self, wanted: u16) -> Self {
        Self { wanted, ..self }
    }

    /// Leaves room for a picture below few rows or the details, on a wide and tall screen.
    #[must_use]
    pub fn with_filler(self) -> Self {
        Self {
            filler: Filler::BelowList,
            ..self
        }
    }

    /// Leaves room for text below few rows, on a wide and tall screen.
    #[must_use]
    pub fn with_text_filler(self) -> Self {
        Self {
            filler: Filler::TextBelowList,
            ..self
        }
    }

    /// Leaves room below few rows and their details, on a wide and tall screen.
    #[must_use]
    pub fn with_filler_below_all(self) -> Self {
        Self {
            filler: Filler::BelowAll,
            ..self
        }
    }

    /// Changes the number of lines that are used below few rows; the list has the others.
    pub fn set_filler_lines(&mut self, lines: u16) {
        self.filler_lines = lines;
    }

    /// Returns the lines of the sentences above the list that begin a sentence.
    pub fn lead_rows(&self, body: Rect) -> Vec<Rect> {
        let area = self.areas(body).lead;
        let width = draw::lead_width(body);
        let mut y = area.y;
        let mut rows = Vec::new();
        for sentence in &self.lead {
            // The last line is the rule below the sentences.
            if y + 1 < area.bottom() {
                rows.push(Rect {
                    y,
                    height: 1,
                    ..area
                });
            }
            let lines = text::wrap_hanging(sentence, width).len();
            y = y.saturating_add(u16::try_from(lines).unwrap_or(u16::MAX));
        }
        rows
    }

    /// Shows a picture in place of the list, or the list.
    pub fn set_picture(&mut self, is_picture: bool) {
        self.is_picture = is_picture;
    }

    /// Returns whether the keys move the details.
    pub fn has_focused_details(&self) -> bool {
        self.focus.is_some()
    }

    /// Changes the number of the screen's own lines.
    pub fn set_head(&mut self, head: u16) {
        self.head = head;
    }

    /// Sets the sentences above the list.
    pub fn set_lead(&mut self, lead: Vec<Cell>) {
        self.lead = lead;
    }

    fn list_area(&self, world: &World) -> Rect {
        self.areas(view::body(world.size)).list
    }

    fn visible(&self, world: &World) -> usize {
        self.height.rows_in(self.list_area(world))
    }

    /// Performs an action that all screens with a list share.
    pub fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::MarkAll if self.list.shown().len() > MOST_MARKED => {
                let words = format!(
                    "{} rows are too many to mark at once: filter them first",
                    grouped(self.list.shown().len() as u64)
                );
                cx.world.note(StatusKind::Failed, words);
            }
            Action::Filter => cx.show(FilterBar::new(&self.list.view().filter)),
            Action::Sort => cx.show(SortMenu::new(self.list.columns(), self.list.view().sort)),
            Action::Details | Action::Open => {
                if let Some(row) = self.list.current() {
                    cx.show(Details::new(self.list.rows().details(row, cx.world.now)));
                }
            }
            Action::Focus => self.toggle_focus(cx),
            Action::Columns => cx.show(ColumnsMenu::new(self.list.columns())),
            Action::Zoom => self.toggle_zoom(),
            Action::Export => {
                let path = format!("./cachelens-{}.json", self.name);
                cx.show(ExportPrompt::new(&path));
            }
            Action::Escape if self.zoom.take().is_some() => {}
            Action::Escape if self.focus.take().is_some() => {}
            Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::HalfPageUp
            | Action::HalfPageDown
            | Action::Top
            | Action::Bottom
                if self.focus.is_some() =>
            {
                self.scroll(action, cx.world);
            }
            Action::Copy => {
                if let Some(row) = self.list.current() {
                    cx.effect(Effect::Copy(self.list.rows().name(row)));
                }
            }
            _ => {
                let visible = self.visible(cx.world);
                return self.list.act(action, visible, cx);
            }
        }
        Handled::Yes
    }

    /// Moves the focus to the details, or back to the list. If the details have no space, they are
    /// shown above the list.
    fn toggle_focus(&mut self, cx: &mut UiContext<'_>) {
        if self.areas(view::body(cx.world.size)).details.is_none() {
            self.focus = None;
            self.act(Action::Details, cx);
        } else if self.focus.take().is_none() {
            self.focus = Some(Scroll::default());
        }
    }

    /// Gives all of the screen to what has the keys, or divides it again.
    fn toggle_zoom(&mut self) {
        self.zoom = match (self.zoom, &self.focus) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(Zoomed::Details),
            (None, None) => Some(Zoomed::List),
        };
    }

    fn scroll(&mut self, action: Action, world: &World) {
        let body = view::body(world.size);
        let Some(area) = self.areas(body).details else {
            return;
        };
        let inside = inside(area, body.width >= WIDE);
        let lines = self.detail_lines(world, inside.width).len();
        if let Some(scroll) = &mut self.focus {
            scroll.act(action, lines, inside.height.into());
        }
    }

    /// Handles the request of a layer.
    pub fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::Filter(filter) => self.list.set_filter(filter, cx),
            LayerRequest::Sort(sort) => self.list.set_sort(sort, cx),
            LayerRequest::Export(path) => self.export(path, cx),
            LayerRequest::Evidence
            | LayerRequest::About(_)
            | LayerRequest::Field(_)
            | LayerRequest::Write(_)
            | LayerRequest::CarryOut
            | LayerRequest::Undo
            | LayerRequest::Resume
            | LayerRequest::StopWatching
            | LayerRequest::Quit => {}
        }
    }

    fn export(&self, path: PathBuf, cx: &mut UiContext<'_>) {
        cx.write(FileWrite::Rows(Export {
            path,
            overwrite: Overwrite::Never,
            rows: self.list.rows().clone(),
            shown: self.list.exported(),
        }));
    }

    /// Handles the report of a job.
    pub fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let Some(preview) = &mut self.preview {
            preview.shown.screen_mut().report(job, report, cx);
        }
        match report {
            JobReport::Arranging(done) => self.list.arranging(job, *done),
            JobReport::Arranged(rows, shown) => self.list.arranged(job, rows, shown, cx),
            _ => {}
        }
    }

    /// Handles the mouse; returns whether the row under it should be opened.
    pub fn pointer(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) -> Handled {
        let area = self.list_area(cx.world);
        let visible = self.visible(cx.world);
        match pointer {
            Pointer::Click(x, y) if y == area.y && area.contains((x, y).into()) => {
                self.sort_by_head(x, area, cx);
                Handled::No
            }
            Pointer::Click(x, y) => {
                match table::row_at(area, self.height, x, y).filter(|place| *place < visible) {
                    Some(place) => self.list.click(place, visible, cx.world.now),
                    None => Handled::No,
                }
            }
            Pointer::Wheel(_, _, wheel) => {
                self.list.wheel(wheel, visible);
                Handled::No
            }
        }
    }

    /// Sorts by the column whose title is at `x`; by the same the other way round.
    fn sort_by_head(&mut self, x: u16, area: Rect, cx: &mut UiContext<'_>) {
        let Some(place) = table::column_at(&self.list, self.height, cx.world, area, x) else {
            return;
        };
        let before = self.list.view().sort;
        let sort = if before.column == place {
            before.reversed()
        } else {
            Sort::by(place, self.list.columns())
        };
        cx.ask(LayerRequest::Sort(sort));
    }

    /// Returns the line above the keys: the visible rows, the marks, and running jobs.
    pub fn summary(&self, world: &World, what: &str, sums: Cell) -> Cell {
        let mut cell = sums;
        if !self.list.view().filter.is_empty() {
            cell = Cell::new(
                self.list.rows().tally(self.list.shown()).sentence(what),
                TextRole::Strong,
            )
            .and(" · filter ", TextRole::Dim)
            .and(self.list.view().filter.to_string(), TextRole::Title);
        }
        let marked = self.list.marked(world.now);
        if marked.count > 0 {
            let words = format!(
                " · ✱ {} marked, {}",
                grouped(marked.count as u64),
                marked.together
            );
            cell = cell.and(words, TextRole::Mark);
            if marked.hidden > 0 {
                cell = cell.and(
                    format!(" ({} hidden)", grouped(marked.hidden as u64)),
                    TextRole::Mark,
                );
            }
        }
        let cell = if self.list.is_marking() {
            let key = world
                .keymap
                .key_for(&[keymap::KeyContext::List], Action::Range);
            cell.and(format!(" · marking: {key} ends it"), TextRole::Title)
        } else {
            cell
        };
        match self.list.progress() {
            Some(percent) => cell.and(format!(" · arranging rows, {percent} %"), TextRole::Title),
            None => cell,
        }
    }
}
