//! The commands: parse arguments, run the engine, print text or JSON. No decisions are made here.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio_util::sync::CancellationToken;

use crate::backend::{Activity, PauseReport};
use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::source::path::to_text;
use crate::source::{self, Location, Source, SourceText};
use crate::text::secrets::mask_line;

mod blobs;
mod cat;
mod check;
mod command_line;
mod completions;
mod config;
mod diff;
mod docker;
mod du;
mod evidence;
mod files;
mod find;
mod help;
mod ignored;
mod init;
mod json;
mod list;
mod ls;
mod man;
mod modes;
mod open;
mod output;
mod plain;
mod prune;
mod registry;
mod repair;
mod report;
mod s3;
mod show;
mod summary;
mod table;
mod ui;
mod version;
mod why;

pub use command_line::check_arguments;
use command_line::parse;
use output::CommandOutput;

/// Inspect, check and prune BuildKit remote caches, and explain cache misses.
#[derive(Debug, Parser)]
#[command(name = "cachelens", version, disable_help_subcommand = true)]
#[command(override_usage = "cachelens [OPTIONS] [SOURCE]...\n       cachelens <COMMAND>")]
#[command(
    after_help = "A SOURCE is a directory (./cache, oci:dir), a bucket (s3://…), an image or repository (ghcr.io/acme/app), `gha:OWNER/REPOSITORY`, a `type=…` string as in --cache-to, or `demo`. \
    SOURCE#REF selects one ref.\n\nExit codes: 0 success, 1 failure, 2 usage or configuration error, 3 a gate failed, 4 partial success, \
    130 interrupted.\n\nHelp: `cachelens help` lists the topics of the manual. --help also shows the global options (--json, \
    --config, --color, --quiet, -v, logins, …)."
)]
pub struct Cli {
    /// The caches to open in the terminal UI.
    #[arg(
        value_name = "SOURCE",
        long_help = "The caches to open in the terminal UI.\n\n\
            A directory (./cache, oci:DIR), a bucket (s3://bucket/prefix), a repository or a ref of it in a registry \
            (ghcr.io/acme/app, ghcr.io/acme/app:buildcache), the store of a registry on disk (registry-dir:PATH), the cache \
            of a repository on GitHub (gha:owner/repo), the built-in one (demo), or a value of --cache-to or \
            --cache-from (type=…). SOURCE#REF selects one ref; with a `*` in REF, all that match."
    )]
    sources: Vec<SourceText>,
    #[command(flatten)]
    evidence: ui::EvidenceFlags,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<CliCommand>,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Global {
    /// Print one JSON document instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Read this configuration file instead of looking for cachelens.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// When to use colours; NO_COLOR also disables them.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Print results and errors only: no progress, no warnings.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Log to standard error; repeat for more (-vv, -vvv).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log to a file.
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Read at most N documents at once.
    #[arg(long, global = true, value_name = "N")]
    concurrency: Option<std::num::NonZeroUsize>,
    /// Limit a request, with its retries and pauses, to this time, such as 30s.
    #[arg(long, global = true, value_name = "DURATION", value_parser = crate::config::parse_timeout)]
    timeout: Option<Duration>,
    /// Colours of the terminal UI; auto follows the background of the terminal.
    #[arg(long, global = true, value_name = "THEME", value_parser = crate::config::parse_theme)]
    theme: Option<crate::config::ThemeSetting>,
    /// Show a numbered menu of text instead of the terminal UI, without cursor movements.
    #[arg(long, global = true)]
    plain: bool,
    /// Allow deletions in the terminal UI; each plan needs a confirmation.
    #[arg(long, global = true)]
    write: bool,
    /// Never change a store.
    ///
    /// This overrides --write and the configuration.
    #[arg(long, global = true)]
    read_only: bool,
    /// Skip reads that count as a use.
    ///
    /// Reading the contents of a GitHub Actions cache counts as a use of it.
    #[arg(long, global = true)]
    no_touch: bool,
    /// Keep no records of scans in the state directory, and no consent to contact a host.
    #[arg(long, global = true)]
    no_state: bool,
    #[command(flatten)]
    registry: registry::RegistryFlags,
    #[command(flatten)]
    s3: s3::S3Flags,
}

