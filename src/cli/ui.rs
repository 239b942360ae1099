//! The terminal UI, with the sources that the arguments or the configuration name.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::output::Output;
use clap::Args;

use super::{Global, Session, config, evidence, open, prune};
use crate::backend::{self, Access as StoreAccess, SharedPruner, SharedReader};
use crate::config::Theme;
use crate::error::{Exit, Failure};
use crate::format::text::visible;
use crate::source::{Location, Source};
use crate::tui::evidence::Given;
use crate::tui::pruning::{Access, MakePruner, Pruning};
use crate::tui::theme::ThemeName;
use crate::tui::{self, Finder, OpenedSource, TuiOptions};

/// Evidence of a build, with which the UI opens.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Why steps ran")]
pub(super) struct Evidence {
    /// What tells of a build: with SOURCE#REF, why its steps ran is shown at once.
    #[arg(long, value_name = "EVIDENCE")]
    build: Vec<String>,
    /// The same of an earlier build, to tell what changed since.
    #[arg(long, value_name = "EVIDENCE")]
    baseline: Vec<String>,
    /// The build context on the disk; NAME=DIR for a named one.
    #[arg(long, value_name = "DIR")]
    context: Vec<String>,
}

pub(super) fn run(texts: &[String], evidence: Evidence, global: &Global, output: &Output) -> Result<Exit, Failure> {
    if output.json {
        let failure = Failure::message(Exit::Usage, "the terminal UI prints no JSON");
        return Err(failure.hint("`cachelens ls --json SOURCE`, `show` and `du` do"));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let failure = Failure::message(Exit::Usage, "the terminal UI needs a terminal");
        return Err(failure.hint("`cachelens ls SOURCE` lists the refs of a cache, `cachelens du SOURCE` sums it up"));
    }
    super::engine(global, output, async |session| ui(session, texts, evidence, global).await)
}

async fn ui(session: &Session<'_>, texts: &[String], evidence: Evidence, global: &Global) -> Result<Exit, Failure> {
    // A file is evidence: a source that is a file there is none.
    let (files, texts): (Vec<String>, Vec<String>) = texts.iter().cloned().partition(|text| Path::new(text).is_file());
    let Evidence { mut build, baseline, context } = evidence;
    let names_caches = !files.is_empty() && texts.is_empty();
    build.extend(files);
    let settings = &session.settings;
    let sources = if names_caches {
        // What the record of a build names is opened for it alone.
        Vec::new()
    } else if texts.is_empty() {
        open::configured(session)?
    } else {
        open::sources(session, &texts)?
    };
    let (theme, no_color) = match settings.theme.value {
        Theme::Dark => (ThemeName::Dark, false),
        Theme::Light => (ThemeName::Light, false),
        Theme::HighContrast => (ThemeName::HighContrast, false),
        Theme::None => (ThemeName::Dark, true),
    };
    let access = if global.write && !global.read_only { Access::Write } else { Access::ReadOnly };
    let policy_from = settings.retention.file().map(|path| visible(&path.to_string_lossy()).into_owned());
    let asking = session.access();
    let options = TuiOptions {
        sources: sources.iter().map(|source| opened(source, access, &asking)).collect::<Result<_, _>>()?,
        theme,
        no_color: no_color || config::refuses_color(global.color),
        mouse: settings.mouse.value,
        concurrency: settings.concurrency.value.get(),
        start_message: None,
        crash_dir: std::env::temp_dir(),
        open: Arc::new(move |text| {
            let parsed = Source::parse(text, &Path::is_dir).map_err(Failure::from);
            parsed.and_then(|parsed| opened(&parsed.source, access, &asking)).map_err(|failure| failure.to_string())
        }),
        images: {
            let access = session.access();
            Arc::new(move |text| {
                let access = access.clone();
                Box::pin(async move {
                    evidence::of_image(&access, Path::new(&text)).await.map_err(|failure| failure.to_string())
                })
            })
        },
        evidence: Given::new(build, baseline, context),
        pruning: Pruning { access, policy: settings.retention.policy(), policy_from, journals: prune::journals() },
    };
    tui::run(options).await.map_err(|error| Failure::new(Exit::Failed, &error))?;
    Ok(Exit::Done)
}

/// Opens a source for the UI. A store that cannot be read is a row like others, once its scan has found out.
fn opened(source: &Source, access: Access, asking: &StoreAccess) -> Result<OpenedSource, Failure> {
    let pruner = if access == Access::Write { backend::open_pruner(source, asking) } else { None };
    // One and the same, so that what a deletion teaches of a store is known to the next plan.
    let reader = match &pruner {
        Some(pruner) if source.select.is_none() => Arc::clone(pruner) as SharedReader,
        _ => backend::open(source, asking)?,
    };
    let make = |pruner: SharedPruner| -> MakePruner { Arc::new(move || Arc::clone(&pruner)) };
    Ok(OpenedSource {
        label: label(source),
        kind: source.kind().to_owned(),
        source: Some(Source { select: None, ..source.clone() }),
        reader: Ok(reader),
        select: source.select.clone(),
        find: backend::may_be_several(source).then(|| finder(source, access, asking)),
        pruner: pruner.map(make),
    })
}

/// Returns what finds the stores for which a source stands.
fn finder(source: &Source, access: Access, asking: &StoreAccess) -> Finder {
    let (source, asking) = (source.clone(), asking.clone());
    Arc::new(move |sender| {
        let (source, asking) = (source.clone(), asking.clone());
        Box::pin(async move {
            let (found, mut stores) = mpsc::channel(1);
            let finding = backend::find_stores(&source, &asking, found);
            let sending = async {
                while let Some(store) = stores.recv().await {
                    // It stands for itself from here on.
                    let store = opened(&store, access, &asking).map(|store| OpenedSource { find: None, ..store });
                    if let Ok(store) = store
                        && sender.send(store).await.is_err()
                    {
                        return;
                    }
                }
            };
            let (end, ()) = tokio::join!(finding, sending);
            end.map_err(|error| Failure::from(error).to_string())
        })
    })
}

/// Returns what a source is called on the screen: of a bucket no more than where in it the cache lies.
fn label(source: &Source) -> String {
    match &source.location {
        Location::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.prefix).trim_end_matches('/').to_owned(),
        _ => Source { select: None, ..source.clone() }.to_string(),
    }
}
