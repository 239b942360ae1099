//! Classifies objects by their keys.

use super::ListedObject;
use super::undo::OWN;
use crate::backend::bucket::Places;
use crate::format::digest::Digest;
use crate::source::S3Location;

/// The kind of an object, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Blob(Digest),
    Manifest,
    /// An object of cachelens itself.
    Own,
    /// Anything else.
    Unknown,
}

impl Places {
    pub(super) fn new(location: &S3Location) -> Self {
        Self {
            bucket: location.bucket.to_string(),
            prefix: location.prefix.clone(),
            manifests: format!("{}{}", location.prefix, location.manifests_prefix),
            blobs: format!("{}{}", location.prefix, location.blobs_prefix),
            touch_refresh: location.touch_refresh,
        }
    }

    /// Returns the prefix of the keys of cachelens's own objects.
    pub(super) fn own(&self) -> String {
        format!("{}{OWN}", self.prefix)
    }

    /// Returns the kind of an object.
    pub(super) fn kind(&self, listed: &ListedObject) -> KeyKind {
        let key = listed.key.as_str();
        if key
            .strip_prefix(&self.prefix)
            .is_some_and(|rest| rest.starts_with(OWN))
        {
            return KeyKind::Own;
        }
        let among_blobs = key.strip_prefix(&self.blobs);
        if let Some(digest) = among_blobs.and_then(|name| name.parse().ok()) {
            return KeyKind::Blob(digest);
        }
        match key.strip_prefix(&self.manifests) {
            // The prefix of manifests may be empty. Then an object among the blobs is not a
            // manifest.
            Some(_) if among_blobs.is_some() && self.blobs.len() > self.manifests.len() => {
                KeyKind::Unknown
            }
            // Consoles create such an object for a new folder.
            Some(name) if name.is_empty() || name.ends_with('/') && listed.size == 0 => {
                KeyKind::Unknown
            }
            Some(_) => KeyKind::Manifest,
            None => KeyKind::Unknown,
        }
    }

    /// Returns whether an upload with this key becomes a blob or a manifest of the cache.
    pub(super) fn is_for_cache(&self, key: &str) -> bool {
        let uploading = ListedObject {
            key: key.to_owned(),
            ..ListedObject::default()
        };
        matches!(self.kind(&uploading), KeyKind::Blob(_) | KeyKind::Manifest)
    }

    /// Returns whether the listings of blobs, manifests or cachelens's own objects contain a key.
    pub(super) fn is_listed(&self, key: &str) -> bool {
        key.starts_with(&self.blobs)
            || key.starts_with(&self.manifests)
            || key.starts_with(&self.own())
    }

    /// Returns whether there are blobs or manifests somewhere below a folder.
    pub(super) fn is_below(&self, folder: &str) -> bool {
        self.blobs.starts_with(folder) || self.manifests.starts_with(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, SourceLocation};

    fn places(source: &str) -> Places {
        let SourceLocation::S3(location) =
            Source::parse(source, &|_| false).unwrap().source.location
        else {
            panic!()
        };
        Places::new(&location)
    }

    fn kind(places: &Places, key: &str) -> KeyKind {
        places.kind(&ListedObject {
            key: key.to_owned(),
            ..ListedObject::default()
        })
    }

    #[test]
    fn keys_are_classified_by_prefix_and_name() {
        let digest = Digest::of(b"x");
        let usual = places("type=s3,bucket=b,prefix=web/");
        for (key, expected) in [
            (format!("web/blobs/{digest}"), KeyKind::Blob(digest)),
            ("web/blobs/notes.txt".to_owned(), KeyKind::Unknown),
            ("web/blobs/".to_owned(), KeyKind::Unknown),
            ("web/manifests/main".to_owned(), KeyKind::Manifest),
            ("web/manifests/feature/x".to_owned(), KeyKind::Manifest),
            ("web/manifests/".to_owned(), KeyKind::Unknown),
            ("web/manifests/folder/".to_owned(), KeyKind::Unknown),
            ("web/.cachelens/lease.json".to_owned(), KeyKind::Own),
            ("web/index.html".to_owned(), KeyKind::Unknown),
            (format!("blobs/{digest}"), KeyKind::Unknown),
        ] {
            assert_eq!(kind(&usual, &key), expected, "{key}");
        }
        assert!(
            usual.is_for_cache(&format!("web/blobs/{digest}"))
                && usual.is_for_cache("web/manifests/main")
        );
        for key in [
            "web/index.html",
            "webshop/manifests/main",
            "web/blobs/video.mp4",
            "web/.cachelens/lease.json",
        ] {
            assert!(!usual.is_for_cache(key), "{key}");
        }
        let joined = places("type=s3,bucket=b,manifests_prefix=,blobs_prefix=");
        assert_eq!(kind(&joined, &digest.to_string()), KeyKind::Blob(digest));
        assert_eq!(kind(&joined, "main"), KeyKind::Manifest);
        let nested = places("type=s3,bucket=b,manifests_prefix=");
        assert_eq!(kind(&nested, "main"), KeyKind::Manifest);
        assert_eq!(kind(&nested, "blobs/notes"), KeyKind::Unknown);
        let nested = places("type=s3,bucket=b,blobs_prefix=");
        assert_eq!(kind(&nested, "manifests/main"), KeyKind::Manifest);
        assert_eq!(kind(&nested, "notes"), KeyKind::Unknown);
    }
}
