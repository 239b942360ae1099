//! A report about sources for people: their content, their refs, waste and faults.
//!
//! A [`Page`] holds the numbers; [`html`] and [`markdown`] format it. Nothing is decided here: sums
//! and states come from the inventory, findings from a check.

use std::sync::Arc;

use jiff::Timestamp;

use super::Issue;
use crate::backend::Totals;
use crate::inventory::objects::{Object, ObjectKey, Objects};
use crate::inventory::{BlobState, Inventory, RefEntry};
use crate::source::StoreKind;
use crate::text::escape::visible;

pub mod build;
pub mod html;
pub mod markdown;
pub mod plan;
pub mod price;
mod treemap;

use build::BuildPart;
use plan::PlanPart;
use price::Price;

/// The maximum number of refs on a page; the largest come first.
const MOST_REFS: usize = 500;
/// The maximum number of unneeded objects on a page.
const MOST_WASTE: usize = 20;
/// How many stored objects have an area of their own; the largest come first.
const MOST_AREAS: usize = 150;

/// A report of some sources.
#[derive(Debug, Clone)]
pub struct Page {
    /// The creation time.
    pub created: Timestamp,
    pub sources: Vec<SourcePart>,
    /// The sources that could not be read, each with the reason.
    pub failed: Vec<(String, String)>,
}

/// The part of a report about one source.
#[derive(Debug, Clone)]
pub struct SourcePart {
    /// The name of the source on the command line.
    pub name: String,
    /// The kind of store.
    pub kind: StoreKind,
    /// The stored blobs, by state.
    pub states: Vec<StatePart>,
    /// The total of all stored objects.
    pub stored: Totals,
    /// The refs, the largest first.
    pub refs: Vec<RefPart>,
    /// The number of all refs.
    pub all_refs: usize,
    /// The largest objects that no ref reaches.
    pub waste: Vec<WastePart>,
    /// The findings of a check.
    pub issues: Vec<Issue>,
    /// The largest stored objects.
    pub areas: Vec<AreaPart>,
    /// Everything that is stored and has no area of its own, by state.
    pub small: Vec<(&'static str, Totals)>,
    /// The last build, or the content of the newest ref.
    pub build: Option<BuildPart>,
    /// What a prune would delete; the error is why that is not known.
    pub plan: Option<Result<PlanPart, String>>,
    /// What storage costs.
    pub price: Option<Price>,
    /// Why some numbers are unknown, if so.
    pub unknown: Option<String>,
    /// The pattern that the listed refs fit; all sums are of the whole source.
    pub pattern: Option<String>,
}

/// A stored object in the picture of states and ages.
#[derive(Debug, Clone)]
pub struct AreaPart {
    /// Its digest or its name.
    pub name: String,
    /// The word for its state.
    pub state: &'static str,
    pub bytes: u64,
    /// When it was last written.
    pub modified: Option<Timestamp>,
}

/// The amount in one state.
#[derive(Debug, Clone)]
pub struct StatePart {
    pub word: &'static str,
    pub meaning: &'static str,
    /// The amount; `None` if unknown.
    pub tally: Option<Totals>,
    /// Whether it takes space in the store.
    pub is_stored: bool,
}

/// The part of a report about one ref.
#[derive(Debug, Clone)]
pub struct RefPart {
    pub name: String,
    pub kind: &'static str,
    /// The creation time of its content.
    pub created: Option<Timestamp>,
    /// The bytes that it reaches.
    pub bytes: Option<u64>,
    /// The bytes that no other ref reaches.
    pub exclusive: Option<u64>,
    /// The numbers of records with a loadable result, and of steps with only a key.
    pub records: Option<(u64, u64)>,
    /// Whether blobs are missing or broken.
    pub is_broken: bool,
}

/// An object that no ref reaches.
#[derive(Debug, Clone)]
pub struct WastePart {
    /// Its digest or name.
    pub name: String,
    /// The word for its state.
    pub state: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// The time of its last write.
    pub modified: Option<Timestamp>,
}

impl SourcePart {
    /// Returns the bytes that no ref needs, as far as they are known.
    pub fn wasted_bytes(&self) -> u64 {
        let wasted = self
            .states
            .iter()
            .filter(|state| matches!(state.word, "orphan" | "partial" | "trash"));
        wasted
            .filter_map(|state| state.tally)
            .map(|tally| tally.bytes)
            .sum()
    }

    /// Builds the part for an inventory.
    pub fn new(name: String, kind: StoreKind, inventory: &Inventory, issues: Vec<Issue>) -> Self {
        let refs = largest(inventory.refs.iter());
        let unknown = inventory.unlisted.map(str::to_owned);
        let (areas, small) = areas(inventory);
        Self {
            name,
            kind,
            states: states(inventory),
            stored: inventory.totals().stored(),
            refs,
            all_refs: inventory.refs.len(),
            waste: waste(inventory),
            issues,
            areas,
            small,
            build: None,
            plan: None,
            price: Price::of_kind(kind),
            unknown: unknown.or_else(|| inventory.unseen.as_deref().map(str::to_owned)),
            pattern: None,
        }
    }

    /// Lists only the refs that fit a pattern.
    pub fn select(&mut self, pattern: &str, refs: Vec<&RefEntry>) {
        self.all_refs = refs.len();
        self.refs = largest(refs.into_iter());
        self.pattern = Some(pattern.to_owned());
    }

