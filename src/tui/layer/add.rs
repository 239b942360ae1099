//! Prompts for a source to open.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::evidence::EvidencePart;
use crate::tui::keymap::{self, Action};
use crate::tui::message::{JobReport, KeyPress};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;

const HELP: &str = "./dir · s3://bucket/prefix · ghcr.io/acme/app:cache · gha:owner/repo · \
    the value of --cache-to or --cache-from, such as type=local,dest=./cache";

/// Prompts for a source until it can be opened.
#[derive(Debug, Default)]
pub struct AddPrompt {
    input: InputLine,
    opening: Option<JobId>,
    completing: Option<JobId>,
    /// What the name could go on with.
    names: Vec<String>,
    /// How many sources back one is among those that were opened.
    back: usize,
    fault: Option<String>,
}

impl AddPrompt {
    /// Begins with opening `name`.
    pub fn opening(name: String, cx: &mut UiContext<'_>) -> Self {
        let opening = Some(cx.start(JobWork::Open(name.clone())));
        Self {
            input: InputLine::new(name),
            opening,
            ..Self::default()
        }
    }

    /// Goes `back` sources back among those that were opened, the latest first.
    fn recall(&mut self, back: usize, world: &World) {
        let known = world.opened_names();
        self.back = back.min(known.len());
        let name = self.back.checked_sub(1).and_then(|place| known.get(place));
        self.input = InputLine::new(name.cloned().unwrap_or_default());
        self.names.clear();
        self.fault = None;
    }
}

impl UiLayer for AddPrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::SourceName
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept)
                if self.input.text().trim().is_empty() || self.opening.is_some() => {}
            Some(Action::Accept) => {
                self.fault = None;
                let name = self.input.text().trim().to_owned();
                cx.world.remember_source(&name);
                self.opening = Some(cx.start(JobWork::Open(name)));
            }
            Some(Action::Cancel) => {
                if let Some(job) = self.opening.take() {
                    cx.stop(job);
                }
                cx.close();
            }
            Some(Action::Complete) => {
                let typed = self.input.text().trim_start().to_owned();
                self.completing = Some(cx.start(JobWork::Complete(EvidencePart::Context, typed)));
            }
            Some(Action::Older) => self.recall(self.back + 1, cx.world),
            Some(Action::Newer) => self.recall(self.back.saturating_sub(1), cx.world),
            _ => {
                self.input.key(key);
                self.names.clear();
                self.back = 0;
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.input.paste(text);
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let JobReport::Completed(completion) = report
            && self.completing.take_if(|waited| *waited == job).is_some()
        {
            self.input = InputLine::new(completion.text.clone());
            self.names.clone_from(&completion.names);
        }
        if let JobReport::Opened(result) = report
            && self.opening.take_if(|opening| *opening == job).is_some()
        {
            match result {
                Ok(_) => cx.close(),
                Err(fault) => self.fault = Some(fault.clone()),
            }
        }
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = 72.min(area.width.saturating_sub(8));
        let names = self.names.join("  ");
        let (words, role) = match (&self.fault, self.opening) {
            (_, Some(_)) => ("opening…", TextRole::Title),
            (Some(fault), None) => (fault.as_str(), TextRole::Error),
            (None, None) if !names.is_empty() => (names.as_str(), TextRole::Dim),
            (None, None) => (HELP, TextRole::Dim),
        };
        let sentences = words
            .lines()
            .map(|line| Cell::new(line.trim().to_owned(), role));
        let lines: Vec<Cell> = sentences
            .flat_map(|sentence| text::wrap(&sentence, width))
            .collect();
        let height = u16::try_from(lines.len() + 2)
            .unwrap_or(u16::MAX)
            .min(area.height.saturating_sub(4));
        let inside = popup::open("Open a source", width, height, &world.theme, frame, area);
        for (line, row) in lines.iter().zip(2..inside.height) {
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(inside, row),
                line,
                &world.theme,
                Style::default(),
            );
        }
        self.input.draw(
            &world.theme,
            frame,
            Rect {
                height: 1.min(inside.height),
                ..inside
            },
        );
    }

    // A source may contain a password or a key.
    fn is_private(&self) -> bool {
        true
    }
}
