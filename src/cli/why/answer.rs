//! Explains a build against the caches that it imports, and prints the result.

use std::collections::HashSet;

use clap::ValueEnum;

use super::document;
use super::print;
use super::{WhyArguments, failure, labels, the_import};
use crate::cli::CliSession;
use crate::cli::json::JsonDocument;
use crate::cli::open;
use crate::cli::output::CommandOutput;
use crate::error::{Exit, Failure};
use crate::explain::load::gate::{Gate, Gated};
use crate::explain::load::note::{ImportNote, Note};
use crate::explain::load::request::BuildRequest;
use crate::explain::load::{Explanation, GivenEvidence, explain};
use crate::format::provenance::StepIndex;
use crate::report::why::ExplainedBuild;
use crate::report::{Issue, github, junit, sarif, why, why_issues};
use crate::source::Source;
use crate::text::escape::visible;
use crate::text::plural::one_or;

/// The maximum number of steps that a gate names on its line.
const MOST_NAMES: usize = 5;

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum WhyFormat {
    /// Causes and a table of the steps.
    Text,
    /// A JSON document, as with --json.
    Json,
    /// Markdown, for the summary of a CI run.
    Markdown,
    /// Annotations of GitHub Actions.
    Github,
    /// A SARIF 2.1.0 log, for code scanning.
    Sarif,
    /// Test results in XML, for the reports of CI systems.
    Junit,
}

/// A build, and the refs that it imports.
pub(super) struct Question {
    /// The target of bake or the service of Compose.
    pub(super) target: Option<String>,
    /// The refs.
    pub(super) sources: Vec<Source>,
    /// Whether the build imports them, and the user did not name them.
    pub(super) are_of_build: bool,
    /// The known facts about the build.
    pub(super) given: GivenEvidence,
    /// Notes to print first.
    pub(super) notes: Vec<Note>,
    /// The sources of the build's description.
    pub(super) builds: Vec<String>,
    /// The Dockerfile on the disk.
    pub(super) dockerfile: Option<String>,
}

/// A build, explained against the refs that it imports.
pub(super) struct Answer {
    /// The target of bake or the service of Compose.
    pub(super) target: Option<String>,
    /// The refs, escaped for display.
    pub(super) label: String,
    /// The sources of the build's description.
    pub(super) builds: Vec<String>,
    /// The Dockerfile on the disk.
    dockerfile: Option<String>,
    pub(super) explanation: Explanation,
}

/// Everything that is printed.
pub(super) struct Answers<'a> {
    /// The requests of the build command; empty without one.
    pub(super) requests: &'a [BuildRequest],
    /// The explanations; never empty.
    pub(super) all: &'a [Answer],
}

type Failures = Vec<(String, Failure)>;

/// Explains a build. `None` if no ref could be opened; failures are returned next to it.
///
/// # Errors
/// Fails if the evidence describes no build, or the user interrupts.
pub(super) async fn answer(
    session: &CliSession<'_>,
    mut question: Question,
) -> Result<(Option<Answer>, Failures), Failure> {
    let sources = std::mem::take(&mut question.sources);
    let named: Vec<String> = sources.iter().map(ToString::to_string).collect();
    let (scanned, mut failures) = open::scan_all(session, sources).await?;
    let mut imported = Vec::new();
    let mut opened = Vec::new();
    for scanned in &scanned {
        match the_import(session, scanned) {
            Ok(import) => {
                imported.push(import);
                opened.push(scanned);
            }
            Err(failure) => failures.push((scanned.opened.label(), failure)),
        }
    }
    // The first build of a branch imports a ref that does not exist yet; the other refs still
    // count.
    if imported.is_empty() {
        if !question.are_of_build || !failures.iter().all(|(_, failure)| failure.is_absent) {
            return Ok((None, failures));
        }
        // BuildKit warns and goes on without a cache (`client/solve.go`).
        question.given.not_imported = Some(nothing_imported(&failures));
        failures.clear();
    }
    let mut explanation = explain(&imported, question.given).await.map_err(failure)?;
    explanation.notes.splice(0..0, question.notes);
    let incomplete = failures.iter().map(|(label, failure)| {
        let note = ImportNote::ExcludedCache {
            name: label.clone(),
            error: failure.message.clone(),
        };
        note.into()
    });
    explanation.notes.extend(incomplete);
    let label = if imported.is_empty() {
        visible(&named.join(" ")).into_owned()
    } else {
        labels(&opened, &imported)
    };
    let answer = Answer {
        target: question.target,
        label,
        builds: question.builds,
        dockerfile: question.dockerfile,
        explanation,
    };
    Ok((Some(answer), failures))
}

/// Returns why a build imports nothing: none of its imports exists.
fn nothing_imported(failures: &Failures) -> String {
    let message = |(_, failure): &(String, Failure)| match &failure.hint {
        Some(hint) => format!("{} ({hint})", failure.message),
        None => failure.message.clone(),
    };
    let messages: Vec<String> = failures.iter().map(message).collect();
    format!("the build imports nothing: {}", messages.join("; "))
}

