//! Logins. A challenge of the registry is answered once, and the token serves all requests of its
//! scope.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use http_auth::parse_challenges;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client as HttpClient, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::TOKEN_LIMIT;
use super::credentials::{self, Credentials};
use super::place;
use crate::backend::http::{self, HttpAnswer, ServiceKind};
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::{RegistryLocation, Secret};

/// The lifetime of a token that does not specify one, in seconds (distribution's token
/// specification).
const UNSAID_LIFE: u64 = 60;
/// A token is not used in the last moments of its life.
const LEEWAY: Duration = Duration::from_secs(5);
/// The client name in requests for tokens.
const CLIENT: &str = "cachelens";

/// The scope of a request, as the token specification defines it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum TokenScope {
    /// Reading a repository.
    Pull(String),
    /// Changing a repository. Three actions are requested at once, because some registries grant
    /// only one scope per repository.
    Change(String),
    /// Listing the repositories.
    Catalog,
}

impl TokenScope {
    fn text(&self) -> String {
        match self {
            Self::Pull(repository) => format!("repository:{repository}:pull"),
            Self::Change(repository) => format!("repository:{repository}:pull,push,delete"),
            Self::Catalog => "registry:catalog:*".to_owned(),
        }
    }
}

/// The authorization header of requests, and how long it is valid.
#[derive(Debug, Clone)]
struct Grant {
    header: Secret,
    until: Option<Instant>,
}

/// Answers the challenges of one registry.
#[derive(Debug)]
pub(super) struct Auth {
    location: RegistryLocation,
    access: Access,
    state: Mutex<AuthState>,
}

#[derive(Debug, Default)]
struct AuthState {
    grants: HashMap<TokenScope, Grant>,
    /// A user and a password that are sent unchanged in every scope.
    basic: Option<Secret>,
    login: Login,
}

/// The login, which is looked up at the first challenge.
#[derive(Debug, Default)]
enum Login {
    #[default]
    NotLookedUp,
    /// There is no login, or it cannot be read.
    Absent(Option<RemoteError>),
    Found(Credentials),
}

impl Login {
    fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Found(credentials) => Some(credentials),
            Self::NotLookedUp | Self::Absent(_) => None,
        }
    }

    /// Replaces an error about a missing login by the reason why the login cannot be read.
    fn explain(&self, error: RemoteError) -> RemoteError {
        match self {
            Self::Absent(Some(fault)) if error.kind == RemoteKind::Unauthorized => fault.clone(),
            Self::NotLookedUp | Self::Absent(_) | Self::Found(_) => error,
        }
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(alias = "access_token")]
    token: Option<String>,
    expires_in: Option<u64>,
}

impl Auth {
    pub(super) fn new(location: &RegistryLocation, access: &Access) -> Self {
        Self {
            location: location.clone(),
            access: access.clone(),
            state: Mutex::default(),
        }
    }

    fn host(&self) -> &str {
        &self.location.host
    }

    /// Returns the header for requests of a scope; `None` until the registry sent a challenge.
    pub(super) async fn header(&self, scope: &TokenScope) -> Option<Secret> {
        let state = self.state.lock().await;
        let good = |grant: &&Grant| grant.until.is_none_or(|until| until > Instant::now());
        state
            .grants
            .get(scope)
            .filter(good)
            .map(|grant| grant.header.clone())
            .or_else(|| state.basic.clone())
    }

    /// Returns whether a login was found so far.
    pub(super) async fn has_login(&self) -> bool {
        self.state.lock().await.login.credentials().is_some()
    }

