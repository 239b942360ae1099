//! Turns a message into a new state and effects.

use ratatui::layout::Size;

use super::effect::Effect;
use super::message::{Event, Message, TimedMessage};
use super::model::Model;
use super::navigation::{NavigationCommand, UiContext};
use super::screen::Pointer;
use super::terminal::SuspendedBy;
use super::world::StatusKind;

mod background;
mod input;
mod navigate;
mod perform;
mod report;
mod typed_ahead;

/// Updates the state for a message, and returns the effects.
pub fn update(model: &mut Model, TimedMessage { at, message }: TimedMessage) -> Vec<Effect> {
    let mut effects = Vec::new();
    model.dirty |= model.world.tick(at) || !matches!(message, Message::Event(Event::Tick));
    model.world.now = at;
    let commands = match message {
        Message::Event(event) => model.event(event, &mut effects),
        Message::Report(job, report) => model.report(job, report, &mut effects),
        Message::Waiting(wait) => {
            model.world.waiting = wait;
            Vec::new()
        }
        Message::Copied(text, copied) => {
            match copied {
                Ok(()) => model.world.note(StatusKind::Done, format!("copied {text}")),
                Err(error) => model
                    .world
                    .note(StatusKind::Failed, format!("nothing copied: {error}")),
            }
            Vec::new()
        }
    };
    model.navigate(commands, &mut effects);
    model.press_typed_ahead(&mut effects);
    model.note_background();
    model.follow(&mut effects);
    effects
}

impl Model {
    fn event(&mut self, event: Event, effects: &mut Vec<Effect>) -> Vec<NavigationCommand> {
        // A person who continues has read the status message, which would otherwise keep hiding the
        // summary.
        if matches!(event, Event::Key(_) | Event::Paste(_) | Event::Click(..)) {
            self.world.status = None;
        }
        match event {
            Event::Key(key) => self.key(key, effects),
            Event::Resize(width, height) => {
                self.world.size = Size { width, height };
                Vec::new()
            }
            Event::Tick => Vec::new(),
            Event::Background(background) => {
                self.world.follow(background);
                Vec::new()
            }
            Event::Suspend => {
                effects.push(Effect::Suspend(SuspendedBy::Signal));
                Vec::new()
            }
            Event::Continue => {
                effects.push(Effect::TakeAgain);
                Vec::new()
            }
            Event::Paste(text) => self.paste(&text, effects),
            Event::Click(column, row) => self.pointer(Pointer::Click(column, row), effects),
            Event::Scroll(column, row, wheel) => {
                self.pointer(Pointer::Wheel(column, row, wheel), effects)
            }
        }
    }

    /// Lets the screen on top show more of the row that the cursor has come to.
    fn follow(&mut self, effects: &mut Vec<Effect>) {
        let mut commands = Vec::new();
        let mut cx = UiContext::new(&mut self.world, effects, &mut commands);
        if let Some(screen) = self.screens.last_mut() {
            screen.follow(&mut cx);
        }
    }
}

#[cfg(test)]
mod tests;
