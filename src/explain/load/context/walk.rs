//! Walks a directory and lists the files that are sent, as `tonistiigi/fsutil` does.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr, major, minor};
use rustix::io::Errno;

use super::{ContextError, follow};
use crate::explain::context::rules::Rules;
use crate::explain::context::{ContextEntry, ContextEntryKind, Xattrs};
use crate::explain::keys::content::is_hashed_xattr;
use crate::format::pattern_matcher::{MatchInfo, PatternMatcher};

/// The most files of a context.
const MAX_ENTRIES: usize = 2_000_000;

/// A listed file, without the digest of its content.
#[derive(Debug)]
pub(super) struct WalkedFile {
    pub entry: ContextEntry,
    /// The identity of a file that has several names: device and inode.
    pub file: (u64, u64),
    /// Whether its content must be read; a socket is sent as an empty file.
    pub has_content: bool,
}

/// A folder during the walk.
struct Folder {
    /// The path below the root; empty for the root.
    path: Vec<u8>,
    /// The remaining names in it, in reverse order.
    names: Vec<OsString>,
    /// The folder itself, until it or something in it is sent.
    unsent: Option<Metadata>,
    include: MatchInfo,
    exclude: MatchInfo,
}

struct DirectoryWalk<'a> {
    root: &'a Path,
    include: Option<PatternMatcher>,
    exclude: Option<PatternMatcher>,
    folders: Vec<Folder>,
    listed: Vec<WalkedFile>,
}

type Failure = (PathBuf, ContextError);

/// Lists the files of a directory that pass the rules, without the root itself.
pub(super) fn list(root: &Path, rules: &Rules) -> Result<Vec<WalkedFile>, Failure> {
    let at_root = |error: ContextError| (root.to_owned(), error);
    let mut include = rules.include.clone();
    if !rules.follow.is_empty() {
        let followed =
            follow::patterns(root, &rules.follow).map_err(|error| at_root(error.into()))?;
        if let Some(followed) = followed {
            include.extend(followed);
            include = follow::without_nested(&include).unwrap_or_default();
        }
    }
    let matcher = |patterns: &[String]| match patterns {
        [] => Ok(None),
        patterns => PatternMatcher::new(patterns)
            .map(Some)
            .map_err(|error| at_root(error.into())),
    };
    let include = matcher(&include)?;
    let exclude = matcher(&rules.exclude)?;
    let mut walk = DirectoryWalk {
        root,
        include,
        exclude,
        folders: Vec::new(),
        listed: Vec::new(),
    };
    let names = names(root).map_err(|error| at_root(error.into()))?;
    let none = MatchInfo::default();
    walk.folders.push(Folder {
        path: Vec::new(),
        names,
        unsent: None,
        include: none.clone(),
        exclude: none,
    });
    while let Some(folder) = walk.folders.last_mut() {
        match folder.names.pop() {
            Some(name) => {
                let separator: &[u8] = if folder.path.is_empty() { b"" } else { b"/" };
                let path = [folder.path.as_slice(), separator, name.as_bytes()].concat();
                walk.visit(path)?;
            }
            None => {
                walk.folders.pop();
            }
        }
    }
    Ok(walk.listed)
}

