//! All details of a step, as text.

use jiff::Timestamp;

use super::{RefSteps, sign};
use crate::format::cache_config::RecordIndex;
use crate::format::digest::DigestText;
use crate::inventory::cache::{LayerDetail, RecordKind, RecordState};
use crate::inventory::labels::Certainty;
use crate::inventory::steps::{
    Alternative, ListStart, RecordStep, RowKind, StepDetail, StepRow, short,
};
use crate::text::escape::visible;
use crate::text::units::{Age, Size};
use crate::tui::rows::{Cell, DetailLine};
use crate::tui::theme::TextRole;

/// Returns all details of the step at `record`.
pub(super) fn of_step(
    steps: &RefSteps,
    part: usize,
    record: RecordIndex,
    now: Timestamp,
) -> Vec<DetailLine> {
    let cache = &steps.caches[part];
    let inner = &steps.parts[part];
    let Some(detail) = StepDetail::new(&steps.inventory, cache, &inner.tree, &inner.users, record)
    else {
        return Vec::new();
    };
    let step = &detail.step;
    let mut lines = vec![DetailLine::Text(Cell::new(
        step.title().into_owned(),
        TextRole::Strong,
    ))];
    places(step, &mut lines);
    lines.push(DetailLine::Blank);
    state(steps, &detail, &mut lines);
    if let Some(created) = step.detail.created {
        fact(
            &mut lines,
            "created",
            format!("{}, {created:.0}", Age::between(created, now).ago()),
        );
    }
    fact(&mut lines, "key", step.record.digest.to_string());
    if step.is_guessed() {
        let words = "~ by its operation alone: another build applied it to something else";
        lines.push(DetailLine::Fact(
            "named",
            Cell::new(words, TextRole::Unsure),
        ));
    } else if step
        .label
        .is_some_and(|label| label.certainty == Certainty::Assumed)
    {
        fact(
            &mut lines,
            "named",
            "by its key, as far as the keys of its files are known",
        );
    }
    chain(&detail, &mut lines);
    inputs(steps, part, &detail, &mut lines);
    let used_by = detail
        .users
        .items
        .iter()
        .map(|user| name(steps, part, *user));
    list(&mut lines, "Used by", used_by, detail.users.more);
    kept(steps, part, &detail, &mut lines);
    lines
}

/// Returns the sums of a group of steps.
pub(super) fn of_group(steps: &RefSteps, part: usize, place: usize) -> Vec<DetailLine> {
    let rows = &steps.parts[part].tree.rows;
    let head = &rows[place];
    let (title, about) = match &head.kind {
        RowKind::Stage(stage) => (format!("stage {}", stage.name), ""),
        _ => (
            "steps without a name".to_owned(),
            "The build behind the names knows nothing of these: other builds, or earlier states of its files, left them.",
        ),
    };
    let inside = rows[place + 1..].iter().take(head.below as usize);
    let mut lines = vec![DetailLine::Text(Cell::new(title, TextRole::Strong))];
    if !about.is_empty() {
        lines.push(DetailLine::Text(Cell::new(about, TextRole::Dim)));
    }
    lines.push(DetailLine::Blank);
    let records = inside
        .filter(|row| matches!(row.kind, RowKind::Step(_)))
        .filter_map(StepRow::record);
    sums(steps, part, records, &mut lines);
    lines
}

/// Returns the sums of the configuration of one platform.
pub(super) fn of_part(steps: &RefSteps, part: usize) -> Vec<DetailLine> {
    let cache = &steps.caches[part];
    let title = cache.platform.clone().unwrap_or_else(|| "cache".to_owned());
    let mut lines = vec![
        DetailLine::Text(Cell::new(title, TextRole::Strong)),
        DetailLine::Blank,
    ];
    fact(&mut lines, "config", cache.config.to_string());
    if let Some(refusal) = cache.refusal {
        lines.push(DetailLine::Text(Cell::new(
            format!("BuildKit refuses it: {refusal}"),
            TextRole::Error,
        )));
    }
    let rows = steps.parts[part].tree.rows.iter();
    let records = rows
        .filter(|row| matches!(row.kind, RowKind::Step(_)))
        .filter_map(StepRow::record);
    sums(steps, part, records, &mut lines);
    lines
}

fn sums(
    steps: &RefSteps,
    part: usize,
    records: impl Iterator<Item = RecordIndex>,
    lines: &mut Vec<DetailLine>,
) {
    let mut results = 0u64;
    let mut keys = 0u64;
    let mut broken = 0u64;
    let mut bytes = 0u64;
    for step in records
        .filter_map(|record| steps.step_at(part, record))
        .filter(|step| !step.is_source())
    {
        match step.detail.state {
            RecordState::Result => results += 1,
            RecordState::KeyOnly => keys += 1,
            RecordState::Broken => broken += 1,
        }
        bytes = bytes.saturating_add(step.sizes().map_or(0, |sizes| sizes.layer_bytes));
    }
    let counted = [
        (results, "✓", TextRole::Good, "with a result"),
        (keys, "○", TextRole::Dim, "key only"),
        (broken, "!", TextRole::Missing, "broken"),
    ];
    for (count, sign, role, words) in counted.into_iter().filter(|(count, ..)| *count > 0) {
        lines.push(DetailLine::Text(
            Cell::new(sign, role).and(format!(" {count} {words}"), TextRole::Text),
        ));
    }
    fact(lines, "layers", format!("{} of their own", Size(bytes)));
}

