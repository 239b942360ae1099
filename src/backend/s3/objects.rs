//! Single objects: reading, checking, writing and deleting them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;

use super::client::S3Client;
use super::pace::pause_of;
use super::{errors, timestamp};
use crate::backend::{Outcome, RemoteError, RemoteKind};
use crate::format::manifest::DOCUMENT_LIMIT;
use crate::text::escape::visible;

/// How often an object is read if its content breaks off.
const MOST_READS: usize = 3;
/// How often an object is checked before it counts as still there: a service may take a moment.
const MOST_LOOKS: u32 = 4;

/// The content of an object, as it was read.
pub(super) struct ObjectContent {
    pub(super) bytes: Vec<u8>,
    pub(super) tag: Option<String>,
    pub(super) modified: Option<Timestamp>,
}

/// The current state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) size: u64,
    /// In seconds, as a HEAD returns it.
    pub(super) modified: Option<i64>,
    pub(super) tag: Option<String>,
}

/// The condition for writing an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum WriteCondition<'a> {
    None,
    /// No object has this key.
    New,
    /// The object still has this tag.
    Tag(&'a str),
}

impl S3Client {
    /// Reads a whole object of at most `limit` bytes; `None` if it does not exist.
    pub(super) async fn get(
        &self,
        key: &str,
        limit: u64,
    ) -> Result<Option<ObjectContent>, RemoteError> {
        let began = Instant::now();
        let mut reads = 1;
        loop {
            match self.get_once(key, limit).await {
                Err(error)
                    if error.kind == RemoteKind::Unavailable
                        && reads < MOST_READS
                        && began.elapsed() < self.pace.patience() =>
                {
                    reads += 1;
                }
                read => return read,
            }
        }
    }

    async fn get_once(&self, key: &str, limit: u64) -> Result<Option<ObjectContent>, RemoteError> {
        let client = self.sdk().await?;
        let answer = self
            .pace
            .run(|| {
                client
                    .get_object()
                    .bucket(&self.location.bucket)
                    .key(key)
                    .send()
            })
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if errors::is_absence(&error) => return Ok(None),
            Err(error) => return Err(errors::describe(&self.location, "read from", &error)),
        };
        let too_large = || {
            RemoteError::new(
                RemoteKind::BadAnswer,
                format!("{} is larger than {limit} bytes", visible(key)),
            )
        };
        let cut = |why: String| {
            let message = format!("{} could not be read to its end", visible(key));
            RemoteError::new(RemoteKind::Unavailable, message).because(why)
        };
        let announced = answer
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let tag = answer.e_tag().map(str::to_owned);
        let modified = answer.last_modified().and_then(timestamp);
        let mut body = answer.body;
        let mut bytes = Vec::new();
        let silence = self.pace.patience();
        while let Some(chunk) = tokio::time::timeout(silence, body.next())
            .await
            .map_err(|_| cut(format!("nothing came for {} s", silence.as_secs())))?
        {
            let chunk = chunk.map_err(|error| cut(error.to_string()))?;
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        let read = bytes.len() as u64;
        match announced {
            Some(announced) if announced != read => {
                Err(cut(format!("{read} of {announced} bytes came")))
            }
            _ => Ok(Some(ObjectContent {
                bytes,
                tag,
                modified,
            })),
        }
    }

