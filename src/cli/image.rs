//! The provenance beside an image in a registry, where an argument that could be a file names an image.

use std::path::Path;

use crate::backend::{Access, BackendError, registry};
use crate::error::Failure;
use crate::source::{Location, Source};

/// Reads the provenance of the image that `path` names; none when it names a file, or nothing of the sort.
///
/// # Errors
/// When the image cannot be read, or carries none.
pub(super) async fn provenance(access: &Access, path: &Path) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let (Some(text), false) = (path.to_str(), path.exists()) else { return Ok(None) };
    let Ok(parsed) = Source::parse(text, &Path::is_dir) else { return Ok(None) };
    let (Location::Registry(location), Some(select)) = (&parsed.source.location, &parsed.source.select) else {
        return Ok(None);
    };
    let statements = registry::provenance(location, select, access).await.map_err(BackendError::from)?;
    Ok(Some(statements))
}
