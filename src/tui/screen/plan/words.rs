//! The text above the items of a plan, and in place of them.

use super::MOST_WARNINGS;
use crate::prune::plan::{BlobFate, ItemKind, ItemReason, PlanWarning, StoreReason};
use crate::text::plural::{counted_in_groups as count, one_or};
use crate::text::units::grouped;
use crate::text::units::{Exact, Size};
use crate::tui::pruning::{PlanSection, Planned};
use crate::tui::rows::{Cell, UNKNOWN, moment};
use crate::tui::theme::TextRole;
use crate::tui::widget::text;

pub(super) mod question;

/// From this width on there is space for whole sentences.
const WIDE: u16 = 104;
/// From this width on there is space for short sentences.
const NARROW: u16 = 70;

/// Returns the number of lines of the head, including the rule below it.
pub(super) fn height(planned: &Planned) -> u16 {
    let warnings = notes(planned).len().min(MOST_WARNINGS);
    5 + u16::try_from(warnings).unwrap_or_default()
}

/// Returns the lines of the head: totals, waiting items, the proof, warnings, and the parts.
pub(super) fn head(planned: &Planned, part: PlanSection, width: u16) -> Vec<Cell> {
    let mut lines = vec![
        totals(planned, width),
        waits(planned, width),
        checked(planned, width),
    ];
    let mut parts = parts(planned, part);
    let keeps = keeps(planned);
    // A line without room for it leaves it to the next one.
    match lines.iter_mut().find(|line| fits(line, &keeps, width)) {
        Some(line) => *line = right(std::mem::take(line), keeps, width),
        // The parts have the number of refs.
        None => parts = right(parts, kept_bytes(planned), width),
    }
    let warnings = notes(planned);
    lines.extend(warnings.iter().take(MOST_WARNINGS).map(|warning| {
        let more = warnings.len().saturating_sub(MOST_WARNINGS);
        let cell = Cell::new("! ", TextRole::Warning).and(warning.clone(), TextRole::Warning);
        if more > 0 && warnings.get(MOST_WARNINGS - 1) == Some(warning) {
            cell.and(format!(" (and {more} more)"), TextRole::Dim)
        } else {
            cell
        }
    }));
    lines.push(parts);
    lines
}

/// Returns the warnings of a plan, and the findings that its repair cannot fix.
fn notes(planned: &Planned) -> Vec<String> {
    let not_fixed = planned.plan.not_fixed().unwrap_or_default().iter();
    let not_fixed = not_fixed.map(|item| {
        let of = item.ref_name.as_ref();
        let of = of.map_or_else(String::new, |name| format!(" of {name}"));
        format!("{}{of} is not fixed: {}", item.code, item.why)
    });
    let warnings = planned.plan.warnings().iter().map(ToString::to_string);
    warnings.chain(not_fixed).collect()
}

/// Returns the deletions, as in `22 refs · 61,204 blobs`.
fn goes(planned: &Planned) -> Vec<String> {
    let results = if planned.plan.not_fixed().is_some() {
        (ItemKind::Results, "ref written again", "refs written again")
    } else {
        (ItemKind::Results, "ref loses results", "refs lose results")
    };
    let kinds = [
        (ItemKind::Ref, "ref", "refs"),
        results,
        (ItemKind::Blob, "blob", "blobs"),
        (ItemKind::Partial, "unfinished upload", "unfinished uploads"),
        (ItemKind::Object, "from the trash", "from the trash"),
        (ItemKind::Entry, "entry", "entries"),
    ];
    let counts = kinds.map(|(kind, one, many)| (planned.count(kind), one, many));
    let there = counts.into_iter().filter(|(number, ..)| *number > 0);
    there
        .map(|(number, one, many)| count(number, one, many))
        .collect()
}

fn totals(planned: &Planned, width: u16) -> Cell {
    let plan = &planned.plan;
    let goes = goes(planned);
    let verb = if plan.not_fixed().is_some() {
        "repairs  "
    } else {
        "deletes  "
    };
    let cell = Cell::new(verb, TextRole::Dim);
    match goes.as_slice() {
        [] if plan.restored().is_empty() => cell.and("nothing", TextRole::Strong),
        [] => cell.and(
            format!(
                "nothing, and restores {}",
                count(plan.restored().len() as u64, "blob", "blobs")
            ),
            TextRole::Strong,
        ),
        _ => {
            let mut goes = goes.join(" · ");
            if width < NARROW {
                goes = goes.replace("unfinished upload", "upload");
            }
            frees(cell.and(goes, TextRole::Strong), planned, width)
        }
    }
}

/// Returns the bytes of the kept refs.
fn kept_bytes(planned: &Planned) -> Cell {
    Cell::new("keeps ", TextRole::Dim).and_all(live_bytes(planned))
}

fn live_bytes(planned: &Planned) -> Cell {
    if planned.plan.is_withheld() {
        Cell::new(UNKNOWN, TextRole::Unsure)
    } else {
        Cell::new(Size(planned.plan.live().bytes).to_string(), TextRole::Live)
    }
}

