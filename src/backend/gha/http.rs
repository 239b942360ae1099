//! Requests to GitHub: answers of bounded size, the pauses that the service asks for, and its refusals in words.

use std::sync::Mutex;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::backend::{RemoteError, RemoteKind, RequestBudget};
use crate::format::text::visible;

/// The largest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 16 << 20;
/// How often a request is tried again that failed on the way, or that the service could not answer.
const RETRIES: usize = 4;
/// How often a request is tried again that the service asked to come back later.
const PAUSES: usize = 8;
/// How long to wait when a secondary limit says no time (GitHub's guidance: at least a minute).
const UNSAID_PAUSE: Duration = Duration::from_mins(1);
/// Documentation of GitHub bounds concurrent requests at 100 for all clients of a user; this is one of them.
pub(super) const MOST_CONCURRENT: usize = 16;

/// Sends requests, all of them slowed down together.
#[derive(Debug)]
pub(in crate::backend) struct Http {
    pub(in crate::backend) client: reqwest::Client,
    permits: Semaphore,
    /// Nothing is sent before this moment.
    paused: Mutex<Option<Instant>>,
    /// How much of the token's budget is left, and when it is filled again.
    budget: Mutex<Option<RequestBudget>>,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(in crate::backend) struct Answer {
    pub(in crate::backend) status: StatusCode,
    pub(in crate::backend) headers: HeaderMap,
    pub(in crate::backend) body: Vec<u8>,
}

/// The tries of one request so far.
#[derive(Debug)]
pub(in crate::backend) struct Tries {
    delays: ExponentialBackoff,
    pauses: usize,
    lost: bool,
}

impl Tries {
    pub(in crate::backend) fn new() -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_jitter()
            .with_max_times(RETRIES)
            .build();
        Self { delays, pauses: 0, lost: false }
    }

    /// Tells whether a try may have been heeded though no answer said so.
    pub(in crate::backend) fn may_have_worked(&self) -> bool {
        self.lost
    }
}

impl Http {
    /// Makes a client. It follows redirects within a host only, for tokens belong to one.
    pub(in crate::backend) fn new(concurrency: usize, timeout: Duration) -> Result<Self, RemoteError> {
        let within_host = reqwest::redirect::Policy::custom(|attempt| {
            let same = attempt.previous().last().is_some_and(|from| {
                (from.scheme(), from.host_str(), from.port_or_known_default())
                    == (attempt.url().scheme(), attempt.url().host_str(), attempt.url().port_or_known_default())
            });
            if same && attempt.previous().len() < 5 { attempt.follow() } else { attempt.stop() }
        });
        let client = reqwest::Client::builder()
            .user_agent(concat!("cachelens/", env!("CARGO_PKG_VERSION")))
            .redirect(within_host)
            .connect_timeout(timeout)
            .read_timeout(timeout)
            .build()
            .map_err(|error| unavailable("the HTTP client cannot be made", &error))?;
        Ok(Self {
            client,
            permits: Semaphore::new(concurrency.clamp(1, MOST_CONCURRENT)),
            paused: Mutex::new(None),
            budget: Mutex::new(None),
        })
    }

    /// Returns what the service last said of the token's budget.
    pub(super) fn budget(&self) -> Option<RequestBudget> {
        self.budget.lock().ok().and_then(|budget| *budget)
    }

    /// Sends what `request` makes, again and again where that helps, waiting no longer than `patience` for a limit.
    pub(in crate::backend) async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
        what: &str,
        patience: Duration,
    ) -> Result<Answer, RemoteError> {
        let mut tries = Tries::new();
        loop {
            if let Some(answer) = self.try_once(&request, what, patience, &mut tries).await? {
                return Ok(answer);
            }
        }
    }

    /// Tries once to send what `request` makes. None when it had to wait, or should be tried again: time has passed, so
    /// that whoever deletes looks again before.
    pub(in crate::backend) async fn try_once(
        &self,
        request: impl Fn() -> RequestBuilder,
        what: &str,
        patience: Duration,
        tries: &mut Tries,
    ) -> Result<Option<Answer>, RemoteError> {
        if self.wait().await {
            return Ok(None);
        }
        let sent = {
            let _permit = self.permits.acquire().await;
            once(request()).await
        };
        let fault = match sent {
            Ok(answer) => {
                // Without the address: it may be signed.
                tracing::debug!(what, status = answer.status.as_u16(), bytes = answer.body.len(), "GitHub answers");
                self.note_budget(&answer.headers);
                if let Some(pause) = asked_pause(&answer, tries.pauses) {
                    if pause > patience || tries.pauses >= PAUSES {
                        return Err(throttled(what, &answer, pause));
                    }
                    tracing::info!(seconds = pause.as_secs(), "GitHub asks to wait");
                    tries.pauses += 1;
                    self.pause(pause);
                    self.wait().await;
                    return Ok(None);
                }
                if !answer.status.is_server_error() {
                    return Ok(Some(answer));
                }
                let status = answer.status;
                RemoteError::new(RemoteKind::Unavailable, format!("{what}: the service fails"))
                    .because(format!("it answers {status}{}", said(&answer)))
            }
            Err(error) => error.into_remote(what),
        };
        tries.lost = true;
        let Some(delay) = tries.delays.next() else { return Err(fault) };
        tokio::time::sleep(delay).await;
        Ok(None)
    }

    /// Opens what lies at an address that is the permission to read it; the body is read as it comes.
    pub(super) async fn open(&self, address: &str, what: &str) -> Result<Response, RemoteError> {
        self.wait().await;
        let _permit = self.permits.acquire().await;
        let sent = self.client.get(address).send().await;
        sent.map_err(|error| Failed::Way(error).into_remote(what))
    }

    /// Waits as long as the service has asked for; tells whether that took any time.
    async fn wait(&self) -> bool {
        let mut waited = false;
        loop {
            let until = self.paused.lock().ok().and_then(|paused| *paused);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return waited,
            }
            waited = true;
        }
    }

    fn pause(&self, pause: Duration) {
        if let Ok(mut paused) = self.paused.lock() {
            *paused = (*paused).max(Some(Instant::now() + pause));
        }
    }

    fn note_budget(&self, headers: &HeaderMap) {
        if let (Some(remaining), Ok(mut budget)) = (number(headers, "x-ratelimit-remaining"), self.budget.lock()) {
            let reset = number(headers, "x-ratelimit-reset").and_then(|reset| i64::try_from(reset).ok());
            let reset = reset.and_then(|reset| Timestamp::from_second(reset).ok());
            *budget = Some(RequestBudget { remaining, reset });
        }
    }
}

