//! The cache service that jobs talk to, in both its versions. It hands out content, to whom a job's token lets read it.
//!
//! Asking for an entry counts as a use of it: what is read here is evicted later.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::credentials::{check_address, variable};
use super::entry::BUILDKIT_VERSION;
use super::http::{self, Http};
use crate::backend::{RemoteError, RemoteKind};
use crate::format::text::visible;
use crate::source::{GhaLocation, Secret, ServiceVersion};

const WHAT: &str = "the cache service of the job";
/// The variable in which a job has its token.
const TOKEN: &str = "ACTIONS_RUNTIME_TOKEN";

/// Talks to the service as a job.
#[derive(Debug)]
pub(super) struct Runtime {
    http: Http,
    url: String,
    version: ServiceVersion,
    token: Secret,
    claims: Claims,
    patience: Duration,
}

/// What a job's token says.
#[derive(Debug, Default, Clone, Deserialize)]
struct Claims {
    /// A list in JSON: which branches' entries may be read.
    #[serde(default)]
    ac: String,
    exp: Option<i64>,
    nbf: Option<i64>,
}

#[derive(Deserialize)]
struct Scope {
    #[serde(rename = "Scope")]
    scope: String,
    #[serde(rename = "Permission")]
    permission: u64,
}

impl Runtime {
    /// Finds the service that the source or the job's environment names; none outside a job.
    ///
    /// # Errors
    /// When an address or the token cannot be used.
    pub(super) fn find(
        location: &GhaLocation,
        concurrency: usize,
        timeout: Duration,
    ) -> Result<Option<Self>, RemoteError> {
        let named = [variable("ACTIONS_CACHE_URL"), variable("ACTIONS_RESULTS_URL")];
        let [v1, v2] = &named;
        let v1 = location.url.clone().or_else(|| v1.clone());
        let v2 = location.url_v2.clone().or_else(|| v2.clone());
        let secret = location.token.clone().or_else(|| variable(TOKEN).map(Secret::new));
        let Some(token) = secret else { return Ok(None) };
        // As BuildKit decides: the second version wherever it is offered, unless the source asks for the first.
        let (url, version) = match (location.version, v1, v2) {
            (Some(ServiceVersion::V1), Some(url), _) | (None, Some(url), None) => (url, ServiceVersion::V1),
            (_, _, Some(url)) => (url, ServiceVersion::V2),
            _ => return Ok(None),
        };
        let url = check_address("the address of the cache service", &url)?;
        if location.token.is_none() && !is_at_one_of(&url, &named) {
            return Err(elsewhere(&url));
        }
        let claims = claims(&token)?;
        Ok(Some(Self { http: Http::new(concurrency, timeout)?, url, version, token, claims, patience: timeout / 2 }))
    }

    /// Tells whether the entries of a branch may be read.
    pub(super) fn may_read(&self, git_ref: &str) -> bool {
        let scopes: Vec<Scope> = serde_json::from_str(&self.claims.ac).unwrap_or_default();
        scopes.iter().any(|scope| scope.scope == git_ref && scope.permission & 1 == 1)
    }

