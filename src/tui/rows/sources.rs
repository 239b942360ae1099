//! Sources as rows.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Align, Cell, Column, Detail, Identity, NONE, RowSet, Sortable, UNKNOWN};
use crate::backend::{Surroundings, short_branch};
use crate::inventory::filter::{Filter, NumberField, Subject, TextField};
use crate::inventory::quota::Visibility;
use crate::inventory::{RefEntry, Tally};
use crate::tui::found::Found;
use crate::tui::theme::Role;
use crate::tui::widget::meter;
use crate::tui::world::{Scan, Source};
use crate::units::{Age, Size};

mod bucket;

/// The column by which sources are sorted at first: their own order.
pub const BY_NAME: usize = 0;

const COLUMNS: &[Column] = &[
    Column { title: "SOURCE", align: Align::Path, min: 14, max: 60, rank: 0, sort: Sortable::Ascending },
    Column { title: "KIND", align: Align::Left, min: 8, max: 8, rank: 6, sort: Sortable::Ascending },
    Column { title: "REFS", align: Align::Right, min: 6, max: 6, rank: 4, sort: Sortable::Descending },
    Column { title: "LIVE", align: Align::Right, min: 8, max: 8, rank: 1, sort: Sortable::Descending },
    Column { title: "ORPHAN", align: Align::Right, min: 8, max: 8, rank: 1, sort: Sortable::Descending },
    Column { title: "MISSING", align: Align::Right, min: 8, max: 8, rank: 3, sort: Sortable::Descending },
    Column { title: "NEWEST", align: Align::Right, min: 8, max: 8, rank: 5, sort: Sortable::Descending },
    Column { title: "STATE", align: Align::Left, min: 9, max: 40, rank: 2, sort: Sortable::No },
];

/// The sources as they are at the moment.
#[derive(Debug)]
pub struct SourceRows(Vec<Source>);

impl SourceRows {
    /// Takes the sources as they are.
    pub fn new(sources: &[Source]) -> Self {
        Self(sources.to_vec())
    }

    fn at(&self, row: u32) -> &Source {
        &self.0[row as usize]
    }

    fn found(&self, row: u32) -> Option<&Found> {
        self.at(row).found.as_ref()
    }
}

/// Returns how a scan stands, in words.
pub fn scan_state(source: &Source) -> Cell {
    let objects = source.found.as_ref().map_or(0, |found| found.inventory.blobs.len());
    match &source.scan {
        Scan::Running(_) if source.info.is_search => Cell::new("looking for caches…", Role::Title),
        Scan::Running(_) if objects == 0 => Cell::new("reading refs…", Role::Title),
        Scan::Running(_) => Cell::new(format!("scanning, {} blobs…", grouped(objects as u64)), Role::Title),
        Scan::Done => Cell::new("ready", Role::Good),
        Scan::Stopped => Cell::new("stopped: not all is known", Role::Warning),
        Scan::Failed(_) => Cell::new("! failed", Role::Error),
    }
}

/// Prints a number with thin groups of three digits, as `612 000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(group.iter().copied().map(char::from));
    }
    text
}

fn orphan(found: &Found) -> Cell {
    match found.totals.orphan {
        Some(Tally { count: 0, .. }) if found.is_complete() => Cell::new(NONE, Role::Dim),
        Some(tally) => Cell::new(Size(tally.bytes).to_string(), Role::Orphan),
        None => Cell::new(UNKNOWN, Role::Unsure),
    }
}

fn missing(found: &Found) -> Cell {
    match (found.is_complete(), found.broken_refs()) {
        (false, _) => Cell::new("…", Role::Dim),
        (true, 0) if found.sealed().is_some() => Cell::new(UNKNOWN, Role::Unsure),
        (true, 0) => Cell::new(NONE, Role::Dim),
        (true, 1) => Cell::new("! 1 ref", Role::Missing),
        (true, count) => Cell::new(format!("! {count} refs"), Role::Missing),
    }
}

