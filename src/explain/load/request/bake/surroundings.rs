//! What bake checks and normalizes around the definitions.

use std::collections::HashSet;

use super::super::{BuildRequest, RequestError};
use crate::explain::load::dockerfile::is_remote;
use crate::format::go_path;
use crate::format::tree::yaml;

/// Returns whether a Compose file declares services. A file that cannot be parsed fails later.
pub(super) fn has_services(text: &str) -> bool {
    let Ok(tree) = yaml::parse(text, 0) else {
        return true;
    };
    let root = tree.root();
    root.is_some_and(|root| {
        let keys = ["services", "secrets", "include"];
        keys.iter().any(|key| root.get(key).is_some())
    })
}

/// Checks the links between targets, which may not form a loop.
pub(super) fn check_links(
    name: &str,
    found: &[BuildRequest],
    path: &mut Vec<String>,
    checked: &mut HashSet<String>,
) -> Result<(), RequestError> {
    if path.iter().any(|known| known == name) {
        let reason = format!("the contexts of {name} lead back to it");
        return Err(RequestError::Target(reason));
    }
    let named = |name: &str| {
        let mut requests = found.iter();
        requests.find(|request| request.name.as_deref() == Some(name))
    };
    if checked.contains(name) {
        return Ok(());
    }
    let Some(request) = named(name) else {
        return Ok(());
    };
    path.push(name.to_owned());
    for value in request.build_contexts.values() {
        let Some(linked) = value.strip_prefix("target:") else {
            continue;
        };
        let lacks = |other: &BuildRequest| {
            let mut own = request.platforms.iter();
            let is_several = request.platforms.len() > 1 && other.platforms.len() > 1;
            is_several && own.any(|platform| !other.platforms.contains(platform))
        };
        if named(linked).is_some_and(lacks) {
            let reason = format!("{linked} is not built for all platforms of {name}");
            return Err(RequestError::Target(reason));
        }
        check_links(linked, found, path, checked)?;
    }
    path.pop();
    checked.insert(name.to_owned());
    Ok(())
}

/// The platform of this computer, as bake writes it.
pub(super) fn local_platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "arm" => "arm/v7",
        other => other,
    };
    format!("{os}/{architecture}")
}

/// Shortens a local path as bake does.
pub(super) fn cleaned(context: &str) -> String {
    let local = context.strip_prefix("cwd://");
    if local.is_none() && is_remote(context) {
        return context.to_owned();
    }
    let path = go_path::clean(local.unwrap_or(context).as_bytes());
    String::from_utf8_lossy(&path).into_owned()
}