    /// Reads the state of an object; `None` if it does not exist.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Now>, RemoteError> {
        let client = self.sdk().await?;
        match self
            .pace
            .run(|| {
                client
                    .head_object()
                    .bucket(&self.location.bucket)
                    .key(key)
                    .send()
            })
            .await
        {
            Ok(found) => Ok(Some(Now {
                size: found
                    .content_length()
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or_default(),
                modified: found
                    .last_modified()
                    .map(aws_sdk_s3::primitives::DateTime::secs),
                tag: found.e_tag().map(str::to_owned),
            })),
            Err(error) if errors::is_absence(&error) => Ok(None),
            Err(error) => Err(errors::describe(&self.location, "read from", &error)),
        }
    }

    /// Writes an object if the condition holds, and returns its tag. If the service does not
    /// support the condition, it is checked before the write.
    pub(super) async fn write(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: WriteCondition<'_>,
    ) -> Result<Option<String>, RemoteError> {
        let client = self.sdk().await?;
        let put = || {
            client
                .put_object()
                .bucket(&self.location.bucket)
                .key(key)
                .body(ByteStream::from(bytes.clone()))
        };
        let sent = AtomicUsize::new(0);
        let conditional = || {
            sent.fetch_add(1, Ordering::Relaxed);
            match condition {
                WriteCondition::None => put().send(),
                WriteCondition::New => put().if_none_match("*").send(),
                WriteCondition::Tag(tag) => put().if_match(tag).send(),
            }
        };
        let error = match self.pace.run(conditional).await {
            Ok(written) => return Ok(Some(written.e_tag.unwrap_or_default())),
            Err(error) => error,
        };
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        match (condition, status) {
            (WriteCondition::New, Some(409 | 412))
            | (WriteCondition::Tag(_), Some(404 | 409 | 412)) => {
                // If an earlier attempt was carried out but its answer was lost, the condition no
                // longer holds.
                if sent.into_inner() < 2 {
                    return Ok(None);
                }
                let found = self
                    .get(key, DOCUMENT_LIMIT.max(bytes.len() as u64))
                    .await?;
                Ok(found
                    .filter(|found| found.bytes == bytes)
                    .map(|found| found.tag.unwrap_or_default()))
            }
            (WriteCondition::New | WriteCondition::Tag(_), Some(400 | 501)) => {
                self.write_after_look(key, bytes, condition).await
            }
            _ => Err(errors::describe(&self.location, "write to", &error)),
        }
    }

    /// Writes an object to a service without conditions. The condition is checked just before.
    async fn write_after_look(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: WriteCondition<'_>,
    ) -> Result<Option<String>, RemoteError> {
        let there = self.head(key).await?.map(|now| now.tag.unwrap_or_default());
        let holds = match condition {
            WriteCondition::None => true,
            WriteCondition::New => there.is_none(),
            WriteCondition::Tag(tag) => there.as_deref() == Some(tag),
        };
        self.asked_without_condition.store(true, Ordering::Relaxed);
        if !holds {
            return Ok(None);
        }
        let client = self.sdk().await?;
        let put = || {
            client
                .put_object()
                .bucket(&self.location.bucket)
                .key(key)
                .body(ByteStream::from(bytes.clone()))
                .send()
        };
        match self.pace.run(put).await {
            Ok(written) => Ok(Some(written.e_tag.unwrap_or_default())),
            Err(error) => Err(errors::describe(&self.location, "write to", &error)),
        }
    }

    /// Deletes an object if it still has this tag, and returns whether it had. If the service does
    /// not support the condition, the tag is checked before the deletion.
    pub(super) async fn delete_if(
        &self,
        key: &str,
        tag: Option<&str>,
    ) -> Result<bool, RemoteError> {
        let client = self.sdk().await?;
        let delete = |tag: Option<&str>| {
            let delete = client
                .delete_object()
                .bucket(&self.location.bucket)
                .key(key);
            delete.set_if_match(tag.map(str::to_owned)).send()
        };
        let Err(error) = self.pace.run(|| delete(tag)).await else {
            return Ok(true);
        };
        match error
            .raw_response()
            .map(|response| response.status().as_u16())
        {
            Some(409 | 412) if tag.is_some() => Ok(false),
            _ if errors::is_absence(&error) => Ok(true),
            Some(400 | 501) if tag.is_some() => {
                match self.head(key).await? {
                    None => return Ok(true),
                    Some(now) if now.tag.as_deref() != tag => return Ok(false),
                    Some(_) => {}
                }
                let deleted = self.pace.run(|| delete(None)).await;
                deleted
                    .map(|_| true)
                    .map_err(|error| errors::describe(&self.location, "delete from", &error))
            }
            _ => Err(errors::describe(&self.location, "delete from", &error)),
        }
    }

    /// Returns whether an object still exists; `is_same` compares its state.
    pub(super) async fn is_still(
        &self,
        key: &str,
        is_same: impl Fn(&Now) -> bool,
    ) -> Result<bool, RemoteError> {
        for look in 1..=MOST_LOOKS {
            if !self.head(key).await?.as_ref().is_some_and(&is_same) {
                return Ok(false);
            }
            if look < MOST_LOOKS {
                tokio::time::sleep(pause_of(look, None)).await;
            }
        }
        Ok(true)
    }

    /// Restores a key in a versioned bucket by removing the delete marker that hides it.
    pub(super) async fn unhide(&self, key: &str) -> Result<Outcome, RemoteError> {
        if self.head(key).await?.is_some() {
            return Ok(Outcome::AlreadyGone);
        }
        let client = self.sdk().await?;
        let list = || {
            client
                .list_object_versions()
                .bucket(&self.location.bucket)
                .prefix(key)
                .send()
        };
        let versions = self.pace.run(list).await;
        let versions = versions
            .map_err(|error| errors::describe(&self.location, "read the versions of", &error))?;
        let latest = |marker: &&aws_sdk_s3::types::DeleteMarkerEntry| {
            marker.key() == Some(key) && marker.is_latest() == Some(true)
        };
        let Some(marker) = versions
            .delete_markers()
            .iter()
            .find(latest)
            .and_then(|marker| marker.version_id())
        else {
            return Ok(Outcome::Failed(
                "the bucket keeps no earlier version of it".to_owned(),
            ));
        };
        let delete = || {
            client
                .delete_object()
                .bucket(&self.location.bucket)
                .key(key)
                .version_id(marker)
                .send()
        };
        self.pace
            .run(delete)
            .await
            .map_err(|error| errors::describe(&self.location, "delete from", &error))?;
        Ok(if self.head(key).await?.is_some() {
            Outcome::Done
        } else {
            Outcome::Failed("the bucket keeps no earlier version of it".to_owned())
        })
    }
}
