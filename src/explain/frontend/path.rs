//! Paths of containers, by the rules of the system of a stage (`util/system/path.go`).

use crate::format::go_path;
use crate::format::go_text;

/// Returns the shortest equivalent path: `path.Clean`.
pub(super) fn clean(path: &str) -> String {
    String::from_utf8_lossy(&go_path::clean(path.as_bytes())).into_owned()
}

/// Joins paths and cleans the result: `path.Join`.
pub(super) fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        clean(&parts.join("/"))
    }
}

/// Returns the last part of a path: `path.Base`.
pub(super) fn base(path: &str) -> String {
    String::from_utf8_lossy(go_path::base(path.as_bytes())).into_owned()
}

/// Returns a path with slashes.
pub(super) fn to_slash(path: &str, os: &str) -> String {
    if os == "windows" {
        path.replace('\\', "/")
    } else {
        path.to_owned()
    }
}

/// Returns a path with the separators of a system.
pub(super) fn from_slash(path: &str, os: &str) -> String {
    if os == "windows" {
        path.replace('/', "\\")
    } else {
        path.to_owned()
    }
}

/// Removes the drive of a Windows path, which must be `C:`.
pub(super) fn without_drive(path: &str, os: &str, keep_slash: bool) -> Result<String, String> {
    if os != "windows" {
        return Ok(path.to_owned());
    }
    if path.len() == 2 && path.ends_with(':') {
        return Err(format!(
            "No relative path specified in {}",
            go_text::quote(path)
        ));
    }
    if path
        .get(..2)
        .is_some_and(|start| to_slash(start, os) == "//")
    {
        return Err("UNC paths are not supported".to_owned());
    }
    let rest = match path.split_once(':') {
        None => path,
        Some((drive, rest)) if go_text::equal_fold(drive, "c") => rest,
        Some(_) => return Err("The specified path is not on the system drive (C:)".to_owned()),
    };
    let slashed = to_slash(rest, os);
    let mut cleaned = clean(&slashed);
    if keep_slash && cleaned.len() > 1 && slashed.ends_with('/') {
        cleaned.push('/');
    }
    Ok(cleaned)
}

/// Returns whether a path is absolute.
pub(super) fn is_absolute(path: &str, os: &str) -> bool {
    without_drive(path, os, false).is_ok_and(|path| to_slash(&path, os).starts_with('/'))
}

/// Makes a relative path absolute, below `parent`. An absolute one is not cleaned.
pub(super) fn normalize(
    parent: &str,
    path: &str,
    os: &str,
    keep_slash: bool,
) -> Result<String, String> {
    let removing = |error: String| format!("removing drive letter: {error}");
    let original = to_slash(path, os);
    let parent = if parent.is_empty() {
        "/".to_owned()
    } else {
        to_slash(parent, os)
    };
    let mut parent = without_drive(&parent, os, keep_slash).map_err(removing)?;
    if !is_absolute(&parent, os) {
        parent = join(&["/", &parent]);
    }
    let new = if original.is_empty() {
        &parent
    } else {
        &original
    };
    let mut new = without_drive(new, os, keep_slash).map_err(removing)?;
    if !is_absolute(&new, os) {
        new = join(&[&parent, &new]);
    }
    if keep_slash {
        if original.ends_with('/') && !new.ends_with('/') {
            new.push('/');
        } else if original.ends_with("/.") {
            if new != "/" {
                new.push('/');
            }
            new.push('.');
        }
    }
    Ok(to_slash(&new, os))
}

/// Makes the path of a file operation absolute and clean; `keep_slash` keeps `/` or `/.` at the
/// end.
pub(super) fn of_operation(parent: &str, path: &str, keep_slash: bool) -> String {
    let mut cleaned = clean(path);
    if !cleaned.starts_with('/') {
        cleaned = join(&["/", parent, &cleaned]);
    }
    if keep_slash {
        if path.ends_with('/') && !cleaned.ends_with('/') {
            cleaned.push('/');
        } else if path.ends_with("/.") {
            if cleaned != "/" {
                cleaned.push('/');
            }
            cleaned.push('.');
        }
    }
    cleaned
}

/// Returns whether a path has wildcards.
pub(super) fn has_wildcards(path: &str) -> bool {
    go_path::contains_wildcards(path)
}
