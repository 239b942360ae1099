//! The commands: parse arguments, run the engine, print text or JSON. No decisions are made here.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::error::{Exit, Failure};
use crate::source::path::to_text;
use crate::source::{self, SourceText};
use crate::text::secrets::mask_line;

mod arguments;
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
mod session;
mod show;
mod summary;
mod table;
mod ui;
mod version;
mod why;

use arguments::{Cli, CliCommand, Color, Global, filter_argument};
pub use command_line::check_arguments;
use command_line::{document_of, parse};
use output::CommandOutput;
use session::{CliSession, SessionKind, engine, engine_with};

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
            if let Some(document) = document_of(&arguments, &error) {
                output::print_document(&document);
            }
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
    if output.json
        && let Some(command) = &command
        && command.prints_text_only()
    {
        return Err(text_only(command.name()));
    }
    match command {
        Some(CliCommand::Completions(arguments)) => completions::run(&arguments, output),
        Some(CliCommand::Complete(words)) => completions::complete(words, output),
        Some(CliCommand::Man(arguments)) => man::run(&arguments, output),
        Some(CliCommand::Help(arguments)) => help::run(&arguments, output),
        Some(CliCommand::Config(command)) => config::run(&command, &global, output),
        Some(CliCommand::Ls(arguments)) => with_session(&global, output, arguments, ls::run),
        Some(CliCommand::Show(arguments)) => with_session(&global, output, arguments, show::run),
        Some(CliCommand::Why(arguments)) => with_session(&global, output, arguments, why::run),
        Some(CliCommand::Diff(arguments)) => with_session(&global, output, arguments, diff::run),
        Some(CliCommand::Du(arguments)) => with_session(&global, output, arguments, du::run),
        Some(CliCommand::Blobs(arguments)) => with_session(&global, output, arguments, blobs::run),
        Some(CliCommand::Files(arguments)) => with_session(&global, output, *arguments, files::run),
        Some(CliCommand::Cat(arguments)) => with_session(&global, output, arguments, cat::run),
        Some(CliCommand::Version) => version::run(output),
        Some(CliCommand::Check(arguments)) => with_session(&global, output, arguments, check::run),
        Some(CliCommand::Report(arguments)) => {
            with_session(&global, output, arguments, report::run)
        }
        Some(CliCommand::Find(arguments)) => find::run(&arguments, &global, output),
        Some(CliCommand::Init(arguments)) => with_session(&global, output, arguments, init::run),
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
        None => open_ui(&sources, evidence, &global, output),
    }
}

/// Returns the failure of `--json` with a command that prints text for people and shells.
fn text_only(command: &str) -> Failure {
    let failure = Failure::message(Exit::Usage, format!("`{command}` prints text, not JSON"));
    failure.hint("run it without --json")
}

/// Runs a command that needs a session.
fn with_session<A>(
    global: &Global,
    output: &CommandOutput,
    arguments: A,
    run: impl AsyncFnOnce(&CliSession<'_>, A) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    engine(global, output, async |session| {
        run(session, arguments).await
    })
}

/// Opens the user interface, unless a source looks like a command.
fn open_ui(
    sources: &[SourceText],
    evidence: ui::EvidenceFlags,
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
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
        return Err(failure.hint(format!("write it first, as in `cachelens {word} SOURCE`")));
    }
    ui::run(sources, evidence, global, output)
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
