//! GitHub's packages API, which knows of a repository on ghcr.io what the registry itself does not tell: every version,
//! also those that no tag names any more. It deletes versions, and gives them back for thirty days.

use std::time::Duration;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::backend::gha::credentials::{self, Token};
use crate::backend::gha::http::{self, Answer, Http, Tries};
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::format::digest::Digest;
use crate::source::RegistryLocation;

/// What errors call it.
const WHAT: &str = "GitHub's packages API";
/// The most that GitHub gives at once.
const PER_PAGE: usize = 100;
/// More pages than these are believed of no list.
const MOST_PAGES: usize = 10_000;
/// How long a deletion waits for a limit, at most.
const PATIENCE: Duration = Duration::from_mins(15);

/// What stands behind one repository.
#[derive(Debug)]
pub(super) struct Packages {
    http: Http,
    api: String,
    owner: String,
    package: String,
    token: Option<Token>,
    patience: Duration,
    owners: OnceCell<&'static str>,
}

/// A version of a package: a manifest with its tags.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Version {
    pub(super) id: u64,
    /// The digest.
    pub(super) name: String,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    container: Container,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Container {
    tags: Vec<String>,
}

impl Version {
    pub(super) fn digest(&self) -> Option<Digest> {
        self.name.parse().ok()
    }

    pub(super) fn tags(&self) -> &[String] {
        &self.metadata.container.tags
    }

    /// Returns when it was pushed, or its tags changed.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        self.updated_at.max(self.created_at)
    }
}

/// Which versions are meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Active,
    Deleted,
}

impl Packages {
    /// Finds the API behind a registry; none when it is not one of GitHub's.
    ///
    /// # Errors
    /// When the environment names an API that cannot be used.
    pub(super) async fn find(location: &RegistryLocation, access: &Access) -> Result<Option<Self>, RemoteError> {
        let is_github = location.host == "ghcr.io" || location.host.starts_with("containers.");
        let Some((owner, package)) = location.repository.split_once('/').filter(|_| is_github) else { return Ok(None) };
        let api = credentials::api()?;
        if !is_behind(&location.host, &api) {
            return Ok(None);
        }
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        Ok(Some(Self {
            http: Http::new(access.concurrency, access.timeout)?,
            token: credentials::token(None, &api).await,
            api,
            owner: encoded(owner),
            package: encoded(package),
            patience: access.timeout / 2,
            owners: OnceCell::new(),
        }))
    }

    /// Lists the versions of the package, the newest first.
    pub(super) async fn versions(&self, state: State) -> Result<Vec<Version>, RemoteError> {
        let (state, mut found) = (if matches!(state, State::Active) { "active" } else { "deleted" }, Vec::new());
        for page in 1..=MOST_PAGES {
            let path = self.path(&format!("versions?state={state}&per_page={PER_PAGE}&page={page}")).await?;
            let answer = self.send(Method::GET, &path, self.patience).await?;
            if answer.status != StatusCode::OK {
                return Err(self.refusal(&answer, "read:packages"));
            }
            let versions: Vec<Version> = Self::parse(&answer)?;
            let is_last = versions.len() < PER_PAGE;
            found.extend(versions);
            if is_last {
                return Ok(found);
            }
        }
        Err(RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT}: the list has no end")))
    }

