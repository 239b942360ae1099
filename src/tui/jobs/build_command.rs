//! Reads a build command as evidence of its build. Nothing is executed.

use std::path::Path;

use super::evidence::is_command;
use crate::explain::load::context::Directories;
use crate::explain::load::dockerfile::{Described, DescribedBuild};
use crate::explain::load::imports::BuildCaches;
use crate::explain::load::note::Note;
use crate::explain::load::request::{self, BuildRequest, DefinitionFiles, Disk, KnownOfBuild};
use crate::explain::load::step_names::definitions;
use crate::format::evidence::EvidenceDocument;
use crate::text::escape::visible;
use crate::tui::evidence::{EvidencePart, EvidenceReaders, NamedEvidence};

/// Evidence, with what a build command says beyond it.
#[derive(Debug, Default)]
pub(super) struct LoadedEvidence {
    pub(super) documents: Vec<EvidenceDocument>,
    /// The contexts of commands.
    pub(super) directories: Directories,
    /// What is not known of a build.
    pub(super) notes: Vec<Note>,
    /// The caches that commands import.
    pub(super) imports: Vec<String>,
    /// The number of files in folders that are no evidence.
    pub(super) skipped: usize,
}

impl LoadedEvidence {
    pub(super) fn extend(&mut self, other: Self) {
        self.documents.extend(other.documents);
        if other.directories.main.is_some() {
            self.directories.main = other.directories.main;
        }
        self.directories.named.extend(other.directories.named);
        self.notes.extend(other.notes);
        self.imports.extend(other.imports);
        self.skipped += other.skipped;
    }
}

/// The definitions of a build. A command here has no standard input.
struct CommandFiles(Disk);

impl DefinitionFiles for CommandFiles {
    fn read(&self, path: &str) -> Option<String> {
        self.0.read(path)
    }

    fn stdin(&self) -> Option<String> {
        None
    }
}

/// Reads the build of a command. `known` is other evidence of the same build.
///
/// # Errors
/// Returns a sentence about the part of the command that cannot be used.
pub(super) async fn load(
    text: String,
    known: &[EvidenceDocument],
    readers: &EvidenceReaders,
) -> Result<LoadedEvidence, String> {
    let request = request_of(text, readers).await?;
    let build = build_of(&request, known, None, readers)?;
    let described = (readers.describe)(build, known.to_vec()).await?;
    Ok(loaded(&request, described))
}

/// Converts the Dockerfile and the context of a revision of git, for the build of the given
/// command, else of the given context, else of the current directory. `known` is other evidence of
/// the build.
///
/// # Errors
/// Returns a sentence that explains why the revision cannot be used.
pub(super) async fn at_revision(
    revision: &str,
    given: &NamedEvidence,
    known: &[EvidenceDocument],
    readers: &EvidenceReaders,
) -> Result<Vec<EvidenceDocument>, String> {
    let Directories { main, named, .. } = given.directories();
    let mut commands = given.of(EvidencePart::Build).into_iter();
    let mut build = if let Some(text) = commands.find(|text| is_command(text)) {
        let request = request_of(text, readers).await?;
        build_of(&request, known, main.as_deref(), readers)?
    } else {
        let directory = main.unwrap_or_else(|| readers.directory.clone());
        let build = DescribedBuild::of_directory(&directory);
        let mut build = build.ok_or(
            "there is no Dockerfile to read of git: add the build command or the build context",
        )?;
        build.complete_from(known, None, false);
        build
    };
    for (name, directory) in named {
        let contexts = &mut build.options.build_contexts;
        contexts.insert(name, directory.to_string_lossy().into_owned());
    }
    let described = (readers.describe)(build.at_revision(revision), Vec::new()).await?;
    Ok(definitions(described.builds))
}

/// Parses a command with one target.
async fn request_of(text: String, readers: &EvidenceReaders) -> Result<BuildRequest, String> {
    if let Some(part) = placeholder(&text) {
        return Err(format!("replace {} by its value", visible(part)));
    }
    let files = CommandFiles(Disk {
        directory: readers.directory.clone(),
    });
    let read = move || {
        let lookup = |name: &str| std::env::var(name).ok();
        request::read(&[text], &files, &lookup).map_err(|error| error.to_string())
    };
    let requests = tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| "it was interrupted".to_owned())??;
    the_request(requests)
}

/// Returns the first part of a command that only a build knows.
fn placeholder(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let end = text[start..].find('}')? + start;
    Some(&text[start..=end])
}

fn the_request(mut requests: Vec<BuildRequest>) -> Result<BuildRequest, String> {
    match (requests.pop(), requests.is_empty()) {
        (Some(request), true) => Ok(request),
        (None, _) => Err("it builds nothing".to_owned()),
        (Some(last), false) => {
            requests.push(last);
            let names: Vec<&str> = requests
                .iter()
                .filter_map(|request| request.name.as_deref())
                .collect();
            let names = visible(&names.join(", ")).into_owned();
            Err(format!("it builds several targets: name one of {names}"))
        }
    }
}

/// Returns the build of a request in the directory of commands.
fn build_of(
    request: &BuildRequest,
    known: &[EvidenceDocument],
    context: Option<&Path>,
    readers: &EvidenceReaders,
) -> Result<DescribedBuild, String> {
    let build = request.build(&KnownOfBuild {
        directory: &readers.directory,
        documents: known,
        file: None,
        context,
    });
    if build.reads_stdin() {
        return Err("it reads the Dockerfile from standard input".to_owned());
    }
    Ok(build)
}

fn loaded(request: &BuildRequest, described: Described) -> LoadedEvidence {
    let BuildCaches {
        caches,
        notes: of_caches,
    } = BuildCaches::of_request(request);
    let mut notes = described.notes;
    notes.extend(request.note_of_unknown_flags());
    notes.extend(of_caches);
    let directories = described.directories;
    LoadedEvidence {
        documents: definitions(described.builds),
        directories,
        notes,
        imports: caches,
        skipped: 0,
    }
}
