//! The beginning of a file of a layer, above the list of files.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use super::details::Scroll;
use crate::backend::layer_content::LayerFile;
use crate::format::digest::Digest;
use crate::text::units::Size;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::message::{JobReport, KeyPress};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::preview::{FilePreview, MOST};
use crate::tui::rows::Cell;
use crate::tui::screen::Screen;
use crate::tui::theme::TextRole;
use crate::tui::widget::{popup, text};
use crate::tui::world::{SourceId, World};

/// The maximum width of a preview.
const WIDTH: u16 = 110;

/// The subject of a preview.
#[derive(Debug, Clone)]
pub enum PreviewSubject {
    File(LayerFile),
    /// A blob as it is stored.
    Blob(Digest),
}

/// The beginning of a file above a screen.
#[derive(Debug)]
pub struct PreviewPopup {
    title: String,
    state: PreviewState,
    /// The lines, wrapped for the width of the terminal.
    lines: Vec<Cell>,
    scroll: Scroll,
}

/// The beginning of a file, once it is read.
#[derive(Debug)]
pub enum PreviewState {
    /// It is being read.
    Reading(JobId),
    Read(Arc<FilePreview>),
    /// It cannot be read, for this reason.
    Failed(String),
}

impl PreviewState {
    /// Takes the report of a job; returns whether it was the expected one.
    pub fn report(&mut self, job: JobId, report: &JobReport) -> bool {
        let is_ours = matches!(self, Self::Reading(reading) if *reading == job);
        let JobReport::Previewed(result) = report else {
            return false;
        };
        if is_ours {
            *self = match result {
                Ok(preview) => Self::Read(Arc::clone(preview)),
                Err(why) => Self::Failed(why.clone()),
            };
        }
        is_ours
    }

    /// Stops reading.
    pub fn stop(&self, cx: &mut UiContext<'_>) {
        if let Self::Reading(job) = self {
            cx.stop(*job);
        }
    }

    /// Wraps it into lines of `width` columns.
    pub fn lines(&self, width: u16) -> Vec<Cell> {
        match self {
            Self::Reading(_) => vec![Cell::new("Reading…", TextRole::Dim)],
            Self::Read(preview) => broken(preview, width),
            Self::Failed(why) => vec![Cell::new(format!("! {why}"), TextRole::Error)],
        }
    }
}

impl PreviewPopup {
    /// Reads the beginning of `subject`, and shows it under the title `title`.
    pub fn open(source: SourceId, subject: PreviewSubject, title: String, cx: &mut UiContext<'_>) {
        let job = cx.start(JobWork::Preview(source, subject));
        cx.show(Self {
            title,
            state: PreviewState::Reading(job),
            lines: vec![Cell::new(
                "Reading the layer up to the file…",
                TextRole::Dim,
            )],
            scroll: Scroll::default(),
        });
    }
}

/// Returns the width for text on a terminal of that width.
fn room(width: u16) -> u16 {
    WIDTH.min(width.saturating_sub(4))
}

/// Returns the number of lines on a terminal of that height.
fn height(height: u16) -> u16 {
    height.saturating_sub(4)
}

/// Wraps a preview into lines, and first notes the parts that are not shown.
fn broken(preview: &FilePreview, width: u16) -> Vec<Cell> {
    let mut lines = Vec::new();
    if preview.is_binary {
        lines.push(Cell::new(
            "This is no text. It begins with these bytes:",
            TextRole::Dim,
        ));
        lines.push(Cell::default());
    }
    if preview.lines.is_empty() {
        lines.push(Cell::new("The file is empty.", TextRole::Dim));
    }
    for line in &preview.lines {
        lines.extend(text::wrap(&Cell::text(line.clone()), width));
    }
    if preview.is_cut {
        let words = if preview.is_binary {
            "There is more.".to_owned()
        } else {
            format!("There is more: these are the first {}.", Size(MOST))
        };
        lines.extend([Cell::default(), Cell::new(words, TextRole::Dim)]);
    }
    lines
}

impl UiLayer for PreviewPopup {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::Popup
    }

    fn key(&mut self, _key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Some(Action::Accept | Action::Cancel) => {
                self.state.stop(cx);
                cx.close();
            }
            Some(action) => {
                let height = height(cx.world.size.height);
                self.scroll.act(action, self.lines.len(), height.into());
            }
            None => {}
        }
        Handled::Yes
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if self.state.report(job, report) {
            self.lines = self.state.lines(room(cx.world.size.width));
        }
    }

    fn chooses(&self) -> bool {
        false
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let height = height(area.height);
        let more = self.scroll.more(self.lines.len(), height.into());
        // The end of a path is the most distinctive, and `more` has to stay visible.
        let width = room(area.width);
        let cut = width.saturating_sub(text::width(more) + 2);
        let title = format!("{}{more}", text::cut_front(&self.title, cut));
        let shown = u16::try_from(self.lines.len()).unwrap_or(u16::MAX);
        let height = height.min(shown.max(1));
        let inside = popup::open(&title, width, height, &world.theme, frame, area);
        let top = self.scroll.top(self.lines.len(), inside.height.into());
        for (line, row) in self.lines.iter().skip(top).zip(0..inside.height) {
            text::put(
                frame.buffer_mut(),
                text::LineArea::of(inside, row),
                line,
                &world.theme,
                Style::default(),
            );
        }
    }
}
