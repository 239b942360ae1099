//! Prints findings as text and as Markdown.

use super::Mistakes;
use super::document::{CheckExtent, CheckSummary};
use crate::check::{Finding, Severity};
use crate::cli::find::finding_lines;
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::report::{Issue, markdown};
use crate::text::escape::visible;
use crate::text::units::Size;

pub(super) fn as_markdown(
    issues: &[Issue],
    summary: CheckSummary,
    done: &[CheckExtent],
    ignored: &[String],
) -> String {
    let mut text = format!("**cachelens check: {}**\n\n", summary.sentence());
    let table = markdown::issues(issues);
    if !table.is_empty() {
        text += &table;
        text.push('\n');
    }
    let sentences = done.iter().map(CheckExtent::sentence);
    for line in sentences.chain(ignored.iter().cloned()) {
        text += &format!("- {}\n", markdown::text(&line));
    }
    text
}

pub(super) fn print(
    findings: &[Finding],
    mistakes: &Mistakes,
    summary: CheckSummary,
    done: &[CheckExtent],
    ignored: &[String],
    paper: Paper,
) -> String {
    let mut text = String::new();
    if !findings.is_empty() {
        text += &table(findings, paper);
        text.push('\n');
    }
    if !mistakes.is_empty() {
        text += "In the files that declare these caches:\n";
        for (_, mistake) in mistakes {
            text += &finding_lines(mistake, paper);
        }
        text.push('\n');
    }
    text += &summary.sentence();
    text.push('\n');
    for line in ignored {
        text.extend([line, "\n"]);
    }
    for done in done {
        text.extend([&done.sentence(), "\n"]);
    }
    text
}

/// Shortens a source to fit next to a ref. Keeps the end, which is the most distinctive part apart
/// from a query.
fn with_its_end(source: &str) -> String {
    const MOST: usize = 40;
    let name = source.split_once('?').map_or(source, |(name, _)| name);
    match name.chars().count().checked_sub(MOST) {
        Some(over) if over > 0 => format!("…{}", name.chars().skip(over + 1).collect::<String>()),
        _ => name.to_owned(),
    }
}

/// Prints a line per finding, with the explanation and advice below it.
pub(super) fn table(findings: &[Finding], paper: Paper) -> String {
    let is_one_source = findings
        .iter()
        .all(|finding| finding.source == findings[0].source);
    let mut table = Table::new([
        ("SEVERITY", TableAlign::Left),
        ("FINDING", TableAlign::Left),
        ("COST", TableAlign::Right),
        (
            if is_one_source { "REF" } else { "WHERE" },
            TableAlign::Left,
        ),
    ]);
    for finding in findings {
        let style = match finding.severity {
            Severity::Error => Style::Bad,
            Severity::Warning => Style::Strong,
            Severity::Info => Style::Dim,
        };
        let place = match &finding.ref_name {
            Some(name) if is_one_source => Some(name.clone()),
            None if is_one_source => None,
            Some(name) => Some(format!("{}#{name}", with_its_end(&finding.source))),
            None => Some(with_its_end(&finding.source)),
        };
        table.row([
            TableCell::new(finding.severity.word()).style(style),
            TableCell::new(finding.code.name()),
            TableCell::maybe(finding.bytes.map(Size)),
            TableCell::maybe(place).style(Style::Strong),
        ]);
    }
    let rendered = table.render(paper);
    let mut lines = rendered.lines();
    let mut text = lines.next().unwrap_or_default().to_owned() + "\n";
    for (line, finding) in lines.zip(findings) {
        text.extend([line, "\n  ", &visible(&finding.message), "\n"]);
        if let Some(subject) = finding
            .subject
            .as_ref()
            .filter(|subject| !finding.message.contains(subject.as_str()))
        {
            text.extend(["  ", &Style::Dim.paint(&visible(subject), paper), "\n"]);
        }
        if let Some(hint) = finding.hint_text() {
            text.extend(["  hint: ", &visible(&hint), "\n"]);
        }
    }
    text
}
