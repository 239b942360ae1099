//! The addresses of registries, by Docker's rules about hosts.

use reqwest::Url;

use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::RegistryLocation;

/// The host that serves Docker Hub (`registry/config.go` in moby).
const HUB: &str = "registry-1.docker.io";
/// The key under which logins for Docker Hub are stored.
const HUB_LOGIN: &str = "https://index.docker.io/v1/";

/// Returns whether a host is this machine, where registries usually use plain HTTP.
pub(super) fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Returns the key under which a login for `host` is stored.
pub(super) fn login_name(host: &str) -> &str {
    if host == "docker.io" { HUB_LOGIN } else { host }
}

/// Returns the possible addresses of a registry, the likeliest first.
///
/// # Errors
/// Fails if the name of the registry is not a valid address.
pub(super) fn candidates(
    location: &RegistryLocation,
    access: &Access,
) -> Result<Vec<Url>, RemoteError> {
    let host = if location.host == "docker.io" {
        HUB
    } else {
        &location.host
    };
    let schemes: &[&str] = match () {
        () if access.registry.plain_http => &["http"],
        () if is_local(host) && access.registry.ca.is_none() => &["http", "https"],
        () if location.insecure || is_local(host) => &["https", "http"],
        () => &["https"],
    };
    let address = |scheme: &&str| Url::parse(&format!("{scheme}://{host}/")).ok();
    let candidates: Vec<Url> = schemes.iter().filter_map(address).collect();
    if candidates.is_empty() {
        return Err(RemoteError::new(
            RemoteKind::NotFound,
            format!("{host} is no name of a registry"),
        ));
    }
    Ok(candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts_are_recognized() {
        for local in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.1.2.3",
            "[::1]:5000",
        ] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "ghcr.io",
            "localhost.example.com:5000",
            "10.0.0.1:5000",
            "[2001:db8::1]",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }
}
