//! `du --history`: how a source grew, by the records that scans left.

use std::fmt::Display;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::open::Scanned;
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::inventory::history::{ScanHistory, ScanRecord};
use crate::text::plural::one_or;
use crate::text::units::{Age, Size};

/// How many records text shows; JSON has all.
const SHOWN: usize = 30;

/// The `history` of a source in JSON.
#[derive(Serialize)]
pub(super) struct HistoryFields {
    records: Vec<HistoryRecord>,
    growth: Option<GrowthFields>,
    quota: Option<QuotaFields>,
    /// What could not be read of the records.
    skipped: Vec<String>,
}

#[derive(Serialize)]
struct HistoryRecord {
    at: Timestamp,
    refs: u64,
    stored_bytes: u64,
    live_bytes: u64,
    orphan_bytes: Option<u64>,
    missing_bytes: u64,
    trash_bytes: u64,
}

#[derive(Serialize)]
struct GrowthFields {
    bytes_per_day: i64,
    days: f64,
}

#[derive(Serialize)]
struct QuotaFields {
    limit_bytes: u64,
    full_at: Option<Timestamp>,
}

impl HistoryFields {
    pub(super) fn new(scanned: &Scanned) -> Self {
        let history = &scanned.past.history;
        let limit = history.records().last().and_then(|last| last.limit_bytes);
        Self {
            records: history.records().iter().map(HistoryRecord::new).collect(),
            growth: history.growth().map(|growth| GrowthFields {
                bytes_per_day: growth.bytes_per_day,
                days: (growth.over.as_secs_f64() / 8640.0).round() / 10.0,
            }),
            quota: limit.map(|limit_bytes| QuotaFields {
                limit_bytes,
                full_at: history.full_at(),
            }),
            skipped: scanned.past.skipped.clone(),
        }
    }
}

impl HistoryRecord {
    fn new(record: &ScanRecord) -> Self {
        Self {
            at: record.at,
            refs: record.refs,
            stored_bytes: record.stored_bytes,
            live_bytes: record.live_bytes,
            orphan_bytes: record.orphan_bytes,
            missing_bytes: record.missing_bytes,
            trash_bytes: record.trash_bytes,
        }
    }
}

/// Prints the records as a table, and what follows from them.
pub(super) fn print(scanned: &Scanned, now: Timestamp, paper: Paper) -> String {
    let history = &scanned.past.history;
    let shown = scanned.opened.shown();
    let count = history.records().len();
    if count == 0 {
        return format!("{shown}  no scan of it is recorded\n");
    }
    let scans = one_or(count, "scan", "scans");
    let mut text = format!("{shown}  {count} {scans}\n");
    text += &table(history, now, paper);
    let older = count.saturating_sub(SHOWN);
    if older > 0 {
        text += &format!("{older} older scans are in --json\n");
    }
    text + &outlook(history, now)
}

fn table(history: &ScanHistory, now: Timestamp, paper: Paper) -> String {
    let mut table = Table::new([
        ("SCANNED", TableAlign::Right),
        ("REFS", TableAlign::Right),
        ("STORED", TableAlign::Right),
        ("CHANGE", TableAlign::Right),
        ("LIVE", TableAlign::Right),
        ("ORPHAN", TableAlign::Right),
        ("MISSING", TableAlign::Right),
    ]);
    let records = history.records();
    let first = records.len().saturating_sub(SHOWN);
    for (place, record) in records.iter().enumerate().skip(first) {
        let before = place.checked_sub(1).and_then(|place| records.get(place));
        table.row([
            text(Age::between(record.at, now).ago()),
            text(record.refs),
            text(Size(record.stored_bytes)).style(Style::Strong),
            TableCell::maybe(before.map(|before| change(before.stored_bytes, record.stored_bytes))),
            text(Size(record.live_bytes)),
            match record.orphan_bytes {
                Some(bytes) => text(Size(bytes)),
                None => TableCell::new("?"),
            },
            match record.missing_bytes {
                0 => TableCell::none(),
                bytes => text(Size(bytes)).style(Style::Bad),
            },
        ]);
    }
    table.render(paper)
}

fn text(value: impl Display) -> TableCell {
    TableCell::new(value.to_string())
}

/// Says how fast the source grows, and when its quota is full.
fn outlook(history: &ScanHistory, now: Timestamp) -> String {
    let Some(growth) = history.growth() else {
        return "the growth per day is known when the scans cover a day\n".to_owned();
    };
    let size = Size(growth.bytes_per_day.unsigned_abs());
    let over = Age(growth.over);
    let mut text = match growth.bytes_per_day {
        0 => format!("it did not grow in {over}\n"),
        1.. => format!("it grows by {size} a day (over {over})\n"),
        _ => format!("it shrinks by {size} a day (over {over})\n"),
    };
    if let Some(full) = history.full_at() {
        let limit = history.records().last().and_then(|last| last.limit_bytes);
        let limit = Size(limit.unwrap_or_default());
        text += &if full <= now {
            format!("the quota of {limit} is full\n")
        } else {
            format!(
                "the quota of {limit} is full in {}\n",
                Age::between(now, full)
            )
        };
    }
    text
}

/// Returns how a number of bytes changed, with its sign.
fn change(before: u64, after: u64) -> String {
    let size = Size(after.abs_diff(before));
    match after.cmp(&before) {
        std::cmp::Ordering::Less => format!("-{size}"),
        std::cmp::Ordering::Equal => "=".to_owned(),
        std::cmp::Ordering::Greater => format!("+{size}"),
    }
}
