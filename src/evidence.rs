//! Evidence from where users have it: a file, a directory of files, standard input, or a server ([`web`]). What a file is,
//! its content tells ([`crate::format::evidence`]).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::evidence::{self, Document, EvidenceError};

pub mod web;

/// The largest file that is read, in bytes.
pub const MAX_SIZE: u64 = 512 << 20;
/// The most files of a directory that are looked at.
const MAX_FILES: usize = 10_000;

/// A piece of evidence, and where it comes from.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file, or `-`.
    pub path: PathBuf,
    /// What is in it.
    pub document: Document,
}

/// A file that gave no evidence.
#[derive(Debug, Clone)]
pub struct Unusable {
    /// The file, or `-`.
    pub path: PathBuf,
    /// Why.
    pub error: LoadError,
}

/// Says why a file gave no evidence.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read it")]
    Read(#[source] Arc<io::Error>),
    /// The server cannot be asked, or its answer broke off.
    #[error("cannot fetch it")]
    Fetch(#[source] Arc<reqwest::Error>),
    /// The server refuses it, by an HTTP status.
    #[error("the server answers with status {0}")]
    Status(u16),
    /// It is larger than any that is read.
    #[error("it is larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// There are more files in the directory than are looked at.
    #[error("the directory holds more than {MAX_FILES} files")]
    TooMany,
    /// What is in it is none.
    #[error(transparent)]
    Content(Arc<EvidenceError>),
}

impl LoadError {
    /// Returns what to do about it, where that is not plain from the message.
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

/// Reads evidence from a path: a file, standard input for `-`, or all files of a directory, by name. In a directory files
/// that are none are told as well.
pub fn load(path: &Path) -> (Vec<Found>, Vec<Unusable>) {
    let files = match path {
        path if path == Path::new("-") => vec![path.to_owned()],
        path if path.is_dir() => match files_in(path) {
            Ok(files) => files,
            Err(error) => return (Vec::new(), vec![Unusable { path: path.to_owned(), error }]),
        },
        path => vec![path.to_owned()],
    };
    let (mut found, mut unusable) = (Vec::new(), Vec::new());
    for path in files {
        match read(&path).and_then(|bytes| evidence::read(&bytes).map_err(|error| LoadError::Content(Arc::new(error))))
        {
            Ok(document) => found.push(Found { path, document }),
            Err(error) => unusable.push(Unusable { path, error }),
        }
    }
    (found, unusable)
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
    let failed = |error: io::Error| LoadError::Read(Arc::new(error));
    let mut source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path).map_err(failed)?) };
    let mut bytes = Vec::new();
    source.by_ref().take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_SIZE { Err(LoadError::TooLarge) } else { Ok(bytes) }
}
