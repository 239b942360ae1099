//! Errors and warnings about the text of a source.

use crate::format::digest::DigestError;
use crate::text::escape::visible;

/// Why a text names no source.
///
/// No message repeats the value of an attribute: a mistyped text may be a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The text is empty.
    #[error("the source is empty")]
    Empty,
    /// The text has a control character, which no path, URL or attribute needs.
    #[error("the source holds a control character")]
    ControlCharacter,
    /// `scheme://…` with an unknown scheme.
    #[error("`{}://` names no kind of source", visible(.0))]
    UnknownScheme(String),
    /// The address of a web page, which may be that of an image or a repository.
    #[error("a source is not named by the address of a web page")]
    WebAddress {
        /// The source that was probably meant.
        meant: String,
    },
    /// Attributes without `type=`.
    #[error("the attributes come without `type=`")]
    MissingType,
    /// `type=` with a value that BuildKit does not know either.
    #[error("`type={}` is no kind of cache", visible(.found))]
    UnknownType {
        found: String,
        /// The kind that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A kind that BuildKit supports and this program does not.
    #[error("caches in Azure Blob Storage (`type=azblob`) cannot be opened")]
    Azblob,
    /// An attribute that is not `name=value`.
    #[error("attribute {0} has no `=`")]
    NoEquals(usize),
    /// A quote that does not enclose a whole attribute.
    #[error("attribute {0} holds a stray or unclosed `\"`")]
    Quote(usize),
    /// A percent-encoded part that does not decode to text.
    #[error("a percent-encoded part of the source is not UTF-8")]
    NotUtf8,
    /// The store directory of a registry is missing.
    #[error("a source of type registry-dir needs a directory")]
    NoStore,
    /// An attribute that is required to find the cache is missing.
    #[error("a source of type {kind} needs `{name}`")]
    Missing {
        kind: &'static str,
        name: &'static str,
    },
    /// The value of an attribute is invalid.
    #[error("the value of `{name}` is not {expected}")]
    InvalidValue {
        name: &'static str,
        /// The expected form.
        expected: &'static str,
    },
    /// An attribute is missing, and another one was probably meant for it.
    #[error("a source of type {kind} needs `{name}`, and has no attribute `{}`", visible(.found))]
    Misspelt {
        kind: &'static str,
        /// The attribute that is missing.
        name: &'static str,
        /// The attribute that is there.
        found: String,
        /// The attribute that was probably meant.
        meant: &'static str,
    },
    /// A variable that a shell, bake file or workflow should have replaced.
    #[error("the variable `{}` was not expanded", visible(.0))]
    Variable(String),
    /// Two attributes that contradict each other.
    #[error("{0} and {1} contradict each other")]
    Contradiction(&'static str, &'static str),
    /// A `#` with nothing after it.
    #[error("no ref follows the `#`")]
    EmptyRef,
    /// A character that is invalid in an image reference. The reference is not repeated: such a
    /// text may be anything.
    #[error("the name of an image cannot hold `{}`", visible(.0.encode_utf8(&mut [0; 4])))]
    ReferenceCharacter(char),
    /// A pattern in the host or the repository of an image.
    #[error("the name of a repository cannot hold `*`")]
    VagueRepository,
    /// A registry alone, which cannot list its repositories.
    #[error("`{}` names a registry but no repository in it", visible(.0))]
    NoRepository(String),
    /// The host of a registry reference is invalid.
    #[error("`{}` is not the address of a registry", visible(.0))]
    RegistryHost(String),
    /// The path of a registry reference is invalid.
    #[error("`{}` is not the name of a repository", visible(.0))]
    Repository(String),
    /// The tag of a registry reference is invalid.
    #[error("`{}` is not a tag", visible(.0))]
    Tag(String),
    /// A digest is invalid.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl SourceError {
    /// Returns a hint, where the message alone does not say what to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty | Self::UnknownScheme(_) => {
                "name a directory (./cache), an image (ghcr.io/acme/app:buildcache), s3://bucket/prefix, gha:owner/repo, \
                 demo or a `type=…` string"
            }
            Self::MissingType => {
                "begin with type=local, type=registry, type=s3 or type=gha; a directory reads ./a=b"
            }
            Self::WebAddress { meant } => return Some(format!("write {}", visible(meant))),
            Self::UnknownType {
                nearest: Some(nearest),
                ..
            } => return Some(format!("did you mean type={nearest}?")),
            Self::UnknownType { nearest: None, .. } | Self::Azblob => {
                "the kinds that open are local, registry, inline, s3 and gha"
            }
            Self::Misspelt { meant, .. } => return Some(format!("did you mean `{meant}`?")),
            Self::Variable(_) => {
                "put its value in its place: only GITHUB_… and CI_… variables of a running job are filled in"
            }
            Self::NoEquals(_) | Self::Quote(_) => {
                "quote an attribute that holds a comma or a quote as a whole: type=local,\"src=a,b\""
            }
            Self::Missing { kind, .. } => return missing_hint(kind).map(str::to_owned),
            Self::InvalidValue { name, .. } => return invalid_hint(name).map(str::to_owned),
            Self::NoStore => {
                "write registry-dir:PATH, where PATH is the `rootdirectory` of the registry"
            }
            Self::Contradiction(..) => "leave one of them out",
            Self::EmptyRef => "leave the `#` out to open every ref",
            Self::VagueRepository => {
                "a `*` may stand for a tag or a part of one, as in ghcr.io/acme/app:pr-*"
            }
            Self::NoRepository(_) => "add the repository, as in ghcr.io/acme/app",
            Self::Repository(_) => {
                "repositories are written in lower case; a directory reads ./name"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Returns a hint for a source of a kind that lacks an attribute.
fn missing_hint(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "inline" => "an inline cache is in the image it was built with; add ref=IMAGE",
        "local" => "add src=DIRECTORY",
        "registry" => "add ref=IMAGE",
        "s3" => {
            "write s3://BUCKET or type=s3,bucket=BUCKET; AWS_BUCKET is read by the BuildKit daemon alone"
        }
        _ => return None,
    })
}

/// Returns a hint for an attribute with an invalid value.
fn invalid_hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "endpoint_url" | "url" | "url_v2" => {
            "credentials go into their own attributes or the environment, never into an address"
        }
        "bucket" => "the prefix follows the bucket: s3://BUCKET/PREFIX",
        "region" => "write a region such as eu-west-1",
        "repository" => "write it as gha:owner/repo",
        _ => return None,
    })
}

/// A warning about a source that opens anyway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceWarning {
    /// An attribute that BuildKit does not know for this kind of cache; BuildKit ignores it
    /// silently.
    #[error("a cache of type {kind} has no attribute `{}`{}", visible(.name), did_you_mean(*.nearest))]
    UnknownAttribute {
        kind: &'static str,
        /// The attribute's name; its value may be a credential and is not kept.
        name: String,
        /// The attribute that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A duration that BuildKit cannot parse; BuildKit silently uses its default.
    #[error(
        "the value of `touch_refresh` is not a duration such as 24h; BuildKit takes it for its default, 24h"
    )]
    TouchRefresh,
    /// A prefix that does not end with a slash; names follow it directly.
    #[error("`{name}` does not end with a slash: keys begin with `{}`, as BuildKit has it, too", visible(.example))]
    NoSlash {
        name: &'static str,
        /// The start of an example key.
        example: String,
    },
    /// Only one half of a key pair.
    #[error(
        "access_key_id and secret_access_key count only together; BuildKit looks for credentials elsewhere, too"
    )]
    HalfAKey,
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|nearest| format!("; did you mean `{nearest}`?"))
        .unwrap_or_default()
}
