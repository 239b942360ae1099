//! The pictures of a page: areas of blobs, exports over time, and the stages of a build.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::{size, text};
use crate::report::page::build::{BuildPart, StepPart};
use crate::report::page::treemap::{Area, layout};
use crate::report::page::{RefPart, SourcePart};
use crate::text::shortened;
use crate::text::units::{Age, Size};

/// The size of a treemap in its own units.
const MAP: Area = Area {
    x: 0.0,
    y: 0.0,
    width: 960.0,
    height: 280.0,
};
/// How many refs have an area of their own in the treemap of refs.
const MOST_AREAS: usize = 40;
/// How many refs have a line of exports.
const MOST_LINES: usize = 40;
/// The width of the names of the timeline, and of all of it.
const NAMES: f64 = 220.0;
const WIDTH: f64 = 960.0;
const LINE: f64 = 26.0;

/// The ages that a picture tells apart: upper bound in hours, class, words.
const AGES: [(i64, &str, &str); 5] = [
    (24, "a0", "under a day"),
    (24 * 7, "a1", "under a week"),
    (24 * 30, "a2", "under 30 days"),
    (24 * 90, "a3", "under 90 days"),
    (i64::MAX, "a4", "older"),
];

/// A rectangle of a treemap.
struct PictureTile {
    label: String,
    title: String,
    class: String,
    bytes: u64,
}

