//! Everything that a source holds or names, as rows: blobs first, then unfinished uploads and what is unknown.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Align, Cell, Column, Detail, Identity, NONE, RowSet, Sortable, UNKNOWN};
use crate::backend::{EntryKind, OtherObject, StoreEntry};
use crate::format::digest::Digest;
use crate::format::text::visible;
use crate::inventory::blobs::{Blob, BlobId};
use crate::inventory::filter::{Filter, NumberField, Subject, TextField};
use crate::inventory::subject::{BlobRow, OtherRow};
use crate::inventory::{BlobState, Inventory};
use crate::tui::theme::Role;
use crate::units::{Age, Size};

mod others;

use others::{called, other_state};

/// The column of sizes, by which blobs are sorted at first.
pub const SIZE: usize = 3;
/// The column of ages.
pub const AGE: usize = 4;
/// The columns of names and of refs.
const NAME: usize = 0;
const REFS: usize = 5;
/// How many refs the details list.
const REFS_SHOWN: usize = 200;

const COLUMNS: &[Column] = &[
    Column { title: "BLOB", align: Align::Left, min: 19, max: 71, rank: 0, sort: Sortable::Ascending },
    Column { title: "ROLE", align: Align::Left, min: 12, max: 12, rank: 4, sort: Sortable::Ascending },
    Column { title: "STATE", align: Align::Left, min: 10, max: 14, rank: 1, sort: Sortable::Ascending },
    Column { title: "SIZE", align: Align::Right, min: 8, max: 8, rank: 1, sort: Sortable::Descending },
    Column { title: "AGE", align: Align::Right, min: 8, max: 8, rank: 2, sort: Sortable::Descending },
    Column { title: "REFS", align: Align::Right, min: 5, max: 5, rank: 3, sort: Sortable::Descending },
];

type StateOf = dyn Fn(&Blob<'_>) -> BlobState + Send + Sync;

/// All objects of an inventory.
pub struct BlobRows {
    inventory: Arc<Inventory>,
    blobs: u32,
    /// The places of the entries that are no blobs of their own, by their names.
    entries: Vec<u32>,
    state: Box<StateOf>,
    users: OnceLock<Users>,
    beside: Vec<Beside>,
}

/// Another repository of the same registry, which keeps each blob once for all of them: its name, and what it holds.
pub type Beside = (String, Arc<Inventory>);

enum Object<'a> {
    Blob(BlobRow<'a>),
    Other(OtherRow<'a>),
}

impl BlobRows {
    /// Shows the objects of `inventory`.
    pub fn new(inventory: Arc<Inventory>) -> Self {
        let blobs = u32::try_from(inventory.blobs.len()).unwrap_or(u32::MAX);
        // One that is a blob of its own is shown as that.
        let is_other = |entry: &StoreEntry| !matches!(entry.kind, EntryKind::Blob(_));
        let others = (0..).zip(inventory.entries.iter()).filter(|(_, entry)| is_other(entry));
        let mut entries: Vec<u32> = others.map(|(place, _)| place).collect();
        entries.sort_unstable_by_key(|place| &inventory.entries[*place as usize].name);
        Self {
            state: Box::new(inventory.blob_states()),
            inventory,
            blobs,
            entries,
            users: OnceLock::new(),
            beside: Vec::new(),
        }
    }

    /// Tells of blobs that repositories beside this one hold, too.
    #[must_use]
    pub fn beside(self, beside: Vec<Beside>) -> Self {
        Self { beside, ..self }
    }

    fn at(&self, row: u32) -> Object<'_> {
        if row < self.blobs {
            let blob = self.inventory.blobs.get(BlobId(row));
            return Object::Blob(BlobRow { blob, state: (self.state)(&blob) });
        }
        let Inventory { partial, unknown, entries, .. } = &*self.inventory;
        let place = (row - self.blobs) as usize;
        Object::Other(match (partial.get(place), place.checked_sub(partial.len() + unknown.len())) {
            (Some(object), _) => OtherRow::object(object, "partial"),
            (None, None) => OtherRow::object(&unknown[place - partial.len()], "unknown"),
            (None, Some(place)) => OtherRow::entry(&entries[self.entries[place] as usize]),
        })
    }

    fn blob(&self, row: u32) -> Option<Blob<'_>> {
        (row < self.blobs).then(|| self.inventory.blobs.get(BlobId(row)))
    }

    fn size(&self, row: u32) -> Option<u64> {
        match self.at(row) {
            Object::Blob(row) => row.blob.size(),
            Object::Other(row) => Some(row.size),
        }
    }

    fn modified(&self, row: u32) -> Option<Timestamp> {
        match self.at(row) {
            Object::Blob(row) => row.blob.modified(),
            Object::Other(row) => row.modified,
        }
    }
}

