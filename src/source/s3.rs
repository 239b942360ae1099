//! Buckets that `type=s3` wrote into. Names and defaults are those of BuildKit's `cache/remotecache/s3/s3.go`.

use std::time::Duration;

use super::attributes::{Attributes, print_go_duration};
use super::{RefSelector, Secret, SourceError, Warning};

const MANIFESTS_PREFIX: &str = "manifests/";
const BLOBS_PREFIX: &str = "blobs/";
const TOUCH_REFRESH: Duration = Duration::from_hours(24);

/// Attributes that tune an upload or the client that BuildKit uses.
pub(super) const IGNORED: &[&str] =
    &["upload_parallelism", "retry_mode", "retry_max_attempts", "disable_accept_encoding"];

/// A place in a bucket. Keys are plain concatenations: `prefix + manifests_prefix + name` and
/// `prefix + blobs_prefix + digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// The region; without one the environment says it.
    pub region: Option<String>,
    /// What every key begins with.
    pub prefix: String,
    /// What the key of a manifest goes on with.
    pub manifests_prefix: String,
    /// What the key of a blob goes on with.
    pub blobs_prefix: String,
    /// The service's address, when it is not Amazon's.
    pub endpoint_url: Option<String>,
    /// Whether the bucket stands in the path of a URL and not in its host; only meant with [`Self::endpoint_url`].
    pub use_path_style: bool,
    /// The name of the key; counts only together with the secret one.
    pub access_key_id: Option<Secret>,
    /// The secret key.
    pub secret_access_key: Option<Secret>,
    /// The token of a temporary key.
    pub session_token: Option<Secret>,
    /// Whether requests go without a signature, as public buckets take them. BuildKit knows no such attribute.
    pub no_sign_request: bool,
    /// The age from which an exporter renews a blob that it finds.
    pub touch_refresh: Duration,
}

impl S3Location {
    /// Takes what locates an S3 cache from `attributes`.
    pub(super) fn take(attributes: &mut Attributes) -> Result<(Self, Option<RefSelector>), SourceError> {
        let location = Self {
            bucket: attributes.text("bucket").ok_or(SourceError::Missing { kind: "s3", name: "bucket" })?,
            region: attributes.text("region"),
            prefix: attributes.text("prefix").unwrap_or_default(),
            // Set but empty is not the default here: the objects then lie right below `prefix`.
            manifests_prefix: attributes.take("manifests_prefix").unwrap_or_else(|| MANIFESTS_PREFIX.to_owned()),
            blobs_prefix: attributes.take("blobs_prefix").unwrap_or_else(|| BLOBS_PREFIX.to_owned()),
            endpoint_url: attributes.address("endpoint_url")?,
            use_path_style: attributes.flag("use_path_style")?,
            access_key_id: attributes.secret("access_key_id"),
            secret_access_key: attributes.secret("secret_access_key"),
            session_token: attributes.secret("session_token"),
            no_sign_request: attributes.flag("no_sign_request")?,
            touch_refresh: attributes.touch_refresh(TOUCH_REFRESH),
        };
        location.warnings().for_each(|warning| attributes.warn(warning));
        let select = attributes.text("name").and_then(|names| Self::selector(&names));
        Ok((location, select))
    }

    /// Returns what is odd about it.
    fn warnings(&self) -> impl Iterator<Item = Warning> + use<> {
        let prefixes = [
            ("prefix", &self.prefix),
            ("manifests_prefix", &self.manifests_prefix),
            ("blobs_prefix", &self.blobs_prefix),
        ];
        let mut warnings = Vec::new();
        for (name, prefix) in prefixes {
            if !prefix.is_empty() && !prefix.ends_with('/') {
                let example = match name {
                    "prefix" => format!("{prefix}{}", self.manifests_prefix),
                    "blobs_prefix" => format!("{}{prefix}sha256:…", self.prefix),
                    _ => format!("{}{prefix}…", self.prefix),
                };
                warnings.push(Warning::NoSlash { name, example });
            }
        }
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            warnings.push(Warning::HalfAKey);
        }
        warnings.into_iter()
    }

    /// Tells whether it names a bucket and nothing in it, so that any cache in it may be meant.
    pub fn is_whole_bucket(&self) -> bool {
        self.prefix.is_empty() && self.manifests_prefix == MANIFESTS_PREFIX && self.blobs_prefix == BLOBS_PREFIX
    }

    /// Reads a list of manifest names, which `;` separates.
    pub(super) fn selector(names: &str) -> Option<RefSelector> {
        let names: Vec<&str> = names.split(';').filter(|name| !name.is_empty()).collect();
        match names[..] {
            [] => None,
            [name] => Some(RefSelector::new(name)),
            _ => Some(RefSelector::AnyOf(names.into_iter().map(str::to_owned).collect())),
        }
    }

    /// Returns the attributes beside bucket and prefix that are neither secret nor the default.
    pub(super) fn attributes(&self) -> Vec<(&'static str, String)> {
        let unless = |value: &str, default: &str| (value != default).then(|| value.to_owned());
        [
            ("region", self.region.clone()),
            ("manifests_prefix", unless(&self.manifests_prefix, MANIFESTS_PREFIX)),
            ("blobs_prefix", unless(&self.blobs_prefix, BLOBS_PREFIX)),
            ("endpoint_url", self.endpoint_url.clone()),
            ("use_path_style", self.use_path_style.then(|| "true".to_owned())),
            ("no_sign_request", self.no_sign_request.then(|| "true".to_owned())),
            ("touch_refresh", (self.touch_refresh != TOUCH_REFRESH).then(|| print_go_duration(self.touch_refresh))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}
