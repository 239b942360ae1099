//! The kinds of findings. Scripts rely on their names.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The severity of a finding; the most severe sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// A build that uses the cache fails, or gets nothing from it.
    Error,
    /// Builds work, but lose results or soon will.
    Warning,
    /// Waste, or a useful fact.
    Info,
}

impl Severity {
    /// Returns the word that JSON, tables and flags use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $code:ident = $name:literal, $severity:ident;)*) => {
        /// The kind of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])* $code,)*
        }

        impl Code {
            /// All kinds, the most severe first.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// Returns its name, which is stable across versions.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }

            /// Returns its meaning, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => concat!($($doc),*).trim_ascii(),)*
                }
            }

            /// Returns its default severity; a finding may override it.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// The source cannot be opened or listed.
    SourceUnreadable = "source-unreadable", Error;
    /// The manifest of a ref is not stored.
    ManifestMissing = "manifest-missing", Error;
    /// A manifest is damaged, or its bytes do not match its digest.
    ManifestUnreadable = "manifest-unreadable", Error;
    /// A cache configuration is not stored.
    ConfigMissing = "config-missing", Error;
    /// A cache configuration is damaged, or its bytes do not match its digest.
    ConfigUnreadable = "config-unreadable", Error;
    /// Blobs that a ref references are not stored.
    BlobMissing = "blob-missing", Error;
    /// The size of stored blobs differs from the size in the ref.
    BlobWrongSize = "blob-wrong-size", Error;
    /// The bytes of blobs do not match their digests.
    BlobWrongBytes = "blob-wrong-bytes", Error;
    /// Stored blobs could not be read.
    BlobUnreadable = "blob-unreadable", Error;
    /// The name of a layer is not a digest.
    LayerNameInvalid = "layer-name-invalid", Error;
    /// A manifest or configuration is larger than BuildKit can import.
    TooLargeToImport = "too-large-to-import", Error;
    /// A record depends on itself.
    RecordLoops = "record-loops", Error;
    /// A link points to a record that does not exist.
    LinkBroken = "link-broken", Error;
    /// An input of a record has no links.
    InputEmpty = "input-empty", Error;
    /// A result or parent refers to a layer that does not exist.
    LayerOutOfRange = "layer-out-of-range", Error;
    /// The parents of layers form a loop.
    LayerLoops = "layer-loops", Error;
    /// An index joins several caches, and BuildKit imports none of them.
    CachesMerged = "caches-merged", Error;
    /// A layer lacks the annotations that a cache without manifests needs.
    LayerUndescribed = "layer-undescribed", Error;
    /// A lifecycle rule deletes blobs that manifests still reference.
    LifecycleExpiresBlobs = "lifecycle-expires-blobs", Error;
    /// A lifecycle rule moves blobs or manifests to a class that builds cannot read.
    LifecycleArchives = "lifecycle-archives", Error;
    /// Orphans exceed the limit of `--max-orphan`.
    OrphansOverLimit = "orphans-over-limit", Error;
    /// The store holds more than `--max-size` allows.
    SizeOverLimit = "size-over-limit", Error;
    /// Refs are older than `--max-age` allows.
    AgeOverLimit = "age-over-limit", Error;
    /// A limit cannot be checked, because the store does not report the value.
    LimitNotChecked = "limit-not-checked", Error;
    /// The refs changed during the scan, so findings may be out of date.
    KeepsChanging = "keeps-changing", Warning;
    /// BuildKit skips an inline cache.
    InlineSkipped = "inline-skipped", Warning;
    /// BuildKit skips cache configurations of an index.
    ConfigPassedOver = "config-passed-over", Warning;
    /// The ref is an image without a cache.
    NoCache = "no-cache", Warning;
    /// The source has no ref that a build can import.
    NoRefs = "no-refs", Warning;
    /// A cache has no result, for example after an empty export.
    EmptyCache = "empty-cache", Warning;
    /// Several refs have the same name.
    DuplicateName = "duplicate-name", Warning;
    /// An import silently drops results.
    ResultsDropped = "results-dropped", Warning;
    /// A manifest or configuration will soon be too large to import.
    NearImportLimit = "near-import-limit", Warning;
    /// Results of steps that update packages, which are older than `--max-update-age` allows.
    UpdateTooOld = "update-too-old", Warning;
    /// Times are in the future.
    FutureDate = "future-date", Warning;
    /// A prefix of S3 keys does not end with a slash.
    PrefixWithoutSlash = "prefix-without-slash", Warning;
    /// The store will soon evict the cache.
    EvictedSoon = "evicted-soon", Warning;
    /// The token of the job cannot write to the cache.
    CacheReadOnly = "cache-read-only", Warning;
    /// The quota is full, so the least recently used entries are evicted.
    QuotaFull = "quota-full", Warning;
    /// Something could not be checked, for the reason given.
    NotChecked = "not-checked", Info;
    /// A lifecycle rule deletes manifests and leaves their blobs.
    LifecycleLeavesBlobs = "lifecycle-leaves-blobs", Info;
    /// No lifecycle rule aborts unfinished uploads.
    LifecycleKeepsUploads = "lifecycle-keeps-uploads", Info;
    /// No lifecycle rule deletes noncurrent versions.
    LifecycleKeepsVersions = "lifecycle-keeps-versions", Info;
    /// A directory whose blobs are a symbolic link or a mount, so that a prune cannot move them.
    BlobsElsewhere = "blobs-elsewhere", Info;
    /// Stored blobs are not reached by any ref.
    Orphans = "orphans", Info;
    /// Uploads that were never finished.
    UnfinishedUploads = "unfinished-uploads", Info;
    /// The trash holds objects that earlier prunes deleted.
    Trash = "trash", Info;
    /// Superseded indexes are stored, and no build imports them.
    SupersededIndexes = "superseded-indexes", Info;
    /// Caches of deleted branches are stored, and no build reads them.
    BranchGone = "branch-gone", Info;
    /// Caches are visible only to builds of their own branches.
    Invisible = "invisible", Info;
    /// A cache kept keys and lost their results.
    Thinned = "thinned", Info;
    /// Records without a result duplicate records that have one.
    GhostRecords = "ghost-records", Info;
    /// The layers list the same blob several times.
    DuplicateLayers = "duplicate-layers", Info;
    /// A cache configuration can shrink without losing a hit.
    Compactable = "compactable", Info;
}

