//! The builds of a history: from records, provenance and logs, and from revisions in git.

use std::collections::BTreeMap;
use std::path::Path;

use super::context::Directories;
use super::git::{self, GitError, TreeFile};
use super::note::{EvidenceNote, Note};
use super::{BuildLabel, Wanted, evidence, log};
use crate::explain::context::rules::Rules;
use crate::explain::context::{ContextEntry, ContextEntryKind, ContextFiles};
use crate::explain::history::HistoryBuild;
use crate::explain::history::inputs::TakenFiles;
use crate::explain::keys::{self, selectors};
use crate::explain::names;
use crate::format::digest::Digest;
use crate::format::evidence::EvidenceDocument;
use crate::format::llb::OpKind;
use crate::format::pattern_matcher::PatternMatcher;
use crate::format::provenance::{Build, StepIndex};

/// How many builds are compared at most; the newest count.
pub const MOST_BUILDS: usize = 100;

/// Says why builds cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There are not two.
    #[error("a history needs at least two builds, and the evidence describes {0}")]
    TooFew(usize),
}

/// Puts the builds of documents together with those of revisions. Builds for one target and
/// platform are compared: those that are wanted, else those that the evidence has most of. The
/// order is that of time where all builds have one, else the order in which they were given.
///
/// # Errors
/// When there are fewer than two.
pub fn gather(
    documents: Vec<EvidenceDocument>,
    revisions: Vec<HistoryBuild>,
    wanted: &Wanted,
    notes: &mut Vec<Note>,
) -> Result<Vec<HistoryBuild>, HistoryError> {
    let mut found = evidence::gather(documents, notes);
    found.retain(|evidence| !evidence.build.steps.is_empty());
    let labels: Vec<BuildLabel> = found
        .iter()
        .map(|evidence| evidence.label.clone())
        .collect();
    let alike = |one: &BuildLabel, other: &BuildLabel| {
        one.target == other.target && one.platform == other.platform
    };
    let fits = labels.iter().filter(|label| label.fits(wanted));
    let count = |label: &&BuildLabel| labels.iter().filter(|other| alike(label, other)).count();
    // Of equal ones `max_by_key` returns the last.
    let chosen = fits.rev().max_by_key(count).cloned();
    let all = found.len();
    found.retain(|evidence| {
        chosen
            .as_ref()
            .is_some_and(|label| alike(label, &evidence.label))
    });
    if found.len() < all
        && let Some(chosen) = chosen
    {
        let note = EvidenceNote::ExcludedBuilds {
            count: all - found.len(),
            compared: BuildLabel {
                reference: None,
                ..chosen
            },
        };
        notes.push(note.into());
    }
    // A plain log names no build, so it says nothing about one of several.
    let is_one = found.len() == 1;
    let mut builds: Vec<HistoryBuild> = found
        .into_iter()
        .enumerate()
        .map(|(place, evidence)| of_evidence(place, evidence, is_one))
        .collect();
    builds.extend(revisions);
    if builds.iter().all(|build| build.started.is_some()) {
        builds.sort_by_key(|build| build.started);
    }
    keep_last(&mut builds, notes);
    match builds.len() {
        0 | 1 => Err(HistoryError::TooFew(builds.len())),
        _ => Ok(builds),
    }
}

/// Keeps the last builds, at most [`MOST_BUILDS`].
fn keep_last(builds: &mut Vec<HistoryBuild>, notes: &mut Vec<Note>) {
    let all = builds.len();
    if all > MOST_BUILDS {
        let note = EvidenceNote::LastBuilds {
            all,
            compared: MOST_BUILDS,
        };
        notes.push(note.into());
        builds.drain(..all - MOST_BUILDS);
    }
}

fn of_evidence(place: usize, evidence: evidence::GatheredEvidence, is_one: bool) -> HistoryBuild {
    let mut logs = evidence.log;
    if !is_one {
        logs.plain = None;
    }
    // A log that is of another build says nothing here.
    logs.rich = logs.rich.filter(|rich| log::knows(&evidence.build, rich));
    let names = names::of_steps(&evidence.build);
    let name = evidence
        .label
        .reference
        .unwrap_or_else(|| format!("build {}", place + 1));
    HistoryBuild {
        name,
        started: evidence.build.started.or_else(|| logs.started()),
        keys: keys::of_build(&evidence.build),
        busy: log::busy(&evidence.build, &names, &logs),
        logged: log::verdicts(&evidence.build, &names, &logs, &mut Vec::new()),
        files: None,
        names,
        build: evidence.build,
    }
}

/// Describes the build of a revision, with the files that its steps take of the context.
///
/// # Errors
/// When git does not have the revision.
pub fn of_revision(
    revision: &str,
    build: Build,
    directory: &Path,
) -> Result<HistoryBuild, GitError> {
    let files = git::files(revision, directory)?;
    let taken = taken(&build, &files);
    let is_hash = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = if is_hash { &revision[..12] } else { revision };
    Ok(HistoryBuild {
        name: format!("git:{short}"),
        keys: keys::of_build(&build),
        names: names::of_steps(&build),
        files: Some(taken),
        build,
        ..HistoryBuild::default()
    })
}

/// Finds the files that each step takes of the main context. Their digests are of git and no keys.
fn taken(build: &Build, files: &[TreeFile]) -> TakenFiles {
    let mut taken = TakenFiles::new();
    let mut sources: BTreeMap<StepIndex, ContextFiles> = BTreeMap::new();
    for (step, of) in (0..).map(StepIndex).zip(&build.steps) {
        if let OpKind::Source(op) = &of.op.kind
            && op.identifier == "local://context"
        {
            let exclude = Rules::of_source(op)
                .map(|rules| rules.exclude)
                .unwrap_or_default();
            sources.insert(step, sent(files, &exclude));
        }
    }
    for (step, of) in (0..).map(StepIndex).zip(&build.steps) {
        for (input, output) in of.inputs.iter().enumerate() {
            let Some(files) = sources.get(&output.step) else {
                continue;
            };
            let selectors = selectors::of_input(&of.op.kind, input, of.inputs.len());
            let selected = selectors
                .iter()
                .filter_map(|selector| files.selected(selector).ok());
            let found = selected.flatten().filter(|entry| !entry.is_directory());
            let found = found.filter_map(|entry| {
                let path = String::from_utf8_lossy(&entry.path).into_owned();
                Some((path, entry.digest?))
            });
            taken.entry(step).or_default().extend(found);
        }
    }
    taken
}

/// Returns the files that a client sends.
pub(super) fn sent(files: &[TreeFile], exclude: &[String]) -> ContextFiles {
    let exclude = PatternMatcher::new(exclude).ok();
    let is_sent = |file: &&TreeFile| {
        let exclude = exclude.as_ref();
        exclude.is_none_or(|exclude| !exclude.matches(&file.path, None).0)
    };
    let entry = |file: &TreeFile| ContextEntry {
        digest: Some(Digest::of(file.content.as_bytes())),
        ..ContextEntry::new(&file.path, ContextEntryKind::File(0), 0o644)
    };
    ContextFiles::of_context(files.iter().filter(is_sent).map(entry).collect())
}

/// Returns the revisions that a text after `git:` names: one, or those of a range.
///
/// # Errors
/// When git does not have them.
pub fn revisions(text: &str, directories: &Directories) -> Result<Vec<String>, GitError> {
    let directory = directories.main.as_deref().unwrap_or(Path::new("."));
    if text.contains("..") {
        git::revisions(text, directory, MOST_BUILDS)
    } else {
        Ok(vec![text.to_owned()])
    }
}
