//! `report`: one page about sources, as a self-contained HTML file or as Markdown.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::check::check_one;
use super::json::JsonDocument;
use super::open::Scanned;
use super::why::of_ref::BuildEvidence;
use super::{CliSession, ignored, open};
use crate::check::limits::CheckLimits;
use crate::error::{Exit, Failure};
use crate::report::Issue;
use crate::report::documents::SourceUsageDocument;
use crate::report::file::OutputFile;
use crate::report::page::price::Price;
use crate::report::page::{Page, SourcePart, html, markdown};
use crate::source::{Source, SourceText};
use crate::text::escape::visible;

mod parts;

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The caches to report on; the default is the sources of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceText>,
    /// Write the page to this file instead of printing it.
    ///
    /// An existing file is replaced. --json needs it, because it prints a document about the page.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The format of the page.
    ///
    /// The default depends on the extension of the file, and is HTML otherwise.
    #[arg(long, value_name = "FORMAT")]
    format: Option<PageFormat>,
    /// The price of storage, such as 0.023/GB-month. Without it, s3 and gha have a list price,
    /// which the page marks as assumed.
    #[arg(long, value_name = "PRICE")]
    price: Option<Price>,
    #[command(flatten)]
    build: BuildEvidence,
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum PageFormat {
    /// One HTML file that needs no network.
    Html,
    /// Markdown, for summaries of workflow runs and for comments.
    Markdown,
}

/// What was written, for scripts.
#[derive(Serialize)]
struct WrittenPage {
    /// The file; `None` if no source could be read, and nothing was written.
    path: Option<String>,
    format: PageFormat,
    sources: Vec<SourceUsageDocument>,
}

impl ReportArguments {
    fn format(&self) -> PageFormat {
        let extension = self.output.as_deref().and_then(Path::extension);
        let is_markdown = extension.is_some_and(|extension| {
            extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown")
        });
        self.format.unwrap_or(if is_markdown {
            PageFormat::Markdown
        } else {
            PageFormat::Html
        })
    }
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: ReportArguments,
) -> Result<Exit, Failure> {
    let output = session.output;
    if output.json && arguments.output.is_none() {
        let failure = Failure::message(Exit::Usage, "a page cannot be printed as JSON");
        return Err(failure.hint("add `--output FILE` for the page"));
    }
    arguments.build.check()?;
    let sources = selected(session, &arguments)?;
    let (scanned, mut failures) = open::scan_found(session, sources).await?;
    failures.extend(open::unread(&scanned));
    let now = Timestamp::now();
    let mut parts = Vec::new();
    for scanned in &scanned {
        parts.push(part(session, scanned, &arguments, now).await?);
    }
    let page = Page {
        created: now,
        sources: parts,
        failed: failures
            .iter()
            .map(|(source, failure)| (source.clone(), failure.message.clone()))
            .collect(),
    };
    let text = match arguments.format() {
        PageFormat::Html => html::page(&page),
        PageFormat::Markdown => markdown::page(&page),
    };
    // With nothing to report, an existing file is not replaced.
    let path = match &arguments.output {
        Some(path) if !page.sources.is_empty() => Some(path),
        _ => None,
    };
    if let Some(path) = path {
        write(path, &text)?;
    }
    let shown = path.map(|path| visible(&path.to_string_lossy()).into_owned());
    if output.json {
        let document = WrittenPage {
            path: shown,
            format: arguments.format(),
            sources: scanned.iter().map(usage).collect(),
        };
        output.document(&JsonDocument::new("report", document, &failures))?;
    } else if let Some(shown) = shown {
        output.text(&format!("wrote {shown}\n"))?;
    } else if arguments.output.is_none() {
        output.text(&text)?;
    }
    Ok(open::conclude(session, page.sources.len(), &failures))
}

/// Returns the sources to report on.
///
/// # Errors
/// Fails if one of them names a single ref.
fn selected(session: &CliSession<'_>, arguments: &ReportArguments) -> Result<Vec<Source>, Failure> {
    let sources = open::sources_to_read(session, &arguments.sources)?;
    if arguments.sources.is_empty() {
        return Ok(open::without_refs(sources));
    }
    let names_one = |source: &&Source| source.select.as_ref().is_some_and(|s| !s.is_pattern());
    let Some(source) = sources.iter().find(names_one) else {
        return Ok(sources);
    };
    let shown = visible(&source.to_string()).into_owned();
    let message = format!("a report is about whole sources, and {shown} names one ref");
    let failure = Failure::message(Exit::Usage, message);
    Err(failure.hint("`cachelens show SOURCE#REF` shows one ref"))
}

/// Returns the numbers of a source.
fn usage(scanned: &Scanned) -> SourceUsageDocument {
    let inventory = &scanned.inventory;
    let kind = scanned.opened.source.kind();
    SourceUsageDocument::new(scanned.opened.label(), kind, inventory, &inventory.totals())
}

/// Gathers what the page says about a source.
async fn part(
    session: &CliSession<'_>,
    scanned: &Scanned,
    arguments: &ReportArguments,
    now: Timestamp,
) -> Result<SourcePart, Failure> {
    let checked = check_one(session, scanned, false, &CheckLimits::default()).await?;
    let (findings, _) = ignored::findings(checked.findings, &session.settings, session.output);
    let issues = findings.iter().map(Issue::of_finding).collect();
    let opened = &scanned.opened;
    let kind = opened.source.kind();
    let mut part = SourcePart::new(opened.label(), kind, &scanned.inventory, issues);
    let select = opened.source.select.as_ref();
    if let Some(pattern) = select.filter(|select| select.is_pattern()) {
        let refs = scanned.selected().into_iter().map(|(_, entry)| entry);
        part.select(&pattern.to_string(), refs.collect());
    }
    if let Some(price) = &arguments.price {
        part.price = Some(price.clone());
    }
    part.build = parts::build(session, scanned, &arguments.build).await?;
    part.plan = Some(parts::plan(session, scanned, now).await);
    Ok(part)
}

/// Writes a file atomically; on failure an existing file is unchanged.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OutputFile::create(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.replace()
    });
    written.map_err(|error| {
        let shown = visible(&path.to_string_lossy()).into_owned();
        Failure::new(Exit::Failed, &error).on(&format!("{shown} cannot be written"))
    })
}
