//! `diff SOURCE --since DURATION`: which refs came, went or changed since an earlier scan.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::cli::CliSession;
use crate::cli::json::JsonDocument;
use crate::cli::open::{self, Scanned};
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::error::{Exit, Failure};
use crate::explain::diff::Difference;
use crate::inventory::RefEntry;
use crate::inventory::cache::RefCache;
use crate::inventory::history::{RefChanges, RefRecord, ScanRecord, ref_changes};
use crate::source::{RefSelector, Source};
use crate::text::escape::visible;
use crate::text::units::{Age, Exact, Size};

/// The most refs that are compared by key.
const MOST_COMPARED: usize = 100;

#[derive(Serialize)]
struct Since<'a> {
    source: String,
    #[serde(rename = "since")]
    moment: Moment,
    refs_added: Vec<RefFields<'a>>,
    refs_removed: Vec<RefFields<'a>>,
    refs_changed: Vec<ChangedFields<'a>>,
    refs_same: usize,
    bytes_before: u64,
    bytes_after: u64,
}

/// The scan that the source is compared with.
#[derive(Serialize)]
struct Moment {
    /// What was asked for.
    asked: Timestamp,
    /// When the scan was made; later than asked for when there is no record as old.
    scanned: Timestamp,
}

#[derive(Serialize)]
struct RefFields<'a> {
    name: &'a str,
    digest: &'a str,
    kind: &'static str,
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct ChangedFields<'a> {
    name: &'a str,
    before: RefFields<'a>,
    after: RefFields<'a>,
    /// The ref that still has what the name pointed to, where the store keeps it.
    previous: Option<&'a str>,
    keys: Option<KeyChanges>,
}

/// How many cache keys changed; known where the store keeps both versions.
#[derive(Debug, Clone, Copy, Serialize)]
struct KeyChanges {
    same: usize,
    added: usize,
    removed: usize,
    changed: usize,
    lost_results: usize,
}

/// A ref that points to something else than before.
struct ChangedRef<'a> {
    before: &'a RefRecord,
    after: &'a RefRecord,
    previous: Option<&'a RefEntry>,
    keys: Option<KeyChanges>,
}

impl<'a> RefFields<'a> {
    fn new(entry: &'a RefRecord) -> Self {
        Self {
            name: &entry.name,
            digest: &entry.digest,
            kind: entry.kind.word(),
            bytes: entry.bytes,
        }
    }
}

/// Compares a source with what the last scan before `since` found.
pub(super) async fn run(
    session: &CliSession<'_>,
    source: Source,
    since: Duration,
) -> Result<Exit, Failure> {
    let select = source.select.clone();
    let whole = Source {
        select: None,
        ..source
    };
    let (mut scanned, failures) = open::scan_all(session, vec![whole]).await?;
    let Some(mut scanned) = scanned.pop() else {
        return Ok(open::conclude(session, 0, &failures));
    };
    open::report(session, &failures);
    for skipped in &scanned.past.skipped {
        session
            .output
            .warn(&format!("a record is skipped: {skipped}"));
    }
    let now = Timestamp::now();
    let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
    let asked = now.checked_sub(since).unwrap_or(Timestamp::MIN);
    let (mut before, after) = records(session, &scanned, asked)?;
    let Some(mut after) = after else {
        let shown = scanned.opened.shown();
        let message = format!("only a part of {shown} can be seen, so nothing can be compared");
        return Err(Failure::message(Exit::Failed, message));
    };
    if let Some(select) = select {
        keep_selected(&select, [&mut before, &mut after]);
        scanned.opened.source.select = Some(select);
    }
    let Some(changes) = ref_changes(&before, &after) else {
        let when = Age::between(before.at, now).ago();
        let message = format!("the scan of {when} has no list of refs");
        return Err(Failure::message(Exit::Failed, message)
            .hint("`cachelens du --history SOURCE` has its figures"));
    };
    let changed = compare(&scanned, &changes).await;
    if session.output.json {
        let document = document(&scanned, asked, (&before, &after), &changes, &changed);
        let document = JsonDocument::new("diff", document, &failures);
        return session.output.document(&document);
    }
    let page = page(
        &scanned,
        (&before, &after),
        &changes,
        &changed,
        now,
        session.output.paper,
    );
    session.output.text(&page)
}

