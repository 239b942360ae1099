//! Requests that are sent through `oci-client`: blob streams, existence checks, referrers and
//! manifests.
//!
//! `oci-client` gets a request only if [`super::auth`] has a token or a password for it, and never
//! looks for a login itself: each has its own client, which stores nothing else. It gets a password
//! only for a registry that asks for nothing but passwords. If it fails, the caller
//! sends the request again through [`RegistryClient`], which handles `Retry-After`, expired tokens
//! and the messages of refusals. So a failure costs one more request.
//!
//! [`RegistryClient`] handles the other requests: registries without a login, because `oci-client`
//! would request one each time; client certificates, which it does not support; lists of tags and
//! lists that decide about deletions, because it drops the `Link` header; deletions, which it does
//! not support; and uploads of blobs, which it sends to any address that the registry returns.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client as OciClient, Reference};
use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::auth::{self, TokenScope, header_value};
use super::client::RegistryClient;
use super::trust;
use crate::backend::Access;
use crate::backend::http::tls;
use crate::format::digest::Digest;
use crate::source::{RegistryLocation, Secret};

/// A blob while it is read.
pub(super) struct BlobStream {
    /// The length in bytes, if the registry reports it.
    pub(super) length: Option<u64>,
    /// The content. Errors contain no address, which may be signed.
    pub(super) bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

impl BlobStream {
    /// Wraps the body of an answer.
    pub(super) fn of(response: reqwest::Response) -> Self {
        Self {
            length: response.content_length(),
            bytes: response.bytes_stream().map_err(broken_off).boxed(),
        }
    }
}

/// Creates the error for an answer that broke off, without the address, which may be signed.
fn broken_off(error: reqwest::Error) -> std::io::Error {
    std::io::Error::other(error.without_url())
}

/// Removes the address from an error of a stream of `oci-client`.
fn without_address(error: std::io::Error) -> std::io::Error {
    let kind = error.kind();
    match error
        .into_inner()
        .map(<dyn std::error::Error + Send + Sync>::downcast::<reqwest::Error>)
    {
        Some(Ok(error)) => broken_off(*error),
        Some(Err(error)) => std::io::Error::new(kind, error.to_string()),
        None => kind.into(),
    }
}

/// The answer to a request for a blob.
pub(super) enum Pulled {
    Stream(BlobStream),
    /// The registry does not have it.
    Absent,
}

/// The clients of one registry, by the scope of their tokens.
#[derive(Default)]
pub(super) struct DataPlane {
    clients: Mutex<HashMap<TokenScope, (Secret, OciClient)>>,
}

impl fmt::Debug for DataPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataPlane").finish_non_exhaustive()
    }
}

impl DataPlane {
    /// Returns the client that has this header.
    async fn known(&self, scope: &TokenScope, header: &Secret) -> Option<OciClient> {
        let clients = self.clients.lock().await;
        let (known, client) = clients.get(scope)?;
        (known == header).then(|| client.clone())
    }

    async fn remember(&self, scope: &TokenScope, header: Secret, client: OciClient) {
        let mut clients = self.clients.lock().await;
        clients.insert(scope.clone(), (header, client));
    }
}

