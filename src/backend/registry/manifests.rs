//! Manifests by tag and by digest, and blobs.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde::Deserialize;

use super::auth::TokenScope;
use super::client::RegistryClient;
use super::kept::Tagged;
use super::link::{self, Next};
use super::plane::{BlobStream, Pulled};
use crate::backend::http::{self, OpenedAnswer, Tries};
use crate::backend::listing::{self, ListBounds, PagedListing};
use crate::backend::{BlobAnswer, RemoteError, RemoteKind};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, INDEXES, MANIFESTS};

/// The header with the digest (distribution specification).
const CONTENT_DIGEST: &str = "docker-content-digest";

/// The accepted media types: all supported kinds of manifests.
fn accepted() -> String {
    INDEXES
        .iter()
        .chain(&MANIFESTS)
        .copied()
        .collect::<Vec<_>>()
        .join(", ")
}

/// A manifest as the registry returned it.
#[derive(Debug)]
pub(super) struct Manifest {
    /// The digest from the registry, or that of the bytes if it sends none.
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

impl Manifest {
    /// Returns whether the bytes match the digest.
    pub(super) fn is_true(&self) -> bool {
        self.digest.check(&self.bytes).is_ok()
    }

    /// Returns the manifest as the target of a tag.
    pub(super) fn tagged(&self) -> Tagged {
        Tagged {
            digest: self.digest,
            media_type: self.media_type.clone(),
            size: self.bytes.len() as u64,
        }
    }
}

/// Reads the manifest of `reference`, which is a valid tag or digest; `None` if it does not exist.
pub(super) async fn get(
    registry: &RegistryClient,
    repository: &str,
    reference: &str,
) -> Result<Option<Manifest>, RemoteError> {
    let address = registry
        .address(&format!("{repository}/manifests/{reference}"))
        .await?;
    let scope = TokenScope::Pull(repository.to_owned());
    let request = |client: &reqwest::Client| client.get(address.clone()).header(ACCEPT, accepted());
    let answer = registry.send(&scope, DOCUMENT_LIMIT, request).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        _ => {
            return Err(registry
                .refusal(
                    &answer,
                    &format!("{}/{repository}:{reference}", registry.host()),
                    "pull",
                )
                .await);
        }
    }
    if answer.is_html() {
        return Err(registry
            .refusal(
                &answer,
                &format!("{}/{repository}:{reference}", registry.host()),
                "pull",
            )
            .await);
    }
    let digest = digest_header(&answer.headers).unwrap_or_else(|| Digest::of(&answer.body));
    Ok(Some(Manifest {
        digest,
        media_type: media_type(&answer.headers),
        bytes: answer.body,
    }))
}

/// Requests the target of a tag without reading the manifest.
pub(super) async fn head(
    registry: &RegistryClient,
    repository: &str,
    tag: &str,
) -> Result<Head, RemoteError> {
    let address = registry
        .address(&format!("{repository}/manifests/{tag}"))
        .await?;
    let scope = TokenScope::Pull(repository.to_owned());
    let request =
        |client: &reqwest::Client| client.head(address.clone()).header(ACCEPT, accepted());
    let answer = registry.send(&scope, DOCUMENT_LIMIT, request).await?;
    match (answer.status, digest_header(&answer.headers)) {
        (StatusCode::OK, Some(digest)) => Ok(Head::Points(Tagged {
            digest,
            media_type: media_type(&answer.headers),
            size: length(&answer.headers).unwrap_or_default(),
        })),
        (StatusCode::NOT_FOUND, _) => Ok(Head::Absent),
        (StatusCode::OK | StatusCode::METHOD_NOT_ALLOWED, _) => Ok(Head::NotReported),
        _ => Err(registry
            .refusal(
                &answer,
                &format!("{}/{repository}:{tag}", registry.host()),
                "pull",
            )
            .await),
    }
}

