//! `show`: one ref, its steps and layers.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::evidence::StepEvidence;
use super::json::JsonDocument;
use super::ls;
use super::modes::{self, ModeRow};
use super::open::{self, Scanned};
use super::output::CommandOutput;
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use super::why::build::BuildFlags;
use super::{CliSession, filter_argument};
use crate::error::{Exit, Failure};
use crate::explain::evidence::CacheEvidence;
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::filter::Filter;
use crate::inventory::{DocumentFault, Inventory, RefEntry, image};
use crate::report::documents::{CacheRecordDocument, FirstIndexes, RefDocument};
use crate::source::SourceText;
use crate::text::escape::visible;
use crate::text::units::{Age, Size};

pub(super) mod rows;

use rows::LayerRow;

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The ref to show, such as ./cache#main.
    ///
    /// A source with one ref needs no #REF.
    #[arg(value_name = "SOURCE#REF")]
    source: SourceText,
    /// Name the steps from evidence of the build that wrote the ref.
    ///
    /// Evidence is its provenance (SLSA, mode=max), a build record, an LLB definition, a daemon's
    /// cache debug data, or an image with provenance.
    #[arg(long, value_name = "EVIDENCE")]
    provenance: Vec<PathBuf>,
    /// The build context, for the steps that copy its files.
    ///
    /// Without other evidence, the Dockerfile in it names the steps.
    #[arg(long, value_name = "DIR")]
    context: Option<PathBuf>,
    /// Show only matching records, such as 'step~npm state:key-only'.
    ///
    /// See `cachelens help filters`.
    #[arg(long, value_name = "FILTER", value_parser = filter_argument)]
    filter: Option<Filter>,
    #[command(flatten)]
    described: BuildFlags,
}

impl ShowArguments {
    /// Loads the evidence that names the steps.
    async fn evidence(
        &self,
        session: &CliSession<'_>,
        scanned: &Scanned,
        entry: &RefEntry,
    ) -> Result<CacheEvidence, Failure> {
        let steps = StepEvidence {
            provenance: &self.provenance,
            described: Some(&self.described),
            context: self.context.as_deref(),
        };
        evidence(session, scanned, entry, steps).await
    }

    /// Returns whether the user gives evidence that names steps.
    fn names_steps(&self) -> bool {
        !self.provenance.is_empty() || self.context.is_some() || self.described.is_given()
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "ref")]
    entry: RefDocument<'a>,
    records: Vec<CacheRecordDocument>,
    layers: Vec<LayerRow>,
    /// What an export with `mode=min` would keep; one for each platform.
    modes: Vec<ModeRow>,
    /// Whether the lists of users were truncated, which only a hostile configuration needs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    used_by_truncated: bool,
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: ShowArguments,
) -> Result<Exit, Failure> {
    let source = open::parse(session, &arguments.source)?;
    let (mut scanned, mut failures) = open::scan_all(session, vec![source]).await?;
    let unread = open::unread(&scanned);
    let Some(scanned) = scanned.pop() else {
        return Ok(open::conclude(session, 0, &failures));
    };
    let is_read = unread.is_empty();
    failures.extend(unread);
    open::report(session, &failures);
    let exit = show(session, &arguments, &scanned, &failures).await?;
    Ok(if is_read { exit } else { Exit::Partial })
}

/// Prints the ref.
async fn show(
    session: &CliSession<'_>,
    arguments: &ShowArguments,
    scanned: &Scanned,
    failures: &[(String, Failure)],
) -> Result<Exit, Failure> {
    let entry = the_ref(session, scanned)?;
    let evidence = arguments.evidence(session, scanned, entry).await?;
    let inventory = &scanned.inventory;
    let (caches, faults) =
        match RefCache::load(&*scanned.opened.reader, &inventory.blobs, entry).await {
            Ok(caches) => (caches, Vec::new()),
            Err(faults) => (Vec::new(), faults),
        };
    let mut rows = CacheRows::of(&caches, inventory, &evidence);
    if caches.is_empty() {
        let images = image::layers(&*scanned.opened.reader, entry).await;
        rows.layers = rows::image_layers(inventory, &images);
    }
    let now = Timestamp::now();
    if arguments.names_steps() && !rows.is_named && !caches.is_empty() {
        session
            .output
            .warn("the evidence names none of the steps: is it of another build?");
    }
    if let Some(filter) = &arguments.filter {
        rows.records.retain(|record| filter.matches(record, now));
    }
    let modes = modes::of_caches(entry, &caches, &evidence);
    let output = session.output;
    warn_of_faults(output, entry, &faults);
    if output.json {
        let shown = Shown {
            entry: RefDocument::new(entry, inventory),
            records: rows.records,
            layers: rows.layers,
            modes,
            used_by_truncated: rows.users_are_truncated,
        };
        return output.document(&JsonDocument::new("show", shown, failures));
    }
    let mut text = heading(entry, now);
    if entry.withheld().is_some() {
        return output.text(&text);
    }
    for sentence in modes.iter().filter_map(ModeRow::sentence) {
        text.extend([&sentence, "\n"]);
    }
    text += &steps(
        &caches,
        &rows.records,
        evidence.is_empty(),
        now,
        output.paper,
    );
    text += &layer_table(&rows.layers, now, output.paper);
    output.text(&text)
}

