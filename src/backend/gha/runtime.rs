//! The cache service of jobs, in both versions. It serves the content that a job's token may read.
//!
//! Requesting an entry counts as a use of it, so GitHub evicts an entry that is read later.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::entry::BUILDKIT_VERSION;
use crate::backend::Access;
use crate::backend::github::credentials::{check_address, variable};
use crate::backend::github::{self, call};
use crate::backend::http::{Http, HttpAnswer, OpenedAnswer, ServiceKind};
use crate::backend::{RemoteError, RemoteKind};
use crate::source::{GhaLocation, Secret, ServiceVersion};
use crate::text::escape::visible;

const WHAT: &str = "the cache service of the job";
/// The variable with the token of a job.
const TOKEN: &str = "ACTIONS_RUNTIME_TOKEN";

/// The supported version of the older API.
const ACCEPT_V1: &str = "application/json;api-version=6.0-preview.1";

/// Sends requests to the service as a job.
#[derive(Debug)]
pub(super) struct CacheService {
    http: Http,
    url: String,
    version: ServiceVersion,
    token: Secret,
    claims: Claims,
}

/// The claims of a job's token.
#[derive(Debug, Default, Clone, Deserialize)]
struct Claims {
    /// JSON with the branches whose entries may be read.
    #[serde(default)]
    ac: String,
    exp: Option<i64>,
    nbf: Option<i64>,
}

#[derive(Deserialize)]
struct TokenPermission {
    #[serde(rename = "Scope")]
    scope: String,
    #[serde(rename = "Permission")]
    permission: u64,
}

impl CacheService {
    /// Finds the service in the source or the job's environment; `None` outside a job.
    ///
    /// # Errors
    /// Fails if an address or the token cannot be used.
    pub(super) fn find(
        location: &GhaLocation,
        access: &Access,
    ) -> Result<Option<Self>, RemoteError> {
        let named = [
            variable("ACTIONS_CACHE_URL"),
            variable("ACTIONS_RESULTS_URL"),
        ];
        let [v1, v2] = &named;
        let v1 = location.url.clone().or_else(|| v1.clone());
        let v2 = location.url_v2.clone().or_else(|| v2.clone());
        let secret = location
            .token
            .clone()
            .or_else(|| variable(TOKEN).map(Secret::new));
        let Some(token) = secret else { return Ok(None) };
        // As in BuildKit: version 2 if it is offered, unless the source selects version 1.
        let (url, version) = match (location.version, v1, v2) {
            (Some(ServiceVersion::V1), Some(url), _) | (None, Some(url), None) => {
                (url, ServiceVersion::V1)
            }
            (_, _, Some(url)) => (url, ServiceVersion::V2),
            _ => return Ok(None),
        };
        let url = check_address("the address of the cache service", &url)?;
        if location.token.is_none() && !is_at_one_of(&url, &named) {
            return Err(elsewhere(&url));
        }
        let claims = claims(&token)?;
        Ok(Some(Self {
            http: github::client(access)?,
            url,
            version,
            token,
            claims,
        }))
    }

    /// Returns whether the entries of a branch may be read.
    pub(super) fn may_read(&self, git_ref: &str) -> bool {
        let scopes: Vec<TokenPermission> =
            serde_json::from_str(&self.claims.ac).unwrap_or_default();
        scopes
            .iter()
            .any(|scope| scope.scope == git_ref && scope.permission & 1 == 1)
    }

    /// Returns whether entries may be written for any branch; `None` if the token does not say.
    /// GitHub gives read-only tokens to workflows that untrusted events start, and to those that
    /// request one.
    pub(super) fn may_write(&self) -> Option<bool> {
        let scopes: Vec<TokenPermission> = serde_json::from_str(&self.claims.ac).ok()?;
        Some(scopes.iter().any(|scope| scope.permission & 2 == 2))
    }

    /// Returns whether entries may be written for a branch.
    pub(super) fn may_write_for(&self, git_ref: &str) -> bool {
        let scopes: Vec<TokenPermission> =
            serde_json::from_str(&self.claims.ac).unwrap_or_default();
        scopes
            .iter()
            .any(|scope| scope.scope == git_ref && scope.permission & 2 == 2)
    }

    /// Saves an entry, and returns whether it is new. An existing entry of that key is never
    /// replaced.
    pub(super) async fn save(&self, key: &str, bytes: &[u8]) -> Result<bool, RemoteError> {
        match self.version {
            ServiceVersion::V2 => self.save_v2(key, bytes).await,
            ServiceVersion::V1 => self.save_v1(key, bytes).await,
        }
    }

