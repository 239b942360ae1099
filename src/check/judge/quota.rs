//! Stores with a quota: upcoming evictions, and caches that no build can read.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::CheckCase;
use crate::backend::short_branch;
use crate::check::words::{listed, one_or};
use crate::check::{Code, Finding};
use crate::inventory::quota::Eviction;
use crate::text::escape::visible;
use crate::text::units::{Age, Size};

/// Evictions within this time are reported.
const SOON: SignedDuration = SignedDuration::from_hours(24);
/// The maximum number of branches to list.
const MOST_BRANCHES: usize = 3;

pub(super) fn judge(case: &CheckCase<'_>) -> Vec<Finding> {
    let mut findings = evictions(case);
    findings.extend(read_only(case));
    findings.extend(gone(case));
    findings.extend(invisible(case));
    findings
}

/// Reports a job that cannot export: GitHub refuses the upload after the build has run.
fn read_only(case: &CheckCase<'_>) -> Option<Finding> {
    let around = case.subject.inventory.surroundings.quota()?;
    (around.job_writes == Some(false)).then(|| {
        let message = "the cache token of this job is read-only: `cache-to` fails after the build";
        case.finding(Code::CacheReadOnly, message.to_owned()).hint(
            "add `ignore-error=true` to `cache-to`, or export on push events only; GitHub gives read-only tokens to untrusted events and to `cache-mode: read`",
        )
    })
}

fn evictions(case: &CheckCase<'_>) -> Vec<Finding> {
    let inventory = case.subject.inventory;
    let Some((around, evictions)) = inventory.surroundings.quota().zip(inventory.evictions())
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if evictions.headroom_bytes == 0 {
        let message = format!(
            "{} of {} are used: GitHub evicts the least recently used entries, including layers of indexes that remain",
            Size(evictions.used_bytes),
            Size(around.limit)
        );
        let hint = format!(
            "`{}` shows which scopes fill it; `cachelens prune --max-size SIZE` makes room",
            case.command("du", "").trim_end()
        );
        findings.push(
            case.finding(Code::QuotaFull, message)
                .costing(evictions.used_bytes)
                .hint(hint),
        );
    }
    for (entry, eviction) in inventory.refs.iter().zip(&evictions.refs) {
        let is_gone = entry
            .facts()
            .branch
            .as_ref()
            .is_some_and(|branch| around.is_gone(branch));
        if is_gone {
            continue;
        }
        let Some(when) = soon(case, eviction) else {
            continue;
        };
        let message = format!(
            "it will be evicted {when} unless a build uses it; the next build would then find nothing"
        );
        let finding = case
            .about(entry, Code::EvictedSoon, message)
            .costing(entry.facts().bytes);
        findings.push(finding.hint("a build that imports the scope counts as a use"));
    }
    findings
}

fn soon(case: &CheckCase<'_>, eviction: &Eviction) -> Option<String> {
    let left = eviction.idle_at?.duration_since(case.now);
    match left {
        left if left > SOON => None,
        left if left.is_negative() => Some("at any time".to_owned()),
        left => Some(format!("in {}", Age(left))),
    }
}

/// Reports caches of deleted branches.
fn gone(case: &CheckCase<'_>) -> Option<Finding> {
    let inventory = case.subject.inventory;
    let around = inventory.surroundings.quota()?;
    let mut branches: BTreeMap<&str, u64> = BTreeMap::new();
    let of_refs = inventory
        .refs
        .iter()
        .filter_map(|entry| Some((entry.facts().branch.as_ref()?, entry.facts().bytes)));
    let of_entries = inventory
        .entries
        .iter()
        .map(|entry| (&entry.branch, entry.size));
    for (branch, bytes) in of_refs
        .chain(of_entries)
        .filter(|(branch, _)| around.is_gone(branch))
    {
        let sum = branches.entry(short_branch(branch)).or_default();
        *sum = sum.saturating_add(bytes);
    }
    let bytes = branches.values().copied().fold(0, u64::saturating_add);
    let count = branches.len() as u64;
    if count == 0 {
        return None;
    }
    let names: Vec<_> = branches.keys().map(|branch| visible(branch)).collect();
    let message = format!(
        "no build reads the caches of {}: {}",
        one_or(count, "a deleted branch", "deleted branches"),
        listed(names.iter().map(AsRef::as_ref), count, MOST_BRANCHES)
    );
    let hint = "to delete them, add a rule with `match = { state = \"branch-gone\", kind = [\"cache\", \"blob\", \"entry\"] }` \
                and `action = \"drop\"`";
    Some(
        case.finding(Code::BranchGone, message)
            .costing(bytes)
            .hint(hint),
    )
}

/// Reports scopes that other branches have and the default branch lacks: a new branch starts
/// without a cache.
fn invisible(case: &CheckCase<'_>) -> Vec<Finding> {
    let inventory = case.subject.inventory;
    let Some(default) = inventory
        .surroundings
        .quota()
        .and_then(|around| around.default_branch.as_ref())
    else {
        return Vec::new();
    };
    let mut scopes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in inventory.refs.iter() {
        let Some(branch) = &entry.facts().branch else {
            continue;
        };
        let scope = entry
            .name
            .rsplit_once('@')
            .map_or(entry.name.as_str(), |(scope, _)| scope);
        scopes.entry(scope).or_default().push(branch);
    }
    let hidden = scopes
        .into_iter()
        .filter(|(_, branches)| !branches.contains(&default.as_str()));
    let finding = |(scope, mut branches): (&str, Vec<&str>)| {
        branches.sort_unstable();
        branches.dedup();
        let count = branches.len() as u64;
        let names: Vec<_> = branches
            .iter()
            .map(|branch| visible(short_branch(branch)))
            .collect();
        let message = format!(
            "the scope {} has a cache on {} ({}) and none on {}: builds on other branches cannot see it",
            visible(scope),
            one_or(count, "1 branch", &format!("{count} branches")),
            listed(names.iter().map(AsRef::as_ref), count, MOST_BRANCHES),
            visible(short_branch(default))
        );
        case.finding(Code::Invisible, message)
            .about(scope)
            .hint("also export the scope from builds of the default branch")
    };
    hidden.map(finding).collect()
}
