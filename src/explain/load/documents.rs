//! Loads evidence from a file, a directory of files, standard input, or a server ([`web`]);
//! [`named`] chooses by the name. The content decides about the kind of evidence
//! ([`crate::format::evidence`]).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::digest::Digest;
use crate::format::evidence::{self, EvidenceDocument, EvidenceDocumentError};

pub mod named;
pub mod web;

/// The largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 512 << 20;
/// The largest manifest or statement of an image that is read, in bytes.
const MAX_MANIFEST: u64 = 64 << 20;
/// The most files of a directory that are read.
const MAX_FILES: usize = 10_000;

/// A piece of evidence, and its source.
#[derive(Debug, Clone)]
pub struct FoundDocument {
    /// The file, or `-`.
    pub path: PathBuf,
    pub document: EvidenceDocument,
}

/// A file without evidence.
#[derive(Debug, Clone)]
pub struct Unusable {
    /// The file, or `-`.
    pub path: PathBuf,
    pub error: LoadError,
}

/// Why a file gave no evidence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read it")]
    Read(#[source] Arc<io::Error>),
    /// The server cannot be reached, or its response broke off.
    #[error("cannot fetch it")]
    Fetch(#[source] Arc<reqwest::Error>),
    /// The server refuses the request, with an HTTP status.
    #[error("the server answers with status {0}")]
    Status(u16),
    /// The server sends the request elsewhere, and only a named server is contacted.
    #[error("the server redirects to another one, which is not contacted: name it instead")]
    Redirected,
    #[error("it is larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// There are more files in the directory than the limit.
    #[error("the directory holds more than {MAX_FILES} files")]
    TooMany,
    #[error(transparent)]
    Content(Arc<EvidenceDocumentError>),
}

impl LoadError {
    /// Returns a hint, where the message alone does not say what to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Content(error) => error.hint().or(Some(
                "evidence is provenance (mode=max), a build record, an LLB definition, a log, or cache debug data",
            )),
            Self::Read(_) => Some("name a file, a folder, `-`, an image, or an http(s) address"),
            _ => None,
        }
    }
}

/// Reads evidence from a path: a file, standard input for `-`, or all files of a directory, by
/// name. Files of a directory that are no evidence are returned too.
pub fn load(path: &Path) -> (Vec<FoundDocument>, Vec<Unusable>) {
    if path.join("index.json").is_file() && path.join("oci-layout").is_file() {
        let path = path.to_owned();
        return match read_layout(&path) {
            Ok(document) => (vec![FoundDocument { path, document }], Vec::new()),
            Err(error) => (Vec::new(), vec![Unusable { path, error }]),
        };
    }
    let files = match path {
        path if path == Path::new("-") => vec![path.to_owned()],
        path if path.is_dir() => match files_in(path) {
            Ok(files) => files,
            Err(error) => {
                return (
                    Vec::new(),
                    vec![Unusable {
                        path: path.to_owned(),
                        error,
                    }],
                );
            }
        },
        path => vec![path.to_owned()],
    };
    let mut found = Vec::new();
    let mut unusable = Vec::new();
    for path in files {
        match read(&path).and_then(|bytes| {
            evidence::read(&bytes).map_err(|error| LoadError::Content(Arc::new(error)))
        }) {
            Ok(document) => found.push(FoundDocument { path, document }),
            Err(error) => unusable.push(Unusable { path, error }),
        }
    }
    (found, unusable)
}

/// Reads the attestations of an image in an OCI layout.
fn read_layout(directory: &Path) -> Result<EvidenceDocument, LoadError> {
    let index = read_whole(&directory.join("index.json"), MAX_MANIFEST)?;
    let mut blob = |digest: &Digest| {
        let folder = directory.join("blobs").join(digest.algorithm());
        let bytes = read_whole(&folder.join(digest.hex()), MAX_MANIFEST).ok()?;
        let mut hasher = digest.hasher();
        hasher.update(&bytes);
        (hasher.finish() == *digest).then_some(bytes)
    };
    evidence::read_layout(&index, &mut blob).map_err(|error| LoadError::Content(Arc::new(error)))
}

fn files_in(directory: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |error: io::Error| LoadError::Read(Arc::new(error));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            if files.len() == MAX_FILES {
                return Err(LoadError::TooMany);
            }
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    read_whole(path, MAX_SIZE)
}

fn read_whole(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    let failed = |error: io::Error| LoadError::Read(Arc::new(error));
    let mut source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > limit {
        Err(LoadError::TooLarge)
    } else {
        Ok(bytes)
    }
}
