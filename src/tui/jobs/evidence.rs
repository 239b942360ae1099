//! Reads evidence that a person names, detects its type, and completes names.

use std::fs;
use std::path::MAIN_SEPARATOR;

use tokio_util::sync::CancellationToken;

use super::build_command::{self, LoadedEvidence};
use super::{Jobs, Reporter};
use crate::error::Failure;
use crate::explain::evidence::CacheEvidence;
use crate::explain::load::context::Directories;
use crate::explain::load::documents::named::{self, NamedEvidenceError, StreamInput};
use crate::explain::load::documents::{LoadError, Unusable};
use crate::explain::load::note::{EvidenceNote, Note};
use crate::explain::load::step_names::StepNames;
use crate::format::evidence::EvidenceDocument;
use crate::format::provenance::Build;
use crate::prune::rewrite::UnusableEvidence;
use crate::text::causes::in_one_line;
use crate::text::escape::visible;
use crate::text::plural::{counted, one_or};
use crate::tui::evidence::{self as given, EvidencePart, EvidenceReaders, NamedEvidence};
use crate::tui::message::{Completion, JobReport};

/// The maximum number of directory entries to read for a completion.
const MOST_ENTRIES: usize = 20_000;
/// The maximum number of names to offer.
const MOST_NAMES: usize = 200;

/// Reads pieces of evidence.
///
/// # Errors
/// Returns a sentence about the first unusable piece, with its name.
async fn load(texts: Vec<String>, readers: &EvidenceReaders) -> Result<LoadedEvidence, String> {
    let mut loaded = LoadedEvidence::default();
    // Commands come last: other evidence of the same build completes their options.
    let (commands, others): (Vec<String>, Vec<String>) =
        texts.into_iter().partition(|text| is_command(text));
    for text in others.into_iter().chain(commands) {
        let shown = visible(&named::shown(&text)).into_owned();
        let read = read(text, &loaded.documents, readers).await;
        loaded.extend(read.map_err(|fault| format!("{shown}: {fault}"))?);
    }
    Ok(loaded)
}

/// Reads the evidence of the build, and that of an earlier build.
///
/// # Errors
/// The same as [`load()`].
pub(super) async fn of_builds(
    given: &NamedEvidence,
    readers: &EvidenceReaders,
) -> Result<(LoadedEvidence, Vec<EvidenceDocument>), String> {
    let loaded = load(given.of(EvidencePart::Build), readers).await?;
    let baseline = of_baseline(given, &loaded.documents, readers).await?;
    Ok((loaded, baseline))
}

/// Reads the evidence of an earlier build. `of_build` is evidence of the build itself, which
/// completes the options of its Dockerfile in a revision.
async fn of_baseline(
    given: &NamedEvidence,
    of_build: &[EvidenceDocument],
    readers: &EvidenceReaders,
) -> Result<Vec<EvidenceDocument>, String> {
    let (revisions, others): (Vec<String>, Vec<String>) = given
        .of(EvidencePart::Baseline)
        .into_iter()
        .partition(|text| named::revision(text).is_some());
    let mut documents = load(others, readers).await?.documents;
    for revision in revisions.iter().filter_map(|text| named::revision(text)) {
        let found = build_command::at_revision(revision, given, of_build, readers).await;
        let shown = visible(revision).into_owned();
        documents.extend(found.map_err(|fault| format!("git:{shown}: {fault}"))?);
    }
    Ok(documents)
}

