//! The repositories of a store, with the current and earlier targets of their tags.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::backend::BackendError;
use crate::backend::files::show;
use crate::format::digest::{Digest, DigestText};

/// The most components of the name of a repository: a registry accepts names of up to 255 bytes.
const DEEPEST: usize = 128;

/// A repository.
pub(super) struct StoredRepository {
    pub(super) name: String,
    /// In the order of their names.
    pub(super) tags: Vec<Tag>,
    /// The manifests in it, by digest.
    pub(super) revisions: Vec<TagLink>,
}

/// A tag.
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) current: DigestText,
    /// When it was last pushed.
    pub(super) modified: Option<Timestamp>,
    /// Everything that it ever pointed to.
    pub(super) history: Vec<TagLink>,
}

/// A manifest, and when it was linked.
pub(super) struct TagLink {
    pub(super) digest: Digest,
    pub(super) modified: Option<Timestamp>,
}

/// Reads all repositories, in the order of their names.
///
/// # Errors
/// Fails if a folder cannot be listed. Then no blob may be called an orphan.
pub(super) fn repositories(dir: &Path) -> Result<Vec<StoredRepository>, BackendError> {
    let mut found = Vec::new();
    let mut open = vec![(dir.to_owned(), String::new(), 0)];
    while let Some((folder, name, depth)) = open.pop() {
        for entry in folders(&folder)? {
            let Some(part) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            if part == "_manifests" {
                found.push(repository(name.clone(), &entry.path())?);
            } else if !part.starts_with('_') && depth < DEEPEST {
                let below = if name.is_empty() {
                    part
                } else {
                    format!("{name}/{part}")
                };
                open.push((entry.path(), below, depth + 1));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn repository(name: String, manifests: &Path) -> Result<StoredRepository, BackendError> {
    let mut tags = Vec::new();
    for entry in folders(&manifests.join("tags"))? {
        let Ok(tag) = entry.file_name().into_string() else {
            continue;
        };
        let current = entry.path().join("current/link");
        // A tag that is being written or was deleted points to nothing.
        let Some(digest) = super::link(&current) else {
            continue;
        };
        let history = links(&entry.path().join("index"))?;
        tags.push(Tag {
            name: tag,
            current: digest,
            modified: modified(&current),
            history,
        });
    }
    tags.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(StoredRepository {
        name,
        tags,
        revisions: links(&manifests.join("revisions"))?,
    })
}

/// Reads a folder of links, by algorithm and digest. A deleted link leaves its folder behind.
fn links(dir: &Path) -> Result<Vec<TagLink>, BackendError> {
    let mut found = Vec::new();
    for algorithm in folders(dir)? {
        for entry in folders(&algorithm.path())? {
            let algorithm = algorithm.file_name();
            let hex = entry.file_name();
            let names = algorithm.to_str().zip(hex.to_str());
            let digest = names.and_then(|(algorithm, hex)| Digest::from_parts(algorithm, hex).ok());
            let link = entry.path().join("link");
            if link.is_file()
                && let Some(digest) = digest
            {
                found.push(TagLink {
                    digest,
                    modified: modified(&link),
                });
            }
        }
    }
    Ok(found)
}

fn modified(file: &Path) -> Option<Timestamp> {
    fs::metadata(file)
        .ok()?
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
}

/// Lists the folders in a folder without symbolic links. A folder that does not exist has none.
pub(super) fn folders(dir: &Path) -> Result<Vec<DirEntry>, BackendError> {
    let list = || -> io::Result<Vec<DirEntry>> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry);
            }
        }
        Ok(folders)
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|source| BackendError::Io {
            place: show(dir),
            source,
        }),
    }
}

/// Returns the folders of unfinished uploads of all repositories.
pub(super) fn uploads(dir: &Path) -> Result<Vec<PathBuf>, BackendError> {
    let mut found = Vec::new();
    let mut open = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in folders(&folder)? {
            match entry.file_name().to_str() {
                Some("_uploads") => {
                    found.extend(
                        folders(&entry.path())?
                            .into_iter()
                            .map(|upload| upload.path()),
                    );
                }
                Some(part) if !part.starts_with('_') && depth < DEEPEST => {
                    open.push((entry.path(), depth + 1));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}