/// The records and layers of a ref, over all of its configurations.
#[derive(Default)]
struct CacheRows {
    records: Vec<CacheRecordDocument>,
    layers: Vec<LayerRow>,
    /// Whether the users of a layer were cut.
    users_are_truncated: bool,
    /// Whether the evidence names a step.
    is_named: bool,
}

impl CacheRows {
    fn of(caches: &[RefCache], inventory: &Inventory, evidence: &CacheEvidence) -> Self {
        let mut rows = Self::default();
        for cache in caches {
            // Indexes continue across the configurations of several platforms.
            let first = FirstIndexes {
                record: rows.records.len(),
                layer: rows.layers.len(),
            };
            let labels = evidence.labels(&cache.graph);
            rows.is_named |= labels.iter().any(Option::is_some);
            rows.records
                .extend(rows::records(cache, inventory, &labels, first));
            let (users, cut) = cache.layer_users();
            rows.layers
                .extend(rows::layers(cache, inventory, &users, first));
            rows.users_are_truncated |= cut;
        }
        rows
    }
}

fn warn_of_faults(output: &CommandOutput, entry: &RefEntry, faults: &[DocumentFault]) {
    // The heading shows why the store withholds a ref.
    let is_reported = |fault: &&DocumentFault| {
        output.json || entry.withheld().is_none() || !fault.hides_references()
    };
    let further = faults.iter().filter(|fault| !entry.faults.contains(fault));
    for fault in entry.faults.iter().chain(further).filter(is_reported) {
        output.warn(&fault.to_string());
    }
}

/// Returns the ref to show: the selected one, or the only one.
pub(super) fn the_ref<'a>(
    session: &CliSession<'_>,
    scanned: &'a Scanned,
) -> Result<&'a RefEntry, Failure> {
    let selected = scanned.selected();
    let label = scanned.opened.shown();
    match selected.as_slice() {
        [] if scanned.opened.source.select.is_some() => Err(open::no_such_ref(scanned)),
        [] => Err(Failure::message(Exit::Failed, format!("{label} has no refs")).absent()),
        [(_, entry), rest @ ..] => {
            let select = scanned.opened.source.select.as_ref();
            let means_one = select.is_some_and(|select| !select.is_pattern());
            if !means_one && !rest.is_empty() {
                let which = if select.is_some() { " that fit" } else { "" };
                let message = format!("{label} has {} refs{which}", selected.len());
                let failure = Failure::message(Exit::Usage, message);
                let name = visible(&entry.name);
                return Err(failure.hint(format!("name one, as in {label}#{name}")));
            }
            if !rest.is_empty() {
                session.output.warn(&format!(
                    "{} refs have that name; this is the first",
                    selected.len()
                ));
            }
            Ok(entry)
        }
    }
}

/// Loads the evidence that names the steps: the user's files, else the store's own evidence.
pub(super) async fn evidence(
    session: &CliSession<'_>,
    scanned: &Scanned,
    entry: &RefEntry,
    steps: StepEvidence<'_>,
) -> Result<CacheEvidence, Failure> {
    let mut evidence = steps.load(session).await?;
    if steps.provenance.is_empty() {
        let store = scanned.opened.reader.abilities();
        for statement in store.provenance(&entry.name).await {
            if let Err(error) = evidence.add(&statement) {
                session.output.warn(&format!(
                    "the store's own provenance of {}: {error}",
                    visible(&entry.name)
                ));
            }
        }
    }
    Ok(evidence)
}

