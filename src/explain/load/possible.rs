//! What may be the reason when a cache has no key of a build at all.

use super::note::{Note, PossibleReason, SolutionNote};
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
    notes: &mut Vec<Note>,
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
    notes.push(SolutionNote::NoKey.into());
    let images = images(build);
    if !images.is_empty() {
        notes.push(SolutionNote::Possible(PossibleReason::Images(images)).into());
    }
    let others = [
        PossibleReason::Frontend,
        PossibleReason::Options,
        PossibleReason::Repository,
    ];
    notes.extend(others.map(|reason| Note::from(SolutionNote::Possible(reason))));
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
