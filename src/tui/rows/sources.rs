//! Sources as rows.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cell, Column, DetailLine, Identity, NONE, RowSet, UNKNOWN};
use crate::backend::Totals;
use crate::inventory::RefEntry;
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use crate::report::documents::{SourceUsageDocument, fields_of};
use crate::text::plural::counted_in_groups;
use crate::text::units::{Age, Size, grouped};
use crate::tui::found::ScannedInventory;
use crate::tui::theme::TextRole;
use crate::tui::widget::text::cell_width;
use crate::tui::world::{Scan, SourceId, SourceState};

mod bucket;
mod columns;
mod detail;
mod past;
mod usage;

pub use columns::AS_NAMED;
use columns::COLUMNS;
use usage::{usage, waste_in_words};

/// A scan that takes at least so many seconds shows how long it has been running.
const LONG_SCAN: i64 = 2;
/// Shown while a value is still being read.
const MORE: &str = "…";

/// The open sources, with their indexes.
#[derive(Debug)]
pub struct SourceRows(Vec<(SourceId, SourceState)>);

impl SourceRows {
    /// Takes a snapshot of the open sources.
    pub fn new<'a>(sources: impl Iterator<Item = (SourceId, &'a SourceState)>) -> Self {
        Self(sources.map(|(id, source)| (id, source.clone())).collect())
    }

    fn at(&self, row: u32) -> &SourceState {
        &self.0[row as usize].1
    }

    fn found(&self, row: u32) -> Option<&ScannedInventory> {
        self.at(row).found.as_ref()
    }
}

/// Returns the state of a scan as text.
pub fn scan_state(source: &SourceState, now: Timestamp) -> Cell {
    let state = state_word(source);
    let waited = now.duration_since(source.since);
    let is_running = matches!(source.scan, Scan::Running(_)) && !source.info.is_waiting;
    if is_running && waited.as_secs() >= LONG_SCAN {
        let clock = Cell::new(
            format!("{} ", Age::between(source.since, now)),
            TextRole::Dim,
        );
        return clock.and_all(state);
    }
    state
}

fn state_word(source: &SourceState) -> Cell {
    let objects = source
        .found
        .as_ref()
        .map_or(0, |found| found.inventory.blobs.len());
    match &source.scan {
        _ if source.info.is_waiting => Cell::new("not contacted yet", TextRole::Warning),
        Scan::Running(_) if source.info.is_search => {
            Cell::new("looking for caches…", TextRole::Title)
        }
        Scan::Running(_) if objects == 0 => Cell::new("reading refs…", TextRole::Title),
        Scan::Running(_) => Cell::new(
            format!("scanning, {} blobs…", grouped(objects as u64)),
            TextRole::Title,
        ),
        Scan::Done => match source.found.as_ref().map(ScannedInventory::broken_refs) {
            Some(0) | None => Cell::new("ready", TextRole::Good),
            Some(count) => Cell::new(
                format!(
                    "! {} broken",
                    counted_in_groups(count as u64, "ref", "refs")
                ),
                TextRole::Missing,
            ),
        },
        Scan::Stopped => Cell::new("stopped: not all is known", TextRole::Warning),
        Scan::Failed(_) => Cell::new("! failed", TextRole::Error),
    }
}

/// Returns that the data of a source is older than its last scan, which failed.
pub fn outdated(source: &SourceState) -> Option<Cell> {
    match (&source.scan, &source.found) {
        (Scan::Failed(failure), Some(_)) => {
            let error = failure.innermost();
            let words = format!("! the last scan failed: {error}; this is older");
            Some(Cell::new(words, TextRole::Error))
        }
        _ => None,
    }
}

