//! A question that is answered by typing a name, for serious decisions.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;

/// A question, the expected name, and the request that it sends.
#[derive(Debug)]
pub struct Typed {
    question: String,
    name: String,
    input: InputLine,
    /// Whether a wrong name was entered.
    is_wrong: bool,
    request: LayerRequest,
}

impl Typed {
    /// Asks `question`; typing `name` sends `request` to the screen.
    pub fn new(question: String, name: String, request: LayerRequest) -> Self {
        Self {
            question,
            name,
            input: InputLine::default(),
            is_wrong: false,
            request,
        }
    }
}

impl UiLayer for Typed {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) if self.input.text() == self.name => {
                cx.close();
                cx.ask(self.request.clone());
            }
            Some(Action::Accept) => self.is_wrong = true,
            Some(Action::Cancel) => cx.close(),
            _ => {
                self.is_wrong = false;
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = area.width.saturating_sub(6).min(72);
        let mut lines = text::wrap(&Cell::text(self.question.clone()), width);
        lines.push(Cell::default());
        let ask = Cell::text("Type the name of the source to continue:  ")
            .and(self.name.clone(), TextRole::Strong);
        lines.extend(text::wrap(&ask, width));
        let height = u16::try_from(lines.len() + 2)
            .unwrap_or(u16::MAX)
            .min(area.height.saturating_sub(4));
        let inside = popup::open("Please confirm", width, height, &world.theme, frame, area);
        for (line, row) in lines.iter().zip(0..inside.height.saturating_sub(2)) {
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(inside, row),
                line,
                &world.theme,
                Style::default(),
            );
        }
        let last = Rect {
            y: inside.bottom().saturating_sub(1),
            height: 1.min(inside.height),
            ..inside
        };
        if self.is_wrong {
            let words = Cell::new("! that is not its name", TextRole::Error);
            let above = Rect {
                y: last.y.saturating_sub(1),
                ..last
            };
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(above, 0),
                &words,
                &world.theme,
                Style::default(),
            );
        }
        text::put(
            frame.buffer_mut(),
            text::LineArea::of(last, 0),
            &Cell::new("› ", TextRole::Key),
            &world.theme,
            Style::default(),
        );
        self.input.draw(
            &world.theme,
            frame,
            Rect {
                x: last.x + 2,
                width: last.width.saturating_sub(2),
                ..last
            },
        );
    }
}
