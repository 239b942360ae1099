//! A repository in a registry: caches in both forms, images with an inline cache, and plain images,
//! by tag.
//!
//! A registry lists its tags and their targets, and serves manifests and blobs by digest. It does
//! not list its blobs, so no blob can be called an orphan, and what a manifest references counts as
//! stored unless the registry is asked for each blob.

use std::path::PathBuf;

use super::{Access, ReadError, RemoteError, RemoteKind};
use crate::source::{RefSelector, RegistryLocation, Secret};

mod attestation;
mod auth;
mod client;
mod credentials;
mod delete;
mod documents;
mod dropped;
mod generations;
mod groups;
mod kept;
mod learned;
mod link;
mod list;
mod login_file;
mod manifests;
mod packages;
mod place;
mod plane;
mod probe;
mod prune;
mod push;
mod read;
mod refs;
mod trust;
mod undo;
mod versions;
mod write;

pub use prune::RegistryPruner;
pub use read::RegistryReader;

use client::RegistryClient;

/// How registries are accessed, independent of a source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryAccess {
    /// A user and a password, used instead of stored logins.
    pub login: Option<(String, Secret)>,
    /// A certificate authority in PEM, trusted in addition to those of the system.
    pub ca: Option<PathBuf>,
    /// A client certificate and its key, in PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Whether to use plain HTTP.
    pub plain_http: bool,
    /// The folder that keeps documents on this machine; `None` keeps none.
    pub cache: Option<PathBuf>,
    /// The folder that keeps the manifests of deleted refs; `None` keeps none.
    pub dropped: Option<PathBuf>,
    /// Whether to ask for each blob.
    pub verify_blobs: bool,
}

/// Lists the repositories of a registry as separate locations.
///
/// # Errors
/// Fails if the registry cannot be asked, or offers no catalog.
pub(super) async fn repositories(
    location: &RegistryLocation,
    access: &Access,
) -> Result<Vec<RegistryLocation>, RemoteError> {
    let http = RegistryClient::new(location, access)?;
    let names = list::repositories(&http).await?;
    Ok(names
        .iter()
        .filter_map(|name| location.repository_of(name))
        .collect())
}

/// Reads the provenance of an image: one statement for each platform that has one.
///
/// # Errors
/// Fails if the image cannot be read.
pub async fn provenance(
    location: &RegistryLocation,
    select: &RefSelector,
    access: &Access,
) -> Result<Vec<Vec<u8>>, RemoteError> {
    let image = RegistryReader::new(location, None, access);
    let (name, sign) = match select {
        RefSelector::Digest(digest) => (digest.to_string(), '@'),
        RefSelector::Name(name) | RefSelector::Glob(name) => (name.clone(), ':'),
        RefSelector::AnyOf(names) => (names.first().cloned().unwrap_or_default(), ':'),
    };
    let what = format!("{location}{sign}{name}");
    match image.attested(&name).await {
        Ok(statements) if statements.is_empty() => {
            let message = format!("{what} carries no provenance, or does not exist");
            Err(RemoteError::new(RemoteKind::NotFound, message)
                .hint("build it with --provenance=mode=max, and push it with its attestations"))
        }
        Ok(statements) => Ok(statements),
        Err(ReadError::Remote(error)) => Err(error),
        Err(error) => {
            let message = format!("the provenance of {what} cannot be read");
            Err(RemoteError::new(RemoteKind::BadAnswer, message).because(error.to_string()))
        }
    }
}
