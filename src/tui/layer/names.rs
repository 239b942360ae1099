//! Asks for the provenance that names the steps of a ref.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Layer;
use crate::tui::effect::{JobId, Work};
use crate::tui::keymap::{self, Action};
use crate::tui::message::{Key, Report};
use crate::tui::rows::Cell;
use crate::tui::rows::steps::RefSteps;
use crate::tui::screen::{Request, Screen};
use crate::tui::theme::Role;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::{Context, Handled, World};

const HELP: &str = "The provenance of the build that wrote the cache, made with mode=max, as a file. For an image:";
const COMMAND: &str = "docker buildx imagetools inspect IMAGE --format '{{json .Provenance.SLSA}}' > provenance.json";

/// Asks for a file, until one names the steps.
#[derive(Debug)]
pub struct NamesPrompt {
    steps: Arc<RefSteps>,
    input: InputLine,
    reading: Option<JobId>,
    fault: Option<String>,
}

impl NamesPrompt {
    /// Asks for names of `steps`.
    pub fn new(steps: Arc<RefSteps>) -> Self {
        Self { steps, input: InputLine::default(), reading: None, fault: None }
    }
}

impl Layer for NamesPrompt {
    fn context(&self) -> keymap::Context {
        keymap::Context::Prompt
    }

    fn key(&mut self, key: Key, action: Option<Action>, cx: &mut Context<'_>) -> Handled {
        match action {
            Some(Action::Accept) if self.input.text().trim().is_empty() || self.reading.is_some() => {}
            Some(Action::Accept) => {
                self.fault = None;
                let path = self.input.text().trim().into();
                self.reading = Some(cx.start(Work::NameSteps(Arc::clone(&self.steps), path)));
            }
            Some(Action::Cancel) => {
                if let Some(job) = self.reading.take() {
                    cx.stop(job);
                }
                cx.close();
            }
            _ => {
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut Context<'_>) {
        self.input.paste(text);
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        if let Report::Named(result) = report
            && self.reading.take_if(|reading| *reading == job).is_some()
        {
            match result {
                Ok(steps) => {
                    cx.close();
                    cx.ask(Request::Names(Arc::clone(steps)));
                }
                Err(fault) => self.fault = Some(fault.clone()),
            }
        }
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = 76.min(area.width.saturating_sub(8));
        let lines = match (&self.fault, self.reading) {
            (_, Some(_)) => vec![Cell::new("reading…", Role::Title)],
            (Some(fault), None) => text::wrap(&Cell::new(format!("! {fault}"), Role::Error), width),
            (None, None) => {
                let mut lines = text::wrap(&Cell::new(HELP, Role::Dim), width);
                lines.extend(text::wrap(&Cell::new(COMMAND, Role::Key), width));
                lines
            }
        };
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height.saturating_sub(4));
        let inside = popup::open("Name the steps", width, height, &world.theme, frame, area);
        for (line, row) in lines.iter().zip(2..inside.height) {
            text::put(frame.buffer_mut(), text::Line::of(inside, row), line, &world.theme, Style::default());
        }
        self.input.draw(&world.theme, frame, Rect { height: 1.min(inside.height), ..inside });
    }
}
