//! The state that all screens share: the sources and their data, the time, the size, and the means
//! to draw.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::{Rect, Size};

use super::background::Background;
use super::columns::HiddenColumns;
use super::effect::JobId;
use super::evidence::NamedEvidence;
use super::found::ScannedInventory;
use super::keymap::Keymap;
use super::pruning::{Deleting, DeletionAccess, Pruning};
use super::theme::{Theme, ThemeError, ThemeName};
use super::views::SavedViews;
use super::work::{BackgroundWork, WorkTable};
use super::writes::{FileWrite, RunningWrite};
use crate::config::{self, RecentSource};
use crate::error::Failure;
use crate::prune::plan::DeletionTarget;
use crate::retention::Budget;
use crate::source::{RefSelector, StoreKind};

mod sources;

/// The seconds of a minute; younger ages are shown in seconds.
const MINUTE: i64 = 60;
/// How long a status message stays.
const STATUS_TIME: SignedDuration = SignedDuration::from_secs(8);

/// The index of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub usize);

/// The data about a source before anything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its display name.
    pub label: String,
    pub kind: StoreKind,
    /// Why it cannot be read, if so.
    pub fault: Option<Box<Failure>>,
    /// Whether the stores that it stands for still have to be found.
    pub is_search: bool,
    /// A ref to show at once.
    pub select: Option<RefSelector>,
    /// Whether it supports deletions.
    pub deleting: Deleting,
    /// Whether it is a copy that is deleted at the end.
    pub is_copy: bool,
    /// The evidence of its last build, if it comes with the source.
    pub evidence: NamedEvidence,
    /// The evidence of builds that import one of its refs only, by the names of the refs.
    pub evidence_of_refs: BTreeMap<String, NamedEvidence>,
    /// Whether a file names it, so that it is not contacted before a person opens it.
    pub is_waiting: bool,
}

/// A source that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// A source that was not open before.
    New(SourceFacts),
    /// A source that is open already; this ref of it is selected.
    Known(SourceId, Option<RefSelector>),
}

/// A source.
#[derive(Debug, Clone)]
pub struct SourceState {
    pub info: SourceFacts,
    pub scan: Scan,
    /// The result of its scans so far.
    pub found: Option<ScannedInventory>,
    /// When the last scan began.
    pub since: Timestamp,
    /// Whether the policy has changed since the running scan began.
    pub policy_changed: bool,
    /// Whether it was closed: no list shows it, and its index stays valid.
    pub is_closed: bool,
}

/// The state of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    Running(JobId),
    Done,
    /// It was stopped, and is incomplete.
    Stopped,
    Failed(Failure),
}

/// The state that all screens share.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct World {
    /// The time of the latest message.
    pub now: Timestamp,
    /// The size of the terminal.
    pub size: Size,
    /// The current theme.
    pub theme: Theme,
    /// The themes for both backgrounds, if the theme follows the terminal.
    pub themes: Option<Themes>,
    /// The background of the terminal, once the terminal has told it.
    pub background_colour: Option<Background>,
    /// Whether colours are left out, whatever the theme.
    pub no_color: bool,
    /// Whether only ASCII is drawn.
    pub is_ascii: bool,
    /// The columns that lists do not show.
    pub hidden_columns: HiddenColumns,
    /// Where they are remembered.
    pub columns_file: Option<PathBuf>,
    /// The remembered order and filter of each source.
    pub saved_views: SavedViews,
    /// The key bindings.
    pub keymap: Keymap,
    pub sources: Vec<SourceState>,
    /// A message in the last line but one.
    pub status: Option<StatusMessage>,
    /// The pause that a service asks for, as text.
    pub waiting: Option<String>,
    /// Whether the UI captures the mouse.
    pub mouse: bool,
    /// Whether deletions are allowed.
    pub access: DeletionAccess,
    /// The origin of the policy, if there is one.
    pub policy_from: Option<String>,
    /// The grace period of the current policy; it also applies to the trash.
    pub grace: SignedDuration,
    /// The budget of the current policy.
    pub budget: Budget,
    /// The configuration file in use, or the path where the next run would find a new one.
    pub config_file: PathBuf,
    /// The sources that were scanned last, by earlier runs.
    pub recent: Vec<RecentSource>,
    /// The items that a person excluded from plans: they stay excluded in the next plan of their
    /// source.
    pub excluded: HashMap<SourceId, HashSet<DeletionTarget>>,
    /// The number of mistakes in the build files that declare the sources.
    pub declared_findings: usize,
    /// The evidence of builds, as given last.
    pub evidence: NamedEvidence,
    /// The inputs for evidence, the latest at the end.
    pub typed_evidence: Vec<String>,
    /// What was typed on the command line, the latest at the end.
    pub typed_commands: Vec<String>,
    /// The names of sources that were typed, the latest at the end.
    pub typed_sources: Vec<String>,
    /// Whether to use the evidence as soon as a ref is chosen, because it came from the command
    /// line.
    pub explain_at_once: bool,
    /// The work of the application.
    pub work: WorkTable,
    /// The list of jobs: of `work` as far as a person sees it, and of `writes`.
    pub background: Vec<BackgroundWork>,
    /// The files that are being written.
    pub writes: Vec<RunningWrite>,
    jobs: u64,
}

/// The themes for both backgrounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Themes {
    /// For a dark background.
    pub dark: Theme,
    pub light: Theme,
}

