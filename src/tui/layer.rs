//! Layers: what lies above a screen for a while. The one on top takes a key or passes it on.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::effect::JobId;
use super::keymap::{self, Action};
use super::message::{Key, Report};
use super::screen::Screen;
use super::world::{Context, Handled, World};

pub mod add;
pub mod confirm;
pub mod details;
pub mod evidence;
pub mod export;
pub mod filter;
pub mod help;
pub mod palette;
pub mod rule;
pub mod save;
pub mod sort;
pub mod typed;

/// Something above a screen.
pub trait Layer: Send {
    /// Returns the place whose keys are active.
    fn context(&self) -> keymap::Context;

    /// Does what a key says: `action`, if it has a meaning here. A key that is not handled goes to what lies below.
    fn key(&mut self, key: Key, action: Option<Action>, cx: &mut Context<'_>) -> Handled;

    /// Heeds pasted text.
    fn paste(&mut self, text: &str, cx: &mut Context<'_>) {
        let _ = (text, cx);
    }

    /// Heeds the report of a job, which may be somebody else's.
    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        let _ = (job, report, cx);
    }

    /// Draws it over `area`, the whole terminal; `screen` lies below.
    fn draw(&self, world: &World, screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect);

    /// Tells whether there is something to choose from: else `enter` only closes it.
    fn chooses(&self) -> bool {
        true
    }

    /// Tells whether what is typed may be a secret, which is never written down.
    fn is_private(&self) -> bool {
        false
    }
}
