//! The commands: arguments in, the engine at work, text or JSON out. Nothing is decided here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use tokio_util::sync::CancellationToken;

use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::source::Location;

mod check;
mod config;
mod diff;
mod du;
mod evidence;
mod json;
mod ls;
mod open;
mod output;
mod prune;
mod registry;
mod s3;
mod show;
mod table;
mod ui;
mod why;

use output::Output;

/// Opens BuildKit remote caches, shows what is in them, prunes them, and says why builds missed them.
#[derive(Debug, Parser)]
#[command(name = "cachelens", version, disable_help_subcommand = true)]
#[command(override_usage = "cachelens [OPTIONS] [SOURCE]...\n       cachelens <COMMAND>")]
#[command(
    after_help = "A SOURCE is a directory (./cache, oci:dir), a bucket (s3://…), an image or repository (ghcr.io/acme/app), `gha:OWNER/REPOSITORY`, a `type=…` string as builds take it, or `demo`. \
    SOURCE#REF names one ref of it.\n\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 a gate found something, 4 done in part, \
    130 interrupted."
)]
pub struct Cli {
    /// The caches to open in the terminal UI.
    #[arg(
        value_name = "SOURCE",
        long_help = "The caches to open in the terminal UI.\n\n\
            A directory (./cache, oci:DIR), a bucket (s3://bucket/prefix), a repository or a ref of it in a registry \
            (ghcr.io/acme/app, ghcr.io/acme/app:buildcache), the store of a registry on disk (registry-dir:PATH), the cache \
            of a repository on GitHub (gha:owner/repo), the built-in one (demo), or what stands in --cache-to or \
            --cache-from (type=…). SOURCE#REF selects one ref."
    )]
    sources: Vec<String>,
    #[command(flatten)]
    evidence: ui::Evidence,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Global {
    /// Print one JSON document instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Read this configuration file instead of looking for cachelens.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// When to use colours; NO_COLOR turns them off, too.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Print results and errors only: no progress, no warnings.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Log to standard error; twice and three times for more.
    #[arg(short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log to a file.
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// How many documents are read at once.
    #[arg(long, global = true, value_name = "N")]
    concurrency: Option<std::num::NonZeroUsize>,
    /// Give up on a source that does not answer for this long, as in 30s or 5m.
    #[arg(long, global = true, value_name = "DURATION", value_parser = crate::config::parse_timeout)]
    timeout: Option<Duration>,
    /// Let the terminal UI delete what a plan shows and a person confirms.
    #[arg(long, global = true)]
    write: bool,
    /// Change nothing in any store, whatever --write or the configuration allow.
    #[arg(long, global = true)]
    read_only: bool,
    /// Read nothing where reading counts as a use: the contents of GitHub Actions caches.
    #[arg(long, global = true)]
    no_touch: bool,
    #[command(flatten)]
    registry: registry::Flags,
    #[command(flatten)]
    s3: s3::Flags,
}

/// Parses a filter from the command line, where a sentence says what is wrong with it.
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
enum Command {
    /// List the refs of a cache, with their sizes and ages.
    Ls(ls::Arguments),

    /// Show one ref: its steps and layers.
    Show(show::Arguments),
    /// Tell why each step of a build hit or missed its cache.
    Why(why::Arguments),
    /// Tell what changed between two refs, by cache key.
    Diff(diff::Arguments),
    /// Sum up what is live, orphaned, missing and unknown.
    Du(du::Arguments),
    /// Find what breaks builds, what endangers them, and what is waste; a gate for CI.
    Check(check::Arguments),
    /// Plan what goes from a cache and why, and with --yes or --apply delete it.
    Prune(Box<prune::Arguments>),
    /// Open the terminal UI on the built-in cache.
    Demo,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
    /// Say where the configuration is, what it amounts to, and whether it is right.
    #[command(subcommand)]
    Config(config::Command),
}

impl Command {
    /// Returns its name.
    fn name(&self) -> &'static str {
        match self {
            Self::Ls(_) => "ls",
            Self::Show(_) => "show",
            Self::Why(_) => "why",
            Self::Diff(_) => "diff",
            Self::Du(_) => "du",
            Self::Check(_) => "check",
            Self::Prune(_) => "prune",
            Self::Demo => "demo",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
            Self::Config(_) => "config",
        }
    }
}

/// Runs the program with these arguments, the first being its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit.code().into();
        }
    };
    let output = Output::new(&cli.global);
    let command = cli.command.as_ref().map_or("ui", Command::name);
    let exit = dispatch(cli, &output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    if exit != Exit::Done {
        output.document_of_failures(command);
    }
    exit.code().into()
}

