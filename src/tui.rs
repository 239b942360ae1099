//! The terminal UI: events and reports arrive through one channel, update one state, and produce
//! effects.
//!
//! ```text
//!   terminal ─ Event ────┐
//!                        ├→ TimedMessage → update(&mut Model) → Vec<Effect> ─→ jobs ─┐
//!   jobs ──── JobReport ─┘                     │                                     │
//!      ↑                             view(&Model, &mut Frame)                        │
//!      └─────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! - [`message`], [`mod@update`], [`effect`]: the only input, the state change, the only output;
//! - [`model`], [`world`]: the state; it holds no clock, no channel and no client;
//! - [`navigation`]: how a screen or a layer starts work and moves to another screen;
//! - [`screen`], [`layer`]: the screens, and the popups above them; most screens show a [`list`] of
//!   [`rows`];
//! - [`mod@view`], [`widget`], [`theme`]: how it is drawn;
//! - [`keymap`]: the actions of keys; [`command`]: the commands after `:`;
//! - [`work`], [`writes`]: the work of the application, which continues when its screen is left;
//! - [`evidence`]: the evidence of builds that a person named;
//! - [`mod@rule`]: a retention rule that is being edited;
//! - [`pruning`]: plans for display; only a job that executes a plan can access code that deletes;
//! - [`runtime`], [`jobs`], [`terminal`], [`recorder`]: the loop, the background jobs, the terminal
//!   and its restoration, and the record that a crash leaves.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::backend::{PauseReport, SharedPruner, SharedReader};
use crate::check::ignore::Ignore;
use crate::config::HistoryStore;
use crate::error::Failure;
use crate::source::{RefSelector, Source, StoreKind};

pub mod background;
pub mod columns;
pub mod command;
pub mod effect;
pub mod evidence;
pub mod found;
pub mod jobs;
pub mod keymap;
pub mod layer;
pub mod list;
pub mod message;
pub mod model;
pub mod navigation;
pub mod preview;
pub mod pruning;
pub mod recorder;
pub mod rows;
pub mod rule;
pub mod runtime;
pub mod screen;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod views;
pub mod widget;
pub mod work;
pub mod world;
pub mod writes;

use evidence::{EvidenceReaders, NamedEvidence};
use keymap::Keymap;
use pruning::Pruning;
use recorder::Recorder;
use runtime::Runtime;
use theme::{Theme, ThemeName};

/// Opens a source that a person names in the UI.
pub type Opener = Arc<dyn Fn(&str) -> Result<OpenedSource, String> + Send + Sync>;

/// How sources are opened. Each opener has its own rule of consent; all may block.
#[derive(Clone)]
pub struct Openers {
    /// Opens a source that is named in the UI, including `demo`.
    pub named: Opener,
    /// Opens a source from a build record, if the user has consented to its host.
    pub found: Opener,
    /// Opens a declared cache that a person chose; the choice is consent to contact its host.
    pub declared: Opener,
}

/// Opens a source that waits for a person's consent, and saves the consent.
pub type Waiting = Arc<dyn Fn() -> Result<OpenedSource, Failure> + Send + Sync>;

/// Finds the stores that a source stands for, and sends each one as it is found. Returns the part
/// that was not searched, if any, or why it found none.
pub type Finder = Arc<
    dyn Fn(mpsc::Sender<OpenedSource>) -> BoxFuture<'static, Result<Option<&'static str>, Failure>>
        + Send
        + Sync,
>;

/// The initial settings of the UI.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct TuiOptions {
    /// The sources, in display order.
    pub sources: Vec<OpenedSource>,
    /// The pauses that services ask for.
    pub pauses: PauseReport,
    /// The theme, or the initial one.
    pub theme: ThemeName,
    /// Whether the theme follows the background of the terminal, which is queried for it.
    pub follow_background: bool,
    /// Whether colours are disabled.
    pub no_color: bool,
    /// What keys do.
    pub keymap: Keymap,
    /// Whether only ASCII is drawn: the terminal knows no other characters.
    pub is_ascii: bool,
    /// The file that remembers which columns are hidden; none where nothing is remembered.
    pub columns_file: Option<PathBuf>,
    /// The file that remembers the order and the filter of each source; none where nothing is
    /// remembered.
    pub views_file: Option<PathBuf>,
    /// Whether the UI handles clicks and the wheel.
    pub mouse: bool,
    /// The number of documents that a scan reads at once.
    pub concurrency: usize,
    /// The number of mistakes in the build files that declare the sources.
    pub declared_findings: usize,
    /// The directory for crash records.
    pub crash_dir: PathBuf,
    /// How sources are opened.
    pub openers: Openers,
    /// Reads evidence that is not in a file; has the directory that is searched for declared
    /// caches.
    pub readers: EvidenceReaders,
    /// Evidence of a build, which is explained as soon as a ref is chosen.
    pub evidence: NamedEvidence,
    /// The policy, and whether deletions are allowed.
    pub pruning: Pruning,
    /// The configuration file in use, or the path where the next run would find a new one.
    pub config_file: PathBuf,
    /// Where records of scans are kept.
    pub history: HistoryStore,
    /// The findings of checks that the configuration ignores.
    pub ignores: Vec<Ignore>,
}