fn state(state: BlobState) -> Cell {
    let (sign, role) = match state {
        BlobState::Live => ("✓ ", Role::Live),
        BlobState::Orphan => ("○ ", Role::Orphan),
        BlobState::Missing => ("! ", Role::Missing),
        BlobState::Undetermined => ("? ", Role::Unsure),
        BlobState::Awaited => ("… ", Role::Dim),
    };
    Cell::new(sign, role).and(state.word(), role)
}

fn age(time: Option<Timestamp>, now: Timestamp) -> Cell {
    time.map_or(Cell::new(NONE, Role::Dim), |then| Cell::text(Age::between(then, now).to_string()))
}

impl RowSet for BlobRows {
    fn count(&self) -> u32 {
        let others = self.inventory.partial.len() + self.inventory.unknown.len() + self.entries.len();
        self.blobs.saturating_add(u32::try_from(others).unwrap_or(u32::MAX))
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        match self.at(row) {
            Object::Blob(BlobRow { blob, state: of_blob }) => vec![
                Cell::text(blob.digest().to_string()),
                Cell::new(blob.role().word(), Role::Dim),
                state(of_blob),
                blob.size().map_or(Cell::new(UNKNOWN, Role::Unsure), |bytes| Cell::text(Size(bytes).to_string())),
                age(blob.modified(), now),
                Cell::text(blob.refs().to_string()),
            ],
            Object::Other(OtherRow { name, kind, size, modified, state, entry }) => vec![
                Cell::text(entry.map_or_else(|| name.to_owned(), called)),
                Cell::new(kind, Role::Dim),
                other_state(state),
                Cell::text(Size(size).to_string()),
                age(modified, now),
                Cell::new(NONE, Role::Dim),
            ],
        }
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<Detail> {
        match self.at(row) {
            Object::Blob(row) => self.blob_details(&row, now),
            Object::Other(row) => self.other_details(&row, now),
        }
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        match self.at(row) {
            Object::Blob(row) => filter.matches(&UsedBlob { row, rows: self }, now),
            Object::Other(row) => filter.matches(&row, now),
        }
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let words = |row| match self.at(row) {
            Object::Blob(row) => (row.blob.role().word(), row.state.word()),
            Object::Other(row) => (row.kind, row.state),
        };
        let refs = |row| self.blob(row).map(|blob| blob.refs());
        let ordering = match column {
            NAME => Ordering::Equal,
            1 => words(a).0.cmp(words(b).0),
            2 => words(a).1.cmp(words(b).1),
            SIZE => self.size(a).cmp(&self.size(b)),
            // The oldest has the largest age; one without a time comes last among those.
            AGE => match (self.modified(a), self.modified(b)) {
                (Some(a), Some(b)) => b.cmp(&a),
                (a, b) => a.cmp(&b),
            },
            _ => refs(a).cmp(&refs(b)),
        };
        // The order in which a store lists its objects means nothing; that of their names stays the same.
        ordering.then_with(|| match (self.blob(a), self.blob(b)) {
            (Some(a), Some(b)) => a.digest().cmp(&b.digest()),
            _ => a.cmp(&b),
        })
    }

    fn sort_key(&self, column: usize, row: u32) -> [u64; 2] {
        let value = match column {
            NAME => 0,
            SIZE => self.size(row).map_or(0, |bytes| bytes.saturating_add(1)),
            AGE => self.modified(row).map_or(0, |time| {
                // Not negative, for a table's times are nanoseconds in 64 bits; other objects may be bounded.
                let age = (i128::from(i64::MAX) - time.as_nanosecond()).max(0);
                u64::try_from(age).unwrap_or(u64::MAX).saturating_add(1)
            }),
            REFS => self.blob(row).map_or(0, |blob| 1 + u64::from(blob.refs())),
            _ => return [0; 2],
        };
        // Longer digests and objects without one come after all that have this number.
        let name = match self.blob(row).map(|blob| blob.digest()) {
            Some(Digest::Sha256(bytes)) => bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)),
            _ => u64::MAX,
        };
        [value, name]
    }

    fn identity(&self, row: u32) -> Identity {
        match self.at(row) {
            Object::Blob(row) => Identity::Blob(row.blob.digest()),
            Object::Other(row) => Identity::Object(row.name.to_owned()),
        }
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        let place =
            |objects: &[OtherObject], name: &str| objects.binary_search_by(|object| (*object.name).cmp(name)).ok();
        let Inventory { blobs, partial, unknown, entries, .. } = &*self.inventory;
        let entry = |name: &str| {
            let found = self.entries.binary_search_by(|place| entries[*place as usize].name.as_str().cmp(name));
            found.ok().map(|place| partial.len() + unknown.len() + place)
        };
        let other = match identity {
            Identity::Blob(digest) => return blobs.find(digest).map(|id| id.0).filter(|row| *row < self.blobs),
            Identity::Object(name) => {
                let unknown = || place(unknown, name).map(|place| partial.len() + place);
                place(partial, name).or_else(unknown).or_else(|| entry(name))?
            }
            _ => return None,
        };
        u32::try_from(other).ok().map(|other| self.blobs + other)
    }

    fn bytes(&self, row: u32) -> u64 {
        match self.at(row) {
            Object::Blob(row) => row.blob.stored_size(),
            Object::Other(row) => row.size,
        }
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let digest = |digest: Digest| json!(digest);
        let (name, of_digest, role, state, bytes, modified, refs) = match self.at(row) {
            Object::Blob(BlobRow { blob, state }) => {
                let of_digest = digest(blob.digest());
                let size = blob.size();
                (Value::Null, of_digest, blob.role().word(), state.word(), size, blob.modified(), Some(blob.refs()))
            }
            Object::Other(OtherRow { name, kind, size, modified, state, .. }) => {
                (json!(name), Value::Null, kind, state, Some(size), modified, None)
            }
        };
        vec![
            ("digest", of_digest),
            ("name", name),
            ("role", json!(role)),
            ("state", json!(state)),
            ("bytes", json!(bytes)),
            ("modified", json!(modified)),
            ("refs", json!(refs)),
        ]
    }

    fn name(&self, row: u32) -> String {
        match self.at(row) {
            Object::Blob(row) => row.blob.digest().to_string(),
            Object::Other(row) => row.name.to_owned(),
        }
    }
}

