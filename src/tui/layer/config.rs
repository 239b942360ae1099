//! Adds an entry to a configuration file: asks for the file, shows the change, and writes it.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::style::Style;

use super::UiLayer;
use super::details::Scroll;
use crate::config::edit::{DiffLine, Edit};
use crate::text::escape::visible;
use crate::tui::effect::{ConfigAddition, JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::message::{JobReport, KeyPress};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::world::World;

/// The maximum width of a diff.
const WIDTH: u16 = 96;

/// Prompts for the file to change, until it can be changed.
#[derive(Debug)]
pub struct ConfigPrompt {
    addition: ConfigAddition,
    input: InputLine,
    reading: Option<JobId>,
    fault: Option<String>,
}

impl ConfigPrompt {
    /// Asks for the target of `addition`; the default is the configuration in use.
    pub fn new(addition: ConfigAddition, world: &World) -> Self {
        let path = world.config_file.to_string_lossy().into_owned();
        Self {
            addition,
            input: InputLine::new(path),
            reading: None,
            fault: None,
        }
    }
}

impl UiLayer for ConfigPrompt {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Prompt
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept)
                if self.input.text().trim().is_empty() || self.reading.is_some() => {}
            Some(Action::Accept) => {
                self.fault = None;
                let path = self.input.text().trim().into();
                let work = JobWork::PrepareConfig(path, self.addition.clone());
                self.reading = Some(cx.start(work));
            }
            Some(Action::Cancel) => cx.close(),
            _ => {
                self.input.key(key);
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.input.paste(text);
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let JobReport::ConfigPrepared(result) = report
            && self.reading.take_if(|reading| *reading == job).is_some()
        {
            match result {
                Ok(edit) => {
                    cx.close();
                    cx.show(ConfigDiff::new(Arc::clone(edit)));
                }
                Err(fault) => self.fault = Some(fault.clone()),
            }
        }
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let width = 72.min(area.width.saturating_sub(8));
        let title = match self.addition {
            ConfigAddition::Policy(_) => "Add the rule to a configuration file",
            ConfigAddition::Source(_) => "Add the source to a configuration file",
        };
        let lines: Vec<Cell> = match &self.fault {
            // The lines of the file and the mark below them must not be wrapped.
            Some(fault) => fault
                .lines()
                .map(|line| Cell::new(line.to_owned(), TextRole::Error))
                .collect(),
            None => vec![Cell::new(
                "Nothing else in the file changes. You see the change before it is written.",
                TextRole::Dim,
            )],
        };
        let lines: Vec<Cell> = if self.fault.is_some() {
            lines
        } else {
            lines
                .iter()
                .flat_map(|line| text::wrap(line, width))
                .collect()
        };
        let height = u16::try_from(lines.len() + 2)
            .unwrap_or(u16::MAX)
            .min(area.height.saturating_sub(4));
        let inside = popup::open(title, width, height, &world.theme, frame, area);
        put_lines(&lines, 2, world, frame, inside);
        self.input.draw(
            &world.theme,
            frame,
            Rect {
                height: 1.min(inside.height),
                ..inside
            },
        );
    }
}

/// Shows the changes to a configuration file, and writes it.
#[derive(Debug)]
pub struct ConfigDiff {
    edit: Arc<Edit>,
    /// Why the change is offered, if no person asked for it.
    offer: Option<&'static str>,
    scroll: Scroll,
    writing: Option<JobId>,
    fault: Option<String>,
}

impl ConfigDiff {
    /// Shows `edit`.
    pub fn new(edit: Arc<Edit>) -> Self {
        Self {
            edit,
            offer: None,
            scroll: Scroll::default(),
            writing: None,
            fault: None,
        }
    }

    /// Shows the removal of a source that was closed.
    pub fn of_removal(edit: Arc<Edit>) -> Self {
        Self {
            offer: Some("The source is closed. Remove it from the configuration, too?"),
            ..Self::new(edit)
        }
    }

