//! The start screen without sources: choices, and examples of source names.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Pointer, Screen, ScreenHeader};
use crate::text::escape::visible;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::add::AddPrompt;
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::{popup, text};
use crate::tui::world::{StatusKind, World};

/// The name of the demo.
const DEMO: &str = "demo";

/// The choices.
const CHOICES: [(Action, &str); 3] = [
    (
        Action::Demo,
        "Open the demo, a small cache that is built in",
    ),
    (Action::Add, "Open a source…"),
    (Action::Find, "Show the caches that this directory declares"),
];

const GREETING: &str =
    "shows what is in BuildKit caches: what is in use, what is waste, what is broken.";
const ADVICE: &str =
    "Sources on the command line, as in `cachelens ./cache`, or in cachelens.toml, open at once.";

/// Examples of source names.
const EXAMPLES: [(&str, &str); 6] = [
    (
        "./buildkit-cache",
        "a directory that a build wrote with type=local",
    ),
    (
        "type=local,dest=./cache",
        "exactly as in --cache-to or --cache-from",
    ),
    ("./buildkit-cache#main", "one ref of it"),
    ("ghcr.io/acme/app", "a repository in a registry"),
    ("s3://bucket/prefix", "a cache that type=s3 wrote"),
    ("gha:owner/repository", "the cache of GitHub Actions"),
];

/// The start screen.
#[derive(Debug, Default)]
pub struct StartScreen {
    cursor: usize,
    opening: Option<JobId>,
}

impl StartScreen {
    /// Returns all lines, and the index of the first choice among them.
    fn lines(&self, world: &World) -> (Vec<Cell>, usize) {
        let width = inside(view::body(world.size)).width;
        let mut lines = Vec::new();
        let mut say = |sentence: &Cell| {
            lines.extend(
                text::wrap(sentence, width)
                    .into_iter()
                    .chain([Cell::default()]),
            );
        };
        say(&Cell::new("cachelens ", TextRole::Title).and(GREETING, TextRole::Text));
        let first = lines.len();
        for (action, words) in CHOICES {
            let key = world.keymap.key_for(self.contexts(), action);
            lines.push(Cell::new(format!(" {key}  "), TextRole::Key).and(words, TextRole::Text));
        }
        for recent in &world.recent {
            let name = visible(&recent.name).into_owned();
            lines.push(Cell::new("    Again: ", TextRole::Dim).and(name, TextRole::Text));
        }
        lines.extend([
            Cell::default(),
            Cell::new("How to name a source", TextRole::Heading),
        ]);
        for (name, meaning) in EXAMPLES {
            lines.push(Cell::text(format!("  {name:<26}")).and(meaning, TextRole::Dim));
        }
        lines.push(Cell::default());
        lines.extend(text::wrap(&Cell::new(ADVICE, TextRole::Dim), width));
        (lines, first)
    }
}

impl StartScreen {
    /// Does what the cursor is on: one of the choices, or opening a source of an earlier run.
    fn choose(&mut self, cx: &mut UiContext<'_>) {
        if let Some((action, _)) = CHOICES.get(self.cursor) {
            return cx.perform(*action);
        }
        let recent = cx.world.recent.get(self.cursor - CHOICES.len()).cloned();
        if let Some(recent) = recent {
            let work = if recent.is_named {
                JobWork::Open(recent.name)
            } else {
                JobWork::OpenDeclared(recent.name, true)
            };
            self.opening = Some(cx.start(work));
        }
    }
}

/// Returns how many lines can be chosen.
fn choices(world: &World) -> usize {
    CHOICES.len() + world.recent.len()
}

/// Returns the part of `body` for text.
fn inside(body: Rect) -> Rect {
    let width = body.width.saturating_sub(4);
    let height = body.height.saturating_sub(1);
    Rect {
        x: body.x + 2,
        y: body.y + 1,
        width,
        height,
    }
}

impl Screen for StartScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[keymap::KeyContext::Start, keymap::KeyContext::Global]
    }

    fn header(&self, _world: &World) -> ScreenHeader {
        ScreenHeader {
            path: vec!["cachelens".to_owned()],
            facts: vec!["no source".to_owned()],
        }
    }

    fn summary(&self, _world: &World) -> Cell {
        match self.opening {
            Some(_) => Cell::new("opening…", TextRole::Title),
            None => Cell::default(),
        }
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor = (self.cursor + 1).min(choices(cx.world) - 1),
            Action::Open => self.choose(cx),
            Action::Demo => self.opening = Some(cx.start(JobWork::Open(DEMO.to_owned()))),
            Action::Add => cx.show(AddPrompt::default()),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) {
        let (_, first) = self.lines(cx.world);
        let Pointer::Click(_, y) = pointer else {
            return;
        };
        let top = inside(view::body(cx.world.size)).y;
        let place = usize::from(y)
            .checked_sub(usize::from(top) + first)
            .filter(|place| *place < choices(cx.world));
        if let Some(place) = place {
            self.cursor = place;
            self.choose(cx);
        }
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        if let JobReport::Opened(result) = report
            && self.opening.take_if(|opening| *opening == job).is_some()
        {
            // The model adds an opened source, regardless of who requested it.
            if let Err(error) = result {
                cx.world.note(StatusKind::Failed, error.clone());
            }
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let (lines, first) = self.lines(world);
        let inside = inside(area);
        for ((place, line), row) in lines.iter().enumerate().zip(0..inside.height) {
            if (first..first + choices(world)).contains(&place) {
                popup::item(
                    line,
                    place - first == self.cursor,
                    &world.theme,
                    frame,
                    inside,
                    row,
                );
            } else {
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
}
