//! The command line: its commands, and the flags of all of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    blobs, cat, check, completions, config, diff, du, files, find, help, init, ls, man, prune,
    registry, repair, report, s3, show, ui, why,
};
use crate::inventory::filter::Filter;
use crate::source::SourceText;

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
    pub(super) sources: Vec<SourceText>,
    #[command(flatten)]
    pub(super) evidence: ui::EvidenceFlags,
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<CliCommand>,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Global {
    /// Print one JSON document instead of tables.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Read this configuration file instead of looking for cachelens.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// When to use colours; NO_COLOR also disables them.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Print results and errors only: no progress, no warnings.
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Log to standard error; repeat for more (-vv, -vvv).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Log to a file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
    /// Read at most N documents at once.
    #[arg(long, global = true, value_name = "N")]
    pub(super) concurrency: Option<std::num::NonZeroUsize>,
    /// Limit a request, with its retries and pauses, to this time, such as 30s.
    #[arg(long, global = true, value_name = "DURATION", value_parser = crate::config::parse_timeout)]
    pub(super) timeout: Option<Duration>,
    /// Colours of the terminal UI; auto follows the background of the terminal.
    #[arg(long, global = true, value_name = "THEME", value_parser = crate::config::parse_theme)]
    pub(super) theme: Option<crate::config::ThemeSetting>,
    /// Show a numbered menu of text instead of the terminal UI, without cursor movements.
    #[arg(long, global = true)]
    pub(super) plain: bool,
    /// Allow deletions in the terminal UI; each plan needs a confirmation.
    #[arg(long, global = true)]
    pub(super) write: bool,
    /// Never change a store.
    ///
    /// The terminal UI then ignores --write, and commands refuse to change a store.
    #[arg(long, global = true)]
    pub(super) read_only: bool,
    /// Skip reads that count as a use.
    ///
    /// Reading the contents of a GitHub Actions cache counts as a use of it.
    #[arg(long, global = true)]
    pub(super) no_touch: bool,
    /// Keep no records of scans in the state directory, and no consent to contact a host.
    #[arg(long, global = true)]
    pub(super) no_state: bool,
    #[command(flatten)]
    pub(super) registry: registry::RegistryFlags,
    #[command(flatten)]
    pub(super) s3: s3::S3Flags,
}

/// Parses a filter from the command line; the error is a sentence that explains the problem.
pub(super) fn filter_argument(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum CliCommand {
    /// List the refs of a cache, with their sizes and ages.
    Ls(ls::LsArguments),
    /// Show one ref: its steps and layers.
    Show(show::ShowArguments),
    /// Explain why each step of a build hit or missed its cache.
    Why(why::WhyArguments),
    /// Compare two refs by cache key.
    Diff(diff::DiffArguments),
    /// Show how much of a cache is live, orphaned, missing and unknown.
    Du(du::DuArguments),
    /// List the blobs of a cache: live, orphaned, missing or shared.
    Blobs(blobs::BlobsArguments),
    /// List the files of a layer, by its digest or the step that made it.
    Files(Box<files::FilesArguments>),
    /// Print a file of a layer, or the layer as it is stored.
    Cat(cat::CatArguments),
    /// Find faults, risks and waste in a cache; usable as a CI gate.
    Check(check::CheckArguments),
    /// Write one page about caches, as HTML or Markdown.
    Report(report::ReportArguments),
    /// Find the caches that a repository declares, and mistakes in them.
    Find(find::FindArguments),
    /// Write a cachelens.toml from the caches that a repository declares.
    Init(init::InitArguments),
    /// Plan deletions from a cache; delete with --yes or --apply.
    Prune(Box<prune::PruneArguments>),
    /// Plan repairs for findings of check; repair with --yes or --apply.
    Repair(Box<repair::RepairArguments>),
    /// Open the terminal UI on the built-in cache.
    Demo,
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArguments),
    /// Print what may stand in the place of the last word, for the scripts of shells.
    #[command(hide = true)]
    Complete(completions::CompletionWords),
    /// Print a manual page, or write all of them.
    Man(man::ManArguments),
    /// Print the flags of a command, or a topic of the manual.
    Help(help::HelpArguments),
    /// Locate, print or check the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the version, commit and platform.
    Version,
}

impl CliCommand {
    /// The names of all commands.
    pub(super) const NAMES: [&str; 21] = [
        "ls",
        "show",
        "why",
        "diff",
        "du",
        "blobs",
        "files",
        "cat",
        "check",
        "report",
        "find",
        "init",
        "prune",
        "repair",
        "demo",
        "completions",
        "complete",
        "man",
        "help",
        "config",
        "version",
    ];

    /// Returns the name of the command.
    pub(super) fn name(&self) -> &'static str {
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
            Self::Config(command) => command.name(),
            Self::Version => "version",
        }
    }

    /// Returns whether the output is for people or shells, and has no JSON document.
    pub(super) fn prints_text_only(&self) -> bool {
        matches!(
            self,
            Self::Completions(_) | Self::Complete(_) | Self::Man(_) | Self::Help(_)
        )
    }
}
