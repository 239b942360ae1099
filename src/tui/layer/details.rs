//! All details of a row.

use ratatui::Frame;
use ratatui::layout::{Rect, Size};

use super::UiLayer;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::screen::Screen;
use crate::tui::widget::{detail, popup};
use crate::tui::world::World;

/// The maximum width of text that is easy to read.
const WIDTH: u16 = 84;

/// All details of a row, as of the time of the request.
#[derive(Debug)]
pub struct Details {
    details: Vec<DetailLine>,
    scroll: Scroll,
}

impl Details {
    /// Shows `details`.
    pub fn new(details: Vec<DetailLine>) -> Self {
        Self {
            details,
            scroll: Scroll::default(),
        }
    }

    /// Returns the lines for a terminal of `size`, and the space for them.
    fn lines(&self, size: Size) -> (Vec<Cell>, Size) {
        let width = WIDTH.min(size.width.saturating_sub(4));
        let lines = detail::lines(&self.details, width);
        let height = u16::try_from(lines.len())
            .unwrap_or(u16::MAX)
            .min(size.height.saturating_sub(4));
        (lines, Size { width, height })
    }
}

impl UiLayer for Details {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Popup
    }

    fn key(&mut self, _key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept | Action::Cancel | Action::Details) => cx.close(),
            Some(action) => {
                let (lines, room) = self.lines(cx.world.size);
                self.scroll.act(action, lines.len(), room.height.into());
            }
            None => {}
        }
        Handled::Yes
    }

    fn chooses(&self) -> bool {
        false
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let (lines, room) = self.lines(area.as_size());
        let title = format!(
            "Details{}",
            self.scroll.more(lines.len(), room.height.into())
        );
        let inside = popup::open(&title, room.width, room.height, &world.theme, frame, area);
        let top = self.scroll.top(lines.len(), inside.height.into());
        detail::draw(&lines, top, &world.theme, frame.buffer_mut(), inside);
    }
}

/// The scroll position of a text.
#[derive(Debug, Default)]
pub struct Scroll(usize);

impl Scroll {
    /// Scrolls within `lines`, of which `height` are visible.
    pub fn act(&mut self, action: Action, lines: usize, height: usize) {
        let here = self.top(lines, height);
        self.0 = match action {
            Action::Up => here.saturating_sub(1),
            Action::Down => here + 1,
            Action::PageUp => here.saturating_sub(height),
            Action::HalfPageUp => here.saturating_sub(height.div_ceil(2)),
            Action::PageDown => here + height,
            Action::HalfPageDown => here + height.div_ceil(2),
            Action::Top => 0,
            Action::Bottom => lines,
            _ => here,
        };
        self.0 = self.top(lines, height);
    }

    /// Returns a note on the directions in which the text continues, for a title.
    pub fn more(&self, lines: usize, height: usize) -> &'static str {
        let top = self.top(lines, height);
        match (top > 0, top + height < lines) {
            (false, false) => "",
            (false, true) => " · more below",
            (true, false) => " · more above",
            (true, true) => " · more above and below",
        }
    }

    /// Returns the first visible line.
    pub fn top(&self, lines: usize, height: usize) -> usize {
        self.0.min(lines.saturating_sub(height))
    }
}
