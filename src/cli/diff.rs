//! `diff`: the changes between two refs.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::CliSession;
use super::evidence::StepEvidence;
use super::json::JsonDocument;
use super::open::{self, Opened, Scanned};
use super::show::rows;
use super::show::{evidence, the_ref};
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::config::LoadedHistory;
use crate::error::{Exit, Failure};
use crate::explain::diff::{ChangedStep, Difference, Fate, LayerDifference, RecordAt};
use crate::inventory::RefEntry;
use crate::inventory::cache::{RecordKind, RefCache};
use crate::report::documents::{
    CacheRecordDocument, ComparedRefRecords, DiffDocument, FirstIndexes,
};
use crate::source::{Source, SourceText};
use crate::text::escape::visible;
use crate::text::plural::one_or;
use crate::text::units::{Age, Size, parse_duration};

mod since;

#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// The old ref, such as ./cache#c07.
    #[arg(value_name = "SOURCE#REF")]
    before: SourceText,
    /// The new ref, from the same source or another.
    #[arg(value_name = "SOURCE#REF")]
    after: Option<SourceText>,
    /// Compare the refs of one source with the newest scan that is at least this old, such as 7d.
    /// Each scan writes a record (`du --history`).
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    since: Option<Duration>,
    /// Name the steps from evidence of a build that wrote one of the refs.
    ///
    /// `cachelens show --help` lists the kinds of evidence.
    #[arg(long, alias = "build", value_name = "EVIDENCE")]
    provenance: Vec<PathBuf>,
}

/// One of the two refs, loaded.
struct ComparedRef<'a> {
    source: String,
    entry: &'a RefEntry,
    caches: Vec<RefCache>,
    /// The records of all configurations, as `show` lists them.
    rows: Vec<CacheRecordDocument>,
    /// The start of each configuration's records in `rows`.
    begins: Vec<usize>,
    has_names: bool,
}

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: DiffArguments,
) -> Result<Exit, Failure> {
    let before = open::parse(session, &arguments.before)?;
    let after = match (&arguments.after, arguments.since) {
        (None, Some(since)) => return since::run(session, before, since).await,
        (Some(after), None) => open::parse(session, after)?,
        (Some(_), since @ Some(_)) | (None, since @ None) => return Err(since::usage(since)),
    };
    // One scan is enough for two refs of one store.
    let is_one = before.location == after.location;
    let sources = if is_one {
        vec![after.clone()]
    } else {
        vec![before.clone(), after.clone()]
    };
    let wanted = sources.len();
    let sources = sources
        .into_iter()
        .map(|source| Source {
            select: None,
            ..source
        })
        .collect();
    let (mut scanned, failures) = open::scan_all(session, sources).await?;
    let Some(mut new) = scanned.pop().filter(|_| scanned.len() + 1 == wanted) else {
        return Ok(open::conclude(session, 0, &failures));
    };
    open::report(session, &failures);
    let mut old = scanned.pop().unwrap_or_else(|| Scanned {
        opened: Opened {
            source: before.clone(),
            reader: Arc::clone(&new.opened.reader),
        },
        inventory: new.inventory.clone(),
        past: LoadedHistory::default(),
    });
    (old.opened.source.select, new.opened.source.select) = (before.select, after.select);
    let old = ComparedRef::load(session, &old, &arguments.provenance).await?;
    let new = ComparedRef::load(session, &new, &arguments.provenance).await?;
    let difference = Difference::between(&old.caches, &new.caches);
    let layers = LayerDifference::between(&old.caches, &new.caches);
    if session.output.json {
        let compared = DiffDocument::new(&old.records(), &new.records(), &difference, &layers);
        return session
            .output
            .document(&JsonDocument::new("diff", compared, &failures));
    }
    session.output.text(&page(
        &old,
        &new,
        &difference,
        &layers,
        session.output.paper,
    ))
}

impl<'a> ComparedRef<'a> {
    async fn load(
        session: &CliSession<'_>,
        scanned: &'a Scanned,
        provenance: &[PathBuf],
    ) -> Result<Self, Failure> {
        let entry = the_ref(session, scanned)?;
        let steps = StepEvidence::of_provenance(provenance);
        let evidence = evidence(session, scanned, entry, steps).await?;
        let inventory = &scanned.inventory;
        let source = scanned.opened.label();
        let caches = match RefCache::load(&*scanned.opened.reader, &inventory.blobs, entry).await {
            Ok(caches) => caches,
            Err(faults) => {
                // Treated as empty, everything would seem to be added or removed.
                let message = format!(
                    "{}#{} cannot be read",
                    visible(&source),
                    visible(&entry.name)
                );
                let causes = faults.iter().map(ToString::to_string).collect();
                return Err(Failure {
                    causes,
                    ..Failure::message(Exit::Failed, message)
                });
            }
        };
        let mut rows = Vec::new();
        let mut begins = Vec::new();
        let mut layers = 0;
        for cache in &caches {
            begins.push(rows.len());
            let labels = evidence.labels(&cache.graph);
            let first = FirstIndexes {
                record: rows.len(),
                layer: layers,
            };
            rows.extend(rows::records(cache, inventory, &labels, first));
            layers += cache.layers.len();
        }
        Ok(Self {
            source,
            entry,
            caches,
            rows,
            begins,
            has_names: !evidence.is_empty(),
        })
    }