    /// Reads the content of the entry with exactly this key; none when it is not there any more.
    pub(super) async fn content(&self, key: &str) -> Result<Option<Vec<u8>>, RemoteError> {
        let Some(address) = self.address(key).await? else { return Ok(None) };
        // The address is the permission: the token must not go there.
        let answer = self.http.send(|| self.http.client.get(&address), WHAT, self.patience).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT} refuses content"))
                .because(format!("it answers {status}{}", http::said(&answer)))),
        }
    }

    /// Opens the content of the entry with exactly this key, however large; none when it is not there any more.
    pub(super) async fn open(&self, key: &str) -> Result<Option<impl AsyncRead + Send + use<>>, RemoteError> {
        let Some(address) = self.address(key).await? else { return Ok(None) };
        let response = self.http.open(&address, WHAT).await?;
        match response.status() {
            StatusCode::OK => {
                // Without the address, which is signed.
                let bytes = response.bytes_stream().map_err(|error| std::io::Error::other(error.without_url()));
                Ok(Some(StreamReader::new(bytes)))
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT} refuses content"))
                .because(format!("it answers {status}"))),
        }
    }

    async fn address(&self, key: &str) -> Result<Option<String>, RemoteError> {
        #[derive(Deserialize)]
        struct V1 {
            #[serde(rename = "cacheKey", default)]
            key: String,
            #[serde(rename = "archiveLocation", default)]
            address: String,
        }
        #[derive(Deserialize)]
        struct V2 {
            #[serde(default)]
            ok: bool,
            #[serde(default, alias = "signedDownloadUrl")]
            signed_download_url: String,
            #[serde(default, alias = "matchedKey")]
            matched_key: String,
        }
        let body = serde_json::json!({"key": key, "restore_keys": [], "version": BUILDKIT_VERSION});
        let request = || match self.version {
            ServiceVersion::V2 => self
                .http
                .client
                .post(format!("{}/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL", self.url))
                .json(&body)
                .bearer_auth(self.token.expose()),
            ServiceVersion::V1 => self
                .http
                .client
                .get(format!("{}/_apis/artifactcache/cache", self.url))
                .query(&[("keys", key), ("version", BUILDKIT_VERSION)])
                .header("accept", "application/json;api-version=6.0-preview.1")
                .bearer_auth(self.token.expose()),
        };
        let answer = self.http.send(request, WHAT, self.patience).await?;
        let found = match (answer.status, self.version) {
            (StatusCode::OK, ServiceVersion::V2) => serde_json::from_slice::<V2>(&answer.body)
                .map(|found| found.ok.then_some((found.matched_key, found.signed_download_url))),
            (StatusCode::OK, ServiceVersion::V1) => {
                serde_json::from_slice::<V1>(&answer.body).map(|found| Some((found.key, found.address)))
            }
            (StatusCode::NO_CONTENT | StatusCode::NOT_FOUND, _) => Ok(None),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => return Err(self.refused(&answer)),
            (status, _) => {
                return Err(RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT} refuses to answer"))
                    .because(format!("it answers {status}{}", http::said(&answer))));
            }
        };
        let found = found.map_err(|error| {
            let why = if http::is_html(&answer) { "it is an HTML page".to_owned() } else { error.to_string() };
            RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT}: the answer cannot be understood")).because(why)
        })?;
        // A service that finds nothing of that name takes the next whose name begins so.
        let Some((_, address)) = found.filter(|(found, _)| found == key) else { return Ok(None) };
        check_signed(&address)?;
        Ok(Some(address))
    }

    /// Says why a job's token is refused; a clock that is wrong is told by the times in the token.
    fn refused(&self, answer: &http::Answer) -> RemoteError {
        let error = RemoteError::new(RemoteKind::Unauthorized, format!("{WHAT} refuses the token of the job"))
            .because(format!("it answers {}{}", answer.status, http::said(answer)));
        let now = Timestamp::now().as_second();
        match (self.claims.nbf, self.claims.exp) {
            (Some(from), _) if from > now => error
                .because(format!("by the clock here it is valid only in {} seconds", from - now))
                .hint("set the clock: it is behind"),
            (_, Some(until)) if until < now => error
                .because(format!("by the clock here it expired {} seconds ago", now - until))
                .hint("a token is good for one job: run this in the job, or set the clock when it is ahead"),
            _ => error.hint("ACTIONS_RUNTIME_TOKEN must be that of the job which is running"),
        }
    }
}

/// Tells whether an address has the origin of one that the job's environment names. A source may come from a file that
/// anybody wrote, and the job's own token is for the job's own service.
fn is_at_one_of(address: &str, named: &[Option<String>]) -> bool {
    let origin = |address: &str| reqwest::Url::parse(address).ok().map(|url| url.origin());
    let wanted = origin(address);
    wanted.is_some() && named.iter().flatten().any(|named| origin(named) == wanted)
}

fn elsewhere(address: &str) -> RemoteError {
    let shown = visible(address);
    RemoteError::new(RemoteKind::Unauthorized, "there is no token for the cache service that the source names")
        .because(format!(
            "`{shown}` is not the service of this job, and {TOKEN} is sent to no other than that which ACTIONS_RESULTS_URL or ACTIONS_CACHE_URL names"
        ))
        .hint("leave `url` and `url_v2` out, or give the token of that service beside them, as `token=`")
}

/// Checks an address that the service signed: content comes encrypted, or from this very machine.
fn check_signed(address: &str) -> Result<(), RemoteError> {
    check_address("an address of content", address)
        .map(|_| ())
        .map_err(|_| RemoteError::new(RemoteKind::BadAnswer, format!("{WHAT} gives an address that cannot be used")))
}

fn claims(token: &Secret) -> Result<Claims, RemoteError> {
    let wrong = || {
        RemoteError::new(RemoteKind::Unauthorized, "the token of the job cannot be understood")
            .hint("ACTIONS_RUNTIME_TOKEN must be what GitHub sets in a job")
    };
    let payload = token.expose().split('.').nth(1).ok_or_else(wrong)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}
