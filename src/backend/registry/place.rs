//! Where a registry is asked: Docker's rules about hosts, made into addresses.

use reqwest::Url;

use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::RegistryLocation;

/// The host that answers for Docker Hub (`registry/config.go` in moby).
const HUB: &str = "registry-1.docker.io";
/// The name under which logins for Docker Hub are kept.
const HUB_LOGIN: &str = "https://index.docker.io/v1/";

/// Returns whether a host is this machine, where registries usually speak plain HTTP.
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

/// Returns the name by which a login for `host` is looked up.
pub(super) fn login_name(host: &str) -> &str {
    if host == "docker.io" { HUB_LOGIN } else { host }
}

/// Returns the addresses under which a registry may answer, the likeliest first.
///
/// # Errors
/// When its name makes no address.
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
    fn this_machine_is_told_from_others() {
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
