//! `find`: the caches that a repository declares.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::check::{FailOn, FindingsFormat};
use super::json::JsonDocument;
use super::output::CommandOutput;
use super::summary::SummaryFlag;
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use super::{Global, config, ignored};
use crate::check::ignore::Ignored;
use crate::error::{Exit, Failure};
use crate::find::{self, Declaration, Direction, Mistake, MistakeSeverity, RepositoryFindings};
use crate::report::{Issue, github, junit, markdown, sarif};
use crate::text::escape::visible;

#[derive(Debug, Args)]
pub(super) struct FindArguments {
    /// The directory to search; its files are read, never run.
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FindingsFormat,
    /// Exit with 3 if there is a finding of at least this severity.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    summary: SummaryFlag,
}

#[derive(Serialize)]
struct FindDocument<'a> {
    #[serde(flatten)]
    found: &'a RepositoryFindings,
    summary: FindSummary,
    /// The findings that the configuration ignores; they are not among the others.
    ignored: &'a [Ignored<Mistake>],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct FindSummary {
    error: usize,
    warning: usize,
    info: usize,
}

impl FindSummary {
    fn of(findings: &[Mistake]) -> Self {
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        Self {
            error: count(MistakeSeverity::Error),
            warning: count(MistakeSeverity::Warning),
            info: count(MistakeSeverity::Info),
        }
    }
}

pub(super) fn run(
    arguments: &FindArguments,
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    let page = arguments.summary.file()?;
    let (settings, _) = config::effective(global, output)?;
    let mut found = find::find(&arguments.directory).map_err(|error| {
        let directory = arguments.directory.display().to_string();
        let place = format!("{} cannot be searched", visible(&directory));
        Failure::new(Exit::Failed, &error).on(&place)
    })?;
    let mistakes = std::mem::take(&mut found.findings);
    let (mistakes, ignored) = ignored::mistakes(mistakes, &settings, output, |mistake| mistake);
    found.findings = mistakes;
    let passed_over = ignored::lines(&ignored, |mistake| mistake.code);
    let format = if output.json {
        FindingsFormat::Json
    } else {
        arguments.format
    };
    let folder = arguments.directory.to_string_lossy();
    let issues = found.findings.iter();
    let issues: Vec<Issue> = issues
        .map(|mistake| Issue::of_mistake(mistake, &folder))
        .collect();
    let fails = |issue: &Issue| {
        let gate = arguments.fail_on;
        gate.is_some_and(|gate| gate.counts(issue.level))
    };
    if let Some(page) = page {
        page.add(&as_markdown(&found, &issues, &passed_over))?;
    }
    match format {
        FindingsFormat::Json => {
            let summary = FindSummary::of(&found.findings);
            let report = FindDocument {
                found: &found,
                summary,
                ignored: &ignored,
            };
            output.document(&JsonDocument::new("find", report, &[]))
        }
        FindingsFormat::Text => output.text(&print(&found, &passed_over, output.paper)),
        FindingsFormat::Github => output.text(&github::render(&github::of_issues(&issues))),
        FindingsFormat::Sarif => output.document(&sarif::log(&issues)),
        FindingsFormat::Junit => {
            // Without `--fail-on`, issues that break builds or lose the cache are shown as
            // failures.
            let fails = |issue: &Issue| {
                let gate = arguments.fail_on.unwrap_or(FailOn::Warning);
                gate.counts(issue.level)
            };
            output.text(&junit::document(&[folder.into_owned()], &issues, fails)?)
        }
        FindingsFormat::Markdown => output.text(&as_markdown(&found, &issues, &passed_over)),
    }?;
    let fails = issues.iter().any(fails);
    Ok(if fails { Exit::Found } else { Exit::Done })
}

/// What is printed if the files declare no cache.
const NOTHING: &str = "no cache is declared here\n";

fn as_markdown(found: &RepositoryFindings, issues: &[Issue], ignored: &[String]) -> String {
    if found.declared.is_empty() && issues.is_empty() && ignored.is_empty() {
        return NOTHING.to_owned();
    }
    let rows = found.declared.iter().map(|declaration| {
        [
            &format!("{}:{}", declaration.file, declaration.line),
            direction(declaration.direction),
            declaration.target.as_deref().unwrap_or_default(),
            &declaration.tool,
            &declaration.cache,
        ]
        .map(markdown::text)
    });
    let mut text = markdown::table(["Where", "Use", "Target", "Tool", "Cache"], rows);
    let table = markdown::issues(issues);
    if !table.is_empty() {
        text.push('\n');
        text += &table;
    }
    for line in ignored {
        text += &format!("\n{}\n", markdown::text(line));
    }
    text
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Import => "import",
        Direction::Export => "export",
        Direction::Both => "both",
    }
}

fn print(found: &RepositoryFindings, ignored: &[String], paper: Paper) -> String {
    if found.declared.is_empty() && found.findings.is_empty() && ignored.is_empty() {
        return NOTHING.to_owned();
    }
    let mut text = declarations(&found.declared, paper);
    if !found.findings.is_empty() {
        text.push('\n');
        for finding in &found.findings {
            text += &finding_lines(finding, paper);
        }
    }
    let summary = FindSummary::of(&found.findings);
    let parts = [
        (found.declared.len(), "declaration"),
        (summary.error, "error"),
        (summary.warning, "warning"),
        (summary.info, "hint"),
    ];
    let parts = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| match count {
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        });
    text.push('\n');
    text += &parts.collect::<Vec<_>>().join(", ");
    text.push('\n');
    for line in ignored {
        text.extend([line, "\n"]);
    }
    text
}

fn declarations(declared: &[Declaration], paper: Paper) -> String {
    let mut table = Table::new([
        ("WHERE", TableAlign::Left),
        ("USE", TableAlign::Left),
        ("TARGET", TableAlign::Left),
        ("TOOL", TableAlign::Left),
        ("CACHE", TableAlign::Left),
    ]);
    for declaration in declared {
        table.row([
            TableCell::new(format!("{}:{}", declaration.file, declaration.line)),
            TableCell::new(direction(declaration.direction)),
            TableCell::maybe(declaration.target.as_deref()),
            TableCell::new(&declaration.tool),
            TableCell::new(&declaration.cache).style(Style::Strong),
        ]);
    }
    table.render(paper)
}

/// Prints a mistake: its code and place, what is so, and what to do.
pub(super) fn finding_lines(finding: &Mistake, paper: Paper) -> String {
    let style = match finding.severity {
        MistakeSeverity::Error => Style::Bad,
        MistakeSeverity::Warning => Style::Strong,
        MistakeSeverity::Info => Style::Dim,
    };
    let head = style.paint(
        &format!("{}[{}]", finding.severity.word(), finding.code),
        paper,
    );
    let place = format!("{}:{}", visible(&finding.file), finding.line);
    let mut text = format!("{head} {place}\n  {}\n", visible(&finding.message));
    if let Some(hint) = &finding.hint {
        text += &format!("  hint: {}\n", visible(hint));
    }
    text
}
