//! Directories that `type=local` wrote.

use std::path::{Component, Path, PathBuf};

use super::attributes::Attributes;
use super::{RefSelector, SourceError};

/// An OCI image layout in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalLocation {
    /// The directory that holds `index.json` and `blobs/`.
    pub dir: PathBuf,
}

impl LocalLocation {
    /// Names the directory `dir`; `./a`, `a/` and `a` are the same one.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        let dir: PathBuf = dir.as_ref().components().filter(|part| *part != Component::CurDir).collect();
        Self { dir: if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir } }
    }

    /// Takes what locates a local cache from `attributes`. As in BuildKit, `digest` has the word over `tag`
    /// (`client/solve.go`).
    pub(super) fn take(attributes: &mut Attributes) -> Result<(Self, Option<RefSelector>), SourceError> {
        let dir = match (attributes.text("src"), attributes.text("dest")) {
            (Some(src), Some(dest)) if src != dest => return Err(SourceError::Contradiction("`src`", "`dest`")),
            (src, dest) => src.or(dest).ok_or(SourceError::Missing { kind: "local", name: "src" })?,
        };
        let tag = attributes.text("tag");
        let select = match attributes.text("digest") {
            Some(digest) => Some(RefSelector::Digest(digest.parse()?)),
            None => tag.as_deref().map(RefSelector::new),
        };
        Ok((Self::new(dir), select))
    }
}
