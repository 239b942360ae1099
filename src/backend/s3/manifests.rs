//! The manifests of a cache in a bucket, and the other caches with the same location of blobs.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::ListedObject;
use super::objects::ObjectContent;
use super::places::KeyKind;
use super::read::S3Reader;
use crate::backend::bucket::Places;
use crate::backend::{ListedRef, ListedRefFacts};
use crate::backend::{RemoteError, RemoteKind};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};
use crate::source::S3Location;
use crate::text::units::Size;

/// The most bytes of manifests that are kept in memory.
const KEPT: usize = 64 << 20;

/// The result of listing the manifests.
#[derive(Debug, Clone, Default)]
pub(super) struct ListedManifests {
    /// The number of manifests.
    pub(super) manifests: usize,
    /// Objects among them that are not manifests.
    pub(super) strays: Vec<ListedObject>,
    /// The last key of the first page of blobs at that time, if there are more pages.
    pub(super) first_page_of_blobs: Option<String>,
}

/// The manifests that were read.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// The keys of manifests, by digest.
    pub(super) keys: HashMap<Digest, String>,
    /// The key and the version of a previous version, by its digest.
    pub(super) versions: HashMap<Digest, (String, String)>,
    /// The digests of manifests, by version.
    known: HashMap<ManifestVersion, Digest>,
    /// The contents of manifests, up to [`KEPT`].
    kept: HashMap<Digest, Arc<[u8]>>,
    /// The size of these contents.
    bytes: usize,
}

impl Manifests {
    /// Keeps the content of a manifest, as long as there is room.
    pub(super) fn keep(&mut self, digest: Digest, bytes: &[u8]) {
        if self.bytes + bytes.len() <= KEPT && !self.kept.contains_key(&digest) {
            self.bytes += bytes.len();
            self.kept.insert(digest, bytes.into());
        }
    }

    /// Returns the content of a manifest, if it is kept.
    pub(super) fn kept(&self, digest: Digest) -> Option<Arc<[u8]>> {
        self.kept.get(&digest).cloned()
    }
}

/// A listed version of a manifest: its key, its entity tag, and its time.
type ManifestVersion = (String, String, Option<Timestamp>);

/// Returns the version of a manifest. Without a tag it has to be read again: it may be written
/// twice within the resolution of its time.
fn version(listed: &ListedObject) -> Option<ManifestVersion> {
    let version = (listed.key.clone(), listed.tag.clone(), listed.modified);
    (!listed.tag.is_empty()).then_some(version)
}

impl S3Reader {
    /// Remembers the content of a manifest.
    pub(super) fn remember(&self, listed: &ListedObject, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        if let Ok(mut manifests) = self.manifests.lock() {
            manifests.keys.insert(digest, listed.key.clone());
            if let Some(version) = version(listed) {
                manifests.known.insert(version, digest);
            }
            manifests.keep(digest, bytes);
        }
        digest
    }

    /// Keeps the content of a manifest. Its length must match the listing unless it was written
    /// since.
    fn taken(&self, listed: &ListedObject, content: &ObjectContent) -> Result<Digest, String> {
        let read = content.bytes.len() as u64;
        let tag = content.tag.as_deref().unwrap_or_default();
        if tag == listed.tag && read != listed.size {
            return Err(format!("{read} of its {} bytes could be read", listed.size));
        }
        let is_same = tag.is_empty() || tag == listed.tag;
        if is_same {
            return Ok(self.remember(listed, &content.bytes));
        }
        // It was written since the listing, so the digest is different.
        let written = ListedObject {
            tag: String::new(),
            ..listed.clone()
        };
        Ok(self.remember(&written, &content.bytes))
    }

    /// Lists the manifests, in the order of their keys.
    pub(super) async fn manifests(&self) -> Result<Vec<ListedObject>, RemoteError> {
        let mut listed = self
            .client
            .lister()
            .await?
            .all(self.client.manifests_at())
            .await?;
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        listed.dedup_by(|a, b| a.key == b.key);
        let is_manifest =
            |listed: &ListedObject| self.client.places.kind(listed) == KeyKind::Manifest;
        let strays = listed
            .extract_if(.., |listed| !is_manifest(listed))
            .collect::<Vec<_>>();
        if let Ok(mut known) = self.listed.lock() {
            // Other objects among the blobs are counted with the blobs.
            let strays = strays
                .into_iter()
                .filter(|stray| !stray.key.starts_with(self.client.blobs_at()))
                .collect();
            (known.manifests, known.strays) = (listed.len(), strays);
        }
        Ok(listed)
    }

    /// Lists the manifests of the other caches with the same location of blobs.
    pub(super) async fn manifests_of_companions(&self) -> Result<Vec<ListedObject>, RemoteError> {
        let mut all = Vec::new();
        for companion in &self.companions {
            let places = Places::new(companion);
            let mut listed = self.client.lister().await?.all(&places.manifests).await?;
            listed.retain(|listed| places.kind(listed) == KeyKind::Manifest);
            listed.sort_by(|a, b| a.key.cmp(&b.key));
            all.extend(listed);
        }
        Ok(all)
    }

