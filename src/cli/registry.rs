//! The flags that control access to registries.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use crate::backend::registry::RegistryAccess;
use crate::error::{Exit, Failure};
use crate::source::Secret;

/// The maximum length of a password in bytes.
const PASSWORD_LIMIT: u64 = 64 << 10;

/// The flags.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(next_help_heading = "Registries")]
pub(super) struct RegistryFlags {
    /// Log in as this user instead of with the login of Docker or Podman.
    #[arg(long, global = true, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password or token from standard input.
    #[arg(long, global = true, requires = "username")]
    password_stdin: bool,
    /// Also trust the certificate authority in this file.
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The client certificate for registries; needs --client-key.
    #[arg(long, global = true, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The key of the client certificate.
    #[arg(long, global = true, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// Use HTTP without TLS.
    #[arg(long, global = true)]
    plain_http: bool,
    /// Check that each referenced blob exists, with one request per blob.
    #[arg(long, global = true)]
    verify_blobs: bool,
    /// Neither write nor read copies of manifests on disk.
    #[arg(long, global = true)]
    no_disk_cache: bool,
}

impl RegistryFlags {
    /// Enables `--verify-blobs`.
    pub(super) fn asking_for_each_blob(self) -> Self {
        Self {
            verify_blobs: true,
            ..self
        }
    }

    /// Builds the access settings for registries.
    ///
    /// # Errors
    /// Fails if a password is announced but missing.
    pub(super) fn access(&self) -> Result<RegistryAccess, Failure> {
        let places = etcetera::choose_base_strategy().ok();
        let (cache, state) = match &places {
            Some(places) => {
                use etcetera::BaseStrategy as _;
                let state = places.state_dir().unwrap_or_else(|| places.data_dir());
                (
                    Some(places.cache_dir().join("cachelens")),
                    Some(state.join("cachelens")),
                )
            }
            None => (None, None),
        };
        let login = match &self.username {
            Some(username) => Some((username.clone(), password()?)),
            None => None,
        };
        Ok(RegistryAccess {
            login,
            ca: self.ca.clone(),
            client_certificate: self.client_cert.clone().zip(self.client_key.clone()),
            plain_http: self.plain_http,
            cache: cache.filter(|_| !self.no_disk_cache),
            dropped: state,
            verify_blobs: self.verify_blobs,
        })
    }
}

fn password() -> Result<Secret, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(Failure::message(
            Exit::Usage,
            "--password-stdin reads from a pipe, not from a terminal",
        )
        .hint("for example: cachelens ls … --username me --password-stdin < token.txt"));
    }
    let mut line = String::new();
    let read = input.lock().take(PASSWORD_LIMIT).read_line(&mut line);
    read.map_err(|error| Failure::new(Exit::Usage, &error).on("the password cannot be read"))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Failure::message(
            Exit::Usage,
            "--password-stdin: standard input is empty",
        ));
    }
    Ok(Secret::new(password.to_owned()))
}
