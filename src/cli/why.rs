//! `why`: why each step of a build hit or missed its cache.

use std::path::{Path, PathBuf};

use clap::Args;

use super::CliSession;
use super::evidence::documents;
use super::open::{self, Scanned};
use super::show::the_ref;
use super::summary::SummaryFlag;
use crate::backend;
use crate::error::{Exit, Failure};
use crate::explain::load::context::Directories;
use crate::explain::load::dockerfile::{Described, DescribedBuild};
use crate::explain::load::documents::named;
use crate::explain::load::gate::Gate;
use crate::explain::load::{GivenEvidence, Imported, WhyError};
use crate::format::evidence::EvidenceDocument;
use crate::source::{Source, SourceText};

mod answer;
pub(super) mod build;
mod command;
mod document;
mod here;
mod history;
pub(super) mod of_ref;
mod print;
mod record;
mod request;

use answer::{Answers, Question, WhyFormat};
use command::CommandOrigin;

#[derive(Debug, Args)]
pub(super) struct WhyArguments {
    /// The refs that the build imports, such as ./cache#main.
    ///
    /// A build record (.dockerbuild) can be given instead; it contains the refs.
    #[arg(value_name = "SOURCE#REF")]
    sources: Vec<SourceText>,
    /// Evidence of the build, such as its provenance or log.
    ///
    /// Evidence is provenance, a build record, an LLB definition or a log. It is a file, a folder,
    /// `-` for standard input, an image with provenance such as ghcr.io/acme/app:1, or an http(s)
    /// address.
    #[arg(long, value_name = "EVIDENCE")]
    build: Vec<PathBuf>,
    /// Evidence of an earlier build, to show the changes since then.
    ///
    /// git:REV is the Dockerfile of a revision.
    #[arg(long, value_name = "EVIDENCE")]
    baseline: Vec<PathBuf>,
    /// The build context on disk; NAME=DIR for a named context.
    #[arg(long, value_name = "DIR")]
    context: Vec<String>,
    /// Exit with 3 if a matching step runs.
    ///
    /// The value is miss for any step, cause:KIND for a cause, a line of the Dockerfile, or a part
    /// of its instruction. May be repeated.
    #[arg(long, value_name = "miss|cause:KIND|LINE|NAME")]
    fail_on: Vec<Gate>,
    /// Compare several builds, and name the inputs that change in nearly every one.
    ///
    /// A build is a build record, provenance, a folder of them, an image or SOURCE#REF~N with
    /// provenance, or git:A..B.
    #[arg(
        long,
        value_name = "EVIDENCE",
        num_args = 1..,
        conflicts_with_all = ["baseline", "fail_on", "command"]
    )]
    history: Vec<PathBuf>,
    /// The output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: WhyFormat,
    #[command(flatten)]
    summary: SummaryFlag,
    /// Print how the build command is parsed; read only build definitions.
    #[arg(long, requires = "command")]
    show_request: bool,
    /// The build command; it is parsed, never run.
    ///
    /// Supported are docker build, docker buildx build and bake, docker compose build, buildctl
    /// build, and nerdctl build.
    #[arg(last = true, value_name = "BUILD COMMAND")]
    command: Vec<String>,
    // Its heading is that of all later flags.
    #[command(flatten)]
    described: build::BuildFlags,
}

pub(super) async fn run(
    session: &CliSession<'_>,
    mut arguments: WhyArguments,
) -> Result<Exit, Failure> {
    // A summary that has no place to go fails before the work.
    arguments.summary.file()?;
    build::have_contexts(&arguments.context)?;
    if !arguments.command.is_empty() {
        let typed = CommandOrigin::Typed;
        return command::run(session, &arguments, &arguments.command, typed).await;
    }
    if !arguments.history.is_empty() {
        return history::run(session, &arguments).await;
    }
    if arguments.is_empty() {
        return match here::command(session.output)? {
            here::TargetSearch::One(command) => {
                command::run(session, &arguments, &command, CommandOrigin::Found).await
            }
            here::TargetSearch::Listed(exit) => Ok(exit),
        };
    }
    arguments.add_evidence_of_demo();
    let question = arguments.question(session, Vec::new()).await?;
    let (answer, failures) = answer::answer(session, question).await?;
    let Some(answer) = answer else {
        return Ok(open::conclude(session, 0, &failures));
    };
    let answers = Answers {
        requests: &[],
        all: &[answer],
    };
    answer::present(session, &arguments, &answers, &failures)
}

