//! What a screen or a layer may do apart from changing itself: change the shared state, request
//! effects, and move between screens and layers. [`super::update`] carries the moves out.

use std::path::Path;

use super::effect::{Effect, JobId, JobWork};
use super::keymap::Action;
use super::layer::UiLayer;
use super::message::ConfigWritten;
use super::screen::{LayerRequest, Screen};
use super::work::WorkKey;
use super::world::{Scan, SourceFacts, SourceId, StatusKind, World};
use super::writes::{FileWrite, RunningWrite};
use crate::retention::Policy;
use crate::source::RefSelector;
use crate::text::escape::visible;

/// The interface of screens and layers: change the shared state, request effects, and move between
/// screens.
pub struct UiContext<'a> {
    /// The state that all screens share.
    pub world: &'a mut World,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) commands: &'a mut Vec<NavigationCommand>,
}

/// A move between screens or layers.
pub(super) enum NavigationCommand {
    /// Opens a screen.
    Push(Box<dyn Screen>),
    /// Shows the screen with this work again.
    Bring(WorkKey),
    /// Leaves the screen.
    Back,
    /// Leaves all screens but the first.
    Home,
    /// Opens a layer.
    Show(Box<dyn UiLayer>),
    /// Closes the layer on top.
    Close,
    /// Performs the action of a key.
    Perform(Action),
    /// Sends the request of a layer to the screen.
    Ask(LayerRequest),
    /// Adds a source and scans it.
    AddSource(SourceFacts),
    /// Removes a source from the list.
    CloseSource(SourceId),
    /// Goes to an open source, and to a ref of it.
    GoTo(SourceId, Option<RefSelector>),
}

impl<'a> UiContext<'a> {
    pub(super) fn new(
        world: &'a mut World,
        effects: &'a mut Vec<Effect>,
        commands: &'a mut Vec<NavigationCommand>,
    ) -> Self {
        Self {
            world,
            effects,
            commands,
        }
    }

    /// Starts a job.
    pub fn start(&mut self, work: JobWork) -> JobId {
        let job = self.world.next_job();
        self.effects.push(Effect::Run(job, work));
        job
    }

    /// Stops a job.
    pub fn stop(&mut self, job: JobId) {
        self.effects.push(Effect::Cancel(job));
    }

    /// Requests an effect that is not a job.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Opens a screen.
    pub fn push(&mut self, screen: impl Screen + 'static) {
        self.commands
            .push(NavigationCommand::Push(Box::new(screen)));
    }