/// What went wrong on the way.
enum Failed {
    Way(reqwest::Error),
    TooLarge,
}

impl Failed {
    fn into_remote(self, what: &str) -> RemoteError {
        match self {
            Self::Way(error) => unavailable(&format!("{what}: the service cannot be reached"), &error),
            Self::TooLarge => RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the answer is too large"))
                .because(format!("no more than {ANSWER_LIMIT} bytes are read")),
        }
    }
}

async fn once(request: RequestBuilder) -> Result<Answer, Failed> {
    let mut response = request.send().await.map_err(Failed::Way)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failed::Way)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Failed::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// Makes an error of what the client says, without the address: it may be signed.
fn unavailable(message: &str, error: &reqwest::Error) -> RemoteError {
    let mut fault = RemoteError::new(RemoteKind::Unavailable, message);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        fault = fault.because(visible(&cause.to_string()).into_owned());
        source = cause.source();
    }
    if error.is_timeout() {
        fault = fault.hint("give it more time with --timeout");
    }
    fault
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Returns how long the service asks to wait, when the answer is about one of its limits.
fn asked_pause(answer: &Answer, pauses: usize) -> Option<Duration> {
    if !matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    if let Some(seconds) = number(&answer.headers, "retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    if number(&answer.headers, "x-ratelimit-remaining") == Some(0) {
        let reset = number(&answer.headers, "x-ratelimit-reset").and_then(|reset| i64::try_from(reset).ok())?;
        let wait = reset.saturating_sub(Timestamp::now().as_second()).max(0).saturating_add(1);
        return Some(Duration::from_secs(wait.unsigned_abs()));
    }
    let is_secondary = answer.status == StatusCode::TOO_MANY_REQUESTS
        || message(answer).is_some_and(|message| message.to_ascii_lowercase().contains("rate limit"));
    is_secondary.then(|| UNSAID_PAUSE * 2_u32.pow(u32::try_from(pauses.min(4)).unwrap_or(4)))
}

fn throttled(what: &str, answer: &Answer, pause: Duration) -> RemoteError {
    let until = Timestamp::now()
        .checked_add(pause)
        .map_or_else(|_| "later".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
    RemoteError::new(RemoteKind::Throttled, format!("{what}: GitHub's rate limit is reached"))
        .because(format!("it asks to wait until {until}{}", said(answer)))
        .hint("wait until then; without a token the limit is 60 requests an hour, with one 5000")
}

/// Returns the message of an answer in JSON.
pub(in crate::backend) fn message(answer: &Answer) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Refusal {
        #[serde(alias = "msg")]
        message: String,
    }
    let refusal: Refusal = serde_json::from_slice(&answer.body).ok()?;
    let shown: String = visible(&refusal.message).chars().take(300).collect();
    Some(shown)
}

/// Returns what an answer says, to follow its status.
pub(in crate::backend) fn said(answer: &Answer) -> String {
    if is_html(answer) {
        return " with an HTML page".to_owned();
    }
    message(answer).map_or_else(String::new, |message| format!(": {message}"))
}

/// Tells whether an answer is a page for people.
pub(in crate::backend) fn is_html(answer: &Answer) -> bool {
    let start: Vec<u8> = answer.body.iter().copied().skip_while(u8::is_ascii_whitespace).take(5).collect();
    start.eq_ignore_ascii_case(b"<!doc") || start.eq_ignore_ascii_case(b"<html")
}
