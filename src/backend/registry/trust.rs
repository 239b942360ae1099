//! The certificates for registries with their own authority or client certificates.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, Identity};

use crate::backend::{Access, RemoteError, RemoteKind};

/// The certificates for one registry.
#[derive(Default)]
pub(super) struct RegistryTrust {
    /// Certificate authorities in addition to those of the system.
    pub(super) roots: Vec<Certificate>,
    /// The same authorities in PEM, one by one.
    pub(super) pem: Vec<Vec<u8>>,
    /// The client certificate.
    pub(super) identity: Option<Identity>,
}

impl RegistryTrust {
    fn add_authorities(&mut self, file: &Path) -> Result<(), RemoteError> {
        let bytes = std::fs::read(file).map_err(|error| unusable(file, &error))?;
        let found = Certificate::from_pem_bundle(&bytes).map_err(|error| unusable(file, &error))?;
        if found.is_empty() {
            return Err(unusable(file, &"it holds no certificate in PEM"));
        }
        self.roots.extend(found);
        self.pem.extend(one_by_one(&bytes));
        Ok(())
    }
}

/// Splits a PEM bundle into single certificates.
fn one_by_one(bundle: &[u8]) -> Vec<Vec<u8>> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(bundle);
    let parts = text.split_inclusive(END);
    let whole = parts.filter(|part| part.ends_with(END));
    whole.map(|part| part.as_bytes().to_vec()).collect()
}

/// Collects the certificates of flags, and those in Docker's certificate folder: `*.crt` are
/// authorities, a `*.cert` with its `*.key` is a client certificate (`registry/registry.go` in
/// moby).
///
/// # Errors
/// Fails if an existing file cannot be used.
pub(super) fn find(host: &str, access: &Access) -> Result<RegistryTrust, RemoteError> {
    let mut trust = RegistryTrust::default();
    for folder in folders(host) {
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        files.sort();
        for file in files {
            match file.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => trust.add_authorities(&file)?,
                Some("cert") if trust.identity.is_none() => {
                    trust.identity = Some(identity(&file, &file.with_extension("key"))?);
                }
                _ => {}
            }
        }
    }
    if let Some(file) = &access.registry.ca {
        trust.add_authorities(file)?;
    }
    if let Some((certificate, key)) = &access.registry.client_certificate {
        trust.identity = Some(identity(certificate, key)?);
    }
    Ok(trust)
}

fn folders(host: &str) -> Vec<PathBuf> {
    let of_user = std::env::var_os("HOME")
        .map(|home| Path::new(&home).join(".config/docker/certs.d").join(host));
    [
        Path::new("/etc/docker/certs.d").join(host),
        Path::new("/etc/containers/certs.d").join(host),
    ]
    .into_iter()
    .chain(of_user)
    .collect()
}

fn identity(certificate: &Path, key: &Path) -> Result<Identity, RemoteError> {
    let mut pem = std::fs::read(certificate).map_err(|error| unusable(certificate, &error))?;
    pem.push(b'\n');
    pem.extend(std::fs::read(key).map_err(|error| unusable(key, &error))?);
    Identity::from_pem(&pem).map_err(|error| unusable(certificate, &error))
}

fn unusable(file: &Path, why: &dyn std::fmt::Display) -> RemoteError {
    let file = crate::text::escape::visible(&file.to_string_lossy()).into_owned();
    RemoteError::new(
        RemoteKind::Unavailable,
        format!("{file} cannot be used as a certificate"),
    )
    .because(why.to_string())
}
