//! Why a ref is not written again.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::backend::ReadError;
use crate::format::cache_config::rewrite::RewriteError;
use crate::format::digest::Digest;
use crate::format::manifest::rewrite::ManifestRewriteError;
use crate::inventory::DocumentFault;
use crate::text::causes::in_one_line;

/// Why a ref is not rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteRefError {
    /// Its documents cannot be read.
    #[error("its documents cannot be read")]
    Read(#[source] SharedReadError),
    /// It was readable during the scan and is not any more.
    #[error("its cache cannot be read: {}", joined(.0))]
    Unread(Vec<DocumentFault>),
    /// The replacement would lack blobs that it references, like the ref now.
    #[error(
        "it references layers that its manifest does not list, so it cannot be rewritten completely"
    )]
    NotImportable,
    /// A rule protects it.
    #[error("a rule protects it")]
    Protected,
    /// It is an image with an inline cache, or no cache at all.
    #[error("only caches are written again: build and push the image again")]
    NotACache,
    /// It is too large to import, and would still be too large.
    #[error(
        "without records that lead to no result it still takes {bytes} bytes, and BuildKit imports at most {limit}: drop results with `prune --records`"
    )]
    StillTooLarge {
        /// Its size after the rewrite.
        bytes: u64,
        /// The import limit.
        limit: u64,
    },
    /// No previous version of it is known; these manifests may be one.
    #[error("no previous version of it is known: export to it again{}", or_one_of(.0))]
    NoVersion(Vec<Digest>),
    /// A person named a version that is not there.
    #[error("the store has no cache `{0}` to restore")]
    NoSuchVersion(String),
    /// A person named the version that the ref has.
    #[error("it points there already")]
    SameVersion,
    /// Nothing of a version can be loaded.
    #[error("no result of that version can be loaded any more")]
    NothingLeft,
    /// The filter asks for the names of its steps, and none has one.
    #[error("nothing names its steps")]
    Unnamed,
    /// A document is not text.
    #[error("its documents are not UTF-8")]
    NotText,
    /// Its configuration cannot be rewritten.
    #[error("its config cannot be written again")]
    Config(#[from] RewriteError),
    /// Its manifest cannot be rewritten.
    #[error(transparent)]
    Manifest(#[from] ManifestRewriteError),
}

fn or_one_of(manifests: &[Digest]) -> String {
    if manifests.is_empty() {
        return String::new();
    }
    let names: Vec<String> = manifests.iter().map(ToString::to_string).collect();
    format!(
        ", or restore a manifest that is still stored with `SOURCE#REF --restore {}`",
        names.join("`, `--restore ")
    )
}

fn joined(faults: &[DocumentFault]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    faults.join("; ")
}

impl From<ReadError> for RewriteRefError {
    fn from(error: ReadError) -> Self {
        Self::Read(SharedReadError(Arc::new(error)))
    }
}

/// A read error as a value of a plan. Two of them are equal if they read the same.
#[derive(Debug, Clone)]
pub struct SharedReadError(Arc<ReadError>);

impl fmt::Display for SharedReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SharedReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl PartialEq for SharedReadError {
    fn eq(&self, other: &Self) -> bool {
        in_one_line(self) == in_one_line(other)
    }
}

impl Eq for SharedReadError {}
