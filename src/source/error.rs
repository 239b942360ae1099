//! Why a text names no source, and what about it is odd though it does.

use crate::format::digest::DigestError;
use crate::format::text::visible;

/// Says why a text names no source.
///
/// No message repeats the value of an attribute: what a user mistypes may be a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is nothing to parse.
    #[error("the source is empty")]
    Empty,
    /// A character that no path, URL or attribute has any business with.
    #[error("the source holds a control character")]
    ControlCharacter,
    /// `scheme://…` of a kind that is not known.
    #[error("`{}://` names no kind of source", visible(.0))]
    UnknownScheme(String),
    /// Attributes without the one that says what they are about.
    #[error("the attributes come without `type=`")]
    MissingType,
    /// `type=` of a kind that BuildKit does not know either.
    #[error("`type={}` is no kind of cache", visible(.found))]
    UnknownType {
        /// What stands there.
        found: String,
        /// The kind that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A kind that BuildKit knows and this program does not open.
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
    /// No directory where the store of a registry is meant.
    #[error("a source of type registry-dir needs a directory")]
    NoStore,
    /// An attribute without which the cache cannot be found.
    #[error("a source of type {kind} needs `{name}`")]
    Missing {
        /// The kind of the source.
        kind: &'static str,
        /// The attribute.
        name: &'static str,
    },
    /// An attribute whose value cannot be what it has to be.
    #[error("the value of `{name}` is not {expected}")]
    InvalidValue {
        /// The attribute.
        name: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
    /// Two attributes that say different things about the same.
    #[error("{0} and {1} contradict each other")]
    Contradiction(&'static str, &'static str),
    /// A `#` with nothing after it.
    #[error("no ref follows the `#`")]
    EmptyRef,
    /// A character that no image reference holds. The reference is not repeated: such a text may be anything.
    #[error("the name of an image cannot hold `{}`", visible(.0.encode_utf8(&mut [0; 4])))]
    ReferenceCharacter(char),
    /// A registry alone, whose repositories cannot be listed.
    #[error("`{}` names a registry but no repository in it", visible(.0))]
    NoRepository(String),
    /// The host part of a registry reference is not one.
    #[error("`{}` is not the address of a registry", visible(.0))]
    RegistryHost(String),
    /// The path of a registry reference is not one.
    #[error("`{}` is not the name of a repository", visible(.0))]
    Repository(String),
    /// The tag of a registry reference is not one.
    #[error("`{}` is not a tag", visible(.0))]
    Tag(String),
    /// What stands for a digest is not one.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl SourceError {
    /// Returns what to do about it, where that is not plain from the message.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty | Self::UnknownScheme(_) => {
                "name a directory (./cache), an image (ghcr.io/acme/app:buildcache), s3://bucket/prefix, gha:owner/repo, \
                 demo or a `type=…` string"
            }
            Self::MissingType => "begin with type=local, type=registry, type=s3 or type=gha; a directory reads ./a=b",
            Self::UnknownType { nearest: Some(nearest), .. } => return Some(format!("did you mean type={nearest}?")),
            Self::UnknownType { nearest: None, .. } | Self::Azblob => {
                "the kinds that open are local, registry, inline, s3 and gha"
            }
            Self::NoEquals(_) | Self::Quote(_) => {
                "quote an attribute that holds a comma or a quote as a whole: type=local,\"src=a,b\""
            }
            Self::Missing { kind: "inline", .. } => {
                "an inline cache lies in the image it was built with; add ref=IMAGE"
            }
            Self::NoStore => "write registry-dir:PATH, where PATH is the `rootdirectory` of the registry",
            Self::Missing { kind: "local", .. } => "add src=DIRECTORY",
            Self::Missing { kind: "registry", .. } => "add ref=IMAGE",
            Self::Missing { kind: "s3", .. } => {
                "write s3://BUCKET or type=s3,bucket=BUCKET; AWS_BUCKET is read by the BuildKit daemon alone"
            }
            Self::InvalidValue { name: "endpoint_url" | "url" | "url_v2", .. } => {
                "credentials go into their own attributes or the environment, never into an address"
            }
            Self::InvalidValue { name: "repository", .. } => "write it as gha:owner/repo",
            Self::Contradiction(..) => "leave one of them out",
            Self::EmptyRef => "leave the `#` out to open every ref",
            Self::NoRepository(_) => "add the repository, as in ghcr.io/acme/app",
            Self::Repository(_) => "repositories are written in lower case; a directory reads ./name",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Says what is odd about a source that opens nevertheless.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// An attribute that BuildKit does not know for this kind of cache; it would ignore it without a word.
    #[error("a cache of type {kind} has no attribute `{}`{}", visible(.name), did_you_mean(*.nearest))]
    UnknownAttribute {
        /// The kind of the source.
        kind: &'static str,
        /// The attribute's name; its value may be a credential and is not kept.
        name: String,
        /// The attribute that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A duration that BuildKit cannot read; it falls back to its default without a word.
    #[error("the value of `touch_refresh` is not a duration such as 24h; BuildKit takes it for its default, 24h")]
    TouchRefresh,
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}
