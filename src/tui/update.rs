//! Turns a message into a new state and effects.

use std::sync::Arc;

use ratatui::layout::Size;

use super::command::Here;
use super::effect::{Effect, JobId};
use super::found::ScannedInventory;
use super::keymap::{self, Action};
use super::layer::command::CommandLine;
use super::layer::confirm::{Confirm, STOP_WATCHING};
use super::layer::help::Help;
use super::layer::jobs::JobsLayer;
use super::list::RowList;
use super::message::{
    Event, JobReport, KeyPress, Message, Phase, Ran, RunFault, ScanEnd, TimedMessage,
};
use super::model::Model;
use super::screen::find::{self, FindScreen};
use super::screen::refs::RefsScreen;
use super::screen::runs::{self, RunsScreen};
use super::screen::sources::{self, SourcesScreen};
use super::screen::{LayerRequest, Pointer, Screen, ScreenWork, WorkKey};
use super::terminal::SuspendedBy;
use super::view;
use super::world::{
    Admitted, Handled, NavigationCommand, Scan, SourceId, SourceState, StatusKind, UiContext, World,
};
use crate::source::RefSelector;
use crate::text::escape::visible;

/// Updates the state for a message, and returns the effects.
pub fn update(model: &mut Model, TimedMessage { at, message }: TimedMessage) -> Vec<Effect> {
    let mut effects = Vec::new();
    model.dirty |= model.world.tick(at) || !matches!(message, Message::Event(Event::Tick));
    model.world.now = at;
    let commands = match message {
        Message::Event(event) => model.event(event, &mut effects),
        Message::Report(job, report) => model.report(job, report, &mut effects),
        Message::Waiting(wait) => {
            model.world.waiting = wait;
            Vec::new()
        }
        Message::Copied(text, copied) => {
            match copied {
                Ok(()) => model.world.note(StatusKind::Done, format!("copied {text}")),
                Err(error) => model
                    .world
                    .note(StatusKind::Failed, format!("nothing copied: {error}")),
            }
            Vec::new()
        }
    };
    model.obey(commands, &mut effects);
    model.note_background();
    model.follow(&mut effects);
    effects
}

