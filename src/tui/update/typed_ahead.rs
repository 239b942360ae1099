//! Keys that are typed before the rows that they are about are shown: a filter or an order of many
//! rows takes a moment.

use super::super::effect::Effect;
use super::super::keymap::{Action, KeyContext};
use super::super::message::KeyPress;
use super::super::model::Model;

/// The number of keys that may wait.
const MOST: usize = 64;

impl Model {
    /// Keeps a key until the rows of the requested filter and order are shown, if its action is
    /// about a row. Returns whether it is kept.
    pub(super) fn keep_key(&mut self, key: KeyPress) -> bool {
        let Some(screen) = self.screens.last() else {
            return false;
        };
        if !self.layers.is_empty() || !screen.is_rearranging() {
            return false;
        }
        let keymap = &self.world.keymap;
        if keymap.action(&[KeyContext::Global], key.0).is_some() {
            // It may leave the screen or stop the arrangement, or open a layer that has the keys.
            self.typed_ahead.clear();
            return false;
        }
        let Some(action) = keymap.action(screen.contexts(), key.0) else {
            return false;
        };
        if self.typed_ahead.is_empty() && !is_about_a_row(action) {
            return false;
        }
        if self.typed_ahead.len() < MOST {
            self.typed_ahead.push_back(key);
        }
        true
    }

    /// Handles the kept keys, as far as the rows that they are about are shown.
    pub(super) fn press_typed_ahead(&mut self, effects: &mut Vec<Effect>) {
        while !self.layers.is_empty() || !self.screen().is_rearranging() {
            let Some(key) = self.typed_ahead.pop_front() else {
                return;
            };
            let commands = self.key(key, effects);
            self.navigate(commands, effects);
        }
    }
}

/// Returns whether an action needs the row under the cursor or the visible rows. The others move in
/// the list or change it.
fn is_about_a_row(action: Action) -> bool {
    !matches!(
        action,
        Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::HalfPageUp
            | Action::HalfPageDown
            | Action::Top
            | Action::Bottom
            | Action::Filter
            | Action::Sort
            | Action::Reverse
            | Action::Columns
            | Action::Zoom
            | Action::Focus
            | Action::Rescan
    )
}
