//! `check`: faults, dangers and waste; a gate for CI.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::Session;
use super::json::Document;
use super::open::{self, Scanned};
use super::table::{Align, Cell, Paper, Style, Table};
use crate::check::{self, CheckOptions, Checked, Code, Finding, Severity, Subject};
use crate::error::{Exit, Failure};
use crate::format::text::visible;
use crate::inventory::RefId;
use crate::units::Size;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The caches to check; SOURCE#REF checks one ref. Without any, those of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Read every blob that a ref reaches, and compare it with its digest.
    #[arg(long)]
    verify: bool,
    /// Which findings make the exit code 3: those of this weight and heavier ones.
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    fail_on: FailOn,
}

/// What a finding must weigh to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors only.
    Error,
    /// Errors and warnings.
    Warning,
    /// Everything.
    Info,
}

impl FailOn {
    fn counts(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity == Severity::Error,
            Self::Warning => severity <= Severity::Warning,
            Self::Info => true,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    findings: &'a [Finding],
    summary: Summary,
    checked: &'a [Done],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Summary {
    error: usize,
    warning: usize,
    info: usize,
}

/// On what a check has looked.
#[derive(Serialize)]
struct Done {
    source: String,
    kind: &'static str,
    refs: usize,
    /// None where a store does not list them.
    blobs: Option<u64>,
    /// How many were read, and hold what their digests name; none when they were not to be read.
    verified_blobs: Option<u64>,
    #[serde(skip)]
    shown: String,
}

pub(super) async fn run(session: &Session<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    let sources = open::sources(session, &arguments.sources)?;
    let (scanned, failures) = open::scan_all(session, sources).await?;
    let (mut findings, mut done) = (Vec::new(), Vec::new());
    for scanned in &scanned {
        let checked = check_one(session, scanned, arguments.verify).await?;
        let is_listed = scanned.inventory.unlisted.is_none();
        done.push(Done {
            source: scanned.opened.label(),
            kind: scanned.opened.source.kind(),
            refs: checked.refs,
            blobs: is_listed.then_some(checked.blobs),
            verified_blobs: checked.read,
            shown: scanned.opened.shown(),
        });
        findings.extend(checked.findings);
    }
    findings.extend(failures.iter().map(|(source, failure)| unreadable(source, failure)));
    findings.sort_by(|a: &Finding, b| a.order().cmp(&b.order()));
    let summary = Summary::of(&findings);
    let output = session.output;
    if output.json {
        let report = Report { findings: &findings, summary, checked: &done };
        output.document(&Document::new("check", report, &failures))?;
    } else {
        output.text(&print(&findings, summary, &done, output.paper))?;
    }
    let gate = findings.iter().any(|finding| arguments.fail_on.counts(finding.severity));
    let ended = open::conclude(session, done.len(), failures);
    let gate = if gate { Exit::Found } else { Exit::Done };
    Ok(if gate.severity() > ended.severity() { gate } else { ended })
}

async fn check_one(session: &Session<'_>, scanned: &Scanned, verify: bool) -> Result<Checked, Failure> {
    let (label, shown) = (scanned.opened.label(), scanned.opened.shown());
    let only: Option<Vec<RefId>> =
        scanned.opened.source.select.is_some().then(|| scanned.selected().into_iter().map(|(id, _)| id).collect());
    let subject = Subject {
        source: &label,
        kind: scanned.opened.source.kind(),
        location: Some(&scanned.opened.source.location),
        inventory: &scanned.inventory,
        only: only.as_deref(),
    };
    let concurrency = session.settings.concurrency.value.get();
    let options = CheckOptions { verify, concurrency, cancel: session.cancel.child_token() };
    let observe = |progress| session.output.progress.checking(&shown, progress);
    let checked = check::check(&subject, &scanned.opened.reader, &options, Timestamp::now(), observe).await;
    checked.ok_or_else(|| Failure::message(Exit::Interrupted, "interrupted"))
}

/// Makes a finding of a source of which nothing is known.
fn unreadable(source: &str, failure: &Failure) -> Finding {
    let causes: Vec<&str> = std::iter::once(&failure.message).chain(&failure.causes).map(String::as_str).collect();
    let finding = Finding::new(source, Code::SourceUnreadable, causes.join(": "));
    match &failure.hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

impl Summary {
    fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self { error: count(Severity::Error), warning: count(Severity::Warning), info: count(Severity::Info) }
    }
}

fn print(findings: &[Finding], summary: Summary, done: &[Done], paper: Paper) -> String {
    let mut text = String::new();
    if !findings.is_empty() {
        text += &table(findings, paper);
        text.push('\n');
    }
    text += &match summary {
        Summary { error: 0, warning: 0, info: 0 } => "nothing found".to_owned(),
        Summary { error, warning, info } => {
            let part = |count: usize, word: &str| match count {
                0 => None,
                1 => Some(format!("1 {word}")),
                count => Some(format!("{count} {word}s")),
            };
            let parts = [part(error, "error"), part(warning, "warning"), part(info, "info")];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
    };
    text.push('\n');
    for Done { refs, blobs, verified_blobs, shown, .. } in done {
        let refs = if *refs == 1 { "1 ref".to_owned() } else { format!("{refs} refs") };
        let blobs = match blobs {
            Some(1) => "1 blob stored".to_owned(),
            Some(count) => format!("{count} blobs stored"),
            None => "blobs are not listed there".to_owned(),
        };
        let read = match verified_blobs {
            None => "the bytes of layers were not read (--verify reads them)".to_owned(),
            Some(1) => "1 layer is what its digest says".to_owned(),
            Some(count) => format!("{count} layers are what their digests say"),
        };
        text.extend(["checked ", shown, ": ", &refs, ", ", &blobs, "; ", &read, "\n"]);
    }
    text
}

/// Cuts a source to what fits beside a ref; where it ends tells it apart best, but for what it is asked with.
fn with_its_end(source: &str) -> String {
    const MOST: usize = 40;
    let name = source.split_once('?').map_or(source, |(name, _)| name);
    match name.chars().count().checked_sub(MOST) {
        Some(over) if over > 0 => format!("…{}", name.chars().skip(over + 1).collect::<String>()),
        _ => name.to_owned(),
    }
}

/// Prints a line for each finding, and below it what is so and what to do.
fn table(findings: &[Finding], paper: Paper) -> String {
    let is_one_source = findings.iter().all(|finding| finding.source == findings[0].source);
    let mut table = Table::new([
        ("SEVERITY", Align::Left),
        ("FINDING", Align::Left),
        ("COST", Align::Right),
        (if is_one_source { "REF" } else { "WHERE" }, Align::Left),
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
            Cell::new(finding.severity.word()).style(style),
            Cell::new(finding.code.name()),
            Cell::maybe(finding.bytes.map(Size)),
            Cell::maybe(place).style(Style::Strong),
        ]);
    }
    let rendered = table.render(paper);
    let mut lines = rendered.lines();
    let mut text = lines.next().unwrap_or_default().to_owned() + "\n";
    for (line, finding) in lines.zip(findings) {
        text.extend([line, "\n  ", &visible(&finding.message), "\n"]);
        if let Some(subject) = finding.subject.as_ref().filter(|subject| !finding.message.contains(subject.as_str())) {
            text.extend(["  ", &Style::Dim.paint(&visible(subject), paper), "\n"]);
        }
        if let Some(hint) = &finding.hint {
            text.extend(["  hint: ", &visible(hint), "\n"]);
        }
    }
    text
}
