//! Keys, pasted text and the mouse.

use super::super::effect::Effect;
use super::super::keymap::{self, Action, KeyBinding};
use super::super::message::{KeyPress, Wheel};
use super::super::model::Model;
use super::super::navigation::{Handled, NavigationCommand, UiContext};
use super::super::screen::Pointer;
use super::super::view;
use super::super::widget::text as cells;
use super::super::world::{StatusKind, World};
use crate::text::escape::visible;

impl Model {
    pub(super) fn key(
        &mut self,
        key: KeyPress,
        effects: &mut Vec<Effect>,
    ) -> Vec<NavigationCommand> {
        // These two keys work during any text input.
        if let Some(action @ (Action::Quit | Action::Suspend)) = self
            .world
            .keymap
            .action(&[keymap::KeyContext::Global], key.0)
        {
            return vec![NavigationCommand::Perform(action)];
        }
        if self.keep_key(key) {
            return Vec::new();
        }
        let mut commands = Vec::new();
        let Self {
            world,
            screens,
            layers,
            ..
        } = self;
        for layer in layers.iter_mut().rev() {
            let action = world.keymap.action(&[layer.context()], key.0);
            let mut cx = UiContext::new(world, effects, &mut commands);
            if layer.key(key, action, &mut cx) == Handled::Yes {
                return commands;
            }
        }
        let contexts = screens.last().map_or(&[][..], |screen| screen.contexts());
        if let Some(action) = world.keymap.action(contexts, key.0) {
            commands.push(NavigationCommand::Perform(action));
        } else if layers.is_empty() {
            report_unused_key(key, contexts, world);
        }
        commands
    }

    /// A click on a word of the last line does what its key does, one on the path goes back. Else
    /// the mouse reaches the layer on top, or the screen if there is none.
    pub(super) fn pointer(
        &mut self,
        pointer: Pointer,
        effects: &mut Vec<Effect>,
    ) -> Vec<NavigationCommand> {
        if let Pointer::Click(x, y) = pointer {
            if let Some(key) = view::key_at(self, x, y) {
                return self.key(key, effects);
            }
            let is_path = y == 0 && self.layers.is_empty() && self.screens.len() > 1;
            if is_path && view::is_on_parent(self, x) {
                return vec![NavigationCommand::Back];
            }
        }
        if !self.layers.is_empty() {
            return self.pointer_in_layer(pointer, effects);
        }
        let mut commands = Vec::new();
        let mut cx = UiContext::new(&mut self.world, effects, &mut commands);
        if let Some(screen) = self.screens.last_mut() {
            screen.pointer(pointer, &mut cx);
        }
        commands
    }

    /// A click on an item of the layer on top chooses it, and the wheel moves as the arrow keys do.
    fn pointer_in_layer(
        &mut self,
        pointer: Pointer,
        effects: &mut Vec<Effect>,
    ) -> Vec<NavigationCommand> {
        let Some(layer) = self.layers.last_mut() else {
            return Vec::new();
        };
        let action = match pointer {
            Pointer::Click(x, y) => layer.choose_at((x, y), &self.world),
            Pointer::Wheel(_, _, Wheel::Up) => Some(Action::Up),
            Pointer::Wheel(_, _, Wheel::Down) => Some(Action::Down),
        };
        let mut bindings = self.world.keymap.bindings(layer.context()).iter();
        let binding = bindings.find(|binding| Some(binding.action) == action);
        match binding.and_then(KeyBinding::first_key) {
            Some(key) => self.key(key, effects),
            None => Vec::new(),
        }
    }

    /// Hands pasted text to the layer on top.
    pub(super) fn paste(
        &mut self,
        text: &str,
        effects: &mut Vec<Effect>,
    ) -> Vec<NavigationCommand> {
        let mut commands = Vec::new();
        let mut cx = UiContext::new(&mut self.world, effects, &mut commands);
        if let Some(layer) = self.layers.last_mut() {
            layer.paste(text, &mut cx);
        }
        commands
    }
}

/// The columns of the status line without words: its margins, and the sign of a failure.
const STATUS_MARGIN: u16 = 4;

/// Returns the longer words if they fit into `room` columns, else the shorter ones.
fn fitting([long, short]: [String; 2], room: u16) -> String {
    if cells::width(&long) <= room {
        long
    } else {
        short
    }
}

/// Says that a key does nothing here, and what it does elsewhere.
fn report_unused_key(key: KeyPress, contexts: &[keymap::KeyContext], world: &mut World) {
    let global = [keymap::KeyContext::Global];
    let help = world.keymap.key_for(&global, Action::Help);
    let Some(character) = key.character() else {
        return;
    };
    let name = if character == ' ' {
        "space".to_owned()
    } else {
        visible(&character.to_string()).into_owned()
    };
    let room = world.size.width.saturating_sub(STATUS_MARGIN);
    let words = match world.keymap.elsewhere(key.0) {
        _ if matches!(character, 'd' | 'D' | 'x')
            && contexts.contains(&keymap::KeyContext::List) =>
        {
            let mark = world
                .keymap
                .key_for(&[keymap::KeyContext::List], Action::Mark);
            let plan = world
                .keymap
                .key_for(&[keymap::KeyContext::Refs], Action::Plan);
            let words = [
                format!(
                    "{name} deletes nothing here: mark refs with {mark}, then {plan} plans; {help} shows the keys"
                ),
                format!("{name} deletes nothing here: {mark} marks refs, {plan} plans"),
            ];
            fitting(words, room)
        }
        Some((context, action)) => {
            let text = world.keymap.text_for(context, action);
            let there = context.heading();
            // The first words are enough.
            let text = text.split([',', ';', ':', '.']).next().unwrap_or(text);
            let words = [
                format!("{name} does nothing here ({there}: {text})"),
                format!("{name} does nothing here, only in: {there}"),
            ];
            fitting(words, room)
        }
        None => format!("{name} does nothing here; {help} shows the keys"),
    };
    world.note(StatusKind::Failed, words);
}
