//! Deleting blobs: each is looked at again, and goes a moment later.
//!
//! An exporter looks for a blob before it writes one: one that is younger than `touch_refresh` it takes as it is, an older one it
//! touches, and its manifest comes last (`cache/remotecache/s3/s3.go` in BuildKit). A blob that is older than that and has not been
//! touched since is relied on by no build. The fewer objects are looked at before they go, the shorter is the moment in
//! which a touch is not seen.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::fault::Passing;
use super::manner::{Batch, Going, Manner};
use super::pace::pause_of;
use super::{S3Cache, fault};
use crate::backend::{ObjectName, ObjectTarget, Outcome, RemoteError, Skip};
use crate::format::text::visible;

/// How many keys one request deletes. `DeleteObjects` takes up to 1000.
const KEYS: usize = 500;
/// How many such requests are prepared or under way at once.
const BATCHES: usize = 4;
/// How often a key is tried that the service could not delete at the moment. It is looked at anew each time.
pub(super) const MOST_TRIES: u32 = 10;

/// What an object is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) size: u64,
    /// To the second, as a HEAD tells it.
    pub(super) modified: Option<i64>,
    pub(super) tag: Option<String>,
}

/// What a look at an object says.
enum Look {
    /// It may go.
    Goes(Going),
    /// It does not go.
    Stays(Outcome),
}

