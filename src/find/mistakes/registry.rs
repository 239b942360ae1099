//! Mistakes in references to registries.

use super::place::split_reference;
use super::{MistakeSearch, corrected};
use crate::find::declaration::Declaration;

/// Parts of variable names for a branch, which may contain a slash.
const BRANCHES: [&str; 9] = [
    "github.ref_name",
    "github.head_ref",
    "github.ref",
    "github_ref_name",
    "github_head_ref",
    "ci_commit_ref_name",
    "ci_commit_branch",
    "branch",
    "head_ref",
];
/// Signs that a name was sanitized for a tag.
const SANITISED: [&str; 9] = [
    "slug", "sanit", "//", "replace", " tr ", "sed", "safe", "escaped", "subst",
];
impl MistakeSearch<'_> {
    /// Finds names of registries that some values of their variables make invalid.
    pub(super) fn reference(&mut self, at: &Declaration) {
        let expressed = at.expressed("ref").unwrap_or_default();
        let colon = expressed.rfind('/').map_or(0, |slash| slash)
            + expressed[expressed.rfind('/').unwrap_or(0)..]
                .rfind(':')
                .unwrap_or(usize::MAX >> 1);
        let tag = expressed.get(colon..).unwrap_or_default().to_lowercase();
        let raw = BRANCHES.iter().any(|name| tag.contains(name))
            && !SANITISED.iter().any(|word| tag.contains(word));
        if raw {
            let message = "A branch name may have a slash, which no tag may: then the build fails."
                .to_owned();
            let hint = format!(
                "{} Or use the pull request's number.",
                corrected::sanitized(at)
            );
            self.add("slash-in-tag", at, message, Some(hint));
        }
        let lower = expressed.to_lowercase();
        let owner = ["github.repository", "github_repository", "github.actor"]
            .iter()
            .any(|name| lower.contains(name));
        if owner
            && !["lower", "downcase", ",,", "tr "]
                .iter()
                .any(|word| lower.contains(word))
        {
            let message = "The name of the repository or its owner may have capitals, which no reference may: then the build fails.".to_owned();
            let name = if lower.contains("owner") {
                "GITHUB_REPOSITORY_OWNER"
            } else if lower.contains("actor") {
                "GITHUB_ACTOR"
            } else {
                "GITHUB_REPOSITORY"
            };
            let hint = corrected::in_lower_case(at, name);
            self.add("uppercase", at, message, Some(hint));
        }
        let reference = at.attribute("ref").unwrap_or_default();
        let (repository, _) = split_reference(&reference);
        let path = repository.split_once('/').map_or("", |(_, path)| path);
        if path.contains(|c: char| c.is_ascii_uppercase()) {
            let message =
                "The name of a repository has no capitals, so the build fails.".to_owned();
            let lower = corrected::lower_case(&expressed);
            let corrected = at.corrected(&[("ref", Some(&lower))]);
            self.add(
                "uppercase",
                at,
                message,
                Some(format!("Write `{corrected}`.")),
            );
        }
    }

    /// Finds mistakes in an export to a registry.
    pub(super) fn registry_export(&mut self, at: &Declaration) {
        if !at.direction.exports() {
            return;
        }
        let reference = at.attribute("ref").unwrap_or_default();
        if reference.contains(".dkr.ecr.") && at.attribute("image-manifest").is_none() {
            let message = "Amazon ECR refuses cache manifests that are no images; BuildKit before 0.21 writes those.".to_owned();
            self.add(
                "ecr-manifest",
                at,
                message,
                Some(format!(
                    "Write `{}`.",
                    at.corrected(&[
                        ("image-manifest", Some("true")),
                        ("oci-mediatypes", Some("true"))
                    ])
                )),
            );
        }
        let (repository, cache_tag) = split_reference(&reference);
        for image in &at.facts.tags {
            let (image_repository, image_tag) = split_reference(image.trim());
            if repository != image_repository || repository.starts_with('*') {
                continue;
            }
            if cache_tag == image_tag && !cache_tag.contains('*') {
                let message = format!(
                    "The cache and the image have one name, {reference}: each overwrites the other."
                );
                self.add(
                    "same-ref-as-image",
                    at,
                    message,
                    Some(corrected::moved_to(at, ":buildcache")),
                );
            } else if cache_tag != image_tag {
                let message = "The cache is a tag in the repository of the image, so lists of images show it.".to_owned();
                self.add(
                    "cache-beside-images",
                    at,
                    message,
                    Some(corrected::moved_to(at, &format!("-cache:{cache_tag}"))),
                );
            }
        }
    }
}