    /// Answers the challenge of a request that was refused with `used` in its header. Requests that
    /// were refused at the same time share one exchange.
    ///
    /// # Errors
    /// Fails if no challenge can be answered, or if the answer is refused.
    pub(super) async fn answer(
        &self,
        client: &HttpClient,
        registry: &Url,
        scope: &TokenScope,
        challenge: &HeaderMap,
        used: Option<&Secret>,
    ) -> Result<(), RemoteError> {
        let mut state = self.state.lock().await;
        let current = state
            .grants
            .get(scope)
            .map(|grant| &grant.header)
            .or(state.basic.as_ref());
        if current.is_some() && current != used {
            return Ok(());
        }
        let challenges = Challenge::all(challenge);
        self.look_for_login(&mut state.login).await;
        let credentials = state.login.credentials().cloned();
        if let Some(Credentials::Bearer(token)) = &credentials {
            let grant = self.grant_of_login(token, used)?;
            state.grants.insert(scope.clone(), grant);
            return Ok(());
        }
        if let Some(bearer) = challenges.iter().find(|challenge| challenge.is("bearer")) {
            let exchanged = self
                .exchange(client, registry, bearer, scope, credentials.as_ref())
                .await;
            let grant = exchanged.map_err(|error| state.login.explain(error))?;
            state.grants.insert(scope.clone(), grant);
            return Ok(());
        }
        if !challenges.iter().any(|challenge| challenge.is("basic")) {
            return Err(self.refused("it asks for a kind of login that is not known here"));
        }
        let basic = match credentials {
            Some(Credentials::Password(name, password)) => basic(&name, &password),
            Some(Credentials::Identity(_) | Credentials::Bearer(_)) => {
                let why = "it asks for a user and a password, and there is a token only";
                return Err(self.refused(why));
            }
            None => return Err(state.login.explain(self.no_login())),
        };
        if used == Some(&basic) {
            return Err(self.refused("it refuses the user or the password"));
        }
        state.basic = Some(basic);
        Ok(())
    }

    /// Looks up the login at the first challenge.
    async fn look_for_login(&self, login: &mut Login) {
        if !matches!(login, Login::NotLookedUp) {
            return;
        }
        let found = credentials::find(&self.location, &self.access).await;
        *login = found
            .credentials
            .map_or(Login::Absent(found.fault), Login::Found);
    }

    /// Returns the grant of a login that is a token.
    fn grant_of_login(&self, token: &Secret, used: Option<&Secret>) -> Result<Grant, RemoteError> {
        let header = Secret::new(format!("Bearer {}", token.expose()));
        if used == Some(&header) {
            return Err(self.refused("it does not take the token of the login"));
        }
        Ok(Grant {
            header,
            until: None,
        })
    }

    async fn exchange(
        &self,
        client: &HttpClient,
        registry: &Url,
        challenge: &Challenge,
        scope: &TokenScope,
        credentials: Option<&Credentials>,
    ) -> Result<Grant, RemoteError> {
        let realm = self.realm(challenge, registry)?;
        let service = challenge.get("service").unwrap_or_default();
        let asked = scope.text();
        let request = match credentials {
            Some(Credentials::Identity(token)) => client.post(realm.clone()).form(&[
                ("grant_type", "refresh_token"),
                ("service", service),
                ("client_id", CLIENT),
                ("scope", &asked),
                ("refresh_token", token.expose()),
            ]),
            Some(Credentials::Password(user, password)) => client
                .get(realm.clone())
                .query(&[("service", service), ("scope", &asked)])
                .basic_auth(user, Some(password.expose())),
            Some(Credentials::Bearer(_)) | None => client
                .get(realm.clone())
                .query(&[("service", service), ("scope", &asked)]),
        };
        let what = format!("{}: the token service", self.host());
        let answer = http::once(request, TOKEN_LIMIT, self.access.timeout)
            .await
            .map_err(|failed| failed.into_remote(ServiceKind::Registry, &what))?;
        self.grant(&answer, credentials.is_some())
    }

    /// Returns the address of the token service in a challenge. As with Docker it may be on another
    /// host, but not unencrypted, because a token is as powerful as the login.
    fn realm(&self, challenge: &Challenge, registry: &Url) -> Result<Url, RemoteError> {
        let realm = challenge
            .get("realm")
            .and_then(|realm| Url::parse(realm).ok())
            .filter(|realm| {
                matches!(realm.scheme(), "http" | "https")
                    && realm.username().is_empty()
                    && realm.password().is_none()
            });
        let Some(realm) = realm else {
            return Err(self.refused("it names no token service"));
        };
        let is_same_host = realm.host() == registry.host();
        // Plain HTTP is accepted to the registry, where the user chose it, and on this machine.
        let is_as_open = is_same_host && registry.scheme() == "http";
        let is_here = is_local(&realm) && is_local(registry);
        if realm.scheme() != "https" && !is_as_open && !is_here {
            let host = realm.host_str().map(http::shown).unwrap_or_default();
            return Err(self.refused(&format!(
                "its token service at {host} would get the login unencrypted"
            )));
        }
        if !is_same_host {
            let service = realm.host_str().map(http::shown).unwrap_or_default();
            tracing::info!(
                registry = self.host(),
                service,
                "the registry has its users log in on another host"
            );
        }
        Ok(realm)
    }

