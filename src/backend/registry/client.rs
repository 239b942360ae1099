//! Sends requests to one registry with one login, and describes refusals.

use reqwest::header::AUTHORIZATION;
use reqwest::redirect::Policy;
use reqwest::{Client as HttpClient, RequestBuilder, StatusCode, Url};
use tokio::sync::{OnceCell, SemaphorePermit};

use super::auth::{self, Auth, TokenScope};
use super::place;
use super::plane::DataPlane;
use crate::backend::http::{
    self, Call, Failed, Http, HttpAnswer, MakeRequest, OpenedAnswer, ServiceKind, Tries,
};
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::{RegistryLocation, Secret};

/// The largest answer of a token service, in bytes.
pub(super) const TOKEN_LIMIT: u64 = 1 << 20;
/// The most redirects that one request follows.
const REDIRECTS: usize = 5;

/// One registry with its address and login.
#[derive(Debug)]
pub(super) struct RegistryClient {
    http: Http,
    /// Requests tokens. The login in these requests would be sent along with a redirect, so
    /// redirects must stay within one origin.
    tokens: OnceCell<HttpClient>,
    base: OnceCell<Url>,
    candidates: Vec<Url>,
    auth: Auth,
    plane: DataPlane,
    /// Whether `/v2/` asks for a password, and for nothing else.
    asks_for_password: OnceCell<bool>,
    location: RegistryLocation,
    access: Access,
}