fn fact(
    lines: &mut Vec<DetailLine>,
    name: &'static str,
    value: impl Into<std::borrow::Cow<'static, str>>,
) {
    lines.push(DetailLine::Fact(name, Cell::text(value)));
}

/// Adds the items of a list below its heading.
fn list(
    lines: &mut Vec<DetailLine>,
    heading: &'static str,
    items: impl Iterator<Item = Cell>,
    more: usize,
) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    lines.extend([DetailLine::Blank, DetailLine::Heading(heading.into())]);
    lines.extend(items.map(DetailLine::Text));
    and_more(lines, more);
}

fn and_more(lines: &mut Vec<DetailLine>, more: usize) {
    if more > 0 {
        lines.push(DetailLine::Text(Cell::new(
            format!("… and {more} more"),
            TextRole::Dim,
        )));
    }
}

fn places(step: &RecordStep<'_>, lines: &mut Vec<DetailLine>) {
    for place in step.label.iter().flat_map(|label| &label.places) {
        let stage = place
            .stage
            .as_ref()
            .map(|stage| format!(" · stage {stage}"))
            .unwrap_or_default();
        let text = format!("{}:{}{stage}", place.file, place.first_line);
        lines.push(DetailLine::Text(Cell::new(
            visible(&text).into_owned(),
            TextRole::Dim,
        )));
    }
}

fn state(steps: &RefSteps, detail: &StepDetail<'_>, lines: &mut Vec<DetailLine>) {
    let step = &detail.step;
    let words = match step.detail.state {
        RecordState::Result => "its result can be loaded".to_owned(),
        RecordState::KeyOnly if step.is_source() => "a source: it only has a key".to_owned(),
        RecordState::KeyOnly => {
            "only its key is left: later steps match by it, and it runs again when it is needed"
                .to_owned()
        }
        RecordState::Broken if !steps.is_settled() => "not known before the scan ends".to_owned(),
        RecordState::Broken if detail.chain.count() == 0 => {
            "BuildKit refuses the whole cache".to_owned()
        }
        RecordState::Broken => match detail.missing.count() {
            1 => "a blob of its result is missing: a build that loads it fails".to_owned(),
            count => {
                format!("{count} blobs of its result are missing: a build that loads it fails")
            }
        },
    };
    let (sign, role) = sign(step, steps);
    let words = if sign == " " {
        words
    } else {
        format!("{sign} {words}")
    };
    lines.push(DetailLine::Fact("state", Cell::new(words, role)));
    if steps.is_settled() {
        for missing in &detail.missing.items {
            lines.push(DetailLine::Fact(
                "missing",
                Cell::new(missing.to_string(), TextRole::Missing),
            ));
        }
        and_more(lines, detail.missing.more);
    }
}

fn chain(detail: &StepDetail<'_>, lines: &mut Vec<DetailLine>) {
    let Some(((_, top, known), sizes)) = detail.chain.items.first().zip(detail.step.sizes()) else {
        return;
    };
    lines.extend([DetailLine::Blank, DetailLine::Heading("Layer".into())]);
    fact(lines, "blob", top.blob.to_string());
    if let Some(diff_id) = &known.diff_id {
        fact(lines, "unpacked", diff_id.to_string());
    }
    let kind = compression(known);
    if !kind.is_empty() {
        fact(lines, "type", kind);
    }
    if let Some(created) = known.created.filter(|made| {
        detail.step.detail.created.map(Timestamp::as_second) != Some(made.as_second())
    }) {
        fact(lines, "made", format!("{created:.0}"));
    }
    if let Some(exclusive) = sizes.exclusive_bytes {
        fact(
            lines,
            "only here",
            format!("{} of its chain", Size(exclusive)),
        );
    }
    let heading = match sizes.depth {
        1 => format!("Chain of 1 layer, {}", Size(sizes.bytes)),
        depth => format!("Chain of {depth} layers, {}", Size(sizes.bytes)),
    };
    lines.extend([DetailLine::Blank, DetailLine::Heading(heading.into())]);
    for (_, layer, known) in &detail.chain.items {
        let size = known.bytes.map_or_else(
            || super::UNKNOWN.to_owned(),
            |bytes| Size(bytes).to_string(),
        );
        let cell = Cell::text(format!("{size:>9}  ")).and(short(&layer.blob), TextRole::Text);
        let role = if detail.missing.items.contains(&layer.blob) {
            TextRole::Missing
        } else {
            TextRole::Dim
        };
        let words = if role == TextRole::Missing {
            "  ! missing".to_owned()
        } else {
            format!("  {}", compression(known))
        };
        lines.push(DetailLine::Text(cell.and(words, role)));
    }
    and_more(lines, detail.chain.more);
}

