//! Progress on standard error, with the rate and the time left where the amount of work is known:
//! a bar on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::SignedDuration;

use crate::backend::{Pause, PauseReport};
use crate::check;
use crate::inventory::Inventory;
use crate::text::escape::visible;
use crate::text::units::{Age, Size, grouped};

/// Operations that finish sooner show no progress on a terminal.
const PATIENCE: Duration = Duration::from_millis(500);
const LIVE_INTERVAL: Duration = Duration::from_millis(100);
const LOG_INTERVAL: Duration = Duration::from_secs(5);
/// A rate over less time than this is not shown.
const LEAST_MEASURED: Duration = Duration::from_secs(1);
/// How often a terminal is drawn at most, per second.
const DRAWS: u8 = 10;

/// Shows the progress of a command. Clones share one line.
#[derive(Debug, Clone)]
pub struct Progress {
    state: Option<Arc<Mutex<ProgressState>>>,
}

#[derive(Debug)]
struct ProgressState {
    /// When the line is shown next.
    next: Instant,
    /// When the work began.
    began: Instant,
    is_live: bool,
    /// Hidden until something is shown; it estimates the rate from its start.
    bar: ProgressBar,
    work: Option<Work>,
}

/// What a command is doing. The rate of one kind of work says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Scan,
    Prune,
    Wait,
    CheckRefs,
    VerifyBlobs,
    Pause,
}

/// How much of the work is done.
#[derive(Debug, Clone, Copy)]
enum Amount {
    Items { done: u64, all: u64 },
    Bytes { done: u64, all: u64 },
}

impl Amount {
    fn done(self) -> u64 {
        match self {
            Self::Items { done, .. } | Self::Bytes { done, .. } => done,
        }
    }

    fn all(self) -> u64 {
        match self {
            Self::Items { all, .. } | Self::Bytes { all, .. } => all,
        }
    }

    /// Writes the amount, and once there is an estimate the rate and the time left.
    fn text(self, bar: &ProgressBar, elapsed: Duration) -> String {
        let unit = |number: u64| match self {
            Self::Items { .. } => grouped(number),
            Self::Bytes { .. } => Size(number).to_string(),
        };
        let mut text = format!("{} of {}", unit(self.done()), unit(self.all()));
        // The bar measures a rate between its first steps, which may be a moment apart.
        let rate = self.done() as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
        if rate >= 1.0 && elapsed >= LEAST_MEASURED {
            // Rates are far below the range of an integer.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let whole = rate as u64;
            text += &format!("  {}/s", unit(whole));
        }
        let left = bar.eta().as_secs();
        if self.done() < self.all() && left > 0 {
            let left = SignedDuration::from_secs(i64::try_from(left).unwrap_or(i64::MAX));
            text += &format!("  {} left", Age(left));
        }
        text
    }
}

impl Progress {
    /// Starts the clock; `quiet` disables all output.
    pub fn new(quiet: bool) -> Self {
        let is_live = io::stderr().is_terminal();
        let state = ProgressState {
            next: Instant::now() + if is_live { PATIENCE } else { LOG_INTERVAL },
            began: Instant::now(),
            is_live,
            bar: ProgressBar::hidden(),
            work: None,
        };
        Self {
            state: (!quiet).then(|| Arc::new(Mutex::new(state))),
        }
    }

    /// Shows the progress of the scan of `source`, if an update is due.
    pub fn scanning(&self, source: &str, inventory: &Inventory) {
        self.show(Work::Scan, None, || {
            format!(
                "scanning {source}: {} refs, {} blobs",
                grouped(inventory.refs.len() as u64),
                grouped(inventory.blobs.len() as u64)
            )
        });
    }

    /// Shows the progress of a prune of `source`, if an update is due.
    pub fn pruning(&self, source: &str, done: usize, total: usize) {
        let amount = Amount::Items {
            done: done as u64,
            all: total as u64,
        };
        self.show(Work::Prune, Some(amount), || format!("pruning {source}"));
    }

