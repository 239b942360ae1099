//! What all screens share: the sources and what is known of them, the time, the size, and the means to draw.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Size;

use super::effect::{Effect, JobId, Work};
use super::evidence::Given;
use super::found::Found;
use super::keymap::{Action, Keymap};
use super::layer::Layer;
use super::pruning::{Access, Deleting, Pruning};
use super::screen::{Request, Screen};
use super::theme::Theme;
use crate::prune::plan::Target;
use crate::source::RefSelector;

/// How long a message stays.
const STATUS_TIME: SignedDuration = SignedDuration::from_secs(8);

/// The place of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub usize);

/// What is known of a source before anything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceInfo {
    /// What people call it.
    pub label: String,
    /// What kind of store it is.
    pub kind: String,
    /// Why it cannot be read, if so.
    pub fault: Option<String>,
    /// Whether the stores that it stands for are still to be found.
    pub is_search: bool,
    /// A ref to show at once.
    pub select: Option<RefSelector>,
    /// Whether something can be deleted from it.
    pub deleting: Deleting,
}

/// A source that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// It is another one than those that are here.
    New(SourceInfo),
    /// It is here already, and this ref of it is meant.
    Known(SourceId, Option<RefSelector>),
}

/// A source.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is.
    pub info: SourceInfo,
    /// How the scan stands.
    pub scan: Scan,
    /// What scans have found so far.
    pub found: Option<Found>,
}

/// How a scan stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// It runs.
    Running(JobId),
    /// It has told everything.
    Done,
    /// It was stopped, and told a part.
    Stopped,
    /// It failed.
    Failed(String),
}

/// What all screens share.
#[derive(Debug)]
pub struct World {
    /// The time of the latest message.
    pub now: Timestamp,
    /// The size of the terminal.
    pub size: Size,
    /// What things look like.
    pub theme: Theme,
    /// What keys do.
    pub keymap: Keymap,
    /// All sources.
    pub sources: Vec<Source>,
    /// Something to tell, in the last line but one.
    pub status: Option<Status>,
    /// Whether the mouse is ours.
    pub mouse: bool,
    /// Whether anything may be deleted.
    pub access: Access,
    /// Where the policy comes from, when there is one.
    pub policy_from: Option<String>,
    /// What was left out of plans by hand: it stays out of the next plan of its source, too.
    pub left_out: HashMap<SourceId, HashSet<Target>>,
    /// What tells of builds, as it was given last.
    pub evidence: Given,
    /// What was typed to name evidence, the latest at the end.
    pub typed_evidence: Vec<String>,
    /// Whether the evidence is to be used as soon as a ref is chosen: it came with the command line.
    pub explain_at_once: bool,
    jobs: u64,
}

/// Something to tell for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The words.
    pub text: String,
    /// How serious they are.
    pub kind: StatusKind,
    until: Timestamp,
}

/// How serious a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusKind {
    /// Something was done.
    Done,
    /// Something failed.
    Failed,
}

impl World {
    /// Makes a world without sources.
    pub fn new(now: Timestamp, size: Size, theme: Theme, keymap: Keymap, mouse: bool, pruning: &Pruning) -> Self {
        let (access, policy_from) = (pruning.access, pruning.policy_from.clone());
        Self {
            now,
            size,
            theme,
            keymap,
            sources: Vec::new(),
            status: None,
            mouse,
            access,
            policy_from,
            left_out: HashMap::new(),
            evidence: Given::default(),
            typed_evidence: Vec::new(),
            explain_at_once: false,
            jobs: 0,
        }
    }

    /// Returns a source that exists: places are given out by [`World`] alone, and never taken back.
    pub fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.0]
    }

    /// Returns the sources with their places.
    pub fn indexed_sources(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(place, source)| (SourceId(place), source))
    }

    /// Tells something for a while.
    pub fn tell(&mut self, kind: StatusKind, text: impl Into<String>) {
        let text = text.into().lines().map(str::trim).collect::<Vec<_>>().join(" · ");
        self.status = self.now.checked_add(STATUS_TIME).ok().map(|until| Status { text, kind, until });
    }

    /// Notes that time has passed; tells whether something that is shown has changed by it.
    pub(super) fn tick(&mut self, now: Timestamp) -> bool {
        let minute = |time: Timestamp| time.as_second().div_euclid(60);
        let expired = self.status.take_if(|status| status.until <= now).is_some();
        expired || minute(self.now) != minute(now)
    }
}