    /// Says that only some refs are listed, if so.
    pub fn selection(&self) -> Option<String> {
        let pattern = self.pattern.as_ref()?;
        Some(format!(
            "Only the refs that fit `{}` are listed; all sums are of the whole source.",
            visible(pattern)
        ))
    }
}

/// Returns the largest refs.
fn largest<'e>(refs: impl Iterator<Item = &'e RefEntry>) -> Vec<RefPart> {
    let mut refs: Vec<RefPart> = refs.map(RefPart::new).collect();
    refs.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    refs.truncate(MOST_REFS);
    refs
}

impl RefPart {
    fn new(entry: &RefEntry) -> Self {
        let known = (!entry.is_unreadable()).then_some(&entry.sizes);
        let counts = entry.counts();
        Self {
            name: entry.name.clone(),
            kind: entry.kind.word(),
            created: entry.age().map(|(time, _)| time),
            bytes: known.map(|sizes| sizes.bytes),
            exclusive: known.and_then(|sizes| sizes.exclusive_bytes),
            records: counts.map(|counts| (counts.results, counts.key_only_steps())),
            is_broken: entry.state() != BlobState::Live.word(),
        }
    }
}

fn states(inventory: &Inventory) -> Vec<StatePart> {
    let totals = inventory.totals();
    let part = |word, meaning, tally: Option<Totals>, is_stored| StatePart {
        word,
        meaning,
        tally,
        is_stored,
    };
    let orphan = totals.orphan.filter(|_| inventory.unlisted.is_none());
    let missing = inventory.missing(totals.missing.count);
    let missing = missing.map(|_| totals.missing);
    let parts = [
        part("live", "reached from a ref", Some(totals.live), true),
        part("orphan", "reached from no ref", orphan, true),
        part(
            "undetermined",
            "a ref cannot be read, which may reach it",
            Some(totals.undetermined),
            true,
        ),
        part("partial", "unfinished uploads", Some(totals.partial), true),
        part(
            "trash",
            "kept by a prune for a while",
            Some(totals.trash),
            true,
        ),
        part(
            "unknown",
            "of other tools; never deleted",
            Some(totals.unknown),
            true,
        ),
        part(
            "missing",
            "referenced and not stored: builds fail",
            missing,
            false,
        ),
    ];
    let is_shown = |part: &StatePart| {
        matches!(part.word, "live" | "orphan") || part.tally.is_none_or(|tally| tally.count > 0)
    };
    parts.into_iter().filter(is_shown).collect()
}

/// Returns the largest stored objects, and the sizes of the others by state.
fn areas(inventory: &Inventory) -> (Vec<AreaPart>, Vec<(&'static str, Totals)>) {
    let objects = Objects::new(Arc::new(inventory.clone()));
    let part = |row: u32| match objects.at(row) {
        Object::Blob(row) if !row.blob.is_stored() => None,
        Object::Blob(row) => Some((
            row.state.word(),
            row.blob.stored_size(),
            row.blob.modified(),
        )),
        Object::Other(row) => Some((row.state, row.size, row.modified)),
    };
    let mut rows: Vec<u32> = (0..objects.count())
        .filter(|row| part(*row).is_some_and(|(_, bytes, _)| bytes > 0))
        .collect();
    rows.sort_by(|a, b| objects.compare(ObjectKey::Size, *b, *a));
    let name = |row: u32| match objects.at(row) {
        Object::Blob(row) => row.blob.digest().to_string(),
        Object::Other(row) => row.name.to_owned(),
    };
    let mut areas = Vec::new();
    let mut small: Vec<(&'static str, Totals)> = Vec::new();
    for row in rows {
        let Some((state, bytes, modified)) = part(row) else {
            continue;
        };
        if areas.len() < MOST_AREAS {
            areas.push(AreaPart {
                name: name(row),
                state,
                bytes,
                modified,
            });
            continue;
        }
        let known = small.iter().position(|(word, _)| *word == state);
        let place = known.unwrap_or(small.len());
        if known.is_none() {
            small.push((state, Totals::default()));
        }
        let tally = &mut small[place].1;
        tally.count += 1;
        tally.bytes = tally.bytes.saturating_add(bytes);
    }
    (areas, small)
}

/// Returns the largest objects that no ref reaches.
fn waste(inventory: &Inventory) -> Vec<WastePart> {
    let objects = Objects::new(Arc::new(inventory.clone()));
    let mut rows: Vec<u32> = (0..objects.count())
        .filter(|row| match objects.at(*row) {
            Object::Blob(row) => row.state == BlobState::Orphan,
            Object::Other(row) => matches!(row.state, "partial" | "superseded"),
        })
        .collect();
    rows.sort_by(|a, b| objects.compare(ObjectKey::Size, *b, *a));
    let part = |row: u32| match objects.at(row) {
        Object::Blob(row) => WastePart {
            name: row.blob.digest().to_string(),
            state: row.state.word(),
            bytes: row.blob.stored_size(),
            modified: row.blob.modified(),
        },
        Object::Other(row) => WastePart {
            name: row.name.to_owned(),
            state: row.state,
            bytes: row.size,
            modified: row.modified,
        },
    };
    rows.into_iter().take(MOST_WASTE).map(part).collect()
}
