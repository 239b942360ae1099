//! The ref that a build imports from a source.

use super::{RefSelector, Source, SourceLocation};

/// The tag that BuildKit imports from a directory or a repository where none is named
/// (`client/solve.go`, `cache/remotecache/registry`).
const DEFAULT_TAG: &str = "latest";
/// The manifest that BuildKit imports from a bucket, and the scope from GitHub, where none is named
/// (`cache/remotecache/s3/s3.go`, `cache/remotecache/gha/gha.go`).
const DEFAULT_NAME: &str = "buildkit";

impl Source {
    /// Selects the ref that BuildKit imports: the default one where the source names none, and the
    /// first name of an S3 list, which names all manifests of an export.
    #[must_use]
    pub fn as_import(mut self) -> Self {
        self.select = match (&mut self.location, self.select) {
            (_, Some(RefSelector::AnyOf(names))) => {
                names.first().map(|name| RefSelector::new(name))
            }
            (SourceLocation::Local(_) | SourceLocation::Registry(_), None) => {
                Some(RefSelector::Name(DEFAULT_TAG.to_owned()))
            }
            (SourceLocation::S3(_), None) => Some(RefSelector::Name(DEFAULT_NAME.to_owned())),
            (SourceLocation::Gha(gha), None) => {
                gha.scope.get_or_insert_with(|| DEFAULT_NAME.to_owned());
                None
            }
            (_, select) => select,
        };
        self
    }
}
