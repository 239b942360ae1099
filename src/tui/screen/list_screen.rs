//! The common part of all screens with a list: the list with its details next to it or below it,
//! and the layers that change it.

use std::fmt;
use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{LayerRequest, Pointer, Screen};
use crate::text::escape::visible;
use crate::tui::effect::{Effect, Export, JobId, JobWork, Overwrite};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::columns::ColumnsMenu;
use crate::tui::layer::confirm::Confirm;
use crate::tui::layer::details::{Details, Scroll};
use crate::tui::layer::export::ExportPrompt;
use crate::tui::layer::filter::FilterBar;
use crate::tui::layer::sort::SortMenu;
use crate::tui::list::{RowList, Sort};
use crate::tui::message::{ExportError, JobReport};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::sources::grouped;
use crate::tui::rows::{Cell, Identity};
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::table::{self, RowHeight};
use crate::tui::widget::treemap::{self, TreemapTile};
use crate::tui::widget::{detail, text};
use crate::tui::world::{StatusKind, World};

/// From this width on, details are next to the list, unless the screen sets another width.
const WIDE: u16 = 140;
/// From this width on, they are next to a list with narrow columns.
const WIDE_FOR_NUMBERS: u16 = 110;
/// The minimum width of the details next to the list.
const NARROWEST: u16 = 40;
/// From this height on, they are below the list if they are not next to it.
const TALL: u16 = 24;
/// The indentation of sentences above the list: the same as its cells.
const LEAD_INDENT: u16 = 3;
/// From this width on, what `enter` would open is shown below the details.
const PREVIEW_FROM: u16 = 160;
/// What is shown below few rows has at least so many lines.
const LEAST_FILLER: u16 = 12;
/// The maximum number of rows to mark at once.
const MOST_MARKED: usize = 20_000;

/// A list that fills the screen, with its details.
#[derive(Debug)]
pub struct ListScreen {
    /// The list.
    pub list: RowList,
    height: RowHeight,
    /// The number of lines above the list that belong to the screen.
    head: u16,
    /// Sentences below the head; they are truncated if the list needs the space.
    lead: Vec<Cell>,
    /// The list width that shows the important columns; the details next to it shrink for that, as
    /// far as possible.
    wanted: u16,
    /// The width from which the details are next to the list.
    wide: u16,
    /// The scroll position of the details, while the keys move them instead of the list.
    focus: Option<Scroll>,
    zoom: Option<Zoomed>,
    export: Option<JobId>,
    preview: Option<ScreenPreview>,
    /// Whether a wide and tall screen shows something of the screen's own below few rows.
    has_filler: bool,
}

/// The screen that `enter` would open, next to the list.
struct ScreenPreview {
    /// The row that it is of.
    of: Identity,
    screen: Box<dyn Screen>,
}

impl fmt::Debug for ScreenPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a preview of {:?}", self.of)
    }
}

/// The part of the screen that has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zoomed {
    List,
    Details,
}

/// The parts of the screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The screen's own lines.
    pub head: Rect,
    lead: Rect,
    list: Rect,
    details: Option<Rect>,
    preview: Option<Rect>,
    /// The room below the list for something of the screen's own.
    pub filler: Option<Rect>,
}

impl ListScreen {
    /// Creates a screen of a list, with `head` lines of its own above it.
    pub fn new(list: RowList, height: RowHeight, head: u16) -> Self {
        Self {
            list,
            height,
            head,
            lead: Vec::new(),
            wanted: 0,
            wide: WIDE,
            focus: None,
            zoom: None,
            export: None,
            preview: None,
            has_filler: false,
        }
    }

    /// Shrinks the details next to the list until it is `wanted` columns wide.
    #[must_use]
    pub fn wanting(self, wanted: u16) -> Self {
        Self { wanted, ..self }
    }

    /// Puts the details next to the list on narrower screens, too, because its columns are narrow.
    #[must_use]
    pub fn of_numbers(self) -> Self {
        Self {
            wide: WIDE_FOR_NUMBERS,
            ..self
        }
    }

    /// Leaves room below few rows, on a wide and tall screen.
    #[must_use]
    pub fn with_filler(self) -> Self {
        Self {
            has_filler: true,
            ..self
        }
    }

