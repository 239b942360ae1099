//! The files of a layer: a tar archive, compressed or not, listed as a stream.
//!
//! A layer is untrusted. It is parsed as Go's `archive/tar` does, because BuildKit unpacks layers
//! with it. Memory does not grow with the sizes that the archive claims, and [`Limits`] end
//! listings that would never end. The walk over the headers is our own, because an `Archive` of the
//! `tar` crate holds long names and extensions of any length in memory.

mod pax;

use std::borrow::Cow;
use std::io::{self, BufReader, Read};
use std::mem;
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header};

use self::pax::Extensions;

/// The size of a tar header and the alignment of file contents, in bytes.
const BLOCK: u64 = 512;

/// The most bytes of a long name or extension of one file: `maxSpecialFileSize` of Go's
/// `archive/tar`.
const MAX_EXTENSION: u64 = 1 << 20;

/// The largest window of zstd as a power of two: the default of the decoder, 128 mebibytes.
const MAX_ZSTD_WINDOW: u32 = 27;

/// The limits after which a listing ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many files are listed.
    pub entries: u64,
    /// How many decompressed bytes are read.
    pub bytes: u64,
    /// How many bytes a path or the target of a link may have.
    pub path: usize,
}

impl Default for Limits {
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
pub struct Entry {
    /// The path without slashes around it; `.` is the root. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// The kind of entry.
    pub kind: Kind,
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
pub struct Detail {
    /// The path, as in [`Entry::path`].
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
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Its target.
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

impl Entry {
    /// Returns the permissions as `ls -l` writes them.
    pub fn permissions(&self) -> String {
        let kind = match self.kind {
            Kind::Directory | Kind::Opaque => 'd',
            Kind::Symlink { .. } => 'l',
            Kind::Device => 'b',
            Kind::Fifo => 'p',
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

impl Kind {
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
    /// There are more files than [`Limits::entries`].
    #[error("the layer has more than {0} files")]
    TooMany(u64),
    /// The content is larger than [`Limits::bytes`].
    #[error("the layer unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A path is longer than [`Limits::path`], or the extensions of a file than a mebibyte.
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
    limits: &Limits,
    mut each: impl FnMut(Entry) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, LayerError> {
    let content = BufReader::with_capacity(1 << 16, decompressed(blob).map_err(failed)?);
    let mut archive = Archive {
        content: content.take(limits.bytes),
        limits,
        begun: false,
        unread: 0,
    };
    let mut listed = 0;
    while let Some((entry, _)) = archive.next_entry()? {
        if listed == limits.entries {
            return Err(LayerError::TooMany(limits.entries));
        }
        listed += 1;
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
    limits: &Limits,
    mut each: impl FnMut(Entry, Detail, &mut dyn Read) -> io::Result<()>,
) -> Result<(), LayerError> {
    let content = BufReader::with_capacity(1 << 16, decompressed(blob).map_err(failed)?);
    let mut archive = Archive {
        content: content.take(limits.bytes),
        limits,
        begun: false,
        unread: 0,
    };
    let mut listed = 0;
    while let Some((entry, detail)) = archive.next_entry()? {
        if listed == limits.entries {
            return Err(LayerError::TooMany(limits.entries));
        }
        listed += 1;
        let stored = mem::take(&mut archive.unread);
        let mut content = archive.content.by_ref().take(stored);
        each(entry, detail, &mut content).map_err(failed)?;
        let unread = content.limit();
        archive.skip_exactly(unread)?;
        archive.skip_exactly(padding(stored))?;
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

/// A tar archive during the walk.
struct Archive<'a, R> {
    /// The rest of the archive, up to the limit.
    content: io::Take<R>,
    limits: &'a Limits,
    /// Whether a header has been read.
    begun: bool,
    /// How many bytes of the last file's content precede the next header.
    unread: u64,
}

impl<R: Read> Archive<'_, R> {
    /// Reads up to and including the next file's header; `None` at the end.
    fn next_entry(&mut self) -> Result<Option<(Entry, Detail)>, LayerError> {
        let unread = mem::take(&mut self.unread);
        self.skip(unread)?;
        let mut extensions = Extensions::default();
        // The remaining bytes for all extensions of this file.
        let mut room = MAX_EXTENSION;
        loop {
            let Some(header) = self.header()? else {
                return if extensions.is_empty() {
                    Ok(None)
                } else {
                    Err(LayerError::Truncated)
                };
            };
            let stored = header
                .entry_size()
                .map_err(|_| LayerError::Corrupt("a size is not a number"))?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.extension(stored, &mut room)?;
                    extensions
                        .read(&records)
                        .ok_or(LayerError::Corrupt("an extended header does not parse"))?;
                }
                EntryType::GNULongName => {
                    extensions.path = Some(until_nul(self.extension(stored, &mut room)?));
                }
                EntryType::GNULongLink => {
                    extensions.target = Some(until_nul(self.extension(stored, &mut room)?));
                }
                // Global headers are comments in practice; Go does not apply them either.
                EntryType::XGlobalHeader => self.skip(stored)?,
                _ => return self.entry(&header, stored, extensions).map(Some),
            }
        }
    }

    /// Makes an entry of its header. `stored` bytes of content follow, unless an extension sets
    /// another size.
    fn entry(
        &mut self,
        header: &Header,
        stored: u64,
        extensions: Extensions,
    ) -> Result<(Entry, Detail), LayerError> {
        let path = extensions
            .path
            .map_or_else(|| header.path_bytes(), Cow::Owned);
        let target = extensions
            .target
            .map_or_else(|| header.link_name_bytes().unwrap_or_default(), Cow::Owned);
        if path.len().max(target.len()) > self.limits.path {
            return Err(LayerError::PathTooLong);
        }
        let stored = extensions.size.unwrap_or(stored);
        let (unread, size) = match header.entry_type() {
            // These have no content, whatever their size field: Go's `isHeaderOnly`.
            EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo => (0, 0),
            EntryType::GNUSparse => {
                self.skip_sparse_map(header)?;
                (
                    stored,
                    header
                        .size()
                        .map_err(|_| LayerError::Corrupt("a size is not a number"))?,
                )
            }
            _ => (stored, stored),
        };
        self.unread = unread;
        let number = |number: io::Result<Option<u32>>| number.ok().flatten().map_or(0, u64::from);
        let device = || (number(header.device_major()), number(header.device_minor()));
        let detail = Detail {
            path: bare(&path),
            target: target.to_vec(),
            xattrs: extensions.xattrs,
            char_device: header.entry_type().is_character_special().then(device),
            block_device: header.entry_type().is_block_special().then(device),
            is_sparse: extensions.is_sparse || header.entry_type() == EntryType::GNUSparse,
        };
        let (path, kind) = place(&path, header.entry_type(), &target);
        let entry = Entry {
            path,
            size: if kind == Kind::File { size } else { 0 },
            kind,
            // A malformed number counts as 0; the walk does not depend on it.
            mode: header.mode().unwrap_or_default() & 0o7777,
            uid: extensions
                .uid
                .or_else(|| header.uid().ok())
                .unwrap_or_default(),
            gid: extensions
                .gid
                .or_else(|| header.gid().ok())
                .unwrap_or_default(),
            modified: extensions.modified.or_else(|| {
                // A number with its high bit set is a time before 1970.
                Timestamp::from_second(header.mtime().ok()?.cast_signed()).ok()
            }),
        };
        Ok((entry, detail))
    }

    /// Reads a header; `None` at the end of the archive, which is marked by zeros that some writers
    /// omit.
    fn header(&mut self) -> Result<Option<Header>, LayerError> {
        let mut header = Header::new_old();
        let mut block = header.as_mut_bytes().as_mut_slice();
        match io::copy(&mut self.content.by_ref().take(BLOCK), &mut block).map_err(failed)? {
            BLOCK => {}
            _ if self.content.limit() == 0 => return Err(LayerError::TooLarge(self.limits.bytes)),
            _ if !self.begun => return Err(LayerError::NotALayer),
            0 => return Ok(None),
            _ => return Err(LayerError::Truncated),
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if header.cksum().ok() != Some(checksum(&header)) {
            return Err(if self.begun {
                LayerError::Corrupt("a header does not add up to its checksum")
            } else {
                LayerError::NotALayer
            });
        }
        self.begun = true;
        Ok(Some(header))
    }

    /// Reads the content of an extension of `size` bytes, within the remaining `room`.
    fn extension(&mut self, size: u64, room: &mut u64) -> Result<Vec<u8>, LayerError> {
        *room = room.checked_sub(size).ok_or(LayerError::PathTooLong)?;
        let mut content = Vec::new();
        self.content
            .by_ref()
            .take(size)
            .read_to_end(&mut content)
            .map_err(failed)?;
        self.check_whole(content.len() as u64, size)?;
        self.skip_exactly(padding(size))?;
        Ok(content)
    }

    /// Skips the blocks with the map of a sparse file.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<(), LayerError> {
        let mut more = header.as_gnu().is_some_and(GnuHeader::is_extended);
        while more {
            let mut map = GnuExtSparseHeader::new();
            let mut block = map.as_mut_bytes().as_mut_slice();
            let read =
                io::copy(&mut self.content.by_ref().take(BLOCK), &mut block).map_err(failed)?;
            self.check_whole(read, BLOCK)?;
            more = map.is_extended();
        }
        Ok(())
    }

    /// Skips `size` bytes of content and their padding.
    fn skip(&mut self, size: u64) -> Result<(), LayerError> {
        self.skip_exactly(size)?;
        self.skip_exactly(padding(size))
    }

    fn skip_exactly(&mut self, size: u64) -> Result<(), LayerError> {
        let skipped =
            io::copy(&mut self.content.by_ref().take(size), &mut io::sink()).map_err(failed)?;
        self.check_whole(skipped, size)
    }

    /// Returns an error if only `read` of the `wanted` bytes were available.
    fn check_whole(&self, read: u64, wanted: u64) -> Result<(), LayerError> {
        match read {
            _ if read == wanted => Ok(()),
            _ if self.content.limit() == 0 => Err(LayerError::TooLarge(self.limits.bytes)),
            _ => Err(LayerError::Truncated),
        }
    }
}

/// Converts an error of a decoder.
fn failed(error: io::Error) -> LayerError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => LayerError::Truncated,
        _ => LayerError::Read(error),
    }
}

/// Returns how many bytes follow `size` bytes of content up to the next block.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK
}

/// Sums up a header, counting its checksum as blanks.
fn checksum(header: &Header) -> u32 {
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().copied().map(u32::from).sum::<u32>();
    sum(&bytes[..148]) + sum(&bytes[156..]) + 8 * u32::from(b' ')
}

fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    name.truncate(
        name.iter()
            .position(|byte| *byte == 0)
            .unwrap_or(name.len()),
    );
    name
}

/// Returns a path below the root, cleaned and without slashes around it.
fn bare(path: &[u8]) -> Vec<u8> {
    let path = super::go_path::clean(&[b"/", path].concat());
    path.strip_prefix(b"/").unwrap_or(&path).to_vec()
}

/// Returns the path and the kind of an entry.
fn place(path: &[u8], entry_type: EntryType, target: &[u8]) -> (String, Kind) {
    let text = String::from_utf8_lossy(path);
    let target = || String::from_utf8_lossy(target).into_owned();
    let kind = match entry_type {
        // Before tar had a type for directories, a trailing slash marked them.
        EntryType::Regular if path.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink { target: target() },
        EntryType::Link => Kind::Hardlink { target: target() },
        EntryType::Char | EntryType::Block => Kind::Device,
        EntryType::Fifo => Kind::Fifo,
        _ => Kind::Other,
    };
    let path = text.trim_start_matches("./").trim_matches('/');
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let or_root = |path: &str| {
        if path.is_empty() {
            ".".to_owned()
        } else {
            path.to_owned()
        }
    };
    match name.strip_prefix(".wh.") {
        Some(".wh..opq") => (or_root(folder), Kind::Opaque),
        // The other names with this prefix are internal files of AUFS.
        Some(removed) if !removed.is_empty() && !removed.starts_with(".wh.") => (
            path[..path.len() - name.len()].to_owned() + removed,
            Kind::Whiteout,
        ),
        _ => (or_root(path), kind),
    }
}

#[cfg(test)]
mod tests;
