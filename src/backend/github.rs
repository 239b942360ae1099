//! GitHub's REST API, for the cache backend and the packages of a registry.

use reqwest::{Client, Method, RequestBuilder};

use super::http::{self, Call, Failed, Http, HttpAnswer, ServiceKind, Tries};
use super::listing::ListBounds;
use super::{Access, RemoteError, RequestBudget};

pub(super) mod credentials;
mod pages;
mod remote;

use credentials::GithubToken;
pub(super) use pages::{ApiPage, list, numbered};

/// The largest answer that is read, in bytes.
pub(super) const ANSWER_LIMIT: u64 = 16 << 20;
/// The most entries that GitHub returns in one page.
pub(super) const PER_PAGE: u64 = 100;
/// Bounds for the length of lists.
pub(super) const BOUNDS: ListBounds = ListBounds {
    pages: 10_000,
    keys: 1_000_000,
};
/// GitHub's documentation allows 100 concurrent requests for all clients of a user, and this is one
/// client.
pub(super) const MOST_CONCURRENT: usize = 16;

/// Creates the client for GitHub's services.
///
/// # Errors
/// Fails if the system's certificates cannot be used.
pub(super) fn client(access: &Access) -> Result<Http, RemoteError> {
    let client = http::client_builder(access.timeout, http::within_origin())
        .build()
        .map_err(|error| Failed::Way(error).into_remote(ServiceKind::Github, "the HTTP client"))?;
    Ok(Http::new(
        client,
        ServiceKind::Github,
        concurrency(access),
        access,
    ))
}

/// Returns the most concurrent requests.
pub(super) fn concurrency(access: &Access) -> usize {
    access.concurrency.clamp(1, MOST_CONCURRENT)
}

/// GitHub's API at one address, with the token for it.
#[derive(Debug)]
pub(super) struct Api {
    http: Http,
    address: String,
    pub(super) token: Option<GithubToken>,
}

impl Api {
    pub(super) fn new(
        address: String,
        token: Option<GithubToken>,
        access: &Access,
    ) -> Result<Self, RemoteError> {
        Ok(Self {
            http: client(access)?,
            address,
            token,
        })
    }

    /// Returns the request budget that GitHub reported last.
    pub(super) fn budget(&self) -> Option<RequestBudget> {
        self.http.budget()
    }

    /// Creates a request for a path below the address of the API.
    pub(super) fn request(&self, client: &Client, method: Method, path: &str) -> RequestBuilder {
        let request = client
            .request(method, format!("{}/{path}", self.address))
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        match &self.token {
            Some(token) => request.bearer_auth(token.secret.expose()),
            None => request,
        }
    }

    /// Sends a GET to a path.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
        what: &str,
    ) -> Result<HttpAnswer, RemoteError> {
        let make = |client: &Client| self.request(client, Method::GET, path).query(query);
        self.http.send(call(what), make).await
    }

    /// Sends a change that may be repeated without checking first.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &str,
        what: &str,
    ) -> Result<HttpAnswer, RemoteError> {
        let make = |client: &Client| self.request(client, method.clone(), path);
        self.http.send(call(what), make).await
    }

    /// Sends a change once. Returns `None` if it should be sent again: time has passed, so the
    /// caller must check first.
    pub(super) async fn try_change(
        &self,
        method: Method,
        path: &str,
        what: &str,
        tries: &mut Tries,
    ) -> Result<Option<HttpAnswer>, RemoteError> {
        let make = |client: &Client| self.request(client, method.clone(), path);
        self.http.try_once(call(what), &make, tries).await
    }
}

/// Describes a request with the usual answer limit.
pub(super) fn call(what: &str) -> Call<'_> {
    Call {
        what,
        limit: ANSWER_LIMIT,
    }
}
