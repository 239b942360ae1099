//! Directories written by `type=local`.

use std::path::{Component, Path, PathBuf};

use super::attributes::Attributes;
use super::path::from_text;
use super::{RefSelector, SourceError};

/// An OCI image layout in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalLocation {
    /// The directory that holds `index.json` and `blobs/`.
    pub dir: PathBuf,
}

impl LocalLocation {
    /// Makes the location of the directory `dir`; `./a`, `a/` and `a` are the same one. The text
    /// may encode a path that is not UTF-8.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref();
        let dir = dir.to_str().map_or_else(|| dir.to_owned(), from_text);
        let dir: PathBuf = dir
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        Self {
            dir: if dir.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                dir
            },
        }
    }

    /// Takes the attributes with the location of a local cache. As in BuildKit, `digest` takes
    /// precedence over `tag` (`client/solve.go`).
    pub(super) fn take(
        attributes: &mut Attributes,
    ) -> Result<(Self, Option<RefSelector>), SourceError> {
        let dir = match (attributes.text("src"), attributes.text("dest")) {
            (Some(src), Some(dest)) if src != dest => {
                return Err(SourceError::Contradiction("`src`", "`dest`"));
            }
            (src, dest) => src.or(dest).ok_or(SourceError::Missing {
                kind: "local",
                name: "src",
            })?,
        };
        let tag = attributes.text("tag");
        let select = match attributes.text("digest") {
            Some(digest) => Some(RefSelector::Digest(digest.parse()?)),
            None => tag.as_deref().map(RefSelector::new),
        };
        Ok((Self::new(dir), select))
    }
}
