//! Opens files of a store in the file system. They may be hostile or half written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use super::ReadError;
use crate::format::digest::Digest;

/// Opens a regular file, never through a symbolic link. Also returns its size in bytes.
pub(super) fn open(path: &Path) -> Result<(File, u64), ReadError> {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    opened(
        OpenOptions::new()
            .read(true)
            .custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW))
            .open(path),
    )
}

/// Checks that an opened file is a regular file. Also returns its size in bytes.
pub(super) fn opened(opened: io::Result<File>) -> Result<(File, u64), ReadError> {
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReadError::Absent),
        // A symbolic link, which is not followed.
        Err(error)
            if error.kind() == io::ErrorKind::InvalidData
                || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
        {
            return Err(ReadError::NotAFile);
        }
        Err(error) => return Err(ReadError::Io(error)),
    };
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(ReadError::NotAFile);
    }
    Ok((file, found.len()))
}

/// Reads a whole file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    read_opened(open(path)?, limit)
}

fn read_opened((file, size): (File, u64), limit: u64) -> Result<Vec<u8>, ReadError> {
    if size > limit {
        return Err(ReadError::TooLarge { size, limit });
    }
    let mut bytes = Vec::new();
    // The file may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge {
            size: bytes.len() as u64,
            limit,
        });
    }
    Ok(bytes)
}

/// Reads a whole file of at most `limit` bytes that must hash to `digest`.
pub(super) fn read_document(path: &Path, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
    read_verified(open(path)?, digest, limit)
}

/// Reads a whole open file of at most `limit` bytes that must hash to `digest`.
pub(super) fn read_verified(
    file: (File, u64),
    digest: Digest,
    limit: u64,
) -> Result<Vec<u8>, ReadError> {
    let bytes = read_opened(file, limit)?;
    let mut hasher = digest.hasher();
    hasher.update(&bytes);
    let found = hasher.finish();
    if found == digest {
        Ok(bytes)
    } else {
        Err(ReadError::WrongBytes { found })
    }
}

/// Runs blocking file operations; `None` if the runtime is shutting down.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// Converts flags to the form that the standard library takes.
pub(super) fn flags(flags: OFlags) -> i32 {
    // Open flags are small and positive on every Unix.
    i32::try_from(flags.bits()).unwrap_or_default()
}

/// Returns a path with its control characters made visible.
pub(super) fn show(path: &Path) -> String {
    crate::text::escape::visible(&path.to_string_lossy()).into_owned()
}
