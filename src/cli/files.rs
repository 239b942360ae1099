//! `files`: the files of a layer, selected by its digest or by the step that created it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::CliSession;
use super::json::JsonDocument;
use super::list::{Datum, ListColumn, ListFlags, ListFormat, Rows};
use super::open::{self, Scanned};
use super::show::{self, rows};
use super::table::Style;
use crate::backend::layer_files;
use crate::error::{Exit, Failure};
use crate::format::digest::Digest;
use crate::format::layer::{Entry, Kind};
use crate::inventory::RefEntry;
use crate::inventory::cache::RefCache;
use crate::inventory::filter::Filter;
use crate::inventory::image;
use crate::source::SourceText;
use crate::text::escape::visible;

/// The minimum number of hexadecimal digits that select a digest.
const SHORTEST_PREFIX: usize = 6;
/// The maximum number of candidates in an error.
const CANDIDATES: usize = 8;

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

#[derive(Serialize)]
struct FileDocument<'a> {
    path: &'a str,
    kind: &'static str,
    bytes: u64,
    mode: String,
    uid: u64,
    gid: u64,
    modified: Option<Timestamp>,
    link: Option<&'a str>,
}

impl<'a> FileDocument<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self {
            path: &entry.path,
            kind: entry.kind.word(),
            bytes: entry.size,
            mode: entry.octal_mode(),
            uid: entry.uid,
            gid: entry.gid,
            modified: entry.modified,
            link: entry.kind.link(),
        }
    }
}

/// The files of a layer as a list.
struct FileList(Vec<Entry>);

