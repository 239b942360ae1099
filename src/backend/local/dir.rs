//! Folders and files of a layout, reached by open handles and names.
//!
//! Anyone with write access to a layout can place a symbolic link anywhere in it at any moment, so
//! a path may lead elsewhere right after it was checked. This backend opens, lists, moves and
//! deletes only through [`Dir`]: a folder is opened once, without following links, and operations
//! address names in the open folder. Two places may be links that the user made: the layout
//! itself, and the folders of blobs, for reading only ([`Dir::linked_folder`]).

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustix::fs::{AtFlags, CWD, Dir as Entries, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::show;

/// The maximum depth of folders that are removed with an unfinished upload.
const MOST_LEVELS: usize = 64;
/// The unit of `st_blocks` (`stat(2)`).
const BLOCK: u64 = 512;
/// The mode of new folders and files, before the umask.
const FOLDER_MODE: u32 = 0o777;
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

/// An open folder.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    /// Its path, for messages.
    path: PathBuf,
}

/// A name in an open folder.
#[derive(Debug, Clone)]
pub(super) struct DirPlace {
    pub(super) dir: Arc<Dir>,
    pub(super) name: OsString,
}

/// The metadata of a name. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileFacts {
    pub(super) kind: FileType,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    /// The time of the last status change, in seconds and nanoseconds.
    pub(super) changed: (i64, i64),
    pub(super) disk_bytes: u64,
    pub(super) links: u64,
    /// Device and inode.
    pub(super) identity: (u64, u64),
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
}

/// An entry of a folder.
#[derive(Debug, Clone)]
pub(super) struct DirEntry {
    pub(super) name: OsString,
    pub(super) kind: FileType,
}

impl FileFacts {
    pub(super) fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind == FileType::Directory
    }

    pub(super) fn is_link(&self) -> bool {
        self.kind == FileType::Symlink
    }

    fn new(found: &Stat) -> Self {
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let nanoseconds = |part: u64| i64::try_from(part).unwrap_or_default();
        Self {
            kind: FileType::from_raw_mode(found.st_mode),
            size: number(found.st_size),
            modified: time(found.st_mtime, nanoseconds(found.st_mtime_nsec)),
            changed: (found.st_ctime, nanoseconds(found.st_ctime_nsec)),
            disk_bytes: number(found.st_blocks).saturating_mul(BLOCK),
            links: found.st_nlink,
            identity: (found.st_dev, found.st_ino),
            mode: found.st_mode,
            owner: (found.st_uid, found.st_gid),
        }
    }
}

/// Returns a time of the file system, clamped to the range of an inventory. Clamping is stable, so
/// the time compares equal when it is read again.
fn time(seconds: i64, nanoseconds: i64) -> Timestamp {
    let all = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    let held = all.clamp(i128::from(i64::MIN) + 1, i128::from(i64::MAX));
    Timestamp::from_nanosecond(held).unwrap_or(Timestamp::MAX)
}

impl Dir {
    /// Opens a folder that the user named. The path may contain links.
    pub(super) fn named(path: &Path) -> io::Result<Self> {
        let fd = rustix::fs::openat(CWD, path, FOLDER | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// Opens a folder below this one without following links.
    pub(super) fn folder(&self, relative: impl AsRef<Path>) -> io::Result<Self> {
        let relative = relative.as_ref();
        let fd = open_beneath(self.fd.as_fd(), relative, FOLDER, Mode::empty())?;
        Ok(Self {
            fd,
            path: self.path.join(relative),
        })
    }

    /// Opens a folder in this one, which may be a link that the user made.
    pub(super) fn linked_folder(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        let fd = rustix::fs::openat(
            &self.fd,
            one_name(name)?,
            FOLDER | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            fd,
            path: self.path.join(name),
        })
    }

    /// Opens a file in this folder for reading. Opening a pipe does not wait for a writer.
    pub(super) fn file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = Path::new(one_name(name.as_ref())?);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        Ok(open_beneath(self.fd.as_fd(), name, flags, Mode::empty())?.into())
    }

