//! The refs of a source as rows.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::sources::grouped;
use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable, UNKNOWN};
use crate::backend::short_branch;
use crate::inventory::blobs::Blob;
use crate::inventory::filter::Filter;
use crate::inventory::quota::{Evictions, Visibility};
use crate::inventory::{AgeSource, Inventory, Progress, RefEntry, RefId, RefKind, Together};
use crate::retention::{Reason, Verdict, Verdicts};
use crate::text::escape::visible;
use crate::text::units::{Age, Size};
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

/// The column of ages, the initial sort column.
pub const AGE: usize = 2;
/// The column of policy verdicts.
const POLICY: usize = 7;
/// The column of bars.
const BAR: usize = 8;
const BAR_WIDTH: u16 = 6;
/// The maximum number of missing blobs in the details.
const MISSING_SHOWN: usize = 20;

const COLUMNS: &[Column] = &[
    Column {
        title: "REF",
        align: Align::Left,
        min: 11,
        max: 60,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "KIND",
        align: Align::Left,
        min: 7,
        max: 7,
        rank: 7,
        sort: Sortable::Ascending,
    },
    Column {
        title: "AGE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 3,
        sort: Sortable::Ascending,
    },
    Column {
        title: "SIZE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 2,
        sort: Sortable::Descending,
    },
    Column {
        title: "ONLY HERE",
        align: Align::Right,
        min: 9,
        max: 9,
        rank: 4,
        sort: Sortable::Descending,
    },
    Column {
        title: "LAYERS",
        align: Align::Right,
        min: 6,
        max: 6,
        rank: 6,
        sort: Sortable::Descending,
    },
    Column {
        title: "STEPS",
        align: Align::Left,
        min: 13,
        max: 70,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "POLICY",
        align: Align::Left,
        min: 16,
        max: 70,
        rank: 5,
        sort: Sortable::Ascending,
    },
    Column {
        title: "",
        align: Align::Left,
        min: BAR_WIDTH,
        max: BAR_WIDTH,
        rank: 6,
        sort: Sortable::No,
    },
];

/// The columns of a list of refs; the bar follows the size.
const ALL: &[Column] = &[
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[AGE],
    COLUMNS[3],
    COLUMNS[BAR],
    COLUMNS[4],
    COLUMNS[5],
    COLUMNS[6],
    COLUMNS[POLICY],
];

/// The columns that show the effect of a policy: the verdict comes first, and is hidden last.
const BY_POLICY: &[Column] = &[
    Column {
        max: 60,
        ..COLUMNS[0]
    },
    Column {
        min: 20,
        rank: 0,
        ..COLUMNS[POLICY]
    },
    COLUMNS[AGE],
    COLUMNS[3],
    COLUMNS[BAR],
    COLUMNS[4],
];
/// The indexes of these columns among all columns.
const BY_POLICY_PLACES: &[usize] = &[0, POLICY, AGE, 3, BAR, 4];

/// The refs of an inventory.
#[derive(Debug)]
pub struct RefRows {
    columns: &'static [Column],
    /// For each column, its index among all columns.
    places_of_columns: &'static [usize],
    inventory: Arc<Inventory>,
    verdicts: Option<Arc<Verdicts>>,
    evictions: OnceLock<Option<Evictions>>,
    largest: OnceLock<u64>,
    places: OnceLock<HashMap<Identity, u32>>,
}

impl RefRows {
    /// Shows the refs of `inventory`, with the verdicts of the policy if known.
    pub fn new(inventory: Arc<Inventory>, verdicts: Option<Arc<Verdicts>>) -> Self {
        Self {
            columns: ALL,
            places_of_columns: &[0, 1, AGE, 3, BAR, 4, 5, 6, POLICY],
            inventory,
            verdicts,
            evictions: OnceLock::new(),
            largest: OnceLock::new(),
            places: OnceLock::new(),
        }
    }

    /// Shows the same refs with the verdicts next to the names.
    pub fn by_policy(inventory: Arc<Inventory>, verdicts: Option<Arc<Verdicts>>) -> Self {
        Self {
            columns: BY_POLICY,
            places_of_columns: BY_POLICY_PLACES,
            ..Self::new(inventory, verdicts)
        }
    }

