//! Who asks: the login that a flag gives, or that `docker login` and `podman login` left behind.

use std::env;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::place;
use crate::backend::{Access, RemoteError, RemoteKind};
use crate::source::Secret;

/// What a registry knows somebody by.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// A user with a password, or with a token in its place.
    Password(String, Secret),
    /// A token that is exchanged for others.
    Identity(Secret),
}

/// Looks for the login of `host`: that of the flags, of `DOCKER_AUTH_CONFIG`, of Docker's configuration and its helpers,
/// of Podman's. None when nobody has logged in there.
///
/// # Errors
/// When a configuration or a helper is there, and fails.
pub(super) async fn find(host: &str, access: &Access) -> Result<Option<Credentials>, RemoteError> {
    if let Some((user, password)) = &access.registry.login {
        return Ok(Some(Credentials::Password(user.clone(), password.clone())));
    }
    let host = host.to_owned();
    let looking = tokio::task::spawn_blocking(move || look(&host));
    looking.await.map_err(|_| RemoteError::new(RemoteKind::Unavailable, "interrupted"))?
}

fn look(host: &str) -> Result<Option<Credentials>, RemoteError> {
    let name = place::login_name(host);
    if let Some(config) = env::var_os("DOCKER_AUTH_CONFIG").filter(|config| !config.is_empty()) {
        let config = config.to_string_lossy().into_owned();
        let found = docker_credential::get_credential_from_reader(config.as_bytes(), name);
        if let Some(found) = outcome(found, "DOCKER_AUTH_CONFIG", host)? {
            return Ok(Some(found));
        }
    }
    if let Some(found) = outcome(docker_credential::get_credential(name), "Docker's configuration", host)? {
        return Ok(Some(found));
    }
    let name = if host == "docker.io" { host } else { name };
    outcome(docker_credential::get_podman_credential(name), "Podman's configuration", host)
}

/// Tells whether any file is there in which a login may stand.
fn is_configured() -> bool {
    let below = |variable: &str, rest: &str| env::var_os(variable).map(|folder| Path::new(&folder).join(rest));
    let files = [
        below("DOCKER_CONFIG", "config.json"),
        below("HOME", ".docker/config.json"),
        env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from),
        below("XDG_RUNTIME_DIR", "containers/auth.json"),
        below("HOME", ".config/containers/auth.json"),
    ];
    files.iter().flatten().any(|file| file.exists())
}

fn outcome(
    found: Result<DockerCredential, CredentialRetrievalError>,
    from: &str,
    host: &str,
) -> Result<Option<Credentials>, RemoteError> {
    let why = match found {
        Ok(DockerCredential::IdentityToken(token)) => return Ok(Some(Credentials::Identity(Secret::new(token)))),
        // A helper that keeps an identity token says so by this name (docker-credential-helpers).
        Ok(DockerCredential::UsernamePassword(user, token)) if user == "<token>" => {
            return Ok(Some(Credentials::Identity(Secret::new(token))));
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            return Ok(Some(Credentials::Password(user, Secret::new(password))));
        }
        Err(CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound) => {
            return Ok(None);
        }
        // The library says so of a file that is not there, too.
        Err(CredentialRetrievalError::ConfigReadError) if !is_configured() => return Ok(None),
        // What a helper says may hold anything, so that only its failure is told.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            return Ok(None);
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            format!("the helper {} failed", crate::format::text::visible(&helper))
        }
        Err(CredentialRetrievalError::HelperCommunicationError) => "its helper cannot be run".to_owned(),
        Err(CredentialRetrievalError::MalformedHelperResponse) => "its helper gave no login".to_owned(),
        Err(CredentialRetrievalError::CredentialDecodingError) => "its login is not in base64".to_owned(),
        Err(CredentialRetrievalError::CredentialMismatchError) => "it holds two logins that differ".to_owned(),
        Err(CredentialRetrievalError::ConfigReadError) => "it cannot be read".to_owned(),
    };
    Err(RemoteError::new(RemoteKind::Unauthorized, format!("the login for {host} cannot be read from {from}"))
        .because(why)
        .hint(format!("run `docker login {host}` again, or give --username and --password-stdin")))
}
