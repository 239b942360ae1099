//! A small disk cache of manifests and configurations by digest, which never change. A document
//! from it is checked like any other.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

/// The number of folders around a durable file that may be new: the folder of the run, the folder
/// of all runs, and its parent.
const FOLDERS: usize = 3;
/// The most earlier targets that are remembered for a tag.
const MOST_EARLIER: usize = 8;
/// The most bytes in the cache.
const LIMIT: u64 = 256 << 20;

/// The document cache of one registry.
#[derive(Debug, Clone)]
pub(super) struct DocumentCache {
    folder: PathBuf,
}

/// The target of a tag at the last reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tagged {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) size: u64,
}

impl DocumentCache {
    /// Creates the cache in a folder, which need not exist.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.join("registry"),
        }
    }

    fn file(&self, digest: Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder
            .join(digest.algorithm())
            .join(hex.get(..2).unwrap_or_default())
            .join(hex)
    }

    /// Reads a document if it exists and matches its digest.
    pub(super) fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        let file = self.file(digest);
        let size = fs::metadata(&file).ok()?.len();
        let bytes = if size <= DOCUMENT_LIMIT {
            fs::read(&file).ok()?
        } else {
            return None;
        };
        if digest.check(&bytes).is_ok() {
            return Some(bytes);
        }
        let _ = fs::remove_file(&file);
        None
    }

    /// Returns whether a document exists, without reading it.
    pub(super) fn has(&self, digest: Digest) -> bool {
        self.file(digest).is_file()
    }

    /// Saves a document. Write errors are ignored: the document is read from the registry again
    /// next time.
    pub(super) fn put(&self, digest: Digest, bytes: &[u8]) {
        if let Err(error) = write(&self.file(digest), bytes, Durability::No) {
            tracing::debug!(%error, "a document is not kept");
        }
    }

    fn tags_file(&self, place: &str) -> PathBuf {
        self.folder
            .join("tags")
            .join(Digest::of(place.as_bytes()).hex())
    }

    /// Returns the last known targets of the tags of a repository.
    pub(super) fn tags(&self, place: &str) -> BTreeMap<String, Tagged> {
        let bytes = fs::read(self.tags_file(place)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Saves the targets of the tags of a repository, and trims the cache.
    pub(super) fn put_tags(&self, place: &str, tags: &BTreeMap<String, Tagged>) {
        self.put_earlier(place, tags);
        put_json(&self.tags_file(place), tags);
        self.trim();
    }

    fn earlier_file(&self, place: &str) -> PathBuf {
        self.folder
            .join("earlier")
            .join(Digest::of(place.as_bytes()).hex())
    }

    /// Returns the earlier targets of the tags of a repository that scans have seen, the newest
    /// first.
    pub(super) fn earlier(&self, place: &str) -> BTreeMap<String, Vec<Tagged>> {
        let bytes = fs::read(self.earlier_file(place)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Saves the targets of tags that now point to other manifests.
    fn put_earlier(&self, place: &str, tags: &BTreeMap<String, Tagged>) {
        let known = self.tags(place);
        let moved: Vec<(&String, &Tagged)> = tags
            .iter()
            .filter_map(|(tag, now)| Some((tag, known.get(tag).filter(|before| *before != now)?)))
            .collect();
        if moved.is_empty() {
            return;
        }
        let mut earlier = self.earlier(place);
        for (tag, before) in moved {
            let targets = earlier.entry(tag.clone()).or_default();
            targets.retain(|target| target.digest != before.digest);
            targets.insert(0, before.clone());
            targets.truncate(MOST_EARLIER);
        }
        put_json(&self.earlier_file(place), &earlier);
    }

    /// Deletes the oldest files until the rest fits the limit.
    fn trim(&self) {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(data) if data.is_dir() => folders.push(entry.path()),
                    Ok(data) => {
                        let time = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                        files.push((time, data.len(), entry.path()));
                    }
                    Err(_) => {}
                }
            }
        }
        let mut bytes: u64 = files.iter().map(|(_, size, _)| size).sum();
        if bytes <= LIMIT {
            return;
        }
        files.sort();
        for (_, size, file) in files {
            if bytes <= LIMIT / 4 * 3 {
                return;
            }
            if fs::remove_file(file).is_ok() {
                bytes = bytes.saturating_sub(size);
            }
        }
    }
}

/// Saves a value as JSON. Write errors are ignored.
fn put_json(file: &Path, value: &impl Serialize) {
    let written = serde_json::to_vec(value).map_err(std::io::Error::from);
    if let Err(error) = written.and_then(|bytes| write(file, &bytes, Durability::No)) {
        tracing::debug!(%error, "the targets of tags are not kept");
    }
}

/// Whether a file must survive a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    Yes,
    No,
}

/// Writes a file atomically, readable only by the user: registries may be private.
pub(super) fn write(file: &Path, bytes: &[u8], durability: Durability) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    let whole = open.write_all(bytes).and_then(|()| {
        if durability == Durability::Yes {
            open.sync_all()
        } else {
            Ok(())
        }
    });
    let written = whole.and_then(|()| fs::rename(&unfinished, file));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    if durability == Durability::Yes {
        // Sync the names of the file and of its folders, which may be new.
        for folder in folder
            .ancestors()
            .take(FOLDERS)
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::File::open(folder)?.sync_all()?;
        }
    }
    Ok(())
}