/// Returns the number of kept refs, and their bytes.
fn keeps(planned: &Planned) -> Cell {
    let plan = &planned.plan;
    let refs = plan
        .keep()
        .iter()
        .filter(|kept| kept.kind == ItemKind::Ref)
        .count() as u64;
    Cell::new("keeps ", TextRole::Dim)
        .and(count(refs, "ref", "refs"), TextRole::Strong)
        .and(" · ", TextRole::Dim)
        .and_all(live_bytes(planned))
}

/// Adds the freed space, and the part of it that is freed only when the trash is emptied.
fn frees(cell: Cell, planned: &Planned, width: u16) -> Cell {
    let moved = planned.moved;
    let freed = planned.plan.frees_bytes().saturating_sub(moved.bytes);
    let is_repair = planned.plan.not_fixed().is_some();
    let later = planned.plan.frees_later();
    if freed == 0 && moved.count == 0 && later.at.is_some() && !is_repair {
        return cell
            .and("  frees ", TextRole::Dim)
            .and(Size(later.bytes).to_string(), TextRole::Orphan)
            .and(" in two steps", TextRole::Dim);
    }
    let cell = if freed > 0 || (moved.count == 0 && !is_repair) {
        cell.and("  frees ", TextRole::Dim)
            .and(Size(freed).to_string(), TextRole::Orphan)
    } else {
        cell
    };
    match moved.count {
        0 => cell,
        _ => cell
            .and("  ", TextRole::Dim)
            .and(Size(moved.bytes).to_string(), TextRole::Orphan)
            .and(
                if width < NARROW {
                    " to trash"
                } else {
                    " to the trash"
                },
                TextRole::Dim,
            ),
    }
}

/// Returns whether two cells have room at both ends of a line.
fn fits(left: &Cell, right: &Cell, width: u16) -> bool {
    text::cell_width(left) + text::cell_width(right) + 2 <= width
}

/// Puts two cells at both ends of a line; without room, the left one alone.
fn right(left: Cell, right: Cell, width: u16) -> Cell {
    let used = text::cell_width(&left);
    let needed = text::cell_width(&right);
    match width.checked_sub(used + needed).filter(|room| *room >= 2) {
        Some(room) => left
            .and(" ".repeat(room.into()), TextRole::Text)
            .and_all(right),
        None => left,
    }
}

fn waits(planned: &Planned, width: u16) -> Cell {
    let plan = &planned.plan;
    let young = plan
        .held()
        .iter()
        .find(|held| held.fate == BlobFate::WithinGrace)
        .map(|held| held.count);
    let waits = plan.frees_later();
    let grace = Exact(plan.grace());
    let cell = Cell::new("waits    ", TextRole::Dim);
    let blobs = |number| count(number, "blob", "blobs");
    if !waits.is_empty() && waits.at.is_none() {
        let words = format!("{}, {}", blobs(waits.objects), Size(waits.bytes));
        return cell
            .and(words, TextRole::Strong)
            .and(": the registry's own collection frees them", TextRole::Text);
    }
    match (planned.frees_now(), waits.objects, young) {
        (true, ..) => cell.and(
            "nothing: blobs are deleted together with their refs",
            TextRole::Warning,
        ),
        (false, 0, None) => match plan
            .keep()
            .iter()
            .filter(|kept| kept.kind == ItemKind::Entry && kept.waits())
            .count() as u64
        {
            0 => cell.and("nothing", TextRole::Text),
            entries => cell.and(
                format!(
                    "{}: younger than {grace}",
                    count(entries, "entry", "entries")
                ),
                TextRole::Text,
            ),
        },
        (false, 0, Some(young)) => cell.and(
            format!(
                "{}, {}: younger than {grace}",
                blobs(young.blobs),
                Size(young.bytes)
            ),
            TextRole::Text,
        ),
        (false, number, _) => {
            let cell = cell.and(
                format!("{}, {}", blobs(number), Size(waits.bytes)),
                TextRole::Strong,
            );
            cell.and(later(planned, width), TextRole::Dim)
        }
    }
}

/// Returns the proved properties of the plan: [`crate::prune::plan::verify`] rejects any plan
/// without them.
fn checked(planned: &Planned, width: u16) -> Cell {
    let grace = planned.plan.grace();
    let settling = planned.draft.settling();
    let blobs = Exact(grace.saturating_add(settling));
    let blobs = if settling.is_zero() {
        String::new()
    } else {
        format!(", blobs {blobs}")
    };
    let grace = Exact(grace);
    let young = format!("nothing younger than {grace}{blobs}");
    let withheld = planned.plan.is_withheld();
    // A kept ref may have been broken before, so the plan does not call it whole.
    let wide = [
        if withheld {
            "no blob without a rule for it"
        } else {
            "breaks no kept ref"
        }
        .to_owned(),
        young,
        "refs are deleted before blobs".to_owned(),
        "each byte once".to_owned(),
    ];
    let narrow = [
        if withheld {
            "blobs by rule"
        } else {
            "breaks no ref"
        }
        .to_owned(),
        format!("none under {grace}{blobs}"),
        "refs first".to_owned(),
    ];
    let checks = if width >= WIDE {
        wide.as_slice()
    } else {
        narrow.as_slice()
    };
    checks
        .iter()
        .fold(Cell::new("checked  ", TextRole::Dim), |cell, check| {
            cell.and("✓ ", TextRole::Good)
                .and(format!("{check} "), TextRole::Text)
        })
}