    fn verdict(&self, row: u32) -> Option<&Verdict> {
        self.verdicts.as_ref()?.refs.get(row as usize)
    }

    fn at(&self, row: u32) -> &RefEntry {
        &self.inventory.refs[row as usize]
    }

    /// Returns when a ref is evicted, if the store has a quota.
    fn eviction(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let evictions = self.evictions.get_or_init(|| self.inventory.evictions());
        let Some(eviction) = evictions
            .as_ref()
            .and_then(|evictions| evictions.refs.get(row as usize))
        else {
            return Vec::new();
        };
        let facts = self.at(row).facts();
        let used = facts.used.map(|used| {
            DetailLine::Fact(
                "last used",
                Cell::text(format!("{}, {used:.0}", Age::between(used, now).ago())),
            )
        });
        let idle = match eviction.idle_at {
            Some(at) if at > now => Cell::text(format!(
                "in {} unless a build uses it",
                Age::between(now, at)
            )),
            Some(_) => Cell::new(
                "at any time: no build has used it for long enough",
                TextRole::Warning,
            ),
            None => unknown(),
        };
        let room = match eviction.after_bytes {
            0 => Cell::new("at any time, for the quota is full", TextRole::Warning),
            bytes => Cell::text(format!("when {} more are written", Size(bytes))),
        };
        let visibility = self.inventory.visibility();
        let branch = facts.branch.as_ref();
        let sees = |of: &&Visibility| branch.is_some_and(|branch| of.reads.contains(branch));
        let readers: Vec<&str> = visibility
            .iter()
            .filter(sees)
            .map(|of| short_branch(&of.branch))
            .collect();
        let readers = match readers.as_slice() {
            [] => Cell::new("no build: the branch is gone", TextRole::Warning),
            readers => Cell::text(format!("builds on {}", readers.join(", "))),
        };
        let facts = [
            DetailLine::Fact("read by", readers),
            DetailLine::Fact("evicted", idle),
            DetailLine::Fact("or", room),
        ];
        used.into_iter().chain(facts).collect()
    }

    /// Formats a size of a ref, if known.
    fn size_of(&self, entry: &RefEntry, bytes: u64, role: TextRole) -> Cell {
        if entry.withheld().is_some() {
            unknown()
        } else {
            self.size(bytes, role)
        }
    }

    /// Formats the exclusive size of a ref, if all other refs are known.
    fn exclusive(&self, entry: &RefEntry) -> Cell {
        match entry.sizes.exclusive_bytes {
            Some(bytes) => self.size_of(entry, bytes, TextRole::Text),
            None if self.inventory.progress == Progress::Complete => unknown(),
            None => self.size(0, TextRole::Text),
        }
    }

    /// Sizes are known once everything has been listed.
    fn size(&self, bytes: u64, role: TextRole) -> Cell {
        match self.inventory.progress {
            Progress::Listing => Cell::new("…", TextRole::Dim),
            Progress::Complete => Cell::new(Size(bytes).to_string(), role),
        }
    }
}

fn unknown() -> Cell {
    Cell::new(UNKNOWN, TextRole::Unsure)
}

/// Returns why builds cannot use a ref as it is.
pub fn fault(entry: &RefEntry) -> Option<String> {
    if let Some(fault) = entry.faults.first() {
        return Some(fault.kind.to_string());
    }
    match entry.sizes.missing_blobs {
        0 => None,
        1 => Some("1 blob missing: a build that imports this fails".to_owned()),
        count => Some(format!(
            "{count} blobs missing: a build that imports this fails"
        )),
    }
}

