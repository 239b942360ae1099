//! Manifests by tag and by digest, and blobs.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};

use super::auth::Scope;
use super::http::{Http, Tries};
use super::kept::Tagged;
use crate::backend::{RemoteError, RemoteKind};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, Document, INDEXES, MANIFESTS};

/// The header in which a registry tells a digest (distribution specification).
const CONTENT_DIGEST: &str = "docker-content-digest";

/// What is asked for: every kind of manifest that is understood.
fn accepted() -> String {
    INDEXES.iter().chain(&MANIFESTS).copied().collect::<Vec<_>>().join(", ")
}

/// A manifest as the registry gives it.
#[derive(Debug)]
pub(super) struct Manifest {
    /// What it is called: by the registry where that says it, else by its bytes.
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

impl Manifest {
    /// Tells whether the bytes are what the registry calls them.
    pub(super) fn is_true(&self) -> bool {
        self.digest.check(&self.bytes).is_ok()
    }

    /// Returns it as what a tag points to.
    pub(super) fn tagged(&self) -> Tagged {
        Tagged { digest: self.digest, media_type: self.media_type.clone(), size: self.bytes.len() as u64 }
    }
}

/// Reads the manifest that `reference`, a tag or a digest that has been checked, names; none when there is none.
pub(super) async fn get(http: &Http, repository: &str, reference: &str) -> Result<Option<Manifest>, RemoteError> {
    let address = http.address(&format!("{repository}/manifests/{reference}")).await?;
    let scope = Scope::Pull(repository.to_owned());
    let request = |client: &reqwest::Client| client.get(address.clone()).header(ACCEPT, accepted());
    let answer = http.send(&scope, DOCUMENT_LIMIT, request).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        _ => return Err(http.refusal(&answer, &format!("{}/{repository}:{reference}", http.host()), "pull").await),
    }
    if super::http::is_html(&answer) {
        return Err(http.refusal(&answer, &format!("{}/{repository}:{reference}", http.host()), "pull").await);
    }
    let digest = told_digest(&answer.headers).unwrap_or_else(|| Digest::of(&answer.body));
    Ok(Some(Manifest { digest, media_type: media_type(&answer.headers), bytes: answer.body }))
}

/// Asks what a tag points to, without reading it.
pub(super) async fn head(http: &Http, repository: &str, tag: &str) -> Result<Head, RemoteError> {
    let address = http.address(&format!("{repository}/manifests/{tag}")).await?;
    let scope = Scope::Pull(repository.to_owned());
    let request = |client: &reqwest::Client| client.head(address.clone()).header(ACCEPT, accepted());
    let answer = http.send(&scope, DOCUMENT_LIMIT, request).await?;
    match (answer.status, told_digest(&answer.headers)) {
        (StatusCode::OK, Some(digest)) => Ok(Head::Points(Tagged {
            digest,
            media_type: media_type(&answer.headers),
            size: length(&answer.headers).unwrap_or_default(),
        })),
        (StatusCode::NOT_FOUND, _) => Ok(Head::Absent),
        (StatusCode::OK | StatusCode::METHOD_NOT_ALLOWED, _) => Ok(Head::Untold),
        _ => Err(http.refusal(&answer, &format!("{}/{repository}:{tag}", http.host()), "pull").await),
    }
}

/// What a HEAD of a tag told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// What the tag points to.
    Points(Tagged),
    /// There is no such tag.
    Absent,
    /// The registry does not say: the manifest has to be read.
    Untold,
}

/// Finds out what a tag points to at this moment, whatever that takes; none when there is no such tag.
pub(super) async fn now(http: &Http, repository: &str, tag: &str) -> Result<Option<Digest>, RemoteError> {
    match head(http, repository, tag).await? {
        Head::Points(tagged) => Ok(Some(tagged.digest)),
        Head::Absent => Ok(None),
        Head::Untold => Ok(get(http, repository, tag).await?.map(|manifest| manifest.digest)),
    }
}

