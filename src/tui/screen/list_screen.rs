//! What all screens with a list have in common: the list with its details beside or below it, and the layers that change
//! it.

use std::path::PathBuf;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Pointer, Request};
use crate::format::text::visible;
use crate::tui::effect::{Effect, Export, JobId, Overwrite, Work};
use crate::tui::keymap::Action;
use crate::tui::layer::confirm::Confirm;
use crate::tui::layer::details::{Details, Scroll};
use crate::tui::layer::export::ExportPrompt;
use crate::tui::layer::filter::FilterBar;
use crate::tui::layer::sort::SortMenu;
use crate::tui::list::List;
use crate::tui::message::{ExportError, Report};
use crate::tui::rows::Cell;
use crate::tui::rows::sources::grouped;
use crate::tui::theme::Role;
use crate::tui::view;
use crate::tui::widget::table::{self, RowHeight};
use crate::tui::widget::{detail, text};
use crate::tui::world::{Context, Handled, StatusKind, World};

/// From this width on, details stand beside the list: below it, the list would lose columns to them.
const WIDE: u16 = 140;
/// The details beside the list are at least so wide.
const NARROWEST: u16 = 40;
/// From this height on, they stand below it where they do not stand beside it.
const TALL: u16 = 24;
/// How far sentences above the list are indented: as far as its cells.
const LEAD_INDENT: u16 = 3;
/// More rows than these are not marked all at once.
const MOST_MARKED: usize = 20_000;

/// A list that fills the screen, with its details.
#[derive(Debug)]
pub struct ListScreen {
    /// The list.
    pub list: List,
    height: RowHeight,
    /// How many lines above the list are the screen's own.
    head: u16,
    /// Sentences below the head, of which as much is shown as leaves the list its room.
    lead: Vec<Cell>,
    /// How wide the list would be to show what matters; the details beside it give way, as far as they can.
    wanted: u16,
    /// How far the details are scrolled, while the keys move them instead of the list.
    focus: Option<Scroll>,
    export: Option<JobId>,
}

/// The parts of the screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The screen's own lines.
    pub head: Rect,
    lead: Rect,
    list: Rect,
    details: Option<Rect>,
}

impl ListScreen {
    /// Makes a screen of a list, with `head` lines of its own above it.
    pub fn new(list: List, height: RowHeight, head: u16) -> Self {
        Self { list, height, head, lead: Vec::new(), wanted: 0, focus: None, export: None }
    }

    /// Lets the details beside the list give way until it is `wanted` columns wide.
    #[must_use]
    pub fn wanting(self, wanted: u16) -> Self {
        Self { wanted, ..self }
    }

    /// Gives the screen another number of lines of its own.
    pub fn set_head(&mut self, head: u16) {
        self.head = head;
    }

    /// Puts sentences above the list.
    pub fn set_lead(&mut self, lead: Vec<Cell>) {
        self.lead = lead;
    }

    /// Breaks the sentences above the list into lines; those that find no room are told of in the last.
    fn lead_lines(&self, body: Rect) -> Vec<Cell> {
        let width = body.width.saturating_sub(LEAD_INDENT * 2 + 1);
        let mut lines: Vec<Cell> = self.lead.iter().flat_map(|sentence| text::wrap_hanging(sentence, width)).collect();
        let room = usize::from(body.height * 2 / 5);
        if lines.len() > room {
            let hidden = lines.len() - room.saturating_sub(1);
            lines.truncate(room.saturating_sub(1));
            lines.push(Cell::new(format!("   … c shows {hidden} more lines"), Role::Dim));
        }
        lines
    }

    /// Divides `body`.
    pub fn areas(&self, body: Rect) -> Areas {
        let head = Rect { height: self.head.min(body.height), ..body };
        let lead = u16::try_from(self.lead_lines(body).len()).unwrap_or(u16::MAX);
        // A rule parts them from the list.
        let lead = if lead == 0 { 0 } else { (lead + 1).min(body.height - head.height) };
        let lead = Rect { y: head.bottom(), height: lead, ..body };
        let rest = Rect { y: lead.bottom(), height: body.height - head.height - lead.height, ..body };
        let (list, details) = if body.width >= WIDE {
            let width = (body.width * 2 / 5).clamp(44, 84);
            let width = width.min(body.width.saturating_sub(self.wanted + 1)).max(NARROWEST);
            let list = Rect { width: rest.width - width - 1, ..rest };
            (list, Some(Rect { x: list.right() + 1, width, ..rest }))
        } else if body.height >= TALL {
            let height = (rest.height * 2 / 5).min(16);
            let list = Rect { height: rest.height - height, ..rest };
            (list, Some(Rect { y: list.bottom(), height, ..rest }))
        } else {
            (rest, None)
        };
        Areas { head, lead, list, details }
    }

