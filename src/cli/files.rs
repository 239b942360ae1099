//! `files`: the files of a layer, selected by its digest or by the step that created it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::CliSession;
use super::json::JsonDocument;
use super::list::{self, Datum, ListColumn, ListFlags, ListFormat, Rows};
use super::open::{self, Scanned};
use super::table::Style;
use crate::backend::layer_files;
use crate::error::{Exit, Failure};
use crate::format::digest::Digest;
use crate::format::layer::{TarEntry, TarEntryKind};
use crate::inventory::filter::Filter;
use crate::report::documents::FileDocument;
use crate::source::SourceText;
use crate::text::plural::none_matches;

mod layer;

pub(super) use layer::find;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ref that has the layer, such as ./cache#main.
    ///
    /// With a digest the source is enough, even if no ref reaches the layer.
    #[arg(value_name = "SOURCE#REF")]
    source: SourceText,
    /// The layer: its digest, or the step that made it.
    ///
    /// The first digits of a digest are enough. A step is selected by its key, its line such as
    /// Dockerfile:12, or words of its name.
    #[arg(value_name = "DIGEST|STEP")]
    layer: String,
    /// Name the steps from evidence of the build that wrote the ref.
    ///
    /// `cachelens show --help` lists the kinds of evidence.
    #[arg(long, value_name = "EVIDENCE")]
    provenance: Vec<PathBuf>,
    #[command(flatten)]
    list: ListFlags,
}

#[derive(Serialize)]
struct FilesDocument<'a> {
    source: String,
    layer: String,
    /// The step that created it, if a step was requested.
    step: Option<&'a str>,
    media_type: Option<&'a str>,
    bytes: Option<u64>,
    files: Vec<FileDocument<'a>>,
    /// Whether all files of the layer were read.
    complete: bool,
}

/// The files of a layer as a list.
struct FileList(Vec<TarEntry>);

impl FileList {
    fn at(&self, row: u32) -> &TarEntry {
        &self.0[row as usize]
    }
}

impl Rows for FileList {
    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::words("mode", "MODE"),
        ListColumn::numbers("owner", "OWNER"),
        ListColumn::numbers("size", "SIZE"),
        ListColumn::numbers("age", "AGE"),
        ListColumn::words("kind", "KIND").on_request(),
        ListColumn::words("path", "PATH"),
        ListColumn::words("link", ""),
    ];

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn datum(&self, row: u32, column: &'static str) -> Datum {
        let entry = self.at(row);
        let is_there = !entry.kind.removes();
        match column {
            "path" => Datum::name(&entry.path),
            "kind" => Datum::text(entry.kind.word()),
            "mode" if is_there => Datum::Mode {
                shown: entry.permissions(),
                octal: entry.octal_mode(),
            },
            "owner" if is_there => Datum::text(format!("{}:{}", entry.uid, entry.gid)),
            "size" if entry.kind == TarEntryKind::File => Datum::Bytes(entry.size),
            "size" => Datum::Unshown(entry.size),
            "age" if is_there => Datum::maybe(entry.modified, Datum::Time),
            "link" => match &entry.kind {
                TarEntryKind::Symlink { target } => Datum::text(format!("→ {target}")),
                TarEntryKind::Hardlink { target } => Datum::text(format!("= {target}")),
                TarEntryKind::Whiteout | TarEntryKind::Opaque => Datum::text(entry.kind.word()),
                _ => Datum::text(""),
            },
            _ => Datum::None,
        }
    }

    fn style(&self, row: u32, column: &'static str) -> Style {
        match (column, self.at(row).kind.removes()) {
            ("path" | "link", true) => Style::Bad,
            ("path", false) => Style::Plain,
            _ => Style::Dim,
        }
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }
}

/// Returns the names of the columns.
pub(super) fn columns() -> Vec<&'static str> {
    list::names::<FileList>()
}

pub(super) async fn run(session: &CliSession<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    let listing = arguments.list.listing::<FileList>(Timestamp::now())?;
    let source = open::parse(session, &arguments.source)?;
    let (mut scanned, failures) = open::scan_all(session, vec![source]).await?;
    let Some(scanned) = scanned.pop() else {
        return Ok(open::conclude(session, 0, &failures));
    };
    let found = find(session, &scanned, &arguments.layer, &arguments.provenance).await?;
    let (entries, end) = read(session, &scanned, found.digest).await;
    let label = scanned.opened.label();
    let failed = end.err().map(|why| {
        let shown = scanned.opened.shown();
        Failure::message(Exit::Failed, format!("{shown}: {}: {why}", found.digest))
    });
    if let (true, Some(failure)) = (entries.is_empty(), &failed) {
        return Err(failure.clone());
    }
    let mut failures = failures;
    failures.extend(failed.map(|failure| (label.clone(), failure)));
    let rows = FileList(entries);
    let shown = listing.arrange(&rows);
    let blobs = &scanned.inventory.blobs;
    let blob = blobs.find(&found.digest).map(|id| blobs.get(id));
    let output = session.output;
    match arguments.list.format(output.json) {
        ListFormat::Json => {
            let listing = FilesDocument {
                source: label,
                layer: found.digest.to_string(),
                step: found.step.as_deref(),
                media_type: blob.as_ref().and_then(|blob| blob.media_type()),
                bytes: blob.and_then(|blob| blob.size()),
                files: shown
                    .iter()
                    .map(|row| FileDocument::new(rows.at(*row)))
                    .collect(),
                complete: failures.is_empty(),
            };
            output.document(&JsonDocument::new("files", listing, &failures))?;
        }
        format @ (ListFormat::Csv | ListFormat::Tsv) => {
            output.raw(&listing.values(format, &[(label, &rows, shown)])?)?;
        }
        ListFormat::Text => {
            let text = match (rows.count(), shown.len()) {
                (0, _) => "the layer holds no files: the step changed nothing\n".to_owned(),
                (count, 0) => none_matches(count, "file"),
                _ => listing.table(&rows, &shown, output.paper),
            };
            output.text(&text)?;
        }
    }
    Ok(open::conclude(session, rows.0.len(), &failures))
}

/// Reads the files of a layer: all files before an error, and the error.
pub(super) async fn read(
    session: &CliSession<'_>,
    scanned: &Scanned,
    layer: Digest,
) -> (Vec<TarEntry>, Result<(), String>) {
    let entries: Arc<Mutex<Vec<TarEntry>>> = Arc::default();
    let collect = {
        let entries = Arc::clone(&entries);
        move |batch: Arc<Vec<TarEntry>>| {
            let batch = Arc::try_unwrap(batch).unwrap_or_else(|shared| (*shared).clone());
            let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.extend(batch);
        }
    };
    let cancel = session.cancel.child_token();
    let end = layer_files::list(&*scanned.opened.reader, layer, cancel, collect).await;
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    (std::mem::take(&mut *entries), end)
}