/// Returns the record to compare with, and that of this scan.
fn records(
    session: &CliSession<'_>,
    scanned: &Scanned,
    asked: Timestamp,
) -> Result<(ScanRecord, Option<ScanRecord>), Failure> {
    let inventory = &scanned.inventory;
    let after = ScanRecord::of(inventory, &inventory.totals(), Timestamp::now());
    let history = &scanned.past.history;
    // The last record is that of this scan, where records are kept.
    let earlier = match history.records() {
        [earlier @ .., _] if session.history.is_kept() => earlier,
        all => all,
    };
    if let Some(record) = history.at(asked) {
        return Ok((record.clone(), after));
    }
    let shown = scanned.opened.shown();
    let Some(oldest) = earlier.first() else {
        let message = format!("no earlier scan of {shown} is recorded");
        let hint = if session.history.is_kept() {
            "each scan leaves a record: try again after the next builds"
        } else {
            "records are kept without --no-state and with `keep = true` in [state]"
        };
        return Err(Failure::message(Exit::Failed, message).hint(hint));
    };
    let age = Age::between(oldest.at, Timestamp::now()).ago();
    session.output.warn(&format!(
        "no scan of {shown} is as old as that: the first one was {age}"
    ));
    Ok((oldest.clone(), after))
}

/// Looks for the previous versions of refs that changed, and compares their keys.
async fn compare<'a>(scanned: &'a Scanned, changes: &RefChanges<'a>) -> Vec<ChangedRef<'a>> {
    let inventory = &scanned.inventory;
    let by_digest = |digest: &str| {
        let mut refs = inventory.refs.iter();
        refs.find(|entry| entry.digest().to_string() == digest)
    };
    let mut changed = Vec::new();
    for (before, after) in &changes.changed {
        let previous = by_digest(&before.digest);
        let mut keys = None;
        if changed.len() < MOST_COMPARED
            && let (Some(old), Some(new)) = (previous, by_digest(&after.digest))
        {
            keys = compare_keys(scanned, old, new).await;
        }
        changed.push(ChangedRef {
            before,
            after,
            previous,
            keys,
        });
    }
    changed
}

async fn compare_keys(scanned: &Scanned, old: &RefEntry, new: &RefEntry) -> Option<KeyChanges> {
    let reader = &*scanned.opened.reader;
    let blobs = &scanned.inventory.blobs;
    let old = RefCache::load(reader, blobs, old).await.ok()?;
    let new = RefCache::load(reader, blobs, new).await.ok()?;
    let difference = Difference::between(&old, &new);
    Some(KeyChanges {
        same: difference.same,
        added: difference.added.len(),
        removed: difference.removed.len(),
        changed: difference.changed.len(),
        lost_results: difference.lost_results.len(),
    })
}

fn document<'a>(
    scanned: &Scanned,
    asked: Timestamp,
    (before, after): (&ScanRecord, &ScanRecord),
    changes: &RefChanges<'a>,
    changed: &[ChangedRef<'a>],
) -> Since<'a> {
    let fields = |list: &[&'a RefRecord]| list.iter().map(|entry| RefFields::new(entry)).collect();
    let changed = changed.iter().map(|changed| ChangedFields {
        name: &changed.after.name,
        before: RefFields::new(changed.before),
        after: RefFields::new(changed.after),
        previous: changed.previous.map(|entry| entry.name.as_str()),
        keys: changed.keys,
    });
    Since {
        source: scanned.opened.label(),
        moment: Moment {
            asked,
            scanned: before.at,
        },
        refs_added: fields(&changes.added),
        refs_removed: fields(&changes.removed),
        refs_changed: changed.collect(),
        refs_same: changes.same,
        bytes_before: before.stored_bytes,
        bytes_after: after.stored_bytes,
    }
}

