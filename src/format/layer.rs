//! The files of a layer: a tar archive, compressed or not, listed while it streams.
//!
//! A layer comes from anybody. What is listed was read as Go's `archive/tar` reads it, which is how BuildKit unpacks it;
//! nothing here grows with what the archive claims, and [`Limits`] end what would never end. The walk over the headers is
//! our own: an `Archive` of the `tar` crate holds long names and extensions in memory, however long they are.

mod pax;

use std::borrow::Cow;
use std::io::{self, BufReader, Read};
use std::mem;
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header};

use self::pax::Extensions;

/// The size of a tar header, and what file contents are padded to, in bytes.
const BLOCK: u64 = 512;

/// The most bytes that a long name or extension of one file may take: `maxSpecialFileSize` of Go's `archive/tar`.
const MAX_EXTENSION: u64 = 1 << 20;

/// The largest window of zstd as a power of two: as much as the decoder holds when it is
/// not asked for more, which is 128 mebibytes.
const MAX_ZSTD_WINDOW: u32 = 27;

/// How much of a layer is read before the listing ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many files are listed.
    pub entries: u64,
    /// How many bytes may come out of the decompression.
    pub bytes: u64,
    /// How many bytes a path, or what a link points to, may have.
    pub path: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // `PATH_MAX` of Linux is 4096 bytes: what is longer cannot be unpacked in one piece.
        Self { entries: 2_000_000, bytes: 64 << 30, path: 4096 }
    }
}

/// A file of a layer, or what the layer does to one below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, without slashes around it; `.` is the root. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// How many bytes a file has once unpacked; 0 for everything else.
    pub size: u64,
    /// The permission bits, with those for set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u64,
    /// The number of its group.
    pub gid: u64,
    /// When it was last written; `None` where that is no time between the years −9999 and 9999.
    pub modified: Option<Timestamp>,
}

/// What a header says of a file besides what is listed, in bytes as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// As [`Entry::path`].
    pub path: Vec<u8>,
    /// What a link points to.
    pub target: Vec<u8>,
    /// Extended attributes by name.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Of a character device its numbers.
    pub char_device: Option<(u64, u64)>,
    /// Of a block device its numbers.
    pub block_device: Option<(u64, u64)>,
    /// Whether the content is stored in pieces, so that what is read is not what is unpacked.
    pub is_sparse: bool,
}

/// What an entry of a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Where it points to.
        target: String,
    },
    /// Another name of a file that comes earlier in the layer.
    Hardlink {
        /// That file.
        target: String,
    },
    /// A character or block device.
    Device,
    /// A named pipe.
    Fifo,
    /// The path is removed from the layers below: the file is called `.wh.` and the name (OCI image specification,
    /// `layer.md`, "Whiteouts").
    Whiteout,
    /// Everything in this directory is removed from the layers below: it holds a file `.wh..wh..opq`.
    Opaque,
    /// A type of entry that tar does not define.
    Other,
}

/// Says why a listing ended early.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The blob does not begin as a tar archive does.
    #[error("the blob is no layer: there is no tar archive in it")]
    NotALayer,
    /// The blob ends in the middle of a file.
    #[error("the layer ends in the middle of a file")]
    Truncated,
    /// A header is not what it must be.
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

