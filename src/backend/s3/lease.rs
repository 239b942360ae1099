//! The lease that keeps two prunes of a bucket apart: an object that says until when, renewed while the run goes on.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::S3Cache;
use crate::backend::{BackendError, Lease, PruneError, RemoteError};

/// How long a lease holds that nobody renews.
const TERM: SignedDuration = SignedDuration::from_mins(10);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_mins(2);
/// The largest lease that is read, in bytes.
const LEASE_LIMIT: u64 = 4096;

/// What the object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Term {
    owner: String,
    until: Timestamp,
}

impl Term {
    fn new() -> Self {
        let now = Timestamp::now();
        let owner = format!("{}-{}", std::process::id(), now.as_nanosecond());
        Self { owner, until: now.checked_add(TERM).unwrap_or(Timestamp::MAX) }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A lease that is renewed until it is dropped.
pub(super) struct Held {
    _renewal: DropGuard,
}

impl Lease for Held {}

impl Held {
    /// Takes the lease of a bucket.
    ///
    /// # Errors
    /// When another prune holds it, or it cannot be written.
    pub(super) async fn take(cache: &S3Cache) -> Result<Self, PruneError> {
        let key = cache.lease_key();
        let term = Term::new();
        let mut is_ours = cache.put(&key, term.bytes(), true).await.map_err(BackendError::from)?;
        if !is_ours && cache.is_over(&key).await.map_err(BackendError::from)? {
            cache.delete_if(&key, None).await.map_err(BackendError::from)?;
            is_ours = cache.put(&key, term.bytes(), true).await.map_err(BackendError::from)?;
        }
        // A service without conditions lets two write: the one that is read holds it.
        let read = cache.get(&key, LEASE_LIMIT).await.map_err(BackendError::from)?;
        if !is_ours || read != Some(term.bytes()) {
            let bucket = crate::format::text::visible(&cache.location.bucket).into_owned();
            return Err(PruneError::Busy(format!("{bucket} ({key})")));
        }
        if let Ok(mut lease) = cache.lease.lock() {
            *lease = Some(term.owner.clone());
        }
        let renewal = CancellationToken::new();
        let client = cache.client().await.map_err(BackendError::from)?.clone();
        tokio::spawn(renew(client, cache.location.bucket.clone(), key, term, renewal.clone()));
        Ok(Self { _renewal: renewal.drop_guard() })
    }
}

async fn renew(client: Client, bucket: String, key: String, mut term: Term, end: CancellationToken) {
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        term.until = Timestamp::now().checked_add(TERM).unwrap_or(Timestamp::MAX);
        let put = client.put_object().bucket(&bucket).key(&key).body(ByteStream::from(term.bytes()));
        if let Err(error) = put.send().await {
            tracing::warn!(%error, "the lease could not be renewed");
        }
    }
}

impl S3Cache {
    fn lease_key(&self) -> String {
        format!("{}lease.json", self.own())
    }

    /// Tells whether the lease that is there has run out. One that cannot be understood is left alone.
    async fn is_over(&self, key: &str) -> Result<bool, RemoteError> {
        let Some(bytes) = self.get(key, LEASE_LIMIT).await? else { return Ok(true) };
        Ok(serde_json::from_slice::<Term>(&bytes).is_ok_and(|term| term.until < Timestamp::now()))
    }

    /// Removes the lease, if it still is the one that was taken.
    pub(super) async fn give_lease_back(&self) {
        let Some(owner) = self.lease.lock().ok().and_then(|mut lease| lease.take()) else { return };
        let key = self.lease_key();
        let found = self.get(&key, LEASE_LIMIT).await.ok().flatten();
        let is_ours =
            found.and_then(|bytes| serde_json::from_slice::<Term>(&bytes).ok()).is_some_and(|term| term.owner == owner);
        if is_ours && let Err(error) = self.delete_if(&key, None).await {
            tracing::warn!(%error, "the lease could not be removed");
        }
    }
}
