//! The keys of the current screen, from the key map.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::UiLayer;
use super::details::Scroll;
use crate::tui::keymap::{self, Action, Keymap, search};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{detail, popup, text};
use crate::tui::world::World;

/// The contexts of layers, which every screen can open.
const LAYERS: [keymap::KeyContext; 4] = [
    keymap::KeyContext::Popup,
    keymap::KeyContext::Search,
    keymap::KeyContext::Prompt,
    keymap::KeyContext::Confirm,
];

/// The lines above the keys: the input, and a blank line.
const HEAD: u16 = 2;

/// The keys of the current screen, filtered by the typed text.
#[derive(Debug)]
pub struct Help {
    contexts: Vec<keymap::KeyContext>,
    input: InputLine,
    scroll: Scroll,
}

impl Help {
    /// Shows the keys of `contexts`, and those of layers.
    pub fn new(contexts: &[keymap::KeyContext]) -> Self {
        let contexts = contexts.iter().copied().chain(LAYERS).collect();
        Self {
            contexts,
            input: InputLine::default(),
            scroll: Scroll::default(),
        }
    }

    /// Returns lines of `width` columns; the rest of a longer text is indented below its beginning.
    fn lines(&self, keymap: &Keymap, width: u16) -> Vec<Cell> {
        let wanted = self.input.text().to_lowercase();
        let mut lines = Vec::new();
        for context in &self.contexts {
            let bindings = keymap.bindings(*context).iter().filter_map(|binding| {
                let keys = binding.keys().collect::<Vec<_>>().join(" ");
                let found = keys.to_lowercase().contains(&wanted)
                    || search::distance(&wanted, binding)
                        .is_some_and(|distance| distance < search::SCATTERED);
                found.then(|| {
                    Cell::new(format!("  {keys:<16} "), TextRole::Key)
                        .and(binding.text.clone(), TextRole::Text)
                })
            });
            let bindings: Vec<Cell> = bindings
                .flat_map(|binding| text::wrap_hanging(&binding, width))
                .collect();
            if !bindings.is_empty() {
                if !lines.is_empty() {
                    lines.push(Cell::default());
                }
                lines.push(Cell::new(context.heading(), TextRole::Heading));
                lines.extend(bindings);
            }
        }
        if lines.is_empty() {
            lines.push(Cell::new("no key does that", TextRole::Dim));
        }
        lines
    }

    /// Returns the lines on a terminal of `columns` columns: on a wide one, those of several
    /// columns next to each other.
    fn shown(&self, keymap: &Keymap, columns: u16) -> Vec<Cell> {
        let count = count(columns);
        let each = (width(columns) - (count - 1) * BETWEEN) / count;
        let lines = self.lines(keymap, each);
        if count == 1 {
            return lines;
        }
        let height = lines.len().div_ceil(count.into());
        let parts: Vec<&[Cell]> = lines.chunks(height.max(1)).collect();
        let row = |place: usize| {
            let mut row = Cell::default();
            let mut used = 0;
            for (part, start) in parts.iter().zip((0..).step_by((each + BETWEEN).into())) {
                let Some(cell) = part.get(place) else {
                    continue;
                };
                let gap = " ".repeat(usize::from(start).saturating_sub(used));
                used = usize::from(start + text::cell_width(cell));
                row = row.and(gap, TextRole::Text).and_all(cell.clone());
            }
            row
        };
        (0..height).map(row).collect()
    }
}

/// The blanks between two columns of keys.
const BETWEEN: u16 = 3;
/// The least width of a column of keys.
const COLUMN: u16 = 52;
/// The greatest width of a column of keys.
const WIDEST: u16 = 72;

/// Returns the number of columns of keys on a terminal of `width` columns.
fn count(width: u16) -> u16 {
    (width.saturating_sub(4) / (COLUMN + BETWEEN)).clamp(1, 3)
}

/// Returns the width inside the box on a terminal of `width` columns.
fn width(width: u16) -> u16 {
    let count = count(width);
    width
        .saturating_sub(4)
        .min(WIDEST * count + BETWEEN * (count - 1))
}

/// Returns the height inside the box on a terminal of `height` lines.
fn height(height: u16) -> u16 {
    height.saturating_sub(4).clamp(HEAD, 40)
}

/// Returns whether a key that is no part of a search closes the help: the keys that open it or
/// leave a screen do.
fn leaves(key: KeyPress, keymap: &Keymap) -> bool {
    let action = keymap.action(&[keymap::KeyContext::Global], key.0);
    matches!(action, Some(Action::Help | Action::Back))
}

impl UiLayer for Help {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Search
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept | Action::Cancel) => cx.close(),
            Some(action) => {
                let lines = self.shown(&cx.world.keymap, cx.world.size.width).len();
                self.scroll
                    .act(action, lines, (height(cx.world.size.height) - HEAD).into());
            }
            None if self.input.text().is_empty() && leaves(key, &cx.world.keymap) => cx.close(),
            None => {
                self.scroll = Scroll::default();
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.input.paste(text);
    }

    fn chooses(&self) -> bool {
        false
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let lines = self.shown(&world.keymap, area.width);
        let more = self
            .scroll
            .more(lines.len(), (height(area.height) - HEAD).into());
        let title = format!("Keys · type to search{more}");
        let inside = popup::open(
            &title,
            width(area.width),
            height(area.height),
            &world.theme,
            frame,
            area,
        );
        self.input.draw(
            &world.theme,
            frame,
            Rect {
                height: 1.min(inside.height),
                ..inside
            },
        );
        let below = Rect {
            y: inside.y + HEAD,
            height: inside.height.saturating_sub(HEAD),
            ..inside
        };
        let top = self.scroll.top(lines.len(), below.height.into());
        detail::draw(&lines, top, &world.theme, frame.buffer_mut(), below);
    }
}
