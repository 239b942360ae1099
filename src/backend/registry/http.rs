//! Requests to one registry: answers of bounded size, the pauses that it asks for, one login for all, and its refusals
//! in words.

use std::sync::Mutex;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::auth::{self, Auth, Scope};
use super::place;
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::RegistryLocation;

/// The largest answer of a token service, in bytes.
pub(super) const TOKEN_LIMIT: u64 = 1 << 20;
/// How often a request is tried again that failed on the way, or that the registry could not answer.
const RETRIES: usize = 3;
/// How often a request waits that the registry asks to come back later.
const PAUSES: usize = 6;
/// How many places one request may be sent on to.
const REDIRECTS: usize = 5;

/// One registry, as it is asked.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    base: OnceCell<Url>,
    candidates: Vec<Url>,
    auth: Auth,
    permits: Semaphore,
    /// How long a request waits in all for a registry that asks to come back later.
    patience: Duration,
    /// Nothing is sent before this moment.
    paused: Mutex<Option<Instant>>,
    host: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Http {
    pub(super) fn new(location: &RegistryLocation, access: &Access) -> Result<Self, RemoteError> {
        let candidates = place::candidates(location, access)?;
        Ok(Self {
            client: client(location, access)?,
            base: OnceCell::new(),
            candidates,
            auth: Auth::new(location, access),
            permits: Semaphore::new(access.concurrency.max(1)),
            patience: access.timeout,
            paused: Mutex::new(None),
            host: location.host.clone(),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the address of the registry, ending with a slash. Where more than one may be right they are tried.
    pub(super) async fn base(&self) -> Result<&Url, RemoteError> {
        let find = || async {
            if let [only] = self.candidates.as_slice() {
                return Ok(only.clone());
            }
            let mut first = None;
            for candidate in &self.candidates {
                let probe = candidate.join("v2/").unwrap_or_else(|_| candidate.clone());
                match once(self.client.get(probe), TOKEN_LIMIT).await {
                    // Go's servers say in plain text that they want TLS.
                    Ok(answer) if answer.status == StatusCode::BAD_REQUEST && wants_tls(&answer) => {}
                    Ok(_) => return Ok(candidate.clone()),
                    Err(failed) => {
                        first.get_or_insert_with(|| failed.told(&self.host));
                    }
                }
            }
            Err(first
                .unwrap_or_else(|| RemoteError::new(RemoteKind::Unavailable, format!("{} does not answer", self.host))))
        };
        self.base.get_or_try_init(find).await
    }

    /// Makes an address below `/v2/`.
    pub(super) async fn address(&self, path: &str) -> Result<Url, RemoteError> {
        let wrong = |_| RemoteError::new(RemoteKind::BadAnswer, format!("{}: no address can be made", self.host));
        self.base().await?.join(&format!("v2/{path}")).map_err(wrong)
    }

    /// Sends a request, again and again where that helps, and reads its answer of at most `limit` bytes.
    pub(super) async fn send(
        &self,
        scope: &Scope,
        limit: u64,
        make: impl Fn(&reqwest::Client) -> RequestBuilder + Send + Sync,
    ) -> Result<Answer, RemoteError> {
        let mut tries = Tries::new();
        loop {
            if let Some(answer) = self.try_once(scope, limit, &make, &mut tries).await? {
                return Ok(answer);
            }
        }
    }

    /// Sends a request, again and again where that helps, and leaves the body of its answer to be read.
    pub(super) async fn open(
        &self,
        scope: &Scope,
        make: &(impl Fn(&reqwest::Client) -> RequestBuilder + Send + Sync),
    ) -> Result<Response, RemoteError> {
        let mut tries = Tries::new();
        loop {
            if let Some(response) = self.try_to_open(scope, make, &mut tries).await? {
                return Ok(response);
            }
        }
    }

    /// Tries once to send a request, and reads its answer. None when it had to wait, or should be tried again: time has
    /// passed, so that whoever changes something looks again before.
    pub(super) async fn try_once(
        &self,
        scope: &Scope,
        limit: u64,
        make: &(impl Fn(&reqwest::Client) -> RequestBuilder + Send + Sync),
        tries: &mut Tries,
    ) -> Result<Option<Answer>, RemoteError> {
        let Some(response) = self.try_to_open(scope, make, tries).await? else { return Ok(None) };
        match read(response, limit).await {
            Ok(answer) => Ok(Some(answer)),
            Err(failed) if failed.may_pass() => tries.pass(failed.told(&self.host)).await,
            Err(failed) => Err(failed.told(&self.host)),
        }
    }

    async fn try_to_open(
        &self,
        scope: &Scope,
        make: &(impl Fn(&reqwest::Client) -> RequestBuilder + Send + Sync),
        tries: &mut Tries,
    ) -> Result<Option<Response>, RemoteError> {
        if self.wait().await {
            return Ok(None);
        }
        let header = self.auth.header(scope).await;
        let mut request = make(&self.client);
        if let Some(value) = header.as_ref().and_then(auth::header_value) {
            request = request.header(AUTHORIZATION, value);
        }
        let sent = {
            let _permit = self.permits.acquire().await;
            request.send().await
        };
        match sent {
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                // Once for the first challenge, and once more for a token that has expired meanwhile.
                if tries.answered >= 2 {
                    return Err(self.unauthorized().await);
                }
                tries.answered += 1;
                let base = self.base().await?;
                self.auth.answer(&self.client, base, scope, response.headers(), header.as_ref()).await?;
                Ok(None)
            }
            Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
                let pause = asked_pause(response.headers()).unwrap_or_else(|| Duration::from_secs(1 << tries.pauses));
                let waited = tries.waited.saturating_add(pause);
                if tries.pauses >= PAUSES || waited > self.patience {
                    return Err(self.throttled(pause));
                }
                tracing::info!(host = self.host, seconds = pause.as_secs(), "the registry asks to wait");
                (tries.pauses, tries.waited) = (tries.pauses + 1, waited);
                self.pause(pause);
                self.wait().await;
                Ok(None)
            }
            Ok(response) if response.status().is_server_error() => {
                let status = response.status();
                let fault = RemoteError::new(RemoteKind::Unavailable, format!("{}: the registry fails", self.host))
                    .because(format!("it answers {status}"));
                tries.pass(fault).await
            }
            Ok(response) => Ok(Some(response)),
            Err(error) => {
                let failed = Failed::Way(error);
                if !failed.may_pass() {
                    return Err(failed.told(&self.host));
                }
                tries.pass(failed.told(&self.host)).await
            }
        }
    }

    async fn unauthorized(&self) -> RemoteError {
        if self.auth.has_login().await {
            self.auth.refused("it does not take the token that it gave")
        } else {
            self.auth.no_login()
        }
    }

    fn throttled(&self, pause: Duration) -> RemoteError {
        RemoteError::new(RemoteKind::Throttled, format!("{}: too many requests", self.host))
            .because(format!("it asks to wait {} s", pause.as_secs()))
            .hint("wait, log in (anonymous clients get less), or go slower with --concurrency; --timeout waits longer")
    }

    /// Waits as long as the registry has asked for; tells whether that took any time.
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
            *paused = (*paused).max(Instant::now().checked_add(pause));
        }
    }

    /// Says in words why the registry refuses. `permission` is what a token would need.
    pub(super) async fn refusal(&self, answer: &Answer, what: &str, permission: &str) -> RemoteError {
        let cause = format!("the registry answers {}{}", answer.status, said(answer));
        let error = |kind, message: String| RemoteError::new(kind, message).because(cause.clone());
        match answer.status {
            StatusCode::FORBIDDEN => {
                let hint = if self.auth.has_login().await {
                    format!("the login for {} needs the right to {permission}", self.host)
                } else {
                    format!("nobody is logged in: `docker login {}`", self.host)
                };
                error(RemoteKind::Forbidden, format!("{what}: access is denied")).hint(hint)
            }
            StatusCode::NOT_FOUND => error(RemoteKind::NotFound, format!("{what} does not exist"))
                .hint("look at the spelling; a registry may also hide what a login may not see"),
            StatusCode::METHOD_NOT_ALLOWED => {
                error(RemoteKind::Unsupported, format!("{what}: the registry does not offer this"))
            }
            _ if is_html(answer) => error(RemoteKind::BadAnswer, format!("{what}: the answer is a page for people"))
                .hint(format!("is {} a registry? A login page or a proxy may stand before it", self.host)),
            status if status.is_redirection() => {
                error(RemoteKind::BadAnswer, format!("{what}: the registry sends the request around"))
            }
            _ => error(RemoteKind::BadAnswer, format!("{what}: the registry refuses the request")),
        }
    }
}

