//! Listings, page by page.
//!
//! What follows a page is asked for by the last key of it, not by the token that came with it: keys cannot come twice or be
//! skipped then, whatever the service does with its tokens. That holds where keys come in the order of their bytes, which is
//! checked. A page that ends before its listing does, and brings nothing new, is an error: nothing may be concluded from a
//! listing that is not whole.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::pace::Pace;
use super::{Listed, fault};
use crate::backend::{OtherKind, OtherObject, RemoteError, RemoteKind};
use crate::source::S3Location;

/// The most unfinished uploads that are told.
const MOST_UPLOADS: usize = 10_000;
/// How many pages of them are read: many more than those need, and few enough that a broken service ends.
const MOST_UPLOAD_PAGES: usize = 1_000;
/// How many pages without a key may follow each other. Behind deleted versions there are some, but not that many.
const MOST_EMPTY_PAGES: usize = 10_000;

/// Lists a bucket.
#[derive(Clone, Copy)]
pub(super) struct Lister<'a> {
    /// Asks.
    pub(super) client: &'a Client,
    /// Where.
    pub(super) location: &'a S3Location,
    /// How often.
    pub(super) pace: &'a Pace,
}

/// A page of a listing.
pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    /// Whether there is more after it.
    pub(super) goes_on: bool,
}

/// What lies right below a prefix.
#[derive(Default)]
pub(super) struct Level {
    pub(super) objects: Vec<Listed>,
    /// What the names of all others begin with, up to the next slash.
    pub(super) folders: Vec<String>,
    /// Whether there is more than was asked for.
    pub(super) goes_on: bool,
}

