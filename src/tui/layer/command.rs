//! The command line, with the list of commands below it: a command is typed, completed, taken from
//! what was typed before, or found by parts of its words.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::UiLayer;
use super::add::AddPrompt;
use crate::text::secrets::mask_line;
use crate::tui::command::{
    CommandDestination, CommandFault, CommandRequest, Commands, Here, PaletteCommand,
};
use crate::tui::effect::{JobId, JobWork};
use crate::tui::evidence::EvidencePart;
use crate::tui::keymap::{self, Action};
use crate::tui::message::{Completion, JobReport, KeyPress};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::DeletionScope;
use crate::tui::rows::Cell;
use crate::tui::screen::blobs::BlobsScreen;
use crate::tui::screen::check::CheckScreen;
use crate::tui::screen::plan::PlanScreen;
use crate::tui::screen::refs::RefsScreen;
use crate::tui::screen::{LayerRequest, Screen};
use crate::tui::theme::TextRole;
use crate::tui::widget::input::InputLine;
use crate::tui::widget::{popup, text};
use crate::tui::work::WorkKey;
use crate::tui::world::{SourceId, StatusKind, World};

/// The widest that the box becomes inside.
const WIDTH: u16 = 116;
/// The lines above the list: the typed line, and its note.
const HEAD: u16 = 2;
/// The gap between two columns of the list.
const BETWEEN: &str = "  ";

/// The command line.
#[derive(Debug)]
pub struct CommandLine {
    commands: Commands,
    here: Here,
    input: InputLine,
    cursor: usize,
    /// How many lines back one is in the history.
    back: usize,
    fault: Option<CommandFault>,
    /// What the line could go on with.
    names: Vec<String>,
    completing: Option<JobId>,
}

impl CommandLine {
    /// Offers the commands of `contexts` where the screen is `here`.
    pub fn new(contexts: &[keymap::KeyContext], here: Here, world: &World) -> Self {
        Self {
            commands: Commands::new(contexts, &world.keymap),
            here,
            input: InputLine::default(),
            cursor: 0,
            back: 0,
            fault: None,
            names: Vec::new(),
            completing: None,
        }
    }

    fn set(&mut self, text: String) {
        self.input = InputLine::new(text);
        self.changed();
    }

    fn changed(&mut self) {
        self.cursor = 0;
        self.fault = None;
        self.names.clear();
    }

    /// Goes `back` lines back in the history.
    fn recall(&mut self, back: usize, world: &World) {
        let lines = &world.typed_commands;
        let back = back.min(lines.len());
        let line = lines.len().checked_sub(back).and_then(|at| lines.get(at));
        self.set(line.cloned().unwrap_or_default());
        self.back = back;
    }

    fn complete(&mut self, cx: &mut UiContext<'_>) {
        if let Some((_, path)) = self.commands.path(self.input.text()) {
            let work = JobWork::Complete(EvidencePart::Context, path.to_owned());
            self.completing = Some(cx.start(work));
            return;
        }
        let Completion { text, names } = self.commands.complete(self.input.text(), &self.here);
        self.set(text);
        self.names = names;
    }

    /// Carries out the typed line, or the command under the cursor if no name is typed.
    fn accept(&mut self, cx: &mut UiContext<'_>) {
        let line = self.input.text().trim().to_owned();
        let typed = self.commands.order(&line, &self.here);
        let name = line.split_whitespace().next().unwrap_or_default();
        let is_named = self.cursor == 0 && self.commands.named(name).is_some();
        let has_value = line.contains(char::is_whitespace);
        let chosen = self.commands.found(&line).get(self.cursor).copied();
        let (line, order) = match chosen.filter(|_| !is_named && !has_value) {
            Some(command) => (
                command.name.clone(),
                self.commands.order(&command.name, &self.here),
            ),
            None => (line, typed),
        };
        match order {
            Ok(order) => {
                remember(line, cx.world);
                cx.close();
                carry_out(order, cx);
            }
            // A command that needs a value is put on the line, to be gone on with.
            Err(fault) => {
                if self.input.text().trim() != line {
                    self.set(format!("{line} "));
                }
                self.fault = Some(fault);
            }
        }
    }