impl Themes {
    /// Returns the themes that come with the program.
    ///
    /// # Errors
    /// None in a program that has passed its tests.
    pub fn built_in() -> Result<Self, ThemeError> {
        Ok(Self {
            dark: Theme::built_in(ThemeName::Dark)?,
            light: Theme::built_in(ThemeName::Light)?,
        })
    }
}

/// A temporary message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    pub text: String,
    pub kind: StatusKind,
    until: Timestamp,
}

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusKind {
    Done,
    Failed,
}

impl World {
    /// Creates a world without sources.
    pub fn new(
        now: Timestamp,
        size: Size,
        theme: Theme,
        keymap: Keymap,
        mouse: bool,
        pruning: &Pruning,
    ) -> Self {
        let access = pruning.access;
        let policy_from = pruning.policy_from.clone();
        Self {
            now,
            size,
            theme,
            themes: None,
            background_colour: None,
            no_color: false,
            is_ascii: false,
            hidden_columns: HiddenColumns::default(),
            columns_file: None,
            saved_views: SavedViews::default(),
            keymap,
            sources: Vec::new(),
            status: None,
            waiting: None,
            mouse,
            access,
            policy_from,
            grace: pruning.policy.grace,
            budget: pruning.policy.budget,
            config_file: PathBuf::new(),
            recent: Vec::new(),
            excluded: HashMap::new(),
            declared_findings: 0,
            evidence: NamedEvidence::default(),
            typed_evidence: Vec::new(),
            typed_commands: Vec::new(),
            typed_sources: Vec::new(),
            explain_at_once: false,
            work: WorkTable::default(),
            background: Vec::new(),
            writes: Vec::new(),
            jobs: 0,
        }
    }

    /// Returns all of the terminal.
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.width, self.size.height)
    }

    /// Uses the theme for the background of the terminal, unless a theme was chosen.
    pub fn follow(&mut self, background: Background) {
        self.background_colour = Some(background);
        if let Some(themes) = &self.themes {
            self.theme = match background {
                Background::Dark => themes.dark.clone(),
                Background::Light => themes.light.clone(),
            };
        }
    }

    /// Uses another theme from now on.
    ///
    /// # Errors
    /// None in a program that has passed its tests.
    pub fn use_theme(&mut self, theme: config::ThemeSetting) -> Result<(), ThemeError> {
        let name = match theme {
            config::ThemeSetting::Light => ThemeName::Light,
            config::ThemeSetting::HighContrast => ThemeName::HighContrast,
            config::ThemeSetting::Auto => match self.background_colour {
                Some(Background::Light) => ThemeName::Light,
                Some(Background::Dark) | None => ThemeName::Dark,
            },
            config::ThemeSetting::Dark | config::ThemeSetting::None => ThemeName::Dark,
        };
        let built_in = Theme::built_in(name)?;
        let is_plain = self.no_color || theme == config::ThemeSetting::None;
        self.theme = if is_plain {
            built_in.without_colours()
        } else {
            built_in
        };
        self.themes = if theme == config::ThemeSetting::Auto && !self.no_color {
            Some(Themes::built_in()?)
        } else {
            None
        };
        Ok(())
    }

    /// Returns whether the screen shows seconds: of a running scan, or of a ref that was just
    /// written.
    fn shows_seconds(&self, now: Timestamp) -> bool {
        let is_young = |time: Timestamp| now.duration_since(time).as_secs() < 2 * MINUTE;
        self.open_sources().any(|source| {
            let newest = source
                .found
                .as_ref()
                .and_then(|found| found.inventory.newest());
            matches!(source.scan, Scan::Running(_)) || newest.is_some_and(is_young)
        })
    }

    /// Returns the number of running jobs that are visible to a person.
    pub fn running(&self) -> usize {
        let scans = self
            .open_sources()
            .filter(|source| matches!(source.scan, Scan::Running(_)));
        let background = self.background.iter().filter(|work| work.is_running);
        scans.count() + background.count()
    }

    /// Returns a source that exists: only [`World`] creates indexes, and never removes a source.
    pub fn source(&self, id: SourceId) -> &SourceState {
        &self.sources[id.0]
    }

    /// Forgets a file that is not being written any more, and returns it.
    pub fn end_write(&mut self, job: JobId) -> Option<FileWrite> {
        let place = self.writes.iter().position(|running| running.job == job)?;
        Some(self.writes.remove(place).write)
    }

    /// Shows a temporary message.
    pub fn note(&mut self, kind: StatusKind, text: impl Into<String>) {
        let text = text
            .into()
            .lines()
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" · ");
        self.status = self
            .now
            .checked_add(STATUS_TIME)
            .ok()
            .map(|until| StatusMessage { text, kind, until });
    }

    /// Returns the number of a new job.
    pub(super) fn next_job(&mut self) -> JobId {
        self.jobs += 1;
        JobId(self.jobs)
    }

    /// Applies the current time; returns whether that changes anything visible.
    pub(super) fn tick(&mut self, now: Timestamp) -> bool {
        let minute = |time: Timestamp| time.as_second().div_euclid(60);
        let expired = self.status.take_if(|status| status.until <= now).is_some();
        let second = self.now.as_second() != now.as_second();
        expired || minute(self.now) != minute(now) || second && self.shows_seconds(now)
    }
}