    fn lines(&self) -> Vec<Cell> {
        let line = |line: &DiffLine| {
            let (sign, text, role) = match line {
                DiffLine::Same(text) => ("  ", text, TextRole::Dim),
                DiffLine::Removed(text) => ("- ", text, TextRole::Missing),
                DiffLine::Added(text) => ("+ ", text, TextRole::Good),
            };
            Cell::new(sign, role).and(visible(text).into_owned(), role)
        };
        self.edit.diff().iter().map(line).collect()
    }

    /// Returns the sentences below the diff.
    fn sentences(&self, width: u16) -> Vec<Cell> {
        let cells = match &self.fault {
            Some(fault) => fault
                .lines()
                .map(|line| Cell::new(format!("! {line}"), TextRole::Error))
                .collect(),
            None if self.edit.is_new() => vec![Cell::new("This is a new file.", TextRole::Dim)],
            None => {
                let offer = self
                    .offer
                    .map(|words| Cell::new(words, TextRole::Text))
                    .into_iter();
                let kept = "The old file is kept next to it, with the ending .bak.";
                offer.chain([Cell::new(kept, TextRole::Dim)]).collect()
            }
        };
        cells
            .iter()
            .flat_map(|cell| text::wrap(cell, width))
            .collect()
    }

    /// Returns the space for the diff in a terminal of `size`, and the lines below it.
    fn room(&self, size: Size) -> (Size, Vec<Cell>) {
        let width = WIDTH.min(size.width.saturating_sub(6));
        let sentences = self.sentences(width);
        let below = u16::try_from(sentences.len() + 3).unwrap_or(u16::MAX);
        let lines = u16::try_from(self.lines().len()).unwrap_or(u16::MAX);
        let height = lines.min(size.height.saturating_sub(4).saturating_sub(below));
        (Size { width, height }, sentences)
    }
}

impl UiLayer for ConfigDiff {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::ConfigChange
    }

    fn key(&mut self, _key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            // While the file is being written there is nothing left to decide.
            _ if self.writing.is_some() => {}
            Some(Action::Accept) if self.fault.is_none() => {
                let work = JobWork::WriteConfig(Arc::clone(&self.edit));
                self.writing = Some(cx.start(work));
            }
            Some(Action::Accept | Action::Cancel) => cx.close(),
            Some(action) => {
                let (room, _) = self.room(cx.world.size);
                self.scroll
                    .act(action, self.lines().len(), room.height.into());
            }
            None => {}
        }
        Handled::Yes
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let JobReport::ConfigWritten(result) = report
            && self.writing.take_if(|writing| *writing == job).is_some()
        {
            match result {
                Ok(_) => cx.close(),
                Err(fault) => self.fault = Some(fault.clone()),
            }
        }
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let lines = self.lines();
        let (room, sentences) = self.room(area.as_size());
        let path = visible(&self.edit.path.to_string_lossy()).into_owned();
        let title = format!(
            "{path}{}",
            self.scroll.more(lines.len(), room.height.into())
        );
        let below = u16::try_from(sentences.len() + 3).unwrap_or(u16::MAX);
        let height = room.height.saturating_add(below);
        let inside = popup::open(&title, room.width, height, &world.theme, frame, area);
        let diff = Rect {
            height: room.height.min(inside.height),
            ..inside
        };
        let top = self.scroll.top(lines.len(), diff.height.into());
        put_lines(&lines[top..], 0, world, frame, diff);
        let keys = view::hint_line(world, self.context(), room.width);
        let rest = [&[Cell::default()], &sentences[..], &[Cell::default(), keys]].concat();
        put_lines(&rest, diff.height, world, frame, inside);
    }
}

/// Draws lines into `area`, the first at `row`.
fn put_lines(lines: &[Cell], row: u16, world: &World, frame: &mut Frame<'_>, area: Rect) {
    for (line, row) in lines.iter().zip(row..area.height) {
        text::put(
            frame.buffer_mut(),
            text::LineArea::of(area, row),
            line,
            &world.theme,
            Style::default(),
        );
    }
}
