//! The GitHub Actions cache of a repository, with the names of BuildKit's
//! `cache/remotecache/gha/gha.go`.

use std::fmt;
use std::str::FromStr;

use super::attributes::Attributes;
use super::{Secret, SourceError};

/// Attributes that tune BuildKit's client.
pub(super) const IGNORED: &[&str] = &["timeout"];

/// The cache entries of a repository. Missing values come from the environment of the job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GhaLocation {
    pub repository: Option<GithubRepository>,
    /// The scope of the selected refs; `None` selects all, although the default of a build is
    /// `buildkit`.
    pub scope: Option<String>,
    /// The address of version 1 of the cache service.
    pub url: Option<String>,
    /// The address of version 2.
    pub url_v2: Option<String>,
    /// The version of the service to use.
    pub version: Option<ServiceVersion>,
    /// The token of a running job, which can read and write entries.
    pub token: Option<Secret>,
    /// The token for GitHub's API, which can list and delete entries.
    pub ghtoken: Option<Secret>,
}

/// A version of the cache service for jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceVersion {
    /// The REST service, which GitHub itself has shut down.
    V1,
    /// The Twirp service.
    V2,
}

/// A repository on GitHub. Its parts are safe in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubRepository {
    owner: String,
    name: String,
}

impl GithubRepository {
    /// Returns the user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the name below the owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for GithubRepository {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let is_part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_part(owner) && is_part(name) => Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(SourceError::InvalidValue {
                name: "repository",
                expected: "an owner and a repository",
            }),
        }
    }
}

impl fmt::Display for GithubRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl GhaLocation {
    /// Takes the attributes with the location of a GitHub Actions cache.
    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, SourceError> {
        Ok(Self {
            repository: attributes
                .text("repository")
                .map(|text| text.parse())
                .transpose()?,
            scope: attributes.text("scope"),
            url: attributes.address("url")?,
            url_v2: attributes.address("url_v2")?,
            version: match attributes.text("version").as_deref() {
                None => None,
                Some("1") => Some(ServiceVersion::V1),
                Some("2") => Some(ServiceVersion::V2),
                Some(_) => {
                    return Err(SourceError::InvalidValue {
                        name: "version",
                        expected: "1 or 2",
                    });
                }
            },
            token: attributes.secret("token"),
            ghtoken: attributes.secret("ghtoken"),
        })
    }

    /// Returns the attributes that are not secret, except the repository.
    pub(super) fn attributes(&self) -> Vec<(&'static str, String)> {
        let version = self.version.map(|version| match version {
            ServiceVersion::V1 => "1".to_owned(),
            ServiceVersion::V2 => "2".to_owned(),
        });
        [
            ("scope", self.scope.clone()),
            ("url", self.url.clone()),
            ("url_v2", self.url_v2.clone()),
            ("version", version),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}