/// The answer to a HEAD of a tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The target of the tag.
    Points(Tagged),
    /// There is no such tag.
    Absent,
    /// The registry does not return the digest, so the manifest has to be read.
    NotReported,
}

/// Returns the current target of a tag, with a GET if needed; `None` if the tag does not exist.
pub(super) async fn now(
    registry: &RegistryClient,
    repository: &str,
    tag: &str,
) -> Result<Option<Digest>, RemoteError> {
    match head(registry, repository, tag).await? {
        Head::Points(tagged) => Ok(Some(tagged.digest)),
        Head::Absent => Ok(None),
        Head::NotReported => Ok(get(registry, repository, tag)
            .await?
            .map(|manifest| manifest.digest)),
    }
}

/// Asks whether a manifest is stored; `None` if the registry does not say.
pub(super) async fn has_manifest(
    registry: &RegistryClient,
    repository: &str,
    digest: Digest,
) -> Result<Option<BlobAnswer>, RemoteError> {
    Ok(
        match head(registry, repository, &digest.to_string()).await? {
            // The size may be that of another form of the manifest.
            Head::Points(_) => Some(BlobAnswer::Stored { size: None }),
            Head::Absent => Some(BlobAnswer::Absent),
            Head::NotReported => None,
        },
    )
}

/// Asks whether a blob is stored, and for its size if `wants_size` is set.
pub(super) async fn has_blob(
    registry: &RegistryClient,
    repository: &str,
    digest: Digest,
    wants_size: bool,
) -> Result<Option<BlobAnswer>, RemoteError> {
    if !wants_size && let Some(exists) = registry.blob_exists(repository, digest).await {
        return Ok(Some(if exists {
            BlobAnswer::Stored { size: None }
        } else {
            BlobAnswer::Absent
        }));
    }
    let address = registry
        .address(&format!("{repository}/blobs/{digest}"))
        .await?;
    let scope = TokenScope::Pull(repository.to_owned());
    let answer = registry
        .send(&scope, DOCUMENT_LIMIT, |client| {
            client.head(address.clone())
        })
        .await?;
    match answer.status {
        status if status.is_success() => Ok(Some(BlobAnswer::Stored {
            size: length(&answer.headers),
        })),
        StatusCode::NOT_FOUND => Ok(Some(BlobAnswer::Absent)),
        _ => Err(registry
            .refusal(
                &answer,
                &format!("{}/{repository}@{digest}", registry.host()),
                "pull",
            )
            .await),
    }
}

/// Opens a blob; `None` if it does not exist.
pub(super) async fn open_blob(
    registry: &RegistryClient,
    repository: &str,
    digest: Digest,
) -> Result<Option<BlobStream>, RemoteError> {
    match registry.pull_blob(repository, digest).await {
        Some(Pulled::Stream(stream)) => return Ok(Some(stream)),
        Some(Pulled::Absent) => return Ok(None),
        None => {}
    }
    let address = registry
        .address(&format!("{repository}/blobs/{digest}"))
        .await?;
    let scope = TokenScope::Pull(repository.to_owned());
    let make = |client: &reqwest::Client| client.get(address.clone());
    let what = format!("{}/{repository}@{digest}", registry.host());
    match registry.open(&scope, &make).await? {
        OpenedAnswer::Stream(response) if response.status().is_success() => {
            Ok(Some(BlobStream::of(response)))
        }
        OpenedAnswer::Stream(response) => {
            let message = format!("{what} cannot be read");
            Err(RemoteError::new(RemoteKind::BadAnswer, message)
                .because(format!("the registry answers {}", response.status())))
        }
        OpenedAnswer::Refused(answer) if answer.status == StatusCode::NOT_FOUND => Ok(None),
        OpenedAnswer::Refused(answer) => Err(registry.refusal(&answer, &what, "pull").await),
    }
}

