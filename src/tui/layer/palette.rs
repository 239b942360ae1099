//! The command palette: everything that can be done here, found by parts of its words.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Layer;
use crate::tui::keymap::{self, Action, Keymap};
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
    commands: Vec<Command>,
    input: InputLine,
    cursor: usize,
}

#[derive(Debug)]
struct Command {
    action: Action,
    text: String,
    key: String,
}

impl Palette {
    /// Offers all actions of `contexts`.
    pub fn new(contexts: &[keymap::Context], keymap: &Keymap) -> Self {
        let bindings = contexts.iter().flat_map(|context| keymap.bindings(*context));
        let commands = bindings.filter(|binding| binding.action != Action::Palette).map(|binding| Command {
            action: binding.action,
            text: binding.text.clone(),
            key: binding.key(),
        });
        Self { commands: commands.collect(), input: InputLine::default(), cursor: 0 }
    }

    /// Returns what fits what is typed, the best first.
    fn found(&self) -> Vec<&Command> {
        let mut found: Vec<(u32, &Command)> = self
            .commands
            .iter()
            .filter_map(|command| Some((distance(self.input.text(), &command.text)?, command)))
            .collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, command)| command).collect()
    }
}

/// Tells how far the characters of `wanted` stand apart in `text`; nothing when they do not stand there in that order.
fn distance(wanted: &str, text: &str) -> Option<u32> {
    let (wanted, text) = (wanted.to_lowercase(), text.to_lowercase());
    if let Some(at) = text.find(&wanted) {
        // A part as it is comes before scattered characters, the beginning of a word before its middle.
        return Some(u32::from(at > 0 && !text[..at].ends_with(' ')));
    }
    let mut rest = text.chars();
    let mut apart = 2;
    for character in wanted.chars().filter(|character| !character.is_whitespace()) {
        let before = rest.clone().count();
        rest.find(|next| *next == character)?;
        apart += u32::try_from(before - rest.clone().count() - 1).unwrap_or(u32::MAX);
    }
    Some(apart)
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
            let cell = Cell::new(format!("{:<10}", command.key), Role::Key).and(command.text.clone(), Role::Text);
            popup::item(&cell, place == self.cursor, &world.theme, frame, below, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_before_scattered_characters() {
        let order = ["filter", "the rows", "fr", "Filter the rows", "xyz", ""];
        let distances = order.map(|wanted| distance(wanted, "Filter the rows"));
        assert_eq!(distances[..2], [Some(0), Some(0)]);
        assert!(distances[2] > Some(1));
        assert_eq!(distances[3..], [Some(0), None, Some(0)]);
        assert_eq!(distance("ows", "Filter the rows"), Some(1));
    }
}
