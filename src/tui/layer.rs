//! Layers: popups and prompts above a screen. The top layer handles a key or passes it on.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::effect::JobId;
use super::keymap::{self, Action};
use super::message::{JobReport, KeyPress};
use super::navigation::{Handled, UiContext};
use super::screen::Screen;
use super::world::World;

pub mod add;
pub mod columns;
pub mod command;
pub mod config;
pub mod confirm;
pub mod details;
pub mod evidence;
pub mod export;
pub mod extract;
pub mod field;
pub mod filter;
pub mod help;
pub mod jobs;
pub mod preview;
pub mod save;
pub mod sort;
pub mod typed;

/// A layer above a screen.
pub trait UiLayer: Send {
    /// Returns the context whose keys are active.
    fn context(&self) -> keymap::KeyContext;

    /// Handles a key, or `action` if the key has a meaning here. An unhandled key goes to the layer
    /// or screen below.
    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled;

    /// Moves the cursor to the item at a cell of the terminal, and returns the action that chooses
    /// it.
    fn choose_at(&mut self, cell: (u16, u16), world: &World) -> Option<Action> {
        let _ = (cell, world);
        None
    }

    /// Handles pasted text.
    fn paste(&mut self, text: &str, cx: &mut UiContext<'_>) {
        let _ = (text, cx);
    }

    /// Handles the report of a job, which may belong to another layer or screen.
    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        let _ = (job, report, cx);
    }

    /// Draws it over `area`, the whole terminal; `screen` lies below.
    fn draw(&self, world: &World, screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect);

    /// Returns whether there is a choice; otherwise `enter` only closes it.
    fn chooses(&self) -> bool {
        true
    }

    /// Returns whether the typed text may be a secret, which must not be recorded.
    fn is_private(&self) -> bool {
        false
    }
}
