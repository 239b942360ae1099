//! The menu of orders.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::UiLayer;
use crate::tui::keymap::{self, Action};
use crate::tui::list::{Sort, SortDirection};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::{Align, Cell, Column, Sortable};
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::theme::TextRole;
use crate::tui::widget::popup;
use crate::tui::world::World;

/// The width of the menu.
const WIDTH: u16 = 30;

/// The menu of orders.
#[derive(Debug)]
pub struct SortMenu {
    columns: &'static [Column],
    choices: Vec<usize>,
    cursor: usize,
    sort: Sort,
}

impl SortMenu {
    /// Offers `columns`, starting with the current order.
    pub fn new(columns: &'static [Column], sort: Sort) -> Self {
        let sortable = |(_, column): &(usize, &Column)| column.sort != Sortable::No;
        let choices: Vec<usize> = columns
            .iter()
            .enumerate()
            .filter(sortable)
            .map(|(place, _)| place)
            .collect();
        let cursor = choices
            .iter()
            .position(|choice| *choice == sort.column)
            .unwrap_or_default();
        Self {
            columns,
            choices,
            cursor,
            sort,
        }
    }

    fn height(&self) -> u16 {
        u16::try_from(self.choices.len()).unwrap_or(u16::MAX)
    }

    /// Returns the order of the line at `place`.
    fn order_at(&self, place: usize) -> Sort {
        let column = self.choices.get(place).copied().unwrap_or_default();
        if column == self.sort.column {
            self.sort
        } else {
            Sort::by(column, self.columns)
        }
    }
}

/// Returns which values come first in an order.
fn words(column: &Column, order: SortDirection) -> String {
    let is_text = matches!(column.align, Align::Left | Align::Path);
    let (ascending, descending) = match column.title {
        "AGE" | "NEWEST" => ("newest first", "oldest first"),
        "WHEN" | "MODIFIED" => ("oldest first", "newest first"),
        "SIZE" | "ONLY HERE" | "BEFORE" | "AFTER" | "LIVE" | "ORPHAN" | "COST" | "SHARE"
        | "DELETED" | "IN THE TRASH" => ("smallest first", "largest first"),
        "TIME" => ("shortest first", "longest first"),
        "SEVERITY" => ("worst first", "mildest first"),
        "STEP" | "LINE" | "WHERE" => ("as in the file", "last line first"),
        _ if is_text && column.sort == Sortable::Ascending => ("from A to Z", "from Z to A"),
        _ => ("fewest first", "most first"),
    };
    match order {
        SortDirection::Ascending => format!("▴ {ascending}"),
        SortDirection::Descending => format!("▾ {descending}"),
    }
}

impl UiLayer for SortMenu {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Popup
    }

    fn key(&mut self, _key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        let last = self.choices.len().saturating_sub(1);
        match action {
            Some(Action::Up) => self.cursor = self.cursor.saturating_sub(1),
            Some(Action::Down) => self.cursor = (self.cursor + 1).min(last),
            Some(Action::Top | Action::PageUp) => self.cursor = 0,
            Some(Action::Bottom | Action::PageDown) => self.cursor = last,
            Some(Action::Reverse) => {
                self.sort = self.order_at(self.cursor).reversed();
                cx.ask(LayerRequest::Sort(self.sort));
            }
            Some(Action::Accept) => {
                cx.ask(LayerRequest::Sort(self.order_at(self.cursor)));
                cx.close();
            }
            Some(Action::Cancel) => cx.close(),
            _ => {}
        }
        Handled::Yes
    }

    fn choose_at(&mut self, cell: (u16, u16), world: &World) -> Option<Action> {
        let inside = popup::inside(WIDTH, self.height(), world.area());
        let place = popup::line_at(inside, cell)?;
        self.cursor = place;
        (place < self.choices.len()).then_some(Action::Accept)
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let height = self.height();
        let inside = popup::open("Sort by", WIDTH, height, &world.theme, frame, area);
        for ((place, column), row) in self.choices.iter().enumerate().zip(0..inside.height) {
            let sort = self.order_at(place);
            let words = self
                .columns
                .get(*column)
                .map_or_else(String::new, |column| words(column, sort.order));
            let chosen = if *column == self.sort.column {
                "✓ "
            } else {
                "  "
            };
            let title = self.columns.get(*column).map_or("", |column| column.title);
            let cell = Cell::new(chosen, TextRole::Good)
                .and(format!("{title:<12}"), TextRole::Text)
                .and(words, TextRole::Dim);
            popup::item(
                &cell,
                place == self.cursor,
                &world.theme,
                frame,
                inside,
                row,
            );
        }
    }
}
