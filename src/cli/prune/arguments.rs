//! The arguments of `prune`, and the policy they define.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use jiff::SignedDuration;

use crate::cli::check::FindingsFormat;
use crate::cli::summary::SummaryFlag;
use crate::cli::why::build::BuildFlags;
use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::prune::execute::Settle;
use crate::prune::repair::{self, Remedies};
use crate::retention::{Budget, Criteria, Percent, Policy, PruneFlags, RefPattern};
use crate::source::SourceText;
use crate::text::units::{parse_duration, parse_size};

#[derive(Debug, Default, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(group = ArgGroup::new("saved").args(["apply", "resume", "undo"]))]
pub(in crate::cli) struct PruneArguments {
    /// The caches to prune.
    ///
    /// The default is the sources of cachelens.toml, and for a plan those that files here declare;
    /// with --apply, --resume or --undo it is the store of the plan.
    #[arg(value_name = "SOURCE")]
    pub(in crate::cli) sources: Vec<SourceText>,

    /// Carry out the plan.
    #[arg(long, short)]
    pub(in crate::cli) yes: bool,
    /// Only print the plan; cannot be combined with --yes.
    #[arg(long, short = 'n', conflicts_with_all = ["yes", "saved"])]
    pub(in crate::cli) dry_run: bool,
    /// Carry out a saved plan.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) apply: Option<PathBuf>,
    /// Refuse a saved plan that is older than this, such as 12h.
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "apply")]
    pub(in crate::cli) max_plan_age: Option<SignedDuration>,
    /// Save the plan to this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["saved", "yes"])]
    pub(in crate::cli) plan_out: Option<PathBuf>,
    /// Resume an interrupted run.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    pub(in crate::cli) resume: Option<PathBuf>,
    /// Restore what a run deleted, if the trash or a copy still has it.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    pub(in crate::cli) undo: Option<PathBuf>,
    /// Write the journal to this file instead of the state directory.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) journal: Option<PathBuf>,
    /// Delete nothing and exit with 3 if the plan frees more than this.
    ///
    /// The blobs that a later run deletes because of this plan count as well.
    #[arg(long, value_name = "SIZE", value_parser = size_limit, conflicts_with = "saved")]
    pub(in crate::cli) fail_if_frees: Option<u64>,
    /// The output format.
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        conflicts_with = "undo"
    )]
    pub(in crate::cli) format: FindingsFormat,
    #[command(flatten)]
    pub(in crate::cli) summary: SummaryFlag,

    /// Delete refs that a build wrote during the run and that are broken.
    ///
    /// They reference blobs that the run deleted, so no build can import them.
    #[arg(long, alias = "cure", conflicts_with_all = ["undo", "plan_out"])]
    pub(in crate::cli) delete_broken_refs: bool,
    /// Skip the last check of each blob if the store checks conditions.
    ///
    /// Such a store deletes a blob only if it is unchanged.
    #[arg(long, conflicts_with_all = ["undo", "plan_out"])]
    pub(in crate::cli) no_recheck: bool,

    /// Delete blobs in the same run as the refs that reach them.
    ///
    /// Builds that import those refs during the run will fail.
    #[arg(long, conflicts_with_all = ["saved", "orphans_only"])]
    pub(in crate::cli) now: bool,
    /// Confirm for this source without a prompt.
    #[arg(long, value_name = "NAME", conflicts_with = "saved")]
    pub(in crate::cli) confirm: Vec<SourceText>,
    /// Delete at once instead of moving to the trash in the cache.
    #[arg(long, requires = "i_am_the_only_writer", conflicts_with = "saved")]
    pub(in crate::cli) no_trash: bool,
    /// Assert that no build exports to the cache during the run.
    ///
    /// The run then does not wait for builds.
    #[arg(long)]
    pub(in crate::cli) i_am_the_only_writer: bool,
    /// Watch a local cache until it was quiet for this long.
    ///
    /// After it moved blobs to the trash, a run watches the cache, and restores blobs that new refs
    /// reference. 0s disables the protection of running builds. The default is `settle` of
    /// cachelens.toml, else 30s.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "undo")]
    pub(in crate::cli) settle: Option<Duration>,
    /// Wait for builds at most this long.
    ///
    /// The exit code is 4 if the cache is not quiet by then.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "undo", default_value = "10m")]
    pub(in crate::cli) settle_max: Duration,

    #[command(flatten)]
    pub(in crate::cli) rules: RuleFlags,

    /// Delete matching results inside kept refs, such as 'age>30d'.
    ///
    /// Protected refs are not changed. See `cachelens help filters`.
    #[arg(long, value_name = "FILTER", value_parser = results_argument, conflicts_with = "saved")]
    pub(in crate::cli) records: Option<Filter>,
    /// Name the steps for --records from provenance (SLSA, mode=max).
    #[arg(long, value_name = "FILE", conflicts_with = "saved")]
    pub(in crate::cli) provenance: Vec<PathBuf>,

    /// The build context, for the steps that copy its files, with --records or `drop_records`.
    ///
    /// Without other evidence, the Dockerfile in it names the steps.
    #[arg(long, value_name = "DIR", conflicts_with = "saved")]
    pub(in crate::cli) context: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) described: BuildFlags,

    /// The repairs of `repair`, which uses the same steps; none for `prune`.
    #[arg(skip)]
    pub(in crate::cli) repair: Option<Remedies>,
    /// Whether a repair reads every blob.
    #[arg(skip)]
    pub(in crate::cli) verify: bool,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Retention rules")]
