//! The manifests of a cache in a bucket: which there are, what they hold, and what else keeps its blobs in the same place.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::places::Kind;
use super::{Listed, S3Cache};
use crate::backend::RemoteError;
use crate::backend::bucket::Places;
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{Root, RootFacts};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};
use crate::source::S3Location;
use crate::units::Size;

/// How many bytes of manifests are kept to be read once only.
const KEPT: usize = 64 << 20;

/// What a listing of the manifests found.
#[derive(Debug, Clone, Default)]
pub(super) struct ListedManifests {
    /// How many there are.
    pub(super) manifests: usize,
    /// Objects among them that are none.
    pub(super) strays: Vec<Listed>,
    /// With which key the first page of the blobs ended at that time, where there were more.
    pub(super) first_page_of_blobs: Option<String>,
}

/// What was read of manifests.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// Where a manifest lies, by its digest.
    pub(super) keys: HashMap<Digest, String>,
    /// The digest of a manifest by what changes together with it.
    known: HashMap<Version, Digest>,
    /// The contents, as far as there is room.
    pub(super) kept: HashMap<Digest, Arc<[u8]>>,
    /// How many bytes those have.
    pub(super) bytes: usize,
}

/// A manifest as it was listed: its key, its entity tag, and when it was written.
type Version = (String, String, Option<Timestamp>);

/// Returns as what the content of a manifest can be known again. Where a service gives no tag it has to be read: it may be written
/// twice within what its time tells apart.
fn version(listed: &Listed) -> Option<Version> {
    let version = (listed.key.clone(), listed.tag.clone(), listed.modified);
    (!listed.tag.is_empty()).then_some(version)
}

impl S3Cache {
    /// Remembers what a manifest holds.
    pub(super) fn remember(&self, listed: &Listed, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        if let Ok(mut manifests) = self.manifests.lock() {
            manifests.keys.insert(digest, listed.key.clone());
            if let Some(version) = version(listed) {
                manifests.known.insert(version, digest);
            }
            if manifests.bytes + bytes.len() <= KEPT && !manifests.kept.contains_key(&digest) {
                manifests.bytes += bytes.len();
                manifests.kept.insert(digest, bytes.into());
            }
        }
        digest
    }

    /// Lists the manifests, in the order of their keys.
    pub(super) async fn manifests(&self) -> Result<Vec<Listed>, RemoteError> {
        let mut listed = self.lister().await?.all(self.manifests_at()).await?;
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        listed.dedup_by(|a, b| a.key == b.key);
        let is_manifest = |listed: &Listed| self.places.kind(listed) == Kind::Manifest;
        let strays = listed.extract_if(.., |listed| !is_manifest(listed)).collect::<Vec<_>>();
        if let Ok(mut known) = self.listed.lock() {
            // Those that are listed with the blobs anyway are counted there.
            let strays = strays.into_iter().filter(|stray| !stray.key.starts_with(self.blobs_at())).collect();
            (known.manifests, known.strays) = (listed.len(), strays);
        }
        Ok(listed)
    }

    /// Lists the manifests of the other caches that keep their blobs in the same place.
    pub(super) async fn manifests_of_companions(&self) -> Result<Vec<Listed>, RemoteError> {
        let mut all = Vec::new();
        for companion in &self.companions {
            let places = Places::new(companion);
            let mut listed = self.lister().await?.all(&places.manifests).await?;
            listed.retain(|listed| places.kind(listed) == Kind::Manifest);
            listed.sort_by(|a, b| a.key.cmp(&b.key));
            all.extend(listed);
        }
        Ok(all)
    }