impl Model {
    fn event(&mut self, event: Event, effects: &mut Vec<Effect>) -> Vec<NavigationCommand> {
        // A person who continues has read the status message, which would otherwise keep hiding the
        // summary.
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
            Event::Background(background) => {
                self.world.follow(background);
                Vec::new()
            }
            Event::Suspend => {
                effects.push(Effect::Suspend(SuspendedBy::Signal));
                Vec::new()
            }
            Event::Continue => {
                effects.push(Effect::TakeAgain);
                Vec::new()
            }
            Event::Paste(text) => self.with_layer(effects, |layer, cx| layer.paste(&text, cx)),
            Event::Click(column, row) => self.pointer(Pointer::Click(column, row), effects),
            Event::Scroll(column, row, wheel) => {
                self.pointer(Pointer::Wheel(column, row, wheel), effects)
            }
        }
    }

    fn key(&mut self, key: KeyPress, effects: &mut Vec<Effect>) -> Vec<NavigationCommand> {
        let mut commands = Vec::new();
        let Self {
            world,
            screens,
            layers,
            ..
        } = self;
        // These two keys work during any text input.
        if let Some(action @ (Action::Quit | Action::Suspend)) =
            world.keymap.action(&[keymap::KeyContext::Global], key.0)
        {
            return vec![NavigationCommand::Perform(action)];
        }
        for layer in layers.iter_mut().rev() {
            let action = world.keymap.action(&[layer.context()], key.0);
            let mut cx = UiContext {
                world: &mut *world,
                effects: &mut *effects,
                commands: &mut commands,
            };
            if layer.key(key, action, &mut cx) == Handled::Yes {
                return commands;
            }
        }
        let contexts = screens.last().map_or(&[][..], |screen| screen.contexts());
        if let Some(action) = world.keymap.action(contexts, key.0) {
            commands.push(NavigationCommand::Perform(action));
        } else if layers.is_empty() {
            report_unused_key(key, contexts, world);
        }
        commands
    }

    /// A click on a word of the last line does what its key does, one on the path goes back. The
    /// rest of the mouse reaches the screen only: layers have keys.
    fn pointer(&mut self, pointer: Pointer, effects: &mut Vec<Effect>) -> Vec<NavigationCommand> {
        if let Pointer::Click(x, y) = pointer {
            if let Some(key) = view::key_at(self, x, y) {
                return self.key(key, effects);
            }
            let is_path = y == 0 && self.layers.is_empty() && self.screens.len() > 1;
            if is_path && view::is_on_parent(self, x) {
                return vec![NavigationCommand::Back];
            }
        }
        if !self.layers.is_empty() {
            return Vec::new();
        }
        let mut commands = Vec::new();
        let mut cx = UiContext {
            world: &mut self.world,
            effects,
            commands: &mut commands,
        };
        if let Some(screen) = self.screens.last_mut() {
            screen.pointer(pointer, &mut cx);
        }
        commands
    }

    fn with_layer(
        &mut self,
        effects: &mut Vec<Effect>,
        change: impl FnOnce(&mut dyn super::layer::UiLayer, &mut UiContext<'_>),
    ) -> Vec<NavigationCommand> {
        let mut commands = Vec::new();
        let mut cx = UiContext {
            world: &mut self.world,
            effects,
            commands: &mut commands,
        };
        if let Some(layer) = self.layers.last_mut() {
            change(&mut **layer, &mut cx);
        }
        commands
    }

    fn report(
        &mut self,
        job: JobId,
        report: JobReport,
        effects: &mut Vec<Effect>,
    ) -> Vec<NavigationCommand> {
        let source = self.apply_scan_report(job, &report);
        let mut commands = Vec::new();
        let Self {
            world,
            screens,
            left,
            layers,
            ..
        } = self;
        let mut cx = UiContext {
            world,
            effects,
            commands: &mut commands,
        };
        if let JobReport::Scanned(id, _) = &report {
            // The findings of an earlier scan are outdated.
            let key = WorkKey::Check(*id);
            left.retain(|screen| {
                let work = screen.background(cx.world);
                work.is_none_or(|work| work.is_running || work.key != key)
            });
        }
        let mut screens: Vec<_> = screens.iter_mut().chain(left).collect();
        if let Some(source) = source {
            cx.judge_again(source);
            for screen in &mut screens {
                screen.refresh(source, &mut cx);
            }
        }
        if let JobReport::ConfigWritten(Ok(written)) = &report {
            cx.config_written(written);
            if written.policy.is_some() {
                for screen in &mut screens {
                    screen.policy_changed(&mut cx);
                }
            }
        }
        for screen in &mut screens {
            screen.report(job, &report, &mut cx);
        }
        for layer in layers {
            layer.report(job, &report, &mut cx);
        }
        match report {
            JobReport::Exported(path, Ok(count)) => {
                let rows = if count == 1 { "row" } else { "rows" };
                cx.world.note(
                    StatusKind::Done,
                    format!("{count} {rows} written to {}", path.display()),
                );
            }
            // The store has its index already, even if no screen waits for it any more.
            JobReport::Opened(Ok(Admitted::New(info))) | JobReport::Found(info) => {
                cx.add_source(info)
            }
            JobReport::Opened(Ok(Admitted::Known(id, select))) => cx.go_to(id, select),
            JobReport::Running(news) => {
                if let (Phase::Watching(left), Some(source)) = (news.phase, cx.world.end_watch(job))
                {
                    cx.world.set_watch(job, source, left);
                }
            }
            // The screen of the run was left, so it cannot report the end itself.
            JobReport::Ran(result) => {
                if let Some(source) = cx.world.end_watch(job) {
                    tell_end(source, &result, &mut cx);
                }
            }
            JobReport::NotAll(left_out) => cx.world.note(StatusKind::Failed, left_out),
            _ => {}
        }
        commands
    }

    /// Applies the report of a scan, if it is the current one of its source.
    fn apply_scan_report(&mut self, job: JobId, report: &JobReport) -> Option<SourceId> {
        if let JobReport::Judged(id, found) = report {
            return self.heed_verdicts(*id, found);
        }
        let (JobReport::Snapshot(id, _) | JobReport::Scanned(id, _) | JobReport::Becomes(id, _)) =
            report
        else {
            return None;
        };
        let source = self
            .world
            .sources
            .get_mut(id.0)
            .filter(|source| source.scan == Scan::Running(job))?;
        match report {
            JobReport::Becomes(_, info) => source.info = info.clone(),
            JobReport::Snapshot(_, found) => source.found = Some(found.clone()),
            JobReport::Scanned(_, Ok(found)) => {
                (source.found, source.scan) = (Some(found.clone()), Scan::Done);
            }
            JobReport::Scanned(_, Err(ScanEnd::Stopped)) => source.scan = Scan::Stopped,
            JobReport::Scanned(_, Err(ScanEnd::Failed(error))) => {
                source.scan = Scan::Failed(error.clone());
            }
            _ => {}
        }
        Some(*id)
    }

    /// Applies the verdicts on the refs of a source, unless it was scanned again.
    fn heed_verdicts(&mut self, id: SourceId, judged: &ScannedInventory) -> Option<SourceId> {
        let found = self.world.sources.get_mut(id.0)?.found.as_mut()?;
        if !Arc::ptr_eq(&found.inventory, &judged.inventory) {
            return None;
        }
        found.verdicts.clone_from(&judged.verdicts);
        Some(id)
    }

    /// Lets the screen on top show more of the row that the cursor has come to.
    fn follow(&mut self, effects: &mut Vec<Effect>) {
        let mut commands = Vec::new();
        let mut cx = UiContext {
            world: &mut self.world,
            effects,
            commands: &mut commands,
        };
        if let Some(screen) = self.screens.last_mut() {
            screen.follow(&mut cx);
        }
    }

    /// Lists the background work of the screens, and reports work that has ended in screens that
    /// were left.
    fn note_background(&mut self) {
        let Self {
            world,
            screens,
            left,
            ..
        } = self;
        let works = |screens: &[Box<dyn Screen>], world: &World| -> Vec<ScreenWork> {
            let works = screens.iter().filter_map(|screen| screen.background(world));
            works.collect()
        };
        let mut background = works(screens, world);
        let of_left = works(left, world);
        let was_running = |work: &&ScreenWork| {
            let mut before = world.background.iter();
            before.any(|before| before.key == work.key && before.is_running)
        };
        let mut ended = of_left.iter().filter(|work| !work.is_running);
        if let Some(work) = ended.find(was_running) {
            let words = format!("the {} has ended", work.title);
            world.note(StatusKind::Done, words);
        }
        left.retain(|screen| {
            let work = screen.background(world);
            work.is_some_and(|work| work.is_running || work.is_kept)
        });
        background.extend(
            of_left
                .into_iter()
                .filter(|work| work.is_running || work.is_kept),
        );
        world.background = background;
    }

    /// Executes commands, and those that result from them.
    pub(super) fn obey(&mut self, commands: Vec<NavigationCommand>, effects: &mut Vec<Effect>) {
        let mut waiting: std::collections::VecDeque<NavigationCommand> = commands.into();
        while let Some(command) = waiting.pop_front() {
            let mut commands = Vec::new();
            let mut cx = UiContext {
                world: &mut self.world,
                effects: &mut *effects,
                commands: &mut commands,
            };
            match command {
                NavigationCommand::Push(screen) => self.screens.push(screen),
                NavigationCommand::Back if self.screens.len() > 1 => {
                    if let Some(screen) = self.screens.pop() {
                        leave(screen, &mut self.left, &mut cx);
                    }
                }
                NavigationCommand::Home => leave_all(&mut self.screens, &mut self.left, &mut cx),
                NavigationCommand::Bring(key) => {
                    let has = |screen: &dyn Screen| {
                        let work = screen.background(cx.world);
                        work.is_some_and(|work| work.key == key)
                    };
                    let place = self.left.iter().position(|screen| has(screen.as_ref()));
                    let screen = match place {
                        Some(place) => Some(self.left.remove(place)),
                        None => self
                            .screens
                            .iter()
                            .position(|screen| has(screen.as_ref()))
                            .map(|place| self.screens.remove(place)),
                    };
                    self.screens.extend(screen);
                }
                NavigationCommand::Stop(key) => {
                    let screens = self.screens.iter_mut().chain(&mut self.left);
                    for screen in screens {
                        let work = screen.background(cx.world);
                        if work.is_some_and(|work| work.key == key) {
                            screen.stop_background(&mut cx);
                        }
                    }
                }
                NavigationCommand::Back => self.quit(effects, &mut commands),
                NavigationCommand::Show(layer) => self.layers.push(layer),
                NavigationCommand::Close => {
                    self.layers.pop();
                }
                NavigationCommand::Perform(action) => self.perform(action, effects, &mut commands),
                NavigationCommand::Ask(LayerRequest::Quit) => self.over = true,
                NavigationCommand::Ask(request) => {
                    if let Some(screen) = self.screens.last_mut() {
                        screen.answer(request, &mut cx);
                    }
                }
                NavigationCommand::AddSource(info) => {
                    let id = SourceId(cx.world.sources.len());
                    let select = if info.is_waiting {
                        None
                    } else {
                        info.select.clone()
                    };
                    let scan = info.fault.clone().map_or(Scan::Stopped, Scan::Failed);
                    cx.world.sources.push(SourceState {
                        info,
                        scan,
                        found: None,
                        policy_changed: false,
                    });
                    cx.scan(id);
                    if self
                        .screens
                        .first()
                        .is_none_or(|screen| screen.contexts() != sources::CONTEXTS)
                    {
                        // The start screen is replaced; screens opened from it stay.
                        let sources = Box::new(SourcesScreen::new(&mut cx));
                        self.screens
                            .splice(..1.min(self.screens.len()), [sources as Box<_>]);
                    }
                    self.screens
                        .iter_mut()
                        .for_each(|screen| screen.refresh(id, &mut cx));
                    self.show_refs(id, select, effects, &mut commands);
                }
                NavigationCommand::GoTo(id, select) => {
                    if let Some(screen) = self.screens.first_mut() {
                        screen.seek(id, &mut cx);
                    }
                    self.show_refs(id, select, effects, &mut commands);
                }
            }
            commands
                .into_iter()
                .rev()
                .for_each(|command| waiting.push_front(command));
        }
    }

    /// Shows the refs of a source, if one of them is requested.
    fn show_refs(
        &mut self,
        id: SourceId,
        select: Option<RefSelector>,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        if select.is_some() {
            let mut cx = UiContext {
                world: &mut self.world,
                effects,
                commands,
            };
            let refs = RefsScreen::new(id, select, &mut cx);
            self.screens.push(Box::new(refs));
        }
    }

    /// Ends the UI. If a run watches for builds, first asks whether to stop that.
    fn quit(&mut self, effects: &mut Vec<Effect>, commands: &mut Vec<NavigationCommand>) {
        if self.world.watches.is_empty() || !self.layers.is_empty() {
            self.over = true;
            return;
        }
        let mut cx = UiContext {
            world: &mut self.world,
            effects,
            commands,
        };
        cx.show(Confirm::new(STOP_WATCHING.to_owned(), LayerRequest::Quit));
    }

    fn perform(
        &mut self,
        action: Action,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        let first = self.screens.len() == 1;
        let Self {
            world,
            screens,
            left,
            ..
        } = self;
        let last = screens.len().saturating_sub(1);
        let current = screens.iter().rev().find_map(|screen| screen.source());
        let mut all: Vec<_> = screens.iter_mut().chain(left).collect();
        // A running run is stopped before the program ends, wherever its screen is.
        let busy = all.iter().rposition(|screen| screen.is_busy());
        let asked = busy.filter(|_| action == Action::Quit);
        let Some(screen) = all.get_mut(asked.unwrap_or(last)) else {
            return;
        };
        let mut cx = UiContext {
            world,
            effects,
            commands,
        };
        match action {
            Action::Help => cx.show(Help::new(screen.contexts())),
            Action::Palette => {
                let sources = cx.world.sources.iter();
                let here = Here {
                    sources: sources.map(|source| source.info.label.clone()).collect(),
                    current,
                    columns: screen.list().map_or(&[], RowList::columns),
                };
                cx.show(CommandLine::new(screen.contexts(), here, cx.world));
            }
            Action::Quit if screen.is_busy() => {
                screen.act(action, &mut cx);
                let words = "stopping what is at work; quit again when it has stopped";
                cx.world.note(StatusKind::Failed, words);
            }
            Action::Jobs => cx.show(JobsLayer::default()),
            Action::Back => cx.back(),
            Action::Suspend => cx.effect(Effect::Suspend(SuspendedBy::Key)),
            Action::Find if screen.contexts() == find::CONTEXTS => {}
            Action::Find => {
                let find = FindScreen::new(&mut cx);
                cx.push(find);
            }
            Action::Runs if screen.contexts() == runs::CONTEXTS => {}
            Action::Runs => {
                let runs = RunsScreen::new(&mut cx);
                cx.push(runs);
            }
            Action::Redraw => cx.effect(Effect::Redraw),
            Action::Quit => {
                self.quit(effects, commands);
            }
            Action::Mouse => {
                cx.world.mouse = !cx.world.mouse;
                let words = if cx.world.mouse {
                    "the mouse works here"
                } else {
                    "the mouse is the terminal's: select text"
                };
                cx.world.note(StatusKind::Done, words);
                cx.effect(Effect::CaptureMouse(cx.world.mouse));
            }
            _ => match (screen.act(action, &mut cx), action) {
                (Handled::No, Action::Escape) if first => {
                    let key = cx
                        .world
                        .keymap
                        .key_for(&[keymap::KeyContext::Global], Action::Back);
                    cx.world.note(StatusKind::Done, format!("{key} quits"));
                }
                (Handled::No, Action::Escape) => cx.back(),
                _ => {}
            },
        }
    }
}

