//! The files of a repository, as git sees them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use ignore::WalkBuilder;

use crate::format::unknown::without_marks;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// The most files that are listed.
const MOST_FILES: usize = 1_000_000;

/// A directory whose files are read. Symbolic links are not followed.
pub(super) struct Repository {
    root: PathBuf,
    /// The files that git does not ignore.
    files: BTreeSet<String>,
    /// The file names by number.
    names: RefCell<Vec<String>>,
    numbers: RefCell<HashMap<String, u32>>,
    /// Files that were too large to be read.
    pub(super) too_large: RefCell<Vec<(String, u64)>>,
}

impl Repository {
    /// Lists the files below `root`.
    pub(super) fn open(root: &Path) -> std::io::Result<Self> {
        let root = fs::canonicalize(root)?;
        fs::read_dir(&root)?;
        let in_git = root
            .ancestors()
            .any(|directory| directory.join(".git").exists());
        let mut walk = WalkBuilder::new(&root);
        walk.hidden(false)
            .ignore(false)
            .follow_links(false)
            .require_git(false)
            .parents(in_git)
            .git_global(in_git)
            .filter_entry(|entry| {
                let name = entry.file_name();
                name != ".git" && name != "node_modules"
            });
        let mut files = BTreeSet::new();
        for entry in walk.build().flatten() {
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let Ok(below) = entry.path().strip_prefix(&root) else {
                continue;
            };
            let Some(name) = below.to_str() else { continue };
            if files.len() >= MOST_FILES {
                break;
            }
            files.insert(name.replace('\\', "/"));
        }
        drop_vendored(&mut files);
        Ok(Self {
            root,
            files,
            names: RefCell::default(),
            numbers: RefCell::default(),
            too_large: RefCell::default(),
        })
    }

    /// The names of all files, with `/` between directories.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Whether git sees a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.contains(name)
    }

    /// Reads a file that git sees.
    pub(super) fn read(&self, name: &str) -> Option<Rc<str>> {
        if self.has(name) {
            self.read_any(name)
        } else {
            None
        }
    }

    /// Reads a file even if git ignores it, as tools do with `.env`.
    pub(super) fn read_any(&self, name: &str) -> Option<Rc<str>> {
        let bytes = self.bytes(name)?;
        let text = match from_utf16(&bytes) {
            Some(text) => text,
            None if bytes[..bytes.len().min(1024)].contains(&0) => return None,
            None => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            },
        };
        // Lines keep their numbers without the carriage returns at their ends.
        let text = if text.contains('\r') {
            text.replace("\r\n", "\n")
        } else {
            text
        };
        let text = without_marks(text);
        Some(text.strip_prefix('\u{feff}').unwrap_or(&text).into())
    }

    /// Reads the bytes of a file.
    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name)?;
        let mut file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() {
            return None;
        }
        if metadata.len() > LARGEST {
            let mut large = self.too_large.borrow_mut();
            if !large.iter().any(|(known, _)| known == name) {
                large.push((name.to_owned(), metadata.len()));
            }
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?);
        file.by_ref().take(LARGEST).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Returns the path of a file below the root, with no symbolic link on the way.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let mut path = self.root.clone();
        for component in Path::new(name).components() {
            let Component::Normal(part) = component else {
                return None;
            };
            path.push(part);
            if fs::symlink_metadata(&path).ok()?.file_type().is_symlink() {
                return None;
            }
        }
        Some(path)
    }

    /// Returns the number of a file in locations.
    pub(super) fn number(&self, name: &str) -> u32 {
        if let Some(number) = self.numbers.borrow().get(name) {
            return *number;
        }
        let mut names = self.names.borrow_mut();
        let number = u32::try_from(names.len()).unwrap_or(u32::MAX);
        names.push(name.to_owned());
        self.numbers.borrow_mut().insert(name.to_owned(), number);
        number
    }

    /// Returns the name of a file by its number.
    pub(super) fn name(&self, number: u32) -> String {
        let names = self.names.borrow();
        usize::try_from(number)
            .ok()
            .and_then(|index| names.get(index).cloned())
            .unwrap_or_default()
    }
}

/// Decodes text in UTF-16, as `PowerShell` writes it. Such text begins with a byte order mark.
fn from_utf16(bytes: &[u8]) -> Option<String> {
    let (mark, units) = bytes.split_first_chunk::<2>()?;
    let decode: fn([u8; 2]) -> u16 = match mark {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = units
        .chunks_exact(2)
        .map(|unit| decode([unit[0], unit[1]]))
        .collect();
    Some(String::from_utf16_lossy(&units))
}

/// Removes what Go keeps of other repositories: `vendor`, where it lists the modules there.
fn drop_vendored(files: &mut BTreeSet<String>) {
    let vendored = files.iter().filter_map(|name| {
        let folder = name.strip_suffix("modules.txt")?;
        (folder == "vendor/" || folder.ends_with("/vendor/")).then(|| folder.to_owned())
    });
    let vendored: Vec<String> = vendored.collect();
    files.retain(|name| !vendored.iter().any(|folder| name.starts_with(folder)));
}

/// Returns the directory of a file, without a trailing slash.
pub(super) fn directory(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Joins a directory and a path as written in one of its files. Returns `None` if the path leads
/// outside.
pub(super) fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let from_root = path.starts_with('/');
    if from_root {
        return None;
    }
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
