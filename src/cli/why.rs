//! `why`: why each step of a build hit or missed its cache.

use std::path::{Path, PathBuf};

use clap::Args;

use super::json::Document as JsonDocument;
use super::open::{self, Scanned};
use super::show::the_ref;
use super::{Session, image};
use crate::context::Directories;
use crate::error::{Exit, Failure};
use crate::evidence::{self, LoadError, web};
use crate::format::evidence::Document;
use crate::format::text::visible;
use crate::source::Source;
use crate::why::{Given, Imported, WhyError, explain};

mod document;
mod print;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The refs that the build imports, as ./cache#main; or a build record (.dockerbuild), which names them itself.
    #[arg(value_name = "SOURCE#REF", required = true)]
    sources: Vec<String>,
    /// What tells of the build: provenance, a build record, an LLB definition or a log; a file, a folder of them, `-`,
    /// an image, as ghcr.io/acme/app:1, for the provenance beside it, or an http(s) address.
    #[arg(long, value_name = "EVIDENCE")]
    build: Vec<PathBuf>,
    /// The same of an earlier build, to tell what changed since.
    #[arg(long, value_name = "EVIDENCE")]
    baseline: Vec<PathBuf>,
    /// The build context on the disk; NAME=DIR for a named one.
    #[arg(long, value_name = "DIR")]
    context: Vec<String>,
}

pub(super) async fn run(session: &Session<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    let (mut documents, mut sources) = (load(session, &arguments.build).await?, Vec::new());
    for text in &arguments.sources {
        // A file is evidence: a source that is a file there is none.
        if Path::new(text).is_file() {
            documents.extend(load(session, &[PathBuf::from(text)]).await?);
        } else {
            sources.push(open::parse(session, text)?);
        }
    }
    let baseline = load(session, &arguments.baseline).await?;
    if sources.is_empty() {
        sources = imports(session, &documents)?;
    }
    let given = Given { documents, baseline, directories: Directories::named_by(&arguments.context) };
    let wanted = sources.len();
    let (scanned, failures) = open::scan_all(session, sources).await?;
    if scanned.len() < wanted {
        return Ok(open::conclude(session, 0, failures));
    }
    let imported: Vec<Imported<'_>> =
        scanned.iter().map(|scanned| the_import(session, scanned)).collect::<Result<_, _>>()?;
    let explanation = explain(&imported, given).await.map_err(failure)?;
    let label = labels(&scanned, &imported);
    if session.output.json {
        let document = document::Why::new(&label, &arguments, &explanation);
        return session.output.document(&JsonDocument::new("why", document, &failures));
    }
    session.output.text(&print::page(&label, &explanation, session.output.color))
}

impl Arguments {
    /// Returns what the build is told by.
    fn builds(&self) -> Vec<String> {
        let files = self.sources.iter().filter(|text| Path::new(text).is_file()).cloned();
        let name = |path: &PathBuf| {
            let text = path.to_string_lossy();
            web::address(&text).map_or_else(|| text.into_owned(), |url| web::shown(&url))
        };
        self.build.iter().map(name).chain(files).collect()
    }
}

fn the_import<'a>(session: &Session<'_>, scanned: &'a Scanned) -> Result<Imported<'a>, Failure> {
    let entry = the_ref(session, scanned)?;
    Ok(Imported { reader: &scanned.opened.reader, inventory: &scanned.inventory, entry })
}

fn labels(scanned: &[Scanned], imported: &[Imported<'_>]) -> String {
    let label =
        |(scanned, imported): (&Scanned, &Imported<'_>)| format!("{}#{}", scanned.opened.label(), imported.entry.name);
    scanned.iter().zip(imported).map(label).collect::<Vec<_>>().join(" ")
}

async fn load(session: &Session<'_>, paths: &[PathBuf]) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for path in paths {
        if let Some(url) = path.to_str().and_then(web::address) {
            let shown = visible(&web::shown(&url)).into_owned();
            let found = web::fetch(url, &session.access()).await;
            documents.push(found.map_err(|error| unusable(&error, &shown))?.document);
            continue;
        }
        if let Some(statements) = image::provenance(&session.access(), path).await? {
            let read = |statement: &Vec<u8>| crate::format::evidence::read(statement);
            let shown = visible(&path.to_string_lossy()).into_owned();
            let read: Result<Vec<Document>, _> = statements.iter().map(read).collect();
            documents.extend(read.map_err(|error| Failure::new(Exit::Failed, &error).on(&shown))?);
            continue;
        }
        let is_folder = path.is_dir();
        let (found, without_evidence) = evidence::load(path);
        documents.extend(found.into_iter().map(|found| found.document));
        for found in without_evidence {
            let failure = unusable(&found.error, &visible(&found.path.to_string_lossy()));
            // A folder may hold other things, too.
            if !is_folder {
                return Err(failure);
            }
            session.output.warn(&failure.message);
        }
    }
    Ok(documents)
}

/// Says that a piece of evidence is none, and what to do about it.
fn unusable(error: &LoadError, shown: &str) -> Failure {
    let failure = Failure::new(Exit::Failed, error).on(shown);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Returns the caches that a build record says the build imported.
fn imports(session: &Session<'_>, documents: &[Document]) -> Result<Vec<Source>, Failure> {
    let records = documents.iter().filter_map(|document| match document {
        Document::Records(records) => Some(records),
        _ => None,
    });
    let entries: Vec<_> = records.flatten().take(1).flat_map(|record| &record.imports).collect();
    if entries.is_empty() {
        let failure = Failure::message(Exit::Usage, "no cache is named, and the evidence names none");
        return Err(
            failure.hint("name the ref that the build imports, as in `cachelens why ./cache#main --build build.json`")
        );
    }
    entries.into_iter().map(|entry| open::parse(session, &entry.to_string())).collect()
}

fn failure(error: WhyError) -> Failure {
    let failure = Failure::new(Exit::Failed, &error);
    match error {
        WhyError::NoGraph => Failure { exit: Exit::Usage, ..failure }
            .hint("give the build's provenance (mode=max), its build record, or its LLB definition with --build"),
        WhyError::NoCache { faults, .. } => Failure { causes: faults, ..failure },
    }
}
