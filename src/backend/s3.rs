//! A cache in a bucket, as `type=s3` writes it (`cache/remotecache/s3/s3.go` in BuildKit).
//!
//! A manifest is the cache configuration itself, under `prefix + manifests_prefix + name`. Blobs
//! are under `prefix + blobs_prefix + digest`. The parts are joined without a slash between them.

use std::sync::Arc;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::Object;
use jiff::Timestamp;

use crate::source::S3Location;

mod behaviour;
mod client;
mod complete;
mod confirm;
mod connect;
mod credentials;
mod delete;
pub(super) mod discover;
mod errors;
mod facts;
mod gather;
mod lease;
mod list;
mod manifests;
mod objects;
mod others;
mod pace;
mod pages;
mod places;
mod probe;
mod prune;
mod read;
mod refs;
mod rules;
mod spread;
mod undo;
mod versions;

pub use prune::S3Pruner;
pub use read::S3Reader;

/// How buckets are accessed, independent of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Access {
    /// Whether requests are sent without a signature, as public buckets allow.
    pub no_sign_request: bool,
    /// The most concurrent requests, unless the service asks for fewer.
    pub at_once: usize,
    /// All configured buckets. The manifests of those with the same location of blobs count as
    /// well.
    pub others: Arc<[S3Location]>,
    /// Whether to skip the check of a blob just before its deletion. Refused if the service does
    /// not check the condition of the deletion.
    pub no_recheck: bool,
}

impl Default for S3Access {
    fn default() -> Self {
        Self {
            no_sign_request: false,
            at_once: 32,
            others: Arc::default(),
            no_recheck: false,
        }
    }
}

/// An object in a listing.
#[derive(Debug, Clone, Default)]
struct ListedObject {
    key: String,
    size: u64,
    tag: String,
    modified: Option<Timestamp>,
    /// The storage class, if it is not the standard class.
    class: Option<String>,
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}

impl ListedObject {
    fn new(object: Object) -> Option<Self> {
        let modified = object.last_modified().and_then(timestamp);
        Some(Self {
            size: object
                .size()
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or_default(),
            tag: object.e_tag().unwrap_or_default().to_owned(),
            class: object
                .storage_class()
                .map(|class| class.as_str().to_owned())
                .filter(|class| class != "STANDARD"),
            modified,
            key: object.key?,
        })
    }
}
