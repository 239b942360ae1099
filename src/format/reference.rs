//! References to images, normalized as Docker does (`github.com/distribution/reference`).

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use super::go_text;

const MAX_REPOSITORY: usize = 255;

static WHOLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let component = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let domain = format!(r"(?:{component}(?:\.{component})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?");
    let path = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
    let tag = "[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}";
    let name = format!("(?:({domain})/)?({path}(?:/{path})*)");
    Regex::new(&format!("^{name}(?::({tag}))?(?:@({digest}))?$")).ok()
});

/// A reference to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    /// The registry.
    pub domain: String,
    /// The repository there.
    pub path: String,
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// Why a text is no reference, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReferenceError(String);

impl ImageReference {
    /// Parses a reference. Missing parts are completed, except for the tag.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let error = |text: String| Err(ReferenceError(text));
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(is_hex) {
            return error(format!(
                "invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            ));
        }
        let (domain, remainder) = split_domain(text);
        let remote = remainder.split(':').next().unwrap_or_default();
        if go_text::lower(remote) != remote {
            return error(format!(
                "invalid reference format: repository name ({remote}) must be lowercase"
            ));
        }
        let whole = format!("{domain}/{remainder}");
        let Some(found) = WHOLE.as_ref().and_then(|regex| regex.captures(&whole)) else {
            let lower = go_text::lower(&whole);
            let is_case = WHOLE.as_ref().is_some_and(|regex| regex.is_match(&lower));
            let reason = if is_case {
                "repository name must be lowercase"
            } else {
                "invalid reference format"
            };
            return error(reason.to_owned());
        };
        let part = |place| found.get(place).map(|part| part.as_str().to_owned());
        let path = part(2).unwrap_or_default();
        if path.len() > MAX_REPOSITORY {
            return error(format!(
                "repository name must not be more than {MAX_REPOSITORY} characters"
            ));
        }
        let digest = part(4);
        if let Some(digest) = &digest {
            check_digest(digest).map_err(|error| ReferenceError(error.to_owned()))?;
        }
        Ok(Self {
            domain: part(1).unwrap_or_default(),
            path,
            tag: part(3),
            digest,
        })
    }

    /// Adds the tag `latest` if there is neither a tag nor a digest.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".to_owned());
        }
        self
    }

    /// Replaces the digest of the reference.
    #[must_use]
    pub fn with_digest(mut self, digest: impl Into<String>) -> Self {
        self.digest = Some(digest.into());
        self
    }

    /// Returns the short form that Docker shows: without `docker.io/library/`.
    pub fn familiar(&self) -> String {
        let mut short = self.clone();
        if short.domain == "docker.io" {
            short.domain.clear();
            if let Some(name) = short
                .path
                .strip_prefix("library/")
                .filter(|name| !name.contains('/'))
            {
                short.path = name.to_owned();
            }
        }
        short.to_string()
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.domain.is_empty() {
            write!(f, "{}/", self.domain)?;
        }
        f.write_str(&self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn split_domain(text: &str) -> (String, String) {
    let hub = "docker.io";
    let Some((first, rest)) = text.split_once('/') else {
        return (hub.to_owned(), format!("library/{text}"));
    };
    let is_domain =
        first == "localhost" || first.contains(['.', ':']) || go_text::lower(first) != first;
    let (domain, remainder) = match first {
        "index.docker.io" => (hub, rest),
        _ if is_domain => (first, rest),
        _ => (hub, text),
    };
    let remainder = if domain == hub && !remainder.contains('/') {
        format!("library/{remainder}")
    } else {
        remainder.to_owned()
    };
    (domain.to_owned(), remainder)
}

/// Checks a digest as Go's `go-digest` does.
///
/// # Errors
/// The fault of the digest.
pub fn check_digest(digest: &str) -> Result<(), &'static str> {
    const FORMAT: &str = "invalid checksum digest format";
    let Some((algorithm, encoded)) = digest
        .split_once(':')
        .filter(|(name, encoded)| !name.is_empty() && !encoded.is_empty())
    else {
        return Err(FORMAT);
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if is_digest_shape(algorithm, encoded) => return Err("unsupported digest algorithm"),
        _ => return Err(FORMAT),
    };
    if encoded.len() != length {
        return Err("invalid checksum digest length");
    }
    if encoded
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        Ok(())
    } else {
        Err(FORMAT)
    }
}

fn is_digest_shape(algorithm: &str, encoded: &str) -> bool {
    let is_lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let parts = algorithm.split(['.', '+', '_', '-']);
    let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"=_-".contains(&byte);
    parts
        .into_iter()
        .all(|part| !part.is_empty() && part.bytes().all(is_lower))
        && encoded.bytes().all(is_encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_get_the_defaults_of_docker() {
        let cases = [
            ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
            (
                "docker.io/alpine:3",
                "docker.io/library/alpine:3",
                "alpine:3",
            ),
            ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
            ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
            ("Host/x", "Host/x:latest", "Host/x:latest"),
            ("[::1]:5000/a/b:c", "[::1]:5000/a/b:c", "[::1]:5000/a/b:c"),
        ];
        for (text, whole, familiar) in cases {
            let reference = ImageReference::parse(text).unwrap().with_default_tag();
            assert_eq!(
                (
                    reference.to_string().as_str(),
                    reference.familiar().as_str()
                ),
                (whole, familiar)
            );
        }
    }

    #[test]
    fn refuses_in_the_words_of_docker() {
        let hex = "a".repeat(64);
        let cases = [
            (
                "Alpine",
                "invalid reference format: repository name (library/Alpine) must be lowercase",
            ),
            ("a:b:c", "invalid reference format"),
            ("", "invalid reference format"),
            (
                "a@sha256:00000000000000000000000000000000",
                "invalid checksum digest length",
            ),
            (
                &hex,
                &format!(
                    "invalid repository name ({hex}), cannot specify 64-byte hexadecimal strings"
                ),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(
                ImageReference::parse(text).unwrap_err().to_string(),
                error,
                "{text}"
            );
        }
    }
}