    /// Looks at one version; none when it has gone.
    pub(super) async fn version(&self, id: u64) -> Result<Option<Version>, RemoteError> {
        let path = self.path(&format!("versions/{id}")).await?;
        let answer = self.send(Method::GET, &path, self.patience).await?;
        match answer.status {
            StatusCode::OK => Self::parse(&answer).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.refusal(&answer, "read:packages")),
        }
    }

    /// Tries once to delete a version with all its tags; tells whether it was there. None when it is to be tried again: a
    /// build may have pushed meanwhile, so that a look comes before.
    pub(super) async fn delete(&self, id: u64, tries: &mut Tries) -> Result<Option<bool>, RemoteError> {
        let path = self.path(&format!("versions/{id}")).await?;
        let request = || self.request(&Method::DELETE, &path);
        let Some(answer) = self.http.try_once(request, WHAT, PATIENCE, tries).await? else { return Ok(None) };
        match answer.status {
            status if status.is_success() => Ok(Some(true)),
            StatusCode::NOT_FOUND => Ok(Some(false)),
            _ => Err(self.refusal(&answer, "delete:packages")),
        }
    }

    /// Gives a version back that was deleted.
    pub(super) async fn restore(&self, id: u64) -> Result<(), RemoteError> {
        let path = self.path(&format!("versions/{id}/restore")).await?;
        let answer = self.send(Method::POST, &path, PATIENCE).await?;
        if answer.status.is_success() { Ok(()) } else { Err(self.refusal(&answer, "write:packages")) }
    }

    /// Makes an address below the package. Users and organizations have different ones.
    async fn path(&self, rest: &str) -> Result<String, RemoteError> {
        #[derive(Deserialize)]
        struct Owner {
            #[serde(rename = "type")]
            kind: String,
        }
        let ask = || async {
            let answer = self.send(Method::GET, &format!("users/{}", self.owner), self.patience).await?;
            if answer.status != StatusCode::OK {
                return Err(self.refusal(&answer, "read:packages"));
            }
            let owner: Owner = Self::parse(&answer)?;
            Ok(if owner.kind == "Organization" { "orgs" } else { "users" })
        };
        let owners = self.owners.get_or_try_init(ask).await?;
        Ok(format!("{owners}/{}/packages/container/{}/{rest}", self.owner, self.package))
    }

    async fn send(&self, method: Method, path: &str, patience: Duration) -> Result<Answer, RemoteError> {
        self.http.send(|| self.request(&method, path), WHAT, patience).await
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .client
            .request(method.clone(), format!("{}/{path}", self.api))
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        match &self.token {
            Some(token) => request.bearer_auth(token.secret.expose()),
            None => request,
        }
    }

    fn parse<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, RemoteError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let fault = RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT}: the answer cannot be understood"));
            fault.because(if http::is_html(answer) { "it is an HTML page".to_owned() } else { error.to_string() })
        })
    }

    /// Says in words why GitHub refuses. `scope` is what a token needs.
    fn refusal(&self, answer: &Answer, scope: &str) -> RemoteError {
        let what = WHAT;
        let cause = format!("GitHub answers {}{}", answer.status, http::said(answer));
        let error = |kind, why: &str| RemoteError::new(kind, format!("{what}: {why}")).because(cause.clone());
        let wants = format!("a classic token with {scope}, in GH_TOKEN or by `gh auth login --scopes {scope}`");
        match (answer.status, &self.token) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, None) => {
                error(RemoteKind::Unauthorized, "it wants a token").hint(format!("give {wants}"))
            }
            (StatusCode::UNAUTHORIZED, Some(token)) => {
                error(RemoteKind::Unauthorized, &format!("the token from {} is not taken", token.from))
                    .hint(format!("give {wants}"))
            }
            (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, Some(token)) => {
                error(RemoteKind::Forbidden, &format!("the token from {} may not do this", token.from))
                    .hint(format!("it takes {wants}; in a workflow, `permissions: packages: write`"))
            }
            (StatusCode::BAD_REQUEST, _) => error(RemoteKind::Unsupported, "GitHub does not delete this version")
                .hint("neither the last version with a tag nor one of a public package with more than 5000 downloads can be deleted alone"),
            _ => error(RemoteKind::BadAnswer, "the request is refused"),
        }
    }
}

/// Tells whether `api` is about the registry at `host`: a token goes to no other place, and versions come from no other.
fn is_behind(host: &str, api: &str) -> bool {
    let Some(of_api) = credentials::host_of(api) else { return false };
    match host {
        "ghcr.io" => matches!(of_api.as_str(), "github.com" | "localhost" | "127.0.0.1"),
        _ => host.strip_prefix("containers.") == Some(&of_api),
    }
}

#[cfg(test)]
mod tests {
    use super::is_behind;

    #[test]
    fn an_api_is_about_its_own_registry() {
        for (host, api) in [
            ("ghcr.io", "https://api.github.com"),
            ("containers.ghe.example", "https://ghe.example/api/v3"),
            ("containers.acme.ghe.com", "https://api.acme.ghe.com"),
        ] {
            assert!(is_behind(host, api), "{host} {api}");
        }
        for (host, api) in [
            ("ghcr.io", "https://ghe.example/api/v3"),
            ("containers.ghe.example", "https://api.github.com"),
            ("containers.evil.example", "https://ghe.example/api/v3"),
        ] {
            assert!(!is_behind(host, api), "{host} {api}");
        }
    }
}
