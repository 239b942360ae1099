//! A private certificate authority for tests. `openssl` does the work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// An authority and its files.
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// Creates an authority, a certificate for 127.0.0.1, and a client certificate.
    pub fn new(folder: &Path) -> Self {
        let authority = Self {
            folder: folder.to_owned(),
        };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=an authority",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        for (name, extension) in [
            ("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            ("client", "extendedKeyUsage=clientAuth"),
        ] {
            let (key, request, pem) = (
                format!("{name}.key"),
                format!("{name}.csr"),
                format!("{name}.pem"),
            );
            let subject = format!("/CN={name}");
            authority.openssl(&[
                "req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out",
                &request,
            ]);
            fs::write(authority.file("extensions"), format!("{extension}\n")).unwrap();
            authority.openssl(&[
                "x509",
                "-req",
                "-in",
                &request,
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-days",
                "2",
                "-extfile",
                "extensions",
                "-out",
                &pem,
            ]);
        }
        authority
    }

    /// Returns the path of one of its files: `ca.pem`, `server.pem`, `server.key`, `client.pem`,
    /// `client.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns its own certificate.
    pub fn pem(&self) -> Vec<u8> {
        fs::read(self.file("ca.pem")).unwrap()
    }

    /// Returns the TLS configuration for a server in this process.
    pub fn server(&self) -> Arc<ServerConfig> {
        let certificate = CertificateDer::from_pem_file(self.file("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        Arc::new(
            config
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap(),
        )
    }

    /// Signs bytes with its key (RSA, SHA-256).
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        fs::write(self.file("unsigned"), bytes).unwrap();
        self.openssl(&[
            "dgst", "-sha256", "-sign", "ca.key", "-out", "signed", "unsigned",
        ]);
        fs::read(self.file("signed")).unwrap()
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        command
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("openssl: {error}; install Debian's package openssl"));
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
