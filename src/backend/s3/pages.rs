//! Listings, page by page.
//!
//! The next page is requested by the last key of the previous page, not by its token: then no key
//! is repeated or missing, even if the service handles its tokens wrong. This requires keys in the
//! order of their bytes, which [`Trail`] checks. The client checks that each answer is complete
//! (see [`super::complete`]).

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::types::{EncodingType, MultipartUpload};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::complete::{Incomplete, Markers, Trail, reason};
use super::pace::Pace;
use super::{ListedObject, errors};
use crate::backend::{OtherKind, OtherObject, RemoteError};
use crate::source::S3Location;

/// The most unfinished uploads that a listing returns.
pub(super) const MOST_UPLOADS: usize = 10_000;

/// Lists a bucket.
#[derive(Clone, Copy)]
pub(super) struct Lister<'a> {
    pub(super) client: &'a Client,
    pub(super) location: &'a S3Location,
    pub(super) pace: &'a Pace,
}

/// A page of a listing.
pub(super) struct ObjectPage {
    pub(super) objects: Vec<ListedObject>,
    /// Whether there are more pages.
    pub(super) goes_on: bool,
}

/// The objects and folders right below a prefix.
#[derive(Default)]
pub(super) struct FolderLevel {
    pub(super) objects: Vec<ListedObject>,
    /// The prefixes of all other names, up to the next slash.
    pub(super) folders: Vec<String>,
    /// Whether there are more than were requested.
    pub(super) goes_on: bool,
}

/// Unfinished uploads.
pub(super) struct Uploads {
    pub(super) found: Vec<OtherObject>,
    /// Whether there are more than [`MOST_UPLOADS`].
    pub(super) goes_on: bool,
}

/// Where a listing of uploads continues: after a key and one of its uploads.
type UploadMarker = (Option<String>, Option<String>);

