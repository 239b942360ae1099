//! A yes-or-no question.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::view;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;

/// The question whether a run should stop watching for builds.
pub const STOP_WATCHING: &str = "Stop watching for builds? Everything is deleted that should be. A build that was exporting may lack blobs until the next prune restores them.";

/// A question, and the request that a yes sends.
#[derive(Debug)]
pub struct Confirm {
    question: String,
    request: Option<LayerRequest>,
}

impl Confirm {
    /// Asks `question`; a yes sends `request` to the screen.
    pub fn new(question: String, request: LayerRequest) -> Self {
        Self {
            question,
            request: Some(request),
        }
    }
}

impl UiLayer for Confirm {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Confirm
    }

    fn key(&mut self, _key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) => {
                cx.close();
                if let Some(request) = self.request.take() {
                    cx.ask(request);
                }
            }
            Some(Action::Cancel) => cx.close(),
            _ => {}
        }
        Handled::Yes
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = text::width(&self.question).clamp(24, area.width.saturating_sub(6).min(72));
        let lines = text::wrap(&Cell::text(self.question.clone()), width);
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let inside = popup::open("Please confirm", width, height, &world.theme, frame, area);
        let keys = view::hint_line(world, keymap::KeyContext::Confirm, width);
        for (line, row) in lines
            .iter()
            .chain([&Cell::default(), &keys])
            .zip(0..inside.height)
        {
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(inside, row),
                line,
                &world.theme,
                Style::default(),
            );
        }
    }
}