fn page(
    scanned: &Scanned,
    (before, after): (&ScanRecord, &ScanRecord),
    changes: &RefChanges<'_>,
    changed: &[ChangedRef<'_>],
    now: Timestamp,
    paper: Paper,
) -> String {
    let shown = visible(&scanned.opened.source.to_string()).into_owned();
    let ago = Age::between(before.at, now).ago();
    let mut text = format!(
        "{shown} since the scan of {ago} ({})\n{} → {}: {} refs added, {} removed, {} changed, {} the same\n",
        before.at.strftime("%Y-%m-%d %H:%M UTC"),
        Size(before.stored_bytes),
        Size(after.stored_bytes),
        changes.added.len(),
        changes.removed.len(),
        changes.changed.len(),
        changes.same,
    );
    let table = change_table(changes, changed);
    if !(changes.added.is_empty() && changes.changed.is_empty() && changes.removed.is_empty()) {
        text.push('\n');
        text += &table.render(paper);
    }
    let mut previous = changed.iter().filter_map(|changed| {
        let previous = changed.previous?;
        Some((&previous.name, &changed.after.name))
    });
    if let Some((old, new)) = previous.next() {
        let label = scanned.opened.shown();
        let old = visible(old);
        let new = visible(new);
        text += &format!(
            "\n`cachelens diff {label}#{old} {label}#{new}` shows the steps that changed\n"
        );
    }
    text
}

impl KeyChanges {
    fn words(self) -> String {
        let parts = [
            (self.changed, "changed"),
            (self.added, "added"),
            (self.removed, "removed"),
            (self.lost_results, "lost their results"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if parts.is_empty() {
            format!("all {} the same", self.same)
        } else {
            parts.join(", ")
        }
    }
}

/// Says how `--since` is used.
pub(super) fn usage(since: Option<Duration>) -> Failure {
    match since {
        Some(since) => {
            let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
            let message = "--since compares one source with an earlier scan of itself";
            Failure::message(Exit::Usage, message)
                .hint(format!("name one, as in `cachelens diff ./cache --since {}`", Exact(since)))
        }
        None => Failure::message(Exit::Usage, "diff compares two refs, and one is named").hint(
            "name both, as in `cachelens diff ./cache#c07 ./cache#c08`, or compare with an earlier scan: `--since 7d`",
        ),
    }
}

fn change_table(changes: &RefChanges<'_>, changed: &[ChangedRef<'_>]) -> Table {
    let mut table = Table::new([
        ("", TableAlign::Left),
        ("REF", TableAlign::Left),
        ("BEFORE", TableAlign::Right),
        ("AFTER", TableAlign::Right),
        ("KEYS", TableAlign::Left),
    ]);
    for entry in &changes.added {
        table.row([
            TableCell::new("+").style(Style::Good),
            TableCell::new(&entry.name),
            TableCell::none(),
            TableCell::maybe(entry.bytes.map(Size)),
            TableCell::none(),
        ]);
    }
    for changed in changed {
        table.row([
            TableCell::new("~").style(Style::Strong),
            TableCell::new(&changed.after.name),
            TableCell::maybe(changed.before.bytes.map(Size)),
            TableCell::maybe(changed.after.bytes.map(Size)),
            TableCell::maybe(changed.keys.map(KeyChanges::words)),
        ]);
    }
    for entry in &changes.removed {
        table.row([
            TableCell::new("-").style(Style::Bad),
            TableCell::new(&entry.name),
            TableCell::maybe(entry.bytes.map(Size)),
            TableCell::none(),
            TableCell::none(),
        ]);
    }
    table
}

/// Removes the refs that a selector does not mean from the records of scans.
fn keep_selected(select: &RefSelector, records: [&mut ScanRecord; 2]) {
    let is_meant = |entry: &RefRecord| {
        let digest = entry.digest.parse().ok();
        select.selects(&entry.name, digest.as_ref())
    };
    for record in records {
        record
            .list
            .iter_mut()
            .for_each(|list| list.retain(is_meant));
    }
}
