//! All objects that a source holds or references, as rows: blobs first, then unfinished uploads and
//! unknown objects.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::Value;

use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable, UNKNOWN};
use crate::inventory::blobs::Blob;
use crate::inventory::filter::Filter;
use crate::inventory::objects::{Object, ObjectKey, Objects};
use crate::inventory::subject::{BlobRow, OtherRow};
use crate::inventory::{BlobState, Inventory};
use crate::report::documents::{BlobDocument, ObjectDocument, STORED_FIELDS, fields_of};
use crate::text::escape::visible;
use crate::text::plural::one_or;
use crate::text::units::{Age, Size};
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

mod others;

use others::{called, other_state};

/// The column of sizes, the initial sort column.
pub const SIZE: usize = 3;
/// The column of ages.
pub const AGE: usize = 5;
/// The columns of names, roles and states.
const NAME: usize = 0;
const ROLE: usize = 1;
const STATE: usize = 2;
/// The width of a row's bar.
const BAR: u16 = 6;
/// The maximum number of refs in the details.
const REFS_SHOWN: usize = 200;

const COLUMNS: &[Column] = &[
    Column {
        title: "BLOB",
        align: Align::Left,
        min: 19,
        max: 55,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "ROLE",
        align: Align::Left,
        min: 12,
        max: 12,
        rank: 4,
        sort: Sortable::Ascending,
    },
    Column {
        title: "STATE",
        align: Align::Left,
        min: 10,
        max: 14,
        rank: 1,
        sort: Sortable::Ascending,
    },
    Column {
        title: "SIZE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "",
        align: Align::Left,
        min: BAR,
        max: BAR,
        rank: 3,
        sort: Sortable::No,
    },
    Column {
        title: "AGE",
        align: Align::Right,
        min: 7,
        max: 8,
        rank: 2,
        sort: Sortable::Descending,
    },
    Column {
        title: "REFS",
        align: Align::Right,
        min: 5,
        max: 5,
        rank: 2,
        sort: Sortable::Descending,
    },
];

/// All objects of an inventory.
pub struct BlobRows {
    objects: Objects,
    others: Vec<OtherSource>,
    /// The size of the largest object.
    largest: OnceLock<u64>,
}

/// Another repository of the same registry, which stores each blob once for all repositories: its
/// name and its inventory.
pub type OtherSource = (String, Arc<Inventory>);

impl BlobRows {
    /// Shows the objects of `inventory`.
    pub fn new(inventory: Arc<Inventory>) -> Self {
        Self {
            objects: Objects::new(inventory),
            others: Vec::new(),
            largest: OnceLock::new(),
        }
    }

    /// Adds the repositories that may hold the same blobs.
    #[must_use]
    pub fn others(self, others: Vec<OtherSource>) -> Self {
        Self { others, ..self }
    }

    fn inventory(&self) -> &Inventory {
        self.objects.inventory()
    }

    /// Draws the size of an object as a share of the largest: `█` of one ref only, `░` of several,
    /// `▒` of none.
    fn bar(&self, row: u32) -> Cell {
        if !self.inventory().is_complete() {
            return Cell::default();
        }
        let sizes = || (0..self.count()).map(|row| self.bytes(row)).max();
        let largest = *self.largest.get_or_init(|| sizes().unwrap_or_default());
        let (sign, role) = match self.objects.at(row) {
            Object::Blob(row) => match row.state {
                BlobState::Orphan => ("▒", TextRole::Orphan),
                BlobState::Live if row.blob.refs() == 1 => ("█", TextRole::Live),
                _ => ("░", TextRole::Dim),
            },
            Object::Other(_) => ("·", TextRole::Dim),
        };
        meter::of_one(self.bytes(row), largest, BAR, sign, role)
    }
}

/// Returns the sort key of a column.
fn key(column: usize) -> ObjectKey {
    match column {
        NAME => ObjectKey::Name,
        ROLE => ObjectKey::Kind,
        STATE => ObjectKey::State,
        SIZE => ObjectKey::Size,
        AGE => ObjectKey::Age,
        _ => ObjectKey::Refs,
    }
}

