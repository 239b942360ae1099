//! The full details of a source: its content, the usage of its quota, and the caches that each
//! build can read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::bucket;
use super::usage::share;
use crate::backend::{QuotaFacts, Totals, short_branch};
use crate::inventory::InventoryTotals;
use crate::inventory::quota::Visibility;
use crate::text::plural::one_or;
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::found::ScannedInventory;
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

/// Adds the result of a scan.
pub(super) fn found(found: &ScannedInventory, now: Timestamp, details: &mut Vec<DetailLine>) {
    let totals = &found.totals;

    details.extend([
        DetailLine::Blank,
        DetailLine::Heading("Stored objects".into()),
        DetailLine::Fact("in all", tally(totals.stored(), TextRole::Strong)),
        DetailLine::Fact(
            "live",
            tally(totals.live, TextRole::Live).and(" that a ref reaches", TextRole::Dim),
        ),
    ]);
    details.push(DetailLine::Fact("orphan", orphan(found)));
    details.extend(other_objects(totals));
    if let Some(around) = found.inventory.surroundings.quota() {
        quota(found, around, details);
    }
    if let Some(unseen) = &found.inventory.unseen {
        details.push(DetailLine::Fact(
            "not seen",
            Cell::new(unseen.to_string(), TextRole::Unsure),
        ));
    }
    if let Some(bucket) = found.inventory.surroundings.bucket() {
        bucket::details(bucket, details);
    }
    if let Some(newest) = found.inventory.newest() {
        details.push(DetailLine::Fact(
            "newest ref",
            Cell::text(format!("{}", Age::between(newest, now).ago())),
        ));
    }
    for warning in &found.inventory.warnings {
        details.push(DetailLine::Blank);
        details.push(DetailLine::Text(
            Cell::new("! ", TextRole::Warning).and(warning.to_string(), TextRole::Text),
        ));
    }
}

/// Adds the usage of the quota, and the caches that each build can read.
fn quota(found: &ScannedInventory, around: &QuotaFacts, details: &mut Vec<DetailLine>) {
    const GAUGE: u16 = 16;
    let used = found.totals.stored().bytes;
    let filled = meter::bar(used.min(around.limit), around.limit, GAUGE);
    let empty = usize::from(GAUGE).saturating_sub(filled.chars().count());
    let role = if used > around.limit / 10 * 9 {
        TextRole::Warning
    } else {
        TextRole::Live
    };
    let gauge = Cell::new(filled, role).and("▁".repeat(empty), TextRole::Dim);
    details.push(DetailLine::Fact(
        "quota",
        gauge.and(format!("  {}", share(used, around.limit)), TextRole::Text),
    ));
    details.push(DetailLine::Fact(
        "",
        Cell::text(format!("{} of {}", Size(used), Size(around.limit))),
    ));
    let next = found
        .inventory
        .evictions()
        .map(|evictions| evictions.headroom_bytes);
    details.push(DetailLine::Fact(
        "room",
        match next {
            Some(0) | None => Cell::new(
                "none: the least recently used entries are evicted",
                TextRole::Warning,
            ),
            Some(bytes) => Cell::text(format!(
                "{} until the least recently used entries are evicted",
                Size(bytes)
            )),
        },
    ));
    if !around.limit_is_reported {
        details.push(DetailLine::Fact(
            "",
            Cell::new(
                "the quota is not known: this is the usual one",
                TextRole::Unsure,
            ),
        ));
    }
    for unknown in &around.unknown {
        details.push(DetailLine::Fact(
            "not known",
            Cell::new(unknown.to_string(), TextRole::Unsure),
        ));
    }
    details.extend(readers(found, around));
}

/// Returns the number of objects and their size.
fn tally(tally: Totals, role: TextRole) -> Cell {
    let noun = one_or(tally.count, "object", "objects");
    let number = format!(" in {} {noun}", grouped(tally.count));
    Cell::new(Size(tally.bytes).to_string(), role).and(number, TextRole::Dim)
}

fn orphan(found: &ScannedInventory) -> Cell {
    let totals = &found.totals;
    match totals.orphan {
        Some(orphan) => tally(orphan, TextRole::Orphan).and(" that no ref reaches", TextRole::Dim),
        None if found.inventory.unlisted.is_some() => Cell::new(
            format!(
                "not known: {}",
                found.inventory.unlisted.unwrap_or_default()
            ),
            TextRole::Unsure,
        ),
        None if found.inventory.is_withheld() => Cell::new(
            "not known: the content of indexes can be read only inside a job",
            TextRole::Unsure,
        ),
        None => Cell::new(
            "not known: a ref cannot be read, and may reach anything",
            TextRole::Unsure,
        ),
    }
}

/// Returns the objects that are neither live nor orphaned.
fn other_objects(totals: &InventoryTotals) -> Vec<DetailLine> {
    let mut details = Vec::new();
    if totals.undetermined.count > 0 {
        details.push(DetailLine::Fact(
            "unsure",
            tally(totals.undetermined, TextRole::Unsure),
        ));
    }
    if totals.missing.count > 0 {
        let words =
            tally(totals.missing, TextRole::Missing).and(" that a ref references", TextRole::Dim);
        details.push(DetailLine::Fact("missing", words));
    }
    if totals.partial.count > 0 {
        details.push(DetailLine::Fact(
            "partial",
            tally(totals.partial, TextRole::Text).and(" of unfinished uploads", TextRole::Dim),
        ));
    }
    if totals.trash.count > 0 {
        let words = tally(totals.trash, TextRole::Orphan)
            .and(" until a later prune empties it", TextRole::Dim);
        details.push(DetailLine::Fact("trash", words));
    }
    if totals.unknown.count > 0 {
        let words = tally(totals.unknown, TextRole::Text)
            .and(" that are not the cache's own", TextRole::Dim);
        details.push(DetailLine::Fact("unknown", words));
    }
    if totals.orphan.is_none() && totals.superseded.count > 0 {
        let words = tally(totals.superseded, TextRole::Orphan)
            .and(" of indexes that no build imports", TextRole::Dim);
        details.push(DetailLine::Fact("superseded", words));
    }
    details
}

/// Returns which builds read which caches, if there are several branches.
fn readers(found: &ScannedInventory, around: &QuotaFacts) -> Vec<DetailLine> {
    let gone: BTreeSet<&String> = found
        .inventory
        .branches()
        .filter(|branch| around.is_gone(branch))
        .collect();
    let visibility = found.inventory.visibility();
    if visibility.len() + gone.len() < 2 {
        return Vec::new();
    }
    let names = |branches: &[String]| {
        branches
            .iter()
            .map(|branch| short_branch(branch))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut details = Vec::from([
        DetailLine::Blank,
        DetailLine::Heading("Which builds read which caches".into()),
    ]);
    for Visibility {
        branch,
        reads,
        cannot_see,
    } in visibility
    {
        let branch = short_branch(&branch).to_owned();
        let read = Cell::text("a build on ")
            .and(branch.clone(), TextRole::Strong)
            .and(" reads the caches of ", TextRole::Text);
        details.push(DetailLine::Text(read.and(names(&reads), TextRole::Text)));
        if !cannot_see.is_empty() {
            let hidden = Cell::new("  it cannot see the cache of ", TextRole::Dim)
                .and(names(&cannot_see), TextRole::Dim);
            details.push(DetailLine::Text(hidden));
        }
    }
    for branch in gone {
        let words = ": the branch is gone, and no build reads its cache";
        details.push(DetailLine::Text(
            Cell::new(short_branch(branch).to_owned(), TextRole::Strong)
                .and(words, TextRole::Warning),
        ));
    }
    details
}
