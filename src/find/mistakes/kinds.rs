//! The kinds of mistakes. Scripts rely on their codes.

use super::MistakeSeverity::{self, Error, Info, Warning};

/// The severity, code and meaning of each kind.
type MistakeKind = (MistakeSeverity, &'static str, &'static str);

/// All kinds, the most severe first. A mistake may have another severity than its kind.
#[rustfmt::skip]
const KINDS: [MistakeKind; 34] = [
    (Error, "bare-type", "A cache is named without `type=`, so it is the name of an image."),
    (Error, "comment-in-list", "A line with `#` in a list of caches is no comment, so the build fails."),
    (Error, "docker-driver", "The default driver of Docker exports caches only with the containerd image store."),
    (Error, "ecr-manifest", "Amazon ECR refuses the cache manifests of BuildKit before 0.21."),
    (Error, "fork-pr", "A workflow for pull requests exports to a cache that a fork may not write."),
    (Error, "gha-legacy", "A pinned version uses the first cache service of GitHub, which is switched off."),
    (Error, "literal-secret", "A credential is written into the file."),
    (Error, "missing-type", "A cache has no type."),
    (Error, "quoted-override", "The quotes in an override are part of its value."),
    (Error, "same-ref-as-image", "The cache overwrites the image."),
    (Error, "server-twice", "Kamal puts the registry in front of an image that has it already."),
    (Error, "slash-in-tag", "A tag may contain a slash, which no tag can have."),
    (Error, "uppercase", "A reference may contain capital letters, which no registry accepts."),
    (Warning, "blank-after-comma", "A blank after a comma is part of the next attribute."),
    (Warning, "default-scope", "Several builds share the default scope, so each overwrites the others."),
    (Warning, "flag-twice", "A flag is repeated, and only the last one counts."),
    (Warning, "image-without-cache", "A build imports an image that has no cache."),
    (Warning, "inline-max", "`mode=max` has no effect on an inline cache."),
    (Warning, "mode-min", "An export without `mode=max` keeps only the layers of the last stage."),
    (Warning, "never-exported", "A cache is imported, and nothing exports it."),
    (Warning, "never-imported", "A cache is exported, and nothing imports it."),
    (Warning, "no-runtime-token", "A `run` step has no token for `type=gha`."),
    (Warning, "not-ignored", "A cache directory is inside the repository and not ignored."),
    (Warning, "only-first-name", "An import from S3 reads only the first of several names."),
    (Warning, "overwritten", "Several builds export to the same cache, so each overwrites the others."),
    (Warning, "per-commit", "The name of the cache changes with every commit or run."),
    (Warning, "skipped", "A file was not read, or not to its end."),
    (Warning, "unknown-attribute", "An attribute does not exist, so it is ignored or the build fails."),
    (Info, "cache-beside-images", "The cache is a tag next to those of the images."),
    (Info, "depot-unneeded", "Depot keeps the cache itself."),
    (Info, "import-mode", "`mode` has no effect on an import."),
    (Info, "prefix-slash", "A prefix in a bucket does not end with a slash."),
    (Info, "same-place", "A local cache is read and written in one directory, so it only grows."),
    (Info, "tmpfs", "A local cache is in a temporary directory."),
];

fn kind(code: &str) -> Option<&'static MistakeKind> {
    let kind = KINDS.iter().find(|(_, known, _)| *known == code);
    debug_assert!(kind.is_some(), "`{code}` is missing from `KINDS`");
    kind
}

/// Returns the codes of all kinds.
pub fn codes() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(_, code, _)| *code)
}

/// Returns the severity of a kind, if a mistake has no other one.
pub(super) fn severity(code: &str) -> MistakeSeverity {
    kind(code).map_or(Warning, |(severity, ..)| *severity)
}

/// Returns the meaning of a code, in one sentence.
pub fn meaning(code: &str) -> &'static str {
    kind(code).map_or("A declared cache has a mistake.", |(.., meaning)| *meaning)
}
