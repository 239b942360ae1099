//! The beginning of a file, next to the list that has the file.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Screen, ScreenHeader};
use crate::format::digest::Digest;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap;
use crate::tui::layer::preview::{PreviewState, PreviewSubject};
use crate::tui::message::JobReport;
use crate::tui::navigation::UiContext;
use crate::tui::preview::FilePreview;
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::widget::detail;
use crate::tui::widget::text::{self, LineArea};
use crate::tui::world::{SourceId, World};

/// How many lines are shown before the line that the row is about.
const BEFORE: usize = 6;
/// The room of the line numbers.
const NUMBERS: u16 = 6;

/// The beginning of a file.
#[derive(Debug)]
pub struct BeginningScreen {
    contexts: &'static [keymap::KeyContext],
    title: String,
    state: PreviewState,
    /// The line that the row is about, counted from 1; with it, lines have numbers.
    line: Option<usize>,
}

impl BeginningScreen {
    /// Reads the beginning of a file; the list has the keys of `contexts`.
    pub fn new(
        title: String,
        work: JobWork,
        contexts: &'static [keymap::KeyContext],
        cx: &mut UiContext<'_>,
    ) -> Self {
        Self {
            contexts,
            title,
            state: PreviewState::Reading(cx.start(work)),
            line: None,
        }
    }

    /// Reads the beginning of a stored blob as a preview, where that is cheap.
    pub fn of_blob(
        source: SourceId,
        blob: Digest,
        contexts: &'static [keymap::KeyContext],
        cx: &mut UiContext<'_>,
    ) -> Option<Box<dyn Screen>> {
        let found = cx.world.source(source).found.as_ref()?;
        let id = found.inventory.blobs.find(&blob)?;
        let is_stored = found.inventory.blobs.get(id).is_stored();
        if !is_stored || !cx.world.is_cheap(source) {
            return None;
        }
        let title = format!("{}:{}", blob.algorithm(), blob.short(12));
        let work = JobWork::Preview(source, PreviewSubject::Blob(blob));
        Some(Box::new(Self::new(title, work, contexts, cx)))
    }

    /// Shows the file around a line, counted from 1.
    #[must_use]
    pub fn around(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }

    fn draw_numbered(
        preview: &FilePreview,
        line: usize,
        world: &World,
        frame: &mut Frame<'_>,
        area: Rect,
    ) {
        // Near the end of the file, the lines before fill the room.
        let room = usize::from(area.height);
        let last = preview.lines.len().saturating_sub(room);
        let first = line.saturating_sub(BEFORE + 1).min(last);
        let width = area.width.saturating_sub(NUMBERS + 1);
        let mut y = area.y;
        for (number, content) in (1..).zip(&preview.lines).skip(first) {
            let is_it = number == line;
            let role = if is_it {
                TextRole::Strong
            } else {
                TextRole::Text
            };
            let base = if is_it {
                world.theme.style(TextRole::Selected)
            } else {
                Style::default()
            };
            let wrapped = text::wrap(&Cell::new(content.clone(), role), width);
            for (place, part) in wrapped.iter().enumerate() {
                if y >= area.bottom() {
                    return;
                }
                let shown = if place == 0 {
                    format!("{number:>5} ")
                } else {
                    "      ".to_owned()
                };
                let number = Cell::new(shown, TextRole::Dim);
                let row = Rect {
                    y,
                    height: 1,
                    ..area
                };
                frame.buffer_mut().set_style(row, base);
                let cell = number.and_all(part.clone());
                text::put(
                    frame.buffer_mut(),
                    LineArea::of(row, 0),
                    &cell,
                    &world.theme,
                    base,
                );
                y += 1;
            }
        }
    }
}

impl Screen for BeginningScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        self.contexts
    }

    fn header(&self, _world: &World) -> ScreenHeader {
        ScreenHeader {
            path: vec![self.title.clone()],
            facts: Vec::new(),
        }
    }

    fn report(&mut self, job: JobId, report: &JobReport, _cx: &mut UiContext<'_>) {
        self.state.report(job, report);
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.state.stop(cx);
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        if let (PreviewState::Read(preview), Some(line)) = (&self.state, self.line) {
            return Self::draw_numbered(preview, line, world, frame, area);
        }
        let lines = self.state.lines(area.width.saturating_sub(3));
        let inside = Rect {
            x: area.x + 2,
            width: area.width.saturating_sub(3),
            ..area
        };
        detail::draw(&lines, 0, &world.theme, frame.buffer_mut(), inside);
    }

    fn draw_preview(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.draw(world, frame, area);
    }
}
