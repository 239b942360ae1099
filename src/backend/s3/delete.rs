//! Deletes blobs. Each one is checked just before its deletion and after it.
//!
//! An exporter looks for a blob before it writes one. It relies on one that is younger than
//! `touch_refresh`, touches an older one, and writes its manifest last
//! (`cache/remotecache/s3/s3.go` in BuildKit). So no build relies on a blob that is older and has
//! not been touched. An export fails with `NoSuchKey` if the blob is deleted between its look and
//! its touch. Checking fewer objects at a time before deleting them shortens that moment.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::behaviour::{DeleteBatch, DeleteBehaviour};
use super::confirm::STILL_THERE;
use super::errors;
use super::errors::Passing;
use super::pace::pause_of;
use super::probe::ObjectDeletion;
use super::prune::S3Pruner;
use crate::backend::{ObjectName, ObjectTarget, Outcome, RemoteError, Skip};
use crate::text::escape::visible;

/// The number of keys in one request. `DeleteObjects` accepts up to 1000.
const KEYS: usize = 500;
/// The number of such requests that run at once.
const BATCHES: usize = 4;
/// How often the deletion of a key is tried. The key is checked again before each attempt.
pub(super) const MOST_TRIES: u32 = 10;

/// The result of checking an object.
enum ObjectLook {
    /// It matches the plan.
    Delete(ObjectDeletion),
    /// It is not deleted.
    Keep(Outcome),
}

/// The deletions of one round.
#[derive(Default)]
struct DeletionRound {
    deletions: Vec<ObjectDeletion>,
    /// The index of each key in the batch.
    places: HashMap<String, usize>,
}

/// The answer to deletions that the service neither carried out nor refused.
#[derive(Default)]
struct Unsettled {
    /// The longest pause that the service asks for.
    pause: Option<Duration>,
    why: String,
}

impl S3Pruner {
    /// Deletes objects that still match the plan.
    pub(super) async fn delete_all(&self, objects: &[ObjectTarget]) -> Vec<Outcome> {
        let ready = async {
            self.check_lease().await?;
            self.client().delete_behaviour().await
        };
        let behaviour = match ready.await {
            Ok(behaviour) => behaviour,
            Err(error) => {
                return vec![Outcome::Failed(error.in_one_line_with_hint()); objects.len()];
            }
        };
        let batches: Vec<_> = objects
            .chunks(KEYS)
            .map(|batch| self.delete_some(behaviour, batch))
            .collect();
        let mut deleting = stream::iter(batches).buffered(BATCHES);
        let mut outcomes = Vec::with_capacity(objects.len());
        while let Some(some) = deleting.next().await {
            outcomes.extend(some);
        }
        self.confirm(objects, &mut outcomes).await;
        outcomes
    }

