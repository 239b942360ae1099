//! Limits concurrent requests, and retries failed ones.
//!
//! A service that answers `SlowDown` limits all requests of a client. So the number of concurrent
//! requests is halved, once for all that ran together, and grows by one for each full round without
//! a refusal.
//!
//! One request takes no longer than `--timeout`, including its retries and pauses. If the service
//! asks for a longer pause, the request fails at once, and the error contains the length of the
//! pause.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::errors::{self, Passing};
use crate::backend::{Access, PauseReport};
use crate::source::S3Location;

/// The most retries after a busy service refused a request.
const MOST_REFUSALS: u32 = 8;
/// The most retries after an answer was lost or incomplete.
const MOST_LOSSES: u32 = 3;
/// The shortest and the longest pause before a retry, if the service specifies none.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Limits concurrent requests to what the service accepts.
#[derive(Debug)]
pub(super) struct Pace {
    permits: Semaphore,
    most: usize,
    patience: Duration,
    pauses: PauseReport,
    service: String,
    state: Mutex<PaceState>,
}

#[derive(Debug)]
struct PaceState {
    /// The most concurrent requests.
    limit: usize,
    /// The number of permits that running requests still have to return.
    owed: usize,
    /// The number of successful requests since the limit changed.
    succeeded: usize,
    /// The number of times that the limit was lowered.
    lowered: u64,
}

/// A request reached its time limit.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
struct NoAnswer(Duration);

impl Pace {
    /// Creates the pace of a service.
    pub(super) fn new(location: &S3Location, access: &Access) -> Self {
        let most = access.s3.at_once.max(1);
        let service = location
            .endpoint_url
            .clone()
            .unwrap_or_else(|| format!("s3://{}", location.bucket));
        let state = PaceState {
            limit: most,
            owed: 0,
            succeeded: 0,
            lowered: 0,
        };
        Self {
            permits: Semaphore::new(most),
            most,
            patience: access.timeout,
            pauses: access.pauses.clone(),
            service,
            state: Mutex::new(state),
        }
    }

    /// Sends a request once, when its turn comes. It is never retried, because its conditions may
    /// have changed.
    pub(super) async fn once<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata,
    {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.ok();
        let lowered = self.lock().lowered;
        let answer = self.within(self.patience, Box::pin(send())).await;
        match &answer {
            Ok(_) => self.succeeded(permit),
            Err(error) => {
                if let Some(Passing::Busy(_)) = errors::passing(error) {
                    self.slow_down(lowered);
                }
                self.return_permit(permit);
            }
        }
        answer
    }

