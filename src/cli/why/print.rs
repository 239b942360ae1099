//! The text output of `why`: the causes first, then the steps.

use super::answer::Answer;
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::explain::cause::Cause;
use crate::explain::load::Explanation;
use crate::explain::load::groups::{CauseGroup, CauseGroups};
use crate::explain::load::words::{self, seconds, sentence};
use crate::explain::solve::CacheVerdict;
use crate::explain::text_diff::TextDiffLine;
use crate::format::provenance::StepIndex;
use crate::text::escape::visible;

/// The maximum number of steps to name for one cause.
const MOST_STEPS: usize = 6;
/// The maximum number of changed files to list for a cause.
const MOST_FILES: usize = 10;

pub(super) fn page(answer: &Answer, paper: Paper) -> String {
    let explanation = &answer.explanation;
    let target = match &answer.target {
        Some(target) => format!("target {target}, "),
        None => String::new(),
    };
    let mut lines = vec![
        format!(
            "{}{}: {}",
            visible(&target),
            visible(&answer.label),
            explanation.summary()
        ),
        String::new(),
    ];
    let groups = CauseGroups::new(explanation);
    if groups.all.is_empty() {
        lines.push(
            match (
                explanation.count(CacheVerdict::Miss),
                explanation.count(CacheVerdict::Unknown),
            ) {
                (0, 0) if !explanation.from_builder().is_empty() => "No step ran.".to_owned(),
                (0, 0) => "Every step is found in the cache.".to_owned(),
                (0, _) => "No step is known to run.".to_owned(),
                _ => "The evidence does not show why steps run.".to_owned(),
            },
        );
    }
    for (number, group) in (1..).zip(&groups.all) {
        lines.extend(one_cause(explanation, number, group, paper));
    }
    lines.push(String::new());
    lines.push(steps(explanation, &groups, paper));
    lines.push(
        "✓ found in the cache   ✗ runs   ? not known   · a source, resolved each time".to_owned(),
    );
    for note in &explanation.notes {
        lines.push(format!("note: {}", visible(&note.to_string())));
    }
    lines.join("\n") + "\n"
}

/// Prints one cause: the steps, the reason, the changes, the cost, and advice.
fn one_cause(
    explanation: &Explanation,
    number: usize,
    group: &CauseGroup,
    paper: Paper,
) -> Vec<String> {
    let of_first = group
        .steps
        .first()
        .and_then(|step| explanation.causes[step.at()].as_ref());
    let Some(cause) = of_first else {
        return Vec::new();
    };
    let head = |step: &StepIndex| {
        let place = explanation.place(*step);
        let place = place
            .map(|place| format!("{}:{} ", visible(&place.file), place.first_line))
            .unwrap_or_default();
        Style::Strong.paint(
            &format!("{place}{}", visible(&explanation.title(*step))),
            paper,
        )
    };
    let mut lines: Vec<String> = Vec::new();
    for (place, step) in group.steps.iter().take(MOST_STEPS).enumerate() {
        let sign = if place == 0 {
            number.to_string()
        } else {
            String::new()
        };
        lines.push(format!("{sign:<3}{}", head(step)));
    }
    if group.steps.len() > MOST_STEPS {
        lines.push(format!("   … and {} more", group.steps.len() - MOST_STEPS));
    }
    let costs = group.costs();
    if !costs.is_empty() {
        lines.push(format!("    {costs}"));
    }
    let each = if group.steps.len() > 1 { "each: " } else { "" };
    lines.push(format!("    {each}{}", visible(&sentence(cause))));
    lines.extend(cause.text.iter().map(|line| text_line(line, paper)));
    lines.extend(changed_files(cause, paper));
    lines.extend(cause.also.iter().map(|part| {
        let sentence = words::part_sentence(part.kind, &part.detail);
        format!("    also: {}", visible(&sentence))
    }));
    lines.extend(
        cause
            .advice()
            .map(|advice| format!("    → {}", visible(advice))),
    );
    lines
}

/// Formats one line of a text diff.
fn text_line(line: &TextDiffLine, paper: Paper) -> String {
    let (sign, text) = line.parts();
    let style = match line {
        TextDiffLine::Added(_) => Style::Good,
        TextDiffLine::Removed(_) => Style::Bad,
        TextDiffLine::Same(_) | TextDiffLine::Hunk(_) | TextDiffLine::More(_) => Style::Dim,
    };
    format!(
        "        {}",
        style.paint(format!("{sign} {}", visible(text)).trim_end(), paper)
    )
}

fn steps(explanation: &Explanation, groups: &CauseGroups, paper: Paper) -> String {
    let mut table = Table::new([
        ("", TableAlign::Left),
        ("STEP", TableAlign::Left),
        ("WHERE", TableAlign::Left),
        ("CACHE", TableAlign::Left),
        ("TIME", TableAlign::Right),
        ("WHY", TableAlign::Left),
    ]);
    for step in explanation.steps() {
        let standing = &explanation.standings[step.at()];
        let (mark, style) = match standing.verdict {
            _ if !explanation.is_judged(step) => ("·", Style::Dim),
            CacheVerdict::Hit => ("✓", Style::Good),
            CacheVerdict::Miss => ("✗", Style::Bad),
            CacheVerdict::Unknown => ("?", Style::Strong),
        };
        let place = explanation.place(step);
        let number = groups
            .number(step)
            .map(|number| number.to_string())
            .unwrap_or_default();
        let why = explanation.causes[step.at()]
            .as_ref()
            .map(|cause| match cause.is_root() {
                true => format!("{number:<2} {}", cause.kind.word()),
                false if number.is_empty() => format!("↑ {}", cause.detail),
                false => format!("↑ {number}"),
            });
        let why = why.or_else(|| {
            let reason = *explanation.undecided(step).first()?;
            Some(reason.word().to_owned())
        });
        let busy = explanation.busy[step.at()].filter(|busy| !busy.is_zero());
        table.row([
            TableCell::new(mark).style(style),
            TableCell::new(explanation.title(step)),
            TableCell::maybe(place.map(|place| format!("{}:{}", place.file, place.first_line))),
            TableCell::new(standing.in_cache.word()).style(Style::Dim),
            TableCell::maybe(busy.map(seconds)),
            TableCell::new(why.unwrap_or_default()).style(Style::Dim),
        ]);
    }
    table.render(paper)
}

/// Lists the files that changed, if that says more than the cause.
fn changed_files(cause: &Cause, paper: Paper) -> Vec<String> {
    let mut lines = Vec::new();
    let shown = if cause.paths.len() > 1 || cause.paths.iter().any(|path| !path.detail.is_empty()) {
        &cause.paths[..]
    } else {
        &[]
    };
    for change in shown.iter().take(MOST_FILES) {
        let detail = if change.detail.is_empty() {
            String::new()
        } else {
            format!(" ({})", visible(&change.detail))
        };
        lines.push(format!(
            "      {}  {}{detail}",
            change.kind.word(),
            visible(&change.path)
        ));
        lines.extend(change.lines.iter().map(|line| text_line(line, paper)));
    }
    if shown.len() > MOST_FILES {
        lines.push(format!("      … and {} more", shown.len() - MOST_FILES));
    }
    lines
}
