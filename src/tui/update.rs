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
use super::world::{Admitted, Command, Context, Handled, Scan, Source, SourceId, StatusKind};
use crate::source::RefSelector;

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
        // Whoever goes on has read what was told; it would only hide what stands in its place otherwise.
        if matches!(event, Event::Key(_) | Event::Paste(_) | Event::Click(..)) {
            self.world.status = None;
        }
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
            return vec![Command::Perform(Action::Quit)];
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
        match report {
            Report::Exported(path, Ok(count)) => {
                let rows = if count == 1 { "row" } else { "rows" };
                cx.world.tell(StatusKind::Done, format!("{count} {rows} written to {}", path.display()));
            }
            // It has its place among the stores already, whether or not anybody still waits for it.
            Report::Opened(Ok(Admitted::New(info))) | Report::Found(info) => cx.add_source(info),
            Report::Opened(Ok(Admitted::Known(id, select))) => cx.go_to(id, select),
            Report::NotAll(left_out) => cx.world.tell(StatusKind::Failed, left_out),
            _ => {}
        }
        commands
    }

    /// Takes over what a scan tells, when it is the current one of its source.
    fn heed_scan(&mut self, job: JobId, report: &Report) -> Option<SourceId> {
        let (Report::Snapshot(id, _) | Report::Scanned(id, _) | Report::Becomes(id, _)) = report else { return None };
        let source = self.world.sources.get_mut(id.0).filter(|source| source.scan == Scan::Running(job))?;
        match report {
            Report::Becomes(_, info) => source.info = info.clone(),
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
                    if let Some(mut screen) = self.screens.pop() {
                        screen.leave(&mut cx);
                    }
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
                    self.show_refs(id, select, effects, &mut commands);
                }
                Command::GoTo(id, select) => {
                    if let Some(screen) = self.screens.first_mut() {
                        screen.seek(id, &mut cx);
                    }
                    self.show_refs(id, select, effects, &mut commands);
                }
            }
            commands.into_iter().rev().for_each(|command| waiting.push_front(command));
        }
    }

    /// Shows the refs of a source, when one of them is asked for.
    fn show_refs(
        &mut self,
        id: SourceId,
        select: Option<RefSelector>,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<Command>,
    ) {
        if select.is_some() {
            let mut cx = Context { world: &mut self.world, effects, commands };
            let refs = Refs::new(id, select, &mut cx);
            self.screens.push(Box::new(refs));
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
            Action::Back | Action::Quit if screen.is_busy() => {
                screen.act(action, &mut cx);
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::backend::{OtherKind, OtherObject};
    use crate::inventory::{Inventory, Progress};
    use crate::tui::effect::Work;
    use crate::tui::found::Found;
    use crate::tui::keymap::Keymap;
    use crate::tui::pruning::{Deleting, Pruning};
    use crate::tui::theme::{Theme, ThemeName};
    use crate::tui::world::{SourceInfo, World};

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    /// A model with one source, whose scan runs as the job that is returned.
    fn scanning() -> (Model, JobId) {
        let theme = Theme::built_in(ThemeName::Dark).unwrap();
        let world = World::new(
            START,
            Size { width: 80, height: 24 },
            theme,
            Keymap::built_in().unwrap(),
            true,
            &Pruning::default(),
        );
        let deleting = Deleting::Allowed;
        let info = SourceInfo {
            label: "store".into(),
            kind: "local".into(),
            fault: None,
            is_search: false,
            select: None,
            deleting,
        };
        let (model, effects) = Model::new(world, vec![info], None);
        let [Effect::Run(job, Work::Scan(SourceId(0)))] = effects[..] else { panic!("{effects:?}") };
        (model, job)
    }

    fn send(model: &mut Model, message: Message) -> Vec<Effect> {
        let at = model.world.now;
        update(model, Envelope { at, message })
    }

    fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
        let keys = keys.split(' ').map(|key| Message::Event(Event::Key(Key::parse(key).unwrap())));
        keys.flat_map(|key| send(model, key)).collect()
    }

    /// What a scan finds in a store with so many stray files.
    fn found(objects: u64) -> Found {
        let object =
            |number| OtherObject { name: format!("{number:08}"), kind: OtherKind::File, size: 1, modified: None };
        let unknown = Arc::new((0..objects).map(object).collect());
        Found::new(Inventory { unknown, progress: Progress::Complete, ..Inventory::default() }, START)
    }

    fn stored(model: &Model) -> u64 {
        model.world.sources[0].found.as_ref().map_or(0, |found| found.totals.stored().count)
    }

    #[test]
    fn escape_stops_a_scan_and_what_it_found_stays() {
        let (mut model, job) = scanning();
        send(&mut model, Message::Report(job, Report::Snapshot(SourceId(0), found(2))));
        let effects = press(&mut model, "enter esc");
        assert!(matches!(effects[..], [Effect::Cancel(stopped)] if stopped == job), "{effects:?}");
        send(&mut model, Message::Report(job, Report::Scanned(SourceId(0), Err(ScanEnd::Stopped))));
        assert_eq!((stored(&model), &model.world.sources[0].scan), (2, &Scan::Stopped));
        assert_eq!(model.screens.len(), 2);
        press(&mut model, "esc");
        assert_eq!(model.screens.len(), 1);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_dropped() {
        let (mut model, old) = scanning();
        let effects = press(&mut model, "r");
        let [Effect::Cancel(stopped), Effect::Run(new, Work::Scan(_))] = effects[..] else { panic!("{effects:?}") };
        assert_eq!(stopped, old);
        send(&mut model, Message::Report(old, Report::Scanned(SourceId(0), Ok(found(5)))));
        assert_eq!(stored(&model), 0);
        send(&mut model, Message::Report(new, Report::Scanned(SourceId(0), Ok(found(3)))));
        assert_eq!((stored(&model), &model.world.sources[0].scan), (3, &Scan::Done));
    }

    #[test]
    fn a_source_that_is_open_already_is_gone_to() {
        let (mut model, job) = scanning();
        let other = SourceInfo { label: "other".into(), ..model.world.sources[0].info.clone() };
        send(&mut model, Message::Report(job, Report::Opened(Ok(Admitted::New(other)))));
        press(&mut model, "j / s t o r e enter");
        let cursor = |model: &Model| {
            let list = model.screen().list().unwrap();
            list.current().map(|row| list.rows().name(row))
        };
        assert_eq!(cursor(&model).as_deref(), Some("store"));
        send(&mut model, Message::Report(job, Report::Opened(Ok(Admitted::Known(SourceId(1), None)))));
        assert_eq!((cursor(&model).as_deref(), model.world.sources.len()), (Some("other"), 2));
        assert!(model.world.status.as_ref().is_some_and(|status| status.text == "other is open already"));
        let select = Some(RefSelector::new("main"));
        send(&mut model, Message::Report(job, Report::Opened(Ok(Admitted::Known(SourceId(0), select)))));
        assert_eq!(model.screens.len(), 2);
    }

    #[test]
    fn many_rows_are_arranged_beside_the_ui_and_escape_brings_the_old_ones_back() {
        let (mut model, job) = scanning();
        send(&mut model, Message::Report(job, Report::Scanned(SourceId(0), Ok(found(30_000)))));
        let arrange = |model: &mut Model, effects: Vec<Effect>| {
            let Some(Effect::Run(job, Work::Arrange(arrangement))) = effects.into_iter().next_back() else { panic!() };
            let shown = crate::tui::list::arrange(&arrangement, |_| true).unwrap();
            send(model, Message::Report(job, Report::Arranged(arrangement.rows, shown)));
        };
        let rows = |model: &Model| model.screen().list().unwrap().shown().len();
        let effects = press(&mut model, "b");
        arrange(&mut model, effects);
        assert_eq!(rows(&model), 30_000);

        let effects = press(&mut model, "/ 0 0 0 0 1 enter");
        assert_eq!(rows(&model), 30_000);
        press(&mut model, "esc");
        assert!(model.screen().list().unwrap().view().filter.is_empty());
        arrange(&mut model, effects);
        assert_eq!(rows(&model), 30_000);

        let effects = press(&mut model, "/ 0 0 0 0 1 enter");
        assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Cancel(_))).count(), 4);
        arrange(&mut model, effects);
        assert_eq!(rows(&model), 1_111);
    }

    #[test]
    fn messages_go_after_a_while() {
        let (mut model, _) = scanning();
        press(&mut model, "enter enter esc");
        assert!(model.world.status.is_some());
        model.dirty = false;
        let at = START + SignedDuration::from_secs(30);
        update(&mut model, Envelope { at, message: Message::Event(Event::Tick) });
        assert!(model.world.status.is_none() && model.dirty);
        model.dirty = false;
        update(&mut model, Envelope { at, message: Message::Event(Event::Tick) });
        assert!(!model.dirty);
    }
}
