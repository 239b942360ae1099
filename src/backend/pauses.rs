//! Reports the pauses that services ask for, so the interfaces can show why nothing happens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shorter pauses are not reported.
pub const SHORTEST_REPORTED: Duration = Duration::from_secs(1);

/// A pause before a request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause<'a> {
    /// The service that asked for it, not escaped.
    pub service: &'a str,
    /// The whole length.
    pub whole: Duration,
    /// The remaining time.
    pub left: Duration,
}

/// A pause in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentPause {
    /// The service that asked for it, not escaped.
    pub service: String,
    /// The whole length.
    pub whole: Duration,
    pub until: Instant,
}

type Show = dyn Fn(Pause<'_>) + Send + Sync;

/// Receives pauses; the default shows nothing. Clones share the pauses.
#[derive(Clone, Default)]
pub struct PauseReport(Arc<PauseState>);

#[derive(Default)]
struct PauseState {
    show: Option<Box<Show>>,
    current: Mutex<CurrentPauses>,
}

#[derive(Default)]
struct CurrentPauses {
    next: u64,
    pauses: BTreeMap<u64, CurrentPause>,
}

/// Removes a pause when it is dropped, including when its request was dropped.
struct PauseEntry<'a> {
    report: &'a PauseReport,
    number: u64,
}

impl PauseReport {
    /// Calls `show` when a pause begins and each second while it lasts.
    pub fn to(show: impl Fn(Pause<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(PauseState {
            show: Some(Box::new(show)),
            current: Mutex::default(),
        }))
    }

    /// Waits, and reports a pause of more than a second. If several requests wait for one service,
    /// only the first is reported.
    pub async fn wait(&self, service: &str, whole: Duration) {
        let is_first = !self
            .current()
            .pauses
            .values()
            .any(|pause| pause.service == service);
        let is_reported = is_first && whole > SHORTEST_REPORTED;
        if is_reported {
            tracing::info!(
                service,
                seconds = whole.as_secs(),
                "the service asks to wait"
            );
        }
        let _entry = self.enter(service, whole);
        let mut left = whole;
        while !left.is_zero() {
            if is_reported && let Some(show) = self.0.show.as_ref() {
                show(Pause {
                    service,
                    whole,
                    left,
                });
            }
            let step = left.min(SHORTEST_REPORTED);
            tokio::time::sleep(step).await;
            left -= step;
        }
    }

    /// Returns the pause that ends last.
    pub fn longest(&self) -> Option<CurrentPause> {
        let current = self.current();
        current
            .pauses
            .values()
            .max_by_key(|pause| pause.until)
            .cloned()
    }

    fn enter(&self, service: &str, whole: Duration) -> PauseEntry<'_> {
        let now = Instant::now();
        let mut current = self.current();
        let number = current.next;
        current.next += 1;
        let pause = CurrentPause {
            service: service.to_owned(),
            whole,
            until: now.checked_add(whole).unwrap_or(now),
        };
        current.pauses.insert(number, pause);
        PauseEntry {
            report: self,
            number,
        }
    }

    fn current(&self) -> MutexGuard<'_, CurrentPauses> {
        self.0
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PauseEntry<'_> {
    fn drop(&mut self) {
        self.report.current().pauses.remove(&self.number);
    }
}

impl fmt::Debug for PauseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PauseReport")
            .field(&self.0.show.is_some())
            .finish()
    }
}

impl PartialEq for PauseReport {
    fn eq(&self, other: &Self) -> bool {
        let show_nothing = self.0.show.is_none() && other.0.show.is_none();
        show_nothing || Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PauseReport {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_is_remembered_until_it_ends() {
        let report = PauseReport::default();
        let short = report.enter("here", Duration::from_secs(1));
        let long = report.enter("ghcr.io", Duration::from_secs(30));
        assert_eq!(report.longest().unwrap().service, "ghcr.io");
        drop(long);
        assert_eq!(report.clone().longest().unwrap().service, "here");
        drop(short);
        assert_eq!(report.longest(), None);
        let _overflow = report.enter("here", Duration::MAX);
        assert!(report.longest().is_some());
    }
}
