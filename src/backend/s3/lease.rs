//! The lease that keeps two prunes of a bucket apart: an object that says until when, renewed while the run goes on.
//!
//! Whoever finds that another has taken it, or could not renew it in time, deletes nothing more.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::S3Cache;
use super::refs::Condition;
use crate::backend::{BackendError, Lease, PruneError, RemoteError, RemoteKind};

/// How long a lease holds that nobody renews.
const TERM: Duration = Duration::from_mins(10);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_mins(2);
/// How much later than its end it is taken by another: clocks differ.
const SLACK: SignedDuration = SignedDuration::from_mins(5);
/// How long whoever has taken it waits before another look, where the service knows no condition.
const LOOK: Duration = Duration::from_millis(300);
/// The largest lease that is read, in bytes.
const LEASE_LIMIT: u64 = 4096;

/// What the object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Term {
    owner: String,
    until: Timestamp,
    /// Which process that is, where it can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

/// A process, as others on its machine can find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    /// In which numbers mean the same processes: the boot of the machine, and the name space.
    space: String,
    id: u32,
}

impl Process {
    fn this() -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let names = std::fs::read_link("/proc/self/ns/pid").ok()?;
        Some(Self { space: format!("{} {}", boot.trim(), names.display()), id: std::process::id() })
    }

    /// Tells whether it is known to have ended: it was killed, and has given nothing back.
    fn has_ended(&self) -> bool {
        Self::this().is_some_and(|this| this.space == self.space)
            && !std::path::Path::new(&format!("/proc/{}", self.id)).exists()
    }
}

impl Term {
    fn of(owner: &str) -> Self {
        let until = SignedDuration::try_from(TERM).ok().and_then(|term| Timestamp::now().checked_add(term).ok());
        Self { owner: owner.to_owned(), until: until.unwrap_or(Timestamp::MAX), process: Process::this() }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A lease that was taken, as far as is known.
#[derive(Debug)]
pub(super) struct Standing {
    owner: String,
    key: String,
    /// The tag of the object, and how long it holds by both clocks: one stands still while the machine sleeps.
    held: Mutex<Option<(String, Instant, Timestamp)>>,
}

impl Standing {
    fn hold(&self, tag: String, term: &Term) {
        let until = Instant::now() + TERM;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((tag, until, term.until));
    }

    /// Takes another tag for the object. How long it holds is not known to be longer.
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
        let owner = format!("{}-{}", std::process::id(), Timestamp::now().as_nanosecond());
        let Some((tag, term)) = cache.take_lease(&key, &owner).await.map_err(BackendError::from)? else {
            let bucket = crate::format::text::visible(&cache.location.bucket).into_owned();
            return Err(PruneError::Busy(format!("{bucket} ({})", crate::format::text::visible(&key))));
        };
        let standing = Arc::new(Standing { owner, key, held: Mutex::default() });
        standing.hold(tag, &term);
        if let Ok(mut lease) = cache.lease.lock() {
            *lease = Some(Arc::clone(&standing));
        }
        let renewal = CancellationToken::new();
        let renewer = cache.sharing_client().await.map_err(BackendError::from)?;
        tokio::spawn(renew(renewer, standing, renewal.clone()));
        Ok(Self { _renewal: renewal.drop_guard() })
    }
}

async fn renew(cache: S3Cache, standing: Arc<Standing>, end: CancellationToken) {
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        let Some(tag) = standing.tag() else { return };
        let term = Term::of(&standing.owner);
        match cache.write(&standing.key, term.bytes(), Condition::Tag(&tag)).await {
            Ok(Some(tag)) => standing.hold(tag, &term),
            // One that failed before may have been written none the less, and then the tag is another.
            Ok(None) => match cache.tag_of_own(&standing).await {
                Ok(Some(tag)) => standing.is_now(tag),
                Ok(None) => return standing.lose(),
                Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
            },
            Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
        }
    }
}

impl S3Cache {
    fn lease_key(&self) -> String {
        format!("{}lease.json", self.own())
    }

