//! What is known of a bucket beside the cache in it: what a store of objects says of itself, in no service's own types.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::format::digest::Digest;

/// What a service told, or why it did not.
pub type Told<T> = Result<T, String>;

/// A bucket, as the listing of a cache in it has found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Where in it the cache lies.
    pub places: Places,
    /// Whether it keeps what is overwritten or deleted.
    pub versioning: Told<Versioning>,
    /// What is kept of that under the cache's prefix, where something may be.
    pub noncurrent: Told<Noncurrent>,
    /// The rules by which the service itself deletes; none when it has no such rules at all.
    pub lifecycle: Told<Option<Vec<LifecycleRule>>>,
    /// The blobs by their storage class, the class with the most bytes first.
    pub classes: Vec<(String, Sum)>,
    /// The class of those blobs that are not of the usual one, as far as there is room to know it.
    pub unusual: HashMap<Digest, String>,
    /// cachelens's own objects: a lease, and what prunes remember.
    pub own: Sum,
    /// Objects that are none of the cache's own and too many to be named.
    pub unnamed: Sum,
    /// Why objects beside the cache's own could not be counted.
    pub uncounted: Option<String>,
    /// The prefixes of other caches in the bucket, where nothing lies under the one that is meant.
    pub elsewhere: Vec<String>,
    /// Why unfinished uploads could not be listed.
    pub unlisted_uploads: Option<String>,
}

impl Bucket {
    /// Returns what could not be learned, and why.
    pub fn not_known(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let noncurrent = match (&self.versioning, &self.noncurrent) {
            (Ok(_), Err(why)) => Some(why.as_str()),
            _ => None,
        };
        [
            ("versioning", self.versioning.as_ref().err().map(String::as_str)),
            ("noncurrent versions", noncurrent),
            ("lifecycle rules", self.lifecycle.as_ref().err().map(String::as_str)),
            ("unfinished uploads", self.unlisted_uploads.as_deref()),
            ("objects beside the cache", self.uncounted.as_deref()),
        ]
        .into_iter()
        .filter_map(|(what, why)| Some((what, why?)))
    }

    /// Returns the storage class of a blob, where it is known.
    pub fn class_of(&self, blob: &Digest) -> Option<&str> {
        if let Some(class) = self.unusual.get(blob) {
            return Some(class);
        }
        let unusual: u64 =
            self.classes.iter().filter(|(class, _)| class != "STANDARD").map(|(_, sum)| sum.objects).sum();
        (unusual == self.unusual.len() as u64).then_some("STANDARD")
    }
}

/// Where a cache lies in a bucket, and how its exporter goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The bucket.
    pub bucket: String,
    /// What the keys of everything begin with.
    pub prefix: String,
    /// What the keys of manifests begin with, as a whole.
    pub manifests: String,
    /// What the keys of blobs begin with, as a whole.
    pub blobs: String,
    /// The age from which an exporter renews a blob that it finds.
    pub touch_refresh: Duration,
}

/// A number of objects and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sum {
    /// Counts one more.
    pub fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Whether a bucket keeps what is overwritten or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    Off,
    /// It does.
    On,
    /// It did, and keeps what it has.
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

/// What a bucket keeps that no listing of its objects shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Noncurrent {
    /// Earlier contents.
    pub versions: Sum,
    /// Marks that hide what was deleted.
    pub markers: u64,
}

/// A rule by which the service deletes or moves objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LifecycleRule {
    /// Its name.
    pub id: String,
    /// Whether it is in force.
    pub is_enabled: bool,
    /// What the keys begin with that it is about; empty means all.
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