/// Lists the files of a layer in the order in which they stand there, until `each` breaks off.
///
/// Gzip and zstd are told by how the `blob` begins, not by its media type. What follows the end of the archive is not
/// read.
///
/// # Errors
/// Why the listing ends early; `each` has seen what comes before.
pub fn list<B>(
    blob: impl Read,
    limits: &Limits,
    mut each: impl FnMut(Entry) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, LayerError> {
    let content = BufReader::with_capacity(1 << 16, decompressed(blob).map_err(failed)?);
    let mut archive = Archive { content: content.take(limits.bytes), limits, begun: false, unread: 0 };
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

/// Lists the files of a layer as [`list`] does, with all that their headers say and with their content, of which `each`
/// reads as much as it likes.
///
/// # Errors
/// As [`list`]; and what `each` could not read ends the listing as well.
pub fn read(
    blob: impl Read,
    limits: &Limits,
    mut each: impl FnMut(Entry, Detail, &mut dyn Read) -> io::Result<()>,
) -> Result<(), LayerError> {
    let content = BufReader::with_capacity(1 << 16, decompressed(blob).map_err(failed)?);
    let mut archive = Archive { content: content.take(limits.bytes), limits, begun: false, unread: 0 };
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

/// Returns what `blob` is compressed from.
pub(super) fn decompressed<'a>(blob: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut blob = BufReader::with_capacity(1 << 16, blob);
    let mut magic = Vec::with_capacity(4);
    blob.by_ref().take(4).read_to_end(&mut magic)?;
    let is_zstd = match magic.as_slice() {
        // RFC 1952, and RFC 8878 for the others: a frame, or one to skip that an index may stand in.
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
    // eStargz makes each file a gzip member of its own.
    Ok(Box::new(MultiGzDecoder::new(whole)))
}

/// A tar archive that is being walked over.
struct Archive<'a, R> {
    /// The rest of it, as far as the limit allows.
    content: io::Take<R>,
    limits: &'a Limits,
    /// Whether a header has been read.
    begun: bool,
    /// How many bytes of the last file's content come before the next header.
    unread: u64,
}

impl<R: Read> Archive<'_, R> {
    /// Reads up to and including the next file's header; `None` at the end.
    fn next_entry(&mut self) -> Result<Option<(Entry, Detail)>, LayerError> {
        let unread = mem::take(&mut self.unread);
        self.skip(unread)?;
        let mut extensions = Extensions::default();
        // How much all the extensions of this file may still take.
        let mut room = MAX_EXTENSION;
        loop {
            let Some(header) = self.header()? else {
                return if extensions.is_empty() { Ok(None) } else { Err(LayerError::Truncated) };
            };
            let stored = header.entry_size().map_err(|_| LayerError::Corrupt("a size is not a number"))?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.extension(stored, &mut room)?;
                    extensions.read(&records).ok_or(LayerError::Corrupt("an extended header does not parse"))?;
                }
                EntryType::GNULongName => extensions.path = Some(until_nul(self.extension(stored, &mut room)?)),
                EntryType::GNULongLink => extensions.target = Some(until_nul(self.extension(stored, &mut room)?)),
                // What holds for all files that follow is a comment in practice; Go does not apply it, either.
                EntryType::XGlobalHeader => self.skip(stored)?,
                _ => return self.entry(&header, stored, extensions).map(Some),
            }
        }
    }

    /// Makes an entry of its header, which `stored` bytes of content follow unless an extension says otherwise.
    fn entry(&mut self, header: &Header, stored: u64, extensions: Extensions) -> Result<(Entry, Detail), LayerError> {
        let path = extensions.path.map_or_else(|| header.path_bytes(), Cow::Owned);
        let target = extensions.target.map_or_else(|| header.link_name_bytes().unwrap_or_default(), Cow::Owned);
        if path.len().max(target.len()) > self.limits.path {
            return Err(LayerError::PathTooLong);
        }
        let stored = extensions.size.unwrap_or(stored);
        let (unread, size) = match header.entry_type() {
            // Nothing follows these whatever their size says: Go's `isHeaderOnly`.
            EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo => (0, 0),
            EntryType::GNUSparse => {
                self.skip_sparse_map(header)?;
                (stored, header.size().map_err(|_| LayerError::Corrupt("a size is not a number"))?)
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
            // What is no number tells nothing; the walk does not depend on it.
            mode: header.mode().unwrap_or_default() & 0o7777,
            uid: extensions.uid.or_else(|| header.uid().ok()).unwrap_or_default(),
            gid: extensions.gid.or_else(|| header.gid().ok()).unwrap_or_default(),
            modified: extensions.modified.or_else(|| {
                // A number with its high bit set is one before 1970.
                Timestamp::from_second(header.mtime().ok()?.cast_signed()).ok()
            }),
        };
        Ok((entry, detail))
    }

    /// Reads a header; `None` at the end of the archive, which zeros mark and some writers leave out.
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

    /// Reads the content of an extension that takes `size` bytes of the `room` that there is.
    fn extension(&mut self, size: u64, room: &mut u64) -> Result<Vec<u8>, LayerError> {
        *room = room.checked_sub(size).ok_or(LayerError::PathTooLong)?;
        let mut content = Vec::new();
        self.content.by_ref().take(size).read_to_end(&mut content).map_err(failed)?;
        self.check_whole(content.len() as u64, size)?;
        self.skip_exactly(padding(size))?;
        Ok(content)
    }

    /// Skips the blocks that say where the data of a sparse file belongs.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<(), LayerError> {
        let mut more = header.as_gnu().is_some_and(GnuHeader::is_extended);
        while more {
            let mut map = GnuExtSparseHeader::new();
            let mut block = map.as_mut_bytes().as_mut_slice();
            let read = io::copy(&mut self.content.by_ref().take(BLOCK), &mut block).map_err(failed)?;
            self.check_whole(read, BLOCK)?;
            more = map.is_extended();
        }
        Ok(())
    }

    /// Skips `size` bytes of content, and what they are padded with.
    fn skip(&mut self, size: u64) -> Result<(), LayerError> {
        self.skip_exactly(size)?;
        self.skip_exactly(padding(size))
    }

    fn skip_exactly(&mut self, size: u64) -> Result<(), LayerError> {
        let skipped = io::copy(&mut self.content.by_ref().take(size), &mut io::sink()).map_err(failed)?;
        self.check_whole(skipped, size)
    }

    /// Tells why there were only `read` bytes, if not the `wanted` ones.
    fn check_whole(&self, read: u64, wanted: u64) -> Result<(), LayerError> {
        match read {
            _ if read == wanted => Ok(()),
            _ if self.content.limit() == 0 => Err(LayerError::TooLarge(self.limits.bytes)),
            _ => Err(LayerError::Truncated),
        }
    }
}

/// Tells what an error of a decoder means.
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

/// Adds up a header, its checksum counted as blanks.
fn checksum(header: &Header) -> u32 {
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().copied().map(u32::from).sum::<u32>();
    sum(&bytes[..148]) + sum(&bytes[156..]) + 8 * u32::from(b' ')
}

fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
    name
}

/// Returns a path below the root, without slashes around it, shortened.
fn bare(path: &[u8]) -> Vec<u8> {
    let path = super::go_path::clean(&[b"/", path].concat());
    path.strip_prefix(b"/").unwrap_or(&path).to_vec()
}

/// Tells where an entry is and what it is.
fn place(path: &[u8], entry_type: EntryType, target: &[u8]) -> (String, Kind) {
    let text = String::from_utf8_lossy(path);
    let target = || String::from_utf8_lossy(target).into_owned();
    let kind = match entry_type {
        // Before there was a type for directories, a slash told them.
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
    let or_root = |path: &str| if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    match name.strip_prefix(".wh.") {
        Some(".wh..opq") => (or_root(folder), Kind::Opaque),
        // The other names that begin so are notes that AUFS kept for itself.
        Some(removed) if !removed.is_empty() && !removed.starts_with(".wh.") => {
            (path[..path.len() - name.len()].to_owned() + removed, Kind::Whiteout)
        }
        _ => (or_root(path), kind),
    }
}

#[cfg(test)]
mod tests;
