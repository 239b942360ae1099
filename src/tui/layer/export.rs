//! Prompts for the name of the file to write rows to.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::text::plural::one_or;
use crate::text::units::grouped;
use crate::tui::keymap::{self, Action};
use crate::tui::list::RowList;
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;

/// Prompts for the name of a file.
#[derive(Debug)]
pub struct ExportPrompt(InputLine);

impl ExportPrompt {
    /// Starts with the name `default`.
    pub fn new(default: &str) -> Self {
        Self(InputLine::new(default.to_owned()))
    }
}

impl UiLayer for ExportPrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) if self.0.text().trim().is_empty() => {}
            Some(Action::Accept) => {
                cx.close();
                cx.ask(LayerRequest::Export(self.0.text().trim().into()));
            }
            Some(Action::Cancel) => cx.close(),
            _ => {
                self.0.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.0.paste(text);
    }

    fn draw(&self, world: &World, screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let inside = popup::open("Write to a file", 60, 3, &world.theme, frame, area);
        self.0.draw(
            &world.theme,
            frame,
            Rect {
                height: 1.min(inside.height),
                ..inside
            },
        );
        let (count, are_marked) = screen.list().map_or((0, false), RowList::exported_count);
        let format = if self.0.text().trim().to_lowercase().ends_with(".csv") {
            "CSV"
        } else {
            "JSON"
        };
        let words = format!(
            "{} {}{} as {format}; a name that ends in .csv makes CSV",
            grouped(count as u64),
            if are_marked { "marked " } else { "" },
            one_or(count, "row", "rows")
        );
        let line = text::LineArea::of(inside, 2.min(inside.height.saturating_sub(1)));
        text::put(
            frame.buffer_mut(),
            line,
            &Cell::new(words, TextRole::Dim),
            &world.theme,
            Style::default(),
        );
    }
}
