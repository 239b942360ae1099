//! Progress on standard error: one live line on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::backend::{Pause, PauseReport};
use crate::check;
use crate::inventory::Inventory;
use crate::text::escape::visible;
use crate::text::units::Size;

/// Operations that finish sooner show no progress.
const PATIENCE: Duration = Duration::from_millis(500);
const LIVE_INTERVAL: Duration = Duration::from_millis(100);
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Shows the progress of a command. Clones share one line.
#[derive(Debug, Clone)]
pub struct Progress {
    state: Option<Arc<Mutex<ProgressState>>>,
}

#[derive(Debug)]
struct ProgressState {
    next: Instant,
    live: bool,
    drawn: bool,
}

impl Progress {
    /// Starts the clock; `quiet` disables all output.
    pub fn new(quiet: bool) -> Self {
        let state = ProgressState {
            next: Instant::now() + PATIENCE,
            live: io::stderr().is_terminal(),
            drawn: false,
        };
        Self {
            state: (!quiet).then(|| Arc::new(Mutex::new(state))),
        }
    }

    /// Shows the progress of the scan of `source`, if an update is due.
    pub fn scanning(&self, source: &str, inventory: &Inventory) {
        self.show(|| {
            format!(
                "scanning {source}: {} refs, {} blobs",
                inventory.refs.len(),
                inventory.blobs.len()
            )
        });
    }

    /// Shows the progress of a prune of `source`, if an update is due.
    pub fn pruning(&self, source: &str, done: usize, total: usize) {
        self.show(|| format!("pruning {source}: {done} of {total}"));
    }

    /// Shows that a prune of `source` waits for a build.
    pub fn waiting(&self, source: &str) {
        self.show(|| format!("waiting for builds that write to {source}"));
    }

    /// Shows how much longer a prune of `source` watches for builds. Without a terminal, the
    /// outcome reports the total.
    pub fn watching(&self, source: &str, left: Duration) {
        if self.is_live() {
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            self.show(|| format!("watching {source} for builds: {seconds} s (ctrl-c stops)"));
        }
    }

    fn is_live(&self) -> bool {
        let state = self.state.as_ref().and_then(|state| state.lock().ok());
        state.is_some_and(|state| state.live)
    }

    /// Shows the progress of a check of `source`, if an update is due.
    pub fn checking(&self, source: &str, progress: check::CheckProgress) {
        self.show(|| match progress {
            check::CheckProgress::Refs { done, all } => {
                format!("checking {source}: {done} of {all} refs")
            }
            check::CheckProgress::Blobs { read, all } => {
                format!("verifying {source}: {} of {}", Size(read), Size(all))
            }
        });
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
            && let Some(mut state) = self.state.as_ref().and_then(|state| state.lock().ok())
        {
            state.next = Instant::now();
        }
        self.show(|| {
            let seconds = left.as_secs_f64().ceil();
            format!("{} asks to wait: {seconds} s left", visible(service))
        });
    }

    fn show(&self, line: impl FnOnce() -> String) {
        let Some(mut state) = self.state.as_ref().and_then(|state| state.lock().ok()) else {
            return;
        };
        let now = Instant::now();
        if now < state.next {
            return;
        }
        // A closed terminal is no reason to stop.
        let _ = if state.live {
            state.drawn = true;
            write!(io::stderr(), "\r\x1b[K{}", line()).and_then(|()| io::stderr().flush())
        } else {
            writeln!(io::stderr(), "{}", line())
        };
        state.next = now
            + if state.live {
                LIVE_INTERVAL
            } else {
                LOG_INTERVAL
            };
    }

    /// Clears the live line.
    pub fn clear(&self) {
        if let Some(mut state) = self.state.as_ref().and_then(|state| state.lock().ok())
            && std::mem::take(&mut state.drawn)
        {
            let _ = write!(io::stderr(), "\r\x1b[K").and_then(|()| io::stderr().flush());
        }
    }
}