    /// Sends a request when its turn comes, and retries it after errors that may pass.
    pub(super) async fn run<T, E, F>(&self, send: impl Fn() -> F) -> Result<T, SdkError<E>>
    where
        F: Future<Output = Result<T, SdkError<E>>>,
        E: ProvideErrorMetadata,
    {
        let mut refusals = 0;
        let mut losses = 0;
        let mut began = None;
        loop {
            // The semaphore is never closed.
            let permit = self.permits.acquire().await.ok();
            // The time spent waiting for its turn does not count.
            let began: Instant = *began.get_or_insert_with(Instant::now);
            let lowered = self.lock().lowered;
            let left = self.patience.saturating_sub(began.elapsed());
            let error = match self.within(left, Box::pin(send())).await {
                Ok(answer) => {
                    self.succeeded(permit);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let pause = match errors::passing(&error) {
                Some(Passing::Busy(pause)) => {
                    self.slow_down(lowered);
                    refusals += 1;
                    (refusals <= MOST_REFUSALS).then(|| pause_of(refusals, pause))
                }
                Some(Passing::Lost) => {
                    losses += 1;
                    (losses <= MOST_LOSSES).then(|| pause_of(losses, None))
                }
                None => None,
            };
            self.return_permit(permit);
            let left = self.patience.saturating_sub(began.elapsed());
            match pause {
                Some(pause) if pause < left => self.wait(pause).await,
                _ => return Err(error),
            }
        }
    }

    /// Waits before a retry, and reports the pause.
    pub(super) async fn wait(&self, pause: Duration) {
        self.pauses.wait(&self.service, pause).await;
    }

    /// Returns the limit for one request with its retries.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    async fn within<T, E>(
        &self,
        left: Duration,
        sent: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, SdkError<E>> {
        match timeout(left, sent).await {
            Ok(answer) => answer,
            Err(_) => Err(SdkError::timeout_error(NoAnswer(self.patience))),
        }
    }

    /// Lowers the limit, unless it was lowered since the refused request began.
    fn slow_down(&self, lowered: u64) {
        let mut state = self.lock();
        if state.lowered != lowered || state.limit == 1 {
            return;
        }
        let limit = state.limit / 2;
        let surplus = state.limit - limit;
        let idle = self.permits.forget_permits(surplus);
        state.owed += surplus - idle;
        state.limit = limit;
        state.succeeded = 0;
        state.lowered += 1;
        tracing::debug!(limit, "the service asks for fewer requests");
    }

    fn succeeded(&self, permit: Option<SemaphorePermit<'_>>) {
        let mut state = self.lock();
        state.succeeded += 1;
        if state.limit < self.most && state.succeeded >= state.limit {
            state.limit += 1;
            state.succeeded = 0;
            match state.owed {
                0 => self.permits.add_permits(1),
                _ => state.owed -= 1,
            }
        }
        drop(state);
        self.return_permit(permit);
    }

    fn return_permit(&self, permit: Option<SemaphorePermit<'_>>) {
        let mut state = self.lock();
        if state.owed > 0
            && let Some(permit) = permit
        {
            state.owed -= 1;
            permit.forget();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, PaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the pause after this many failures in a row: the time that the service specified, or a
/// default.
pub(super) fn pause_of(failures: u32, named: Option<Duration>) -> Duration {
    named.unwrap_or_else(|| pause_after(failures))
}

/// Returns the pause after this many failures in a row. Half of it is random, so requests that
/// failed together are not retried together.
fn pause_after(failures: u32) -> Duration {
    let whole = PAUSE.0.saturating_mul(1 << failures.min(16)).min(PAUSE.1);
    let chance = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), failures) % 1000;
    whole / 2 + whole.mul_f64(chance as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, SourceLocation};

    fn pace(most: usize) -> Pace {
        let source = Source::parse("type=s3,bucket=b", &|_| false)
            .unwrap()
            .source;
        let SourceLocation::S3(location) = source.location else {
            panic!()
        };
        let mut access = Access::default();
        access.s3.at_once = most;
        Pace::new(&location, &access)
    }

    fn limit(pace: &Pace) -> (usize, usize) {
        let limit = pace.lock().limit;
        (limit, pace.permits.available_permits())
    }

    #[tokio::test]
    async fn requests_that_are_refused_together_lower_the_limit_once() {
        let pace = pace(8);
        let under_way =
            [pace.permits.acquire().await, pace.permits.acquire().await].map(Result::ok);
        pace.slow_down(0);
        pace.slow_down(0);
        assert_eq!(limit(&pace), (4, 2));
        for permit in under_way {
            pace.return_permit(permit);
        }
        assert_eq!(limit(&pace), (4, 4));
        pace.slow_down(1);
        pace.slow_down(2);
        pace.slow_down(3);
        assert_eq!(limit(&pace), (1, 1));
    }

    #[tokio::test]
    async fn permits_in_use_are_removed_when_they_are_returned() {
        let pace = pace(2);
        let both = [pace.permits.acquire().await, pace.permits.acquire().await].map(Result::ok);
        pace.slow_down(0);
        assert_eq!(limit(&pace), (1, 0));
        for permit in both {
            pace.return_permit(permit);
        }
        assert_eq!(limit(&pace), (1, 1));
        pace.succeeded(pace.permits.acquire().await.ok());
        assert_eq!(limit(&pace), (2, 2));
        for _ in 0..9 {
            pace.succeeded(pace.permits.acquire().await.ok());
        }
        assert_eq!(limit(&pace), (2, 2));
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        for failures in 1..40 {
            let pause = pause_after(failures);
            assert!(
                pause >= PAUSE.0 && pause <= PAUSE.1,
                "{failures}: {pause:?}"
            );
        }
    }
}