fn state(state: BlobState) -> Cell {
    let (sign, role) = match state {
        BlobState::Live => ("█ ", TextRole::Live),
        BlobState::Orphan => ("▒ ", TextRole::Orphan),
        BlobState::Missing => ("! ", TextRole::Missing),
        BlobState::Undetermined => ("? ", TextRole::Unsure),
        BlobState::Awaited => ("… ", TextRole::Dim),
        BlobState::Foreign => ("↗ ", TextRole::Dim),
    };
    Cell::new(sign, role).and(state.word(), role)
}

fn age(time: Option<Timestamp>, now: Timestamp) -> Cell {
    time.map_or(Cell::new(NONE, TextRole::Dim), |then| {
        Cell::text(Age::between(then, now).to_string())
    })
}

/// Explains the state of a blob.
fn meaning(state: BlobState) -> &'static str {
    match state {
        BlobState::Live => "stored, and a ref references it",
        BlobState::Orphan => "stored, and no ref references it: it can be deleted",
        BlobState::Missing => "a ref references it, but it is not stored",
        BlobState::Undetermined => "no readable ref references it, but another ref cannot be read",
        BlobState::Awaited => "a ref references it; the listing has not reached it yet",
        BlobState::Foreign => "distributed from elsewhere; the store need not hold it",
    }
}

impl RowSet for BlobRows {
    fn count(&self) -> u32 {
        self.objects.count()
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        match self.objects.at(row) {
            Object::Blob(BlobRow {
                blob,
                state: of_blob,
            }) => vec![
                Cell::text(blob.digest().to_string()),
                Cell::new(blob.role().word(), TextRole::Dim),
                state(of_blob),
                blob.size()
                    .map_or(Cell::new(UNKNOWN, TextRole::Unsure), |bytes| {
                        Cell::text(Size(bytes).to_string())
                    }),
                self.bar(row),
                age(blob.modified(), now),
                Cell::text(blob.refs().to_string()),
            ],
            Object::Other(OtherRow {
                name,
                kind,
                size,
                modified,
                state,
                entry,
            }) => vec![
                Cell::text(entry.map_or_else(|| name.to_owned(), called)),
                Cell::new(kind, TextRole::Dim),
                other_state(state),
                Cell::text(Size(size).to_string()),
                self.bar(row),
                age(modified, now),
                Cell::new(NONE, TextRole::Dim),
            ],
        }
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        match self.objects.at(row) {
            Object::Blob(row) => self.blob_details(&row, now),
            Object::Other(row) => self.other_details(&row, now),
        }
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        self.objects.matches(row, filter, now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        self.objects.compare(key(column), a, b)
    }

    fn sort_key(&self, column: usize, row: u32) -> [u64; 2] {
        self.objects.sort_key(key(column), row)
    }

    fn identity(&self, row: u32) -> Identity {
        match self.objects.at(row) {
            Object::Blob(row) => Identity::Blob(row.blob.digest()),
            Object::Other(row) => Identity::Object(row.name.to_owned()),
        }
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::Blob(digest) => self.objects.find_blob(digest),
            Identity::Object(name) => self.objects.find_other(name),
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        match self.objects.at(row) {
            Object::Blob(row) => row.blob.stored_size(),
            Object::Other(row) => row.size,
        }
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        match self.objects.at(row) {
            Object::Blob(row) => fields_of(
                &BlobDocument::new(&row, self.objects.inventory().blobs.knows_all_refs()),
                &STORED_FIELDS,
            ),
            Object::Other(row) => fields_of(&ObjectDocument::new(&row), &STORED_FIELDS),
        }
    }

    fn name(&self, row: u32) -> String {
        match self.objects.at(row) {
            Object::Blob(row) => row.blob.digest().to_string(),
            Object::Other(row) => row.name.to_owned(),
        }
    }
}

fn time_fact(time: Option<Timestamp>, now: Timestamp) -> DetailLine {
    let cell = match time {
        Some(then) => Cell::text(format!("{}, {then:.0}", Age::between(then, now).ago())),
        None => Cell::new("not known", TextRole::Dim),
    };
    DetailLine::Fact("written", cell)
}

impl BlobRows {
    fn blob_details(&self, row: &BlobRow<'_>, now: Timestamp) -> Vec<DetailLine> {
        let BlobRow {
            blob,
            state: of_blob,
        } = row;

        let mut details = vec![
            DetailLine::Heading(blob.digest().to_string().into()),
            DetailLine::Fact("state", state(*of_blob)),
            DetailLine::Text(Cell::new(meaning(*of_blob), TextRole::Dim)),
            DetailLine::Blank,
            DetailLine::Fact("role", Cell::text(blob.role().word())),
            DetailLine::Fact(
                "size",
                blob.size()
                    .map_or(Cell::new("not known", TextRole::Dim), |bytes| {
                        Cell::text(Size(bytes).to_string())
                            .and(format!(" ({bytes} bytes)"), TextRole::Dim)
                    }),
            ),
            time_fact(blob.modified(), now),
        ];
        let class = self
            .inventory()
            .surroundings
            .bucket()
            .filter(|_| blob.is_stored());
        if let Some(class) = class.and_then(|bucket| bucket.class_of(&blob.digest())) {
            details.push(DetailLine::Fact(
                "class",
                Cell::text(visible(class).into_owned()),
            ));
        }
        if blob.is_resized() {
            let words = "its size differs from the size in the ref";
            details.push(DetailLine::Text(
                Cell::new("! ", TextRole::Missing).and(words, TextRole::Missing),
            ));
        }
        details.extend(self.ref_details(blob));
        details.extend(self.holder_details(blob));
        details
    }