fn parts(planned: &Planned, shown: PlanSection) -> Cell {
    PlanSection::ALL
        .into_iter()
        .fold(Cell::default(), |cell, part| {
            let words = format!(" {} {} ", part.word(), number(planned, part));
            let (open, close, role) = if part == shown {
                ("[", "]", TextRole::Title)
            } else {
                (" ", " ", TextRole::Dim)
            };
            let cell = cell.and(open, role).and(words, role).and(close, role);
            cell.and(" ", TextRole::Text)
        })
}

/// Returns the number of items in a part. Excluded items stay in the list of deletions, and are
/// counted separately.
fn number(planned: &Planned, part: PlanSection) -> String {
    let all = planned.part(part).len();
    let out = match part {
        PlanSection::Delete => planned.excluded_count(),
        PlanSection::Wait | PlanSection::Keep => 0,
    };
    match out {
        0 => grouped(all as u64),
        out => format!(
            "{} · ✗ {} excluded",
            grouped(all.saturating_sub(out) as u64),
            grouped(out as u64)
        ),
    }
}

/// Returns the message for an empty part.
pub(super) fn nothing(planned: &Planned, part: PlanSection) -> Cell {
    if part == PlanSection::Delete
        && let Some(not_fixed) = planned.plan.not_fixed()
        && planned.plan.restored().is_empty()
    {
        return Cell::text(if not_fixed.is_empty() {
            "Nothing to repair."
        } else {
            "Nothing of it can be repaired."
        });
    }
    if part == PlanSection::Delete
        && let Some(hindrance) = hindrance(planned)
    {
        return Cell::text(format!("Nothing is deleted: {hindrance}"));
    }
    Cell::text(match part {
        PlanSection::Delete if !planned.plan.restored().is_empty() => {
            "Nothing is deleted: blobs that a ref references again are restored from the trash first."
        }
        PlanSection::Delete => "Nothing is deleted: everything stored is in use, or too young.",
        PlanSection::Wait => "Nothing waits.",
        PlanSection::Keep => "No reason to keep anything is given.",
    })
}

/// Returns why waste stays in the store, if the reason is neither its use nor its age.
fn hindrance(planned: &Planned) -> Option<String> {
    let plan = &planned.plan;
    let forbidden =
        plan.keep()
            .iter()
            .flat_map(|kept| &kept.reasons)
            .find_map(|reason| match reason {
                ItemReason::Store(StoreReason::Unsupported { why }) => Some(why.to_string()),
                _ => None,
            });
    // The plan gives this reason once for all blobs.
    let of_blobs = plan.warnings().iter().find_map(|warning| match warning {
        PlanWarning::NoBlobDeletion { why } => Some(why.to_string()),
        _ => None,
    });
    let held = plan.held().iter().find_map(|held| {
        let number = held.count.blobs;
        let them = one_or(number, "it", "them");
        let why = match held.fate {
            BlobFate::Unsupported => of_blobs
                .clone()
                .or_else(|| forbidden.clone())
                .unwrap_or_else(|| "deleting is not safe here".to_owned()),
            BlobFate::Undetermined => format!("a ref that cannot be read may reference {them}"),
            BlobFate::UnknownAge => "the age is not known".to_owned(),
            BlobFate::Protected => format!("a rule protects {them}"),
            _ => return None,
        };
        let blobs = count(number, "blob", "blobs");
        let (stored, are) = (Size(held.count.bytes), one_or(number, "is", "are"));
        (number > 0).then(|| format!("{blobs}, {stored}, which no ref reaches, {are} kept: {why}"))
    });
    let undetermined = || "not everything that may reference a blob could be read.".to_owned();
    held.or(forbidden)
        .or_else(|| plan.undetermined().then(undetermined))
}

/// Returns when a later run frees the waiting blobs.
fn later(planned: &Planned, width: u16) -> String {
    let plan = &planned.plan;
    let grace = Exact(plan.grace());
    match planned.waits_until().map(moment) {
        Some(then) if width >= WIDE => {
            format!(": refs first, a run after {then} frees them")
        }
        Some(then) if width >= NARROW => format!(": a run after {then} frees them"),
        Some(then) => format!(": free after {then}"),
        None => format!(": a run {grace} later frees them"),
    }
}