impl Code {
    /// The findings that a repair fixes by default.
    pub const FIXABLE: &[Self] = &[
        Self::ManifestMissing,
        Self::ManifestUnreadable,
        Self::ConfigMissing,
        Self::ConfigUnreadable,
        Self::BlobMissing,
        Self::BlobWrongSize,
        Self::BlobWrongBytes,
        Self::LayerNameInvalid,
        Self::TooLargeToImport,
        Self::RecordLoops,
        Self::LinkBroken,
        Self::InputEmpty,
        Self::LayerOutOfRange,
        Self::LayerLoops,
        Self::LayerUndescribed,
        Self::ResultsDropped,
        Self::UnfinishedUploads,
    ];

    /// Returns whether a ref with this finding cannot be read, so that only a previous version of
    /// it can be written.
    pub fn is_unreadable(self) -> bool {
        matches!(
            self,
            Self::ManifestMissing
                | Self::ManifestUnreadable
                | Self::ConfigMissing
                | Self::ConfigUnreadable
        )
    }

    /// The findings that a repair fixes by shrinking the ref, on request.
    pub const COMPACTION: &[Self] = &[
        Self::NearImportLimit,
        Self::GhostRecords,
        Self::DuplicateLayers,
        Self::Compactable,
    ];
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let mut all = Self::ALL.iter().copied();
        all.find(|code| code.name() == name)
            .ok_or_else(|| D::Error::custom(format!("`{name}` is no kind of finding")))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        let names: HashSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(
            names
                .iter()
                .all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')),
            "{names:?}"
        );
    }

    #[test]
    fn each_has_a_meaning_of_one_line() {
        for code in Code::ALL {
            let meaning = code.meaning();
            assert!(
                meaning.ends_with('.') && !meaning.contains('\n'),
                "{meaning}"
            );
        }
    }

    #[test]
    fn codes_are_sorted_by_severity() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.severity()));
    }
}
