//! How a source changed since it was scanned before.

use jiff::{SignedDuration, Timestamp};

use crate::inventory::history::ScanHistory;
use crate::text::units::{Age, Size, grouped};
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::theme::TextRole;
use crate::tui::widget::histogram;

/// From this width on there is room for the changes, and for a trend next to them.
const CHANGE_FROM: u16 = 90;
const TREND_FROM: u16 = 110;
/// How many bars a trend has in the list, and in the details.
const BARS: usize = 8;
const MORE_BARS: usize = 24;

/// Describes the changes since last time, with a trend where there is room. Empty for the first
/// scan.
pub(super) fn line(history: &ScanHistory, width: u16) -> Cell {
    let Some((before, last)) = history.last_two().filter(|_| width >= CHANGE_FROM) else {
        return Cell::default();
    };
    let between = last.at.duration_since(before.at);
    // Two scans within a minute are one visit.
    if between < SignedDuration::from_mins(1) {
        return Cell::default();
    }
    let ago = Age(between);
    let change = change(before.stored_bytes, last.stored_bytes);
    let line = Cell::new(format!(" · {change} in {ago}"), TextRole::Dim);
    let trend = history.trend(BARS);
    if trend.is_empty() || width < TREND_FROM {
        return line;
    }
    line.and(" ", TextRole::Dim)
        .and(histogram::bars(&trend), TextRole::Title)
}

/// Adds the changes since last time, how fast the source grows, and when its quota is full.
pub(super) fn details(history: &ScanHistory, now: Timestamp, details: &mut Vec<DetailLine>) {
    let Some((before, last)) = history.last_two() else {
        return;
    };
    details.extend([
        DetailLine::Blank,
        DetailLine::Heading("Since last time".into()),
    ]);
    let ago = Age::between(before.at, now).ago();
    details.push(DetailLine::Fact("scanned", Cell::text(ago.to_string())));
    let change = change(before.stored_bytes, last.stored_bytes);
    let refs = match (before.refs, last.refs) {
        (before, after) if before == after => "as many refs".to_owned(),
        (before, after) if before < after => format!("{} refs more", grouped(after - before)),
        (before, after) => format!("{} refs fewer", grouped(before - after)),
    };
    details.push(DetailLine::Fact(
        "change",
        Cell::text(format!("{change}, {refs}")),
    ));
    if let Some(growth) = history.growth() {
        let size = Size(growth.bytes_per_day.unsigned_abs());
        let sign = if growth.bytes_per_day < 0 { "-" } else { "+" };
        let words = format!("{sign}{size} a day, over {}", Age(growth.over));
        details.push(DetailLine::Fact("growth", Cell::text(words)));
    }
    if let Some(full) = history.full_at() {
        let words = if full <= now {
            "full now".to_owned()
        } else {
            format!("full in {}", Age::between(now, full))
        };
        details.push(DetailLine::Fact(
            "quota",
            Cell::new(words, TextRole::Warning),
        ));
    }
    let trend = history.trend(MORE_BARS);
    if let (false, Some(first)) = (trend.is_empty(), history.records().first()) {
        let since = format!("  since {}", Age::between(first.at, now).ago());
        let bars = Cell::new(histogram::bars(&trend), TextRole::Title).and(since, TextRole::Dim);
        details.push(DetailLine::Fact("trend", bars));
    }
}

/// Returns how a number of bytes changed, with its sign.
fn change(before: u64, after: u64) -> String {
    let size = Size(after.abs_diff(before));
    match after.cmp(&before) {
        std::cmp::Ordering::Less => format!("-{size}"),
        std::cmp::Ordering::Equal => "no change".to_owned(),
        std::cmp::Ordering::Greater => format!("+{size}"),
    }
}
