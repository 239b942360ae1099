//! Finds the login: from a flag, or from `docker login` and `podman login`.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::login_file::{LoginEntry, LoginFile};
use super::place;
use crate::backend::{Access, RemoteError, RemoteKind, files};
use crate::source::{RegistryLocation, Secret};
use crate::text::escape::visible;

/// The largest file of logins that is read, in bytes.
const FILE_LIMIT: u64 = 4 << 20;
/// The time limit for a credential helper, which may have to ask a person.
const HELPER_PATIENCE: Duration = Duration::from_mins(1);
/// The message of a helper that has no login (`credentials/error.go` in docker-credential-helpers).
const NOT_FOUND: &str = "credentials not found";

/// The login for a registry.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// A user with a password, or with a token instead.
    Password(String, Secret),
    /// A token that is exchanged for others.
    Identity(Secret),
    /// A token that is sent unchanged.
    Bearer(Secret),
}

/// The login that was found.
#[derive(Debug, Default)]
pub(super) struct FoundLogin {
    pub(super) credentials: Option<Credentials>,
    /// Why a login cannot be read. It matters only if the registry requires one.
    pub(super) fault: Option<RemoteError>,
}

/// Finds the login for a repository: in the flags, in `DOCKER_AUTH_CONFIG`, in Docker's
/// configuration with its helpers, or in Podman's.
pub(super) async fn find(location: &RegistryLocation, access: &Access) -> FoundLogin {
    if let Some((user, password)) = &access.registry.login {
        let credentials = Credentials::Password(user.clone(), password.clone());
        return FoundLogin {
            credentials: Some(credentials),
            fault: None,
        };
    }
    let location = location.clone();
    let looking = files::blocking(move || look(&location));
    // Do not wait longer for a helper that hangs.
    if let Ok(found) = tokio::time::timeout(HELPER_PATIENCE, looking).await {
        return found.unwrap_or_default();
    }
    let fault = RemoteError::new(RemoteKind::Unauthorized, "the login cannot be read");
    FoundLogin {
        credentials: None,
        fault: Some(fault.because("its helper does not answer")),
    }
}

fn look(location: &RegistryLocation) -> FoundLogin {
    let mut found = FoundLogin::default();
    for (from, place) in places() {
        let bytes = match place {
            LoginPlace::Text(text) => text.into_bytes(),
            // A symbolic link is allowed, because people keep such files in version control.
            LoginPlace::File(path) => match read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    found.fault.get_or_insert_with(|| {
                        unreadable(&location.host, &from, &error.to_string())
                    });
                    continue;
                }
            },
        };
        match in_file(&bytes, location) {
            Ok(Some(credentials)) => {
                return FoundLogin {
                    credentials: Some(credentials),
                    fault: None,
                };
            }
            Ok(None) => {}
            Err(why) => {
                found
                    .fault
                    .get_or_insert_with(|| unreadable(&location.host, &from, &why));
            }
        }
    }
    found
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > FILE_LIMIT {
        return Err(io::Error::other("it is no file of a few kilobytes"));
    }
    fs::read(path)
}

enum LoginPlace {
    Text(String),
    File(PathBuf),
}

/// Returns the places of logins, with their names, in the order in which they are searched.
fn places() -> Vec<(String, LoginPlace)> {
    let mut places = Vec::new();
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(text) = set("DOCKER_AUTH_CONFIG") {
        places.push((
            "DOCKER_AUTH_CONFIG".to_owned(),
            LoginPlace::Text(text.to_string_lossy().into_owned()),
        ));
    }
    let below =
        |folder: &str, rest: &str| set(folder).map(|folder| PathBuf::from(folder).join(rest));
    let files = [
        below("DOCKER_CONFIG", "config.json").or_else(|| below("HOME", ".docker/config.json")),
        set("REGISTRY_AUTH_FILE").map(PathBuf::from),
        below("XDG_RUNTIME_DIR", "containers/auth.json"),
        below("XDG_CONFIG_HOME", "containers/auth.json")
            .or_else(|| below("HOME", ".config/containers/auth.json")),
    ];
    places.extend(
        files
            .into_iter()
            .flatten()
            .map(|path| (files::show(&path), LoginPlace::File(path))),
    );
    places
}

/// Finds the login in a file in Docker's format, and runs its helper if it specifies one.
fn in_file(bytes: &[u8], location: &RegistryLocation) -> Result<Option<Credentials>, String> {
    let file = LoginFile::parse(bytes)?;
    let host = place::login_name(&location.host);
    if let Some(helper) = file.helper(&location.host)
        && let Some(credentials) = ask(helper, host)?
    {
        return Ok(Some(credentials));
    }
    let entry = file.entry(&location.host, &location.repository);
    entry.map_or(Ok(None), LoginEntry::credentials)
}

/// Runs a helper (`docker-credential-NAME get`); `None` if it has no login.
fn ask(helper: &str, host: &str) -> Result<Option<Credentials>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        username: String,
        secret: String,
    }
    let shown = visible(helper).into_owned();
    if helper.contains('/') {
        return Err(format!("`{shown}` is no name of a helper"));
    }
    let program = format!("docker-credential-{helper}");
    let started = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started
        .map_err(|error| format!("its helper docker-credential-{shown} cannot be run: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input fails, and that failure is reported.
        let _ = writeln!(input, "{host}");
    }
    let output = child
        .wait_with_output()
        .map_err(|error| format!("its helper docker-credential-{shown} failed: {error}"))?;
    if !output.status.success() {
        // The output of a helper may contain secrets, so only the failure is reported.
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_absent = said.contains(NOT_FOUND);
        return if is_absent {
            Ok(None)
        } else {
            Err(format!("its helper docker-credential-{shown} failed"))
        };
    }
    let said: Said = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("its helper docker-credential-{shown} gave no login"))?;
    let secret = Secret::new(said.secret);
    // A helper marks an identity token with this user name (docker-credential-helpers).
    Ok(Some(match said.username.as_str() {
        "<token>" => Credentials::Identity(secret),
        _ => Credentials::Password(said.username, secret),
    }))
}

fn unreadable(host: &str, from: &str, why: &str) -> RemoteError {
    RemoteError::new(
        RemoteKind::Unauthorized,
        format!("the login for {host} cannot be read from {from}"),
    )
    .because(why)
    .hint(format!(
        "run `docker login {host}` again, or give --username and --password-stdin"
    ))
}