pub(in crate::cli) struct RuleFlags {
    /// Delete only orphaned blobs and unfinished uploads, and no ref.
    #[arg(long, conflicts_with = "saved")]
    pub(in crate::cli) orphans_only: bool,
    /// Protect refs that match a glob or a /regular expression/.
    #[arg(long, value_name = "GLOB", conflicts_with = "saved")]
    pub(in crate::cli) keep_ref: Vec<RefPattern>,
    /// Drop matching refs, unless a --keep criterion keeps them.
    #[arg(long, value_name = "GLOB", conflicts_with = "saved")]
    pub(in crate::cli) drop_ref: Vec<RefPattern>,
    /// Keep the N newest refs.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_last: Option<NonZeroU32>,
    /// Keep refs that are no older than this, such as 14d.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    pub(in crate::cli) keep_within: Option<SignedDuration>,
    /// Keep the newest ref of each of the last N hours that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_hourly: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N days that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_daily: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N weeks that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_weekly: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N months that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_monthly: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N years that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_yearly: Option<NonZeroU32>,
    /// Keep refs used within this time, or whose last use is unknown.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    pub(in crate::cli) keep_used_within: Option<SignedDuration>,
    /// Keep the N newest previous versions of each ref.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) keep_generations: Option<u32>,
    /// Drop least recently used refs until the others fit in this size.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "saved")]
    pub(in crate::cli) max_size: Option<u64>,
    /// Drop least recently used refs until at most N are left.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    pub(in crate::cli) max_refs: Option<u64>,
    /// Drop least recently used refs until this much disk is free.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "saved")]
    pub(in crate::cli) min_free: Option<u64>,
    /// Delete nothing that changed within this time.
    ///
    /// 0s disables the protection of running builds: blobs that they upload or found stored may be
    /// deleted.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    pub(in crate::cli) grace: Option<SignedDuration>,
    /// Refuse a plan that deletes a larger share, such as 90%.
    #[arg(long, value_name = "SHARE", conflicts_with = "saved")]
    pub(in crate::cli) max_delete: Option<Percent>,
}

impl PruneArguments {
    /// Returns the name of the command.
    pub(super) fn command(&self) -> &'static str {
        if self.repair.is_some() {
            "repair"
        } else {
            "prune"
        }
    }

    /// Returns whether the command changes a store.
    pub(super) fn changes_something(&self) -> bool {
        self.yes || self.apply.is_some() || self.resume.is_some() || self.undo.is_some()
    }

    /// Returns how long a run waits for builds.
    pub(super) fn settle(&self, configured: Duration) -> Settle {
        if self.i_am_the_only_writer {
            return Settle::NONE;
        }
        Settle {
            quiet: self.settle.unwrap_or(configured),
            most: self.settle_max,
        }
    }

    /// Returns whether the run watches for builds, or the user says that there are none.
    pub(super) fn settles(&self, configured: Duration) -> bool {
        let quiet = self.settle.unwrap_or(configured);
        self.i_am_the_only_writer || !quiet.is_zero()
    }

    /// Applies the flags to the configured policy.
    pub(super) fn policy(&self, configured: Policy) -> Result<Policy, Failure> {
        let rules = &self.rules;
        let flags = PruneFlags {
            keep_ref: rules.keep_ref.clone(),
            drop_ref: rules.drop_ref.clone(),
            keep: Criteria {
                last: rules.keep_last,
                within: rules.keep_within,
                hourly: rules.keep_hourly,
                daily: rules.keep_daily,
                weekly: rules.keep_weekly,
                monthly: rules.keep_monthly,
                yearly: rules.keep_yearly,
                used_within: rules.keep_used_within,
                generations: rules.keep_generations,
            },
            budget: Budget {
                max_size: rules.max_size,
                max_refs: rules.max_refs,
                min_free: rules.min_free,
            },
            grace: rules.grace,
            max_delete: rules.max_delete,
            records: self.records.clone(),
            orphans_only: rules.orphans_only,
        };
        let mut policy = flags
            .over(configured)
            .map_err(|error| Failure::new(Exit::Usage, &error))?;
        if self.repair.is_some() {
            policy = repair::policy(policy);
        }
        Ok(policy)
    }
}

pub(in crate::cli) fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration = parse_duration(text)?;
    SignedDuration::try_from(duration).map_err(|_| format!("`{text}` is too long"))
}

/// Parses a filter for results; an unset variable must not empty every ref.
fn results_argument(text: &str) -> Result<Filter, String> {
    let filter = super::super::filter_argument(text)?;
    if filter.is_empty() {
        return Err(
            "an empty filter matches every result; use `size>=0` if that is intended".to_owned(),
        );
    }
    Ok(filter)
}

/// Parses the size of a gate; a leading `>` is accepted and ignored.
fn size_limit(text: &str) -> Result<u64, String> {
    parse_size(text.strip_prefix('>').unwrap_or(text))
}