/// Detects the type of a piece of evidence.
///
/// # Errors
/// Returns a sentence that explains why it is not evidence.
pub(super) async fn recognise(
    part: EvidencePart,
    text: String,
    readers: &EvidenceReaders,
) -> Result<String, String> {
    if part == EvidencePart::Baseline
        && let Some(revision) = named::revision(&text)
    {
        // Its files are read with the context, which may be given later.
        return if revision.is_empty() {
            Err("it names no revision".to_owned())
        } else {
            Ok("the Dockerfile and the context of a revision".to_owned())
        };
    }
    if part != EvidencePart::Context {
        let loaded = read(text, &[], readers).await?;
        let mut seen: Vec<String> = loaded.documents.iter().map(words).collect();
        if loaded.skipped > 0 {
            seen.push(format!("{} not used", counted(loaded.skipped, "file")));
        }
        return Ok(seen.join("; "));
    }
    let look = move || {
        let given = NamedEvidence::new(Vec::new(), Vec::new(), vec![text]);
        let Directories { main, named, .. } = given.directories();
        let (name, path) = match (main, named.into_iter().next()) {
            (Some(path), _) => ("the main context".to_owned(), path),
            (None, Some((name, path))) => (format!("the context `{name}`"), path),
            (None, None) => return Err("it names no directory".to_owned()),
        };
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err("it is no directory".to_owned()),
            Err(error) => return Err(format!("cannot read it: {error}")),
        }
        let ignores = if path.join(".dockerignore").is_file() {
            ", with a .dockerignore"
        } else {
            ""
        };
        Ok(format!("{name}{ignores}"))
    };
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|_| "it was interrupted".to_owned())?
}

/// Loads the evidence that names the steps of a cache: evidence of builds, and of the files that
/// they used.
///
/// # Errors
/// Returns a sentence that explains the problem.
pub(super) async fn for_names(
    given: &NamedEvidence,
    readers: &EvidenceReaders,
) -> Result<CacheEvidence, UnusableEvidence> {
    let loaded = of_builds(given, readers).await;
    let (loaded, before) = loaded.map_err(UnusableEvidence::Unread)?;
    let directories = merged(given.directories(), loaded.directories);
    let now = loaded.documents;
    let gather = move || {
        let mut names = StepNames::default();
        names.add(now, &directories);
        names.add(before, &Directories::default());
        // A log among the evidence of a build names no steps; it is used for explanations.
        names.evidence
    };
    let evidence = tokio::task::spawn_blocking(gather)
        .await
        .map_err(|_| UnusableEvidence::Interrupted)?;
    if evidence.is_empty() {
        return Err(UnusableEvidence::NoSteps);
    }
    Ok(evidence)
}

/// Returns the directories that a person named, and those of commands.
pub(super) fn merged(named: Directories, of_commands: Directories) -> Directories {
    let mut merged = of_commands;
    merged.main = named.main.or(merged.main);
    merged.named.extend(named.named);
    merged
}

pub(super) fn is_command(text: &str) -> bool {
    given::is_command(text) && !given::path(text).exists()
}

/// Reads a piece of evidence. `known` is other evidence of the same build.
async fn read(
    text: String,
    known: &[EvidenceDocument],
    readers: &EvidenceReaders,
) -> Result<LoadedEvidence, String> {
    if is_command(&text) {
        return build_command::load(text, known, readers).await;
    }
    let found = named::read(&given::path(&text), &readers.access, StreamInput::Refused)
        .await
        .map_err(describe_unusable)?;
    Ok(LoadedEvidence {
        documents: found.documents,
        notes: found.skipped.iter().map(note_of_skipped).collect(),
        skipped: found.skipped.len(),
        ..LoadedEvidence::default()
    })
}

fn note_of_skipped(skipped: &Unusable) -> Note {
    let note = EvidenceNote::NotEvidence {
        file: skipped.path.to_string_lossy().into_owned(),
        error: in_one_line(&skipped.error),
    };
    note.into()
}

fn describe_unusable(error: NamedEvidenceError) -> String {
    match error {
        NamedEvidenceError::Image(error) => Failure::from(error).to_string(),
        // Its hint lists the forms of arguments.
        NamedEvidenceError::Load(error @ LoadError::Read(_)) => in_one_line(&error),
        NamedEvidenceError::Load(error) => {
            let text = in_one_line(&error);
            match error.hint() {
                Some(hint) => format!("{text}: {hint}"),
                None => text,
            }
        }
        error => error.to_string(),
    }
}

