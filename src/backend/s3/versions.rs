//! Previous versions of manifests, in buckets that keep versions.

use async_trait::async_trait;

use super::{S3Reader, errors, timestamp};
use crate::backend::ListedRef;
use crate::backend::{PreviousVersions, RemoteError, RemoteKind, StoreVersion};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};
use crate::text::escape::visible;

/// The most versions of a manifest that are read.
const MOST: usize = 8;
/// The most versions and delete markers that are listed: another key may have the same prefix.
const LISTED: i32 = 64;

impl S3Reader {
    /// Reads a version of a manifest.
    pub(super) async fn version(&self, key: &str, version: &str) -> Result<Vec<u8>, RemoteError> {
        let client = self.client.sdk().await?;
        let get = || {
            client
                .get_object()
                .bucket(&self.client.location.bucket)
                .key(key)
                .version_id(version)
                .send()
        };
        let answer = self.client.pace.run(get).await;
        let answer = answer.map_err(|error| {
            errors::describe(&self.client.location, "read a version from", &error)
        })?;
        let length = answer.content_length();
        let length = length.and_then(|length| u64::try_from(length).ok());
        let fault = |why: String| {
            let message = format!("a version of {} cannot be read", visible(key));
            RemoteError::new(RemoteKind::BadAnswer, message).because(why)
        };
        if length.is_none_or(|length| length > DOCUMENT_LIMIT) {
            return Err(fault(format!("it is larger than {DOCUMENT_LIMIT} bytes")));
        }
        let bytes = answer.body.collect().await;
        let bytes = bytes.map_err(|error| fault(error.to_string()))?;
        Ok(bytes.into_bytes().to_vec())
    }
}

#[async_trait]
impl PreviousVersions for S3Reader {
    async fn versions_of(&self, name: &str) -> Result<Vec<StoreVersion>, RemoteError> {
        let key = format!("{}{name}", self.client.manifests_at());
        let client = self.client.sdk().await?;
        let list = || {
            client
                .list_object_versions()
                .bucket(&self.client.location.bucket)
                .prefix(&key)
                .max_keys(LISTED)
                .send()
        };
        let listed = self.client.pace.run(list).await;
        let listed = listed.map_err(|error| {
            errors::describe(&self.client.location, "list the versions of", &error)
        })?;
        let mut found = Vec::new();
        let old = listed
            .versions()
            .iter()
            .filter(|version| version.key() == Some(&key) && version.is_latest() != Some(true));
        for version in old.take(MOST) {
            let Some(id) = version.version_id() else {
                continue;
            };
            let Ok(bytes) = self.version(&key, id).await else {
                continue;
            };
            let digest = Digest::of(&bytes);
            if let Ok(mut manifests) = self.manifests.lock() {
                manifests.keep(digest, &bytes);
                let place = (key.clone(), id.to_owned());
                manifests.versions.insert(digest, place);
            }
            let mut descriptor = Descriptor::named(DigestText::Valid(digest));
            CACHE_CONFIG.clone_into(&mut descriptor.media_type);
            found.push(StoreVersion {
                listed_ref: ListedRef::new(Vec::new(), descriptor),
                written: version.last_modified().and_then(timestamp),
            });
        }
        Ok(found)
    }
}
