//! Pushes manifests under tags, and blobs.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::auth::TokenScope;
use super::client::RegistryClient;
use super::manifests::{self, Head, digest_header};
use crate::backend::http::{self, HttpAnswer, Tries};
use crate::backend::{RemoteError, RemoteKind};
use crate::format::digest::Digest;
use crate::format::manifest::{INDEXES, MANIFESTS, ManifestDocument};
use crate::source::RegistryLocation;

/// The largest answer to a push, in bytes.
const ANSWER_LIMIT: u64 = 1 << 20;

/// Tries once to push a manifest under a tag, and checks that the registry stored it unchanged;
/// returns whether it did. If not, the caller should try again: a build may have pushed since, so
/// check first.
pub(super) async fn manifest(
    registry: &RegistryClient,
    repository: &str,
    tag: &str,
    bytes: &[u8],
    tries: &mut Tries,
) -> Result<bool, RemoteError> {
    let address = registry
        .address(&format!("{repository}/manifests/{tag}"))
        .await?;
    let scope = TokenScope::Change(repository.to_owned());
    let kind = media_type(bytes);
    let what = format!("{}/{repository}:{tag}", registry.host());
    if !tries.was_sent_elsewhere()
        && RegistryLocation::is_tag(tag)
        && let Some(route) = registry.route(&scope).await
    {
        let pushed = route.push_manifest(repository, tag, bytes, &kind).await;
        if pushed.is_none() {
            tries.note_sent_elsewhere();
            return Ok(false);
        }
        // The answer does not matter: the registry must have the manifest under its digest.
        let digest = Digest::of(bytes);
        return match manifests::head(registry, repository, &digest.to_string()).await? {
            Head::Points(_) | Head::NotReported => Ok(true),
            Head::Absent => Err(changed(&what, "it has no manifest of that digest")),
        };
    }
    let request = |client: &reqwest::Client| {
        client
            .put(address.clone())
            .header(CONTENT_TYPE, &kind)
            .body(bytes.to_vec())
    };
    let Some(answer) = registry
        .try_once(&scope, ANSWER_LIMIT, &request, tries)
        .await?
    else {
        return Ok(false);
    };
    if !answer.status.is_success() {
        return Err(refused(registry, &answer, &what).await);
    }
    match digest_header(&answer.headers) {
        Some(digest) if digest.check(bytes).is_err() => {
            Err(changed(&what, &format!("it calls it {digest}")))
        }
        _ => Ok(true),
    }
}

/// Creates the error for a registry that stored something else.
fn changed(what: &str, why: &str) -> RemoteError {
    let message = format!("{what}: the registry does not take it as it is");
    RemoteError::new(RemoteKind::BadAnswer, message).because(why)
}

/// Pushes a blob in one piece.
pub(super) async fn blob(
    registry: &RegistryClient,
    repository: &str,
    bytes: &[u8],
) -> Result<(), RemoteError> {
    let scope = TokenScope::Change(repository.to_owned());
    let what = format!("{}/{repository}", registry.host());
    let uploads = registry
        .address(&format!("{repository}/blobs/uploads/"))
        .await?;
    let begun = registry
        .send(&scope, ANSWER_LIMIT, |client| client.post(uploads.clone()))
        .await?;
    if begun.status != StatusCode::ACCEPTED {
        return Err(refused(registry, &begun, &what).await);
    }
    let place = begun
        .headers
        .get(LOCATION)
        .and_then(|place| place.to_str().ok())
        .and_then(|place| uploads.join(place).ok());
    // The login is sent to no other host.
    let Some(mut place) = place.filter(|place| place.origin() == uploads.origin()) else {
        return Err(RemoteError::new(
            RemoteKind::BadAnswer,
            format!("{what}: the registry wants blobs put elsewhere"),
        ));
    };
    name(&mut place, Digest::of(bytes));
    let request = |client: &reqwest::Client| {
        client
            .put(place.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(bytes.to_vec())
    };
    let answer = registry.send(&scope, ANSWER_LIMIT, request).await?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(refused(registry, &answer, &what).await)
    }
}

fn name(place: &mut Url, digest: Digest) {
    place
        .query_pairs_mut()
        .append_pair("digest", &digest.to_string());
}

async fn refused(registry: &RegistryClient, answer: &HttpAnswer, what: &str) -> RemoteError {
    let error = registry.refusal(answer, what, "push").await;
    if http::has_code(answer, "MANIFEST_BLOB_UNKNOWN") || http::has_code(answer, "MANIFEST_UNKNOWN")
    {
        return error.hint("the registry's garbage collection removed blobs of the manifest");
    }
    error
}

/// Returns the media type of a manifest, or the default of its kind if it contains none.
fn media_type(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ManifestBody {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
    }
    let declared = serde_json::from_slice::<ManifestBody>(bytes)
        .ok()
        .and_then(|body| body.media_type);
    declared
        .filter(|declared| {
            INDEXES.contains(&declared.as_str()) || MANIFESTS.contains(&declared.as_str())
        })
        .unwrap_or_else(|| {
            let kinds = if matches!(
                ManifestDocument::parse(bytes),
                Ok(ManifestDocument::Index { .. })
            ) {
                INDEXES
            } else {
                MANIFESTS
            };
            kinds[0].to_owned()
        })
}
