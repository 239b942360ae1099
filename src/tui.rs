//! The terminal UI: events and reports come in by one channel, change one state, and ask for effects.
//!
//! ```text
//!   terminal ─ Event ─┐
//!                     ├→ Envelope → update(&mut Model) → Vec<Effect> ─→ jobs ─┐
//!   jobs ──── Report ─┘                    │                                  │
//!      ↑                          view(&Model, &mut Frame)                    │
//!      └──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! - [`message`], [`mod@update`], [`effect`]: the only way in, what it changes, the only way out;
//! - [`model`], [`world`]: the state; it holds no clock, no channel and no client;
//! - [`screen`], [`layer`]: what fills the terminal, and what lies above it; [`list`] and [`rows`] are what most screens show;
//! - [`mod@view`], [`widget`], [`theme`]: how it is drawn;
//! - [`keymap`]: which key does what;
//! - [`pruning`]: plans as a person looks at them; only a job that carries one out gets hold of something that deletes;
//! - [`runtime`], [`jobs`], [`terminal`], [`recorder`]: the loop, what runs beside it, the terminal and its restoration, and
//!   what is left behind after a crash.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::backend::SharedReader;
use crate::source::RefSelector;

pub mod effect;
pub mod evidence;
pub mod found;
pub mod jobs;
pub mod keymap;
pub mod layer;
pub mod list;
pub mod message;
pub mod model;
pub mod pruning;
pub mod recorder;
pub mod rows;
pub mod runtime;
pub mod screen;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;
pub mod world;

use evidence::{Given, ImageProvenance};
use pruning::{MakePruner, Pruning};
use recorder::Recorder;
use runtime::Runtime;
use theme::{Theme, ThemeName};

/// Opens what a person names in the UI.
pub type Opener = Arc<dyn Fn(&str) -> Result<OpenedSource, String> + Send + Sync>;

/// What the UI begins with.
pub struct TuiOptions {
    /// The sources, in the order in which they are listed.
    pub sources: Vec<OpenedSource>,
    /// The colours.
    pub theme: ThemeName,
    /// Whether colours are left out.
    pub no_color: bool,
    /// Whether clicks and the wheel are the UI's.
    pub mouse: bool,
    /// How many documents a scan reads at once.
    pub concurrency: usize,
    /// Something to say on the start screen, which is there when no source is.
    pub start_message: Option<String>,
    /// Where to leave a record after a crash.
    pub crash_dir: PathBuf,
    /// Opens a source that is named in the UI, `demo` among them; may block.
    pub open: Opener,
    /// Reads the provenance beside an image.
    pub images: ImageProvenance,
    /// Evidence of a build, which is explained as soon as a ref is chosen.
    pub evidence: Given,
    /// The policy, and whether anything may be deleted.
    pub pruning: Pruning,
}

/// A source that was opened, or that could not be.
#[derive(Clone)]
pub struct OpenedSource {
    /// What people call it.
    pub label: String,
    /// What kind of store it is.
    pub kind: String,
    /// Its reader, or why there is none and what to do about it.
    pub reader: Result<SharedReader, String>,
    /// A ref to show at once.
    pub select: Option<RefSelector>,
    /// Makes its pruner; none for a source from which nothing may or can be deleted.
    pub pruner: Option<MakePruner>,
}

/// Says why the UI ended early, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal could not be set up, read, or drawn on.
    #[error("cannot use the terminal")]
    Terminal(#[from] io::Error),
    /// The theme is damaged.
    #[error(transparent)]
    Theme(#[from] theme::ThemeError),
    /// The key map is damaged.
    #[error(transparent)]
    Keymap(#[from] keymap::KeymapError),
}

/// Runs the UI on this terminal until somebody leaves it.
///
/// # Errors
/// When the terminal cannot be used. It is restored in any case.
pub async fn run(options: TuiOptions) -> Result<(), TuiError> {
    let theme = Theme::built_in(options.theme)?;
    let theme = if options.no_color { theme.without_colours() } else { theme };
    let recorder = Arc::new(Mutex::new(Recorder::default()));
    terminal::restore_on_panic(Arc::clone(&recorder), options.crash_dir.clone());
    let guard = terminal::enter(options.mouse)?;
    let terminal = ratatui::Terminal::new(ratatui::backend::CrosstermBackend::new(io::stdout()))?;
    let mut runtime = Runtime::new(options, theme, terminal, recorder, Timestamp::now)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let ended = tokio::select! {
        ended = runtime.run(terminal::events()) => ended,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    };
    drop(guard);
    // A run that has begun something brings it to its end.
    runtime.finish().await;
    Ok(ended?)
}
