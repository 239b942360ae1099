//! What a bucket says of itself beside its objects: versions, and the rules by which the service deletes on its own.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::BucketVersioningStatus;
use futures_util::{StreamExt as _, stream};

use super::listing::Lister;
use super::{fault, rules, spread};
use crate::backend::RemoteError;
use crate::backend::bucket::{LifecycleRule, Noncurrent, Places, Told, Versioning};

/// How many pages are read of one range of versions: more than any bucket has, and few enough that a broken service ends.
const MOST_PAGES: usize = 1_000_000;

impl Lister<'_> {
    /// Asks whether the bucket keeps what is overwritten or deleted. A service that knows no versions keeps nothing.
    pub(super) async fn versioning(&self) -> Told<Versioning> {
        let request = || self.client.get_bucket_versioning().bucket(&self.location.bucket).send();
        match self.pace.run(request).await {
            Ok(answer) => Ok(match answer.status() {
                Some(BucketVersioningStatus::Enabled) => Versioning::On,
                Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
                Some(_) | None => Versioning::Off,
            }),
            Err(error) if is_not_offered(&error) => Ok(Versioning::Off),
            // Some services put the right status into an element of another name.
            Err(error) if fault::element(&error, "Status").is_some_and(|status| status == "Enabled") => {
                Ok(Versioning::On)
            }
            Err(error) if fault::element(&error, "Status").is_some_and(|status| status == "Suspended") => {
                Ok(Versioning::Suspended)
            }
            Err(error) if fault::is_answered(&error) => Ok(Versioning::Off),
            Err(error) => Err(fault::told(self.location, "read the versioning of", &error).in_one_line()),
        }
    }

    /// Reads the rules by which the service deletes; none when it has no such rules at all.
    pub(super) async fn lifecycle(&self) -> Told<Option<Vec<LifecycleRule>>> {
        let request = || self.client.get_bucket_lifecycle_configuration().bucket(&self.location.bucket).send();
        match self.pace.run(request).await {
            Ok(answer) => Ok(Some(answer.rules.unwrap_or_default().iter().map(rules::plain).collect())),
            Err(error) if code(&error) == Some("NoSuchLifecycleConfiguration") => Ok(Some(Vec::new())),
            Err(error) if is_not_offered(&error) => Ok(None),
            Err(error) => Err(fault::told(self.location, "read the lifecycle rules of", &error).in_one_line()),
        }
    }

    /// Counts what the bucket keeps of what was overwritten or deleted under a cache's prefix.
    pub(super) async fn noncurrent(&self, places: &Places) -> Told<Noncurrent> {
        let counted = self.count_versions(places).await;
        counted.map_err(|error| error.in_one_line())
    }

    async fn count_versions(&self, places: &Places) -> Result<Noncurrent, RemoteError> {
        let first = self.versions(&places.prefix, (String::new(), None), None, true).await?;
        let Some((last, version)) = first.next else { return Ok(first.counted) };
        let mut ranges = vec![((last, version), None)];
        // Blobs are most of what there is; where the first page has not come to them, they are cut out of the rest.
        if ranges[0].0.0 < places.blobs {
            let begin = format!("{}sha256:0", places.blobs);
            let blobs = spread::cut(&places.blobs, &format!("{}sha256:01000", places.blobs));
            ranges[0].1 = Some(begin.clone());
            ranges.push(((begin, None), blobs.first().map(|(after, _)| after.clone())));
            ranges.extend(blobs.into_iter().map(|(after, end)| ((after, None), end)));
        } else if ranges[0].0.0.starts_with(&places.blobs) {
            let blobs = spread::cut(&places.blobs, &ranges[0].0.0);
            ranges[0].1 = blobs.first().and_then(|(_, end)| end.clone());
            ranges.extend(blobs.into_iter().skip(1).map(|(after, end)| ((after, None), end)));
        }
        let counts = ranges.into_iter().map(|(from, end)| self.versions(&places.prefix, from, end, false));
        let mut counting = stream::iter(counts).buffer_unordered(16);
        let mut noncurrent = first.counted;
        while let Some(part) = counting.next().await {
            let part = part?.counted;
            noncurrent.versions.objects += part.versions.objects;
            noncurrent.versions.bytes = noncurrent.versions.bytes.saturating_add(part.versions.bytes);
            noncurrent.markers += part.markers;
        }
        Ok(noncurrent)
    }

    /// Counts versions after a place up to a key, itself included: a page of them, or all.
    async fn versions(
        &self,
        prefix: &str,
        from: Place,
        end: Option<String>,
        one_page: bool,
    ) -> Result<Versions, RemoteError> {
        let (mut counted, mut from) = (Noncurrent::default(), from);
        let in_range = |key: Option<&str>| end.as_deref().is_none_or(|end| key.is_some_and(|key| key <= end));
        for _ in 0..MOST_PAGES {
            let request = || {
                let request = self.client.list_object_versions().bucket(&self.location.bucket).prefix(prefix);
                let request = if from.0.is_empty() { request } else { request.key_marker(&from.0) };
                request.set_version_id_marker(from.1.clone())
            };
            let answer = self.pace.run(|| request().send()).await;
            let answer = answer.map_err(|error| fault::told(self.location, "list the versions of", &error))?;
            for version in answer.versions().iter().filter(|version| in_range(version.key())) {
                if version.is_latest() == Some(false) {
                    counted.versions.add(version.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default());
                }
            }
            let markers = answer.delete_markers().iter().filter(|marker| in_range(marker.key()));
            counted.markers += markers.count() as u64;
            let next = answer
                .next_key_marker()
                .map(|key| (key.to_owned(), answer.next_version_id_marker().map(str::to_owned)));
            let next =
                next.filter(|next| answer.is_truncated() == Some(true) && *next != from && in_range(Some(&next.0)));
            match next {
                Some(next) if !one_page => from = next,
                next => return Ok(Versions { counted, next }),
            }
        }
        Ok(Versions { counted, next: None })
    }
}

/// A place among versions: after a key, or within one after a version of it.
type Place = (String, Option<String>);

/// Some of the versions.
struct Versions {
    counted: Noncurrent,
    next: Option<Place>,
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// Tells whether a service does not know such a request at all.
fn is_not_offered<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    matches!(code(error), Some("NotImplemented" | "MethodNotAllowed")) || matches!(status, Some(405 | 501))
}
