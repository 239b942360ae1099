//! How a service deletes. Nobody's documentation is believed: an object of cachelens's own is tried first.
//!
//! Services differ in whether they delete many objects at once, want a Content-MD5 for that, and heed the condition under
//! which a key is to go. Most of those that do not know a condition delete without a word.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use base64::Engine as _;
use md5::{Digest as _, Md5};

use super::refs::Condition;
use super::{S3Cache, fault};
use crate::backend::RemoteError;

/// What is written to be deleted.
const PROBE: &[u8] = b"Written by cachelens to see how objects are deleted here.";
/// The entity tag of nothing that is tried.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";
/// A moment at which nothing was written: the first second of 1970.
const NEVER: i64 = 1;

/// How a service deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) batch: Batch,
    /// Whether a key goes only with the entity tag that is given for it.
    pub(super) heeds_tag: bool,
    /// Whether a key goes only with the modification time that is given for it: a touch changes the time and not the tag.
    pub(super) heeds_time: bool,
}

/// How many keys go in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batch {
    /// Many.
    Many,
    /// Many, with the digest of the request in its head.
    ManyWithMd5,
    /// One.
    One,
}

impl Manner {
    /// Says it in a sentence.
    pub(super) fn sentence(self) -> String {
        let batch = match self.batch {
            Batch::Many => "in batches",
            Batch::ManyWithMd5 => "in batches with Content-MD5",
            Batch::One => "one object at a time",
        };
        let condition = match (self.heeds_tag, self.heeds_time) {
            (_, true) => "only what has not been touched since the last look",
            (true, false) => "only what still has the content of the last look",
            (false, false) => "without a condition: the last look is all that it goes by",
        };
        format!("The service deletes {batch}, {condition}.")
    }
}

/// An object that is to go in a batch.
#[derive(Debug, Clone)]
pub(super) struct Going {
    pub(super) key: String,
    pub(super) tag: Option<String>,
    /// When it was modified, in seconds of the epoch, and its size.
    pub(super) modified: Option<(i64, u64)>,
}

impl S3Cache {
    /// Returns how the service deletes, and tries it out the first time.
    ///
    /// # Errors
    /// When it lets nothing be written or deleted below the cache's prefix.
    pub(super) async fn learn_manner(&self) -> Result<Manner, RemoteError> {
        self.manner.get_or_try_init(|| self.try_out()).await.copied()
    }

    async fn try_out(&self) -> Result<Manner, RemoteError> {
        let key = format!("{}probe", self.own());
        self.write(&key, PROBE.to_vec(), Condition::None).await?;
        let with_tag = Going { key: key.clone(), tag: Some(NO_TAG.to_owned()), modified: None };
        let mut manner = Manner { batch: Batch::Many, heeds_tag: false, heeds_time: false };
        loop {
            match self.probe(manner.batch, &with_tag).await {
                Ok(answer) => {
                    manner.heeds_tag = is_refused(&answer);
                    break;
                }
                Err(error) if manner.batch == Batch::Many && wants_md5(&error) => manner.batch = Batch::ManyWithMd5,
                Err(error) if is_not_offered(&error) => {
                    manner.batch = Batch::One;
                    manner.heeds_tag = self.is_tag_heeded(&key).await?;
                    break;
                }
                Err(error) => return Err(fault::told(&self.location, "delete from", &error)),
            }
        }
        if manner.heeds_tag && manner.batch != Batch::One {
            // All but the time is right: a service that heeds the size alone deletes it.
            let with_time = Going { key: key.clone(), tag: None, modified: Some((NEVER, PROBE.len() as u64)) };
            let answer = self.probe(manner.batch, &with_time).await;
            manner.heeds_time = answer.is_ok_and(|answer| is_refused(&answer));
        }
        self.delete_if(&key, None).await?;
        tracing::debug!(?manner, "how the service deletes");
        Ok(manner)
    }

    /// Tries to delete an object of its own with a condition that does not hold.
    async fn probe(&self, batch: Batch, going: &Going) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
        let client = self.client().await.map_err(SdkError::construction_failure)?;
        let delete = named(std::slice::from_ref(going)).map_err(SdkError::construction_failure)?;
        self.pace.run(|| send(client, &self.location.bucket, delete.clone(), batch)).await
    }

    /// Tells whether an object that is deleted alone goes only with its tag.
    async fn is_tag_heeded(&self, key: &str) -> Result<bool, RemoteError> {
        let client = self.client().await?;
        let delete = || client.delete_object().bucket(&self.location.bucket).key(key).if_match(NO_TAG).send();
        let Err(error) = self.pace.run(delete).await else { return Ok(false) };
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(412) => Ok(true),
            // It knows no such condition, and says so.
            Some(400 | 501) => Ok(false),
            _ if fault::is_absence(&error) => Ok(false),
            _ => Err(fault::told(&self.location, "delete from", &error)),
        }
    }

    /// Deletes in one request what is to go, each key under what is known of it. It is sent once: before it is sent again, all
    /// of it has to be looked at again.
    pub(super) async fn delete_batch(
        &self,
        batch: Batch,
        going: &[Going],
    ) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
        let client = self.client().await.map_err(SdkError::construction_failure)?;
        let delete = named(going).map_err(SdkError::construction_failure)?;
        self.pace.once(|| send(client, &self.location.bucket, delete.clone(), batch)).await
    }
}

/// Names what is to go, each key with what is known of it.
fn named(going: &[Going]) -> Result<Delete, BuildError> {
    let identifier = |going: &Going| {
        let named = ObjectIdentifier::builder().key(&going.key).set_e_tag(going.tag.clone());
        let (time, size) = going.modified.unzip();
        let size = size.and_then(|size| i64::try_from(size).ok());
        named.set_last_modified_time(time.map(DateTime::from_secs)).set_size(size).build()
    };
    let identifiers: Result<Vec<ObjectIdentifier>, _> = going.iter().map(identifier).collect();
    // Not quietly: an answer that names nobody is no proof that anything went.
    identifiers.and_then(|all| Delete::builder().set_objects(Some(all)).build())
}

/// Tells whether a key was refused because its condition does not hold. What is refused for another reason shows nothing.
fn is_refused(answer: &DeleteObjectsOutput) -> bool {
    answer.errors().iter().any(|error| error.code() == Some("PreconditionFailed"))
}

async fn send(
    client: &Client,
    bucket: &str,
    delete: Delete,
    batch: Batch,
) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
    let request = client.delete_objects().bucket(bucket).delete(delete);
    if batch != Batch::ManyWithMd5 {
        return request.send().await;
    }
    let with_md5 = request.customize().mutate_request(|request| {
        let md5 =
            request.body().bytes().map(|body| base64::engine::general_purpose::STANDARD.encode(Md5::digest(body)));
        if let Some(md5) = md5 {
            request.headers_mut().insert("content-md5", md5);
        }
    });
    with_md5.send().await
}

/// Tells whether a service wants a digest of the request that was not sent.
fn wants_md5(error: &SdkError<DeleteObjectsError>) -> bool {
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code);
    let said = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    code == Some("MissingContentMD5") || code == Some("InvalidRequest") && said.contains("MD5")
}

/// Tells whether a service does not delete many objects at once.
fn is_not_offered(error: &SdkError<DeleteObjectsError>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let status = error.raw_response().map(|response| response.status().as_u16());
    matches!(code, Some("MissingContentMD5" | "NotImplemented" | "MethodNotAllowed" | "InvalidRequest"))
        || matches!(status, Some(405 | 501))
}