impl RowSet for SourceRows {
    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        let source = self.at(row);
        let mut cells = vec![Cell::text(source.info.label.clone()), Cell::new(source.info.kind.clone(), Role::Dim)];
        match &source.found {
            Some(found) => cells.extend([
                Cell::text(grouped(found.inventory.refs.len() as u64)),
                Cell::new(Size(found.totals.live.bytes).to_string(), Role::Live),
                orphan(found),
                missing(found),
                Cell::text(found.inventory.newest().map_or(NONE.into(), |then| Age::between(then, now).to_string())),
            ]),
            None => cells.extend(std::iter::repeat_n(Cell::new("", Role::Dim), 5)),
        }
        cells.push(scan_state(source));
        cells
    }

    fn below(&self, row: u32, width: u16) -> Cell {
        if let Scan::Failed(error) = &self.at(row).scan {
            return Cell::new(error.lines().next().unwrap_or_default().to_owned(), Role::Error);
        }
        let Some(found) = self.found(row) else { return Cell::default() };
        let totals = &found.totals;
        let stored = totals.stored().bytes;
        if stored == 0 && totals.missing.bytes == 0 {
            return Cell::new("nothing is stored", Role::Dim);
        }
        let words = match totals.orphan {
            Some(orphan) if orphan.bytes > 0 => {
                let percent = u128::from(orphan.bytes) * 100 / u128::from(stored.max(1));
                if percent == 0 { "<1 % orphaned".to_owned() } else { format!("{percent} % orphaned") }
            }
            Some(_) if totals.unknown.bytes > 0 && totals.missing.count == 0 => {
                format!("no waste · {} unknown", Size(totals.unknown.bytes))
            }
            Some(_) => "no waste".to_owned(),
            None if found.inventory.unlisted.is_some() => "orphans not known".to_owned(),
            None if found.inventory.is_sealed() => "orphans ?".to_owned(),
            None => "a ref cannot be read".to_owned(),
        };
        let room = width.saturating_sub(34).min(96);
        let bar = match found.inventory.around.as_ref() {
            // A gauge: what there is of what there may be.
            Some(around) => {
                let filled = u128::from(room) * u128::from(stored) / u128::from(around.limit.max(1));
                let filled = u16::try_from(filled).unwrap_or(room).clamp(room.min(3), room);
                let free = "▁".repeat(usize::from(room - filled));
                let gauge = meter::of_totals(totals, filled).and(free, Role::Dim);
                gauge.and(format!("  {} of the quota · {words}", share(stored, around.limit)), Role::Dim)
            }
            None => meter::of_totals(totals, room).and(format!("  {words}"), Role::Dim),
        };
        match totals.missing.count {
            0 => bar,
            count => bar.and(format!(" · ! {} missing", grouped(count)), Role::Missing),
        }
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<Detail> {
        let source = self.at(row);
        let mut details = vec![
            Detail::Heading(source.info.label.clone().into()),
            Detail::Fact("kind", Cell::text(source.info.kind.clone())),
            Detail::Fact("scan", scan_state(source)),
        ];
        if let Scan::Failed(error) = &source.scan {
            details.push(Detail::Blank);
            details.extend(error.lines().map(|line| Detail::Text(Cell::text(line.to_owned()))));
        }
        if let Some(found) = &source.found {
            found_details(found, now, &mut details);
        }
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let by = |key: fn(&Found) -> u64| self.found(a).map(key).cmp(&self.found(b).map(key));
        match column {
            0 => a.cmp(&b),
            1 => self.at(a).info.kind.cmp(&self.at(b).info.kind),
            2 => by(|found| found.inventory.refs.len() as u64),
            3 => by(|found| found.totals.live.bytes),
            4 => by(|found| found.totals.orphan.unwrap_or_default().bytes),
            5 => by(|found| found.broken_refs() as u64),
            6 => {
                let newest = |row| self.found(row).and_then(|found| found.inventory.newest());
                newest(a).cmp(&newest(b))
            }
            _ => Ordering::Equal,
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Source(row as usize)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::Source(place) if *place < self.0.len() => u32::try_from(*place).ok(),
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        self.found(row).map_or(0, |found| found.totals.stored().bytes)
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let source = self.at(row);
        let totals = source.found.as_ref().filter(|found| found.is_complete()).map(|found| &found.totals);
        let newest = source.found.as_ref().and_then(|found| found.inventory.newest());
        vec![
            ("source", json!(source.info.label)),
            ("kind", json!(source.info.kind)),
            ("refs", json!(source.found.as_ref().map(|found| found.inventory.refs.len()))),
            ("live_bytes", json!(totals.map(|totals| totals.live.bytes))),
            ("orphan_bytes", json!(totals.and_then(|totals| totals.orphan).map(|orphan| orphan.bytes))),
            ("missing_blobs", json!(totals.map(|totals| totals.missing.count))),
            ("newest", json!(newest)),
        ]
    }

    fn name(&self, row: u32) -> String {
        self.at(row).info.label.clone()
    }
}

fn found_details(found: &Found, now: Timestamp, details: &mut Vec<Detail>) {
    let totals = &found.totals;
    let tally = |tally: Tally, role| {
        Cell::new(Size(tally.bytes).to_string(), role).and(format!(" in {} objects", grouped(tally.count)), Role::Dim)
    };
    details.extend([
        Detail::Blank,
        Detail::Heading("What is stored".into()),
        Detail::Fact("in all", tally(totals.stored(), Role::Strong)),
        Detail::Fact("live", tally(totals.live, Role::Live).and(", which a ref reaches", Role::Dim)),
    ]);
    details.push(Detail::Fact(
        "orphan",
        match totals.orphan {
            Some(orphan) => tally(orphan, Role::Orphan).and(", which no ref reaches", Role::Dim),
            None if found.inventory.unlisted.is_some() => {
                Cell::new(format!("not known: {}", found.inventory.unlisted.unwrap_or_default()), Role::Unsure)
            }
            None if found.inventory.is_sealed() => {
                Cell::new("not known: what indexes name can be read inside a job only", Role::Unsure)
            }
            None => Cell::new("not known: a ref cannot be read, and may reach anything", Role::Unsure),
        },
    ));
    if totals.undetermined.count > 0 {
        details.push(Detail::Fact("unsure", tally(totals.undetermined, Role::Unsure)));
    }
    if totals.missing.count > 0 {
        let words = tally(totals.missing, Role::Missing).and(", which a ref names", Role::Dim);
        details.push(Detail::Fact("missing", words));
    }
    if totals.partial.count > 0 {
        details.push(Detail::Fact("partial", tally(totals.partial, Role::Text).and(", unfinished uploads", Role::Dim)));
    }
    if totals.unknown.count > 0 {
        let words = tally(totals.unknown, Role::Text).and(", none of the cache's own", Role::Dim);
        details.push(Detail::Fact("unknown", words));
    }
    if totals.orphan.is_none() && totals.superseded.count > 0 {
        let words = tally(totals.superseded, Role::Orphan).and(", indexes that no build imports", Role::Dim);
        details.push(Detail::Fact("former", words));
    }
    if let Some(around) = found.inventory.around.as_ref() {
        quota_details(found, around, details);
    }
    if let Some(unseen) = &found.inventory.unseen {
        details.push(Detail::Fact("not seen", Cell::new(unseen.to_string(), Role::Unsure)));
    }
    if let Some(bucket) = found.inventory.bucket.as_ref() {
        bucket::details(bucket, details);
    }
    if let Some(newest) = found.inventory.newest() {
        details.push(Detail::Fact("newest ref", Cell::text(format!("{}", Age::between(newest, now).ago()))));
    }
    for warning in &found.inventory.warnings {
        details.push(Detail::Blank);
        details.push(Detail::Text(Cell::new("! ", Role::Warning).and(warning.to_string(), Role::Text)));
    }
}

/// Returns a share in hundredths.
fn share(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    if percent == 0 && part > 0 { "<1 %".to_owned() } else { format!("{percent} %") }
}

/// Tells how full the quota is, and which builds can read what.
fn quota_details(found: &Found, around: &Surroundings, details: &mut Vec<Detail>) {
    const GAUGE: u16 = 24;
    let used = found.totals.stored().bytes;
    let filled = meter::bar(used.min(around.limit), around.limit, GAUGE);
    let empty = usize::from(GAUGE).saturating_sub(filled.chars().count());
    let role = if used > around.limit / 10 * 9 { Role::Warning } else { Role::Live };
    let gauge = Cell::new(filled, role).and("▁".repeat(empty), Role::Dim);
    details.push(Detail::Fact("quota", gauge.and(format!("  {}", share(used, around.limit)), Role::Text)));
    details.push(Detail::Fact("", Cell::text(format!("{} of {}", Size(used), Size(around.limit)))));
    let next = found.inventory.evictions().map(|evictions| evictions.headroom_bytes);
    details.push(Detail::Fact(
        "room",
        match next {
            Some(0) | None => Cell::new("none: what was used longest ago is evicted", Role::Warning),
            Some(bytes) => Cell::text(format!("{} until what was used longest ago is evicted", Size(bytes))),
        },
    ));
    if !around.limit_is_told {
        details.push(Detail::Fact("", Cell::new("nobody told the quota: it is the usual one", Role::Unsure)));
    }
    for unknown in &around.unknown {
        details.push(Detail::Fact("not known", Cell::new(unknown.clone(), Role::Unsure)));
    }
    let gone: BTreeSet<&String> = found.inventory.branches().filter(|branch| around.is_gone(branch)).collect();
    let visibility = found.inventory.visibility();
    if visibility.len() + gone.len() < 2 {
        return;
    }
    let names = |branches: &[String]| branches.iter().map(|branch| short_branch(branch)).collect::<Vec<_>>().join(", ");
    details.extend([Detail::Blank, Detail::Heading("Which builds read which caches".into())]);
    for Visibility { branch, reads, cannot_see } in visibility {
        let branch = short_branch(&branch).to_owned();
        let read = Cell::text("a build on ").and(branch.clone(), Role::Strong).and(" reads the caches of ", Role::Text);
        details.push(Detail::Text(read.and(names(&reads), Role::Text)));
        if !cannot_see.is_empty() {
            let hidden = Cell::new("  it cannot see the cache of ", Role::Dim).and(names(&cannot_see), Role::Dim);
            details.push(Detail::Text(hidden));
        }
    }
    for branch in gone {
        let words = ": the branch is gone, and no build reads its cache";
        details.push(Detail::Text(Cell::new(short_branch(branch).to_owned(), Role::Strong).and(words, Role::Warning)));
    }
}

impl Subject for Source {
    fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            TextField::Name => Some(test(&self.info.label)),
            TextField::Kind => Some(test(&self.info.kind)),
            TextField::Ref => {
                self.found.as_ref().map(|found| found.inventory.refs.iter().flat_map(RefEntry::names).any(test))
            }
            TextField::State | TextField::Step | TextField::Platform => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let found = self.found.as_ref()?;
        match field {
            NumberField::Size => Some(found.totals.stored().bytes),
            NumberField::Refs => Some(found.inventory.refs.len() as u64),
            NumberField::Exclusive | NumberField::Layers | NumberField::Records => None,
        }
    }

    fn created(&self) -> Option<Timestamp> {
        self.found.as_ref().and_then(|found| found.inventory.newest())
    }

    fn shared(&self) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three_digits() {
        let numbers = [0, 7, 999, 1_000, 612_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "7", "999", "1 000", "612 000", "1 234 567"]);
    }
}