/// Returns that a source cannot be read, and why: it says nothing about its refs and layers.
pub fn unreadable_now(source: &SourceState) -> Option<Vec<Cell>> {
    let Scan::Failed(failure) = &source.scan else {
        return None;
    };
    let first = Cell::new("! The source cannot be read now.", TextRole::Error);
    let failure = failure.to_string();
    let lines = failure
        .lines()
        .map(|line| Cell::text(line.trim().to_owned()));
    Some(std::iter::once(first).chain(lines).collect())
}

/// Returns whether everything knowable about a source is known.
pub fn is_settled(source: &SourceState) -> bool {
    match (&source.scan, &source.found) {
        (Scan::Failed(_), None) => true,
        _ if source.info.is_waiting => true,
        (Scan::Running(_), _) | (_, None) => false,
        (_, Some(found)) => found.is_complete(),
    }
}

/// Formats bytes counted so far. Until the count is complete, zero is not shown as nothing.
pub fn so_far(bytes: u64, is_all: bool, role: TextRole) -> Cell {
    if bytes == 0 && !is_all {
        Cell::new(MORE, TextRole::Dim)
    } else {
        Cell::new(Size(bytes).to_string(), role)
    }
}

/// Formats a count so far, like [`so_far`].
pub fn counted_so_far(count: u64, is_all: bool) -> String {
    if count == 0 && !is_all {
        MORE.to_owned()
    } else {
        grouped(count)
    }
}

/// Returns a note on the trash: it takes space until a later prune empties it.
pub fn in_trash(bytes: u64) -> String {
    format!("{} in the trash", Size(bytes))
}

fn orphan(found: &ScannedInventory) -> Cell {
    match found.totals.orphan {
        Some(Totals { count: 0, .. }) if found.is_complete() => Cell::new(NONE, TextRole::Dim),
        Some(tally) => so_far(tally.bytes, found.is_complete(), TextRole::Orphan),
        None => Cell::new(UNKNOWN, TextRole::Unsure),
    }
}

