//! What S3 says went wrong, in words.

use std::error::Error as _;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::backend::{RemoteError, RemoteKind};
use crate::format::text::visible;
use crate::source::S3Location;

/// Tells whether an error says that an object is not there.
pub(super) fn is_absence<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("NoSuchKey") || status == Some(404) && matches!(code, None | Some("NotFound"))
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
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let said = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    let (kind, hint) = match (code, status) {
        ("NoSuchBucket", _) => (RemoteKind::NotFound, Some("check the bucket's name, and `endpoint_url`")),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken", _) => {
            (RemoteKind::Unauthorized, Some("the credentials are wrong or have expired"))
        }
        ("RequestTimeTooSkewed", _) => (RemoteKind::Unauthorized, Some("set this machine's clock")),
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _)
        | (_, Some(301)) => (RemoteKind::Forbidden, Some("the bucket lies in another region: name it with region=…")),
        ("AccessDenied", _) | (_, Some(403)) if doing.starts_with("delete") => {
            (RemoteKind::Forbidden, Some("deleting needs s3:DeleteObject on the cache's objects"))
        }
        ("AccessDenied", _) | (_, Some(403)) if doing.starts_with("write") => (
            RemoteKind::Forbidden,
            Some("pruning needs s3:PutObject below the cache's prefix: for its lease, and to remember what it drops"),
        ),
        ("AccessDenied", _) | (_, Some(403)) => {
            (RemoteKind::Forbidden, Some("reading needs s3:ListBucket on the bucket and s3:GetObject on its objects"))
        }
        ("SlowDown" | "ServiceUnavailable" | "Throttling", _) | (_, Some(429 | 503)) => {
            (RemoteKind::Throttled, Some("the service asks for fewer requests: lower --concurrency"))
        }
        (_, Some(400..=499)) => (RemoteKind::BadAnswer, None),
        (_, Some(200..=299)) => (RemoteKind::BadAnswer, Some("the answer is not one of S3: check `endpoint_url`")),
        _ => (RemoteKind::Unavailable, Some("check `endpoint_url` and the network; --timeout gives it more time")),
    };
    let mut told = RemoteError::new(kind, message);
    if code.is_empty() {
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
