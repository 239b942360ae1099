//! What S3 says went wrong: in words, and whether it passes.

use std::error::Error as _;
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::backend::{RemoteError, RemoteKind};
use crate::format::text::visible;
use crate::source::S3Location;

/// A fault that is gone when the same is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// The service wants to be asked less often, and perhaps says when again.
    Busy(Option<Duration>),
    /// The answer did not come, or not whole.
    Lost,
}

/// Tells whether an error passes, and how.
pub(super) fn passing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<Passing> {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    match (code, status) {
        ("SlowDown" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "ServiceUnavailable", _)
        | (_, Some(429 | 503)) => {
            let pause = error.raw_response().and_then(|response| response.headers().get("retry-after"));
            Some(Passing::Busy(pause.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs)))
        }
        ("RequestTimeout" | "InternalError", _) | (_, Some(500 | 502 | 504)) => Some(Passing::Lost),
        _ => match error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Some(Passing::Lost),
            // Whatever ends a connection: a service that went away says so in many ways.
            SdkError::DispatchFailure(failure) => (!failure.is_user()).then_some(Passing::Lost),
            _ => None,
        },
    }
}

/// Tells whether an error says that an object is not there.
pub(super) fn is_absence<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("NoSuchKey") || status == Some(404) && matches!(code, None | Some("NotFound"))
}

/// Tells whether an error says that an unfinished upload is not there.
pub(super) fn is_no_upload<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchUpload")
}

/// Tells whether an answer came with success that cannot be understood.
pub(super) fn is_answered<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|response| response.status().as_u16() == 200)
}

/// Returns the region in which a bucket lies, when an error tells it: Amazon names it in a header of most.
pub(super) fn region<E>(error: &SdkError<E>) -> Option<String> {
    let of_header = error.raw_response()?.headers().get("x-amz-bucket-region").map(str::to_owned);
    of_header.or_else(|| element(error, "Region").map(str::to_owned))
}

/// Returns what stands in the first element of a name in the body of an answer.
pub(super) fn element<'a, E>(error: &'a SdkError<E>, name: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(error.raw_response()?.body().bytes()?).ok()?;
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    after.split_once("</").map(|(text, _)| text)
}

/// Puts an error into words; `doing` is what was done to the bucket: `list`, `read from`.
pub(super) fn told<E>(location: &S3Location, doing: &str, error: &SdkError<E>) -> RemoteError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let bucket = visible(&location.bucket).into_owned();
    let place = match &location.endpoint_url {
        Some(endpoint) => format!("{bucket} at {}", visible(endpoint)),
        None => bucket,
    };
    let message = format!("cannot {doing} the bucket {place}");
    let status = error.raw_response().map(|response| response.status().as_u16());
    let service = error.as_service_error();
    // An answer to a HEAD has no body that would say it.
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let said = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    let (kind, hint) = match (code, status) {
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _)
        | (_, Some(301)) => {
            let region = region(error).filter(|region| !region.is_empty());
            let hint = match region {
                Some(region) => format!("the bucket lies in {0}: add region={0}", visible(&region)),
                None => "the bucket lies in another region: name it with region=…".to_owned(),
            };
            (RemoteKind::Forbidden, Some(hint))
        }
        _ => {
            let (kind, hint) = kind_and_hint(location, doing, code, status);
            (kind, hint.map(str::to_owned))
        }
    };
    let mut told = RemoteError::new(kind, message);
    if let Some(page) = page(error) {
        told = told.because(page);
    } else if code.is_empty() {
        let mut source = error.source();
        told = told.because(visible(&error.to_string()).into_owned());
        while let Some(cause) = source {
            told = told.because(visible(&cause.to_string()).into_owned());
            source = cause.source();
        }
    } else {
        let said =
            if said.is_empty() { visible(code).into_owned() } else { format!("{}: {}", visible(code), visible(said)) };
        told = told.because(said);
    }
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// Says that an answer is a page for people, as portals and proxies send it, when it is one.
fn page<E>(error: &SdkError<E>) -> Option<String> {
    let response = error.raw_response()?;
    let kind = response.headers().get("content-type").filter(|kind| !kind.contains("xml") && !kind.is_empty())?;
    let has_body = response.body().bytes().is_some_and(|body| !body.is_empty());
    has_body.then(|| format!("it answered with status {} and {}, not with XML", response.status(), visible(kind)))
}

/// Returns what sort of fault a code or a status is, and what to do about it.
fn kind_and_hint(
    location: &S3Location,
    doing: &str,
    code: &str,
    status: Option<u16>,
) -> (RemoteKind, Option<&'static str>) {
    match (code, status) {
        ("NoSuchBucket", _) => (RemoteKind::NotFound, Some("check the bucket's name, and `endpoint_url`")),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken", _) => {
            (RemoteKind::Unauthorized, Some("the credentials are wrong or have expired"))
        }
        ("RequestTimeTooSkewed", _) => (RemoteKind::Unauthorized, Some("set this machine's clock")),
        ("InvalidObjectState", _) => {
            (RemoteKind::BadAnswer, Some("it lies in an archive: a build cannot read it before it is restored"))
        }
        ("AccessDenied", _) | (_, Some(403)) => (RemoteKind::Forbidden, Some(needed_for(doing))),
        ("SlowDown" | "ServiceUnavailable" | "Throttling", _) | (_, Some(429 | 503)) => {
            (RemoteKind::Throttled, Some("the service asks for fewer requests: lower --concurrency"))
        }
        ("NotImplemented" | "MethodNotAllowed", _) | (_, Some(405 | 501)) => (RemoteKind::Unsupported, None),
        (_, Some(400..=499)) => (RemoteKind::BadAnswer, None),
        (_, Some(200..=299)) => (RemoteKind::BadAnswer, Some("the answer is not one of S3: check `endpoint_url`")),
        (_, None) if location.endpoint_url.is_some() && !location.use_path_style => (
            RemoteKind::Unavailable,
            Some(
                "check `endpoint_url` and the network; a service that has no host for each bucket needs use_path_style=true",
            ),
        ),
        _ => (RemoteKind::Unavailable, Some("check `endpoint_url` and the network; --timeout gives it more time")),
    }
}

/// Returns which permission is needed to do something.
fn needed_for(doing: &str) -> &'static str {
    match doing.split(' ').next() {
        Some("delete") => "deleting needs s3:DeleteObject on the cache's objects",
        Some("write") => {
            "pruning needs s3:PutObject below the cache's prefix: for its lease, and to remember what it drops"
        }
        Some("list") => "listing needs s3:ListBucket on the bucket",
        _ => {
            "reading needs s3:GetObject on the cache's objects, and s3:ListBucket on the bucket to tell which are gone"
        }
    }
}

#[cfg(test)]
mod tests;