/// Tells whether a blob is stored.
pub(super) async fn has_blob(http: &Http, repository: &str, digest: Digest) -> Result<bool, RemoteError> {
    let address = http.address(&format!("{repository}/blobs/{digest}")).await?;
    let scope = Scope::Pull(repository.to_owned());
    let answer = http.send(&scope, DOCUMENT_LIMIT, |client| client.head(address.clone())).await?;
    match answer.status {
        status if status.is_success() => Ok(true),
        StatusCode::NOT_FOUND => Ok(false),
        _ => Err(http.refusal(&answer, &format!("{}/{repository}@{digest}", http.host()), "pull").await),
    }
}

/// Opens a blob; none when there is none.
pub(super) async fn open_blob(
    http: &Http,
    repository: &str,
    digest: Digest,
) -> Result<Option<reqwest::Response>, RemoteError> {
    let address = http.address(&format!("{repository}/blobs/{digest}")).await?;
    let scope = Scope::Pull(repository.to_owned());
    let response = http.open(&scope, &|client: &reqwest::Client| client.get(address.clone())).await?;
    match response.status() {
        status if status.is_success() => Ok(Some(response)),
        StatusCode::NOT_FOUND => Ok(None),
        status => {
            let message = format!("{}/{repository}@{digest} cannot be read", http.host());
            Err(RemoteError::new(RemoteKind::BadAnswer, message).because(format!("the registry answers {status}")))
        }
    }
}

pub(super) fn told_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

fn media_type(headers: &HeaderMap) -> String {
    let told = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    told.split(';').next().unwrap_or_default().trim().to_owned()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What became of something that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    /// The registry deleted it.
    Gone,
    /// It was not there.
    Absent,
    /// The registry does not delete such things.
    NotOffered,
}

/// Tries once to delete what a tag or a digest names. None when it is to be tried again: a build may have pushed meanwhile,
/// so that a look comes before.
pub(super) async fn delete(
    http: &Http,
    repository: &str,
    reference: &str,
    tries: &mut Tries,
) -> Result<Option<Deleted>, RemoteError> {
    let address = http.address(&format!("{repository}/manifests/{reference}")).await?;
    let scope = Scope::Change(repository.to_owned());
    let request = |client: &reqwest::Client| client.delete(address.clone());
    let Some(answer) = http.try_once(&scope, DOCUMENT_LIMIT, &request, tries).await? else { return Ok(None) };
    let is_unsupported = ["UNSUPPORTED", "DIGEST_INVALID", "TAG_INVALID", "NAME_INVALID"]
        .iter()
        .any(|code| super::http::has_code(&answer, code));
    match answer.status {
        status if status.is_success() => Ok(Some(Deleted::Gone)),
        StatusCode::NOT_FOUND => Ok(Some(Deleted::Absent)),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(Some(Deleted::NotOffered)),
        StatusCode::BAD_REQUEST if is_unsupported => Ok(Some(Deleted::NotOffered)),
        _ => Err(http.refusal(&answer, &format!("{}/{repository}:{reference}", http.host()), "delete").await),
    }
}

/// Lists what refers to a manifest; none where the registry does not tell (distribution specification, referrers).
pub(super) async fn referrers(
    http: &Http,
    repository: &str,
    digest: Digest,
) -> Result<Option<Vec<Descriptor>>, RemoteError> {
    let address = http.address(&format!("{repository}/referrers/{digest}")).await?;
    let scope = Scope::Pull(repository.to_owned());
    let answer = http.send(&scope, DOCUMENT_LIMIT, |client| client.get(address.clone())).await?;
    match answer.status {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND
        | StatusCode::BAD_REQUEST
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::NOT_IMPLEMENTED => return Ok(None),
        _ => return Err(http.refusal(&answer, &format!("{}/{repository}@{digest}", http.host()), "pull").await),
    }
    match Document::parse(&answer.body) {
        Ok(Document::Index { entries, .. }) => Ok(Some(entries)),
        Ok(Document::Manifest { .. }) | Err(_) => Ok(None),
    }
}

/// Returns the tag under which what refers to a manifest is listed where the registry itself does not (distribution
/// specification, referrers tag schema).
pub(super) fn referrers_tag(digest: Digest) -> String {
    format!("{}-{}", digest.algorithm(), digest.hex())
}