impl Lister<'_> {
    /// Lists a page of the keys under a prefix that come after another key.
    ///
    /// A service that does not support `start-after` returns known keys, and one that skips already
    /// listed keys may return none. Its tokens lead further in both cases.
    ///
    /// # Errors
    /// Fails if the bucket cannot be listed, or if the service does not continue.
    pub(super) async fn page(&self, prefix: &str, after: &str) -> Result<ObjectPage, RemoteError> {
        let mut token = None::<String>;
        let mut tokens = Markers::default();
        let mut trail = Trail::default();
        let mut begins_after = !after.is_empty();
        loop {
            let request = || {
                let request = self
                    .client
                    .list_objects_v2()
                    .bucket(&self.location.bucket)
                    .prefix(prefix);
                match &token {
                    Some(token) => request.continuation_token(token),
                    None if begins_after => request.start_after(after),
                    None => request,
                }
            };
            let mut answer = self.send(&request).await?;
            let goes_on = answer.is_truncated() == Some(true);
            let next = answer.next_continuation_token.take();
            let mut objects = objects(answer);
            // Keys before `after`: either the service has started with the first key, and then its
            // tokens lead through all of them in order, or it has another order, which shows when
            // all keys are listed.
            let is_before = |listed: &ListedObject| listed.key.as_str() < after;
            if begins_after && objects.first().is_some_and(is_before) {
                token = None;
                trail = Trail::default();
                begins_after = false;
                continue;
            }
            trail
                .keys(objects.iter().map(|listed| listed.key.as_str()))
                .map_err(|why| self.incomplete(&why))?;
            objects.retain(|listed| listed.key.as_str() > after);
            if !goes_on || !objects.is_empty() {
                return Ok(ObjectPage { objects, goes_on });
            }
            token = Some(self.next_token(next, &mut tokens)?);
        }
    }

    /// Lists everything under a prefix.
    ///
    /// # Errors
    /// Fails in the same cases as [`Self::page`].
    pub(super) async fn all(&self, prefix: &str) -> Result<Vec<ListedObject>, RemoteError> {
        let mut all = Vec::new();
        let mut after = String::new();
        let mut trail = Trail::default();
        loop {
            let ObjectPage { objects, goes_on } = self.page(prefix, &after).await?;
            trail
                .keys(objects.iter().map(|listed| listed.key.as_str()))
                .map_err(|why| self.incomplete(&why))?;
            if let Some(last) = objects.last() {
                after.clone_from(&last.key);
            }
            all.extend(objects);
            if !goes_on {
                return Ok(all);
            }
        }
    }

    /// Lists the objects and folders right below a prefix, in at most `most_pages` pages.
    ///
    /// # Errors
    /// Fails in the same cases as [`Self::page`].
    pub(super) async fn level(
        &self,
        prefix: &str,
        most_pages: usize,
    ) -> Result<FolderLevel, RemoteError> {
        let mut level = FolderLevel::default();
        let mut token = None::<String>;
        let mut tokens = Markers::default();
        for _ in 0..most_pages {
            let request = || {
                let request = self
                    .client
                    .list_objects_v2()
                    .bucket(&self.location.bucket)
                    .prefix(prefix)
                    .delimiter("/");
                request.set_continuation_token(token.clone())
            };
            let mut answer = self.send(&request).await?;
            level.goes_on = answer.is_truncated() == Some(true);
            let next = answer.next_continuation_token.take();
            let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
            let folders = answer.common_prefixes.take().unwrap_or_default();
            level.folders.extend(
                folders
                    .into_iter()
                    .filter_map(|folder| folder.prefix)
                    .map(|key| decoded(key, is_encoded)),
            );
            level.objects.extend(objects(answer));
            if !level.goes_on {
                break;
            }
            token = Some(self.next_token(next, &mut tokens)?);
        }
        level.folders.dedup();
        Ok(level)
    }

    /// Returns the token of the next page, which must be new.
    fn next_token(
        &self,
        next: Option<String>,
        tokens: &mut Markers<String>,
    ) -> Result<String, RemoteError> {
        let next = next.ok_or_else(|| self.incomplete(&Incomplete::NothingNew))?;
        tokens
            .pass(next.clone())
            .map_err(|why| self.incomplete(&why))?;
        Ok(next)
    }

    /// Sends a request. If the answer cannot be parsed, asks again for encoded keys: XML does not
    /// support every character that a key may contain.
    async fn send(
        &self,
        request: &(impl Fn() -> ListObjectsV2FluentBuilder + Sync),
    ) -> Result<ListObjectsV2Output, RemoteError> {
        let sent = self.pace.run(|| request().send()).await;
        let sent = match sent {
            Err(error) if is_garbled(&error) => {
                self.pace
                    .run(|| request().encoding_type(EncodingType::Url).send())
                    .await
            }
            sent => sent,
        };
        sent.map_err(|error| errors::describe(self.location, "list", &error))
    }

    pub(super) fn incomplete(&self, why: &Incomplete) -> RemoteError {
        errors::incomplete(self.location, "list", why)
    }

    /// Lists unfinished uploads under a prefix. Uploads of one key that began in the same second
    /// count as one: only the service's id distinguishes them, and they are aborted together.
    ///
    /// # Errors
    /// Fails if they cannot be listed.
    pub(super) async fn uploads(&self, prefix: &str) -> Result<Uploads, RemoteError> {
        let mut found = Vec::new();
        let goes_on = self
            .each_upload(prefix, |upload| {
                let modified = began(&upload);
                found.extend(upload.key.map(|name| OtherObject {
                    name,
                    kind: OtherKind::Upload,
                    size: 0,
                    modified,
                }));
                found.len() < MOST_UPLOADS
            })
            .await?;
        found.sort_by(|a, b| (&a.name, a.modified).cmp(&(&b.name, b.modified)));
        found.dedup();
        Ok(Uploads { found, goes_on })
    }

    /// Lists the unfinished uploads of one key, with the times at which they began.
    ///
    /// # Errors
    /// Fails in the same cases as [`Self::uploads`].
    pub(super) async fn upload_ids(
        &self,
        key: &str,
    ) -> Result<Vec<(String, Option<Timestamp>)>, RemoteError> {
        let mut found = Vec::new();
        self.each_upload(key, |upload| {
            let began = began(&upload);
            if upload.key() == Some(key) {
                found.extend(upload.upload_id.map(|id| (id, began)));
            }
            found.len() < MOST_UPLOADS
        })
        .await?;
        Ok(found)
    }

    /// Passes each unfinished upload under a prefix to `take` while it returns true; returns
    /// whether some are left.
    async fn each_upload(
        &self,
        prefix: &str,
        mut take: impl FnMut(MultipartUpload) -> bool,
    ) -> Result<bool, RemoteError> {
        let mut after = UploadMarker::default();
        let mut markers = Markers::default();
        let mut trail = Trail::default();
        loop {
            let mut page = self.upload_page(prefix, &after).await?;
            let uploads = page.uploads.take().unwrap_or_default();
            trail
                .page(!uploads.is_empty())
                .map_err(|why| self.incomplete(&why))?;
            for upload in uploads {
                if !take(upload) {
                    return Ok(true);
                }
            }
            if page.is_truncated() != Some(true) {
                return Ok(false);
            }
            let given = |marker: Option<String>| marker.filter(|marker| !marker.is_empty());
            after = (
                given(page.next_key_marker),
                given(page.next_upload_id_marker),
            );
            markers
                .pass(after.clone())
                .map_err(|why| self.incomplete(&why))?;
        }
    }

    async fn upload_page(
        &self,
        prefix: &str,
        (key, upload): &UploadMarker,
    ) -> Result<ListMultipartUploadsOutput, RemoteError> {
        let request = || {
            self.client
                .list_multipart_uploads()
                .bucket(&self.location.bucket)
                .prefix(prefix)
                .set_key_marker(key.clone())
                .set_upload_id_marker(upload.clone())
                .send()
        };
        self.pace
            .run(request)
            .await
            .map_err(|error| errors::describe(self.location, "list the uploads of", &error))
    }
}

fn began(upload: &MultipartUpload) -> Option<Timestamp> {
    let time = upload.initiated()?;
    Timestamp::from_second(time.secs()).ok()
}

/// Returns whether the answer is not valid XML. An incomplete answer does not count.
fn is_garbled(error: &SdkError<ListObjectsV2Error>) -> bool {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    status == Some(200) && reason(error).is_none()
}

fn objects(answer: ListObjectsV2Output) -> Vec<ListedObject> {
    let encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let listed = answer
        .contents
        .unwrap_or_default()
        .into_iter()
        .filter_map(ListedObject::new);
    listed
        .map(|listed| ListedObject {
            key: decoded(listed.key, encoded),
            ..listed
        })
        .collect()
}

/// Decodes a key. Services encode a blank as a plus.
fn decoded(key: String, encoded: bool) -> String {
    if !encoded || !key.contains(['%', '+']) {
        return key;
    }
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8_lossy().into_owned()
}
