//! Describes the errors of S3, and whether a retry may help.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use jiff::Timestamp;

use super::complete::{self, Incomplete};
use crate::backend::{RemoteError, RemoteKind};
use crate::source::S3Location;
use crate::text::causes::{causes, without_generic};
use crate::text::escape::visible;

/// An error that may pass when the request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// The service asks for fewer requests, and may say when to retry.
    Busy(Option<Duration>),
    /// The answer was lost or incomplete.
    Lost,
}

/// Returns whether and how an error may pass.
pub(super) fn passing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<Passing> {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .unwrap_or_default();
    match (code, status) {
        (
            "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "ServiceUnavailable",
            _,
        )
        | (_, Some(429 | 503)) => Some(Passing::Busy(asked_pause(error))),
        ("RequestTimeout" | "InternalError", _) | (_, Some(500 | 502 | 504)) => Some(Passing::Lost),
        _ => match error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Some(Passing::Lost),
            // Any end of a connection: it looks different for each way in which a service fails.
            SdkError::DispatchFailure(failure) => (!failure.is_user()).then_some(Passing::Lost),
            _ => None,
        },
    }
}

/// Reads `Retry-After`, which is a number of seconds or a date (RFC 9110, section 10.2.3).
fn asked_pause<E>(error: &SdkError<E>) -> Option<Duration> {
    let text = error.raw_response()?.headers().get("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

/// Returns whether an error means that an object does not exist.
pub(super) fn is_absence<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    code == Some("NoSuchKey") || status == Some(404) && matches!(code, None | Some("NotFound"))
}

/// Returns whether an error means that an unfinished upload does not exist.
pub(super) fn is_no_upload<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        == Some("NoSuchUpload")
}

/// Returns whether a successful answer could not be parsed.
pub(super) fn is_answered<E>(error: &SdkError<E>) -> bool {
    error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == 200)
}

/// Returns the region of a bucket if the error contains it: Amazon sends it in a header of most
/// errors.
pub(super) fn region<E>(error: &SdkError<E>) -> Option<String> {
    let of_header = error
        .raw_response()?
        .headers()
        .get("x-amz-bucket-region")
        .map(str::to_owned);
    of_header.or_else(|| element(error, "Region").map(str::to_owned))
}

/// Returns the text of the first element with this name in the body of an answer.
pub(super) fn element<'a, E>(error: &'a SdkError<E>, name: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(error.raw_response()?.body().bytes()?).ok()?;
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    after.split_once("</").map(|(text, _)| text)
}

/// Describes an incomplete answer or listing.
pub(super) fn incomplete(location: &S3Location, doing: &str, why: &Incomplete) -> RemoteError {
    RemoteError::new(RemoteKind::BadAnswer, cannot(location, doing))
        .because(format!("the answer is not complete: {why}"))
        .hint("cachelens decides nothing by a part of a list; check the service, and any proxy in front of it")
}

fn cannot(location: &S3Location, doing: &str) -> String {
    let bucket = visible(&location.bucket);
    match &location.endpoint_url {
        Some(endpoint) => format!(
            "cannot {doing} the bucket {bucket} at {}",
            visible(endpoint)
        ),
        None => format!("cannot {doing} the bucket {bucket}"),
    }
}

/// Describes an error. `doing` is the failed action: `list`, `read from`.
pub(super) fn describe<E>(location: &S3Location, doing: &str, error: &SdkError<E>) -> RemoteError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Some(why) = complete::reason(error) {
        return incomplete(location, doing, why);
    }
    let message = cannot(location, doing);
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let service = error.as_service_error();
    // An answer to a HEAD has no body that could contain the code.
    let code = service
        .and_then(ProvideErrorMetadata::code)
        .unwrap_or_default();
    let (kind, hint) = match (code, status) {
        (
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException",
            _,
        )
        | (_, Some(301)) => {
            let region = region(error).filter(|region| !region.is_empty());
            let hint = match region {
                Some(region) => format!("the bucket is in {0}: add region={0}", visible(&region)),
                None => "the bucket is in another region: name it with region=…".to_owned(),
            };
            (RemoteKind::Forbidden, Some(hint))
        }
        (_, Some(300..=399)) => (
            RemoteKind::BadAnswer,
            Some(
                "name that service with endpoint_url=…, or the region of the bucket with region=…"
                    .to_owned(),
            ),
        ),
        _ => {
            let (kind, hint) = kind_and_hint(location, doing, code, status);
            (kind, hint.map(str::to_owned))
        }
    };
    let mut described = because(RemoteError::new(kind, message), error, code);
    if let Some(Passing::Busy(Some(pause))) = passing(error) {
        described = described.because(format!("it asks to wait {} s", pause.as_secs()));
    }
    match hint {
        Some(hint) => described.hint(hint),
        None => described,
    }
}

