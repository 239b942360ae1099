//! Keys of sources (`solver/llbsolver/ops/source.go` and `source/*` in BuildKit).

use super::{StepKeys, platform};
use crate::format::digest::Digest;
use crate::format::go_json::document;
use crate::format::llb::{Platform, SourceOp};
use crate::format::provenance::Build;

/// The options of git sources that [`git`] handles, or that are never part of the key
/// (`solver/pb/attr.go`).
const GIT_OPTIONS: [&str; 10] = [
    "keepgitdir",
    "fullurl",
    "authheadersecret",
    "authtokensecret",
    "knownsshhosts",
    "mountsshsock",
    "checksum",
    "skipsubmodules",
    "mtime",
    "fetchbycommit",
];
/// The same for downloads.
const HTTP_OPTIONS: [&str; 6] = [
    "filename",
    "checksum",
    "perm",
    "uid",
    "gid",
    "authheadersecret",
];

/// Returns the key digest of a source with the key `key`.
pub fn digest(key: &str) -> Digest {
    Digest::of(format!("buildkit.source.v0:{key}").as_bytes())
}

/// Returns the first key digest of an image: of its manifest or index, and the selected platform.
///
/// `layer_limit` is the number of layers to which the image is cut, if it is cut.
pub fn image(manifest: &Digest, platform: &Platform, layer_limit: Option<i64>) -> Digest {
    let text = document(|fields| {
        fields.always("Digest", &manifest.to_string());
        platform::write(platform, fields);
        fields.unless_empty("Limit", &layer_limit);
    });
    digest(&Digest::of(text.as_bytes()).to_string())
}

/// Returns the second key digest of an image: of the uncompressed digests of its layers, bottom
/// first. An image without layers has no second key.
pub fn image_chain(diff_ids: &[Digest]) -> Option<Digest> {
    let (first, rest) = diff_ids.split_first()?;
    let chain = rest.iter().fold(*first, |chain, layer| {
        Digest::of(format!("{chain} {layer}").as_bytes())
    });
    Some(digest(&chain.to_string()))
}

/// Returns the key digest of a repository at a commit, without its `.git` directory.
pub fn git(commit: &str, subdir: &str, skip_submodules: bool, mtime: &str) -> Digest {
    let mut key = commit.to_owned();
    if !subdir.is_empty() {
        key = format!("{key}:{subdir}");
    }
    if skip_submodules {
        key.push_str("(skip-submodules)");
    }
    if !matches!(mtime, "" | "checkout") {
        key = format!("{key}(mtime={mtime})");
    }
    digest(&key)
}

/// A download with a given checksum. Its date is not part of the key.
#[derive(Debug, Clone, Copy)]
pub struct PinnedDownload<'a> {
    /// The name of the resulting file.
    pub filename: &'a str,
    /// Its permission bits, 0 for the default.
    pub perm: i64,
    pub uid: i64,
    pub gid: i64,
    /// The expected digest.
    pub checksum: &'a str,
    /// The name of the secret in the request; empty for none.
    pub auth_header_secret: &'a str,
}

impl PinnedDownload<'_> {
    /// Returns the key digest.
    pub fn digest(&self) -> Digest {
        let text = document(|fields| {
            fields
                .always("Filename", self.filename)
                .always("Perm", &self.perm)
                .always("UID", &self.uid)
                .always("GID", &self.gid)
                .always("Checksum", self.checksum)
                .unless_empty("AuthHeaderSecret", self.auth_header_secret);
        });
        digest(&Digest::of(text.as_bytes()).to_string())
    }
}