/// Takes all screens off but the first.
fn leave_all(
    screens: &mut Vec<Box<dyn Screen>>,
    left: &mut Vec<Box<dyn Screen>>,
    cx: &mut UiContext<'_>,
) {
    while screens.len() > 1
        && let Some(screen) = screens.pop()
    {
        leave(screen, left, cx);
    }
}

/// Says that a key does nothing here, and what it does elsewhere.
fn report_unused_key(key: KeyPress, contexts: &[keymap::KeyContext], world: &mut World) {
    let global = [keymap::KeyContext::Global];
    let help = world.keymap.key_for(&global, Action::Help);
    let Some(character) = key.character() else {
        return;
    };
    let name = if character == ' ' {
        "space".to_owned()
    } else {
        visible(&character.to_string()).into_owned()
    };
    let words = match world.keymap.elsewhere(key.0) {
        _ if matches!(character, 'd' | 'D' | 'x')
            && contexts.contains(&keymap::KeyContext::List) =>
        {
            let mark = world
                .keymap
                .key_for(&[keymap::KeyContext::List], Action::Mark);
            let plan = world
                .keymap
                .key_for(&[keymap::KeyContext::Refs], Action::Plan);
            format!(
                "{name} deletes nothing here: mark refs with {mark}, then {plan} plans; {help} shows the keys"
            )
        }
        Some((context, action)) => {
            let text = world.keymap.text_for(context, action);
            let there = context.heading();
            let text = text.trim_end_matches('.');
            format!("{name} does nothing here ({there}: {text}); {help} shows the keys")
        }
        None => format!("{name} does nothing here; {help} shows the keys"),
    };
    world.note(StatusKind::Failed, words);
}

