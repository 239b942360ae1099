//! Reads a piece of evidence in every form in which a person can name it: an address, an image in
//! a registry, a folder, a file, or a stream.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::{LoadError, Unusable, load, web};
use crate::backend::{Access, BackendError, registry};
use crate::format::evidence::{self, EvidenceDocument};
use crate::source::{Source, SourceLocation};
use crate::text::secrets::mask_source;

/// The prefix of a revision of git in place of a piece of evidence.
const REVISION: &str = "git:";

/// Whether standard input, pipes and devices are read. They can be read once only, and may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamInput {
    Allowed,
    Refused,
}

/// The evidence behind a name.
#[derive(Debug, Default)]
pub struct NamedDocuments {
    /// At least one.
    pub documents: Vec<EvidenceDocument>,
    /// The files of a folder that are no evidence.
    pub skipped: Vec<Unusable>,
}

/// Why a name leads to no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NamedEvidenceError {
    /// The file, the address or the image layout cannot be read, or is no evidence.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The registry does not provide the provenance of the image.
    #[error(transparent)]
    Image(BackendError),
    #[error("it is neither a file nor a folder")]
    NotAFile,
    #[error("the folder has no files")]
    EmptyFolder,
    /// The folder has files, and none of them is evidence.
    #[error("no file in it is evidence of a build")]
    NoEvidence(Vec<Unusable>),
    #[error("it was interrupted")]
    Interrupted,
}

/// Reads the evidence at `path`. Only the host in an address, or the registry of an image, is
/// contacted.
///
/// # Errors
/// If it cannot be read, or contains no evidence.
pub async fn read(
    path: &Path,
    access: &Access,
    streams: StreamInput,
) -> Result<NamedDocuments, NamedEvidenceError> {
    if let Some(url) = path.to_str().and_then(web::address) {
        let found = web::fetch(url, access).await?;
        return Ok(NamedDocuments {
            documents: vec![found.document],
            skipped: Vec::new(),
        });
    }
    if let Some(documents) = of_image(path, access).await? {
        return Ok(NamedDocuments {
            documents,
            skipped: Vec::new(),
        });
    }
    let path = path.to_owned();
    // A pipe, such as `<(…)`, may block its reader.
    tokio::task::spawn_blocking(move || from_disk(&path, streams))
        .await
        .map_err(|_| NamedEvidenceError::Interrupted)?
}

/// Returns the name of a piece of evidence for display: without credentials, and an address
/// without its query, which may hold one.
pub fn shown(text: &str) -> String {
    match web::address(text) {
        Some(url) => web::shown(&url),
        None => mask_source(text).into_owned(),
    }
}

/// Returns the revision of `git:REV`.
pub fn revision(text: &str) -> Option<&str> {
    text.strip_prefix(REVISION)
}

/// Reads the provenance of the image with the name `path`; `None` if it is a file, or is not the
/// name of an image.
async fn of_image(
    path: &Path,
    access: &Access,
) -> Result<Option<Vec<EvidenceDocument>>, NamedEvidenceError> {
    let Some(text) = path.to_str() else {
        return Ok(None);
    };
    if path.exists() {
        return Ok(None);
    }
    let Ok(parsed) = Source::parse(text, &Path::is_dir) else {
        return Ok(None);
    };
    let (SourceLocation::Registry(location), Some(select)) =
        (&parsed.source.location, &parsed.source.select)
    else {
        return Ok(None);
    };
    let statements = registry::provenance(location, select, access)
        .await
        .map_err(|error| NamedEvidenceError::Image(error.into()))?;
    let documents: Result<Vec<EvidenceDocument>, LoadError> = statements
        .iter()
        .map(|statement| {
            evidence::read(statement).map_err(|error| LoadError::Content(Arc::new(error)))
        })
        .collect();
    Ok(Some(documents?))
}

fn from_disk(path: &Path, streams: StreamInput) -> Result<NamedDocuments, NamedEvidenceError> {
    let mut path = path.to_owned();
    if streams == StreamInput::Refused {
        // Otherwise `-` is standard input, and not a file with this name.
        if path == Path::new("-") {
            path = Path::new(".").join(path);
        }
        let found = fs::metadata(&path).map_err(|error| LoadError::Read(Arc::new(error)))?;
        if !found.is_file() && !found.is_dir() {
            return Err(NamedEvidenceError::NotAFile);
        }
    }
    let (found, mut skipped) = load(&path);
    // The other entries are files of the folder.
    if let Some(place) = skipped.iter().position(|unusable| unusable.path == path) {
        return Err(skipped.swap_remove(place).error.into());
    }
    if found.is_empty() {
        return Err(if skipped.is_empty() {
            NamedEvidenceError::EmptyFolder
        } else {
            NamedEvidenceError::NoEvidence(skipped)
        });
    }
    Ok(NamedDocuments {
        documents: found.into_iter().map(|found| found.document).collect(),
        skipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_credentials() {
        let cases = [
            (
                "https://me:pat@ci.example/run.json?sig=abc",
                "https://ci.example/run.json",
            ),
            ("logs/build.json", "logs/build.json"),
            ("git:HEAD~1", "git:HEAD~1"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected);
        }
    }
}