pub(super) fn digest_header(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The answer to a DELETE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ManifestDeletion {
    /// The registry deleted it.
    Gone,
    /// It did not exist.
    Absent,
    /// The registry does not support this deletion.
    NotOffered,
}

/// Tries once to delete a tag, or a manifest by its digest. Returns `None` if the caller should try
/// again: a build may have pushed since, so check first.
pub(super) async fn delete(
    registry: &RegistryClient,
    repository: &str,
    reference: &str,
    tries: &mut Tries,
) -> Result<Option<ManifestDeletion>, RemoteError> {
    let address = registry
        .address(&format!("{repository}/manifests/{reference}"))
        .await?;
    let scope = TokenScope::Change(repository.to_owned());
    let request = |client: &reqwest::Client| client.delete(address.clone());
    let Some(answer) = registry
        .try_once(&scope, DOCUMENT_LIMIT, &request, tries)
        .await?
    else {
        return Ok(None);
    };
    let is_unsupported = [
        "UNSUPPORTED",
        "DIGEST_INVALID",
        "TAG_INVALID",
        "NAME_INVALID",
    ]
    .iter()
    .any(|code| http::has_code(&answer, code));
    match answer.status {
        status if status.is_success() => Ok(Some(ManifestDeletion::Gone)),
        StatusCode::NOT_FOUND => Ok(Some(ManifestDeletion::Absent)),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            Ok(Some(ManifestDeletion::NotOffered))
        }
        StatusCode::BAD_REQUEST if is_unsupported => Ok(Some(ManifestDeletion::NotOffered)),
        _ => Err(registry
            .refusal(
                &answer,
                &format!("{}/{repository}:{reference}", registry.host()),
                "delete",
            )
            .await),
    }
}

/// Lists the referrers of a manifest; `None` if the registry does not support that (distribution
/// specification, listing referrers).
///
/// # Errors
/// Fails if the list is incomplete: a referrer that is missing from it must not be deleted.
pub(super) async fn referrers(
    registry: &RegistryClient,
    repository: &str,
    digest: Digest,
) -> Result<Option<Vec<Descriptor>>, RemoteError> {
    let what = format!("the referrers of {}/{repository}@{digest}", registry.host());
    let scope = TokenScope::Pull(repository.to_owned());
    let mut address = registry
        .address(&format!("{repository}/referrers/{digest}"))
        .await?;
    let mut listing = PagedListing::new(REFERRERS);
    let mut found = Vec::new();
    loop {
        let make = |client: &reqwest::Client| client.get(address.clone());
        let answer = registry.send(&scope, DOCUMENT_LIMIT, make).await?;
        match answer.status {
            status if status.is_success() && !answer.is_html() => {}
            StatusCode::NOT_FOUND
            | StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED
                if listing.len() == 0 =>
            {
                return Ok(None);
            }
            _ => return Err(registry.refusal(&answer, &what, "pull").await),
        }
        let page: Referrers = answer.json(&what)?;
        let next = match link::next(&answer.headers, &address) {
            Next::None => None,
            Next::At(next) => Some(next),
            Next::Elsewhere(_) => {
                let message = format!("{what}: the list continues on another host");
                return Err(RemoteError::new(RemoteKind::BadAnswer, message));
            }
        };
        let digests = page.manifests.iter().map(|entry| entry.digest.to_string());
        listing
            .page(digests, next.is_some())
            .map_err(|broken| broken.into_remote(&what))?;
        found.extend(page.manifests);
        match next {
            Some(next) => address = next,
            None => return Ok(Some(found)),
        }
    }
}

/// An index of the referrers of a manifest.
#[derive(Deserialize)]
struct Referrers {
    #[serde(deserialize_with = "listing::required")]
    manifests: Vec<Descriptor>,
}

const REFERRERS: ListBounds = ListBounds {
    pages: 1_000,
    keys: 100_000,
};

/// Returns the tag that lists the referrers of a manifest in registries without a referrers API
/// (distribution specification, referrers tag schema).
pub(super) fn referrers_tag(digest: Digest) -> String {
    format!("{}-{}", digest.algorithm(), digest.hex())
}