    fn grant(&self, answer: &HttpAnswer, has_login: bool) -> Result<Grant, RemoteError> {
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST
                if has_login =>
            {
                return Err(self.refused(&format!(
                    "its tokens are refused to this login{}",
                    ServiceKind::Registry.said(answer)
                )));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.no_login()),
            status if status.is_redirection() => {
                let message = format!("{}: the token service redirects elsewhere", self.host());
                return Err(RemoteError::new(RemoteKind::Unauthorized, message)
                    .because(format!(
                        "it answers {status}, and requests for tokens are sent to one address only"
                    ))
                    .hint("its operator has to name the right address in the challenge"));
            }
            status => {
                let message = format!("{}: the token service fails", self.host());
                return Err(
                    RemoteError::new(RemoteKind::Unavailable, message).because(format!(
                        "it answers {status}{}",
                        ServiceKind::Registry.said(answer)
                    )),
                );
            }
        }
        let parsed: Option<TokenAnswer> = serde_json::from_slice(&answer.body).ok();
        let Some(TokenAnswer {
            token: Some(token),
            expires_in,
        }) = parsed
        else {
            let page = if answer.is_html() {
                "an HTML page"
            } else {
                "no token"
            };
            let message = format!("{}: the token service answers with {page}", self.host());
            return Err(RemoteError::new(RemoteKind::BadAnswer, message));
        };
        let life = Duration::from_secs(expires_in.unwrap_or(UNSAID_LIFE));
        let until = Instant::now().checked_add(life.saturating_sub(LEEWAY).max(life / 2));
        Ok(Grant {
            header: Secret::new(format!("Bearer {token}")),
            until,
        })
    }

    /// Creates the error for a login that the registry refuses.
    pub(super) fn refused(&self, why: &str) -> RemoteError {
        RemoteError::new(
            RemoteKind::Unauthorized,
            format!("{}: the login is refused", self.host()),
        )
        .because(why)
        .hint(format!(
            "run `docker login {}` again, or give --username and --password-stdin",
            self.host()
        ))
    }

    /// Creates the error for a registry that requires a login when there is none.
    pub(super) fn no_login(&self) -> RemoteError {
        RemoteError::new(
            RemoteKind::Unauthorized,
            format!("{} asks for a login", self.host()),
        )
        .hint(format!(
            "run `docker login {}` or `podman login {}`, or give --username and --password-stdin",
            self.host(),
            self.host()
        ))
    }
}

/// Returns whether an address is on this machine.
fn is_local(address: &Url) -> bool {
    address.host_str().is_some_and(place::is_local)
}

fn basic(user: &str, password: &Secret) -> Secret {
    let pair = format!("{user}:{}", password.expose());
    Secret::new(format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    ))
}

/// Returns the user and the password in a header.
pub(super) fn password_of(header: &Secret) -> Option<(String, Secret)> {
    let pair = header.expose().strip_prefix("Basic ")?;
    let pair = base64::engine::general_purpose::STANDARD
        .decode(pair)
        .ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), Secret::new(password.to_owned())))
}

/// Returns whether an answer asks for a user and a password, and for nothing else.
pub(super) fn is_for_password(headers: &HeaderMap) -> bool {
    let all = headers.get_all(WWW_AUTHENTICATE).iter().count();
    let challenges = Challenge::all(headers);
    challenges.len() == all
        && !challenges.is_empty()
        && challenges.iter().all(|one| one.is("basic"))
}

/// Creates a header from a secret that logs do not show.
pub(super) fn header_value(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// An authentication challenge of a registry.
struct Challenge {
    scheme: String,
    params: HashMap<String, String>,
}

impl Challenge {
    /// Returns the challenges of an answer that can be parsed.
    fn all(headers: &HeaderMap) -> Vec<Self> {
        headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| parse_challenges(value.to_str().ok()?).ok())
            .flatten()
            .map(|challenge| Self::new(&challenge))
            .collect()
    }

    fn new(challenge: &http_auth::ChallengeRef<'_>) -> Self {
        let params = challenge.params.iter();
        Self {
            scheme: challenge.scheme.to_ascii_lowercase(),
            params: params
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped()))
                .collect(),
        }
    }

    fn is(&self, scheme: &str) -> bool {
        self.scheme == scheme
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
}