/// Returns the verdict on a ref, and its most important reason.
fn policy(verdict: &Verdict) -> Cell {
    // The rule is named last, so that the text that differs between rows comes first.
    let reason = match verdict.reasons().first() {
        Some(Reason::Criterion { rule, criterion }) => format!("{criterion} · {}", visible(rule)),
        Some(Reason::Expired {
            rule, age, keeps, ..
        }) => format!("{} old, past {keeps} · {}", Age(*age), visible(rule)),
        Some(Reason::Protected { rule } | Reason::Rule { rule }) => visible(rule).into_owned(),
        Some(Reason::NoRule) => "no rule".to_owned(),
        Some(reason) => reason.to_string(),
        None => String::new(),
    };
    verdict_word(verdict)
        .and("  ", TextRole::Text)
        .and(reason, TextRole::Dim)
}

fn verdict_word(verdict: &Verdict) -> Cell {
    Cell::new(
        verdict.word(),
        if verdict.is_drop() {
            TextRole::Orphan
        } else {
            TextRole::Live
        },
    )
}

fn steps(entry: &RefEntry) -> Cell {
    if entry.withheld().is_some() {
        return unknown();
    }
    if let Some(fault) = fault(entry) {
        return Cell::new("! ", TextRole::Missing).and(fault, TextRole::Missing);
    }
    match entry.counts() {
        _ if entry.kind == RefKind::Image => Cell::new("no cache in it", TextRole::Dim),
        None => Cell::new(UNKNOWN, TextRole::Unsure),
        Some(counts) => {
            let cell = Cell::text(format!("{:>4}", counts.results)).and(" ✓", TextRole::Good);
            let cell = match counts.key_only_steps() {
                0 => cell,
                count => cell
                    .and(format!("{count:>4}"), TextRole::Text)
                    .and(" ○", TextRole::Dim),
            };
            match counts.broken {
                0 => cell,
                count => cell.and(format!("  ! {count} broken"), TextRole::Missing),
            }
        }
    }
}

impl RowSet for RefRows {
    fn count(&self) -> u32 {
        u32::try_from(self.inventory.refs.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        self.columns
    }

    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        let mut cells = self.all_cells(row, now);
        let places = self.places_of_columns.iter();
        places
            .map(|place| std::mem::take(&mut cells[*place]))
            .collect()
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let entry = self.at(row);
        let mut details = vec![DetailLine::Heading(entry.name.clone().into())];
        if let Some(fault) = fault(entry).filter(|_| entry.withheld().is_none()) {
            details.push(DetailLine::Text(
                Cell::new("! ", TextRole::Missing).and(fault, TextRole::Missing),
            ));
        }
        // The ID of a withheld ref is not a digest of its content.
        let digest = entry
            .withheld()
            .map_or_else(|| Cell::text(entry.digest().to_string()), |_| unknown());
        details.push(DetailLine::Fact("digest", digest));
        for alias in &entry.aliases {
            details.push(DetailLine::Fact("also", Cell::text(alias.clone())));
        }
        details.push(DetailLine::Fact("kind", Cell::text(entry.kind.word())));
        if !entry.platforms.is_empty() {
            details.push(DetailLine::Fact(
                "platforms",
                Cell::text(entry.platforms.join(", ")),
            ));
        }
        if let Some((then, source)) = entry.age() {
            let words = match source {
                AgeSource::CacheConfig => "its newest result",
                AgeSource::ImageConfig => "the image's own date",
                AgeSource::Store => "when it was stored",
                AgeSource::Subject => "by the date of what it belongs to",
            };
            let age = format!("{}, {:.0}", Age::between(then, now).ago(), then);
            details.push(DetailLine::Fact(
                "age",
                Cell::text(age).and(format!(" ({words})"), TextRole::Dim),
            ));
        }
        if let Some(verdict) = self.verdict(row) {
            for (place, reason) in verdict.reasons().iter().enumerate() {
                let word = if place == 0 {
                    verdict_word(verdict).and(": ", TextRole::Text)
                } else {
                    Cell::default()
                };
                details.push(DetailLine::Fact(
                    if place == 0 { "policy" } else { "" },
                    word.and(reason.to_string(), TextRole::Text),
                ));
            }
        }
        details.extend(self.eviction(row, now));
        details.extend(self.size_details(entry));
        for fault in entry
            .faults
            .iter()
            .skip(1)
            .filter(|_| entry.withheld().is_none())
        {
            details.push(DetailLine::Blank);
            details.push(DetailLine::Text(
                Cell::new("! ", TextRole::Missing).and(fault.to_string(), TextRole::Text),
            ));
        }
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let one = a;
        let other = b;
        let policy_of = |row| self.verdict(row).map(ToString::to_string);
        let a = self.at(a);
        let b = self.at(b);
        let column = self.places_of_columns.get(column).copied();
        match column.unwrap_or_default() {
            0 => a.name.cmp(&b.name),
            1 => a.kind.word().cmp(b.kind.word()),
            // The youngest has the smallest age; a ref without a time comes last.
            AGE => match (a.age(), b.age()) {
                (Some((a, _)), Some((b, _))) => b.cmp(&a),
                (a, b) => a.is_none().cmp(&b.is_none()),
            },
            3 => a.sizes.bytes.cmp(&b.sizes.bytes),
            4 => a.sizes.exclusive_bytes.cmp(&b.sizes.exclusive_bytes),
            5 => a.layers.cmp(&b.layers),
            POLICY => policy_of(one).cmp(&policy_of(other)),
            _ => {
                let results = |entry: &RefEntry| entry.counts().map(|counts| counts.results);
                results(a).cmp(&results(b))
            }
        }
    }

