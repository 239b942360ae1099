//! Loads evidence of builds from arguments, and reports the unusable pieces.

use std::path::{Path, PathBuf};

use super::CliSession;
use super::why::build::{self, BuildFlags};
use crate::backend::BackendError;
use crate::error::{Exit, Failure};
use crate::explain::evidence::CacheEvidence;
use crate::explain::load::context::Directories;
use crate::explain::load::documents::Unusable;
use crate::explain::load::documents::named::{self, NamedEvidenceError, StreamInput};
use crate::explain::load::step_names::{StepNames, definitions};
use crate::format::evidence::EvidenceDocument;
use crate::text::escape::visible;

/// Reads all evidence at `paths`. Files in a folder that are not evidence cause a warning.
///
/// # Errors
/// Fails if a path cannot be read, or is not evidence.
pub(super) async fn documents(
    session: &CliSession<'_>,
    paths: &[PathBuf],
) -> Result<Vec<EvidenceDocument>, Failure> {
    let mut documents = Vec::new();
    for path in paths {
        let found = named::read(path, &session.access(), StreamInput::Allowed)
            .await
            .map_err(|error| unusable(session, error, path))?;
        warn_of(session, &found.skipped);
        documents.extend(found.documents);
    }
    Ok(documents)
}

/// Warns of files in a folder that are not evidence.
fn warn_of(session: &CliSession<'_>, skipped: &[Unusable]) {
    for Unusable { path, error } in skipped {
        let shown = visible(&path.to_string_lossy()).into_owned();
        session.output.warn(&format!("{shown}: {error}"));
    }
}

/// Returns the failure for unusable evidence, with advice.
fn unusable(session: &CliSession<'_>, error: NamedEvidenceError, path: &Path) -> Failure {
    let shown = named::shown(&path.to_string_lossy());
    let shown = visible(&shown);
    match error {
        NamedEvidenceError::Load(error) => {
            let failure = Failure::new(Exit::Failed, &error).on(&shown);
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        // Its message names the image.
        NamedEvidenceError::Image(error) => Failure::from(error),
        NamedEvidenceError::Interrupted => Failure::from(BackendError::Interrupted),
        NamedEvidenceError::NoEvidence(ref skipped) => {
            warn_of(session, skipped);
            Failure::new(Exit::Failed, &error).on(&shown)
        }
        NamedEvidenceError::NotAFile | NamedEvidenceError::EmptyFolder => {
            Failure::new(Exit::Failed, &error).on(&shown)
        }
    }
}

/// The arguments that name the steps of a cache.
#[derive(Clone, Copy)]
pub(super) struct StepEvidence<'a> {
    pub(super) provenance: &'a [PathBuf],
    /// Describes the build of a Dockerfile, for a command that takes one.
    pub(super) described: Option<&'a BuildFlags>,
    /// The main context of both. Without the others, its Dockerfile names the steps.
    pub(super) context: Option<&'a Path>,
}

impl<'a> StepEvidence<'a> {
    pub(super) fn of_provenance(provenance: &'a [PathBuf]) -> Self {
        Self {
            provenance,
            described: None,
            context: None,
        }
    }

    /// Reads the evidence and the files of the context.
    ///
    /// # Errors
    /// The same as [`documents()`], if a piece of evidence names no steps, if the context is not a
    /// directory, or if the Dockerfile cannot be read or BuildKit refuses it.
    pub(super) async fn load(&self, session: &CliSession<'_>) -> Result<CacheEvidence, Failure> {
        let context = self.context.map(|path| path.to_string_lossy().into_owned());
        let context: Vec<String> = context.into_iter().collect();
        let mut names = StepNames::default();
        if !self.provenance.is_empty() {
            build::have_contexts(&context)?;
        }
        for path in self.provenance {
            let documents = documents(session, std::slice::from_ref(path)).await?;
            names = added(names, documents, Directories::named_by(&context)).await?;
            if let Some(error) = names.unused.first() {
                let shown = path.to_string_lossy();
                let failure = Failure::new(Exit::Failed, error).on(&visible(&shown));
                return Err(match error.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                });
            }
        }
        if let Some(flags) = self.described {
            flags.refuse_no_cache()?;
            let is_alone = self.provenance.is_empty() && self.context.is_some();
            if flags.is_given() || is_alone {
                names = of_dockerfile(session, names, flags, &context).await?;
            }
        }
        Ok(names.evidence)
    }
}

/// Adds the steps of the Dockerfile that flags name, with the files of its context.
async fn of_dockerfile(
    session: &CliSession<'_>,
    names: StepNames,
    flags: &BuildFlags,
    context: &[String],
) -> Result<StepNames, Failure> {
    let Some(build) = flags.build(&Directories::named_by(context))? else {
        let failure = Failure::message(Exit::Failed, "there is no Dockerfile in the context");
        return Err(failure.hint("name it with -f"));
    };
    let described = flags.load(session, &build, &[], &[]).await?;
    for note in &described.notes {
        session.output.warn(&note.to_string());
    }
    let names = added(names, definitions(described.builds), described.directories).await?;
    match names.unused.first() {
        Some(error) => Err(Failure::new(Exit::Failed, error)),
        None => Ok(names),
    }
}

/// Adds documents outside async code, because the files of their contexts are read.
async fn added(
    mut names: StepNames,
    documents: Vec<EvidenceDocument>,
    directories: Directories,
) -> Result<StepNames, Failure> {
    let add = move || {
        names.add(documents, &directories);
        names
    };
    let added = tokio::task::spawn_blocking(add).await;
    added.map_err(|_| Failure::from(BackendError::Interrupted))
}