    fn records(&self) -> ComparedRefRecords<'_> {
        ComparedRefRecords {
            source: &self.source,
            entry: self.entry,
            records: &self.rows,
            begins: &self.begins,
        }
    }

    fn row(&self, at: RecordAt) -> &CacheRecordDocument {
        &self.rows[self.begins[at.cache] + at.record.at()]
    }

    fn is_root(&self, at: RecordAt) -> bool {
        self.caches[at.cache].records[at.record.at()].kind == RecordKind::Root
    }

    fn title(&self) -> String {
        format!("{}#{}", visible(&self.source), visible(&self.entry.name))
    }
}

fn style(fate: Fate) -> Style {
    match fate {
        Fate::Removed | Fate::Lost => Style::Bad,
        Fate::Changed(_) => Style::Strong,
        Fate::Gained | Fate::Added => Style::Good,
    }
}

fn page(
    old: &ComparedRef<'_>,
    new: &ComparedRef<'_>,
    difference: &Difference,
    layers: &LayerDifference,
    paper: Paper,
) -> String {
    let sum = |layers: &[(_, Option<u64>)]| {
        Size(layers.iter().filter_map(|(_, bytes)| *bytes).sum()).to_string()
    };
    let mut lines = vec![
        format!("{} → {}", old.title(), new.title()),
        format!(
            "{} → {}: {} {} added ({}), {} removed ({})",
            Size(old.entry.sizes.bytes),
            Size(new.entry.sizes.bytes),
            layers.added.len(),
            one_or(layers.added.len(), "layer", "layers"),
            sum(&layers.added),
            layers.removed.len(),
            sum(&layers.removed),
        ),
    ];
    if let (Some((before, _)), Some((after, _))) = (old.entry.age(), new.entry.age()) {
        let apart = after.duration_since(before).abs();
        match before.cmp(&after) {
            // The refs of one build are written within a moment.
            _ if apart.as_secs() < 1 => {}
            Ordering::Less => lines.push(format!("written {} later", Age::between(before, after))),
            Ordering::Equal => {}
            Ordering::Greater => {
                lines.push(format!("written {} earlier", Age::between(after, before)));
            }
        }
    }
    lines.push(String::new());
    if difference.is_empty() {
        lines.push(format!(
            "the same: {} keys, with the same results\n",
            difference.same
        ));
        return lines.join("\n");
    }
    lines.push(steps(old, new, difference, paper));
    let hint = if old.has_names || new.has_names {
        ""
    } else {
        "steps have no names without evidence: give a build's provenance with --provenance FILE\n"
    };
    lines.join("\n") + hint
}

fn steps(
    old: &ComparedRef<'_>,
    new: &ComparedRef<'_>,
    difference: &Difference,
    paper: Paper,
) -> String {
    let mut found = difference.steps();
    let is_root = |before: Option<RecordAt>, after: Option<RecordAt>| match (before, after) {
        (_, Some(after)) => new.is_root(after),
        (Some(before), None) => old.is_root(before),
        (None, None) => false,
    };
    let all = found.len();
    found.retain(|step| !is_root(step.before, step.after));
    let roots = all - found.len();
    // In the order of the Dockerfile, by the newer ref if it has the step.
    found.sort_by_key(|step| {
        let before = step.before.map(|at| old.row(at));
        let row = step.after.map(|at| new.row(at)).or(before);
        let place = row.and_then(|row| row.location.as_ref());
        let place = place.map(|place| (place.file.clone(), place.line));
        (place.is_none(), place, row.map(|row| row.index))
    });

    let table = if found.is_empty() {
        "no step was added or removed\n".to_owned()
    } else {
        step_table(old, new, &found).render(paper)
    };
    format!(
        "{table}\n{} keys are the same   ({roots} sources and files were added or removed)\n",
        difference.same
    )
}

fn step_table(old: &ComparedRef<'_>, new: &ComparedRef<'_>, found: &[ChangedStep]) -> Table {
    let mut table = Table::new([
        ("", TableAlign::Left),
        ("STEP", TableAlign::Left),
        ("WHERE", TableAlign::Left),
        ("BEFORE", TableAlign::Right),
        ("AFTER", TableAlign::Right),
        ("WHAT", TableAlign::Left),
        ("KEY", TableAlign::Left),
    ]);
    for step in found {
        let before = step.before.map(|at| old.row(at));
        let after = step.after.map(|at| new.row(at));
        let rows = [after, before].into_iter().flatten();
        let Some(row) = rows
            .clone()
            .find(|row| row.name.is_some())
            .or_else(|| rows.clone().next())
        else {
            continue;
        };
        let location = rows.clone().find_map(|row| row.location.as_ref());
        table.row([
            TableCell::new(step.fate.mark()).style(style(step.fate)),
            TableCell::new(row.title()),
            TableCell::maybe(
                location.map(|location| format!("{}:{}", location.file, location.line)),
            ),
            TableCell::maybe(before.and_then(|row| row.layer_bytes).map(Size)),
            TableCell::maybe(after.and_then(|row| row.layer_bytes).map(Size)),
            TableCell::new(step.fate.words()),
            TableCell::new(row.short_key()).style(Style::Dim),
        ]);
    }
    table
}
