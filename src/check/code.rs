//! The kinds of findings. Their names are part of what scripts rely on.

use std::fmt;

use serde::{Serialize, Serializer};

/// How much a finding weighs; the heaviest is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// A build that uses the cache fails, or gets nothing from it.
    Error,
    /// Builds work, and lose something or soon will.
    Warning,
    /// Waste, or something that is good to know.
    Info,
}

impl Severity {
    /// Returns the word for it, as JSON, tables and flags have it.
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
    ($($(#[$meta:meta])* $code:ident = $name:literal, $severity:ident;)*) => {
        /// What kind of thing was found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$meta])* $code,)*
        }

        impl Code {
            /// All of them, the gravest first.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// Returns its name, which stays as it is from version to version.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }

            /// Returns how much it weighs, unless something about the finding says otherwise.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// A source that cannot be opened or listed: nothing is known of it.
    SourceUnreadable = "source-unreadable", Error;
    /// A ref whose manifest is not stored.
    ManifestMissing = "manifest-missing", Error;
    /// A manifest that is damaged, or whose bytes are not those that its digest names.
    ManifestUnreadable = "manifest-unreadable", Error;
    /// A configuration that is not stored.
    ConfigMissing = "config-missing", Error;
    /// A configuration that is damaged, or whose bytes are not those that its digest names.
    ConfigUnreadable = "config-unreadable", Error;
    /// Blobs that a ref names and the store does not hold.
    BlobMissing = "blob-missing", Error;
    /// Blobs that are stored with another size than the one they are named with.
    BlobWrongSize = "blob-wrong-size", Error;
    /// Blobs whose bytes are not those that their digest names.
    BlobWrongBytes = "blob-wrong-bytes", Error;
    /// Blobs that are stored and could not be read.
    BlobUnreadable = "blob-unreadable", Error;
    /// A name of a layer that is no digest.
    LayerNameInvalid = "layer-name-invalid", Error;
    /// A manifest or configuration beyond the size that BuildKit imports.
    TooLargeToImport = "too-large-to-import", Error;
    /// A record that leads to itself.
    RecordLoops = "record-loops", Error;
    /// A link to a record that is not there.
    LinkBroken = "link-broken", Error;
    /// An input at which nothing can stand.
    InputEmpty = "input-empty", Error;
    /// A result or a parent that names a layer which is not there.
    LayerOutOfRange = "layer-out-of-range", Error;
    /// Layers that lie on each other in a circle.
    LayerLoops = "layer-loops", Error;
    /// A layer without the annotations that a cache without manifests needs.
    LayerUndescribed = "layer-undescribed", Error;
    /// A rule of the bucket that deletes blobs which manifests still name.
    LifecycleExpiresBlobs = "lifecycle-expires-blobs", Error;
    /// A rule of the bucket that moves blobs or manifests to where no build can read them.
    LifecycleArchives = "lifecycle-archives", Error;
    /// The refs changed all the time: what was found may be past.
    KeepsChanging = "keeps-changing", Warning;
    /// An inline cache that BuildKit passes over.
    InlineSkipped = "inline-skipped", Warning;
    /// An image that carries no cache, where one is named.
    NoCache = "no-cache", Warning;
    /// A cache without a single result, as an export of nothing leaves it.
    EmptyCache = "empty-cache", Warning;
    /// Several refs of the same name.
    DuplicateName = "duplicate-name", Warning;
    /// Results that an import drops without a word.
    ResultsDropped = "results-dropped", Warning;
    /// A manifest or configuration that will soon be too large to import.
    NearImportLimit = "near-import-limit", Warning;
    /// Times that are yet to come.
    FutureDate = "future-date", Warning;
    /// A prefix of S3 keys that does not end with a slash.
    PrefixWithoutSlash = "prefix-without-slash", Warning;
    /// What the store evicts soon.
    EvictedSoon = "evicted-soon", Warning;
    /// Something that could not be looked at, and why.
    NotChecked = "not-checked", Info;
    /// A rule of the bucket that deletes manifests and leaves their blobs.
    LifecycleLeavesBlobs = "lifecycle-leaves-blobs", Info;
    /// No rule of the bucket ends unfinished uploads.
    LifecycleKeepsUploads = "lifecycle-keeps-uploads", Info;
    /// No rule of the bucket deletes what it keeps of deleted and overwritten objects.
    LifecycleKeepsVersions = "lifecycle-keeps-versions", Info;
    /// Blobs that no ref reaches.
    Orphans = "orphans", Info;
    /// Uploads that were never finished.
    UnfinishedUploads = "unfinished-uploads", Info;
    /// What earlier prunes took away and keep for a while.
    Trash = "trash", Info;
    /// Former indexes that no build imports.
    SupersededIndexes = "superseded-indexes", Info;
    /// Caches that builds on a branch cannot see.
    Invisible = "invisible", Info;
    /// A cache that has kept keys and lost results.
    Thinned = "thinned", Info;
    /// Records without a result beside others of the same key that have one.
    GhostRecords = "ghost-records", Info;
    /// The same blob several times among the layers.
    DuplicateLayers = "duplicate-layers", Info;
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
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
    fn names_are_kebab_case_and_each_their_own() {
        let names: HashSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{names:?}");
    }

    #[test]
    fn the_gravest_stand_first() {
        assert!(Code::ALL.is_sorted_by_key(|code| code.severity()));
    }
}
