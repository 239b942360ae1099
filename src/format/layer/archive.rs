//! Walks over the headers of a tar archive.

use std::borrow::Cow;
use std::io::{self, BufReader, Read};
use std::mem;

use jiff::Timestamp;
use tar::{EntryType, GnuExtSparseHeader, GnuHeader, Header};

use super::pax::Extensions;
use super::{
    LayerError, LayerLimits, TarEntry, TarEntryDetail, TarEntryKind, decompressed, failed,
};
use crate::format::go_path;

/// The size of a tar header and the alignment of file contents, in bytes.
const BLOCK: u64 = 512;

/// The most bytes of a long name or extension of one file: `maxSpecialFileSize` of Go's
/// `archive/tar`.
pub(super) const MAX_EXTENSION: u64 = 1 << 20;

/// A tar archive during the walk.
pub(super) struct Archive<'a, R> {
    /// The rest of the archive, up to the limit.
    content: io::Take<R>,
    limits: &'a LayerLimits,
    /// Whether a header has been read.
    begun: bool,
    /// How many bytes of the last file's content precede the next header.
    unread: u64,
    /// How many files were read.
    listed: u64,
}

impl<'a, 'b> Archive<'a, BufReader<Box<dyn Read + 'b>>> {
    /// Opens an archive, compressed or not.
    pub(super) fn open(blob: impl Read + 'b, limits: &'a LayerLimits) -> Result<Self, LayerError> {
        let content = BufReader::with_capacity(1 << 16, decompressed(blob).map_err(failed)?);
        Ok(Self {
            content: content.take(limits.bytes),
            limits,
            begun: false,
            unread: 0,
            listed: 0,
        })
    }
}

impl<R: Read> Archive<'_, R> {
    /// Reads up to and including the next file's header; `None` at the end.
    pub(super) fn next_entry(&mut self) -> Result<Option<(TarEntry, TarEntryDetail)>, LayerError> {
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
                _ => {
                    let entry = self.entry(&header, stored, extensions)?;
                    if self.listed == self.limits.entries {
                        return Err(LayerError::TooMany(self.limits.entries));
                    }
                    self.listed += 1;
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Passes the content of the last file to `read`, and skips what `read` leaves.
    pub(super) fn read_content(
        &mut self,
        read: impl FnOnce(&mut dyn Read) -> io::Result<()>,
    ) -> Result<(), LayerError> {
        let stored = mem::take(&mut self.unread);
        let mut content = self.content.by_ref().take(stored);
        read(&mut content).map_err(failed)?;
        let unread = content.limit();
        self.skip_exactly(unread)?;
        self.skip_exactly(padding(stored))
    }

    /// Makes an entry of its header. `stored` bytes of content follow, unless an extension sets
    /// another size.
    fn entry(
        &mut self,
        header: &Header,
        stored: u64,
        extensions: Extensions,
    ) -> Result<(TarEntry, TarEntryDetail), LayerError> {
        let path = extensions
            .path
            .map_or_else(|| header.path_bytes(), Cow::Owned);
        let target = extensions
            .target
            .map_or_else(|| header.link_name_bytes().unwrap_or_default(), Cow::Owned);
        if path.len().max(target.len()) > self.limits.path {
            return Err(LayerError::PathTooLong);
        }
        let size = self.begin_content(header, extensions.size.unwrap_or(stored))?;
        let device = || device_numbers(header);
        let detail = TarEntryDetail {
            path: bare(&path),
            target: target.to_vec(),
            xattrs: extensions.xattrs,
            char_device: header.entry_type().is_character_special().then(device),
            block_device: header.entry_type().is_block_special().then(device),
            is_sparse: extensions.is_sparse || header.entry_type() == EntryType::GNUSparse,
        };
        let (path, kind) = place(&path, header.entry_type(), &target);
        let entry = TarEntry {
            path,
            size: if kind == TarEntryKind::File { size } else { 0 },
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

    /// Notes how many bytes of content follow a header. Returns the unpacked size.
    fn begin_content(&mut self, header: &Header, stored: u64) -> Result<u64, LayerError> {
        match header.entry_type() {
            // These have no content, whatever their size field: Go's `isHeaderOnly`.
            EntryType::Link
            | EntryType::Symlink
            | EntryType::Char
            | EntryType::Block
            | EntryType::Directory
            | EntryType::Fifo => {
                self.unread = 0;
                Ok(0)
            }
            EntryType::GNUSparse => {
                self.skip_sparse_map(header)?;
                self.unread = stored;
                let size = header.size();
                size.map_err(|_| LayerError::Corrupt("a size is not a number"))
            }
            _ => {
                self.unread = stored;
                Ok(stored)
            }
        }
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

/// Returns the major and minor number of a device. A malformed number counts as 0.
fn device_numbers(header: &Header) -> (u64, u64) {
    let number = |number: io::Result<Option<u32>>| number.ok().flatten().map_or(0, u64::from);
    (number(header.device_major()), number(header.device_minor()))
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
    let path = go_path::clean(&[b"/", path].concat());
    path.strip_prefix(b"/").unwrap_or(&path).to_vec()
}

/// Returns the path and the kind of an entry.
fn place(path: &[u8], entry_type: EntryType, target: &[u8]) -> (String, TarEntryKind) {
    let text = String::from_utf8_lossy(path);
    let target = || String::from_utf8_lossy(target).into_owned();
    let kind = match entry_type {
        // Before tar had a type for directories, a trailing slash marked them.
        EntryType::Regular if path.ends_with(b"/") => TarEntryKind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => TarEntryKind::File,
        EntryType::Directory => TarEntryKind::Directory,
        EntryType::Symlink => TarEntryKind::Symlink { target: target() },
        EntryType::Link => TarEntryKind::Hardlink { target: target() },
        EntryType::Char | EntryType::Block => TarEntryKind::Device,
        EntryType::Fifo => TarEntryKind::Fifo,
        _ => TarEntryKind::Other,
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
        Some(".wh..opq") => (or_root(folder), TarEntryKind::Opaque),
        // The other names with this prefix are internal files of AUFS.
        Some(removed) if !removed.is_empty() && !removed.starts_with(".wh.") => (
            path[..path.len() - name.len()].to_owned() + removed,
            TarEntryKind::Whiteout,
        ),
        _ => (or_root(path), kind),
    }
}
