//! The terminal UI, with the sources that the arguments or the configuration name.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use super::output::Output;
use super::{Global, Session, config, open};
use crate::backend;
use crate::config::Theme;
use crate::error::{Exit, Failure};
use crate::source::Source;
use crate::tui::theme::ThemeName;
use crate::tui::{self, OpenedSource, TuiOptions};

pub(super) fn run(texts: &[String], global: &Global, output: &Output) -> Result<Exit, Failure> {
    if output.json {
        let failure = Failure::message(Exit::Usage, "the terminal UI prints no JSON");
        return Err(failure.hint("`cachelens ls --json SOURCE`, `show` and `du` do"));
    }
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let failure = Failure::message(Exit::Usage, "the terminal UI needs a terminal");
        return Err(failure.hint("`cachelens ls SOURCE` lists the refs of a cache, `cachelens du SOURCE` sums it up"));
    }
    super::engine(global, output, async |session| ui(session, texts, global).await)
}

async fn ui(session: &Session<'_>, texts: &[String], global: &Global) -> Result<Exit, Failure> {
    let settings = &session.settings;
    let sources = if texts.is_empty() {
        settings.sources.iter().map(|setting| setting.value.clone()).collect()
    } else {
        open::sources(session, texts)?
    };
    let (theme, no_color) = match settings.theme.value {
        Theme::Dark => (ThemeName::Dark, false),
        Theme::Light => (ThemeName::Light, false),
        Theme::HighContrast => (ThemeName::HighContrast, false),
        Theme::None => (ThemeName::Dark, true),
    };
    let options = TuiOptions {
        sources: sources.iter().map(opened).collect::<Result<_, _>>()?,
        theme,
        no_color: no_color || config::refuses_color(global.color),
        mouse: settings.mouse.value,
        concurrency: settings.concurrency.value.get(),
        start_message: None,
        crash_dir: std::env::temp_dir(),
        open: Arc::new(|text| {
            let parsed = Source::parse(text, &Path::is_dir).map_err(Failure::from);
            parsed.and_then(|parsed| opened(&parsed.source)).map_err(|failure| failure.to_string())
        }),
    };
    tui::run(options).await.map_err(|error| Failure::new(Exit::Failed, &error))?;
    Ok(Exit::Done)
}

/// Opens a source for the UI. A store that cannot be read is a row like others, once its scan has found out.
fn opened(source: &Source) -> Result<OpenedSource, Failure> {
    Ok(OpenedSource {
        label: Source { select: None, ..source.clone() }.to_string(),
        kind: source.kind().to_owned(),
        reader: Ok(backend::open(source)?),
        select: source.select.clone(),
    })
}
