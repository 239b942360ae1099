//! What is there when no source is: an offer, and how to name a source.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Header, Pointer, Screen};
use crate::tui::effect::{JobId, Work};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::add::AddPrompt;
use crate::tui::message::Report;
use crate::tui::rows::Cell;
use crate::tui::theme::Role;
use crate::tui::view;
use crate::tui::widget::{popup, text};
use crate::tui::world::{Context, Handled, StatusKind, World};

/// The name of the demo.
const DEMO: &str = "demo";

/// What one can choose.
const CHOICES: [(Action, &str); 2] =
    [(Action::Demo, "Open the demo, a small cache that is built in"), (Action::Add, "Open a source…")];

const GREETING: &str = "shows what is in BuildKit caches: what is in use, what is waste, what is broken.";
const ADVICE: &str = "Sources on the command line, as in `cachelens ./cache`, or in cachelens.toml, open at once.";

/// How sources are named.
const EXAMPLES: [(&str, &str); 3] = [
    ("./buildkit-cache", "a directory that a build wrote with type=local"),
    ("type=local,dest=./cache", "exactly what stands in --cache-to or --cache-from"),
    ("./buildkit-cache#main", "one ref of it"),
];

/// The start screen.
#[derive(Debug, Default)]
pub struct Start {
    cursor: usize,
    message: Option<String>,
    opening: Option<JobId>,
}

impl Start {
    /// Greets, with something to say first, if need be.
    pub fn new(message: Option<String>) -> Self {
        Self { message, ..Self::default() }
    }

    /// Returns all lines, and the place of the first choice among them.
    fn lines(&self, world: &World) -> (Vec<Cell>, usize) {
        let width = inside(view::body(world.size)).width;
        let mut lines = Vec::new();
        let mut say = |sentence: &Cell| lines.extend(text::wrap(sentence, width).into_iter().chain([Cell::default()]));
        say(&Cell::new("cachelens ", Role::Title).and(GREETING, Role::Text));
        if let Some(message) = &self.message {
            say(&Cell::text(message.clone()));
        }
        let first = lines.len();
        for (action, words) in CHOICES {
            let key = world.keymap.key_for(self.contexts(), action);
            lines.push(Cell::new(format!(" {key}  "), Role::Key).and(words, Role::Text));
        }
        lines.extend([Cell::default(), Cell::new("How to name a source", Role::Heading)]);
        for (name, meaning) in EXAMPLES {
            lines.push(Cell::text(format!("  {name:<26}")).and(meaning, Role::Dim));
        }
        lines.push(Cell::default());
        lines.extend(text::wrap(&Cell::new(ADVICE, Role::Dim), width));
        (lines, first)
    }
}

/// Returns the part of `body` that is written on.
fn inside(body: Rect) -> Rect {
    let (width, height) = (body.width.saturating_sub(4), body.height.saturating_sub(1));
    Rect { x: body.x + 2, y: body.y + 1, width, height }
}

impl Screen for Start {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[keymap::Context::Start, keymap::Context::Global]
    }

    fn header(&self, _world: &World) -> Header {
        Header { path: vec!["cachelens".to_owned()], facts: vec!["no source".to_owned()] }
    }

    fn summary(&self, _world: &World) -> Cell {
        match self.opening {
            Some(_) => Cell::new("opening the demo…", Role::Title),
            None => Cell::default(),
        }
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Down => self.cursor = (self.cursor + 1).min(CHOICES.len() - 1),
            Action::Open => cx.perform(CHOICES[self.cursor].0),
            Action::Demo => self.opening = Some(cx.start(Work::Open(DEMO.to_owned()))),
            Action::Add => cx.show(AddPrompt::default()),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        let (_, first) = self.lines(cx.world);
        let Pointer::Click(_, y) = pointer else { return };
        let top = inside(view::body(cx.world.size)).y;
        let place = usize::from(y).checked_sub(usize::from(top) + first).filter(|place| *place < CHOICES.len());
        if let Some(place) = place {
            self.cursor = place;
            cx.perform(CHOICES[place].0);
        }
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        if let Report::Opened(result) = report
            && self.opening.take_if(|opening| *opening == job).is_some()
        {
            // What has opened is added by the model, whoever asked for it.
            if let Err(error) = result {
                cx.world.tell(StatusKind::Failed, error.clone());
            }
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let (lines, first) = self.lines(world);
        let inside = inside(area);
        for ((place, line), row) in lines.iter().enumerate().zip(0..inside.height) {
            if (first..first + CHOICES.len()).contains(&place) {
                popup::item(line, place - first == self.cursor, &world.theme, frame, inside, row);
            } else {
                text::put(frame.buffer_mut(), text::Line::of(inside, row), line, &world.theme, Style::default());
            }
        }
    }
}
