//! One HTTP client for registries, GitHub's API and the cache service of a job.
//!
//! Answers have a size limit. A request that fails in transit or gets a server error is retried a
//! few times. When a service asks to wait, every request to it waits. The timeout bounds each
//! request with its retries and pauses; a body may take longer while it keeps arriving. Refusals
//! become a [`RemoteError`] without addresses, because an address may be signed.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{Access, Activity, PauseReport, RemoteError, RemoteKind, RequestBudget};

mod failed;
mod service;
pub(super) mod tls;
mod tries;

pub(super) use failed::Failed;
pub(super) use service::{ServiceKind, has_code, shown};
pub(super) use tries::Tries;

/// The largest body of a refusal that is read, in bytes.
const REFUSAL_LIMIT: u64 = 1 << 20;
/// The least bytes per second of a body, once the timeout has passed. Without this limit a server
/// could keep a client busy with single bytes.
const LEAST_RATE: u64 = 8 << 10;

/// Sends requests to one service. A pause applies to all of them.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    service: ServiceKind,
    permits: Semaphore,
    /// The limit for one request with its retries and pauses.
    timeout: Duration,
    pauses: PauseReport,
    activity: Activity,
    /// No request is sent before this moment.
    paused: Mutex<Option<Instant>>,
    /// The request budget that the service reported last.
    budget: Mutex<Option<RequestBudget>>,
}

/// A complete answer of any status.
#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// An answer whose body has not been read, unless it is a refusal.
#[derive(Debug)]
pub(super) enum OpenedAnswer {
    /// The status is a success or a redirect. The body is read by the caller.
    Stream(Response),
    /// The service refused.
    Refused(HttpAnswer),
}

/// The subject of a request, and the limit of its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// The subject in error messages.
    pub(super) what: &'a str,
    /// The largest body that is read, in bytes.
    pub(super) limit: u64,
}