    /// Lists the other repositories that hold a blob.
    fn holder_details(&self, blob: &Blob<'_>) -> Vec<DetailLine> {
        let mut details = Vec::new();
        let digest = blob.digest();
        let holds = |(_, other): &&OtherSource| {
            let found = other.blobs.find(&digest).map(|id| other.blobs.get(id));
            found.is_some_and(|blob| blob.is_stored())
        };
        let holders: Vec<&OtherSource> = self.others.iter().filter(holds).collect();
        if !holders.is_empty() {
            details.extend([
                DetailLine::Blank,
                DetailLine::Heading("In other repositories, too".into()),
            ]);
            details.extend(
                holders
                    .into_iter()
                    .map(|(name, _)| DetailLine::Text(Cell::text(name.clone()))),
            );
        }
        details
    }

    /// Lists the refs that name a blob.
    fn ref_details(&self, blob: &Blob<'_>) -> Vec<DetailLine> {
        let mut details = Vec::new();
        if blob.refs() > 0 {
            let refs = one_or(blob.refs(), "ref references", "refs reference");
            details.extend([
                DetailLine::Blank,
                DetailLine::Heading(format!("{} {refs} it", blob.refs()).into()),
            ]);
            let names = self
                .inventory()
                .refs_of(blob.id())
                .map(|(_, entry)| entry.name.clone());
            details.extend(
                names
                    .take(REFS_SHOWN)
                    .map(|name| DetailLine::Text(Cell::text(name))),
            );
            if let Some(more) = (blob.refs() as usize)
                .checked_sub(REFS_SHOWN)
                .filter(|more| *more > 0)
            {
                details.push(DetailLine::Text(Cell::new(
                    format!("and {more} more"),
                    TextRole::Dim,
                )));
            }
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::digest::Digest;
    use crate::inventory::blobs::BlobRole;

    #[test]
    fn shared_repositories_are_shown_for_stored_blobs_only() {
        let mut own = Inventory::default();
        let mut other = Inventory::default();
        let [shared, named, alone] = [b"shared", &b"named!"[..], b"alone"].map(Digest::of);
        for digest in [shared, named, alone] {
            own.blobs.store(digest, 1, None);
        }
        other.blobs.store(shared, 1, None);
        other.blobs.name(named, None, BlobRole::Layer);
        let rows =
            BlobRows::new(Arc::new(own)).others(vec![("host/other".to_owned(), Arc::new(other))]);
        let tells = |digest: Digest| {
            let details = rows.details(
                rows.find(&Identity::Blob(digest)).unwrap(),
                Timestamp::UNIX_EPOCH,
            );
            details
                .iter()
                .any(|detail| format!("{detail:?}").contains("host/other"))
        };
        assert_eq!([shared, named, alone].map(tells), [true, false, false]);
    }
}