impl RegistryClient {
    pub(super) fn new(location: &RegistryLocation, access: &Access) -> Result<Self, RemoteError> {
        let candidates = place::candidates(location, access)?;
        let client = client(location, access, anywhere())?;
        Ok(Self {
            http: Http::new(client, ServiceKind::Registry, access.concurrency, access),
            tokens: OnceCell::new(),
            base: OnceCell::new(),
            candidates,
            auth: Auth::new(location, access),
            plane: DataPlane::default(),
            asks_for_password: OnceCell::new(),
            location: location.clone(),
            access: access.clone(),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.location.host
    }

    pub(super) fn auth(&self) -> &Auth {
        &self.auth
    }

    pub(super) fn plane(&self) -> &DataPlane {
        &self.plane
    }

    pub(super) fn location(&self) -> &RegistryLocation {
        &self.location
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Waits for the turn of a request that `oci-client` sends; `None` if the registry asked for a
    /// pause that is too long.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.http.turn(self.host()).await
    }

    /// Notes that the registry answered.
    pub(super) fn heard(&self) {
        self.access.activity.heard();
    }

    /// Returns the address of the registry with a trailing slash. Tries the candidates in order.
    pub(super) async fn base(&self) -> Result<&Url, RemoteError> {
        self.base.get_or_try_init(|| self.find_base()).await
    }

    async fn find_base(&self) -> Result<Url, RemoteError> {
        if let [only] = self.candidates.as_slice() {
            return Ok(only.clone());
        }
        let mut first = None;
        for candidate in &self.candidates {
            let probe = candidate.join("v2/").unwrap_or_else(|_| candidate.clone());
            match http::once(
                self.http.client().get(probe),
                TOKEN_LIMIT,
                self.access.timeout,
            )
            .await
            {
                // Servers written in Go report in plain text that they expect TLS.
                Ok(answer) if answer.status == StatusCode::BAD_REQUEST && wants_tls(&answer) => {}
                Ok(_) => return Ok(candidate.clone()),
                Err(failed) => {
                    first.get_or_insert_with(|| {
                        failed.into_remote(ServiceKind::Registry, self.host())
                    });
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            let message = format!("{} does not answer", self.host());
            RemoteError::new(RemoteKind::Unavailable, message)
        }))
    }

    /// Returns whether the registry asks for a user and a password, and for nothing else.
    pub(super) async fn asks_for_password(&self) -> bool {
        let asks = || async {
            let Ok(address) = self.address("").await else {
                return false;
            };
            let request = self.http.client().get(address);
            let answer = http::once(request, TOKEN_LIMIT, self.access.timeout).await;
            answer
                .is_ok_and(|answer| is_challenge(&answer) && auth::is_for_password(&answer.headers))
        };
        *self.asks_for_password.get_or_init(asks).await
    }

    /// Creates an address below `/v2/`.
    pub(super) async fn address(&self, path: &str) -> Result<Url, RemoteError> {
        let base = self.base().await?;
        base.join(&format!("v2/{path}")).map_err(|_| {
            let message = format!("{}: no address can be made", self.host());
            RemoteError::new(RemoteKind::BadAnswer, message)
        })
    }

    /// Sends a request with retries, and reads its answer of at most `limit` bytes.
    pub(super) async fn send(
        &self,
        scope: &TokenScope,
        limit: u64,
        make: impl Fn(&HttpClient) -> RequestBuilder + Send + Sync,
    ) -> Result<HttpAnswer, RemoteError> {
        let mut tries = Tries::new();
        loop {
            if let Some(answer) = self.try_once(scope, limit, &make, &mut tries).await? {
                return Ok(answer);
            }
        }
    }

    /// Opens an answer with retries. The caller reads the body.
    pub(super) async fn open(
        &self,
        scope: &TokenScope,
        make: &MakeRequest<'_>,
    ) -> Result<OpenedAnswer, RemoteError> {
        let mut tries = Tries::new();
        loop {
            let header = self.auth.header(scope).await;
            let make = |client: &HttpClient| with_login(make(client), header.as_ref());
            let call = self.call(TOKEN_LIMIT);
            match self.http.try_to_open(call, &make, &mut tries).await? {
                Some(OpenedAnswer::Refused(answer)) if is_challenge(&answer) => {
                    self.answer(scope, &answer, header.as_ref(), &mut tries)
                        .await?;
                }
                Some(opened) => return Ok(opened),
                None => {}
            }
        }
    }

    /// Sends a request once and reads its answer. Returns `None` if it had to wait or should be
    /// sent again: time has passed, so a caller that changes something must check first.
    pub(super) async fn try_once(
        &self,
        scope: &TokenScope,
        limit: u64,
        make: &MakeRequest<'_>,
        tries: &mut Tries,
    ) -> Result<Option<HttpAnswer>, RemoteError> {
        let header = self.auth.header(scope).await;
        let make = |client: &HttpClient| with_login(make(client), header.as_ref());
        match self.http.try_once(self.call(limit), &make, tries).await? {
            Some(answer) if is_challenge(&answer) => {
                self.answer(scope, &answer, header.as_ref(), tries).await?;
                Ok(None)
            }
            answered => Ok(answered),
        }
    }

    fn call(&self, limit: u64) -> Call<'_> {
        Call {
            what: self.host(),
            limit,
        }
    }

    /// Answers a challenge, so the request can be sent again.
    async fn answer(
        &self,
        scope: &TokenScope,
        answer: &HttpAnswer,
        used: Option<&Secret>,
        tries: &mut Tries,
    ) -> Result<(), RemoteError> {
        // Once for the first challenge, and once for a token that has expired since.
        if tries.challenges >= 2 {
            return Err(self.unauthorized().await);
        }
        tries.challenges += 1;
        let base = self.base().await?;
        let make = || async { client(&self.location, &self.access, http::within_origin()) };
        let tokens = self.tokens.get_or_try_init(make).await?;
        self.auth
            .answer(tokens, base, scope, &answer.headers, used)
            .await
    }

    async fn unauthorized(&self) -> RemoteError {
        if self.auth.has_login().await {
            self.auth.refused("it does not take the token that it gave")
        } else {
            self.auth.no_login()
        }
    }

    /// Describes why the registry refuses. `permission` is the permission that a token needs.
    pub(super) async fn refusal(
        &self,
        answer: &HttpAnswer,
        what: &str,
        permission: &str,
    ) -> RemoteError {
        let cause = format!(
            "the registry answers {}{}",
            answer.status,
            ServiceKind::Registry.said(answer)
        );
        let error = |kind, message: String| RemoteError::new(kind, message).because(cause.clone());
        match answer.status {
            StatusCode::FORBIDDEN => {
                let hint = if self.auth.has_login().await {
                    format!(
                        "the login for {} needs the right to {permission}",
                        self.host()
                    )
                } else {
                    format!("no login is known: `docker login {}`", self.host())
                };
                error(RemoteKind::Forbidden, format!("{what}: access is denied")).hint(hint)
            }
            StatusCode::NOT_FOUND => error(RemoteKind::NotFound, format!("{what} does not exist"))
                .hint("check the spelling; a registry may also hide repositories from this login"),
            StatusCode::METHOD_NOT_ALLOWED => error(
                RemoteKind::Unsupported,
                format!("{what}: the registry does not offer this"),
            ),
            _ if answer.is_html() => error(
                RemoteKind::BadAnswer,
                format!("{what}: the answer is an HTML page"),
            )
            .hint(format!(
                "is {} a registry? It may be behind a login page or a proxy",
                self.host()
            )),
            status if status.is_redirection() => error(
                RemoteKind::BadAnswer,
                format!("{what}: the registry redirects the request in a loop"),
            ),
            _ => error(
                RemoteKind::BadAnswer,
                format!("{what}: the registry refuses the request"),
            ),
        }
    }
}

fn is_challenge(answer: &HttpAnswer) -> bool {
    answer.status == StatusCode::UNAUTHORIZED
}

fn with_login(request: RequestBuilder, header: Option<&Secret>) -> RequestBuilder {
    match header.and_then(auth::header_value) {
        Some(value) => request.header(AUTHORIZATION, value),
        None => request,
    }
}

/// Follows redirects to any host, without the login: reqwest removes the header if the host or the
/// port changes. Blobs are checked by digest, so any host may serve them.
fn anywhere() -> Policy {
    Policy::custom(|attempt| {
        if attempt.previous().len() > REDIRECTS {
            attempt.stop()
        } else {
            attempt.follow()
        }
    })
}

fn client(
    location: &RegistryLocation,
    access: &Access,
    redirects: Policy,
) -> Result<HttpClient, RemoteError> {
    let mut builder = http::client_builder(access.timeout, redirects);
    if location.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    let trust = super::trust::find(&location.host, access)?;
    builder = builder.tls_certs_merge(trust.roots);
    if let Some(identity) = trust.identity {
        builder = builder.identity(identity);
    }
    builder
        .build()
        .map_err(|error| Failed::Way(error).into_remote(ServiceKind::Registry, "the HTTP client"))
}

fn wants_tls(answer: &HttpAnswer) -> bool {
    String::from_utf8_lossy(&answer.body).contains("HTTPS")
}
