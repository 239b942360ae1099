//! Reads the content of one file of a layer.
//!
//! A layer is one compressed stream, so everything before the file is read and discarded. A
//! cancelled read ends when the next bytes arrive.

use std::io::{self, Read};

use tokio_util::sync::CancellationToken;

use super::layer_files::{LIMITS, NOT_STORED};
use super::{CacheReader, ReadError};
use crate::format::digest::Digest;
use crate::format::layer::{self, LayerError, TarEntryKind};

/// A file of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFile {
    pub layer: Digest,
    /// The index of its entry in the archive.
    pub number: u64,
    /// For a hard link: the path of the file with the content.
    pub link: Option<String>,
}

/// How far the layer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadTo {
    /// No further than the file. Whether the bytes match the layer's digest remains unknown.
    File,
    /// To its end, so damaged bytes are an error.
    End,
}

/// Passes the content of a file to `take`.
///
/// # Errors
/// Returns a sentence that says why the file cannot be read. With [`ReadTo::End`], `take` may have
/// run before the layer turns out to be damaged.
pub async fn read<T: Send + 'static>(
    reader: &dyn CacheReader,
    file: LayerFile,
    to: ReadTo,
    cancel: CancellationToken,
    take: impl FnOnce(&mut dyn Read) -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    let mut blob = open(reader, file.layer, cancel).await?;
    let work = move || {
        let taken = find(&mut blob, &file, take)?;
        if to == ReadTo::End {
            drain(&mut blob)?;
        }
        Ok(taken)
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err("reading was interrupted".to_owned()))
}

/// Reads the first `most` bytes of a blob.
///
/// # Errors
/// Returns a sentence that says why the blob cannot be read.
pub async fn beginning(
    reader: &dyn CacheReader,
    blob: Digest,
    most: u64,
    cancel: CancellationToken,
) -> Result<Vec<u8>, String> {
    let mut blob = open(reader, blob, cancel).await?;
    let work = move || {
        let mut bytes = Vec::new();
        match blob.by_ref().take(most).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(format!("the blob cannot be read: {error}")),
        }
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err("reading was interrupted".to_owned()))
}

pub(super) async fn open(
    reader: &dyn CacheReader,
    blob: Digest,
    cancel: CancellationToken,
) -> Result<impl Read + Send + 'static, String> {
    let opened = reader.open_blob(blob);
    let Some(opened) = cancel.run_until_cancelled(opened).await else {
        return Err(STOPPED.to_owned());
    };
    let blob = opened.map_err(|error| match error {
        ReadError::Absent => NOT_STORED.to_owned(),
        error => format!("the layer cannot be read: {error}"),
    })?;
    Ok(Stoppable { blob, cancel })
}

pub(super) const STOPPED: &str = "reading was stopped";

/// Fails reads once it is cancelled.
struct Stoppable<R> {
    blob: R,
    cancel: CancellationToken,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other(STOPPED));
        }
        self.blob.read(buffer)
    }
}

fn find<T>(
    blob: &mut impl Read,
    file: &LayerFile,
    take: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> Result<T, String> {
    let mut take = Some(take);
    let mut taken: Option<Result<T, String>> = None;
    let mut place = 0u64;
    let wanted = file.link.as_deref().map(bare);
    let end = layer::read(blob, &LIMITS, |entry, detail, content| {
        let is_here = match wanted {
            Some(path) => entry.kind == TarEntryKind::File && bare(&entry.path) == path,
            None => place == file.number,
        };
        place += 1;
        if !is_here {
            return Ok(());
        }
        let Some(take) = take.take() else {
            return Ok(());
        };
        taken = Some(if entry.kind != TarEntryKind::File {
            Err("it is no regular file".to_owned())
        } else if detail.is_sparse {
            Err("the archive keeps the file in pieces, which are not put together here".to_owned())
        } else {
            take(content).map_err(|error| error.to_string())
        });
        // The file was read, so end the walk over the archive.
        Err(io::Error::other("found"))
    });
    match (taken, end) {
        (Some(taken), _) => taken,
        (None, Ok(())) => Err("the layer has no such file any more".to_owned()),
        (None, Err(LayerError::Read(error))) => Err(format!("the layer cannot be read: {error}")),
        (None, Err(error)) => Err(error.to_string()),
    }
}

/// Returns a path in the form of entries: without leading and trailing slashes.
fn bare(path: &str) -> &str {
    path.trim_start_matches("./").trim_matches('/')
}

/// Reads a blob to its end, where its digest is checked.
fn drain(blob: &mut impl Read) -> Result<(), String> {
    match io::copy(blob, &mut io::sink()) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err("the layer is damaged: its bytes are not those of its digest".to_owned())
        }
        Err(error) => Err(format!("the layer cannot be read to its end: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in [("./a", "first"), ("b", "second"), ("a", "third")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder
                .append_data(&mut header, path, content.as_bytes())
                .unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn found(number: u64, link: Option<&str>) -> Result<String, String> {
        let file = LayerFile {
            layer: Digest::of(b""),
            number,
            link: link.map(str::to_owned),
        };
        find(&mut archive().as_slice(), &file, |content| {
            io::read_to_string(content)
        })
    }

    #[test]
    fn a_file_is_found_by_its_position_and_a_link_by_its_path() {
        let found = [found(2, None), found(1, None), found(9, Some("/a"))];
        assert_eq!(
            found,
            ["third", "second", "first"].map(|text| Ok(text.to_owned()))
        );
    }

    #[test]
    fn a_missing_file_of_a_layer_is_an_error() {
        assert!(found(3, None).unwrap_err().contains("no such file"));
        assert!(found(0, Some("c")).unwrap_err().contains("no such file"));
    }
}
