//! A line to type in.

use crossterm::event::{Event, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};

use super::text;
use crate::format::text::must_be_written_out;
use crate::tui::message::Key;
use crate::tui::rows::Cell;
use crate::tui::theme::{Role, Theme};
use crate::tui::world::Handled;

/// More characters than anybody types; further ones are not taken.
const LONGEST: usize = 4096;

/// A line to type in.
#[derive(Debug, Clone, Default)]
pub struct InputLine(Input);

impl InputLine {
    /// Begins with `text`, the cursor behind it.
    pub fn new(text: String) -> Self {
        Self(Input::new(text))
    }

    /// Returns what is typed.
    pub fn text(&self) -> &str {
        self.0.value()
    }

    /// Heeds a key; tells whether it has a meaning in a line.
    pub fn key(&mut self, key: Key) -> Handled {
        if key.character().is_some() && self.text().len() >= LONGEST {
            return Handled::Yes;
        }
        let event: KeyEvent = key.0.into();
        let request = to_input_request(&Event::Key(event));
        if let Some(request) = request {
            self.0.handle(request);
        }
        request.is_some().into()
    }

    /// Heeds pasted text; what is no character to type is left out.
    pub fn paste(&mut self, text: &str) {
        let room = LONGEST.saturating_sub(self.text().len());
        for character in text.chars().filter(|character| !must_be_written_out(*character)).take(room) {
            self.0.handle(InputRequest::InsertChar(character));
        }
    }

    /// Draws the line with its cursor.
    pub fn draw(&self, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
        if area.width < 2 || area.height == 0 {
            return;
        }
        let room = area.width - 1;
        let scroll = self.0.visual_scroll(room.into());
        // Skips as many columns as are scrolled out, whole characters only.
        let mut skipped = 0;
        let shown = self.text().char_indices().find(|(_, character)| {
            let at_edge = skipped >= scroll;
            skipped += unicode_width::UnicodeWidthChar::width(*character).unwrap_or_default();
            at_edge
        });
        let shown = shown.map_or("", |(at, _)| &self.text()[at..]);
        text::put(
            frame.buffer_mut(),
            text::Line::of(area, 0),
            &Cell::new(shown.to_owned(), Role::Text),
            theme,
            Style::default(),
        );
        let column = u16::try_from(self.0.visual_cursor().saturating_sub(scroll)).unwrap_or(room).min(room);
        frame.set_cursor_position((area.x + column, area.y));
    }
}
