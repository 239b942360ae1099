//! Notes on the caches that a build imports.

use std::fmt;

use crate::text::escape::visible;
use crate::text::units::Age;

/// A note on the imports of a build, and on the refs of their stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportNote {
    /// This build or a later one exported to the ref, and the store has the version before.
    EarlierContent {
        name: String,
        digest: String,
        /// How much older than the build its newest result is.
        age: Option<Age>,
    },
    /// The build exported the current version of the ref, and nothing shows what it found there.
    OwnRef,
    /// The ref holds results that were saved while the build ran.
    OwnResults,
    /// The build could not import a cache. Holds BuildKit's error.
    FailedImport(String),
    /// Builds cannot import a ref.
    RefusedRef { name: String, why: String },
    /// Builds read a cache of a ref, and do not use it.
    UnusedCache { name: String, why: String },
    /// A ref is an image without a cache.
    ImageWithoutCache(String),
    /// A part of a ref could not be read.
    UnreadPart { name: String, error: String },
    /// A store that does not list its blobs could not be asked for those of a ref.
    BlobsNotAsked { name: String, error: String },
    /// A cache that the build imports is not opened. Its name has no credentials.
    ExcludedCache { name: String, error: String },
    /// The build imported a cache that the user did not name.
    UnnamedCache(String),
    /// The record does not have the locations of imports. Holds their number and types.
    ImportsWithoutPlace(String),
    /// The build has more caches than are opened.
    FirstCaches { all: usize, opened: usize },
    /// The command exports a cache, and imports none.
    ExportsOnly,
}

impl fmt::Display for ImportNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EarlierContent { name, digest, age } => {
                write!(
                    f,
                    "this build or a later one exported to `{}`: the steps are compared with the newest version from \
                     before the build that the store still has, {digest}",
                    visible(name)
                )?;
                age.map_or(Ok(()), |age| {
                    write!(f, ", its newest result {age} older than the build")
                })
            }
            Self::OwnRef => f.write_str(OWN_REF),
            Self::OwnResults => f.write_str(OWN_RESULTS),
            Self::FailedImport(error) => {
                write!(f, "the build could not import the cache: {error}")
            }
            Self::RefusedRef { name, why } => {
                write!(f, "a build cannot import `{}`: {why}", visible(name))
            }
            Self::UnusedCache { name, why } => {
                write!(f, "a build passes `{}` over: {why}", visible(name))
            }
            Self::ImageWithoutCache(name) => {
                write!(f, "`{}` is an image {WITHOUT_CACHE}", visible(name))
            }
            Self::UnreadPart { name, error } => write!(
                f,
                "part of `{}` counts as empty, for it could not be read: {error}",
                visible(name)
            ),
            Self::BlobsNotAsked { name, error } => write!(
                f,
                "whether the blobs of `{}` are there could not be asked: {error}",
                visible(name)
            ),
            Self::ExcludedCache { name, error } => {
                write!(f, "{} is left out: {error}", visible(name))
            }
            Self::UnnamedCache(name) => write!(
                f,
                "the build imported {} as well, which is not looked at here: a step can come from there",
                visible(name)
            ),
            Self::ImportsWithoutPlace(imports) => write!(
                f,
                "the build record does not say where {imports} was, so a step that only that cache holds looks like a \
                 miss: name it as SOURCE#REF"
            ),
            Self::FirstCaches { all, opened } => write!(
                f,
                "of the {all} caches of the build the first {opened} are opened, so a step that only another cache \
                 holds looks like a miss"
            ),
            Self::ExportsOnly => f.write_str(EXPORTS_ONLY),
        }
    }
}

const WITHOUT_CACHE: &str = "without a BuildKit cache, so a build imports nothing from it: export one with \
    --cache-to type=inline, or to a ref of its own with --cache-to type=registry,ref=…,mode=max";
const OWN_REF: &str = "this build itself exported the current version of the ref, so the verdicts are those of the \
    next build; to explain this build, add its log, or use the ref as it was before (such as main~1, or a tag per \
    commit)";
const OWN_RESULTS: &str = "this build itself exported results to the ref, so the verdicts are those of the next build; \
    to explain this build, use the ref as it was before (such as main~1, or a tag per commit)";
const EXPORTS_ONLY: &str =
    "the command imports no cache: this is explained against the cache that it exports to";