impl WhyArguments {
    /// Returns whether no argument says what to explain.
    fn is_empty(&self) -> bool {
        self.sources.is_empty()
            && self.build.is_empty()
            && self.baseline.is_empty()
            && self.context.is_empty()
            && self.described.file().is_none()
            && self.described.said_by_command().is_none()
    }

    /// Adds the last build of the demo, if the demo is asked without other evidence.
    fn add_evidence_of_demo(&mut self) {
        let is_demo = |text: &SourceText| {
            let name = text.expose();
            name == "demo" || name.starts_with("demo#")
        };
        let is_given = !self.build.is_empty()
            || !self.baseline.is_empty()
            || !self.context.is_empty()
            || self.described.is_given();
        if is_given || self.sources.is_empty() || !self.sources.iter().all(is_demo) {
            return;
        }
        // An error shows when the source itself is opened.
        let _ = backend::demo::open();
        let asked = match self.sources.as_slice() {
            [one] => one.expose().strip_prefix("demo#").unwrap_or_default(),
            _ => "",
        };
        let asked = asked.to_owned();
        self.add_build_of_demo(&asked);
    }

    /// Adds the evidence of the next build in the demo that imports a ref.
    fn add_build_of_demo(&mut self, ref_name: &str) {
        if let Some(evidence) = backend::demo::evidence_for(ref_name) {
            self.build = evidence.build;
            self.baseline = vec![evidence.baseline];
            self.context = vec![evidence.context.to_string_lossy().into_owned()];
        }
    }

    /// Reads what the arguments say of the build and of its imports, `sources` among them.
    async fn question(
        &self,
        session: &CliSession<'_>,
        mut sources: Vec<Source>,
    ) -> Result<Question, Failure> {
        let mut given = documents(session, &self.build).await?;
        for text in &self.sources {
            // A file argument is evidence, because a file cannot be a source there.
            if Path::new(text.expose()).is_file() {
                given.extend(documents(session, &[PathBuf::from(text.expose())]).await?);
            } else {
                sources.push(open::parse(session, text)?);
            }
        }
        let (revisions, files) = self.baselines();
        let mut baseline = documents(session, &files).await?;
        let mut notes = Vec::new();
        let are_of_build = sources.is_empty();
        if are_of_build {
            (sources, notes) = record::sources_of_imports(session, &given, self)?;
        } else {
            notes.extend(record::not_given(session, &given, &sources));
        }
        let directories = Directories::named_by(&self.context);
        let described = self
            .describe(session, &mut given, &baseline, &sources, &directories)
            .await?;
        if let Some(failure) = record::without_steps(&given) {
            return Err(failure);
        }
        notes.extend(described.notes.iter().cloned());
        let build = if revisions.is_empty() {
            None
        } else {
            self.described.build(&directories)?
        };
        baseline.extend(self.revisions(session, &revisions, build).await?);
        let builds = self.builds(&described);
        let dockerfile = described.file.clone();
        let directories = described.merged(directories);
        Ok(Question {
            target: None,
            sources,
            are_of_build,
            given: GivenEvidence {
                not_imported: None,
                documents: given,
                baseline,
                wanted: self.described.wanted(),
                directories,
            },
            notes,
            builds,
            dockerfile,
        })
    }

