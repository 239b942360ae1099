//! The lease that keeps two prunes of a bucket apart: an object that says until when it holds. Its
//! holder renews it while the run goes on.
//!
//! A holder that finds the lease with another, or could not renew it in time, deletes nothing more.
//! No lease blocks for ever: whatever it says, it ends when it was not written again for [`TERM`].

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

/// How long a lease holds that is not renewed.
const TERM: Duration = Duration::from_mins(10);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_mins(2);
/// How long after its end another takes it: clocks differ.
const SLACK: SignedDuration = SignedDuration::from_mins(5);
/// How long a new holder waits before it looks again, where the service supports no conditions.
const LOOK: Duration = Duration::from_millis(300);
/// The largest lease that is read, in bytes.
const LEASE_LIMIT: u64 = 4096;
/// How many characters of a holder's name are shown.
const LONGEST_NAME: usize = 80;

/// The content of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseTerm {
    owner: String,
    /// Another text than a time counts as one that never comes, so the owner can still be named.
    #[serde(default = "never", deserialize_with = "moment")]
    until: Timestamp,
    /// The machine of the holder, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The process of the holder, where it is known.
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
    /// In which process ids mean the same: the boot of the machine, and the name space.
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

    /// Returns whether it is known to have ended: it was killed before it removed its lease.
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
    /// None when it cannot be understood.
    term: Option<LeaseTerm>,
    tag: Option<String>,
    /// When the service last saw it written.
    written: Option<Timestamp>,
}

impl FoundLease {
    /// Returns when it ends: when it says, but not later than a lease of that age can.
    fn ends(&self) -> Option<Timestamp> {
        let latest = self.written.map(|written| later(written, TERM));
        match (self.term.as_ref().map(|term| term.until), latest) {
            (Some(until), Some(latest)) if until.duration_since(latest) > SLACK => Some(latest),
            (Some(until), _) => Some(until),
            (None, latest) => latest,
        }
    }

    /// Returns whether it has ended for good, or its holder has ended without removing it.
    fn is_over(&self) -> bool {
        let is_late = self
            .ends()
            .is_some_and(|ends| Timestamp::now().duration_since(ends) > SLACK);
        let process = self.term.as_ref().and_then(|term| term.process.as_ref());
        is_late || process.is_some_and(Process::has_ended)
    }

    /// Says who holds it.
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

    /// Says until when it holds, and how to remove it.
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

/// A lease that was taken, as far as is known here.
#[derive(Debug)]
pub(super) struct StandingLease {
    owner: String,
    key: String,
    /// The tag of the object, and how long it holds by both clocks: one stands still while the
    /// machine sleeps.
    held: Mutex<Option<(String, Instant, Timestamp)>>,
}

impl StandingLease {
    fn hold(&self, tag: String, term: &LeaseTerm) {
        let until = Instant::now() + TERM;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((tag, until, term.until));
    }

    /// Notes another tag of the object. It does not hold longer for that.
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
    /// When another prune holds it, or it cannot be written.
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
            // One that failed before may have been written none the less, and then the tag is
            // another.
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

    /// Reads the lease; none when there is none.
    async fn find_lease(&self, key: &str) -> Result<Option<FoundLease>, RemoteError> {
        match self.get(key, LEASE_LIMIT).await {
            Ok(None) => Ok(None),
            Ok(Some(content)) => Ok(Some(FoundLease {
                term: serde_json::from_slice(&content.bytes).ok(),
                tag: content.tag,
                written: content.modified,
            })),
            // Too large for a lease.
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

    /// Writes the lease where there is none, or one that is over.
    async fn take_lease(&self, key: &str, owner: &str) -> Result<Taking, RemoteError> {
        let term = LeaseTerm::of(owner);
        let condition = match self.find_lease(key).await? {
            None => None,
            // The tag is that of the content: another may have taken it since.
            Some(found) if found.is_over() => Some(found.tag.unwrap_or_default()),
            Some(found) => return Ok(Taking::Held(found)),
        };
        let condition = condition
            .as_deref()
            .map_or(WriteCondition::New, WriteCondition::Tag);
        let is_written = self.write(key, term.bytes(), condition).await?.is_some();
        // Services that ignore the condition let two write, one after the other: the one whose
        // lease is read afterwards holds it.
        let has_condition = !is_written
            || self
                .write(key, term.bytes(), WriteCondition::New)
                .await?
                .is_none()
                && !self.asked_without_condition.load(Ordering::Relaxed);
        if !has_condition {
            tokio::time::sleep(LOOK).await;
        }
        // A write whose answer was lost may have been done.
        match self.find_lease(key).await? {
            Some(found) if found.term.as_ref() == Some(&term) => {
                Ok(Taking::Taken(found.tag.unwrap_or_default(), term))
            }
            Some(found) => Ok(Taking::Held(found)),
            None => Err(lost()),
        }
    }

    /// Returns the tag of the object while it is the one that was taken.
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
    /// Returns the lease while it holds, as far as is known here.
    fn standing(&self) -> Result<Arc<StandingLease>, RemoteError> {
        let standing = self.lease.lock().ok().and_then(|lease| lease.clone());
        standing
            .filter(|standing| standing.tag().is_some())
            .ok_or_else(lost)
    }

    /// Checks that the lease has neither run out nor been found with another. It costs nothing, and
    /// goes before each deletion.
    ///
    /// # Errors
    /// When it has.
    pub(super) fn still_held(&self) -> Result<(), RemoteError> {
        self.standing().map(|_| ())
    }

    /// Checks that the lease still is this one's.
    ///
    /// # Errors
    /// When it is not, or that is not known.
    pub(super) async fn check_lease(&self) -> Result<(), RemoteError> {
        let standing = self.standing()?;
        if let Some(tag) = self.client().tag_of_own(&standing).await? {
            // A renewal whose answer was lost has given it another.
            standing.is_now(tag);
            return Ok(());
        }
        standing.lose();
        Err(lost())
    }

    /// Removes the lease, if it still is the one that was taken. Where nothing may be deleted it is
    /// left, and says that it is over.
    pub(super) async fn give_lease_back(&self) {
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
    /// It was taken: its tag and its content.
    Taken(String, LeaseTerm),
    /// Another holds it.
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