    /// Deletes a batch in up to [`MOST_TRIES`] rounds, each for the objects without an outcome.
    async fn delete_some(
        &self,
        behaviour: DeleteBehaviour,
        batch: &[ObjectTarget],
    ) -> Vec<Outcome> {
        let began = Instant::now();
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
        for round in 1..=MOST_TRIES {
            let again = self
                .look_again(batch, behaviour, round, &mut outcomes)
                .await;
            if again.deletions.is_empty() {
                break;
            }
            let refused = self
                .send_round(&again, behaviour, round, &mut outcomes)
                .await;
            if !outcomes.contains(&None) {
                break;
            }
            let pause = pause_of(round, refused.pause);
            if began.elapsed() + pause > self.client().pace.patience() {
                let undone = outcomes.iter_mut().filter(|outcome| outcome.is_none());
                undone.for_each(|outcome| *outcome = Some(Outcome::Failed(refused.why.clone())));
                break;
            }
            self.client().pace.wait(pause).await;
        }
        outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or(Outcome::Cancelled))
            .collect()
    }

    /// Checks the objects without an outcome again. Returns the deletions of those that match the
    /// plan.
    async fn look_again(
        &self,
        batch: &[ObjectTarget],
        behaviour: DeleteBehaviour,
        round: u32,
        outcomes: &mut [Option<Outcome>],
    ) -> DeletionRound {
        let open: Vec<usize> = (0..batch.len())
            .filter(|place| outcomes[*place].is_none())
            .collect();
        let looked = self.look_at(behaviour, batch, &open).await;
        let mut again = DeletionRound::default();
        for (place, look) in open.into_iter().zip(looked) {
            match look {
                // An earlier request of this run may have deleted it.
                ObjectLook::Keep(Outcome::AlreadyGone) if round > 1 => {
                    outcomes[place] = Some(Outcome::Done);
                }
                ObjectLook::Keep(outcome) => outcomes[place] = Some(outcome),
                ObjectLook::Delete(deletion) => {
                    again.places.insert(deletion.key.clone(), place);
                    again.deletions.push(deletion);
                }
            }
        }
        again
    }

    /// Sends the deletions of one round. Returns the answer of the service about those that have no
    /// outcome yet.
    async fn send_round(
        &self,
        again: &DeletionRound,
        behaviour: DeleteBehaviour,
        round: u32,
        outcomes: &mut [Option<Outcome>],
    ) -> Unsettled {
        let mut unsettled = Unsettled::default();
        for (key, outcome) in self.send_batch(behaviour, &again.deletions).await {
            let Some(place) = again.places.get(&key) else {
                continue;
            };
            match outcome {
                Sent::Settled(outcome) => outcomes[*place] = Some(outcome),
                Sent::Retry(why, _) if round == MOST_TRIES => {
                    outcomes[*place] = Some(Outcome::Failed(why));
                }
                Sent::Retry(why, pause) => {
                    unsettled.pause = unsettled.pause.max(pause);
                    unsettled.why = why;
                }
            }
        }
        unsettled
    }

    async fn look_at(
        &self,
        behaviour: DeleteBehaviour,
        batch: &[ObjectTarget],
        open: &[usize],
    ) -> Vec<ObjectLook> {
        let looks: Vec<_> = open
            .iter()
            .map(|place| self.look(behaviour, &batch[*place]))
            .collect();
        stream::iter(looks)
            .buffered(self.client().at_once())
            .collect()
            .await
    }

    /// Checks an object that is to be deleted.
    async fn look(&self, behaviour: DeleteBehaviour, target: &ObjectTarget) -> ObjectLook {
        let key = match &target.name {
            // A plan is a file, which an earlier version with other rules may have written.
            ObjectName::Partial(key) if !self.client().places.is_for_cache(key) => {
                return ObjectLook::Keep(Outcome::Skipped(Skip::Unsupported));
            }
            ObjectName::Partial(key) => {
                let aborted = self.abort(key, target.modified).await;
                return ObjectLook::Keep(Outcome::of(aborted));
            }
            name => match self.client().blob_key(name) {
                Some(key) => key,
                None => return ObjectLook::Keep(Outcome::Skipped(Skip::Unsupported)),
            },
        };
        let planned = (target.modified.as_second(), target.size);
        if self.client().access.s3.no_recheck && behaviour.checks_time {
            return ObjectLook::Delete(ObjectDeletion {
                key,
                tag: None,
                modified: Some(planned),
            });
        }
        match self.client().head(&key).await {
            Ok(None) => ObjectLook::Keep(Outcome::AlreadyGone),
            Ok(Some(now)) if (now.modified, now.size) == (Some(planned.0), planned.1) => {
                ObjectLook::Delete(ObjectDeletion {
                    key,
                    tag: now.tag.filter(|_| behaviour.checks_tag),
                    modified: behaviour.checks_time.then_some(planned),
                })
            }
            Ok(Some(_)) => ObjectLook::Keep(Outcome::Skipped(Skip::Changed)),
            Err(error) => ObjectLook::Keep(Outcome::Failed(error.in_one_line_with_hint())),
        }
    }

    /// Deletes objects, and returns the result for each key.
    async fn send_batch(
        &self,
        behaviour: DeleteBehaviour,
        deletions: &[ObjectDeletion],
    ) -> Vec<(String, Sent)> {
        if behaviour.batch == DeleteBatch::One {
            let requests: Vec<_> = deletions
                .iter()
                .map(|deletion| self.delete_now(&deletion.key, deletion.tag.as_deref()))
                .collect();
            let sent: Vec<_> = stream::iter(requests)
                .buffered(self.client().at_once())
                .collect()
                .await;
            return deletions
                .iter()
                .map(|deletion| deletion.key.clone())
                .zip(sent)
                .collect();
        }
        let of_all = |sent: &Sent| {
            deletions
                .iter()
                .map(|deletion| (deletion.key.clone(), sent.clone()))
                .collect()
        };
        if let Err(lost) = self.still_held() {
            return of_all(&Sent::Settled(Outcome::Failed(
                lost.in_one_line_with_hint(),
            )));
        }
        let answer = match self.client().delete_batch(behaviour.batch, deletions).await {
            Ok(answer) => answer,
            Err(error) => return of_all(&self.not_sent(&error)),
        };
        let done: HashSet<&str> = answer
            .deleted()
            .iter()
            .filter_map(|deleted| deleted.key())
            .collect();
        let mut refused: HashMap<&str, Sent> = answer
            .errors()
            .iter()
            .filter_map(|error| Some((error.key()?, refusal(error.code(), error.message()))))
            .collect();
        let unsaid = || Sent::Retry("the service did not report a result".to_owned(), None);
        let sent = |deletion: &ObjectDeletion| {
            let key = deletion.key.as_str();
            let is_done = || done.contains(key).then_some(Sent::Settled(Outcome::Done));
            (
                deletion.key.clone(),
                refused.remove(key).or_else(is_done).unwrap_or_else(unsaid),
            )
        };
        deletions.iter().map(sent).collect()
    }

    /// Deletes an object that was just checked. The request is sent once: before another attempt
    /// the caller checks again.
    pub(super) async fn delete_now(&self, key: &str, tag: Option<&str>) -> Sent {
        let ready = async {
            self.still_held()?;
            self.client().sdk().await
        };
        let client = match ready.await {
            Ok(client) => client,
            Err(error) => return Sent::Settled(Outcome::Failed(error.in_one_line_with_hint())),
        };
        let delete = |tag: Option<&str>| {
            let delete = client
                .delete_object()
                .bucket(&self.client().location.bucket)
                .key(key);
            delete.set_if_match(tag.map(str::to_owned)).send()
        };
        let status = |error: &SdkError<_>| {
            error
                .raw_response()
                .map(|response| response.status().as_u16())
        };
        let mut deleted = self.client().pace.once(|| delete(tag)).await;
        // A service that does not support the condition has deleted nothing.
        if tag.is_some()
            && deleted
                .as_ref()
                .is_err_and(|error| matches!(status(error), Some(400 | 501)))
        {
            deleted = self.client().pace.once(|| delete(None)).await;
        }
        let Err(error) = deleted else {
            return Sent::Settled(Outcome::Done);
        };
        match status(&error) {
            Some(409 | 412) if tag.is_some() => Sent::Settled(Outcome::Skipped(Skip::Changed)),
            _ if errors::is_absence(&error) => Sent::Settled(Outcome::Done),
            _ => self.not_sent(&error),
        }
    }

    /// Returns the meaning of an error for the keys of the request. If the error may pass or the
    /// answer was lost, they have to be checked again.
    fn not_sent<E>(&self, error: &SdkError<E>) -> Sent
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let why =
            errors::describe(&self.client().location, "delete from", error).in_one_line_with_hint();
        match errors::passing(error) {
            Some(Passing::Busy(pause)) => Sent::Retry(why, pause),
            Some(Passing::Lost) => Sent::Retry(why, None),
            None if errors::is_answered(error) => Sent::Retry(why, None),
            None => Sent::Settled(Outcome::Failed(why)),
        }
    }

    /// Aborts the unfinished uploads of a key that began at this time.
    async fn abort(&self, key: &str, began: Timestamp) -> Result<Outcome, RemoteError> {
        let client = self.client().sdk().await?;
        let lister = self.client().lister().await?;
        let mut outcome = Outcome::AlreadyGone;
        let is_meant = |initiated: Option<Timestamp>| {
            initiated.map(Timestamp::as_second) == Some(began.as_second())
        };
        for (upload, initiated) in lister.upload_ids(key).await? {
            if !is_meant(initiated) {
                continue;
            }
            self.still_held()?;
            let abort = || {
                let abort = client
                    .abort_multipart_upload()
                    .bucket(&self.client().location.bucket);
                abort.key(key).upload_id(&upload).send()
            };
            match self.client().pace.run(abort).await {
                Ok(_) => outcome = Outcome::Done,
                Err(error) if errors::is_absence(&error) || errors::is_no_upload(&error) => {}
                Err(error) => {
                    return Err(errors::describe(
                        &self.client().location,
                        "delete from",
                        &error,
                    ));
                }
            }
        }
        let left = lister.upload_ids(key).await?;
        if outcome == Outcome::Done && left.iter().any(|(_, initiated)| is_meant(*initiated)) {
            return Ok(Outcome::Failed(STILL_THERE.to_owned()));
        }
        Ok(outcome)
    }
}

/// The result of a request for one key.
#[derive(Debug, Clone)]
pub(super) enum Sent {
    /// The final outcome.
    Settled(Outcome),
    /// No outcome yet, or an unknown one: the reason, and the pause that the service asks for.
    Retry(String, Option<Duration>),
}

/// Returns the result for a key that the service did not delete.
fn refusal(code: Option<&str>, message: Option<&str>) -> Sent {
    let why = visible(
        [code, message]
            .map(Option::unwrap_or_default)
            .join(" ")
            .trim(),
    )
    .into_owned();
    match code {
        Some("PreconditionFailed") => Sent::Settled(Outcome::Skipped(Skip::Changed)),
        Some("NoSuchKey") => Sent::Settled(Outcome::AlreadyGone),
        Some(
            "InternalError" | "SlowDown" | "ServiceUnavailable" | "OperationAborted"
            | "RequestTimeout",
        ) => Sent::Retry(why, None),
        Some("AccessDenied") => Sent::Settled(Outcome::Failed(format!(
            "{why} (deleting needs s3:DeleteObject on the cache's objects)"
        ))),
        _ => Sent::Settled(Outcome::Failed(why)),
    }
}

#[cfg(test)]
mod tests;