    /// Creates a file in this folder for writing; fails if the name exists.
    pub(super) fn create(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = Path::new(one_name(name.as_ref())?);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        Ok(open_beneath(self.fd.as_fd(), name, flags, Mode::from_raw_mode(0o600))?.into())
    }

    /// Opens a file in this folder for locking, and creates it if necessary.
    pub(super) fn lock_file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = Path::new(one_name(name.as_ref())?);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
        Ok(open_beneath(self.fd.as_fd(), name, flags, Mode::from_raw_mode(0o644))?.into())
    }

    /// Returns the metadata of a name in this folder.
    pub(super) fn facts(&self, name: impl AsRef<OsStr>) -> io::Result<FileFacts> {
        let name = one_name(name.as_ref())?;
        let found = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileFacts::new(&found))
    }

    /// Returns the metadata of the folder itself.
    pub(super) fn own_facts(&self) -> io::Result<FileFacts> {
        Ok(FileFacts::new(&rustix::fs::fstat(&self.fd)?))
    }

    /// Lists the folder.
    pub(super) fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<DirEntry>>> {
        let entries = Entries::read_from(&self.fd)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => {
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name == "." || name == ".." {
                    return None;
                }
                self.entry(name, entry.file_type()).transpose()
            }
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Returns an entry, unless it vanished. Some file systems do not report the kind of an entry
    /// in a listing.
    fn entry(&self, name: &OsStr, kind: FileType) -> io::Result<Option<DirEntry>> {
        let kind = match kind {
            FileType::Unknown => match self.facts(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                facts => facts?.kind,
            },
            kind => kind,
        };
        let name = name.to_owned();
        Ok(Some(DirEntry { name, kind }))
    }

    /// Creates a folder in this one, unless it exists.
    pub(super) fn make_folder(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = one_name(name.as_ref())?;
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(FOLDER_MODE)) {
            Err(Errno::EXIST) if self.facts(name)?.is_folder() => Ok(()),
            made => Ok(made?),
        }
    }

    pub(super) fn remove_file(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = one_name(name.as_ref())?;
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Removes an empty folder in this one.
    pub(super) fn remove_folder(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = one_name(name.as_ref())?;
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes a folder in this one with all its content.
    pub(super) fn remove_tree(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = one_name(name.as_ref())?;
        self.folder(name)?.empty(MOST_LEVELS)?;
        self.remove_folder(name)
    }

    fn empty(&self, levels: usize) -> io::Result<()> {
        let entries: Vec<DirEntry> = self.entries()?.collect::<io::Result<_>>()?;
        for DirEntry { name, kind } in entries {
            if kind == FileType::Directory {
                let levels = levels.checked_sub(1).ok_or_else(|| {
                    io::Error::other(format!("{} is nested too deeply", show(&self.path)))
                })?;
                self.folder(&name)?.empty(levels)?;
                self.remove_folder(&name)?;
            } else {
                self.remove_file(&name)?;
            }
        }
        Ok(())
    }

    /// Syncs the names in the folder to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }
}

impl DirPlace {
    pub(super) fn facts(&self) -> io::Result<FileFacts> {
        self.dir.facts(&self.name)
    }

    pub(super) fn file(&self) -> io::Result<File> {
        self.dir.file(&self.name)
    }

    /// Moves the object to another place.
    pub(super) fn move_to(&self, other: &Self) -> io::Result<()> {
        let from = one_name(&self.name)?;
        let to = one_name(&other.name)?;
        Ok(rustix::fs::renameat(&self.dir.fd, from, &other.dir.fd, to)?)
    }

    /// Removes the object, which `facts` describes.
    pub(super) fn remove(&self, facts: &FileFacts) -> io::Result<()> {
        if facts.is_folder() {
            self.dir.remove_tree(&self.name)
        } else {
            self.dir.remove_file(&self.name)
        }
    }

    /// Returns the whole path, escaped for display.
    pub(super) fn shown(&self) -> String {
        show(&self.dir.path.join(&self.name))
    }
}

/// Copies the owner and the mode of another file to a new one.
pub(super) fn resemble(file: &File, other: &FileFacts) -> io::Result<()> {
    let mine = FileFacts::new(&rustix::fs::fstat(file)?);
    if mine.owner != other.owner {
        fchown(file, Some(other.owner.0), Some(other.owner.1))?;
    }
    file.set_permissions(Permissions::from_mode(other.mode & 0o7777))
}

/// Returns the metadata of an open file.
pub(super) fn facts_of(file: &File) -> io::Result<FileFacts> {
    Ok(FileFacts::new(&rustix::fs::fstat(file)?))
}

fn one_name(name: &OsStr) -> io::Result<&OsStr> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(name),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Opens `relative` below `dir` without following links.
fn open_beneath(
    dir: BorrowedFd<'_>,
    relative: &Path,
    flags: OFlags,
    mode: Mode,
) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::ResolveFlags;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(dir, relative, flags, mode, resolve) {
            // An old kernel, or a sandbox that blocks the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            opened => return opened.map_err(is_a_link),
        }
    }
    open_by_component(dir, relative, flags, mode)
}

