//! Detects how the service handles deletes. Documentation is unreliable, so a prune first tries an
//! object of its own.
//!
//! Services differ in three ways: whether they delete many objects at once, whether they need a
//! Content-MD5 for that, and whether they check the condition under which a key is to be deleted.
//! Most services that do not support a condition ignore it silently.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use base64::Engine as _;
use md5::{Digest as _, Md5};

use super::behaviour::{DeleteBatch, DeleteBehaviour};
use super::client::S3Client;
use super::errors;
use super::objects::WriteCondition;
use crate::backend::RemoteError;

/// The content of the probe object.
const PROBE: &[u8] = b"Written by cachelens to see how objects are deleted here.";
/// An entity tag that no object has.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";
/// A time at which nothing was written: the first second of 1970.
const NEVER: i64 = 1;

/// A deletion of an object, with its condition.
#[derive(Debug, Clone)]
pub(super) struct ObjectDeletion {
    pub(super) key: String,
    pub(super) tag: Option<String>,
    /// The modification time in seconds of the epoch, and the size.
    pub(super) modified: Option<(i64, u64)>,
}

impl S3Client {
    /// Returns how the service handles deletes. The first call detects it.
    ///
    /// # Errors
    /// Fails if nothing may be written or deleted below the cache's prefix.
    pub(super) async fn delete_behaviour(&self) -> Result<DeleteBehaviour, RemoteError> {
        self.behaviour
            .get_or_try_init(|| self.try_out())
            .await
            .copied()
    }

    async fn try_out(&self) -> Result<DeleteBehaviour, RemoteError> {
        let key = format!("{}probe", self.own());
        self.write(&key, PROBE.to_vec(), WriteCondition::None)
            .await?;
        let with_tag = ObjectDeletion {
            key: key.clone(),
            tag: Some(NO_TAG.to_owned()),
            modified: None,
        };
        let mut behaviour = DeleteBehaviour {
            batch: DeleteBatch::Many,
            checks_tag: false,
            checks_time: false,
        };
        loop {
            match self.probe(behaviour.batch, &with_tag).await {
                Ok(answer) => {
                    behaviour.checks_tag = is_refused(&answer);
                    break;
                }
                Err(error) if behaviour.batch == DeleteBatch::Many && wants_md5(&error) => {
                    behaviour.batch = DeleteBatch::ManyWithMd5;
                }
                Err(error) if is_not_offered(&error) => {
                    behaviour.batch = DeleteBatch::One;
                    behaviour.checks_tag = self.is_tag_checked(&key).await?;
                    break;
                }
                Err(error) => return Err(errors::describe(&self.location, "delete from", &error)),
            }
        }
        if behaviour.checks_tag && behaviour.batch != DeleteBatch::One {
            // Only the time is wrong: a service that checks only the size deletes it.
            let with_time = ObjectDeletion {
                key: key.clone(),
                tag: None,
                modified: Some((NEVER, PROBE.len() as u64)),
            };
            let answer = self.probe(behaviour.batch, &with_time).await;
            behaviour.checks_time = answer.is_ok_and(|answer| is_refused(&answer));
        }
        self.remove_probe(&key, behaviour.batch).await?;
        tracing::debug!(?behaviour, "how the service deletes");
        Ok(behaviour)
    }

    /// Removes the probe object. Some services report a deletion but keep the object, in one of the
    /// two kinds of requests.
    async fn remove_probe(&self, key: &str, batch: DeleteBatch) -> Result<(), RemoteError> {
        self.delete_if(key, None).await?;
        if !self.is_still(key, |_| true).await? {
            return Ok(());
        }
        let deletion = ObjectDeletion {
            key: key.to_owned(),
            tag: None,
            modified: None,
        };
        if batch == DeleteBatch::One
            || self.probe(batch, &deletion).await.is_err()
            || self.is_still(key, |_| true).await?
        {
            tracing::warn!(key, "the service says that it deletes, and does not");
        }
        Ok(())
    }

