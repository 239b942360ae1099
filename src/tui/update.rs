//! From a message to a new state, and to what is to be done.

use ratatui::layout::Size;

use super::effect::{Effect, JobId};
use super::keymap::{self, Action};
use super::layer::help::Help;
use super::layer::palette::Palette;
use super::message::{Envelope, Event, Key, Message, Report, ScanEnd};
use super::model::Model;
use super::screen::Pointer;
use super::screen::refs::Refs;
use super::screen::sources::{self, Sources};
use super::world::{Command, Context, Handled, Scan, Source, SourceId, StatusKind};

/// Changes the state as a message demands, and returns what is to be done.
pub fn update(model: &mut Model, Envelope { at, message }: Envelope) -> Vec<Effect> {
    let mut effects = Vec::new();
    model.dirty |= model.world.tick(at) || !matches!(message, Message::Event(Event::Tick));
    model.world.now = at;
    let commands = match message {
        Message::Event(event) => model.event(event, &mut effects),
        Message::Report(job, report) => model.report(job, report, &mut effects),
        Message::Copied(text, copied) => {
            match copied {
                Ok(()) => model.world.tell(StatusKind::Done, format!("copied {text}")),
                Err(error) => model.world.tell(StatusKind::Failed, format!("nothing copied: {error}")),
            }
            Vec::new()
        }
    };
    model.obey(commands, &mut effects);
    effects
}

impl Model {
    fn event(&mut self, event: Event, effects: &mut Vec<Effect>) -> Vec<Command> {
        match event {
            Event::Key(key) => self.key(key, effects),
            Event::Resize(width, height) => {
                self.world.size = Size { width, height };
                Vec::new()
            }
            Event::Tick => Vec::new(),
            Event::Paste(text) => self.with_layer(effects, |layer, cx| layer.paste(&text, cx)),
            Event::Click(column, row) => self.pointer(Pointer::Click(column, row), effects),
            Event::Scroll(column, row, wheel) => self.pointer(Pointer::Wheel(column, row, wheel), effects),
        }
    }

    fn key(&mut self, key: Key, effects: &mut Vec<Effect>) -> Vec<Command> {
        let mut commands = Vec::new();
        let Self { world, screens, layers, .. } = self;
        if world.keymap.action(&[keymap::Context::Global], key.0) == Some(Action::Quit) {
            self.over = true;
            return commands;
        }
        for layer in layers.iter_mut().rev() {
            let action = world.keymap.action(&[layer.context()], key.0);
            let mut cx = Context { world: &mut *world, effects: &mut *effects, commands: &mut commands };
            if layer.key(key, action, &mut cx) == Handled::Yes {
                return commands;
            }
        }
        let contexts = screens.last().map_or(&[][..], |screen| screen.contexts());
        if let Some(action) = world.keymap.action(contexts, key.0) {
            commands.push(Command::Perform(action));
        }
        commands
    }

    /// The mouse reaches the screen only: layers have keys.
    fn pointer(&mut self, pointer: Pointer, effects: &mut Vec<Effect>) -> Vec<Command> {
        if !self.layers.is_empty() {
            return Vec::new();
        }
        let mut commands = Vec::new();
        let mut cx = Context { world: &mut self.world, effects, commands: &mut commands };
        if let Some(screen) = self.screens.last_mut() {
            screen.pointer(pointer, &mut cx);
        }
        commands
    }