/// A source that was opened, or that failed to open.
#[derive(Clone)]
pub struct OpenedSource {
    /// Its display name.
    pub label: String,
    pub kind: StoreKind,
    /// The source for commands that are shown; `None` if no command can open it.
    pub source: Option<Source>,
    /// Its reader, or why there is none.
    pub reader: Result<SharedReader, Failure>,
    /// A ref to show at once.
    pub select: Option<RefSelector>,
    /// Finds the stores that it stands for, if there may be several; if it finds none, the source
    /// is a store itself.
    pub find: Option<Finder>,
    /// The folder for journals, if the source is a copy that is deleted at the end. Such a source
    /// allows deletions even if everything else is read-only.
    pub copy_journals: Option<PathBuf>,
    /// The evidence of its last build, if it comes with the source.
    pub evidence: NamedEvidence,
    /// The evidence of builds that import one of its refs only, by the names of the refs.
    pub evidence_of_refs: BTreeMap<String, NamedEvidence>,
    /// Its pruner, for runs of plans; `None` if deletion is not allowed or not possible.
    pub pruner: Option<SharedPruner>,
    /// Opens it, if a file names the source and it must not be contacted before a person opens it.
    pub waiting: Option<Waiting>,
}

/// Why the UI ended early, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be set up, read, or drawn on.
    #[error("cannot use the terminal")]
    Terminal(#[from] io::Error),
    /// The theme is damaged.
    #[error(transparent)]
    Theme(#[from] theme::ThemeError),
}

/// How the UI ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UiEnd {
    /// A person quit.
    Left,
    /// A signal with this number ended it.
    Signal(u8),
}

/// Runs the UI on this terminal until a person quits or one of `signals` arrives.
///
/// # Errors
/// Fails if the terminal cannot be used. The terminal is restored in any case.
pub async fn run(options: TuiOptions, mut signals: EndSignals) -> Result<UiEnd, TuiError> {
    let theme = Theme::built_in(options.theme)?;
    let asks = options.follow_background && !options.no_color;
    let theme = if options.no_color {
        theme.without_colours()
    } else {
        theme
    };
    let recorder = Arc::new(Mutex::new(Recorder::default()));
    terminal::restore_on_panic(Arc::clone(&recorder), options.crash_dir.clone());
    let guard = terminal::enter(options.mouse)?;
    let terminal = terminal::OwnTerminal::new()?;
    let mut runtime = Runtime::new(options, theme, terminal, recorder, Timestamp::now)?;
    let events = terminal::events(asks)?;
    let ended = tokio::select! {
        ended = runtime.run(events) => ended.map(|()| UiEnd::Left),
        signal = signals.next() => Ok(UiEnd::Signal(signal)),
    };
    drop(guard);
    // A run that has started to delete finishes first; a second signal does not wait for that.
    tokio::select! {
        () = runtime.finish() => {}
        _ = signals.next() => {}
    }
    Ok(ended?)
}

/// The signals that end the UI.
pub struct EndSignals([(u8, Signal); 4]);

impl EndSignals {
    /// Listens to the signals: from now on they do not end the program by themselves.
    ///
    /// # Errors
    /// Fails if the system allows no handlers.
    pub fn listen() -> io::Result<Self> {
        let kinds = [
            SignalKind::hangup(),
            SignalKind::interrupt(),
            SignalKind::quit(),
            SignalKind::terminate(),
        ];
        let listen = |kind: SignalKind| {
            let number = u8::try_from(kind.as_raw_value()).map_err(io::Error::other)?;
            Ok::<_, io::Error>((number, signal(kind)?))
        };
        let [hangup, interrupt, quit, terminate] = kinds.map(listen);
        Ok(Self([hangup?, interrupt?, quit?, terminate?]))
    }

    /// Waits for the next signal, and returns its number.
    async fn next(&mut self) -> u8 {
        std::future::poll_fn(|cx| {
            let mut signals = self.0.iter_mut();
            let received = signals
                .find_map(|(number, signal)| signal.poll_recv(cx).is_ready().then_some(*number));
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
