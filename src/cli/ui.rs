//! The terminal UI, with the sources from the arguments or the configuration.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;

use super::output::CommandOutput;
use super::plain::{self, Face};
use super::why::build::have_contexts;
use super::{CliSession, Global, SessionKind, config, ignored, init, open, prune};
use crate::config::ThemeSetting;
use crate::error::{Exit, Failure};
use crate::prune::execute::Settle;
use crate::source::{Source, SourceText};
use crate::text::escape::visible;
use crate::tui::background::Background;
use crate::tui::evidence::NamedEvidence;
use crate::tui::keymap::{Keymap, own};
use crate::tui::pruning::Pruning;
use crate::tui::theme::ThemeName;
use crate::tui::{self, EndSignals, Openers, TuiOptions, UiEnd, columns, views};

mod readers;
mod sources;

use sources::{Rights, declared_opener, found_opener, listed, opener, whole_store};

/// The time limit of the search for caches in the current directory before the UI opens.
const SEARCH_TIME: Duration = Duration::from_millis(300);
/// The most bytes of a key map.
const LARGEST_KEYMAP: u64 = 1 << 20;

/// Evidence of a build, with which the UI opens.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Why steps ran")]
pub(super) struct EvidenceFlags {
    /// Evidence of a build; with SOURCE#REF, its causes are shown first.
    #[arg(long, value_name = "EVIDENCE")]
    build: Vec<String>,
    /// Evidence of an earlier build, to show the changes since then.
    #[arg(long, value_name = "EVIDENCE")]
    baseline: Vec<String>,
    /// The build context on disk; NAME=DIR for a named context.
    #[arg(long, value_name = "DIR")]
    context: Vec<String>,
}

impl EvidenceFlags {
    /// Returns whether there is any.
    fn is_given(&self) -> bool {
        !self.build.is_empty() || !self.baseline.is_empty() || !self.context.is_empty()
    }
}

pub(super) fn run(
    texts: &[SourceText],
    evidence: EvidenceFlags,
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    if output.json {
        let failure = Failure::message(Exit::Usage, "the terminal UI prints no JSON");
        return Err(failure.hint("`cachelens ls --json SOURCE`, `show` and `du` do"));
    }
    have_contexts(&evidence.context)?;
    match plain::face(global) {
        Face::Screen => {}
        Face::Menu => return plain::menu(texts, global, output),
        Face::Print if evidence.is_given() => {
            let failure = Failure::message(Exit::Usage, "the terminal UI needs a terminal");
            return Err(
                failure.hint("`cachelens why SOURCE#REF --build EVIDENCE` prints the answer")
            );
        }
        Face::Print => return plain::print(texts, global, output),
    }
    super::engine_with(global, output, SessionKind::Ui, async |session| {
        ui(session, texts, evidence, global).await
    })
}

async fn ui(
    session: &CliSession<'_>,
    texts: &[SourceText],
    evidence: EvidenceFlags,
    global: &Global,
) -> Result<Exit, Failure> {
    // Before the copy of the demo is written: a signal must not leave it behind.
    let signals = EndSignals::listen().map_err(|error| Failure::new(Exit::Failed, &error))?;
    // A file argument is evidence, because a file cannot be a source there.
    let (files, texts): (Vec<SourceText>, Vec<SourceText>) = texts
        .iter()
        .cloned()
        .partition(|text| Path::new(text.expose()).is_file());
    let EvidenceFlags {
        mut build,
        baseline,
        context,
    } = evidence;
    let names_caches = !files.is_empty() && texts.is_empty();
    build.extend(files.iter().map(|file| file.expose().to_owned()));
    let (sources, findings) = if names_caches {
        // The imports in a build record are opened only for that record.
        (Vec::new(), 0)
    } else {
        sources_of(session, &texts).await?
    };
    let evidence = NamedEvidence::new(build, baseline, context);
    let options = TuiOptions {
        declared_findings: findings,
        ..options(session, global, &sources, evidence)?
    };
    let end = tui::run(options, signals)
        .await
        .map_err(|error| Failure::new(Exit::Failed, &error))?;
    Ok(match end {
        UiEnd::Left => Exit::Done,
        UiEnd::Signal(number) => Exit::Signal(number),
    })
}

fn options(
    session: &CliSession<'_>,
    global: &Global,
    sources: &[Source],
    evidence: NamedEvidence,
) -> Result<TuiOptions, Failure> {
    let settings = &session.settings;
    let (theme, no_color) = theme_of(settings.theme.value);
    let rights = Rights::of(global);
    // The screen belongs to the terminal UI, which shows the pauses itself.
    let asking = crate::backend::Access {
        pauses: crate::backend::PauseReport::default(),
        ..session.access()
    };
    let given = session
        .consents
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let consents = Arc::new(Mutex::new(given));
    let readers = readers::of(&asking);
    Ok(TuiOptions {
        pauses: asking.pauses.clone(),
        sources: sources
            .iter()
            .map(|source| listed(source, rights, &asking, &consents))
            .collect::<Result<_, _>>()?,
        theme,
        follow_background: settings.theme.value == ThemeSetting::Auto && answers(),
        no_color: no_color || !config::uses_color(global.color),
        keymap: keymap()?,
        is_ascii: super::plain::is_ascii(),
        columns_file: state_file(session, columns::FILE_NAME),
        views_file: state_file(session, views::FILE_NAME),
        mouse: settings.mouse.value,
        concurrency: settings.concurrency.value.get(),
        declared_findings: 0,
        crash_dir: std::env::temp_dir(),
        openers: Openers {
            named: opener(rights, &asking),
            declared: declared_opener(rights, &asking, &consents),
            found: found_opener(rights, asking, consents),
        },
        readers,
        evidence,
        pruning: pruning(session, rights),
        config_file: config_file(global)?,
        history: session.history.clone(),
        ignores: ignored::configured(&session.settings),
    })
}