fn time_fact(time: Option<Timestamp>, now: Timestamp) -> Detail {
    let cell = match time {
        Some(then) => Cell::text(format!("{}, {then:.0}", Age::between(then, now).ago())),
        None => Cell::new("not known", Role::Dim),
    };
    Detail::Fact("written", cell)
}

impl BlobRows {
    fn blob_details(&self, row: &BlobRow<'_>, now: Timestamp) -> Vec<Detail> {
        let BlobRow { blob, state: of_blob } = row;
        let meaning = match of_blob {
            BlobState::Live => "stored, and a ref names it",
            BlobState::Orphan => "stored, and no ref names it: it could go",
            BlobState::Missing => "a ref names it, and it is not stored",
            BlobState::Undetermined => "no ref that can be read names it, but another ref cannot be read",
            BlobState::Awaited => "a ref names it; the listing has not come to it yet",
        };
        let mut details = vec![
            Detail::Heading(blob.digest().to_string().into()),
            Detail::Fact("state", state(*of_blob)),
            Detail::Text(Cell::new(meaning, Role::Dim)),
            Detail::Blank,
            Detail::Fact("role", Cell::text(blob.role().word())),
            Detail::Fact(
                "size",
                blob.size().map_or(Cell::new("not known", Role::Dim), |bytes| {
                    Cell::text(Size(bytes).to_string()).and(format!(" ({bytes} bytes)"), Role::Dim)
                }),
            ),
            time_fact(blob.modified(), now),
        ];
        let class = self.inventory.bucket.as_ref().filter(|_| blob.is_stored());
        if let Some(class) = class.and_then(|bucket| bucket.class_of(&blob.digest())) {
            details.push(Detail::Fact("class", Cell::text(visible(class).into_owned())));
        }
        if blob.is_resized() {
            let words = "its size is not the one that it is named with";
            details.push(Detail::Text(Cell::new("! ", Role::Missing).and(words, Role::Missing)));
        }
        if blob.refs() > 0 {
            let refs = if blob.refs() == 1 { "ref names" } else { "refs name" };
            details.extend([Detail::Blank, Detail::Heading(format!("{} {refs} it", blob.refs()).into())]);
            let names = self.inventory.refs_of(blob.id()).map(|(_, entry)| entry.name.clone());
            details.extend(names.take(REFS_SHOWN).map(|name| Detail::Text(Cell::text(name))));
            if let Some(more) = (blob.refs() as usize).checked_sub(REFS_SHOWN).filter(|more| *more > 0) {
                details.push(Detail::Text(Cell::new(format!("and {more} more"), Role::Dim)));
            }
        }
        let digest = blob.digest();
        let holds = |(_, other): &&Beside| {
            let found = other.blobs.find(&digest).map(|id| other.blobs.get(id));
            found.is_some_and(|blob| blob.is_stored())
        };
        let holders: Vec<&Beside> = self.beside.iter().filter(holds).collect();
        if !holders.is_empty() {
            details.extend([Detail::Blank, Detail::Heading("In other repositories, too".into())]);
            details.extend(holders.into_iter().map(|(name, _)| Detail::Text(Cell::text(name.clone()))));
        }
        details
    }

