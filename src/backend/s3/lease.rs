//! The lease that keeps two prunes of a bucket apart: an object with an end time. Its holder renews
//! it during the run.
//!
//! A holder that finds another holder's lease, or could not renew its own in time, stops deleting.
//! No lease blocks for ever: whatever its content, it ends if it was not written again for
//! [`TERM`].

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client::S3Client;
use super::objects::WriteCondition;
use super::prune::S3Pruner;
use crate::backend::{BackendError, Lease, PruneError, RemoteError, RemoteKind};
use crate::text::escape::visible;

/// How long a lease is valid without a renewal.
const TERM: Duration = Duration::from_mins(10);
/// The time between renewals.
const RENEWAL: Duration = Duration::from_mins(2);
/// The time after its end before another prune takes it, because clocks differ.
const SLACK: SignedDuration = SignedDuration::from_mins(5);
/// The wait of a new holder before it checks again, if the service supports no conditions.
const LOOK: Duration = Duration::from_millis(300);
/// The largest lease that is read, in bytes.
const LEASE_LIMIT: u64 = 4096;
/// The most characters of a holder's name that are shown.
const LONGEST_NAME: usize = 80;

/// The content of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseTerm {
    owner: String,
    /// Text that is not a time counts as never, so the owner can still be shown.
    #[serde(default = "never", deserialize_with = "moment")]
    until: Timestamp,
    /// The machine of the holder, if it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The process of the holder, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

fn never() -> Timestamp {
    Timestamp::MAX
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let time = value.as_str().and_then(|text| text.parse().ok());
    Ok(time.unwrap_or_else(never))
}

/// A process, as others on its machine can find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// The scope in which process ids are unique: the boot of the machine, and the name space.
    space: String,
    id: u32,
}

impl Process {
    fn this() -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let names = std::fs::read_link("/proc/self/ns/pid").ok()?;
        Some(Self {
            space: format!("{} {}", boot.trim(), names.display()),
            id: std::process::id(),
        })
    }

    /// Returns whether the process is known to have ended: it was killed before it removed its
    /// lease.
    fn has_ended(&self) -> bool {
        Self::this().is_some_and(|this| this.space == self.space)
            && !std::path::Path::new(&format!("/proc/{}", self.id)).exists()
    }
}

