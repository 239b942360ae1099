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
use crate::format::layer::changes::LayerChanges;
use crate::format::layer::{TarEntry, TarEntryKind};
use crate::inventory::filter::Filter;
use crate::inventory::subject::ComparedEntry;
use crate::report::documents::{FileDocument, LayerChangesDocument, LayersBelowDocument};
use crate::source::SourceText;
use crate::text::escape::visible;
use crate::text::plural::none_matches;

mod changes;
mod layer;

use changes::{CompareWhen, ComparedFiles};
use layer::SelectedLayer;
pub(super) use layer::find;

#[derive(Debug, Args)]
pub(super) struct FilesArguments {
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
    /// Mark which files the layer adds, changes and deletes.
    ///
    /// This reads the layers below it. With `auto`, they are read where that is cheap: from a
    /// directory, up to 64 mebibytes.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    changes: CompareWhen,
    #[command(flatten)]
    list: ListFlags,
}

#[derive(Serialize)]
struct FilesDocument<'a> {
    source: String,
    layer: String,
    /// The step that created it, if a step was requested.
    step: Option<&'a str>,
    media_type: Option<String>,
    bytes: Option<u64>,
    /// The layers below it, if they are known.
    below: Option<LayersBelowDocument>,
    /// The totals of the layer, if it was compared with them.
    changes: Option<LayerChangesDocument>,
    /// Why some or all changes are unknown.
    changes_unknown: Option<&'a str>,
    files: Vec<FileDocument<'a>>,
    /// Whether all files of the layer were read.
    complete: bool,
}

impl<'a> FilesDocument<'a> {
    fn new(
        scanned: &'a Scanned,
        found: &'a SelectedLayer,
        rows: &'a FileList,
        shown: &[u32],
        complete: bool,
    ) -> Self {
        let blobs = &scanned.inventory.blobs;
        let blob = blobs.find(&found.digest).map(|id| blobs.get(id));
        let compared = &rows.compared;
        let totals = compared.changes().map(LayerChanges::totals);
        Self {
            source: scanned.opened.label(),
            layer: found.digest.to_string(),
            step: found.step.as_deref(),
            media_type: blob
                .as_ref()
                .and_then(|blob| blob.media_type())
                .map(str::to_owned),
            bytes: blob.and_then(|blob| blob.size()),
            below: compared.below.as_ref().map(LayersBelowDocument::new),
            changes: totals.map(LayerChangesDocument::new),
            changes_unknown: compared.unknown.as_deref(),
            files: shown.iter().map(|row| rows.document(*row)).collect(),
            complete,
        }
    }
}

/// The files of a layer as a list.
struct FileList {
    entries: Vec<TarEntry>,
    compared: ComparedFiles,
}

impl FileList {
    fn at(&self, row: u32) -> &TarEntry {
        &self.entries[row as usize]
    }

    fn document(&self, row: u32) -> FileDocument<'_> {
        let entry = self.at(row);
        let change = self.compared.of(row, entry);
        FileDocument::new(entry).compared(change, self.compared.replaced(row))
    }
}

impl Rows for FileList {
    const COLUMNS: &'static [ListColumn] = &[
        ListColumn::words("mode", "MODE"),
        ListColumn::numbers("owner", "OWNER"),
        ListColumn::numbers("size", "SIZE"),
        ListColumn::numbers("age", "AGE"),
        ListColumn::words("kind", "KIND").on_request(),
        ListColumn::words("change", "CHANGE"),
        ListColumn::words("path", "PATH"),
        ListColumn::words("link", ""),
    ];

    fn count(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn has(&self, column: &'static str) -> bool {
        column != "change" || self.compared.changes().is_some()
    }

    fn datum(&self, row: u32, column: &'static str) -> Datum {
        let entry = self.at(row);
        let is_there = !entry.kind.removes();
        match column {
            "path" => Datum::name(&entry.path),
            "kind" => Datum::text(entry.kind.word()),
            "change" => {
                let change = self.compared.of(row, entry);
                Datum::maybe(change, |change| Datum::text(change.word()))
            }
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
        let entry = self.at(row);
        let change = self.compared.of(row, entry);
        filter.matches(&ComparedEntry { entry, change }, now)
    }
}

/// Returns the names of the columns.
pub(super) fn columns() -> Vec<&'static str> {
    list::names::<FileList>()
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: FilesArguments,
) -> Result<Exit, Failure> {
    let listing = arguments.list.listing::<FileList>(Timestamp::now())?;
    let source = open::parse(session, &arguments.source)?;
    let (mut scanned, mut failures) = open::scan_all(session, vec![source]).await?;
    let Some(scanned) = scanned.pop() else {
        return Ok(open::conclude(session, 0, &failures));
    };
    let provenance = &arguments.provenance;
    let found = find(session, &scanned, &arguments.layer, provenance).await?;
    let (entries, end) = read(session, &scanned, found.digest).await;
    let label = scanned.opened.label();
    let failed = end.err().map(|why| {
        let shown = scanned.opened.shown();
        Failure::message(Exit::Failed, format!("{shown}: {}: {why}", found.digest))
    });
    if let (true, Some(failure)) = (entries.is_empty(), &failed) {
        return Err(failure.clone());
    }
    let is_whole = failed.is_none();
    failures.extend(failed.map(|failure| (label.clone(), failure)));
    let when = arguments.changes;
    let compared = if is_whole && !entries.is_empty() {
        changes::compare(session, &scanned, &found, &entries, provenance, when).await?
    } else {
        ComparedFiles::default()
    };
    let rows = FileList { entries, compared };
    let shown = listing.arrange(&rows);
    let output = session.output;
    match arguments.list.format(output.json) {
        ListFormat::Json => {
            let listing = FilesDocument::new(&scanned, &found, &rows, &shown, failures.is_empty());
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
            let mut text = text;
            let line = rows.compared.line();
            if let (Some(line), true) = (line, arguments.list.has_headers() && !shown.is_empty()) {
                text.push_str(&format!("\n{}\n", visible(&line)));
            }
            output.text(&text)?;
        }
    }
    Ok(open::conclude(session, rows.entries.len(), &failures))
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