/// Removes a screen; it is kept while its work continues, or if its results are kept.
fn leave(mut screen: Box<dyn Screen>, left: &mut Vec<Box<dyn Screen>>, cx: &mut UiContext<'_>) {
    let work = screen.background(cx.world);
    match work.filter(|work| work.is_running || work.is_kept) {
        Some(work) => {
            if work.is_running {
                let key = cx
                    .world
                    .keymap
                    .key_for(&[keymap::KeyContext::Global], Action::Jobs);
                let words = format!("{} goes on; {key} shows it", work.title);
                cx.world.note(StatusKind::Done, words);
            }
            left.push(screen);
        }
        None => screen.leave(cx),
    }
}

/// Reports the end of a run whose screen was left, and scans its source again.
fn tell_end(source: SourceId, result: &Result<Ran, RunFault>, cx: &mut UiContext<'_>) {
    let label = cx.world.source(source).info.label.clone();
    match result {
        Ok(ran) if ran.report.is_complete() => {
            cx.world
                .note(StatusKind::Done, format!("the prune of {label} has ended"));
        }
        Ok(_) => cx.world.note(
            StatusKind::Failed,
            format!("the prune of {label} did not do all of it: see its journal"),
        ),
        Err(fault) => cx.world.note(
            StatusKind::Failed,
            format!("prune of {label}: {}", fault.why),
        ),
    }
    cx.scan(source);
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::backend::{OtherKind, OtherObject};
    use crate::inventory::{Inventory, Progress};
    use crate::tui::effect::JobWork;
    use crate::tui::keymap::Keymap;
    use crate::tui::pruning::{Deleting, Pruning};
    use crate::tui::theme::{Theme, ThemeName};
    use crate::tui::world::SourceFacts;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    /// A model with one source, whose scan runs as the returned job.
    fn scanning() -> (Model, JobId) {
        let theme = Theme::built_in(ThemeName::Dark).unwrap();
        let world = World::new(
            START,
            Size {
                width: 80,
                height: 24,
            },
            theme,
            Keymap::built_in().unwrap(),
            true,
            &Pruning::default(),
        );
        let deleting = Deleting::Allowed;
        let info = SourceFacts {
            label: "store".into(),
            kind: crate::source::StoreKind::Local,
            fault: None,
            is_search: false,
            select: None,
            deleting,
            is_copy: false,
            is_waiting: false,
        };
        let (model, effects) = Model::new(world, vec![info], None);
        let [Effect::Run(job, JobWork::Scan(SourceId(0)))] = effects[..] else {
            panic!("{effects:?}")
        };
        (model, job)
    }

    fn send(model: &mut Model, message: Message) -> Vec<Effect> {
        let at = model.world.now;
        update(model, TimedMessage { at, message })
    }

    fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
        let keys = keys
            .split(' ')
            .map(|key| Message::Event(Event::Key(KeyPress::parse(key).unwrap())));
        keys.flat_map(|key| send(model, key)).collect()
    }

    /// The result of scanning a store with this many stray files.
    fn found(objects: u64) -> ScannedInventory {
        let object = |number| OtherObject {
            name: format!("{number:08}"),
            kind: OtherKind::File,
            size: 1,
            modified: None,
        };
        let unknown = Arc::new((0..objects).map(object).collect());
        ScannedInventory::new(
            Inventory {
                unknown,
                progress: Progress::Complete,
                ..Inventory::default()
            },
            START,
        )
    }

    fn stored(model: &Model) -> u64 {
        model.world.sources[0]
            .found
            .as_ref()
            .map_or(0, |found| found.totals.stored().count)
    }

    #[test]
    fn escape_stops_a_scan_and_what_it_found_stays() {
        let (mut model, job) = scanning();
        send(
            &mut model,
            Message::Report(job, JobReport::Snapshot(SourceId(0), found(2))),
        );
        let effects = press(&mut model, "enter esc");
        assert!(
            matches!(effects[..], [Effect::Cancel(stopped)] if stopped == job),
            "{effects:?}"
        );
        send(
            &mut model,
            Message::Report(job, JobReport::Scanned(SourceId(0), Err(ScanEnd::Stopped))),
        );
        assert_eq!(
            (stored(&model), &model.world.sources[0].scan),
            (2, &Scan::Stopped)
        );
        assert_eq!(model.screens.len(), 2);
        press(&mut model, "esc");
        assert_eq!(model.screens.len(), 1);
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_dropped() {
        let (mut model, old) = scanning();
        let effects = press(&mut model, "r");
        let [Effect::Cancel(stopped), Effect::Run(new, JobWork::Scan(_))] = effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(stopped, old);
        send(
            &mut model,
            Message::Report(old, JobReport::Scanned(SourceId(0), Ok(found(5)))),
        );
        assert_eq!(stored(&model), 0);
        send(
            &mut model,
            Message::Report(new, JobReport::Scanned(SourceId(0), Ok(found(3)))),
        );
        assert_eq!(
            (stored(&model), &model.world.sources[0].scan),
            (3, &Scan::Done)
        );
    }

    #[test]
    fn a_source_that_is_open_already_is_gone_to() {
        let (mut model, job) = scanning();
        let other = SourceFacts {
            label: "other".into(),
            ..model.world.sources[0].info.clone()
        };
        send(
            &mut model,
            Message::Report(job, JobReport::Opened(Ok(Admitted::New(other)))),
        );
        press(&mut model, "j / s t o r e enter");
        let cursor = |model: &Model| {
            let list = model.screen().list().unwrap();
            list.current().map(|row| list.rows().name(row))
        };
        assert_eq!(cursor(&model).as_deref(), Some("store"));
        send(
            &mut model,
            Message::Report(
                job,
                JobReport::Opened(Ok(Admitted::Known(SourceId(1), None))),
            ),
        );
        assert_eq!(
            (cursor(&model).as_deref(), model.world.sources.len()),
            (Some("other"), 2)
        );
        assert!(
            model
                .world
                .status
                .as_ref()
                .is_some_and(|status| status.text == "other is open already")
        );
        let select = Some(RefSelector::new("main"));
        send(
            &mut model,
            Message::Report(
                job,
                JobReport::Opened(Ok(Admitted::Known(SourceId(0), select))),
            ),
        );
        assert_eq!(model.screens.len(), 2);
    }

    #[test]
    fn many_rows_are_arranged_beside_the_ui_and_escape_brings_the_old_ones_back() {
        let (mut model, job) = scanning();
        send(
            &mut model,
            Message::Report(job, JobReport::Scanned(SourceId(0), Ok(found(30_000)))),
        );
        let arrange = |model: &mut Model, effects: Vec<Effect>| {
            let Some(Effect::Run(job, JobWork::Arrange(arrangement))) =
                effects.into_iter().next_back()
            else {
                panic!()
            };
            let shown = crate::tui::list::arrange(&arrangement, |_| true).unwrap();
            send(
                model,
                Message::Report(job, JobReport::Arranged(arrangement.rows, shown)),
            );
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
        assert_eq!(
            effects
                .iter()
                .filter(|effect| matches!(effect, Effect::Cancel(_)))
                .count(),
            4
        );
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
        update(
            &mut model,
            TimedMessage {
                at,
                message: Message::Event(Event::Tick),
            },
        );
        assert!(model.world.status.is_none() && model.dirty);
        model.dirty = false;
        update(
            &mut model,
            TimedMessage {
                at,
                message: Message::Event(Event::Tick),
            },
        );
        assert!(!model.dirty);
    }
}
