//! Follows paths: resolves the links on the way to each (`followlinks.go` of `tonistiigi/fsutil`).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::format::go_path;

/// The most paths that are followed; no real build has more.
const MAX_PATHS: usize = 100_000;

/// Returns the patterns for `paths`, sorted; `None` if one of them is the whole directory.
///
/// # Errors
/// If a folder on the way cannot be read.
pub(super) fn patterns(root: &Path, paths: &[String]) -> io::Result<Option<Vec<String>>> {
    let mut resolved: BTreeSet<Vec<u8>> = BTreeSet::new();
    for path in paths {
        let mut pending = vec![path.clone().into_bytes()];
        while let Some(path) = pending.pop() {
            if resolved.len() > MAX_PATHS || pending.len() > MAX_PATHS {
                return Err(io::Error::other("the build follows too many paths"));
            }
            // Neither links nor requested paths may lead out of the directory.
            let path = go_path::clean(&[b"/", path.as_slice()].concat());
            let mut targets = one(root, &path, &mut resolved)?;
            targets.reverse();
            pending.extend(targets);
        }
    }
    let sorted: Vec<String> = resolved
        .iter()
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    Ok(without_nested(&sorted))
}

/// Walks along a path up to the first link, and returns the targets of the link.
fn one(root: &Path, path: &[u8], resolved: &mut BTreeSet<Vec<u8>>) -> io::Result<Vec<Vec<u8>>> {
    let parts: Vec<&[u8]> = path
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        resolved.insert(b".".to_vec());
        return Ok(Vec::new());
    }
    let mut current: Vec<u8> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let folder = current.clone();
        if !current.is_empty() {
            current.push(b'/');
        }
        current.extend_from_slice(part);
        let targets = links(root, &folder, part)?;
        let rest = parts[at + 1..].join(&b'/');
        if (rest.is_empty() || targets.is_some()) && !resolved.insert(current.clone()) {
            return Ok(Vec::new());
        }
        if let Some(targets) = targets {
            return Ok(targets
                .into_iter()
                .map(|target| [target.as_slice(), b"/", rest.as_slice()].concat())
                .collect());
        }
    }
    Ok(Vec::new())
}

/// Returns the targets of the links in `folder` whose name is `name`, or matches it; `None` if
/// there are no such links.
fn links(root: &Path, folder: &[u8], name: &[u8]) -> io::Result<Option<Vec<Vec<u8>>>> {
    let real = root.join(OsStr::from_bytes(folder));
    let target = |name: &[u8]| -> io::Result<Option<Vec<u8>>> {
        let path = real.join(OsStr::from_bytes(name));
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let target = fs::read_link(&path)?.into_os_string();
        let target = target.as_bytes();
        Ok(Some(if target.starts_with(b"/") {
            target.to_vec()
        } else {
            [b"/", folder, b"/", target].concat()
        }))
    };
    if !go_path::contains_wildcards(&String::from_utf8_lossy(name)) {
        return Ok(target(name)?.map(|target| vec![target]));
    }
    let mut names = match fs::read_dir(&real) {
        Ok(entries) => {
            let names =
                entries.map(|entry| entry.map(|entry| entry.file_name().as_bytes().to_vec()));
            names.collect::<io::Result<Vec<_>>>()?
        }
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    names.retain(|found| go_path::matches(name, found) == Ok(true));
    names.sort_unstable();
    let targets: Vec<Vec<u8>> = names
        .iter()
        .filter_map(|name| target(name).transpose())
        .collect::<io::Result<_>>()?;
    Ok((!targets.is_empty()).then_some(targets))
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Drops the paths below the previous one of the list. Returns `None` if one is the whole
/// directory.
pub(super) fn without_nested<P: AsRef<str>>(paths: &[P]) -> Option<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    let mut last = "";
    for path in paths.iter().map(AsRef::as_ref) {
        if path == "." {
            return None;
        }
        if !path
            .strip_prefix(last)
            .is_some_and(|rest| rest.starts_with('/'))
        {
            kept.push(path.to_owned());
            last = path;
        }
    }
    Some(kept)
}