/// What a screen or a layer may do: change what is shared, ask for effects, and move between screens.
pub struct Context<'a> {
    /// What all screens share.
    pub world: &'a mut World,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) commands: &'a mut Vec<Command>,
}

/// A move between screens or layers.
pub(super) enum Command {
    /// Opens a screen.
    Push(Box<dyn Screen>),
    /// Leaves the screen.
    Back,
    /// Opens a layer.
    Show(Box<dyn Layer>),
    /// Closes the layer on top.
    Close,
    /// Does what a key would do.
    Perform(Action),
    /// Hands the screen what a layer has learnt.
    Ask(Request),
    /// Adds a source and scans it.
    AddSource(SourceInfo),
    /// Goes to a source that is here, and to a ref of it.
    GoTo(SourceId, Option<RefSelector>),
}

impl Context<'_> {
    /// Starts a job.
    pub fn start(&mut self, work: Work) -> JobId {
        self.world.jobs += 1;
        let job = JobId(self.world.jobs);
        self.effects.push(Effect::Run(job, work));
        job
    }

    /// Stops a job.
    pub fn stop(&mut self, job: JobId) {
        self.effects.push(Effect::Cancel(job));
    }

    /// Asks for an effect that is no job.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Opens a screen.
    pub fn push(&mut self, screen: impl Screen + 'static) {
        self.commands.push(Command::Push(Box::new(screen)));
    }

    /// Leaves the screen; from the first one, the program.
    pub fn back(&mut self) {
        self.commands.push(Command::Back);
    }

    /// Opens a layer above everything.
    pub fn show(&mut self, layer: impl Layer + 'static) {
        self.commands.push(Command::Show(Box::new(layer)));
    }

    /// Closes the layer on top.
    pub fn close(&mut self) {
        self.commands.push(Command::Close);
    }

    /// Does what a key would do on the screen.
    pub fn perform(&mut self, action: Action) {
        self.commands.push(Command::Perform(action));
    }

    /// Hands the screen what a layer has learnt.
    pub fn ask(&mut self, request: Request) {
        self.commands.push(Command::Ask(request));
    }

    /// Adds a source and scans it.
    pub fn add_source(&mut self, info: SourceInfo) {
        self.commands.push(Command::AddSource(info));
    }

    /// Goes to a source that is here already, and to a ref of it.
    pub fn go_to(&mut self, id: SourceId, select: Option<RefSelector>) {
        let label = self.world.source(id).info.label.clone();
        self.world.tell(StatusKind::Done, format!("{label} is open already"));
        self.commands.push(Command::GoTo(id, select));
    }

    /// Scans a source, again if need be.
    pub fn scan(&mut self, id: SourceId) {
        if let Scan::Running(job) = self.world.source(id).scan {
            self.stop(job);
        }
        if self.world.source(id).info.fault.is_none() {
            let job = self.start(Work::Scan(id));
            self.world.sources[id.0].scan = Scan::Running(job);
        }
    }

    /// Stops the scan of a source, when one runs.
    pub fn stop_scan(&mut self, id: SourceId) -> Handled {
        let Scan::Running(job) = self.world.source(id).scan else { return Handled::No };
        self.stop(job);
        self.world.sources[id.0].scan = Scan::Stopped;
        self.world.tell(StatusKind::Done, "the scan was stopped; what it found so far stays");
        Handled::Yes
    }
}

/// Whether somebody did something about a key or an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// It is done.
    Yes,
    /// It may be somebody else's.
    No,
}

impl From<bool> for Handled {
    fn from(handled: bool) -> Self {
        if handled { Self::Yes } else { Self::No }
    }
}