fn heading(entry: &RefEntry, now: Timestamp) -> String {
    let name = visible(&entry.name);
    let kind = entry.kind.word();
    let mut lines = match entry.withheld() {
        // The digest is computed by cachelens, and the size covers only the index.
        Some(_) => vec![format!("{name}  {kind}")],
        None => vec![
            format!("{name}  {kind}  {}", entry.digest()),
            match entry.sizes.exclusive_bytes {
                _ if entry.is_unreadable() => "–".to_owned(),
                Some(exclusive) => {
                    format!("{}, {} only here", Size(entry.sizes.bytes), Size(exclusive))
                }
                None => Size(entry.sizes.bytes).to_string(),
            },
        ],
    };
    if let Some(branch) = &entry.facts().branch {
        let used = entry.facts().used.map_or_else(String::new, |used| {
            format!(", last used {}", Age::between(used, now).ago())
        });
        lines.push(format!("written on {}{used}", visible(branch)));
    }
    if let Some((time, from)) = entry.age() {
        let age = Age::between(time, now);
        lines.push(format!(
            "age {age} ({time:.0}, from the {})",
            from.word().replace('-', " ")
        ));
    }
    if !entry.platforms.is_empty() {
        lines.push(format!("for {}", visible(&entry.platforms.join(", "))));
    }
    let trouble = ls::trouble(entry);
    if !trouble.is_empty() {
        lines.push(trouble);
    }
    lines.join("\n") + "\n"
}

fn steps(
    caches: &[RefCache],
    records: &[CacheRecordDocument],
    unnamed: bool,
    now: Timestamp,
    paper: Paper,
) -> String {
    if caches.is_empty() {
        return "\nno records: this ref carries no cache that can be read\n".to_owned();
    }
    let (roots, steps): (Vec<&CacheRecordDocument>, Vec<&CacheRecordDocument>) =
        rows::reading_order(records)
            .into_iter()
            .partition(|row| row.is_root);
    let table = if steps.is_empty() {
        "no steps match\n".to_owned()
    } else {
        step_table(records, &steps, now).render(paper)
    };
    let hint = if unnamed {
        "steps have no names without evidence: give the build's provenance with --provenance FILE\n"
    } else {
        ""
    };
    let roots = if roots.len() == 1 {
        "1 source or file".to_owned()
    } else {
        format!("{} sources and files", roots.len())
    };
    format!(
        "\n{table}\n✓ the result can be loaded   ○ only the key is left   ! broken   ({roots} not listed)\n{hint}"
    )
}

fn step_table(
    records: &[CacheRecordDocument],
    steps: &[&CacheRecordDocument],
    now: Timestamp,
) -> Table {
    let mut table = Table::new([
        ("", TableAlign::Left),
        ("STEP", TableAlign::Left),
        ("WHERE", TableAlign::Left),
        ("SIZE", TableAlign::Right),
        ("CHAIN", TableAlign::Right),
        ("AGE", TableAlign::Right),
        ("ALSO IN", TableAlign::Right),
        ("KEY", TableAlign::Left),
    ]);

    let mut platforms = records.iter().filter_map(|row| row.platform.as_ref());
    let first = platforms.next();
    let are_several = platforms.any(|platform| Some(platform) != first);
    for row in steps {
        let (mark, style) = match row.record_state {
            RecordState::Result => ("✓", Style::Good),
            RecordState::KeyOnly => ("○", Style::Dim),
            RecordState::Broken => ("!", Style::Bad),
        };
        table.row([
            TableCell::new(mark).style(style),
            TableCell::new(match row.platform.as_ref().filter(|_| are_several) {
                Some(platform) => format!("{} ({platform})", row.title()),
                None => row.title(),
            }),
            TableCell::maybe(
                row.location
                    .as_ref()
                    .map(|location| format!("{}:{}", location.file, location.line)),
            ),
            TableCell::maybe(row.layer_bytes.map(Size)),
            TableCell::maybe(row.bytes.map(Size)),
            TableCell::maybe(row.created.map(|time| Age::between(time, now))),
            TableCell::maybe(row.also_in.filter(|others| *others > 0)),
            TableCell::new(row.short_key()).style(Style::Dim),
        ]);
    }
    table
}

fn layer_table(layers: &[LayerRow], now: Timestamp, paper: Paper) -> String {
    if layers.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        ("LAYER", TableAlign::Right),
        ("ON", TableAlign::Right),
        ("BLOB", TableAlign::Left),
        ("SIZE", TableAlign::Right),
        ("AGE", TableAlign::Right),
        ("USED BY", TableAlign::Right),
        ("TYPE", TableAlign::Left),
    ]);
    for layer in layers {
        table.row([
            TableCell::new(layer.index.to_string()),
            TableCell::maybe(layer.parent),
            TableCell::new(layer.digest.chars().take(19).collect::<String>()),
            TableCell::maybe(layer.bytes.map(Size)),
            TableCell::maybe(layer.created.map(|time| Age::between(time, now))),
            TableCell::new(layer.used_by.len().to_string()),
            TableCell::new(layer.short_type()).style(Style::Dim),
        ]);
    }
    format!("\n{}", table.render(paper))
}