/// Returns a short description of a document.
fn words(document: &EvidenceDocument) -> String {
    let steps = |build: &Build| counted(build.steps.len(), "step");
    let vertices = |count: usize| format!("{count} {}", one_or(count, "vertex", "vertices"));
    match document {
        EvidenceDocument::Provenance(build) => format!("provenance, {}", steps(build)),
        EvidenceDocument::Definition(build) => format!("LLB definition, {}", steps(build)),
        EvidenceDocument::Builds(builds) => format!("provenance of {} builds", builds.len()),
        EvidenceDocument::Options(_) => "options of a build, no steps (mode=min)".to_owned(),
        EvidenceDocument::Records(records) => {
            let record = records.first();
            let log = record.is_some_and(|record| !record.log.vertices.is_empty());
            let imports = record.map_or(0, |record| record.imports.len());
            let builds = record.map_or(0, |record| record.builds.len());
            let mut parts = vec!["build record".to_owned()];
            parts.push(
                if builds > 0 {
                    "provenance"
                } else {
                    "no provenance"
                }
                .to_owned(),
            );
            parts.push(if log { "log" } else { "no log" }.to_owned());
            if imports > 0 {
                parts.push(format!("names {}", counted(imports, "cache")));
            }
            if records.len() > 1 {
                parts.push(format!("and {} more", records.len() - 1));
            }
            parts.join(", ")
        }
        EvidenceDocument::Log(log) => format!("log, {}", vertices(log.vertices.len())),
        EvidenceDocument::PlainLog(log) => {
            format!("plain log, {}", vertices(log.vertices.len()))
        }
        EvidenceDocument::CacheDebug(_) => "cache debug data".to_owned(),
    }
}

/// Completes the path at the end of `text`, which a person typed for `part`.
pub(super) fn complete(part: EvidencePart, text: &str) -> Completion {
    let (lead, typed) = match text.split_once('=') {
        Some((name, path)) if part == EvidencePart::Context => (format!("{name}="), path),
        _ => (String::new(), text),
    };
    let (folder, begun) = typed
        .rfind(MAIN_SEPARATOR)
        .map_or(("", typed), |at| typed.split_at(at + 1));
    let place = if folder.is_empty() {
        given::path(".")
    } else {
        given::path(folder)
    };
    let mut names: Vec<String> = fs::read_dir(place)
        .into_iter()
        .flatten()
        .take(MOST_ENTRIES)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let is_hidden = name.starts_with('.') && !begun.starts_with('.');
            if is_hidden || !name.starts_with(begun) {
                return None;
            }
            let is_folder = entry.path().is_dir();
            (is_folder || part != EvidencePart::Context)
                .then(|| if is_folder { format!("{name}/") } else { name })
        })
        .collect();
    names.sort_unstable();
    let common =
        names
            .iter()
            .skip(1)
            .fold(names.first().map_or("", String::as_str), |common, name| {
                let same = common
                    .char_indices()
                    .zip(name.chars())
                    .find(|((_, one), other)| one != other);
                let end = same.map_or(common.len().min(name.len()), |((at, _), _)| at);
                &common[..end]
            });
    let completed = if common.len() > begun.len() {
        format!("{lead}{folder}{common}")
    } else {
        text.to_owned()
    };
    if names.len() == 1 {
        names.clear();
    }
    names.truncate(MOST_NAMES);
    Completion {
        text: completed,
        names,
    }
}

impl Jobs {
    /// Detects the type of a piece of evidence.
    pub(super) fn recognise(
        &mut self,
        part: EvidencePart,
        text: String,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let readers = self.settings.readers.clone();
        self.reporting(reporter, cancel, async move {
            JobReport::Recognised(recognise(part, text, &readers).await)
        });
    }
}
