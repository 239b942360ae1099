//! The client: the region, the service and the credentials.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Credentials, ProvideCredentials as _, RequestChecksumCalculation, ResponseChecksumValidation,
};

use super::CONNECT;
use crate::backend::{RemoteError, RemoteKind};
use crate::source::S3Location;

/// The region where nobody names one: services of one's own take any.
const ANY_REGION: &str = "us-east-1";
/// How long all places are searched for credentials.
const SEARCH: Duration = Duration::from_secs(5);

/// Makes a client, and finds the credentials before anything is asked.
///
/// # Errors
/// When no credentials are found.
pub(super) async fn connect(location: &S3Location, timeout: Duration) -> Result<Client, RemoteError> {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(timeout).build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts);
    if let Some(region) = location.region.clone() {
        loader = loader.region(Region::new(region));
    } else if location.endpoint_url.is_some() && std::env::var_os("AWS_REGION").is_none() {
        loader = loader.region(Region::new(ANY_REGION));
    }
    // Both or neither, as BuildKit has it.
    if let (Some(id), Some(secret)) = (&location.access_key_id, &location.secret_access_key) {
        let token = location.session_token.as_ref().map(|token| token.expose().to_owned());
        loader = loader.credentials_provider(Credentials::new(id.expose(), secret.expose(), token, None, "source"));
    }
    let shared = loader.load().await;
    let provider = shared.credentials_provider();
    let found = match &provider {
        Some(provider) => tokio::time::timeout(SEARCH, provider.provide_credentials()).await.ok().map(Result::err),
        None => Some(None),
    };
    let cause = match (&provider, found) {
        (Some(_), Some(None)) => None,
        (Some(_), Some(Some(error))) => Some(error.to_string()),
        (Some(_), None) => Some("no answer".to_owned()),
        (None, _) => Some("there is no place to look for them".to_owned()),
    };
    if let Some(cause) = cause {
        let bucket = crate::format::text::visible(&location.bucket).into_owned();
        let message = format!("there are no credentials for the bucket {bucket}");
        return Err(RemoteError::new(RemoteKind::Unauthorized, message).because(cause).hint(
            "looked for: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile AWS_PROFILE of ~/.aws, SSO, web identity, \
             the container's and the machine's role; `aws sso login` or access_key_id=…,secret_access_key=… helps",
        ));
    }
    let mut config = aws_sdk_s3::config::Builder::from(&shared);
    if let Some(endpoint) = &location.endpoint_url {
        // Services other than Amazon's know fewer checksums.
        config = config
            .endpoint_url(endpoint)
            .force_path_style(location.use_path_style)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(Client::from_conf(config.build()))
}