/// The tries of one request so far.
#[derive(Debug)]
pub(super) struct Tries {
    delays: ExponentialBackoff,
    pauses: usize,
    waited: Duration,
    /// How many challenges were answered.
    answered: usize,
    lost: bool,
}

impl Tries {
    pub(super) fn new() -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_jitter()
            .with_max_times(RETRIES)
            .build();
        Self { delays, pauses: 0, waited: Duration::ZERO, answered: 0, lost: false }
    }

    /// Tells whether a try may have been heeded though no answer said so.
    pub(super) fn may_have_worked(&self) -> bool {
        self.lost
    }

    /// Lets a fault pass by waiting a while, unless there were too many.
    async fn pass<T>(&mut self, fault: RemoteError) -> Result<Option<T>, RemoteError> {
        self.lost = true;
        let Some(delay) = self.delays.next() else { return Err(fault) };
        tokio::time::sleep(delay).await;
        Ok(None)
    }
}

/// Makes the client. It follows redirects, and hands its login to none of them: reqwest takes the header away as soon as
/// host or port differ, and blobs are checked by their digests wherever they come from.
fn client(location: &RegistryLocation, access: &Access) -> Result<reqwest::Client, RemoteError> {
    let on = |attempt: reqwest::redirect::Attempt<'_>| {
        if attempt.previous().len() > REDIRECTS { attempt.stop() } else { attempt.follow() }
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("cachelens/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::custom(on))
        .connect_timeout(access.timeout)
        .read_timeout(access.timeout);
    if location.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let trust = super::trust::find(&location.host, access)?;
    builder = builder.tls_certs_merge(trust.roots);
    if let Some(identity) = trust.identity {
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| Failed::Way(error).told("the HTTP client cannot be made"))
}

/// What went wrong on the way.
pub(super) enum Failed {
    /// The client could not send, or the answer broke off.
    Way(reqwest::Error),
    /// The answer is larger than what is read, in bytes.
    TooLarge(u64),
}

impl Failed {
    /// Tells whether another try may help.
    fn may_pass(&self) -> bool {
        match self {
            Self::Way(error) => {
                !error.is_builder() && !in_words(error).iter().any(|cause| is_about_certificates(cause))
            }
            Self::TooLarge(_) => false,
        }
    }

    /// Says it in words, without addresses: they may be signed.
    pub(super) fn told(self, what: &str) -> RemoteError {
        match self {
            Self::Way(error) => {
                let causes = in_words(&error);
                let certificate = causes.iter().any(|cause| is_about_certificates(cause));
                // A server that misses a certificate hangs up, and its reason is seldom heard.
                let hung_up = error.is_request() && !error.is_connect() && !error.is_timeout();
                let mut fault = RemoteError::new(RemoteKind::Unavailable, format!("{what} cannot be reached"));
                for cause in causes {
                    fault = fault.because(cause);
                }
                if hung_up {
                    fault.hint("it ended the connection; if it wants clients to show a certificate, give --client-cert and --client-key")
                } else if certificate {
                    fault.hint("name the registry's own authority with --ca FILE, or put it where Docker looks: /etc/docker/certs.d/HOST/ca.crt")
                } else if error.is_timeout() {
                    fault.hint("give it more time with --timeout")
                } else if error.is_connect() {
                    fault.hint(
                        "is the name right, and does the registry run? HTTPS_PROXY, HTTP_PROXY and NO_PROXY are heeded",
                    )
                } else {
                    fault
                }
            }
            Self::TooLarge(limit) => {
                RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the answer is too large"))
                    .because(format!("no more than {limit} bytes are read"))
            }
        }
    }
}

fn is_about_certificates(cause: &str) -> bool {
    cause.to_ascii_lowercase().contains("certificate")
}

fn in_words(error: &reqwest::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(auth::shown(&cause.to_string()));
        source = cause.source();
    }
    causes
}