fn missing(found: &ScannedInventory) -> Cell {
    match (found.is_complete(), found.broken_refs()) {
        (false, _) => Cell::new("…", TextRole::Dim),
        (true, 0) if !found.inventory.knows_missing() => Cell::new(UNKNOWN, TextRole::Unsure),
        (true, 0) => Cell::new(NONE, TextRole::Dim),
        (true, count) => Cell::new(
            format!("! {}", counted_in_groups(count as u64, "ref", "refs")),
            TextRole::Missing,
        ),
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
        let is_running = matches!(source.scan, Scan::Running(_));
        let mut cells = vec![
            Cell::text(source.info.label.clone()),
            Cell::new(source.info.kind.word(), TextRole::Dim),
        ];
        match &source.found {
            Some(found) => cells.extend([
                Cell::text(counted_so_far(
                    found.inventory.refs.len() as u64,
                    found.is_complete(),
                )),
                so_far(found.totals.live.bytes, found.is_complete(), TextRole::Live),
                orphan(found),
                missing(found),
                match found.inventory.newest() {
                    Some(then) => Cell::text(Age::between(then, now).to_string()),
                    None => Cell::text(if found.is_complete() { NONE } else { MORE }),
                },
            ]),
            None => cells.extend(std::iter::repeat_n(
                Cell::new(if is_running { MORE } else { "" }, TextRole::Dim),
                5,
            )),
        }
        cells.push(scan_state(source, now));
        cells
    }

    fn below(&self, row: u32, width: u16) -> Cell {
        if self.at(row).info.is_waiting {
            let words = "a file of this checkout names it: open it to contact its host";
            return Cell::new(words, TextRole::Dim);
        }
        if let Scan::Failed(failure) = &self.at(row).scan {
            let cause = failure.innermost();
            // The row above has the name.
            let rest = cause
                .strip_prefix(&self.at(row).info.label)
                .map(str::trim_start);
            return Cell::new(rest.unwrap_or(cause).to_owned(), TextRole::Error);
        }
        let Some(found) = self.found(row) else {
            return Cell::default();
        };
        let totals = &found.totals;
        let stored = totals.stored().bytes;
        if stored == 0 && !found.is_complete() {
            return Cell::new(MORE, TextRole::Dim);
        }
        if stored == 0 && totals.missing.bytes == 0 {
            return Cell::new("nothing is stored", TextRole::Dim);
        }
        let words = waste_in_words(found);
        let past = found.past.as_ref();
        let past = past.map_or_else(Cell::default, |history| past::line(history, width));
        let words_take = 34 + cell_width(&past);
        let room = width.saturating_sub(words_take).min(96);
        let bar = usage(found, &words, room);
        let bar = match totals.missing.count {
            0 => bar,
            count => bar.and(
                format!(" · ! {} missing", grouped(count)),
                TextRole::Missing,
            ),
        };
        bar.and_all(past)
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let source = self.at(row);
        let mut details = vec![
            DetailLine::Heading(source.info.label.clone().into()),
            DetailLine::Fact("kind", Cell::text(source.info.kind.word())),
            DetailLine::Fact("scan", scan_state(source, now)),
        ];
        if let Scan::Failed(failure) = &source.scan {
            details.push(DetailLine::Blank);
            details.extend(
                failure
                    .to_string()
                    .lines()
                    .map(|line| DetailLine::Text(Cell::text(line.to_owned()))),
            );
        }
        if let Some(found) = &source.found {
            detail::found(found, now, &mut details);
            if let Some(history) = &found.past {
                past::details(history, now, &mut details);
            }
        }
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let by =
            |key: fn(&ScannedInventory) -> u64| self.found(a).map(key).cmp(&self.found(b).map(key));
        match column {
            0 => self.at(a).info.label.cmp(&self.at(b).info.label),
            1 => self.at(a).info.kind.cmp(&self.at(b).info.kind),
            2 => by(|found| found.inventory.refs.len() as u64),
            3 => by(|found| found.totals.live.bytes),
            4 => by(|found| found.totals.orphan.unwrap_or_default().bytes),
            5 => by(|found| found.broken_refs() as u64),
            6 => {
                // The youngest has the smallest age; a source without refs comes last.
                let newest = |row| self.found(row).and_then(|found| found.inventory.newest());
                match (newest(a), newest(b)) {
                    (Some(a), Some(b)) => b.cmp(&a),
                    (a, b) => a.is_none().cmp(&b.is_none()),
                }
            }
            _ => a.cmp(&b),
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Source(self.0[row as usize].0.0)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::Source(place) => {
                let row = self.0.iter().position(|(id, _)| id.0 == *place)?;
                u32::try_from(row).ok()
            }
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        self.found(row)
            .map_or(0, |found| found.totals.stored().bytes)
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let source = self.at(row);
        let label = source.info.label.clone();
        let kind = source.info.kind;
        let found = source.found.as_ref();
        let document = match found {
            None => SourceUsageDocument::unread(label, kind),
            Some(found) if found.is_complete() => {
                SourceUsageDocument::new(label, kind, &found.inventory, &found.totals)
            }
            Some(found) => SourceUsageDocument::of_refs(label, kind, &found.inventory),
        };
        let mut fields = fields_of(&document, &SourceUsageDocument::FIELDS);
        let newest = found.and_then(|found| found.inventory.newest());
        fields.push(("newest", json!(newest)));
        fields
    }

    fn name(&self, row: u32) -> String {
        self.at(row).info.label.clone()
    }
}

impl FilterSubject for SourceState {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.info.label)),
            FilterTextField::Kind => Some(test(self.info.kind.word())),
            FilterTextField::Ref => self.found.as_ref().map(|found| {
                found
                    .inventory
                    .refs
                    .iter()
                    .flat_map(RefEntry::names)
                    .any(test)
            }),
            FilterTextField::State
            | FilterTextField::Step
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
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
        self.found
            .as_ref()
            .and_then(|found| found.inventory.newest())
    }

    fn shared(&self) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests;