impl FileList {
    fn at(&self, row: u32) -> &Entry {
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
            "mode" if is_there => Datum::text(entry.permissions()),
            "owner" if is_there => Datum::text(format!("{}:{}", entry.uid, entry.gid)),
            "size" if entry.kind == Kind::File => Datum::Bytes(entry.size),
            "age" if is_there => Datum::maybe(entry.modified, Datum::Time),
            "link" => match &entry.kind {
                Kind::Symlink { target } => Datum::text(format!("→ {target}")),
                Kind::Hardlink { target } => Datum::text(format!("= {target}")),
                Kind::Whiteout | Kind::Opaque => Datum::text(entry.kind.word()),
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

/// The selected layer, and the step that led to it.
pub(super) struct SelectedLayer {
    pub(super) digest: Digest,
    step: Option<String>,
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
                (count, 0) => format!("none of the {count} files matches\n"),
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
) -> (Vec<Entry>, Result<(), String>) {
    let entries: Arc<Mutex<Vec<Entry>>> = Arc::default();
    let collect = {
        let entries = Arc::clone(&entries);
        move |batch: Arc<Vec<Entry>>| {
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

/// Finds the selected layer.
pub(super) async fn find(
    session: &CliSession<'_>,
    scanned: &Scanned,
    layer: &str,
    provenance: &[PathBuf],
) -> Result<SelectedLayer, Failure> {
    let wanted = layer.trim();
    let entry = match scanned.opened.source.select {
        Some(_) => Some(show::the_ref(session, scanned)?),
        None => None,
    };
    if let Some(digest) = by_digest(scanned, entry, wanted)? {
        return Ok(SelectedLayer { digest, step: None });
    }
    let entry = match entry {
        Some(entry) => entry,
        None if wanted.parse::<Digest>().is_ok() => {
            let message = format!("{} holds no blob {wanted}", scanned.opened.shown());
            return Err(Failure::message(Exit::Failed, message)
                .hint("`cachelens blobs SOURCE` lists what it holds; for the key of a step, name its ref as in SOURCE#REF"));
        }
        None => show::the_ref(session, scanned)?,
    };
    let steps = steps(session, scanned, entry, provenance).await?;
    by_step(&steps, wanted, scanned, entry)
}

/// Returns the blob for a digest, or for the first digits of one.
fn by_digest(
    scanned: &Scanned,
    entry: Option<&RefEntry>,
    wanted: &str,
) -> Result<Option<Digest>, Failure> {
    if let Ok(digest) = wanted.parse::<Digest>() {
        let blobs = &scanned.inventory.blobs;
        // A store without a listing may hold a blob that no ref references.
        if blobs.find(&digest).is_some() || scanned.inventory.unlisted.is_some() {
            return Ok(Some(digest));
        }
        return Ok(None);
    }
    let hex = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let is_prefix = hex.len() >= SHORTEST_PREFIX && hex.chars().all(|c| c.is_ascii_hexdigit());
    if !is_prefix {
        return Ok(None);
    }
    let Ok(filter) = Filter::parse(&format!("digest:{hex}")) else {
        return Ok(None);
    };
    let blobs = scanned.inventory.blobs.iter().filter(|blob| {
        let is_meant = entry.is_none_or(|entry| entry.reaches(blob.id()));
        is_meant && filter.matches(&OnlyDigest(blob.digest()), Timestamp::UNIX_EPOCH)
    });
    let found: Vec<Digest> = blobs
        .map(|blob| blob.digest())
        .take(CANDIDATES + 1)
        .collect();
    match found.as_slice() {
        [] => Ok(None),
        [digest] => Ok(Some(*digest)),
        several => {
            let names = several.iter().map(ToString::to_string).collect();
            Err(ambiguous("blobs begin with", wanted, names))
        }
    }
}

/// A digest, for a filter.
struct OnlyDigest(Digest);

impl crate::inventory::filter::Subject for OnlyDigest {
    fn digest(&self) -> Option<Digest> {
        Some(self.0)
    }
}

/// A step of a ref that created a layer.
struct LayerStep {
    /// Its name, or a replacement.
    title: String,
    key: String,
    digest: String,
    /// File and line.
    place: Option<String>,
    layer: Option<String>,
}

/// Returns the steps of a ref; for an image without a cache, its layers.
async fn steps(
    session: &CliSession<'_>,
    scanned: &Scanned,
    entry: &RefEntry,
    provenance: &[PathBuf],
) -> Result<Vec<LayerStep>, Failure> {
    let evidence = show::evidence(session, scanned, entry, provenance).await?;
    let inventory = &scanned.inventory;
    let reader = &*scanned.opened.reader;
    let caches = RefCache::load(reader, &inventory.blobs, entry)
        .await
        .unwrap_or_default();
    let mut steps = Vec::new();
    for cache in &caches {
        let labels = evidence.labels(&cache.graph);
        let layers = &cache.graph.layers;
        for record in rows::records(cache, inventory, &labels, 0, 0) {
            let layer = record.layer.and_then(|layer| layers.get(layer));
            steps.push(LayerStep {
                title: record.title(),
                key: record.short_key(),
                place: record
                    .location
                    .as_ref()
                    .map(|location| format!("{}:{}", location.file, location.line)),
                layer: layer.map(|layer| layer.blob.to_string()),
                digest: record.digest,
            });
        }
    }
    if caches.is_empty() {
        let images = image::layers(reader, entry).await;
        steps.extend(
            rows::image_layers(inventory, &images)
                .into_iter()
                .map(|layer| LayerStep {
                    title: format!("layer {}", layer.index),
                    key: String::new(),
                    digest: layer.digest.clone(),
                    place: None,
                    layer: Some(layer.digest),
                }),
        );
    }
    Ok(steps)
}

/// Returns the layer of the one step that matches `wanted`.
fn by_step(
    steps: &[LayerStep],
    wanted: &str,
    scanned: &Scanned,
    entry: &RefEntry,
) -> Result<SelectedLayer, Failure> {
    let lower = wanted.to_lowercase();
    let is_hex = wanted.len() >= SHORTEST_PREFIX && wanted.chars().all(|c| c.is_ascii_hexdigit());
    let key = |step: &&LayerStep| {
        let digest = step.digest.strip_prefix("sha256:").unwrap_or(&step.digest);
        step.digest == wanted || (is_hex && digest.starts_with(&lower))
    };
    let place = |step: &&LayerStep| {
        let place = step.place.as_deref();
        place.is_some_and(|place| place == wanted || place.rsplit('/').next() == Some(wanted))
    };
    let same = |step: &&LayerStep| step.title.to_lowercase() == lower;
    let part = |step: &&LayerStep| step.title.to_lowercase().contains(&lower);
    let tests: [&dyn Fn(&&LayerStep) -> bool; 4] = [&key, &place, &same, &part];
    for test in tests {
        let found: Vec<&LayerStep> = steps.iter().filter(test).collect();
        let mut layers: Vec<&str> = found
            .iter()
            .filter_map(|step| step.layer.as_deref())
            .collect();
        layers.sort_unstable();
        layers.dedup();
        match (layers.as_slice(), found.first()) {
            ([layer], _) => {
                let step = found
                    .iter()
                    .find(|step| step.layer.as_deref() == Some(layer));
                let digest = layer.parse().map_err(|_| {
                    let shown = visible(layer).into_owned();
                    Failure::message(Exit::Failed, format!("the layer `{shown}` is no digest"))
                })?;
                return Ok(SelectedLayer {
                    digest,
                    step: step.map(|step| step.title.clone()),
                });
            }
            ([], Some(step)) => {
                let title = visible(&step.title).into_owned();
                let message = format!("`{title}` has no layer: only its key is left");
                return Err(Failure::message(Exit::Failed, message)
                    .hint("`cachelens show` marks the steps whose result can be loaded with ✓"));
            }
            ([], None) => {}
            _ => {
                let names = found.iter().filter(|step| step.layer.is_some());
                let names = names.map(|step| match &step.place {
                    Some(place) => format!("{place} {}", step.title),
                    None if step.title.contains(&step.key) => step.title.clone(),
                    None => format!("{} {}", step.key, step.title),
                });
                return Err(ambiguous("steps match", wanted, names.collect()));
            }
        }
    }
    let place = scanned.opened.shown();
    let name = visible(&entry.name).into_owned();
    let shown = visible(wanted).into_owned();
    let message = format!("{place}#{name} has no layer and no step `{shown}`");
    let source = crate::text::shell::word(&format!("{place}#{name}")).into_owned();
    Err(Failure::message(Exit::Failed, message).hint(format!(
        "`cachelens show {source}` lists its steps and layers"
    )))
}

fn ambiguous(what: &str, wanted: &str, mut names: Vec<String>) -> Failure {
    let count = names.len();
    let shown = visible(wanted).into_owned();
    names.truncate(CANDIDATES);
    let names: Vec<String> = names
        .iter()
        .map(|name| visible(name).into_owned())
        .collect();
    let several = if count > CANDIDATES {
        format!("more than {CANDIDATES}")
    } else {
        count.to_string()
    };
    let failure = Failure::message(Exit::Usage, format!("{several} {what} `{shown}`"));
    failure.hint(format!("name one of them: {}", names.join(" · ")))
}