/// Returns the sources of the command line, else those of the configuration or of files here.
async fn sources_of(
    session: &CliSession<'_>,
    texts: &[SourceText],
) -> Result<(Vec<Source>, usize), Failure> {
    if !texts.is_empty() {
        return Ok((open::sources(session, texts)?, 0));
    }
    Ok(match open::configured(session) {
        sources if sources.is_empty() => declared(session).await,
        sources => (sources, 0),
    })
}

fn pruning(session: &CliSession<'_>, rights: Rights) -> Pruning {
    let settings = &session.settings;
    let policy_from = settings
        .retention
        .file()
        .map(|path| visible(&path.to_string_lossy()).into_owned());
    Pruning {
        access: rights.access,
        policy: settings.retention.policy(),
        settle: Settle {
            quiet: settings.retention.settle.value,
            ..Settle::default()
        },
        policy_from,
        journals: prune::journals(),
    }
}

/// Returns the path of a file in the state directory; none where nothing is kept.
fn state_file(session: &CliSession<'_>, name: &str) -> Option<PathBuf> {
    let folder = crate::config::state_dir().filter(|_| session.history.is_kept());
    folder.map(|folder| folder.join(name))
}

/// Returns the key map, changed as the file in the user's configuration directory says.
fn keymap() -> Result<Keymap, Failure> {
    let built_in = Keymap::built_in().map_err(|error| Failure::new(Exit::Failed, &error))?;
    let Some(path) = crate::config::user_dir().map(|folder| folder.join(own::FILE_NAME)) else {
        return Ok(built_in);
    };
    let text = match read_bounded(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(built_in),
        Err(error) => {
            let shown = path.to_string_lossy();
            let failure = Failure::new(Exit::Usage, &error);
            return Err(failure.on(&format!("cannot read the key map `{}`", visible(&shown))));
        }
    };
    own::read(built_in, &text, &path).map_err(|error| {
        Failure::new(Exit::Usage, &error).hint("`cachelens help ui` has the format")
    })
}

/// Reads a file that a person writes by hand.
fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    let read = file.take(LARGEST_KEYMAP + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST_KEYMAP {
        return Err(io::Error::other("it is too large for a key map"));
    }
    Ok(text)
}

/// Returns the theme for a setting, and whether the setting forbids colors.
fn theme_of(setting: ThemeSetting) -> (ThemeName, bool) {
    match setting {
        ThemeSetting::Auto => (by_environment(), false),
        ThemeSetting::Dark => (ThemeName::Dark, false),
        ThemeSetting::Light => (ThemeName::Light, false),
        ThemeSetting::HighContrast => (ThemeName::HighContrast, false),
        ThemeSetting::None => (ThemeName::Dark, true),
    }
}

/// Returns the theme for the background according to the environment. It is used until the terminal
/// itself answers.
fn by_environment() -> ThemeName {
    let colours = std::env::var("COLORFGBG").ok();
    match colours.and_then(|value| Background::from_colorfgbg(&value)) {
        Some(Background::Light) => ThemeName::Light,
        Some(Background::Dark) | None => ThemeName::Dark,
    }
}

/// Returns whether the terminal may be asked for its background: some would print the query.
fn answers() -> bool {
    !std::env::var("TERM").is_ok_and(|term| matches!(term.as_str(), "" | "dumb" | "linux"))
}

/// Returns the caches that files below the current directory declare. Returns none if the search
/// takes too long: the UI opens at once, and offers the search.
async fn declared(session: &CliSession<'_>) -> (Vec<Source>, usize) {
    let search = tokio::task::spawn_blocking(|| init::declared_here(Path::new(".")));
    match tokio::time::timeout(SEARCH_TIME, search).await {
        Ok(Ok(Ok(declared))) => {
            let findings = declared.findings(&session.settings);
            let sources = open::present(session, declared.sources);
            (one_for_each_store(sources), findings)
        }
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => (Vec::new(), 0),
    }
}

/// Puts the sources of a store together when one of them is a pattern: then all its refs are read
/// anyway. What they mean together is shown, which is everything.
fn one_for_each_store(sources: Vec<Source>) -> Vec<Source> {
    let mut stores: Vec<Source> = Vec::new();
    let is_pattern = |source: &Source| source.ref_pattern().is_some();
    for source in sources {
        let store = whole_store(&source);
        let same = |known: &&mut Source| {
            whole_store(known).location == store.location
                && (is_pattern(known) || known.select.is_none() || is_pattern(&source))
        };
        match stores.iter_mut().find(same) {
            Some(known) if *known == source => {}
            Some(known) => *known = store,
            None => stores.push(source),
        }
    }
    stores
}

/// Returns the configuration file in use, or the one that a new run would find here.
fn config_file(global: &Global) -> Result<PathBuf, Failure> {
    let cwd = std::env::current_dir().map_err(|error| Failure::new(Exit::Failed, &error))?;
    let path = crate::config::find(global.config.as_deref(), &cwd)
        .map_err(|error| Failure::new(Exit::Usage, &error))?
        .unwrap_or_else(|| cwd.join(crate::config::FILE_NAME));
    let below = path
        .strip_prefix(&cwd)
        .map(|rest| Path::new(".").join(rest));
    Ok(below.unwrap_or(path))
}
