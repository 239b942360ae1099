//! `repair`: fixes the findings of `check`, with plans like those of `prune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use jiff::SignedDuration;

use super::CliSession;
use super::check::FindingsFormat;
use super::prune::{self, RuleFlags, duration};
use super::summary::SummaryFlag;
use crate::check::Code;
use crate::error::{Exit, Failure};
use crate::prune::repair::Remedies;
use crate::prune::rewrite::no_repair;
use crate::source::SourceText;
use crate::text::escape::visible;
use crate::text::nearest::nearest;
use crate::text::units::parse_duration;

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(group = ArgGroup::new("saved").args(["apply", "resume", "undo"]))]
pub(super) struct RepairArguments {
    /// The caches to repair; SOURCE#REF selects one ref.
    ///
    /// The default is the sources of cachelens.toml, and for a plan those that files here declare;
    /// with --apply, --resume or --undo it is the store of the plan.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceText>,

    /// Carry out the plan.
    #[arg(long, short)]
    yes: bool,
    /// Only print the plan; cannot be combined with --yes.
    #[arg(long, short = 'n', conflicts_with_all = ["yes", "saved"])]
    dry_run: bool,
    /// Carry out a saved plan.
    #[arg(long, value_name = "FILE")]
    apply: Option<PathBuf>,
    /// Refuse a saved plan that is older than this, such as 12h.
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "apply")]
    max_plan_age: Option<SignedDuration>,
    /// Save the plan to this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["saved", "yes"])]
    plan_out: Option<PathBuf>,
    /// Resume an interrupted repair.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    resume: Option<PathBuf>,
    /// Restore the previous versions of the refs.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    undo: Option<PathBuf>,
    /// Write the journal to this file instead of the state directory.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Repair only findings of this kind.
    ///
    /// The value is a code of check, such as blob-missing. May be repeated. A rewritten ref loses
    /// everything that no build can use.
    #[arg(long, value_name = "CODE", value_parser = code, conflicts_with = "saved")]
    fix: Vec<Code>,
    /// Make caches smaller without losing a hit.
    ///
    /// Equal records are merged, and records that lead to no result are removed.
    #[arg(long, conflicts_with = "saved")]
    compact: bool,
    /// Make the ref of SOURCE#REF point to another version, such as main~1.
    ///
    /// The version is a previous one, another ref of the store, or the digest of a manifest.
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["saved", "fix", "compact", "delete_gone"])]
    restore: Option<String>,
    /// Delete refs whose manifest is missing and that have no previous version.
    #[arg(long, conflicts_with = "saved")]
    delete_gone: bool,
    /// Confirm for this source without a prompt, if every ref would be deleted.
    #[arg(long, value_name = "NAME", conflicts_with = "saved")]
    confirm: Vec<SourceText>,
    /// Read every blob that a ref reaches, and verify its digest.
    #[arg(long, conflicts_with = "saved")]
    verify: bool,
    /// Keep recent uploads and previous versions for this long.
    ///
    /// Unfinished uploads that are younger are kept, and so are the previous versions of the refs.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    grace: Option<SignedDuration>,

    /// Assert that no build exports to the cache during the run.
    ///
    /// The run then does not wait for builds.
    #[arg(long)]
    i_am_the_only_writer: bool,
    /// Watch a local cache until it was quiet for this long.
    ///
    /// This happens only after something was moved to the trash. The default is `settle` of
    /// cachelens.toml, else 30s.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "undo")]
    settle: Option<Duration>,
    /// Wait for builds at most this long.
    ///
    /// The exit code is 4 if the cache is not quiet by then.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "undo", default_value = "10m")]
    settle_max: Duration,
    /// The output format.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        conflicts_with = "undo"
    )]
    format: FindingsFormat,
    #[command(flatten)]
    summary: SummaryFlag,
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: RepairArguments,
) -> Result<Exit, Failure> {
    let arguments = prune::PruneArguments {
        sources: arguments.sources,
        yes: arguments.yes,
        dry_run: arguments.dry_run,
        format: arguments.format,
        summary: arguments.summary,
        apply: arguments.apply,
        max_plan_age: arguments.max_plan_age,
        plan_out: arguments.plan_out,
        resume: arguments.resume,
        undo: arguments.undo,
        journal: arguments.journal,
        rules: RuleFlags {
            grace: arguments.grace,
            ..RuleFlags::default()
        },
        i_am_the_only_writer: arguments.i_am_the_only_writer,
        settle: arguments.settle,
        settle_max: arguments.settle_max,
        repair: Some(Remedies {
            only: arguments.fix,
            compact: arguments.compact,
            restore: arguments.restore,
            delete_gone: arguments.delete_gone,
        }),
        confirm: arguments.confirm,
        verify: arguments.verify,
        ..prune::PruneArguments::default()
    };
    Box::pin(prune::run(session, arguments)).await
}

/// Parses the name of a finding that can be fixed.
fn code(text: &str) -> Result<Code, String> {
    let shown = visible(text);
    let Some(code) = Code::ALL.iter().find(|code| code.name() == text) else {
        let names = Code::FIXABLE
            .iter()
            .chain(Code::COMPACTION)
            .map(|code| code.name());
        let meant = nearest(text, names)
            .map(|name| format!("; `{name}` is"))
            .unwrap_or_default();
        return Err(format!("`{shown}` is not the name of a finding{meant}"));
    };
    if Code::FIXABLE.contains(code) || Code::COMPACTION.contains(code) {
        return Ok(*code);
    }
    let why = no_repair(*code).unwrap_or("it is not damage; `prune` can delete the objects");
    Err(format!("`{shown}` cannot be repaired: {why}"))
}
