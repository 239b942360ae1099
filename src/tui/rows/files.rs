//! The files of a layer as rows, in the order of the archive or sorted.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Align, Cell, Column, Detail, Identity, NONE, RowSet, Sortable};
use crate::format::layer::{Entry, Kind};
use crate::inventory::filter::{Filter, NumberField, Subject, TextField};
use crate::tui::theme::Role;
use crate::units::{Age, Size};

/// The column of paths.
pub const PATH: usize = 0;

const COLUMNS: &[Column] = &[
    Column { title: "PATH", align: Align::Path, min: 29, max: 200, rank: 0, sort: Sortable::Ascending },
    Column { title: "MODE", align: Align::Left, min: 10, max: 10, rank: 3, sort: Sortable::No },
    Column { title: "OWNER", align: Align::Right, min: 9, max: 11, rank: 4, sort: Sortable::No },
    Column { title: "SIZE", align: Align::Right, min: 8, max: 8, rank: 1, sort: Sortable::Descending },
    Column { title: "MODIFIED", align: Align::Left, min: 16, max: 16, rank: 2, sort: Sortable::Descending },
];

/// Files as they came, in batches that snapshots share.
#[derive(Debug, Clone, Default)]
pub struct FileRows {
    /// Each batch with the number of its first row.
    batches: Vec<(u32, Arc<Vec<Entry>>)>,
    count: u32,
    bytes: u64,
    removed: u64,
}

impl FileRows {
    /// Returns the same with a batch more.
    #[must_use]
    pub fn with(&self, batch: &Arc<Vec<Entry>>) -> Self {
        let mut more = self.clone();
        more.bytes = batch.iter().fold(more.bytes, |sum, entry| sum.saturating_add(entry.size));
        more.removed += batch.iter().filter(|entry| removes(&entry.kind)).count() as u64;
        more.batches.push((more.count, Arc::clone(batch)));
        more.count = more.count.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        more
    }

    /// Returns what all files take once unpacked.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns how many entries take something away from the layers below.
    pub fn removed(&self) -> u64 {
        self.removed
    }

    fn at(&self, row: u32) -> &Entry {
        let batch = self.batches.partition_point(|(first, _)| *first <= row) - 1;
        let (first, entries) = &self.batches[batch];
        &entries[(row - first) as usize]
    }
}

/// Returns the word for what an entry is.
fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink { .. } => "symlink",
        Kind::Hardlink { .. } => "hardlink",
        Kind::Device => "device",
        Kind::Fifo => "fifo",
        Kind::Whiteout => "deleted",
        Kind::Opaque => "emptied",
        Kind::Other => "other",
    }
}

/// Tells whether an entry takes something away from the layers below.
fn removes(kind: &Kind) -> bool {
    matches!(kind, Kind::Whiteout | Kind::Opaque)
}

fn path(entry: &Entry) -> Cell {
    let path = entry.path.clone();
    match &entry.kind {
        Kind::Directory => Cell::new(path, Role::Strong).and("/", Role::Dim),
        Kind::Symlink { target } => Cell::text(path).and(format!(" → {target}"), Role::Dim),
        Kind::Hardlink { target } => Cell::text(path).and(format!(" = {target}"), Role::Dim),
        Kind::Whiteout => Cell::new("− ", Role::Missing).and(path, Role::Missing).and("  deleted", Role::Dim),
        Kind::Opaque => Cell::new("− ", Role::Missing).and(path, Role::Missing).and("/*  emptied", Role::Dim),
        Kind::File | Kind::Device | Kind::Fifo | Kind::Other => Cell::text(path),
    }
}

