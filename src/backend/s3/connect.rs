//! Connects to a service: the region, the address and the credentials.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Credentials, RequestChecksumCalculation, ResponseChecksumValidation, SharedHttpClient,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use super::complete::RequireComplete;
use super::{credentials, errors};
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::S3Location;

/// The region if none is set. Other services accept any region, and Amazon reports the right one.
const ANY_REGION: &str = "us-east-1";
/// The time limit for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Creates an HTTP client for the services of Amazon and for those that imitate them.
pub(super) fn https_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Creates a client, and finds the credentials before any request.
///
/// # Errors
/// Fails if no credentials are found.
pub(super) async fn connect(location: &S3Location, access: &Access) -> Result<Client, RemoteError> {
    let named = region(location).await?;
    let region = named.clone().unwrap_or_else(|| Region::new(ANY_REGION));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(access.timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(https_client())
        .timeout_config(timeouts)
        .region(region.clone());
    // The pace retries requests, because the right time depends on all requests that run.
    loader = loader.retry_config(RetryConfig::disabled());
    loader = match (&location.access_key_id, &location.secret_access_key) {
        _ if access.s3.no_sign_request || location.no_sign_request => loader.no_credentials(),
        // Both or neither, as in BuildKit.
        (Some(id), Some(secret)) => {
            let token = location
                .session_token
                .as_ref()
                .map(|token| token.expose().to_owned());
            loader.credentials_provider(Credentials::new(
                id.expose(),
                secret.expose(),
                token,
                None,
                "source",
            ))
        }
        _ => loader.credentials_provider(credentials::find(&location.bucket, region).await?),
    };
    let shared = loader.load().await;
    let of_environment =
        shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    let mut config = aws_sdk_s3::config::Builder::from(&shared).interceptor(RequireComplete);
    if let Some(endpoint) = &location.endpoint_url {
        config = config.endpoint_url(endpoint);
    }
    let is_amazons = location.endpoint_url.is_none() && !of_environment;
    if !is_amazons {
        // Services other than Amazon's support fewer checksums.
        config = config
            .force_path_style(location.use_path_style)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    let client = Client::from_conf(config.clone().build());
    if is_amazons
        && named.is_none()
        && let Some(region) = reported_region(&client, &location.bucket).await
    {
        return Ok(Client::from_conf(
            config.region(Region::new(region)).build(),
        ));
    }
    Ok(client)
}

/// Returns the region from the source, the environment or the profile.
async fn region(location: &S3Location) -> Result<Option<Region>, RemoteError> {
    if let Some(region) = &location.region {
        return Ok(Some(Region::new(region.to_string())));
    }
    let found = match EnvironmentVariableRegionProvider::new().region().await {
        Some(region) => Some(region),
        None => ProfileFileRegionProvider::new().region().await,
    };
    match found {
        Some(found) if !is_region(found.as_ref()) => Err(RemoteError::new(
            RemoteKind::BadAnswer,
            "the region of the environment or the profile is not a region",
        )
        .hint("correct AWS_REGION or the profile, or add region=… to the source")),
        found => Ok(found),
    }
}

/// Returns whether a text can be a region, which becomes part of a host name.
fn is_region(text: &str) -> bool {
    text.parse::<crate::source::Region>().is_ok()
}

/// Asks for the region of a bucket. The service answers that even if the bucket may not be read.
async fn reported_region(client: &Client, bucket: &str) -> Option<String> {
    let region = match client.head_bucket().bucket(bucket).send().await {
        Ok(found) => found.bucket_region().map(str::to_owned),
        Err(error) => errors::region(&error),
    };
    region.filter(|region| is_region(region))
}
