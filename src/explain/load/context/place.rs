//! Finds the current path of a build's Dockerfile.
//!
//! Its ignore file decides about the content of a context, so another file of that name must not be
//! used. Provenance of `buildctl` names the file without its directory.

use std::path::{Path, PathBuf};

use super::Directories;
use crate::format::provenance::Build;

/// How many directory levels below the context are searched.
const DEPTH: usize = 6;
/// The most directories that are searched.
const MOST_DIRECTORIES: usize = 5_000;
/// The most directory entries that are read.
const MOST_ENTRIES: usize = 100_000;

/// Finds the Dockerfile of a build: in the directory that the user or the build names, else by its
/// name and text below the context. Returns `None` if all files with that name have another text.
pub fn dockerfile(build: &Build, main: &Path, directories: &Directories) -> Option<PathBuf> {
    let name = name(build);
    if let Some(directory) = directories.named.get("dockerfile") {
        return Some(directory.join(name)).filter(|path| path.is_file());
    }
    if let Some(directory) = &build.request.directory {
        let path = main.join(directory).join(name);
        if path.is_file() {
            return Some(path);
        }
    }
    let in_context = main.join(name);
    let source = build.main_source();
    let Some(text) = source.and_then(|source| source.text.as_deref()) else {
        return Some(in_context).filter(|path| path.is_file());
    };
    if has_text(&in_context, text) {
        return Some(in_context);
    }
    // A path includes the directory; a bare name does not.
    if name.contains('/') {
        return Some(in_context).filter(|path| path.is_file());
    }
    search(main, name, text).or_else(|| Some(in_context).filter(|path| path.is_file()))
}

/// Returns whether a context holds the Dockerfile of a build with this text.
pub fn has_dockerfile(build: &Build, main: &Path, text: &str) -> bool {
    let found = dockerfile(build, main, &Directories::default());
    found.is_some_and(|path| has_text(&path, text))
}

/// Returns the name of a build's Dockerfile.
fn name(build: &Build) -> &str {
    let named = [&build.request.path]
        .into_iter()
        .chain(build.sources.first().map(|source| &source.name));
    named
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or("Dockerfile", String::as_str)
}

/// Returns whether a file exists and holds a text.
fn has_text(path: &Path, text: &str) -> bool {
    match std::fs::metadata(path) {
        // A special file may never end.
        Ok(found) if found.is_file() && found.len() == text.len() as u64 => {
            std::fs::read(path).is_ok_and(|found| found == text.as_bytes())
        }
        _ => false,
    }
}

/// Searches directories for a file of that name and text, without following links. The nearest one
/// counts; of equally near ones, the first by name that has its own ignore file.
fn search(main: &Path, name: &str, text: &str) -> Option<PathBuf> {
    let mut level = vec![main.to_owned()];
    let mut searched = 0;
    let mut seen = 0;
    for _ in 0..DEPTH {
        let mut found = Vec::new();
        let mut next = Vec::new();
        for directory in level {
            searched += 1;
            if searched > MOST_DIRECTORIES {
                return None;
            }
            let Ok(entries) = std::fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                seen += 1;
                if seen > MOST_ENTRIES {
                    return None;
                }
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_directory && entry.file_name() != ".git" {
                    next.push(entry.path());
                }
            }
            let path = directory.join(name);
            if has_text(&path, text) {
                found.push(path);
            }
        }
        found.sort();
        let has_own_ignore = |path: &&PathBuf| {
            let mut own = path.as_os_str().to_owned();
            own.push(".dockerignore");
            Path::new(&own).is_file()
        };
        if let Some(path) = found.iter().find(has_own_ignore).or(found.first()) {
            return Some(path.clone());
        }
        next.sort();
        level = next;
    }
    None
}
