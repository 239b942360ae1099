//! Differences between the services: how often a request is retried, how a limit is announced, and
//! how a refusal is worded.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::HttpAnswer;
use crate::backend::{RemoteError, RemoteKind, RequestBudget};
use crate::text::escape::visible;

/// How long to wait if GitHub's secondary limit gives no time (its guidance: at least a minute).
const UNSAID_PAUSE: Duration = Duration::from_mins(1);

/// The kind of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backend) enum ServiceKind {
    /// A registry of the distribution specification.
    Registry,
    /// GitHub's API, or the cache service of a job.
    Github,
}

impl ServiceKind {
    /// Returns the service as the subject of a sentence.
    pub(in crate::backend) fn name(self) -> &'static str {
        match self {
            Self::Registry => "the registry",
            Self::Github => "GitHub",
        }
    }

    /// The number of retries after a failure in transit or a server error.
    pub(super) fn retries(self) -> usize {
        match self {
            Self::Registry => 3,
            Self::Github => 4,
        }
    }

    /// The number of times that a request waits because the service asks to retry later.
    pub(super) fn pauses(self) -> usize {
        match self {
            Self::Registry => 6,
            Self::Github => 8,
        }
    }

    /// Returns how long the service asks to wait, if the answer is about one of its limits.
    pub(super) fn asked_pause(self, answer: &HttpAnswer, pauses: usize) -> Option<Duration> {
        match self {
            Self::Registry => (answer.status == StatusCode::TOO_MANY_REQUESTS).then(|| {
                retry_after(&answer.headers).unwrap_or_else(|| Duration::from_secs(1 << pauses))
            }),
            Self::Github => pause_of_github(answer, pauses),
        }
    }

    /// Describes a limit with a pause that is too long.
    pub(super) fn throttled(
        self,
        what: &str,
        answer: Option<&HttpAnswer>,
        pause: Duration,
    ) -> RemoteError {
        let said = answer.map(|answer| self.said(answer)).unwrap_or_default();
        let error = |message| RemoteError::new(RemoteKind::Throttled, message);
        match self {
            Self::Registry => error(format!("{what}: too many requests"))
                .because(format!("it asks to wait {} s", pause.as_secs()))
                .hint("wait, log in (anonymous clients get less), go slower with --concurrency, or wait longer with --timeout"),
            Self::Github => error(format!("{what}: GitHub's rate limit is reached"))
                .because(format!(
                    "it asks to wait until {}{}",
                    time_after(pause),
                    said
                ))
                .hint("wait until then, or wait longer with --timeout; without a token the limit is 60 requests an hour, with one 5000"),
        }
    }

    /// Describes an answer with a server error.
    pub(super) fn fails(self, what: &str, answer: &HttpAnswer) -> RemoteError {
        let message = match self {
            Self::Registry => format!("{what}: the registry fails"),
            Self::Github => format!("{what}: the service fails"),
        };
        RemoteError::new(RemoteKind::Unavailable, message).because(format!(
            "it answers {}{}",
            answer.status,
            self.said(answer)
        ))
    }

    /// Returns the reason that an answer gives, to be appended to its status.
    pub(in crate::backend) fn said(self, answer: &HttpAnswer) -> String {
        if answer.is_html() {
            return " with an HTML page".to_owned();
        }
        let reason = match self {
            Self::Registry => reason_of_registry(answer),
            Self::Github => reason_of_github(answer),
        };
        reason.map_or_else(String::new, |reason| format!(": {reason}"))
    }
}

/// Makes text from a service fit for one line.
pub(in crate::backend) fn shown(text: &str) -> String {
    visible(text).chars().take(300).collect()
}

/// Returns whether a registry's answer contains this error code (distribution specification, error
/// codes).
pub(in crate::backend) fn has_code(answer: &HttpAnswer, code: &str) -> bool {
    serde_json::from_slice::<ErrorEnvelope>(&answer.body)
        .is_ok_and(|envelope| envelope.errors.iter().any(|fault| fault.code == code))
}

/// Returns the request budget that GitHub reports with each answer.
pub(super) fn budget(headers: &HeaderMap) -> Option<RequestBudget> {
    let remaining = number(headers, "x-ratelimit-remaining")?;
    let reset = number(headers, "x-ratelimit-reset")
        .and_then(|reset| i64::try_from(reset).ok())
        .and_then(|reset| Timestamp::from_second(reset).ok());
    Some(RequestBudget { remaining, reset })
}

#[derive(Deserialize)]
struct ErrorEnvelope {
    errors: Vec<ServiceFault>,
}

#[derive(Deserialize)]
struct ServiceFault {
    code: String,
    #[serde(default)]
    message: String,
}

fn reason_of_registry(answer: &HttpAnswer) -> Option<String> {
    let envelope: ErrorEnvelope = serde_json::from_slice(&answer.body).ok()?;
    let fault = envelope.errors.first()?;
    let reason = shown(&format!("{} {}", fault.code, fault.message));
    Some(reason.trim_end().to_owned())
}

fn reason_of_github(answer: &HttpAnswer) -> Option<String> {
    #[derive(Deserialize)]
    struct ServiceRefusal {
        #[serde(alias = "msg")]
        message: String,
    }
    let refusal: ServiceRefusal = serde_json::from_slice(&answer.body).ok()?;
    Some(shown(&refusal.message))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Parses `Retry-After`, which is a number of seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

fn pause_of_github(answer: &HttpAnswer, pauses: usize) -> Option<Duration> {
    if !matches!(
        answer.status,
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    ) {
        return None;
    }
    if let Some(pause) = retry_after(&answer.headers) {
        return Some(pause);
    }
    if let Some(RequestBudget {
        remaining: 0,
        reset: Some(reset),
    }) = budget(&answer.headers)
    {
        let left = reset
            .as_second()
            .saturating_sub(Timestamp::now().as_second());
        return Some(Duration::from_secs(left.max(0).unsigned_abs() + 1));
    }
    let is_secondary = answer.status == StatusCode::TOO_MANY_REQUESTS
        || reason_of_github(answer)
            .is_some_and(|reason| reason.to_ascii_lowercase().contains("rate limit"));
    is_secondary.then(|| UNSAID_PAUSE * (1 << pauses.min(4)))
}

fn time_after(pause: Duration) -> String {
    Timestamp::now().checked_add(pause).map_or_else(
        |_| "later".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
