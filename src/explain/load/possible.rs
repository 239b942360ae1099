//! What may be the reason when a cache has no key of a build at all.

use crate::explain::solve::{InCache, Solution};
use crate::format::llb::OpKind;
use crate::format::provenance::Build;
use crate::inventory::cache::RefCache;

/// How many base images are named.
const MOST_IMAGES: usize = 3;

/// Notes what is possible, each with its check, where the caches have none of the build's keys.
/// Which of it is the case, no evidence shows.
pub(super) fn about_no_key(
    build: &Build,
    solution: &Solution,
    caches: &[&RefCache],
    notes: &mut Vec<String>,
) {
    let has_records = caches.iter().any(|cache| !cache.graph.records.is_empty());
    let steps = solution.steps.iter().zip(&build.steps);
    let judged =
        steps.filter(|(_, step)| !matches!(step.op.kind, OpKind::Empty | OpKind::Source(_)));
    let mut is_absent = false;
    for (standing, _) in judged {
        match standing.in_cache {
            InCache::Absent => is_absent = true,
            InCache::Unknown => {}
            InCache::KeyOnly | InCache::Broken | InCache::Result => return,
        }
    }
    if !has_records || !is_absent {
        return;
    }
    let images = images(build);
    let mut possible = Vec::new();
    if !images.is_empty() {
        let names = images.join(" and ");
        possible.push(format!(
            "another digest of {names}; `docker buildx imagetools inspect` shows the current digest, provenance of the build that exported shows the earlier one"
        ));
    }
    possible.extend([
        "another version of the Dockerfile frontend; compare `# syntax=` in the file, and the builders with `docker buildx inspect`".to_owned(),
        "other options of the build, such as a build argument, the platform or the network; give the command of the job: `cachelens why -- docker buildx build …`".to_owned(),
        "another repository or Dockerfile; `cachelens show REF` lists the steps that the cache has".to_owned(),
    ]);
    notes.push("the cache has no key of this build, and the evidence does not show why".to_owned());
    notes.extend(possible.into_iter().map(|text| format!("possible: {text}")));
}

/// Returns the names of the images that stages stand on.
fn images(build: &Build) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for step in &build.steps {
        let OpKind::Source(op) = &step.op.kind else {
            continue;
        };
        let (scheme, reference) = op.scheme();
        let name = reference.split('@').next().unwrap_or(reference);
        let name = name.strip_prefix("docker.io/library/").unwrap_or(name);
        let is_new = scheme == "docker-image" && !names.iter().any(|known| known == name);
        if is_new && names.len() < MOST_IMAGES {
            names.push(name.to_owned());
        }
    }
    names
}
