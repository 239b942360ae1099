//! Facts that an object store reports about a bucket, independent of the service.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::totals::Totals;
use crate::format::digest::Digest;

/// A fact that the service reported, or why it is not known.
pub type Reported<T> = Result<T, String>;

/// The facts about a bucket with a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    pub places: Places,
    /// Whether the bucket keeps old versions of objects.
    pub versioning: Reported<Versioning>,
    /// The old versions under the cache's prefix.
    pub noncurrent: Reported<Noncurrent>,
    /// The lifecycle rules; `None` if the service does not support any.
    pub lifecycle: Reported<Option<Vec<LifecycleRule>>>,
    /// The blobs by their storage class, the class with the most bytes first.
    pub classes: Vec<(String, Totals)>,
    /// The storage classes of blobs that are not in the standard class, up to a limit.
    pub unusual: HashMap<Digest, String>,
    /// cachelens's own objects: the lease and remembered manifests.
    pub own: Totals,
    /// Objects that do not belong to the cache, counted without names because there are too many.
    pub unnamed: Totals,
    /// Why objects that do not belong to the cache could not be counted.
    pub uncounted: Option<String>,
    /// The prefixes of other caches in the bucket, if there is no cache under the given prefix.
    pub elsewhere: Vec<String>,
    /// Why unfinished uploads could not be listed.
    pub unlisted_uploads: Option<String>,
}

impl Bucket {
    /// Returns which facts could not be read, and why.
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

/// The locations of a cache in a bucket, and the settings of its exporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub bucket: String,
    /// The prefix of all keys.
    pub prefix: String,
    /// The full prefix of the keys of manifests.
    pub manifests: String,
    /// The full prefix of the keys of blobs.
    pub blobs: String,
    /// The age from which an exporter touches an existing blob.
    pub touch_refresh: Duration,
}

/// Whether a bucket keeps old versions of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    Off,
    On,
    /// No new versions are kept; existing ones remain.
    Suspended,
}

impl Versioning {
    /// Returns the word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Suspended => "suspended",
        }
    }
}

/// Old versions, which a normal listing does not contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noncurrent {
    /// Previous contents.
    pub versions: Totals,
    /// Delete markers.
    pub markers: u64,
}

/// A lifecycle rule, by which the service deletes or moves objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LifecycleRule {
    pub id: String,
    pub is_enabled: bool,
    /// The prefix of the keys to which it applies; empty for all.
    pub prefix: String,
    /// Whether it applies only to objects with certain tags or sizes.
    pub is_narrowed: bool,
    /// When objects are deleted.
    pub expiration: Option<When>,
    /// When objects move to another storage class, and to which.
    pub transitions: Vec<(When, String)>,
    /// The days after which noncurrent versions are deleted.
    pub noncurrent_days: Option<u32>,
    /// The days after which unfinished uploads are deleted.
    pub abort_days: Option<u32>,
    /// The full rule in the form that `aws s3api put-bucket-lifecycle-configuration` accepts.
    pub whole: serde_json::Value,
}

/// When a rule acts on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This many days after the last write.
    Days(u32),
    /// On all objects from this date on.
    Date(Timestamp),
}