/// Parses a filter from the command line; the error is a sentence that explains the problem.
fn filter_argument(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// List the refs of a cache, with their sizes and ages.
    Ls(ls::Arguments),
    /// Show one ref: its steps and layers.
    Show(show::Arguments),
    /// Explain why each step of a build hit or missed its cache.
    Why(why::Arguments),
    /// Compare two refs by cache key.
    Diff(diff::Arguments),
    /// Show how much of a cache is live, orphaned, missing and unknown.
    Du(du::Arguments),
    /// List the blobs of a cache: live, orphaned, missing and shared ones.
    Blobs(blobs::Arguments),
    /// List the files of a layer, by its digest or the step that made it.
    Files(Box<files::Arguments>),
    /// Print a file of a layer, or the layer as it is stored.
    Cat(cat::Arguments),
    /// Find faults, risks and waste in a cache; usable as a CI gate.
    Check(check::Arguments),
    /// Write one page about caches, as HTML or Markdown.
    Report(report::Arguments),
    /// Find the caches that a repository declares, and mistakes in them.
    Find(find::Arguments),
    /// Write a cachelens.toml from the caches that a repository declares.
    Init(init::Arguments),
    /// Plan deletions from a cache; delete with --yes or --apply.
    Prune(Box<prune::Arguments>),
    /// Plan repairs for findings of check; repair with --yes or --apply.
    Repair(Box<repair::Arguments>),
    /// Open the terminal UI on the built-in cache.
    Demo,
    /// Print a completion script for a shell.
    Completions(completions::Arguments),
    /// Print what may stand in the place of the last word, for the scripts of shells.
    #[command(hide = true)]
    Complete(completions::CompletionWords),
    /// Print a manual page, or write all of them.
    Man(man::Arguments),
    /// Print the flags of a command, or a topic of the manual.
    Help(help::Arguments),
    /// Locate, print or check the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the version, commit and platform.
    Version,
}

impl CliCommand {
    /// Returns the name of the command.
    fn name(&self) -> &'static str {
        match self {
            Self::Ls(_) => "ls",
            Self::Show(_) => "show",
            Self::Why(_) => "why",
            Self::Diff(_) => "diff",
            Self::Du(_) => "du",
            Self::Blobs(_) => "blobs",
            Self::Files(_) => "files",
            Self::Cat(_) => "cat",
            Self::Check(_) => "check",
            Self::Report(_) => "report",
            Self::Find(_) => "find",
            Self::Init(_) => "init",
            Self::Prune(_) => "prune",
            Self::Repair(_) => "repair",
            Self::Demo => "demo",
            Self::Completions(_) => "completions",
            Self::Complete(_) => "complete",
            Self::Man(_) => "man",
            Self::Help(_) => "help",
            Self::Config(_) => "config",
            Self::Version => "version",
        }
    }
}

/// Runs the program with these arguments; the first one is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = match docker::invoked(arguments.into_iter().collect()) {
        docker::Invoked::Metadata => return docker::print_metadata(),
        docker::Invoked::Command(arguments) => without_cache_flags(arguments),
    };
    let parsed = parse(&arguments).or_else(|error| {
        if error.kind() != clap::error::ErrorKind::InvalidUtf8 {
            return Err(error);
        }
        // A source may be a directory whose name is not UTF-8.
        let as_text = |argument: &OsString| OsString::from(to_text(Path::new(argument)));
        parse(&arguments.iter().map(as_text).collect::<Vec<_>>())
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors, and go to standard output.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            print_usage(&error);
            return exit.code().into();
        }
    };
    let output = CommandOutput::new(&cli.global);
    let command = cli.command.as_ref().map_or("ui", CliCommand::name);
    let exit = dispatch(cli, &output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    crate::backend::demo::remove();
    if exit != Exit::Done {
        output.document_of_failures(command);
    }
    exit.code().into()
}

/// Removes build flags in front of sources, as in `--cache-to=type=local,dest=x`. Arguments after
/// `--` belong to another command.
fn without_cache_flags(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut is_over = false;
    let kept = arguments.into_iter().filter_map(|argument| {
        is_over |= argument == "--";
        match argument.to_str() {
            Some(text) if !is_over && source::is_flag(text) => None,
            // A leading blank prevents it from being parsed as a flag; sources are trimmed.
            Some(text) if !is_over && source::begins_with_flag(text) => {
                Some(format!(" {text}").into())
            }
            _ => Some(argument),
        }
    });
    kept.collect()
}

/// Prints a usage error or the requested help. A repeated value may be a source with credentials.
fn print_usage(error: &clap::Error) {
    let text = error.render().to_string();
    let masked: Vec<_> = text.lines().map(mask_line).collect();
    let holds_secret = text
        .lines()
        .zip(&masked)
        .any(|(line, masked)| line != masked);
    // If the stream is closed, there is nothing more to do.
    let _ = if error.use_stderr() && holds_secret {
        writeln!(std::io::stderr(), "{}", masked.join("\n"))
    } else {
        error.print()
    };
}

