//! `check`: faults, risks and waste; a gate for CI.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;

use super::find::finding_lines;
use super::json::JsonDocument;
use super::modes::{self, ModeRow};
use super::open::{self, Scanned};
use super::summary::SummaryFlag;
use super::table::{Paper, Style, Table, TableAlign, TableCell};
use super::why::build::BuildFlags;
use super::{CliSession, ignored};
use crate::check::ignore::Ignored;
use crate::check::limits::{self, CheckLimits, Portion};
use crate::check::{self, CheckOptions, CheckResult, CheckSubject, Code, Finding, Severity};
use crate::error::{Exit, Failure};
use crate::find::{Mistake, MistakeSeverity};
use crate::inventory::RefId;
use crate::report::{Issue, IssueLevel, github, junit, markdown, sarif};
use crate::source::SourceText;
use crate::text::escape::visible;
use crate::text::units::{Size, parse_duration, parse_size};

mod updates;

use updates::Updates;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The caches to check; SOURCE#REF selects one ref.
    ///
    /// The default is the sources of cachelens.toml.
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceText>,
    /// Read every blob that a ref reaches, and verify its digest.
    #[arg(long)]
    verify: bool,
    /// Exit with 3 if there is a finding of at least this severity.
    #[arg(long, value_name = "SEVERITY", default_value = "warning")]
    fail_on: FailOn,
    /// Fail if orphans exceed this share (20%) or size.
    ///
    /// Orphans are the blobs of a source that no ref reaches.
    #[arg(long, value_name = "PORTION")]
    max_orphan: Option<Portion>,
    /// Fail if a source, or the ref of SOURCE#REF, is larger than this.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Fail if a ref is older than this, such as 90d.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_age: Option<Duration>,
    /// Say what an export with mode=min would keep of each cache: how many steps with a result, and
    /// how many bytes.
    #[arg(long)]
    mode: bool,
    /// Warn of results of steps that update packages, as `apt-get upgrade`, which are older than
    /// this, as in 30d. The steps are named by the provenance beside the cache, by --provenance and
    /// by the Dockerfile. The default is `max_update_age` of cachelens.toml.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_update_age: Option<Duration>,
    /// Name the steps for --max-update-age by the provenance of a build (SLSA, mode=max).
    #[arg(long, value_name = "FILE")]
    provenance: Vec<PathBuf>,
    /// The build context, for the steps of a Dockerfile.
    #[arg(long, value_name = "DIR")]
    context: Option<PathBuf>,
    /// The output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: FindingsFormat,
    #[command(flatten)]
    summary: SummaryFlag,
    #[command(flatten)]
    described: BuildFlags,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FindingsFormat {
    /// Text for a terminal.
    Text,
    /// A JSON document, as with --json.
    Json,
    /// Annotations of GitHub Actions, one for each finding.
    Github,
    /// A SARIF 2.1.0 log, for code scanning.
    Sarif,
    /// Test results in XML, for the reports of CI systems.
    Junit,
    /// Tables in Markdown, for summaries and comments.
    Markdown,
}

/// The severity from which on a finding counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Errors only.
    Error,
    /// Errors and warnings.
    Warning,
    /// Everything.
    Info,
}

impl FailOn {
    pub(super) fn counts(self, level: IssueLevel) -> bool {
        match self {
            Self::Error => level == IssueLevel::Error,
            Self::Warning => level <= IssueLevel::Warning,
            Self::Info => true,
        }
    }
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    findings: Vec<AnyFinding<'a>>,
    summary: CheckSummary,
    /// The findings that the configuration ignores; they are not among the others.
    ignored: Vec<Ignored<AnyFinding<'a>>>,
    checked: &'a [CheckExtent],
    /// With `--mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    modes: Option<&'a [ModeRow]>,
}

/// A finding in a store or in a file.
#[derive(Serialize)]
#[serde(untagged)]
enum AnyFinding<'a> {
    Store(&'a Finding),
    File(FileFinding<'a>),
}

/// A mistake in the declaration of a source, with the fields of other findings.
#[derive(Serialize)]
struct FileFinding<'a> {
    severity: MistakeSeverity,
    code: &'static str,
    source: &'a str,
    #[serde(rename = "ref")]
    ref_name: Option<&'a str>,
    subject: Option<&'a str>,
    message: &'a str,
    hint: Option<&'a str>,
    bytes: Option<u64>,
    file: &'a str,
    line: u32,
}

impl<'a> FileFinding<'a> {
    fn new((source, mistake): &'a (String, Mistake)) -> Self {
        Self {
            severity: mistake.severity,
            code: mistake.code,
            source,
            ref_name: None,
            subject: None,
            message: &mistake.message,
            hint: mistake.hint.as_deref(),
            bytes: None,
            file: &mistake.file,
            line: mistake.line,
        }
    }
}

