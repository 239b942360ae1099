//! Reads the facts about a bucket other than its objects: versions, and the rules by which the
//! service deletes objects itself.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::BucketVersioningStatus;
use futures_util::{StreamExt as _, stream};

use super::complete::{Markers, Trail, reason};
use super::pages::Lister;
use super::{errors, rules, spread};
use crate::backend::RemoteError;
use crate::backend::bucket::{LifecycleRule, Noncurrent, Places, Reported, Versioning};

impl Lister<'_> {
    /// Asks whether the bucket keeps old versions. A service without versions keeps none.
    pub(super) async fn versioning(&self) -> Reported<Versioning> {
        let request = || {
            self.client
                .get_bucket_versioning()
                .bucket(&self.location.bucket)
                .send()
        };
        match self.pace.run(request).await {
            Ok(answer) => Ok(match answer.status() {
                Some(BucketVersioningStatus::Enabled) => Versioning::On,
                Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
                Some(_) | None => Versioning::Off,
            }),
            Err(error) if is_not_offered(&error) => Ok(Versioning::Off),
            // Some services use another name for the element with the status.
            Err(error)
                if errors::element(&error, "Status").is_some_and(|status| status == "Enabled") =>
            {
                Ok(Versioning::On)
            }
            Err(error)
                if errors::element(&error, "Status")
                    .is_some_and(|status| status == "Suspended") =>
            {
                Ok(Versioning::Suspended)
            }
            Err(error) if errors::is_answered(&error) && reason(&error).is_none() => {
                Ok(Versioning::Off)
            }
            Err(error) => {
                Err(errors::describe(self.location, "read the versioning of", &error).in_one_line())
            }
        }
    }

    /// Reads the lifecycle rules; `None` if the service does not support any.
    pub(super) async fn lifecycle(&self) -> Reported<Option<Vec<LifecycleRule>>> {
        let request = || {
            self.client
                .get_bucket_lifecycle_configuration()
                .bucket(&self.location.bucket)
                .send()
        };
        match self.pace.run(request).await {
            Ok(answer) => Ok(Some(
                answer
                    .rules
                    .unwrap_or_default()
                    .iter()
                    .map(rules::plain)
                    .collect(),
            )),
            Err(error) if code(&error) == Some("NoSuchLifecycleConfiguration") => {
                Ok(Some(Vec::new()))
            }
            Err(error) if is_not_offered(&error) => Ok(None),
            Err(error) => {
                Err(
                    errors::describe(self.location, "read the lifecycle rules of", &error)
                        .in_one_line(),
                )
            }
        }
    }

    /// Counts the old versions under a cache's prefix.
    pub(super) async fn noncurrent(&self, places: &Places) -> Reported<Noncurrent> {
        let counted = self.count_versions(places).await;
        counted.map_err(|error| error.in_one_line())
    }

    async fn count_versions(&self, places: &Places) -> Result<Noncurrent, RemoteError> {
        let first = self
            .versions(&places.prefix, (String::new(), None), None, true)
            .await?;
        let Some((last, version)) = first.next else {
            return Ok(first.counted);
        };
        let mut ranges = vec![((last, version), None)];
        // Most objects are blobs. If the first page did not reach them, they get separate ranges.
        if ranges[0].0.0 < places.blobs {
            let begin = format!("{}sha256:0", places.blobs);
            let blobs = spread::cut(&places.blobs, &format!("{}sha256:01000", places.blobs));
            ranges[0].1 = Some(begin.clone());
            ranges.push(((begin, None), blobs.first().map(|(after, _)| after.clone())));
            ranges.extend(blobs.into_iter().map(|(after, end)| ((after, None), end)));
        } else if ranges[0].0.0.starts_with(&places.blobs) {
            let blobs = spread::cut(&places.blobs, &ranges[0].0.0);
            ranges[0].1 = blobs.first().and_then(|(_, end)| end.clone());
            ranges.extend(
                blobs
                    .into_iter()
                    .skip(1)
                    .map(|(after, end)| ((after, None), end)),
            );
        }
        let counts = ranges
            .into_iter()
            .map(|(from, end)| self.versions(&places.prefix, from, end, false));
        let mut counting = stream::iter(counts).buffer_unordered(16);
        let mut noncurrent = first.counted;
        while let Some(part) = counting.next().await {
            let part = part?.counted;
            noncurrent.versions = noncurrent.versions.plus(part.versions);
            noncurrent.markers += part.markers;
        }
        Ok(noncurrent)
    }

    /// Counts the versions after a position up to a key, inclusive: one page of them, or all.
    async fn versions(
        &self,
        prefix: &str,
        mut from: BucketPlace,
        end: Option<String>,
        one_page: bool,
    ) -> Result<ObjectVersions, RemoteError> {
        let mut counted = Noncurrent::default();
        let mut places = Markers::default();
        let mut trail = Trail::default();
        let is_in_range = |key: Option<&str>| {
            end.as_deref()
                .is_none_or(|end| key.is_some_and(|key| key <= end))
        };
        loop {
            let page = self.version_page(prefix, &from).await?;
            let is_empty = page.versions().is_empty() && page.delete_markers().is_empty();
            trail.page(!is_empty).map_err(|why| self.incomplete(&why))?;
            for version in page.versions() {
                if version.is_latest() == Some(false) && is_in_range(version.key()) {
                    let size = version.size().and_then(|size| u64::try_from(size).ok());
                    counted.versions.add(size.unwrap_or_default());
                }
            }
            let markers = page.delete_markers().iter();
            counted.markers += markers.filter(|marker| is_in_range(marker.key())).count() as u64;
            let next = match page.next_key_marker() {
                Some(key) if page.is_truncated() == Some(true) => {
                    let version = page.next_version_id_marker().map(str::to_owned);
                    Some((key.to_owned(), version))
                }
                _ => None,
            };
            match next.filter(|(key, _)| is_in_range(Some(key))) {
                Some(next) if !one_page => {
                    places
                        .pass(next.clone())
                        .map_err(|why| self.incomplete(&why))?;
                    from = next;
                }
                next => return Ok(ObjectVersions { counted, next }),
            }
        }
    }

    async fn version_page(
        &self,
        prefix: &str,
        (key, version): &BucketPlace,
    ) -> Result<ListObjectVersionsOutput, RemoteError> {
        let request = || {
            self.client
                .list_object_versions()
                .bucket(&self.location.bucket)
                .prefix(prefix)
                .set_key_marker(Some(key.clone()).filter(|key| !key.is_empty()))
                .set_version_id_marker(version.clone())
                .send()
        };
        self.pace
            .run(request)
            .await
            .map_err(|error| errors::describe(self.location, "list the versions of", &error))
    }
}

/// A position among versions: after a key, or after a version of a key.
type BucketPlace = (String, Option<String>);

/// A part of the versions.
struct ObjectVersions {
    counted: Noncurrent,
    next: Option<BucketPlace>,
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// Returns whether a service does not support such a request.
fn is_not_offered<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    matches!(code(error), Some("NotImplemented" | "MethodNotAllowed"))
        || matches!(status, Some(405 | 501))
}