    fn with_layer(
        &mut self,
        effects: &mut Vec<Effect>,
        change: impl FnOnce(&mut dyn super::layer::Layer, &mut Context<'_>),
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut cx = Context { world: &mut self.world, effects, commands: &mut commands };
        if let Some(layer) = self.layers.last_mut() {
            change(&mut **layer, &mut cx);
        }
        commands
    }

    fn report(&mut self, job: JobId, report: Report, effects: &mut Vec<Effect>) -> Vec<Command> {
        let source = self.heed_scan(job, &report);
        let mut commands = Vec::new();
        let Self { world, screens, layers, .. } = self;
        let mut cx = Context { world, effects, commands: &mut commands };
        if let Some(source) = source {
            for screen in screens.iter_mut() {
                screen.refresh(source, &mut cx);
            }
        }
        for screen in screens {
            screen.report(job, &report, &mut cx);
        }
        for layer in layers {
            layer.report(job, &report, &mut cx);
        }
        if let Report::Exported(path, Ok(count)) = report {
            let rows = if count == 1 { "row" } else { "rows" };
            cx.world.tell(StatusKind::Done, format!("{count} {rows} written to {}", path.display()));
        }
        commands
    }

    /// Takes over what a scan tells, when it is the current one of its source.
    fn heed_scan(&mut self, job: JobId, report: &Report) -> Option<SourceId> {
        let (Report::Snapshot(id, _) | Report::Scanned(id, _)) = report else { return None };
        let source = self.world.sources.get_mut(id.0).filter(|source| source.scan == Scan::Running(job))?;
        match report {
            Report::Snapshot(_, found) => source.found = Some(found.clone()),
            Report::Scanned(_, Ok(found)) => {
                (source.found, source.scan) = (Some(found.clone()), Scan::Done);
            }
            Report::Scanned(_, Err(ScanEnd::Stopped)) => source.scan = Scan::Stopped,
            Report::Scanned(_, Err(ScanEnd::Failed(error))) => source.scan = Scan::Failed(error.clone()),
            _ => {}
        }
        Some(*id)
    }

    /// Carries out moves, and those that follow from them.
    pub(super) fn obey(&mut self, commands: Vec<Command>, effects: &mut Vec<Effect>) {
        let mut waiting: std::collections::VecDeque<Command> = commands.into();
        while let Some(command) = waiting.pop_front() {
            let mut commands = Vec::new();
            let mut cx = Context { world: &mut self.world, effects: &mut *effects, commands: &mut commands };
            match command {
                Command::Push(screen) => self.screens.push(screen),
                Command::Back if self.screens.len() > 1 => {
                    self.screens.pop();
                }
                Command::Back => self.over = true,
                Command::Show(layer) => self.layers.push(layer),
                Command::Close => {
                    self.layers.pop();
                }
                Command::Perform(action) => self.perform(action, effects, &mut commands),
                Command::Ask(request) => {
                    if let Some(screen) = self.screens.last_mut() {
                        screen.answer(request, &mut cx);
                    }
                }
                Command::AddSource(info) => {
                    let id = SourceId(cx.world.sources.len());
                    let select = info.select.clone();
                    let scan = info.fault.clone().map_or(Scan::Stopped, Scan::Failed);
                    cx.world.sources.push(Source { info, scan, found: None });
                    cx.scan(id);
                    if self.screens.first().is_none_or(|screen| screen.contexts() != sources::CONTEXTS) {
                        self.screens = vec![Box::new(Sources::new(&mut cx))];
                    }
                    self.screens.iter_mut().for_each(|screen| screen.refresh(id, &mut cx));
                    if select.is_some() {
                        let refs = Refs::new(id, select, &mut cx);
                        self.screens.push(Box::new(refs));
                    }
                }
            }
            commands.into_iter().rev().for_each(|command| waiting.push_front(command));
        }
    }

    fn perform(&mut self, action: Action, effects: &mut Vec<Effect>, commands: &mut Vec<Command>) {
        let first = self.screens.len() == 1;
        let Self { world, screens, .. } = self;
        let Some(screen) = screens.last_mut() else { return };
        let mut cx = Context { world, effects, commands };
        match action {
            Action::Help => cx.show(Help::new(screen.contexts())),
            Action::Palette => cx.show(Palette::new(screen.contexts(), &cx.world.keymap)),
            Action::Back => cx.back(),
            Action::Redraw => cx.effect(Effect::Redraw),
            Action::Quit => self.over = true,
            Action::Mouse => {
                cx.world.mouse = !cx.world.mouse;
                let words =
                    if cx.world.mouse { "the mouse works here" } else { "the mouse is the terminal's: select text" };
                cx.world.tell(StatusKind::Done, words);
                cx.effect(Effect::CaptureMouse(cx.world.mouse));
            }
            _ => match (screen.act(action, &mut cx), action) {
                (Handled::No, Action::Escape) if first => {
                    let key = cx.world.keymap.key_for(&[keymap::Context::Global], Action::Back);
                    cx.world.tell(StatusKind::Done, format!("{key} quits"));
                }
                (Handled::No, Action::Escape) => cx.back(),
                _ => {}
            },
        }
    }
}