/// Mistakes in declarations, each with the name of its source.
type Mistakes = [(String, Mistake)];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct CheckSummary {
    error: usize,
    warning: usize,
    info: usize,
}

/// The extent of a check.
#[derive(Serialize)]
struct CheckExtent {
    source: String,
    kind: &'static str,
    refs: usize,
    /// `None` if the store does not list them.
    blobs: Option<u64>,
    /// The number of blobs that were read and match their digests; `None` if reading was not
    /// requested.
    verified_blobs: Option<u64>,
    #[serde(skip)]
    shown: String,
}

pub(super) async fn run(session: &CliSession<'_>, arguments: Arguments) -> Result<Exit, Failure> {
    let page = arguments.summary.file()?;
    let (sources, mistakes) = open::sources_with_mistakes(session, &arguments.sources)?;
    let (scanned, failures) = open::scan_all(session, sources).await?;
    let limits = arguments.limits();
    let updates = Updates::of(session, &arguments).await?;
    let mut modes = Vec::new();
    let mut findings = Vec::new();
    let mut done = Vec::new();
    for scanned in &scanned {
        let checked = check_one(session, scanned, arguments.verify, &limits).await?;
        let is_listed = scanned.inventory.unlisted.is_none();
        done.push(CheckExtent {
            source: scanned.opened.label(),
            kind: scanned.opened.source.kind().word(),
            refs: checked.refs,
            blobs: is_listed.then_some(checked.blobs),
            verified_blobs: checked.read,
            shown: scanned.opened.shown(),
        });
        findings.extend(checked.findings);
        if let Some(updates) = &updates {
            findings.extend(updates.too_old(scanned).await);
        }
        if arguments.mode {
            modes.extend(modes::of_source(scanned).await);
        }
    }
    findings.extend(
        failures
            .iter()
            .map(|(source, failure)| unreadable(source, failure)),
    );
    findings.sort_by(|a: &Finding, b| a.order().cmp(&b.order()));
    let output = session.output;
    let (findings, ignored) = ignored::findings(findings, &session.settings, output);
    let (mistakes, ignored_mistakes) =
        ignored::mistakes(mistakes, &session.settings, output, |(_, mistake)| mistake);
    let issues = all_issues(&findings, &mistakes);
    let fails = |issue: &Issue| arguments.fail_on.counts(issue.level);
    let summary = CheckSummary::of(&issues);
    let mut passed_over = ignored::lines(&ignored, |finding| finding.code.name());
    passed_over.extend(ignored::lines(&ignored_mistakes, |(_, mistake)| {
        mistake.code
    }));
    if let Some(page) = page {
        page.add(&as_markdown(&issues, summary, &done, &passed_over))?;
    }
    let format = if output.json {
        FindingsFormat::Json
    } else {
        arguments.format
    };
    match format {
        FindingsFormat::Json => {
            let report = CheckDocument {
                findings: all_findings(&findings, &mistakes),
                summary,
                ignored: all_ignored(&ignored, &ignored_mistakes),
                checked: &done,
                modes: arguments.mode.then_some(&modes),
            };
            output.document(&JsonDocument::new("check", report, &failures))
        }
        FindingsFormat::Text => {
            let text = print(
                &findings,
                &mistakes,
                summary,
                &done,
                &passed_over,
                output.paper,
            );
            output.text(&(text + &modes::print(&modes, output.paper)))
        }
        FindingsFormat::Github => output.text(&github::render(&github::of_issues(&issues))),
        FindingsFormat::Sarif => output.document(&sarif::log(&issues)),
        FindingsFormat::Junit => {
            let failed = failures.iter().map(|(source, _)| source.clone());
            let here = (!mistakes.is_empty()).then(|| ".".to_owned());
            let suites = done.iter().map(|done| done.source.clone());
            let suites = suites.chain(failed).chain(here);
            let suites: Vec<String> = suites.collect();
            output.text(&junit::document(&suites, &issues, fails))
        }
        FindingsFormat::Markdown => {
            output.text(&as_markdown(&issues, summary, &done, &passed_over))
        }
    }?;
    let gate = issues.iter().any(fails);
    let ended = open::conclude(session, done.len(), &failures);
    let gate = if gate { Exit::Found } else { Exit::Done };
    Ok(if gate.severity() > ended.severity() {
        gate
    } else {
        ended
    })
}

impl Arguments {
    fn limits(&self) -> CheckLimits {
        CheckLimits {
            orphan: self.max_orphan,
            size: self.max_size,
            age: self.max_age,
        }
    }
}

