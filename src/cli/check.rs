//! `check`: faults, risks and waste; a gate for CI.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::json::JsonDocument;
use super::modes;
use super::modes::ModeRow;
use super::open::{self, Scanned};
use super::summary::SummaryFlag;
use super::why::build::BuildFlags;
use super::{CliSession, CommandOutput, ignored};
use crate::check::ignore::Ignored;
use crate::check::limits::{self, CheckLimits, Portion};
use crate::check::{self, CheckOptions, CheckResult, CheckSubject, Code, Finding};
use crate::error::{Exit, Failure};
use crate::find::Mistake;
use crate::inventory::RefId;
use crate::report::{Issue, IssueLevel, github, junit, sarif};
use crate::source::SourceText;
use crate::text::units::{parse_duration, parse_size};

mod document;
mod print;
mod updates;

use document::{CheckDocument, CheckExtent, CheckSummary, all_findings, all_ignored, all_issues};
use print::{as_markdown, print};
use updates::Updates;

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
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
    /// Show what an export with mode=min would keep of each cache.
    ///
    /// It shows the steps that would have a result, and their bytes.
    #[arg(long)]
    mode: bool,
    /// Warn of results of package updates that are older than this, such as 30d.
    ///
    /// A package update is a step such as `apt-get upgrade`. The provenance next to the cache,
    /// --provenance or the Dockerfile names the steps. The default is `max_update_age` of
    /// cachelens.toml.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_update_age: Option<Duration>,
    /// Name the steps for --max-update-age by the provenance of a build (SLSA, mode=max).
    #[arg(long, value_name = "FILE")]
    provenance: Vec<PathBuf>,
    /// The build context, for the steps that copy its files.
    ///
    /// Without other evidence, the Dockerfile in it names the steps.
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
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FindingsFormat {
    /// Text for a terminal.
    #[default]
    Text,
    /// A JSON document, as with --json.
    Json,
    /// Annotations of GitHub Actions.
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

/// Mistakes in declarations, each with the name of its source.
type Mistakes = [(String, Mistake)];

pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: CheckArguments,
) -> Result<Exit, Failure> {
    let page = arguments.summary.file()?;
    let (sources, mistakes) = open::sources_with_mistakes(session, &arguments.sources)?;
    let (scanned, failures) = open::scan_all(session, sources).await?;
    let Checks {
        mut findings,
        done,
        modes,
    } = check_all(session, &arguments, &scanned).await?;
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
    let mut passed_over = ignored::lines(&ignored, |finding| finding.code.name());
    passed_over.extend(ignored::lines(&ignored_mistakes, |(_, mistake)| {
        mistake.code
    }));
    let issues = all_issues(&findings, &mistakes);
    let found = Found {
        summary: CheckSummary::of(&issues),
        issues,
        findings,
        mistakes,
        ignored,
        ignored_mistakes,
        passed_over,
        done,
        modes,
        failures: &failures,
    };
    if let Some(page) = page {
        page.add(&found.markdown())?;
    }
    found.write(output, &arguments)?;
    let fails = |issue: &Issue| arguments.fail_on.counts(issue.level);
    let gate = if found.issues.iter().any(fails) {
        Exit::Found
    } else {
        Exit::Done
    };
    let ended = open::conclude(session, found.done.len(), &failures);
    Ok(if gate.severity() > ended.severity() {
        gate
    } else {
        ended
    })
}

/// Everything that a check found, apart from what the configuration ignores.
struct Found<'a> {
    findings: Vec<Finding>,
    mistakes: Vec<(String, Mistake)>,
    /// The findings and the mistakes in one list.
    issues: Vec<Issue>,
    summary: CheckSummary,
    ignored: Vec<Ignored<Finding>>,
    ignored_mistakes: Vec<Ignored<(String, Mistake)>>,
    /// A line for each reason to ignore some.
    passed_over: Vec<String>,
    done: Vec<CheckExtent>,
    modes: Vec<ModeRow>,
    failures: &'a [(String, Failure)],
}

impl Found<'_> {
    /// Prints them in the chosen format.
    fn write(&self, output: &CommandOutput, arguments: &CheckArguments) -> Result<Exit, Failure> {
        let format = if output.json {
            FindingsFormat::Json
        } else {
            arguments.format
        };
        match format {
            FindingsFormat::Json => self.write_document(output, arguments),
            FindingsFormat::Text => {
                let text = print(
                    &self.findings,
                    &self.mistakes,
                    self.summary,
                    &self.done,
                    &self.passed_over,
                    output.paper,
                );
                output.text(&(text + &modes::print(&self.modes, output.paper)))
            }
            FindingsFormat::Github => {
                output.text(&github::render(&github::of_issues(&self.issues)))
            }
            FindingsFormat::Sarif => output.document(&sarif::log(&self.issues)),
            FindingsFormat::Junit => {
                let fails = |issue: &Issue| arguments.fail_on.counts(issue.level);
                let document = junit::document(&self.suites(), &self.issues, fails)?;
                output.text(&document)
            }
            FindingsFormat::Markdown => output.text(&self.markdown()),
        }
    }

    fn write_document(
        &self,
        output: &CommandOutput,
        arguments: &CheckArguments,
    ) -> Result<Exit, Failure> {
        let document = CheckDocument {
            findings: all_findings(&self.findings, &self.mistakes),
            summary: self.summary,
            ignored: all_ignored(&self.ignored, &self.ignored_mistakes),
            checked: &self.done,
            modes: arguments.mode.then_some(&self.modes),
        };
        output.document(&JsonDocument::new("check", document, self.failures))
    }

    fn markdown(&self) -> String {
        as_markdown(&self.issues, self.summary, &self.done, &self.passed_over)
    }

    /// Returns the names of the suites: each source, and the files that declare them.
    fn suites(&self) -> Vec<String> {
        let done = self.done.iter().map(|done| done.source.clone());
        let failed = self.failures.iter().map(|(source, _)| source.clone());
        let here = (!self.mistakes.is_empty()).then(|| ".".to_owned());
        done.chain(failed).chain(here).collect()
    }
}

/// The results of the checks of all sources.
#[derive(Default)]
struct Checks {
    findings: Vec<Finding>,
    done: Vec<CheckExtent>,
    modes: Vec<ModeRow>,
}

/// Checks each source in turn.
async fn check_all(
    session: &CliSession<'_>,
    arguments: &CheckArguments,
    scanned: &[Scanned],
) -> Result<Checks, Failure> {
    let limits = arguments.limits();
    let updates = Updates::of(session, arguments).await?;
    let mut checks = Checks::default();
    for scanned in scanned {
        let checked = check_one(session, scanned, arguments.verify, &limits).await?;
        let is_listed = scanned.inventory.unlisted.is_none();
        checks.done.push(CheckExtent {
            source: scanned.opened.label(),
            kind: scanned.opened.source.kind().word(),
            refs: checked.refs,
            blobs: is_listed.then_some(checked.blobs),
            verified_blobs: checked.read,
            shown: scanned.opened.shown(),
        });
        checks.findings.extend(checked.findings);
        if let Some(updates) = &updates {
            checks.findings.extend(updates.too_old(scanned).await);
        }
        if arguments.mode {
            checks.modes.extend(modes::of_source(scanned).await);
        }
    }
    Ok(checks)
}

impl CheckArguments {
    fn limits(&self) -> CheckLimits {
        CheckLimits {
            orphan: self.max_orphan,
            size: self.max_size,
            age: self.max_age,
        }
    }
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
