//! Progress on standard error: one live line on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::check;
use crate::inventory::Inventory;
use crate::units::Size;

/// Nothing is shown for what ends sooner.
const PATIENCE: Duration = Duration::from_millis(500);
const LIVE_INTERVAL: Duration = Duration::from_millis(100);
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Shows how far a command has come. Clones share one line.
#[derive(Debug, Clone)]
pub struct Progress {
    state: Option<Arc<Mutex<State>>>,
}

#[derive(Debug)]
struct State {
    next: Instant,
    live: bool,
    drawn: bool,
}

impl Progress {
    /// Starts to measure the time; `quiet` shows nothing at all.
    pub fn new(quiet: bool) -> Self {
        let state = State { next: Instant::now() + PATIENCE, live: io::stderr().is_terminal(), drawn: false };
        Self { state: (!quiet).then(|| Arc::new(Mutex::new(state))) }
    }

    /// Shows how far the scan of `source` has come, if it is time to.
    pub fn scanning(&self, source: &str, inventory: &Inventory) {
        self.show(|| format!("scanning {source}: {} refs, {} blobs", inventory.refs.len(), inventory.blobs.len()));
    }

    /// Shows how far a prune of `source` has come, if it is time to.
    pub fn pruning(&self, source: &str, done: usize, total: usize) {
        self.show(|| format!("pruning {source}: {done} of {total}"));
    }

    /// Shows how far a check of `source` has come, if it is time to.
    pub fn checking(&self, source: &str, progress: check::Progress) {
        self.show(|| match progress {
            check::Progress::Refs { done, all } => format!("checking {source}: {done} of {all} refs"),
            check::Progress::Blobs { read, all } => format!("verifying {source}: {} of {}", Size(read), Size(all)),
        });
    }

    fn show(&self, line: impl FnOnce() -> String) {
        let Some(mut state) = self.state.as_ref().and_then(|state| state.lock().ok()) else { return };
        let now = Instant::now();
        if now < state.next {
            return;
        }
        // A terminal that has gone away is no reason to stop.
        let _ = if state.live {
            state.drawn = true;
            write!(io::stderr(), "\r\x1b[K{}", line()).and_then(|()| io::stderr().flush())
        } else {
            writeln!(io::stderr(), "{}", line())
        };
        state.next = now + if state.live { LIVE_INTERVAL } else { LOG_INTERVAL };
    }

    /// Takes the live line away.
    pub fn clear(&self) {
        if let Some(mut state) = self.state.as_ref().and_then(|state| state.lock().ok())
            && std::mem::take(&mut state.drawn)
        {
            let _ = write!(io::stderr(), "\r\x1b[K").and_then(|()| io::stderr().flush());
        }
    }
}