/// Prints explanations and returns the exit code.
pub(super) fn present(
    session: &CliSession<'_>,
    arguments: &WhyArguments,
    answers: &Answers<'_>,
    failures: &[(String, Failure)],
) -> Result<Exit, Failure> {
    open::report(session, failures);
    let output = session.output;
    let explained: Vec<ExplainedBuild<'_>> = answers.all.iter().map(Answer::explained).collect();
    if let Some(page) = arguments.summary.file()? {
        page.add(&why::markdown(&explained))?;
    }
    let format = if arguments.is_json(output) {
        WhyFormat::Json
    } else {
        arguments.format
    };
    let exit = match format {
        WhyFormat::Json => {
            let document = document::WhyDocument::new(answers);
            output.document(&JsonDocument::new("why", document, failures))?
        }
        WhyFormat::Text => {
            let pages = answers.all.iter();
            let pages: Vec<String> = pages
                .map(|answer| print::page(answer, output.paper))
                .collect();
            output.text(&pages.join("\n"))?
        }
        WhyFormat::Markdown => output.text(&why::markdown(&explained))?,
        WhyFormat::Github => output.text(&github::render(&why::annotations(&explained)))?,
        WhyFormat::Sarif => {
            let issues = explained.iter().flat_map(why_issues::of_build);
            let issues: Vec<Issue> = issues.map(|cause| cause.issue).collect();
            output.document(&sarif::log(&issues))?
        }
        WhyFormat::Junit => output.text(&as_junit(&arguments.fail_on, &explained)?)?,
    };
    let gated = gate(&arguments.fail_on, answers.all, output)?;
    Ok(match exit {
        Exit::Done if gated => Exit::Found,
        Exit::Done if !failures.is_empty() => Exit::Partial,
        exit => exit,
    })
}

/// Formats each build as a suite of tests, with a case for each cause. A case fails if a gate fires for
/// one of its steps; without gates each miss is shown as a failure.
fn as_junit(gates: &[Gate], explained: &[ExplainedBuild<'_>]) -> Result<String, Failure> {
    let mut issues = Vec::new();
    let mut failing = Vec::new();
    for build in explained {
        let gated = gates.iter().map(|gate| gate.judge(build.explanation).run);
        let gated: HashSet<StepIndex> = gated.flatten().collect();
        for cause in why_issues::of_build(build) {
            let issue = Issue {
                subject: format!("{}#{}", build.title(), cause.issue.subject),
                ..cause.issue
            };
            if gates.is_empty() || cause.steps.iter().any(|step| gated.contains(step)) {
                failing.push(issue.clone());
            }
            issues.push(issue);
        }
    }
    let suites: Vec<String> = explained.iter().map(ExplainedBuild::title).collect();
    Ok(junit::document(&suites, &issues, |issue| {
        failing.contains(issue)
    })?)
}

/// Evaluates gates against explanations, prints one line per gate, and returns whether any gate
/// fires.
///
/// # Errors
/// Fails if a gate names a step that no build has, because it would never fire.
fn gate(gates: &[Gate], answers: &[Answer], output: &CommandOutput) -> Result<bool, Failure> {
    let mut finds = false;
    for gate in gates {
        let judged: Vec<(&Answer, Gated)> = answers
            .iter()
            .map(|answer| (answer, gate.judge(&answer.explanation)))
            .collect();
        let shown = visible(&gate.to_string()).into_owned();
        if gate.names_steps() && judged.iter().all(|(_, gated)| gated.steps == 0) {
            let message = format!("--fail-on {shown}: the build has no such step");
            let failure = Failure::message(Exit::Usage, message);
            return Err(
                failure.hint("a gate is miss, cause:KIND, a line or a part of an instruction")
            );
        }
        let mut names = Vec::new();
        let mut undecided = 0;
        for (answer, gated) in &judged {
            undecided += gated.unknown.len();
            names.extend(gated.run.iter().map(|step| answer.name_of(*step)));
        }
        if !names.is_empty() {
            finds = true;
            let count = match names.len() {
                1 => "1 step runs".to_owned(),
                count => format!("{count} steps run"),
            };
            let more = names.len().saturating_sub(MOST_NAMES);
            names.truncate(MOST_NAMES);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let message = format!("--fail-on {shown}: {count}: {}{more}", names.join(", "));
            output.failure(&Failure::message(Exit::Found, message));
        } else if undecided > 0 {
            let steps = one_or(undecided, "step is", "steps are");
            output.warn(&format!("--fail-on {shown}: {undecided} {steps} undecided"));
        }
    }
    Ok(finds)
}

impl Answer {
    fn explained(&self) -> ExplainedBuild<'_> {
        ExplainedBuild {
            target: self.target.as_deref(),
            label: &self.label,
            dockerfile: self.dockerfile.as_deref(),
            explanation: &self.explanation,
        }
    }

    /// Returns the position of a step, with the reason why it runs.
    fn name_of(&self, step: crate::format::provenance::StepIndex) -> String {
        let place = self.explanation.place(step);
        let place = match place {
            Some(place) => format!("{}:{}", place.file, place.first_line),
            None => self.explanation.title(step),
        };
        let cause = self.explanation.causes[step.at()].as_ref();
        let cause = cause.map_or(String::new(), |cause| format!(" ({})", cause.kind.word()));
        let name = match &self.target {
            Some(target) => format!("{target} {place}{cause}"),
            None => format!("{place}{cause}"),
        };
        visible(&name).into_owned()
    }
}

impl WhyArguments {
    /// Returns whether JSON is requested.
    pub(super) fn is_json(&self, output: &CommandOutput) -> bool {
        output.json || self.format == WhyFormat::Json
    }
}