    /// Converts the Dockerfile of the build, if there is one and no evidence contains the
    /// operations.
    async fn describe(
        &self,
        session: &CliSession<'_>,
        given: &mut Vec<EvidenceDocument>,
        baseline: &[EvidenceDocument],
        sources: &[Source],
        directories: &Directories,
    ) -> Result<Described, Failure> {
        if !build::have_graph(given) && !self.described.is_given() && self.context.is_empty() {
            given.extend(build::records_near(session, sources).await);
        }
        if build::have_graph(given) {
            return Ok(Described::default());
        }
        let Some(mut build) = self.described.build(directories)? else {
            return Ok(Described::default());
        };
        build.complete_from(given, None, self.described.file().is_some());
        let mut described = self
            .described
            .load(session, &build, given, baseline)
            .await?;
        let builds = std::mem::take(&mut described.builds).into_iter();
        given.extend(builds.map(|build| EvidenceDocument::Definition(Box::new(build))));
        Ok(described)
    }

    /// Returns the revisions and the files that describe earlier builds.
    fn baselines(&self) -> (Vec<String>, Vec<PathBuf>) {
        let revision = |path: &PathBuf| {
            let text = path.to_str()?;
            named::revision(text).map(str::to_owned)
        };
        let revisions = self.baseline.iter().filter_map(revision).collect();
        let files = self
            .baseline
            .iter()
            .filter(|path| revision(path).is_none())
            .cloned();
        (revisions, files.collect())
    }

    /// Converts the Dockerfile of earlier revisions.
    async fn revisions(
        &self,
        session: &CliSession<'_>,
        revisions: &[String],
        build: Option<DescribedBuild>,
    ) -> Result<Vec<EvidenceDocument>, Failure> {
        let mut documents = Vec::new();
        for revision in revisions {
            let Some(build) = &build else {
                let failure =
                    Failure::message(Exit::Usage, "there is no Dockerfile to read of git");
                return Err(failure.hint("name it with -f"));
            };
            let build = build.at_revision(revision);
            let described = self.described.load(session, &build, &[], &[]).await?;
            let builds = described.builds.into_iter();
            documents.extend(builds.map(|build| EvidenceDocument::Definition(Box::new(build))));
        }
        Ok(documents)
    }

    /// Returns the descriptions of the build.
    fn builds(&self, described: &Described) -> Vec<String> {
        let mut names = self.evidence_names();
        names.extend(described.used.iter().cloned());
        names
    }

    /// Returns the names of the given evidence.
    fn evidence_names(&self) -> Vec<String> {
        let files = self
            .sources
            .iter()
            .map(|text| text.expose().to_owned())
            .filter(|text| Path::new(text).is_file());
        let name = |path: &PathBuf| named::shown(&path.to_string_lossy());
        self.build.iter().map(name).chain(files).collect()
    }
}

fn the_import<'a>(session: &CliSession<'_>, scanned: &'a Scanned) -> Result<Imported<'a>, Failure> {
    let entry = the_ref(session, scanned)?;
    Ok(Imported {
        reader: &scanned.opened.reader,
        inventory: &scanned.inventory,
        entry,
    })
}

fn labels(scanned: &[&Scanned], imported: &[Imported<'_>]) -> String {
    let label = |(scanned, imported): (&&Scanned, &Imported<'_>)| {
        format!("{}#{}", scanned.opened.label(), imported.entry.name)
    };
    scanned
        .iter()
        .zip(imported)
        .map(label)
        .collect::<Vec<_>>()
        .join(" ")
}

fn failure(error: WhyError) -> Failure {
    let failure = Failure::new(Exit::Failed, &error);
    match error {
        WhyError::NoGraph => Failure { exit: Exit::Usage, ..failure }
            .hint("give the Dockerfile with -f and its context with --context, or the build's provenance (mode=max), its build record or its LLB definition with --build"),
        WhyError::NoCache { faults, .. } => Failure { causes: faults, ..failure },
        WhyError::OtherBuilds { .. } => Failure {
            exit: Exit::Usage,
            ..failure
        }
        .hint("leave --platform and --target out to see which builds there are"),
        WhyError::Interrupted => failure,
    }
}
