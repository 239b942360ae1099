//! A line for the value of a field.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::UiLayer;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::widget::input::InputLine;
use crate::tui::widget::popup;
use crate::tui::world::World;

/// Prompts for the value of a field.
#[derive(Debug)]
pub struct FieldPrompt {
    title: &'static str,
    input: InputLine,
}

impl FieldPrompt {
    /// Starts with the current value of the field.
    pub fn new(title: &'static str, value: String) -> Self {
        Self {
            title,
            input: InputLine::new(value),
        }
    }
}

impl UiLayer for FieldPrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) => {
                cx.close();
                cx.ask(LayerRequest::Field(self.input.text().to_owned()));
            }
            Some(Action::Cancel) => cx.close(),
            _ => {
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.input.paste(text);
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let inside = popup::open(self.title, 50, 1, &world.theme, frame, area);
        self.input.draw(&world.theme, frame, inside);
    }
}
