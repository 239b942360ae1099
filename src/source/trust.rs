//! The trust in a source: whether the user named it or it was found in a file.

use std::path::Path;

use super::{Source, SourceLocation};

/// The trust in a source.
///
/// The command line, `--config FILE`, the user's own configuration directory and the user of the
/// terminal UI name sources. A `cachelens.toml` in a checkout, a bake, Compose or CI file, a build
/// record and a plan from elsewhere are found: the author of the file chose their location. The
/// value travels with the source to the code that opens it, which decides about requests and their
/// credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Trust {
    /// The user named it.
    #[default]
    Named,
    /// It was found, and must not be contacted.
    Found,
    /// It was found, and may be contacted: it is inside the checkout, or the user opened its host
    /// from there. It still does not choose where credentials are sent.
    Consented,
}

impl Source {
    /// Returns the same source with another trust.
    #[must_use]
    pub fn with_trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Returns whether it may be contacted. A cache service that a file names is contacted only
    /// with the token in the same source: the service has no public part, and the token of a job
    /// must not be sent to it.
    pub fn may_be_contacted(&self) -> bool {
        let borrows_token = match &self.location {
            SourceLocation::Gha(gha) => {
                gha.token.is_none() && (gha.url.is_some() || gha.url_v2.is_some())
            }
            _ => false,
        };
        match self.trust {
            Trust::Named => true,
            Trust::Found => false,
            Trust::Consented => !borrows_token,
        }
    }

    /// Returns the directory that it reads; `None` for a service and for the demo.
    pub fn directory(&self) -> Option<&Path> {
        match &self.location {
            SourceLocation::Local(local) | SourceLocation::RegistryDir(local) => Some(&local.dir),
            _ => None,
        }
    }

    /// Returns the host that it contacts, which is the key of the consent; `None` for a directory
    /// and for the demo. A source without a host uses the default of the service.
    pub fn host(&self) -> Option<String> {
        let authority = |address: &str| {
            let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            rest[..end].to_ascii_lowercase()
        };
        match &self.location {
            SourceLocation::Registry(registry) => Some(registry.host.to_ascii_lowercase()),
            SourceLocation::S3(s3) => Some(
                s3.endpoint_url
                    .as_deref()
                    .map_or_else(|| "amazonaws.com".to_owned(), authority),
            ),
            SourceLocation::Gha(gha) => {
                let address = gha.url_v2.as_deref().or(gha.url.as_deref());
                Some(address.map_or_else(|| "github.com".to_owned(), authority))
            }
            SourceLocation::Local(_) | SourceLocation::RegistryDir(_) | SourceLocation::Demo => {
                None
            }
        }
    }

    /// Returns a found source without the settings that would let it choose where credentials are
    /// sent. A service of its own is contacted with the keys in the source or with none, and a
    /// registry only over an encrypted connection.
    #[must_use]
    pub fn without_borrowed_credentials(mut self) -> Self {
        if self.trust == Trust::Named {
            return self;
        }
        match &mut self.location {
            SourceLocation::S3(s3) => {
                let has_keys = s3.access_key_id.is_some() && s3.secret_access_key.is_some();
                s3.no_sign_request |= s3.endpoint_url.is_some() && !has_keys;
            }
            SourceLocation::Registry(registry) => registry.insecure = false,
            SourceLocation::Gha(_)
            | SourceLocation::Local(_)
            | SourceLocation::RegistryDir(_)
            | SourceLocation::Demo => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Source {
        let parsed = Source::parse(text, &|_| false).unwrap();
        parsed.source.with_trust(Trust::Consented)
    }

    #[test]
    fn a_found_source_borrows_no_credentials() {
        let borrows = |source: &Source| match &source.location {
            SourceLocation::S3(s3) => !s3.no_sign_request,
            _ => unreachable!(),
        };
        for (text, expected) in [
            ("s3://b", true),
            ("s3://b?endpoint_url=https://evil.example", false),
            (
                "s3://b?endpoint_url=https://evil.example&access_key_id=a",
                false,
            ),
            (
                "s3://b?endpoint_url=https://e&access_key_id=a&secret_access_key=b",
                true,
            ),
        ] {
            let source = found(text).without_borrowed_credentials();
            assert_eq!(borrows(&source), expected, "{text}");
            assert!(borrows(&found(text).with_trust(Trust::Named)), "{text}");
        }
        let insecure = found("type=registry,ref=r.example/a,registry.insecure=true");
        let SourceLocation::Registry(registry) = insecure.without_borrowed_credentials().location
        else {
            unreachable!()
        };
        assert!(!registry.insecure);
        let gha = found("type=gha,repository=a/b,url=https://evil.example");
        assert_eq!(gha.host().as_deref(), Some("evil.example"));
        assert!(!gha.may_be_contacted());
        assert!(gha.with_trust(Trust::Named).may_be_contacted());
        assert!(found("type=gha,repository=a/b,url=https://e,token=t").may_be_contacted());
    }

    #[test]
    fn consent_is_kept_by_host() {
        for (text, host) in [
            ("ghcr.io/acme/app", Some("ghcr.io")),
            ("s3://b", Some("amazonaws.com")),
            (
                "s3://b?endpoint_url=http://Minio.local:9000/x",
                Some("minio.local:9000"),
            ),
            ("gha:a/b", Some("github.com")),
            ("./cache", None),
            ("demo", None),
        ] {
            assert_eq!(found(text).host().as_deref(), host, "{text}");
        }
    }
}
