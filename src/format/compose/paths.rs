//! Paths of Compose files, relative to the project directory.

/// Returns the directory of a file; empty for a bare name.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => "",
    }
}

/// Joins paths and resolves `.` and `..` where possible. Returns an absolute `path` as it is.
pub(super) fn joined(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let absolute = directory.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if absolute {
        format!("/{joined}")
    } else {
        joined
    }
}

/// Moves a context of a file in `directory` to the project directory. Addresses stay.
pub(super) fn moved(directory: &str, context: &str) -> String {
    if is_remote(context) || context.is_empty() || context.starts_with(['/', '~']) {
        return context.to_owned();
    }
    match joined(directory, context) {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// Whether a context is an address, and no path.
///
/// The prefixes are those of compose-go (`paths/context.go`).
pub(super) fn is_remote(context: &str) -> bool {
    let prefixes = ["github.com/", "git@", "service:"];
    context.contains("://") || prefixes.iter().any(|prefix| context.starts_with(prefix))
}

/// Returns `to` as seen from `from`.
pub(super) fn relative(from: &str, to: &str) -> String {
    if to.starts_with('/') != from.starts_with('/') {
        return to.to_owned();
    }
    let parts = |path: &'_ str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        parts.map(str::to_owned).collect()
    };
    let from = parts(from);
    let to = parts(to);
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec!["..".to_owned(); from.len() - common];
    parts.extend_from_slice(&to[common..]);
    parts.join("/")
}
