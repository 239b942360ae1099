//! The arguments of `prune`, and the policy that they make.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use jiff::SignedDuration;

use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::retention::{Budget, Criteria, Pattern, Percent, Policy, PruneFlags};
use crate::units::{parse_duration, parse_size};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(group = ArgGroup::new("act").args(["yes", "apply", "resume", "undo"]))]
#[command(group = ArgGroup::new("saved").args(["apply", "resume", "undo"]))]
pub(in crate::cli) struct Arguments {
    /// The caches to prune. Without any, those of cachelens.toml.
    #[arg(value_name = "SOURCE", conflicts_with_all = ["resume", "undo"])]
    pub(super) sources: Vec<String>,

    /// Carry the plan out.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Carry a saved plan out, which needs no further options.
    #[arg(long, value_name = "FILE")]
    pub(super) apply: Option<PathBuf>,
    /// Save the plan.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["saved", "yes"])]
    pub(super) plan_out: Option<PathBuf>,
    /// Go on with a run that was interrupted.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    pub(super) resume: Option<PathBuf>,
    /// Put back what a run took, as far as the trash still has it.
    #[arg(long, value_name = "JOURNAL", conflicts_with = "journal")]
    pub(super) undo: Option<PathBuf>,
    /// Write the journal here instead of to its folder.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Fail with exit code 3, and delete nothing, when more bytes than this would go.
    #[arg(long, value_name = "SIZE", value_parser = size_limit, conflicts_with = "saved")]
    pub(super) fail_if_frees: Option<u64>,

    /// Remove a ref that comes while the prune is at work and names what has just gone: no build can import it.
    #[arg(long, conflicts_with_all = ["undo", "plan_out"])]
    pub(super) cure: bool,
    /// Leave out the last look at each blob, where the store itself deletes only what has not been touched since.
    #[arg(long, conflicts_with_all = ["undo", "plan_out"])]
    pub(super) no_recheck: bool,

    #[command(flatten)]
    rules: RuleFlags,

    /// Let results go from inside the refs that stay and are not protected, as in 'age>30d step~apt-get'.
    #[arg(long, value_name = "FILTER", value_parser = results_argument, conflicts_with = "saved")]
    pub(super) records: Option<Filter>,
    /// Name the steps for --records by the provenance of a build (SLSA, mode=max).
    #[arg(long, value_name = "FILE", conflicts_with = "saved")]
    pub(super) provenance: Vec<PathBuf>,

    /// Delete blobs in the same run as the refs that reach them; builds that import those refs just now will fail.
    #[arg(long, conflicts_with_all = ["saved", "orphans_only"])]
    pub(super) now: bool,
    /// Confirm, without being asked, for the source of this name.
    #[arg(long, value_name = "NAME", conflicts_with = "saved")]
    pub(super) confirm: Vec<String>,
    /// Delete at once, instead of moving to the trash in the cache.
    #[arg(long, requires = "i_am_the_only_writer", conflicts_with = "saved")]
    pub(super) no_trash: bool,
    /// Assert that no build exports to the cache while it is pruned.
    #[arg(long, requires = "no_trash")]
    i_am_the_only_writer: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What stays and what goes")]
struct RuleFlags {
    /// Touch no ref: only blobs that no ref reaches, and unfinished uploads.
    #[arg(long, conflicts_with = "saved")]
    orphans_only: bool,
    /// Protect refs that match a glob or a /regular expression/.
    #[arg(long, value_name = "GLOB", conflicts_with = "saved")]
    keep_ref: Vec<Pattern>,
    /// Let refs go that match, unless a --keep criterion keeps them.
    #[arg(long, value_name = "GLOB", conflicts_with = "saved")]
    drop_ref: Vec<Pattern>,
    /// Keep the N newest refs.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_last: Option<NonZeroU32>,
    /// Keep refs no older than this, as in 14d.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    keep_within: Option<SignedDuration>,
    /// Keep the newest ref of each of the last N hours that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_hourly: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N days that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_daily: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N weeks that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_weekly: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N months that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_monthly: Option<NonZeroU32>,
    /// Keep the newest ref of each of the last N years that have one.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_yearly: Option<NonZeroU32>,
    /// Keep refs that were used this recently, or whose last use is not known.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    keep_used_within: Option<SignedDuration>,
    /// Keep the N newest former contents of each ref.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    keep_generations: Option<u32>,
    /// Let refs go, oldest use first, until those that stay reach no more than this.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "saved")]
    max_size: Option<u64>,
    /// Let refs go, oldest use first, until there are no more than this.
    #[arg(long, value_name = "N", conflicts_with = "saved")]
    max_refs: Option<u64>,
    /// Let refs go, oldest use first, until the file system has this much room.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "saved")]
    min_free: Option<u64>,
    /// Delete nothing that changed more recently than this.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "saved")]
    grace: Option<SignedDuration>,
    /// Refuse a plan that would delete a larger share, as in 90%.
    #[arg(long, value_name = "SHARE", conflicts_with = "saved")]
    max_delete: Option<Percent>,
}

impl Arguments {
    /// Tells whether a store is to be changed.
    pub(super) fn changes_something(&self) -> bool {
        self.yes || self.apply.is_some() || self.resume.is_some() || self.undo.is_some()
    }

    /// Lays the flags over the configured policy.
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
            budget: Budget { max_size: rules.max_size, max_refs: rules.max_refs, min_free: rules.min_free },
            grace: rules.grace,
            max_delete: rules.max_delete,
            records: self.records.clone(),
            orphans_only: rules.orphans_only,
        };
        flags.over(configured).map_err(|error| Failure::new(Exit::Usage, &error))
    }
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration = parse_duration(text)?;
    SignedDuration::try_from(duration).map_err(|_| format!("`{text}` is longer than time itself"))
}

/// Parses what results go; a variable that is not set must not empty every ref.
fn results_argument(text: &str) -> Result<Filter, String> {
    let filter = super::super::filter_argument(text)?;
    if filter.is_empty() {
        return Err("an empty filter chooses every result: `size>=0` says that it is meant".to_owned());
    }
    Ok(filter)
}

/// Parses the size of a gate; a `>` before it says what is meant anyway.
fn size_limit(text: &str) -> Result<u64, String> {
    parse_size(text.strip_prefix('>').unwrap_or(text))
}
