//! Listings, page by page, and many of them at once.
//!
//! The names of blobs are digests, which are spread evenly. When the first page says that there is more, the rest of the
//! names is cut into ranges, as many as there seem to be pages, and these are listed beside each other.

use std::future::Future;

use aws_sdk_s3::Client;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Listed, fault};
use crate::backend::{OtherKind, OtherObject, RemoteError};
use crate::source::S3Location;

/// What a blob's name goes on with before its digits.
const ALGORITHM: &str = "sha256:";
/// The most ranges that are listed.
const MOST_RANGES: usize = 256;
/// The most unfinished uploads that are told.
const MOST_UPLOADS: usize = 10_000;

/// A page of a listing.
struct Page {
    objects: Vec<Listed>,
    /// Whether there is more after it.
    goes_on: bool,
}

async fn page(client: &Client, location: &S3Location, prefix: &str, after: &str) -> Result<Page, RemoteError> {
    let request = client.list_objects_v2().bucket(&location.bucket).prefix(prefix);
    let request = if after.is_empty() { request } else { request.start_after(after) };
    let answer = request.send().await.map_err(|error| fault::told(location, "list", &error))?;
    let goes_on = answer.is_truncated().unwrap_or_default();
    let objects: Vec<Listed> = answer.contents.unwrap_or_default().into_iter().filter_map(Listed::new).collect();
    // A store that says there is more and gives nothing would be asked for ever.
    Ok(Page { goes_on: goes_on && objects.last().is_some_and(|last| last.key.as_str() > after), objects })
}

/// Lists everything under a prefix.
///
/// # Errors
/// When the store cannot be listed.
pub(super) async fn all(client: &Client, location: &S3Location, prefix: &str) -> Result<Vec<Listed>, RemoteError> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let Page { objects, goes_on } = page(client, location, prefix, &after).await?;
        after = objects.last().map(|last| last.key.clone()).unwrap_or_default();
        all.extend(objects);
        if !goes_on {
            return Ok(all);
        }
    }
}

/// Lists blobs.
pub(super) struct Ranges<'a> {
    /// Asks.
    pub(super) client: &'a Client,
    /// Where.
    pub(super) location: &'a S3Location,
    /// What the names begin with.
    pub(super) prefix: String,
}

impl Ranges<'_> {
    /// Hands pages to `each` until all is told, `cancel` fires, or `each` says that nobody listens.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub(super) async fn list<F: Future<Output = bool> + Send>(
        &self,
        concurrency: usize,
        cancel: &CancellationToken,
        each: impl Fn(Vec<Listed>) -> F + Sync,
    ) -> Result<(), RemoteError> {
        let Page { objects, goes_on } = page(self.client, self.location, &self.prefix, "").await?;
        let last = objects.last().map(|last| last.key.clone()).unwrap_or_default();
        if !each(objects).await || !goes_on {
            return Ok(());
        }
        let ranges: Vec<_> = self.cut(&last).into_iter().map(|range| self.range(range, cancel, &each)).collect();
        let mut listing = stream::iter(ranges).buffer_unordered(concurrency.max(1));
        while let Some(listed) = listing.next().await {
            if !listed? || cancel.is_cancelled() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Lists the names after the first of `range` up to its second, itself included; the last range has no end.
    async fn range<F: Future<Output = bool> + Send>(
        &self,
        (mut after, end): (String, Option<String>),
        cancel: &CancellationToken,
        each: &(impl Fn(Vec<Listed>) -> F + Sync),
    ) -> Result<bool, RemoteError> {
        loop {
            let Page { mut objects, goes_on } = page(self.client, self.location, &self.prefix, &after).await?;
            let whole = objects.len();
            objects.retain(|listed| end.as_ref().is_none_or(|end| listed.key <= *end));
            let is_over = objects.len() < whole;
            if let Some(last) = objects.last() {
                after.clone_from(&last.key);
            }
            if !each(objects).await || cancel.is_cancelled() {
                return Ok(false);
            }
            if is_over || !goes_on {
                return Ok(true);
            }
        }
    }

    /// Cuts the names after `last` into ranges, about a page each.
    fn cut(&self, last: &str) -> Vec<(String, Option<String>)> {
        let begin = format!("{}{ALGORITHM}", self.prefix);
        // How far the first page has come tells how many pages there are: 256 steps are the whole way.
        let step = last.strip_prefix(&begin).and_then(|hex| usize::from_str_radix(hex.get(..4)?, 16).ok());
        let Some(reached) = step else { return vec![(last.to_owned(), None)] };
        let pages = (1 << 16) / reached.max(1);
        let count = (pages + pages / 2).clamp(2, MOST_RANGES);
        let bound = |place: usize| format!("{begin}{:04x}", reached + (0x10000 - reached) * place / count);
        let mut ranges: Vec<(String, Option<String>)> = (0..count)
            .map(|place| {
                let after = if place == 0 { last.to_owned() } else { bound(place) };
                (after, (place + 1 < count).then(|| bound(place + 1)))
            })
            .collect();
        ranges.dedup();
        ranges
    }
}

/// Lists unfinished uploads.
///
/// # Errors
/// When the store does not tell.
pub(super) async fn uploads(
    client: &Client,
    location: &S3Location,
    prefix: &str,
) -> Result<Vec<OtherObject>, RemoteError> {
    let (mut found, mut after): (Vec<OtherObject>, Option<(String, String)>) = (Vec::new(), None);
    while found.len() < MOST_UPLOADS {
        let mut request = client.list_multipart_uploads().bucket(&location.bucket).prefix(prefix);
        if let Some((key, upload)) = &after {
            request = request.key_marker(key).upload_id_marker(upload);
        }
        let answer = request.send().await.map_err(|error| fault::told(location, "list the uploads of", &error))?;
        let next = answer.next_key_marker().zip(answer.next_upload_id_marker());
        let next = next.map(|(key, upload)| (key.to_owned(), upload.to_owned()));
        let goes_on = answer.is_truncated().unwrap_or_default() && next != after;
        found.extend(answer.uploads.unwrap_or_default().into_iter().filter_map(|upload| {
            let modified = upload.initiated().and_then(|time| Timestamp::from_second(time.secs()).ok());
            Some(OtherObject { name: upload.key?, kind: OtherKind::Upload, size: 0, modified })
        }));
        if !goes_on {
            break;
        }
        after = next;
    }
    Ok(found)
}

/// Lists the unfinished uploads of one key, with the times at which they began.
///
/// # Errors
/// When the store does not tell.
pub(super) async fn upload_ids(
    client: &Client,
    location: &S3Location,
    key: &str,
) -> Result<Vec<(String, Option<Timestamp>)>, RemoteError> {
    let answer = client.list_multipart_uploads().bucket(&location.bucket).prefix(key).send().await;
    let answer = answer.map_err(|error| fault::told(location, "list the uploads of", &error))?;
    let of_key = answer.uploads.unwrap_or_default().into_iter().filter(|upload| upload.key() == Some(key));
    Ok(of_key
        .filter_map(|upload| {
            let initiated = upload.initiated().and_then(|time| Timestamp::from_second(time.secs()).ok());
            Some((upload.upload_id?, initiated))
        })
        .collect())
}
