//! `blobs`: all objects that sources hold or reference, one per row.

use std::cmp::Ordering;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::CliSession;
use super::json::JsonDocument;
use super::list::{self, Datum, ListColumn, ListFlags, ListFormat, ListedRows, Rows};
use super::open::{self, Scanned};
use super::table::Style;
use crate::error::{Exit, Failure};
use crate::inventory::filter::Filter;
use crate::inventory::objects::{Object, ObjectKey, Objects};
use crate::inventory::{BlobState, RefEntry};
use crate::report::documents::{BlobDocument, ObjectDocument};
use crate::source::SourceText;
use crate::text::plural::none_matches;

#[derive(Debug, Args)]
pub(super) struct BlobsArguments {
    /// The caches to list; SOURCE#REF selects one ref.
    ///
    /// The default is the sources of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceText>,
    #[command(flatten)]
    list: ListFlags,
}

#[derive(Serialize)]
struct BlobsDocument<'a> {
    sources: Vec<SourceBlobs<'a>>,
}

#[derive(Serialize)]
struct SourceBlobs<'a> {
    source: String,
    kind: &'static str,
    blobs: Vec<BlobDocument>,
    /// Stored objects that are not blobs: unfinished uploads, and objects outside the cache.
    objects: Vec<ObjectDocument<'a>>,
}

/// The objects of a source, or of the refs that it selects.
struct BlobList {
    objects: Objects,
    /// The selected rows; `None` selects all.
    only: Option<Vec<u32>>,
    knows_all_refs: bool,
}

impl BlobList {
    fn new(scanned: &Scanned) -> Self {
        let objects = Objects::new(Arc::new(scanned.inventory.clone()));
        let is_whole = scanned.selected().len() == scanned.inventory.refs.len()
            && scanned.opened.source.select.is_none();
        let only = (!is_whole).then(|| {
            let selected = scanned.selected();
            let reach = selected.iter().flat_map(|(_, entry)| reached(entry));
            let mut rows: Vec<u32> = reach.collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        });
        Self {
            objects,
            only,
            knows_all_refs: scanned.inventory.blobs.knows_all_refs(),
        }
    }

    /// Returns the row among all objects.
    fn place(&self, row: u32) -> u32 {
        self.only.as_ref().map_or(row, |only| only[row as usize])
    }

    fn at(&self, row: u32) -> Object<'_> {
        self.objects.at(self.place(row))
    }
}

fn reached(entry: &RefEntry) -> impl Iterator<Item = u32> + '_ {
    entry.reach.iter().map(|id| id.0)
}

impl Rows for BlobList {
    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::words("digest", "BLOB"),
        ListColumn::words("role", "ROLE"),
        ListColumn::words("state", "STATE"),
        ListColumn::numbers("size", "SIZE"),
        ListColumn::numbers("age", "AGE"),
        ListColumn::numbers("refs", "REFS"),
        ListColumn::words("media-type", "MEDIA TYPE").on_request(),
    ];
    const SORT: Option<&'static str> = Some("size");

    fn count(&self) -> u32 {
        match &self.only {
            Some(only) => u32::try_from(only.len()).unwrap_or(u32::MAX),
            None => self.objects.count(),
        }
    }

    fn datum(&self, row: u32, column: &'static str) -> Datum {
        match (column, self.at(row)) {
            ("digest", Object::Blob(row)) => Datum::name(row.blob.digest().to_string()),
            ("digest", Object::Other(row)) => Datum::name(row.name),
            ("role", Object::Blob(row)) => Datum::text(row.blob.role().word()),
            ("role", Object::Other(row)) => Datum::text(row.kind),
            ("state", Object::Blob(row)) => Datum::text(row.state.word()),
            ("state", Object::Other(row)) => Datum::text(row.state),
            ("size", Object::Blob(row)) => Datum::maybe(row.blob.size(), Datum::Bytes),
            ("size", Object::Other(row)) => Datum::Bytes(row.size),
            ("age", Object::Blob(row)) => Datum::maybe(row.blob.modified(), Datum::Time),
            ("age", Object::Other(row)) => Datum::maybe(row.modified, Datum::Time),
            ("refs", Object::Blob(row)) if self.knows_all_refs => {
                Datum::Count(row.blob.refs().into())
            }
            ("media-type", Object::Blob(row)) => Datum::maybe(row.blob.media_type(), Datum::text),
            _ => Datum::None,
        }
    }

    fn style(&self, row: u32, column: &'static str) -> Style {
        match (column, self.at(row)) {
            ("digest", _) => Style::Strong,
            ("role", _) => Style::Dim,
            ("state", Object::Blob(row)) => match row.state {
                BlobState::Live => Style::Good,
                BlobState::Missing => Style::Bad,
                _ => Style::Plain,
            },
            _ => Style::Plain,
        }
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        self.objects.matches(self.place(row), filter, now)
    }

    fn compare(&self, a: u32, b: u32, column: &'static str) -> Ordering {
        let key = match column {
            "role" => ObjectKey::Kind,
            "state" => ObjectKey::State,
            "size" => ObjectKey::Size,
            "age" => ObjectKey::Age,
            "refs" => ObjectKey::Refs,
            "media-type" => {
                let media_type = |row| match self.at(row) {
                    Object::Blob(row) => row.blob.media_type().map(str::to_owned),
                    Object::Other(_) => None,
                };
                return media_type(a).cmp(&media_type(b));
            }
            _ => ObjectKey::Name,
        };
        self.objects.compare(key, self.place(a), self.place(b))
    }
}

/// Returns the names of the columns.
pub(super) fn columns() -> Vec<&'static str> {
    list::names::<BlobList>()
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: BlobsArguments,
) -> Result<Exit, Failure> {
    let listing = arguments.list.listing::<BlobList>(Timestamp::now())?;
    let sources = open::sources_to_read(session, &arguments.sources)?;
    let (scanned, mut failures) = open::scan_found(session, sources).await?;
    failures.extend(open::unread(&scanned));
    let lists = listing.lists(&scanned, BlobList::new);
    let output = session.output;
    match arguments.list.format(output.json) {
        ListFormat::Json => {
            let sources = lists.iter().map(document).collect();
            output.document(&JsonDocument::new(
                "blobs",
                BlobsDocument { sources },
                &failures,
            ))?;
        }
        format => {
            listing.print(
                output,
                format,
                lists.len() + failures.len(),
                &lists,
                |list| match list.rows.count() {
                    0 => "nothing is stored here\n".to_owned(),
                    count => none_matches(count, "object"),
                },
            )?;
        }
    }
    Ok(open::conclude(session, lists.len(), &failures))
}

fn document<'a>(list: &'a ListedRows<'_, BlobList>) -> SourceBlobs<'a> {
    let ListedRows {
        scanned,
        rows,
        shown,
    } = list;
    let mut blobs = Vec::new();
    let mut objects = Vec::new();
    for row in shown {
        match rows.at(*row) {
            Object::Blob(row) => blobs.push(BlobDocument::new(&row, rows.knows_all_refs)),
            Object::Other(row) => objects.push(ObjectDocument::new(&row)),
        }
    }
    SourceBlobs {
        source: scanned.opened.label(),
        kind: scanned.opened.source.kind().word(),
        blobs,
        objects,
    }
}
