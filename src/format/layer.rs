//! The files of a layer: a tar archive, compressed or not, listed as a stream.
//!
//! A layer is untrusted. It is parsed as Go's `archive/tar` does, because BuildKit unpacks layers
//! with it. Memory does not grow with the sizes that the archive claims, and [`LayerLimits`] end
//! listings that would never end. The walk over the headers is our own, because an `Archive` of the
//! `tar` crate holds long names and extensions of any length in memory.

use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;

mod archive;
pub mod changes;
mod pax;
pub mod tree;

use archive::Archive;

/// The largest window of zstd as a power of two: the default of the decoder, 128 mebibytes.
const MAX_ZSTD_WINDOW: u32 = 27;

/// The limits after which a listing ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerLimits {
    /// How many files are listed.
    pub entries: u64,
    /// How many decompressed bytes are read.
    pub bytes: u64,
    /// How many bytes a path or the target of a link may have.
    pub path: usize,
}

impl Default for LayerLimits {
    fn default() -> Self {
        // Linux's `PATH_MAX` is 4096 bytes: a longer path cannot be unpacked directly.
        Self {
            entries: 2_000_000,
            bytes: 64 << 30,
            path: 4096,
        }
    }
}

/// A file of a layer, or a deletion of one in a layer below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// The path without slashes around it; `.` is the root. Bytes that are not UTF-8 are replaced.
    pub path: String,
    pub kind: TarEntryKind,
    /// The unpacked size of a file in bytes; 0 for all other kinds.
    pub size: u64,
    /// The permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// The numeric ID of its owner.
    pub uid: u64,
    /// The numeric ID of its group.
    pub gid: u64,
    /// The modification time; `None` outside the years −9999 to 9999.
    pub modified: Option<Timestamp>,
}

/// Further fields of a header, as raw bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TarEntryDetail {
    /// The path, as in [`TarEntry::path`].
    pub path: Vec<u8>,
    /// The target of a link.
    pub target: Vec<u8>,
    /// Extended attributes by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The device numbers of a character device.
    pub char_device: Option<(u64, u64)>,
    /// The device numbers of a block device.
    pub block_device: Option<(u64, u64)>,
    /// Whether the file is sparse: then the stored bytes differ from the unpacked ones.
    pub is_sparse: bool,
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarEntryKind {
    /// A regular file.
    File,
    Directory,
    /// A symbolic link.
    Symlink {
        target: String,
    },
    /// Another name of an earlier file of the layer.
    Hardlink {
        /// The path of that file.
        target: String,
    },
    /// A character or block device.
    Device,
    /// A named pipe.
    Fifo,
    /// The path is removed from the layers below: the file name is `.wh.` and the name (OCI image
    /// specification, `layer.md`, "Whiteouts").
    Whiteout,
    /// Everything in this directory is removed from the layers below: it holds a file
    /// `.wh..wh..opq`.
    Opaque,
    /// A type of entry that tar does not define.
    Other,
}

impl TarEntry {
    /// Returns the permissions as `ls -l` writes them.
    pub fn permissions(&self) -> String {
        let kind = match self.kind {
            TarEntryKind::Directory | TarEntryKind::Opaque => 'd',
            TarEntryKind::Symlink { .. } => 'l',
            TarEntryKind::Device => 'b',
            TarEntryKind::Fifo => 'p',
            _ => '-',
        };
        let mut text = String::from(kind);
        for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
            let bits = self.mode >> shift;
            text.push(if bits & 4 != 0 { 'r' } else { '-' });
            text.push(if bits & 2 != 0 { 'w' } else { '-' });
            text.push(match (self.mode & special != 0, bits & 1 != 0) {
                (true, true) => letter,
                (true, false) => letter.to_ascii_uppercase(),
                (false, true) => 'x',
                (false, false) => '-',
            });
        }
        text
    }

    /// Returns the permission bits as four octal digits, as in JSON documents.
    pub fn octal_mode(&self) -> String {
        format!("{:04o}", self.mode)
    }
}