fn dispatch(cli: Cli, output: &CommandOutput) -> Result<Exit, Failure> {
    let Cli {
        sources,
        evidence,
        global,
        command,
    } = cli;
    if let (Some(source), Some(_)) = (sources.first(), &command) {
        let source = source.to_string();
        let source = crate::text::escape::visible(&source);
        let failure = Failure::message(
            Exit::Usage,
            format!("the source {source} stands before the command"),
        );
        return Err(failure.hint("sources come after it, as in `cachelens ls SOURCE`"));
    }
    crate::logging::start(global.verbose, global.log_file.as_deref())
        .map_err(|error| Failure::new(Exit::Failed, &error).on("the log file cannot be written"))?;
    let cli = Cli {
        sources,
        evidence,
        global,
        command,
    };
    carry_out(cli, output)
}

/// Runs a command whose log is open.
fn carry_out(cli: Cli, output: &CommandOutput) -> Result<Exit, Failure> {
    let Cli {
        sources,
        evidence,
        global,
        command,
    } = cli;
    match command {
        Some(CliCommand::Completions(arguments)) => completions::run(&arguments, output),
        Some(CliCommand::Complete(words)) => completions::complete(words, output),
        Some(CliCommand::Man(arguments)) => man::run(&arguments, output),
        Some(CliCommand::Help(arguments)) => help::run(&arguments, output),
        Some(CliCommand::Config(command)) => config::run(&command, &global, output),
        Some(CliCommand::Ls(arguments)) => engine(&global, output, async |session| {
            ls::run(session, arguments).await
        }),
        Some(CliCommand::Show(arguments)) => engine(&global, output, async |session| {
            show::run(session, arguments).await
        }),
        Some(CliCommand::Why(arguments)) => engine(&global, output, async |session| {
            why::run(session, arguments).await
        }),
        Some(CliCommand::Diff(arguments)) => engine(&global, output, async |session| {
            diff::run(session, arguments).await
        }),
        Some(CliCommand::Du(arguments)) => engine(&global, output, async |session| {
            du::run(session, arguments).await
        }),
        Some(CliCommand::Blobs(arguments)) => engine(&global, output, async |session| {
            blobs::run(session, arguments).await
        }),
        Some(CliCommand::Files(arguments)) => engine(&global, output, async |session| {
            files::run(session, *arguments).await
        }),
        Some(CliCommand::Cat(arguments)) => engine(&global, output, async |session| {
            cat::run(session, arguments).await
        }),
        Some(CliCommand::Version) => version::run(output),
        Some(CliCommand::Check(arguments)) => engine(&global, output, async |session| {
            check::run(session, arguments).await
        }),
        Some(CliCommand::Report(arguments)) => engine(&global, output, async |session| {
            report::run(session, arguments).await
        }),
        Some(CliCommand::Find(arguments)) => find::run(&arguments, &global, output),
        Some(CliCommand::Init(arguments)) => engine(&global, output, async |session| {
            init::run(session, arguments).await
        }),
        Some(CliCommand::Prune(arguments)) => engine(&global, output, async |session| {
            Box::pin(prune::run(session, *arguments)).await
        }),
        Some(CliCommand::Repair(arguments)) => {
            // A repair needs to know which blobs a registry lacks.
            let global = Global {
                registry: global.registry.asking_for_each_blob(),
                ..global
            };
            engine(&global, output, async |session| {
                Box::pin(repair::run(session, *arguments)).await
            })
        }
        Some(CliCommand::Demo) => ui::run(
            &[SourceText::from("demo".to_owned())],
            ui::EvidenceFlags::default(),
            &global,
            output,
        ),
        None => {
            let typed = sources.first().map(SourceText::expose);
            if let Some(word) = typed.filter(|source| is_mistyped(source)) {
                return Err(mistyped(word));
            }
            if let Some(word) = sources
                .iter()
                .skip(1)
                .map(SourceText::expose)
                .find(is_command)
            {
                let message = format!("the command `{word}` stands after a source");
                let failure = Failure::message(Exit::Usage, message);
                return Err(
                    failure.hint(format!("write it first, as in `cachelens {word} SOURCE`"))
                );
            }
            ui::run(&sources, evidence, &global, output)
        }
    }
}

/// Returns whether the argument was probably meant as a command: a bare word that is not a
/// directory.
fn is_mistyped(source: &str) -> bool {
    let is_word = source
        .chars()
        .all(|character| character.is_ascii_lowercase() || character == '-');
    is_word && source != "demo" && !std::path::Path::new(source).exists()
}

/// Returns whether a word is the name of a command and no directory.
fn is_command(word: &&str) -> bool {
    let is_name = command_line::command().find_subcommand(word).is_some();
    is_name && *word != "demo" && !Path::new(word).exists()
}