    fn users(&self) -> &Users {
        self.users.get_or_init(|| Users::of(&self.inventory))
    }
}

/// The refs of each blob, made when a filter asks for them first: the other way round they stand in the inventory.
#[derive(Debug)]
struct Users {
    /// Where the refs of each blob begin; one more stands at the end.
    starts: Vec<usize>,
    refs: Vec<u32>,
}

impl Users {
    fn of(inventory: &Inventory) -> Self {
        let mut starts = vec![0; inventory.blobs.len() + 1];
        let pairs = || {
            (0u32..)
                .zip(inventory.refs.iter())
                .flat_map(|(at, entry)| entry.reach.iter().map(move |id| (id.0 as usize, at)))
        };
        pairs().for_each(|(blob, _)| starts[blob + 1] += 1);
        for blob in 1..starts.len() {
            starts[blob] += starts[blob - 1];
        }
        let mut refs = vec![0; starts.last().copied().unwrap_or_default()];
        let mut next = starts.clone();
        for (blob, at) in pairs() {
            refs[next[blob]] = at;
            next[blob] += 1;
        }
        Self { starts, refs }
    }

    fn of_blob(&self, id: BlobId) -> &[u32] {
        let at = id.0 as usize;
        &self.refs[self.starts[at]..self.starts[at + 1]]
    }
}

/// A blob that knows its refs, too.
struct UsedBlob<'a> {
    row: BlobRow<'a>,
    rows: &'a BlobRows,
}

impl Subject for UsedBlob<'_> {
    fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        if field != TextField::Ref {
            return self.row.any_text(field, test);
        }
        let refs = self.rows.users().of_blob(self.row.blob.id());
        Some(refs.iter().flat_map(|at| self.rows.inventory.refs[*at as usize].names()).any(test))
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        self.row.number(field)
    }

    fn created(&self) -> Option<Timestamp> {
        self.row.created()
    }

    fn digest(&self) -> Option<Digest> {
        self.row.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::OtherKind;
    use crate::inventory::blobs::BlobRole;

    #[test]
    fn what_other_repositories_hold_is_told_of_the_blobs_that_are_there() {
        let (mut own, mut other) = (Inventory::default(), Inventory::default());
        let [shared, named, alone] = [b"shared", &b"named!"[..], b"alone"].map(Digest::of);
        for digest in [shared, named, alone] {
            own.blobs.store(digest, 1, None);
        }
        other.blobs.store(shared, 1, None);
        other.blobs.name(named, None, BlobRole::Layer);
        let rows = BlobRows::new(Arc::new(own)).beside(vec![("host/other".to_owned(), Arc::new(other))]);
        let tells = |digest: Digest| {
            let details = rows.details(rows.find(&Identity::Blob(digest)).unwrap(), Timestamp::UNIX_EPOCH);
            details.iter().any(|detail| format!("{detail:?}").contains("host/other"))
        };
        assert_eq!([shared, named, alone].map(tells), [true, false, false]);
    }

    #[test]
    fn keys_order_rows_as_comparisons_do() {
        let time = |second| Timestamp::from_second(second).ok();
        let mut inventory = Inventory::default();
        for number in 0..20 {
            let digest = Digest::of(&[number]);
            inventory.blobs.store(digest, u64::from(number % 4), time(i64::from(number % 3)));
        }
        inventory.blobs.store(Digest::Sha512([1; 64]), 1, None);
        inventory.blobs.store(Digest::Sha512([2; 64]), u64::MAX - 1, Some(Timestamp::MAX));
        inventory.blobs.name(Digest::of(b"missing"), None, BlobRole::Layer);
        let object = |name: &str, modified| OtherObject { name: name.into(), kind: OtherKind::File, size: 1, modified };
        let objects = [object("a", time(1)), object("b", None), object("c", Some(Timestamp::MIN))];
        inventory.unknown = Arc::new(objects.into());
        let rows = BlobRows::new(Arc::new(inventory));
        for column in 0..COLUMNS.len() {
            for (a, b) in (0..rows.count()).flat_map(|a| (0..rows.count()).map(move |b| (a, b))) {
                let by_key = rows.sort_key(column, a).cmp(&rows.sort_key(column, b));
                assert!(by_key.is_eq() || by_key == rows.compare(column, a, b), "column {column}, rows {a} and {b}");
            }
        }
    }
}