/// Like [`open_beneath`], for systems without `openat2`.
fn open_by_component(
    dir: BorrowedFd<'_>,
    relative: &Path,
    flags: OFlags,
    mode: Mode,
) -> io::Result<OwnedFd> {
    let mut names = Vec::new();
    for component in relative.components() {
        match component {
            Component::Normal(name) => names.push(name),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    let (last, parents) = names.split_last().ok_or(io::ErrorKind::InvalidInput)?;
    let mut parent: Option<OwnedFd> = None;
    for name in parents {
        let at = parent.as_ref().map_or(dir, |fd| fd.as_fd());
        let opened = rustix::fs::openat(
            at,
            *name,
            FOLDER | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        );
        parent = Some(opened.map_err(is_a_link)?);
    }
    let at = parent.as_ref().map_or(dir, |fd| fd.as_fd());
    rustix::fs::openat(at, *last, flags, mode).map_err(is_a_link)
}

/// Replaces the system's error for a link (`ELOOP`) with a clear message.
fn is_a_link(error: Errno) -> io::Error {
    match error {
        Errno::LOOP => io::Error::new(
            io::ErrorKind::InvalidData,
            "a symbolic link inside a cache is not followed",
        ),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn neither_way_of_opening_follows_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("inside/deep")).unwrap();
        fs::create_dir_all(at("outside/deep")).unwrap();
        fs::write(at("outside/deep/file"), "x").unwrap();
        symlink(at("outside"), at("inside/link")).unwrap();
        symlink(at("outside/deep/file"), at("inside/file")).unwrap();
        let dir = Dir::named(&at("inside")).unwrap();
        let flags = FOLDER | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for wrong in ["link", "link/deep", "../outside", "/", "deep/../../outside"] {
            assert!(dir.folder(wrong).is_err(), "{wrong}");
            let fallback =
                open_by_component(dir.fd.as_fd(), Path::new(wrong), flags, Mode::empty());
            assert!(fallback.is_err(), "{wrong}");
        }
        assert!(dir.folder("deep").is_ok());
        assert!(open_by_component(dir.fd.as_fd(), Path::new("deep"), flags, Mode::empty()).is_ok());
        assert!(dir.file("file").is_err());
        assert!(dir.linked_folder("link").is_ok());
        // A link in place of a folder is removed, but not its target.
        assert!(dir.remove_tree("link").is_err());
        dir.remove_file("link").unwrap();
        assert!(at("outside/deep/file").exists());
    }

    #[test]
    fn a_tree_is_removed_completely_and_only_within_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b/c")).unwrap();
        fs::write(folder.path().join("a/b/file"), "x").unwrap();
        let dir = Dir::named(folder.path()).unwrap();
        for wrong in ["..", ".", "", "a/b", "/", "a/"] {
            assert!(dir.remove_tree(wrong).is_err(), "{wrong}");
        }
        dir.remove_tree("a").unwrap();
        assert!(!folder.path().join("a").exists());
    }

    #[test]
    fn times_outside_the_range_of_an_inventory_compare_as_equal() {
        let far = time(253_402_300_800, 0);
        assert_eq!(far, time(300_000_000_000, 5));
        let nanoseconds = i64::try_from(far.as_nanosecond()).unwrap();
        assert_eq!(
            Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap(),
            far
        );
    }
}
