//! Mistakes that depend on the job of a GitHub workflow.

use std::collections::HashSet;
use std::sync::Arc;

use super::{MistakeSearch, MistakeSeverity};
use crate::find::cache_type::CacheType;
use crate::find::declaration::{CiJob, Declaration};

impl MistakeSearch<'_> {
    pub(super) fn github(&mut self) {
        let exporting: HashSet<(&str, Option<&str>)> = self
            .declared
            .iter()
            .filter(|declaration| {
                declaration.direction.exports() && declaration.kind() == CacheType::Gha
            })
            .map(|declaration| (declaration.file.as_str(), declaration.target.as_deref()))
            .collect();
        for declaration in self.declared {
            let Some(job) = declaration.facts.job.clone() else {
                continue;
            };
            self.runtime(declaration, &job, &exporting);
            self.driver(declaration, &job);
            self.forks(declaration, &job);
            self.versions(declaration, &job);
        }
    }

    fn runtime(
        &mut self,
        at: &Declaration,
        job: &Arc<CiJob>,
        exporting: &HashSet<(&str, Option<&str>)>,
    ) {
        let bare = at.facts.in_run_step && at.kind() == CacheType::Gha && !job.exposes_runtime;
        let other = exporting.contains(&(at.file.as_str(), at.target.as_deref()));
        if bare && (at.direction.exports() || !other) {
            let message =
                "`run:` steps do not get ACTIONS_RUNTIME_TOKEN, so the gha cache is skipped."
                    .to_owned();
            let hint = "Add a step `uses: crazy-max/ghaction-github-runtime@v3` in front, or build with docker/build-push-action.";
            self.add("no-runtime-token", at, message, Some(hint.to_owned()));
        }
    }

    fn driver(&mut self, at: &Declaration, job: &Arc<CiJob>) {
        let docker = at.tool.starts_with("docker/")
            || matches!(
                at.tool.as_str(),
                "docker buildx" | "docker build" | "docker buildx bake"
            );
        if docker && at.direction.exports() && at.kind() != CacheType::Inline && !job.has_builder {
            let message = "The job sets up no builder. The default driver exports caches only with the containerd image store; else the build fails.".to_owned();
            self.add(
                "docker-driver",
                at,
                message,
                Some("Add a step `uses: docker/setup-buildx-action@v3` in front.".to_owned()),
            );
        }
    }

    fn forks(&mut self, at: &Declaration, job: &Arc<CiJob>) {
        let ignores = at.attribute("ignore-error").as_deref() == Some("true");
        let guarded = at.when.iter().any(|condition| {
            let condition = condition.to_lowercase();
            [
                "event_name",
                "pull_request",
                "fork",
                "github.ref",
                "head.repo",
                "push",
            ]
            .iter()
            .any(|word| condition.contains(word))
        });
        let is_image = CacheType::named(at.written.trim()).is_known();
        if !job.on_pull_request || !at.direction.exports() || ignores || guarded || is_image {
            return;
        }
        let hint = format!(
            "Write `{},ignore-error=true`, or export only if github.event_name is not pull_request.",
            at.corrected(&[])
        );
        match at.kind() {
            CacheType::Registry => {
                let message = "The workflow runs for pull requests. The token of a fork may not push, so its builds fail at this export.".to_owned();
                self.add("fork-pr", at, message, Some(hint));
            }
            CacheType::Gha => {
                let message = "The workflow runs for pull requests. Their caches fill the quota and no other branch reads them, and the build fails where the token may not write caches.".to_owned();
                self.add_with(MistakeSeverity::Info, "fork-pr", at, message, Some(hint));
            }
            _ => {}
        }
    }

    fn versions(&mut self, at: &Declaration, job: &Arc<CiJob>) {
        if at.kind() != CacheType::Gha {
            return;
        }
        let Some((text, _)) = &job.pinned else { return };
        let old = version(text).is_some_and(|version| {
            let least = if text.contains("buildkit") {
                (0, 20)
            } else {
                (0, 21)
            };
            version < least
        });
        if old {
            let message = format!(
                "{text} is pinned: it uses the first version of GitHub's cache service, which is switched off."
            );
            self.add(
                "gha-legacy",
                at,
                message,
                Some("Use buildx 0.21 and BuildKit 0.20, or newer.".to_owned()),
            );
        }
    }
}

/// Finds `0.N` in a pinned version such as `v0.12.5` or `image=moby/buildkit:v0.12.0`.
fn version(text: &str) -> Option<(u32, u32)> {
    let start = text
        .rfind("v0.")
        .map(|at| at + 1)
        .or_else(|| text.starts_with("0.").then_some(0))?;
    let mut parts = text[start..].split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}