/// Returns the end of a media type, which shows the compression.
fn compression(layer: &LayerDetail) -> String {
    let end = layer
        .media_type
        .rsplit("layer.v1.")
        .next()
        .unwrap_or_default();
    visible(end).into_owned()
}

fn inputs(steps: &RefSteps, part: usize, detail: &StepDetail<'_>, lines: &mut Vec<DetailLine>) {
    let ListStart { items, more } = &detail.inputs;
    if items.is_empty() {
        return;
    }
    lines.extend([DetailLine::Blank, DetailLine::Heading("Inputs".into())]);
    for (number, alternatives) in (1..).zip(items) {
        for (place, alternative) in alternatives.items.iter().enumerate() {
            let lead = if place == 0 {
                format!("{number}  ")
            } else {
                "   or ".to_owned()
            };
            let mut line = Cell::new(lead, TextRole::Dim);
            line.0.extend(input(steps, part, alternative).0);
            lines.push(DetailLine::Text(line));
        }
        and_more(lines, alternatives.more);
    }
    and_more(lines, *more);
}

fn input(steps: &RefSteps, part: usize, alternative: &Alternative<'_>) -> Cell {
    let Some(record) = alternative.record else {
        return Cell::new("! a record that is not there", TextRole::Missing);
    };
    if alternative.is_content {
        let key = steps.caches[part]
            .graph
            .record(record)
            .map(|record| short(&record.digest))
            .unwrap_or_default();
        return Cell::text("files by their content").and(format!(" · {key}"), TextRole::Dim);
    }
    let part_of = match alternative.selector {
        None => String::new(),
        Some(selector)
            if *selector == DigestText::Valid(crate::format::digest::Digest::of(b"/")) =>
        {
            " · all of it".to_owned()
        }
        Some(selector) => format!(" · paths {}", short(selector)),
    };
    name(steps, part, record).and(part_of, TextRole::Dim)
}

fn name(steps: &RefSteps, part: usize, record: RecordIndex) -> Cell {
    let Some(step) = steps.step_at(part, record) else {
        return Cell::default();
    };
    let (sign, role) = sign(&step, steps);
    let lead = if step.detail.kind == RecordKind::Root {
        Cell::default()
    } else {
        Cell::new(format!("{sign} "), role)
    };
    lead.and(step.title().into_owned(), TextRole::Text)
}

/// Adds the refs that keep the top layer in the store, and the path to it from this ref.
fn kept(steps: &RefSteps, part: usize, detail: &StepDetail<'_>, lines: &mut Vec<DetailLine>) {
    let (Some(entry), Some((_, layer, _))) = (steps.entry(), detail.chain.items.first()) else {
        return;
    };
    let count = u32::try_from(detail.kept_by.count()).unwrap_or(u32::MAX);
    if count == 0 {
        return;
    }
    let names = detail
        .kept_by
        .items
        .iter()
        .filter_map(|id| steps.inventory.get_ref(*id));
    let names = names.map(|kept| Cell::text(visible(&kept.name).into_owned()));
    let is_missing = detail.missing.items.contains(&layer.blob) && steps.is_settled();
    let (heading, words) = kept_in_words(count, is_missing);
    let items = std::iter::once(Cell::new(words, TextRole::Dim)).chain(names);
    list(lines, heading, items, detail.kept_by.more);
    lines.push(DetailLine::Blank);
    let config = steps.caches[part].config.short(8);
    let way = [
        (visible(&entry.name).into_owned(), "ref"),
        (
            short(entry.digest()),
            if entry.kind.word() == "cache" {
                "manifest"
            } else {
                "image"
            },
        ),
        (config, "config"),
        (
            format!(
                "{} · {}",
                detail.step.index.0,
                short(&detail.step.record.digest)
            ),
            "record",
        ),
        (short(&layer.blob), "layer"),
    ];
    for (place, (what, word)) in way.into_iter().enumerate() {
        let lead = if place == 0 {
            String::new()
        } else {
            format!("{}└ ", "  ".repeat(place - 1))
        };
        lines.push(DetailLine::Text(
            Cell::new(format!("{lead}{word} "), TextRole::Dim).and(what, TextRole::Text),
        ));
    }
}

/// Returns a heading and a sentence about the refs that lead to a layer.
fn kept_in_words(count: u32, is_missing: bool) -> (&'static str, String) {
    if is_missing {
        (
            "Missed by",
            format!(
                "{} to the layer, which is not there",
                if count == 1 {
                    "1 ref leads".to_owned()
                } else {
                    format!("{count} refs lead")
                }
            ),
        )
    } else {
        (
            "Kept by",
            format!(
                "the layer is kept while {} is",
                if count == 1 {
                    "this ref".to_owned()
                } else {
                    format!("one of {count} refs")
                }
            ),
        )
    }
}