    /// Shows that a prune of `source` waits for a build.
    pub fn waiting(&self, source: &str) {
        self.show(Work::Wait, None, || {
            format!("waiting for builds that write to {source}")
        });
    }

    /// Shows how much longer a prune of `source` watches for builds. Without a terminal, the
    /// outcome reports the total.
    pub fn watching(&self, source: &str, left: Duration) {
        if self.state().is_some_and(|state| state.is_live) {
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            self.show(Work::Wait, None, || {
                format!("watching {source} for builds: {seconds} s (ctrl-c stops)")
            });
        }
    }

    /// Shows the progress of a check of `source`, if an update is due.
    pub fn checking(&self, source: &str, progress: check::CheckProgress) {
        match progress {
            check::CheckProgress::Refs { done, all } => {
                let amount = Amount::Items {
                    done: done as u64,
                    all: all as u64,
                };
                self.show(Work::CheckRefs, Some(amount), || {
                    format!("checking the refs of {source}")
                });
            }
            check::CheckProgress::Blobs { read, all } => {
                let amount = Amount::Bytes { done: read, all };
                self.show(Work::VerifyBlobs, Some(amount), || {
                    format!("verifying {source}")
                });
            }
        }
    }

    /// Returns the callback to which backends report the pauses that services ask for.
    pub fn pauses(&self) -> PauseReport {
        let progress = self.clone();
        PauseReport::to(move |pause| progress.pausing(pause))
    }

    /// Shows the rest of a pause; its beginning is always shown.
    fn pausing(
        &self,
        Pause {
            service,
            whole,
            left,
        }: Pause<'_>,
    ) {
        if whole == left
            && let Some(mut state) = self.state()
        {
            state.next = Instant::now();
        }
        self.show(Work::Pause, None, || {
            let seconds = left.as_secs_f64().ceil();
            format!("{} asks to wait: {seconds} s left", visible(service))
        });
    }

    fn state(&self) -> Option<MutexGuard<'_, ProgressState>> {
        self.state.as_ref().and_then(|state| state.lock().ok())
    }

    fn show(&self, work: Work, amount: Option<Amount>, label: impl FnOnce() -> String) {
        let Some(mut state) = self.state() else {
            return;
        };
        state.begin(work, amount.is_some());
        if let Some(amount) = amount {
            state.bar.set_length(amount.all());
            state.bar.set_position(amount.done());
        }
        let now = Instant::now();
        if now < state.next {
            return;
        }
        let elapsed = now.duration_since(state.began);
        let text = amount.map(|amount| amount.text(&state.bar, elapsed));
        if state.is_live {
            state.draw(label(), text.unwrap_or_default());
            state.next = now + LIVE_INTERVAL;
        } else {
            let line = match text {
                Some(text) => format!("{}: {text}", label()),
                None => label(),
            };
            // A closed stream is no reason to stop.
            let _ = writeln!(io::stderr(), "{line}");
            state.next = now + LOG_INTERVAL;
        }
    }

    /// Prints to the terminal above the live line.
    pub fn above<R>(&self, print: impl FnOnce() -> R) -> R {
        match self.state() {
            Some(state) => state.bar.suspend(print),
            None => print(),
        }
    }

    /// Clears the live line.
    pub fn clear(&self) {
        if let Some(mut state) = self.state() {
            state.bar.finish_and_clear();
            state.bar = ProgressBar::hidden();
            state.work = None;
        }
    }
}

impl ProgressState {
    /// Starts the clock of the rate again if this is other work than before.
    fn begin(&mut self, work: Work, is_measured: bool) {
        if self.work == Some(work) {
            return;
        }
        self.work = Some(work);
        self.began = Instant::now();
        self.bar.reset();
        let template = if is_measured {
            "{prefix}  [{bar:20}]  {msg}"
        } else {
            "{prefix}"
        };
        // The templates are constants, and each is valid.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    fn draw(&self, label: String, amount: String) {
        self.bar.set_prefix(label);
        self.bar.set_message(amount);
        if self.bar.is_hidden() {
            self.bar
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS));
        }
        self.bar.tick();
    }
}