    /// Opens a screen, or shows the existing one with this work again.
    pub fn push_once<S: Screen + 'static>(
        &mut self,
        key: WorkKey,
        make: impl FnOnce(&mut Self) -> S,
    ) {
        if self.world.work.has(key) {
            self.bring(key);
        } else {
            let screen = make(self);
            self.push(screen);
        }
    }

    /// Shows the screen with this work again.
    pub fn bring(&mut self, key: WorkKey) {
        self.commands.push(NavigationCommand::Bring(key));
    }

    /// Leaves the screen; the first screen ends the program.
    pub fn back(&mut self) {
        self.commands.push(NavigationCommand::Back);
    }

    /// Leaves all screens but the first.
    pub fn home(&mut self) {
        self.commands.push(NavigationCommand::Home);
    }

    /// Opens a layer on top.
    pub fn show(&mut self, layer: impl UiLayer + 'static) {
        self.commands.push(NavigationCommand::Show(Box::new(layer)));
    }

    /// Closes the layer on top.
    pub fn close(&mut self) {
        self.commands.push(NavigationCommand::Close);
    }

    /// Performs the action of a key on the screen.
    pub fn perform(&mut self, action: Action) {
        self.commands.push(NavigationCommand::Perform(action));
    }

    /// Sends the request of a layer to the screen.
    pub fn ask(&mut self, request: LayerRequest) {
        self.commands.push(NavigationCommand::Ask(request));
    }

    /// Adds a source and scans it.
    pub fn add_source(&mut self, info: SourceFacts) {
        self.commands.push(NavigationCommand::AddSource(info));
    }

    /// Removes a source from the list, unless work on it is running.
    pub fn close_source(&mut self, id: SourceId) {
        self.commands.push(NavigationCommand::CloseSource(id));
    }

    /// Goes to an open source, and to a ref of it; opens it again if it was closed.
    pub fn go_to(&mut self, id: SourceId, select: Option<RefSelector>) {
        let source = &mut self.world.sources[id.0];
        let label = source.info.label.clone();
        if std::mem::take(&mut source.is_closed) {
            self.scan(id);
        } else {
            self.world
                .note(StatusKind::Done, format!("{label} is open already"));
        }
        self.commands.push(NavigationCommand::GoTo(id, select));
    }

    /// Opens a source that waits for a person's consent, and scans it.
    pub fn consent(&mut self, id: SourceId) {
        self.world.sources[id.0].info.is_waiting = false;
        self.scan(id);
    }

    /// Scans a source, again if necessary; skips a source that waits for a person's consent.
    pub fn scan(&mut self, id: SourceId) {
        if self.world.source(id).info.is_waiting {
            return;
        }
        if let Scan::Running(job) = self.world.source(id).scan {
            self.stop(job);
        }
        if self.world.source(id).info.fault.is_none() {
            let job = self.start(JobWork::Scan(id));
            let source = &mut self.world.sources[id.0];
            source.scan = Scan::Running(job);
            source.policy_changed = false;
            source.since = self.world.now;
        }
    }

    /// Writes a file. The job continues when the screen is left.
    pub fn write(&mut self, write: FileWrite) {
        self.world
            .note(StatusKind::Done, format!("writing {}…", write.name()));
        let job = self.start(write.clone().work());
        self.world.writes.push(RunningWrite { job, write });
    }

    /// Stops the write of a file; returns whether it was running. Its last report shows whether the
    /// file was written before that.
    pub fn stop_write(&mut self, job: JobId) -> Handled {
        let is_running = self.world.writes.iter().any(|running| running.job == job);
        if is_running {
            self.stop(job);
        }
        is_running.into()
    }

    /// Uses another policy, from the file `from`, for plans and verdicts from now on.
    pub fn use_policy(&mut self, policy: Policy, from: String) {
        self.world.policy_from = Some(from);
        self.world.grace = policy.grace;
        self.world.budget = policy.budget;
        self.effect(Effect::UsePolicy(policy));
        for place in 0..self.world.sources.len() {
            let source = &mut self.world.sources[place];
            source.policy_changed = matches!(source.scan, Scan::Running(_));
            let found = source.found.clone().filter(|_| source.scan == Scan::Done);
            if let Some(found) = found {
                self.start(JobWork::Judge(SourceId(place), found));
            }
        }
    }

    /// Judges a scan again if it started before the current policy was loaded.
    pub(super) fn judge_again(&mut self, id: SourceId) {
        let source = &mut self.world.sources[id.0];
        if source.scan == Scan::Done
            && std::mem::take(&mut source.policy_changed)
            && let Some(found) = source.found.clone()
        {
            self.start(JobWork::Judge(id, found));
        }
    }

    /// Reports that a configuration file was written, and uses its policy if it is the file in use.
    pub(super) fn config_written(&mut self, written: &ConfigWritten) {
        let name = |path: &Path| visible(&path.to_string_lossy()).into_owned();
        let mut words = format!("written to {}", name(&written.path));
        if let Some(backup) = &written.backup {
            words.push_str(&format!("; the old file is {}", name(backup)));
        }
        match &written.policy {
            Some(policy) => self.use_policy(policy.clone(), name(&written.path)),
            None => words.push_str(&format!(
                "; the policy in use is still that of {}",
                name(&self.world.config_file)
            )),
        }
        self.world.note(StatusKind::Done, words);
    }

    /// Stops the scan of a source, if one is running.
    pub fn stop_scan(&mut self, id: SourceId) -> Handled {
        let Scan::Running(job) = self.world.source(id).scan else {
            return Handled::No;
        };
        self.stop(job);
        self.world.sources[id.0].scan = Scan::Stopped;
        self.world.note(
            StatusKind::Done,
            "the scan was stopped; its results so far are shown",
        );
        Handled::Yes
    }
}

/// Whether a key or an action was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    Yes,
    /// It was not handled, and may be passed on.
    No,
}

impl From<bool> for Handled {
    fn from(handled: bool) -> Self {
        if handled { Self::Yes } else { Self::No }
    }
}