/// Returns the digest of a download in that build: its own checksum, or the one that the build
/// resolved.
///
/// If two builds have the same name, owner and checksum of a download, its files are the same. The
/// content key is then the same too, whatever date the server sent.
pub fn downloaded(build: &Build, op: &SourceOp) -> Option<Digest> {
    if !matches!(op.scheme().0, "http" | "https") {
        return None;
    }
    if let Ok(pinned) = op.attr("http.checksum").parse() {
        return Some(pinned);
    }
    let found = build
        .dependencies
        .iter()
        .find(|dependency| dependency.uri == op.identifier)?;
    found
        .digests
        .iter()
        .find_map(|(algorithm, hex)| Digest::from_parts(algorithm, hex).ok())
}

/// Computes the keys of a source from the build's own description.
pub(super) fn keys(build: &Build, op: &SourceOp, platform: Option<&Platform>) -> StepKeys {
    let partial = |digest: Option<Digest>| StepKeys {
        digests: digest.into_iter().collect(),
        ..StepKeys::default()
    };
    match op.scheme() {
        // Its keys are random and never leave the daemon; a cache holds only the content key of its
        // files.
        ("local", _) => StepKeys {
            complete: true,
            ..StepKeys::default()
        },
        // The second key needs the image's config.
        ("docker-image" | "oci-layout", reference) => {
            let digest = pinned_image(op, reference, platform);
            partial(digest.or_else(|| resolved_image(build, op, reference, platform)))
        }
        ("git", reference) => pinned_git(build, op, reference),
        ("http" | "https", _) => {
            let digest = pinned_download(op);
            StepKeys {
                complete: digest.is_some(),
                ..partial(digest)
            }
        }
        _ => StepKeys::default(),
    }
}

/// Returns the first key digest of an image on `platform`; `None` for other sources, and if its
/// digest is unknown.
pub fn image_on(op: &SourceOp, platform: &Platform) -> Option<Digest> {
    match op.scheme() {
        ("docker-image" | "oci-layout", reference) => pinned_image(op, reference, Some(platform)),
        _ => None,
    }
}

