//! How many requests are under way at once, and how often one is sent again.
//!
//! A service that says `SlowDown` means everybody who asks it: the number of requests is halved, once for all that were under
//! way together, and grows again by one for each full round that went well.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::fault::{self, Passing};

/// How often a request is sent again that a busy service has refused.
const MOST_REFUSALS: u32 = 8;
/// How often a request is sent again whose answer did not arrive whole.
const MOST_LOSSES: u32 = 3;
/// The least and the longest time to wait before a request is sent again, when the service names none.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// The longest time that a service may ask to wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Lets requests pass, as many at once as the service bears.
#[derive(Debug)]
pub(super) struct Pace {
    permits: Semaphore,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many requests may be under way.
    limit: usize,
    /// How many permits are still to be taken back from requests under way.
    owed: usize,
    /// How many requests went well since the limit changed.
    well: usize,
    /// How often the limit was lowered.
    lowered: u64,
}

impl Pace {
    /// Lets at most `most` requests pass at once.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        let state = State { limit: most, owed: 0, well: 0, lowered: 0 };
        Self { permits: Semaphore::new(most), most, state: Mutex::new(state) }
    }

    /// Sends a request when its turn comes, and never again: what it is sent for may have changed by then.
    pub(super) async fn once<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata,
    {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.ok();
        let began = self.lock().lowered;
        let answer = send().await;
        match &answer {
            Ok(_) => self.went_well(permit),
            Err(error) => {
                if let Some(Passing::Busy(_)) = fault::passing(error) {
                    self.slow_down(began);
                }
                self.give_back(permit);
            }
        }
        answer
    }

    /// Sends a request when its turn comes, and again when it failed for a reason that passes.
    pub(super) async fn run<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata,
    {
        let (mut refusals, mut losses) = (0, 0);
        loop {
            // The semaphore is never closed.
            let permit = self.permits.acquire().await.ok();
            let began = self.lock().lowered;
            let error = match send().await {
                Ok(answer) => {
                    self.went_well(permit);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let pause = match fault::passing(&error) {
                Some(Passing::Busy(pause)) if refusals < MOST_REFUSALS => {
                    refusals += 1;
                    self.slow_down(began);
                    pause_of(refusals, pause)
                }
                Some(Passing::Lost) if losses < MOST_LOSSES => {
                    losses += 1;
                    pause_of(losses, None)
                }
                Some(_) | None => {
                    self.give_back(permit);
                    return Err(error);
                }
            };
            self.give_back(permit);
            tokio::time::sleep(pause).await;
        }
    }

    /// Lowers the limit, unless that was done since a request began that learns of it only now.
    fn slow_down(&self, began: u64) {
        let mut state = self.lock();
        if state.lowered != began || state.limit == 1 {
            return;
        }
        let limit = state.limit / 2;
        let surplus = state.limit - limit;
        let idle = self.permits.forget_permits(surplus);
        state.owed += surplus - idle;
        (state.limit, state.well, state.lowered) = (limit, 0, state.lowered + 1);
        tracing::debug!(limit, "the service asks for fewer requests");
    }

    fn went_well(&self, permit: Option<SemaphorePermit<'_>>) {
        let mut state = self.lock();
        state.well += 1;
        if state.limit < self.most && state.well >= state.limit {
            (state.limit, state.well) = (state.limit + 1, 0);
            match state.owed {
                0 => self.permits.add_permits(1),
                _ => state.owed -= 1,
            }
        }
        drop(state);
        self.give_back(permit);
    }

    fn give_back(&self, permit: Option<SemaphorePermit<'_>>) {
        let mut state = self.lock();
        if state.owed > 0
            && let Some(permit) = permit
        {
            state.owed -= 1;
            permit.forget();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how long to wait after so many failures in a row, when the service has named this time or none.
pub(super) fn pause_of(failures: u32, named: Option<Duration>) -> Duration {
    named.map_or_else(|| pause_after(failures), |pause| pause.min(LONGEST))
}

/// Returns how long to wait after so many failures in a row. Half of it is left to chance, so that requests that failed
/// together do not come back together.
fn pause_after(failures: u32) -> Duration {
    let whole = PAUSE.0.saturating_mul(1 << failures.min(16)).min(PAUSE.1);
    let chance = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), failures) % 1000;
    whole / 2 + whole.mul_f64(chance as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(pace: &Pace) -> (usize, usize) {
        let limit = pace.lock().limit;
        (limit, pace.permits.available_permits())
    }

    #[tokio::test]
    async fn requests_that_are_refused_together_lower_the_limit_once() {
        let pace = Pace::new(8);
        let under_way = [pace.permits.acquire().await, pace.permits.acquire().await].map(Result::ok);
        pace.slow_down(0);
        pace.slow_down(0);
        assert_eq!(limit(&pace), (4, 2));
        for permit in under_way {
            pace.give_back(permit);
        }
        assert_eq!(limit(&pace), (4, 4));
        pace.slow_down(1);
        pace.slow_down(2);
        pace.slow_down(3);
        assert_eq!(limit(&pace), (1, 1));
    }

    #[tokio::test]
    async fn permits_in_use_are_taken_back_when_they_return() {
        let pace = Pace::new(2);
        let both = [pace.permits.acquire().await, pace.permits.acquire().await].map(Result::ok);
        pace.slow_down(0);
        assert_eq!(limit(&pace), (1, 0));
        for permit in both {
            pace.give_back(permit);
        }
        assert_eq!(limit(&pace), (1, 1));
        pace.went_well(pace.permits.acquire().await.ok());
        assert_eq!(limit(&pace), (2, 2));
        for _ in 0..9 {
            pace.went_well(pace.permits.acquire().await.ok());
        }
        assert_eq!(limit(&pace), (2, 2));
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        for failures in 1..40 {
            let pause = pause_after(failures);
            assert!(pause >= PAUSE.0 && pause <= PAUSE.1, "{failures}: {pause:?}");
        }
    }
}