    /// Prepares the screen that `enter` would open on the row under the cursor, where it is shown;
    /// `make` makes it for a row, or nothing.
    pub fn follow(
        &mut self,
        cx: &mut UiContext<'_>,
        make: impl FnOnce(u32, &mut UiContext<'_>) -> Option<Box<dyn Screen>>,
    ) {
        let is_shown = cx.world.size.width >= PREVIEW_FROM && self.zoom.is_none();
        let row = self.list.current().filter(|_| is_shown);
        let identity = row.map(|row| self.list.rows().identity(row));
        if self.preview.as_ref().map(|preview| &preview.of) == identity.as_ref() {
            return;
        }
        self.forget_preview(cx);
        if let Some((row, of)) = row.zip(identity)
            && let Some(screen) = make(row, cx)
        {
            self.preview = Some(ScreenPreview { of, screen });
        }
    }

    /// Stops what the preview waits for, and prepares it again when it is shown next.
    pub fn forget_preview(&mut self, cx: &mut UiContext<'_>) {
        if let Some(mut preview) = self.preview.take() {
            preview.screen.leave(cx);
        }
    }

    /// Changes the number of the screen's own lines.
    pub fn set_head(&mut self, head: u16) {
        self.head = head;
    }

    /// Sets the sentences above the list.
    pub fn set_lead(&mut self, lead: Vec<Cell>) {
        self.lead = lead;
    }

    /// Wraps the sentences above the list; the last line notes sentences without space.
    fn lead_lines(&self, body: Rect, world: Option<&World>) -> Vec<Cell> {
        let width = body.width.saturating_sub(LEAD_INDENT * 2 + 1);
        let mut lines: Vec<Cell> = self
            .lead
            .iter()
            .flat_map(|sentence| text::wrap_hanging(sentence, width))
            .collect();
        let room = usize::from(body.height * 2 / 5);
        if lines.len() > room {
            let hidden = lines.len() - room.saturating_sub(1);
            lines.truncate(room.saturating_sub(1));
            let key = world.map(|world| {
                let why = [keymap::KeyContext::Why];
                world.keymap.key_for(&why, Action::Causes)
            });
            let key = key.unwrap_or_default();
            lines.push(Cell::new(
                format!("   … {key} shows {hidden} more lines"),
                TextRole::Dim,
            ));
        }
        lines
    }

    /// Divides `body`.
    pub fn areas(&self, body: Rect) -> Areas {
        let head = Rect {
            height: self.head.min(body.height),
            ..body
        };
        let lead = u16::try_from(self.lead_lines(body, None).len()).unwrap_or(u16::MAX);
        // A rule separates them from the list.
        let lead = if lead == 0 {
            0
        } else {
            (lead + 1).min(body.height - head.height)
        };
        let lead = Rect {
            y: head.bottom(),
            height: lead,
            ..body
        };
        let rest = Rect {
            y: lead.bottom(),
            height: body.height - head.height - lead.height,
            ..body
        };
        let (list, details) = if let Some(zoomed) = self.zoom {
            match zoomed {
                Zoomed::List => (rest, None),
                Zoomed::Details => (Rect { height: 0, ..rest }, Some(rest)),
            }
        } else if body.width >= self.wide {
            let width = (body.width * 2 / 5).clamp(44, 84);
            let width = width
                .min(body.width.saturating_sub(self.wanted + 1))
                .max(NARROWEST);
            let list = Rect {
                width: rest.width - width - 1,
                ..rest
            };
            (
                list,
                Some(Rect {
                    x: list.right() + 1,
                    width,
                    ..rest
                }),
            )
        } else if body.height >= TALL {
            let height = (rest.height * 2 / 5).min(16);
            let list = Rect {
                height: rest.height - height,
                ..rest
            };
            (
                list,
                Some(Rect {
                    y: list.bottom(),
                    height,
                    ..rest
                }),
            )
        } else {
            (rest, None)
        };
        let (details, preview) = match details {
            Some(all) if self.preview.is_some() && self.zoom.is_none() => {
                let height = all.height * 2 / 5;
                let below = Rect {
                    y: all.y + height,
                    height: all.height - height,
                    ..all
                };
                (Some(Rect { height, ..all }), Some(below))
            }
            details => (details, None),
        };
        let (list, filler) = self.with_room_for_filler(list, body);
        Areas {
            head,
            lead,
            list,
            details,
            preview,
            filler,
        }
    }

    /// Takes what few rows do not need from the list.
    fn with_room_for_filler(&self, list: Rect, body: Rect) -> (Rect, Option<Rect>) {
        let rows = u16::try_from(self.list.shown().len()).unwrap_or(u16::MAX);
        let needed = rows.saturating_mul(self.height.lines()).saturating_add(2);
        let height = needed.max(list.height / 3);
        let is_wide = body.width >= PREVIEW_FROM && self.zoom.is_none();
        if !self.has_filler || !is_wide || rows == 0 || height + LEAST_FILLER > list.height {
            return (list, None);
        }
        let filler = Rect {
            y: list.y + height,
            height: list.height - height,
            ..list
        };
        (Rect { height, ..list }, Some(filler))
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
            Action::Details => {
                if let Some(row) = self.list.current() {
                    cx.show(Details::new(self.list.rows().details(row, cx.world.now)));
                }
            }
            Action::Focus => self.toggle_focus(cx),
            Action::Columns => cx.show(ColumnsMenu::new(self.list.columns())),
            Action::Zoom => self.toggle_zoom(),
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
        let inside = inside(area, body.width >= self.wide);
        let lines = self.detail_lines(world, inside.width).len();
        if let Some(scroll) = &mut self.focus {
            scroll.act(action, lines, inside.height.into());
        }
    }

    fn detail_lines(&self, world: &World, width: u16) -> Vec<Cell> {
        let details = self
            .list
            .current()
            .map(|row| self.list.rows().details(row, world.now));
        detail::lines(&details.unwrap_or_default(), width)
    }

    /// Prompts for a file to write the rows to.
    pub fn ask_for_file(name: &str, cx: &mut UiContext<'_>) {
        cx.show(ExportPrompt::new(&format!("./cachelens-{name}.json")));
    }

    /// Handles the request of a layer.
    pub fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::Filter(filter) => self.list.set_filter(filter, cx),
            LayerRequest::Sort(sort) => self.list.set_sort(sort, cx),
            LayerRequest::Export(path, overwrite) => self.export(path, overwrite, cx),
            LayerRequest::Evidence
            | LayerRequest::Field(_)
            | LayerRequest::Extract(..)
            | LayerRequest::Save(..)
            | LayerRequest::CarryOut
            | LayerRequest::Undo
            | LayerRequest::Resume
            | LayerRequest::StopWatching
            | LayerRequest::Quit => {}
        }
    }

    fn export(&mut self, path: PathBuf, overwrite: Overwrite, cx: &mut UiContext<'_>) {
        let rows = self.list.rows().clone();
        let shown = self.list.shown().clone();
        cx.world.note(
            StatusKind::Done,
            format!("writing {}…", visible(&path.to_string_lossy())),
        );
        self.export = Some(cx.start(JobWork::Export(Export {
            path,
            overwrite,
            rows,
            shown,
        })));
    }

    /// Handles the report of a job.
    pub fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let Some(preview) = &mut self.preview {
            preview.screen.report(job, report, cx);
        }
        match report {
            JobReport::Arranging(done) => self.list.arranging(job, *done),
            JobReport::Arranged(rows, shown) => self.list.arranged(job, rows, shown, cx),
            JobReport::Exported(path, Err(error)) if self.export == Some(job) => {
                let name = visible(&path.to_string_lossy()).into_owned();
                match error {
                    ExportError::Exists => {
                        let question = format!("{name} is there already. Replace it?");
                        cx.show(Confirm::new(
                            question,
                            LayerRequest::Export(path.clone(), Overwrite::Agreed),
                        ));
                    }
                    ExportError::Failed(why) => {
                        cx.world
                            .note(StatusKind::Failed, format!("{name} was not written: {why}"));
                    }
                }
            }
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

    /// Draws list and details; if there is no row, draws the sentences of `empty` instead.
    pub fn draw(&self, world: &World, frame: &mut Frame<'_>, body: Rect, empty: &[Cell]) {
        let areas = self.areas(body);
        let buffer = frame.buffer_mut();
        for (line, row) in self
            .lead_lines(body, Some(world))
            .iter()
            .zip(0..areas.lead.height.saturating_sub(1))
        {
            let x = body.x + LEAD_INDENT;
            let width = body.width.saturating_sub(LEAD_INDENT + 1);
            let at = text::LineArea {
                x,
                width,
                ..text::LineArea::of(areas.lead, row)
            };
            text::put(buffer, at, line, &world.theme, Style::default());
        }
        if let Some(y) = areas
            .lead
            .bottom()
            .checked_sub(1)
            .filter(|_| areas.lead.height > 0)
        {
            view::draw_rule(
                world,
                buffer,
                Rect {
                    y,
                    height: 1,
                    ..areas.lead
                },
            );
        }
        table::draw(&self.list, self.height, world, buffer, areas.list);
        if self.list.shown().is_empty() && self.list.progress().is_none() {
            let contexts = [keymap::KeyContext::List, keymap::KeyContext::Global];
            let key = |action| world.keymap.key_for(&contexts, action);
            let escape = key(Action::Escape);
            let filter = key(Action::Filter);
            let no_match = [
                Cell::text("Nothing matches."),
                Cell::new(
                    format!("{escape} clears the filter, {filter} edits it"),
                    TextRole::Dim,
                ),
            ];
            let sentences = if self.list.view().filter.is_empty() {
                empty
            } else {
                &no_match
            };
            let width = areas.list.width.saturating_sub(4);
            let lines = sentences.iter().flat_map(|cell| text::wrap(cell, width));
            for (line, row) in lines.zip(2..areas.list.height) {
                let at = text::LineArea {
                    x: areas.list.x + 3,
                    width,
                    ..text::LineArea::of(areas.list, row)
                };
                text::put(buffer, at, &line, &world.theme, Style::default());
            }
        }
        if let Some(area) = areas.details {
            self.draw_details(world, frame, area, body.width >= self.wide);
        }
        if let (Some(area), Some(preview)) = (areas.preview, &self.preview) {
            draw_preview(&*preview.screen, world, frame, area);
        }
    }

    fn draw_details(&self, world: &World, frame: &mut Frame<'_>, area: Rect, beside: bool) {
        let buffer = frame.buffer_mut();
        let inside = inside(area, beside);
        let rule = world.theme.style(if self.focus.is_some() {
            TextRole::Title
        } else {
            TextRole::Rule
        });
        if beside {
            let line = if self.focus.is_some() { "┃" } else { "│" };
            for y in area.top()..area.bottom() {
                buffer.set_string(area.x, y, line, rule);
            }
        } else {
            let line = if self.focus.is_some() { "━" } else { "─" };
            buffer.set_string(area.x, area.y, line.repeat(area.width.into()), rule);
        }
        let mut lines = self.detail_lines(world, inside.width);
        let height = usize::from(inside.height);
        let top = self
            .focus
            .as_ref()
            .map_or(0, |scroll| scroll.top(lines.len(), height));
        if lines.len() > height && self.focus.is_none() {
            lines.truncate(height.saturating_sub(1));
            let key = |action| world.keymap.key_for(&[keymap::KeyContext::List], action);
            let scroll = key(Action::Focus);
            let all = key(Action::Details);
            let words = format!("… {scroll} scrolls, {all} shows all");
            lines.push(Cell::new(words, TextRole::Dim));
        }
        detail::draw(&lines, top, &world.theme, buffer, inside);
    }
}

