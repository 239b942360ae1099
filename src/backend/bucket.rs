//! Facts that an object store reports about a bucket, independent of the service.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::totals::Totals;
use crate::format::digest::Digest;

/// The answer of a service, or why there is none.
pub type Reported<T> = Result<T, String>;

/// A bucket with a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The places of the cache in the bucket.
    pub places: Places,
    /// Whether the bucket keeps old versions of objects.
    pub versioning: Reported<Versioning>,
    /// The old versions under the cache's prefix.
    pub noncurrent: Reported<Noncurrent>,
    /// The lifecycle rules; `None` if the service does not support any.
    pub lifecycle: Reported<Option<Vec<LifecycleRule>>>,
    /// The blobs by their storage class, the class with the most bytes first.
    pub classes: Vec<(String, Totals)>,
    /// The storage class of blobs that are not of the usual one, up to a limit.
    pub unusual: HashMap<Digest, String>,
    /// cachelens's own objects: a lease, and remembered manifests.
    pub own: Totals,
    /// Objects that do not belong to the cache, if there are too many to list.
    pub unnamed: Totals,
    /// Why objects other than the cache's own could not be counted.
    pub uncounted: Option<String>,
    /// The prefixes of other caches in the bucket, if there is none under the given prefix.
    pub elsewhere: Vec<String>,
    /// Why unfinished uploads could not be listed.
    pub unlisted_uploads: Option<String>,
}

impl Bucket {
    /// Returns the facts that could not be read, and why.
    pub fn not_known(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let noncurrent = match (&self.versioning, &self.noncurrent) {
            (Ok(_), Err(why)) => Some(why.as_str()),
            _ => None,
        };
        [
            (
                "versioning",
                self.versioning.as_ref().err().map(String::as_str),
            ),
            ("noncurrent versions", noncurrent),
            (
                "lifecycle rules",
                self.lifecycle.as_ref().err().map(String::as_str),
            ),
            ("unfinished uploads", self.unlisted_uploads.as_deref()),
            ("objects outside the cache", self.uncounted.as_deref()),
        ]
        .into_iter()
        .filter_map(|(what, why)| Some((what, why?)))
    }

    /// Returns the storage class of a blob, if known.
    pub fn class_of(&self, blob: &Digest) -> Option<&str> {
        if let Some(class) = self.unusual.get(blob) {
            return Some(class);
        }
        let unusual: u64 = self
            .classes
            .iter()
            .filter(|(class, _)| class != "STANDARD")
            .map(|(_, sum)| sum.count)
            .sum();
        (unusual == self.unusual.len() as u64).then_some("STANDARD")
    }
}

/// The places of a cache in a bucket, and the settings of its exporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The bucket.
    pub bucket: String,
    /// The prefix of all keys.
    pub prefix: String,
    /// The whole prefix of the keys of manifests.
    pub manifests: String,
    /// The whole prefix of the keys of blobs.
    pub blobs: String,
    /// The age from which an exporter renews an existing blob.
    pub touch_refresh: Duration,
}

/// Whether a bucket keeps old versions of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// Never.
    Off,
    /// Yes.
    On,
    /// Not any more; existing versions are kept.
    Suspended,
}

impl Versioning {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Suspended => "suspended",
        }
    }
}

/// Old versions, which a listing of objects does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noncurrent {
    /// Previous contents.
    pub versions: Totals,
    /// Delete markers.
    pub markers: u64,
}

/// A lifecycle rule: the service deletes or moves objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LifecycleRule {
    /// Its name.
    pub id: String,
    /// Whether it is enabled.
    pub is_enabled: bool,
    /// The prefix of the keys to which it applies; empty means all.
    pub prefix: String,
    /// Whether it is only about objects of certain tags or sizes.
    pub is_narrowed: bool,
    /// When objects go.
    pub expiration: Option<When>,
    /// When objects move into another class, and into which.
    pub transitions: Vec<(When, String)>,
    /// After how many days earlier contents go.
    pub noncurrent_days: Option<u32>,
    /// After how many days unfinished uploads go.
    pub abort_days: Option<u32>,
    /// All of it, as `aws s3api put-bucket-lifecycle-configuration` takes it.
    pub whole: serde_json::Value,
}

/// When a rule acts on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So many days after it was last written.
    Days(u32),
    /// On all from a day on.
    Date(Timestamp),
}
