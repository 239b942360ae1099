//! Walks folders of a layout, without following links.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::FileType;

use super::dir::{Dir, FileFacts};

/// Calls `visit` for each file below the folder `name` in `dir`, with its folder, until `visit`
/// returns false. Returns the folders that may not be listed, such as `lost+found`.
pub(super) fn walk(
    dir: &Dir,
    name: &OsStr,
    visit: &mut impl FnMut(&OsStr, &OsStr, &FileFacts) -> bool,
) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![PathBuf::from(name)];
    let mut denied = Vec::new();
    while let Some(folder) = folders.pop() {
        match self::visit(dir, &folder, &mut folders, visit) {
            Err(error) if cannot_be_listed(&error) => denied.push(folder),
            visited => {
                if !visited? {
                    break;
                }
            }
        }
    }
    Ok(denied)
}

/// Returns whether a folder may not be read, or is too deep for a path name.
pub(super) fn cannot_be_listed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidFilename
    )
}

/// Visits the files of a folder and remembers the folders in it; returns whether to continue.
fn visit(
    dir: &Dir,
    folder: &Path,
    folders: &mut Vec<PathBuf>,
    visit: &mut impl FnMut(&OsStr, &OsStr, &FileFacts) -> bool,
) -> io::Result<bool> {
    let Some(opened) = unless_gone(dir.folder(folder))? else {
        return Ok(true);
    };
    for entry in opened.entries()? {
        let entry = entry?;
        if entry.kind == FileType::Directory {
            folders.push(folder.join(&entry.name));
        } else if let Some(facts) = unless_gone(opened.facts(&entry.name))?
            && !visit(folder.as_os_str(), &entry.name, &facts)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The folder of an unfinished upload with everything in it.
pub(super) struct Upload {
    pub size: u64,
    pub disk_bytes: u64,
    /// Whether a folder in it may not be listed.
    pub is_unlisted: bool,
    /// The newest time of the folder and its files.
    pub modified: Timestamp,
}

impl Upload {
    /// Returns the upload `name` in the folder `dir`; it may be a single file.
    pub(super) fn at(dir: &Dir, name: &OsString) -> io::Result<Self> {
        let own = dir.facts(name)?;
        let mut upload = Self {
            size: 0,
            disk_bytes: 0,
            is_unlisted: false,
            modified: own.modified,
        };
        if !own.is_folder() {
            return Ok(Self {
                size: own.size,
                disk_bytes: own.disk_bytes,
                ..upload
            });
        }
        let denied = walk(dir, name, &mut |_, _, found| {
            upload.size = upload.size.saturating_add(found.size);
            upload.disk_bytes = upload.disk_bytes.saturating_add(found.disk_bytes);
            upload.modified = upload.modified.max(found.modified);
            true
        })?;
        upload.is_unlisted = !denied.is_empty();
        Ok(upload)
    }
}

/// Treats a file that has vanished since it was listed as absent, not as an error.
pub(super) fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