    fn identity(&self, row: u32) -> Identity {
        let entry = self.at(row);
        Identity::Ref(entry.name.clone(), entry.digest().to_string())
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        let places = self.places.get_or_init(|| {
            (0..self.count())
                .map(|row| (self.identity(row), row))
                .collect()
        });
        places.get(identity).copied()
    }

    fn bytes(&self, row: u32) -> u64 {
        self.at(row).sizes.bytes
    }

    /// Refs share most of their blobs: each blob counts once, and as exclusive if no other ref
    /// reaches it.
    fn together(&self, rows: &[u32]) -> String {
        if self.inventory.progress != Progress::Complete {
            return "…".to_owned();
        }
        let refs: Vec<RefId> = rows.iter().copied().map(RefId).collect();
        match self.inventory.together(&refs) {
            None => format!("{UNKNOWN} in all"),
            Some(Together {
                bytes,
                exclusive_bytes,
            }) => {
                let theirs =
                    exclusive_bytes.map_or(UNKNOWN.to_owned(), |bytes| Size(bytes).to_string());
                format!("{} in all, {theirs} only theirs", Size(bytes))
            }
        }
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let entry = self.at(row);
        let known = self.inventory.progress == Progress::Complete && entry.withheld().is_none();
        let counts = entry.counts();
        vec![
            ("name", json!(entry.name)),
            (
                "digest",
                json!(
                    entry
                        .withheld()
                        .is_none()
                        .then(|| entry.digest().to_string())
                ),
            ),
            ("kind", json!(entry.kind.word())),
            ("state", json!(entry.state())),
            ("bytes", json!(known.then_some(entry.sizes.bytes))),
            (
                "exclusive_bytes",
                json!(entry.sizes.exclusive_bytes.filter(|_| known)),
            ),
            (
                "missing_blobs",
                json!(known.then_some(entry.sizes.missing_blobs)),
            ),
            ("layers", json!(known.then_some(entry.layers))),
            ("records", json!(counts.map(|counts| counts.records))),
            ("results", json!(counts.map(|counts| counts.results))),
            ("key_only", json!(counts.map(|counts| counts.key_only))),
            ("created", json!(entry.created.map(|(time, _)| time))),
            ("modified", json!(entry.modified)),
            ("platforms", json!(entry.platforms.join(" "))),
            ("policy", json!(self.verdict(row).map(ToString::to_string))),
        ]
    }

    fn name(&self, row: u32) -> String {
        self.at(row).name.clone()
    }
}

