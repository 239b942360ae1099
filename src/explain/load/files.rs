//! Finds the files of a context that changed since a step copied them into a cached layer.

use std::path::{Path, PathBuf};

use self::compare::{ChangedFile, compare};
use self::paths::shown;
use self::revision::RevisionChanges;
use super::caches::LoadedCache;
use crate::explain::cause::{Cause, CauseFacts, CauseKind, CausePart, PathChange};
use crate::explain::context::rules::Rules;
use crate::explain::context::select::Selector;
use crate::explain::context::{ContextEntry, ContextFiles};
use crate::explain::keys::{root, selectors};
use crate::explain::load::context::BuildContexts;
use crate::format::cache_config::RecordIndex;
use crate::format::digest::Digest;
use crate::format::llb::{self, CopyAction, OpKind};
use crate::format::provenance::{Step, StepIndex};
use crate::inventory::labels::Certainty;

mod compare;
mod folders;
mod modes;
mod paths;
mod rehash;
mod revision;
mod texts;

/// The most files that are named for one step.
const MOST_PATHS: usize = 1_000;
/// How many files the description of a cause names.
const MOST_NAMED: usize = 3;

/// Advice for a bind mount of a command whose files changed.
const BIND_REMEDY: &str =
    "bind only the files that the command reads, or exclude unneeded files with .dockerignore";

/// The detail of a bound path that may have changed, or another one.
const ONE_OF: &str = "bound by the command; the key does not say which one changed";

/// The kinds of changes to files, the most important first: changed content comes before added and
/// removed files.
const BY_WEIGHT: [CauseKind; 4] = [
    CauseKind::Content,
    CauseKind::LinkTarget,
    CauseKind::FileAdded,
    CauseKind::FileRemoved,
];

/// Adds the changed files to causes that are about the content of a context.
pub(super) async fn name_paths(
    caches: &[LoadedCache<'_>],
    contexts: &BuildContexts,
    facts: &CauseFacts<'_>,
    causes: &mut [Option<Cause>],
) {
    let revision = facts.before.as_ref();
    let since = match revision.and_then(|before| before.build.revision.clone()) {
        Some(revision) => RevisionChanges::read(revision).await,
        None => None,
    };
    for (index, cause) in (0..).map(StepIndex).zip(causes) {
        let Some(cause) = cause else { continue };
        if cause.kind == CauseKind::Content
            && let Some(input) = cause.input
            && let Some(input) = ContextInput::new(caches, contexts, facts, index, input)
        {
            input.name_paths(facts, since.as_ref(), cause).await;
        } else if is_open(cause.kind)
            && let Some(since) = &since
        {
            let inputs = 0..facts.now.build.steps[index.at()].inputs.len();
            let inputs =
                inputs.filter_map(|input| ContextInput::new(caches, contexts, facts, index, input));
            let paths: Vec<PathChange> = inputs.flat_map(|input| since.of_input(&input)).collect();
            replace_by_files(cause, paths);
        }
    }
}

/// Returns whether changed files explain a step better than this kind of cause: the caches do not
/// show what the build found.
fn is_open(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::ExportedSince | CauseKind::NotExported | CauseKind::Unexplained
    )
}

/// Lets the files that changed since the earlier build be the cause. The other cause stays as the
/// second one.
fn replace_by_files(cause: &mut Cause, mut paths: Vec<PathChange>) {
    if paths.is_empty() {
        return;
    }
    paths.truncate(MOST_PATHS);
    let also = CausePart::new(cause.kind, std::mem::take(&mut cause.detail));
    cause.also.push(also);
    cause.remedy = None;
    describe(cause, paths);
}

/// An input of a step that takes files from a context.
struct ContextInput<'a> {
    caches: &'a [LoadedCache<'a>],
    index: StepIndex,
    step: &'a Step,
    /// The place among the inputs of the step.
    input: usize,
    files: &'a ContextFiles,
    /// What the step takes of the context.
    selectors: Vec<Selector>,
    /// The files that the step takes.
    selected: Vec<ContextEntry>,
    /// The patterns of files that the client does not send.
    excluded: Vec<String>,
    /// The directory of the context.
    root: Option<&'a Path>,
}

