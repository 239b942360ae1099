//! Writes a file of a layer to a path chosen by the person: completely, or not at all.
//!
//! The content goes to a new file next to the target. That file is renamed to the target only after
//! the layer was read completely and matches its digest. Apart from the content, nothing that the
//! layer says about the file is used.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::backend::CacheReader;
use crate::backend::layer_content::{self, LayerFile, ReadTo};
use crate::tui::effect::Overwrite;
use crate::tui::message::ExportError;

/// Writes `file` to `path`, and returns the number of bytes.
pub(super) async fn write(
    reader: &dyn CacheReader,
    file: LayerFile,
    path: &Path,
    overwrite: Overwrite,
    cancel: CancellationToken,
) -> Result<u64, ExportError> {
    // Checked before reading; the later creation of the target does not replace a file either.
    if overwrite == Overwrite::Never && fs::symlink_metadata(path).is_ok() {
        return Err(ExportError::Exists);
    }
    let draft = PartialFile::create(path).map_err(|error| failed(&error))?;
    let mut content = draft.file.try_clone().map_err(|error| failed(&error))?;
    let take = move |from: &mut dyn Read| {
        let written = io::copy(from, &mut content)?;
        content.sync_all()?;
        Ok(written)
    };
    let written = layer_content::read(reader, file, ReadTo::End, cancel, take)
        .await
        .map_err(ExportError::Failed)?;
    draft.take_name(path, overwrite)?;
    Ok(written)
}

fn failed(error: &io::Error) -> ExportError {
    ExportError::Failed(error.to_string())
}

/// A new file, which is deleted unless it is renamed to the target.
struct PartialFile {
    path: PathBuf,
    file: File,
}

impl PartialFile {
    fn create(target: &Path) -> io::Result<Self> {
        let mut name = target
            .file_name()
            .ok_or_else(|| io::Error::other("it names no file"))?
            .to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(name);
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&path)?;
        Ok(Self { path, file })
    }

    fn take_name(&self, target: &Path, overwrite: Overwrite) -> Result<(), ExportError> {
        if overwrite == Overwrite::Never {
            // An empty file reserves the name against other processes.
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(target)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => ExportError::Exists,
                    _ => failed(&error),
                })?;
        }
        fs::rename(&self.path, target).map_err(|error| {
            if overwrite == Overwrite::Never {
                // The file is empty; if it cannot be deleted either, the error stays the same.
                let _ = fs::remove_file(target);
            }
            failed(&error)
        })
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // After a rename there is nothing left to delete, so the error is expected.
        let _ = fs::remove_file(&self.path);
    }
}