    fn list_area(&self, world: &World) -> Rect {
        self.areas(view::body(world.size)).list
    }

    fn visible(&self, world: &World) -> usize {
        self.height.rows_in(self.list_area(world))
    }

    /// Does what is the same on every screen with a list.
    pub fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::MarkAll if self.list.shown().len() > MOST_MARKED => {
                let words = format!(
                    "{} rows are too many to mark at once: filter them first",
                    grouped(self.list.shown().len() as u64)
                );
                cx.world.tell(StatusKind::Failed, words);
            }
            Action::Filter => cx.show(FilterBar::new(&self.list.view().filter)),
            Action::Sort => cx.show(SortMenu::new(self.list.columns(), self.list.view().sort)),
            Action::Details => {
                if let Some(row) = self.list.current() {
                    cx.show(Details::new(self.list.rows().details(row, cx.world.now)));
                }
            }
            Action::Focus => self.toggle_focus(cx),
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

    /// Hands the keys that move to the details, or back to the list. Where details have no room, they are shown above it.
    fn toggle_focus(&mut self, cx: &mut Context<'_>) {
        if self.areas(view::body(cx.world.size)).details.is_none() {
            self.focus = None;
            self.act(Action::Details, cx);
        } else if self.focus.take().is_none() {
            self.focus = Some(Scroll::default());
        }
    }

    fn scroll(&mut self, action: Action, world: &World) {
        let body = view::body(world.size);
        let Some(area) = self.areas(body).details else { return };
        let inside = inside(area, body.width >= WIDE);
        let lines = self.detail_lines(world, inside.width).len();
        if let Some(scroll) = &mut self.focus {
            scroll.act(action, lines, inside.height.into());
        }
    }

    fn detail_lines(&self, world: &World, width: u16) -> Vec<Cell> {
        let details = self.list.current().map(|row| self.list.rows().details(row, world.now));
        detail::lines(&details.unwrap_or_default(), width)
    }

    /// Asks for the name of a file to write the rows to.
    pub fn ask_for_file(name: &str, cx: &mut Context<'_>) {
        cx.show(ExportPrompt::new(&format!("./cachelens-{name}.json")));
    }

