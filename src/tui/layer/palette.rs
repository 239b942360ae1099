//! The command palette: everything that can be done here, found by its name or by parts of its words.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Layer;
use crate::tui::keymap::{self, Action, Binding, Keymap, search};
use crate::tui::message::Key;
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::Role;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::popup;
use crate::tui::world::{Context, Handled, World};

/// Everything that can be done here.
#[derive(Debug)]
pub struct Palette {
    commands: Vec<Binding>,
    input: InputLine,
    cursor: usize,
}

impl Palette {
    /// Offers all actions of `contexts`.
    pub fn new(contexts: &[keymap::Context], keymap: &Keymap) -> Self {
        let bindings = contexts.iter().flat_map(|context| keymap.bindings(*context));
        let commands = bindings.filter(|binding| binding.action != Action::Palette);
        Self { commands: commands.cloned().collect(), input: InputLine::default(), cursor: 0 }
    }

    /// Returns what fits what is typed, the best first.
    fn found(&self) -> Vec<&Binding> {
        let near = |command| Some((search::distance(self.input.text(), command)?, command));
        let mut found: Vec<(u32, &Binding)> = self.commands.iter().filter_map(near).collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, command)| command).collect()
    }
}

impl Layer for Palette {
    fn context(&self) -> keymap::Context {
        keymap::Context::Search
    }

    fn key(&mut self, key: Key, action: Option<Action>, cx: &mut Context<'_>) -> Handled {
        let last = self.found().len().saturating_sub(1);
        match action {
            Some(Action::Accept) => {
                let action = self.found().get(self.cursor).map(|command| command.action);
                cx.close();
                if let Some(action) = action {
                    cx.perform(action);
                }
            }
            Some(Action::Cancel) => cx.close(),
            Some(Action::Up) => self.cursor = self.cursor.saturating_sub(1),
            Some(Action::Down) => self.cursor = (self.cursor + 1).min(last),
            Some(Action::PageUp) => self.cursor = 0,
            Some(Action::PageDown) => self.cursor = last,
            _ => {
                self.input.key(key);
                self.cursor = 0;
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut Context<'_>) {
        self.input.paste(text);
        self.cursor = 0;
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let found = self.found();
        let height = u16::try_from(self.commands.len() + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(4));
        let inside = popup::open("Commands", 64, height, &world.theme, frame, area);
        self.input.draw(&world.theme, frame, Rect { height: 1.min(inside.height), ..inside });
        let below = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
        if found.is_empty() {
            let nothing = Cell::new("no command is called that", Role::Dim);
            popup::item(&nothing, false, &world.theme, frame, below, 0);
        }
        let top = popup::top(self.cursor, found.len(), below.height.into());
        for ((place, command), row) in found.iter().enumerate().skip(top).zip(0..below.height) {
            let cell = Cell::new(format!("{:<10}", command.key()), Role::Key).and(command.text.clone(), Role::Text);
            popup::item(&cell, place == self.cursor, &world.theme, frame, below, row);
        }
    }
}
