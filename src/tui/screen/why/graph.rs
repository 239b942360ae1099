//! The stage graph: below few steps on a wide screen, or in place of the list.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::WhyScreen;
use crate::explain::load::groups::CauseGroup;
use crate::format::provenance::StepIndex;
use crate::tui::keymap::Action;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::why::{BarUnit, CauseListShape, StageGraph};
use crate::tui::rows::{Cell, Identity};
use crate::tui::screen::Pointer;
use crate::tui::screen::list_screen::{PREVIEW_FROM, below_title};
use crate::tui::theme::TextRole;
use crate::tui::widget::text::{self, LineArea};
use crate::tui::widget::{meter, stages};
use crate::tui::world::World;

/// The width of the bar of a cause's cost, and of the cost in words.
const COST_BAR: u16 = 60;
const COST_WORDS: u16 = 10;

impl WhyScreen {
    /// Shows the graph in place of the list, or the list again.
    pub(super) fn toggle_graph(&mut self, cx: &mut UiContext<'_>) {
        if self.rows.explained().is_none() {
            return;
        }
        self.is_graph = !self.is_graph;
        self.screen.set_picture(self.is_graph);
        let step = self.cursor();
        if self.is_graph {
            // The graph has every step.
            self.screen.list.act(Action::Escape, 1, cx);
        }
        self.reshape(cx);
        if let Some(step) = step {
            self.go_to_step(step, cx);
        }
    }

    /// Shows the list, because the graph has neither an order nor a filter.
    pub(super) fn leave_graph(&mut self) {
        self.is_graph = false;
        self.screen.set_picture(false);
    }

    /// Returns the step under the cursor.
    pub(super) fn cursor(&self) -> Option<StepIndex> {
        self.rows.step(self.screen.list.current()?)
    }

    fn graph(&self) -> Option<&StageGraph> {
        let explained = self.rows.explained()?;
        Some(&explained.graph)
    }

    /// Puts the cursor on a step, and unfolds the row that it is below.
    fn go_to_step(&mut self, step: StepIndex, cx: &mut UiContext<'_>) {
        let Some(explained) = self.rows.explained().cloned() else {
            return;
        };
        let is_folded = self.rows.shape() == CauseListShape::Folded;
        let owner = explained.groups.owner(step).filter(|_| is_folded);
        if owner.is_some_and(|owner| self.opened.insert(owner)) {
            self.show(Some(explained), CauseListShape::Folded, cx);
        }
        self.wanted = Some(Identity::BuildStep(step.0));
        self.stand();
    }

    /// Moves in the graph: along a stage, or to the stages next to it.
    pub(super) fn move_in_graph(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        let (columns, rows) = match action {
            Action::Up => (0, -1),
            Action::Down => (0, 1),
            Action::Collapse => (-1, 0),
            Action::Expand => (1, 0),
            Action::Top | Action::PageUp | Action::HalfPageUp => (0, isize::MIN),
            Action::Bottom | Action::PageDown | Action::HalfPageDown => (0, isize::MAX),
            _ => return Handled::No,
        };
        let from = self.cursor();
        let step = self.graph().and_then(|graph| {
            let from = from.or_else(|| graph.first())?;
            graph.moved(from, columns, rows)
        });
        if let Some(step) = step {
            self.go_to_step(step, cx);
        }
        Handled::Yes
    }

    /// Gives the graph the lines that it needs, and the rest to the list.
    pub(super) fn fit_graph(&mut self, world: &World) {
        let width = stages::inside(world.area()).width;
        if let Some(graph) = self.graph() {
            // The title takes a line.
            let lines = stages::whole_height(graph, width).saturating_add(1);
            self.screen.set_filler_lines(lines);
        }
    }

    /// Returns where the graph is drawn, including its title.
    fn graph_area(&self, body: Rect) -> Option<Rect> {
        let areas = self.screen.areas(body);
        if self.is_graph {
            Some(areas.list)
        } else {
            areas.filler
        }
    }

    /// Handles a click into the graph. A second click opens the step.
    pub(super) fn click_graph(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) -> Handled {
        let Pointer::Click(x, y) = pointer else {
            return self.is_graph.into();
        };
        let body = crate::tui::view::body(cx.world.size);
        let area = self.graph_area(body);
        let Some(area) = area.filter(|area| area.contains((x, y).into())) else {
            return Handled::No;
        };
        let cursor = self.cursor();
        let step = self
            .graph()
            .and_then(|graph| stages::at(graph, cursor, stages::inside(area), (x, y)));
        match step {
            Some(step) if Some(step) == cursor => self.open(cx),
            Some(step) => self.go_to_step(step, cx),
            None => {}
        }
        Handled::Yes
    }

    /// Draws the cost of each cause as a bar, at the right end of its sentence.
    pub(super) fn draw_costs(&self, world: &World, frame: &mut Frame<'_>, body: Rect) {
        let Some(explained) = self.rows.explained().filter(|_| body.width >= PREVIEW_FROM) else {
            return;
        };
        let unit = explained.graph.unit;
        let cost = |group: &CauseGroup| match unit {
            BarUnit::Time => group.cost.took.map(|took| took.as_millis()),
            BarUnit::Bytes => group.cost.bytes.map(i128::from),
            BarUnit::None => None,
        };
        let groups = &explained.groups.all;
        let cost = |group: &CauseGroup| {
            let cost = cost(group).and_then(|cost| u64::try_from(cost).ok());
            cost.unwrap_or_default()
        };
        let largest = groups.iter().map(cost).max().unwrap_or_default();
        let mut rows = self.screen.lead_rows(body).into_iter();
        for group in groups {
            let sentences = explained.sentences(group).len();
            let row = rows.next();
            let mut others = rows.by_ref().take(sentences.saturating_sub(1));
            others.by_ref().for_each(drop);
            let (Some(row), cost @ 1..) = (row, cost(group)) else {
                continue;
            };
            let bar = meter::bar(cost, largest, COST_BAR);
            let cell = Cell::new(bar, TextRole::Missing)
                .and(format!(" {:>7}", unit.words(cost)), TextRole::Text);
            let buffer = frame.buffer_mut();
            let x = row.right().saturating_sub(COST_BAR + COST_WORDS);
            let is_free = (x..row.right()).all(|x| buffer[(x, row.y)].symbol() == " ");
            if is_free {
                let at = LineArea {
                    x,
                    width: COST_BAR + COST_WORDS - 1,
                    ..LineArea::of(row, 0)
                };
                text::put(buffer, at, &cell, &world.theme, Style::default());
            }
        }
    }

    pub(super) fn draw_graph(&self, world: &World, frame: &mut Frame<'_>, body: Rect) {
        let (Some(graph), Some(area)) = (self.graph(), self.graph_area(body)) else {
            return;
        };
        let buffer = frame.buffer_mut();
        below_title(&stages::legend(graph.unit), world, buffer, area);
        stages::draw(graph, self.cursor(), world, buffer, stages::inside(area));
    }
}
