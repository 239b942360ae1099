//! `why --history`: the inputs that change in nearly every build.

use std::path::{Path, PathBuf};

use super::WhyArguments;
use super::answer::WhyFormat;
use crate::cli::CliSession;
use crate::cli::evidence::documents;
use crate::cli::json::JsonDocument;
use crate::cli::open;
use crate::error::{Exit, Failure};
use crate::explain::frontend::BuildOptions;
use crate::explain::history::{HistoryBuild, compare};
use crate::explain::load::context::Directories;
use crate::explain::load::dockerfile::DescribedBuild;
use crate::explain::load::documents::{named, web};
use crate::explain::load::history::{self, HistoryError};
use crate::format::evidence::{self, EvidenceDocument};
use crate::report::github;
use crate::report::why_history::{self, WhyHistory};
use crate::source::{RefSelector, Source, SourceLocation, SourceText};
use crate::text::escape::visible;

/// Compares the builds that the evidence describes.
pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: &WhyArguments,
) -> Result<Exit, Failure> {
    if matches!(arguments.format, WhyFormat::Sarif | WhyFormat::Junit) && !session.output.json {
        let message = "SARIF and JUnit are about the misses of one build, and --history is not";
        return Err(Failure::message(Exit::Usage, message)
            .hint("use --format text, json, markdown or github"));
    }
    let directories = Directories::named_by(&arguments.context);
    let mut found = Vec::new();
    let mut revisions = Vec::new();
    let sources = arguments
        .sources
        .iter()
        .map(|text| PathBuf::from(text.expose()));
    let all: Vec<PathBuf> = sources
        .chain(arguments.build.iter().cloned())
        .chain(arguments.history.iter().cloned())
        .collect();
    for item in &all {
        if let Some(text) = item.to_str().and_then(named::revision) {
            let failed = |error| Failure::new(Exit::Failed, &error);
            revisions.extend(history::revisions(text, &directories).map_err(failed)?);
        } else if let Some(statements) = of_ref(session, item).await? {
            found.extend(statements);
        } else {
            found.extend(documents(session, std::slice::from_ref(item)).await?);
        }
    }
    let mut notes = Vec::new();
    let revisions = described(session, arguments, &directories, &revisions).await?;
    let wanted = arguments.described.wanted();
    let builds = history::gather(found, revisions, &wanted, &mut notes);
    let builds = builds.map_err(|error| failure(&error))?;
    let inputs = compare(&builds);
    let history = WhyHistory {
        builds: &builds,
        inputs: &inputs,
        notes: &notes,
    };
    present(session, arguments, &history)
}

fn present(
    session: &CliSession<'_>,
    arguments: &WhyArguments,
    history: &WhyHistory<'_>,
) -> Result<Exit, Failure> {
    let output = session.output;
    let format = if arguments.is_json(output) {
        WhyFormat::Json
    } else {
        arguments.format
    };
    match format {
        WhyFormat::Json => output.document(&JsonDocument::new(
            "why",
            why_history::document(history),
            &[],
        )),
        WhyFormat::Text | WhyFormat::Sarif | WhyFormat::Junit => output
            .text(&why_history::text(history, |text| {
                crate::cli::table::Style::Strong.paint(text, output.paper)
            })),
        WhyFormat::Markdown => output.text(&why_history::markdown(history)),
        WhyFormat::Github => output.text(&github::render(&why_history::annotations(history))),
    }
}

/// Reads the provenance at a ref of a source; `None` where a path, an address or an image in a
/// registry is named, which are evidence as everywhere else.
async fn of_ref(
    session: &CliSession<'_>,
    item: &Path,
) -> Result<Option<Vec<EvidenceDocument>>, Failure> {
    let Some(text) = item.to_str().filter(|text| web::address(text).is_none()) else {
        return Ok(None);
    };
    if item.exists() {
        return Ok(None);
    }
    let Ok(parsed) = Source::parse(text, &Path::is_dir) else {
        return Ok(None);
    };
    let is_previous = |select: &RefSelector| match select {
        RefSelector::Name(name) => name.contains('~'),
        _ => false,
    };
    let is_plain = parsed
        .source
        .select
        .as_ref()
        .is_some_and(|select| !is_previous(select));
    if matches!(parsed.source.location, SourceLocation::Registry(_)) && is_plain {
        return Ok(None);
    }
    let source = open::parse(session, &SourceText::from(text.to_owned()))?;
    let shown = visible(text).into_owned();
    let (scanned, failures) = open::scan_all(session, vec![source]).await?;
    let Some(scanned) = scanned.first() else {
        let failure = failures.into_iter().next().map(|(_, failure)| failure);
        return Err(failure.unwrap_or_else(|| no_provenance(&shown)));
    };
    let entry = super::the_ref(session, scanned)?;
    let reader = &scanned.opened.reader;
    let mut statements = reader.abilities().provenance(&entry.name).await;
    if statements.is_empty() {
        let digest = entry.digest().to_string();
        statements = reader.abilities().provenance(&digest).await;
    }
    let read = |statement: &Vec<u8>| evidence::read(statement).ok();
    let documents: Vec<EvidenceDocument> = statements.iter().filter_map(read).collect();
    if documents.is_empty() {
        return Err(no_provenance(&shown));
    }
    Ok(Some(documents))
}

fn no_provenance(shown: &str) -> Failure {
    let message = format!("{shown} carries no provenance, so it does not say what was built");
    Failure::message(Exit::Usage, message).hint(
        "a history takes build records (.dockerbuild), provenance with mode=max, images that carry it, or git:A..B",
    )
}

/// Describes the builds of revisions. Images are not looked up: only what differs matters.
async fn described(
    session: &CliSession<'_>,
    arguments: &WhyArguments,
    directories: &Directories,
    revisions: &[String],
) -> Result<Vec<HistoryBuild>, Failure> {
    let mut builds = Vec::new();
    if revisions.is_empty() {
        return Ok(builds);
    }
    let build = arguments.described.build(directories)?.ok_or_else(|| {
        Failure::message(Exit::Usage, "there is no Dockerfile to read of git")
            .hint("name it with -f, and its context with --context")
    })?;
    let directory = PathBuf::from(build.context.as_deref().unwrap_or("."));
    for revision in revisions {
        let build = DescribedBuild {
            // One platform is enough.
            options: BuildOptions {
                platforms: build.options.platforms.iter().take(1).cloned().collect(),
                ..build.options.clone()
            },
            ..build.at_revision(revision)
        };
        let described = arguments.described.load_assuming(session, &build).await?;
        for build in described.builds {
            let of_revision = history::of_revision(revision, build, &directory);
            builds.push(of_revision.map_err(|error| Failure::new(Exit::Failed, &error))?);
        }
    }
    Ok(builds)
}

fn failure(error: &HistoryError) -> Failure {
    Failure::new(Exit::Usage, error).hint(
        "give records or provenance of several builds, a folder of them, or git:HEAD~10..HEAD",
    )
}
