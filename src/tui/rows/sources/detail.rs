//! The full details of a source: its content, the usage of its quota, and the caches that each
//! build can read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{bucket, grouped, share};
use crate::backend::{Surroundings, short_branch};
use crate::inventory::Tally;
use crate::inventory::quota::Visibility;
use crate::text::units::{Age, Size};
use crate::tui::found::Found;
use crate::tui::rows::{Cell, Detail};
use crate::tui::theme::Role;
use crate::tui::widget::meter;

/// Adds the result of a scan.
pub(super) fn found(found: &Found, now: Timestamp, details: &mut Vec<Detail>) {
    let totals = &found.totals;
    let tally = |tally: Tally, role| {
        Cell::new(Size(tally.bytes).to_string(), role)
            .and(format!(" in {} objects", grouped(tally.count)), Role::Dim)
    };
    details.extend([
        Detail::Blank,
        Detail::Heading("What is stored".into()),
        Detail::Fact("in all", tally(totals.stored(), Role::Strong)),
        Detail::Fact(
            "live",
            tally(totals.live, Role::Live).and(", which a ref reaches", Role::Dim),
        ),
    ]);
    details.push(Detail::Fact(
        "orphan",
        match totals.orphan {
            Some(orphan) => tally(orphan, Role::Orphan).and(", which no ref reaches", Role::Dim),
            None if found.inventory.unlisted.is_some() => Cell::new(
                format!(
                    "not known: {}",
                    found.inventory.unlisted.unwrap_or_default()
                ),
                Role::Unsure,
            ),
            None if found.inventory.is_withheld() => Cell::new(
                "not known: what indexes name can be read inside a job only",
                Role::Unsure,
            ),
            None => Cell::new(
                "not known: a ref cannot be read, and may reach anything",
                Role::Unsure,
            ),
        },
    ));
    if totals.undetermined.count > 0 {
        details.push(Detail::Fact(
            "unsure",
            tally(totals.undetermined, Role::Unsure),
        ));
    }
    if totals.missing.count > 0 {
        let words = tally(totals.missing, Role::Missing).and(", which a ref names", Role::Dim);
        details.push(Detail::Fact("missing", words));
    }
    if totals.partial.count > 0 {
        details.push(Detail::Fact(
            "partial",
            tally(totals.partial, Role::Text).and(", unfinished uploads", Role::Dim),
        ));
    }
    if totals.trash.count > 0 {
        let words =
            tally(totals.trash, Role::Orphan).and(", until a later prune empties it", Role::Dim);
        details.push(Detail::Fact("trash", words));
    }
    if totals.unknown.count > 0 {
        let words = tally(totals.unknown, Role::Text).and(", none of the cache's own", Role::Dim);
        details.push(Detail::Fact("unknown", words));
    }
    if totals.orphan.is_none() && totals.superseded.count > 0 {
        let words = tally(totals.superseded, Role::Orphan)
            .and(", indexes that no build imports", Role::Dim);
        details.push(Detail::Fact("former", words));
    }
    if let Some(around) = found.inventory.around.as_ref() {
        quota(found, around, details);
    }
    if let Some(unseen) = &found.inventory.unseen {
        details.push(Detail::Fact(
            "not seen",
            Cell::new(unseen.to_string(), Role::Unsure),
        ));
    }
    if let Some(bucket) = found.inventory.bucket.as_ref() {
        bucket::details(bucket, details);
    }
    if let Some(newest) = found.inventory.newest() {
        details.push(Detail::Fact(
            "newest ref",
            Cell::text(format!("{}", Age::between(newest, now).ago())),
        ));
    }
    for warning in &found.inventory.warnings {
        details.push(Detail::Blank);
        details.push(Detail::Text(
            Cell::new("! ", Role::Warning).and(warning.to_string(), Role::Text),
        ));
    }
}

/// Adds the usage of the quota, and the caches that each build can read.
fn quota(found: &Found, around: &Surroundings, details: &mut Vec<Detail>) {
    const GAUGE: u16 = 24;
    let used = found.totals.stored().bytes;
    let filled = meter::bar(used.min(around.limit), around.limit, GAUGE);
    let empty = usize::from(GAUGE).saturating_sub(filled.chars().count());
    let role = if used > around.limit / 10 * 9 {
        Role::Warning
    } else {
        Role::Live
    };
    let gauge = Cell::new(filled, role).and("▁".repeat(empty), Role::Dim);
    details.push(Detail::Fact(
        "quota",
        gauge.and(format!("  {}", share(used, around.limit)), Role::Text),
    ));
    details.push(Detail::Fact(
        "",
        Cell::text(format!("{} of {}", Size(used), Size(around.limit))),
    ));
    let next = found
        .inventory
        .evictions()
        .map(|evictions| evictions.headroom_bytes);
    details.push(Detail::Fact(
        "room",
        match next {
            Some(0) | None => {
                Cell::new("none: what was used longest ago is evicted", Role::Warning)
            }
            Some(bytes) => Cell::text(format!(
                "{} until what was used longest ago is evicted",
                Size(bytes)
            )),
        },
    ));
    if !around.limit_is_told {
        details.push(Detail::Fact(
            "",
            Cell::new("nobody told the quota: it is the usual one", Role::Unsure),
        ));
    }
    for unknown in &around.unknown {
        details.push(Detail::Fact(
            "not known",
            Cell::new(unknown.clone(), Role::Unsure),
        ));
    }
    let gone: BTreeSet<&String> = found
        .inventory
        .branches()
        .filter(|branch| around.is_gone(branch))
        .collect();
    let visibility = found.inventory.visibility();
    if visibility.len() + gone.len() < 2 {
        return;
    }
    let names = |branches: &[String]| {
        branches
            .iter()
            .map(|branch| short_branch(branch))
            .collect::<Vec<_>>()
            .join(", ")
    };
    details.extend([
        Detail::Blank,
        Detail::Heading("Which builds read which caches".into()),
    ]);
    for Visibility {
        branch,
        reads,
        cannot_see,
    } in visibility
    {
        let branch = short_branch(&branch).to_owned();
        let read = Cell::text("a build on ")
            .and(branch.clone(), Role::Strong)
            .and(" reads the caches of ", Role::Text);
        details.push(Detail::Text(read.and(names(&reads), Role::Text)));
        if !cannot_see.is_empty() {
            let hidden = Cell::new("  it cannot see the cache of ", Role::Dim)
                .and(names(&cannot_see), Role::Dim);
            details.push(Detail::Text(hidden));
        }
    }
    for branch in gone {
        let words = ": the branch is gone, and no build reads its cache";
        details.push(Detail::Text(
            Cell::new(short_branch(branch).to_owned(), Role::Strong).and(words, Role::Warning),
        ));
    }
}