    async fn save_v2(&self, key: &str, bytes: &[u8]) -> Result<bool, RemoteError> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(default)]
            ok: bool,
            #[serde(default, rename = "signed_upload_url", alias = "signedUploadUrl")]
            address: String,
        }
        #[derive(Deserialize)]
        struct Finalized {
            #[serde(default)]
            ok: bool,
        }
        let call_of = |method: &str| {
            format!(
                "{}/twirp/github.actions.results.api.v1.CacheService/{method}",
                self.url
            )
        };
        let body = serde_json::json!({"key": key, "version": BUILDKIT_VERSION});
        let Some(answer) = self
            .ask_to_save(&call_of("CreateCacheEntry"), &body)
            .await?
        else {
            return Ok(false);
        };
        let created: Created = answer.json(WHAT)?;
        if !created.ok {
            return Ok(false);
        }
        check_signed(&created.address)?;
        // The signed address is the permission. The token must not be sent there.
        let upload = |client: &Client| {
            client
                .put(&created.address)
                .header("x-ms-blob-type", "BlockBlob")
                .header("content-type", "application/octet-stream")
                .body(bytes.to_vec())
        };
        let answer = self.http.send(call(WHAT), upload).await?;
        if !answer.status.is_success() {
            return Err(not_saved(&answer));
        }
        // In the JSON of protocol buffers, 64-bit numbers are strings.
        let size = bytes.len().to_string();
        let body = serde_json::json!({"key": key, "version": BUILDKIT_VERSION, "size_bytes": size});
        let answer = self
            .ask_to_save(&call_of("FinalizeCacheEntryUpload"), &body)
            .await?;
        match answer {
            Some(answer) => Ok(answer.json::<Finalized>(WHAT)?.ok),
            None => Ok(false),
        }
    }

    async fn save_v1(&self, key: &str, bytes: &[u8]) -> Result<bool, RemoteError> {
        #[derive(Deserialize)]
        struct Reserved {
            #[serde(rename = "cacheId")]
            id: u64,
        }
        let caches = format!("{}/_apis/artifactcache/caches", self.url);
        let size = bytes.len();
        let body = serde_json::json!({"key": key, "version": BUILDKIT_VERSION, "cacheSize": size});
        let Some(answer) = self.ask_to_save(&caches, &body).await? else {
            return Ok(false);
        };
        let place = format!("{caches}/{}", answer.json::<Reserved>(WHAT)?.id);
        let range = format!("bytes 0-{}/*", size.saturating_sub(1));
        let upload = |client: &Client| {
            client
                .patch(&place)
                .header("accept", ACCEPT_V1)
                .header("content-type", "application/octet-stream")
                .header("content-range", &range)
                .bearer_auth(self.token.expose())
                .body(bytes.to_vec())
        };
        let answer = self.http.send(call(WHAT), upload).await?;
        if !answer.status.is_success() {
            return Err(not_saved(&answer));
        }
        let body = serde_json::json!({ "size": size });
        Ok(self.ask_to_save(&place, &body).await?.is_some())
    }

    /// Sends a request for saving an entry; `None` if there is an entry of that key.
    async fn ask_to_save(
        &self,
        address: &str,
        body: &serde_json::Value,
    ) -> Result<Option<HttpAnswer>, RemoteError> {
        let make = |client: &Client| {
            let request = client.post(address).json(body);
            let request = match self.version {
                ServiceVersion::V1 => request.header("accept", ACCEPT_V1),
                ServiceVersion::V2 => request,
            };
            request.bearer_auth(self.token.expose())
        };
        let answer = self.http.send(call(WHAT), make).await?;
        match answer.status {
            status if status.is_success() => Ok(Some(answer)),
            StatusCode::CONFLICT => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.refused(&answer)),
            _ => Err(not_saved(&answer)),
        }
    }

    /// Reads the content of the entry with exactly this key; `None` if it no longer exists.
    pub(super) async fn content(&self, key: &str) -> Result<Option<Vec<u8>>, RemoteError> {
        let Some(address) = self.address(key).await? else {
            return Ok(None);
        };
        // The signed address is the permission. The token must not be sent there.
        let make = |client: &Client| client.get(&address);
        let answer = self.http.send(call(WHAT), make).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(RemoteError::new(
                RemoteKind::BadAnswer,
                format!("{WHAT} refuses content"),
            )
            .because(format!(
                "it answers {status}{}",
                ServiceKind::Github.said(&answer)
            ))),
        }
    }

    /// Opens the content of the entry with exactly this key, of any size; `None` if it no longer
    /// exists.
    pub(super) async fn open(
        &self,
        key: &str,
    ) -> Result<Option<impl AsyncRead + Send + use<>>, RemoteError> {
        let Some(address) = self.address(key).await? else {
            return Ok(None);
        };
        let status = match self.http.open(WHAT, |client| client.get(&address)).await? {
            OpenedAnswer::Stream(response) if response.status() == StatusCode::OK => {
                // Without the address, which is signed.
                let bytes = response
                    .bytes_stream()
                    .map_err(|error| std::io::Error::other(error.without_url()));
                return Ok(Some(StreamReader::new(bytes)));
            }
            OpenedAnswer::Stream(response) => response.status(),
            OpenedAnswer::Refused(answer) if answer.status == StatusCode::NOT_FOUND => {
                return Ok(None);
            }
            OpenedAnswer::Refused(answer) => answer.status,
        };
        let message = format!("{WHAT} refuses content");
        Err(RemoteError::new(RemoteKind::BadAnswer, message)
            .because(format!("it answers {status}")))
    }

    async fn address(&self, key: &str) -> Result<Option<String>, RemoteError> {
        let body = serde_json::json!({"key": key, "restore_keys": [], "version": BUILDKIT_VERSION});
        let make = |client: &Client| match self.version {
            ServiceVersion::V2 => client
                .post(format!(
                    "{}/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL",
                    self.url
                ))
                .json(&body)
                .bearer_auth(self.token.expose()),
            ServiceVersion::V1 => client
                .get(format!("{}/_apis/artifactcache/cache", self.url))
                .query(&[("keys", key), ("version", BUILDKIT_VERSION)])
                .header("accept", ACCEPT_V1)
                .bearer_auth(self.token.expose()),
        };
        let answer = self.http.send(call(WHAT), make).await?;
        let found = match (answer.status, self.version) {
            (StatusCode::OK, ServiceVersion::V2) => {
                let found: EntryAddressV2 = answer.json(WHAT)?;
                // In the JSON of protocol buffers an absent field is false or empty, so these
                // fields are required only if an entry was found.
                if found.ok && (found.matched_key.is_empty() || found.address.is_empty()) {
                    let message = format!("{WHAT}: the answer is not whole");
                    return Err(RemoteError::new(RemoteKind::BadAnswer, message)
                        .because("it reports an entry and names no key or no address"));
                }
                found.ok.then_some((found.matched_key, found.address))
            }
            (StatusCode::OK, ServiceVersion::V1) => {
                let found: EntryAddressV1 = answer.json(WHAT)?;
                Some((found.key, found.address))
            }
            (StatusCode::NO_CONTENT | StatusCode::NOT_FOUND, _) => None,
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                return Err(self.refused(&answer));
            }
            (status, _) => {
                return Err(RemoteError::new(
                    RemoteKind::BadAnswer,
                    format!("{WHAT} refuses to answer"),
                )
                .because(format!(
                    "it answers {status}{}",
                    ServiceKind::Github.said(&answer)
                )));
            }
        };
        // If the service has no entry with that name, it returns one whose name begins with it.
        let Some((_, address)) = found.filter(|(found, _)| found == key) else {
            return Ok(None);
        };
        check_signed(&address)?;
        Ok(Some(address))
    }

    /// Describes why a job's token is refused. A wrong clock shows in the times of the token.
    fn refused(&self, answer: &HttpAnswer) -> RemoteError {
        let error = RemoteError::new(
            RemoteKind::Unauthorized,
            format!("{WHAT} refuses the token of the job"),
        )
        .because(format!(
            "it answers {}{}",
            answer.status,
            ServiceKind::Github.said(answer)
        ));
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

fn not_saved(answer: &HttpAnswer) -> RemoteError {
    let message = format!("{WHAT} does not save the entry");
    RemoteError::new(RemoteKind::BadAnswer, message).because(format!(
        "it answers {}{}",
        answer.status,
        ServiceKind::Github.said(answer)
    ))
}

/// Returns whether an address has the same origin as one in the job's environment. A source may
/// come from a file that anybody wrote, and the job's own token is only for the job's own service.
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
        .hint("remove `url` and `url_v2`, or add the token of that service as `token=`")
}

