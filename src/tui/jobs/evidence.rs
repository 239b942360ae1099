//! Reads evidence that a person names, detects its type, and completes names.

use std::fs;
use std::path::{MAIN_SEPARATOR, Path};

use tokio_util::sync::CancellationToken;

use super::build_command::{self, LoadedEvidence};
use super::{Jobs, Reporter};
use crate::explain::evidence::CacheEvidence;
use crate::explain::load::context::{self, Directories};
use crate::explain::load::documents;
use crate::format::evidence::EvidenceDocument;
use crate::format::provenance::Build;
use crate::text::causes::in_one_line;
use crate::text::escape::visible;
use crate::text::plural::{counted, one_or};
use crate::tui::evidence::{self as given, EvidencePart, EvidenceReaders, NamedEvidence};
use crate::tui::message::{Completion, JobReport};

/// The maximum number of directory entries to read for a completion.
const MOST_ENTRIES: usize = 20_000;
/// The maximum number of names to offer.
const MOST_NAMES: usize = 200;

/// Reads all evidence of a part.
///
/// # Errors
/// Returns a sentence about the first unusable piece, with its name.
pub(super) async fn load(
    given: &NamedEvidence,
    part: EvidencePart,
    readers: &EvidenceReaders,
) -> Result<LoadedEvidence, String> {
    let mut loaded = LoadedEvidence::default();
    // Commands come last: other evidence of the same build completes their options.
    let (commands, others): (Vec<String>, Vec<String>) = given
        .of(part)
        .into_iter()
        .partition(|text| is_command(text));
    for text in others.into_iter().chain(commands) {
        let shown = visible(&text).into_owned();
        let read = read(text, &loaded.documents, readers).await;
        loaded.extend(read.map_err(|fault| format!("{shown}: {fault}"))?);
    }
    Ok(loaded)
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
    if part != EvidencePart::Context {
        let LoadedEvidence { documents, .. } = read(text, &[], readers).await?;
        return Ok(documents.iter().map(words).collect::<Vec<_>>().join("; "));
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
) -> Result<CacheEvidence, String> {
    let loaded = load(given, EvidencePart::Build, readers).await?;
    let before = load(given, EvidencePart::Baseline, readers)
        .await?
        .documents;
    let directories = merged(given.directories(), loaded.directories);
    let now = loaded.documents;
    let gather = move || {
        let mut evidence = CacheEvidence::default();
        for debug in now
            .iter()
            .chain(&before)
            .filter(|document| matches!(document, EvidenceDocument::CacheDebug(_)))
        {
            let _ = evidence.add_document(debug.clone());
        }
        for build in builds(now) {
            let contexts = context::load(&build, &directories);
            // Evidence without steps was rejected on reading.
            let _ = evidence.add_build_with(build, &contexts.files);
        }
        for build in builds(before) {
            let _ = evidence.add_build(build);
        }
        evidence
    };
    let evidence = tokio::task::spawn_blocking(gather)
        .await
        .map_err(|_| "it was interrupted".to_owned())?;
    if evidence.is_empty() {
        return Err(
            "it does not describe the steps: give the build's provenance (mode=max), its record or its definition".to_owned()
        );
    }
    Ok(evidence)
}

fn builds(documents: Vec<EvidenceDocument>) -> impl Iterator<Item = Build> {
    documents.into_iter().flat_map(|document| match document {
        EvidenceDocument::Provenance(build) | EvidenceDocument::Definition(build) => vec![*build],
        EvidenceDocument::Builds(builds) => builds.into_iter().map(|named| named.build).collect(),
        EvidenceDocument::Records(records) => records
            .into_iter()
            .flat_map(|record| record.builds)
            .collect(),
        EvidenceDocument::Options(_)
        | EvidenceDocument::Log(_)
        | EvidenceDocument::PlainLog(_)
        | EvidenceDocument::CacheDebug(_) => Vec::new(),
    })
}

/// Returns the directories that a person named, and those of commands.
pub(super) fn merged(named: Directories, of_commands: Directories) -> Directories {
    let mut merged = of_commands;
    merged.main = named.main.or(merged.main);
    merged.named.extend(named.named);
    merged
}

fn is_command(text: &str) -> bool {
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
    Ok(LoadedEvidence {
        documents: documents_of(text, readers).await?,
        ..LoadedEvidence::default()
    })
}

async fn documents_of(
    text: String,
    readers: &EvidenceReaders,
) -> Result<Vec<EvidenceDocument>, String> {
    if !given::path(&text).exists()
        && let Some(statements) = (readers.images)(text.clone()).await?
    {
        let read = |statement: &Vec<u8>| crate::format::evidence::read(statement);
        let documents: Result<Vec<EvidenceDocument>, _> = statements.iter().map(read).collect();
        return match documents {
            Ok(documents) if documents.is_empty() => {
                Err("the image carries no provenance".to_owned())
            }
            documents => documents.map_err(|error| error.to_string()),
        };
    }
    tokio::task::spawn_blocking(move || in_files(&given::path(&text)))
        .await
        .map_err(|_| "it was interrupted".to_owned())?
}

fn in_files(path: &Path) -> Result<Vec<EvidenceDocument>, String> {
    let found = fs::metadata(path).map_err(|error| format!("cannot read it: {error}"))?;
    // A pipe would block its reader, and would be empty the second time.
    if !found.is_file() && !found.is_dir() {
        return Err("it is neither a file nor a folder".to_owned());
    }
    let (read, unusable) = documents::load(path);
    // A folder may contain other files, too.
    match unusable.into_iter().next() {
        Some(unusable) if !found.is_dir() || read.is_empty() => {
            Err(describe_unusable(&unusable.error, found.is_dir()))
        }
        None if read.is_empty() => Err("the folder is empty".to_owned()),
        _ => Ok(read.into_iter().map(|found| found.document).collect()),
    }
}

fn describe_unusable(error: &documents::LoadError, in_folder: bool) -> String {
    if in_folder {
        return "no file in it is evidence of a build".to_owned();
    }
    let text = in_one_line(error);
    match error.hint() {
        Some(hint) => format!("{text}: {hint}"),
        None => text,
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