impl LeaseTerm {
    fn of(owner: &str) -> Self {
        Self {
            owner: owner.to_owned(),
            until: later(Timestamp::now(), TERM),
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|host| host.trim().to_owned()),
            process: Process::this(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A lease that was found in the bucket.
struct FoundLease {
    /// `None` if it cannot be parsed.
    term: Option<LeaseTerm>,
    tag: Option<String>,
    /// The time of its last write, according to the service.
    written: Option<Timestamp>,
}

impl FoundLease {
    /// Returns when it ends: at its end time, but not later than its age allows.
    fn ends(&self) -> Option<Timestamp> {
        let latest = self.written.map(|written| later(written, TERM));
        match (self.term.as_ref().map(|term| term.until), latest) {
            (Some(until), Some(latest)) if until.duration_since(latest) > SLACK => Some(latest),
            (Some(until), _) => Some(until),
            (None, latest) => latest,
        }
    }

    /// Returns whether it has ended for certain, or its holder has ended without removing it.
    fn is_over(&self) -> bool {
        let is_late = self
            .ends()
            .is_some_and(|ends| Timestamp::now().duration_since(ends) > SLACK);
        let process = self.term.as_ref().and_then(|term| term.process.as_ref());
        is_late || process.is_some_and(Process::has_ended)
    }

    /// Describes its holder.
    fn holder(&self) -> String {
        let Some(term) = &self.term else {
            return "its lease cannot be read".to_owned();
        };
        let short = |text: &str| -> String { text.chars().take(LONGEST_NAME).collect() };
        let owner = short(&term.owner);
        let owner = visible(&owner);
        let name = match (&term.process, &term.host) {
            (Some(process), Some(host)) => {
                format!("process {} on {}", process.id, visible(&short(host)))
            }
            _ => format!("`{owner}`"),
        };
        format!("{name} holds the lease")
    }

    /// Describes when it ends, and how to remove it.
    fn remedy(&self, bucket: &str, key: &str) -> String {
        let until = match self.ends() {
            Some(ends) => format!(
                "the lease ends at {} unless it is renewed",
                later(ends, SLACK.unsigned_abs()).strftime("%Y-%m-%d %H:%M:%S UTC")
            ),
            None => "the service does not say how old the lease is".to_owned(),
        };
        format!(
            "nothing was changed; {until}. If no prune runs, remove it: aws s3 rm 's3://{}/{}'",
            visible(bucket),
            visible(key)
        )
    }
}

/// A lease that this process took, as far as known here.
#[derive(Debug)]
pub(super) struct StandingLease {
    owner: String,
    key: String,
    /// The tag of the object, and the end by both clocks: one of them stops while the machine
    /// sleeps.
    held: Mutex<Option<(String, Instant, Timestamp)>>,
}

impl StandingLease {
    fn hold(&self, tag: String, term: &LeaseTerm) {
        let until = Instant::now() + TERM;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((tag, until, term.until));
    }

    /// Notes another tag of the object. This does not extend the lease.
    fn is_now(&self, tag: String) {
        if let Some(held) = &mut *self.held.lock().unwrap_or_else(PoisonError::into_inner) {
            held.0 = tag;
        }
    }

    fn lose(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn tag(&self) -> Option<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (tag, by_one, by_other) = held.as_ref()?;
        (*by_one > Instant::now() && *by_other > Timestamp::now()).then(|| tag.clone())
    }
}

/// A lease that is renewed until it is dropped.
pub(super) struct HeldLease {
    _renewal: DropGuard,
}

impl Lease for HeldLease {}

impl HeldLease {
    /// Takes the lease of a bucket.
    ///
    /// # Errors
    /// Fails if another prune holds it, or if it cannot be written.
    pub(super) async fn take(pruner: &S3Pruner) -> Result<Self, PruneError> {
        let cache = pruner.client();
        let key = cache.lease_key();
        let owner = format!(
            "{}-{}",
            std::process::id(),
            Timestamp::now().as_nanosecond()
        );
        let (tag, term) = match cache.take_lease(&key, &owner).await {
            Ok(Taking::Taken(tag, term)) => (tag, term),
            Ok(Taking::Held(found)) => {
                let bucket = &cache.location.bucket;
                return Err(PruneError::Leased {
                    place: format!("{} ({})", visible(bucket), visible(&key)),
                    holder: found.holder(),
                    remedy: found.remedy(bucket, &key),
                });
            }
            Err(error) => return Err(BackendError::from(error).into()),
        };
        let standing = Arc::new(StandingLease {
            owner,
            key,
            held: Mutex::default(),
        });
        standing.hold(tag, &term);
        if let Ok(mut lease) = pruner.lease.lock() {
            *lease = Some(Arc::clone(&standing));
        }
        let renewal = CancellationToken::new();
        let renewer = cache.with_own_pace().await.map_err(BackendError::from)?;
        tokio::spawn(renew(renewer, standing, renewal.clone()));
        Ok(Self {
            _renewal: renewal.drop_guard(),
        })
    }
}

async fn renew(cache: S3Client, standing: Arc<StandingLease>, end: CancellationToken) {
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        let Some(tag) = standing.tag() else { return };
        let term = LeaseTerm::of(&standing.owner);
        match cache
            .write(&standing.key, term.bytes(), WriteCondition::Tag(&tag))
            .await
        {
            Ok(Some(tag)) => standing.hold(tag, &term),
            // An earlier attempt that failed may have been written, and then the tag is different.
            Ok(None) => match cache.tag_of_own(&standing).await {
                Ok(Some(tag)) => standing.is_now(tag),
                Ok(None) => return standing.lose(),
                Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
            },
            Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
        }
    }
}

impl S3Client {
    fn lease_key(&self) -> String {
        format!("{}lease.json", self.own())
    }

    /// Reads the lease; `None` if there is none.
    async fn find_lease(&self, key: &str) -> Result<Option<FoundLease>, RemoteError> {
        match self.get(key, LEASE_LIMIT).await {
            Ok(None) => Ok(None),
            Ok(Some(content)) => Ok(Some(FoundLease {
                term: serde_json::from_slice(&content.bytes).ok(),
                tag: content.tag,
                written: content.modified,
            })),
            // Too large to be a lease.
            Err(error) if error.kind == RemoteKind::BadAnswer => {
                let now = self.head(key).await?;
                Ok(now.map(|now| FoundLease {
                    term: None,
                    tag: now.tag,
                    written: now
                        .modified
                        .and_then(|seconds| Timestamp::from_second(seconds).ok()),
                }))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the lease if there is none, or if the existing one is over.
    async fn take_lease(&self, key: &str, owner: &str) -> Result<Taking, RemoteError> {
        let term = LeaseTerm::of(owner);
        let condition = match self.find_lease(key).await? {
            None => None,
            // The tag is that of the content: another prune may have taken the lease since.
            Some(found) if found.is_over() => Some(found.tag.unwrap_or_default()),
            Some(found) => return Ok(Taking::Held(found)),
        };
        let condition = condition
            .as_deref()
            .map_or(WriteCondition::New, WriteCondition::Tag);
        let is_written = self.write(key, term.bytes(), condition).await?.is_some();
        // A service that ignores the condition accepts two writes. The prune whose lease is read
        // afterwards holds it.
        let has_condition = !is_written
            || self
                .write(key, term.bytes(), WriteCondition::New)
                .await?
                .is_none()
                && !self.asked_without_condition.load(Ordering::Relaxed);
        if !has_condition {
            tokio::time::sleep(LOOK).await;
        }
        // A write whose answer was lost may have taken effect.
        match self.find_lease(key).await? {
            Some(found) if found.term.as_ref() == Some(&term) => {
                Ok(Taking::Taken(found.tag.unwrap_or_default(), term))
            }
            Some(found) => Ok(Taking::Held(found)),
            None => Err(lost()),
        }
    }

    /// Returns the tag of the object if it is still the lease that was taken.
    async fn tag_of_own(&self, standing: &StandingLease) -> Result<Option<String>, RemoteError> {
        let found = self.find_lease(&standing.key).await?;
        Ok(found
            .filter(|found| {
                let owner = found.term.as_ref().map(|term| &term.owner);
                owner == Some(&standing.owner)
            })
            .map(|found| found.tag.unwrap_or_default()))
    }
}

impl S3Pruner {
    /// Returns the lease if it is valid, as far as known here.
    fn standing(&self) -> Result<Arc<StandingLease>, RemoteError> {
        let standing = self.lease.lock().ok().and_then(|lease| lease.clone());
        standing
            .filter(|standing| standing.tag().is_some())
            .ok_or_else(lost)
    }

    /// Checks that the lease has not ended and was not found with another holder. Sends no request,
    /// so it runs before each deletion.
    ///
    /// # Errors
    /// Fails if the lease was lost.
    pub(super) fn still_held(&self) -> Result<(), RemoteError> {
        self.standing().map(|_| ())
    }

    /// Checks that the lease still belongs to this run.
    ///
    /// # Errors
    /// Fails if it does not, or if that cannot be determined.
    pub(super) async fn check_lease(&self) -> Result<(), RemoteError> {
        let standing = self.standing()?;
        if let Some(tag) = self.client().tag_of_own(&standing).await? {
            // A renewal whose answer was lost has changed the tag.
            standing.is_now(tag);
            return Ok(());
        }
        standing.lose();
        Err(lost())
    }

    /// Removes the lease if it is still the one that was taken. If it cannot be deleted, marks it
    /// as over.
    pub(super) async fn release_lease(&self) {
        if self.check_lease().await.is_err() {
            return;
        }
        let Some(standing) = self.lease.lock().ok().and_then(|mut lease| lease.take()) else {
            return;
        };
        let Some(tag) = standing.tag() else { return };
        let deleted = self.client().delete_if(&standing.key, Some(&tag)).await;
        // Some services report a deletion and keep the object.
        if deleted.is_ok() && !matches!(self.client().tag_of_own(&standing).await, Ok(Some(_))) {
            return;
        }
        let over = LeaseTerm {
            until: Timestamp::UNIX_EPOCH,
            ..LeaseTerm::of(&standing.owner)
        };
        if let Err(error) = self
            .client()
            .write(&standing.key, over.bytes(), WriteCondition::Tag(&tag))
            .await
        {
            tracing::warn!(%error, "the lease could not be removed");
        }
    }
}

/// The result of an attempt to take the lease.
enum Taking {
    /// It was taken, with its tag and its content.
    Taken(String, LeaseTerm),
    /// Another prune holds it.
    Held(FoundLease),
}

fn lost() -> RemoteError {
    RemoteError::new(
        RemoteKind::Unavailable,
        "the lease was lost: another prune may be at work",
    )
}

#[cfg(test)]
mod tests;
