//! Buckets written by `type=s3`, with the names and defaults of BuildKit's
//! `cache/remotecache/s3/s3.go`.

use std::time::Duration;

use super::attributes::{Attributes, print_go_duration};
use super::{RefSelector, Secret, SourceError, SourceWarning};

mod names;

pub use names::{BucketName, Region};

const MANIFESTS_PREFIX: &str = "manifests/";
const BLOBS_PREFIX: &str = "blobs/";
const TOUCH_REFRESH: Duration = Duration::from_hours(24);

/// Attributes that tune an upload or BuildKit's client.
pub(super) const IGNORED: &[&str] = &[
    "upload_parallelism",
    "retry_mode",
    "retry_max_attempts",
    "disable_accept_encoding",
];

/// A location in a bucket. Keys are plain concatenations: `prefix + manifests_prefix + name` and
/// `prefix + blobs_prefix + digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    pub bucket: BucketName,
    /// The region; `None` for the one of the environment.
    pub region: Option<Region>,
    /// The start of every key.
    pub prefix: String,
    /// The part of a manifest's key after the prefix.
    pub manifests_prefix: String,
    /// The part of a blob's key after the prefix.
    pub blobs_prefix: String,
    /// The address of the service, unless it is Amazon's.
    pub endpoint_url: Option<String>,
    /// Whether the bucket is in the path of a URL and not in its host; only used with
    /// [`Self::endpoint_url`].
    pub use_path_style: bool,
    /// The ID of the key; only valid together with the secret key.
    pub access_key_id: Option<Secret>,
    pub secret_access_key: Option<Secret>,
    /// The token of a temporary key.
    pub session_token: Option<Secret>,
    /// Whether requests are unsigned, as for public buckets. BuildKit has no such attribute.
    pub no_sign_request: bool,
    /// The age after which an exporter renews an existing blob.
    pub touch_refresh: Duration,
}

impl S3Location {
    /// Takes the attributes with the location of an S3 cache.
    pub(super) fn take(
        attributes: &mut Attributes,
    ) -> Result<(Self, Option<RefSelector>), SourceError> {
        let location = Self {
            bucket: attributes
                .text("bucket")
                .ok_or(SourceError::Missing {
                    kind: "s3",
                    name: "bucket",
                })?
                .parse()?,
            region: attributes
                .text("region")
                .map(|region| region.parse())
                .transpose()?,
            prefix: attributes.text("prefix").unwrap_or_default(),
            // An empty value differs from the default here: the objects are then directly below
            // `prefix`.
            manifests_prefix: attributes
                .take("manifests_prefix")
                .unwrap_or_else(|| MANIFESTS_PREFIX.to_owned()),
            blobs_prefix: attributes
                .take("blobs_prefix")
                .unwrap_or_else(|| BLOBS_PREFIX.to_owned()),
            endpoint_url: endpoint(attributes)?,
            use_path_style: attributes.flag("use_path_style")?,
            access_key_id: attributes.secret("access_key_id"),
            secret_access_key: attributes.secret("secret_access_key"),
            session_token: attributes.secret("session_token"),
            no_sign_request: attributes.flag("no_sign_request")?,
            touch_refresh: attributes.touch_refresh(TOUCH_REFRESH),
        };
        location
            .warnings()
            .for_each(|warning| attributes.warn(warning));
        let select = attributes
            .text("name")
            .and_then(|names| Self::selector(&names));
        Ok((location, select))
    }

    /// Returns the warnings about it.
    fn warnings(&self) -> impl Iterator<Item = SourceWarning> + use<> {
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
                warnings.push(SourceWarning::NoSlash { name, example });
            }
        }
        if self.access_key_id.is_some() != self.secret_access_key.is_some() {
            warnings.push(SourceWarning::HalfAKey);
        }
        warnings.into_iter()
    }

    /// Returns whether it names only a bucket, so any cache in it is selected.
    pub fn is_whole_bucket(&self) -> bool {
        self.prefix.is_empty()
            && self.manifests_prefix == MANIFESTS_PREFIX
            && self.blobs_prefix == BLOBS_PREFIX
    }

    /// Parses a list of manifest names separated by `;`.
    pub(super) fn selector(names: &str) -> Option<RefSelector> {
        let names: Vec<&str> = names.split(';').filter(|name| !name.is_empty()).collect();
        match names[..] {
            [] => None,
            [name] => Some(RefSelector::new(name)),
            _ => Some(RefSelector::AnyOf(
                names.into_iter().map(str::to_owned).collect(),
            )),
        }
    }

    /// Returns the attributes that are neither secret nor the default, except bucket and prefix.
    pub(super) fn attributes(&self) -> Vec<(&'static str, String)> {
        let unless = |value: &str, default: &str| (value != default).then(|| value.to_owned());
        [
            ("region", self.region.as_ref().map(ToString::to_string)),
            (
                "manifests_prefix",
                unless(&self.manifests_prefix, MANIFESTS_PREFIX),
            ),
            ("blobs_prefix", unless(&self.blobs_prefix, BLOBS_PREFIX)),
            ("endpoint_url", self.endpoint_url.clone()),
            (
                "use_path_style",
                self.use_path_style.then(|| "true".to_owned()),
            ),
            (
                "no_sign_request",
                self.no_sign_request.then(|| "true".to_owned()),
            ),
            (
                "touch_refresh",
                (self.touch_refresh != TOUCH_REFRESH)
                    .then(|| print_go_duration(self.touch_refresh)),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// Takes the address of the service.
fn endpoint(attributes: &mut Attributes) -> Result<Option<String>, SourceError> {
    let address = attributes.address("endpoint_url")?;
    match address {
        Some(address) if !names::has_plain_host(&address) => Err(SourceError::InvalidValue {
            name: "endpoint_url",
            expected: "an http:// or https:// address without a user",
        }),
        address => Ok(address),
    }
}