/// Creates a client builder with the settings that all clients share.
pub(crate) fn client_builder(timeout: Duration, redirects: Policy) -> ClientBuilder {
    tls::choose_ring();
    Client::builder()
        .user_agent(concat!("cachelens/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .connect_timeout(timeout)
        .read_timeout(timeout)
}

/// Follows redirects within one origin only, because a login is for one origin.
pub(crate) fn within_origin() -> Policy {
    Policy::custom(|attempt| {
        let is_same = attempt
            .previous()
            .last()
            .is_some_and(|from| from.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() < 5 {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// Makes the request of each try. A trait object, because the code of the retries would be compiled
/// again for every closure.
pub(super) type MakeRequest<'a> = dyn Fn(&Client) -> RequestBuilder + Send + Sync + 'a;

impl Http {
    /// Wraps a client, and limits it to `concurrency` requests at once.
    pub(super) fn new(
        client: Client,
        service: ServiceKind,
        concurrency: usize,
        access: &Access,
    ) -> Self {
        Self {
            client,
            service,
            permits: Semaphore::new(concurrency.max(1)),
            timeout: access.timeout,
            pauses: access.pauses.clone(),
            activity: access.activity.clone(),
            paused: Mutex::new(None),
            budget: Mutex::new(None),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the request budget that the service reported last.
    pub(super) fn budget(&self) -> Option<RequestBudget> {
        self.budget.lock().ok().and_then(|budget| *budget)
    }

    /// Sends a request with retries, and reads its answer.
    pub(super) async fn send(
        &self,
        call: Call<'_>,
        make: impl Fn(&Client) -> RequestBuilder + Send + Sync,
    ) -> Result<HttpAnswer, RemoteError> {
        let mut tries = Tries::new();
        loop {
            if let Some(answer) = self.try_once(call, &make, &mut tries).await? {
                return Ok(answer);
            }
        }
    }

    /// Opens an answer with retries. The caller reads the body.
    pub(super) async fn open(
        &self,
        what: &str,
        make: impl Fn(&Client) -> RequestBuilder + Send + Sync,
    ) -> Result<OpenedAnswer, RemoteError> {
        let mut tries = Tries::new();
        let call = Call {
            what,
            limit: REFUSAL_LIMIT,
        };
        loop {
            if let Some(opened) = self.try_to_open(call, &make, &mut tries).await? {
                return Ok(opened);
            }
        }
    }

    /// Sends a request once and reads its answer. Returns `None` if it had to wait or should be
    /// sent again: time has passed, so a caller that changes something must check first.
    pub(super) async fn try_once(
        &self,
        call: Call<'_>,
        make: &MakeRequest<'_>,
        tries: &mut Tries,
    ) -> Result<Option<HttpAnswer>, RemoteError> {
        let response = match self.try_to_open(call, make, tries).await? {
            None => return Ok(None),
            Some(OpenedAnswer::Refused(answer)) => return Ok(Some(answer)),
            Some(OpenedAnswer::Stream(response)) => response,
        };
        let started = Instant::now();
        match self.read(response, call.limit).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failed) => {
                tries.spent += started.elapsed();
                self.retry(failed, call.what, tries).await
            }
        }
    }

    /// Sends a request once. Returns `None` in the same cases as [`Self::try_once`].
    pub(super) async fn try_to_open(
        &self,
        call: Call<'_>,
        make: &MakeRequest<'_>,
        tries: &mut Tries,
    ) -> Result<Option<OpenedAnswer>, RemoteError> {
        if self.wait(call, tries).await? {
            return Ok(None);
        }
        let sent = {
            let _permit = self.permits.acquire().await;
            let left = self.timeout.saturating_sub(tries.spent);
            let started = Instant::now();
            let sent = tokio::time::timeout(left, make(&self.client).send()).await;
            tries.spent += started.elapsed();
            sent
        };
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return self.retry(Failed::Way(error), call.what, tries).await,
            Err(_) => {
                let silent = || Failed::Silent(self.timeout).into_remote(self.service, call.what);
                return Err(tries.fault.take().unwrap_or_else(silent));
            }
        };
        self.activity.heard();
        // Without the address, which may be signed.
        tracing::debug!(
            what = call.what,
            status = response.status().as_u16(),
            "{} answers",
            self.service.name()
        );
        self.note_budget(response.headers());
        if response.status().is_success() || response.status().is_redirection() {
            return Ok(Some(OpenedAnswer::Stream(response)));
        }
        let answer = match self.read(response, REFUSAL_LIMIT).await {
            Ok(answer) => answer,
            Err(failed) => return self.retry(failed, call.what, tries).await,
        };
        if let Some(pause) = self.service.asked_pause(&answer, tries.pauses) {
            return self.make_pause(call, &answer, pause, tries).await;
        }
        if answer.status.is_server_error() {
            let fault = self.service.fails(call.what, &answer);
            return tries.back_off(self.service, self.timeout, fault).await;
        }
        Ok(Some(OpenedAnswer::Refused(answer)))
    }

    /// Waits as long as the service asks, unless that takes too long.
    async fn make_pause<T>(
        &self,
        call: Call<'_>,
        answer: &HttpAnswer,
        pause: Duration,
        tries: &mut Tries,
    ) -> Result<Option<T>, RemoteError> {
        let left = self.timeout.saturating_sub(tries.spent);
        if tries.pauses >= self.service.pauses() || pause > left {
            return Err(self.service.throttled(call.what, Some(answer), pause));
        }
        tries.pauses += 1;
        self.pause(pause);
        self.wait(call, tries).await?;
        Ok(None)
    }

    async fn retry<T>(
        &self,
        failed: Failed,
        what: &str,
        tries: &mut Tries,
    ) -> Result<Option<T>, RemoteError> {
        let may_pass = failed.may_pass();
        let fault = failed.into_remote(self.service, what);
        if may_pass {
            tries.back_off(self.service, self.timeout, fault).await
        } else {
            Err(fault)
        }
    }

    /// Waits for the turn of a request that another client sends; `None` if the service asked for a
    /// pause that is too long.
    pub(super) async fn turn(&self, what: &str) -> Option<SemaphorePermit<'_>> {
        let call = Call { what, limit: 0 };
        self.wait(call, &mut Tries::new()).await.ok()?;
        self.permits.acquire().await.ok()
    }

    /// Waits as long as the service asked; returns whether that took any time.
    ///
    /// # Errors
    /// Fails if the pause is longer than the request may take.
    async fn wait(&self, call: Call<'_>, tries: &mut Tries) -> Result<bool, RemoteError> {
        let mut has_waited = false;
        loop {
            let until = self.paused.lock().ok().and_then(|paused| *paused);
            let pause = until.and_then(|until| until.checked_duration_since(Instant::now()));
            let Some(pause) = pause.filter(|pause| !pause.is_zero()) else {
                return Ok(has_waited);
            };
            if pause > self.timeout.saturating_sub(tries.spent) {
                return Err(self.service.throttled(call.what, None, pause));
            }
            self.pauses.wait(call.what, pause).await;
            tries.spent += pause;
            has_waited = true;
        }
    }

    /// Reads an answer of at most `limit` bytes.
    async fn read(&self, response: Response, limit: u64) -> Result<HttpAnswer, Failed> {
        read(response, limit, self.timeout, Some(&self.activity)).await
    }

    fn pause(&self, pause: Duration) {
        if let Ok(mut paused) = self.paused.lock() {
            *paused = (*paused).max(Instant::now().checked_add(pause));
        }
    }

    fn note_budget(&self, headers: &HeaderMap) {
        if let (Some(reported), Ok(mut budget)) = (service::budget(headers), self.budget.lock()) {
            *budget = Some(reported);
        }
    }
}

/// Sends a request once and reads its answer.
pub(super) async fn once(
    request: RequestBuilder,
    limit: u64,
    timeout: Duration,
) -> Result<HttpAnswer, Failed> {
    let sent = tokio::time::timeout(timeout, request.send()).await;
    let response = sent.map_err(|_| Failed::Silent(timeout))?;
    read(response.map_err(Failed::Way)?, limit, timeout, None).await
}

/// Reads an answer of at most `limit` bytes. It may take longer than `timeout` while it keeps
/// arriving.
async fn read(
    mut response: Response,
    limit: u64,
    timeout: Duration,
    activity: Option<&Activity>,
) -> Result<HttpAnswer, Failed> {
    let started = Instant::now();
    let status = response.status();
    let headers = response.headers().clone();
    let length = response.content_length();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failed::Way)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(Failed::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
        if let Some(activity) = activity {
            activity.heard();
        }
        let late = started.elapsed().saturating_sub(timeout);
        if (body.len() as u64) < late.as_secs() * LEAST_RATE {
            return Err(Failed::Slow(timeout));
        }
    }
    // Over HTTP/2, the answer to a HEAD announces the length of a body that it does not have. An
    // empty body is not a valid document, so it is not mistaken for a complete one.
    let is_cut = |length: &u64| !body.is_empty() && *length != body.len() as u64;
    if let Some(length) = length.filter(is_cut) {
        return Err(Failed::Cut {
            length,
            read: body.len() as u64,
        });
    }
    Ok(HttpAnswer {
        status,
        headers,
        body,
    })
}

impl HttpAnswer {
    /// Returns whether the answer is an HTML page, as proxies and login pages send it.
    pub(super) fn is_html(&self) -> bool {
        let start: Vec<u8> = self
            .body
            .iter()
            .copied()
            .skip_while(u8::is_ascii_whitespace)
            .take(5)
            .collect();
        start.eq_ignore_ascii_case(b"<!doc") || start.eq_ignore_ascii_case(b"<html")
    }

    /// Parses the body as JSON, which must be complete.
    pub(super) fn json<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
    ) -> Result<T, RemoteError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("{what}: the answer cannot be understood");
            let why = if self.is_html() {
                "it is an HTML page".to_owned()
            } else {
                error.to_string()
            };
            RemoteError::new(RemoteKind::BadAnswer, message).because(why)
        })
    }
}