fn mistyped(word: &str) -> Failure {
    let failure = Failure::message(
        Exit::Usage,
        format!("`{word}` is neither a command nor a directory"),
    );
    let commands = command_line::command();
    let names = commands.get_subcommands().map(clap::Command::get_name);
    match crate::text::nearest::nearest(word, names) {
        Some(near) => failure.hint(format!("did you mean `cachelens {near}`?")),
        None => {
            failure.hint("`cachelens --help` lists the commands; a cache is named as in `./cache` or `s3://bucket`")
        }
    }
}

/// The shared state of a command.
struct CliSession<'a> {
    settings: crate::config::Config,
    output: &'a CommandOutput,
    cancel: CancellationToken,
    /// Whether all changes to stores are forbidden.
    read_only: bool,
    /// Whether reads that count as a use are forbidden.
    no_touch: bool,
    /// How to access registries.
    registry: crate::backend::registry::RegistryAccess,
    /// How to access buckets.
    s3: s3::S3Flags,
    /// The user's consents for the sources that files of this checkout name.
    consents: Mutex<crate::config::Consents>,
    /// Where the records of scans are kept.
    history: crate::config::HistoryStore,
    finishing: AtomicBool,
    /// The callback for pauses that services ask for.
    pauses: PauseReport,
    /// The activity of services.
    activity: Activity,
}

impl CliSession<'_> {
    /// Returns the access settings for stores.
    fn access(&self) -> crate::backend::Access {
        let settings = &self.settings;
        let buckets = settings
            .sources
            .iter()
            .filter_map(|setting| match &setting.value.location {
                Location::S3(location) => Some(location.clone()),
                _ => None,
            });
        crate::backend::Access {
            concurrency: settings.concurrency.value.get(),
            timeout: settings.timeout.value,
            no_touch: self.no_touch,
            registry: self.registry.clone(),
            s3: self.s3.access(&settings.concurrency, buckets.collect()),
            pauses: self.pauses.clone(),
            activity: self.activity.clone(),
        }
    }

    /// Returns a source from a file, with its trust.
    fn judged(&self, source: Source) -> Source {
        let consents = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
        consents.judge(source)
    }

    /// Saves the user's consent to contact the host of a source that a file names.
    fn consent_to(&self, source: Source) {
        let mut consents = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
        if let (_, Err(error)) = consents.give(source) {
            tracing::warn!(%error, "the consent is kept for this run only");
        }
    }

    /// From now on an interruption does not abort the work; the work ends and cleans up by itself.
    fn finish_what_is_begun(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }
}

/// Waits for a signal that ends the program.
async fn told_to_end() {
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The handler of the signals that end the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignalsOf {
    /// The engine, which aborts the work.
    Engine,
    /// The work itself.
    Work,
}

/// Starts the runtime, and aborts the work when the user interrupts it.
fn engine(
    global: &Global,
    output: &CommandOutput,
    work: impl AsyncFnOnce(&CliSession<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    engine_with(global, output, SignalsOf::Engine, work)
}

/// Starts the runtime and runs `work` in it.
fn engine_with(
    global: &Global,
    output: &CommandOutput,
    signals: SignalsOf,
    work: impl AsyncFnOnce(&CliSession<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let (settings, consents) = config::effective(global, output)?;
    let state = crate::config::state_dir().filter(|_| settings.keep_state.value);
    let session = CliSession {
        history: crate::config::HistoryStore::new(state.as_deref()),
        settings,
        consents: Mutex::new(consents),
        output,
        cancel: CancellationToken::new(),
        read_only: global.read_only,
        no_touch: global.no_touch,
        registry: global.registry.access()?,
        s3: global.s3.clone(),
        finishing: AtomicBool::new(false),
        pauses: output.progress.pauses(),
        activity: Activity::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, &error))?;
    let result = runtime.block_on(async {
        let working = work(&session);
        tokio::pin!(working);
        tokio::select! {
            result = &mut working => result,
            () = told_to_end(), if signals == SignalsOf::Engine => {
                session.cancel.cancel();
                if session.finishing.load(Ordering::Relaxed) {
                    output.warn("interrupted: what is begun is brought to its end; a second time ends at once");
                    tokio::select! {
                        result = &mut working => result,
                        () = told_to_end() => Err(Failure::message(Exit::Interrupted, "interrupted")),
                    }
                } else {
                    Err(Failure::message(Exit::Interrupted, "interrupted"))
                }
            }
        }
    });
    // A read that hangs in the system is not awaited.
    runtime.shutdown_background();
    output.end_progress();
    result
}
