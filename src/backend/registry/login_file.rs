//! The files in which Docker and Podman store logins: `config.json`, `auth.json`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::credentials::Credentials;
use super::place;
use crate::source::Secret;

/// The parts of the file about logins.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LoginFile {
    auths: HashMap<String, LoginEntry>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

/// The login for one place.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct LoginEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl LoginFile {
    /// Parses a file. The error describes the fault without quoting the file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let wrong =
            |error: serde_json::Error| format!("it is no configuration (line {})", error.line());
        serde_json::from_slice(bytes).map_err(wrong)
    }

    /// Returns the helper for the logins of a registry.
    pub(super) fn helper(&self, host: &str) -> Option<&str> {
        let of_host = self
            .cred_helpers
            .get(place::login_name(host))
            .or_else(|| self.cred_helpers.get(host));
        of_host
            .or(self.creds_store.as_ref())
            .map(String::as_str)
            .filter(|helper| !helper.is_empty())
    }

    /// Returns the login for a repository. Podman stores some logins for a part of a registry
    /// (`host/path`); the longest match wins. Old files contain addresses instead of hosts.
    pub(super) fn entry(&self, host: &str, repository: &str) -> Option<&LoginEntry> {
        let whole = format!("{host}/{repository}");
        let parts = whole
            .match_indices('/')
            .map(|(end, _)| &whole[..end])
            .chain([whole.as_str()]);
        let of_part = parts
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .find_map(|part| self.auths.get(part));
        let by_host = || {
            self.auths
                .iter()
                .find(|(key, _)| host_of(key) == host)
                .map(|(_, entry)| entry)
        };
        of_part
            .or_else(|| self.auths.get(place::login_name(host)))
            .or_else(by_host)
    }
}

/// Returns the host in a key that may be an address (`registry/auth.go` in moby).
fn host_of(key: &str) -> &str {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    rest.map_or("", |rest| rest.split('/').next().unwrap_or_default())
}

impl LoginEntry {
    /// Returns the login of an entry; `None` if it only says that a helper has the login.
    ///
    /// # Errors
    /// Fails if the entry is not a login.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>, String> {
        let secret = |text: &str| Secret::new(text.to_owned());
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credentials::Identity(secret(&self.identitytoken))));
        }
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credentials::Bearer(secret(&self.registrytoken))));
        }
        if self.auth.is_empty() {
            let given = !self.username.is_empty() && !self.password.is_empty();
            return Ok(
                given.then(|| Credentials::Password(self.username.clone(), secret(&self.password)))
            );
        }
        let decoded = STANDARD
            .decode(self.auth.trim())
            .map_err(|_| "its login is not in base64".to_owned())?;
        let text = String::from_utf8(decoded).map_err(|_| "its login is not UTF-8".to_owned())?;
        let (user, password) = text.split_once(':').ok_or("its login has no password")?;
        Ok(Some(Credentials::Password(
            user.to_owned(),
            secret(password.trim_end_matches('\0')),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(file: &str, host: &str, repository: &str) -> Option<String> {
        let file = LoginFile::parse(file.as_bytes()).unwrap();
        match file.entry(host, repository)?.credentials().unwrap()? {
            Credentials::Password(user, password) => Some(format!("{user}:{}", password.expose())),
            Credentials::Identity(_) => Some("identity".to_owned()),
            Credentials::Bearer(_) => Some("bearer".to_owned()),
        }
    }

    #[test]
    fn the_most_specific_login_is_used() {
        // `a:b`, `c:d:e` and `hub:x` in base64.
        let file = r#"{"auths": {
            "r.example": {"auth": "YTpi"}, "r.example/acme": {"auth": "YzpkOmU="}, "http://old.example/v1/": {"auth": "YTpi"},
            "https://index.docker.io/v1/": {"auth": "aHViOng="}, "id.example": {"auth": "YTpi", "identitytoken": "t"},
            "token.example": {"registrytoken": "t"}, "plain.example": {"username": "u", "password": "p"}, "none.example": {}
        }, "HttpHeaders": {"a": "b"}}"#;
        for (host, repository, expected) in [
            ("r.example", "app", Some("a:b")),
            ("r.example", "acme/app", Some("c:d:e")),
            ("r.example", "acme", Some("c:d:e")),
            ("r.example", "acmes", Some("a:b")),
            ("r.example", "", Some("a:b")),
            ("docker.io", "library/alpine", Some("hub:x")),
            ("old.example", "app", Some("a:b")),
            ("id.example", "app", Some("identity")),
            ("token.example", "app", Some("bearer")),
            ("plain.example", "app", Some("u:p")),
            ("none.example", "app", None),
            ("other.example", "app", None),
        ] {
            assert_eq!(
                user(file, host, repository).as_deref(),
                expected,
                "{host}/{repository}"
            );
        }
    }

    #[test]
    fn the_helper_of_a_host_has_priority_over_the_default_helper() {
        let file =
            LoginFile::parse(br#"{"credsStore": "all", "credHelpers": {"r.example": "own"}}"#)
                .unwrap();
        assert_eq!(
            (file.helper("r.example"), file.helper("other.example")),
            (Some("own"), Some("all"))
        );
        assert_eq!(LoginFile::parse(b"{}").unwrap().helper("r.example"), None);
    }

    #[test]
    fn errors_of_login_files_quote_no_content() {
        let wrong = |file: &str| {
            LoginFile::parse(file.as_bytes()).and_then(|file| {
                file.entry("r.example", "app")
                    .map_or(Ok(None), LoginEntry::credentials)
                    .map(|_| ())
            })
        };
        assert_eq!(
            wrong("{\"auths\":\nsecret"),
            Err("it is no configuration (line 2)".to_owned())
        );
        assert_eq!(
            wrong(r#"{"auths": {"r.example": {"auth": "!"}}}"#),
            Err("its login is not in base64".to_owned())
        );
        assert_eq!(
            wrong(r#"{"auths": {"r.example": {"auth": "YQ=="}}}"#),
            Err("its login has no password".to_owned())
        );
    }
}
