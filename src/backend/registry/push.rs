//! Writing to a registry: manifests under their tags, and blobs.

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::auth::Scope;
use super::http::{Answer, Http, Tries};
use super::manifests::told_digest;
use crate::backend::{RemoteError, RemoteKind};
use crate::format::digest::Digest;
use crate::format::manifest::{Document, INDEXES, MANIFESTS};

/// The largest answer to something that is written, in bytes.
const ANSWER_LIMIT: u64 = 1 << 20;

/// Tries once to put a manifest under a tag, and checks that the registry took it as it is; tells whether it did. Where it
/// did not it is to be tried again: a build may have pushed meanwhile, so that a look comes before.
pub(super) async fn manifest(
    http: &Http,
    repository: &str,
    tag: &str,
    bytes: &[u8],
    tries: &mut Tries,
) -> Result<bool, RemoteError> {
    let address = http.address(&format!("{repository}/manifests/{tag}")).await?;
    let scope = Scope::Change(repository.to_owned());
    let kind = media_type(bytes);
    let request =
        |client: &reqwest::Client| client.put(address.clone()).header(CONTENT_TYPE, &kind).body(bytes.to_vec());
    let Some(answer) = http.try_once(&scope, ANSWER_LIMIT, &request, tries).await? else { return Ok(false) };
    let what = format!("{}/{repository}:{tag}", http.host());
    if !answer.status.is_success() {
        return Err(refused(http, &answer, &what).await);
    }
    match told_digest(&answer.headers) {
        Some(digest) if digest.check(bytes).is_err() => {
            Err(RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the registry does not take it as it is"))
                .because(format!("it calls it {digest}")))
        }
        _ => Ok(true),
    }
}

/// Puts a blob, in one piece.
pub(super) async fn blob(http: &Http, repository: &str, bytes: &[u8]) -> Result<(), RemoteError> {
    let scope = Scope::Change(repository.to_owned());
    let what = format!("{}/{repository}", http.host());
    let uploads = http.address(&format!("{repository}/blobs/uploads/")).await?;
    let begun = http.send(&scope, ANSWER_LIMIT, |client| client.post(uploads.clone())).await?;
    if begun.status != StatusCode::ACCEPTED {
        return Err(refused(http, &begun, &what).await);
    }
    let place =
        begun.headers.get(LOCATION).and_then(|place| place.to_str().ok()).and_then(|place| uploads.join(place).ok());
    // The login goes to no other place.
    let Some(mut place) = place.filter(|place| place.origin() == uploads.origin()) else {
        return Err(RemoteError::new(RemoteKind::BadAnswer, format!("{what}: the registry wants blobs put elsewhere")));
    };
    name(&mut place, Digest::of(bytes));
    let request = |client: &reqwest::Client| {
        client.put(place.clone()).header(CONTENT_TYPE, "application/octet-stream").body(bytes.to_vec())
    };
    let answer = http.send(&scope, ANSWER_LIMIT, request).await?;
    if answer.status.is_success() { Ok(()) } else { Err(refused(http, &answer, &what).await) }
}

fn name(place: &mut Url, digest: Digest) {
    place.query_pairs_mut().append_pair("digest", &digest.to_string());
}

async fn refused(http: &Http, answer: &Answer, what: &str) -> RemoteError {
    let error = http.refusal(answer, what, "push").await;
    if super::http::has_code(answer, "MANIFEST_BLOB_UNKNOWN") || super::http::has_code(answer, "MANIFEST_UNKNOWN") {
        return error.hint("the registry's collection has removed what the manifest names");
    }
    error
}

/// Returns the media type of a manifest: its own, or that of its kind.
fn media_type(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
    }
    let told = serde_json::from_slice::<Body>(bytes).ok().and_then(|body| body.media_type);
    told.filter(|told| INDEXES.contains(&told.as_str()) || MANIFESTS.contains(&told.as_str())).unwrap_or_else(|| {
        let kinds = if matches!(Document::parse(bytes), Ok(Document::Index { .. })) { INDEXES } else { MANIFESTS };
        kinds[0].to_owned()
    })
}
