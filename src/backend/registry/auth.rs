//! How a registry is told who asks: a challenge is answered once, and the token serves all requests of its scope.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use http_auth::parse_challenges;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credentials::{self, Credentials};
use super::http::{self, Answer};
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::format::text::visible;
use crate::source::{RegistryLocation, Secret};

/// How long a token is good for that does not say it (distribution's token specification).
const UNSAID_LIFE: u64 = 60;
/// How long before its end a token is no longer used.
const LEEWAY: Duration = Duration::from_secs(5);
/// The name under which tokens are asked for.
const CLIENT: &str = "cachelens";

/// What a request is about, in the words of the token specification.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Reading a repository.
    Pull(String),
    /// Changing one: the three are asked for at once, since some registries grant one scope a repository only.
    Change(String),
    /// Listing the repositories.
    Catalog,
}

impl Scope {
    fn text(&self) -> String {
        match self {
            Self::Pull(repository) => format!("repository:{repository}:pull"),
            Self::Change(repository) => format!("repository:{repository}:pull,push,delete"),
            Self::Catalog => "registry:catalog:*".to_owned(),
        }
    }
}

/// What stands in the header of a request, and for how long.
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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    grants: HashMap<Scope, Grant>,
    /// A user and a password that are sent as they are, whatever the scope.
    basic: Option<Secret>,
    login: Login,
}

/// The login, looked for when it is asked for first.
#[derive(Debug, Default)]
enum Login {
    #[default]
    Unsought,
    /// There is none, or none that can be read.
    Absent(Option<RemoteError>),
    Found(Credentials),
}