impl DirectoryWalk<'_> {
    fn visit(&mut self, path: Vec<u8>) -> Result<(), Failure> {
        let real = self.real(&path);
        let metadata = match fs::symlink_metadata(&real) {
            Ok(metadata) => metadata,
            // It was removed after the folder was read.
            Err(error) if follow::is_absent(&error) => return Ok(()),
            Err(error) => return Err((real, error.into())),
        };
        let is_folder = metadata.is_dir();
        let mut sent = true;
        let mut include = MatchInfo::default();
        let mut exclude = MatchInfo::default();
        let above = self.folders.last();
        if let Some(matcher) = &self.include {
            let (matched, info) = matcher.matches(&path, above.map(|folder| &folder.include));
            include = info;
            if !matched {
                sent = false;
                if is_folder && !may_hold(matcher, false, &path) {
                    return Ok(());
                }
            }
        }
        if let Some(matcher) = &self.exclude {
            let (matched, info) = matcher.matches(&path, above.map(|folder| &folder.exclude));
            exclude = info;
            if matched {
                sent = false;
                if is_folder && (!matcher.has_exceptions() || !may_hold(matcher, true, &path)) {
                    return Ok(());
                }
            }
        }
        if sent {
            self.send_folders()?;
            self.send(&path, &metadata)?;
        }
        if is_folder {
            let names = match names(&real) {
                Ok(names) => names,
                Err(error) if follow::is_absent(&error) => return Ok(()),
                Err(error) if !sent && error.kind() == io::ErrorKind::PermissionDenied => {
                    return Ok(());
                }
                Err(error) => return Err((real, error.into())),
            };
            let unsent = (!sent).then_some(metadata);
            self.folders.push(Folder {
                path,
                names,
                unsent,
                include,
                exclude,
            });
        }
        Ok(())
    }

    /// Sends the parent folders that were skipped so far.
    fn send_folders(&mut self) -> Result<(), Failure> {
        for at in 0..self.folders.len() {
            if let Some(metadata) = self.folders[at].unsent.take() {
                let path = self.folders[at].path.clone();
                self.send(&path, &metadata)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, path: &[u8], metadata: &Metadata) -> Result<(), Failure> {
        if self.listed.len() == MAX_ENTRIES {
            return Err((self.root.to_owned(), ContextError::TooMany(MAX_ENTRIES)));
        }
        let real = self.real(path);
        let failed = |error: io::Error| (real.clone(), ContextError::from(error));
        let file_type = metadata.file_type();
        let device = || {
            (
                u64::from(major(metadata.rdev())),
                u64::from(minor(metadata.rdev())),
            )
        };
        let kind = if file_type.is_dir() {
            ContextEntryKind::Directory
        } else if file_type.is_symlink() {
            let target = fs::read_link(&real)
                .map_err(failed)?
                .into_os_string()
                .into_vec();
            ContextEntryKind::Symlink(target.into())
        } else if file_type.is_char_device() {
            let (major, minor) = device();
            ContextEntryKind::CharDevice(major, minor)
        } else if file_type.is_block_device() {
            let (major, minor) = device();
            ContextEntryKind::BlockDevice(major, minor)
        } else if file_type.is_fifo() {
            ContextEntryKind::Fifo
        } else {
            ContextEntryKind::File(metadata.len())
        };
        let has_content = file_type.is_file();
        let mut entry = ContextEntry::new(path, kind, metadata.mode() & 0o7777);
        entry.xattrs = attributes(&real).map_err(|error| failed(error.into()))?;
        self.listed.push(WalkedFile {
            entry,
            file: (metadata.dev(), metadata.ino()),
            has_content,
        });
        Ok(())
    }

    fn real(&self, path: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(path))
    }
}

/// Returns whether a pattern may match a path in a folder, although it does not match the folder.
fn may_hold(matcher: &PatternMatcher, exceptions: bool, folder: &[u8]) -> bool {
    let Some(prefixes) = matcher.prefixes(exceptions) else {
        return true;
    };
    prefixes.iter().any(|prefix| {
        // `a/b` may be in `a`, and everything in `a/` may match too.
        let prefix = prefix.as_bytes();
        prefix == folder
            || prefix
                .strip_prefix(folder)
                .is_some_and(|rest| rest.first() == Some(&b'/'))
    })
}

/// Returns the names in a folder, the last one first.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names: Vec<OsString> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

/// Reads the extended attributes of a file that are part of its digest; a file system without them
/// has none.
fn attributes(path: &Path) -> rustix::io::Result<Xattrs> {
    // Linux's limit for a list and for a value.
    const MAX_ATTRIBUTES: usize = 64 << 10;
    let mut list: Vec<u8> = Vec::new();
    let mut room = 256;
    let length = loop {
        list.resize(room, 0);
        match llistxattr(path, list.as_mut_slice()) {
            Ok(length) => break length,
            Err(Errno::RANGE) if room < MAX_ATTRIBUTES => room = MAX_ATTRIBUTES,
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    };
    let mut attributes = Vec::new();
    for name in list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .filter(|name| is_hashed_xattr(name))
    {
        let mut value = vec![0; MAX_ATTRIBUTES];
        // BuildKit ignores attributes that it cannot read.
        if let Ok(length) = lgetxattr(path, OsStr::from_bytes(name), value.as_mut_slice()) {
            attributes.push((name.into(), value[..length].into()));
        }
    }
    Ok(attributes)
}
