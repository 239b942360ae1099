//! The input line of a filter. The list follows every key; a problem with the filter is shown below
//! the line.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget as _};

use super::UiLayer;
use crate::inventory::filter::{Filter, FilterError, FilterProblem, STATES, fields};
use crate::text::units::grouped;
use crate::tui::keymap::{self, Action};
use crate::tui::message::KeyPress;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::{Cell, FilterHelp};
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::text;
use crate::tui::world::World;

/// Returns the terms that end before the one with the byte at `fault`.
fn before(text: &str, fault: usize) -> &str {
    let text = text.get(..fault).unwrap_or_default();
    &text[..text.rfind(char::is_whitespace).unwrap_or_default()]
}

/// The input line of a filter.
#[derive(Debug)]
pub struct FilterBar {
    input: InputLine,
    before: Filter,
    fault: Option<FilterError>,
}

impl FilterBar {
    /// Starts with the current filter.
    pub fn new(filter: &Filter) -> Self {
        let written = filter.to_string();
        Self {
            input: InputLine::new(written),
            before: filter.clone(),
            fault: None,
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        match Filter::parse(self.input.text()) {
            Ok(filter) => {
                self.fault = None;
                cx.ask(LayerRequest::Filter(filter));
            }
            Err(fault) => {
                // The terms before the fault still apply, so that rows do not disappear and return
                // with every key.
                if let Ok(filter) = Filter::parse(before(self.input.text(), fault.span.start)) {
                    cx.ask(LayerRequest::Filter(filter));
                }
                self.fault = Some(fault);
            }
        }
    }

    /// Returns the problem, and the known names if a name is expected.
    fn fault(&self, help: FilterHelp) -> Option<Cell> {
        let fault = self.fault.as_ref()?;
        let there_is = match fault.problem {
            FilterProblem::UnknownField { .. } => {
                let fields = help
                    .fields
                    .map_or_else(|| fields().collect(), <[_]>::to_vec);
                format!(" · fields: {}", fields.join(" "))
            }
            FilterProblem::UnknownState { .. } => format!(" · states: {}", STATES.join(" ")),
            _ => String::new(),
        };
        Some(
            Cell::new("! ", TextRole::Error)
                .and(fault.to_string(), TextRole::Error)
                .and(there_is, TextRole::Dim),
        )
    }

    /// Counts the matches of the filter so far; shows examples if it is empty.
    fn result(&self, screen: &dyn Screen, help: FilterHelp) -> Cell {
        match screen.list() {
            _ if self.input.text().is_empty() => {
                Cell::new(format!(" {}", help.examples), TextRole::Dim)
            }
            Some(list) => {
                let found = format!(" {}", list.rows().tally(list.shown()).sentence("match"));
                let all = u64::from(list.rows().count());
                let looking = |percent| format!(" looking at {} rows, {percent} %", grouped(all));
                Cell::new(list.progress().map_or(found, looking), TextRole::Good)
            }
            None => Cell::default(),
        }
    }
}

impl UiLayer for FilterBar {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            // An invalid filter is not accepted, because the visible rows would not match the typed
            // text.
            Some(Action::Accept) if self.fault.is_some() => {}
            Some(Action::Accept) => cx.close(),
            Some(Action::Cancel) => {
                cx.ask(LayerRequest::Filter(self.before.clone()));
                cx.close();
            }
            _ => {
                let before = self.input.text().to_owned();
                let handled = self.input.key(key);
                if self.input.text() != before {
                    self.follow(cx);
                }
                // Arrows and page keys still move the list.
                return handled;
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, cx: &mut UiContext<'_>) {
        self.input.paste(text);
        self.follow(cx);
    }

    fn draw(&self, world: &World, screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = area.width.saturating_sub(2);
        let help = screen
            .list()
            .map(|list| list.rows().filter_help())
            .unwrap_or_default();
        let faults = self
            .fault(help)
            .map(|fault| text::wrap_hanging(&fault, width))
            .unwrap_or_default();
        let height = u16::try_from(faults.len().max(1)).unwrap_or(1) + 1;
        let area = Rect {
            y: area.bottom().saturating_sub(height),
            height,
            ..area
        }
        .intersection(area);
        Clear.render(area, frame.buffer_mut());
        frame
            .buffer_mut()
            .set_style(area, world.theme.style(TextRole::Text));
        let label = Cell::new(" filter  ", TextRole::Title);
        text::put(
            frame.buffer_mut(),
            text::LineArea::of(area, 0),
            &label,
            &world.theme,
            Style::default(),
        );
        let inside = Rect {
            x: area.x + 9,
            width: area.width.saturating_sub(10),
            height: 1,
            ..area
        };
        self.input.draw(&world.theme, frame, inside);
        for (line, row) in faults.iter().zip(1..area.height) {
            let at = text::LineArea {
                x: area.x + 1,
                width,
                ..text::LineArea::of(area, row)
            };
            text::put(frame.buffer_mut(), at, line, &world.theme, Style::default());
        }
        if !faults.is_empty() {
            return;
        }
        let below = self.result(screen, help);
        text::put(
            frame.buffer_mut(),
            text::LineArea::of(area, 1),
            &below,
            &world.theme,
            Style::default(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_before_an_error_apply() {
        let kept = [
            "ref~",
            "c1 ref~",
            "c1 !sise>1G",
            "c1 size>1G age>",
            "\"a b\" ref~",
        ]
        .map(|text| {
            let fault = Filter::parse(text).unwrap_err();
            before(text, fault.span.start)
        });
        assert_eq!(kept, ["", "c1", "c1", "c1 size>1G", "\"a b\""]);
    }
}