impl<'a> ContextInput<'a> {
    /// Returns `None` if the files of the context are unknown.
    fn new(
        caches: &'a [LoadedCache<'a>],
        contexts: &'a BuildContexts,
        facts: &CauseFacts<'a>,
        index: StepIndex,
        input: usize,
    ) -> Option<Self> {
        let step = &facts.now.build.steps[index.at()];
        let output = step.inputs.get(input)?;
        let files = contexts.files.get(output)?;
        let selectors = selectors::of_input(&step.op.kind, input, step.inputs.len());
        let selected = selectors
            .iter()
            .filter_map(|selector| files.selected(selector).ok())
            .flatten()
            .cloned()
            .collect();
        let source = &facts.now.build.steps[output.step.at()].op.kind;
        let rules = match source {
            OpKind::Source(op) => Rules::of_source(op).ok(),
            _ => None,
        };
        Some(Self {
            caches,
            index,
            step,
            input,
            files,
            selectors,
            selected,
            excluded: rules.map(|rules| rules.exclude).unwrap_or_default(),
            root: contexts.roots.get(&output.step).map(PathBuf::as_path),
        })
    }

    /// Adds the changed files to the cause of the step.
    async fn name_paths(
        &self,
        facts: &CauseFacts<'_>,
        since: Option<&RevisionChanges>,
        cause: &mut Cause,
    ) {
        let compared = self.compare_with_layers(facts).await;
        let is_compared = compared.is_some();
        let mut paths = compared.unwrap_or_default();
        if paths.is_empty() {
            paths.extend(self.changed_mode());
        }
        if paths.is_empty()
            && let Some(since) = since
        {
            paths = since.of_input(self);
        }
        // If no layer shows the earlier state, only a single file can be the one that changed.
        if paths.is_empty() && !is_compared {
            paths.extend(self.only_file());
        }
        if paths.is_empty() && matches!(self.step.op.kind, OpKind::Exec(_)) {
            paths = bound_paths(self.step, self.input);
            cause.remedy = Some(BIND_REMEDY.to_owned());
        }
        paths.truncate(MOST_PATHS);
        let are_candidates = paths.len() > 1 && paths.iter().all(|path| path.detail == ONE_OF);
        describe(cause, paths);
        if are_candidates {
            cause.detail = format!("one or more of {}", cause.detail);
        }
    }

    /// Compares the files with those of the cached result. Returns `None` if that is impossible.
    async fn compare_with_layers(&self, facts: &CauseFacts<'_>) -> Option<Vec<PathChange>> {
        let (cache, record) = earlier(facts, self.index)?;
        let OpKind::File(op) = &self.step.op.kind else {
            return None;
        };
        let cache = &self.caches[cache];
        let layer = cache.top_files(record).await?;
        let copies = op.actions.0.iter();
        let copies: Vec<&CopyAction> = copies
            .filter_map(|action| match &action.change {
                llb::FileChange::Copy(copy) => Some(&**copy),
                _ => None,
            })
            .collect();
        let mut changes = compare(self.files, &layer, None, &copies, self.root);
        // A layer omits files that the layers below hold already
        // (`util/overlay/overlay_linux.go`), so read those before reporting a file as added.
        let is_added = |change: &ChangedFile| change.item.kind == CauseKind::FileAdded;
        if changes.iter().flatten().any(is_added)
            && let Some(chain) = cache.chain(record).filter(|chain| chain.len() > 1)
            && let Some(chain) = cache.unpack(&chain).await
        {
            changes = compare(self.files, &layer, Some(&chain), &copies, self.root);
        }
        Some(texts::add_lines(cache, record, self.root, changes?).await)
    }

    /// Returns the file that the step takes, if that is only one.
    fn only_file(&self) -> Option<PathChange> {
        let mut files = self.selected.iter().filter(|entry| !entry.is_directory());
        let (Some(only), None) = (files.next(), files.next()) else {
            return None;
        };
        Some(PathChange::new(shown(&only.path), CauseKind::Content, ""))
    }
}

/// Describes a cause by the files that changed. The most important change stands for all.
fn describe(cause: &mut Cause, paths: Vec<PathChange>) {
    if let Some(first) = paths.first() {
        let heaviest = BY_WEIGHT
            .into_iter()
            .find(|kind| paths.iter().any(|path| path.kind == *kind));
        cause.kind = heaviest.unwrap_or(first.kind);
        cause.needs_context = false;
        cause.detail = named(&paths, cause.kind);
    }
    cause.paths = paths;
}