/// Writes permissions as `ls` does.
fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::Directory | Kind::Opaque => 'd',
        Kind::Symlink { .. } => 'l',
        Kind::Device => 'b',
        Kind::Fifo => 'p',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (entry.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

impl Subject for Entry {
    fn any_text(&self, field: TextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            TextField::Name => Some(test(&self.path)),
            TextField::Kind => Some(test(word(&self.kind))),
            TextField::Ref | TextField::Step | TextField::State | TextField::Platform => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        (field == NumberField::Size && !removes(&self.kind)).then_some(self.size)
    }

    fn created(&self) -> Option<Timestamp> {
        self.modified
    }
}

impl RowSet for FileRows {
    fn count(&self) -> u32 {
        self.count
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let entry = self.at(row);
        let none = || Cell::new(NONE, Role::Dim);
        let size = match entry.kind {
            Kind::File => Cell::text(Size(entry.size).to_string()),
            _ => none(),
        };
        if removes(&entry.kind) {
            return vec![path(entry), none(), none(), size, none()];
        }
        vec![
            path(entry),
            Cell::new(mode(entry), Role::Dim),
            Cell::new(format!("{}:{}", entry.uid, entry.gid), Role::Dim),
            size,
            entry.modified.map_or_else(none, |modified| Cell::new(time(modified), Role::Dim)),
        ]
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<Detail> {
        let entry = self.at(row);
        let fact = |name, value: String| Detail::Fact(name, Cell::text(value));
        let mut lines = vec![Detail::Text(path(entry)), Detail::Blank, fact("kind", word(&entry.kind).to_owned())];
        if removes(&entry.kind) {
            lines.push(Detail::Text(Cell::new("The layers below have it; this one takes it away.", Role::Dim)));
            return lines;
        }
        lines.push(fact("mode", format!("{} {:04o}", mode(entry), entry.mode)));
        lines.push(fact("owner", format!("{}:{}", entry.uid, entry.gid)));
        if entry.kind == Kind::File {
            lines.push(fact("size", format!("{} ({} bytes)", Size(entry.size), entry.size)));
        }
        if let Some(modified) = entry.modified {
            lines.push(fact("modified", format!("{modified:.0}, {}", Age::between(modified, now).ago())));
        }
        lines
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let (a, b) = (self.at(a), self.at(b));
        match column {
            3 => a.size.cmp(&b.size),
            4 => a.modified.cmp(&b.modified),
            _ => a.path.cmp(&b.path),
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::File(row)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::File(row) => Some(*row).filter(|row| *row < self.count),
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        self.at(row).size
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let entry = self.at(row);
        let target = match &entry.kind {
            Kind::Symlink { target } | Kind::Hardlink { target } => Some(target),
            _ => None,
        };
        vec![
            ("path", json!(entry.path)),
            ("kind", json!(word(&entry.kind))),
            ("target", json!(target)),
            ("mode", json!(format!("{:04o}", entry.mode))),
            ("uid", json!(entry.uid)),
            ("gid", json!(entry.gid)),
            ("size", json!(entry.size)),
            ("modified", json!(entry.modified)),
        ]
    }

    fn name(&self, row: u32) -> String {
        self.at(row).path.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, kind: Kind, mode: u32) -> Entry {
        Entry { path: path.to_owned(), kind, size: 0, mode, uid: 0, gid: 0, modified: None }
    }

    #[test]
    fn writes_permissions_as_ls_does() {
        let cases = [
            (Kind::File, 0o644, "-rw-r--r--"),
            (Kind::Directory, 0o1777, "drwxrwxrwt"),
            (Kind::File, 0o4755, "-rwsr-xr-x"),
            (Kind::File, 0o2604, "-rw---Sr--"),
            (Kind::Symlink { target: "a".into() }, 0o777, "lrwxrwxrwx"),
        ];
        for (kind, bits, expected) in cases {
            assert_eq!(mode(&entry("a", kind, bits)), expected);
        }
    }

    #[test]
    fn rows_of_all_batches_have_their_numbers() {
        let batch = |paths: &[&str]| Arc::new(paths.iter().map(|path| entry(path, Kind::File, 0o644)).collect());
        let rows = FileRows::default().with(&batch(&["a", "b"])).with(&batch(&[])).with(&batch(&["c"]));
        let names: Vec<String> = (0..rows.count()).map(|row| rows.name(row)).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!((rows.find(&Identity::File(2)), rows.find(&Identity::File(3))), (Some(2), None));
    }
}
