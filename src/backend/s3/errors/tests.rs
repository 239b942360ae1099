use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::SdkBody;

use super::*;
use crate::source::{Source, SourceLocation};

fn location() -> S3Location {
    let source = Source::parse(
        "type=s3,bucket=acme,endpoint_url=http://minio:9000",
        &|_| false,
    )
    .unwrap()
    .source;
    let SourceLocation::S3(location) = source.location else {
        panic!()
    };
    location
}

/// Creates the error for an answer, as the client does.
fn error(
    status: u16,
    code: &str,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> SdkError<ListObjectsV2Error> {
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    for (name, value) in headers {
        response.headers_mut().insert(*name, *value);
    }
    let code = Some(code).filter(|code| !code.is_empty());
    let meta = code
        .map_or_else(ErrorMetadata::builder, |code| {
            ErrorMetadata::builder().code(code)
        })
        .build();
    SdkError::service_error(ListObjectsV2Error::generic(meta), response)
}

fn hint(doing: &str, error: &SdkError<ListObjectsV2Error>) -> String {
    let described = describe(&location(), doing, error);
    format!(
        "{:?}: {}",
        described.kind,
        described.hint.unwrap_or_default()
    )
}

#[test]
fn each_fault_has_its_kind_and_its_hint() {
    let region = [("x-amz-bucket-region", "eu-central-1")];
    let of_body =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>ap-south-1</Region></Error>";
    let all = [
        hint("list", &error(301, "PermanentRedirect", &region, "")),
        hint(
            "list",
            &error(400, "AuthorizationHeaderMalformed", &[], of_body),
        ),
        hint("list", &error(301, "", &[], "")),
        hint("list", &error(404, "NoSuchBucket", &[], "")),
        hint("list", &error(403, "InvalidAccessKeyId", &[], "")),
        hint("list", &error(400, "ExpiredToken", &[], "")),
        hint("list", &error(403, "RequestTimeTooSkewed", &[], "")),
        hint("list", &error(403, "AccessDenied", &[], "")),
        hint("read from", &error(403, "AccessDenied", &[], "")),
        hint("delete from", &error(403, "AccessDenied", &[], "")),
        hint("write to", &error(403, "", &[], "")),
        hint("read from", &error(403, "InvalidObjectState", &[], "")),
        hint("list", &error(503, "SlowDown", &[], "")),
        hint("list", &error(200, "", &[], "<html>")),
        hint("list", &SdkError::timeout_error("no answer")),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    Forbidden: the bucket is in eu-central-1: add region=eu-central-1
    Forbidden: the bucket is in ap-south-1: add region=ap-south-1
    Forbidden: the bucket is in another region: name it with region=…
    NotFound: check the bucket's name, and `endpoint_url`
    Unauthorized: the credentials are wrong or have expired
    Unauthorized: the credentials are wrong or have expired
    Unauthorized: set this machine's clock
    Forbidden: listing needs s3:ListBucket on the bucket
    Forbidden: reading needs s3:GetObject on the cache's objects, and s3:ListBucket on the bucket to detect missing ones
    Forbidden: deleting needs s3:DeleteObject on the cache's objects
    Forbidden: pruning needs s3:PutObject below the cache's prefix, for its lease and for copies of deleted manifests
    BadAnswer: it is in an archive: a build cannot read it before it is restored
    Throttled: the service asks for fewer requests: lower --concurrency, or wait longer with --timeout
    BadAnswer: the answer is not one of S3: check `endpoint_url`
    Unavailable: check `endpoint_url` and the network; a service that has no host for each bucket needs use_path_style=true
    ");
}

#[test]
fn temporary_errors_are_distinguished_from_permanent_ones() {
    let of = |status, code, headers: &[_]| passing(&error(status, code, headers, ""));
    assert_eq!(of(503, "SlowDown", &[]), Some(Passing::Busy(None)));
    assert_eq!(
        of(429, "", &[("retry-after", "7")]),
        Some(Passing::Busy(Some(Duration::from_secs(7))))
    );
    assert_eq!(
        of(503, "", &[("retry-after", "soon")]),
        Some(Passing::Busy(None))
    );
    assert_eq!(of(500, "InternalError", &[]), Some(Passing::Lost));
    assert_eq!(of(403, "AccessDenied", &[]), None);
    assert_eq!(of(404, "NoSuchBucket", &[]), None);
    assert_eq!(
        passing(&SdkError::<ListObjectsV2Error>::timeout_error("no answer")),
        Some(Passing::Lost)
    );
}
