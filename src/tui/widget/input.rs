//! A text input line.

use crossterm::event::{Event, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};

use super::text;
use crate::text::escape::must_be_written_out;
use crate::tui::message::KeyPress;
use crate::tui::navigation::Handled;
use crate::tui::rows::Cell;
use crate::tui::theme::{TextRole, Theme};

/// The maximum number of characters; further ones are ignored.
const LONGEST: usize = 4096;

/// A text input line.
#[derive(Debug, Clone, Default)]
pub struct InputLine(Input);

impl InputLine {
    /// Starts with `text`, and the cursor after it.
    pub fn new(text: String) -> Self {
        Self(Input::new(text))
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.0.value()
    }

    /// Handles a key; returns whether the key has a meaning in a line.
    pub fn key(&mut self, key: KeyPress) -> Handled {
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

    /// Inserts pasted text without control characters.
    pub fn paste(&mut self, text: &str) {
        let room = LONGEST.saturating_sub(self.text().len());
        for character in text
            .chars()
            .filter(|character| !must_be_written_out(*character))
            .take(room)
        {
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
        // Skips the columns that are scrolled out, in whole characters.
        let mut skipped = 0;
        let shown = self.text().char_indices().find(|(_, character)| {
            let at_edge = skipped >= scroll;
            skipped += unicode_width::UnicodeWidthChar::width(*character).unwrap_or_default();
            at_edge
        });
        let shown = shown.map_or("", |(at, _)| &self.text()[at..]);
        text::put(
            frame.buffer_mut(),
            text::LineArea::of(area, 0),
            &Cell::new(shown.to_owned(), TextRole::Text),
            theme,
            Style::default(),
        );
        let column = u16::try_from(self.0.visual_cursor().saturating_sub(scroll))
            .unwrap_or(room)
            .min(room);
        frame.set_cursor_position((area.x + column, area.y));
    }
}