impl TarEntryKind {
    /// Returns the word in JSON, tables and filters.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink { .. } => "symlink",
            Self::Hardlink { .. } => "hardlink",
            Self::Device => "device",
            Self::Fifo => "fifo",
            Self::Whiteout => "deleted",
            Self::Opaque => "emptied",
            Self::Other => "other",
        }
    }

    /// Returns the target of a link.
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::Symlink { target } | Self::Hardlink { target } => Some(target),
            _ => None,
        }
    }

    /// Returns whether the entry removes a path from the layers below.
    pub fn removes(&self) -> bool {
        matches!(self, Self::Whiteout | Self::Opaque)
    }
}

/// Why a listing ended early.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The blob does not start like a tar archive.
    #[error("the blob is no layer: there is no tar archive in it")]
    NotALayer,
    /// The blob ends in the middle of a file.
    #[error("the layer ends in the middle of a file")]
    Truncated,
    /// A header is malformed.
    #[error("the layer is damaged: {0}")]
    Corrupt(&'static str),
    /// There are more files than [`LayerLimits::entries`].
    #[error("the layer has more than {0} files")]
    TooMany(u64),
    /// The content is larger than [`LayerLimits::bytes`].
    #[error("the layer unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A path is longer than [`LayerLimits::path`], or the extensions of a file than a mebibyte.
    #[error("a path in the layer is too long")]
    PathTooLong,
    /// The blob could not be read or decompressed.
    #[error("the layer cannot be read")]
    Read(#[source] io::Error),
}

/// Lists the files of a layer in order, until `each` breaks.
///
/// Gzip and zstd are recognized by the first bytes of `blob`, not by its media type. Bytes after
/// the end of the archive are not read.
///
/// # Errors
/// Why the listing ended early; `each` has received the entries before that.
pub fn list<B>(
    blob: impl Read,
    limits: &LayerLimits,
    mut each: impl FnMut(TarEntry) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, LayerError> {
    let mut archive = Archive::open(blob, limits)?;
    while let Some((entry, _)) = archive.next_entry()? {
        if let ControlFlow::Break(value) = each(entry) {
            return Ok(ControlFlow::Break(value));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Lists the files of a layer as [`list`] does, with all header fields and the content. `each`
/// reads as much of the content as it needs.
///
/// # Errors
/// As [`list`]; a read error of `each` also ends the listing.
pub fn read(
    blob: impl Read,
    limits: &LayerLimits,
    mut each: impl FnMut(TarEntry, TarEntryDetail, &mut dyn Read) -> io::Result<()>,
) -> Result<(), LayerError> {
    let mut archive = Archive::open(blob, limits)?;
    while let Some((entry, detail)) = archive.next_entry()? {
        archive.read_content(|content| each(entry, detail, content))?;
    }
    Ok(())
}

/// Returns the decompressed content of `blob`.
pub(super) fn decompressed<'a>(blob: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut blob = BufReader::with_capacity(1 << 16, blob);
    let mut magic = Vec::with_capacity(4);
    blob.by_ref().take(4).read_to_end(&mut magic)?;
    let is_zstd = match magic.as_slice() {
        // RFC 1952 for gzip, and RFC 8878 for zstd: a frame, or a skippable frame that may hold an
        // index.
        [0x1f, 0x8b, ..] => false,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => true,
        _ => return Ok(Box::new(io::Cursor::new(magic).chain(blob))),
    };
    let whole = io::Cursor::new(magic).chain(blob);
    if is_zstd {
        let mut decoder = zstd::Decoder::with_buffer(whole)?;
        decoder.window_log_max(MAX_ZSTD_WINDOW)?;
        return Ok(Box::new(decoder));
    }
    // In eStargz, each file is a gzip member of its own.
    Ok(Box::new(MultiGzDecoder::new(whole)))
}

/// Converts an error of a decoder.
fn failed(error: io::Error) -> LayerError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => LayerError::Truncated,
        _ => LayerError::Read(error),
    }
}

#[cfg(test)]
mod tests;