    /// Writes the lease where there is none, or one that has run out; returns its tag.
    async fn take_lease(&self, key: &str, owner: &str) -> Result<Option<(String, Term)>, RemoteError> {
        let term = Term::of(owner);
        let condition = match self.get_tagged(key, LEASE_LIMIT).await? {
            None => None,
            // One that cannot be understood is left alone. The tag is that of what was read: another may have taken it since.
            Some((bytes, tag)) if is_over(&bytes) => Some(tag.unwrap_or_default()),
            Some(_) => return Ok(None),
        };
        let condition = condition.as_deref().map_or(Condition::New, Condition::Tag);
        let written = self.write(key, term.bytes(), condition).await?.is_some();
        // Services that do not know the condition let two write, one after the other: who is read afterwards holds it.
        let is_heeded = !written
            || self.write(key, term.bytes(), Condition::New).await?.is_none()
                && !self.asked_without_condition.load(Ordering::Relaxed);
        if !is_heeded {
            tokio::time::sleep(LOOK).await;
        }
        // One that could not be written may have been none the less, and the answer was lost.
        let found = self.get_tagged(key, LEASE_LIMIT).await?;
        let own = found.filter(|(bytes, _)| *bytes == term.bytes());
        Ok(own.map(|(_, tag)| (tag.unwrap_or_default(), term)))
    }

    /// Returns the lease while it holds, as far as is known here.
    fn standing(&self) -> Result<Arc<Standing>, RemoteError> {
        let standing = self.lease.lock().ok().and_then(|lease| lease.clone());
        standing.filter(|standing| standing.tag().is_some()).ok_or_else(lost)
    }

    /// Checks that the lease has neither run out nor been found with another. It costs nothing, and goes before each deletion.
    ///
    /// # Errors
    /// When it has.
    pub(super) fn still_held(&self) -> Result<(), RemoteError> {
        self.standing().map(|_| ())
    }

    /// Checks that the lease still is this one's.
    ///
    /// # Errors
    /// When it is not, or nobody knows.
    pub(super) async fn check_lease(&self) -> Result<(), RemoteError> {
        let standing = self.standing()?;
        if let Some(tag) = self.tag_of_own(&standing).await? {
            // A renewal whose answer was lost has given it another.
            standing.is_now(tag);
            return Ok(());
        }
        standing.lose();
        Err(lost())
    }

    /// Returns the tag of the object while it is the one that was taken.
    async fn tag_of_own(&self, standing: &Standing) -> Result<Option<String>, RemoteError> {
        let Some((bytes, tag)) = self.get_tagged(&standing.key, LEASE_LIMIT).await? else { return Ok(None) };
        let term = serde_json::from_slice::<Term>(&bytes).ok();
        Ok(term.filter(|term| term.owner == standing.owner).map(|_| tag.unwrap_or_default()))
    }

    /// Removes the lease, if it still is the one that was taken. Where nothing may be deleted it is left, run out.
    pub(super) async fn give_lease_back(&self) {
        if self.check_lease().await.is_err() {
            return;
        }
        let Some(standing) = self.lease.lock().ok().and_then(|mut lease| lease.take()) else { return };
        let Some(tag) = standing.tag() else { return };
        if self.delete_if(&standing.key, Some(&tag)).await.is_err() {
            let over = Term { until: Timestamp::UNIX_EPOCH, ..Term::of(&standing.owner) };
            if let Err(error) = self.write(&standing.key, over.bytes(), Condition::Tag(&tag)).await {
                tracing::warn!(%error, "the lease could not be removed");
            }
        }
    }
}

fn lost() -> RemoteError {
    RemoteError::new(RemoteKind::Unavailable, "the lease was lost: another prune may be at work")
}

/// Tells whether a lease has run out for good, or its owner has ended without giving it back.
fn is_over(bytes: &[u8]) -> bool {
    let Ok(term) = serde_json::from_slice::<Term>(bytes) else { return false };
    let is_late = Timestamp::now().duration_since(term.until) > SLACK;
    is_late || term.process.is_some_and(|process| process.has_ended())
}