impl RefRows {
    /// Draws the size of a ref as a share of the largest: first the exclusive part, then the shared
    /// part.
    fn bar(&self, entry: &RefEntry) -> Cell {
        if entry.withheld().is_some() || self.inventory.progress != Progress::Complete {
            return Cell::default();
        }
        let largest = *self.largest.get_or_init(|| {
            let sizes = self.inventory.refs.iter().map(|entry| entry.sizes.bytes);
            sizes.max().unwrap_or_default()
        });
        let own = entry.sizes.exclusive_bytes.unwrap_or_default();
        meter::own_and_shared(own, entry.sizes.bytes, largest, BAR_WIDTH)
    }

    fn all_cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        let entry = self.at(row);
        let is_dropped = self.verdict(row).is_some_and(Verdict::is_drop);
        let mut cells = vec![
            Cell::new(
                entry.name.clone(),
                if entry.tagged {
                    TextRole::Text
                } else {
                    TextRole::Dim
                },
            ),
            Cell::new(entry.kind.word(), TextRole::Dim),
            Cell::text(entry.age().map_or(NONE.to_owned(), |(then, _)| {
                Age::between(then, now).to_string()
            })),
            self.size_of(entry, entry.sizes.bytes, TextRole::Text),
            self.exclusive(entry),
            entry
                .withheld()
                .map_or_else(|| Cell::text(grouped(entry.layers.into())), |_| unknown()),
            steps(entry),
            self.verdict(row)
                .map_or(Cell::new("…", TextRole::Dim), policy),
            self.bar(entry),
        ];
        // Dropped refs are paler than kept ones, so that the verdicts are readable at a glance.
        for piece in cells.iter_mut().flat_map(|cell| &mut cell.0) {
            if is_dropped && piece.1 == TextRole::Text {
                piece.1 = TextRole::Dim;
            }
        }
        cells
    }

    fn size_details(&self, entry: &RefEntry) -> Vec<DetailLine> {
        if let Some(why) = entry.withheld() {
            let why =
                Cell::new("not known: ", TextRole::Unsure).and(why.to_owned(), TextRole::Unsure);
            return vec![DetailLine::Blank, DetailLine::Fact("size", why)];
        }
        let sizes = &entry.sizes;
        let mut details = vec![
            DetailLine::Blank,
            DetailLine::Fact(
                "size",
                self.size_of(entry, sizes.bytes, TextRole::Strong).and(
                    format!(" in {} blobs", grouped(entry.reach.len() as u64)),
                    TextRole::Dim,
                ),
            ),
            DetailLine::Fact(
                "only here",
                match sizes.exclusive_bytes {
                    Some(_) => self
                        .exclusive(entry)
                        .and(": what deleting this ref alone would free", TextRole::Dim),
                    None => Cell::new(
                        "not known: only this ref of the repository was read",
                        TextRole::Unsure,
                    ),
                },
            ),
            DetailLine::Fact("layers", Cell::text(grouped(entry.layers.into()))),
        ];
        if let Some(counts) = entry.counts().filter(|counts| counts.records > 0) {
            details.extend([
                DetailLine::Fact("records", Cell::text(grouped(counts.records))),
                DetailLine::Fact(
                    "results",
                    Cell::new(grouped(counts.results), TextRole::Good)
                        .and(" whose result can be loaded  ✓", TextRole::Dim),
                ),
                DetailLine::Fact(
                    "key only",
                    Cell::text(grouped(counts.key_only_steps()))
                        .and(" that only let later steps match  ○", TextRole::Dim),
                ),
            ]);
            if counts.broken > 0 {
                let broken = Cell::new(grouped(counts.broken), TextRole::Missing)
                    .and(" whose result cannot be loaded  !", TextRole::Dim);
                details.push(DetailLine::Fact("broken", broken));
            }
        }
        if sizes.missing_blobs > 0 {
            details.push(DetailLine::Blank);
            details.push(DetailLine::Heading(
                format!("Missing, {} as named", Size(sizes.missing_bytes)).into(),
            ));
            let blobs = entry
                .reach
                .iter()
                .map(|id| self.inventory.blobs.get(*id))
                .filter(Blob::is_missing);
            details.extend(blobs.take(MISSING_SHOWN).map(|blob| {
                DetailLine::Text(Cell::new(blob.digest().to_string(), TextRole::Missing))
            }));
        }
        details
    }
}