/// Creates a client without a login; `None` if a client certificate is needed.
fn make(location: &RegistryLocation, access: &Access, base: &Url) -> Option<OciClient> {
    let trust = trust::find(&location.host, access).ok()?;
    if trust.identity.is_some() {
        return None;
    }
    let certificate = |pem: Vec<u8>| Certificate {
        encoding: CertificateEncoding::Pem,
        data: pem,
    };
    let config = ClientConfig {
        protocol: match base.scheme() {
            "http" => ClientProtocol::Http,
            _ => ClientProtocol::Https,
        },
        accept_invalid_certificates: location.insecure,
        extra_root_certificates: trust.pem.into_iter().map(certificate).collect(),
        read_timeout: Some(access.timeout),
        connect_timeout: Some(access.timeout),
        user_agent: concat!("cachelens/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    tls::choose_ring();
    OciClient::try_from(config).ok()
}

/// Returns the host and the port of an address in the form that `oci-client` uses.
fn authority(base: &Url) -> Option<String> {
    let host = base.host_str()?;
    Some(match base.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The client and the permit for one request through `oci-client`.
pub(super) struct Route<'a> {
    registry: &'a RegistryClient,
    client: OciClient,
    host: String,
}

impl RegistryClient {
    /// Returns how `oci-client` sends a request of a scope; `None` if it does not support the
    /// login.
    pub(super) async fn route(&self, scope: &TokenScope) -> Option<Route<'_>> {
        let header = self.auth().header(scope).await?;
        let base = self.base().await.ok()?;
        let host = authority(base)?;
        let client = match self.plane().known(scope, &header).await {
            Some(client) => client,
            None => {
                let login = self.login_of(&header).await?;
                let client = make(self.location(), self.access(), base)?;
                client.store_auth_if_needed(&host, &login).await;
                let plane = self.plane();
                plane.remember(scope, header, client.clone()).await;
                client
            }
        };
        Some(Route {
            registry: self,
            client,
            host,
        })
    }

    /// Returns a header in the form that `oci-client` stores; `None` if it must not get it.
    async fn login_of(&self, header: &Secret) -> Option<RegistryAuth> {
        // `oci-client` panics on a token that is not a valid header.
        header_value(header)?;
        if let Some(token) = header.expose().strip_prefix("Bearer ") {
            return Some(RegistryAuth::Bearer(token.to_owned()));
        }
        let (user, password) = auth::password_of(header)?;
        // With a password, `oci-client` reads the challenge of `/v2/` again. If that were for a
        // token, it would send the password to the named service, encrypted or not.
        if !self.asks_for_password().await {
            return None;
        }
        Some(RegistryAuth::Basic(user, password.expose().to_owned()))
    }

    /// Opens a blob; `None` if [`RegistryClient`] must do it.
    pub(super) async fn pull_blob(&self, repository: &str, digest: Digest) -> Option<Pulled> {
        let route = self.route(&TokenScope::Pull(repository.to_owned())).await?;
        let digest = digest.to_string();
        let image = route.at_digest(repository, &digest);
        let request = route.client.pull_blob_stream(&image, digest.as_str());
        match route.answer("blob stream", request).await? {
            Ok(stream) => Some(Pulled::Stream(BlobStream {
                length: stream.content_length,
                bytes: stream.stream.map_err(without_address).boxed(),
            })),
            Err(error) if is_absence(&error) => Some(Pulled::Absent),
            Err(error) => failed("blob stream", &error),
        }
    }

    /// Returns whether a blob is stored; `None` if [`RegistryClient`] must ask.
    pub(super) async fn blob_exists(&self, repository: &str, digest: Digest) -> Option<bool> {
        let route = self.route(&TokenScope::Pull(repository.to_owned())).await?;
        let digest = digest.to_string();
        let image = route.at_digest(repository, &digest);
        let request = route.client.blob_exists(&image, &digest);
        match route.answer("existence check", request).await? {
            Ok(exists) => Some(exists),
            Err(error) => failed("existence check", &error),
        }
    }

    /// Lists the first page of the referrers of a manifest; `None` if [`RegistryClient`] must do
    /// it. The list must not justify a deletion.
    pub(super) async fn pull_referrers(
        &self,
        repository: &str,
        subject: Digest,
    ) -> Option<Vec<Digest>> {
        let route = self.route(&TokenScope::Pull(repository.to_owned())).await?;
        let image = route.at_digest(repository, &subject.to_string());
        let request = route.client.pull_referrers(&image, None);
        match route.answer("referrers", request).await? {
            Ok(index) => {
                let digests = index.manifests.iter();
                let digests = digests.filter_map(|entry| entry.digest.parse().ok());
                Some(digests.collect())
            }
            Err(error) => failed("referrers", &error),
        }
    }
}

impl Route<'_> {
    /// Pushes a manifest under a tag. Returns `None` if [`RegistryClient`] must push it, after
    /// checking: the request may have taken effect.
    pub(super) async fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        bytes: &[u8],
        media_type: &str,
    ) -> Option<()> {
        let kind = HeaderValue::from_str(media_type).ok()?;
        let host = self.host.clone();
        let image = Reference::with_tag(host, repository.to_owned(), tag.to_owned());
        let request = self.client.push_manifest_raw(&image, bytes.to_vec(), kind);
        match self.answer("push", request).await? {
            Ok(_) => Some(()),
            Err(error) => failed("push", &error),
        }
    }

    fn at_digest(&self, repository: &str, digest: &str) -> Reference {
        Reference::with_digest(self.host.clone(), repository.to_owned(), digest.to_owned())
    }

    /// Waits for the turn of a request, then for its answer, up to the timeout.
    async fn answer<T>(
        &self,
        call: &'static str,
        request: impl Future<Output = Result<T, OciDistributionError>>,
    ) -> Option<Result<T, OciDistributionError>> {
        let _turn = self.registry.turn().await?;
        tracing::debug!(call, "oci-client sends a request");
        let timeout = self.registry.access().timeout;
        let answer = tokio::time::timeout(timeout, request).await.ok()?;
        self.registry.heard();
        Some(answer)
    }
}

/// Returns whether the error says that a blob does not exist.
fn is_absence(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            let code = |code: &OciErrorCode| *code == OciErrorCode::BlobUnknown;
            envelope.errors.iter().any(|error| code(&error.code))
        }
        OciDistributionError::ServerError { code, .. } => *code == 404,
        _ => false,
    }
}

/// Logs that `oci-client` failed, without an address, and returns `None` so [`RegistryClient`]
/// sends the request.
fn failed<T>(call: &'static str, error: &OciDistributionError) -> Option<T> {
    let why = match error {
        OciDistributionError::ServerError { code, .. } => format!("it answers {code}"),
        OciDistributionError::UnauthorizedError { .. } => "the token is refused".to_owned(),
        OciDistributionError::RegistryError { envelope, .. } => {
            let codes = envelope
                .errors
                .iter()
                .map(|error| format!("{:?}", error.code));
            codes.collect::<Vec<_>>().join(", ")
        }
        _ => "the answer does not fit".to_owned(),
    };
    tracing::debug!(call, why, "oci-client fails, and the request is sent again");
    None
}