/// Returns the commit that a git source was resolved to, or that its name contains.
pub fn commit<'a>(build: &'a Build, op: &'a SourceOp) -> Option<&'a str> {
    let ("git", reference) = op.scheme() else {
        return None;
    };
    let (remote, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let (name, _) = fragment.split_once(':').unwrap_or((fragment, ""));
    let pinned = is_commit(name).then_some(name);
    pinned.or_else(|| resolved_commit(build, op, remote, fragment))
}

fn pinned_image(op: &SourceOp, reference: &str, platform: Option<&Platform>) -> Option<Digest> {
    let manifest = reference.rsplit_once('@')?.1.parse().ok()?;
    let limit = match [op.attr("image.layerlimit"), op.attr("oci.layerlimit")].concat() {
        none if none.is_empty() => None,
        limit => Some(limit.parse().ok()?),
    };
    Some(image(&manifest, platform?, limit))
}

/// Computes the key of an image without a digest, as named contexts have it, from the digest that
/// the build resolved (`dockerui/namedcontext.go`).
fn resolved_image(
    build: &Build,
    op: &SourceOp,
    reference: &str,
    platform: Option<&Platform>,
) -> Option<Digest> {
    let wanted = normal_reference(reference)?;
    let mut found = build.dependencies.iter().filter(|dependency| {
        image_of_uri(&dependency.uri).is_some_and(|(name, on)| {
            let same_platform =
                platform.is_none_or(|platform| on.is_none_or(|on| on == platform::name(platform)));
            name == wanted && same_platform
        })
    });
    let only = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let mut digests = only.digests.iter();
    let digest = digests.find_map(|(algorithm, hex)| Digest::from_parts(algorithm, hex).ok())?;
    pinned_image(op, &format!("{reference}@{digest}"), platform)
}

/// Completes an image reference with its registry and tag, as Docker does.
fn normal_reference(reference: &str) -> Option<String> {
    if reference.contains('@') {
        return None;
    }
    let (host, path) = match reference.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        Some(_) => ("docker.io", reference),
        None => return normal_reference(&format!("docker.io/library/{reference}")),
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let tag = if name.contains(':') { "" } else { ":latest" };
    Some(format!("{host}/{path}{tag}"))
}

/// Parses `pkg:docker/NAME@TAG?platform=OS%2FARCH`, the name of an image in provenance
/// (`util/purl/image.go`), into the reference and the platform.
pub(in crate::explain) fn image_of_uri(uri: &str) -> Option<(String, Option<String>)> {
    let rest = uri.strip_prefix("pkg:docker/")?;
    let (name, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (name, tag) = name.rsplit_once('@').unwrap_or((name, "latest"));
    let decode = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text);
        decoded.decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let platform = pairs.find(|(key, _)| *key == "platform");
    let platform = platform.and_then(|(_, value)| decode(value));
    let reference = normal_reference(&format!("{}:{}", decode(name)?, decode(tag)?))?;
    Some((reference, platform))
}

/// Returns whether a source has options of its scheme that this program does not know and that may
/// be part of its key.
fn has_other_options(op: &SourceOp, scheme: &str, known: &[&str]) -> bool {
    op.attrs
        .keys()
        .filter_map(|name| name.strip_prefix(scheme))
        .any(|name| {
            // Requirements on a signature are never part of a key.
            !known.contains(&name) && !name.starts_with("sig.")
        })
}

fn pinned_git(build: &Build, op: &SourceOp, reference: &str) -> StepKeys {
    let (remote, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let (name, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
    // With its `.git` directory, the key holds the resolved name of the ref, which no evidence has.
    if op.attr("git.keepgitdir") == "true" || has_other_options(op, "git.", &GIT_OPTIONS) {
        return StepKeys::default();
    }
    let pinned = is_commit(name).then_some(name);
    let commit = pinned.or_else(|| resolved_commit(build, op, remote, fragment));
    let key = |commit| {
        git(
            commit,
            subdir,
            op.attr("git.skipsubmodules") == "true",
            op.attr("git.mtime"),
        )
    };
    // The name may have been resolved to an annotated tag, but the key holds the commit behind it.
    StepKeys {
        digests: commit.map(key).into_iter().collect(),
        complete: pinned.is_some(),
        inputs: Vec::new(),
    }
}

fn resolved_commit<'a>(
    build: &'a Build,
    op: &SourceOp,
    remote: &str,
    fragment: &str,
) -> Option<&'a str> {
    let url = match op.attr("git.fullurl") {
        "" => format!("https://{remote}"),
        url => url.to_owned(),
    };
    // A subdirectory of the repository is not part of the resolved name.
    let (name, _) = fragment.split_once(':').unwrap_or((fragment, ""));
    let whole = format!("{url}#{fragment}");
    let by_name = format!("{url}#{name}");
    let is_named = |uri: &str| uri == whole || uri == by_name || (name.is_empty() && uri == url);
    let found = build
        .dependencies
        .iter()
        .find(|dependency| is_named(&dependency.uri))?;
    found
        .digests
        .values()
        .map(String::as_str)
        .find(|digest| is_commit(digest))
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn pinned_download(op: &SourceOp) -> Option<Digest> {
    let number = |name| match op.attr(name) {
        "" => Some(0),
        text => go_integer(text),
    };
    let filename = op.attr("http.filename");
    let checksum = op.attr("http.checksum");
    if filename.is_empty() || checksum.is_empty() || has_other_options(op, "http.", &HTTP_OPTIONS) {
        return None;
    }
    let download = PinnedDownload {
        filename,
        perm: number("http.perm")?,
        uid: number("http.uid")?,
        gid: number("http.gid")?,
        checksum,
        auth_header_secret: op.attr("http.authheadersecret"),
    };
    Some(download.digest())
}

/// Parses an integer with its base in the prefix, as Go's `ParseInt(…, 0, …)` does.
fn go_integer(text: &str) -> Option<i64> {
    match text
        .strip_prefix("0o")
        .or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty()))
    {
        Some(octal) => i64::from_str_radix(octal, 8).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