/// Names the first files: those with the main kind of change, then the others with their kind.
fn named(paths: &[PathChange], main: CauseKind) -> String {
    let is_main = |path: &&PathChange| path.kind == main;
    let others = paths.iter().filter(|path| !is_main(path));
    let mut last = main;
    let mut text = String::new();
    for path in paths.iter().filter(is_main).chain(others).take(MOST_NAMED) {
        if last != path.kind {
            text.push_str(&format!("; {}: ", change_word(path.kind)));
            last = path.kind;
        } else if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&path.path);
    }
    match paths.len().saturating_sub(MOST_NAMED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn change_word(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::FileAdded => "added",
        CauseKind::FileRemoved => "removed",
        CauseKind::LinkTarget => "links elsewhere",
        CauseKind::Mode => "other permissions",
        CauseKind::Owner => "other owner",
        _ => "changed",
    }
}

/// Names the bind mounts of an input. No layer shows which file there differs, and the key has one
/// digest for all of them (`solver/llbsolver/ops/opsutils/contenthash.go`).
fn bound_paths(step: &Step, input: usize) -> Vec<PathChange> {
    let selectors = selectors::of_input(&step.op.kind, input, step.inputs.len());
    let detail = if selectors.len() > 1 {
        ONE_OF
    } else {
        "bound by the command"
    };
    selectors
        .into_iter()
        .map(|selector| {
            let path = selector.path.trim_start_matches('/').to_owned();
            let path = if path.is_empty() {
                ".".to_owned()
            } else {
                path
            };
            PathChange::new(path, CauseKind::Content, detail)
        })
        .collect()
}

/// Finds the earlier record of the step: the same operation, on the same first input if it has one,
/// with the newest result. Returns the place of the cache and the record.
fn earlier(facts: &CauseFacts<'_>, step: StepIndex) -> Option<(usize, RecordIndex)> {
    let of = &facts.now.build.steps[step.at()];
    let keys = &facts.now.keys[step.at()];
    let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
    let mut found: Vec<(bool, Option<jiff::Timestamp>, usize, RecordIndex)> = Vec::new();
    let caches = facts.caches.iter().zip(&facts.solution.matches);
    for (place, (cache, matches)) in caches.enumerate() {
        for (index, record) in cache.graph.indexed_records() {
            let is_it = record
                .digest
                .valid()
                .is_some_and(|digest| digests.contains(&digest));
            if !is_it || cache.records[index.at()].result.is_none() {
                continue;
            }
            let first = of
                .inputs
                .first()
                .zip(keys.inputs.first())
                .zip(cache.graph.input(record, 0));
            let same_base = first.is_none_or(|((input, keys), links)| {
                links.iter().any(|link| {
                    matches.link(&cache.graph, link, *input, keys) == Some(Certainty::Proved)
                })
            });
            found.push((same_base, cache.records[index.at()].created, place, index));
        }
    }
    found
        .into_iter()
        .max()
        .map(|(_, _, place, index)| (place, index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::provenance::Build;

    /// A command that binds files of the context.
    fn command(mounts: &str) -> Build {
        let text = format!(
            r#"{{"buildType":"x","buildConfig":{{"llbDefinition":[
                {{"id":"context","op":{{"Op":{{"source":{{"identifier":"local://context"}}}}}}}},
                {{"id":"run","inputs":["context:0"],"op":{{"Op":{{"exec":{{"meta":{{"args":["make"]}},
                  "mounts":[{mounts}]}}}}}}}}]}}}}"#
        );
        Build::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_change_below_several_bound_paths_is_attributed_to_none() {
        let mount = |path: &str| {
            format!(r#"{{"input":0,"selector":"/{path}","dest":"/{path}","readonly":true}}"#)
        };
        let one = command(&mount("conf"));
        let found = bound_paths(&one.steps[1], 0);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].path, &*found[0].detail),
            ("conf", "bound by the command")
        );
        let two = command(&[mount("conf"), mount("package.json")].join(","));
        let found = bound_paths(&two.steps[1], 0);
        let details: Vec<&str> = found.iter().map(|path| path.detail.as_str()).collect();
        assert_eq!(details, [ONE_OF; 2]);
    }
}
