//! `why`: why each step of a build hit or missed its cache.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Session;
use super::evidence::documents;
use super::json::Document as JsonDocument;
use super::open::{self, Scanned};
use super::show::the_ref;
use crate::context::Directories;
use crate::error::{Exit, Failure};
use crate::evidence::web;
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
    let (mut told, mut sources) = (documents(session, &arguments.build).await?, Vec::new());
    for text in &arguments.sources {
        // A file is evidence: a source that is a file there is none.
        if Path::new(text).is_file() {
            told.extend(documents(session, &[PathBuf::from(text)]).await?);
        } else {
            sources.push(open::parse(session, text)?);
        }
    }
    let baseline = documents(session, &arguments.baseline).await?;
    if sources.is_empty() {
        sources = imports(session, &told)?;
    }
    let given = Given { documents: told, baseline, directories: Directories::named_by(&arguments.context) };
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
    session.output.text(&print::page(&label, &explanation, session.output.paper))
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
    let sources = entries.into_iter().map(|entry| open::parse(session, &entry.to_string()));
    let sources: Vec<Source> = sources.collect::<Result<_, _>>()?;
    match sources.iter().find(|source| source.signs_for_another_service()) {
        // Whoever wrote the record chose it.
        Some(source) => {
            let message = format!(
                "the record names an S3 service of its own, which would get requests signed with your keys: {}",
                visible(&source.to_string())
            );
            Err(Failure::message(Exit::Usage, message)
                .hint("when it is yours, name the cache before the record, as it stands there"))
        }
        None => Ok(sources),
    }
}

fn failure(error: WhyError) -> Failure {
    let failure = Failure::new(Exit::Failed, &error);
    match error {
        WhyError::NoGraph => Failure { exit: Exit::Usage, ..failure }
            .hint("give the build's provenance (mode=max), its build record, or its LLB definition with --build"),
        WhyError::NoCache { faults, .. } => Failure { causes: faults, ..failure },
        WhyError::Interrupted => failure,
    }
}
