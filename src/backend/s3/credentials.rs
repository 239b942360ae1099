//! Finds the credentials in the same places and order as AWS's own tools. The error says for each
//! place why it has none.

use std::error::Error as _;
use std::time::Duration;

use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_s3::error::DisplayErrorContext;

use super::connect::https_client;
use crate::backend::{RemoteError, RemoteKind};
use crate::text::escape::visible;

/// The time limit for a place that asks another service or process, as single sign-on does.
const SEARCH: Duration = Duration::from_secs(15);
/// The time limit for the machine's metadata service, which is on the same host, or does not exist
/// and never answers.
const METADATA: Duration = Duration::from_millis(700);

/// Searches the places, and returns the first credentials.
///
/// # Errors
/// Fails if no place has any, or if the search of a place fails.
pub(super) async fn find(
    bucket: &str,
    region: Region,
) -> Result<SharedCredentialsProvider, RemoteError> {
    let message = format!(
        "there are no credentials for the bucket {}",
        visible(bucket)
    );
    let mut error = RemoteError::new(RemoteKind::Unauthorized, message);
    for (place, provider) in places(region) {
        let limit = if place == CredentialPlace::Machine {
            METADATA * 3
        } else {
            SEARCH
        };
        match tokio::time::timeout(limit, provider.provide_credentials()).await {
            Ok(Ok(_)) => return Ok(provider),
            // As in AWS's own tools, the search continues only if a place has no credentials.
            Ok(Err(CredentialsError::CredentialsNotLoaded(_))) => {
                error = error.because(place.has_none());
            }
            Ok(Err(refused)) if place != CredentialPlace::Machine => {
                let why = refused.source().map_or_else(
                    || refused.to_string(),
                    |why| DisplayErrorContext(why).to_string(),
                );
                let why = why.split(" (").next().unwrap_or_default();
                error = error.because(format!("{} fails: {}", place.name(), visible(why)));
                return Err(error.hint(place.remedy()));
            }
            Ok(Err(_)) => error = error.because(place.has_none()),
            Err(_) if place == CredentialPlace::Machine => error = error.because(place.has_none()),
            Err(_) => {
                error = error.because(format!(
                    "{} has not answered for {} s",
                    place.name(),
                    limit.as_secs()
                ));
                return Err(error.hint(place.remedy()));
            }
        }
    }
    Err(error.hint(
        "set the environment, `aws configure` or `aws sso login`, or add access_key_id=…,secret_access_key=… to the source; \
         --no-sign-request opens a public bucket",
    ))
}

/// Returns the places for credentials, in the order in which AWS's own tools search them.
fn places(region: Region) -> [(CredentialPlace, SharedCredentialsProvider); 5] {
    let config = ProviderConfig::without_region()
        .with_region(Some(region))
        .with_http_client(https_client());
    let metadata = imds::Client::builder()
        .configure(&config)
        .connect_timeout(METADATA)
        .read_timeout(METADATA)
        .max_attempts(1)
        .build();
    [
        (
            CredentialPlace::Environment,
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
        ),
        (
            CredentialPlace::Profile,
            SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder()
                    .configure(&config)
                    .build(),
            ),
        ),
        (
            CredentialPlace::WebIdentity,
            SharedCredentialsProvider::new(
                WebIdentityTokenCredentialsProvider::builder()
                    .configure(&config)
                    .build(),
            ),
        ),
        (
            CredentialPlace::Container,
            SharedCredentialsProvider::new(
                EcsCredentialsProvider::builder().configure(&config).build(),
            ),
        ),
        (
            CredentialPlace::Machine,
            SharedCredentialsProvider::new(
                ImdsCredentialsProvider::builder()
                    .imds_client(metadata)
                    .build(),
            ),
        ),
    ]
}

/// A place where credentials may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CredentialPlace {
    Environment,
    Profile,
    WebIdentity,
    Container,
    Machine,
}

impl CredentialPlace {
    fn name(self) -> String {
        match self {
            Self::Environment => "the environment".to_owned(),
            Self::Profile => format!("the profile `{}`", visible(&profile())),
            Self::WebIdentity => "the web identity".to_owned(),
            Self::Container => "the container's role".to_owned(),
            Self::Machine => "the machine's role".to_owned(),
        }
    }

    /// Describes why the place has no credentials.
    fn has_none(self) -> String {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Environment if is_set("AWS_ACCESS_KEY_ID") => {
                "AWS_SECRET_ACCESS_KEY is not set".to_owned()
            }
            Self::Environment => "AWS_ACCESS_KEY_ID is not set".to_owned(),
            Self::Profile => {
                let file = |name, default: &str| {
                    std::env::var(name).unwrap_or_else(|_| default.to_owned())
                };
                let config = file("AWS_CONFIG_FILE", "~/.aws/config");
                let keys = file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
                format!(
                    "{} has no keys in {} or {}",
                    self.name(),
                    visible(&config),
                    visible(&keys)
                )
            }
            Self::WebIdentity => "AWS_WEB_IDENTITY_TOKEN_FILE is not set".to_owned(),
            Self::Container => {
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set".to_owned()
            }
            Self::Machine if is_set("AWS_EC2_METADATA_DISABLED") => {
                "AWS_EC2_METADATA_DISABLED is set".to_owned()
            }
            Self::Machine => "no metadata service gives this machine a role".to_owned(),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Profile => {
                "correct the profile, choose another with AWS_PROFILE, or log in again: `aws sso login`"
            }
            Self::Environment | Self::WebIdentity | Self::Container | Self::Machine => {
                "correct it, or add access_key_id=…,secret_access_key=… to the source"
            }
        }
    }
}

/// Returns the name of the profile in use.
fn profile() -> String {
    std::env::var("AWS_PROFILE")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}
