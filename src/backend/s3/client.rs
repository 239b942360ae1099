//! The client for one bucket: the location of the cache, the credentials, and the pace of requests.

use std::sync::atomic::AtomicBool;

use aws_sdk_s3::Client;
use tokio::sync::OnceCell;

use super::behaviour::DeleteBehaviour;
use super::connect;
use super::pace::Pace;
use super::pages::Lister;
use crate::backend::bucket::Places;
use crate::backend::{Access, ObjectName, RefTarget, RemoteError};
use crate::source::S3Location;

/// Sends the requests to one bucket.
#[derive(Debug)]
pub(super) struct S3Client {
    pub(super) location: S3Location,
    pub(super) places: Places,
    pub(super) access: Access,
    connection: OnceCell<Client>,
    pub(super) pace: Pace,
    /// How the service handles deletions, once that was detected.
    pub(super) behaviour: OnceCell<DeleteBehaviour>,
    /// Whether the service does not support conditional writes.
    pub(super) asked_without_condition: AtomicBool,
}

impl S3Client {
    /// Creates the client; no request is sent yet.
    pub(super) fn new(location: &S3Location, access: &Access) -> Self {
        Self {
            location: location.clone(),
            places: Places::new(location),
            access: access.clone(),
            connection: OnceCell::new(),
            pace: Pace::new(location, access),
            behaviour: OnceCell::new(),
            asked_without_condition: AtomicBool::new(false),
        }
    }

    /// Returns the client of the SDK, and connects it first.
    pub(super) async fn sdk(&self) -> Result<&Client, RemoteError> {
        self.connection
            .get_or_try_init(|| connect::connect(&self.location, &self.access))
            .await
    }

    /// Creates another client of the same connection with a separate pace, for work in the
    /// background.
    pub(super) async fn with_own_pace(&self) -> Result<Self, RemoteError> {
        let connection = OnceCell::new_with(Some(self.sdk().await?.clone()));
        Ok(Self {
            connection,
            ..Self::new(&self.location, &self.access)
        })
    }

    pub(super) async fn lister(&self) -> Result<Lister<'_>, RemoteError> {
        Ok(Lister {
            client: self.sdk().await?,
            location: &self.location,
            pace: &self.pace,
        })
    }

    /// Returns the most concurrent requests.
    pub(super) fn at_once(&self) -> usize {
        self.access.s3.at_once.max(1)
    }

    /// Returns the prefix of the keys of manifests.
    pub(super) fn manifests_at(&self) -> &str {
        &self.places.manifests
    }

    /// Returns the prefix of the keys of blobs.
    pub(super) fn blobs_at(&self) -> &str {
        &self.places.blobs
    }

    /// Returns the prefix of the keys of cachelens's own objects.
    pub(super) fn own(&self) -> String {
        self.places.own()
    }

    pub(super) fn blob_key(&self, name: &ObjectName) -> Option<String> {
        match name {
            ObjectName::Blob(digest) => Some(format!("{}{digest}", self.blobs_at())),
            ObjectName::Partial(_) | ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
        }
    }

    pub(super) fn manifest_key(&self, target: &RefTarget) -> Option<String> {
        target
            .names
            .first()
            .map(|name| format!("{}{name}", self.manifests_at()))
    }
}
