//! A repository in a registry: caches in both forms, images that carry one, and plain images, by
//! tag.
//!
//! A registry lists its tags and their targets, and serves manifests and blobs by digest.
//! It does not list its blobs, so that nothing can be called orphaned here; what a manifest names
//! counts as stored until it is asked for.

use std::path::PathBuf;

use super::{Access, ReadError, RemoteError, RemoteKind};
use crate::source::{RefSelector, RegistryLocation, Secret};

mod attestation;
mod auth;
mod client;
mod credentials;
mod documents;
mod dropped;
mod generations;
mod kept;
mod learned;
mod link;
mod login_file;
mod manifests;
mod packages;
mod place;
mod plane;
mod prune;
mod push;
mod read;
mod refs;
mod tags;
mod trust;
mod versions;

pub use prune::RegistryPruner;
pub use read::RegistryReader;

use client::RegistryClient;

/// How registries are asked, apart from their sources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryAccess {
    /// A user and a password, in the place of those that were left by a login.
    pub login: Option<(String, Secret)>,
    /// An authority to trust in addition to those of the system, in PEM.
    pub ca: Option<PathBuf>,
    /// A client's certificate and its key, in PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Whether plain HTTP is spoken.
    pub plain_http: bool,
    /// Where documents are kept that never change; absent means that none are.
    pub cache: Option<PathBuf>,
    /// Where the manifests of deleted refs are remembered; absent means that they are not.
    pub dropped: Option<PathBuf>,
    /// Whether each blob is asked for.
    pub verify_blobs: bool,
}

/// Lists the repositories of a registry as locations of their own.
///
/// # Errors
/// When the registry cannot be asked, or offers no catalog.
pub(super) async fn repositories(
    location: &RegistryLocation,
    access: &Access,
) -> Result<Vec<RegistryLocation>, RemoteError> {
    let http = RegistryClient::new(location, access)?;
    let names = tags::repositories(&http).await?;
    Ok(names
        .iter()
        .filter_map(|name| location.repository_of(name))
        .collect())
}

/// Reads the provenance next to an image: one statement for each platform that has one.
///
/// # Errors
/// When the image cannot be read.
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
