//! The line in which a filter is typed. The list follows every key; what is wrong with the filter stands below it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget as _};

use super::Layer;
use crate::inventory::filter::{Filter, FilterError};
use crate::tui::keymap::{self, Action};
use crate::tui::message::Key;
use crate::tui::rows::Cell;
use crate::tui::rows::sources::grouped;
use crate::tui::screen::{Request, Screen};
use crate::tui::theme::Role;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::text;
use crate::tui::world::{Context, Handled, World};

/// What one can type, for those who have not typed anything.
const EXAMPLES: &str = "size>1G  age>30d  ref~^pr-  state:orphan  !shared  or any part of a name";

/// The line in which a filter is typed.
#[derive(Debug)]
pub struct FilterBar {
    input: InputLine,
    before: Filter,
    fault: Option<FilterError>,
}

impl FilterBar {
    /// Begins with the filter that holds.
    pub fn new(filter: &Filter) -> Self {
        let written = filter.to_string();
        Self { input: InputLine::new(written), before: filter.clone(), fault: None }
    }

    fn follow(&mut self, cx: &mut Context<'_>) {
        match Filter::parse(self.input.text()) {
            Ok(filter) => {
                self.fault = None;
                cx.ask(Request::Filter(filter));
            }
            Err(fault) => self.fault = Some(fault),
        }
    }
}

impl Layer for FilterBar {
    fn context(&self) -> keymap::Context {
        keymap::Context::Prompt
    }

    fn key(&mut self, key: Key, action: Option<Action>, cx: &mut Context<'_>) -> Handled {
        match action {
            // A filter that cannot be understood is not accepted: what is shown would not be what is typed.
            Some(Action::Accept) if self.fault.is_some() => {}
            Some(Action::Accept) => cx.close(),
            Some(Action::Cancel) => {
                cx.ask(Request::Filter(self.before.clone()));
                cx.close();
            }
            _ => {
                let before = self.input.text().to_owned();
                let handled = self.input.key(key);
                if self.input.text() != before {
                    self.follow(cx);
                }
                // Arrows and pages move the list meanwhile.
                return handled;
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, cx: &mut Context<'_>) {
        self.input.paste(text);
        self.follow(cx);
    }

    fn draw(&self, world: &World, screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let area = Rect { y: area.bottom().saturating_sub(2), height: 2, ..area }.intersection(area);
        Clear.render(area, frame.buffer_mut());
        frame.buffer_mut().set_style(area, world.theme.style(Role::Text));
        let label = Cell::new(" filter  ", Role::Title);
        text::put(frame.buffer_mut(), text::Line::of(area, 0), &label, &world.theme, Style::default());
        let inside = Rect { x: area.x + 9, width: area.width.saturating_sub(10), height: 1, ..area };
        self.input.draw(&world.theme, frame, inside);
        let below = match (&self.fault, screen.list()) {
            (Some(fault), _) => Cell::new(format!(" ! {fault}"), Role::Error),
            (None, _) if self.input.text().is_empty() => Cell::new(format!(" {EXAMPLES}"), Role::Dim),
            (None, Some(list)) => {
                let (shown, all) = (list.shown().len() as u64, u64::from(list.rows().count()));
                let found = format!(" {} of {} match", grouped(shown), grouped(all));
                let looking = |percent| format!(" looking at {} rows, {percent} %", grouped(all));
                Cell::new(list.progress().map_or(found, looking), Role::Good)
            }
            (None, None) => Cell::default(),
        };
        text::put(frame.buffer_mut(), text::Line::of(area, 1), &below, &world.theme, Style::default());
    }
}
