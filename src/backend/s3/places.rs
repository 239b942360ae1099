//! Which key is what.

use super::Listed;
use super::dropped::OWN;
use crate::backend::bucket::Places;
use crate::format::digest::Digest;
use crate::source::S3Location;

/// What an object is by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A blob.
    Blob(Digest),
    /// A manifest.
    Manifest,
    /// One of cachelens's own.
    Own,
    /// Anything else.
    Unknown,
}

impl Places {
    pub(super) fn new(location: &S3Location) -> Self {
        Self {
            bucket: location.bucket.clone(),
            prefix: location.prefix.clone(),
            manifests: format!("{}{}", location.prefix, location.manifests_prefix),
            blobs: format!("{}{}", location.prefix, location.blobs_prefix),
            touch_refresh: location.touch_refresh,
        }
    }

    /// Returns what the keys of cachelens's own objects begin with.
    pub(super) fn own(&self) -> String {
        format!("{}{OWN}", self.prefix)
    }

    /// Tells what an object is.
    pub(super) fn kind(&self, listed: &Listed) -> Kind {
        let key = listed.key.as_str();
        if key.strip_prefix(&self.prefix).is_some_and(|rest| rest.starts_with(OWN)) {
            return Kind::Own;
        }
        let among_blobs = key.strip_prefix(&self.blobs);
        if let Some(digest) = among_blobs.and_then(|name| name.parse().ok()) {
            return Kind::Blob(digest);
        }
        match key.strip_prefix(&self.manifests) {
            // The prefix for manifests may be empty; what lies among the blobs is no manifest then.
            Some(_) if among_blobs.is_some() && self.blobs.len() > self.manifests.len() => Kind::Unknown,
            // What a console leaves where somebody makes a folder.
            Some(name) if name.is_empty() || name.ends_with('/') && listed.size == 0 => Kind::Unknown,
            Some(_) => Kind::Manifest,
            None => Kind::Unknown,
        }
    }

    /// Tells whether what is being uploaded to a key becomes a blob or a manifest of the cache.
    pub(super) fn is_for_cache(&self, key: &str) -> bool {
        let uploading = Listed { key: key.to_owned(), ..Listed::default() };
        matches!(self.kind(&uploading), Kind::Blob(_) | Kind::Manifest)
    }

    /// Tells whether a key lies where blobs, manifests or cachelens's own objects are listed anyway.
    pub(super) fn is_listed(&self, key: &str) -> bool {
        key.starts_with(&self.blobs) || key.starts_with(&self.manifests) || key.starts_with(&self.own())
    }

    /// Tells whether blobs or manifests lie somewhere below a folder.
    pub(super) fn is_below(&self, folder: &str) -> bool {
        self.blobs.starts_with(folder) || self.manifests.starts_with(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Location, Source};

    fn places(source: &str) -> Places {
        let Location::S3(location) = Source::parse(source, &|_| false).unwrap().source.location else { panic!() };
        Places::new(&location)
    }

    fn kind(places: &Places, key: &str) -> Kind {
        places.kind(&Listed { key: key.to_owned(), ..Listed::default() })
    }

    #[test]
    fn keys_are_told_apart() {
        let digest = Digest::of(b"x");
        let usual = places("type=s3,bucket=b,prefix=web/");
        for (key, expected) in [
            (format!("web/blobs/{digest}"), Kind::Blob(digest)),
            ("web/blobs/notes.txt".to_owned(), Kind::Unknown),
            ("web/blobs/".to_owned(), Kind::Unknown),
            ("web/manifests/main".to_owned(), Kind::Manifest),
            ("web/manifests/feature/x".to_owned(), Kind::Manifest),
            ("web/manifests/".to_owned(), Kind::Unknown),
            ("web/manifests/folder/".to_owned(), Kind::Unknown),
            ("web/.cachelens/lease.json".to_owned(), Kind::Own),
            ("web/index.html".to_owned(), Kind::Unknown),
            (format!("blobs/{digest}"), Kind::Unknown),
        ] {
            assert_eq!(kind(&usual, &key), expected, "{key}");
        }
        assert!(usual.is_for_cache(&format!("web/blobs/{digest}")) && usual.is_for_cache("web/manifests/main"));
        for key in ["web/index.html", "webshop/manifests/main", "web/blobs/video.mp4", "web/.cachelens/lease.json"] {
            assert!(!usual.is_for_cache(key), "{key}");
        }
        let joined = places("type=s3,bucket=b,manifests_prefix=,blobs_prefix=");
        assert_eq!(kind(&joined, &digest.to_string()), Kind::Blob(digest));
        assert_eq!(kind(&joined, "main"), Kind::Manifest);
        let nested = places("type=s3,bucket=b,manifests_prefix=");
        assert_eq!(kind(&nested, "main"), Kind::Manifest);
        assert_eq!(kind(&nested, "blobs/notes"), Kind::Unknown);
        let nested = places("type=s3,bucket=b,blobs_prefix=");
        assert_eq!(kind(&nested, "manifests/main"), Kind::Manifest);
        assert_eq!(kind(&nested, "notes"), Kind::Unknown);
    }
}
