//! Access to the files of build definitions.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest definition, in bytes.
const LARGEST: u64 = 8 << 20;

/// Reads build definitions by path, relative to the directory of the command.
pub trait DefinitionFiles {
    /// Reads a file. Returns `None` if it does not exist or cannot be read.
    fn read(&self, path: &str) -> Option<String>;
    /// Reads standard input, for `-f -`.
    fn stdin(&self) -> Option<String>;
}

/// The files below a directory.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The directory of the command.
    pub directory: PathBuf,
}

impl DefinitionFiles for Disk {
    fn read(&self, path: &str) -> Option<String> {
        let path = self.directory.join(path);
        // Compose files name it for no variables at all.
        if path == Path::new("/dev/null") {
            return Some(String::new());
        }
        let file = fs::File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn stdin(&self) -> Option<String> {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(LARGEST)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
