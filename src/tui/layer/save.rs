//! Prompts for the name of the file to write a plan to.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::prune::plan::Plan;
use crate::tui::effect::Overwrite;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;
use crate::tui::writes::{FileWrite, PlanFile};

/// Prompts for the name of a file.
#[derive(Debug)]
pub struct SavePrompt {
    plan: Arc<Plan>,
    input: InputLine,
}

impl SavePrompt {
    /// Prompts for the target of `plan`.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            input: InputLine::new("./cachelens-plan.json".to_owned()),
        }
    }
}

impl UiLayer for SavePrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept) if self.input.text().trim().is_empty() => {}
            Some(Action::Accept) => {
                cx.close();
                cx.write(FileWrite::Plan(PlanFile {
                    plan: Arc::clone(&self.plan),
                    path: self.input.text().trim().into(),
                    overwrite: Overwrite::Never,
                }));
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
        let words = "`cachelens prune --apply FILE` carries it out";
        let inside = popup::open("Save the plan", 60, 3, &world.theme, frame, area);
        self.input.draw(
            &world.theme,
            frame,
            Rect {
                height: 1.min(inside.height),
                ..inside
            },
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
