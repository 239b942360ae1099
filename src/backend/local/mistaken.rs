//! Directories and files that people mistake for a cache, and the right names.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{BLOBS, INDEX, INGEST, MARKER, show};

/// The maximum number of caches that a hint names.
const MOST_NAMED: usize = 5;
/// The maximum number of entries of a folder that are examined.
const MOST_ENTRIES: usize = 1000;
/// Where a distribution registry keeps its content below its `rootdirectory`.
const REGISTRY: &str = "docker/registry/v2";

/// Returns the name to use instead of `place`, if it is known.
pub(super) fn hint(place: &Path) -> Option<String> {
    if place.is_file() {
        return archive(place);
    }
    registry(place)
        .or_else(|| folder(place))
        .or_else(|| content_store(place))
}

fn archive(file: &Path) -> Option<String> {
    let mut head = Vec::new();
    let opened = fs::File::open(file).ok()?;
    opened.take(512).read_to_end(&mut head).ok()?;
    let is_tar = head.get(257..262) == Some(b"ustar");
    let is_packed = head.starts_with(b"\x1f\x8b") || head.starts_with(b"\x28\xb5\x2f\xfd");
    (is_tar || is_packed).then(|| {
        format!(
            "it is an archive: unpack it, as in `mkdir cache && tar -xf {} -C cache`, and name that directory",
            show(file)
        )
    })
}

fn registry(dir: &Path) -> Option<String> {
    let is_store = |root: &Path| root.join(REGISTRY).join("repositories").is_dir();
    let above = dir.ancestors().take(4);
    let below = entries(dir);
    let mut roots = above.map(Path::to_path_buf).chain(below);
    let root = roots.find(|root| is_store(root))?;
    let root = if root.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        root
    };
    Some(format!(
        "it is the storage of a registry: name it as `registry-dir:{}`",
        show(&root)
    ))
}

/// Names the caches in a folder, one or two levels below it.
fn folder(dir: &Path) -> Option<String> {
    let is_layout = |dir: &PathBuf| dir.join(MARKER).is_file() || dir.join(INDEX).is_file();
    let below = entries(dir);
    let mut found: Vec<PathBuf> = below.iter().filter(|dir| is_layout(dir)).cloned().collect();
    if found.is_empty() {
        let deeper = below.iter().flat_map(|dir| entries(dir));
        found = deeper.take(MOST_ENTRIES).filter(is_layout).collect();
    }
    if found.is_empty() {
        return None;
    }
    let named: Vec<String> = found
        .iter()
        .take(MOST_NAMED)
        .map(|dir| format!("`{}`", show(dir)))
        .collect();
    let more = match found.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "it holds caches; name one or several of them: {}{more}",
        named.join(", ")
    ))
}

fn content_store(dir: &Path) -> Option<String> {
    let is_store =
        dir.join(BLOBS).is_dir() && dir.join(INGEST).is_dir() && !dir.join(MARKER).exists();
    is_store.then(|| {
        "it looks like a content store of containerd, which has no index.json: name the directory of \
         `--cache-to type=local,dest=…`"
            .to_owned()
    })
}

/// Returns the folders in a folder, in the order of their names.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .take(MOST_ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
}