fn as_markdown(
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

/// Checks a source and compares it with limits.
pub(super) async fn check_one(
    session: &CliSession<'_>,
    scanned: &Scanned,
    verify: bool,
    limits: &CheckLimits,
) -> Result<CheckResult, Failure> {
    let label = scanned.opened.label();
    let shown = scanned.opened.shown();
    let only: Option<Vec<RefId>> = scanned
        .opened
        .source
        .select
        .is_some()
        .then(|| scanned.selected().into_iter().map(|(id, _)| id).collect());
    let subject = CheckSubject {
        source: &label,
        kind: scanned.opened.source.kind(),
        location: Some(&scanned.opened.source.location),
        inventory: &scanned.inventory,
        only: only.as_deref(),
    };
    let concurrency = session.settings.concurrency.value.get();
    let options = CheckOptions {
        verify,
        concurrency,
        cancel: session.cancel.child_token(),
    };
    let observe = |progress| session.output.progress.checking(&shown, progress);
    let now = Timestamp::now();
    let checked = check::check(&subject, &scanned.opened.reader, &options, now, observe).await;
    let mut checked = checked.ok_or_else(|| Failure::message(Exit::Interrupted, "interrupted"))?;
    checked
        .findings
        .extend(limits::judge(&subject, limits, now));
    Ok(checked)
}

/// Returns the finding for a source that could not be read.
fn unreadable(source: &str, failure: &Failure) -> Finding {
    let causes: Vec<&str> = std::iter::once(&failure.message)
        .chain(&failure.causes)
        .map(String::as_str)
        .collect();
    let finding = Finding::new(source, Code::SourceUnreadable, causes.join(": "));
    match &failure.hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

impl CheckSummary {
    fn of(issues: &[Issue]) -> Self {
        let count = |level| issues.iter().filter(|issue| issue.level == level).count();
        Self {
            error: count(IssueLevel::Error),
            warning: count(IssueLevel::Warning),
            info: count(IssueLevel::Info),
        }
    }

    fn sentence(self) -> String {
        let part = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            count => Some(format!("{count} {word}s")),
        };
        let parts = [
            part(self.error, "error"),
            part(self.warning, "warning"),
            part(self.info, "info"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "nothing found".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

impl CheckExtent {
    /// Returns the extent of the check as a sentence.
    fn sentence(&self) -> String {
        let refs = if self.refs == 1 {
            "1 ref".to_owned()
        } else {
            format!("{} refs", self.refs)
        };
        let blobs = match self.blobs {
            Some(1) => "1 blob stored".to_owned(),
            Some(count) => format!("{count} blobs stored"),
            None => "blobs are not listed there".to_owned(),
        };
        let read = match self.verified_blobs {
            None => "the bytes of layers were not read (--verify reads them)".to_owned(),
            Some(1) => "1 layer is what its digest says".to_owned(),
            Some(count) => format!("{count} layers are what their digests say"),
        };
        format!("checked {}: {refs}, {blobs}; {read}", self.shown)
    }
}

/// Puts the findings of stores and of files together, the most severe first.
fn all_findings<'a>(findings: &'a [Finding], mistakes: &'a Mistakes) -> Vec<AnyFinding<'a>> {
    let stores = findings.iter().map(AnyFinding::Store);
    let files = mistakes.iter().map(FileFinding::new).map(AnyFinding::File);
    let mut all: Vec<AnyFinding<'a>> = stores.chain(files).collect();
    all.sort_by_key(|finding| match finding {
        AnyFinding::Store(finding) => finding.severity,
        AnyFinding::File(finding) => match finding.severity {
            MistakeSeverity::Error => Severity::Error,
            MistakeSeverity::Warning => Severity::Warning,
            MistakeSeverity::Info => Severity::Info,
        },
    });
    all
}

/// Returns the findings of stores and of files as issues, the most severe first.
fn all_issues(findings: &[Finding], mistakes: &Mistakes) -> Vec<Issue> {
    let of_files = mistakes
        .iter()
        .map(|(_, mistake)| Issue::of_mistake(mistake, "."));
    let issues = findings.iter().map(Issue::of_finding).chain(of_files);
    let mut issues: Vec<Issue> = issues.collect();
    issues.sort_by_key(|issue| issue.level);
    issues
}

/// Puts the ignored findings of stores and of files together.
fn all_ignored<'a>(
    findings: &'a [Ignored<Finding>],
    mistakes: &'a [Ignored<(String, Mistake)>],
) -> Vec<Ignored<AnyFinding<'a>>> {
    let stores = findings.iter().map(|entry| entry.map(AnyFinding::Store));
    let files = mistakes
        .iter()
        .map(|entry| entry.map(|found| AnyFinding::File(FileFinding::new(found))));
    stores.chain(files).collect()
}

fn print(
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
fn table(findings: &[Finding], paper: Paper) -> String {
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
        if let Some(hint) = &finding.hint {
            text.extend(["  hint: ", &visible(hint), "\n"]);
        }
    }
    text
}