    /// Creates the ref of a manifest. One that cannot be read has no digest and a reason.
    pub(super) async fn listed_ref(&self, listed: ListedObject) -> Result<ListedRef, RemoteError> {
        let name = listed
            .key
            .strip_prefix(self.client.manifests_at())
            .unwrap_or(&listed.key)
            .to_owned();
        let known = self.manifests.lock().ok();
        let known = known
            .zip(version(&listed))
            .and_then(|(known, version)| known.known.get(&version).copied());
        let read = match known {
            Some(digest) => Ok(digest),
            None if listed.size > DOCUMENT_LIMIT => Err(format!(
                "it has {}, more than the {} that are read",
                Size(listed.size),
                Size(DOCUMENT_LIMIT)
            )),
            None => match self.client.get(&listed.key, DOCUMENT_LIMIT).await {
                Ok(Some(content)) => self.taken(&listed, &content),
                Ok(None) => Err("it was deleted after it was listed".to_owned()),
                // Credentials that may list the bucket may still not read every object.
                Err(error) if error.kind == RemoteKind::Forbidden => {
                    Err(error.in_one_line_with_hint())
                }
                Err(error) if error.kind.is_about_all() => return Err(error),
                Err(error) => Err(error.in_one_line_with_hint()),
            },
        };
        let digest = read.as_ref().map_or_else(
            |_| DigestText::from(listed.tag.as_str()),
            |digest| DigestText::Valid(*digest),
        );
        let mut descriptor = Descriptor::named(digest);
        CACHE_CONFIG.clone_into(&mut descriptor.media_type);
        let facts = ListedRefFacts {
            modified: listed.modified,
            unread: read.err(),
            ..ListedRefFacts::default()
        };
        Ok(ListedRef {
            facts,
            ..ListedRef::new(vec![name], descriptor)
        })
    }
}

/// Returns the other caches with the same location of blobs.
///
/// Addresses do not identify services: a service can have several, for example in the environment
/// and in different networks. If two services do have buckets with the same name, a wrong companion
/// costs a listing of this bucket, and at worst keeps a blob. A companion that is overlooked would
/// lose its blobs.
pub(super) fn companions(location: &S3Location, others: &[S3Location]) -> Vec<S3Location> {
    let own = Places::new(location);
    let is_other = |other: &&S3Location| {
        let places = Places::new(other);
        (&places.bucket, &places.blobs) == (&own.bucket, &own.blobs)
            && places.manifests != own.manifests
    };
    let mut companions: Vec<S3Location> = others.iter().filter(is_other).cloned().collect();
    companions.sort_by_key(|other| {
        (
            Places::new(other).manifests,
            std::cmp::Reverse(other.touch_refresh),
        )
    });
    companions.dedup_by_key(|other| Places::new(other).manifests);
    companions
}

/// Returns a digest that changes whenever a manifest changes.
pub(super) fn fingerprint(manifests: &[ListedObject], of_companions: &[ListedObject]) -> Digest {
    let versions = manifests.iter().chain(of_companions).map(|listed| {
        let modified = listed
            .modified
            .map(|modified| modified.to_string())
            .unwrap_or_default();
        format!(
            "{}\0{}\0{}\0{modified}\n",
            listed.key, listed.tag, listed.size
        )
    });
    Digest::of(versions.collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, SourceLocation};

    fn location(source: &str) -> S3Location {
        let SourceLocation::S3(location) =
            Source::parse(source, &|_| false).unwrap().source.location
        else {
            panic!()
        };
        location
    }

    #[test]
    fn no_more_manifests_are_kept_than_there_is_room_for() {
        let mut manifests = Manifests::default();
        let half = vec![0; KEPT / 2 + 1];
        let digests = [b"one", b"two", b"six"].map(|name| Digest::of(name));
        manifests.keep(digests[0], &half);
        manifests.keep(digests[0], &half);
        manifests.keep(digests[1], &half);
        manifests.keep(digests[2], b"small");
        let kept = digests.map(|digest| manifests.kept(digest).is_some());
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn companions_are_matched_by_bucket_not_by_address() {
        let own = location("type=s3,bucket=b,region=r,endpoint_url=http://minio:9000");
        for address in [
            "",
            ",endpoint_url=http://MinIO:9000/",
            ",endpoint_url=http://localhost:9000",
        ] {
            let other = location(&format!(
                "type=s3,bucket=b,region=r,manifests_prefix=others/{address}"
            ));
            assert_eq!(
                companions(&own, std::slice::from_ref(&other)),
                [other],
                "{address}"
            );
        }
        let others = [
            own.clone(),
            location("type=s3,bucket=b,region=r,endpoint_url=http://minio:9000/"),
            location(
                "type=s3,bucket=another,region=r,endpoint_url=http://minio:9000,manifests_prefix=others/",
            ),
            location("type=s3,bucket=b,region=r,endpoint_url=http://minio:9000,prefix=others/"),
        ];
        assert_eq!(companions(&own, &others), []);
    }

    #[test]
    fn the_companion_with_the_longest_touch_refresh_is_used() {
        let own = location("type=s3,bucket=b,region=r");
        let others = ["1h", "72h", "24h"].map(|refresh| {
            location(&format!(
                "type=s3,bucket=b,region=r,manifests_prefix=others/,touch_refresh={refresh}"
            ))
        });
        assert_eq!(companions(&own, &others), [others[1].clone()]);
    }
}