impl S3Cache {
    /// Looks at an object; none when it is not there.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Now>, RemoteError> {
        let client = self.client().await?;
        match self.pace.run(|| client.head_object().bucket(&self.location.bucket).key(key).send()).await {
            Ok(found) => Ok(Some(Now {
                size: found.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                modified: found.last_modified().map(aws_sdk_s3::primitives::DateTime::secs),
                tag: found.e_tag().map(str::to_owned),
            })),
            Err(error) if fault::is_absence(&error) => Ok(None),
            Err(error) => Err(fault::told(&self.location, "read from", &error)),
        }
    }

    pub(super) fn blob_key(&self, name: &ObjectName) -> Option<String> {
        match name {
            ObjectName::Blob(digest) => Some(format!("{}{digest}", self.blobs_at())),
            ObjectName::Partial(_) | ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
        }
    }

    /// Deletes objects that still are what they were.
    pub(super) async fn delete_all(&self, objects: &[ObjectTarget]) -> Vec<Outcome> {
        let ready = async {
            self.check_lease().await?;
            self.learn_manner().await
        };
        let manner = match ready.await {
            Ok(manner) => manner,
            Err(error) => return vec![Outcome::Failed(in_one_line(&error)); objects.len()],
        };
        let batches: Vec<_> = objects.chunks(KEYS).map(|batch| self.delete_some(manner, batch)).collect();
        let mut deleting = stream::iter(batches).buffered(BATCHES);
        let mut outcomes = Vec::with_capacity(objects.len());
        while let Some(some) = deleting.next().await {
            outcomes.extend(some);
        }
        outcomes
    }

    async fn delete_some(&self, manner: Manner, batch: &[ObjectTarget]) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
        for round in 1..=MOST_TRIES {
            let open: Vec<usize> = (0..batch.len()).filter(|place| outcomes[*place].is_none()).collect();
            if open.is_empty() {
                break;
            }
            let looks: Vec<_> = open.iter().map(|place| self.look(manner, &batch[*place])).collect();
            let looked: Vec<Look> = stream::iter(looks).buffered(self.access.s3.at_once.max(1)).collect().await;
            let (mut places, mut going) = (HashMap::new(), Vec::new());
            for (place, look) in open.into_iter().zip(looked) {
                match look {
                    // What was sent once before may have gone by that: then it was not gone already.
                    Look::Stays(Outcome::AlreadyGone) if round > 1 => outcomes[place] = Some(Outcome::Done),
                    Look::Stays(outcome) => outcomes[place] = Some(outcome),
                    Look::Goes(goes) => {
                        places.insert(goes.key.clone(), place);
                        going.push(goes);
                    }
                }
            }
            if going.is_empty() {
                break;
            }
            self.remember_deleted(places.values().map(|place| &batch[*place].name));
            let mut longest = None;
            for (key, outcome) in self.send_off(manner, &going).await {
                let Some(place) = places.get(&key) else { continue };
                match outcome {
                    Sent::Settled(outcome) => outcomes[*place] = Some(outcome),
                    Sent::NotNow(why, _) if round == MOST_TRIES => outcomes[*place] = Some(Outcome::Failed(why)),
                    Sent::NotNow(_, pause) => longest = longest.max(pause),
                }
            }
            if outcomes.contains(&None) {
                tokio::time::sleep(pause_of(round, longest)).await;
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Cancelled)).collect()
    }

    /// Looks at an object that is to go.
    async fn look(&self, manner: Manner, target: &ObjectTarget) -> Look {
        let key = match &target.name {
            // A plan is a file, and may have been made by an earlier version that knew less of what is whose.
            ObjectName::Partial(key) if !self.places.is_for_cache(key) => {
                return Look::Stays(Outcome::Skipped(Skip::Unsupported));
            }
            ObjectName::Partial(key) => {
                let aborted = self.abort(key, target.modified).await;
                return Look::Stays(told(aborted));
            }
            name => match self.blob_key(name) {
                Some(key) => key,
                None => return Look::Stays(Outcome::Skipped(Skip::Unsupported)),
            },
        };
        let planned = (target.modified.as_second(), target.size);
        if self.access.s3.no_recheck && manner.heeds_time {
            return Look::Goes(Going { key, tag: None, modified: Some(planned) });
        }
        match self.head(&key).await {
            Ok(None) => Look::Stays(Outcome::AlreadyGone),
            Ok(Some(now)) if (now.modified, now.size) == (Some(planned.0), planned.1) => Look::Goes(Going {
                key,
                tag: now.tag.filter(|_| manner.heeds_tag),
                modified: manner.heeds_time.then_some(planned),
            }),
            Ok(Some(_)) => Look::Stays(Outcome::Skipped(Skip::Changed)),
            Err(error) => Look::Stays(Outcome::Failed(in_one_line(&error))),
        }
    }

    /// Deletes objects, and says of each key what became of it.
    async fn send_off(&self, manner: Manner, going: &[Going]) -> Vec<(String, Sent)> {
        if manner.batch == Batch::One {
            let requests: Vec<_> =
                going.iter().map(|going| self.delete_now(&going.key, going.tag.as_deref())).collect();
            let sent: Vec<_> = stream::iter(requests).buffered(self.access.s3.at_once.max(1)).collect().await;
            return going.iter().map(|going| going.key.clone()).zip(sent).collect();
        }
        let of_all = |sent: &Sent| going.iter().map(|going| (going.key.clone(), sent.clone())).collect();
        if let Err(lost) = self.still_held() {
            return of_all(&Sent::Settled(Outcome::Failed(in_one_line(&lost))));
        }
        let answer = match self.delete_batch(manner.batch, going).await {
            Ok(answer) => answer,
            Err(error) => return of_all(&self.not_sent(&error)),
        };
        let done: HashSet<&str> = answer.deleted().iter().filter_map(|deleted| deleted.key()).collect();
        let mut refused: HashMap<&str, Sent> = answer
            .errors()
            .iter()
            .filter_map(|error| Some((error.key()?, refusal(error.code(), error.message()))))
            .collect();
        let unsaid = || Sent::NotNow("the service did not say what became of it".to_owned(), None);
        let sent = |going: &Going| {
            let key = going.key.as_str();
            let is_done = || done.contains(key).then_some(Sent::Settled(Outcome::Done));
            (going.key.clone(), refused.remove(key).or_else(is_done).unwrap_or_else(unsaid))
        };
        going.iter().map(sent).collect()
    }

    /// Deletes an object that was looked at a moment ago, in one request that is sent once: whoever sends it again looks again.
    pub(super) async fn delete_now(&self, key: &str, tag: Option<&str>) -> Sent {
        let ready = async {
            self.still_held()?;
            self.client().await
        };
        let client = match ready.await {
            Ok(client) => client,
            Err(error) => return Sent::Settled(Outcome::Failed(in_one_line(&error))),
        };
        let delete = |tag: Option<&str>| {
            let delete = client.delete_object().bucket(&self.location.bucket).key(key);
            delete.set_if_match(tag.map(str::to_owned)).send()
        };
        let status = |error: &SdkError<_>| error.raw_response().map(|response| response.status().as_u16());
        let mut deleted = self.pace.once(|| delete(tag)).await;
        // A service that knows no such condition has done nothing.
        if tag.is_some() && deleted.as_ref().is_err_and(|error| matches!(status(error), Some(400 | 501))) {
            deleted = self.pace.once(|| delete(None)).await;
        }
        let Err(error) = deleted else { return Sent::Settled(Outcome::Done) };
        match status(&error) {
            Some(409 | 412) if tag.is_some() => Sent::Settled(Outcome::Skipped(Skip::Changed)),
            _ if fault::is_absence(&error) => Sent::Settled(Outcome::Done),
            _ => self.not_sent(&error),
        }
    }

    /// Says what an error means for what was to go: nothing for the moment when it passes, or nobody knows what was done.
    fn not_sent<E>(&self, error: &SdkError<E>) -> Sent
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let why = in_one_line(&fault::told(&self.location, "delete from", error));
        match fault::passing(error) {
            Some(Passing::Busy(pause)) => Sent::NotNow(why, pause),
            Some(Passing::Lost) => Sent::NotNow(why, None),
            None if fault::is_answered(error) => Sent::NotNow(why, None),
            None => Sent::Settled(Outcome::Failed(why)),
        }
    }

    /// Notes what is deleted before it is: whatever the answer, it may have gone.
    fn remember_deleted<'a>(&self, names: impl Iterator<Item = &'a ObjectName>) {
        if let Ok(mut deleted) = self.deleted.lock() {
            deleted.extend(names.filter_map(|name| match name {
                ObjectName::Blob(digest) => Some(*digest),
                _ => None,
            }));
        }
    }

    /// Ends unfinished uploads of a key that began at that moment.
    async fn abort(&self, key: &str, began: Timestamp) -> Result<Outcome, RemoteError> {
        let client = self.client().await?;
        let mut outcome = Outcome::AlreadyGone;
        for (upload, initiated) in self.lister().await?.upload_ids(key).await? {
            if initiated.map(Timestamp::as_second) != Some(began.as_second()) {
                continue;
            }
            self.still_held()?;
            let abort = || {
                let abort = client.abort_multipart_upload().bucket(&self.location.bucket);
                abort.key(key).upload_id(&upload).send()
            };
            match self.pace.run(abort).await {
                Ok(_) => outcome = Outcome::Done,
                Err(error) if fault::is_absence(&error) || fault::is_no_upload(&error) => {}
                Err(error) => return Err(fault::told(&self.location, "delete from", &error)),
            }
        }
        Ok(outcome)
    }

    /// Takes back the deletion of a key in a bucket that keeps versions: the marker that hides it goes.
    pub(super) async fn unhide(&self, key: &str) -> Result<Outcome, RemoteError> {
        if self.head(key).await?.is_some() {
            return Ok(Outcome::AlreadyGone);
        }
        let client = self.client().await?;
        let list = || client.list_object_versions().bucket(&self.location.bucket).prefix(key).send();
        let versions = self.pace.run(list).await;
        let versions = versions.map_err(|error| fault::told(&self.location, "read the versions of", &error))?;
        let latest = |marker: &&aws_sdk_s3::types::DeleteMarkerEntry| {
            marker.key() == Some(key) && marker.is_latest() == Some(true)
        };
        let Some(marker) = versions.delete_markers().iter().find(latest).and_then(|marker| marker.version_id()) else {
            return Ok(Outcome::Failed("the bucket keeps no earlier version of it".to_owned()));
        };
        let delete = || client.delete_object().bucket(&self.location.bucket).key(key).version_id(marker).send();
        self.pace.run(delete).await.map_err(|error| fault::told(&self.location, "delete from", &error))?;
        Ok(if self.head(key).await?.is_some() {
            Outcome::Done
        } else {
            Outcome::Failed("the bucket keeps no earlier version of it".to_owned())
        })
    }
}