/// Checks an address that the service signed: content must come encrypted or from this machine.
fn check_signed(address: &str) -> Result<(), RemoteError> {
    check_address("an address of content", address)
        .map(|_| ())
        .map_err(|_| {
            RemoteError::new(
                RemoteKind::BadAnswer,
                format!("{WHAT} gives an address that cannot be used"),
            )
        })
}

fn claims(token: &Secret) -> Result<Claims, RemoteError> {
    let wrong = || {
        RemoteError::new(
            RemoteKind::Unauthorized,
            "the token of the job cannot be understood",
        )
        .hint("ACTIONS_RUNTIME_TOKEN must have the value that GitHub sets in a job")
    };
    let payload = token.expose().split('.').nth(1).ok_or_else(wrong)?;
    let bytes = URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .map_err(|_| wrong())?;
    serde_json::from_slice(&bytes).map_err(|_| wrong())
}

#[derive(Deserialize)]
struct EntryAddressV1 {
    #[serde(rename = "cacheKey")]
    key: String,
    #[serde(rename = "archiveLocation")]
    address: String,
}

#[derive(Deserialize)]
struct EntryAddressV2 {
    #[serde(default)]
    ok: bool,
    #[serde(default, rename = "signed_download_url", alias = "signedDownloadUrl")]
    address: String,
    #[serde(default, alias = "matchedKey")]
    matched_key: String,
}
