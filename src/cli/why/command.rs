//! `why -- COMMAND`: one explanation for each target of a build command.

use std::path::{Path, PathBuf};

use super::answer::{self, Answer, Answers, Question};
use super::{WhyArguments, build, request};
use crate::cli::evidence::documents;
use crate::cli::{CliSession, open};
use crate::error::{Exit, Failure};
use crate::explain::load::context::Directories;
use crate::explain::load::imports::BuildCaches;
use crate::explain::load::note::{ImportNote, Note};
use crate::explain::load::request::{BuildRequest, KnownOfBuild};
use crate::explain::load::targets::reconcile;
use crate::explain::load::{GivenEvidence, Wanted};
use crate::format::evidence::EvidenceDocument;
use crate::source::{Source, SourceText};
use crate::text::escape::visible;
use crate::text::secrets::mask_source;
use crate::text::shell;

/// Where a build command is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandOrigin {
    /// The user typed it, and so named the caches in it.
    Typed,
    /// A file of the checkout declares it, so its caches are found ones.
    Found,
}

/// Explains the targets of a command, or shows how the command was parsed.
pub(super) async fn run(
    session: &CliSession<'_>,
    arguments: &WhyArguments,
    command: &[String],
    origin: CommandOrigin,
) -> Result<Exit, Failure> {
    let requests = request::read(command)?;
    if arguments.show_request {
        let as_json = arguments.is_json(session.output);
        return request::show(&requests, as_json, session.output);
    }
    if let Some(flag) = arguments.described.said_by_command() {
        let message = format!("{flag} and a build command contradict each other");
        let failure = Failure::message(Exit::Usage, message);
        return Err(failure.hint(format!("write {flag} into the command, after `--`")));
    }
    let imports = CommandImports::new(session, arguments, &requests, command, origin)?;
    let mut answers = Vec::new();
    let mut contexts = Vec::new();
    let mut failures = Vec::new();
    for request in &requests {
        let (sources, notes) = match imports.of(session, request) {
            Ok(found) => found,
            // A single target is the whole command.
            Err(failure) if requests.len() == 1 => return Err(failure),
            Err(failure) => {
                failures.push((name_of(request), failure));
                continue;
            }
        };
        let question = question(session, arguments, request, sources, notes).await?;
        let context = question.given.directories.main.clone();
        let (answer, failed) = answer::answer(session, question).await?;
        failures.extend(failed);
        if let Some(answer) = answer {
            answers.push(answer);
            contexts.push(context.map(|context| context.to_string_lossy().into_owned()));
        }
    }
    if answers.is_empty() {
        return Ok(open::conclude(session, 0, &failures));
    }
    reconcile_all(&mut answers, &contexts);
    let answers = Answers {
        requests: &requests,
        all: &answers,
    };
    answer::present(session, arguments, &answers, &failures)
}

fn reconcile_all(answers: &mut [Answer], contexts: &[Option<String>]) {
    let explanations = answers.iter_mut().map(|answer| &mut answer.explanation);
    let contexts = contexts.iter().map(Option::as_deref);
    let mut targets: Vec<_> = contexts.zip(explanations).collect();
    reconcile(&mut targets);
}

fn name_of(request: &BuildRequest) -> String {
    request
        .name
        .clone()
        .unwrap_or_else(|| request.tool.to_owned())
}

/// Describes the build of a request, and adds the evidence from the arguments.
async fn question(
    session: &CliSession<'_>,
    arguments: &WhyArguments,
    request: &BuildRequest,
    sources: Vec<Source>,
    mut notes: Vec<Note>,
) -> Result<Question, Failure> {
    let of_target = |failure: Failure| match &request.name {
        Some(name) => failure.on(&visible(name)),
        None => failure,
    };
    let mut directories = Directories::named_by(&arguments.context);
    let mut given = documents(session, &arguments.build).await?;
    let described_build = request.build(&KnownOfBuild {
        directory: Path::new("."),
        documents: &given,
        file: arguments.described.file().map(PathBuf::as_path),
        context: directories.main.as_deref(),
    });
    let mut builds = arguments.evidence_names();
    let mut dockerfile = None;
    let (revisions, files) = arguments.baselines();
    let mut baseline = documents(session, &files).await?;
    if build::have_graph(&given) {
        directories.main = directories.main.take().or_else(|| {
            let context = described_build.context.as_ref()?;
            Some(context.into()).filter(|context: &std::path::PathBuf| context.is_dir())
        });
    } else {
        let described = arguments
            .described
            .load(session, &described_build, &given, &baseline)
            .await
            .map_err(of_target)?;
        notes.extend(described.notes.iter().cloned());
        builds.extend(described.used.iter().cloned());
        dockerfile.clone_from(&described.file);
        directories = described.merged(directories);
        let found = described.builds.into_iter();
        given.extend(found.map(|build| EvidenceDocument::Definition(Box::new(build))));
    }
    let build = Some(described_build).filter(|_| !revisions.is_empty());
    baseline.extend(arguments.revisions(session, &revisions, build).await?);
    notes.splice(0..0, request.note_of_unknown_flags());
    Ok(Question {
        target: request.name.clone(),
        sources,
        are_of_build: true,
        given: GivenEvidence {
            not_imported: None,
            documents: given,
            baseline,
            wanted: Wanted::default(),
            directories,
        },
        notes,
        builds,
        dockerfile,
    })
}

