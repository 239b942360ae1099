//! The flags that say how registries are asked.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use crate::backend::registry::RegistryAccess;
use crate::error::{Exit, Failure};
use crate::source::Secret;

/// How long a password may be, in bytes.
const PASSWORD_LIMIT: u64 = 64 << 10;

/// The flags.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(next_help_heading = "Registries")]
pub(super) struct Flags {
    /// The user to log in as, instead of the login that Docker or Podman keep.
    #[arg(long, global = true, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password, or a token in its place, from standard input.
    #[arg(long, global = true, requires = "username")]
    password_stdin: bool,
    /// Trust the authority in this file, too.
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Show this certificate to registries; needs --client-key.
    #[arg(long, global = true, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The key of that certificate.
    #[arg(long, global = true, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// Speak HTTP without encryption.
    #[arg(long, global = true)]
    plain_http: bool,
    /// Ask for each blob whether it is there, which a registry does not list.
    #[arg(long, global = true)]
    verify_blobs: bool,
    /// Keep no copies of manifests on disk, and use none.
    #[arg(long, global = true)]
    no_cache: bool,
}

impl Flags {
    /// Puts together how registries are asked.
    ///
    /// # Errors
    /// When there is no password where one is announced.
    pub(super) fn access(&self) -> Result<RegistryAccess, Failure> {
        let places = etcetera::choose_base_strategy().ok();
        let (cache, state) = match &places {
            Some(places) => {
                use etcetera::BaseStrategy as _;
                let state = places.state_dir().unwrap_or_else(|| places.data_dir());
                (Some(places.cache_dir().join("cachelens")), Some(state.join("cachelens")))
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
            cache: cache.filter(|_| !self.no_cache),
            dropped: state,
            verify_blobs: self.verify_blobs,
        })
    }
}

fn password() -> Result<Secret, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(Failure::message(Exit::Usage, "--password-stdin reads from a pipe, not from a terminal")
            .hint("for example: cachelens ls … --username me --password-stdin < token.txt"));
    }
    let mut line = String::new();
    let read = input.lock().take(PASSWORD_LIMIT).read_line(&mut line);
    read.map_err(|error| Failure::new(Exit::Usage, &error).on("the password cannot be read"))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Failure::message(Exit::Usage, "--password-stdin: standard input is empty"));
    }
    Ok(Secret::new(password.to_owned()))
}