    /// Heeds what a layer has learnt.
    pub fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        match request {
            Request::Filter(filter) => self.list.set_filter(filter, cx),
            Request::Sort(sort) => self.list.set_sort(sort, cx),
            Request::Export(path, overwrite) => self.export(path, overwrite, cx),
            Request::Evidence | Request::Save(..) | Request::CarryOut | Request::Undo => {}
        }
    }

    fn export(&mut self, path: PathBuf, overwrite: Overwrite, cx: &mut Context<'_>) {
        let (rows, shown) = (self.list.rows().clone(), self.list.shown().clone());
        cx.world.tell(StatusKind::Done, format!("writing {}…", visible(&path.to_string_lossy())));
        self.export = Some(cx.start(Work::Export(Export { path, overwrite, rows, shown })));
    }

    /// Heeds the report of a job.
    pub fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        match report {
            Report::Arranging(done) => self.list.arranging(job, *done),
            Report::Arranged(rows, shown) => self.list.arranged(job, rows, shown, cx),
            Report::Exported(path, Err(error)) if self.export == Some(job) => {
                let name = visible(&path.to_string_lossy()).into_owned();
                match error {
                    ExportError::Exists => {
                        let question = format!("{name} is there already. Replace it?");
                        cx.show(Confirm::new(question, Request::Export(path.clone(), Overwrite::Agreed)));
                    }
                    ExportError::Failed(why) => {
                        cx.world.tell(StatusKind::Failed, format!("{name} was not written: {why}"));
                    }
                }
            }
            _ => {}
        }
    }

    /// Heeds the mouse; tells whether the row under it is to be opened.
    pub fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) -> Handled {
        let (area, visible) = (self.list_area(cx.world), self.visible(cx.world));
        match pointer {
            Pointer::Click(x, y) => match table::row_at(area, self.height, x, y).filter(|place| *place < visible) {
                Some(place) => self.list.click(place, visible, cx.world.now),
                None => Handled::No,
            },
            Pointer::Wheel(_, _, wheel) => {
                self.list.wheel(wheel, visible);
                Handled::No
            }
        }
    }

    /// Returns the line above the keys: how many rows are shown, what is marked, what runs.
    pub fn summary(&self, world: &World, what: &str, sums: Cell) -> Cell {
        let mut cell = sums;
        if !self.list.view().filter.is_empty() {
            cell = Cell::new(self.list.rows().tally(self.list.shown()).sentence(what), Role::Strong)
                .and(" · filter ", Role::Dim)
                .and(self.list.view().filter.to_string(), Role::Title);
        }
        let marked = self.list.marked(world.now);
        if marked.count > 0 {
            let words = format!(" · ✱ {} marked, {}", grouped(marked.count as u64), marked.together);
            cell = cell.and(words, Role::Mark);
            if marked.hidden > 0 {
                cell = cell.and(format!(" ({} hidden)", grouped(marked.hidden as u64)), Role::Mark);
            }
        }
        match self.list.progress() {
            Some(percent) => cell.and(format!(" · arranging rows, {percent} %"), Role::Title),
            None => cell,
        }
    }

    /// Draws list and details; where there is no row, the sentences of `empty` stand instead.
    pub fn draw(&self, world: &World, frame: &mut Frame<'_>, body: Rect, empty: &[Cell]) {
        let areas = self.areas(body);
        let buffer = frame.buffer_mut();
        for (line, row) in self.lead_lines(body).iter().zip(0..areas.lead.height.saturating_sub(1)) {
            let (x, width) = (body.x + LEAD_INDENT, body.width.saturating_sub(LEAD_INDENT + 1));
            let at = text::Line { x, width, ..text::Line::of(areas.lead, row) };
            text::put(buffer, at, line, &world.theme, Style::default());
        }
        if let Some(y) = areas.lead.bottom().checked_sub(1).filter(|_| areas.lead.height > 0) {
            view::draw_rule(world, buffer, Rect { y, height: 1, ..areas.lead });
        }
        table::draw(&self.list, self.height, world, buffer, areas.list);
        if self.list.shown().is_empty() && self.list.progress().is_none() {
            let no_match =
                [Cell::text("No row passes the filter."), Cell::new("esc takes it away, / changes it", Role::Dim)];
            let sentences = if self.list.view().filter.is_empty() { empty } else { &no_match };
            let width = areas.list.width.saturating_sub(4);
            let lines = sentences.iter().flat_map(|cell| text::wrap(cell, width));
            for (line, row) in lines.zip(2..areas.list.height) {
                let at = text::Line { x: areas.list.x + 3, width, ..text::Line::of(areas.list, row) };
                text::put(buffer, at, &line, &world.theme, Style::default());
            }
        }
        if let Some(area) = areas.details {
            self.draw_details(world, frame, area, body.width >= WIDE);
        }
    }

    fn draw_details(&self, world: &World, frame: &mut Frame<'_>, area: Rect, beside: bool) {
        let buffer = frame.buffer_mut();
        let inside = inside(area, beside);
        let rule = world.theme.style(if self.focus.is_some() { Role::Title } else { Role::Rule });
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
        let top = self.focus.as_ref().map_or(0, |scroll| scroll.top(lines.len(), height));
        if lines.len() > height && self.focus.is_none() {
            lines.truncate(height.saturating_sub(1));
            lines.push(Cell::new("… tab scrolls, i shows all", Role::Dim));
        }
        detail::draw(&lines, top, &world.theme, buffer, inside);
    }
}

/// Returns the part of the details' area that text stands in.
fn inside(area: Rect, beside: bool) -> Rect {
    if beside {
        Rect { x: area.x + 2, width: area.width.saturating_sub(3), ..area }
    } else {
        let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(1));
        Rect { x: area.x + 3, y: area.y + 1, width, height }
    }
}