/// The caches that the targets of a command import.
struct CommandImports<'a> {
    command: &'a [String],
    origin: CommandOrigin,
    /// Caches named by the user, instead of those that the command imports.
    instead: Vec<Source>,
    /// Caches in files that the user has opened by naming them.
    opened: Vec<Source>,
}

impl<'a> CommandImports<'a> {
    fn new(
        session: &CliSession<'_>,
        arguments: &WhyArguments,
        requests: &[BuildRequest],
        command: &'a [String],
        origin: CommandOrigin,
    ) -> Result<Self, Failure> {
        let mut named = Vec::new();
        for text in &arguments.sources {
            named.push(open::parse(session, text)?);
        }
        let declared = requests
            .iter()
            .flat_map(|request| request.imports.iter().chain(&request.exports))
            .filter_map(|text| Source::parse(text, &Path::is_dir).ok())
            .map(|parsed| parsed.source);
        let declared: Vec<Source> = declared.collect();
        // Naming one of the imports opens its host; any other source replaces the imports.
        let opens = |named: &Source| {
            declared.iter().any(|declared| {
                declared.location == named.location && declared.select == named.select
            })
        };
        let are_imports = !named.is_empty() && named.iter().all(opens);
        let (opened, instead) = if are_imports {
            (named, Vec::new())
        } else {
            (Vec::new(), named)
        };
        Ok(Self {
            command,
            origin,
            instead,
            opened,
        })
    }

    /// Returns the imports of a target, and notes about them.
    fn of(
        &self,
        session: &CliSession<'_>,
        request: &BuildRequest,
    ) -> Result<(Vec<Source>, Vec<Note>), Failure> {
        if !self.instead.is_empty() {
            return Ok((self.instead.clone(), Vec::new()));
        }
        let BuildCaches { caches, mut notes } = BuildCaches::of_request(request);
        let mut sources: Vec<Source> = Vec::new();
        let mut refused: Option<Failure> = None;
        for text in &caches {
            match self.source(session, request, text) {
                Ok(source) => sources.push(source.as_import()),
                Err(failure) => {
                    let note = ImportNote::ExcludedCache {
                        name: mask_source(text).into_owned(),
                        error: failure.message.clone(),
                    };
                    notes.push(note.into());
                    refused.get_or_insert(failure);
                }
            }
        }
        if sources.is_empty() {
            return Err(refused.unwrap_or_else(|| self.no_cache(request)));
        }
        Ok((sources, notes))
    }

    fn source(
        &self,
        session: &CliSession<'_>,
        request: &BuildRequest,
        text: &str,
    ) -> Result<Source, Failure> {
        let is_in_command = !request.is_defined_in_files() || self.is_in_command(text);
        if is_in_command && self.origin == CommandOrigin::Typed {
            return open::parse(session, &SourceText::from(text.to_owned()));
        }
        let source = open::parse_found(session, text)?;
        if self.opened.iter().any(|opened| is_at(&source, opened)) {
            session.consent_to(source.clone());
            // A directory has no host, so consent does not apply to it.
            let source = session.judged(source);
            return Ok(if source.may_be_contacted() {
                source
            } else {
                source.with_trust(crate::source::Trust::Consented)
            });
        }
        if source.may_be_contacted() {
            return Ok(source);
        }
        let shown = visible(&source.to_string()).into_owned();
        let message = format!("{shown} is not contacted: a file names it, and you did not");
        let failure = Failure::message(Exit::Usage, message);
        let command: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        Err(failure.hint(format!(
            "to open it, name it: cachelens why {} -- {}",
            quoted(&shown),
            command.join(" ")
        )))
    }

    /// Returns whether the command itself contains a cache, as in `--set web.cache-from=type=…`.
    fn is_in_command(&self, text: &str) -> bool {
        let values = self.command.iter().filter_map(|word| {
            ["cache-from", "cache-to"]
                .into_iter()
                .find_map(|key| word.split_once(key))
        });
        values
            .map(|(_, value)| value.trim_start_matches('+').trim_start_matches('='))
            .any(|value| value == text)
    }

    fn no_cache(&self, request: &BuildRequest) -> Failure {
        let message = match &request.name {
            Some(name) => format!("{} neither imports nor exports a cache", visible(name)),
            None => "the command neither imports nor exports a cache".to_owned(),
        };
        let command: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        Failure::message(Exit::Usage, message).hint(format!(
            "name one: cachelens why SOURCE#REF -- {}",
            command.join(" ")
        ))
    }
}

/// Returns whether a source named by the user is the location of a declared one.
fn is_at(declared: &Source, named: &Source) -> bool {
    match declared.host() {
        Some(host) => named.host() == Some(host),
        None => declared.location == named.location,
    }
}

/// Quotes a text as one shell word that a terminal can show.
pub(super) fn quoted(word: &str) -> String {
    shell::word(&visible(word)).into_owned()
}
