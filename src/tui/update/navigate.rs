//! Moves between screens and layers, and sources that are added or gone to.

use std::collections::VecDeque;

use super::super::effect::{Effect, JobWork};
use super::super::keymap::{Action, KeyContext};
use super::super::layer::confirm::{Confirm, STOP_WATCHING};
use super::super::model::Model;
use super::super::navigation::{NavigationCommand, UiContext};
use super::super::screen::refs::RefsScreen;
use super::super::screen::sources::{self, SourcesScreen};
use super::super::screen::{LayerRequest, Screen};
use super::super::world::{Scan, SourceFacts, SourceId, SourceState, StatusKind};
use super::background::leave;
use crate::source::RefSelector;

impl Model {
    /// Carries out commands, and those that result from them.
    pub(in super::super) fn navigate(
        &mut self,
        commands: Vec<NavigationCommand>,
        effects: &mut Vec<Effect>,
    ) {
        let mut waiting: VecDeque<NavigationCommand> = commands.into();
        loop {
            while let Some(command) = waiting.pop_front() {
                let mut results = Vec::new();
                self.carry_out(command, effects, &mut results);
                // The results of a command come before the commands after it.
                for result in results.into_iter().rev() {
                    waiting.push_front(result);
                }
            }
            let mut results = Vec::new();
            if !self.show_changed_work(effects, &mut results) {
                return;
            }
            waiting.extend(results);
        }
    }

    fn carry_out(
        &mut self,
        command: NavigationCommand,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        match command {
            NavigationCommand::Push(screen) => self.screens.push(screen),
            NavigationCommand::Back if self.screens.len() > 1 => {
                self.leave_top(effects, commands);
            }
            NavigationCommand::Back => self.end(effects, commands),
            NavigationCommand::Home => {
                while self.screens.len() > 1 {
                    self.leave_top(effects, commands);
                }
            }
            NavigationCommand::Bring(key) => self.bring(key, effects, commands),
            NavigationCommand::Show(layer) => self.layers.push(layer),
            NavigationCommand::Close => {
                self.layers.pop();
            }
            NavigationCommand::Perform(action) => self.perform(action, effects, commands),
            NavigationCommand::Ask(LayerRequest::Quit) => self.over = true,
            NavigationCommand::Ask(LayerRequest::Write(write)) => {
                UiContext::new(&mut self.world, effects, commands).write(write);
            }
            NavigationCommand::Ask(request) => {
                let mut cx = UiContext::new(&mut self.world, effects, commands);
                if let Some(screen) = self.screens.last_mut() {
                    screen.answer(request, &mut cx);
                }
            }
            NavigationCommand::AddSource(info) => self.add_source(info, effects, commands),
            NavigationCommand::CloseSource(id) => self.close_source(id, effects, commands),
            NavigationCommand::GoTo(id, select) => {
                let mut cx = UiContext::new(&mut self.world, effects, commands);
                if let Some(screen) = self.screens.first_mut() {
                    screen.refresh(id, &mut cx);
                    screen.seek(id, &mut cx);
                }
                self.show_refs(id, select, effects, commands);
            }
        }
    }

    /// Leaves the screen on top.
    fn leave_top(&mut self, effects: &mut Vec<Effect>, commands: &mut Vec<NavigationCommand>) {
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        if let Some(screen) = self.screens.pop() {
            leave(screen, &mut cx);
        }
    }

    /// Removes a source from the list; nothing is deleted. Offers to remove it from the
    /// configuration, too, if it is there.
    fn close_source(
        &mut self,
        id: SourceId,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        let work = self.world.work.running_without_screen(id, &self.world);
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        if let Some(work) = work {
            let jobs = cx.world.keymap.key_for(&[KeyContext::Global], Action::Jobs);
            let words = format!("not closed: the {} is at work; {jobs} shows it", work.title);
            cx.world.note(StatusKind::Failed, words);
            return;
        }
        cx.stop_scan(id);
        cx.world.work.forget_left(|_, source| source == Some(id));
        let source = &mut cx.world.sources[id.0];
        source.is_closed = true;
        source.found = None;
        let label = source.info.label.clone();
        let add = cx.world.keymap.key_for(sources::CONTEXTS, Action::Add);
        let words = format!("{label} closed, nothing deleted; {add} opens it again");
        cx.world.note(StatusKind::Done, words);
        cx.start(JobWork::PrepareRemoval(id));
        for screen in &mut self.screens {
            screen.refresh(id, &mut cx);
        }
    }

    /// Adds a source, scans it, and shows the ref that was named with it.
    fn add_source(
        &mut self,
        info: SourceFacts,
        effects: &mut Vec<Effect>,
        commands: &mut Vec<NavigationCommand>,
    ) {
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        let id = SourceId(cx.world.sources.len());
        let select = info.select.clone().filter(|_| !info.is_waiting);
        let scan = info.fault.clone();
        let scan = scan.map_or(Scan::Stopped, |failure| Scan::Failed(*failure));
        cx.world.sources.push(SourceState {
            info,
            scan,
            since: cx.world.now,
            found: None,
            policy_changed: false,
            is_closed: false,
        });
        cx.scan(id);
        let first = self.screens.first();
        if first.is_none_or(|screen| screen.contexts() != sources::CONTEXTS) {
            // The start screen is replaced; screens opened from it stay.
            let sources: Box<dyn Screen> = Box::new(SourcesScreen::new(&mut cx));
            self.screens.splice(..1.min(self.screens.len()), [sources]);
        }
        for screen in &mut self.screens {
            screen.refresh(id, &mut cx);
        }
        self.show_refs(id, select, effects, commands);
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
            let mut cx = UiContext::new(&mut self.world, effects, commands);
            let refs = RefsScreen::new(id, select, &mut cx);
            self.screens.push(Box::new(refs));
        }
    }

    /// Ends the UI. If a run is at work or watches for builds, first asks whether to stop it.
    pub(super) fn end(&mut self, effects: &mut Vec<Effect>, commands: &mut Vec<NavigationCommand>) {
        let busy = self.world.work.busy();
        let work = busy.and_then(|key| self.world.work.background(key, &self.world));
        let question = match (work, self.world.writes.first()) {
            (Some(work), _) => Some(format!(
                "The {} is at work. Stop it and quit? Requests in flight finish first.",
                work.title
            )),
            (None, Some(running)) if self.layers.is_empty() => Some(format!(
                "{} is being written. Stop that and quit?",
                running.write.name()
            )),
            (None, _) => None,
        };
        if let Some(question) = question {
            let mut cx = UiContext::new(&mut self.world, effects, commands);
            cx.show(Confirm::new(question, LayerRequest::Quit));
            return;
        }
        if self.world.work.watching().is_none() || !self.layers.is_empty() {
            self.over = true;
            return;
        }
        let mut cx = UiContext::new(&mut self.world, effects, commands);
        cx.show(Confirm::new(STOP_WATCHING.to_owned(), LayerRequest::Quit));
    }
}