    /// Tries to delete the probe object with a condition that does not hold.
    async fn probe(
        &self,
        batch: DeleteBatch,
        deletion: &ObjectDeletion,
    ) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
        let client = self.sdk().await.map_err(SdkError::construction_failure)?;
        let delete =
            named(std::slice::from_ref(deletion)).map_err(SdkError::construction_failure)?;
        self.pace
            .run(|| send(client, &self.location.bucket, delete.clone(), batch))
            .await
    }

    /// Returns whether the deletion of one object checks its tag.
    async fn is_tag_checked(&self, key: &str) -> Result<bool, RemoteError> {
        let client = self.sdk().await?;
        let delete = || {
            client
                .delete_object()
                .bucket(&self.location.bucket)
                .key(key)
                .if_match(NO_TAG)
                .send()
        };
        let Err(error) = self.pace.run(delete).await else {
            return Ok(false);
        };
        match error
            .raw_response()
            .map(|response| response.status().as_u16())
        {
            Some(412) => Ok(true),
            // It reports that it does not support the condition.
            Some(400 | 501) => Ok(false),
            _ if errors::is_absence(&error) => Ok(false),
            _ => Err(errors::describe(&self.location, "delete from", &error)),
        }
    }

    /// Deletes keys in one request, each under its condition. The request is sent once: before
    /// another attempt, all objects have to be checked again.
    pub(super) async fn delete_batch(
        &self,
        batch: DeleteBatch,
        deletions: &[ObjectDeletion],
    ) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
        let client = self.sdk().await.map_err(SdkError::construction_failure)?;
        let delete = named(deletions).map_err(SdkError::construction_failure)?;
        self.pace
            .once(|| send(client, &self.location.bucket, delete.clone(), batch))
            .await
    }
}

/// Creates the body of a request.
fn named(deletions: &[ObjectDeletion]) -> Result<Delete, BuildError> {
    let identifier = |deletions: &ObjectDeletion| {
        let named = ObjectIdentifier::builder()
            .key(&deletions.key)
            .set_e_tag(deletions.tag.clone());
        let (time, size) = deletions.modified.unzip();
        let size = size.and_then(|size| i64::try_from(size).ok());
        named
            .set_last_modified_time(time.map(DateTime::from_secs))
            .set_size(size)
            .build()
    };
    let identifiers: Result<Vec<ObjectIdentifier>, _> = deletions.iter().map(identifier).collect();
    // An error instead of fewer keys: an answer that omits a key proves nothing.
    identifiers.and_then(|all| Delete::builder().set_objects(Some(all)).build())
}

/// Returns whether a key was refused because its condition does not hold. A refusal for another
/// reason proves nothing.
fn is_refused(answer: &DeleteObjectsOutput) -> bool {
    answer
        .errors()
        .iter()
        .any(|error| error.code() == Some("PreconditionFailed"))
}

async fn send(
    client: &Client,
    bucket: &str,
    delete: Delete,
    batch: DeleteBatch,
) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
    let request = client.delete_objects().bucket(bucket).delete(delete);
    if batch != DeleteBatch::ManyWithMd5 {
        return request.send().await;
    }
    let with_md5 = request.customize().mutate_request(|request| {
        let md5 = request
            .body()
            .bytes()
            .map(|body| base64::engine::general_purpose::STANDARD.encode(Md5::digest(body)));
        if let Some(md5) = md5 {
            request.headers_mut().insert("content-md5", md5);
        }
    });
    with_md5.send().await
}

/// Returns whether the service requires a digest of the body.
fn wants_md5(error: &SdkError<DeleteObjectsError>) -> bool {
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code);
    let said = service
        .and_then(ProvideErrorMetadata::message)
        .unwrap_or_default();
    code == Some("MissingContentMD5") || code == Some("InvalidRequest") && said.contains("MD5")
}

/// Returns whether a service does not support deleting many objects at once.
fn is_not_offered(error: &SdkError<DeleteObjectsError>) -> bool {
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    matches!(
        code,
        Some("MissingContentMD5" | "NotImplemented" | "MethodNotAllowed" | "InvalidRequest")
    ) || matches!(status, Some(405 | 501))
}
