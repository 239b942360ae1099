//! The menu of columns: which of them a list shows.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::UiLayer;
use crate::tui::effect::JobWork;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::{Cell, Column};
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::widget::popup;
use crate::tui::world::World;

/// The width of the menu.
const WIDTH: u16 = 30;

/// The menu of columns.
#[derive(Debug)]
pub struct ColumnsMenu {
    columns: &'static [Column],
    cursor: usize,
}

impl ColumnsMenu {
    /// Offers the columns of a list but the first, which names the row.
    pub fn new(columns: &'static [Column]) -> Self {
        Self { columns, cursor: 1 }
    }

    fn height(&self) -> u16 {
        u16::try_from(self.columns.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    fn toggle(&self, cx: &mut UiContext<'_>) {
        cx.world.hidden_columns.toggle(self.columns, self.cursor);
        let hidden = cx.world.hidden_columns.clone();
        if let Some(path) = cx.world.columns_file.clone() {
            cx.start(JobWork::SaveColumns(path, hidden));
        }
    }
}

impl UiLayer for ColumnsMenu {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Popup
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        let last = self.columns.len().saturating_sub(1).max(1);
        match action {
            Some(Action::Up) => self.cursor = self.cursor.saturating_sub(1).max(1),
            Some(Action::Down) => self.cursor = (self.cursor + 1).min(last),
            Some(Action::Top | Action::PageUp) => self.cursor = 1,
            Some(Action::Bottom | Action::PageDown) => self.cursor = last,
            Some(Action::Accept) => self.toggle(cx),
            Some(Action::Cancel) => cx.close(),
            _ if key.character() == Some(' ') => self.toggle(cx),
            _ => {}
        }
        Handled::Yes
    }

    fn choose_at(&mut self, cell: (u16, u16), world: &World) -> Option<Action> {
        let inside = popup::inside(WIDTH, self.height(), world.area());
        let place = popup::line_at(inside, cell)? + 1;
        self.cursor = place;
        (place < self.columns.len()).then_some(Action::Accept)
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let height = self.height();
        let key = world.keymap.key_for(&[self.context()], Action::Accept);
        let title = format!("Columns · {key}: show, hide");
        let inside = popup::open(&title, WIDTH, height, &world.theme, frame, area);
        let columns = self.columns.iter().enumerate().skip(1);
        for ((place, column), row) in columns.zip(0..inside.height) {
            let is_hidden = world.hidden_columns.hides(self.columns, place);
            let sign = if is_hidden { "[ ] " } else { "[x] " };
            let title = if column.title.is_empty() {
                "(without a title)"
            } else {
                column.title
            };
            let cell = Cell::new(sign, TextRole::Good).and(title, TextRole::Text);
            let is_selected = place == self.cursor;
            popup::item(&cell, is_selected, &world.theme, frame, inside, row);
        }
    }
}