/// Draws the bytes of only one ref, shared bytes, and waste.
pub(super) fn holders(source: &SourcePart, written: &mut String) {
    let mut exclusive: Vec<(&str, u64)> = source
        .refs
        .iter()
        .filter_map(|part| Some((&*part.name, part.exclusive?)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    exclusive.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let alone: u64 = exclusive.iter().map(|(_, bytes)| bytes).sum();
    let others: u64 = exclusive
        .iter()
        .skip(MOST_AREAS)
        .map(|(_, bytes)| bytes)
        .sum();
    let mut tiles: Vec<PictureTile> = exclusive
        .iter()
        .take(MOST_AREAS)
        .map(|(name, bytes)| tile(&format!("only in {name}"), "live", *bytes))
        .collect();
    for state in source.states.iter().filter(|state| state.is_stored) {
        let bytes = state.tally.map_or(0, |tally| tally.bytes);
        if state.word == "live" {
            tiles.push(tile("only in one of the other refs", "live", others));
            let shared = bytes.saturating_sub(alone);
            tiles.push(tile("in several refs", "shared", shared));
        } else {
            tiles.push(tile(state.word, state.word, bytes));
        }
    }
    treemap("Bytes by ref", tiles, written);
}

fn tile(label: &str, class: &str, bytes: u64) -> PictureTile {
    PictureTile {
        label: label.to_owned(),
        title: format!("{label}: {}", Size(bytes)),
        class: class.to_owned(),
        bytes,
    }
}

/// Draws the stored objects by size, state and age.
pub(super) fn objects(source: &SourcePart, now: Timestamp, written: &mut String) {
    let mut tiles: Vec<PictureTile> = source
        .areas
        .iter()
        .map(|part| {
            let class = part.modified.map_or("", |time| age_class(time, now));
            let age = part
                .modified
                .map(|time| Age::between(time, now).to_string());
            let age = age.as_deref().unwrap_or("age unknown");
            PictureTile {
                label: format!("{} {age}", part.state),
                title: format!("{}: {}, {}, {age}", part.name, part.state, Size(part.bytes)),
                class: format!("{} {class}", part.state),
                bytes: part.bytes,
            }
        })
        .collect();
    for (state, tally) in &source.small {
        let label = format!("{} smaller ones, {state}", tally.count);
        tiles.push(tile(&label, state, tally.bytes));
    }
    if tiles.len() < 2 {
        return;
    }
    treemap("Objects by size, state and age", tiles, written);
    *written += "<p class=\"legend\">";
    for (_, class, words) in AGES {
        let _ = write!(
            written,
            "<span><i class=\"live {class}\"></i>{words}</span>"
        );
    }
    *written += "</p>\n";
}

fn age_class(time: Timestamp, now: Timestamp) -> &'static str {
    let hours = now.duration_since(time).as_hours();
    let bucket = AGES.iter().find(|(bound, _, _)| hours < *bound);
    bucket.map_or("", |(_, class, _)| class)
}

fn treemap(heading: &str, mut tiles: Vec<PictureTile>, written: &mut String) {
    tiles.retain(|tile| tile.bytes > 0);
    tiles.sort_by_key(|tile| std::cmp::Reverse(tile.bytes));
    if tiles.len() < 2 {
        return;
    }
    let sizes: Vec<u64> = tiles.iter().map(|tile| tile.bytes).collect();
    let _ = writeln!(
        written,
        "<h3>{heading}</h3>\n<div class=\"picture\"><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"areas in proportion to bytes\">",
        MAP.width, MAP.height
    );
    for (tile, area) in tiles.iter().zip(layout(&sizes, MAP)) {
        let _ = write!(
            written,
            "<g><title>{}</title><rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            text(&tile.title),
            tile.class,
            area.x,
            area.y,
            area.width,
            area.height
        );
        // About seven units a character. A label that would be cut is left out.
        let label = text(&tile.label);
        let room = area.width / 7.0;
        if area.height > 20.0 && room > label.chars().count() as f64 + 2.0 {
            let x = area.x + 6.0;
            let y = area.y + 16.0;
            let _ = write!(written, "<text x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>");
        }
        *written += "</g>\n";
    }
    *written += "</svg></div>\n";
}

/// Draws the exports of each ref over time. A hollow mark has lost results.
pub(super) fn timeline(source: &SourcePart, now: Timestamp, written: &mut String) {
    let mut lines: Vec<(&str, Vec<(&RefPart, Timestamp)>)> = Vec::new();
    for part in &source.refs {
        let Some(created) = part.created else {
            continue;
        };
        let name = base_name(&part.name);
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, exports)) => exports.push((part, created)),
            None => lines.push((name, vec![(part, created)])),
        }
    }
    let newest = |exports: &[(&RefPart, Timestamp)]| exports.iter().map(|(_, time)| *time).max();
    lines.sort_by(|(a_name, a), (b_name, b)| (newest(b), a_name).cmp(&(newest(a), b_name)));
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    let times = || {
        lines
            .iter()
            .flat_map(|(_, exports)| exports)
            .map(|(_, time)| *time)
    };
    let Some(first) = times().min() else {
        return;
    };
    let last = times().max().unwrap_or(now).max(now);
    let height = LINE * (lines.len() as f64 + 1.0);
    let _ = writeln!(
        written,
        "<h3>Exports over time</h3>\n<div class=\"picture\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"exports of each ref over time\">"
    );
    axis(first, last, height, written);
    for (row, (name, exports)) in (0..).zip(&lines) {
        let y = LINE * (f64::from(row) + 0.6);
        let short = shortened(name, 28);
        let _ = writeln!(
            written,
            "<g><title>{}</title><text class=\"axis\" x=\"0\" y=\"{:.1}\">{}</text></g><line x1=\"{NAMES}\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/>",
            text(name),
            y + 4.0,
            text(&short)
        );
        for (part, time) in exports {
            mark(part, *time, place(*time, first, last), y, now, written);
        }
    }
    *written += "</svg></div>\n<p class=\"legend\"><span>● every step has its result</span><span>○ some results are gone, only keys are left</span>";
    if more > 0 {
        let _ = write!(written, "<span>and {more} more refs</span>");
    }
    *written += "</p>\n";
}

/// Returns the name of a ref without the number of its previous version, as in `main~2`.
fn base_name(name: &str) -> &str {
    match name.rsplit_once('~') {
        Some((base, number)) if number.chars().all(|digit| digit.is_ascii_digit()) => base,
        _ => name,
    }
}

/// Returns where a time lies on the axis.
fn place(time: Timestamp, first: Timestamp, last: Timestamp) -> f64 {
    let all = last.duration_since(first).as_secs_f64();
    let share = if all > 0.0 {
        time.duration_since(first).as_secs_f64() / all
    } else {
        1.0
    };
    NAMES + 12.0 + share * (WIDTH - NAMES - 24.0)
}