/// Draws boxes for `tiles` below few rows.
pub fn draw_filler(
    tiles: &[TreemapTile],
    world: &World,
    frame: &mut Frame<'_>,
    area: Option<Rect>,
) {
    let Some(area) = area.filter(|_| !tiles.is_empty()) else {
        return;
    };
    let buffer = frame.buffer_mut();
    let rule = Rect { height: 1, ..area };
    view::draw_rule(world, buffer, rule);
    let title = Cell::new(
        " bytes: ▓ only in one ref  ░ shared  ▒ orphaned ",
        TextRole::Dim,
    );
    let at = text::LineArea {
        x: area.x + 3,
        width: area.width.saturating_sub(4),
        ..text::LineArea::of(area, 0)
    };
    text::put(buffer, at, &title, &world.theme, Style::default());
    let below = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(3),
        height: area.height.saturating_sub(1),
    };
    treemap::draw(tiles, None, world, buffer, below);
}

/// Draws the list of a screen below its name.
fn draw_preview(screen: &dyn Screen, world: &World, frame: &mut Frame<'_>, area: Rect) {
    let buffer = frame.buffer_mut();
    let rule = world.theme.style(TextRole::Rule);
    for y in area.top()..area.bottom() {
        buffer.set_string(area.x, y, if y == area.y { "├" } else { "│" }, rule);
    }
    let line = "─".repeat(area.width.saturating_sub(1).into());
    buffer.set_string(area.x + 1, area.y, line, rule);
    let key = world.keymap.key_for(screen.contexts(), Action::Open);
    let name = screen.header(world).path.pop().unwrap_or_default();
    let title = Cell::new(format!(" {key} opens "), TextRole::Dim)
        .and(name, TextRole::Title)
        .and(" ", TextRole::Text);
    let at = text::LineArea {
        x: area.x + 3,
        width: area.width.saturating_sub(4),
        ..text::LineArea::of(area, 0)
    };
    text::put(buffer, at, &title, &world.theme, Style::default());
    let inside = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    if let Some(list) = screen.list() {
        table::draw_preview(list, world, buffer, inside);
    }
}

/// Returns the part of the details' area for text.
fn inside(area: Rect, beside: bool) -> Rect {
    if beside {
        Rect {
            x: area.x + 2,
            width: area.width.saturating_sub(3),
            ..area
        }
    } else {
        let width = area.width.saturating_sub(4);
        let height = area.height.saturating_sub(1);
        Rect {
            x: area.x + 3,
            y: area.y + 1,
            width,
            height,
        }
    }
}