impl Login {
    fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Found(credentials) => Some(credentials),
            Self::Unsought | Self::Absent(_) => None,
        }
    }

    /// Puts a login that cannot be read in the place of one that is missed.
    fn explain(&self, error: RemoteError) -> RemoteError {
        match self {
            Self::Absent(Some(fault)) if error.kind == RemoteKind::Unauthorized => fault.clone(),
            Self::Unsought | Self::Absent(_) | Self::Found(_) => error,
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
        Self { location: location.clone(), access: access.clone(), state: Mutex::default() }
    }

    fn host(&self) -> &str {
        &self.location.host
    }

    /// Returns what requests of a scope carry now; none before the registry has asked for something.
    pub(super) async fn header(&self, scope: &Scope) -> Option<Secret> {
        let state = self.state.lock().await;
        let good = |grant: &&Grant| grant.until.is_none_or(|until| until > Instant::now());
        state.grants.get(scope).filter(good).map(|grant| grant.header.clone()).or_else(|| state.basic.clone())
    }

    /// Tells whether anybody has logged in, as far as that was looked up.
    pub(super) async fn has_login(&self) -> bool {
        self.state.lock().await.login.credentials().is_some()
    }

    /// Answers the challenge of a request that was refused with `used` in its header. Requests that were refused together
    /// make one exchange together.
    ///
    /// # Errors
    /// When there is no challenge that can be answered, or the answer is refused.
    pub(super) async fn answer(
        &self,
        client: &reqwest::Client,
        registry: &Url,
        scope: &Scope,
        challenge: &HeaderMap,
        used: Option<&Secret>,
    ) -> Result<(), RemoteError> {
        let mut state = self.state.lock().await;
        let current = state.grants.get(scope).map(|grant| &grant.header).or(state.basic.as_ref());
        if current.is_some() && current != used {
            return Ok(());
        }
        let values = || challenge.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<_> = values()
            .filter_map(|value| parse_challenges(value).ok())
            .flatten()
            .map(|challenge| Challenge::new(&challenge))
            .collect();
        if matches!(state.login, Login::Unsought) {
            let found = credentials::find(&self.location, &self.access).await;
            state.login = found.credentials.map_or(Login::Absent(found.fault), Login::Found);
        }
        let credentials = state.login.credentials().cloned();
        if let Some(Credentials::Bearer(token)) = &credentials {
            let given = Secret::new(format!("Bearer {}", token.expose()));
            if used == Some(&given) {
                return Err(self.refused("it does not take the token of the login"));
            }
            state.grants.insert(scope.clone(), Grant { header: given, until: None });
            return Ok(());
        }
        if let Some(bearer) = challenges.iter().find(|challenge| challenge.is("bearer")) {
            let exchanged = self.exchange(client, registry, bearer, scope, credentials.as_ref()).await;
            let grant = exchanged.map_err(|error| state.login.explain(error))?;
            state.grants.insert(scope.clone(), grant);
            return Ok(());
        }
        if !challenges.iter().any(|challenge| challenge.is("basic")) {
            return Err(self.refused("it asks for a kind of login that is not known here"));
        }
        match credentials {
            Some(Credentials::Password(name, password)) => {
                let basic = basic(&name, &password);
                if used == Some(&basic) {
                    return Err(self.refused("it refuses the user or the password"));
                }
                state.basic = Some(basic);
                Ok(())
            }
            Some(Credentials::Identity(_) | Credentials::Bearer(_)) => {
                Err(self.refused("it asks for a user and a password, and there is a token only"))
            }
            None => Err(state.login.explain(self.no_login())),
        }
    }

    async fn exchange(
        &self,
        client: &reqwest::Client,
        registry: &Url,
        challenge: &Challenge,
        scope: &Scope,
        credentials: Option<&Credentials>,
    ) -> Result<Grant, RemoteError> {
        let realm = challenge.get("realm").and_then(|realm| Url::parse(realm).ok());
        let realm = realm.filter(|realm| matches!(realm.scheme(), "http" | "https") && realm.username().is_empty());
        let Some(realm) = realm else { return Err(self.refused("it names no service that gives tokens")) };
        let names_secrets = credentials.is_some();
        if names_secrets && realm.scheme() == "http" && registry.scheme() == "https" {
            return Err(self.refused("the service that gives its tokens would get the login unencrypted"));
        }
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
            Some(Credentials::Bearer(_)) | None => {
                client.get(realm.clone()).query(&[("service", service), ("scope", &asked)])
            }
        };
        let what = format!("{}: the service that gives tokens", self.host());
        let answer = http::once(request, http::TOKEN_LIMIT).await.map_err(|failed| failed.told(&what))?;
        self.grant(&answer, credentials.is_some())
    }

    fn grant(&self, answer: &Answer, has_login: bool) -> Result<Grant, RemoteError> {
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST if has_login => {
                return Err(self.refused(&format!("its tokens are refused to this login{}", http::said(answer))));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(self.no_login()),
            status => {
                let message = format!("{}: the service that gives tokens fails", self.host());
                return Err(RemoteError::new(RemoteKind::Unavailable, message)
                    .because(format!("it answers {status}{}", http::said(answer))));
            }
        }
        let parsed: Option<TokenAnswer> = serde_json::from_slice(&answer.body).ok();
        let Some(TokenAnswer { token: Some(token), expires_in }) = parsed else {
            let page = if http::is_html(answer) { "an HTML page" } else { "no token" };
            let message = format!("{}: the service that gives tokens answers with {page}", self.host());
            return Err(RemoteError::new(RemoteKind::BadAnswer, message));
        };
        let life = Duration::from_secs(expires_in.unwrap_or(UNSAID_LIFE));
        let until = Instant::now().checked_add(life.saturating_sub(LEEWAY).max(life / 2));
        Ok(Grant { header: Secret::new(format!("Bearer {token}")), until })
    }

    /// Makes the error of a login that the registry does not take.
    pub(super) fn refused(&self, why: &str) -> RemoteError {
        RemoteError::new(RemoteKind::Unauthorized, format!("{}: the login is refused", self.host()))
            .because(why)
            .hint(format!("run `docker login {}` again, or give --username and --password-stdin", self.host()))
    }

    /// Makes the error of a registry that wants a login where there is none.
    pub(super) fn no_login(&self) -> RemoteError {
        RemoteError::new(RemoteKind::Unauthorized, format!("{} asks for a login", self.host())).hint(format!(
            "run `docker login {}` or `podman login {}`, or give --username and --password-stdin",
            self.host(),
            self.host()
        ))
    }
}

fn basic(user: &str, password: &Secret) -> Secret {
    let pair = format!("{user}:{}", password.expose());
    Secret::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
}

/// Makes a header of what a request carries, which no log shows.
pub(super) fn header_value(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a registry asks for.
struct Challenge {
    scheme: String,
    params: HashMap<String, String>,
}

impl Challenge {
    fn new(challenge: &http_auth::ChallengeRef<'_>) -> Self {
        let params = challenge.params.iter();
        Self {
            scheme: challenge.scheme.to_ascii_lowercase(),
            params: params.map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped())).collect(),
        }
    }

    fn is(&self, scheme: &str) -> bool {
        self.scheme == scheme
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
}

/// Makes an error fit for one line of what a registry says.
pub(super) fn shown(text: &str) -> String {
    visible(text).chars().take(300).collect()
}