fn dispatch(cli: Cli, output: &Output) -> Result<Exit, Failure> {
    let Cli { sources, evidence, global, command } = cli;
    if let (Some(source), Some(_)) = (sources.first(), &command) {
        let source = crate::format::text::visible(source);
        let failure = Failure::message(Exit::Usage, format!("the source {source} stands before the command"));
        return Err(failure.hint("sources come after it, as in `cachelens ls SOURCE`"));
    }
    crate::logging::start(global.verbose, global.log_file.as_deref())
        .map_err(|error| Failure::new(Exit::Failed, &error).on("the log file cannot be written"))?;
    match command {
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "cachelens", &mut script);
            output.raw(&script)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| Failure::new(Exit::Failed, &error))?;
            output.raw(&page)
        }
        Some(Command::Config(command)) => config::run(&command, &global, output),
        Some(Command::Ls(arguments)) => engine(&global, output, async |session| ls::run(session, arguments).await),

        Some(Command::Show(arguments)) => engine(&global, output, async |session| show::run(session, arguments).await),
        Some(Command::Why(arguments)) => engine(&global, output, async |session| why::run(session, arguments).await),
        Some(Command::Diff(arguments)) => engine(&global, output, async |session| diff::run(session, arguments).await),
        Some(Command::Du(arguments)) => engine(&global, output, async |session| du::run(session, arguments).await),
        Some(Command::Check(arguments)) => {
            engine(&global, output, async |session| check::run(session, arguments).await)
        }
        Some(Command::Prune(arguments)) => {
            engine(&global, output, async |session| prune::run(session, *arguments).await)
        }
        Some(Command::Demo) => ui::run(&["demo".to_owned()], ui::Evidence::default(), &global, output),
        None => {
            if let Some(word) = sources.first().filter(|source| is_mistyped(source)) {
                return Err(mistyped(word));
            }
            ui::run(&sources, evidence, &global, output)
        }
    }
}

/// Tells whether somebody meant a command: a bare word that is no directory.
fn is_mistyped(source: &str) -> bool {
    let is_word = source.chars().all(|character| character.is_ascii_lowercase() || character == '-');
    is_word && source != "demo" && !std::path::Path::new(source).exists()
}

fn mistyped(word: &str) -> Failure {
    let failure = Failure::message(Exit::Usage, format!("`{word}` is neither a command nor a directory"));
    let commands = Cli::command();
    let names = commands.get_subcommands().map(clap::Command::get_name);
    match crate::nearest::nearest(word, names) {
        Some(near) => failure.hint(format!("did you mean `cachelens {near}`?")),
        None => {
            failure.hint("`cachelens --help` lists the commands; a cache is named as in `./cache` or `s3://bucket`")
        }
    }
}

/// What a command works with.
struct Session<'a> {
    settings: crate::config::Config,
    output: &'a Output,
    cancel: CancellationToken,
    /// Whether nothing may be changed in any store.
    read_only: bool,
    /// Whether nothing may be read where reading counts as a use.
    no_touch: bool,
    /// How registries are asked.
    registry: crate::backend::registry::RegistryAccess,
    /// How buckets are asked.
    s3: s3::Flags,
    /// Whether the configuration file was named, and not found.
    config_is_named: bool,
    finishing: AtomicBool,
}

impl Session<'_> {
    /// Returns how stores are asked.
    fn access(&self) -> crate::backend::Access {
        let settings = &self.settings;
        let buckets = settings.sources.iter().filter_map(|setting| match &setting.value.location {
            Location::S3(location) => Some(location.clone()),
            _ => None,
        });
        crate::backend::Access {
            concurrency: settings.concurrency.value.get(),
            timeout: settings.timeout.value,
            no_touch: self.no_touch,
            registry: self.registry.clone(),
            s3: self.s3.access(&settings.concurrency, buckets.collect()),
        }
    }

    /// From now on an interruption lets the work end by itself: it looks after what it has begun.
    fn finish_what_is_begun(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }
}

/// Waits until somebody wants the program to end: a person at the terminal, or whoever runs it.
async fn told_to_end() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Starts the runtime, and ends the work when the user interrupts it.
fn engine(
    global: &Global,
    output: &Output,
    work: impl AsyncFnOnce(&Session<'_>) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let session = Session {
        settings: config::effective(global, output)?,
        output,
        cancel: CancellationToken::new(),
        read_only: global.read_only,
        no_touch: global.no_touch,
        registry: global.registry.access()?,
        s3: global.s3.clone(),
        config_is_named: global.config.is_some(),
        finishing: AtomicBool::new(false),
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
            () = told_to_end() => {
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
    // A read that hangs in the system is not waited for.
    runtime.shutdown_background();
    output.end_progress();
    result
}
