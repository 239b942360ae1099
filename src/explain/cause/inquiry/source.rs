//! Describes how a source below a step changed: a base image, an address or a repository.

use std::collections::{BTreeSet, HashSet};

use super::Inquiry;
use crate::explain::cause::{
    Cause, CauseKind, ComparedBuild, from_argument, is_context_source, own,
};
use crate::explain::keys::{platform, root, source};
use crate::explain::text_diff::became;
use crate::format::llb::{OpKind, Platform, SourceOp};
use crate::format::provenance::{Build, StepIndex};

/// The platforms that are looked for in the caches, in addition to those of an earlier build.
const COMMON_PLATFORMS: [&str; 8] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/amd64/v2",
    "linux/arm/v6",
    "linux/ppc64le",
    "linux/s390x",
];

/// What to do where the context is a repository that moved.
const GIT_CONTEXT_REMEDY: &str = "copy files that change often in a later step; the context was a git repository, which cannot be compared with --context";

impl Inquiry<'_> {
    /// Blames the base image of a step.
    pub(super) fn base_image_of(&self, step: StepIndex) -> Cause {
        let build = self.facts.now.build;
        let mut at = step;
        for _ in 0..build.steps.len() {
            let Some(of) = build.step(at) else { break };
            if let OpKind::Source(source) = &of.op.kind {
                return self.base_image(step, at, source.scheme().1);
            }
            let Some(first) = of.inputs.first() else {
                break;
            };
            at = first.step;
        }
        Cause::new(CauseKind::BaseImage, "the image below changed")
    }

    /// Blames the base image `source` of a step.
    fn base_image(&self, step: StepIndex, source: StepIndex, reference: &str) -> Cause {
        let (name, now) = reference.split_once('@').unwrap_or((reference, ""));
        let short = name.rsplit('/').next().unwrap_or(name);
        if let Some(detail) = self.other_platform(source) {
            return Cause::new(CauseKind::Platform, detail);
        }
        if let Some(part) = self.argument_of_from(source) {
            return Cause::new(CauseKind::BuildArg, part);
        }
        let before = self
            .facts
            .before
            .as_ref()
            .and_then(|before| image_digest(before.build, name));
        let detail = match before {
            Some(before) if before != now => {
                format!("{short} moved from {} to {}", brief(&before), brief(now))
            }
            _ if let Some(was) = self.earlier_image(step, source)
                && was != name =>
            {
                became(&was, name)
            }
            _ => format!("{short} is another image than the one in the cache"),
        };
        Cause::new(CauseKind::BaseImage, detail)
    }

    /// Returns the name of the image that the earlier build had in the place of `source`, which is
    /// the base of a step or a direct input of it.
    fn earlier_image(&self, step: StepIndex, source: StepIndex) -> Option<String> {
        let earlier = self.pairs.as_ref()?[step.at()]?;
        let before = self.facts.before.as_ref()?.build;
        let mut inputs = self.facts.now.build.step(step)?.inputs.iter();
        let image = match inputs.position(|input| input.step == source) {
            None | Some(0) => images_below(before, earlier).pop_first()?,
            Some(place) => {
                let input = before.step(earlier)?.inputs.get(place)?;
                let OpKind::Source(was) = &before.step(input.step)?.op.kind else {
                    return None;
                };
                was.identifier.clone()
            }
        };
        let image = image.strip_prefix("docker-image://")?;
        Some(image.split('@').next().unwrap_or(image).to_owned())
    }

    /// Returns the platform that the caches hold of an image, if it is the same image for another
    /// platform. The key of an image is its digest with the platform
    /// (`source/containerimage/pull.go`).
    fn other_platform(&self, source: StepIndex) -> Option<String> {
        let now = &self.facts.now;
        let step = now.build.step(source)?;
        let is = platform::of_step(now.build, step)?;
        let before = self.facts.before.iter().flat_map(|before| {
            let steps = before.build.steps.iter();
            steps.filter_map(|step| platform::of_step(before.build, step))
        });
        let mut tried: Vec<Platform> = before.collect();
        tried.extend(
            COMMON_PLATFORMS
                .iter()
                .filter_map(|name| platform::parse(name)),
        );
        let OpKind::Source(op) = &step.op.kind else {
            return None;
        };
        let found = tried.into_iter().find(|other| {
            let key = source::image_on(op, other);
            !own::same(other, &is) && key.is_some_and(|key| self.cached.contains(&root(&key, 0)))
        })?;
        Some(became(&platform::name(&found), &platform::name(&is)))
    }

    /// Returns the build argument that chose another image in an instruction `FROM …${ARG}`.
    fn argument_of_from(&self, source: StepIndex) -> Option<String> {
        let before = self.facts.before.as_ref()?;
        from_argument::changed(self.facts.now.build, source, before.build)
    }

    /// Blames a source that is not a local directory.
    pub(super) fn other_source(
        &self,
        step: StepIndex,
        input: StepIndex,
        source: &SourceOp,
    ) -> Cause {
        let (scheme, reference) = source.scheme();
        if matches!(scheme, "docker-image" | "oci-layout") {
            self.base_image(step, input, reference)
        } else {
            self.remote(source)
        }
    }

    /// Blames the content of an address or a repository.
    fn remote(&self, source: &SourceOp) -> Cause {
        let name = &source.identifier;
        let is = source::commit(self.facts.now.build, source);
        let before = self.facts.before.as_ref().map(|before| before.build);
        let was = before.and_then(|before| {
            let mut sources = before.steps.iter().filter_map(|step| match &step.op.kind {
                OpKind::Source(found) => Some(found),
                _ => None,
            });
            let earlier = sources.find(|found| found.identifier == *name)?;
            source::commit(before, earlier)
        });
        let detail = match (was, is) {
            (Some(was), Some(is)) if was != is => {
                format!("{name} moved from {} to {}", brief(was), brief(is))
            }
            (None, Some(is)) => format!("{name} is at another commit: {}", brief(is)),
            _ => format!("{name} holds something else"),
        };
        let is_context = is_context_source(self.facts.now.build, source);
        Cause {
            remedy: is_context.then(|| GIT_CONTEXT_REMEDY.to_owned()),
            ..Cause::new(CauseKind::RemoteContent, detail)
        }
    }

    /// Returns whether a step has another base image than in the earlier build.
    pub(super) fn base_image_changed(
        &self,
        step: StepIndex,
        before: &ComparedBuild<'_>,
        earlier: StepIndex,
    ) -> bool {
        images_below(self.facts.now.build, step) != images_below(before.build, earlier)
    }
}

/// Returns the digest that a build used for an image of that name.
fn image_digest(build: &Build, name: &str) -> Option<String> {
    build.steps.iter().find_map(|step| {
        let OpKind::Source(source) = &step.op.kind else {
            return None;
        };
        let (found, digest) = source.scheme().1.split_once('@')?;
        (found == name).then(|| digest.to_owned())
    })
}

/// Returns the base images of a step, found through its first inputs.
fn images_below(build: &Build, step: StepIndex) -> BTreeSet<String> {
    let mut images = BTreeSet::new();
    let mut open = vec![step];
    let mut seen = HashSet::new();
    while seen.len() <= build.steps.len()
        && let Some(step) = open.pop()
    {
        if !seen.insert(step) {
            continue;
        }
        let Some(of) = build.step(step) else { continue };
        if let OpKind::Source(source) = &of.op.kind {
            images.insert(source.identifier.clone());
        }
        open.extend(of.inputs.first().map(|input| input.step));
    }
    images
}

/// Returns the start of a digest or a commit: 12 digits, as Docker and git show it.
fn brief(digest: &str) -> String {
    let algorithm = digest.find(':').map_or(0, |colon| colon + 1);
    digest.chars().take(algorithm + 12).collect()
}
