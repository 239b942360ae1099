//! What `why` prints for people: the causes first, then the steps.

use crate::cli::table::{Align, Cell, Style, Table};
use crate::explain::cause::Cause;
use crate::explain::solve::Verdict;
use crate::explain::text_diff::Line;
use crate::format::provenance::StepIndex;
use crate::format::text::visible;
use crate::why::Explanation;
use crate::why::words::{seconds, sentence};

/// How many changed files are listed for a cause.
const MOST_FILES: usize = 10;

pub(super) fn page(imported: &str, explanation: &Explanation, color: bool) -> String {
    let counts = [(Verdict::Hit, "hit"), (Verdict::Miss, "run"), (Verdict::Unknown, "unknown")];
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(verdict, word)| (explanation.count(verdict), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let counts = if counts.is_empty() { "no steps".to_owned() } else { counts.join(", ") };
    let mut lines = vec![format!("{}: {counts}{}", visible(imported), cost(explanation)), String::new()];
    let roots = explanation.root_causes();
    if roots.is_empty() {
        lines.push(match (explanation.count(Verdict::Miss), explanation.count(Verdict::Unknown)) {
            (0, 0) => "Every step is found in the cache.".to_owned(),
            (0, _) => "No step is known to run.".to_owned(),
            _ => "Nothing tells why steps run.".to_owned(),
        });
    }
    for (step, cause) in &roots {
        lines.extend(root(explanation, *step, cause, color));
    }
    lines.push(String::new());
    lines.push(steps(explanation, color));
    lines.push("✓ found in the cache   ✗ runs   ? not known   · a source, resolved each time".to_owned());
    for note in &explanation.notes {
        lines.push(format!("note: {}", visible(note)));
    }
    lines.join("\n") + "\n"
}

/// Says what the steps that ran took, when a log tells.
fn cost(explanation: &Explanation) -> String {
    let busy = explanation.lost();
    if busy.is_zero() { String::new() } else { format!(", which took {}", seconds(busy)) }
}

fn root(explanation: &Explanation, step: StepIndex, cause: &Cause, color: bool) -> Vec<String> {
    let place = explanation.place(step);
    let place = place.map(|place| format!("{}:{} ", visible(&place.file), place.first_line)).unwrap_or_default();
    let below = match explanation.followers(step).len() {
        0 => String::new(),
        1 => ", and 1 step after it runs, too".to_owned(),
        count => format!(", and {count} steps after it run, too"),
    };
    let name = visible(&explanation.title(step)).into_owned();
    let head = Style::Strong.paint(&format!("{place}{name}"), color);
    let mut lines = vec![format!("✗ {head}"), format!("    {}{below}", visible(&sentence(cause)))];
    lines.extend(cause.text.iter().map(|line| text_line(line, color)));
    let shown = if cause.paths.len() > 1 || cause.paths.iter().any(|path| !path.detail.is_empty()) {
        &cause.paths[..]
    } else {
        &[]
    };
    for change in shown.iter().take(MOST_FILES) {
        let detail = if change.detail.is_empty() { String::new() } else { format!(" ({})", visible(&change.detail)) };
        lines.push(format!("      {}  {}{detail}", change.kind.word(), visible(&change.path)));
        lines.extend(change.lines.iter().map(|line| text_line(line, color)));
    }
    if shown.len() > MOST_FILES {
        lines.push(format!("      … and {} more", shown.len() - MOST_FILES));
    }
    lines.extend(cause.kind.advice().map(|advice| format!("    → {advice}")));
    lines
}

/// Writes a line of a text that is another.
fn text_line(line: &Line, color: bool) -> String {
    let (sign, text) = line.parts();
    let style = match line {
        Line::Added(_) => Style::Good,
        Line::Removed(_) => Style::Bad,
        Line::Same(_) | Line::Gap => Style::Dim,
    };
    format!("        {}", style.paint(format!("{sign} {}", visible(text)).trim_end(), color))
}

fn steps(explanation: &Explanation, color: bool) -> String {
    let mut table = Table::new([
        ("", Align::Left),
        ("STEP", Align::Left),
        ("WHERE", Align::Left),
        ("CACHE", Align::Left),
        ("TIME", Align::Right),
        ("WHY", Align::Left),
    ]);
    for step in explanation.steps() {
        let standing = &explanation.standings[step.at()];
        let (mark, style) = match standing.verdict {
            _ if !explanation.is_judged(step) => ("·", Style::Dim),
            Verdict::Hit => ("✓", Style::Good),
            Verdict::Miss => ("✗", Style::Bad),
            Verdict::Unknown => ("?", Style::Strong),
        };
        let place = explanation.place(step);
        let why = explanation.causes[step.at()]
            .as_ref()
            .map(|cause| if cause.is_root() { cause.kind.word().to_owned() } else { format!("↑ {}", cause.detail) });
        let busy = explanation.busy[step.at()].filter(|busy| !busy.is_zero());
        table.row([
            Cell::new(mark).style(style),
            Cell::new(explanation.title(step)),
            Cell::maybe(place.map(|place| format!("{}:{}", place.file, place.first_line))),
            Cell::new(standing.in_cache.word()).style(Style::Dim),
            Cell::maybe(busy.map(seconds)),
            Cell::new(why.unwrap_or_default()).style(Style::Dim),
        ]);
    }
    table.render(color)
}