    /// Returns the width and height inside the box.
    fn size(&self, area: Rect) -> (u16, u16) {
        let width = WIDTH.min(area.width.saturating_sub(4));
        let height = u16::try_from(lines(&self.commands.found(""), width).len())
            .unwrap_or(u16::MAX)
            .saturating_add(HEAD)
            .min(area.height.saturating_sub(4));
        (width, height)
    }

    /// Returns the note about the line.
    fn remark(&self, world: &World) -> Cell {
        if let Some(fault) = &self.fault {
            return Cell::new(format!("! {}", fault.message), TextRole::Error)
                .and(format!(" · {}", fault.hint), TextRole::Text);
        }
        if !self.names.is_empty() {
            return Cell::new(self.names.join("  "), TextRole::Dim);
        }
        let key = |action| world.keymap.key_for(&[self.context()], action);
        let words = format!(
            "{} runs it, {} completes, {} recalls",
            key(Action::Accept),
            key(Action::Complete),
            key(Action::Up)
        );
        Cell::new(words, TextRole::Dim)
    }
}

/// Returns the lines of commands, each with the place of its command. A text that is too long for
/// one line continues below its beginning.
fn lines(commands: &[&PaletteCommand], width: u16) -> Vec<(usize, Cell)> {
    let names = commands.iter().map(|command| command.title());
    let names: Vec<String> = names.collect();
    let of_name = names.iter().map(|name| text::width(name)).max();
    let of_key = commands.iter().map(|command| text::width(&command.key));
    let of_name = usize::from(of_name.unwrap_or_default());
    let of_key = usize::from(of_key.max().unwrap_or_default());
    let indent = of_name + of_key + 2 * BETWEEN.len();
    let room = width.saturating_sub(u16::try_from(indent).unwrap_or(u16::MAX));
    let mut lines = Vec::new();
    for ((place, command), name) in commands.iter().enumerate().zip(names) {
        let words = text::wrap(&Cell::new(command.text.clone(), TextRole::Dim), room);
        for (number, words) in words.into_iter().enumerate() {
            let head = if number == 0 {
                Cell::text(format!("{name:<of_name$}{BETWEEN}"))
                    .and(format!("{:<of_key$}{BETWEEN}", command.key), TextRole::Key)
            } else {
                Cell::text(" ".repeat(indent))
            };
            lines.push((place, head.and_all(words)));
        }
    }
    lines
}

/// Returns the first of `lines` to show in `height`, so that those at `cursor` are visible.
fn top(lines: &[(usize, Cell)], cursor: usize, height: u16) -> usize {
    let last = lines.iter().rposition(|(place, _)| *place == cursor);
    popup::top(last.unwrap_or_default(), lines.len(), height.into())
}

fn below_head(inside: Rect) -> Rect {
    Rect {
        y: inside.y + HEAD,
        height: inside.height.saturating_sub(HEAD),
        ..inside
    }
}

/// Keeps a line for later, unless it holds a credential.
fn remember(line: String, world: &mut World) {
    let is_new = world.typed_commands.last() != Some(&line);
    if !line.is_empty() && is_new && mask_line(&line) == line {
        world.typed_commands.push(line);
    }
}

fn carry_out(order: CommandRequest, cx: &mut UiContext<'_>) {
    match order {
        CommandRequest::Perform(action) => cx.perform(action),
        CommandRequest::Home => cx.home(),
        CommandRequest::Go(place, source) => go(place, source, cx),
        CommandRequest::Theme(theme) => match cx.world.use_theme(theme) {
            Ok(()) => cx
                .world
                .note(StatusKind::Done, format!("the theme is {theme}")),
            Err(error) => cx.world.note(StatusKind::Failed, error.to_string()),
        },
        CommandRequest::Open(name) => {
            let prompt = AddPrompt::opening(name, cx);
            cx.show(prompt);
        }
        CommandRequest::Sort(sort) => cx.ask(LayerRequest::Sort(sort)),
        CommandRequest::Filter(filter) => cx.ask(LayerRequest::Filter(filter)),
    }
}