/// What a request did to a key.
#[derive(Debug, Clone)]
pub(super) enum Sent {
    /// This.
    Settled(Outcome),
    /// Nothing for the moment, or nobody knows what; and how long the service asks to wait, when it does.
    NotNow(String, Option<Duration>),
}

/// Understands why a service did not delete a key.
fn refusal(code: Option<&str>, message: Option<&str>) -> Sent {
    let why = visible([code, message].map(Option::unwrap_or_default).join(" ").trim()).into_owned();
    match code {
        Some("PreconditionFailed") => Sent::Settled(Outcome::Skipped(Skip::Changed)),
        Some("NoSuchKey") => Sent::Settled(Outcome::AlreadyGone),
        Some("InternalError" | "SlowDown" | "ServiceUnavailable" | "OperationAborted" | "RequestTimeout") => {
            Sent::NotNow(why, None)
        }
        Some("AccessDenied") => {
            Sent::Settled(Outcome::Failed(format!("{why} (deleting needs s3:DeleteObject on the cache's objects)")))
        }
        _ => Sent::Settled(Outcome::Failed(why)),
    }
}

/// Writes an error with its causes and what to do in one line.
pub(super) fn in_one_line(error: &RemoteError) -> String {
    let hint = error.hint.iter().map(|hint| format!(" ({hint})"));
    std::iter::once(error.in_one_line()).chain(hint).collect()
}

pub(super) fn told(outcome: Result<Outcome, RemoteError>) -> Outcome {
    outcome.unwrap_or_else(|error| Outcome::Failed(in_one_line(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Access;
    use crate::source::{Location, Source};

    /// A cache in a service that nobody can reach, with a lease that was lost.
    fn without_lease() -> S3Cache {
        let source = "type=s3,bucket=b,region=r,endpoint_url=http://127.0.0.1:1,access_key_id=x,secret_access_key=x";
        let Location::S3(location) = Source::parse(source, &|_| false).unwrap().source.location else { panic!() };
        S3Cache::new(&location, &Access::default())
    }

    #[tokio::test]
    async fn nothing_more_is_asked_for_once_the_lease_is_lost() {
        let cache = without_lease();
        let going = [Going { key: "blobs/x".to_owned(), tag: None, modified: None }];
        for batch in [Batch::Many, Batch::One] {
            let manner = Manner { batch, heeds_tag: false, heeds_time: false };
            let sent = cache.send_off(manner, &going).await;
            let [(_, Sent::Settled(Outcome::Failed(why)))] = sent.as_slice() else { panic!("{sent:?}") };
            assert!(why.contains("the lease was lost"), "{why}");
        }
    }
}