impl Lister<'_> {
    /// Lists a page of the keys under a prefix that come after another key.
    ///
    /// A service that does not know where to begin gives what is told already, and one that leaves out what it has looked at may
    /// give nothing: then its tokens lead on.
    ///
    /// # Errors
    /// When the bucket cannot be listed, or the service does not go on.
    pub(super) async fn page(&self, prefix: &str, after: &str) -> Result<Page, RemoteError> {
        let (mut token, mut trail, mut begins_after) = (None::<String>, Trail::default(), !after.is_empty());
        loop {
            let request = || {
                let request = self.client.list_objects_v2().bucket(&self.location.bucket).prefix(prefix);
                match &token {
                    Some(token) => request.continuation_token(token),
                    None if begins_after => request.start_after(after),
                    None => request,
                }
            };
            let mut answer = self.send(&request).await?;
            let goes_on = answer.is_truncated().unwrap_or_default();
            let next = answer.next_continuation_token.take();
            let mut objects = objects(answer);
            // Keys that come before the one that was named: either the service has begun with the first one, and then its tokens
            // lead through all of them in order, or it keeps another order, which shows when it is asked for all.
            if begins_after && objects.first().is_some_and(|listed| listed.key.as_str() < after) {
                (token, trail, begins_after) = (None, Trail::default(), false);
                continue;
            }
            trail.follow(&objects).map_err(|why| self.not_whole(why))?;
            objects.retain(|listed| listed.key.as_str() > after);
            if !goes_on || !objects.is_empty() {
                return Ok(Page { objects, goes_on });
            }
            if next.is_none() || next == token {
                return Err(self.not_whole(Lost::Stuck));
            }
            token = next;
        }
    }

    /// Lists everything under a prefix.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub(super) async fn all(&self, prefix: &str) -> Result<Vec<Listed>, RemoteError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let Page { objects, goes_on } = self.page(prefix, &after).await?;
            if let Some(last) = objects.last() {
                after.clone_from(&last.key);
            }
            all.extend(objects);
            if !goes_on {
                return Ok(all);
            }
        }
    }

    /// Lists what lies right below a prefix, in at most so many pages.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub(super) async fn level(&self, prefix: &str, most_pages: usize) -> Result<Level, RemoteError> {
        let (mut level, mut token) = (Level::default(), None::<String>);
        for _ in 0..most_pages {
            let request = || {
                let request = self.client.list_objects_v2().bucket(&self.location.bucket).prefix(prefix).delimiter("/");
                request.set_continuation_token(token.clone())
            };
            let mut answer = self.send(&request).await?;
            level.goes_on = answer.is_truncated().unwrap_or_default();
            let next = answer.next_continuation_token.take();
            let encoded = answer.encoding_type() == Some(&EncodingType::Url);
            let folders = answer.common_prefixes.take().unwrap_or_default().into_iter();
            level.folders.extend(folders.filter_map(|folder| folder.prefix).map(|key| decoded(key, encoded)));
            level.objects.extend(objects(answer));
            if !level.goes_on {
                break;
            }
            if next.is_none() || next == token {
                return Err(self.not_whole(Lost::Stuck));
            }
            token = next;
        }
        level.folders.dedup();
        Ok(level)
    }

    /// Asks, and where the answer cannot be parsed once more for encoded keys: XML cannot hold every character that a key can.
    async fn send(
        &self,
        request: &(impl Fn() -> ListObjectsV2FluentBuilder + Sync),
    ) -> Result<ListObjectsV2Output, RemoteError> {
        let sent = self.pace.run(|| request().send()).await;
        let sent = match sent {
            Err(error) if is_garbled(&error) => {
                self.pace.run(|| request().encoding_type(EncodingType::Url).send()).await
            }
            sent => sent,
        };
        sent.map_err(|error| fault::told(self.location, "list", &error))
    }

    fn not_whole(&self, why: Lost) -> RemoteError {
        let bucket = crate::format::text::visible(&self.location.bucket).into_owned();
        RemoteError::new(RemoteKind::BadAnswer, format!("cannot list the whole bucket {bucket}"))
            .because(why.sentence())
            .hint("nothing is concluded from a part of it; the service, or what stands before it, has to be mended")
    }

    /// Lists unfinished uploads under a prefix. Those of one key that began in the same second are one: nothing but the service's
    /// number tells them apart, and they are ended together.
    ///
    /// # Errors
    /// When the service does not tell.
    pub(super) async fn uploads(&self, prefix: &str) -> Result<Vec<OtherObject>, RemoteError> {
        let (mut found, mut after): (Vec<OtherObject>, Option<(String, String)>) = (Vec::new(), None);
        for _ in 0..MOST_UPLOAD_PAGES {
            let request = || {
                let request = self.client.list_multipart_uploads().bucket(&self.location.bucket).prefix(prefix);
                match &after {
                    Some((key, upload)) => request.key_marker(key).upload_id_marker(upload),
                    None => request,
                }
            };
            let answer = self.pace.run(|| request().send()).await;
            let answer = answer.map_err(|error| fault::told(self.location, "list the uploads of", &error))?;
            let next = answer.next_key_marker().zip(answer.next_upload_id_marker());
            let next = next.map(|(key, upload)| (key.to_owned(), upload.to_owned()));
            let goes_on = answer.is_truncated().unwrap_or_default() && next.is_some() && next != after;
            found.extend(answer.uploads.unwrap_or_default().into_iter().filter_map(|upload| {
                let modified = upload.initiated().and_then(|time| Timestamp::from_second(time.secs()).ok());
                Some(OtherObject { name: upload.key?, kind: OtherKind::Upload, size: 0, modified })
            }));
            if !goes_on || found.len() >= MOST_UPLOADS {
                break;
            }
            after = next;
        }
        found.sort_by(|a, b| (&a.name, a.modified).cmp(&(&b.name, b.modified)));
        found.dedup();
        Ok(found)
    }

    /// Lists the unfinished uploads of one key, with the times at which they began.
    ///
    /// # Errors
    /// When the service does not tell.
    pub(super) async fn upload_ids(&self, key: &str) -> Result<Vec<(String, Option<Timestamp>)>, RemoteError> {
        let request = || self.client.list_multipart_uploads().bucket(&self.location.bucket).prefix(key);
        let answer = self.pace.run(|| request().send()).await;
        let answer = answer.map_err(|error| fault::told(self.location, "list the uploads of", &error))?;
        let of_key = answer.uploads.unwrap_or_default().into_iter().filter(|upload| upload.key() == Some(key));
        Ok(of_key
            .filter_map(|upload| {
                let initiated = upload.initiated().and_then(|time| Timestamp::from_second(time.secs()).ok());
                Some((upload.upload_id?, initiated))
            })
            .collect())
    }
}