fn go(place: CommandDestination, source: SourceId, cx: &mut UiContext<'_>) {
    if place != CommandDestination::Sources && cx.world.source(source).info.is_waiting {
        let label = &cx.world.source(source).info.label;
        let words = format!("{label} was not contacted yet: open it in the list of sources first");
        return cx.world.note(StatusKind::Failed, words);
    }
    match place {
        CommandDestination::Sources => cx.home(),
        CommandDestination::Refs => {
            let refs = RefsScreen::new(source, None, cx);
            cx.push(refs);
        }
        CommandDestination::Blobs => {
            let blobs = BlobsScreen::new(source, cx);
            cx.push(blobs);
        }
        CommandDestination::Plan => {
            let plan = PlanScreen::new(source, DeletionScope::Policy, cx);
            cx.push(plan);
        }
        CommandDestination::Check => {
            cx.push_once(WorkKey::Check(source), |cx| CheckScreen::new(source, cx));
        }
    }
}

impl UiLayer for CommandLine {
    fn context(&self) -> keymap::KeyContext {
        keymap::KeyContext::CommandLine
    }

    fn key(&mut self, key: KeyPress, action: Option<Action>, cx: &mut UiContext<'_>) -> Handled {
        let last = self
            .commands
            .found(self.input.text())
            .len()
            .saturating_sub(1);
        match action {
            Some(Action::Accept) => self.accept(cx),
            Some(Action::Cancel) => cx.close(),
            Some(Action::Complete) => self.complete(cx),
            Some(Action::Older) => self.recall(self.back + 1, cx.world),
            Some(Action::Newer) => self.recall(self.back.saturating_sub(1), cx.world),
            Some(Action::Up) if self.cursor == 0 => self.recall(self.back + 1, cx.world),
            Some(Action::Down) if self.back > 0 => self.recall(self.back - 1, cx.world),
            Some(Action::Up) => self.cursor -= 1,
            Some(Action::Down) => self.cursor = (self.cursor + 1).min(last),
            Some(Action::PageUp) => self.cursor = 0,
            Some(Action::PageDown) => self.cursor = last,
            _ if self.input.text().is_empty() && key.is_backspace() => cx.close(),
            _ => {
                self.input.key(key);
                self.back = 0;
                self.changed();
            }
        }
        Handled::Yes
    }

    fn paste(&mut self, text: &str, _cx: &mut UiContext<'_>) {
        self.input.paste(text);
        self.changed();
    }

    fn report(&mut self, job: JobId, report: &JobReport, _cx: &mut UiContext<'_>) {
        if let JobReport::Completed(completion) = report
            && self.completing.take_if(|waited| *waited == job).is_some()
        {
            let name = self.commands.path(self.input.text()).map(|(name, _)| name);
            let text = format!("{} {}", name.unwrap_or("open"), completion.text);
            self.set(text);
            self.names.clone_from(&completion.names);
        }
    }

    fn choose_at(&mut self, cell: (u16, u16), world: &World) -> Option<Action> {
        let (width, height) = self.size(world.area());
        let inside = popup::inside(width, height, world.area());
        let below = below_head(inside);
        let lines = lines(&self.commands.found(self.input.text()), width);
        let top = top(&lines, self.cursor, below.height);
        let (place, _) = lines.get(top + popup::line_at(below, cell)?)?;
        self.cursor = *place;
        Some(Action::Accept)
    }

    fn draw(&self, world: &World, _screen: &dyn Screen, frame: &mut Frame<'_>, area: Rect) {
        let found = self.commands.found(self.input.text());
        let (width, height) = self.size(area);
        let inside = popup::open("Commands", width, height, &world.theme, frame, area);
        let colon = Cell::new(":", TextRole::Title);
        let buffer = frame.buffer_mut();
        text::put(
            buffer,
            text::LineArea::of(inside, 0),
            &colon,
            &world.theme,
            Style::default(),
        );
        let remark = text::LineArea::of(inside, 1);
        text::put(
            buffer,
            remark,
            &self.remark(world),
            &world.theme,
            Style::default(),
        );
        let line = Rect {
            x: inside.x + 1,
            width: inside.width.saturating_sub(1),
            height: 1.min(inside.height),
            ..inside
        };
        self.input.draw(&world.theme, frame, line);
        let below = below_head(inside);
        let lines = lines(&found, width);
        let top = top(&lines, self.cursor, below.height);
        for ((place, line), row) in lines.iter().skip(top).zip(0..below.height) {
            popup::item(line, *place == self.cursor, &world.theme, frame, below, row);
        }
    }

    // The name of a source may carry a password or a key.
    fn is_private(&self) -> bool {
        self.commands.path(self.input.text()).is_some()
    }
}