/// Sends a request once, and reads its answer.
pub(super) async fn once(request: RequestBuilder, limit: u64) -> Result<Answer, Failed> {
    read(request.send().await.map_err(Failed::Way)?, limit).await
}

async fn read(mut response: Response, limit: u64) -> Result<Answer, Failed> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failed::Way)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(Failed::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// Reads `Retry-After`, which is a number of seconds or a date (RFC 9110, section 10.2.3).
fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: String,
    #[serde(default)]
    message: String,
}

/// Tells whether an answer carries an error of this code (distribution specification, error codes).
pub(super) fn has_code(answer: &Answer, code: &str) -> bool {
    serde_json::from_slice::<Envelope>(&answer.body)
        .is_ok_and(|envelope| envelope.errors.iter().any(|fault| fault.code == code))
}

/// Returns what an answer says, to follow its status.
pub(super) fn said(answer: &Answer) -> String {
    if is_html(answer) {
        return " with an HTML page".to_owned();
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope>(&answer.body) else { return String::new() };
    let Some(fault) = envelope.errors.first() else { return String::new() };
    format!(": {}", auth::shown(&format!("{} {}", fault.code, fault.message)).trim_end())
}

/// Tells whether an answer is a page for people.
pub(super) fn is_html(answer: &Answer) -> bool {
    let start: Vec<u8> = answer.body.iter().copied().skip_while(u8::is_ascii_whitespace).take(5).collect();
    start.eq_ignore_ascii_case(b"<!doc") || start.eq_ignore_ascii_case(b"<html")
}

fn wants_tls(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body).contains("HTTPS")
}