/// Adds the message of the service.
fn because<E>(mut described: RemoteError, error: &SdkError<E>, code: &str) -> RemoteError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let said = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
        .unwrap_or_default();
    if let Some(elsewhere) = redirection(error, code) {
        described = described.because(elsewhere);
    } else if let Some(page) = page(error) {
        described = described.because(page);
    } else if code.is_empty() {
        let mut messages = vec![error.to_string()];
        messages.extend(causes(error));
        for message in without_generic(messages) {
            described = described.because(visible(&message).into_owned());
        }
    } else {
        let said = if said.is_empty() {
            visible(code).into_owned()
        } else {
            format!("{}: {}", visible(code), visible(said))
        };
        described = described.because(said);
    }
    described
}

/// Describes a redirect. Redirects are never followed: a request with credentials is only for the
/// service that was named.
fn redirection<E>(error: &SdkError<E>, code: &str) -> Option<String> {
    let response = error.raw_response()?;
    let status = response.status().as_u16();
    if !(300..=399).contains(&status) {
        return None;
    }
    let to = response
        .headers()
        .get("location")
        .or_else(|| element(error, "Endpoint"));
    match to {
        Some(to) => Some(format!(
            "it answers with status {status} and sends to {}, which is not followed",
            visible(to.split('?').next().unwrap_or_default())
        )),
        None => code
            .is_empty()
            .then(|| format!("it answers with status {status}, a redirect without an address")),
    }
}

/// Describes an answer that is an HTML page, as portals and proxies send it.
fn page<E>(error: &SdkError<E>) -> Option<String> {
    let response = error.raw_response()?;
    let kind = response
        .headers()
        .get("content-type")
        .filter(|kind| !kind.contains("xml") && !kind.is_empty())?;
    let has_body = response.body().bytes().is_some_and(|body| !body.is_empty());
    has_body.then(|| {
        format!(
            "it answered with status {} and {}, not with XML",
            response.status(),
            visible(kind)
        )
    })
}

/// Returns the kind of error for a code or a status, and a hint.
fn kind_and_hint(
    location: &S3Location,
    doing: &str,
    code: &str,
    status: Option<u16>,
) -> (RemoteKind, Option<&'static str>) {
    match (code, status) {
        ("NoSuchBucket", _) => (
            RemoteKind::NotFound,
            Some("check the bucket's name, and `endpoint_url`"),
        ),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken", _) => (
            RemoteKind::Unauthorized,
            Some("the credentials are wrong or have expired"),
        ),
        ("RequestTimeTooSkewed", _) => (RemoteKind::Unauthorized, Some("set this machine's clock")),
        ("InvalidObjectState", _) => (
            RemoteKind::BadAnswer,
            Some("it is in an archive: a build cannot read it before it is restored"),
        ),
        ("AccessDenied", _) | (_, Some(403)) => (RemoteKind::Forbidden, Some(needed_for(doing))),
        ("SlowDown" | "ServiceUnavailable" | "Throttling", _) | (_, Some(429 | 503)) => (
            RemoteKind::Throttled,
            Some(
                "the service asks for fewer requests: lower --concurrency, or wait longer with --timeout",
            ),
        ),
        ("NotImplemented" | "MethodNotAllowed", _) | (_, Some(405 | 501)) => {
            (RemoteKind::Unsupported, None)
        }
        (_, Some(400..=499)) => (RemoteKind::BadAnswer, None),
        (_, Some(200..=299)) => (
            RemoteKind::BadAnswer,
            Some("the answer is not one of S3: check `endpoint_url`"),
        ),
        (_, None) if location.endpoint_url.is_some() && !location.use_path_style => (
            RemoteKind::Unavailable,
            Some(
                "check `endpoint_url` and the network; a service that has no host for each bucket needs use_path_style=true",
            ),
        ),
        _ => (
            RemoteKind::Unavailable,
            Some("check `endpoint_url` and the network; --timeout gives it more time"),
        ),
    }
}

/// Returns the permission that an action requires.
fn needed_for(doing: &str) -> &'static str {
    match doing.split(' ').next() {
        Some("delete") => "deleting needs s3:DeleteObject on the cache's objects",
        Some("write") => {
            "pruning needs s3:PutObject below the cache's prefix, for its lease and for copies of deleted manifests"
        }
        Some("list") => "listing needs s3:ListBucket on the bucket",
        _ => {
            "reading needs s3:GetObject on the cache's objects, and s3:ListBucket on the bucket to detect missing ones"
        }
    }
}

#[cfg(test)]
mod tests;