    /// Makes a root of a manifest. One whose content cannot be had has no digest, and says why.
    pub(super) async fn root(&self, listed: Listed) -> Result<Root, RemoteError> {
        let name = listed.key.strip_prefix(self.manifests_at()).unwrap_or(&listed.key).to_owned();
        let known = self.manifests.lock().ok();
        let known = known.zip(version(&listed)).and_then(|(known, version)| known.known.get(&version).copied());
        let read = match known {
            Some(digest) => Ok(digest),
            None if listed.size > DOCUMENT_LIMIT => {
                Err(format!("it has {}, more than the {} that are read", Size(listed.size), Size(DOCUMENT_LIMIT)))
            }
            None => match self.get(&listed.key, DOCUMENT_LIMIT).await {
                Ok(Some(bytes)) => Ok(self.remember(&listed, &bytes)),
                Ok(None) => Err("it has gone since it was listed".to_owned()),
                Err(error) if error.kind.is_about_all() => return Err(error),
                Err(error) => Err(error.in_one_line()),
            },
        };
        let digest =
            read.as_ref().map_or_else(|_| DigestText::from(listed.tag.as_str()), |digest| DigestText::Valid(*digest));
        let mut descriptor = Descriptor::named(digest);
        CACHE_CONFIG.clone_into(&mut descriptor.media_type);
        let facts = RootFacts { modified: listed.modified, unread: read.err(), ..RootFacts::default() };
        Ok(Root { facts, ..Root::new(vec![name], descriptor) })
    }
}

/// Returns the other caches that keep their blobs where this one does.
///
/// Addresses do not tell services apart: one has many, among them the one that the environment names, and the names that it has
/// on different networks. Where two services do have buckets of the same name, what is taken for a companion costs a listing of
/// this bucket, and at worst keeps a blob; a companion that is overlooked costs its blobs.
pub(super) fn companions(location: &S3Location, others: &[S3Location]) -> Vec<S3Location> {
    let own = Places::new(location);
    let is_other = |other: &&S3Location| {
        let places = Places::new(other);
        (&places.bucket, &places.blobs) == (&own.bucket, &own.blobs) && places.manifests != own.manifests
    };
    let mut companions: Vec<S3Location> = others.iter().filter(is_other).cloned().collect();
    companions.sort_by_key(|other| (Places::new(other).manifests, std::cmp::Reverse(other.touch_refresh)));
    companions.dedup_by_key(|other| Places::new(other).manifests);
    companions
}

/// Returns what changes whenever a manifest does.
pub(super) fn fingerprint(manifests: &[Listed], of_companions: &[Listed]) -> Digest {
    let told = manifests.iter().chain(of_companions).map(|listed| {
        let modified = listed.modified.map(|modified| modified.to_string()).unwrap_or_default();
        format!("{}\0{}\0{}\0{modified}\n", listed.key, listed.tag, listed.size)
    });
    Digest::of(told.collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Location, Source};

    fn location(source: &str) -> S3Location {
        let Location::S3(location) = Source::parse(source, &|_| false).unwrap().source.location else { panic!() };
        location
    }

    #[test]
    fn a_companion_is_known_by_its_bucket_whatever_its_address() {
        let own = location("type=s3,bucket=b,region=r,endpoint_url=http://minio:9000");
        for address in ["", ",endpoint_url=http://MinIO:9000/", ",endpoint_url=http://localhost:9000"] {
            let other = location(&format!("type=s3,bucket=b,region=r,manifests_prefix=others/{address}"));
            assert_eq!(companions(&own, std::slice::from_ref(&other)), [other], "{address}");
        }
        let others = [
            own.clone(),
            location("type=s3,bucket=b,region=r,endpoint_url=http://minio:9000/"),
            location("type=s3,bucket=another,region=r,endpoint_url=http://minio:9000,manifests_prefix=others/"),
            location("type=s3,bucket=b,region=r,endpoint_url=http://minio:9000,prefix=others/"),
        ];
        assert_eq!(companions(&own, &others), []);
    }

    #[test]
    fn of_those_with_the_same_manifests_the_one_counts_that_touches_last() {
        let own = location("type=s3,bucket=b,region=r");
        let others = ["1h", "72h", "24h"].map(|refresh| {
            location(&format!("type=s3,bucket=b,region=r,manifests_prefix=others/,touch_refresh={refresh}"))
        });
        assert_eq!(companions(&own, &others), [others[1].clone()]);
    }
}