/// Why a listing cannot be trusted to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// It does not go on.
    Stuck,
    /// A key comes before another that it should come after, or twice.
    Disorder,
}

impl Lost {
    fn sentence(self) -> &'static str {
        match self {
            Self::Stuck => "the service says that there is more, and gives nothing new",
            Self::Disorder => {
                "the service does not give keys in the order of their bytes, so that some could be passed over"
            }
        }
    }
}

/// How far pages have led that follow each other by their tokens.
#[derive(Debug, Default)]
struct Trail {
    last: Option<String>,
    empty_pages: usize,
}

impl Trail {
    /// Follows a page, all keys of which must ascend, and come after those of the pages before.
    fn follow(&mut self, page: &[Listed]) -> Result<(), Lost> {
        let Some(last) = page.last() else {
            self.empty_pages += 1;
            return if self.empty_pages > MOST_EMPTY_PAGES { Err(Lost::Stuck) } else { Ok(()) };
        };
        let goes_on = self.last.as_deref().is_none_or(|last| last < page[0].key.as_str());
        if !goes_on || !page.is_sorted_by(|a, b| a.key < b.key) {
            return Err(Lost::Disorder);
        }
        (self.last, self.empty_pages) = (Some(last.key.clone()), 0);
        Ok(())
    }
}

/// Tells whether an answer came that is no XML.
fn is_garbled(error: &SdkError<ListObjectsV2Error>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    status == Some(200)
}

fn objects(answer: ListObjectsV2Output) -> Vec<Listed> {
    let encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let listed = answer.contents.unwrap_or_default().into_iter().filter_map(Listed::new);
    listed.map(|listed| Listed { key: decoded(listed.key, encoded), ..listed }).collect()
}

/// Decodes a key, of which a service encodes a blank as a plus.
fn decoded(key: String, encoded: bool) -> String {
    if !encoded || !key.contains(['%', '+']) {
        return key;
    }
    let key = key.replace('+', " ");
    percent_decode_str(&key).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &str) -> Vec<Listed> {
        keys.split_whitespace().map(|key| Listed { key: key.to_owned(), ..Listed::default() }).collect()
    }

    fn followed(pages: &[&str]) -> Result<(), Lost> {
        let mut trail = Trail::default();
        pages.iter().try_for_each(|keys| trail.follow(&page(keys)))
    }

    #[test]
    fn keys_ascend_within_pages_and_across_them() {
        for well in [&["a b c"][..], &["a b", "", "c", "c/d é"], &["", ""], &["B a"]] {
            assert_eq!(followed(well), Ok(()), "{well:?}");
        }
        // The second one is the order of dictionaries, the third that of a tree of folders.
        for badly in [&["b a"][..], &["a B"], &["a/b a-b"], &["a a"], &["a c", "b d"], &["a b", "b c"], &["a b", "a b"]]
        {
            assert_eq!(followed(badly), Err(Lost::Disorder), "{badly:?}");
        }
    }

    #[test]
    fn pages_without_keys_come_to_an_end() {
        assert_eq!(followed(&vec![""; MOST_EMPTY_PAGES]), Ok(()));
        let mut some = vec![""; MOST_EMPTY_PAGES];
        some.push("a");
        some.extend(vec![""; MOST_EMPTY_PAGES]);
        assert_eq!(followed(&some), Ok(()));
        some.push("");
        assert_eq!(followed(&some), Err(Lost::Stuck));
    }
}