fn axis(first: Timestamp, last: Timestamp, height: f64, written: &mut String) {
    let all = last.duration_since(first);
    let steps = if all < SignedDuration::from_hours(48) {
        1
    } else {
        4
    };
    for step in 0..=steps {
        let time = first
            .checked_add(all.checked_mul(step).unwrap_or_default() / steps)
            .unwrap_or(last);
        let x = place(time, first, last);
        let anchor = match step {
            0 => "start",
            _ if step == steps => "end",
            _ => "middle",
        };
        let _ = writeln!(
            written,
            "<text class=\"axis\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            height - 6.0,
            time.strftime("%Y-%m-%d")
        );
    }
}

fn mark(part: &RefPart, time: Timestamp, x: f64, y: f64, now: Timestamp, written: &mut String) {
    let (class, records) = match part.records {
        Some((results, 0)) => ("whole", format!(", {results} results")),
        Some((results, keys)) => ("thin", format!(", {results} results, {keys} keys only")),
        None => ("thin", String::new()),
    };
    let class = if part.is_broken { "gone" } else { class };
    let _ = writeln!(
        written,
        "<g><title>{}: {}, {}{records}</title><circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/></g>",
        text(&part.name),
        Age::between(time, now).ago(),
        size(part.bytes)
    );
}

/// Draws the stages of a build with the verdict of each step.
pub(super) fn stages(build: &BuildPart, written: &mut String) {
    let heading = if build.is_explained {
        "The build against"
    } else {
        "The steps in"
    };
    let _ = writeln!(
        written,
        "<h3>{heading} {}</h3>\n<p>{}</p>\n<div class=\"stages\">",
        text(&build.name),
        text(&build.summary)
    );
    let longest = build.longest();
    for stage in &build.stages {
        let name = if stage.name.is_empty() {
            "other steps"
        } else {
            &stage.name
        };
        let _ = write!(written, "<div class=\"stage\"><h4>{}</h4>", text(name));
        if !stage.needs.is_empty() {
            let needs = text(&stage.needs.join(", "));
            let _ = write!(written, "<p class=\"note\">← {needs}</p>");
        }
        *written += "<ol>\n";
        for step in &stage.steps {
            one_step(step, longest, written);
        }
        *written += "</ol></div>\n";
    }
    *written += "</div>\n<p class=\"legend\">";
    let words = if build.is_explained {
        ["✓ hit", "✗ runs", "? undecided"].as_slice()
    } else {
        ["✓ result stored", "✗ only the key is left"].as_slice()
    };
    for word in words {
        let _ = write!(written, "<span>{word}</span>");
    }
    *written += "</p>\n";
    if build.more > 0 {
        let _ = writeln!(
            written,
            "<p class=\"note\">and {} more steps</p>",
            build.more
        );
    }
    for note in &build.notes {
        let _ = writeln!(written, "<p class=\"note\">{}</p>", text(note));
    }
}

fn one_step(step: &StepPart, longest: f64, written: &mut String) {
    let place = step.place.as_deref().unwrap_or_default();
    let _ = write!(
        written,
        "<li class=\"{}\"><b>{}</b> <code>{}</code>",
        step.verdict.word(),
        step.verdict.sign(),
        text(&step.title)
    );
    if !place.is_empty() {
        let _ = write!(written, " <span class=\"note\">{}</span>", text(place));
    }
    if longest > 0.0
        && let Some(seconds) = step.seconds
    {
        let share = seconds / longest * 100.0;
        let _ = write!(
            written,
            "<span class=\"time\"><span style=\"width:{share:.0}%\"></span></span><span class=\"note\">{seconds:.1} s</span>"
        );
    }
    if let Some(why) = &step.why {
        let _ = write!(written, "<br><span class=\"note\">{}</span>", text(why));
    }
    *written += "</li>\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_versions_share_a_line() {
        let cases = [
            ("main~2", "main"),
            ("main", "main"),
            ("a~b", "a~b"),
            ("a~b~1", "a~b"),
        ];
        for (name, base) in cases {
            assert_eq!(base_name(name), base);
        }
    }

    #[test]
    fn times_are_within_the_picture() {
        let first: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let last: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        let middle: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let places = [first, middle, last].map(|time| place(time, first, last));
        assert!(places[0] > NAMES && places[2] < WIDTH, "{places:?}");
        assert!(
            (places[1] * 2.0 - places[0] - places[2]).abs() < 1e-6,
            "{places:?}"
        );
        let only = place(first, first, first);
        assert!((only - places[2]).abs() < 1e-6, "{only}");
    }
}
