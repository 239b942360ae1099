//! Writes a file to a path that the user chose: completely, or not at all.
//!
//! The content goes to a new file next to the target, which gets the name of the target at the end.
//! If anything fails before, an existing file is unchanged and no part of the new one is left.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The permissions of a new file, before the user's mask.
const NEW_MODE: u32 = 0o666;

/// A file that is being written.
#[derive(Debug)]
pub struct OutputFile(Destination);

#[derive(Debug)]
enum Destination {
    /// A new file, which is deleted unless it gets the name of the target.
    Partial(NamedTempFile, PathBuf),
    /// The target itself: a pipe or a device has no content to preserve.
    Special(File),
}

impl OutputFile {
    /// Begins a file for `target`. If `target` is a link, the file that it leads to is meant.
    ///
    /// # Errors
    /// Fails if no file can be created in the folder of the target.
    pub fn create(target: &Path) -> io::Result<Self> {
        let found = fs::metadata(target).ok();
        if found
            .as_ref()
            .is_some_and(|found| !found.is_file() && !found.is_dir())
        {
            let file = File::options().write(true).open(target)?;
            return Ok(Self(Destination::Special(file)));
        }
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let (Some(folder), Some(_)) = (target.parent(), target.file_name()) else {
            return Err(io::Error::other("it names no file"));
        };
        let folder = Path::new(".").join(folder);
        let file = tempfile::Builder::new()
            .prefix(".cachelens-")
            .suffix(".part")
            .permissions(Permissions::from_mode(NEW_MODE))
            .tempfile_in(folder)?;
        if let Some(found) = found.filter(fs::Metadata::is_file) {
            file.as_file().set_permissions(found.permissions())?;
        }
        Ok(Self(Destination::Partial(file, target)))
    }

    /// Returns another handle to the file.
    ///
    /// # Errors
    /// Fails if the system allows no more handles.
    pub fn handle(&self) -> io::Result<File> {
        match &self.0 {
            Destination::Partial(file, _) => file.as_file().try_clone(),
            Destination::Special(file) => file.try_clone(),
        }
    }

    /// Ends the file, and gives it the name of the target. An existing file is replaced.
    ///
    /// # Errors
    /// Fails if the content cannot be made durable, or the name cannot be given.
    pub fn replace(self) -> io::Result<()> {
        match self.0 {
            Destination::Partial(file, target) => {
                file.as_file().sync_all()?;
                file.persist(target)?;
                Ok(())
            }
            Destination::Special(mut file) => file.flush(),
        }
    }

    /// Ends the file, and gives it the name of the target, unless another file has that name.
    ///
    /// # Errors
    /// The same as [`Self::replace`]; [`io::ErrorKind::AlreadyExists`] if there is another file.
    pub fn take_free_name(self) -> io::Result<()> {
        match self.0 {
            Destination::Partial(file, target) => {
                file.as_file().sync_all()?;
                file.persist_noclobber(target)?;
                Ok(())
            }
            Destination::Special(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Destination::Partial(file, _) => file.write(bytes),
            Destination::Special(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Destination::Partial(file, _) => file.flush(),
            Destination::Special(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::symlink;

    use super::*;

    fn written(target: &Path, text: &str) -> OutputFile {
        let mut file = OutputFile::create(target).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<OsString> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_old_file_is_kept_until_the_new_one_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("plan");
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        let given_up = written(&target, "ne");
        assert_eq!(fs::read(&target).unwrap(), b"old");
        drop(given_up);
        assert_eq!(names(folder.path()), ["plan"]);
        let error = written(&target, "new").take_free_name().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        written(&target, "new").replace().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        let mode = fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["plan"]);
    }

    #[test]
    fn a_link_is_kept_and_a_device_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("plan"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        symlink(&target, &link).unwrap();
        written(&link, "new").replace().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
        written(Path::new("/dev/null"), "new").replace().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
