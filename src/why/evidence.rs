//! The evidence of a build, put together.

use super::log::Log;
use crate::explain::names;
use crate::format::cache_debug::CacheDebug;
use crate::format::evidence::Document;
use crate::format::llb::{FileChange, OpKind};
use crate::format::progress_log::ProgressLog;
use crate::format::provenance::Build;

/// A build with what else is told of it.
pub(super) struct Evidence {
    /// The build.
    pub(super) build: Build,
    /// What logs say of it.
    pub(super) log: Log,
    /// For each step, whether it does not look into any cache.
    pub(super) ignored: Vec<bool>,
}

/// Takes the texts behind keys out of documents: they tell of caches, and not of a build.
pub(super) fn take_debug(documents: &mut Vec<Document>) -> Vec<CacheDebug> {
    let taken = documents.extract_if(.., |document| matches!(document, Document::CacheDebug(_)));
    let debug = taken.filter_map(|document| match document {
        Document::CacheDebug(debug) => Some(debug),
        _ => None,
    });
    debug.collect()
}

/// Puts documents together. None when none of them has a graph.
pub(super) fn gather(documents: Vec<Document>, notes: &mut Vec<String>) -> Option<Evidence> {
    let (mut builds, mut log) = (Vec::new(), Log::default());
    for document in documents {
        match document {
            Document::Provenance(build) | Document::Definition(build) => builds.push(*build),
            Document::Records(records) => {
                let count = records.len();
                for record in records.into_iter().take(1) {
                    notes.extend(record.problems.iter().map(ToString::to_string));
                    builds.extend(record.builds);
                    log.rich.get_or_insert(record.log);
                }
                if count > 1 {
                    notes.push(format!("the build record holds {count} builds: this is about the first"));
                }
            }
            Document::Log(found) => log.rich = Some(found),
            Document::PlainLog(found) => log.plain = Some(found),
            Document::CacheDebug(_) => {}
        }
    }
    // With several platforms, the build that the log knows most steps of.
    let knows = |build: &Build| {
        let rich: Option<&ProgressLog> = log.rich.as_ref();
        let vertices = build.steps.iter().flat_map(|step| &step.vertices);
        rich.map_or(0, |rich| vertices.filter(|vertex| rich.vertex(vertex).is_some()).count())
    };
    if builds.len() > 1 {
        let which = if log.is_empty() { "the first of them" } else { "the one that the log fits best" };
        notes.push(format!("the evidence describes {} builds: this is about {which}", builds.len()));
    }
    let best = (0..builds.len()).max_by_key(|place| (knows(&builds[*place]), std::cmp::Reverse(*place)))?;
    let build = builds.swap_remove(best);
    let ignored = ignores_cache(&build);
    Some(Evidence { build, log, ignored })
}

/// Tells for each step whether the build was told not to look into caches for it: `--no-cache` or `--no-cache-filter`,
/// which touch commands and copies, and no `WORKDIR` (`frontend/dockerfile/dockerfile2llb/convert.go`).
fn ignores_cache(build: &Build) -> Vec<bool> {
    let names = names::of_steps(build);
    let stages = build.request.args.get("no-cache").map(|stages| {
        stages.split(',').map(str::trim).filter(|stage| !stage.is_empty()).map(str::to_lowercase).collect::<Vec<_>>()
    });
    let told = |step: usize| -> bool {
        let Some(stages) = &stages else { return false };
        let touches = match &build.steps[step].op.kind {
            OpKind::Exec(_) => true,
            OpKind::File(op) => !op.actions.0.iter().all(|action| matches!(action.change, FileChange::MakeDir(_))),
            _ => false,
        };
        let of_stage = |stage: &String| {
            let places = names.get(step).into_iter().flat_map(|name| &name.places);
            places.filter_map(|place| place.stage.as_ref()).any(|found| found.to_string().to_lowercase() == *stage)
        };
        touches && (stages.is_empty() || stages.iter().any(of_stage))
    };
    (0..build.steps.len()).map(|step| build.steps[step].ignores_cache || told(step)).collect()
}
